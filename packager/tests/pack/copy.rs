//! MP4 files that are copied without ffmpeg, and those that are left to it.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Output,
};

use crate::{
    clips::{ffmpeg, frames, probe},
    packager::{durations, joined, master, pack_clear, packager, playlist, refused, succeeded},
};

const PICTURE: &str = "-f lavfi -i testsrc2=s=320x180:r=25";
const SOUND: &str = "-f lavfi -i sine=f=440:r=44100";
/// With B-frames, which are shown in another order than they are decoded in.
const H264: &str = "-c:v libx264 -preset veryfast -bf 2 -pix_fmt yuv420p -g 20 -sc_threshold 0";

fn clip(folder: &Path, secs: &str, more: &str) -> PathBuf {
    let codecs = format!("{PICTURE} {SOUND} -t {secs} {H264} -c:a aac {more}");
    ffmpeg(&codecs, &folder.join("clip.mp4"))
}

fn copied(input: &Path, name: &str, more: &str, to: &str) -> PathBuf {
    ffmpeg(&format!("-i {} -map 0 -c copy {more}", input.display()), &input.with_file_name(format!("{name}.{to}")))
}

/// A copying run that finds ffprobe on its path and nothing else.
fn pack_without_ffmpeg(input: &Path, out: &Path, more: &[&str]) -> Output {
    let tools = input.with_file_name("tools");
    fs::create_dir_all(&tools).unwrap();
    let found = std::env::var_os("PATH").unwrap();
    let ffprobe = std::env::split_paths(&found).map(|folder| folder.join("ffprobe")).find(|path| path.exists());
    let _ = symlink(ffprobe.unwrap(), tools.join("ffprobe"));
    let usual = [input.to_str().unwrap(), "--out", out.to_str().unwrap(), "--file-id", "t", "--mode", "clear"];
    let copy = ["--ladder", "copy", "--segment-secs", "1"];
    packager(&[&usual[..], &copy, more].concat()).env("PATH", tools).output().unwrap()
}

/// When packets are shown, in milliseconds from `zero_ms` on.
fn shown_ms(file: &Path, zero_ms: i64) -> Vec<i64> {
    let lines = probe(file, &stream_of(file), "packet=pts_time");
    let times = lines.iter().map(|line| line.split(',').next().unwrap().parse::<f64>().unwrap());
    times.map(|secs| (secs * 1000.0).round() as i64 - zero_ms).collect()
}

fn stream_of(file: &Path) -> String {
    if file.display().to_string().contains("-a0") { "a".into() } else { "v".into() }
}

#[test]
fn every_frame_is_copied_at_its_time_without_ffmpeg() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path(), "5", "");
    for (container, zero_ms) in [("fmp4", 0), ("ts", 2400)] {
        let out = folder.path().join(container);
        succeeded(&pack_without_ffmpeg(&clip, &out, &["--container", container]));
        let title = out.join("t");
        let (picture, sound) = (joined(&title, "v180p"), joined(&title, "a0"));
        assert_eq!(frames(&picture, "v"), frames(&clip, "v"), "{container}");
        assert_eq!(shown_ms(&picture, zero_ms), shown_ms(&clip, 0), "{container}");
        // The first frame of sound, its priming, is shown before time 0; some readers leave it out.
        let sounds = frames(&sound, "a");
        assert!(sounds.ends_with(&frames(&clip, "a")[2..]), "{container}");
        assert!((-47..=0).contains(&shown_ms(&sound, zero_ms)[0]), "{container}: {}", shown_ms(&sound, zero_ms)[0]);
        let codecs = master(&title).variants[0].codecs.clone().unwrap();
        assert!(codecs.starts_with("avc1.64") && codecs.ends_with(",mp4a.40.2"), "{codecs}");
    }
}

