//! Packs a video as HLS: probes it, transcodes it by ffmpeg, encrypts every segment and publishes the result to a key
//! server. The `packager` binary is a thin shell around [`pack`].
//!
//! No clear media is ever written to a disk: ffmpeg sends its segments to a receiver in this process, which writes
//! ciphertext. No content key leaves this process.

mod client;
mod codecs;
mod error;
mod ffmpeg;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod import;
mod input;
mod intact;
mod ladder;
mod make;
mod output;
mod pack;
mod packed;
mod peer;
mod pictures;
mod plan;
mod playlist;
mod probe;
mod progress;
mod receiver;
mod remux;
mod retry;
mod sealer;
mod sink;
mod source;
mod state_folder;
mod transcode;
mod upload;
mod worker;

use futures_util::future::LocalBoxFuture;

/// What a whole run is, and what ends it early: a signal's number. Boxed, so that a run is compiled here, and not once more in
/// each program that waits for it.
pub type Run<'a, T> = LocalBoxFuture<'a, T>;

pub use client::ServerOptions;
pub use error::PackError;
pub use import::{ImportOptions, import};
pub use ladder::{Ladder, Rung};
pub use pack::{PackOptions, pack};
pub use packed::Packed;
pub use plan::{Choices, EncoderThreads, Making, Plan, PlannedRendition};
pub use probe::{AudioStream, FrameRate, Source, SubtitleStream, VideoStream, probe};
pub use progress::{Event, Report, Style};
pub use upload::{UploadOptions, upload};
pub use worker::{AWAY_MAX, GRACE_DEFAULT, WorkerOptions, work};
