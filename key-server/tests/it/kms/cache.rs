use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use keyveil_key_server::KmsConfig;
use keyveil_key_server::kms::{Cached, Guarded, Kms, KmsContext, KmsError, tag};

use super::conformance::conformance;
use super::fake::{FakeKms, Mood, Whims};

const CONTEXT: KmsContext<'static> = KmsContext::InstallationSecret;

fn cached(config: &KmsConfig) -> (Arc<Cached>, Whims) {
    let (fake, whims) = FakeKms::new();
    (Arc::new(Cached::new(Box::new(fake), config)), whims)
}

#[tokio::test]
async fn an_engine_behind_guard_and_cache_conforms() {
    let (fake, _) = FakeKms::new();
    let guarded = Guarded::new(Box::new(fake), Duration::from_secs(3));
    conformance(&Cached::new(Box::new(guarded), &KmsConfig::default()), tag::LOCAL).await;
}

#[tokio::test]
async fn many_requests_for_one_secret_make_one_call() {
    let (kms, whims) = cached(&KmsConfig::default());
    let (secret, ciphertext) = kms.generate_data_key(&CONTEXT).await.unwrap();
    let before = whims.calls();
    whims.slow_down(Duration::from_millis(50));
    let answers = join_all((0..64).map(|_| kms.decrypt(&ciphertext, &CONTEXT))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().as_slice() == secret.as_slice()));
    assert_eq!(whims.calls() - before, 1);
    kms.decrypt(&ciphertext, &CONTEXT).await.unwrap();
    assert_eq!(whims.calls() - before, 1, "and then it is kept");
}

#[tokio::test]
async fn a_failure_is_shared_and_not_kept() {
    let (kms, whims) = cached(&KmsConfig::default());
    let (_, ciphertext) = kms.generate_data_key(&CONTEXT).await.unwrap();
    let before = whims.calls();
    whims.set(Mood::Down);
    whims.slow_down(Duration::from_millis(50));
    let answers = join_all((0..16).map(|_| kms.decrypt(&ciphertext, &CONTEXT))).await;
    assert!(answers.iter().all(|answer| *answer == Err(KmsError::UNAVAILABLE)));
    assert_eq!(whims.calls() - before, 1);
    whims.set(Mood::Well);
    kms.decrypt(&ciphertext, &CONTEXT).await.unwrap();
}

#[tokio::test]
async fn who_waits_goes_on_when_the_one_who_asked_has_gone() {
    let (kms, whims) = cached(&KmsConfig::default());
    let (secret, ciphertext) = kms.generate_data_key(&CONTEXT).await.unwrap();
    let before = whims.calls();
    whims.set(Mood::Hanging);
    let ask = || {
        let (kms, ciphertext) = (Arc::clone(&kms), ciphertext.clone());
        tokio::spawn(async move { kms.decrypt(&ciphertext, &CONTEXT).await })
    };
    let first = ask();
    while whims.calls() == before {
        tokio::task::yield_now().await;
    }
    let second = ask();
    tokio::task::yield_now().await;
    whims.set(Mood::Well);
    first.abort();
    assert_eq!(second.await.unwrap().unwrap().as_slice(), secret.as_slice());
    assert_eq!(whims.calls() - before, 2);
}

#[tokio::test]
async fn a_kept_secret_is_found_only_under_its_own_context_and_ciphertext() {
    let (kms, _) = cached(&KmsConfig::default());
    let (_, ciphertext) = kms.generate_data_key(&CONTEXT).await.unwrap();
    kms.decrypt(&ciphertext, &CONTEXT).await.unwrap();
    let (app_id, kid) = (1.try_into().unwrap(), "a".parse().unwrap());
    for wrong in [KmsContext::Probe, KmsContext::SigningKey { app_id, kid: &kid }] {
        assert_eq!(kms.decrypt(&ciphertext, &wrong).await, Err(KmsError::Rejected));
    }
    let mut altered = ciphertext.clone();
    altered[10] ^= 1;
    assert_eq!(kms.decrypt(&altered, &CONTEXT).await, Err(KmsError::Rejected));
    kms.decrypt(&ciphertext, &CONTEXT).await.unwrap();
}

