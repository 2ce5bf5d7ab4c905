//! The engines that are other people's: PKCS#11, AWS, Vault.

mod aws;
mod log;
mod pkcs11;
mod softhsm;
pub(crate) mod stand_in;
mod transit;
mod vault;

use std::time::Duration;

use super::conformance;

/// Of each call; the default.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Of calls that are to run out of time: no test waits long for nothing.
const SHORT_TIMEOUT: Duration = Duration::from_millis(600);
