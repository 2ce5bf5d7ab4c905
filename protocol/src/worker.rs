//! What a worker tells of itself, and which releases work together (docs/WORKFLOW.md, "Workers").

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, ProtocolError};
use crate::ids::WorkerId;

/// What workers and servers of this release speak. 1 is a claim by a worker that has not registered.
pub const WORKER_PROTOCOL: u32 = 2;
/// The release before is still spoken with.
pub const WORKER_PROTOCOL_MIN: u32 = WORKER_PROTOCOL - 1;
/// The protocol of a worker that names none.
pub const WORKER_PROTOCOL_UNNAMED: u32 = 1;
/// Between two registrations of a worker, in seconds.
pub const REGISTER_AGAIN_SECS: u64 = 10;
/// Most encoders that a worker states, and the longest of their names in bytes.
pub const ENCODERS_MAX: usize = 16;
/// See [`ENCODERS_MAX`].
pub const ENCODER_LEN_MAX: usize = 32;
/// The encoder of every ladder that is not a copy.
pub const SOFTWARE_ENCODER: &str = "libx264";

/// Versions of the protocol, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProtocolVersions {
    /// The oldest one spoken.
    pub min: u32,
    /// The newest one spoken.
    pub max: u32,
}

impl ProtocolVersions {
    /// Of this release.
    pub const OWN: Self = Self { min: WORKER_PROTOCOL_MIN, max: WORKER_PROTOCOL };

    /// The newest version that this server and a worker with `worker`'s versions speak both.
    ///
    /// `worker_too_old` or `worker_too_new` where there is none, `malformed_request` where `worker` is no range.
    pub fn shared_with(self, worker: Self) -> Result<u32, ProtocolError> {
        if worker.min > worker.max {
            return Err(ProtocolError::new(ErrorCode::MalformedRequest, "protocolVersions: min is above max"));
        }
        if worker.max < self.min {
            return Err(ProtocolError::new(
                ErrorCode::WorkerTooOld,
                "its newest protocol is older than the oldest here",
            ));
        }
        if worker.min > self.max {
            return Err(ProtocolError::new(
                ErrorCode::WorkerTooNew,
                "its oldest protocol is newer than the newest here",
            ));
        }
        Ok(self.max.min(worker.max))
    }
}

/// A kind of job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum WorkKind {
    /// Transcodes and encrypts a source: needs ffmpeg.
    Package,
    /// Encrypts a title anew.
    Reencrypt,
}

/// Body of `PUT /v1/workers/{workerId}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegisterWorkerRequest {
    /// What it speaks.
    pub protocol_versions: ProtocolVersions,
    /// For people, 1 … 128 bytes.
    pub name: String,
    /// Of its program, 1 … 64 bytes.
    pub version: String,
    /// Processors that it may use, 1 … 4096.
    pub cpus: u32,
    /// Memory that it may use, where it can tell.
    pub memory_bytes: Option<u64>,
    /// Jobs that it does at a time, 1 … 64: it is never given more.
    pub jobs: u32,
    /// The jobs that it can do.
    pub kinds: Vec<WorkKind>,
    /// Names of ffmpeg's H.264 encoders that it has and has tried, at most 16 of 1 … 32 of `a–z 0–9 _`.
    pub encoders: Vec<String>,
    /// The first registration of this process: jobs from before count as nobody's.
    pub starting: bool,
    /// It takes no more jobs.
    pub leaving: bool,
}

/// Answer to a registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegisteredWorker {
    /// As it is known here.
    pub worker_id: WorkerId,
    /// What the two speak from now on.
    pub protocol_version: u32,
    /// Somebody wants it to take no more jobs.
    pub drain: bool,
    /// It is to register again after so long.
    pub again_secs: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_speaks_with_its_neighbours_and_says_who_is_behind() {
        let server = ProtocolVersions { min: 4, max: 5 };
        let with = |min, max| server.shared_with(ProtocolVersions { min, max }).map_err(|error| error.code());
        assert_eq!([with(3, 4), with(4, 5), with(5, 6), with(1, 9)], [Ok(4), Ok(5), Ok(5), Ok(5)]);
        assert_eq!([with(2, 3), with(0, 0)], [Err(ErrorCode::WorkerTooOld); 2]);
        assert_eq!([with(6, 7), with(u32::MAX, u32::MAX)], [Err(ErrorCode::WorkerTooNew); 2]);
        assert_eq!(with(5, 4), Err(ErrorCode::MalformedRequest));
    }
}
