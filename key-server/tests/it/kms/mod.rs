//! The KMS and what stands on it.

mod cache;
mod conformance;
mod fake;
mod local;
mod outage;
mod rotation;
