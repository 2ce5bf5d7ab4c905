use std::sync::{Mutex, PoisonError};

use cryptoki::context::{Function, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use zeroize::Zeroizing;

use super::keys::{self, Keys};
use super::token::Fault;
use super::{IV_LEN, TAG_LEN};
use crate::kms::Plaintext;

/// A login, and the sessions that it covers.
pub(super) struct Connection {
    module: Pkcs11,
    slot: Slot,
    key_label: String,
    /// Free ones; as many as calls were ever made at once.
    idle: Mutex<Vec<Session>>,
    keys: Mutex<Keys>,
    /// Never used again: the login lasts as long as any session is open.
    _login: Mutex<Session>,
}

/// A session in use.
pub(super) struct At<'a> {
    connection: &'a Connection,
    session: &'a Session,
}

/// What [`At::wrap`] made.
pub(super) struct Wrapped {
    pub(super) version: u32,
    pub(super) iv: [u8; IV_LEN],
    /// Ciphertext and tag.
    pub(super) sealed: Vec<u8>,
}

impl Connection {
    pub(super) fn new(module: Pkcs11, slot: Slot, key_label: String, login: Session) -> Self {
        let (idle, keys) = (Mutex::new(Vec::new()), Mutex::new(Keys::default()));
        Self { module, slot, key_label, idle, keys, _login: Mutex::new(login) }
    }

    pub(super) fn use_session<T>(&self, work: impl Fn(&At<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let free = idle().pop();
        let session = free.map_or_else(|| self.module.open_ro_session(self.slot), Ok)?;
        let done = work(&At { connection: self, session: &session });
        // After a failure an operation may still be under way in it.
        if !matches!(done, Err(Fault::Module(_))) {
            idle().push(session);
        }
        done
    }
}

impl At<'_> {
    /// Under the newest key.
    pub(super) fn wrap(&self, plaintext: &[u8], aad: &[u8]) -> Result<Wrapped, Fault> {
        let (version, key) = self.newest()?;
        let mut iv = [0; IV_LEN];
        getrandom::fill(&mut iv).map_err(|_| Fault::Operator("the system has no random bytes".to_owned()))?;
        let sealed = self.session.encrypt(&gcm(&mut iv, aad)?, key, plaintext)?;
        // A module that makes its own IV has written it where ours was.
        Ok(Wrapped { version, iv, sealed })
    }

    /// Under the key of `version`.
    pub(super) fn unwrap(&self, version: u32, iv: [u8; IV_LEN], sealed: &[u8], aad: &[u8]) -> Result<Plaintext, Fault> {
        let keys = self.keys(version)?;
        if keys.is_empty() {
            let label = &self.connection.key_label;
            return Err(Fault::Rejected(format!("the token holds no key {label} of version {version}")));
        }
        // Two may bear one version, where two servers made their first key at the same moment.
        for key in keys {
            match self.session.decrypt(&gcm(&mut iv.clone(), aad)?, key, sealed) {
                Ok(plaintext) => return Ok(Zeroizing::new(plaintext)),
                Err(error) if self.is_rejection(&error, key) => {}
                Err(error) => return Err(Fault::Module(error)),
            }
        }
        Err(Fault::Rejected(format!("it does not open under key version {version}")))
    }

    /// Some modules (SoftHSM among them) answer a wrong tag with the code of a broken device. Then a round trip under the
    /// same key tells whether the device is well, and the ciphertext is not.
    fn is_rejection(&self, error: &Error, key: ObjectHandle) -> bool {
        use RvError::{
            DataInvalid, DataLenRange, DeviceError, EncryptedDataInvalid, EncryptedDataLenRange, FunctionFailed,
            GeneralError,
        };
        match error {
            Error::Pkcs11(
                EncryptedDataInvalid | EncryptedDataLenRange | DataInvalid | DataLenRange,
                Function::Decrypt,
            ) => true,
            Error::Pkcs11(GeneralError | FunctionFailed | DeviceError, Function::Decrypt) => self.is_well(key),
            _ => false,
        }
    }

    fn is_well(&self, key: ObjectHandle) -> bool {
        const PROBE: &[u8] = b"well?";
        let mut iv = [0; IV_LEN];
        if getrandom::fill(&mut iv).is_err() {
            return false;
        }
        let Ok(sealed) = gcm(&mut iv, &[]).and_then(|gcm| Ok(self.session.encrypt(&gcm, key, PROBE)?)) else {
            return false;
        };
        let opened = gcm(&mut iv, &[]).and_then(|gcm| Ok(self.session.decrypt(&gcm, key, &sealed)?));
        opened.is_ok_and(|opened| opened == PROBE)
    }

    /// The version that wraps.
    pub(super) fn newest_version(&self) -> Result<u32, Fault> {
        self.newest().map(|(version, _)| version)
    }

    /// Makes the next version, for good and inside the token, and answers which it is.
    pub(super) fn make_key(&self) -> Result<u32, Fault> {
        let label = &self.connection.key_label;
        let version = keys::read(self.session, label)?.newest().map_or(Some(1), |(newest, _)| newest.checked_add(1));
        let version = version.ok_or_else(|| Fault::Operator(format!("the versions of key {label} are used up")))?;
        // The login covers every session of this process.
        let session = self.connection.module.open_rw_session(self.connection.slot)?;
        keys::generate(&session, label, version)?;
        *self.cached() = keys::read(self.session, label)?;
        tracing::info!(label, version, "made a key in the PKCS#11 token");
        Ok(version)
    }

    /// Makes the first version where there is none.
    pub(super) fn ensure_key(&self) -> Result<(), Fault> {
        if keys::read(self.session, &self.connection.key_label)?.newest().is_none() {
            self.make_key()?;
        }
        Ok(())
    }

    fn newest(&self) -> Result<(u32, ObjectHandle), Fault> {
        let label = &self.connection.key_label;
        let mut keys = self.cached();
        if keys.are_old() {
            *keys = keys::read(self.session, label)?;
        }
        keys.newest().ok_or_else(|| {
            Fault::Operator(format!(
                "the token holds no AES key {label} with an ID: is it the right token? `key-server kms rotate --new-key` \
                 makes one"
            ))
        })
    }

    /// Another server may have made the version meanwhile, so one that is not known is looked for.
    fn keys(&self, version: u32) -> Result<Vec<ObjectHandle>, Fault> {
        let mut keys = self.cached();
        if keys.of(version).is_empty() {
            *keys = keys::read(self.session, &self.connection.key_label)?;
        }
        Ok(keys.of(version).to_vec())
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, Keys> {
        self.connection.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gcm<'a>(iv: &'a mut [u8; IV_LEN], aad: &'a [u8]) -> Result<Mechanism<'a>, Fault> {
    let tag_bits = u8::try_from(TAG_LEN * 8).unwrap_or(u8::MAX);
    Ok(Mechanism::AesGcm(GcmParams::new(iv, aad, u64::from(tag_bits).try_into().map_err(Error::from)?)?))
}
