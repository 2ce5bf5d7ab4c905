//! On moto's S3, and against answers that moto does not give on demand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use keyveil_key_server::storage::{PART_LEN, S3, Storage, StorageError};
use keyveil_key_server::{StorageConfig, StorageUrl};
use ring::digest::{SHA256, digest};
use url::Url;

use super::conformance::conformance;
use super::{content, names, receive, store};
use crate::kms::engines::stand_in::{Reply, StandIn};
use crate::support::Moto;

const SECRET: &str = "wJalrXUtnFEMI";

fn s3(moto: &Moto, url: &str) -> Storage {
    at(&moto.url, url)
}

fn at(endpoint: &Url, url: &str) -> Storage {
    let config = StorageConfig { endpoint: Some(endpoint.clone()), ..StorageConfig::default() };
    let variables = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Storage::s3(S3::open(&config, &StorageUrl::parse(url).unwrap(), "media", variables).unwrap())
}

async fn bucket() -> (Moto, Storage) {
    let moto = Moto::start().await;
    moto.make_bucket("keyveil").await;
    let storage = s3(&moto, "s3://keyveil/prod");
    (moto, storage)
}

#[tokio::test]
#[ignore = "needs moto"]
async fn s3_conforms() {
    let (moto, storage) = bucket().await;
    conformance(&storage).await;
    assert_eq!(storage.to_string(), "s3://keyveil/prod/media");
    moto.make_bucket("keyveil-whole").await;
    conformance(&s3(&moto, "s3://keyveil-whole")).await;
}

#[tokio::test]
#[ignore = "needs moto"]
async fn an_address_reads_one_file_for_a_while() {
    let (_moto, storage) = bucket().await;
    store(&storage, "film/v/seg-00000.m4s", b"segment").await;
    let address = storage.address("film/v/seg-00000.m4s", Duration::from_secs(60)).await.unwrap().unwrap();
    let query = address.query().unwrap();
    assert!(query.contains("X-Amz-Expires=60") && query.contains("X-Amz-Signature="), "{query}");
    assert!(!address.as_str().contains(SECRET));
    let answer = reqwest::get(address).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "video/iso.segment");
    assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(&answer.bytes().await.unwrap()[..], b"segment");
}

#[tokio::test]
#[ignore = "needs moto"]
async fn parts_that_nobody_ends_are_swept() {
    let (moto, storage) = bucket().await;
    let other = s3(&moto, "s3://keyveil/test");
    // As servers that were killed leave them.
    for (storage, path) in [(&storage, "film/a.mp4"), (&storage, "film/b.mp4"), (&other, "film/a.mp4")] {
        std::mem::forget(receive(storage, path, &content(PART_LEN + 1, 1)).await.unwrap());
    }
    // Of every upload moto says that it began in 2010.
    let (in_2000, in_2020) = (946_684_800, 1_577_836_800);
    assert_eq!(storage.sweep_parts(in_2000).await, Ok(0), "they are younger");
    assert_eq!(begun(&moto).await, 3);
    assert_eq!(storage.sweep_parts(in_2020).await, Ok(2), "and the other prefix is not this one's");
    assert_eq!(storage.sweep_parts(in_2020).await, Ok(0));
    assert_eq!(other.sweep_parts(in_2020).await, Ok(1));
    assert_eq!(begun(&moto).await, 0);
}

