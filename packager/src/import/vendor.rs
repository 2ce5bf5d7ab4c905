//! Reads a folder of HLS standard encryption as another vendor made it: playlists, keys by the text that stands for them,
//! segments.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use keyveil_protocol::{Aes128CbcKey, TrackClass};
use quick_m3u8::{
    HlsLine, Reader,
    config::ParsingOptions,
    tag::{KnownTag, hls, hls::EnumeratedString},
};
use url::Url;
use zeroize::Zeroizing;

use crate::{error::PackError, playlist::duration_secs};

const VARIANTS_MAX: usize = 16;
const SEGMENTS_MAX: usize = 100_000;

/// Keys by the text of `Ciphertext=`.
pub(super) type Keys = BTreeMap<String, Zeroizing<[u8; 16]>>;

/// Everything that is to be brought in.
#[derive(Debug)]
pub(super) struct VendorTitle {
    pub media_id: String,
    pub renditions: Vec<VendorRendition>,
}

/// One media playlist.
#[derive(Debug)]
pub(super) struct VendorRendition {
    pub size: Option<(u32, u32)>,
    pub bandwidth: Option<u64>,
    pub codecs: Option<String>,
    pub map: Option<PathBuf>,
    pub segments: Vec<VendorSegment>,
}

/// One segment, and what opens it.
#[derive(Debug)]
pub(super) struct VendorSegment {
    pub file: PathBuf,
    pub duration_secs: f64,
    /// The key's text and the IV; none where it is clear.
    pub key: Option<(String, [u8; 16])>,
}

impl VendorRendition {
    pub(super) fn track_class(&self) -> TrackClass {
        self.size.map_or(TrackClass::Hd, |(width, height)| TrackClass::of_video(width, height))
    }
}

impl VendorSegment {
    /// Key and IV together, as segments are decrypted with them.
    pub(super) fn segment_key(&self, keys: &Keys) -> Option<Aes128CbcKey> {
        let (text, iv) = self.key.as_ref()?;
        let mut both = Zeroizing::new([0; 32]);
        let (key, rest) = both.split_at_mut(16);
        key.copy_from_slice(keys.get(text)?.as_ref());
        rest.copy_from_slice(iv);
        Some(Aes128CbcKey::from_bytes(*both))
    }
}

fn unfit(what: impl Into<String>) -> PackError {
    PackError::ImportInvalid(what.into())
}

fn read_text(file: &Path) -> Result<String, PackError> {
    std::fs::read_to_string(file)
        .map_err(|error| PackError::InputNotFound(file.display().to_string(), error.to_string()))
}

/// Reads a master or media playlist and every playlist that it names. Blocking.
pub(super) fn read(playlist: &Path, media_id: Option<&str>) -> Result<VendorTitle, PackError> {
    let folder = playlist.parent().unwrap_or(Path::new("")).to_owned();
    let mut reading = Reading { media_id: media_id.map(str::to_owned) };
    let text = read_text(playlist)?;
    let variants = variants(&text, &folder)?;
    let renditions = if variants.is_empty() {
        vec![reading.media(&text, &folder, None)?]
    } else {
        let read = |variant: Variant| reading.media(&read_text(&variant.file)?, &variant.folder(), Some(variant));
        variants.into_iter().map(read).collect::<Result<Vec<_>, _>>()?
    };
    let media_id = reading.media_id.ok_or_else(|| unfit("no key address says MediaId; give it by --media-id"))?;
    Ok(VendorTitle { media_id, renditions })
}

/// One media playlist by itself, and the media id that its key addresses say.
pub(super) fn read_media(text: &str, folder: &Path) -> Result<(VendorRendition, String), PackError> {
    let mut reading = Reading { media_id: None };
    let rendition = reading.media(text, folder, None)?;
    Ok((rendition, reading.media_id.unwrap_or_default()))
}

/// The renditions of a master playlist by itself, without their segments.
pub(super) fn read_variants(text: &str, folder: &Path) -> Result<Vec<VendorRendition>, PackError> {
    let rendition = |Variant { size, bandwidth, codecs, .. }: Variant| VendorRendition {
        size,
        bandwidth: Some(bandwidth),
        codecs,
        map: None,
        segments: Vec::new(),
    };
    Ok(variants(text, folder)?.into_iter().map(rendition).collect())
}

struct Variant {
    file: PathBuf,
    size: Option<(u32, u32)>,
    bandwidth: u64,
    codecs: Option<String>,
}

impl Variant {
    fn folder(&self) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).to_owned()
    }
}

/// Calls `each` with every line that quick-m3u8 understands.
fn each_line<'a>(text: &'a str, mut each: impl FnMut(HlsLine<'a>) -> Result<(), PackError>) -> Result<(), PackError> {
    let mut reader = Reader::from_str(text, ParsingOptions::default());
    while let Some(line) = reader.read_line().map_err(|_| unfit("a playlist can't be read"))? {
        each(line)?;
    }
    Ok(())
}

