use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

/// How long another server's new key may go unnoticed.
const AGE_MAX: Duration = Duration::from_secs(10);
const KEY_LEN: u8 = 32;

/// The token's keys of our label.
#[derive(Default)]
pub(super) struct Keys {
    by_version: BTreeMap<u32, Vec<ObjectHandle>>,
    read_at: Option<Instant>,
}

impl Keys {
    pub(super) fn are_old(&self) -> bool {
        self.read_at.is_none_or(|read_at| read_at.elapsed() > AGE_MAX)
    }

    pub(super) fn newest(&self) -> Option<(u32, ObjectHandle)> {
        let (version, keys) = self.by_version.last_key_value()?;
        Some((*version, *keys.first()?))
    }

    pub(super) fn of(&self, version: u32) -> &[ObjectHandle] {
        self.by_version.get(&version).map_or(&[], Vec::as_slice)
    }
}

/// Lists the AES keys with `label`; those without an ID that is a version are not ours.
pub(super) fn read(session: &Session, label: &str) -> Result<Keys, Error> {
    let ours = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(true),
        Attribute::Label(label.as_bytes().to_vec()),
    ];
    let mut by_version: BTreeMap<u32, Vec<ObjectHandle>> = BTreeMap::new();
    for key in session.find_objects(&ours)? {
        let attributes = session.get_attributes(key, &[AttributeType::Id])?;
        if let Some(Attribute::Id(id)) = attributes.first()
            && let Some(version) = version_of(id)
        {
            by_version.entry(version).or_default().push(key);
        }
    }
    Ok(Keys { by_version, read_at: Some(Instant::now()) })
}

/// Makes a key that never leaves the token in the clear and that does nothing but this.
pub(super) fn generate(session: &Session, label: &str, version: u32) -> Result<ObjectHandle, Error> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(u64::from(KEY_LEN).try_into()?),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(id_of(version)),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
        Attribute::Sign(false),
        Attribute::Verify(false),
        Attribute::Derive(false),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template)
}

/// A version as people type it for `pkcs11-tool --id`: big-endian, no longer than it has to be.
fn id_of(version: u32) -> Vec<u8> {
    let bytes = version.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.into_iter().skip(zeros).collect()
}

fn version_of(id: &[u8]) -> Option<u32> {
    if id.is_empty() || id.len() > 4 {
        return None;
    }
    Some(id.iter().fold(0, |version, byte| version << 8 | u32::from(*byte))).filter(|version| *version > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_its_id_and_back() {
        for (version, id) in [(1, vec![1]), (255, vec![255]), (256, vec![1, 0]), (u32::MAX, vec![255; 4])] {
            assert_eq!(id_of(version), id);
            assert_eq!(version_of(&id), Some(version));
        }
        assert_eq!(version_of(&[0, 0, 0, 7]), Some(7));
        for unfit in [vec![], vec![0], vec![0, 0], vec![1; 5]] {
            assert_eq!(version_of(&unfit), None);
        }
    }
}
