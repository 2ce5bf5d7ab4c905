//! Standard titles, and titles whose beginning stays clear.

use std::{fs, path::Path, process::Command};

use keyveil_protocol::{
    KeyTag, Mode, PeriodSegments, Rendition, Segment, TitleSecret, TrackClass, workflow::WorkflowSettings,
};

use crate::{
    clips,
    job_server::{JobServer, NEW_SECRET, OLD_SECRET, Task},
    key_server::{Faults, KeyServer, TITLE_SECRET},
    packager::{entries, pack, pack_clear, pack_private, playlist, succeeded},
    worker::{Files, done, package, settings},
};

const PERIODS: u32 = 2;

fn key_of(class: TrackClass, rendition: u16, segment: u32) -> keyveil_protocol::Aes128CbcKey {
    let period = PeriodSegments::new(PERIODS).unwrap().period_of(Segment(segment));
    let secret = TitleSecret::from_bytes(TITLE_SECRET);
    secret.period_key(class, period).standard_segment_key(Rendition(rendition), Segment(segment))
}

/// The playlist with key files in place of the server's addresses, as a player would see it.
fn with_key_files(title: &Path, folder: &str, class: TrackClass) -> std::path::PathBuf {
    let mut text = playlist(title, folder);
    for period in 0..3 {
        let file = title.join(folder).join(format!("{period}.key"));
        fs::write(&file, key_of(class, 0, period * PERIODS).halves().0).unwrap();
        text = text.replace(&format!("keyveil:{class}/{period}\""), &format!("{period}.key\""));
    }
    let file = title.join(folder).join("local.m3u8");
    fs::write(&file, text).unwrap();
    file
}

/// Video frames that ffmpeg decodes from a playlist; an error of any kind is none.
fn decoded_frames(playlist: &Path) -> usize {
    let mut ffmpeg = Command::new("ffprobe");
    ffmpeg.args(["-v", "error", "-allowed_extensions", "ALL", "-protocol_whitelist", "file,crypto", "-count_frames"]);
    ffmpeg.args(["-select_streams", "v", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]).arg(playlist);
    let output = ffmpeg.output().unwrap();
    if !output.stderr.is_empty() {
        return 0;
    }
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().and_then(|count| count.trim_matches(',').parse().ok()).unwrap_or(0)
}

#[test]
fn ffmpeg_decodes_a_standard_title_that_begins_clear_and_nothing_with_a_wrong_key() {
    for container in ["fmp4", "ts"] {
        let folder = tempfile::tempdir().unwrap();
        let clip = clips::mp4(folder.path(), "320x180", 5);
        let server = KeyServer::start(Faults::default());
        let more = ["--mode", "standard", "--period-segments", "2", "--clear-lead", "1", "--container", container];
        let title = pack_private(&clip, &folder.path().join("out"), &server, &more);
        let local = with_key_files(&title, "v180p", TrackClass::Sd);
        assert_eq!(decoded_frames(&local), 125, "{container}");
        fs::write(title.join("v180p/1.key"), [0; 16]).unwrap();
        assert_ne!(decoded_frames(&local), 125, "{container}: the key of one period is wrong");
        let media = server.seen(|seen| seen.published["t"].clone());
        assert_eq!((media.clear_lead_segments, media.cipher.is_some()), (1, true));
    }
}

#[test]
fn standard_key_tags_name_class_period_and_iv_and_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 4);
    let server = KeyServer::start(Faults::default());
    let more = ["--mode", "standard", "--period-segments", "2", "--ladder", "copy"];
    let title = pack_private(&clip, &folder.path().join("out"), &server, &more);
    let clear = pack_clear(&clip, &folder.path().join("clear"), &["--ladder", "copy"]);
    for (rendition, (name, class)) in [("v180p", TrackClass::Sd), ("a0", TrackClass::Audio)].into_iter().enumerate() {
        let text = playlist(&title, name);
        let tags: Vec<_> = text.lines().filter(|line| line.starts_with("#EXT-X-KEY")).collect();
        assert_eq!(tags.len(), text.matches("#EXTINF").count(), "one before each segment");
        for (number, tag) in (0_u32..).zip(&tags) {
            let key = key_of(class, rendition as u16, number);
            let (_, iv) = key.halves();
            let iv: String = iv.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(
                **tag,
                format!("#EXT-X-KEY:METHOD=AES-128,URI=\"keyveil:{class}/{}\",IV=0x{iv}", number / PERIODS)
            );
            let file =
                entries(&title.join(name)).into_iter().find(|file| file.starts_with(&format!("seg-0000{number}")));
            let file = file.unwrap();
            let mut bytes = fs::read(title.join(name).join(&file)).unwrap();
            let length = key.decrypt(&mut bytes).unwrap();
            assert!(bytes[..length] == fs::read(clear.join(name).join(&file)).unwrap(), "{name}/{file}");
        }
        let map = text.find("#EXT-X-MAP").unwrap();
        assert!(map < text.find("#EXT-X-KEY").unwrap(), "the init segment is clear, so it stands before");
    }
}

