//! Follow-up requests (docs/PROTOCOL.md, `POST /v1/keys`): HMAC-SHA256 over the body under the session's key.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ids::decode_base64url;
use crate::secret::secret;

/// The header that carries the MAC.
pub const MAC_HEADER: &str = "Keyveil-Mac";
const LABEL: &[u8] = b"keyveil/v1/keys-mac";

secret! {
    /// Authenticates a session's further requests; comes in the play grant, so a captured session id is worth nothing.
    SessionMacKey[32]
}

impl SessionMacKey {
    /// The value of [`MAC_HEADER`] for this body: base64url, 43 characters.
    #[must_use]
    pub fn mac(&self, body: &[u8]) -> String {
        Base64UrlUnpadded::encode_string(&self.hmac(body).finalize().into_bytes())
    }

    /// Compares in constant time.
    #[must_use]
    pub fn verify(&self, body: &[u8], mac: &str) -> bool {
        decode_base64url::<32>(mac).is_some_and(|mac| self.hmac(body).verify_slice(&mac).is_ok())
    }

    fn hmac(&self, body: &[u8]) -> Hmac<Sha256> {
        let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(self.expose_secret()) else {
            unreachable!("HMAC takes keys of any length (RFC 2104, section 2)")
        };
        hmac.update(LABEL);
        hmac.update(&[0]);
        hmac.update(body);
        hmac
    }
}
