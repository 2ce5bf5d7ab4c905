//! The AWS engine: on moto's server, and against answers that neither moto nor AWS give on demand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::HttpRequest;
use keyveil_key_server::Config;
use keyveil_key_server::kms::{AwsKms, Kms, KmsContext, KmsError, tag};
use url::Url;

use super::conformance::conformance;
use super::stand_in::{Reply, StandIn};
use super::{SHORT_TIMEOUT, TIMEOUT};
use crate::support::Moto;

const CONTEXT: KmsContext<'_> = KmsContext::Probe;
const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret")];

fn kms(endpoint: &Url, key_id: &str, timeout: Duration, variables: &[(&str, &str)]) -> AwsKms {
    let mut config = Config::default();
    key_id.clone_into(&mut config.kms.aws.key_id);
    "us-east-1".clone_into(&mut config.kms.aws.region);
    config.kms.aws.endpoint = Some(endpoint.clone());
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    AwsKms::open(&config.kms.aws, timeout, variables).unwrap()
}

#[tokio::test]
#[ignore = "needs moto"]
async fn moto_conforms() {
    let moto = Moto::start().await;
    let key_id = moto.make_key().await;
    conformance(&kms(&moto.url, &key_id, TIMEOUT, &KEYS), tag::AWS).await;
}

#[tokio::test]
#[ignore = "needs moto"]
async fn another_key_takes_over_while_the_one_before_opens() {
    let moto = Moto::start().await;
    let (first, second) = (moto.make_key().await, moto.make_key().await);
    let before = kms(&moto.url, &first, TIMEOUT, &KEYS);
    let old = before.encrypt(b"secret", &CONTEXT).await.unwrap();
    let after = kms(&moto.url, &second, TIMEOUT, &KEYS);
    assert!(before.is_current(&old).await.unwrap() && !after.is_current(&old).await.unwrap());
    assert_eq!(after.decrypt(&old, &CONTEXT).await.unwrap().as_slice(), b"secret");
    let new = after.rewrap(&old, &CONTEXT).await.unwrap();
    assert!(after.is_current(&new).await.unwrap());
    assert_ne!(after.key_name(&new), after.key_name(&old));
    assert_eq!(after.decrypt(&new, &CONTEXT).await.unwrap().as_slice(), b"secret");
}

#[tokio::test]
#[ignore = "needs moto"]
async fn without_key_or_server_it_is_unavailable() {
    let moto = Moto::start().await;
    let nobody = kms(&moto.url, "00000000-0000-0000-0000-000000000000", TIMEOUT, &KEYS);
    assert_eq!(nobody.encrypt(b"secret", &CONTEXT).await, Err(KmsError::UNAVAILABLE));
    let key_id = moto.make_key().await;
    let kms = kms(&moto.url, &key_id, TIMEOUT, &KEYS);
    let ciphertext = kms.encrypt(b"secret", &CONTEXT).await.unwrap();
    drop(moto);
    let gone = kms.decrypt(&ciphertext, &CONTEXT).await;
    assert_eq!(gone, Err(KmsError::UNAVAILABLE), "the server is gone");
}

