use aes::Aes128;
use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::Aead;
use keyveil_protocol::{BLOCK_LEN, CHUNK_LEN, Cipher, ErrorCode, SegmentDecryptor, SegmentKey, TAG_LEN};

use crate::Outcome;
use crate::input::Input;

/// A ciphertext under any key, or (the first byte says so, and of which cipher) a clear segment that is encrypted first.
pub fn segment(data: &[u8]) -> Outcome {
    let mut input = Input(data);
    let (kind, key) = (input.byte(), input.array::<32>());
    let cipher = if kind & 2 == 0 { Cipher::Aes128Cbc } else { Cipher::ChaCha20Poly1305 };
    let new_key = || SegmentKey::from_bytes(cipher, key);
    let mut buffer = input.0.to_vec();
    if kind & 1 == 1 {
        let clear_len = buffer.len();
        new_key().encrypt(&mut buffer).unwrap();
        assert_eq!(buffer.len(), sealed_len(cipher, clear_len));
    }
    let ciphertext = buffer.clone();
    let expected = match cipher {
        Cipher::Aes128Cbc => unpadded(&key, &ciphertext),
        Cipher::ChaCha20Poly1305 => opened(&key, &ciphertext),
    };
    let in_parts = in_parts(cipher, new_key, &ciphertext, usize::from(kind >> 2) + 1);
    assert_eq!(in_parts, expected, "as it arrives");
    match new_key().decrypt(&mut buffer) {
        Ok(clear_len) => {
            assert_eq!(expected.as_deref(), Some(&buffer[..clear_len]));
            buffer.truncate(clear_len);
            new_key().encrypt(&mut buffer).unwrap();
            assert_eq!(buffer, ciphertext, "one clear segment has one ciphertext");
            Outcome::Accepted
        }
        Err(refusal) => {
            assert!(refusal.code() == ErrorCode::SegmentDamaged && expected.is_none() && kind & 1 == 0);
            Outcome::Refused(refusal.code().as_str())
        }
    }
}

fn sealed_len(cipher: Cipher, clear_len: usize) -> usize {
    match cipher {
        Cipher::Aes128Cbc => (clear_len / BLOCK_LEN + 1) * BLOCK_LEN,
        Cipher::ChaCha20Poly1305 => clear_len + clear_len.div_ceil(CHUNK_LEN).max(1) * TAG_LEN,
    }
}

/// The same in parts of so many units.
fn in_parts(cipher: Cipher, key: impl Fn() -> SegmentKey, ciphertext: &[u8], units: usize) -> Option<Vec<u8>> {
    let mut decryptor = SegmentDecryptor::new(cipher);
    let mut clear = Vec::new();
    let mut rest = ciphertext.to_vec();
    let part_len = units * decryptor.unit();
    loop {
        let is_last = rest.len() <= part_len;
        let behind = if is_last { Vec::new() } else { rest.split_off(part_len) };
        let clear_len = decryptor.push(key(), &[5; BLOCK_LEN], &mut rest, is_last).ok()?;
        clear.extend_from_slice(&rest[..clear_len]);
        if is_last {
            return Some(clear);
        }
        rest = behind;
    }
}

/// docs/PROTOCOL.md, "Segment cipher `chacha20-poly1305`", chunk by chunk.
fn opened(key: &[u8; 32], ciphertext: &[u8]) -> Option<Vec<u8>> {
    let cipher = ChaCha20Poly1305::new(key.into());
    let mut clear = Vec::new();
    let mut number = 0_u8;
    let mut rest = ciphertext;
    loop {
        let (chunk, behind) = rest.split_at(rest.len().min(CHUNK_LEN + TAG_LEN));
        let nonce = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number, u8::from(behind.is_empty())];
        let opened = cipher.decrypt(&nonce.into(), chunk).ok()?;
        if opened.is_empty() && number > 0 {
            return None;
        }
        clear.extend(opened);
        if behind.is_empty() {
            return Some(clear);
        }
        // Inputs are far below 256 chunks.
        (rest, number) = (behind, number + 1);
    }
}

/// NIST SP 800-38A, section 6.2, and RFC 5652, section 6.3, block by block.
fn unpadded(key: &[u8; 32], ciphertext: &[u8]) -> Option<Vec<u8>> {
    let (key, iv) = key.split_at(BLOCK_LEN);
    let aes = Aes128::new(&Array::try_from(key).unwrap());
    let mut previous = iv.to_vec();
    let (blocks, rest) = ciphertext.as_chunks::<BLOCK_LEN>();
    let mut clear = Vec::new();
    for block in blocks {
        let mut opened = Array::from(*block);
        aes.decrypt_block(&mut opened);
        clear.extend(opened.iter().zip(&previous).map(|(byte, mask)| byte ^ mask));
        previous = block.to_vec();
    }
    let padding = usize::from(*clear.last()?);
    let clear_len = clear.len().checked_sub(padding)?;
    let fits = rest.is_empty() && (1..=BLOCK_LEN).contains(&padding);
    let (_, tail) = clear.split_at(clear_len);
    (fits && tail.iter().all(|byte| usize::from(*byte) == padding)).then(|| clear[..clear_len].to_vec())
}
