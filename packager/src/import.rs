//! `packager import`: brings a title in that another vendor's HLS standard encryption made. Its segments stay as they are;
//! the key server gets the keys that its playlists name by `Ciphertext=`.

mod vendor;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use keyveil_protocol::{
    Cipher, Container, FileId, Mode, PeriodSegments, Rendition, Segment,
    api::{MediaInfo, RenditionInfo, RenditionKind},
};
use url::form_urlencoded;
use zeroize::Zeroizing;

use self::vendor::{Keys, VendorRendition, VendorTitle};
use crate::{
    Run,
    client::{Client, ImportedKey, ServerOptions},
    error::PackError,
    output::PartialOutput,
    pack::{Undo, commit, random_file_id, undone_unless_done},
    packed::Packed,
    progress::{Event, Report},
    receiver::segment_name,
};

/// What to import, and whereto.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// A master or media playlist; its segments lie beside it.
    pub playlist: PathBuf,
    /// JSON: the 16 bytes of each key in base64, by the text of `Ciphertext=`.
    pub keys: PathBuf,
    /// Where no key address says it.
    pub media_id: Option<String>,
    /// The folder that gets a folder named after the file id.
    pub out: PathBuf,
    /// Made at random when absent.
    pub file_id: Option<FileId>,
    /// For people.
    pub name: String,
    pub server: ServerOptions,
}

/// Imports one title. When `interrupted` resolves (with a signal's number), or on any failure, what was written and
/// registered is taken back.
#[must_use]
pub fn import(
    options: ImportOptions,
    report: Arc<dyn Report>,
    interrupted: Run<'static, i32>,
) -> Run<'static, Result<Packed, PackError>> {
    Box::pin(async move { undone_unless_done(interrupted, async |undo| run(options, &report, undo).await).await })
}

async fn run(options: ImportOptions, report: &Arc<dyn Report>, undo: &mut Undo) -> Result<Packed, PackError> {
    let file_id = options.file_id.map_or_else(random_file_id, Ok)?;
    let client = Client::new(options.server, Arc::clone(report))?;
    let (title, keys) = tokio::task::spawn_blocking(move || {
        let title = vendor::read(&options.playlist, options.media_id.as_deref())?;
        let keys = read_keys(&options.keys)?;
        check_keys(&title, &keys)?;
        Ok::<_, PackError>((title, keys))
    })
    .await??;
    let media = media_info(&title)?;
    report.report(&Event::Started {
        file_id: file_id.to_string(),
        renditions: media.renditions.iter().map(|rendition| rendition.name.clone()).collect(),
        duration_secs: Some(media.duration_ms as f64 / 1000.0),
    });
    let (registration, _) = client.register(&file_id, &options.name, Mode::Standard).await?;
    undo.registered = Some((client.clone(), registration.clone()));
    let imported: Vec<_> = keys.iter().map(|(text, key)| ImportedKey::new(text, key)).collect();
    let (out, id, told) = (options.out, file_id.clone(), Arc::clone(report));
    let (output, media_id) = tokio::task::spawn_blocking(move || {
        let output = PartialOutput::create(&out, &id)?;
        write(&title, &output, &*told)?;
        Ok::<_, PackError>((Arc::new(output), title.media_id))
    })
    .await??;
    client.import_keys(&file_id, &media_id, &imported).await?;
    let folder = commit(output, undo).await?;
    client.publish(&registration, &media).await?;
    Ok(Packed { file_id, folder, media, published: true })
}

fn read_keys(file: &Path) -> Result<Keys, PackError> {
    let unreadable =
        |error: &dyn std::fmt::Display| PackError::InputNotFound(file.display().to_string(), error.to_string());
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(|error| unreadable(&error))?);
    let texts: BTreeMap<String, String> = serde_json::from_str(&text)
        .map_err(|_| PackError::ImportInvalid("the key file is not JSON of texts".into()))?;
    let key = |(name, base64): (String, String)| {
        let (base64, mut key) = (Zeroizing::new(base64), Zeroizing::new([0; 16]));
        let decoded = base64ct::Decoder::<base64ct::Base64>::new(base64.as_bytes())
            .and_then(|mut decoder| decoder.decode(key.as_mut()).map(|_| decoder.is_finished()));
        match decoded {
            Ok(true) => Ok((name, key)),
            _ => Err(PackError::ImportInvalid(format!("the key of {name:?} is not 16 bytes in base64"))),
        }
    };
    texts.into_iter().map(key).collect()
}