#[test]
fn private_title_begins_clear_and_its_first_tag_stands_where_that_ends() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 4);
    let server = KeyServer::start(Faults::default());
    let more = ["--period-segments", "2", "--clear-lead", "1", "--ladder", "copy"];
    let title = pack_private(&clip, &folder.path().join("out"), &server, &more);
    let clear = pack_clear(&clip, &folder.path().join("clear"), &["--ladder", "copy"]);
    let text = playlist(&title, "v180p");
    let shape: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("#EXT-X-KEY") || line.starts_with("seg-"))
        .map(|line| line.parse::<KeyTag>().map_or_else(|_| line.to_owned(), |tag| format!("period {}", tag.period)))
        .collect();
    let expected = ["seg-00000.m4s", "period 0", "seg-00001.m4s", "period 1", "seg-00002.m4s", "seg-00003.m4s"];
    assert_eq!(shape, expected);
    let same = |name: &str| fs::read(title.join(name)).unwrap() == fs::read(clear.join(name)).unwrap();
    assert!(same("v180p/seg-00000.m4s") && same("a0/seg-00000.m4s"));
    assert!(!same("v180p/seg-00001.m4s") && !same("a0/seg-00001.m4s"));
}

#[test]
fn lead_of_a_clear_title_or_longer_than_ten_minutes_is_refused_and_one_longer_than_the_film_leaves_it_clear() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 2);
    let server = KeyServer::start(Faults::default());
    assert!(!pack(&clip, &folder.path().join("long"), &["--clear-lead", "601"]).status.success());
    succeeded(&pack(&clip, &folder.path().join("clear"), &["--mode", "clear", "--clear-lead", "1"]));
    let all = pack_private(&clip, &folder.path().join("all"), &server, &["--mode", "standard", "--clear-lead", "600"]);
    assert!(!playlist(&all, "v180p").contains("#EXT-X-KEY"));
    assert_eq!(server.seen(|seen| seen.published["t"].clear_lead_segments), 2);
}

/// Segments decrypted as a standard title's, those of the lead as they are.
fn opened(made: &keyveil_protocol::job::CompleteJobRequest, files: &Files, secret: [u8; 32]) -> Files {
    let secret = TitleSecret::from_bytes(secret);
    let mut clear = Files::new();
    for rendition in &made.media.renditions {
        let folder = rendition.playlist.split('/').next().unwrap();
        for number in 0..rendition.segment_count {
            let path = format!("{folder}/seg-{number:05}.m4s");
            let mut bytes = files[&path].clone();
            if number >= made.media.clear_lead_segments {
                let period = made.media.period_segments.period_of(Segment(number));
                let key = secret.period_key(rendition.track_class, period);
                let key = key.standard_segment_key(rendition.rendition, Segment(number));
                let text = String::from_utf8(files[&rendition.playlist].clone()).unwrap();
                let iv: String = key.halves().1.iter().map(|byte| format!("{byte:02x}")).collect();
                assert!(text.contains(&format!("IV=0x{iv}\n")), "{path}: the playlist has its IV");
                let length = key.decrypt(&mut bytes).unwrap();
                bytes.truncate(length);
            }
            clear.insert(path, bytes);
        }
    }
    clear
}

#[test]
fn a_standard_title_is_encrypted_anew_with_new_ivs() {
    let folder = tempfile::tempdir().unwrap();
    let standard = WorkflowSettings { mode: Mode::Standard, clear_lead_secs: 1, ..settings() };
    let first = JobServer::start(vec![package(&clips::mp4(folder.path(), "320x180", 3), standard)]);
    first.seen(|seen| seen.is_first = true);
    let (made, files) = done(&first, folder.path());
    let clear = opened(&made, &files, OLD_SECRET);
    let second = JobServer::start(vec![Task::Reencrypt { files: files.clone(), done: Box::new(made.clone()) }]);
    second.seen(|seen| seen.is_standard = true);
    let (again, anew) = done(&second, folder.path());
    assert_eq!(again, made);
    assert_eq!(opened(&made, &anew, NEW_SECRET), clear);
    let changed = |path: &str| files[path] != anew[path];
    assert!(!changed("v180p/seg-00000.m4s") && changed("v180p/seg-00001.m4s") && changed("v180p/playlist.m3u8"));
}
