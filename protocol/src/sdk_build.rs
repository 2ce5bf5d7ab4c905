//! What a player's wasm carries of its key server (docs/BUILDS.md): words of 32 bits, which its code asks for one by one and which
//! `key-server build write` puts there. How each word is made is a matter of that build alone.

use std::fmt;
use std::iter;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::envelope::{Psk, PskSecret, ServerPublicKey};
use crate::error::{ErrorCode, ProtocolError};
use crate::ids::BuildId;
use crate::keys::derive;
use crate::secret::secret;

const LABEL_LABEL: &[u8] = b"keyveil/v1/build/label";
const MASK_LABEL: &[u8] = b"keyveil/v1/build/mask";
const LAYOUT_LABEL: &[u8] = b"keyveil/v1/build/layout";

/// Word 0. A module without a build answers 0.
const FORMAT: u32 = 0x6B76_0002;
/// The words after word 0, which is the format, and word 1, the length of the public part in bytes.
const LABEL_WORD: u32 = 2;
const MASKED_WORD: u32 = LABEL_WORD + 8;
const PUBLIC_WORD: u32 = MASKED_WORD + 8;
const PUBLIC_LEN_MAX: u32 = 4096;
const SERVER_KEYS_MAX: usize = 8;

secret! {
    /// What a build's code is laid out by: the same build is written the same each time.
    BuildLayoutSeed[32]
}

/// An SDK build, as the key server knows it.
#[derive(Clone)]
pub struct SdkBuild {
    /// Its id.
    pub id: BuildId,
    /// The secret that its players prove to have.
    pub secret: PskSecret,
    /// The server keys that its players trust.
    pub server_keys: Vec<ServerPublicKey>,
}

const fn missing(cause: &'static str) -> ProtocolError {
    ProtocolError::new(ErrorCode::BuildMissing, cause)
}

impl SdkBuild {
    /// What its wasm has to answer, by number. The secret is among them under a mask that the build's own label gives.
    ///
    /// # Errors
    /// `build_missing` for a build that no player could use: without a server key, or with more than 8.
    pub fn words(&self) -> Result<Zeroizing<Vec<u32>>, ProtocolError> {
        if !(1..=SERVER_KEYS_MAX).contains(&self.server_keys.len()) {
            return Err(missing("a build pins 1 to 8 server keys"));
        }
        let public = self.public_part();
        let public_len = u32::try_from(public.len()).map_err(|_| missing("build is too long"))?;

        let mut label = Zeroizing::new([0; 32]);
        derive(self.secret.expose_secret(), &[LABEL_LABEL], &mut label);
        let mut masked = mask(&label, &self.id);
        for (byte, secret) in masked.iter_mut().zip(self.secret.expose_secret()) {
            *byte ^= secret;
        }
        let mut words = Zeroizing::new(vec![FORMAT, public_len]);
        for part in [label.as_slice(), masked.as_slice(), &public] {
            words.extend(part.chunks(4).map(|chunk| {
                chunk.iter().zip([0, 8, 16, 24]).fold(0, |word, (byte, shift)| word | u32::from(*byte) << shift)
            }));
        }
        Ok(words)
    }

    /// The build's id, then each server key: its id and 32 bytes. An id is its length in one byte, and its text.
    fn public_part(&self) -> Vec<u8> {
        // Ids have at most 64 characters.
        let text = |id: &str| [&[u8::try_from(id.len()).unwrap_or(u8::MAX)], id.as_bytes()].concat();
        let keys = self.server_keys.iter().map(|key| [&text(key.id().as_str())[..], &key.to_bytes()].concat());
        iter::once(text(self.id.as_str())).chain(keys).collect::<Vec<_>>().concat()
    }

    /// What to lay its code out by.
    #[must_use]
    pub fn layout_seed(&self) -> BuildLayoutSeed {
        let mut seed = BuildLayoutSeed::zero();
        derive(self.secret.expose_secret(), &[LAYOUT_LABEL], seed.bytes_mut());
        seed
    }
}

impl fmt::Debug for SdkBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SdkBuild({}, [redacted])", self.id)
    }
}

/// An SDK build, as the module that carries it knows it. `word` gives the word of a number; the secret is put together from them
/// when it is needed, and kept nowhere.
pub struct EmbeddedBuild<F> {
    id: BuildId,
    server_keys: Vec<ServerPublicKey>,
    word: F,
}

