//! A SoftHSM2 of its own for each test. Its library reads `SOFTHSM2_CONF` once in a process, so such a test runs itself again
//! in a child that has the variable.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use keyveil_key_server::Config;
use keyveil_key_server::kms::Pkcs11Kms;

use super::TIMEOUT;

/// Set in the child: the token's folder.
const FOLDER: &str = "KEYVEIL_TEST_SOFTHSM2_FOLDER";
const CONFIGURATION: &str = "SOFTHSM2_CONF";
const SO_PIN: &str = "87654321";
pub(crate) const PIN: &str = "12345678";
pub(crate) const TOKEN_LABEL: &str = "keyveil test";

/// A folder with SoftHSM's configuration, its tokens and a PIN file.
pub(crate) struct SoftHsm {
    folder: PathBuf,
}

/// Runs `body` in a process of its own, with a SoftHSM that has no token yet. `name` is the test's whole name.
pub(crate) fn with_softhsm<F: Future<Output = ()>>(name: &str, body: impl FnOnce(SoftHsm) -> F) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(body(SoftHsm { folder: folder.into() }));
    }
    let dir = tempfile::tempdir().unwrap();
    let hsm = SoftHsm { folder: dir.path().to_owned() };
    std::fs::create_dir(hsm.tokens()).unwrap();
    let text =
        format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", hsm.tokens().display());
    std::fs::write(hsm.configuration(), text).unwrap();
    hsm.write_pin(PIN);
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--ignored", "--nocapture"])
        .env(CONFIGURATION, hsm.configuration())
        .env(FOLDER, dir.path())
        .output()
        .unwrap();
    let said = said(&output);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

impl SoftHsm {
    /// Makes a token, as an operator would.
    pub(crate) fn make_token(&self) {
        self.util(&["--init-token", "--free", "--label", TOKEN_LABEL, "--so-pin", SO_PIN, "--pin", PIN]);
    }

    /// Its files are gone, as when the device is pulled.
    pub(crate) fn remove_token(&self) {
        std::fs::rename(self.tokens(), self.folder.join("pulled")).unwrap();
        std::fs::create_dir(self.tokens()).unwrap();
    }

    pub(crate) fn put_token_back(&self) {
        std::fs::remove_dir_all(self.tokens()).unwrap();
        std::fs::rename(self.folder.join("pulled"), self.tokens()).unwrap();
    }

    pub(crate) fn write_pin(&self, pin: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(self.pin_file(), format!("{pin}\n")).unwrap();
        std::fs::set_permissions(self.pin_file(), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Any `softhsm2-util` command.
    pub(crate) fn util(&self, args: &[&str]) {
        let output = Command::new("softhsm2-util")
            .args(args)
            .env(CONFIGURATION, self.configuration())
            .output()
            .expect("softhsm2-util comes with the Debian package softhsm2");
        assert!(output.status.success(), "{}", said(&output));
    }

    pub(crate) fn kms(&self) -> Pkcs11Kms {
        self.kms_with_keys("keyveil")
    }

    pub(crate) fn kms_with_keys(&self, key_label: &str) -> Pkcs11Kms {
        let mut config = Config::default();
        let pkcs11 = &mut config.kms.pkcs11;
        pkcs11.module = module();
        TOKEN_LABEL.clone_into(&mut pkcs11.token_label);
        pkcs11.pin_file = Some(self.pin_file());
        key_label.clone_into(&mut pkcs11.key_label);
        Pkcs11Kms::open(pkcs11, TIMEOUT).unwrap()
    }

    fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    fn pin_file(&self) -> PathBuf {
        self.folder.join("pin")
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }
}

/// Where `scripts/test.mjs` found it; otherwise where Debian puts it.
fn module() -> PathBuf {
    let module = std::env::var_os("KEYVEIL_SOFTHSM2").unwrap_or_else(|| "/usr/lib/softhsm/libsofthsm2.so".into());
    assert!(Path::new(&module).exists(), "{} comes with the Debian package softhsm2", module.display());
    module.into()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
