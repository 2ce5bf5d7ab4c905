//! Workers: the keys that they claim jobs with, and what they tell of themselves (docs/WORKFLOW.md, "Workers").

mod claimant;
mod drain;
mod keys;
mod list;
mod register;

pub(crate) use claimant::{Claimant, Due};
pub use drain::set_drain;
pub(crate) use drain::set_drain_on_request;
pub(crate) use keys::local_key;
pub use keys::{create, retire};
use keyveil_protocol::ErrorCode;
use keyveil_protocol::worker::ProtocolVersions;
pub use list::{WorkerState, state_of};
pub(crate) use list::{WorkerView, WorkersPage, page};
pub(crate) use register::{forget_old, register};

use crate::refusal::Refusal;

/// A worker not heard of for so long is offline: it registers every ten seconds.
const OFFLINE_SECS: i64 = 45;

/// What is spoken with a worker of these versions; the refusal says which of the two has to be upgraded.
fn spoken_with(worker: ProtocolVersions) -> Result<u32, Refusal> {
    let own = ProtocolVersions::OWN;
    own.shared_with(worker).map_err(|error| {
        let ranges = format!(
            "protocol versions: the worker's are {} to {}, the server's {} to {}",
            worker.min, worker.max, own.min, own.max
        );
        Refusal::from(error).with_detail(ranges)
    })
}

fn unknown() -> Refusal {
    Refusal::new(ErrorCode::WorkerUnknown, "a worker that is not known here, or not by this key")
}
