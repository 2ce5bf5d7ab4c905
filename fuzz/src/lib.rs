//! What must hold for any bytes that come from outside: one function per reader, called by libFuzzer (`npm run fuzz`, bin/) and
//! by the tests (tests/short.rs). A broken rule is told by a panic.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "a broken rule is told by a panic")]

mod input;
pub mod mutation;
mod targets {
    pub(crate) mod grant;
    pub(crate) mod grant_request;
    pub(crate) mod key_tag;
    pub(crate) mod mp4_index;
    pub(crate) mod playlist;
    pub(crate) mod psign;
    pub(crate) mod segment;
    pub(crate) mod tus_headers;
    pub(crate) mod url_schemes;
}

pub use targets::grant::grant;
pub use targets::grant_request::grant_request;
pub use targets::key_tag::key_tag;
pub use targets::mp4_index::mp4_index;
pub use targets::playlist::playlist;
pub use targets::psign::psign;
pub use targets::segment::segment;
pub use targets::tus_headers::tus_headers;
pub use targets::url_schemes::url_schemes;

/// What became of an input that broke no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken, and every rule for what is taken holds.
    Accepted,
    /// Refused, by a stable code.
    Refused(&'static str),
}

/// A target: panics where a rule is broken.
pub type Target = fn(&[u8]) -> Outcome;

/// Every target by its name, which is that of its program and of its corpus.
pub const TARGETS: [(&str, Target); 9] = [
    ("psign", psign),
    ("grant_request", grant_request),
    ("grant", grant),
    ("key_tag", key_tag),
    ("playlist", playlist),
    ("tus_headers", tus_headers),
    ("url_schemes", url_schemes),
    ("segment", segment),
    ("mp4_index", mp4_index),
];
