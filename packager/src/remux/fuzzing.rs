//! For `fuzz/`: what an MP4 file is copied into, before anything is sealed.

use std::{io, path::Path};

use keyveil_protocol::{
    Container, Rendition, TrackClass,
    workflow::{LadderSettings, WorkflowSettings},
};

use super::{Remux, fragments};
use crate::plan::{Choices, EncoderThreads, Making, Plan, PlannedRendition};

/// A track, copied.
#[derive(Debug)]
pub struct Copied {
    /// Of fMP4.
    pub init: Option<Vec<u8>>,
    pub segments: Vec<CopiedSegment>,
}

/// One segment: what the index says is in it, and what was made of that.
#[derive(Debug)]
pub struct CopiedSegment {
    pub samples: usize,
    pub media_len: u64,
    pub duration_secs: f64,
    pub made: io::Result<Vec<u8>>,
}

/// The video track of a file, and its sound where that is asked for; `None` for what is ffmpeg's.
pub(crate) fn copied(file: &Path, container: Container, segment_secs: u32, has_sound: bool) -> Option<Vec<Copied>> {
    let settings = WorkflowSettings { ladder: LadderSettings::Copy, container, segment_secs, ..Default::default() };
    let choices = Choices::from_settings(&settings, EncoderThreads::Any).ok()?;
    let video = Making::CopyVideo { width: 64, height: 48, hevc: false, is_late: false };
    let sound = Making::CopyAudio { codecs: "mp4a.40.2", is_late: false };
    let renditions = [Some(video), has_sound.then_some(sound)].into_iter().flatten().map(planned).collect();
    let rate = crate::FrameRate { numerator: 25, denominator: 1 };
    let plan = Plan { choices, renditions, rate, interlaced: false, secs_max: f64::INFINITY };
    let remux = Remux::of(&plan, file)?;
    let mut all: Vec<_> = remux
        .tracks
        .iter()
        .map(|track| {
            let init = (container == Container::Fmp4).then(|| fragments::init(track).ok()).flatten();
            Copied { init, segments: Vec::new() }
        })
        .collect();
    for piece in remux.pieces() {
        let (samples, media_len, duration_secs) = (piece.span.samples, piece.span.bytes, piece.span.duration_secs);
        let made = remux.clear(&piece);
        all.get_mut(piece.track)?.segments.push(CopiedSegment { samples, media_len, duration_secs, made });
    }
    Some(all)
}

fn planned(making: Making) -> PlannedRendition {
    PlannedRendition {
        rendition: Rendition(0),
        track_class: TrackClass::Sd,
        folder: String::new(),
        name: String::new(),
        language: None,
        stream_index: 0,
        making,
    }
}
