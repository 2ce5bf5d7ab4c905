//! Cover and sprites: JPEGs that ffmpeg writes to a pipe in runs of their own. A source that gives no usable picture
//! costs the title its pictures, not more.

mod jpeg;
mod run;
mod sprites;

use keyveil_protocol::workflow::{CoverSettings, SpriteSettings};

use crate::{
    error::PackError,
    input::Input,
    ladder::Ladder,
    plan::Choices,
    probe::{Source, VideoStream},
    progress::{Event, Report},
    sink::Sink,
};

use run::Run;
pub(crate) use sprites::{SPRITES_FOLDER, Sheets};

const COVER: &str = "cover.jpg";
const COVER_WIDTH_MAX: u32 = 1280;
/// The beginning, of which a typical frame is taken, and how far apart its frames are looked at.
const BEST_SECS: u32 = 60;
const BEST_EVERY_SECS: u32 = 2;
/// Decoded before the wanted time, to find the last frame at or before it; more where pictures stand still.
const BEFORE_SECS: [f64; 2] = [2.0, 60.0];

/// What was made.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    /// Relative to the title's folder.
    pub cover: Option<String>,
    /// Their index is still to be written.
    pub sprites: Option<Sheets>,
}

/// Makes what the choices ask for of a video of `secs`.
pub(crate) async fn make(
    choices: &Choices,
    input: &Input,
    source: &Source,
    secs: f64,
    sink: &Sink,
    report: &dyn Report,
) -> Result<Pictures, PackError> {
    let run = Run::new(input, &source.video, secs);
    let mut pictures = Pictures::default();
    if let Some(settings) = choices.cover {
        pictures.cover = usable("cover", cover(&run, settings, secs, sink).await, report)?;
    }
    if let Some(settings) = choices.sprites {
        // A stream that is copied has keyframes close enough to play; looking at them alone costs next to nothing.
        let run = Run { keyframes_only: choices.ladder == Ladder::Copy, ..run };
        let sheets = sprites::make(&run, &source.video, settings, secs, sink).await;
        pictures.sprites = usable("sprites", sheets, report)?;
    }
    Ok(pictures)
}

/// A fault of the source costs the picture; any other is the run's.
fn usable<T>(what: &str, made: Result<Option<T>, PackError>, report: &dyn Report) -> Result<Option<T>, PackError> {
    let reason = match made {
        Ok(Some(made)) => return Ok(Some(made)),
        Ok(None) => "the source shows no picture".to_owned(),
        Err(PackError::FfmpegFailed(reason)) => reason,
        Err(other) => return Err(other),
    };
    report.report(&Event::Warning { message: format!("the title gets no {what}: {reason}") });
    Ok(None)
}

async fn cover(run: &Run<'_>, settings: CoverSettings, secs: f64, sink: &Sink) -> Result<Option<String>, PackError> {
    let (width, height) = cover_size(run.video);
    let scale = format!("{}scale={width}:{height},setsar=1", run.deinterlace());
    let found = match settings {
        CoverSettings::Best => None,
        CoverSettings::At { position_ms } => at(run, &scale, (position_ms as f64 / 1000.0).min(secs)).await?,
    };
    let found = match found {
        Some(found) => Some(found),
        None => best(run, &scale).await?,
    };
    let Some(jpeg) = found else { return Ok(None) };
    sink.write(COVER, jpeg).await?;
    Ok(Some(COVER.to_owned()))
}

/// A frame that is typical of the beginning.
async fn best(run: &Run<'_>, scale: &str) -> Result<Option<Vec<u8>>, PackError> {
    let count = BEST_SECS / BEST_EVERY_SECS;
    let filters = format!("fps=1/{BEST_EVERY_SECS}:eof_action=pass,{scale},thumbnail={count},format=yuvj420p");
    let limit = BEST_SECS.to_string();
    last_of(run, &["-t", &limit], &filters, &["-frames:v", "1"]).await
}

/// The frame at this time, or the last one before it.
async fn at(run: &Run<'_>, scale: &str, at_secs: f64) -> Result<Option<Vec<u8>>, PackError> {
    for before in BEFORE_SECS {
        let from = (at_secs - before).max(0.0);
        // A millisecond more, because the end itself is left out.
        let filters = format!("trim=end={:.3},{scale},format=yuvj420p", at_secs - from + 0.001);
        let (from, window) = (format!("{from:.3}"), format!("{:.3}", before + 1.0));
        // Input seeking to 0 can lose a first frame that has a later time.
        let arguments: &[&str] = if at_secs > before { &["-ss", &from, "-t", &window] } else { &["-t", &window] };
        if let Some(jpeg) = last_of(run, arguments, &filters, &[]).await? {
            return Ok(Some(jpeg));
        }
    }
    Ok(None)
}

async fn last_of(
    run: &Run<'_>,
    before_input: &[&str],
    filters: &str,
    more: &[&str],
) -> Result<Option<Vec<u8>>, PackError> {
    let mut last = None;
    let keep = async |jpeg| {
        last = Some(jpeg);
        Ok(())
    };
    run.jpegs(before_input, filters, more, keep).await?;
    Ok(last)
}

/// The displayed size, at most so wide, even.
fn cover_size(video: &VideoStream) -> (u32, u32) {
    let width = video.width.min(COVER_WIDTH_MAX);
    let height = u64::from(video.height) * u64::from(width) / u64::from(video.width.max(1));
    let even = |length: u32| (length & !1).max(2);
    (even(width), even(u32::try_from(height).unwrap_or(video.height)))
}

/// The largest size of these proportions within a thumbnail; the rest of it stays black.
fn fit(video: &VideoStream, settings: SpriteSettings) -> (u32, u32) {
    let (width, height) = (u64::from(video.width.max(1)), u64::from(video.height.max(1)));
    let (box_width, box_height) = (u64::from(settings.width), u64::from(settings.height));
    let narrow = |length: u64| u32::try_from(length.max(1)).unwrap_or(1);
    if box_width * height <= box_height * width {
        (settings.width, narrow((box_width * height + width / 2) / width))
    } else {
        (narrow((box_height * width + height / 2) / height), settings.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::FrameRate;

    fn video(width: u32, height: u32) -> VideoStream {
        let rate = FrameRate { numerator: 25, denominator: 1 };
        let codec = "h264".into();
        VideoStream { index: 0, codec, width, height, duration_secs: None, rate, is_late: false, interlaced: false }
    }

    #[test]
    fn cover_is_at_most_1280_wide_and_never_enlarged() {
        assert_eq!(cover_size(&video(3840, 2160)), (1280, 720));
        assert_eq!(cover_size(&video(321, 181)), (320, 180));
        assert_eq!(cover_size(&video(1080, 1920)), (1080, 1920));
        assert_eq!(cover_size(&video(16_384, 1)), (1280, 2));
    }

    #[test]
    fn thumbnail_keeps_the_picture_s_proportions() {
        let settings = SpriteSettings { every_secs: 10, width: 142, height: 80 };
        assert_eq!(fit(&video(1920, 1080), settings), (142, 80));
        assert_eq!(fit(&video(1080, 1920), settings), (45, 80));
        assert_eq!(fit(&video(2000, 100), settings), (142, 7));
        assert_eq!(fit(&video(10_000, 1), settings), (142, 1));
    }
}
