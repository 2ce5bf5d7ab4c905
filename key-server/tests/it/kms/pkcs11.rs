//! The PKCS#11 engine on SoftHSM2.

use keyveil_key_server::Config;
use keyveil_key_server::kms::{Kms, KmsContext, KmsError, Pkcs11Kms, tag};

use super::TIMEOUT;
use super::conformance::conformance;
use super::softhsm::{PIN, SoftHsm, with_softhsm};

const CONTEXT: KmsContext<'_> = KmsContext::Probe;

async fn kms_with_key(hsm: &SoftHsm) -> Pkcs11Kms {
    hsm.make_token();
    let kms = hsm.kms();
    kms.new_key().await.unwrap();
    kms
}

#[test]
#[ignore = "needs SoftHSM2"]
fn softhsm_conforms() {
    with_softhsm("kms::pkcs11::softhsm_conforms", async |hsm| {
        conformance(&kms_with_key(&hsm).await, tag::PKCS11).await;
    });
}

#[test]
#[ignore = "needs SoftHSM2"]
fn calls_at_once_share_one_login() {
    with_softhsm("kms::pkcs11::calls_at_once_share_one_login", async |hsm| {
        let kms = kms_with_key(&hsm).await;
        let round_trips = (0..100_u8).map(|number| {
            let kms = &kms;
            async move {
                let ciphertext = kms.encrypt(&[number; 32], &CONTEXT).await?;
                Ok::<_, KmsError>(kms.decrypt(&ciphertext, &CONTEXT).await?.as_slice() == [number; 32])
            }
        });
        let done = futures_util::future::join_all(round_trips).await;
        assert!(done.into_iter().all(|same| same == Ok(true)));
    });
}

#[test]
#[ignore = "needs SoftHSM2"]
fn the_first_key_is_made_with_the_installation_and_never_later() {
    with_softhsm("kms::pkcs11::the_first_key_is_made_with_the_installation_and_never_later", async |hsm| {
        hsm.make_token();
        let kms = hsm.kms();
        assert_eq!(kms.encrypt(b"secret", &CONTEXT).await, Err(KmsError::UNAVAILABLE));
        assert!(kms.generate_data_key(&CONTEXT).await.is_err(), "without a key it is the wrong token");
        let context = KmsContext::InstallationSecret;
        let (secret, ciphertext) = kms.generate_data_key(&context).await.unwrap();
        assert_eq!(kms.key_name(&ciphertext).as_deref(), Some("pkcs11 1"));
        assert_eq!(kms.decrypt(&ciphertext, &context).await.unwrap().as_slice(), secret.as_slice());
        let again = kms.generate_data_key(&context).await.unwrap().1;
        assert_eq!(kms.key_name(&again).as_deref(), Some("pkcs11 1"), "one is enough");
    });
}

#[test]
#[ignore = "needs SoftHSM2"]
fn without_its_key_a_ciphertext_does_not_open() {
    with_softhsm("kms::pkcs11::without_its_key_a_ciphertext_does_not_open", async |hsm| {
        let kms = kms_with_key(&hsm).await;
        let ciphertext = kms.encrypt(b"secret", &CONTEXT).await.unwrap();
        drop(kms);
        let others = hsm.kms_with_keys("others");
        assert_eq!(others.decrypt(&ciphertext, &CONTEXT).await, Err(KmsError::Rejected), "no such key");
        assert_eq!(others.new_key().await.as_deref(), Ok("pkcs11 1"));
        assert_eq!(others.decrypt(&ciphertext, &CONTEXT).await, Err(KmsError::Rejected), "another key of that version");
        drop(others);
        assert_eq!(hsm.kms().decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret");
    });
}

#[test]
#[ignore = "needs SoftHSM2"]
fn a_token_that_comes_later_or_goes_and_comes_back_is_used() {
    with_softhsm("kms::pkcs11::a_token_that_comes_later_or_goes_and_comes_back_is_used", async |hsm| {
        let kms = hsm.kms();
        assert_eq!(kms.encrypt(b"secret", &CONTEXT).await, Err(KmsError::UNAVAILABLE), "no token");
        hsm.make_token();
        kms.new_key().await.unwrap();
        let ciphertext = kms.encrypt(b"secret", &CONTEXT).await.unwrap();
        hsm.remove_token();
        assert_eq!(kms.decrypt(&ciphertext, &CONTEXT).await, Err(KmsError::UNAVAILABLE), "pulled");
        hsm.put_token_back();
        assert_eq!(kms.decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret");
    });
}

#[test]
#[ignore = "needs SoftHSM2"]
fn a_wrong_pin_is_tried_once_and_a_corrected_one_at_once() {
    with_softhsm("kms::pkcs11::a_wrong_pin_is_tried_once_and_a_corrected_one_at_once", async |hsm| {
        hsm.make_token();
        hsm.write_pin("00000000");
        let kms = hsm.kms();
        let log = super::log::capture();
        for _ in 0..20 {
            assert_eq!(kms.new_key().await, Err(KmsError::UNAVAILABLE));
        }
        let log = log.text();
        assert_eq!(log.matches("the token refuses the PIN").count(), 1, "{log}");
        assert_eq!(log.matches("not tried again").count(), 19, "{log}");
        assert!(!log.contains("00000000"));
        hsm.write_pin(PIN);
        assert_eq!(kms.new_key().await.as_deref(), Ok("pkcs11 1"));
    });
}

#[test]
fn a_module_that_is_none_is_refused() {
    let mut config = Config::default();
    for (path, content) in [("missing.so", None), ("text.so", Some("no library"))] {
        let dir = tempfile::tempdir().unwrap();
        config.kms.pkcs11.module = dir.path().join(path);
        if let Some(content) = content {
            std::fs::write(&config.kms.pkcs11.module, content).unwrap();
        }
        let error = Pkcs11Kms::open(&config.kms.pkcs11, TIMEOUT).err().unwrap();
        assert!(error.contains(path), "{error}");
    }
}
