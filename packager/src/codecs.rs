//! RFC 6381 codec names, read from what ffmpeg made: from the init segment of fMP4, from the first parameter set of TS.

use mp4_atom::{Any, Codec, Decode, Hvcc};

const TS_PACKET: usize = 188;
const TS_SYNC: u8 = 0x47;
/// The parameter set stands at the very start of a segment.
const TS_PACKETS_MAX: usize = 512;
const NAL_SPS: u8 = 7;

/// The video codec of an init segment; none for audio, whose name is known beforehand.
pub(crate) fn of_init(init: &[u8]) -> Option<String> {
    let mut rest = init;
    while !rest.is_empty() {
        if let Any::Moov(moov) = Any::decode(&mut rest).ok()? {
            let track = moov.trak.first()?;
            return match track.mdia.minf.stbl.stsd.codecs.first()? {
                Codec::Avc1(entry) => {
                    let avcc = &entry.avcc;
                    Some(avc1(avcc.avc_profile_indication, avcc.profile_compatibility, avcc.avc_level_indication))
                }
                Codec::Hvc1(entry) => Some(hvc1(&entry.hvcc)),
                _ => None,
            };
        }
    }
    None
}

/// The H.264 codec of a TS segment.
pub(crate) fn of_ts(segment: &[u8]) -> Option<String> {
    let video = video_payload(segment);
    let starts = video.windows(7);
    starts.into_iter().find_map(|window| match *window {
        [0, 0, 1, nal, profile, compatibility, level] if nal & 0x1f == NAL_SPS => {
            Some(avc1(profile, compatibility, level))
        }
        _ => None,
    })
}

fn avc1(profile: u8, compatibility: u8, level: u8) -> String {
    format!("avc1.{profile:02x}{compatibility:02x}{level:02x}")
}

/// ISO/IEC 14496-15, annex E.3: profile, compatibility flags in reverse bit order, tier and level, constraints without
/// trailing zero bytes.
fn hvc1(hvcc: &Hvcc) -> String {
    let space = ["", "A", "B", "C"].get(usize::from(hvcc.general_profile_space)).copied().unwrap_or("");
    let compatibility = u32::from_be_bytes(hvcc.general_profile_compatibility_flags).reverse_bits();
    let tier = if hvcc.general_tier_flag { 'H' } else { 'L' };
    let mut name =
        format!("hvc1.{space}{}.{compatibility:X}.{tier}{}", hvcc.general_profile_idc, hvcc.general_level_idc);
    let constraints = &hvcc.general_constraint_indicator_flags;
    let used = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..used] {
        name.push_str(&format!(".{byte:X}"));
    }
    name
}

/// ISO/IEC 13818-1, section 2.4.3: payloads of the first PID that carries a video stream.
fn video_payload(segment: &[u8]) -> Vec<u8> {
    let (mut video_pid, mut video) = (None, Vec::new());
    for packet in segment.chunks_exact(TS_PACKET).take(TS_PACKETS_MAX) {
        let [TS_SYNC, high, low, flags, rest @ ..] = packet else { break };
        let pid = u16::from_be_bytes([high & 0x1f, *low]);
        let adaptation = if flags & 0x20 == 0 { 0 } else { rest.first().map_or(0, |length| usize::from(*length) + 1) };
        let payload = if flags & 0x10 == 0 { &[] } else { rest.get(adaptation..).unwrap_or_default() };
        if video_pid.is_none() && matches!(payload, [0, 0, 1, 0xe0..=0xef, ..]) {
            video_pid = Some(pid);
        }
        if video_pid == Some(pid) {
            video.extend_from_slice(payload);
        }
    }
    video
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_set_that_crosses_ts_packets_is_found() {
        let mut segment = Vec::new();
        let elementary = [&[0, 0, 1, 0xe0, 0, 0][..], &[9; 176], &[0, 0, 1, 0x67], &[0x64, 0, 0x1f]].concat();
        for (number, part) in elementary.chunks(TS_PACKET - 4).enumerate() {
            let start = if number == 0 { 0x41 } else { 0x01 };
            let mut packet = vec![TS_SYNC, start, 0, 0x10];
            packet.extend(part);
            packet.resize(TS_PACKET, 0xff);
            segment.extend(packet);
        }
        assert_eq!(of_ts(&segment).as_deref(), Some("avc1.64001f"));
    }

    #[test]
    fn bytes_without_a_codec_give_none() {
        for bytes in [&b""[..], b"abc", &[0x47; 188], &[0; 400], b"\0\0\0\x08moov", &[0xff; 64]] {
            assert_eq!(of_init(bytes), None);
            assert_eq!(of_ts(bytes), None);
        }
    }

    #[test]
    fn hevc_name_has_reversed_compatibility_and_no_trailing_zeros() {
        let hvcc = Hvcc {
            general_profile_idc: 1,
            general_profile_compatibility_flags: [0x60, 0, 0, 0],
            general_constraint_indicator_flags: [0xb0, 0, 0, 0, 0, 0],
            general_level_idc: 93,
            ..Hvcc::new()
        };
        assert_eq!(hvc1(&hvcc), "hvc1.1.6.L93.B0");
    }
}
