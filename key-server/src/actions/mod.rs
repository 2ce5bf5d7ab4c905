//! What the server does, one file per action. Nothing here knows of HTTP beyond what a request says.

pub mod account;
mod admission;
pub(crate) mod app_admin;
pub mod app_keys;
pub mod app_settings;
pub mod apps;
pub mod audit_retention;
pub mod builds;
pub mod kms;
pub mod media_origins;
mod pacing;
pub mod server_keys;
pub mod sessions;
pub mod signatures;
pub mod sources;
pub mod uploads;
pub mod workers;

pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod commit_title;
pub(crate) mod decode_signature;
pub(crate) mod idempotency;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod media;
pub(crate) mod play;
pub(crate) mod put_title;
pub(crate) mod query;
pub(crate) mod readiness;
pub(crate) mod signed_media;
pub(crate) mod standard;
pub(crate) mod titles;
pub(crate) mod workflows;

pub(crate) mod webhooks;

mod grant;
mod levels;
mod limits;
mod media_info;
mod psign;
mod published_title;
mod release;
mod title_secret;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use keyveil_protocol::{ErrorCode, from_json_object};
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;

/// The system's random source.
fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Refusal::new(ErrorCode::Unavailable, "random source"))?;
    Ok(bytes)
}

/// A new identifier of `N` random bytes as lower-case hex.
fn random_id<const N: usize, T: std::str::FromStr>() -> Result<T, Refusal> {
    let text = hex::encode(random::<N>()?);
    text.parse().map_err(|_| Refusal::new(ErrorCode::Internal, "random identifier is not valid"))
}

pub(crate) fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    // serde's message may quote the request, a psign included: only the place of the fault is logged.
    from_json_object(body).map_err(|error| {
        let place = format!("JSON {:?} at line {} column {}", error.classify(), error.line(), error.column());
        Refusal::new(ErrorCode::MalformedRequest, place)
    })
}