/// Every key is there and opens the first segment that it is for: a wrong one would show only when somebody plays.
fn check_keys(title: &VendorTitle, keys: &Keys) -> Result<(), PackError> {
    for rendition in &title.renditions {
        let mut seen = BTreeSet::new();
        if let Some(map) = &rendition.map
            && read_file(map)?.get(4..8) != Some(b"ftyp")
        {
            return Err(PackError::ImportInvalid(format!("{} is no init segment of fMP4", map.display())));
        }
        for segment in &rendition.segments {
            let Some((text, _)) = &segment.key else {
                check_clear(&segment.file)?;
                continue;
            };
            if !seen.insert(text) {
                continue;
            }
            let missing = || PackError::ImportInvalid(format!("the key file has no key for Ciphertext={text}"));
            let key = segment.segment_key(keys).ok_or_else(missing)?;
            let mut bytes = read_file(&segment.file)?;
            let opened = key.decrypt(&mut bytes).is_ok() && is_media(&bytes);
            if !opened {
                let file = segment.file.display();
                return Err(PackError::ImportInvalid(format!("the key for Ciphertext={text} does not open {file}")));
            }
        }
    }
    Ok(())
}

/// What is published as it is must be media: a playlist could name any file of its folder.
fn check_clear(file: &Path) -> Result<(), PackError> {
    if is_media(&read_file(file)?) {
        return Ok(());
    }
    Err(PackError::ImportInvalid(format!("{} is no media segment", file.display())))
}

/// MPEG-TS, or a box of fMP4.
fn is_media(bytes: &[u8]) -> bool {
    let is_box = bytes
        .get(4..8)
        .is_some_and(|name| [b"styp", b"moof", b"sidx", b"emsg", b"prft"].iter().any(|known| name == *known));
    bytes.first() == Some(&0x47) || is_box
}

fn read_file(file: &Path) -> Result<Vec<u8>, PackError> {
    std::fs::read(file).map_err(|error| PackError::InputNotFound(file.display().to_string(), error.to_string()))
}

/// For `fuzz/`: a media playlist of a folder as it is published, and how many segments were read from it.
pub(crate) fn published(text: &str, folder: &Path) -> Result<(usize, String), PackError> {
    let (rendition, media_id) = vendor::read_media(text, folder)?;
    Ok((rendition.segments.len(), playlist(&rendition, &media_id)))
}

/// For `fuzz/`: the variants of a master playlist of a folder as they are published.
pub(crate) fn published_variants(text: &str, folder: &Path) -> Result<Vec<String>, PackError> {
    Ok(vendor::read_variants(text, folder)?.iter().map(variant).collect())
}

fn folder_of(number: usize) -> String {
    format!("v{number}")
}

fn extension(rendition: &VendorRendition) -> &'static str {
    if rendition.map.is_some() { "m4s" } else { "ts" }
}

