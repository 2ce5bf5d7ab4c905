use std::sync::{Mutex, PoisonError, RwLock};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::UserType;
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::connection::{At, Connection};
use crate::config::Pkcs11Config;
use crate::kms::KmsError;
use crate::kms::secret_file::{read_credential_text, read_private_text};

/// Why the token did not do it. Holds no secret, and never the PIN.
pub(super) enum Fault {
    /// The ciphertext's: another try would end alike.
    Rejected(String),
    /// The module's: sessions, handles or the login may be stale, as after a token was pulled or reset.
    Module(Error),
    /// Nobody but the operator can help.
    Operator(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

/// A module and the one token in it that holds the keys. Connects when it is first asked, and anew after a failure.
pub(super) struct Token {
    config: Pkcs11Config,
    module: Pkcs11,
    /// Read by every call, written to connect: nobody uses a session while the module is begun anew.
    connection: RwLock<Option<Connection>>,
    /// One that the token refused. Trying it again and again would lock the token.
    refused_pin: Mutex<Option<Zeroizing<String>>>,
}

impl Token {
    /// Loads the module's shared library, and asks it nothing yet.
    pub(super) fn load(config: Pkcs11Config) -> Result<Self, String> {
        let path = config.module.display();
        let module = Pkcs11::new(&config.module)
            .map_err(|error| format!("kms.pkcs11.module {path} is no PKCS#11 module that can be loaded: {error}"))?;
        Ok(Self { config, module, connection: RwLock::new(None), refused_pin: Mutex::new(None) })
    }

    /// Runs `work` on a session; where the module fails, once more on a new connection.
    pub(super) fn run<T>(&self, what: &str, work: impl Fn(&At<'_>) -> Result<T, Fault>) -> Result<T, KmsError> {
        for last_try in [false, true] {
            match self.attempt(&work) {
                Ok(done) => return Ok(done),
                Err(Fault::Rejected(cause)) => {
                    tracing::warn!(what, cause, "the PKCS#11 token rejected a ciphertext");
                    return Err(KmsError::Rejected);
                }
                Err(Fault::Operator(cause)) => {
                    tracing::error!(what, cause, "the PKCS#11 token can't be used");
                    return Err(KmsError::UNAVAILABLE);
                }
                Err(Fault::Module(error)) => {
                    tracing::warn!(what, %error, last_try, "the PKCS#11 module failed");
                    // Whoever connected anew meanwhile did so for the same failure: doing it once more does no harm.
                    *self.connection.write().unwrap_or_else(PoisonError::into_inner) = None;
                }
            }
        }
        Err(KmsError::UNAVAILABLE)
    }

    fn attempt<T>(&self, work: &impl Fn(&At<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        loop {
            if let Some(connection) = &*self.connection.read().unwrap_or_else(PoisonError::into_inner) {
                return connection.use_session(work);
            }
            let mut connection = self.connection.write().unwrap_or_else(PoisonError::into_inner);
            if connection.is_none() {
                *connection = Some(self.connect()?);
            }
        }
    }

    /// Begins the module anew, because many look for tokens and lost devices only then.
    fn connect(&self) -> Result<Connection, Fault> {
        // Fails where it was not begun, which is the first time.
        let _ = self.module.clone().finalize();
        match self.module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(Fault::Operator(format!("the module does not start: {error}"))),
        }
        let slot = self.slot()?;
        let session =
            self.module.open_ro_session(slot).map_err(|error| operator("no session can be opened", &error))?;
        let pin = self.pin()?;
        match session.login(UserType::User, Some(&AuthPin::from(pin.as_str().to_owned()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(self.refused(pin, &error)),
        }
        tracing::info!(token = self.config.token_label, "logged in to the PKCS#11 token");
        Ok(Connection::new(self.module.clone(), slot, self.config.key_label.clone(), session))
    }

    fn slot(&self) -> Result<Slot, Fault> {
        let slots =
            self.module.get_slots_with_token().map_err(|error| operator("the module lists no slots", &error))?;
        let named =
            |slot: &Slot| self.module.get_token_info(*slot).is_ok_and(|token| token.label() == self.config.token_label);
        slots
            .into_iter()
            .find(named)
            .ok_or_else(|| Fault::Operator(format!("no token with the label {} is present", self.config.token_label)))
    }

    /// Read anew for each login, so that it can be changed while the server runs.
    fn pin(&self) -> Result<Zeroizing<String>, Fault> {
        let pin = match (&self.config.pin_file, &self.config.pin_credential) {
            (Some(path), _) => read_private_text(path),
            (None, Some(name)) => read_credential_text(name),
            (None, None) => {
                return Err(Fault::Operator("neither pin_file nor pin_credential is configured".to_owned()));
            }
        }
        .map_err(|error| Fault::Operator(error.to_string()))?;
        if self.refused_pin.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&pin) {
            return Err(Fault::Operator(
                "the token refused this PIN before; it is not tried again, lest the token locks itself: correct it, or \
                 restart the server"
                    .to_owned(),
            ));
        }
        Ok(pin)
    }

    fn refused(&self, pin: Zeroizing<String>, error: &Error) -> Fault {
        use RvError::{PinExpired, PinIncorrect, PinInvalid, PinLenRange, PinLocked, UserPinNotInitialized};
        match error {
            Error::Pkcs11(
                PinIncorrect | PinInvalid | PinLenRange | PinLocked | PinExpired | UserPinNotInitialized,
                _,
            ) => {
                *self.refused_pin.lock().unwrap_or_else(PoisonError::into_inner) = Some(pin);
                operator("the token refuses the PIN", error)
            }
            error => operator("the login failed", error),
        }
    }
}

fn operator(what: &str, error: &Error) -> Fault {
    Fault::Operator(format!("{what}: {error}"))
}
