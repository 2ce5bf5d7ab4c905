//! Workflow settings: what is made of a source (docs/WORKFLOW.md, "Workflows"). Shared by the server, which keeps and
//! checks them, and the packager, which follows them.

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, ProtocolError};
use crate::track::{Cipher, Container, Mode, PeriodSegments};

/// The most rungs of a ladder.
pub const RUNGS_MAX: usize = 12;
/// The longest clear lead, in seconds.
pub const CLEAR_LEAD_SECS_MAX: u32 = 600;

const fn wrong(cause: &'static str) -> ProtocolError {
    ProtocolError::new(ErrorCode::WorkflowInvalid, cause)
}

/// What a job makes of its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkflowSettings {
    /// Which qualities.
    pub ladder: LadderSettings,
    /// Container of audio and video.
    pub container: Container,
    /// How segments are published.
    pub mode: Mode,
    /// Of encrypted titles; none for clear ones.
    pub cipher: Option<Cipher>,
    /// Length of a segment, 1 … 60 s.
    pub segment_secs: u32,
    /// Segments per period, 1 … 10000.
    pub period_segments: PeriodSegments,
    /// So many seconds at the beginning stay clear, rounded up to whole segments; 0 … 600, 0 for clear titles.
    #[serde(default)]
    pub clear_lead_secs: u32,
    /// Of AAC that is encoded, bit/s, 32000 … 512000.
    pub audio_bit_rate: u32,
    /// x264's speed preset, `ultrafast` … `veryslow`.
    pub preset: Preset,
    /// The picture that stands for the title.
    pub cover: Option<CoverSettings>,
    /// Thumbnails for seeking.
    pub sprites: Option<SpriteSettings>,
    /// What follows once everything is there.
    pub publish: Publish,
}

/// Which video qualities are made. None is ever larger than the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum LadderSettings {
    /// Every usual rung that the source fills, up to a shorter edge of `max_edge` pixels.
    Auto {
        /// No limit when absent.
        max_edge: Option<u32>,
    },
    /// The source's own streams, never re-encoded.
    Copy,
    /// These; those above the source are left out.
    Rungs {
        /// 1 … 12, each edge once.
        rungs: Vec<RungSettings>,
    },
}

/// One quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RungSettings {
    /// Shorter edge in pixels, even, 16 … 4320.
    pub edge: u32,
    /// Average bit rate of the video, 50000 … 100000000 bit/s.
    pub video_bit_rate: u32,
}

/// x264's speed presets: faster ones make larger or worse pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "x264's own names")]
pub enum Preset {
    Ultrafast,
    Superfast,
    Veryfast,
    Faster,
    Fast,
    Medium,
    Slow,
    Slower,
    Veryslow,
}

impl Preset {
    /// Its name to x264.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ultrafast => "ultrafast",
            Self::Superfast => "superfast",
            Self::Veryfast => "veryfast",
            Self::Faster => "faster",
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
            Self::Slower => "slower",
            Self::Veryslow => "veryslow",
        }
    }
}

/// Where the cover comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum CoverSettings {
    /// A frame that is typical of the beginning: not black, not a cut.
    Best,
    /// The frame at this time, or the last one before it.
    At {
        /// Milliseconds.
        position_ms: u64,
    },
}

/// Sheets of 10×10 thumbnails and the WebVTT file that says which is when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpriteSettings {
    /// One thumbnail every so often, 1 … 600 s.
    pub every_secs: u32,
    /// Pixels, 16 … 640.
    pub width: u32,
    /// Pixels, 16 … 640.
    pub height: u32,
}

/// What follows once everything is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Publish {
    /// Published at once.
    Auto,
    /// A person publishes.
    Manual,
}

impl Default for WorkflowSettings {
    /// The built-in workflow `adaptive`.
    fn default() -> Self {
        Self {
            ladder: LadderSettings::Auto { max_edge: None },
            container: Container::Fmp4,
            mode: Mode::Private,
            cipher: Some(Cipher::Aes128Cbc),
            segment_secs: 6,
            period_segments: PeriodSegments::DEFAULT,
            clear_lead_secs: 0,
            audio_bit_rate: 128_000,
            preset: Preset::Veryfast,
            cover: Some(CoverSettings::Best),
            sprites: Some(SpriteSettings { every_secs: 10, width: 142, height: 80 }),
            publish: Publish::Auto,
        }
    }
}

