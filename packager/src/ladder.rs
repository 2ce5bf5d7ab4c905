//! Which qualities a source is packed in.

use std::str::FromStr;

use keyveil_protocol::workflow::{LadderSettings, RungSettings};

use crate::{error::PackError, probe::VideoStream};

/// Which qualities are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ladder {
    /// Every usual rung that the source can fill, up to a shorter edge of this many pixels.
    Auto { max_edge: Option<u32> },
    /// The source's own streams, never re-encoded.
    Copy,
    /// Usual rungs that someone named for this source, by their shorter edge in pixels, ascending: one above the source
    /// is a mistake.
    Named(Vec<u32>),
    /// Rungs for whatever source comes, ascending: those above it are left out.
    Fitting(Vec<RungSettings>),
}

/// One video quality to encode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// For example `720p`.
    pub name: String,
    pub width: u32,
    pub height: u32,
    /// Average bit rate of the video, bit/s.
    pub bit_rate: u32,
}

/// Shorter edge in pixels and bit rate in bit/s of the usual rungs.
const USUAL: [(u32, u32); 6] =
    [(360, 800_000), (480, 1_400_000), (720, 2_800_000), (1080, 5_000_000), (1440, 9_000_000), (2160, 16_000_000)];
/// The least that a picture smaller than 360p gets.
const BIT_RATE_MIN: u32 = 150_000;

impl FromStr for Ladder {
    type Err = PackError;

    fn from_str(text: &str) -> Result<Self, PackError> {
        match text.trim() {
            "auto" => Ok(Self::Auto { max_edge: None }),
            "copy" => Ok(Self::Copy),
            names => {
                let mut edges = names.split(',').map(edge_of).collect::<Result<Vec<_>, _>>()?;
                edges.sort_unstable();
                if edges.windows(2).any(|pair| pair[0] == pair[1]) {
                    return Err(PackError::LadderInvalid(format!("--ladder {names} names a rung twice; name it once")));
                }
                Ok(Self::Named(edges))
            }
        }
    }
}

impl From<&LadderSettings> for Ladder {
    fn from(settings: &LadderSettings) -> Self {
        match settings {
            LadderSettings::Auto { max_edge } => Self::Auto { max_edge: *max_edge },
            LadderSettings::Copy => Self::Copy,
            LadderSettings::Rungs { rungs } => {
                let mut rungs = rungs.clone();
                rungs.sort_unstable_by_key(|rung| rung.edge);
                Self::Fitting(rungs)
            }
        }
    }
}

impl Ladder {
    /// The rungs to encode, ascending; none for [`Ladder::Copy`].
    pub fn rungs(&self, video: &VideoStream) -> Result<Vec<Rung>, PackError> {
        match self {
            Self::Copy => Ok(Vec::new()),
            Self::Auto { max_edge } => {
                let max_edge = max_edge.unwrap_or(u32::MAX);
                let usual = USUAL.iter().filter(|(edge, _)| *edge <= max_edge && reaches(video, *edge));
                let rungs: Vec<_> = usual.map(|(edge, bit_rate)| rung(video, *edge, *bit_rate)).collect();
                Ok(if rungs.is_empty() { vec![below_usual(video, max_edge)] } else { rungs })
            }
            Self::Named(edges) => match edges.iter().find(|edge| !reaches(video, **edge)) {
                Some(above) => Err(above_source(video, *above)),
                None => Ok(edges.iter().map(|edge| rung(video, *edge, usual_bit_rate(*edge))).collect()),
            },
            Self::Fitting(rungs) => {
                let fitting = rungs.iter().filter(|rung| reaches(video, rung.edge));
                let fitting: Vec<_> = fitting.map(|fit| rung(video, fit.edge, fit.video_bit_rate)).collect();
                if fitting.is_empty() { Err(all_above_source(video)) } else { Ok(fitting) }
            }
        }
    }
}

fn edge_of(name: &str) -> Result<u32, PackError> {
    let edge = name.trim().strip_suffix('p').and_then(|edge| edge.parse().ok());
    edge.filter(|edge| USUAL.iter().any(|(usual, _)| usual == edge)).ok_or_else(|| {
        let usual = USUAL.map(|(edge, _)| format!("{edge}p")).join(", ");
        PackError::LadderInvalid(format!("--ladder does not know {name:?}; use auto, copy or a list of {usual}"))
    })
}

fn shorter_edge(video: &VideoStream) -> u32 {
    video.width.min(video.height)
}

/// A source within 5 % below a rung fills it at its own size.
fn reaches(video: &VideoStream, edge: u32) -> bool {
    u64::from(shorter_edge(video)) * 105 >= u64::from(edge) * 100
}

fn above_source(video: &VideoStream, edge: u32) -> PackError {
    let possible: Vec<_> =
        USUAL.iter().filter(|(edge, _)| reaches(video, *edge)).map(|(edge, _)| format!("{edge}p")).collect();
    let possible = if possible.is_empty() { "auto or copy".into() } else { possible.join(", ") };
    PackError::LadderInvalid(format!(
        "--ladder {edge}p is above the source ({}x{}), which is never enlarged; possible: {possible}",
        video.width, video.height
    ))
}

fn all_above_source(video: &VideoStream) -> PackError {
    let (width, height, edge) = (video.width, video.height, even(shorter_edge(video)));
    PackError::LadderInvalid(format!(
        "every quality of the workflow is above the source ({width}x{height}), which is never enlarged; give the workflow \
         one of {edge}p or less, or the ladder auto"
    ))
}

fn usual_bit_rate(edge: u32) -> u32 {
    USUAL.iter().find(|(usual, _)| *usual == edge).map_or(BIT_RATE_MIN, |(_, bit_rate)| *bit_rate)
}

