//! What every engine has to do. Each engine's tests call [`conformance`].

use std::collections::HashSet;

use keyveil_key_server::kms::{Kms, KmsContext, KmsError, PLAINTEXT_LEN_MAX, Plaintext, tag};
use keyveil_protocol::{AppId, FileId};

/// `tag` is the first byte of the engine's ciphertexts.
pub(crate) async fn conformance(kms: &dyn Kms, tag: u8) {
    round_trips(kms, tag).await;
    data_keys_are_fresh(kms, tag).await;
    no_other_context_opens(kms).await;
    no_altered_ciphertext_opens(kms, tag).await;
    rewrapping_keeps_the_secret_and_its_context(kms, tag).await;
    a_new_key_wraps_from_then_on(kms).await;
}

async fn round_trips(kms: &dyn Kms, tag: u8) {
    let longest = [0xa5; PLAINTEXT_LEN_MAX];
    for plaintext in [&longest[..1], &longest[..16], &longest[..32], &longest[..33], &longest] {
        let ciphertext = kms.encrypt(plaintext, &KmsContext::Probe).await.unwrap();
        assert_eq!(ciphertext.first(), Some(&tag));
        assert!(kms.key_name(&ciphertext).is_some());
        assert!(plaintext.len() < 16 || !ciphertext.windows(16).any(|window| window == &plaintext[..16]));
        assert_eq!(kms.decrypt(&ciphertext, &KmsContext::Probe).await.unwrap().as_slice(), plaintext);
        let again = kms.encrypt(plaintext, &KmsContext::Probe).await.unwrap();
        assert_ne!(ciphertext, again, "one secret twice does not look alike");
    }
    let too_long = [0; PLAINTEXT_LEN_MAX + 1];
    assert_eq!(kms.encrypt(&too_long, &KmsContext::Probe).await, Err(KmsError::TooLong));
}

async fn data_keys_are_fresh(kms: &dyn Kms, tag: u8) {
    let mut seen = HashSet::new();
    for _ in 0..8 {
        let (secret, ciphertext) = kms.generate_data_key(&KmsContext::InstallationSecret).await.unwrap();
        assert_eq!(ciphertext.first(), Some(&tag));
        assert_eq!(
            kms.decrypt(&ciphertext, &KmsContext::InstallationSecret).await.unwrap().as_slice(),
            secret.as_slice()
        );
        assert!(seen.insert(*secret), "each is another one");
    }
}

async fn no_other_context_opens(kms: &dyn Kms) {
    let (app_id, other_app) = (AppId::try_from(1).unwrap(), AppId::try_from(2).unwrap());
    let (file_id, other_file): (FileId, FileId) = ("a".parse().unwrap(), "b".parse().unwrap());
    let kid = "a".parse().unwrap();
    let (hash, other_hash) = ([1; 32], [2; 32]);
    let contexts = [
        KmsContext::Title { app_id, file_id: &file_id },
        KmsContext::Title { app_id: other_app, file_id: &file_id },
        KmsContext::Title { app_id, file_id: &other_file },
        KmsContext::SigningKey { app_id, kid: &kid },
        KmsContext::ImportedKey { app_id, file_id: &file_id, text_hash: &hash },
        KmsContext::ImportedKey { app_id, file_id: &file_id, text_hash: &other_hash },
        KmsContext::MediaOrigin { app_id, origin_id: "a" },
        KmsContext::InstallationSecret,
        KmsContext::Probe,
    ];
    for (at, context) in contexts.iter().enumerate() {
        let ciphertext = kms.encrypt(&[5; 32], context).await.unwrap();
        for (wrong_at, wrong) in contexts.iter().enumerate() {
            if wrong_at == at {
                assert_eq!(kms.decrypt(&ciphertext, wrong).await.unwrap().as_slice(), [5; 32]);
                continue;
            }
            assert_eq!(kms.decrypt(&ciphertext, wrong).await, Err(KmsError::Rejected), "{context:?} as {wrong:?}");
        }
        let wrong = contexts[(at + 1) % contexts.len()];
        assert_eq!(kms.rewrap(&ciphertext, &wrong).await, Err(KmsError::Rejected), "{context:?} as {wrong:?}");
    }
}

/// AWS says of a ciphertext that names somebody else's key what it says of a permission that was lost.
#[track_caller]
fn assert_shut(tag: u8, answer: Result<Plaintext, KmsError>, altered: &str) {
    let foreign = tag == tag::AWS && answer == Err(KmsError::UNAVAILABLE);
    assert!(foreign || answer == Err(KmsError::Rejected), "{altered}: {answer:?}");
}

async fn no_altered_ciphertext_opens(kms: &dyn Kms, tag: u8) {
    let context = KmsContext::Probe;
    let genuine = kms.encrypt(b"secret", &context).await.unwrap();
    for at in 0..genuine.len() {
        let mut altered = genuine.clone();
        altered[at] ^= 1;
        assert_shut(tag, kms.decrypt(&altered, &context).await, &format!("byte {at}"));
    }
    for len in [0, 1, 2, 5, genuine.len() / 2, genuine.len() - 1] {
        assert_shut(tag, kms.decrypt(&genuine[..len], &context).await, &format!("cut at {len}"));
    }
    let longer = [genuine.as_slice(), &[0]].concat();
    assert_eq!(kms.decrypt(&longer, &context).await, Err(KmsError::Rejected), "one byte more");
    for nonsense in [vec![0; 64], vec![0xff; 64], vec![genuine[0]; 20_000]] {
        assert_eq!(kms.decrypt(&nonsense, &context).await, Err(KmsError::Rejected));
        assert!(kms.rewrap(&nonsense, &context).await.is_err());
    }
    assert_eq!(kms.decrypt(&genuine, &context).await.unwrap().as_slice(), b"secret");
}

async fn rewrapping_keeps_the_secret_and_its_context(kms: &dyn Kms, tag: u8) {
    let context = KmsContext::InstallationSecret;
    let old = kms.encrypt(b"secret", &context).await.unwrap();
    let new = kms.rewrap(&old, &context).await.unwrap();
    assert_eq!(new.first(), Some(&tag));
    assert!(kms.is_current(&new).await.unwrap());
    for ciphertext in [&old, &new] {
        assert_eq!(kms.decrypt(ciphertext, &context).await.unwrap().as_slice(), b"secret");
        assert_eq!(kms.decrypt(ciphertext, &KmsContext::Probe).await, Err(KmsError::Rejected));
    }
}

/// Only where keys are the server's to command.
async fn a_new_key_wraps_from_then_on(kms: &dyn Kms) {
    let context = KmsContext::Probe;
    let old = kms.encrypt(b"secret", &context).await.unwrap();
    assert!(kms.is_current(&old).await.unwrap());
    let name = match kms.new_key().await {
        Err(KmsError::Unsupported) => return,
        name => name.unwrap(),
    };
    assert!(!kms.is_current(&old).await.unwrap());
    assert_ne!(kms.key_name(&old).as_ref(), Some(&name));
    assert_eq!(kms.decrypt(&old, &context).await.unwrap().as_slice(), b"secret", "the key before still opens");
    let new = kms.rewrap(&old, &context).await.unwrap();
    assert!(kms.is_current(&new).await.unwrap());
    for ciphertext in [&new, &kms.encrypt(b"secret", &context).await.unwrap()] {
        assert_eq!(kms.key_name(ciphertext).as_ref(), Some(&name));
        assert_eq!(kms.decrypt(ciphertext, &context).await.unwrap().as_slice(), b"secret");
    }
}
