//! `POST /v1/titles/{fileId}/commit`: what the packager made, checked once so that nothing later has to doubt it.

use keyveil_protocol::api::{CommitTitleRequest, MediaInfo, RENDITIONS_MAX, RenditionInfo, TitleInfo};
use keyveil_protocol::{Cipher, ErrorCode, FileId, Mode};
use serde_json::json;

use super::parse_json;
use super::published_title::PublishedTitle;
use crate::clock::stored;
use crate::origin::{MediaKind, MediaPath};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{ApiKeyRow, AuditEvent, AuditKind, TitleState};

const TEXT_LEN_MAX: usize = 256;
/// A year: keeps sums of milliseconds far from any edge.
const DURATION_MS_MAX: u64 = 366 * 24 * 3600 * 1000;
const SEGMENT_MS_MAX: u32 = 600_000;

pub(crate) async fn commit_title(
    state: &ServerState,
    api_key: &ApiKeyRow,
    file_id: &FileId,
    body: &[u8],
) -> Result<TitleInfo, Refusal> {
    let CommitTitleRequest { public_key, media } = parse_json(body)?;
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let mut title = write
        .title(file_id)
        .await?
        .filter(|title| title.app_id == api_key.app_id && title.state != TitleState::Deleted)
        .ok_or_else(|| Refusal::new(ErrorCode::TitleNotFound, "no such title in this app"))?;
    if public_key != title.public_key {
        return Err(Refusal::new(ErrorCode::TitleExists, "another run holds the title's secret"));
    }
    check(&media, title.mode)?;
    let publication =
        serde_json::to_string(&media).map_err(|_| Refusal::new(ErrorCode::Internal, "publication can't be written"))?;
    if title.state == TitleState::Published {
        if title.publication.as_ref() != Some(&publication) {
            return Err(Refusal::new(ErrorCode::TitleExists, "published with another body"));
        }
        return Ok(PublishedTitle::from_row(title)?.info);
    }
    write.publish_title(file_id, &publication, media.duration_ms, now).await?;
    let detail = json!({ "apiKeyId": api_key.id, "renditions": media.renditions.len() });
    let event = AuditEvent::new(AuditKind::TitlePublished, detail).with_app(title.app_id).with_file(file_id);
    write.append_audit(&event, now).await?;
    write.commit().await?;
    title.publication = Some(publication);
    Ok(PublishedTitle::from_row(title)?.info)
}

fn check(media: &MediaInfo, mode: Mode) -> Result<(), Refusal> {
    let wrong = |cause: &'static str| Err(Refusal::new(ErrorCode::MalformedRequest, cause));
    if !matches!((mode, media.cipher), (Mode::Private, Some(Cipher::Aes128Cbc)) | (Mode::Clear, None)) {
        return wrong("cipher does not fit the title's mode");
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
