use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use keyveil_protocol::{ProtocolError, ServerKey, ServerKeyId, ServerPublicKey};
use ring::digest;

/// More than are in use at once while keys are rotated.
const KEYS_MAX: usize = 16;

/// Public halves of server keys, each computed once. Of the private half only its SHA-256 is kept.
#[derive(Default)]
pub(crate) struct PublicHalves(Mutex<HashMap<[u8; 32], ServerPublicKey>>);

impl PublicHalves {
    /// The key with this private half.
    pub(crate) fn open(&self, id: &ServerKeyId, private: &[u8; 32]) -> Result<ServerKey, ProtocolError> {
        let mut name = [0; 32];
        name.copy_from_slice(digest::digest(&digest::SHA256, private).as_ref());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(public) = known.get(&name).filter(|public| public.id() == id) {
            return ServerKey::from_halves(public, private);
        }
        let key = ServerKey::from_bytes(id.clone(), private)?;
        if known.len() >= KEYS_MAX {
            known.clear();
        }
        known.insert(name, key.public_key());
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_when_its_public_half_was_known() {
        let halves = PublicHalves::default();
        let open = |id: &str, private: [u8; 32]| halves.open(&id.parse().unwrap(), &private).unwrap().public_key();
        let first = open("one", [1; 32]);
        assert_eq!(open("one", [1; 32]), first);
        assert_ne!(open("one", [2; 32]).to_bytes(), first.to_bytes());
        let renamed = open("two", [1; 32]);
        assert_eq!((renamed.id().as_str(), renamed.to_bytes()), ("two", first.to_bytes()));
    }
}
