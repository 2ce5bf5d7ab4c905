//! Looks for known secrets in memory, as they are and in the forms that a machine may give them.

use std::collections::{BTreeMap, BTreeSet};

/// How many bits of a needle's beginning the filter knows.
const FILTER_BITS: u32 = 19;
/// The shortest secret that says something when it is found.
const SECRET_LEN_MIN: usize = 16;

/// A secret in one form.
pub(crate) struct Needle {
    pub(crate) secret: usize,
    pub(crate) form: &'static str,
    bytes: Vec<u8>,
}

/// Thousands of needles, found in one pass.
pub(crate) struct Needles {
    by_begin: BTreeMap<u32, Vec<Needle>>,
    filter: Vec<u64>,
    pub(crate) len_max: usize,
}

impl Needles {
    /// # Errors
    /// For a secret that is too short to tell from chance.
    pub(crate) fn new<'a>(secrets: impl Iterator<Item = &'a [u8]>) -> Result<Self, String> {
        let mut needles = Self { by_begin: BTreeMap::new(), filter: vec![0; 1 << (FILTER_BITS - 6)], len_max: 0 };
        for (secret, bytes) in secrets.enumerate() {
            if bytes.len() < SECRET_LEN_MIN {
                return Err(format!("secret {secret} is shorter than {SECRET_LEN_MIN} bytes"));
            }
            let mut known = BTreeSet::new();
            for (form, bytes) in forms(bytes) {
                if known.insert(bytes.clone()) {
                    needles.add(Needle { secret, form, bytes });
                }
            }
        }
        Ok(needles)
    }

    /// Calls `found` with each needle that begins within the first `starts` bytes, and where.
    pub(crate) fn find(&self, memory: &[u8], starts: usize, mut found: impl FnMut(&Needle, usize)) {
        for (at, begin) in memory.array_windows().enumerate().take(starts) {
            let begin = u32::from_le_bytes(*begin);
            let (slot, bit) = slot_of(begin);
            if self.filter[slot] & bit == 0 {
                continue;
            }
            for needle in self.by_begin.get(&begin).into_iter().flatten() {
                if memory.get(at..).is_some_and(|rest| rest.starts_with(&needle.bytes)) {
                    found(needle, at);
                }
            }
        }
    }

    fn add(&mut self, needle: Needle) {
        let begin = u32::from_le_bytes([needle.bytes[0], needle.bytes[1], needle.bytes[2], needle.bytes[3]]);
        let (slot, bit) = slot_of(begin);
        self.filter[slot] |= bit;
        self.len_max = self.len_max.max(needle.bytes.len());
        self.by_begin.entry(begin).or_default().push(needle);
    }
}

/// Where the filter has the needles that begin so. Multiplied, because the low bits of texts are all alike.
fn slot_of(begin: u32) -> (usize, u64) {
    let hash = begin.wrapping_mul(0x9E37_79B1) >> (32 - FILTER_BITS);
    (usize::try_from(hash >> 6).unwrap_or(0), 1 << (hash & 63))
}

fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let swapped = |word: usize| secret.chunks(word).flat_map(|word| word.iter().rev()).copied().collect();
    let hex = hex::encode(secret);
    let wide = hex.bytes().flat_map(|character| [character, 0]).collect();
    vec![
        ("raw", secret.to_vec()),
        ("32-bit swapped", swapped(4)),
        ("64-bit swapped", swapped(8)),
        ("reversed", secret.iter().rev().copied().collect()),
        ("hex", hex.into_bytes()),
        ("hex of 16-bit characters", wide),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRETS: [[u8; 16]; 2] = [*b"the first secret", *b"another, so long"];

    fn found(memory: &[u8], starts: usize) -> Vec<(usize, &'static str, usize)> {
        let needles = Needles::new(SECRETS.iter().map(<[u8; 16]>::as_slice)).unwrap();
        let mut found = Vec::new();
        needles.find(memory, starts, |needle, at| found.push((needle.secret, needle.form, at)));
        found
    }

    #[test]
    fn each_form_is_found_at_any_place() {
        for (secret, bytes) in SECRETS.iter().enumerate() {
            for (form, needle) in forms(bytes) {
                for at in 0..9 {
                    let memory = [vec![7; at], needle.clone(), vec![9; 5]].concat();
                    assert_eq!(found(&memory, memory.len()), [(secret, form, at)]);
                }
            }
        }
    }

    #[test]
    fn what_is_altered_cut_off_or_begins_later_is_not_found() {
        let mut memory = SECRETS[0].to_vec();
        assert_eq!(found(&memory, 1).len(), 1);
        assert!(found(&memory, 0).is_empty());
        assert!(found(&memory[..15], 16).is_empty());
        memory[9] ^= 1;
        assert!(found(&memory, 16).is_empty());
    }

    #[test]
    fn a_secret_that_chance_could_show_is_refused() {
        assert!(Needles::new([[1; 15].as_slice()].into_iter()).is_err());
    }
}
