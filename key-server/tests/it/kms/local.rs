use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use keyveil_key_server::Clock;
use keyveil_key_server::kms::{
    Existing, KeyringError, Kms, KmsContext, KmsError, LocalKeyring, LocalKmsError, RootKeyError, RootKeySource, tag,
};

use super::conformance::conformance;

const CONTEXT: KmsContext<'static> = KmsContext::InstallationSecret;
const LATER: u64 = 3600;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn private(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn root_key(&self) -> RootKeySource {
        RootKeySource::File(self.path("root.key"))
    }

    fn open(&self) -> LocalKeyring {
        self.open_with(&self.root_key(), Existing::default()).unwrap()
    }

    fn open_with(&self, source: &RootKeySource, existing: Existing) -> Result<LocalKeyring, LocalKmsError> {
        LocalKeyring::open(&self.path("keyring.json"), source, existing)
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_local_keyring_conforms() {
    let folder = Folder::new();
    conformance(&folder.open(), tag::LOCAL).await;
    assert_eq!(folder.open().versions().unwrap().len(), 2, "the suite has made one");
    assert_eq!((mode(&folder.path("keyring.json")), mode(&folder.path("root.key"))), (0o600, 0o600));
}

#[tokio::test]
async fn what_root_makes_and_changes_stays_the_server_s() {
    let folder = Folder::new();
    let owner = |name: &str| std::fs::metadata(folder.path(name)).unwrap().uid();
    let ours = owner(".");
    // Only root can give files away; everybody else keeps what is made.
    let [of_folder, of_file] = if ours == 0 { [12345, 12346] } else { [ours; 2] };
    chown(folder.path("."), Some(of_folder), None).unwrap();
    let keyring = folder.open();
    for name in ["keyring.json", "keyring.lock", "root.key"] {
        assert_eq!(owner(name), of_folder, "{name}");
    }
    chown(folder.path("keyring.json"), Some(of_file), None).unwrap();
    keyring.new_key().await.unwrap();
    assert_eq!((owner("keyring.json"), mode(&folder.path("keyring.json"))), (of_file, 0o600));
}

#[tokio::test]
async fn a_keyring_under_a_passphrase_conforms() {
    let folder = Folder::new();
    let source = RootKeySource::PassphraseFile(folder.private("passphrase", b"correct horse battery staple\n"));
    conformance(&folder.open_with(&source, Existing::default()).unwrap(), tag::LOCAL).await;
    folder.open_with(&source, Existing::default()).unwrap();
    folder.private("passphrase", b"correct horse battery stapler\n");
    assert!(matches!(
        folder.open_with(&source, Existing::default()),
        Err(LocalKmsError::Keyring(KeyringError::WrongRootKey(_)))
    ));
    assert!(matches!(
        folder.open_with(&folder.root_key(), Existing::default()),
        Err(LocalKmsError::RootKey(RootKeyError::OtherKind(_)))
    ));
    assert!(!folder.path("root.key").exists());
}

#[tokio::test]
async fn another_process_makes_a_key_and_this_one_wraps_under_it() {
    let folder = Folder::new();
    let (server, command_line) = (folder.open(), folder.open());
    let old = server.encrypt(b"old", &CONTEXT).await.unwrap();
    assert_eq!(command_line.new_key().await.unwrap(), "local 2");
    let new = command_line.encrypt(b"new", &CONTEXT).await.unwrap();
    assert_eq!(server.decrypt(&new, &CONTEXT).await.unwrap().as_slice(), b"new");
    assert!(!server.is_current(&old).await.unwrap());
    let wrapped = server.encrypt(b"x", &CONTEXT).await.unwrap();
    assert_eq!(server.key_name(&wrapped).as_deref(), Some("local 2"));
    command_line.retire(1, Clock::default().now() + LATER).unwrap();
    assert_eq!(server.key_name(&server.rewrap(&old, &CONTEXT).await.unwrap()).as_deref(), Some("local 2"));
    let unknown = [LocalKeyring::prefix(9).as_slice(), &new[5..]].concat();
    assert_eq!(server.decrypt(&unknown, &CONTEXT).await, Err(KmsError::Rejected));
    assert_eq!(folder.open().decrypt(&old, &CONTEXT).await, Err(KmsError::Rejected), "forgotten");
    assert_eq!(folder.open().decrypt(&new, &CONTEXT).await.unwrap().as_slice(), b"new");
}

#[tokio::test]
async fn nothing_is_wrapped_under_a_keyring_that_can_not_be_read_again() {
    let folder = Folder::new();
    let keyring = folder.open();
    let ciphertext = keyring.encrypt(b"secret", &CONTEXT).await.unwrap();
    let kept = std::fs::read(folder.path("keyring.json")).unwrap();
    std::fs::remove_file(folder.path("keyring.json")).unwrap();
    assert_eq!(keyring.encrypt(b"secret", &CONTEXT).await, Err(KmsError::UNAVAILABLE));
    assert_eq!(keyring.decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret", "what is open stays open");
    let missing = folder.open_with(&folder.root_key(), Existing { under_keyring: true, under_root_key: false });
    assert!(matches!(missing, Err(LocalKmsError::Keyring(KeyringError::Missing(_)))));
    assert!(!folder.path("keyring.json").exists(), "a missing keyring is never replaced");
    folder.private("keyring.json", &kept);
    keyring.encrypt(b"secret", &CONTEXT).await.unwrap();
    assert_eq!(folder.open().decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret");
}

#[test]
fn an_unfit_keyring_or_root_key_is_refused() {
    let folder = Folder::new();
    let open = || folder.open_with(&folder.root_key(), Existing::default()).err();
    let missing = folder.open_with(&folder.root_key(), Existing { under_root_key: true, under_keyring: false });
    assert!(matches!(missing, Err(LocalKmsError::RootKey(RootKeyError::Missing(_)))));
    assert!(!folder.path("root.key").exists(), "a missing root key is never replaced");
    folder.open();
    let (keyring, root_key) = (folder.path("keyring.json"), folder.path("root.key"));
    let kept = std::fs::read(&keyring).unwrap();
    for unfit in [
        &b""[..],
        b"{}",
        &kept[..kept.len() - 3],
        &String::from_utf8_lossy(&kept).replace("\"version\": 1", "\"version\": -1").into_bytes(),
    ] {
        std::fs::write(&keyring, unfit).unwrap();
        assert!(
            matches!(open(), Some(LocalKmsError::Keyring(KeyringError::Damaged { .. }))),
            "{}",
            String::from_utf8_lossy(unfit)
        );
    }
    let renumbered = String::from_utf8_lossy(&kept).replace("\"version\": 1", "\"version\": 2");
    std::fs::write(&keyring, renumbered).unwrap();
    assert!(matches!(open(), Some(LocalKmsError::Keyring(KeyringError::WrongRootKey(_)))), "its number is bound to it");
    std::fs::write(&keyring, &kept).unwrap();
    assert!(open().is_none());
    std::fs::set_permissions(&keyring, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(open(), Some(LocalKmsError::Keyring(KeyringError::Exposed { .. }))));
    std::fs::set_permissions(&keyring, std::fs::Permissions::from_mode(0o600)).unwrap();
    folder.private("root.key", &[7; 32]);
    assert!(matches!(open(), Some(LocalKmsError::Keyring(KeyringError::WrongRootKey(_)))));
    std::fs::remove_file(&root_key).unwrap();
    assert!(matches!(open(), Some(LocalKmsError::RootKey(RootKeyError::Missing(_)))));
    assert!(!root_key.exists());
}

#[tokio::test]
async fn a_version_in_use_or_just_replaced_stays() {
    let folder = Folder::new();
    let (keyring, now) = (folder.open(), Clock::default().now());
    assert!(matches!(keyring.retire(1, now + LATER), Err(KeyringError::InUse(1))));
    assert!(matches!(keyring.retire(2, now + LATER), Err(KeyringError::NoSuchVersion(2))));
    keyring.new_key().await.unwrap();
    assert!(matches!(keyring.retire(1, now), Err(KeyringError::TooSoon(1))));
    keyring.retire(1, now + LATER).unwrap();
    assert_eq!(keyring.versions().unwrap().iter().map(|key| key.version).collect::<Vec<_>>(), [2]);
    assert_eq!(keyring.new_key().await.unwrap(), "local 3", "a number is not taken again");
}

#[tokio::test]
async fn keys_made_at_the_same_time_are_all_there() {
    let folder = Folder::new();
    let keyrings: Vec<_> = (0..8).map(|_| folder.open()).collect();
    let mut made = futures_util::future::join_all(keyrings.iter().map(Kms::new_key)).await;
    made.sort_by_key(|name| name.clone().unwrap());
    assert_eq!(made, (2..10).map(|version| Ok(format!("local {version}"))).collect::<Vec<_>>());
    assert_eq!(folder.open().versions().unwrap().len(), 9);
}

#[tokio::test]
async fn what_a_crash_left_aside_harms_nothing() {
    let folder = Folder::new();
    let keyring = folder.open();
    let ciphertext = keyring.encrypt(b"secret", &CONTEXT).await.unwrap();
    folder.private("keyring.json.new", b"{ half");
    std::fs::set_permissions(folder.path("keyring.json.new"), std::fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(folder.open().decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret");
    keyring.new_key().await.unwrap();
    assert_eq!(folder.open().decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret");
    assert!(!folder.path("keyring.json.new").exists());
}

#[tokio::test]
async fn the_root_key_is_changed_and_no_ciphertext_with_it() {
    let folder = Folder::new();
    let first = folder.open();
    first.new_key().await.unwrap();
    let ciphertext = first.encrypt(b"secret", &CONTEXT).await.unwrap();
    let second = RootKeySource::File(folder.path("second.key"));
    first.change_root_key(&second).unwrap();
    assert_eq!(mode(&folder.path("second.key")), 0o600);
    assert_ne!(std::fs::read(folder.path("root.key")).unwrap(), std::fs::read(folder.path("second.key")).unwrap());
    // One that runs on under the old root key opens what it knows and wraps nothing.
    assert_eq!(first.decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret");
    assert_eq!(first.encrypt(b"secret", &CONTEXT).await, Err(KmsError::UNAVAILABLE));
    assert!(matches!(
        first.change_root_key(&folder.root_key()),
        Err(LocalKmsError::Keyring(KeyringError::WrongRootKey(_)))
    ));
    assert!(folder.open_with(&folder.root_key(), Existing::default()).is_err());
    let passphrase = RootKeySource::PassphraseFile(folder.private("passphrase", b"correct horse battery staple"));
    folder.open_with(&second, Existing::default()).unwrap().change_root_key(&passphrase).unwrap();
    let last = folder.open_with(&passphrase, Existing::default()).unwrap();
    assert_eq!(last.decrypt(&ciphertext, &CONTEXT).await.unwrap().as_slice(), b"secret");
    assert_eq!(last.versions().unwrap().len(), 2);
    let short = RootKeySource::PassphraseFile(folder.private("short", b"short"));
    assert!(matches!(last.change_root_key(&short), Err(LocalKmsError::RootKey(RootKeyError::Passphrase(_)))));
    assert!(folder.open_with(&passphrase, Existing::default()).is_ok(), "a refused change changes nothing");
}
