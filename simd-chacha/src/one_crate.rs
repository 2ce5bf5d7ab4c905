//! The crate that does all of it.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};

use crate::{KEY_LEN, NONCE_LEN, Refused, TAG_LEN};

pub(crate) fn seal(
    key: &[u8; KEY_LEN],
    nonce: &[u8; NONCE_LEN],
    associated: &[u8],
    text: &mut [u8],
) -> Result<[u8; TAG_LEN], Refused> {
    let sealed = ChaCha20Poly1305::new(key.into()).encrypt_inout_detached(nonce.into(), associated, text.into());
    sealed.map(Into::into).map_err(|_| Refused)
}

pub(crate) fn open(
    key: &[u8; KEY_LEN],
    nonce: &[u8; NONCE_LEN],
    associated: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> Result<(), Refused> {
    ChaCha20Poly1305::new(key.into())
        .decrypt_inout_detached(nonce.into(), associated, text.into(), tag.into())
        .map_err(|_| Refused)
}
