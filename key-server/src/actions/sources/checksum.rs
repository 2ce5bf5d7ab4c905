use base64ct::{Base64, Encoding};
use keyveil_protocol::ErrorCode;
use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use crate::refusal::Refusal;

/// Bytes on their way, and what they have to hash to.
pub(crate) struct Checksum {
    digest: Context,
    expected: Vec<u8>,
}

impl Checksum {
    /// From `Upload-Checksum: <algorithm> <base64>`.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let malformed = |cause: &'static str| Refusal::new(ErrorCode::MalformedRequest, cause);
        let (name, value) = text.split_once(' ').ok_or_else(|| malformed("Upload-Checksum has no value"))?;
        // SHA-1 finds transport errors, which is what tus asks of every server; nothing here trusts it further.
        let algorithm = match name {
            "sha1" => &SHA1_FOR_LEGACY_USE_ONLY,
            "sha256" => &SHA256,
            _ => return Err(malformed("Upload-Checksum is neither sha1 nor sha256")),
        };
        let expected = Base64::decode_vec(value).ok().filter(|expected| expected.len() == algorithm.output_len());
        Ok(Self::new(algorithm, expected.ok_or_else(|| malformed("Upload-Checksum is not the base64 of a digest"))?))
    }

    pub(crate) fn sha256(expected: [u8; 32]) -> Self {
        Self::new(&SHA256, expected.to_vec())
    }

    fn new(algorithm: &'static Algorithm, expected: Vec<u8>) -> Self {
        Self { digest: Context::new(algorithm), expected }
    }

    /// The next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    /// All of them were there.
    pub(crate) fn verify(self) -> Result<(), Refusal> {
        if self.digest.finish().as_ref() == self.expected {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::ChecksumMismatch, "bytes differ from their checksum"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read_and_compared() {
        for (header, fits) in [
            ("sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", true),
            ("sha256 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", true),
            ("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=", false),
        ] {
            let mut checksum = Checksum::parse(header).unwrap();
            checksum.update(b"a");
            checksum.update(b"bc");
            assert_eq!(checksum.verify().map_err(|refusal| refusal.code()).err().is_none(), fits, "{header}");
        }
        for header in ["", "sha1", "md5 kAFQmDzST7DWlj99KOF/cg==", "sha1 !", "sha256 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="] {
            assert!(Checksum::parse(header).is_err(), "{header}");
        }
    }
}
