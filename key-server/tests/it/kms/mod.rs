//! The KMS and what stands on it.

mod conformance;
mod local;
mod log;
mod pkcs11;
mod softhsm;

use std::time::Duration;

/// Of each call; the default.
const TIMEOUT: Duration = Duration::from_secs(3);