fn media_info(title: &VendorTitle) -> Result<MediaInfo, PackError> {
    let mut renditions = Vec::new();
    let (mut duration_ms, mut segment_ms) = (0_u64, 1_u32);
    for (number, rendition) in title.renditions.iter().enumerate() {
        let secs: f64 = rendition.segments.iter().map(|segment| segment.duration_secs).sum();
        let longest = rendition.segments.iter().map(|segment| segment.duration_secs).fold(0.0, f64::max);
        duration_ms = duration_ms.max((secs * 1000.0).round() as u64);
        segment_ms = segment_ms.max((longest * 1000.0).round() as u32);
        let name = rendition
            .size
            .map_or_else(|| format!("{}", number + 1), |(width, height)| format!("{}p", width.min(height)));
        renditions.push(RenditionInfo {
            rendition: Rendition(u16::try_from(number).unwrap_or(u16::MAX)),
            kind: RenditionKind::Video,
            track_class: rendition.track_class(),
            name,
            language: None,
            width: rendition.size.map(|(width, _)| width),
            height: rendition.size.map(|(_, height)| height),
            bandwidth: rendition.bandwidth,
            codecs: rendition.codecs.clone(),
            playlist: format!("{}/playlist.m3u8", folder_of(number)),
            segment_count: u32::try_from(rendition.segments.len()).unwrap_or(u32::MAX),
        });
    }
    let mixed = || PackError::ImportInvalid("some qualities are TS and some fMP4".into());
    let is_fmp4 = title.renditions.iter().all(|rendition| rendition.map.is_some());
    let is_ts = title.renditions.iter().all(|rendition| rendition.map.is_none());
    Ok(MediaInfo {
        duration_ms,
        container: if is_fmp4 { Container::Fmp4 } else { is_ts.then_some(Container::Ts).ok_or_else(mixed)? },
        cipher: Some(Cipher::Aes128Cbc),
        segment_ms,
        period_segments: PeriodSegments::DEFAULT,
        segment_count: renditions.iter().map(|rendition| rendition.segment_count).max().unwrap_or(0),
        clear_lead_segments: 0,
        renditions,
    })
}

/// Copies segments under our names and writes playlists whose key tags name text, media id and IV, and no server. Blocking.
fn write(title: &VendorTitle, output: &PartialOutput, report: &dyn Report) -> Result<(), PackError> {
    let all: usize = title.renditions.iter().map(|rendition| rendition.segments.len()).sum();
    let mut done = 0;
    let mut master = "#EXTM3U\n#EXT-X-VERSION:6\n".to_owned();
    for (number, rendition) in title.renditions.iter().enumerate() {
        let folder = folder_of(number);
        output.create_folder(&folder)?;
        if let Some(map) = &rendition.map {
            output.write(&format!("{folder}/init.mp4"), &read_file(map)?)?;
        }
        for (number, segment) in (0_u32..).zip(&rendition.segments) {
            let name = segment_name(number, extension(rendition));
            output.write(&format!("{folder}/{name}"), &read_file(&segment.file)?)?;
            done += 1;
            let percent = Some((f64::from(done) / all.max(1) as f64 * 1000.0).round() / 10.0);
            report.report(&Event::Progress { percent, speed: None, left_secs: None });
        }
        output.write(&format!("{folder}/playlist.m3u8"), playlist(rendition, &title.media_id).as_bytes())?;
        master.push_str(&variant(rendition));
        master.push_str(&format!("{folder}/playlist.m3u8\n"));
    }
    output.write("master.m3u8", master.as_bytes())
}

fn variant(rendition: &VendorRendition) -> String {
    let mut line = format!("#EXT-X-STREAM-INF:BANDWIDTH={}", rendition.bandwidth.unwrap_or(1_000_000));
    if let Some((width, height)) = rendition.size {
        line.push_str(&format!(",RESOLUTION={width}x{height}"));
    }
    if let Some(codecs) = &rendition.codecs {
        line.push_str(&format!(",CODECS=\"{codecs}\""));
    }
    line.push('\n');
    line
}

fn playlist(rendition: &VendorRendition, media_id: &str) -> String {
    let longest = rendition.segments.iter().map(|segment| segment.duration_secs).fold(1.0, f64::max).round();
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{longest}\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n"
    );
    if rendition.map.is_some() {
        text.push_str("#EXT-X-MAP:URI=\"init.mp4\"\n");
    }
    let mut encrypted = false;
    for (number, segment) in (0_u32..).zip(&rendition.segments) {
        match &segment.key {
            Some((ciphertext, iv)) => {
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("Ciphertext", ciphertext)
                    .append_pair("MediaId", media_id)
                    .finish();
                text.push_str(&format!(
                    "#EXT-X-KEY:METHOD=AES-128,URI=\"keyveil:?{query}\",IV=0x{}\n",
                    hex::encode(iv)
                ));
            }
            None if encrypted => text.push_str("#EXT-X-KEY:METHOD=NONE\n"),
            None => {}
        }
        encrypted = segment.key.is_some();
        let name = segment_name(Segment(number).0, extension(rendition));
        text.push_str(&format!("#EXTINF:{:.6},\n{name}\n", segment.duration_secs));
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}
