//! What a packager made, checked once so that nothing later has to doubt it.

use keyveil_protocol::api::{MediaInfo, RENDITIONS_MAX, RenditionInfo};
use keyveil_protocol::{ErrorCode, Mode};

use crate::origin::{MediaKind, MediaPath};
use crate::refusal::Refusal;

const TEXT_LEN_MAX: usize = 256;
/// A year: keeps sums of milliseconds far from any edge.
const DURATION_MS_MAX: u64 = 366 * 24 * 3600 * 1000;
const SEGMENT_MS_MAX: u32 = 600_000;

/// `malformed_request` unless it can be what was made of a title of this mode.
pub(super) fn check(media: &MediaInfo, mode: Mode) -> Result<(), Refusal> {
    let wrong = |cause: &'static str| Err(Refusal::new(ErrorCode::MalformedRequest, cause));
    if media.cipher.map_or(mode.is_encrypted(), |cipher| !cipher.fits(mode)) {
        return wrong("cipher does not fit the title's mode");
    }
    if media.clear_lead_segments > if mode.is_encrypted() { media.segment_count } else { 0 } {
        return wrong("clearLeadSegments is more than there are, or not of an encrypted title");
    }
    if !(1..=DURATION_MS_MAX).contains(&media.duration_ms) {
        return wrong("durationMs out of range");
    }
    if !(1..=SEGMENT_MS_MAX).contains(&media.segment_ms) {
        return wrong("segmentMs out of range");
    }
    if !(1..=RENDITIONS_MAX).contains(&media.renditions.len()) {
        return wrong("not 1 to 64 renditions");
    }
    for (place, rendition) in media.renditions.iter().enumerate() {
        if usize::from(rendition.rendition.0) != place {
            return wrong("a rendition's number is not its place in the list");
        }
        check_rendition(rendition)?;
    }
    let longest = media.renditions.iter().map(|rendition| rendition.segment_count).max();
    if media.segment_count == 0 || longest != Some(media.segment_count) {
        return wrong("segmentCount is not that of the longest rendition");
    }
    Ok(())
}

fn check_rendition(rendition: &RenditionInfo) -> Result<(), Refusal> {
    let wrong = |cause: &'static str| Err(Refusal::new(ErrorCode::MalformedRequest, cause));
    let texts = [Some(&rendition.name), rendition.language.as_ref(), rendition.codecs.as_ref()];
    if texts.into_iter().flatten().any(|text| text.len() > TEXT_LEN_MAX) {
        return wrong("a rendition's text is over 256 bytes");
    }
    if rendition.segment_count == 0 {
        return wrong("a rendition without segments");
    }
    if !MediaPath::parse(&rendition.playlist).is_ok_and(|path| path.kind() == MediaKind::Playlist) {
        return wrong("a rendition's playlist is not a plain relative .m3u8 path");
    }
    Ok(())
}
