//! Packs a video as HLS: probes it, transcodes it by ffmpeg, encrypts every segment and publishes the result to a key
//! server. The `packager` binary is a thin shell around [`pack`].
//!
//! No clear media is ever written to a disk: ffmpeg sends its segments to a receiver in this process, which writes
//! ciphertext. No content key leaves this process.

mod client;
mod codecs;
mod error;
mod ffmpeg;
mod intact;
mod ladder;
mod output;
mod pack;
mod packed;
mod plan;
mod playlist;
mod probe;
mod progress;
mod receiver;
mod retry;
mod sealer;
mod transcode;

pub use client::ServerOptions;
pub use error::PackError;
pub use ladder::{Ladder, Rung};
pub use pack::{PackOptions, pack};
pub use packed::Packed;
pub use plan::{Choices, Making, Plan, PlannedRendition};
pub use probe::{AudioStream, FrameRate, Source, SubtitleStream, VideoStream, probe};
pub use progress::{Event, Report, Style};
