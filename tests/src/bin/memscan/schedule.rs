//! Finds AES key schedules: a key that was expanded stands in memory as words that follow from one another, so no one has to
//! know it to see it (FIPS-197, 5.2 and 5.3.5).

/// The shorter and the longer key's schedule.
const SIZES: [Size; 2] = [Size { key_words: 4, rounds: 10 }, Size { key_words: 8, rounds: 14 }];
/// Bytes from a place on that a schedule takes at most.
pub(crate) const SCHEDULE_LEN_MAX: usize = 240;
const SBOX: [u8; 256] = sbox();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    key_words: usize,
    rounds: usize,
}

impl Size {
    const fn words(self) -> usize {
        4 * (self.rounds + 1)
    }
}

/// How an implementation keeps its round keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// InvMixColumns on all but the first and last round key: what the equivalent inverse cipher takes.
    pub(crate) decryption: bool,
    /// The last round's key stands first.
    pub(crate) reversed: bool,
    /// Words in the byte order of a little-endian machine.
    pub(crate) swapped: bool,
}

impl Form {
    pub(crate) fn name(self) -> String {
        let kind = if self.decryption { "decryption" } else { "encryption" };
        let order = if self.reversed { ", rounds reversed" } else { "" };
        let words = if self.swapped { ", words swapped" } else { "" };
        format!("{kind}{order}{words}")
    }
}

/// A schedule that stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) form: Form,
    pub(crate) key: Vec<u8>,
}

/// The schedule that `bytes` begin with, if they do.
pub(crate) fn schedule_at(bytes: &[u8]) -> Option<Found> {
    SIZES.into_iter().find_map(|size| {
        let bytes = bytes.get(..4 * size.words())?;
        [false, true].into_iter().filter(|reversed| may_be(bytes, size, *reversed)).find_map(|reversed| {
            let forms = [(false, false), (false, true), (true, false), (true, true)];
            forms
                .into_iter()
                .find_map(|(decryption, swapped)| of_form(bytes, size, Form { decryption, reversed, swapped }))
        })
    })
}

/// Words that [`may_begin`] looks at.
pub(crate) const GLANCE_WORDS: usize = 28;

/// Whether a schedule may begin with these words: the first part of [`may_be`] for each size and order, in four comparisons, because
/// all of memory passes here.
pub(crate) fn may_begin(words: &[u32; GLANCE_WORDS]) -> bool {
    let (first, second) = (words[16], words[17]);
    let follows = |after: usize| words[after + 1] ^ words[after] == second;
    let precedes = |after: usize| second ^ first == words[after + 1];
    first != 0 && (follows(20) || follows(24) || precedes(20) || precedes(24))
}

/// Whether it is worth a closer look. Three words of four are the exclusive or of two others. That is linear, so it holds in each
/// byte order and after InvMixColumns too, and one glance at the middle rounds rules out nearly all of memory for all forms.
fn may_be(bytes: &[u8], size: Size, reversed: bool) -> bool {
    let word = |at: usize| {
        bytes.get(4 * at..4 * at + 4).map_or(0, |word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]))
    };
    // Of two round keys that are a key's length apart, the one that was made of the other.
    let (before, after) = if reversed { (16 + size.key_words, 16) } else { (16, 16 + size.key_words) };
    (1..4).all(|n| word(after + n) ^ word(after + n - 1) == word(before + n)) && word(after) != 0 && word(before) != 0
}

/// The key, if the words, brought from `form` to that of FIPS-197, are its expansion.
fn of_form(bytes: &[u8], size: Size, form: Form) -> Option<Found> {
    let mut rounds: Vec<[[u8; 4]; 4]> = bytes.chunks_exact(16).map(|round| round_key(round, form.swapped)).collect();
    if form.reversed {
        rounds.reverse();
    }
    if form.decryption {
        rounds.iter_mut().skip(1).take(size.rounds - 1).flatten().for_each(mix_column);
    }
    let words: Vec<[u8; 4]> = rounds.into_iter().flatten().collect();
    let key = words.get(..size.key_words)?.concat();
    (expand(&key) == words).then_some(Found { form, key })
}

fn round_key(bytes: &[u8], swapped: bool) -> [[u8; 4]; 4] {
    let mut words = [[0; 4]; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        word.copy_from_slice(bytes);
        if swapped {
            word.reverse();
        }
    }
    words
}

/// FIPS-197's KeyExpansion of a key of 16 or 32 bytes.
pub(crate) fn expand(key: &[u8]) -> Vec<[u8; 4]> {
    let key_words = key.len() / 4;
    let mut words: Vec<[u8; 4]> = key.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]]).collect();
    let mut constant = 1;
    for at in key_words..4 * (key_words + 7) {
        let mut word = words[at - 1];
        if at % key_words == 0 {
            word.rotate_left(1);
            word = word.map(substitute);
            word[0] ^= constant;
            constant = double(constant);
        } else if key_words > 6 && at % key_words == 4 {
            word = word.map(substitute);
        }
        for (byte, before) in word.iter_mut().zip(words[at - key_words]) {
            *byte ^= before;
        }
        words.push(word);
    }
    words
}

/// MixColumns; three times over it is InvMixColumns, because its fourth power changes nothing.
pub(crate) fn mix_column(column: &mut [u8; 4]) {
    let all = column[0] ^ column[1] ^ column[2] ^ column[3];
    let [a, b, c, d] = *column;
    *column = [a ^ all ^ double(a ^ b), b ^ all ^ double(b ^ c), c ^ all ^ double(c ^ d), d ^ all ^ double(d ^ a)];
}

fn substitute(byte: u8) -> u8 {
    SBOX[usize::from(byte)]
}

/// Multiplication by x in the field of FIPS-197, 4.2.
const fn double(byte: u8) -> u8 {
    (byte << 1) ^ (if byte & 0x80 == 0 { 0 } else { 0x1B })
}

/// Walks the field by a generator and its inverse at once, so that each value meets its reciprocal.
const fn sbox() -> [u8; 256] {
    let mut table = [0; 256];
    let (mut value, mut reciprocal) = (1_u8, 1_u8);
    loop {
        value ^= double(value);
        reciprocal ^= reciprocal << 1;
        reciprocal ^= reciprocal << 2;
        reciprocal ^= reciprocal << 4;
        if reciprocal & 0x80 != 0 {
            reciprocal ^= 0x09;
        }
        let rotated = reciprocal.rotate_left(1) ^ reciprocal.rotate_left(2) ^ reciprocal.rotate_left(3);
        table[value as usize] = reciprocal ^ rotated ^ reciprocal.rotate_left(4) ^ 0x63;
        if value == 1 {
            break;
        }
    }
    table[0] = 0x63;
    table
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
