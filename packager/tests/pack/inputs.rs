//! Kinds of input that must work.

use std::{fs, path::Path, process::Command};

use crate::{
    clips::{self, ffmpeg, frames, probe},
    packager::{durations, entries, joined, master, pack, pack_clear, packager, refused, succeeded},
};

const PICTURE: &str = "-f lavfi -i testsrc2=s=320x180:r=25";
const SOUND: &str = "-f lavfi -i sine=f=440:r=44100";
const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25";

fn total(title: &Path, folder: &str) -> f32 {
    durations(title, folder).iter().sum()
}

#[test]
fn video_without_audio_has_no_audio_group() {
    let folder = tempfile::tempdir().unwrap();
    let clip = ffmpeg(&format!("{PICTURE} -t 2 {H264}"), &folder.path().join("silent.mp4"));
    let title = pack_clear(&clip, &folder.path().join("out"), &[]);
    assert_eq!(entries(&title), ["master.m3u8", "v180p"]);
    let master = master(&title);
    assert!(master.alternatives.is_empty());
    assert_eq!(master.variants[0].audio, None);
    assert!(!master.variants[0].codecs.as_ref().unwrap().contains("mp4a"));
}

#[test]
fn rotated_video_is_turned_upright() {
    let folder = tempfile::tempdir().unwrap();
    let flat = ffmpeg(&format!("{PICTURE} -t 2 {H264}"), &folder.path().join("flat.mp4"));
    let turned = format!("-i {} -c copy -metadata:s:v rotate=90", flat.display());
    let clip = ffmpeg(&turned, &folder.path().join("turned.mp4"));
    let title = pack_clear(&clip, &folder.path().join("out"), &[]);
    assert_eq!(probe(&joined(&title, "v180p"), "v", "stream=width,height"), ["180,320"]);
    let resolution = master(&title).variants[0].resolution.unwrap();
    assert_eq!((resolution.width, resolution.height), (180, 320));
}

#[test]
fn odd_size_becomes_even() {
    let folder = tempfile::tempdir().unwrap();
    let clip = "-f lavfi -i testsrc2=s=321x181:r=25 -t 2 -c:v libx264 -preset ultrafast -pix_fmt yuv444p";
    let clip = ffmpeg(clip, &folder.path().join("odd.mkv"));
    let title = pack_clear(&clip, &folder.path().join("out"), &[]);
    let stream = probe(&joined(&title, "v180p"), "v", "stream=width,height,pix_fmt");
    assert_eq!(stream, ["320,180,yuv420p"]);
}

#[test]
fn variable_frame_rate_keeps_its_length_and_cuts_all_rungs_alike() {
    let folder = tempfile::tempdir().unwrap();
    // Frames at 0.04 s, then at 0.1 s.
    let vary =
        "-f lavfi -i testsrc2=s=854x480:r=25 -vf setpts='if(lt(N,50),N/25,2+(N-50)/10)/TB' -vsync vfr -frames:v 70";
    let clip = ffmpeg(&format!("{vary} {H264}"), &folder.path().join("vfr.mp4"));
    let title = pack_clear(&clip, &folder.path().join("out"), &[]);
    assert_eq!(entries(&title), ["master.m3u8", "v360p", "v480p"]);
    assert_eq!(durations(&title, "v360p"), durations(&title, "v480p"));
    assert!((total(&title, "v360p") - 4.0).abs() < 0.2, "{}", total(&title, "v360p"));
    for folder in ["v360p", "v480p"] {
        let keyframes = probe(&joined(&title, folder), "v", "packet=pts_time,flags");
        let keyframes: Vec<_> = keyframes.iter().filter(|packet| packet.contains('K')).collect();
        assert_eq!(keyframes.len(), durations(&title, folder).len(), "{keyframes:?}");
    }
}

