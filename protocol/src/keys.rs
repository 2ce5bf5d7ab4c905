//! Key hierarchy (docs/PROTOCOL.md, "Key hierarchy"): title secret → period key → segment key and IV.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize;

use crate::secret::secret;
use crate::segment::{Aes128CbcKey, SegmentKey};
use crate::track::{Cipher, Period, Rendition, Segment, TrackClass};

const PERIOD_KEY_LABEL: &[u8] = b"keyveil/v1/period-key";
const STANDARD_KEY_LABEL: &[u8] = b"keyveil/v1/standard/key";
const STANDARD_IV_LABEL: &[u8] = b"keyveil/v1/standard/iv";
const AES_128_CBC_LABEL: &[u8] = b"keyveil/v1/segment/aes-128-cbc";
const CHACHA20_POLY1305_LABEL: &[u8] = b"keyveil/v1/segment/chacha20-poly1305";

secret! {
    /// 32 random bytes from the KMS, one per title. Everything else derives from it.
    TitleSecret[32]
}

secret! {
    /// Opens one track class of one period.
    PeriodKey[32]
}

impl TitleSecret {
    /// HKDF-SHA256 (RFC 5869) with label, track class and period as `info`.
    #[must_use]
    pub fn period_key(&self, track_class: TrackClass, period: Period) -> PeriodKey {
        let info = [PERIOD_KEY_LABEL, &[0, track_class.number()], &period.0.to_be_bytes()];
        let mut period_key = PeriodKey::zero();
        derive(self.expose_secret(), &info, period_key.bytes_mut());
        period_key
    }
}

impl PeriodKey {
    /// HKDF-SHA256 (RFC 5869) with the cipher's label, rendition and segment as `info`: 16 bytes of key, then 16 of IV, or 32 of key.
    /// A label per cipher, so that no key is ever used with two.
    #[must_use]
    pub fn segment_key(&self, cipher: Cipher, rendition: Rendition, segment: Segment) -> SegmentKey {
        let label = match cipher {
            Cipher::Aes128Cbc => AES_128_CBC_LABEL,
            Cipher::ChaCha20Poly1305 => CHACHA20_POLY1305_LABEL,
        };
        let info = [label, &[0], &rendition.0.to_be_bytes(), &segment.0.to_be_bytes()];
        let mut segment_key = SegmentKey::zero(cipher);
        derive(self.expose_secret(), &info, segment_key.bytes_mut());
        segment_key
    }

    /// What a segment of a standard title is encrypted with: the period's one key and an IV of its own
    /// (docs/DELIVERY.md, "Standard mode").
    #[must_use]
    pub fn standard_segment_key(&self, rendition: Rendition, segment: Segment) -> Aes128CbcKey {
        let (mut key, mut iv) = (Aes128CbcKey::zero(), Aes128CbcKey::zero());
        derive(self.expose_secret(), &[STANDARD_KEY_LABEL, &[0]], key.bytes_mut());
        let info = [STANDARD_IV_LABEL, &[0], &rendition.0.to_be_bytes(), &segment.0.to_be_bytes()];
        derive(self.expose_secret(), &info, iv.bytes_mut());
        let (_, key_end) = key.bytes_mut().split_at_mut(16);
        let (iv_start, _) = iv.bytes_mut().split_at(16);
        key_end.copy_from_slice(iv_start);
        key
    }
}

/// RFC 5869 with SHA-256, an empty salt and 32 bytes of output, written where they stay: a returned array would leave a
/// copy behind on the stack.
pub(crate) fn derive(ikm: &[u8; 32], info: &[&[u8]], okm: &mut [u8; 32]) {
    let (mut prk, hkdf) = Hkdf::<Sha256>::extract(None, ikm);
    prk.as_mut_slice().zeroize();
    // expand refuses only more than 255 × 32 bytes of output; 32 are asked for. A refusal would leave zeros, so it must
    // not pass silently.
    if hkdf.expand_multi_info(info, okm).is_err() {
        unreachable!("32 bytes are within HKDF's limit (RFC 5869, section 2.3)");
    }
}
