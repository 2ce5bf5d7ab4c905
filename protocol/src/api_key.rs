//! API keys of packagers and consoles (docs/PROTOCOL.md, "Packager and console").

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use crate::envelope::{Psk, PskSecret};
use crate::error::{ErrorCode, ProtocolError};
use crate::ids::{ApiKeyId, decode_base64url};
use crate::keys::derive;
use crate::secret::secret;

const PREFIX: &str = "kv_";
const PSK_LABEL: &[u8] = b"keyveil/v1/api-key-psk";

secret! {
    /// The 32 random bytes of an API key.
    ApiKeySecret[32]
}

/// `kv_<id>_<base64url(32)>`.
#[derive(Clone, Debug)]
pub struct ApiKey {
    id: ApiKeyId,
    secret: ApiKeySecret,
}

impl ApiKey {
    /// From an id and 32 bytes of a secure random source.
    #[must_use]
    pub const fn new(id: ApiKeyId, secret: ApiKeySecret) -> Self {
        Self { id, secret }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &ApiKeyId {
        &self.id
    }

    /// The text handed out once. Never log what this returns.
    #[must_use]
    pub fn expose_text(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, Base64UrlUnpadded::encode_string(self.secret.expose_secret()))
    }

    /// SHA-256 of the secret: what the server stores. 256 random bits need no slow hash.
    #[must_use]
    pub fn secret_hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret.expose_secret()).into()
    }

    /// The pre-shared key of envelopes to the holder of this API key.
    #[must_use]
    pub fn psk(&self) -> Psk {
        Psk::new(self.id.as_str(), self.psk_secret())
    }

    /// The secret in [`Self::psk`], for the server to keep under its KMS.
    #[must_use]
    pub fn psk_secret(&self) -> PskSecret {
        let mut psk_secret = PskSecret::zero();
        derive(self.secret.expose_secret(), &[PSK_LABEL], psk_secret.bytes_mut());
        psk_secret
    }
}

impl FromStr for ApiKey {
    type Err = ProtocolError;

    fn from_str(text: &str) -> Result<Self, ProtocolError> {
        // base64url has '_' in its alphabet: the id ends where exactly 43 characters remain.
        const SECRET_TEXT_LEN: usize = 43;
        let invalid = ProtocolError::new(ErrorCode::ApiKeyInvalid, "API key is malformed");
        let rest = text.strip_prefix(PREFIX).filter(|rest| rest.is_ascii()).ok_or(invalid.clone())?;
        let at = rest.len().checked_sub(SECRET_TEXT_LEN).ok_or(invalid.clone())?;
        let (head, secret) = rest.split_at(at);
        let id = head.strip_suffix('_').ok_or(invalid.clone())?;
        Ok(Self {
            id: id.parse().map_err(|_| invalid.clone())?,
            secret: ApiKeySecret::from_bytes(decode_base64url(secret).ok_or(invalid)?),
        })
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_[redacted]", self.id)
    }
}
