use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::{env, process, thread};

use keyveil_packager::fuzzing::{Copied, CopiedSegment, copied};
use keyveil_protocol::Container;
use mp4_atom::{Decode, Ftyp, Moof, Moov, Styp, TrunSamples};

use crate::Outcome;
use crate::input::Input;

const PACKET: usize = 188;
const MEDIA_PID: u16 = 0x100;
const ADTS_LEN: usize = 7;

/// An MP4 file as `packager pack --ladder copy` copies it without ffmpeg, into both containers. The first byte says how long
/// segments are, and whether the sound is copied too.
pub fn mp4_index(data: &[u8]) -> Outcome {
    let mut input = Input(data);
    let choices = input.byte();
    let (segment_secs, has_sound) = (u32::from(choices & 7) + 1, choices & 8 == 0);
    let file = written(input.0);
    let [fragmented, transported] =
        [Container::Fmp4, Container::Ts].map(|container| copied(file.as_ref(), container, segment_secs, has_sound));
    let (Some(fragmented), Some(transported)) = (fragmented, transported) else {
        return Outcome::Refused("left to ffmpeg");
    };
    assert_eq!(fragmented.len(), 1 + usize::from(has_sound));
    for (number, (fmp4, ts)) in fragmented.iter().zip(&transported).enumerate() {
        assert_eq!(number_of_tracks(fmp4), 1);
        assert!(!fmp4.segments.is_empty() && fmp4.segments.len() == ts.segments.len());
        let media: u64 = fmp4.segments.iter().map(|segment| segment.media_len).sum();
        assert!(media <= input.0.len() as u64, "no more than the file has");
        for (fmp4, ts) in fmp4.segments.iter().zip(&ts.segments) {
            let media = in_fragment(fmp4);
            in_packets(ts, number == 1, media.as_deref());
        }
    }
    Outcome::Accepted
}

/// A file of this process, which the next input overwrites.
fn written(bytes: &[u8]) -> String {
    thread_local!(static FILE: (File, String) = {
        let name = format!("keyveil-fuzz-{}-{:?}", process::id(), thread::current().id());
        let path = env::temp_dir().join(name);
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        // Nothing is left behind however the process ends: what is open stays readable without its name.
        fs::remove_file(path).unwrap();
        let own = format!("/proc/self/fd/{}", file.as_raw_fd());
        (file, own)
    });
    FILE.with(|(file, path)| {
        file.set_len(0).unwrap();
        file.write_all_at(bytes, 0).unwrap();
        path.clone()
    })
}

fn number_of_tracks(fmp4: &Copied) -> usize {
    let mut init = fmp4.init.as_deref().expect("an init segment can be written");
    Ftyp::decode(&mut init).unwrap();
    let movie = Moov::decode(&mut init).unwrap();
    assert!(init.is_empty() && movie.mvex.is_some());
    movie.trak.len()
}

/// The media of a fragment, which holds as many samples as the index says, of the lengths that it says.
fn in_fragment(segment: &CopiedSegment) -> Option<Vec<u8>> {
    assert!(segment.duration_secs.is_finite() && segment.duration_secs >= 0.0 && segment.samples > 0);
    let mut bytes = segment.made.as_deref().ok()?;
    Styp::decode(&mut bytes).unwrap();
    let fragment = Moof::decode(&mut bytes).unwrap();
    let [track] = fragment.traf.as_slice() else { panic!("one track") };
    let [run] = track.trun.as_slice() else { panic!("one run") };
    let TrunSamples::Explicit(samples) = &run.samples else { panic!("sizes are written") };
    assert_eq!(samples.len(), segment.samples);
    let len: u64 = samples.iter().map(|sample| u64::from(sample.size.unwrap())).sum();
    assert_eq!(len, segment.media_len);
    let (header, media) = bytes.split_at(8);
    assert_eq!(header, [&u32::try_from(media.len() + 8).unwrap().to_be_bytes()[..], b"mdat"].concat());
    assert_eq!(media.len() as u64, len);
    Some(media.to_vec())
}

/// Packets are whole and counted, each unit begins in one of its own, and sound is that of the fragment.
fn in_packets(segment: &CopiedSegment, is_sound: bool, media: Option<&[u8]>) {
    let Ok(bytes) = &segment.made else { return };
    assert_eq!(bytes.len() % PACKET, 0);
    let mut units: Vec<Vec<u8>> = Vec::new();
    let packets = bytes.chunks_exact(PACKET).filter(|packet| {
        assert_eq!(packet[0], 0x47);
        u16::from_be_bytes([packet[1] & 0x1f, packet[2]]) == MEDIA_PID
    });
    for (number, packet) in packets.enumerate() {
        assert_eq!(usize::from(packet[3] & 0x0f), number % 16, "counted");
        let payload = if packet[3] & 0x20 == 0 { &packet[4..] } else { &packet[5 + usize::from(packet[4])..] };
        if packet[1] & 0x40 != 0 {
            units.push(Vec::new());
        }
        units.last_mut().expect("a unit begins first").extend_from_slice(payload);
    }
    assert!(units.iter().all(|unit| unit.starts_with(&[0, 0, 1])));
    if !is_sound {
        assert_eq!(units.len(), segment.samples);
        return;
    }
    let frames: Vec<u8> = units.iter().flat_map(|unit| &unit[9 + usize::from(unit[8])..]).copied().collect();
    assert_eq!(Some(without_headers(&frames).as_slice()), media);
}

/// Frames of sound without what ADTS puts before each.
fn without_headers(mut frames: &[u8]) -> Vec<u8> {
    let mut media = Vec::new();
    while let Some(header) = frames.get(..ADTS_LEN) {
        let len = usize::from(header[3] & 3) << 11 | usize::from(header[4]) << 3 | usize::from(header[5] >> 5);
        media.extend_from_slice(&frames[ADTS_LEN..len]);
        frames = &frames[len..];
    }
    assert!(frames.is_empty());
    media
}