fn variants(text: &str, folder: &Path) -> Result<Vec<Variant>, PackError> {
    let (mut variants, mut next) = (Vec::new(), None);
    each_line(text, |line| {
        match line {
            HlsLine::KnownTag(KnownTag::Hls(hls::Tag::StreamInf(tag))) => {
                let size = tag
                    .resolution()
                    .and_then(|size| Some((u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?)));
                // It is written into the title's own playlist, where it must not end its line.
                if tag.codecs().is_some_and(|codecs| codecs.contains(char::is_control)) {
                    return Err(unfit("a quality's CODECS is no plain text"));
                }
                next = Some((size, tag.bandwidth(), tag.codecs().map(str::to_owned)));
            }
            HlsLine::KnownTag(KnownTag::Hls(hls::Tag::Media(tag))) if tag.uri().is_some() => {
                return Err(unfit("separate audio or subtitle playlists can't be imported"));
            }
            HlsLine::Uri(uri) => {
                if let Some((size, bandwidth, codecs)) = next.take() {
                    variants.push(Variant { file: local(folder, &uri)?, size, bandwidth, codecs });
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    if variants.len() > VARIANTS_MAX {
        return Err(unfit("more than 16 qualities"));
    }
    Ok(variants)
}

/// A file beside the playlist: an address' query does not count, and nothing leads out of the folder.
fn local(folder: &Path, uri: &str) -> Result<PathBuf, PackError> {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let is_plain = !path.is_empty()
        && !path.contains(':')
        && path.split('/').all(|part| !part.is_empty() && part != ".." && !part.contains('\\'));
    // Where a link leads counts, not where it lies.
    let real = |path: &Path| path.canonicalize().ok();
    let within =
        real(&folder.join(path)).zip(real(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }));
    let file = within.filter(|(file, folder)| is_plain && file.starts_with(folder) && file.is_file());
    file.map(|(file, _)| file).ok_or_else(|| {
        unfit(format!("{uri:?} is not a file beside its playlist; download the segments and keep their relative names"))
    })
}

/// The text of a key, and its explicit IV.
type KeyTag = (String, Option<[u8; 16]>);

struct Reading {
    media_id: Option<String>,
}

impl Reading {
    fn media(&mut self, text: &str, folder: &Path, variant: Option<Variant>) -> Result<VendorRendition, PackError> {
        let (mut segments, mut map, mut sequence) = (Vec::new(), None, 0_u64);
        let (mut key, mut secs, mut ended) = (None, None, false);
        each_line(text, |line| {
            match line {
                HlsLine::KnownTag(KnownTag::Hls(hls::Tag::Key(tag))) => key = self.key(&tag)?,
                HlsLine::KnownTag(KnownTag::Hls(hls::Tag::Inf(tag))) => secs = duration_secs(&tag),
                HlsLine::KnownTag(KnownTag::Hls(hls::Tag::MediaSequence(tag))) => sequence = tag.media_sequence(),
                HlsLine::KnownTag(KnownTag::Hls(hls::Tag::Byterange(_))) => {
                    return Err(unfit("segments are byte ranges"));
                }
                HlsLine::KnownTag(KnownTag::Hls(hls::Tag::Endlist(_))) => ended = true,
                HlsLine::KnownTag(KnownTag::Hls(hls::Tag::Map(tag))) => {
                    let file = local(folder, tag.uri())?;
                    if map.replace(file.clone()).is_some_and(|before| before != file) || key.is_some() {
                        return Err(unfit("more than one EXT-X-MAP, or one behind a key"));
                    }
                }
                HlsLine::Uri(uri) => {
                    let duration_secs =
                        secs.take().ok_or_else(|| unfit("a segment without an EXTINF of a day at most"))?;
                    // RFC 8216, section 5.2: without an IV it is the media sequence number.
                    let number = u128::from(sequence) + segments.len() as u128;
                    let iv = number.to_be_bytes();
                    let key = key.clone().map(|(text, explicit)| (text, explicit.unwrap_or(iv)));
                    segments.push(VendorSegment { file: local(folder, &uri)?, duration_secs, key });
                }
                _ => {}
            }
            if segments.len() > SEGMENTS_MAX { Err(unfit("more than 100000 segments")) } else { Ok(()) }
        })?;
        if segments.is_empty() || !ended {
            return Err(unfit("a playlist lists no segments, or has no end"));
        }
        let (size, bandwidth, codecs) =
            variant.map_or((None, None, None), |one| (one.size, Some(one.bandwidth), one.codecs));
        Ok(VendorRendition { size, bandwidth, codecs, map, segments })
    }

    /// The key's text and explicit IV; none for METHOD=NONE.
    fn key(&mut self, tag: &hls::Key<'_>) -> Result<Option<KeyTag>, PackError> {
        match tag.method() {
            EnumeratedString::Known(hls::Method::None) => return Ok(None),
            EnumeratedString::Known(hls::Method::Aes128) if tag.keyformat() == "identity" => {}
            _ => return Err(unfit("its encryption is another one than METHOD=AES-128 with an identity key")),
        }
        let uri = tag.uri().unwrap_or_default();
        let address = Url::parse("keyveil:/")
            .and_then(|base| base.join(uri))
            .map_err(|_| unfit("a key address can't be read"))?;
        let of = |name: &str| address.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let text = of("Ciphertext").ok_or_else(|| unfit("a key address has no Ciphertext"))?;
        if let Some(media_id) = of("MediaId") {
            let known = self.media_id.get_or_insert_with(|| media_id.clone());
            if *known != media_id {
                return Err(unfit(format!("key addresses say MediaId {media_id} and {known}")));
            }
        }
        let iv = tag.iv().map(|iv| {
            let digits = iv.strip_prefix("0x").or_else(|| iv.strip_prefix("0X")).unwrap_or_default();
            let mut bytes = [0; 16];
            hex::decode_to_slice(digits, &mut bytes).map(|()| bytes).map_err(|_| unfit("an IV is not 32 hex digits"))
        });
        Ok(Some((text, iv.transpose()?)))
    }
}
