//! The playback session and the segment decryptor that run inside the player's worker (docs/PROTOCOL.md).
//!
//! Key material lives in this module's memory only. What crosses to JavaScript is request bodies, request MACs, public facts
//! of the title and clear segments: no function here returns a key. Between two calls no key is in clear (`masked`), nor what a call
//! left on its stack (`wiped_stack`).

// Natively there is nothing but the tests of what the bindings call.
#![cfg(any(target_arch = "wasm32", test))]

mod answers;
#[cfg(target_arch = "wasm32")]
mod bindings;
mod json;
mod key_window;
mod masked;
mod sdk_build;
mod segment_buffer;
mod segment_stream;
#[cfg(test)]
mod segment_stream_tests;
mod session;
#[cfg(test)]
mod session_tests;
#[cfg(target_arch = "wasm32")]
mod wiped_stack;

#[cfg(target_arch = "wasm32")]
pub use bindings::{KeyveilSegment, KeyveilSession};

#[cfg(all(target_arch = "wasm32", not(test)))]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