#[test]
fn segments_are_cut_where_ffmpeg_cuts_them() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path(), "7.3", "");
    // Of this form, ffmpeg does the work.
    let matroska = copied(&clip, "same", "", "mkv");
    for container in ["fmp4", "ts"] {
        let more = ["--ladder", "copy", "--container", container];
        let own = folder.path().join(format!("own-{container}"));
        succeeded(&pack_without_ffmpeg(&clip, &own, &["--container", container]));
        let other = pack_clear(&matroska, &folder.path().join(format!("other-{container}")), &more);
        for rendition in ["v180p", "a0"] {
            let (own, other) = (durations(&own.join("t"), rendition), durations(&other, rendition));
            assert_eq!(own.len(), other.len(), "{container} {rendition}: {own:?} {other:?}");
            // Matroska's times are in milliseconds; what counts as the end of the last frame differs.
            for (own, other) in own.iter().zip(&other).take(own.len() - 1) {
                assert!((own - other).abs() < 0.03, "{container} {rendition}: {own} s, {other} s");
            }
        }
    }
}

#[test]
fn short_end_gets_no_segment_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    // A keyframe at 4.8 s is at the boundary of no segment; one at 4 s is, and the end is 0.4 s behind it.
    let clip = clip(folder.path(), "4.4", "");
    let out = folder.path().join("out");
    succeeded(&pack_without_ffmpeg(&clip, &out, &[]));
    let secs = durations(&out.join("t"), "v180p");
    assert!(secs.last().unwrap() > &0.5, "{secs:?}");
    assert!((secs.iter().sum::<f32>() - 4.4).abs() < 0.01, "{secs:?}");
    assert!(playlist(&out.join("t"), "v180p").contains("#EXT-X-ENDLIST"));
}

#[test]
fn index_at_either_end_and_large_offsets_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path(), "2", "");
    for (name, more) in [("fast", "-movflags +faststart"), ("ticks", "-video_track_timescale 90000")] {
        let form = copied(&clip, name, more, "mp4");
        let out = folder.path().join(name);
        succeeded(&pack_without_ffmpeg(&form, &out, &[]));
        assert_eq!(frames(&joined(&out.join("t"), "v180p"), "v"), frames(&clip, "v"), "{name}");
    }
}

#[test]
fn forms_that_are_not_plain_are_left_to_ffmpeg() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path(), "4", "");
    let whole = clip.display();
    let late = format!("-i {whole} -itsoffset 0.5 -i {whole} -map 0:v -map 1:a -c copy");
    let forms = [
        ("fragments", copied(&clip, "fragments", "-movflags frag_keyframe+empty_moov", "mp4")),
        ("matroska", copied(&clip, "matroska", "", "mkv")),
        ("late sound", ffmpeg(&late, &folder.path().join("late.mp4"))),
        ("cut by its edit list", ffmpeg(&format!("-ss 1.1 -i {whole} -c copy"), &folder.path().join("cut.mp4"))),
    ];
    for (name, form) in forms {
        let out = folder.path().join(name);
        refused(&pack_without_ffmpeg(&form, &out, &[]), "ffmpeg_missing", &out);
        let title = pack_clear(&form, &out, &["--ladder", "copy"]);
        assert!(durations(&title, "v180p").iter().sum::<f32>() > 2.0, "{name}");
    }
}

/// The place of a box in a file.
fn find(bytes: &[u8], kind: &[u8; 4]) -> usize {
    bytes.windows(4).position(|window| window == kind).unwrap()
}

#[test]
fn tables_that_point_out_of_the_file_are_left_to_ffmpeg() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path(), "2", "");
    let whole = fs::read(&clip).unwrap();
    for (name, kind, skip, value) in
        [("offset", b"stco", 12, 0xffff_fff0_u32), ("size", b"stsz", 16, 0x7fff_ffff), ("count", b"stts", 12, 7)]
    {
        let mut bytes = whole.clone();
        let at = find(&bytes, kind) + skip;
        bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        let broken = folder.path().join(format!("{name}.mp4"));
        fs::write(&broken, bytes).unwrap();
        let out = folder.path().join(name);
        refused(&pack_without_ffmpeg(&broken, &out, &[]), "ffmpeg_missing", &out);
    }
}
