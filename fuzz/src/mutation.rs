//! Mutations of a corpus without libFuzzer: the same ones for the same seed, on every machine.

/// What readers have rules about.
const TOKENS: [&[u8]; 24] = [
    b"\0",
    b"\r",
    b"\n",
    b"\"",
    b"\\",
    b",",
    b"=",
    b".",
    b"/",
    b"../",
    b"#",
    b"?",
    b"&",
    b"-1",
    b"+1",
    b"00",
    b"1e9",
    b"4294967296",
    b"18446744073709551616",
    b"null",
    b"[]",
    b"{}",
    b"\\ud800",
    b"\xff",
];

/// splitmix64: a line long, and good enough to choose by.
pub struct Random(u64);

impl Random {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0 where nothing is.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }
}

/// One input of `corpus` with one to four changes.
#[must_use]
pub fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        change(&mut bytes, corpus, random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let (at, to) = (random.below(bytes.len() + 1), random.below(bytes.len() + 1));
    let (from, to) = (at.min(to), at.max(to));
    match random.below(7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = random.next() as u8,
        2 => drop(bytes.drain(from..to.min(from + 16))),
        3 => {
            let doubled = bytes[from..to.min(from + 64)].to_vec();
            bytes.splice(to..to, doubled);
        }
        4 => bytes.truncate(to),
        5 => {
            let other = &corpus[random.below(corpus.len())];
            bytes.truncate(from);
            bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        _ => {
            let token = TOKENS[random.below(TOKENS.len())];
            bytes.splice(from..to.min(from + token.len()), token.iter().copied());
        }
    }
}