impl WorkflowSettings {
    /// Whether they make sense; `workflow_invalid` says what does not.
    pub fn check(&self) -> Result<(), ProtocolError> {
        if self.mode.is_encrypted() != self.cipher.is_some() {
            return Err(wrong("cipher: encrypted titles need one, clear ones have none"));
        }
        if self.cipher.is_some_and(|cipher| !cipher.fits(self.mode)) {
            return Err(wrong("cipher: standard titles have aes-128-cbc only"));
        }
        if self.clear_lead_secs > if self.mode.is_encrypted() { CLEAR_LEAD_SECS_MAX } else { 0 } {
            return Err(wrong("clearLeadSecs: 0 to 600, and 0 for clear titles"));
        }
        if !(1..=60).contains(&self.segment_secs) {
            return Err(wrong("segmentSecs: 1 to 60"));
        }
        if !(32_000..=512_000).contains(&self.audio_bit_rate) {
            return Err(wrong("audioBitRate: 32000 to 512000"));
        }
        if let Some(sprites) = &self.sprites {
            if !(1..=600).contains(&sprites.every_secs) {
                return Err(wrong("sprites.everySecs: 1 to 600"));
            }
            if ![sprites.width, sprites.height].iter().all(|edge| (16..=640).contains(edge)) {
                return Err(wrong("sprites.width and height: 16 to 640"));
            }
        }
        self.ladder.check()
    }
}

impl LadderSettings {
    fn check(&self) -> Result<(), ProtocolError> {
        let edge_fits = |edge: u32| (16..=4320).contains(&edge) && edge.is_multiple_of(2);
        match self {
            Self::Copy | Self::Auto { max_edge: None } => Ok(()),
            Self::Auto { max_edge: Some(edge) } if edge_fits(*edge) => Ok(()),
            Self::Auto { .. } => Err(wrong("ladder.maxEdge: an even number, 16 to 4320")),
            Self::Rungs { rungs } => {
                if !(1..=RUNGS_MAX).contains(&rungs.len()) {
                    return Err(wrong("ladder.rungs: 1 to 12"));
                }
                if rungs.iter().any(|rung| !edge_fits(rung.edge)) {
                    return Err(wrong("ladder.rungs.edge: an even number, 16 to 4320"));
                }
                if rungs.iter().any(|rung| !(50_000..=100_000_000).contains(&rung.video_bit_rate)) {
                    return Err(wrong("ladder.rungs.videoBitRate: 50000 to 100000000"));
                }
                let mut edges: Vec<_> = rungs.iter().map(|rung| rung.edge).collect();
                edges.sort_unstable();
                if edges.windows(2).any(|pair| pair.first() == pair.last()) {
                    return Err(wrong("ladder.rungs: each edge once"));
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensible_settings_pass_and_senseless_ones_say_what_is_wrong() {
        let good = WorkflowSettings::default();
        assert!(good.check().is_ok());
        for (mode, cipher) in [(Mode::Private, Cipher::ChaCha20Poly1305), (Mode::Standard, Cipher::Aes128Cbc)] {
            assert!(WorkflowSettings { mode, cipher: Some(cipher), ..good.clone() }.check().is_ok());
        }
        let rungs = |rungs: &[(u32, u32)]| LadderSettings::Rungs {
            rungs: rungs.iter().map(|&(edge, video_bit_rate)| RungSettings { edge, video_bit_rate }).collect(),
        };
        let bad = [
            WorkflowSettings { segment_secs: 0, ..good.clone() },
            WorkflowSettings { segment_secs: 61, ..good.clone() },
            WorkflowSettings { cipher: None, ..good.clone() },
            WorkflowSettings { mode: Mode::Clear, ..good.clone() },
            WorkflowSettings { mode: Mode::Standard, cipher: Some(Cipher::ChaCha20Poly1305), ..good.clone() },
            WorkflowSettings { audio_bit_rate: 1, ..good.clone() },
            WorkflowSettings { clear_lead_secs: 601, ..good.clone() },
            WorkflowSettings { mode: Mode::Clear, cipher: None, clear_lead_secs: 1, ..good.clone() },
            WorkflowSettings {
                sprites: Some(SpriteSettings { every_secs: 0, width: 142, height: 80 }),
                ..good.clone()
            },
            WorkflowSettings { sprites: Some(SpriteSettings { every_secs: 1, width: 9, height: 80 }), ..good.clone() },
            WorkflowSettings { ladder: rungs(&[]), ..good.clone() },
            WorkflowSettings { ladder: rungs(&[(720, 1)]), ..good.clone() },
            WorkflowSettings { ladder: rungs(&[(721, 1_000_000)]), ..good.clone() },
            WorkflowSettings { ladder: rungs(&[(720, 1_000_000), (720, 2_000_000)]), ..good.clone() },
            WorkflowSettings { ladder: LadderSettings::Auto { max_edge: Some(0) }, ..good.clone() },
        ];
        for settings in bad {
            assert_eq!(settings.check().unwrap_err().code(), ErrorCode::WorkflowInvalid, "{settings:?}");
        }
    }

    #[test]
    fn json_names_are_those_of_the_document() {
        let json = serde_json::to_value(WorkflowSettings::default()).unwrap();
        assert_eq!(json["ladder"], serde_json::json!({ "kind": "auto", "maxEdge": null }));
        assert_eq!(json["cover"], serde_json::json!({ "kind": "best" }));
        assert_eq!(json["publish"], "auto");
        let misspelt = serde_json::json!({ "kind": "auto", "maxEgde": 720 });
        assert!(serde_json::from_value::<LadderSettings>(misspelt).is_err());
    }
}
