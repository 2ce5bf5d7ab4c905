//! Encrypts a title anew: every segment is decrypted and encrypted in memory; all else is copied as it is. Key tags are
//! written anew too: private ones come out as they were, standard ones carry IVs, which follow from the secret.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{StreamExt, TryStreamExt, stream};
use keyveil_protocol::{
    FileId, Mode, Segment, TitleSecret,
    api::RenditionInfo,
    job::{CompleteJobRequest, JobStage},
};

use super::media::JobMedia;
use crate::{
    error::PackError,
    playlist::{self, Listed},
    progress::{Event, Report},
    sealer::{Encryption, Scheme},
};

/// Segments in memory at a time.
const SEGMENTS_MAX: usize = 4;
/// The most sheets that a file of sprites may name.
const SHEETS_MAX: usize = 1000;

/// One rendition of the version before.
struct Old<'a> {
    info: &'a RenditionInfo,
    folder: &'a str,
    playlist: Vec<u8>,
    segments: Vec<Listed>,
}

/// Stores every file of `old` again, its segments under the first secret instead of the second.
pub(super) async fn run(
    media: &JobMedia,
    (file_id, mode): (&FileId, Mode),
    old: &CompleteJobRequest,
    secrets: [&TitleSecret; 2],
    report: &dyn Report,
) -> Result<(), PackError> {
    report.stage(JobStage::Encrypting);
    let scheme = old.media.cipher.and_then(|cipher| Scheme::of(mode, cipher));
    let scheme = scheme.ok_or_else(|| PackError::ServerError("a clear title has no encryption".into()))?;
    let encryptions = secrets.map(|title_secret| Encryption {
        scheme,
        period_segments: old.media.period_segments,
        clear_lead_segments: old.media.clear_lead_segments,
        title_secret: title_secret.clone(),
    });
    let mut renditions = Vec::new();
    for info in &old.media.renditions {
        renditions.push(read(media, info).await?);
    }
    let all: usize = renditions.iter().map(|rendition| rendition.segments.len()).sum();
    let done = AtomicU32::new(0);
    let work =
        renditions.iter().flat_map(|rendition| (0_u32..).zip(&rendition.segments).map(move |at| (rendition, at)));
    let work = work.map(|(rendition, (number, listed))| {
        let (done, encryptions) = (&done, encryptions.clone());
        async move {
            segment(media, rendition, Segment(number), listed, encryptions).await?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            let percent = Some((f64::from(done) / all.max(1) as f64 * 1000.0).round() / 10.0);
            report.report(&Event::Progress { percent, speed: None, left_secs: None });
            Ok::<_, PackError>(())
        }
    });
    stream::iter(work).buffer_unordered(SEGMENTS_MAX).try_collect::<()>().await?;
    for rendition in renditions {
        if let Some(init) = playlist::map_of(&rendition.playlist)? {
            copy(media, &format!("{}/{}", rendition.folder, plain(&init)?)).await?;
        }
        let [new, _] = &encryptions;
        let key_tag = |segment| new.key_tag(file_id, rendition.info.track_class, rendition.info.rendition, segment);
        media.put(&rendition.info.playlist, playlist::with_key_tags(&rendition.playlist, key_tag)?).await?;
    }
    copy_pictures(media, old).await?;
    copy(media, "master.m3u8").await
}

async fn read<'a>(media: &JobMedia, info: &'a RenditionInfo) -> Result<Old<'a>, PackError> {
    let unusable = || PackError::ServerError(format!("the playlist path {:?} can't be used", info.playlist));
    let (folder, name) = info.playlist.split_once('/').ok_or_else(unusable)?;
    plain(folder)?;
    plain(name)?;
    let playlist = media.get(&info.playlist).await?;
    let segments = playlist::read_listed(&playlist)
        .map_err(|_| PackError::ServerError(format!("{} can't be read", info.playlist)))?;
    if segments.len() != info.segment_count as usize {
        return Err(PackError::ServerError(format!("{} lists another number of segments", info.playlist)));
    }
    segments.iter().try_for_each(|listed| plain(&listed.uri).map(|_| ()))?;
    Ok(Old { info, folder, playlist, segments })
}

async fn segment(
    media: &JobMedia,
    rendition: &Old<'_>,
    segment: Segment,
    listed: &Listed,
    [new, previous]: [Encryption; 2],
) -> Result<(), PackError> {
    let path = format!("{}/{}", rendition.folder, listed.uri);
    let mut bytes = media.get(&path).await?;
    let (class, number) = (rendition.info.track_class, rendition.info.rendition);
    let work = move || {
        // In the clear lead there is neither.
        if let (Some(previous), Some(new)) = (previous.key(class, number, segment), new.key(class, number, segment)) {
            let clear_len = previous.decrypt(&mut bytes)?;
            bytes.truncate(clear_len);
            new.encrypt(&mut bytes)?;
        }
        Ok::<_, keyveil_protocol::ProtocolError>(bytes)
    };
    let sealed = tokio::task::spawn_blocking(work).await?;
    let sealed = sealed.map_err(|error| PackError::ServerError(format!("{path} can't be encrypted anew ({error})")))?;
    media.put(&path, sealed).await
}

async fn copy_pictures(media: &JobMedia, old: &CompleteJobRequest) -> Result<(), PackError> {
    if let Some(cover) = &old.cover {
        cover.split('/').try_for_each(|part| plain(part).map(|_| ()))?;
        copy(media, cover).await?;
    }
    let Some(sprites) = &old.sprites else { return Ok(()) };
    sprites.split('/').try_for_each(|part| plain(part).map(|_| ()))?;
    let index = media.get(sprites).await?;
    let text = String::from_utf8_lossy(&index);
    let folder = sprites.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut sheets: Vec<_> = text.lines().filter_map(|line| line.split_once("#xywh=")).map(|(name, _)| name).collect();
    sheets.dedup();
    for sheet in sheets.into_iter().take(SHEETS_MAX) {
        let sheet = plain(sheet)?;
        copy(media, &if folder.is_empty() { sheet.to_owned() } else { format!("{folder}/{sheet}") }).await?;
    }
    media.put(sprites, index).await
}

async fn copy(media: &JobMedia, path: &str) -> Result<(), PackError> {
    let bytes = media.get(path).await?;
    media.put(path, bytes).await
}

/// A file's bare name: nothing that could lead out of the media folder or change the address.
fn plain(name: &str) -> Result<&str, PackError> {
    let is_plain = !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    is_plain.then_some(name).ok_or_else(|| PackError::ServerError(format!("the file name {name:?} can't be used")))
}
