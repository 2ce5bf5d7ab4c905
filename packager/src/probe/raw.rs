//! ffprobe's JSON, as far as it is read.

use serde::Deserialize;

/// Starts closer than this count as one.
const LATE_SECS_MIN: f64 = 0.001;

#[derive(Debug, Deserialize)]
pub(super) struct RawProbe {
    #[serde(default)]
    pub(super) streams: Vec<RawStream>,
    #[serde(default)]
    pub(super) format: RawFormat,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawFormat {
    pub(super) duration: Option<String>,
    pub(super) start_time: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawStream {
    pub(super) index: u32,
    pub(super) codec_type: String,
    pub(super) codec_name: Option<String>,
    pub(super) codec_tag_string: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) sample_aspect_ratio: Option<String>,
    pub(super) field_order: Option<String>,
    pub(super) r_frame_rate: String,
    pub(super) avg_frame_rate: String,
    pub(super) duration: Option<String>,
    pub(super) start_time: Option<String>,
    pub(super) channels: Option<u32>,
    pub(super) sample_rate: Option<String>,
    pub(super) disposition: RawDisposition,
    pub(super) tags: RawTags,
    pub(super) side_data_list: Vec<RawSideData>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawDisposition {
    pub(super) attached_pic: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawTags {
    pub(super) language: Option<String>,
    pub(super) title: Option<String>,
    pub(super) rotate: Option<String>,
    #[serde(rename = "DURATION")]
    pub(super) duration: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawSideData {
    pub(super) rotation: Option<f64>,
}

impl RawProbe {
    /// The longest time that anything in it claims: to last, or to wait for before it starts.
    pub(super) fn secs(&self) -> f64 {
        let start = time(&self.format.start_time);
        let of_streams = self
            .streams
            .iter()
            .flat_map(|stream| [stream.duration_secs().unwrap_or(0.0), time(&stream.start_time) - start]);
        let of_format = self.format.duration.as_deref().and_then(seconds).unwrap_or(0.0);
        of_streams.fold(of_format, f64::max)
    }
}

fn time(text: &Option<String>) -> f64 {
    text.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

impl RawStream {
    pub(super) fn duration_secs(&self) -> Option<f64> {
        self.duration.as_deref().or(self.tags.duration.as_deref()).and_then(seconds)
    }

    /// Whether it starts after the file's first stream.
    pub(super) fn is_late(&self, format: &RawFormat) -> bool {
        time(&self.start_time) - time(&format.start_time) > LATE_SECS_MIN
    }

    pub(super) fn is_text(&self) -> bool {
        let texts = ["mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"];
        self.codec_name.as_deref().is_some_and(|codec| texts.contains(&codec))
    }
}

impl RawTags {
    /// A language tag that is safe inside a playlist attribute; "und" says nothing.
    pub(super) fn language(&self) -> Option<String> {
        let language = self.language.as_deref()?.trim();
        let fits = (2..=16).contains(&language.len())
            && language.chars().all(|character| character.is_ascii_alphanumeric() || character == '-');
        (fits && language != "und").then(|| language.to_owned())
    }
}

/// `12.5` or `00:00:12.5`.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let value = match text.split(':').collect::<Vec<_>>()[..] {
        [hours, minutes, rest] => {
            hours.parse::<f64>().ok()? * 3600.0 + minutes.parse::<f64>().ok()? * 60.0 + rest.parse::<f64>().ok()?
        }
        _ => text.parse::<f64>().ok()?,
    };
    (value.is_finite() && value > 0.0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_that_could_break_a_playlist_is_dropped() {
        let tags = |language: &str| RawTags { language: Some(language.into()), ..RawTags::default() }.language();
        assert_eq!(tags("eng"), Some("eng".into()));
        assert_eq!(tags("en-GB"), Some("en-GB".into()));
        assert_eq!(tags("und"), None);
        assert_eq!(tags("e\"n"), None);
        assert_eq!(tags("e\nn"), None);
    }

    #[test]
    fn durations_are_read_in_seconds_and_in_clock_form() {
        assert_eq!(seconds("12.5"), Some(12.5));
        assert_eq!(seconds("01:02:03.5"), Some(3723.5));
        assert_eq!(seconds("N/A"), None);
        assert_eq!(seconds("-1"), None);
    }
}
