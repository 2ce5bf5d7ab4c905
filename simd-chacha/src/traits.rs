//! As other crates take an AEAD: HPKE here.

use chacha20poly1305::aead::consts::{U12, U16, U32};
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadCore, AeadInOut, Error, KeyInit, KeySizeUser, TagPosition};
use chacha20poly1305::{Key, Nonce, Tag};

use crate::ChaCha20Poly1305;

impl KeySizeUser for ChaCha20Poly1305 {
    type KeySize = U32;
}

impl KeyInit for ChaCha20Poly1305 {
    fn new(key: &Key) -> Self {
        Self::with_key(&key.0)
    }
}

impl AeadCore for ChaCha20Poly1305 {
    type NonceSize = U12;
    type TagSize = U16;
    const TAG_POSITION: TagPosition = TagPosition::Postfix;
}

impl AeadInOut for ChaCha20Poly1305 {
    fn encrypt_inout_detached(
        &self,
        nonce: &Nonce,
        associated: &[u8],
        mut text: InOutBuf<'_, '_, u8>,
    ) -> Result<Tag, Error> {
        self.seal(&nonce.0, associated, in_place(&mut text)).map(Tag::from).map_err(|_| Error)
    }

    fn decrypt_inout_detached(
        &self,
        nonce: &Nonce,
        associated: &[u8],
        mut text: InOutBuf<'_, '_, u8>,
        tag: &Tag,
    ) -> Result<(), Error> {
        self.open(&nonce.0, associated, in_place(&mut text), &tag.0).map_err(|_| Error)
    }
}

fn in_place<'a>(text: &'a mut InOutBuf<'_, '_, u8>) -> &'a mut [u8] {
    for mut byte in text.reborrow() {
        *byte.get_out() = byte.clone_in();
    }
    text.get_out()
}
