use aes::Aes128;
use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use keyveil_protocol::{BLOCK_LEN, ErrorCode, SegmentKey};

use crate::Outcome;
use crate::input::Input;

/// A ciphertext under any key, or (the first byte says so) a clear segment that is encrypted first.
pub fn segment(data: &[u8]) -> Outcome {
    let mut input = Input(data);
    let (kind, key) = (input.byte(), input.array::<32>());
    let mut buffer = input.0.to_vec();
    if kind & 1 == 1 {
        let clear_len = buffer.len();
        SegmentKey::from_bytes(key).encrypt(&mut buffer).unwrap();
        assert_eq!(buffer.len(), (clear_len / BLOCK_LEN + 1) * BLOCK_LEN);
    }
    let ciphertext = buffer.clone();
    let expected = unpadded(&key, &ciphertext);
    match SegmentKey::from_bytes(key).decrypt(&mut buffer) {
        Ok(clear_len) => {
            assert_eq!(expected.as_deref(), Some(&buffer[..clear_len]));
            buffer.truncate(clear_len);
            SegmentKey::from_bytes(key).encrypt(&mut buffer).unwrap();
            assert_eq!(buffer, ciphertext, "one clear segment has one ciphertext");
            Outcome::Accepted
        }
        Err(refusal) => {
            assert!(refusal.code() == ErrorCode::SegmentDamaged && expected.is_none() && kind & 1 == 0);
            Outcome::Refused(refusal.code().as_str())
        }
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
