//! MPEG-TS segments: H.264 in Annex B form with its parameter sets, AAC in ADTS form.

use std::io;

use mp4_atom::{Avcc, Codec, Mp4a};

use super::{
    movie::Track,
    packets::{Kind, Packets, Times},
    reader::{Media, samples},
    spans::Span,
    tables::Sample,
};
use crate::ffmpeg::TS_START_TICKS;

const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// "Access unit delimiter", any kind of picture: players cut the stream there.
const DELIMITER: [u8; 6] = [0, 0, 0, 1, 0x09, 0xf0];
const NAL_IDR: u8 = 5;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;
const NAL_DELIMITER: u8 = 9;
/// Frames of sound are put together up to so many bytes: a PES header for each would cost a tenth of it.
const SOUND_BYTES_MAX: usize = 2930;
const ADTS_LEN: usize = 7;
const ADTS_FRAME_MAX: usize = (1 << 13) - 1;

/// One segment.
pub(super) fn segment(track: &Track, span: &Span, number: u32, media: &Media) -> io::Result<Vec<u8>> {
    let samples = samples(&track.tables, span);
    let mut bytes = Vec::new();
    bytes.reserve_exact(usize::try_from(span.bytes).map_err(io::Error::other)?);
    media.append(&samples, &mut bytes)?;
    match track.trak.mdia.minf.stbl.stsd.codecs.first() {
        Some(Codec::Avc1(entry)) => video(track, &entry.avcc, &samples, &bytes, number),
        Some(Codec::Mp4a(entry)) => sound(track, entry, &samples, &bytes, number),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn times(track: &Track, sample: &Sample) -> Times {
    let start = i64::from(TS_START_TICKS);
    let shown_at = sample.decoded_at.saturating_add(sample.shift);
    let [shown_at, decoded_at] = [shown_at, sample.decoded_at].map(|at| track.at_90khz(at).saturating_add(start));
    Times { shown_at, decoded_at }
}

/// Each sample with its bytes.
fn each<'a>(samples: &'a [Sample], mut bytes: &'a [u8]) -> impl Iterator<Item = (&'a Sample, &'a [u8])> {
    samples.iter().map_while(move |sample| {
        let (own, rest) = bytes.split_at_checked(sample.size as usize)?;
        bytes = rest;
        Some((sample, own))
    })
}

fn video(track: &Track, avcc: &Avcc, samples: &[Sample], bytes: &[u8], number: u32) -> io::Result<Vec<u8>> {
    let mut packets = Packets::new(Kind::H264, number, bytes.len());
    let sets: Vec<_> = avcc.sequence_parameter_sets.iter().chain(&avcc.picture_parameter_sets).collect();
    let mut parts: Vec<&[u8]> = Vec::new();
    for (at, (sample, own)) in (1..).zip(each(samples, bytes)) {
        parts.clear();
        parts.push(&DELIMITER);
        let units = units(own, avcc.length_size.into())?;
        let kind = |unit: &[u8]| unit.first().map_or(0, |byte| byte & 0x1f);
        let has_sets = units.iter().any(|unit| matches!(kind(unit), NAL_SPS | NAL_PPS));
        if !has_sets && (sample.is_sync || units.iter().any(|unit| kind(unit) == NAL_IDR)) {
            parts.extend(sets.iter().flat_map(|set| [&START_CODE[..], set.as_slice()]));
        }
        for unit in units.into_iter().filter(|unit| !unit.is_empty() && kind(unit) != NAL_DELIMITER) {
            parts.extend([&START_CODE[..], unit]);
        }
        packets.unit(times(track, sample), sample.is_sync, at == samples.len(), &parts);
    }
    Ok(packets.finish())
}

/// The units of an access unit, each behind its length.
fn units(mut bytes: &[u8], length_size: usize) -> io::Result<Vec<&[u8]>> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "a picture of it is broken");
    let mut units = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_at_checked(length_size).ok_or_else(broken)?;
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let (unit, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
        units.push(unit);
        bytes = rest;
    }
    Ok(units)
}

fn sound(track: &Track, entry: &Mp4a, samples: &[Sample], bytes: &[u8], number: u32) -> io::Result<Vec<u8>> {
    let mut packets = Packets::new(Kind::Aac, number, bytes.len() + samples.len() * ADTS_LEN);
    let frames: Vec<_> = each(samples, bytes).collect();
    let headers = frames.iter().map(|(_, own)| adts(entry, own.len())).collect::<io::Result<Vec<_>>>()?;
    let mut at = 0;
    while let Some((first, _)) = frames.get(at) {
        let (mut parts, mut len): (Vec<&[u8]>, _) = (Vec::new(), 0);
        for ((_, own), header) in frames.iter().zip(&headers).skip(at) {
            if len > 0 && len + own.len() > SOUND_BYTES_MAX {
                break;
            }
            parts.extend([&header[..], own]);
            len += header.len() + own.len();
        }
        at += parts.len() / 2;
        packets.unit(times(track, first), true, at == frames.len(), &parts);
    }
    Ok(packets.finish())
}

/// ISO/IEC 13818-7, section 6.2.
fn adts(entry: &Mp4a, frame_len: usize) -> io::Result<[u8; ADTS_LEN]> {
    let len = frame_len + ADTS_LEN;
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "a frame of its sound is broken");
    let own = entry.esds.es_desc.dec_config.dec_specific.as_ref().ok_or_else(broken)?;
    if len > ADTS_FRAME_MAX {
        return Err(broken());
    }
    Ok([
        0xff,
        0xf1,
        (own.profile.wrapping_sub(1) & 3) << 6 | (own.freq_index & 0x0f) << 2 | (own.chan_conf >> 2) & 1,
        (own.chan_conf & 3) << 6 | (len >> 11) as u8,
        (len >> 3) as u8,
        ((len & 7) as u8) << 5 | 0x1f,
        0xfc,
    ])
}
