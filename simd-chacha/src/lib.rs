//! ChaCha20 (RFC 8439) for WebAssembly with 128-bit vectors: four blocks at a time, a word of each in a lane.
//!
//! Constant time: additions, rotations and XOR only; no table, branch or address depends on key or data.
//! It is a stream cipher of the `cipher` crate, so `chacha20poly1305` builds its AEAD on it and keeps its own Poly1305 and comparison.
//!
//! Where vectors are missing (natively, or without `simd128`) it is the `chacha20` crate's.
#![no_std]

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod four_blocks;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub use chacha20::ChaCha20;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use four_blocks::ChaCha20;