/// The only good answer that these tests know.
fn encrypted() -> Reply {
    Reply::Now(200, r#"{"CiphertextBlob":"AAAA","KeyId":"arn:aws:kms:us-east-1:1:key/a"}"#.to_owned())
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    for failure in [
        || Reply::Now(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#.to_owned()),
        || Reply::Now(500, r#"{"__type":"KMSInternalException"}"#.to_owned()),
        || Reply::Now(200, "<html>not JSON</html>".to_owned()),
        || Reply::Now(200, r#"{"CiphertextBlob":"no base64!","KeyId":"a"}"#.to_owned()),
        || Reply::Now(200, "x".repeat(1 << 20)),
    ] {
        let once = Mutex::new(true);
        let aws = StandIn::start(
            move |_, _| {
                if std::mem::take(&mut *once.lock().unwrap()) { failure() } else { encrypted() }
            },
        );
        let kms_once = kms(&aws.url, "a", TIMEOUT, &KEYS);
        assert!(kms_once.encrypt(b"secret", &CONTEXT).await.is_ok());
        assert_eq!(aws.asked(), 2);
        let aws = StandIn::start(move |_, _| failure());
        let kms_always = kms(&aws.url, "a", TIMEOUT, &KEYS);
        assert_eq!(kms_always.encrypt(b"secret", &CONTEXT).await, Err(KmsError::UNAVAILABLE));
        assert_eq!(aws.asked(), 3, "not for ever");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_asked_once() {
    for refusal in [
        r#"{"__type":"NotFoundException","message":"Key 'a' does not exist"}"#,
        r#"{"__type":"DisabledException","message":"a is disabled."}"#,
        r#"{"__type":"AccessDeniedException","Message":"User: a is not authorized to perform: kms:Encrypt"}"#,
    ] {
        let aws = StandIn::start(|_, _| Reply::Now(400, refusal.to_owned()));
        let answer = kms(&aws.url, "a", TIMEOUT, &KEYS).encrypt(b"secret", &CONTEXT).await;
        assert_eq!((answer, aws.asked()), (Err(KmsError::UNAVAILABLE), 1), "{refusal}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_left_when_time_is_up() {
    let aws = StandIn::start(|_, _| Reply::Never);
    let answer = kms(&aws.url, "a", SHORT_TIMEOUT, &KEYS).encrypt(b"secret", &CONTEXT).await;
    assert_eq!(answer, Err(KmsError::UNAVAILABLE));
}

#[tokio::test]
async fn a_wish_when_to_be_asked_again_is_handed_on() {
    let aws = StandIn::start(|_, _| Reply::Later(503, String::new()));
    let answer = kms(&aws.url, "a", TIMEOUT, &KEYS).encrypt(b"secret", &CONTEXT).await;
    assert_eq!(answer, Err(KmsError::Unavailable { retry_after: Some(Duration::from_secs(7)) }));
}

#[tokio::test]
async fn an_answer_about_another_key_opens_nothing() {
    let answers = Mutex::new(0);
    let aws = StandIn::start(move |_, _| {
        *answers.lock().unwrap() += 1;
        match *answers.lock().unwrap() {
            1 => encrypted(),
            2 => Reply::Now(200, r#"{"Plaintext":"AAAA","KeyId":"arn:aws:kms:us-east-1:1:key/a"}"#.to_owned()),
            _ => Reply::Now(200, r#"{"Plaintext":"AAAA","KeyId":"arn:aws:kms:us-east-1:1:key/b"}"#.to_owned()),
        }
    });
    let kms = kms(&aws.url, "a", TIMEOUT, &KEYS);
    let ciphertext = kms.encrypt(b"secret", &CONTEXT).await.unwrap();
    assert_eq!(kms.decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), [0; 3]);
    assert_eq!(kms.decrypt(&ciphertext, &CONTEXT).await, Err(KmsError::Rejected));
}

/// Answers every call, and notes whose signature it bore.
fn noting(noted: &Arc<Mutex<Vec<String>>>) -> impl Fn(&HttpRequest, &[u8]) -> Reply + Send + Sync + 'static {
    let noted = Arc::clone(noted);
    move |request, body| {
        let header = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let given = r#"{"AccessKeyId":"FROMENDPOINT","SecretAccessKey":"s","Token":"session","Expiration":"2099-01-01T00:00:00Z"}"#;
        match (request.method().as_str(), request.path()) {
            ("GET", "/container") if header("authorization") == "pod token" => Reply::Now(200, given.to_owned()),
            ("PUT", "/latest/api/token") => Reply::Now(200, "metadata token".to_owned()),
            ("GET", path) if header("x-aws-ec2-metadata-token") == "metadata token" => {
                let list = path == "/latest/meta-data/iam/security-credentials/";
                Reply::Now(200, if list { "role".to_owned() } else { given.to_owned() })
            }
            ("POST", _) => {
                assert_eq!(header("x-amz-target"), "TrentService.Encrypt");
                assert!(std::str::from_utf8(body).unwrap().contains(r#""EncryptionContext":{"keyveil:kind":"probe"}"#));
                let signature = header("authorization");
                assert!(signature.contains("/us-east-1/kms/aws4_request"), "{signature}");
                let id = signature.split_once("Credential=").unwrap().1.split('/').next().unwrap();
                noted.lock().unwrap().push(format!("{id} {}", header("x-amz-security-token")));
                encrypted()
            }
            _ => Reply::Now(403, String::new()),
        }
    }
}

#[tokio::test]
async fn credentials_are_found_where_aws_tools_find_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("credentials");
    std::fs::write(&file, "[default]\naws_access_key_id=FROMFILE\naws_secret_access_key=s\n[b]\naws_access_key_id=FROMB\naws_secret_access_key=s\n")
        .unwrap();
    let file = file.to_str().unwrap();
    let noted = Arc::default();
    let aws = StandIn::start(noting(&noted));
    let url = aws.url.as_str();
    let container = format!("{url}container");
    let token_file = dir.path().join("token");
    std::fs::write(&token_file, "pod token\n").unwrap();
    for (variables, found) in [
        (vec![KEYS[0], KEYS[1], ("AWS_SHARED_CREDENTIALS_FILE", file)], "AKIDEXAMPLE "),
        (vec![KEYS[0], KEYS[1], ("AWS_SESSION_TOKEN", "t")], "AKIDEXAMPLE t"),
        (vec![("AWS_SHARED_CREDENTIALS_FILE", file)], "FROMFILE "),
        (vec![("AWS_SHARED_CREDENTIALS_FILE", file), ("AWS_PROFILE", "b")], "FROMB "),
        (
            vec![
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.as_str()),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token_file.to_str().unwrap()),
            ],
            "FROMENDPOINT session",
        ),
        (vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)], "FROMENDPOINT session"),
    ] {
        kms(&aws.url, "a", TIMEOUT, &variables).encrypt(b"secret", &CONTEXT).await.unwrap();
        assert_eq!(noted.lock().unwrap().pop().as_deref(), Some(found), "{variables:?}");
    }
    let none = [("AWS_EC2_METADATA_DISABLED", "true")];
    let answer = kms(&aws.url, "a", TIMEOUT, &none).encrypt(b"secret", &CONTEXT).await;
    assert_eq!(answer, Err(KmsError::UNAVAILABLE));
}

#[tokio::test]
async fn expired_credentials_are_looked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("credentials");
    let write =
        |id: &str| std::fs::write(&file, format!("[default]\naws_access_key_id={id}\naws_secret_access_key=s\n"));
    write("OLD").unwrap();
    let renewed = file.clone();
    let aws = StandIn::start(move |request, _| {
        if request.headers().get("authorization").unwrap().to_str().unwrap().contains("Credential=OLD/") {
            std::fs::write(&renewed, "[default]\naws_access_key_id=NEW\naws_secret_access_key=s\n").unwrap();
            return Reply::Now(400, r#"{"__type":"ExpiredTokenException"}"#.to_owned());
        }
        encrypted()
    });
    let variables = [("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap())];
    assert!(kms(&aws.url, "a", TIMEOUT, &variables).encrypt(b"secret", &CONTEXT).await.is_ok());
    assert_eq!(aws.asked(), 2);
}
