//! The engine for Vault and OpenBao, against a stand-in for their transit engine.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use keyveil_key_server::Config;
use keyveil_key_server::kms::{Kms, KmsContext, KmsError, VaultKms, tag};
use url::Url;

use super::conformance::conformance;
use super::stand_in::Reply;
use super::transit::Transit;
use super::{SHORT_TIMEOUT, TIMEOUT};

const CONTEXT: KmsContext<'_> = KmsContext::Probe;

struct Scene {
    vault: Transit,
    dir: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { vault: Transit::start(), dir: tempfile::tempdir().unwrap() };
        scene.write_token("first");
        scene
    }

    fn token_file(&self) -> PathBuf {
        self.dir.path().join("token")
    }

    fn write_token(&self, token: &str) {
        std::fs::write(self.token_file(), format!("{token}\n")).unwrap();
        std::fs::set_permissions(self.token_file(), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn kms(&self, timeout: Duration) -> VaultKms {
        self.kms_at(&self.vault.server.url, timeout)
    }

    fn kms_at(&self, address: &Url, timeout: Duration) -> VaultKms {
        let mut config = Config::default();
        config.kms.vault.address = Some(address.clone());
        "teams/transit".clone_into(&mut config.kms.vault.mount);
        "keyveil".clone_into(&mut config.kms.vault.key);
        config.kms.vault.namespace = Some("a".to_owned());
        config.kms.vault.token_file = Some(self.token_file());
        VaultKms::open(&config.kms.vault, timeout).unwrap()
    }
}

#[tokio::test]
async fn transit_conforms() {
    let scene = Scene::new();
    conformance(&scene.kms(TIMEOUT), tag::VAULT).await;
}

#[tokio::test]
async fn a_rotation_in_vault_makes_ciphertexts_old() {
    let scene = Scene::new();
    let old = scene.kms(TIMEOUT).encrypt(b"secret", &CONTEXT).await.unwrap();
    scene.vault.change(|vault| vault.latest_version = 2);
    let kms = scene.kms(TIMEOUT);
    assert!(!kms.is_current(&old).await.unwrap());
    assert_eq!(kms.key_name(&old).as_deref(), Some("vault 1"));
    assert_eq!(kms.decrypt(&old, &CONTEXT).await.unwrap().as_slice(), b"secret");
    let new = kms.rewrap(&old, &CONTEXT).await.unwrap();
    assert!(kms.is_current(&new).await.unwrap());
    assert_eq!(kms.key_name(&new).as_deref(), Some("vault 2"));
    assert_eq!(kms.decrypt(&new, &CONTEXT).await.unwrap().as_slice(), b"secret");
    assert_eq!(kms.new_key().await, Err(KmsError::Unsupported));
}

#[tokio::test]
async fn a_key_that_ignores_the_context_is_not_used() {
    let scene = Scene::new();
    scene.vault.change(|vault| vault.derived = false);
    let kms = scene.kms(TIMEOUT);
    assert_eq!(kms.encrypt(b"secret", &CONTEXT).await, Err(KmsError::UNAVAILABLE));
    assert!(kms.generate_data_key(&CONTEXT).await.is_err());
    scene.vault.change(|vault| vault.derived = true);
    assert!(kms.encrypt(b"secret", &CONTEXT).await.is_ok());
}

#[tokio::test]
async fn a_renewed_token_is_read_and_a_revoked_one_refused() {
    let scene = Scene::new();
    let kms = scene.kms(TIMEOUT);
    let ciphertext = kms.encrypt(b"secret", &CONTEXT).await.unwrap();
    scene.vault.change(|vault| vault.token = "second".to_owned());
    assert_eq!(kms.decrypt(&ciphertext, &CONTEXT).await, Err(KmsError::UNAVAILABLE), "revoked");
    scene.write_token("second");
    assert_eq!(kms.decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret");
    scene.vault.change(|vault| vault.token = "third".to_owned());
    scene.write_token("third");
    assert_eq!(kms.decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret", "within one call");
    std::fs::set_permissions(scene.token_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let careless = scene.kms(TIMEOUT);
    assert_eq!(careless.decrypt(&ciphertext, &CONTEXT).await, Err(KmsError::UNAVAILABLE), "others may read it");
}

#[tokio::test]
async fn every_other_answer_is_unavailable_and_passes() {
    let scene = Scene::new();
    let (kms, impatient) = (scene.kms(TIMEOUT), scene.kms(SHORT_TIMEOUT));
    let ciphertext = kms.encrypt(b"secret", &CONTEXT).await.unwrap();
    type Case = (fn() -> Reply, Option<Duration>);
    let unavailable: [Case; 6] = [
        (|| Reply::Later(429, r#"{"errors":["rate limit quota exceeded"]}"#.to_owned()), Some(Duration::from_secs(7))),
        (|| Reply::Now(503, r#"{"errors":["Vault is sealed"]}"#.to_owned()), None),
        (|| Reply::Now(200, "<html>a proxy's page</html>".to_owned()), None),
        (|| Reply::Now(200, r#"{"data":{"plaintext":"no base64!"}}"#.to_owned()), None),
        (|| Reply::Now(400, r#"{"errors":["encryption key not found"]}"#.to_owned()), None),
        (|| Reply::Redirect, None),
    ];
    for (number, (instead, retry_after)) in unavailable.into_iter().enumerate() {
        scene.vault.change(|vault| vault.instead = Some(instead));
        let answer = kms.decrypt(&ciphertext, &CONTEXT).await;
        assert_eq!(answer, Err(KmsError::Unavailable { retry_after }), "answer {number}");
        scene.vault.change(|vault| vault.instead = None);
        assert_eq!(kms.decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret");
    }
    scene.vault.change(|vault| vault.instead = Some(|| Reply::Never));
    assert_eq!(impatient.decrypt(&ciphertext, &CONTEXT).await, Err(KmsError::UNAVAILABLE), "it hangs");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let scene = Scene::new();
    let ciphertext = scene.kms(TIMEOUT).encrypt(b"secret", &CONTEXT).await.unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let kms = scene.kms_at(&Url::parse(&format!("http://{nobody}")).unwrap(), SHORT_TIMEOUT);
    assert_eq!(kms.decrypt(&ciphertext, &CONTEXT).await, Err(KmsError::UNAVAILABLE));
}
