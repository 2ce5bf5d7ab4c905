//! The KMS and what stands on it.

mod conformance;
mod local;
