//! Bad input and bad output folders: a stable code, a sentence, and nothing left behind.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    clips::{self, ffmpeg},
    packager::{entries, pack, packager, refused},
};

const CLEAR: [&str; 2] = ["--mode", "clear"];

#[test]
fn missing_empty_and_foreign_files_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let refuse = |name: &str, bytes: &[u8], code: &str| {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        refused(&pack(&file, &out, &CLEAR), code, &out);
    };
    refuse("empty.mp4", b"", "input_empty");
    refuse("text.mp4", b"this is no video at all, only some words", "input_not_video");
    refuse("list.m3u8", b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n", "input_not_video");
    refuse("noise.ts", &[0x47; 4000], "input_not_video");
    refused(&pack(&folder.path().join("absent.mp4"), &out, &CLEAR), "input_not_found", &out);
    refused(&pack(folder.path(), &out, &CLEAR), "input_not_video", &out);
    let sound = ffmpeg("-f lavfi -i sine -t 1 -c:a aac", &folder.path().join("sound.m4a"));
    refused(&pack(&sound, &out, &CLEAR), "input_not_video", &out);
}

#[test]
fn truncated_video_is_refused_wherever_its_index_is() {
    let folder = tempfile::tempdir().unwrap();
    let whole = clips::mp4(folder.path(), "320x180", 6);
    let remux =
        |more: &str, name: &str| ffmpeg(&format!("-i {} -c copy {more}", whole.display()), &folder.path().join(name));
    let out = folder.path().join("out");
    let index_first = remux("-movflags +faststart", "first.mp4");
    let fragmented = remux("-movflags +frag_keyframe+empty_moov", "fragmented.mp4");
    let matroska = remux("", "clip.mkv");
    for file in [whole.clone(), index_first, fragmented, matroska] {
        let bytes = fs::read(&file).unwrap();
        let cut = folder.path().join(format!("cut-{}", file.file_name().unwrap().to_str().unwrap()));
        fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
        refused(&pack(&cut, &out, &CLEAR), "input_truncated", &out);
    }
}

/// Its sizes agree but most of its frames are gone: seen only by comparing durations after the work.
#[test]
fn video_shorter_than_its_container_claims_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = clips::mp4(folder.path(), "320x180", 6);
    let live = ffmpeg(&format!("-i {} -c copy", whole.display()), &folder.path().join("clip.mkv"));
    let mut bytes = fs::read(live).unwrap();
    bytes.truncate(bytes.len() / 2);
    // Make the segment's size unknown, as in a recording that was never finished.
    let at = bytes.windows(4).position(|id| id == [0x18, 0x53, 0x80, 0x67]).unwrap() + 4;
    bytes[at..at + 8].copy_from_slice(&[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    let cut = folder.path().join("cut.mkv");
    fs::write(&cut, bytes).unwrap();
    let out = folder.path().join("out");
    for ladder in ["auto", "copy"] {
        refused(&pack(&cut, &out, &["--mode", "clear", "--ladder", ladder]), "input_truncated", &out);
    }
}

#[test]
fn codec_that_cannot_be_copied_or_decoded_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let picture = "-f lavfi -i testsrc2=s=320x180:r=25 -f lavfi -i sine -t 1";
    let vp8 = format!("{picture} -c:v libvpx -deadline realtime -c:a libvorbis");
    let vp8 = ffmpeg(&vp8, &folder.path().join("clip.webm"));
    let output = pack(&vp8, &out, &["--mode", "clear", "--ladder", "copy"]);
    assert!(refused(&output, "copy_codec_unsupported", &out).contains("vp8"));
    let mp3 = format!("{picture} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a libmp3lame");
    let mp3 = ffmpeg(&mp3, &folder.path().join("clip.mkv"));
    let output = pack(&mp3, &out, &["--mode", "clear", "--ladder", "copy"]);
    assert!(refused(&output, "copy_codec_unsupported", &out).contains("mp3"));
    // A sample entry that no decoder knows.
    let whole = clips::mp4(folder.path(), "320x180", 1);
    let mut bytes = fs::read(whole).unwrap();
    let at = bytes.windows(4).rposition(|kind| kind == b"avc1").unwrap();
    bytes[at..at + 4].copy_from_slice(b"zzz9");
    let unknown = folder.path().join("unknown.mp4");
    fs::write(&unknown, bytes).unwrap();
    let output = pack(&unknown, &out, &CLEAR);
    assert!(refused(&output, "codec_unknown", &out).contains("zzz9"));
}

#[test]
fn ladder_above_the_source_or_unknown_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "640x360", 1);
    let out = folder.path().join("out");
    let output = pack(&clip, &out, &["--mode", "clear", "--ladder", "360p,720p"]);
    assert!(refused(&output, "ladder_invalid", &out).contains("possible: 360p"));
    refused(&pack(&clip, &out, &["--mode", "clear", "--ladder", "huge"]), "ladder_invalid", &out);
}