impl<F: Fn(u32) -> u32> EmbeddedBuild<F> {
    /// # Errors
    /// `build_missing` where there is no build, or one that this protocol can't use.
    pub fn read(word: F) -> Result<Self, ProtocolError> {
        let public_len = word(1);
        if word(0) != FORMAT || public_len > PUBLIC_LEN_MAX {
            return Err(missing("module carries no build"));
        }
        let mut public = Vec::new();
        for index in PUBLIC_WORD..PUBLIC_WORD + public_len.div_ceil(4) {
            public.extend_from_slice(&word(index).to_le_bytes());
        }
        public.truncate(public_len as usize);
        let (id, mut rest) = take_id(&public)?;
        let mut server_keys = Vec::new();
        while !rest.is_empty() {
            let (id, after_id) = take_id(rest)?;
            let (key, after_key) = after_id.split_first_chunk().ok_or(missing("server key is not 32 bytes"))?;
            server_keys.push(ServerPublicKey::from_bytes(id, key).map_err(|_| missing("server key"))?);
            rest = after_key;
        }
        if server_keys.is_empty() {
            return Err(missing("build pins no server key"));
        }
        Ok(Self { id, server_keys, word })
    }

    /// Its id.
    pub const fn id(&self) -> &BuildId {
        &self.id
    }

    /// The server keys to trust.
    pub fn server_keys(&self) -> &[ServerPublicKey] {
        &self.server_keys
    }

    /// What authenticates the build to the server, for the moment of opening an envelope.
    pub fn psk(&self) -> Psk {
        let mut label = Zeroizing::new([0; 32]);
        self.fill(LABEL_WORD, &mut label);
        let mut secret = PskSecret::zero();
        self.fill(MASKED_WORD, secret.bytes_mut());
        for (byte, mask) in secret.bytes_mut().iter_mut().zip(mask(&label, &self.id).iter()) {
            *byte ^= mask;
        }
        Psk::new(self.id.as_str(), secret)
    }

    fn fill(&self, first: u32, bytes: &mut [u8; 32]) {
        for (chunk, index) in bytes.chunks_exact_mut(4).zip(first..) {
            chunk.copy_from_slice(&(self.word)(index).to_le_bytes());
        }
    }
}

/// An id as [`SdkBuild::public_part`] writes it, and what follows it.
fn take_id<T: FromStr>(bytes: &[u8]) -> Result<(T, &[u8]), ProtocolError> {
    let malformed = missing("build is malformed");
    let (len, rest) = bytes.split_first().ok_or_else(|| malformed.clone())?;
    let (text, rest) = rest.split_at_checked(usize::from(*len)).ok_or_else(|| malformed.clone())?;
    let id = str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(malformed)?;
    Ok((id, rest))
}

fn mask(label: &[u8; 32], id: &BuildId) -> Zeroizing<[u8; 32]> {
    let mut mask = Zeroizing::new([0; 32]);
    derive(label, &[MASK_LABEL, &[0], id.as_str().as_bytes()], &mut mask);
    mask
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::envelope::ServerKey;

    fn build(secret: u8) -> SdkBuild {
        let key = |id: &str, byte| ServerKey::from_bytes(id.parse().unwrap(), &[byte; 32]).unwrap().public_key();
        SdkBuild {
            id: "build-1".parse().unwrap(),
            secret: PskSecret::from_bytes([secret; 32]),
            server_keys: vec![key("newer", 4), key("older", 3)],
        }
    }

    fn read(words: &[u32]) -> Result<EmbeddedBuild<impl Fn(u32) -> u32>, ProtocolError> {
        EmbeddedBuild::read(|index| words.get(index as usize).copied().unwrap_or(0))
    }

    #[test]
    fn a_module_reads_what_was_written() {
        let build = build(0x5A);
        let words = build.words().unwrap();
        let embedded = read(&words).unwrap();
        assert_eq!((embedded.id(), embedded.server_keys()), (&build.id, build.server_keys.as_slice()));
        assert_eq!(embedded.psk().secret(), &build.secret);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert!(!bytes.windows(4).any(|window| window == [0x5A; 4]), "the secret is masked");
    }

    #[test]
    fn two_builds_have_no_label_nor_mask_in_common() {
        let (one, other) = (build(1).words().unwrap(), build(2).words().unwrap());
        assert!((LABEL_WORD..PUBLIC_WORD).all(|index| one[index as usize] != other[index as usize]));
        assert_eq!(one, build(1).words().unwrap(), "the control: the same build is written the same");
        assert_ne!(build(1).layout_seed(), build(2).layout_seed());
    }

    #[test]
    fn what_is_no_build_is_missing() {
        let words = build(1).words().unwrap();
        let with = |index: usize, word: u32| {
            let mut words = words.to_vec();
            words[index] = word;
            words
        };
        assert!(read(&words).is_ok(), "the control");
        for words in [vec![], vec![0; 64], with(0, FORMAT + 1), with(1, words[1] - 1), with(1, u32::MAX), with(20, 0)] {
            assert_eq!(read(&words).err().unwrap().code(), ErrorCode::BuildMissing);
        }
        assert!(SdkBuild { server_keys: vec![], ..build(1) }.words().is_err());
    }
}
