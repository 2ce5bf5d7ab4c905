//! What will be made from a source: its renditions in playlist order. Video comes first, from the lowest quality to the
//! highest, so that a player that knows nothing yet starts with the lightest; then audio, then subtitles.

use keyveil_protocol::{
    Cipher, Container, Mode, PeriodSegments, Rendition, TrackClass,
    api::RenditionKind,
    workflow::{CoverSettings, Preset, SpriteSettings, WorkflowSettings},
};

use crate::{
    error::PackError,
    ladder::{Ladder, Rung},
    probe::{AudioStream, FrameRate, Source},
};

/// Names for people in the master playlist are cut here, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Choices of whoever packs, apart from input, output and server.
#[derive(Debug, Clone)]
pub struct Choices {
    pub mode: Mode,
    /// Of a private title; standard ones have AES, whatever stands here.
    pub cipher: Cipher,
    pub container: Container,
    pub ladder: Ladder,
    pub segment_secs: u32,
    pub period_segments: PeriodSegments,
    /// So much of an encrypted title's beginning stays clear, rounded up to whole segments.
    pub clear_lead_secs: u32,
    /// Of AAC that is encoded, bit/s.
    pub audio_bit_rate: u32,
    /// x264's speed preset.
    pub preset: Preset,
    pub threads: EncoderThreads,
    /// The picture that stands for the title.
    pub cover: Option<CoverSettings>,
    /// Thumbnails for seeking.
    pub sprites: Option<SpriteSettings>,
}

/// How many threads encode video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncoderThreads {
    /// As many as x264 likes.
    Any,
    /// For each quality.
    Each(u32),
    /// For all qualities together; each gets at least one.
    Shared(u32),
}

impl Choices {
    /// What a workflow asks for, on this many threads.
    pub fn from_settings(settings: &WorkflowSettings, threads: EncoderThreads) -> Result<Self, PackError> {
        settings.check().map_err(|error| PackError::OptionInvalid(format!("the workflow's settings: {error}")))?;
        Ok(Self {
            mode: settings.mode,
            cipher: settings.cipher.unwrap_or(Cipher::Aes128Cbc),
            container: settings.container,
            ladder: Ladder::from(&settings.ladder),
            segment_secs: settings.segment_secs,
            period_segments: settings.period_segments,
            clear_lead_secs: settings.clear_lead_secs,
            audio_bit_rate: settings.audio_bit_rate,
            preset: settings.preset,
            threads,
            cover: settings.cover,
            sprites: settings.sprites,
        })
    }
}

impl Choices {
    /// Segments at the beginning of every rendition that stay clear; 0 for clear titles, which are not led into anything.
    pub(crate) fn clear_lead_segments(&self) -> u32 {
        if self.mode.is_encrypted() { self.clear_lead_secs.div_ceil(self.segment_secs.max(1)) } else { 0 }
    }
}

/// Everything that ffmpeg, the receiver and the playlists need to agree on.
#[derive(Debug, Clone)]
pub struct Plan {
    pub choices: Choices,
    pub renditions: Vec<PlannedRendition>,
    pub rate: FrameRate,
    pub interlaced: bool,
    /// ffmpeg makes no more of the source than this.
    pub secs_max: f64,
}

/// One rendition before it exists.
#[derive(Debug, Clone)]
pub struct PlannedRendition {
    pub rendition: Rendition,
    pub track_class: TrackClass,
    /// Folder under the title's, for example `v720p`, `a0`, `s0`.
    pub folder: String,
    pub name: String,
    pub language: Option<String>,
    /// The input's stream that it is made from.
    pub stream_index: u32,
    pub making: Making,
}

/// How a rendition is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Making {
    /// H.264 at this size and bit rate.
    EncodeVideo { width: u32, height: u32, bit_rate: u32 },
    /// The source's video as it is; HEVC needs another sample entry.
    CopyVideo { width: u32, height: u32, hevc: bool, is_late: bool },
    /// AAC at this rate and number of channels.
    EncodeAudio { sample_rate: u32, channels: u32 },
    /// The source's AAC as it is, and its RFC 6381 name.
    CopyAudio { codecs: &'static str, is_late: bool },
    /// One WebVTT file.
    Subtitles,
}

impl PlannedRendition {
    pub fn kind(&self) -> RenditionKind {
        match self.making {
            Making::EncodeVideo { .. } | Making::CopyVideo { .. } => RenditionKind::Video,
            Making::EncodeAudio { .. } | Making::CopyAudio { .. } => RenditionKind::Audio,
            Making::Subtitles => RenditionKind::Subtitles,
        }
    }

    /// Displayed width and height of a video rendition.
    pub fn size(&self) -> Option<(u32, u32)> {
        match self.making {
            Making::EncodeVideo { width, height, .. } | Making::CopyVideo { width, height, .. } => {
                Some((width, height))
            }
            _ => None,
        }
    }

    /// File name extension of its segments, without the dot.
    pub fn extension(&self, container: Container) -> &'static str {
        match (&self.making, container) {
            (Making::Subtitles, _) => "vtt",
            (_, Container::Fmp4) => "m4s",
            (_, Container::Ts) => "ts",
        }
    }
}

