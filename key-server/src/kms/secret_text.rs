use base64ct::{Base64, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::Plaintext;
use super::remote::Trouble;

/// A secret as engines behind HTTP write it: base64, wiped like the secret itself.
pub(super) struct SecretText(Zeroizing<String>);

impl SecretText {
    pub(super) fn of(secret: &[u8]) -> Self {
        Self(Zeroizing::new(Base64::encode_string(secret)))
    }

    pub(super) fn decoded(&self) -> Result<Plaintext, Trouble> {
        decoded(&self.0)
    }

    /// Of a data key.
    pub(super) fn decoded_32(&self) -> Result<Zeroizing<[u8; 32]>, Trouble> {
        let secret = <[u8; 32]>::try_from(self.decoded()?.as_slice()).map(Zeroizing::new);
        secret.map_err(|_| Trouble::passing("the answer's data key is not 32 bytes long"))
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Zeroizing::new).map(Self)
    }
}

/// What an answer says in base64.
pub(super) fn decoded(base64: &str) -> Result<Plaintext, Trouble> {
    Base64::decode_vec(base64).map(Zeroizing::new).map_err(|_| Trouble::passing("the answer holds no base64"))
}