fn rung(video: &VideoStream, edge: u32, bit_rate: u32) -> Rung {
    let shorter = shorter_edge(video);
    let target = edge.min(shorter);
    // To the nearest even length, but never above the source's.
    let scaled = |length: u32| {
        let halves = u64::from(length) * u64::from(target) + u64::from(shorter);
        let nearest = u32::try_from(halves / (2 * u64::from(shorter)) * 2).unwrap_or(target);
        nearest.min(even(length)).max(2)
    };
    Rung { name: format!("{edge}p"), width: scaled(video.width), height: scaled(video.height), bit_rate }
}

/// Where no usual rung fits: one rung at the source's own size or at `max_edge`, its bit rate in proportion to its pixels.
fn below_usual(video: &VideoStream, max_edge: u32) -> Rung {
    let edge = even(shorter_edge(video).min(max_edge));
    let mut only = rung(video, edge, 0);
    if edge == even(shorter_edge(video)) {
        (only.width, only.height) = (even(video.width), even(video.height));
    }
    let pixels = u64::from(only.width) * u64::from(only.height);
    let bit_rate = u32::try_from(pixels * u64::from(USUAL[0].1) / (640 * 360)).unwrap_or(USUAL[0].1);
    Rung { bit_rate: bit_rate.clamp(BIT_RATE_MIN, USUAL[0].1), ..only }
}

/// H.264 with 4:2:0 colour needs even edges; a one-pixel edge becomes two.
fn even(length: u32) -> u32 {
    (length & !1).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::FrameRate;

    const AUTO: Ladder = Ladder::Auto { max_edge: None };

    fn video(width: u32, height: u32) -> VideoStream {
        let rate = FrameRate { numerator: 30, denominator: 1 };
        VideoStream {
            index: 0,
            codec: "h264".into(),
            width,
            height,
            duration_secs: None,
            rate,
            is_late: false,
            interlaced: false,
        }
    }

    fn names(ladder: &Ladder, width: u32, height: u32) -> Vec<String> {
        let rungs = ladder.rungs(&video(width, height)).unwrap();
        rungs.into_iter().map(|rung| format!("{} {}x{}", rung.name, rung.width, rung.height)).collect()
    }

    #[test]
    fn auto_fills_every_rung_up_to_the_source_by_its_shorter_edge() {
        assert_eq!(names(&AUTO, 1280, 720), ["360p 640x360", "480p 854x480", "720p 1280x720"]);
        assert_eq!(names(&AUTO, 720, 1280), ["360p 360x640", "480p 480x854", "720p 720x1280"]);
        assert_eq!(names(&AUTO, 1920, 1079).last().unwrap(), "1080p 1920x1078");
        assert_eq!(names(&AUTO, 3840, 2160).len(), 6);
    }

    #[test]
    fn small_and_odd_sources_get_one_even_rung_of_their_own_size() {
        assert_eq!(names(&AUTO, 321, 241), ["240p 320x240"]);
        assert_eq!(names(&AUTO, 1, 1), ["2p 2x2"]);
        let rung = AUTO.rungs(&video(320, 180)).unwrap().remove(0);
        assert_eq!(rung.bit_rate, 200_000);
    }

    #[test]
    fn rung_above_the_source_is_refused_with_what_is_possible() {
        let error = "360p,1080p".parse::<Ladder>().unwrap().rungs(&video(1280, 720)).unwrap_err();
        assert_eq!(error.code(), "ladder_invalid");
        assert!(error.to_string().ends_with("possible: 360p, 480p, 720p"), "{error}");
        assert!("720p".parse::<Ladder>().unwrap().rungs(&video(1236, 690)).is_ok(), "within 5 %");
        assert!("720p".parse::<Ladder>().unwrap().rungs(&video(1236, 680)).is_err());
    }

    #[test]
    fn ladder_text_is_read_in_any_order_and_nonsense_is_refused() {
        assert_eq!("720p, 360p".parse::<Ladder>().unwrap(), Ladder::Named(vec![360, 720]));
        for text in ["", "p", "721p", "720", "360p,360p", "-1p", "auto,copy"] {
            assert_eq!(text.parse::<Ladder>().unwrap_err().code(), "ladder_invalid", "{text:?}");
        }
    }

    #[test]
    fn rungs_of_a_workflow_keep_their_bit_rates_and_those_above_the_source_are_left_out() {
        let settings = [(1080, 2_500_000), (240, 256_000), (720, 1_024_000)];
        let rungs = settings.map(|(edge, video_bit_rate)| RungSettings { edge, video_bit_rate }).to_vec();
        let ladder = Ladder::from(&LadderSettings::Rungs { rungs });
        let made: Vec<_> = ladder.rungs(&video(1280, 720)).unwrap();
        let made: Vec<_> = made.iter().map(|rung| (rung.name.as_str(), rung.width, rung.bit_rate)).collect();
        assert_eq!(made, [("240p", 426, 256_000), ("720p", 1280, 1_024_000)]);
        let error = ladder.rungs(&video(320, 180)).unwrap_err();
        assert_eq!(error.code(), "ladder_invalid");
        assert!(error.to_string().contains("(320x180)") && error.to_string().contains("180p"), "{error}");
    }

    #[test]
    fn auto_ends_at_the_largest_edge_that_a_workflow_allows() {
        let up_to = |edge| Ladder::Auto { max_edge: Some(edge) };
        assert_eq!(names(&up_to(480), 1920, 1080), ["360p 640x360", "480p 854x480"]);
        assert_eq!(names(&up_to(240), 1920, 1080), ["240p 426x240"]);
        assert_eq!(names(&up_to(1080), 320, 180), ["180p 320x180"]);
    }
}
