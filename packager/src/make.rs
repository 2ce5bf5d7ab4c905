//! Makes a title's files from its input, wherever they go: segments, playlists, cover and sprites.

use std::sync::Arc;

use keyveil_protocol::{api::MediaInfo, job::JobStage};

use crate::{
    error::PackError,
    input::Input,
    packed::{self, PackedRendition},
    pictures::{self, Pictures},
    plan::Plan,
    playlist,
    probe::Source,
    progress::{Event, Report},
    receiver::{Received, Receiver},
    remux::Remux,
    sealer::Sealer,
    sink::Sink,
    transcode,
};

/// A video this much shorter than its container claims was cut off: the larger of the two counts.
const MISSING_SECS_MAX: f64 = 1.5;
const MISSING_SHARE_MAX: f64 = 0.01;
/// A title this close to the limit was cut off there; no frame lasts longer than that.
const LIMIT_SECS_LESS: f64 = 1.0;

/// What was made; all of it is in the sink.
#[derive(Debug)]
pub(crate) struct Made {
    pub media: MediaInfo,
    /// Relative to the title's folder.
    pub cover: Option<String>,
    /// Relative to the title's folder.
    pub sprites: Option<String>,
}

/// Makes everything that the plan says.
pub(crate) async fn make(
    plan: &Plan,
    input: &Input,
    source: &Source,
    sealer: Sealer,
    sink: &Sink,
    report: &Arc<dyn Report>,
) -> Result<Made, PackError> {
    let cipher = sealer.cipher();
    let segments = transcode(plan, input, source, sealer, sink, report);
    let (renditions, sealer, pictures) = match source.video.duration_secs.or(source.duration_secs) {
        Some(secs) => {
            let pictures = pictures::make(&plan.choices, input, source, secs, sink, &**report);
            let ((renditions, sealer), pictures) = tokio::try_join!(segments, pictures)?;
            (renditions, sealer, pictures)
        }
        // Only the segments tell how long it is.
        None => {
            let (renditions, sealer) = segments.await?;
            let secs = renditions.first().map_or(0.0, PackedRendition::duration_secs);
            let pictures = pictures::make(&plan.choices, input, source, secs, sink, &**report).await?;
            (renditions, sealer, pictures)
        }
    };
    let media = packed::media_info(plan, &renditions, cipher);
    let Pictures { cover, sprites } = pictures;
    let sprites = match sprites {
        Some(sheets) => Some(sheets.write_index(media.duration_ms, sink).await?),
        None => None,
    };
    for rendition in &renditions {
        sink.write(&rendition.playlist(), playlist::media(plan, rendition, &sealer)?).await?;
    }
    sink.write("master.m3u8", playlist::master(plan, &renditions)?).await?;
    Ok(Made { media, cover, sprites })
}

/// Runs ffmpeg into the receiver, or copies here what needs no ffmpeg; every segment is sealed and in the sink when this returns.
async fn transcode(
    plan: &Plan,
    input: &Input,
    source: &Source,
    sealer: Sealer,
    sink: &Sink,
    report: &Arc<dyn Report>,
) -> Result<(Vec<PackedRendition>, Sealer), PackError> {
    let duration_secs = source.video.duration_secs.or(source.duration_secs);
    let (received, sealer) = match Remux::open(plan, input).await {
        Some(remux) => (remux.run(plan, input, duration_secs, &sealer, sink, &**report).await?, sealer),
        None => {
            let mut receiver = Receiver::start(plan, sealer, sink.clone()).await?;
            transcode::run(plan, input, duration_secs, &mut receiver, &**report).await?;
            report.stage(JobStage::Encrypting);
            receiver.finish().await?
        }
    };
    let listed_secs = |received: &Received| {
        let listed = received.listed.iter().flatten();
        listed.map(|listed| listed.duration_secs).sum::<f64>()
    };
    let title_secs = received.iter().map(listed_secs).fold(0.0, f64::max);
    let renditions = plan.renditions.iter().zip(&received);
    let renditions = renditions
        .map(|(planned, received)| PackedRendition::new(planned.clone(), received, title_secs))
        .collect::<Result<Vec<_>, _>>()?;
    if title_secs > plan.secs_max - LIMIT_SECS_LESS {
        let what = format!("it goes on beyond {:.0} s, which is more than it claims", plan.secs_max);
        return Err(PackError::InputTooLong(input.name(), what));
    }
    refuse_truncated(input, source, &renditions, title_secs)?;
    report.report(&Event::Progress { percent: Some(100.0), speed: None, left_secs: Some(0) });
    Ok((renditions, sealer))
}

/// A cut-off film must not be published short.
fn refuse_truncated(
    input: &Input,
    source: &Source,
    renditions: &[PackedRendition],
    title_secs: f64,
) -> Result<(), PackError> {
    let (expected, got) = match (source.video.duration_secs, source.duration_secs) {
        (Some(video), _) => (video, renditions.first().map_or(0.0, PackedRendition::duration_secs)),
        // Subtitles may well outlast the picture, so a length that counts them proves nothing.
        (None, Some(all)) if source.subtitles.is_empty() => (all, title_secs),
        _ => return Ok(()),
    };
    if expected - got <= MISSING_SECS_MAX.max(expected * MISSING_SHARE_MAX) {
        return Ok(());
    }
    let what = format!("it claims {expected:.1} s of video, but only {got:.1} s are there");
    Err(PackError::InputTruncated(input.name(), what))
}
