//! Sheets of 10×10 thumbnails, and the WebVTT file that says which stands for which time.

use std::fmt::Write;

use keyveil_protocol::workflow::SpriteSettings;

use super::{fit, run::Run};
use crate::{error::PackError, probe::VideoStream, sink::Sink};

/// Under the title's folder.
pub(crate) const SPRITES_FOLDER: &str = "sprites";
const INDEX: &str = "sprites/sprites.vtt";
const ACROSS: u32 = 10;
const PER_SHEET: u32 = ACROSS * ACROSS;
/// Nobody seeks in more: four days at one every ten seconds.
const SHEETS_MAX: u32 = 400;

/// Sheets that are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sheets {
    settings: SpriteSettings,
    count: u32,
}

/// Makes the sheets of a video of `secs`.
pub(super) async fn make(
    run: &Run<'_>,
    video: &VideoStream,
    settings: SpriteSettings,
    secs: f64,
    sink: &Sink,
) -> Result<Option<Sheets>, PackError> {
    let SpriteSettings { every_secs, width, height } = settings;
    let wanted = ((secs / f64::from(every_secs)).ceil() as u32).clamp(1, SHEETS_MAX * PER_SHEET);
    let (inner_width, inner_height) = fit(video, settings);
    let frames = wanted.to_string();
    // Each thumbnail is from the middle of its time; the last is repeated should the picture end early. In RGB, because
    // a sheet of thumbnails with odd edges can't share colour between neighbours.
    let filters = format!(
        "{deinterlace}fps=1/{every_secs}:start_time=0:eof_action=pass,scale={inner_width}:{inner_height},setsar=1,\
         format=rgb24,pad={width}:{height}:(ow-iw)/2:(oh-ih)/2,tpad=stop=-1:stop_mode=clone,trim=end_frame={frames},\
         tile={ACROSS}x{ACROSS},format=yuvj420p",
        deinterlace = run.deinterlace()
    );
    let mut count = 0;
    let keep = async |jpeg| {
        let path = sheet(count);
        count += 1;
        if count > wanted.div_ceil(PER_SHEET) {
            return Err(PackError::FfmpegFailed("it made more sheets than there is time for".into()));
        }
        sink.write(&path, jpeg).await
    };
    run.jpegs(&[], &filters, &[], keep).await?;
    Ok((count > 0).then_some(Sheets { settings, count }))
}

impl Sheets {
    /// Writes the index of a title of this length, and gives its path.
    pub(crate) async fn write_index(self, duration_ms: u64, sink: &Sink) -> Result<String, PackError> {
        sink.write(INDEX, self.index(duration_ms).into_bytes()).await?;
        Ok(INDEX.to_owned())
    }

    /// Cues without a gap from 0 to the title's end.
    fn index(self, duration_ms: u64) -> String {
        let SpriteSettings { every_secs, width, height } = self.settings;
        let every_ms = u64::from(every_secs) * 1000;
        let places = u64::from(self.count) * u64::from(PER_SHEET);
        let cues = duration_ms.div_ceil(every_ms).clamp(1, places);
        let mut text = String::from("WEBVTT\n");
        for (number, cue) in (0_u32..).zip(0..cues) {
            let is_last = cue + 1 == cues;
            let (from, to) = (cue * every_ms, if is_last { duration_ms } else { (cue + 1) * every_ms });
            let place = number % PER_SHEET;
            let (x, y) = (place % ACROSS * width, place / ACROSS * height);
            let name = sheet(number / PER_SHEET);
            let name = name.rsplit('/').next().unwrap_or_default();
            // Writing to a String does not fail.
            let _ = write!(text, "\n{} --> {}\n{name}#xywh={x},{y},{width},{height}\n", clock(from), clock(to));
        }
        text
    }
}

fn sheet(number: u32) -> String {
    format!("{SPRITES_FOLDER}/sprite-{number:05}.jpg")
}

/// `01:02:03.004`.
fn clock(ms: u64) -> String {
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(count: u32, duration_ms: u64) -> String {
        Sheets { settings: SpriteSettings { every_secs: 10, width: 142, height: 80 }, count }.index(duration_ms)
    }

    #[test]
    fn cues_cover_the_title_to_its_end_and_go_on_in_the_next_sheet() {
        let text = index(1, 25_040);
        let cues: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(cues[1..3], ["00:00:00.000 --> 00:00:10.000", "sprite-00000.jpg#xywh=0,0,142,80"]);
        assert_eq!(cues[5..], ["00:00:20.000 --> 00:00:25.040", "sprite-00000.jpg#xywh=284,0,142,80"]);
        let text = index(2, 1_010_000);
        assert!(text.contains("00:01:50.000 --> 00:02:00.000\nsprite-00000.jpg#xywh=142,80,142,80\n"), "{text}");
        assert!(text.ends_with("00:16:40.000 --> 00:16:50.000\nsprite-00001.jpg#xywh=0,0,142,80\n"), "{text}");
    }

    #[test]
    fn last_cue_is_stretched_where_the_title_is_longer_than_its_sheets() {
        let text = index(1, 2_000_000);
        assert!(text.ends_with("00:16:30.000 --> 00:33:20.000\nsprite-00000.jpg#xywh=1278,720,142,80\n"), "{text}");
        assert_eq!(index(1, 0).matches("-->").count(), 1);
    }
}
