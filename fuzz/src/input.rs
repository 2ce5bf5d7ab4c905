//! An input taken apart: a few bytes choose, the rest is what is read.

/// The bytes of one input, front to back. What is not there is zero or empty.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let (head, rest) = self.0.split_at(N.min(self.0.len()));
        array[..head.len()].copy_from_slice(head);
        self.0 = rest;
        array
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// Up to a zero byte, or everything.
    pub(crate) fn until_zero(&mut self) -> &'a [u8] {
        let at = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let (head, rest) = self.0.split_at(at);
        self.0 = rest.get(1..).unwrap_or_default();
        head
    }

    pub(crate) fn rest_text(self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }
}

/// A random source that repeats one seed, so that an input always does the same.
pub(crate) struct Seed(pub(crate) [u8; 32]);

impl rand_core::TryRng for Seed {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from(self.0[0]))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from(self.0[0]))
    }
    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Self::Error> {
        destination.iter_mut().zip(self.0.iter().cycle()).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}
impl rand_core::TryCryptoRng for Seed {}
