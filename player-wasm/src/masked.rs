//! Secrets that wait in the module's memory: never in clear, and never twice under the same mask.

use std::hint::black_box;

use keyveil_protocol::{Envelope, GRANT_KEYS_MAX};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::session::PlayerError;

pub(crate) const SECRET_LEN: usize = 32;
type Bytes = [u8; SECRET_LEN];

/// 32 secret bytes in two random halves, of which neither says anything. Each has an allocation of its own: side by side, one XOR
/// over neighbouring memory would give the secret away. Moving this moves two addresses and leaves nothing behind.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Masked {
    mask: Box<Bytes>,
    masked: Box<Bytes>,
}

impl Masked {
    /// # Errors
    /// `internal` when there are no masks left.
    pub(crate) fn new(secret: &Bytes, masks: &mut Masks) -> Result<Self, PlayerError> {
        let mask = masks.0.pop().ok_or(PlayerError::INTERNAL)?;
        // Another mask that is the same, for the secret to be put under.
        let mut halves = Self { masked: mask.clone(), mask };
        xor(&mut halves.masked, secret);
        Ok(halves)
    }

    /// A secret that nobody has seen yet.
    ///
    /// # Errors
    /// `internal` when the browser gives no random numbers.
    pub(crate) fn generate() -> Result<Self, PlayerError> {
        Ok(Self { mask: random()?, masked: random()? })
    }

    /// Puts the halves together for one use, and wipes the whole. Both halves are others from then on.
    ///
    /// # Errors
    /// As [`Self::generate`]; the secret is then not used, and stays.
    pub(crate) fn reveal<T>(&mut self, used: impl FnOnce(&Bytes) -> T) -> Result<T, PlayerError> {
        self.remask()?;
        let mut clear = Zeroizing::new([0; SECRET_LEN]);
        xor(&mut clear, &self.mask);
        xor(&mut clear, &self.masked);
        Ok(used(&clear))
    }

    /// Without ever putting the halves together.
    fn remask(&mut self) -> Result<(), PlayerError> {
        let mut change = random()?;
        xor(&mut self.mask, &change);
        xor(&mut self.masked, &change);
        change.zeroize();
        Ok(())
    }
}

/// Random halves, fetched before anything is in clear: the browser's function for it is given a view of this memory, and code that came
/// into the worker first may have put its own in that function's place.
pub(crate) struct Masks(Vec<Box<Bytes>>);

impl Masks {
    /// As many as the envelope can have secrets.
    ///
    /// # Errors
    /// `internal` when the browser gives no random numbers.
    pub(crate) fn for_grant(envelope: &Envelope) -> Result<Self, PlayerError> {
        // Three bytes in four characters, and each secret has its place besides.
        let secrets_max = envelope.ciphertext.len() * 3 / 4 / SECRET_LEN;
        Self::fetch(secrets_max.min(1 + 2 * GRANT_KEYS_MAX))
    }

    pub(crate) fn fetch(count: usize) -> Result<Self, PlayerError> {
        (0..count).map(|_| random()).collect::<Result<_, _>>().map(Self)
    }
}

fn random() -> Result<Box<Bytes>, PlayerError> {
    let mut bytes = Box::new([0; SECRET_LEN]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| PlayerError::INTERNAL)?;
    Ok(bytes)
}

/// `black_box` keeps the compiler from seeing that two masks cancel each other out.
fn xor(target: &mut Bytes, other: &Bytes) {
    for (byte, other) in target.iter_mut().zip(black_box(other)) {
        *byte ^= other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: Bytes = [0xA7; SECRET_LEN];

    fn masked() -> Masked {
        Masked::new(&SECRET, &mut Masks::fetch(1).expect("random numbers")).expect("a mask")
    }

    fn halves(masked: &Masked) -> [Bytes; 2] {
        [*masked.mask, *masked.masked]
    }

    #[test]
    fn a_secret_comes_out_as_it_went_in_again_and_again() {
        let mut masked = masked();
        for _ in 0..3 {
            assert_eq!(masked.reveal(|secret| *secret), Ok(SECRET));
        }
    }

    #[test]
    fn neither_half_is_the_secret_and_each_use_changes_both() {
        let mut masked = masked();
        let before = halves(&masked);
        masked.reveal(|_| ()).expect("random numbers");
        let after = halves(&masked);
        for half in before.into_iter().chain(after) {
            assert_ne!(half, SECRET);
        }
        assert_ne!(before[0], after[0]);
        assert_ne!(before[1], after[1]);
    }

    #[test]
    fn the_same_secret_has_another_mask_elsewhere() {
        let [first, second] = [masked(), masked()];
        assert_ne!(halves(&first), halves(&second));
    }

    #[test]
    fn each_secret_takes_a_mask_and_without_one_it_is_not_taken_in() {
        let mut masks = Masks::fetch(2).expect("random numbers");
        for _ in 0..2 {
            Masked::new(&SECRET, &mut masks).expect("a mask");
        }
        assert_eq!(Masked::new(&SECRET, &mut masks).err(), Some(PlayerError::INTERNAL));
    }

    #[test]
    fn a_generated_secret_stays_the_same_and_is_no_zeros() {
        let mut masked = Masked::generate().expect("random numbers");
        let secret = masked.reveal(|secret| *secret).expect("random numbers");
        assert_ne!(secret, [0; SECRET_LEN]);
        assert_eq!(masked.reveal(|again| *again), Ok(secret));
    }

    #[test]
    fn wiping_leaves_nothing_of_either_half() {
        let mut masked = masked();
        masked.zeroize();
        assert_eq!(halves(&masked), [[0; SECRET_LEN]; 2]);
    }
}
