//! From one engine to another.

use futures_util::future::BoxFuture;
use keyveil_key_server::actions::kms;
use keyveil_key_server::kms::{
    DataKey, Engines, Existing, Kms, KmsContext, KmsError, LocalKeyring, Plaintext, RootKeySource, tag,
};
use keyveil_key_server::store::CIPHERTEXT_COLUMNS;

use super::conformance::conformance;
use crate::support::{TITLE, TestApp};

const CONTEXT: KmsContext<'static> = KmsContext::InstallationSecret;
const OTHER_TAG: u8 = 0x7f;

/// Another engine: the local keyring under another first byte.
struct OtherKms(LocalKeyring);

fn keyring(dir: &tempfile::TempDir, name: &str) -> LocalKeyring {
    let source = RootKeySource::File(dir.path().join(format!("{name}.key")));
    LocalKeyring::open(&dir.path().join(format!("{name}.json")), &source, Existing::default()).unwrap()
}

fn engines(dir: &tempfile::TempDir) -> Engines {
    Engines::new(Box::new(OtherKms(keyring(dir, "new"))), Some(Box::new(keyring(dir, "old"))))
}

impl OtherKms {
    fn retagged(ciphertext: &[u8], from: u8, to: u8) -> Vec<u8> {
        match ciphertext.split_first() {
            Some((tag, rest)) if *tag == from => [&[to], rest].concat(),
            _ => Vec::new(),
        }
    }

    fn out(ciphertext: &[u8]) -> Vec<u8> {
        Self::retagged(ciphertext, tag::LOCAL, OTHER_TAG)
    }

    fn inward(ciphertext: &[u8]) -> Vec<u8> {
        Self::retagged(ciphertext, OTHER_TAG, tag::LOCAL)
    }
}

impl Kms for OtherKms {
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        Box::pin(async move {
            let (secret, ciphertext) = self.0.generate_data_key(context).await?;
            Ok((secret, Self::out(&ciphertext)))
        })
    }

    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move { Ok(Self::out(&self.0.encrypt(plaintext, context).await?)) })
    }

    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>> {
        Box::pin(async move { self.0.decrypt(&Self::inward(ciphertext), context).await })
    }

    fn rewrap<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move { Ok(Self::out(&self.0.rewrap(&Self::inward(ciphertext), context).await?)) })
    }

    fn is_current<'a>(&'a self, ciphertext: &'a [u8]) -> BoxFuture<'a, Result<bool, KmsError>> {
        Box::pin(async move { self.0.is_current(&Self::inward(ciphertext)).await })
    }

    fn key_name(&self, ciphertext: &[u8]) -> Option<String> {
        self.0.key_name(&Self::inward(ciphertext)).map(|name| name.replace("local", "other"))
    }

    fn new_key(&self) -> BoxFuture<'_, Result<String, KmsError>> {
        Box::pin(async move { Ok(self.0.new_key().await?.replace("local", "other")) })
    }
}

#[tokio::test]
async fn two_engines_conform_as_one() {
    let dir = tempfile::tempdir().unwrap();
    conformance(&engines(&dir), OTHER_TAG).await;
}

#[tokio::test]
async fn the_engine_before_opens_and_what_it_wrapped_is_moved() {
    let dir = tempfile::tempdir().unwrap();
    let (old, both) = (keyring(&dir, "old"), engines(&dir));
    let ciphertext = old.encrypt(b"secret", &CONTEXT).await.unwrap();
    assert_eq!(both.decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret");
    assert_eq!(both.decrypt(&ciphertext, &KmsContext::Probe).await, Err(KmsError::Rejected));
    assert_eq!(both.key_name(&ciphertext).as_deref(), Some("local 1"));
    assert!(!both.is_current(&ciphertext).await.unwrap());
    assert_eq!(both.rewrap(&ciphertext, &KmsContext::Probe).await, Err(KmsError::Rejected));
    let moved = both.rewrap(&ciphertext, &CONTEXT).await.unwrap();
    assert_eq!(both.key_name(&moved).as_deref(), Some("other 1"));
    assert!(both.is_current(&moved).await.unwrap());
    assert_eq!(both.decrypt(&moved, &CONTEXT).await.unwrap().as_slice(), b"secret");
    let alone = OtherKms(keyring(&dir, "new"));
    assert_eq!(alone.decrypt(&moved, &CONTEXT).await.unwrap().as_slice(), b"secret");
    assert_eq!(alone.decrypt(&ciphertext, &CONTEXT).await, Err(KmsError::Rejected));
}

#[test]
fn an_installation_moves_to_another_engine_and_plays_on_without_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = TestApp::builder().kms(keyring(&dir, "old")).start();
    first.stop();
    let psign = first.sign(&first.claims(TITLE));
    let mut moving = TestApp::builder().over(&first).kms(engines(&dir)).start();
    let play = |app: &TestApp| app.player().play(&psign, serde_json::json!({}));
    play(&moving);
    let rotation = moving.block_on(async {
        let installation = moving.installation();
        kms::rotate(installation.store(), installation.kms(), false, 1, |_| ()).await.unwrap()
    });
    assert!(rotation.total(|counts| counts.rewrapped) > 5 && rotation.total(|counts| counts.rejected) == 0);
    play(&moving);
    moving.stop();
    let moved = TestApp::builder().over(&first).kms(OtherKms(keyring(&dir, "new"))).start();
    play(&moved);
    moved.block_on(async {
        let store = moved.installation().store();
        for column in CIPHERTEXT_COLUMNS {
            for row in store.ciphertexts(column, None, 1000).await.unwrap() {
                assert_eq!(row.ciphertext[0], OTHER_TAG, "{}", column.what);
            }
        }
    });
}
