//! Reads the playlists that ffmpeg made and writes the title's own. Tags are quick-m3u8's, except two that it can't
//! say: our private KEY tag, and EXTINF with the comma that RFC 8216 demands.

use std::io::{self, Write};

use keyveil_protocol::{Container, Segment, api::RenditionKind};
use quick_m3u8::{
    HlsLine, Reader, Writer,
    config::ParsingOptions,
    tag::{DecimalResolution, HlsPlaylistType, KnownTag, hls},
};

use crate::{error::PackError, packed::PackedRendition, plan::Plan, receiver::segment_name, sealer::Sealer};

const AUDIO_GROUP: &str = "audio";
const SUBTITLES_GROUP: &str = "subtitles";
/// TS needs version 3 (decimal EXTINF); EXT-X-MAP in a playlist with full segments needs 6; ffmpeg and Apple say 7 for fMP4.
const VERSION_TS: u64 = 3;
const VERSION_FMP4: u64 = 7;

/// A day, which is longer than any segment.
const DURATION_SECS_MAX: f64 = 86_400.0;

/// One segment as ffmpeg listed it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listed {
    pub uri: String,
    pub duration_secs: f64,
}

/// A segment's seconds; the library also reads what is below zero, infinite or no number.
pub(crate) fn duration_secs(inf: &hls::Inf<'_>) -> Option<f64> {
    Some(inf.duration()).filter(|secs| (0.0..=DURATION_SECS_MAX).contains(secs))
}

/// The segments of a media playlist from ffmpeg.
pub(crate) fn read_listed(bytes: &[u8]) -> Result<Vec<Listed>, PackError> {
    let broken = |what: &str| PackError::FfmpegFailed(format!("its playlist {what}"));
    let text = std::str::from_utf8(bytes).map_err(|_| broken("is not text"))?;
    let mut reader = Reader::from_str(text, ParsingOptions::default());
    let (mut listed, mut secs, mut ended) = (Vec::new(), None, false);
    while let Some(line) = reader.read_line().map_err(|_| broken("can't be read"))? {
        match line {
            HlsLine::KnownTag(KnownTag::Hls(hls::Tag::Inf(inf))) => secs = duration_secs(&inf),
            HlsLine::KnownTag(KnownTag::Hls(hls::Tag::Endlist(_))) => ended = true,
            HlsLine::Uri(uri) => {
                let duration_secs = secs.take().ok_or_else(|| broken("has a segment without a duration"))?;
                let name = uri.rsplit('/').next().unwrap_or_default().to_owned();
                listed.push(Listed { uri: name, duration_secs });
            }
            _ => {}
        }
    }
    if ended { Ok(listed) } else { Err(broken("has no end")) }
}

/// The init segment that a media playlist names.
pub(crate) fn map_of(bytes: &[u8]) -> Result<Option<String>, PackError> {
    let broken = || PackError::ServerError("a playlist can't be read".into());
    let text = std::str::from_utf8(bytes).map_err(|_| broken())?;
    let mut reader = Reader::from_str(text, ParsingOptions::default());
    while let Some(line) = reader.read_line().map_err(|_| broken())? {
        if let HlsLine::KnownTag(KnownTag::Hls(hls::Tag::Map(map))) = line {
            return Ok(Some(map.uri().to_owned()));
        }
    }
    Ok(None)
}

/// A media playlist with other key tags: those of ours that it has go, and each segment gets what `key_tag` says. One that
/// has tags of others is not ours to encrypt anew.
pub(crate) fn with_key_tags(bytes: &[u8], key_tag: impl Fn(Segment) -> Option<String>) -> Result<Vec<u8>, PackError> {
    let broken = |what: &str| PackError::ServerError(format!("a playlist {what}"));
    let text = std::str::from_utf8(bytes).map_err(|_| broken("is not text"))?;
    let (mut lines, mut segment) = (Vec::new(), 0_u32);
    for line in text.lines() {
        if line.starts_with("#EXT-X-KEY:") {
            // `keyveil:?…` names an imported key.
            if !line.contains("URI=\"keyveil:") || line.contains("URI=\"keyveil:?") {
                return Err(broken("has key tags of another packager, and can't be encrypted anew"));
            }
            continue;
        }
        if line.starts_with("#EXTINF:") {
            lines.extend(key_tag(Segment(segment)));
            segment += 1;
        }
        lines.push(line.to_owned());
    }
    lines.push(String::new());
    Ok(lines.join("\n").into_bytes())
}

/// The media playlist of one rendition.
pub(crate) fn media(plan: &Plan, rendition: &PackedRendition, sealer: &Sealer) -> Result<Vec<u8>, PackError> {
    write(|writer| {
        let has_init = rendition.has_init(plan.choices.container);
        line(writer, hls::M3u)?;
        line(writer, hls::Version::new(if has_init { VERSION_FMP4 } else { VERSION_TS }))?;
        line(writer, hls::Targetduration::new(rendition.target_secs()))?;
        line(writer, hls::MediaSequence::new(0))?;
        line(writer, hls::PlaylistType::new(HlsPlaylistType::Vod))?;
        if has_init {
            line(writer, hls::Map::builder().with_uri("init.mp4").finish())?;
        }
        let extension = rendition.planned.extension(plan.choices.container);
        for (number, segment) in (0_u32..).zip(&rendition.segments) {
            if let Some(key_tag) = sealer.key_tag(&rendition.planned, Segment(number)) {
                writeln!(writer.get_mut(), "{key_tag}")?;
            }
            writeln!(writer.get_mut(), "#EXTINF:{:.6},", segment.duration_secs)?;
            writer.write_uri(segment_name(number, extension))?;
        }
        line(writer, hls::Endlist)
    })
}

