//! One macro for secrets of fixed length: zeroized on drop, printed redacted, compared in constant time, no serde.

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident[$len:literal]) => {
        $(#[$doc])*
        #[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Takes the bytes over.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// To be filled in place, so that no copy of the bytes stays behind elsewhere.
            #[allow(dead_code, reason = "not every secret is read or derived by this crate")]
            pub(crate) const fn zero() -> Self {
                Self([0; $len])
            }

            #[allow(dead_code, reason = "not every secret is read or derived by this crate")]
            pub(crate) const fn bytes_mut(&mut self) -> &mut [u8; $len] {
                &mut self.0
            }

            /// The bare bytes. Never log, format or serialize what this returns.
            #[must_use]
            pub const fn expose_secret(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }

        impl subtle::ConstantTimeEq for $name {
            fn ct_eq(&self, other: &Self) -> subtle::Choice {
                self.0.ct_eq(&other.0)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                subtle::ConstantTimeEq::ct_eq(self, other).into()
            }
        }

        impl Eq for $name {}
    };
}

pub(crate) use secret;
