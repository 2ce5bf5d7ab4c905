//! What was made: measured renditions, and how the key server is told.

use std::path::PathBuf;

use keyveil_protocol::{
    Cipher, Container, FileId,
    api::{MediaInfo, RenditionInfo, RenditionKind},
};

use crate::{
    error::PackError,
    plan::{Making, Plan, PlannedRendition},
    receiver::Received,
};

/// A finished `pack`.
#[derive(Debug, Clone)]
pub struct Packed {
    pub file_id: FileId,
    /// The title's folder.
    pub folder: PathBuf,
    pub media: MediaInfo,
    /// Whether the key server knows the title.
    pub published: bool,
}

/// One rendition as it was written.
#[derive(Debug, Clone)]
pub(crate) struct PackedRendition {
    pub planned: PlannedRendition,
    pub segments: Vec<PackedSegment>,
    /// RFC 6381; none for subtitles.
    pub codecs: Option<String>,
}

/// One segment as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PackedSegment {
    pub duration_secs: f64,
    pub bytes: u64,
}

impl PackedRendition {
    /// Joins what was planned with what arrived. `title_secs` is the length of subtitles, which have none of their own.
    pub(crate) fn new(planned: PlannedRendition, received: &Received, title_secs: f64) -> Result<Self, PackError> {
        let bytes = received.segments.values().copied();
        let segments = match &received.listed {
            Some(listed) => listed
                .iter()
                .zip(bytes)
                .map(|(listed, bytes)| PackedSegment { duration_secs: listed.duration_secs, bytes })
                .collect(),
            None => bytes.map(|bytes| PackedSegment { duration_secs: title_secs, bytes }).collect(),
        };
        let codecs = match &planned.making {
            Making::EncodeAudio { .. } => Some("mp4a.40.2".to_owned()),
            Making::CopyAudio { codecs, .. } => Some((*codecs).to_owned()),
            Making::Subtitles => None,
            _ => Some(received.codecs.clone().ok_or_else(|| {
                PackError::FfmpegFailed(format!("the codec of {} can't be told from what it sent", planned.folder))
            })?),
        };
        Ok(Self { planned, segments, codecs })
    }

    pub(crate) fn duration_secs(&self) -> f64 {
        self.segments.iter().map(|segment| segment.duration_secs).sum()
    }

    /// EXT-X-TARGETDURATION: the longest segment, rounded to the nearest (RFC 8216, section 4.3.3.1).
    pub(crate) fn target_secs(&self) -> u64 {
        let longest = self.segments.iter().map(|segment| segment.duration_secs).fold(0.0, f64::max);
        longest.round().max(1.0) as u64
    }

    pub(crate) fn has_init(&self, container: Container) -> bool {
        container == Container::Fmp4 && self.planned.kind() != RenditionKind::Subtitles
    }

    /// Relative to the title's folder.
    pub(crate) fn playlist(&self) -> String {
        format!("{}/playlist.m3u8", self.planned.folder)
    }

    /// RFC 8216, section 4.1: the largest rate of any run of segments of 0.5 to 1.5 target durations.
    pub(crate) fn peak_bit_rate(&self) -> u64 {
        let target = self.target_secs() as f64;
        let mut peak = 0.0_f64;
        for start in 0..self.segments.len() {
            let (mut bytes, mut seconds) = (0, 0.0);
            for segment in &self.segments[start..] {
                bytes += segment.bytes;
                seconds += segment.duration_secs;
                if seconds > 1.5 * target {
                    break;
                }
                if seconds >= 0.5 * target {
                    peak = peak.max(bit_rate(bytes, seconds));
                }
            }
        }
        (peak as u64).max(self.average_bit_rate())
    }

    pub(crate) fn average_bit_rate(&self) -> u64 {
        bit_rate(self.segments.iter().map(|segment| segment.bytes).sum(), self.duration_secs()) as u64
    }

    fn info(&self) -> RenditionInfo {
        let planned = &self.planned;
        RenditionInfo {
            rendition: planned.rendition,
            kind: planned.kind(),
            track_class: planned.track_class,
            name: planned.name.clone(),
            language: planned.language.clone(),
            width: planned.size().map(|(width, _)| width),
            height: planned.size().map(|(_, height)| height),
            bandwidth: (planned.kind() != RenditionKind::Subtitles).then(|| self.peak_bit_rate()),
            codecs: self.codecs.clone(),
            playlist: self.playlist(),
            segment_count: u32::try_from(self.segments.len()).unwrap_or(u32::MAX),
        }
    }
}

/// What `POST …/commit` tells.
pub(crate) fn media_info(plan: &Plan, renditions: &[PackedRendition], cipher: Option<Cipher>) -> MediaInfo {
    let renditions: Vec<_> = renditions.to_vec();
    let longest = renditions.iter().map(PackedRendition::duration_secs).fold(0.0, f64::max);
    let infos: Vec<_> = renditions.iter().map(PackedRendition::info).collect();
    let segment_count = infos.iter().map(|info| info.segment_count).max().unwrap_or(0);
    MediaInfo {
        duration_ms: (longest * 1000.0).round() as u64,
        container: plan.choices.container,
        cipher,
        segment_ms: plan.choices.segment_secs * 1000,
        period_segments: plan.choices.period_segments,
        clear_lead_segments: plan.choices.clear_lead_segments().min(segment_count),
        segment_count,
        renditions: infos,
    }
}

fn bit_rate(bytes: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { bytes as f64 * 8.0 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use keyveil_protocol::{Rendition, TrackClass};

    use super::*;

    #[test]
    fn peak_is_over_runs_near_the_target_so_that_a_tiny_last_segment_does_not_count_alone() {
        let planned = PlannedRendition {
            rendition: Rendition(0),
            track_class: TrackClass::Audio,
            folder: "a0".into(),
            name: "Audio 1".into(),
            language: None,
            stream_index: 1,
            making: Making::EncodeAudio { sample_rate: 48_000, channels: 2 },
        };
        let segment = |duration_secs, bytes| PackedSegment { duration_secs, bytes };
        let segments = vec![segment(2.0, 20_000), segment(2.0, 40_000), segment(0.02, 1_000)];
        let rendition = PackedRendition { planned, segments, codecs: None };
        assert_eq!(rendition.target_secs(), 2);
        assert_eq!(rendition.peak_bit_rate(), (41_000.0 * 8.0 / 2.02) as u64);
        assert_eq!(rendition.average_bit_rate(), (61_000.0 * 8.0 / 4.02) as u64);
    }
}
