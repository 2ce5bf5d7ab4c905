//! The files of one SDK build (docs/BUILDS.md): its own wasm, made of the template that the SDK ships, and a worker that takes no
//! other. Bytes in, bytes out; the same build of the same SDK gives the same bytes on every machine.

pub mod folder;
mod link;
mod plan;
#[cfg(test)]
mod run;
#[cfg(test)]
mod tests;

use keyveil_protocol::{BuildId, SdkBuild};
use ring::digest::{SHA256, digest};
use serde::Serialize;

/// What stands in the SDK's own `worker.js` in the place of a pin (`player-wasm/ts/worker/pin.ts`).
const NO_PIN: &str = "keyveil-sdk-pin:none";
const PIN: &str = "keyveil-sdk-pin:";
/// So much of the hash stands in the name of the wasm that another SDK's is another file.
const NAMED_HASH_LEN: usize = 16;

/// The SDK's files can't be made into a build's.
#[derive(Debug, thiserror::Error)]
pub enum SdkFilesError {
    /// The build.
    #[error("the build has no server key, or more than 8")]
    Build,
    /// The wasm.
    #[error("keyveil.wasm is not a template of this version: give the folder of the SDK as it is shipped")]
    Template,
    /// The worker.
    #[error("worker.js has no single place for a pin: give the folder of the SDK as it is shipped")]
    Worker,
}

/// What a web server serves of one build, beside the rest of the SDK.
#[derive(Debug)]
pub struct SdkFiles {
    /// The content of `manifest.wasm`.
    pub wasm: Vec<u8>,
    /// The content of `worker.js`, with the pin.
    pub worker: String,
    /// The content of `sdk.json`.
    pub manifest: Manifest,
}

/// Which build it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The build.
    pub build_id: BuildId,
    /// The file name of its wasm.
    pub wasm: String,
    /// SHA-256 over it in hex.
    pub sha256: String,
}

impl SdkFiles {
    /// Of the SDK's `keyveil.wasm` and `worker.js`.
    ///
    /// # Errors
    /// Where these are not as the SDK ships them.
    pub fn make(template: &[u8], worker: &str, build: &SdkBuild) -> Result<Self, SdkFilesError> {
        let wasm = link::link(template, build)?;
        let sha256 = hex::encode(digest(&SHA256, &wasm));
        let named_hash = sha256.get(..NAMED_HASH_LEN).unwrap_or(&sha256);
        let name = format!("keyveil-{}.{named_hash}.wasm", build.id);
        let mut parts = worker.split(NO_PIN);
        let (Some(before), Some(after), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SdkFilesError::Worker);
        };
        let worker = format!("{before}{PIN}{name}:{sha256}{after}");
        Ok(Self { wasm, worker, manifest: Manifest { build_id: build.id.clone(), wasm: name, sha256 } })
    }
}

/// The build that a file is the wasm of; by its name, which has a full stop after the id.
#[must_use]
pub fn build_of(file_name: &str) -> Option<BuildId> {
    let (id, rest) = file_name.strip_prefix("keyveil-")?.split_once('.')?;
    let hash = rest.strip_suffix(".wasm")?;
    (hash.len() == NAMED_HASH_LEN && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.parse().ok())?
}