/// The master playlist.
pub(crate) fn master(plan: &Plan, renditions: &[PackedRendition]) -> Result<Vec<u8>, PackError> {
    let of_kind = |kind| renditions.iter().filter(move |rendition| rendition.planned.kind() == kind);
    let has = |kind| of_kind(kind).next().is_some();
    let most = |rate: fn(&PackedRendition) -> u64| of_kind(RenditionKind::Audio).map(rate).max().unwrap_or(0);
    write(|writer| {
        line(writer, hls::M3u)?;
        line(
            writer,
            hls::Version::new(if plan.choices.container == Container::Fmp4 { VERSION_FMP4 } else { VERSION_TS }),
        )?;
        line(writer, hls::IndependentSegments)?;
        for (group, kind) in [(AUDIO_GROUP, RenditionKind::Audio), (SUBTITLES_GROUP, RenditionKind::Subtitles)] {
            for (number, rendition) in of_kind(kind).enumerate() {
                line(writer, alternative(group, rendition, number == 0))?;
            }
        }
        for rendition in of_kind(RenditionKind::Video) {
            let mut tag = hls::StreamInf::builder()
                .with_bandwidth(rendition.peak_bit_rate() + most(PackedRendition::peak_bit_rate))
                .with_average_bandwidth(rendition.average_bit_rate() + most(PackedRendition::average_bit_rate))
                .with_frame_rate((plan.rate.per_second() * 1000.0).round() / 1000.0);
            if let Some((width, height)) = rendition.planned.size() {
                tag = tag.with_resolution(DecimalResolution { width: width.into(), height: height.into() });
            }
            if let Some(codecs) = all_codecs(rendition, of_kind(RenditionKind::Audio)) {
                tag = tag.with_codecs(codecs);
            }
            if has(RenditionKind::Audio) {
                tag = tag.with_audio(AUDIO_GROUP);
            }
            if has(RenditionKind::Subtitles) {
                tag = tag.with_subtitles(SUBTITLES_GROUP);
            }
            line(writer, tag.finish())?;
            writer.write_uri(rendition.playlist())?;
        }
        Ok(())
    })
}

fn alternative<'a>(group: &'a str, rendition: &'a PackedRendition, first: bool) -> hls::Media<'a> {
    let media_type = if group == AUDIO_GROUP { hls::MediaType::Audio } else { hls::MediaType::Subtitles };
    let mut tag = hls::Media::builder()
        .with_media_type(media_type)
        .with_name(rendition.planned.name.as_str())
        .with_group_id(group)
        .with_autoselect()
        .with_uri(rendition.playlist());
    if let Some(language) = &rendition.planned.language {
        tag = tag.with_language(language.as_str());
    }
    // Subtitles are off until the viewer turns them on.
    if first && group == AUDIO_GROUP {
        tag = tag.with_default();
    }
    tag.finish()
}

/// Video's codec and each different one of the audio group; nothing unless all are known (RFC 8216, section 4.3.4.2).
fn all_codecs<'a>(video: &'a PackedRendition, audio: impl Iterator<Item = &'a PackedRendition>) -> Option<String> {
    let mut all = vec![video.codecs.as_deref()?];
    for rendition in audio {
        let codecs = rendition.codecs.as_deref()?;
        if !all.contains(&codecs) {
            all.push(codecs);
        }
    }
    Some(all.join(","))
}

fn line<'a>(writer: &mut Writer<Vec<u8>>, tag: impl Into<HlsLine<'a>>) -> io::Result<()> {
    writer.write_line(tag.into()).map(|_| ())
}

fn write(fill: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>) -> Result<Vec<u8>, PackError> {
    let mut writer = Writer::new(Vec::new());
    fill(&mut writer).map_err(|error| PackError::Internal(error.to_string()))?;
    Ok(writer.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ffmpeg_playlist_is_read_and_a_cut_one_is_refused() {
        let whole = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2.000000,\nseg-00000.m4s\n#EXTINF:1.5,\nhttp://h/t/seg-00001.m4s\n#EXT-X-ENDLIST\n";
        let listed = read_listed(whole.as_bytes()).unwrap();
        assert_eq!(listed[1], Listed { uri: "seg-00001.m4s".into(), duration_secs: 1.5 });
        assert_eq!(listed.len(), 2);
        for cut in ["", "#EXTM3U\n#EXTINF:2,\nseg-00000.m4s\n", "#EXTM3U\nseg-00000.m4s\n#EXT-X-ENDLIST\n"] {
            assert_eq!(read_listed(cut.as_bytes()).unwrap_err().code(), "ffmpeg_failed", "{cut:?}");
        }
    }

    #[test]
    fn a_duration_that_is_no_time_is_refused() {
        let read = |secs: &str| read_listed(format!("#EXTM3U\n#EXTINF:{secs},\n0.ts\n#EXT-X-ENDLIST\n").as_bytes());
        for secs in ["0", "1.5", "86400"] {
            assert_eq!(read(secs).unwrap().len(), 1, "{secs}");
        }
        for secs in ["-1", "1e9000", "inf", "NaN", "86401"] {
            assert_eq!(read(secs).unwrap_err().code(), "ffmpeg_failed", "{secs}");
        }
    }
}