#[test]
fn webm_with_vp8_and_vorbis_is_transcoded() {
    let folder = tempfile::tempdir().unwrap();
    let codecs = "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 300k -c:a libvorbis";
    let clip = ffmpeg(&format!("{PICTURE} {SOUND} -t 2 {codecs}"), &folder.path().join("clip.webm"));
    let title = pack_clear(&clip, &folder.path().join("out"), &[]);
    assert_eq!(probe(&joined(&title, "v180p"), "v", "stream=codec_name"), ["h264"]);
    assert_eq!(probe(&joined(&title, "a0"), "a", "stream=codec_name,sample_rate"), ["aac,44100"]);
    assert!((total(&title, "a0") - 2.0).abs() < 0.1);
    // The encoder's last frame reaches past the picture's end; it gets no segment of its own.
    assert_eq!(durations(&title, "a0").len(), 2);
}

#[test]
fn mov_with_eight_of_nine_audio_tracks_names_their_languages() {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = format!("{PICTURE} {SOUND} -t 1 {H264} -c:a pcm_s16le -map 0");
    for (number, language) in ["eng", "ger", "eng", "fra", "ita", "spa", "pol", "jpn", "kor"].iter().enumerate() {
        arguments.push_str(&format!(" -map 1 -metadata:s:a:{number} language={language}"));
    }
    let clip = ffmpeg(&arguments, &folder.path().join("clip.mov"));
    let title = pack_clear(&clip, &folder.path().join("out"), &[]);
    let master = master(&title);
    let names: Vec<_> = master.alternatives.iter().map(|audio| audio.name.as_str()).collect();
    assert_eq!(names, ["eng", "ger", "eng 2", "fra", "ita", "spa", "pol", "jpn"]);
    let languages: Vec<_> = master.alternatives.iter().map(|audio| audio.language.as_deref().unwrap()).collect();
    assert_eq!(languages, ["eng", "ger", "eng", "fra", "ita", "spa", "pol", "jpn"]);
    assert_eq!(master.alternatives.iter().filter(|audio| audio.default).count(), 1);
}

#[test]
fn mkv_subtitles_become_one_webvtt_file_in_either_container() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.srt");
    fs::write(&text, "1\n00:00:00,500 --> 00:00:01,500\nGood <i>day</i>\n").unwrap();
    let more = format!("-i {} -map 0 -map 1 -map 2 -c:s srt -metadata:s:s:0 language=eng", text.display());
    let clip = ffmpeg(&format!("{PICTURE} {SOUND} {more} -t 2 {H264} -c:a aac"), &folder.path().join("clip.mkv"));
    for container in ["fmp4", "ts"] {
        let title = pack_clear(&clip, &folder.path().join(container), &["--container", container]);
        assert_eq!(entries(&title), ["a0", "master.m3u8", "s0", "v180p"]);
        let vtt = fs::read_to_string(title.join("s0/seg-00000.vtt")).unwrap();
        assert!(
            vtt.starts_with("WEBVTT\n") && vtt.contains("\n00:00.5") && vtt.contains("\nGood <i>day</i>\n"),
            "{vtt}"
        );
        let subtitles = &master(&title).alternatives[1];
        assert_eq!((subtitles.group_id.as_str(), subtitles.language.as_deref()), ("subtitles", Some("eng")));
        assert_eq!(master(&title).variants[0].subtitles.as_deref(), Some("subtitles"));
        // Cues are on the time line of the media: time 0 of the text is the first frame.
        if container == "ts" {
            let first = probe(&title.join("v180p/seg-00000.ts"), "v", "stream=start_pts").remove(0);
            assert!(vtt.contains(&format!("\nX-TIMESTAMP-MAP=MPEGTS:{first},LOCAL:00:00:00.000\n")), "{first} {vtt}");
        }
    }
}

#[test]
fn picture_and_sound_start_together_in_either_container() {
    let folder = tempfile::tempdir().unwrap();
    // The sound starts half a second late in a file that itself starts late.
    let late = format!("{PICTURE} -itsoffset 0.5 {SOUND} -t 2 {H264} -c:a aac -muxdelay 3");
    let clip = ffmpeg(&late, &folder.path().join("late.ts"));
    for container in ["fmp4", "ts"] {
        let title = pack_clear(&clip, &folder.path().join(container), &["--container", container]);
        let start = |folder: &str| -> f64 {
            probe(&joined(&title, folder), &folder[..1], "stream=start_time").remove(0).parse().unwrap()
        };
        let (picture, sound) = (start("v180p"), start("a0"));
        assert!((picture - sound).abs() < 0.05, "{container}: picture at {picture}, sound at {sound}");
    }
}

