//! Private titles: what is written decrypts to exactly the clear title, by keys from the title secret alone.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use keyveil_protocol::{Cipher, KeyTag, PeriodSegments, Rendition, Segment, TitleSecret, TrackClass};

use crate::{
    clips,
    key_server::{Faults, KeyServer, TITLE_SECRET},
    packager::{entries, master, pack_clear, pack_private, packager, playlist, succeeded},
};

/// Walks both titles and compares every file; gives the number of segments.
fn compare(private: &Path, clear: &Path, period_segments: u32) -> usize {
    let secret = TitleSecret::from_bytes(TITLE_SECRET);
    let periods = PeriodSegments::new(period_segments).unwrap();
    let mut segments = 0;
    let folders: Vec<_> = entries(private).into_iter().filter(|name| name != "master.m3u8").collect();
    assert_eq!(entries(private), entries(clear));
    for folder in folders {
        let tag = playlist(private, &folder).lines().find_map(|line| line.parse::<KeyTag>().ok()).unwrap();
        assert_eq!(entries(&private.join(&folder)), entries(&clear.join(&folder)));
        for name in entries(&private.join(&folder)) {
            let mut written = fs::read(private.join(&folder).join(&name)).unwrap();
            let expected = fs::read(clear.join(&folder).join(&name)).unwrap();
            let Some(number) = name.strip_prefix("seg-").and_then(|rest| rest[..5].parse().ok()) else {
                assert!(name == "playlist.m3u8" || written == expected, "{folder}/{name} stays clear");
                continue;
            };
            assert!(!written.windows(16).any(|window| expected.starts_with(window)), "{folder}/{name} is clear");
            let period_key = secret.period_key(tag.track_class, periods.period_of(Segment(number)));
            let length =
                period_key.segment_key(tag.cipher, tag.rendition, Segment(number)).decrypt(&mut written).unwrap();
            assert!(written[..length] == expected[..], "{folder}/{name} decrypts to something else");
            segments += 1;
        }
    }
    segments
}

#[test]
fn every_private_segment_decrypts_to_the_clear_one_byte_for_byte() {
    for container in ["fmp4", "ts"] {
        let folder = tempfile::tempdir().unwrap();
        let clip = clips::mp4(folder.path(), "640x360", 4);
        let server = KeyServer::start(Faults::default());
        let more = ["--container", container, "--ladder", "copy", "--period-segments", "2"];
        let private = pack_private(&clip, &folder.path().join("private"), &server, &more);
        let clear = pack_clear(&clip, &folder.path().join("clear"), &more);
        let segments = compare(&private, &clear, 2);
        assert!(segments >= 8, "{container}: {segments} segments");
        assert!(!playlist(&clear, "a0").contains("EXT-X-KEY"));
        assert!(playlist(&private, "a0").contains(r#"CIPHER="aes-128-cbc""#));
        let more = [&more[..], &["--cipher", "chacha20-poly1305"]].concat();
        let server = KeyServer::start(Faults::default());
        let authenticated = pack_private(&clip, &folder.path().join("authenticated"), &server, &more);
        assert!(compare(&authenticated, &clear, 2) == segments);
        assert!(playlist(&authenticated, "a0").contains(r#"CIPHER="chacha20-poly1305""#));
        let cipher = server.seen(|seen| seen.published["t"].cipher);
        assert_eq!(cipher, Some(Cipher::ChaCha20Poly1305));
    }
}

/// x264 with several threads and a capped bit rate does not give the same bytes twice, so encoded titles are compared by
/// what they show.
#[test]
fn every_encoded_private_rendition_decrypts_to_all_its_frames() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "854x480", 3);
    let server = KeyServer::start(Faults::default());
    let title = pack_private(&clip, &folder.path().join("out"), &server, &["--period-segments", "2"]);
    let secret = TitleSecret::from_bytes(TITLE_SECRET);
    for (number, rendition) in ["v360p", "v480p"].into_iter().enumerate() {
        let mut file = fs::read(title.join(rendition).join("init.mp4")).unwrap();
        for segment in 0..3 {
            let mut bytes = fs::read(title.join(rendition).join(format!("seg-0000{segment}.m4s"))).unwrap();
            let period = PeriodSegments::new(2).unwrap().period_of(Segment(segment));
            let key = secret.period_key(TrackClass::Sd, period).segment_key(
                Cipher::Aes128Cbc,
                Rendition(number as u16),
                Segment(segment),
            );
            let length = key.decrypt(&mut bytes).unwrap();
            file.extend(&bytes[..length]);
        }
        let joined = folder.path().join("joined.mp4");
        fs::write(&joined, file).unwrap();
        let packets = clips::probe(&joined, "v", "packet=pts_time");
        assert_eq!(packets.len(), 75, "{rendition}");
    }
}

#[test]
fn key_tag_stands_behind_the_map_and_at_each_new_period_only() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 5);
    let server = KeyServer::start(Faults::default());
    let title = pack_private(&clip, &folder.path().join("out"), &server, &["--period-segments", "2"]);
    let text = playlist(&title, "v180p");
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("#EXTINF")).collect();
    let key = |period| {
        format!(
            "#EXT-X-KEY:METHOD=KEYVEIL,URI=\"keyveil:t/{period}\",CIPHER=\"aes-128-cbc\",TRACK-CLASS=\"SD\",RENDITION=0,\
             KEYFORMAT=\"com.keyveil\",KEYFORMATVERSIONS=\"1\""
        )
    };
    let expected = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:1",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-MAP:URI=\"init.mp4\"",
        &key(0),
        "seg-00000.m4s",
        "seg-00001.m4s",
        &key(1),
        "seg-00002.m4s",
        "seg-00003.m4s",
        &key(2),
        "seg-00004.m4s",
        "#EXT-X-ENDLIST",
    ];
    assert_eq!(lines, expected);
    // Another library sees a key, but none that it could fetch and use as AES-128.
    let (_, parsed) = m3u8_rs::parse_media_playlist(text.as_bytes()).unwrap();
    let method = &parsed.segments[0].key.as_ref().unwrap().method;
    assert_eq!(*method, m3u8_rs::KeyMethod::Other("KEYVEIL".into()));
    let audio: KeyTag = playlist(&title, "a0").lines().find_map(|line| line.parse().ok()).unwrap();
    assert_eq!((audio.track_class, audio.rendition), (TrackClass::Audio, Rendition(1)));
}

