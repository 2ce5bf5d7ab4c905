use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use keyveil_protocol::ErrorCode;
use serde::Deserialize;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::refusal::Refusal;

const LEN_MIN: usize = 12;
const LEN_MAX: usize = 256;
/// Each takes 19 MiB and a core for some tens of milliseconds.
const AT_ONCE: usize = 2;
/// Longer than this nobody waits for a turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);

/// Checked in place of the hash of somebody who does not exist: the answer takes as long.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_text(&Zeroizing::new("nobody".to_owned())));

/// A password as somebody typed it. Wiped when dropped, never printed.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[schema(value_type = String, max_length = 256)]
#[serde(try_from = "String")]
pub struct Password(Zeroizing<String>);

impl Password {
    /// For a new one: 12 to 256 bytes.
    pub fn check_new(&self) -> Result<(), Refusal> {
        if self.0.len() < LEN_MIN {
            return Err(Refusal::new(ErrorCode::MalformedRequest, "a password has at least 12 characters"));
        }
        Ok(())
    }
}

impl TryFrom<String> for Password {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = Zeroizing::new(text);
        if text.len() > LEN_MAX { Err("a password has at most 256 bytes") } else { Ok(Self(text)) }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// Hashes and checks, few at once and off the runtime: sign-ins can exhaust neither memory nor its threads.
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Passwords {
    /// The hash to keep.
    pub(super) async fn hash(&self, password: &Password) -> Result<String, Refusal> {
        let text = password.0.clone();
        self.in_turn(move || hash_text(&text)).await?.ok_or_else(|| Refusal::new(ErrorCode::Internal, "argon2"))
    }

    /// Whether it is the password of `hash`; takes as long where there is none.
    pub(super) async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<bool, Refusal> {
        let text = password.0.clone();
        let hash = hash.map(str::to_owned);
        self.in_turn(move || {
            let right = hash.as_ref().or(NOBODY.as_ref()).is_some_and(|compared| verify_text(&text, compared));
            right && hash.is_some()
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
        let unavailable = |cause: &'static str| Refusal::new(ErrorCode::Unavailable, cause);
        let turn = tokio::time::timeout(TURN_TIMEOUT, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| unavailable("too many passwords to check at once"))?
            .map_err(|_| unavailable("password checks have stopped"))?;
        // The turn goes with the work, not with the request: a client that hangs up frees no memory by that.
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|_| unavailable("password check was cut off"))
    }
}

/// OWASP's parameters for argon2id: 19 MiB, two passes, one lane.
fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

fn hash_text(text: &Zeroizing<String>) -> Option<String> {
    Some(argon2id().hash_password(text.as_bytes()).ok()?.to_string())
}

fn verify_text(text: &Zeroizing<String>, hash: &str) -> bool {
    argon2id().verify_password(text.as_bytes(), hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        text.to_owned().try_into().unwrap()
    }

    #[tokio::test]
    async fn a_password_is_kept_as_argon2id_and_known_again() {
        let passwords = Passwords::default();
        let hash = passwords.hash(&password("correct horse battery")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify(&password("correct horse battery"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&password("correct horse batterx"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&password("nobody"), None).await.unwrap(), "nobody has no password at all");
        assert_ne!(passwords.hash(&password("correct horse battery")).await.unwrap(), hash, "salted");
    }

    #[test]
    fn a_password_has_a_length_and_prints_nothing() {
        assert!(Password::try_from("x".repeat(257)).is_err());
        assert!(password("short").check_new().is_err());
        assert!(password("long enough!").check_new().is_ok());
        assert_eq!(format!("{:?}", password("long enough!")), "Password([redacted])");
    }
}