#[tokio::test]
#[ignore = "needs moto"]
async fn parts_of_a_file_that_is_dropped_are_taken_back() {
    let (moto, storage) = bucket().await;
    let received = receive(&storage, "film/a.mp4", &content(PART_LEN + 1, 1)).await.unwrap();
    assert_eq!(begun(&moto).await, 1);
    drop(received);
    // Taken back by a task of its own; the test's runner ends a wait that has no end.
    while begun(&moto).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many uploads in parts there are.
async fn begun(moto: &Moto) -> usize {
    let answer = reqwest::get(moto.url.join("keyveil?uploads").unwrap()).await.unwrap();
    answer.text().await.unwrap().matches("<UploadId>").count()
}

#[tokio::test]
#[ignore = "needs moto"]
async fn an_outage_is_told_and_loses_nothing() {
    let (moto, storage) = bucket().await;
    store(&storage, "film/a.ts", b"a").await;
    let nowhere = s3(&moto, "s3://nowhere/prod");
    for told in [nowhere.check().await, receive(&nowhere, "film/a.ts", b"a").await.unwrap().keep().await] {
        assert!(matches!(&told, Err(StorageError::Unavailable(cause)) if !cause.contains(SECRET)), "{told:?}");
    }
    assert_eq!(names(&storage, "film").await, ["a.ts"]);
    let received = receive(&storage, "film/b.ts", b"b").await.unwrap();
    drop(moto);
    let gone = |told: Result<(), StorageError>| assert!(matches!(told, Err(StorageError::Unavailable(_))), "{told:?}");
    gone(storage.check().await);
    gone(received.keep().await);
    gone(storage.look("film/a.ts").await.map(drop));
    gone(storage.list("film").await.map(drop));
    gone(storage.changed_at("film").await.map(drop));
    gone(storage.folders(None).await.map(drop));
    gone(storage.remove("film").await);
    gone(storage.sweep_parts(0).await.map(drop));
}

#[tokio::test]
async fn each_body_goes_with_its_checksum() {
    let noted = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&noted);
    let server = StandIn::start(move |request, body| {
        let header = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        notes.lock().unwrap().push((header("x-amz-checksum-sha256"), header("authorization"), body.to_vec()));
        Reply::Now(403, String::new())
    });
    let storage = at(&server.url, "s3://keyveil/prod");
    assert!(receive(&storage, "film/a.ts", b"segment").await.unwrap().keep().await.is_err());
    let (checksum, authorization, body) = noted.lock().unwrap().pop().unwrap();
    assert_eq!(body, b"segment");
    assert_eq!(checksum, Base64::encode_string(digest(&SHA256, b"segment").as_ref()));
    assert!(authorization.contains("Credential=AKIDEXAMPLE/") && authorization.contains("x-amz-checksum-sha256"));
    assert!(!authorization.contains(SECRET));
}

#[tokio::test]
async fn what_may_pass_is_tried_a_few_times_and_the_rest_once() {
    let body = "<Error><AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId></Error>";
    for (status, asked) in [(500, 4), (503, 4), (429, 4), (507, 4), (403, 1), (400, 1)] {
        let server = StandIn::start(move |_, _| Reply::Now(status, body.to_owned()));
        let storage = at(&server.url, "s3://keyveil/prod");
        let told = receive(&storage, "film/a.ts", b"a").await.unwrap().keep().await.unwrap_err();
        assert_eq!(server.asked(), asked, "{status}");
        match told {
            StorageError::NoSpace => assert_eq!(status, 507),
            StorageError::Unavailable(cause) => assert!(!cause.contains("AKIDEXAMPLE"), "{cause}"),
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn another_place_that_an_answer_names_is_not_gone_to() {
    let server = StandIn::start(|_, _| Reply::Redirect);
    let storage = at(&server.url, "s3://keyveil/prod");
    assert!(matches!(storage.read_all("film/a.ts", 10).await, Err(StorageError::Unavailable(_))));
    assert!(matches!(storage.sweep_parts(0).await, Err(StorageError::Unavailable(_))));
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn without_credentials_nothing_is_asked_of_the_store() {
    let server = StandIn::start(|_, _| Reply::Now(200, String::new()));
    let config = StorageConfig { endpoint: Some(server.url.clone()), ..StorageConfig::default() };
    let variables = [("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned())];
    let s3 = S3::open(&config, &StorageUrl::parse("s3://keyveil").unwrap(), "media", variables.into_iter()).unwrap();
    let Err(StorageError::Unavailable(cause)) = Storage::s3(s3).check().await else { panic!("it has none") };
    assert!(cause.contains("no AWS credentials"), "{cause}");
    assert_eq!(server.asked(), 0);
}