#[test]
fn server_is_told_what_the_playlists_say() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "1280x720", 3);
    let server = KeyServer::start(Faults::default());
    let pinned = ["--server-key", server.public_key.as_str(), "--name", "A film"];
    let title = pack_private(&clip, &folder.path().join("out"), &server, &pinned);
    let media = server.seen(|seen| seen.published["t"].clone());
    assert_eq!(server.seen(|seen| seen.names.clone()), ["A film"]);
    // A pinned key is not asked for.
    assert_eq!(server.seen(|seen| seen.requests.clone()), ["put", "publish"]);
    let names: Vec<_> = media.renditions.iter().map(|rendition| rendition.name.as_str()).collect();
    assert_eq!(names, ["360p", "480p", "720p", "Audio 1"]);
    let classes: Vec<_> = media.renditions.iter().map(|rendition| rendition.track_class).collect();
    assert_eq!(classes, [TrackClass::Sd, TrackClass::Sd, TrackClass::Hd, TrackClass::Audio]);
    assert!((2_950..=3_100).contains(&media.duration_ms), "{}", media.duration_ms);
    assert_eq!((media.segment_ms, media.period_segments.value()), (1000, 10));
    assert_eq!(media.cipher.map(|cipher| cipher.name()), Some("aes-128-cbc"));
    let master = master(&title);
    assert_eq!(master.variants.len(), 3);
    for (variant, rendition) in master.variants.iter().zip(&media.renditions) {
        assert_eq!(variant.uri, rendition.playlist);
        let resolution = variant.resolution.unwrap();
        let size = (u32::try_from(resolution.width).unwrap(), u32::try_from(resolution.height).unwrap());
        assert_eq!(size, (rendition.width.unwrap(), rendition.height.unwrap()));
        assert_eq!(variant.codecs, Some(format!("{},mp4a.40.2", rendition.codecs.clone().unwrap())));
        assert!(variant.codecs.as_ref().unwrap().starts_with("avc1."));
        assert!(variant.bandwidth >= variant.average_bandwidth.unwrap());
        assert_eq!(variant.audio.as_deref(), Some("audio"));
        assert_eq!(variant.frame_rate, Some(25.0));
        let listed = playlist(&title, &format!("v{}", rendition.name)).matches("#EXTINF").count();
        assert_eq!(rendition.segment_count as usize, listed);
    }
}

#[test]
fn clear_title_is_registered_too_when_a_server_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 2);
    let server = KeyServer::start(Faults::default());
    pack_private(&clip, &folder.path().join("out"), &server, &["--mode", "clear"]);
    let media = server.seen(|seen| seen.published["t"].clone());
    assert_eq!((media.cipher, server.seen(|seen| seen.requests.clone())), (None, vec!["put".into(), "publish".into()]));
}

#[test]
fn ffmpeg_and_ffprobe_are_started_without_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    let (server, out) = (KeyServer::start(Faults::default()), folder.path().join("out"));
    let path = std::env::var("PATH").unwrap();
    for program in ["ffmpeg", "ffprobe"] {
        let script = format!(
            "#!/bin/sh\nenv > '{0}/{program}.env'\nPATH='{path}'\nexec {program} \"$@\"\n",
            folder.path().display()
        );
        fs::write(folder.path().join(program), script).unwrap();
        fs::set_permissions(folder.path().join(program), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = packager(&[clip.to_str().unwrap(), "--out", out.to_str().unwrap(), "--file-id", "t"]);
    command.env("PATH", format!("{}:{path}", folder.path().display())).env("OTHER_VARIABLE", "stays");
    command.env("KEYVEIL_SERVER", &server.url).env("KEYVEIL_WORKER_TOKEN", "kv_worker_token");
    // That it is taken from the environment shows that it is there.
    succeeded(&command.env("KEYVEIL_API_KEY", &server.api_key).output().unwrap());
    for program in ["ffmpeg", "ffprobe"] {
        let seen = fs::read_to_string(folder.path().join(format!("{program}.env"))).unwrap();
        assert!(seen.contains("OTHER_VARIABLE=stays\n"), "{program}");
        assert!(!seen.contains("KEYVEIL_") && !seen.contains(&server.api_key), "{program}");
    }
}