impl Plan {
    /// Fits the choices to the source, or says why they don't fit.
    pub fn new(source: &Source, choices: Choices) -> Result<Self, PackError> {
        let mut renditions = match choices.ladder {
            Ladder::Copy => vec![copied_video(source, choices.container)?],
            _ => choices.ladder.rungs(&source.video)?.into_iter().map(|rung| encoded_video(source, rung)).collect(),
        };
        for (number, stream) in source.audio.iter().enumerate() {
            let making = match choices.ladder {
                Ladder::Copy => copied_audio(stream, choices.container)?,
                _ => encoded_audio(stream),
            };
            let names = [stream.title.as_deref(), stream.language.as_deref()];
            let name = name(names, &format!("Audio {}", number + 1));
            renditions.push(other(format!("a{number}"), name, stream.language.clone(), stream.index, making));
        }
        for (number, stream) in source.subtitles.iter().enumerate() {
            let names = [stream.title.as_deref(), stream.language.as_deref()];
            let name = name(names, &format!("Subtitles {}", number + 1));
            let language = stream.language.clone();
            renditions.push(other(format!("s{number}"), name, language, stream.index, Making::Subtitles));
        }
        make_names_unique(&mut renditions);
        for (rendition, number) in renditions.iter_mut().zip(0..) {
            rendition.rendition = Rendition(number);
        }
        let (rate, interlaced, secs_max) = (source.video.rate, source.video.interlaced, source.secs_max());
        Ok(Self { choices, renditions, rate, interlaced, secs_max })
    }

    /// Encoder threads of a quality of this many pixels; none leaves the choice to x264.
    pub(crate) fn threads_of(&self, width: u32, height: u32) -> Option<u32> {
        let pixels = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        match self.choices.threads {
            EncoderThreads::Any => None,
            EncoderThreads::Each(threads) => Some(threads),
            EncoderThreads::Shared(threads) => {
                let all: u64 = self.renditions.iter().filter_map(PlannedRendition::size).map(pixels).sum();
                let share = u64::from(threads) * pixels((width, height)) / all.max(1);
                Some(u32::try_from(share).unwrap_or(threads).max(1))
            }
        }
    }

    /// Whether the streams are copied.
    pub fn copies(&self) -> bool {
        self.choices.ladder == Ladder::Copy
    }
}

fn encoded_video(source: &Source, rung: Rung) -> PlannedRendition {
    let Rung { name, width, height, bit_rate } = rung;
    video(source, name, width, height, Making::EncodeVideo { width, height, bit_rate })
}

fn copied_video(source: &Source, container: Container) -> Result<PlannedRendition, PackError> {
    let stream = &source.video;
    let hevc = match (stream.codec.as_str(), container) {
        ("h264", _) => false,
        ("hevc", Container::Fmp4) => true,
        (codec, _) => {
            let instead = match codec {
                "hevc" => "use the container fmp4, or the ladder auto to re-encode",
                _ => "use the ladder auto to re-encode it as H.264",
            };
            return Err(not_copied("the video", codec, container, instead));
        }
    };
    let (width, height) = (stream.width, stream.height);
    let name = format!("{}p", width.min(height));
    Ok(video(source, name, width, height, Making::CopyVideo { width, height, hevc, is_late: stream.is_late }))
}

fn video(source: &Source, name: String, width: u32, height: u32, making: Making) -> PlannedRendition {
    PlannedRendition {
        rendition: Rendition(0),
        track_class: TrackClass::of_video(width, height),
        folder: format!("v{name}"),
        name,
        language: None,
        stream_index: source.video.index,
        making,
    }
}

fn other(
    folder: String,
    name: String,
    language: Option<String>,
    stream_index: u32,
    making: Making,
) -> PlannedRendition {
    let (rendition, track_class) = (Rendition(0), TrackClass::Audio);
    PlannedRendition { rendition, track_class, folder, name, language, stream_index, making }
}

fn encoded_audio(stream: &AudioStream) -> Making {
    let sample_rate = if stream.sample_rate == 44_100 { 44_100 } else { 48_000 };
    Making::EncodeAudio { sample_rate, channels: stream.channels.clamp(1, 2) }
}

fn copied_audio(stream: &AudioStream, container: Container) -> Result<Making, PackError> {
    if stream.codec != "aac" {
        let instead = "use the ladder auto to re-encode it as AAC";
        return Err(not_copied("the audio", &stream.codec, container, instead));
    }
    let codecs = match stream.profile.as_str() {
        "HE-AAC" => "mp4a.40.5",
        "HE-AACv2" => "mp4a.40.29",
        _ => "mp4a.40.2",
    };
    Ok(Making::CopyAudio { codecs, is_late: stream.is_late })
}

fn not_copied(kind: &'static str, codec: &str, container: Container, instead: &'static str) -> PackError {
    let container = match container {
        Container::Fmp4 => "fMP4",
        Container::Ts => "TS",
    };
    PackError::CopyCodecUnsupported { kind, codec: codec.to_owned(), container, instead }
}

/// The first candidate that says something, without what would break a quoted attribute.
fn name(candidates: [Option<&str>; 2], fallback: &str) -> String {
    let clean = |text: &str| -> String {
        let text = text.chars().filter(|character| !character.is_control() && *character != '"');
        text.take(NAME_CHARS_MAX).collect::<String>().trim().to_owned()
    };
    candidates.into_iter().flatten().map(clean).find(|name| !name.is_empty()).unwrap_or_else(|| fallback.to_owned())
}

/// RFC 8216, section 4.3.4.1.1: names within a group must differ.
fn make_names_unique(renditions: &mut [PlannedRendition]) {
    for at in 1..renditions.len() {
        let taken = |name: &str, before: &[PlannedRendition], kind| {
            before.iter().any(|rendition| rendition.kind() == kind && rendition.name == name)
        };
        let (before, rest) = renditions.split_at_mut(at);
        let Some(current) = rest.first_mut() else { return };
        let (original, kind) = (current.name.clone(), current.kind());
        let mut number = 2;
        while taken(&current.name, before, kind) {
            current.name = format!("{original} {number}");
            number += 1;
        }
    }
}