#[tokio::test]
async fn the_least_recently_used_leave_first() {
    let (kms, whims) = cached(&KmsConfig { cache_entries: 2, ..KmsConfig::default() });
    let mut ciphertexts = Vec::new();
    for _ in 0..3 {
        ciphertexts.push(kms.generate_data_key(&CONTEXT).await.unwrap().1);
    }
    let asked = async |at: usize| {
        let before = whims.calls();
        kms.decrypt(&ciphertexts[at], &CONTEXT).await.unwrap();
        whims.calls() - before
    };
    assert_eq!((asked(0).await, asked(1).await, asked(0).await), (1, 1, 0));
    assert_eq!(asked(2).await, 1, "takes the place of 1");
    assert_eq!((asked(0).await, asked(1).await), (0, 1));
}

#[tokio::test]
async fn a_secret_is_asked_for_anew_after_its_time_and_kept_in_use_while_nobody_answers() {
    let (kms, whims) = cached(&KmsConfig { cache_secs: 1, cache_stale_secs: 2, ..KmsConfig::default() });
    let (secret, ciphertext) = kms.generate_data_key(&CONTEXT).await.unwrap();
    let decrypt = async || {
        let before = whims.calls();
        let answer = kms.decrypt(&ciphertext, &CONTEXT).await;
        (answer.map(|answer| answer.as_slice() == secret.as_slice()), whims.calls() - before)
    };
    assert_eq!(decrypt().await, (Ok(true), 1));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(decrypt().await, (Ok(true), 1), "asked anew");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    whims.set(Mood::Down);
    assert_eq!(decrypt().await, (Ok(true), 1), "nobody answers");
    tokio::time::sleep(Duration::from_millis(2000)).await;
    assert_eq!(decrypt().await, (Err(KmsError::UNAVAILABLE), 1), "too old");
    whims.set(Mood::Well);
    assert_eq!(decrypt().await, (Ok(true), 1));
}

#[tokio::test]
async fn an_engine_that_is_left_alone_keeps_no_other_from_opening() {
    let (fake, whims) = FakeKms::new();
    let kms = Guarded::new(Box::new(fake), Duration::from_secs(3));
    let ciphertext = kms.encrypt(b"secret", &CONTEXT).await.unwrap();
    let before = whims.calls();
    whims.set(Mood::Throttling(30));
    for _ in 0..6 {
        assert!(matches!(kms.decrypt(&ciphertext, &CONTEXT).await, Err(KmsError::Unavailable { .. })));
    }
    assert_eq!(whims.calls() - before, 5, "left alone");
    whims.set(Mood::Well);
    assert_eq!(kms.decrypt(&[tag::VAULT, 0], &CONTEXT).await, Err(KmsError::Rejected), "asked, and answered");
    assert_eq!(whims.calls() - before, 6);
    kms.encrypt(b"secret", &CONTEXT).await.unwrap();
}

#[tokio::test]
async fn an_engine_that_hangs_is_given_up_and_then_left_alone() {
    let (fake, whims) = FakeKms::new();
    let kms = Guarded::new(Box::new(fake), Duration::from_millis(400));
    let ciphertext = kms.encrypt(b"secret", &CONTEXT).await.unwrap();
    let before = whims.calls();
    whims.set(Mood::Hanging);
    for _ in 0..5 {
        assert_eq!(kms.decrypt(&ciphertext, &CONTEXT).await, Err(KmsError::UNAVAILABLE));
    }
    for _ in 0..3 {
        let Err(KmsError::Unavailable { retry_after: Some(wait) }) = kms.decrypt(&ciphertext, &CONTEXT).await else {
            panic!("refused at once, with a hint");
        };
        assert!(wait <= Duration::from_secs(1));
    }
    assert_eq!(whims.calls() - before, 5);
    whims.set(Mood::Well);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(kms.decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret");
    assert_eq!(kms.decrypt(&ciphertext, &KmsContext::Probe).await, Err(KmsError::Rejected));
}