#[test]
fn transport_stream_is_copied_without_a_change_to_its_frames() {
    let folder = tempfile::tempdir().unwrap();
    let clip = ffmpeg(&format!("{PICTURE} {SOUND} -t 3 {H264} -bf 0 -c:a aac"), &folder.path().join("clip.ts"));
    for container in ["fmp4", "ts"] {
        let more = ["--ladder", "copy", "--container", container];
        let title = pack_clear(&clip, &folder.path().join(container), &more);
        assert_eq!(frames(&joined(&title, "v180p"), "v"), frames(&clip, "v"), "{container}");
        assert_eq!(frames(&joined(&title, "a0"), "a").len(), frames(&clip, "a").len(), "{container}");
        assert!(master(&title).variants[0].codecs.as_ref().unwrap().starts_with("avc1.42c0"));
    }
}

#[test]
fn hevc_is_copied_into_fmp4_as_hvc1_and_refused_in_ts() {
    let folder = tempfile::tempdir().unwrap();
    let codecs = "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25 -pix_fmt yuv420p";
    let clip = ffmpeg(&format!("{PICTURE} -t 2 {codecs}"), &folder.path().join("clip.mkv"));
    let title = pack_clear(&clip, &folder.path().join("out"), &["--ladder", "copy"]);
    assert_eq!(frames(&joined(&title, "v180p"), "v"), frames(&clip, "v"));
    assert_eq!(probe(&joined(&title, "v180p"), "v", "stream=codec_tag_string"), ["hvc1"]);
    let codecs = master(&title).variants[0].codecs.clone().unwrap();
    assert!(codecs.starts_with("hvc1.1.6.L"), "{codecs}");
    let out = folder.path().join("ts");
    let output = pack(&clip, &out, &["--mode", "clear", "--ladder", "copy", "--container", "ts"]);
    assert!(refused(&output, "copy_codec_unsupported", &out).contains("hevc"));
}

#[test]
fn file_name_with_a_colon_and_a_proxy_in_the_environment_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    let named = folder.path().join("-a:b %05d é.mp4");
    fs::rename(clip, &named).unwrap();
    let out = folder.path().join("out");
    let mut command: Command = packager(&["--out", out.to_str().unwrap(), "--mode", "clear", "--file-id", "t", "--"]);
    // A proxy would receive clear segments; this one does not exist.
    command.arg("-a:b %05d é.mp4").current_dir(folder.path()).env("http_proxy", "http://127.0.0.1:9");
    succeeded(&command.output().unwrap());
    assert!(out.join("t/master.m3u8").exists());
}

#[test]
fn copied_stream_that_starts_late_says_so_in_its_segments() {
    let folder = tempfile::tempdir().unwrap();
    let whole = clips::mp4(folder.path(), "320x180", 3);
    let whole = whole.display();
    let late = format!("-i {whole} -itsoffset 0.5 -i {whole} -map 0:v -map 1:a -c copy");
    let clip = ffmpeg(&late, &folder.path().join("late.mp4"));
    for container in ["fmp4", "ts"] {
        let more = ["--ladder", "copy", "--container", container];
        let title = pack_clear(&clip, &folder.path().join(container), &more);
        // Edit lists are left out of account, as browsers do with empty edits.
        let start = |folder: &str| -> f64 {
            let stream = ["-v", "error", "-ignore_editlist", "1", "-show_entries", "packet=pts_time", "-of", "csv=p=0"];
            let arguments = if container == "ts" { [&stream[..2], &stream[4..]].concat() } else { stream.to_vec() };
            let output = Command::new("ffprobe").args(arguments).arg(joined(&title, folder)).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            text.lines().next().unwrap().split(',').next().unwrap().parse().unwrap()
        };
        let offset = start("a0") - start("v180p");
        assert!((offset - 0.478).abs() < 0.05, "{container}: sound {offset} s after the picture");
    }
}