#[test]
fn options_out_of_range_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    let out = folder.path().join("out");
    let out_text = out.to_str().unwrap();
    let with =
        |more: &[&str]| packager(&[&[clip.to_str().unwrap(), "--out", out_text], more].concat()).output().unwrap();
    refused(&with(&[]), "option_invalid", &out);
    refused(&with(&["--mode", "clear", "--period-segments", "0"]), "option_invalid", &out);
    refused(&with(&["--mode", "clear", "--file-id", "../up"]), "option_invalid", &out);
    refused(&with(&["--mode", "clear", "--name", ""]), "option_invalid", &out);
    for mode in ["standard", "clear"] {
        let output = with(&["--mode", mode, "--cipher", "chacha20-poly1305"]);
        assert!(String::from_utf8_lossy(&output.stderr).contains("--cipher"), "{mode}");
        refused(&output, "option_invalid", &out);
    }
    refused(&with(&["--server", "http://127.0.0.1:9"]), "option_invalid", &out);
    refused(&with(&["--server", "http://127.0.0.1:9", "--api-key", "kv_x"]), "api_key_invalid", &out);
}

#[test]
fn existing_output_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    let title = folder.path().join("out/t");
    fs::create_dir_all(&title).unwrap();
    fs::write(title.join("mine"), b"mine").unwrap();
    let output = pack(&clip, &folder.path().join("out"), &CLEAR);
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[output_exists]: "));
    assert_eq!(fs::read(title.join("mine")).unwrap(), b"mine");
    assert_eq!(entries(&title), ["mine"]);
    assert_eq!(entries(&folder.path().join("out")), ["t"]);
}

#[test]
fn folder_that_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    let file = folder.path().join("file");
    fs::write(&file, b"mine").unwrap();
    // Root may write everywhere but not below a file, nor in /proc.
    for out in [file.join("below"), Path::new("/proc/keyveil").to_owned()] {
        refused(&pack(&clip, &out, &CLEAR), "output_unwritable", Path::new("/nonexistent"));
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    // Tells whether permissions bind this user at all.
    if fs::write(closed.join("probe"), b"").is_err() {
        refused(&pack(&clip, &closed, &CLEAR), "output_unwritable", &closed);
    }
}

/// A file size limit makes writes fail with EFBIG rather than ENOSPC, so a full disk needs a real one: a tiny tmpfs in a
/// mount namespace of its own. Where the system allows neither, the test says so and checks nothing.
#[test]
fn full_disk_is_reported_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "640x360", 6);
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let script = "mount -t tmpfs -o size=200k none \"$1\" || exit 99
        \"$2\" pack \"$3\" --out \"$1\" --mode clear --segment-secs 1 --preset ultrafast; code=$?
        ls -A \"$1\"; exit $code";
    let unshare = |flags: &[&str]| {
        Command::new("unshare")
            .args(flags)
            .args(["--mount", "sh", "-c", script, "sh"])
            .args([out.as_os_str(), env!("CARGO_BIN_EXE_packager").as_ref(), clip.as_os_str()])
            .output()
    };
    let possible =
        |output: &std::process::Output| output.status.code() != Some(99) && !output.stderr.starts_with(b"unshare");
    let attempts = [unshare(&[]), unshare(&["--user", "--map-root-user"])];
    let Some(output) = attempts.into_iter().flatten().find(possible) else {
        eprintln!("full_disk_is_reported_and_leaves_nothing: no tmpfs can be mounted here, so this checked NOTHING");
        return;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("error[no_space]: "), "{stderr}");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout).trim()), (Some(1), ""), "{stderr}");
}

#[test]
fn missing_ffmpeg_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    let out = folder.path().join("out");
    let mut command = packager(&[clip.to_str().unwrap(), "--out", out.to_str().unwrap(), "--mode", "clear"]);
    let output = command.env("PATH", folder.path()).output().unwrap();
    assert!(refused(&output, "ffmpeg_missing", &out).contains("install ffmpeg"));
}

/// A small clip whose third frame comes days after the second.
fn gap(folder: &Path) -> PathBuf {
    let frames = "-f lavfi -i color=s=64x64:r=1 -frames:v 3 -vf setpts=if(eq(N\\,2)\\,N*100000\\,N)/TB -vsync vfr";
    ffmpeg(&format!("{frames} -c:v libx264 -preset ultrafast -bf 0"), &folder.join("gap.mkv"))
}

#[test]
fn video_that_claims_more_than_a_day_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (clip, out) = (gap(folder.path()), folder.path().join("out"));
    let claimed: f64 = clips::probe(&clip, "v", "format=duration").remove(0).parse().unwrap();
    assert!(claimed > 86_400.0 && fs::metadata(&clip).unwrap().len() < 10_000, "{claimed}");
    let message = refused(&pack(&clip, &out, &CLEAR), "input_too_long", &out);
    assert!(message.contains("hours"), "{message}");
}

#[test]
fn gap_that_the_container_does_not_claim_is_not_filled() {
    let folder = tempfile::tempdir().unwrap();
    let (clip, out) = (gap(folder.path()), folder.path().join("out"));
    // The header's claim becomes 10 s; EBML: Duration, eight bytes, a float. The stream's own tag is made nonsense.
    let mut bytes = fs::read(&clip).unwrap();
    let at = bytes.windows(3).position(|window| window == [0x44, 0x89, 0x88]).unwrap() + 3;
    bytes[at..at + 8].copy_from_slice(&10_000_f64.to_be_bytes());
    let tag = bytes.windows(8).position(|window| window == b"DURATION").unwrap();
    bytes[tag..tag + 8].copy_from_slice(b"NOTHINGS");
    fs::write(&clip, bytes).unwrap();
    assert_eq!(clips::probe(&clip, "v", "format=duration"), ["10.000000"]);
    let output = pack(&clip, &out, &CLEAR);
    refused(&output, "input_truncated", &out);
}
