use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path as FilePath,
};

use keyveil_protocol::{Cipher, Container, FileId, Mode, PeriodSegments, Rendition, TrackClass, workflow::Preset};

use super::*;
use crate::{
    ladder::Ladder,
    output::PartialOutput,
    plan::{Choices, EncoderThreads, Making, PlannedRendition},
    probe::FrameRate,
};

fn plan() -> Plan {
    let choices = Choices {
        mode: Mode::Clear,
        cipher: Cipher::Aes128Cbc,
        container: Container::Ts,
        ladder: Ladder::Auto { max_edge: None },
        segment_secs: 1,
        period_segments: PeriodSegments::new(10).unwrap(),
        clear_lead_secs: 0,
        audio_bit_rate: 128_000,
        preset: Preset::Ultrafast,
        threads: EncoderThreads::Any,
        cover: None,
        sprites: None,
    };
    let rendition = PlannedRendition {
        rendition: Rendition(0),
        track_class: TrackClass::Audio,
        folder: "a0".into(),
        name: "Audio 1".into(),
        language: None,
        stream_index: 0,
        making: Making::EncodeAudio { sample_rate: 48_000, channels: 2 },
    };
    let rate = FrameRate { numerator: 25, denominator: 1 };
    Plan { choices, renditions: vec![rendition], rate, interlaced: false, secs_max: 60.0 }
}

async fn start(folder: &FilePath) -> Receiver {
    let file_id: FileId = "t".parse().unwrap();
    let output = Arc::new(PartialOutput::create(folder, &file_id).unwrap());
    output.create_folder("a0").unwrap();
    let sealer = Sealer::new(file_id, &plan().choices, None);
    Receiver::start(&plan(), sealer, Sink::Folder(output)).await.unwrap()
}

/// Sends bytes behind a request line and gives the answer's first line, as ffmpeg would.
async fn put(base: &str, path: &str, body: &'static [u8]) -> String {
    let (host, token) = base.strip_prefix("http://ffmpeg:ask@").unwrap().split_once('/').unwrap();
    let length = if body.is_empty() {
        "Content-Length: 0\r\nConnection: close"
    } else {
        "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: close"
    };
    let head = format!("PUT /{token}{path} HTTP/1.1\r\nHost: {host}\r\n{length}\r\n\r\n");
    let mut stream = TcpStream::connect(host).unwrap();
    let work = move || {
        stream.write_all(head.as_bytes()).unwrap();
        if !body.is_empty() {
            let mut may = [0; CONTINUE.len()];
            stream.read_exact(&mut may).unwrap();
            assert_eq!(may, *CONTINUE);
            stream.write_all(body).unwrap();
            // As ffmpeg does: it never waits for the final answer.
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.lines().next().unwrap_or_default().to_owned()
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

const CONTINUE: &[u8; 25] = b"HTTP/1.1 100 Continue\r\n\r\n";
const WHOLE: &[u8] = b"5\r\nmedia\r\n0\r\n\r\n";
const BROKEN: &[u8] = b"5\r\nmedia\r\n";
const PLAYLIST: &[u8] = b"2f\r\n#EXTM3U\n#EXTINF:1,\nseg-00000.ts\n#EXT-X-ENDLIST\n\r\n0\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn segment_counts_when_its_body_ended_properly() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = start(folder.path()).await;
    put(receiver.base(), "/a0/seg-00000.ts", WHOLE).await;
    put(receiver.base(), "/a0/playlist.m3u8", PLAYLIST).await;
    let (received, _) = receiver.finish().await.unwrap();
    assert_eq!(received[0].segments, [(0, 5)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn body_that_broke_off_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = start(folder.path()).await;
    put(receiver.base(), "/a0/seg-00000.ts", BROKEN).await;
    put(receiver.base(), "/a0/playlist.m3u8", PLAYLIST).await;
    let error = receiver.finish().await.unwrap_err();
    assert!(error.to_string().contains("a0 lacks segment 0"), "{error}");
    assert!(!folder.path().join(".t.partial/a0/seg-00000.ts").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn segment_sent_twice_fails_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = start(folder.path()).await;
    put(receiver.base(), "/a0/seg-00000.ts", WHOLE).await;
    put(receiver.base(), "/a0/seg-00000.ts", b"5\r\nother\r\n0\r\n\r\n").await;
    assert!(receiver.failure().await.to_string().contains("segment 0 twice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_no_rendition_has_are_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = start(folder.path()).await;
    for path in
        ["/a1/seg-00000.ts", "/a0/seg-0.ts", "/a0/seg-00000.m4s", "/a0/other", "/a0/..%2f..%2fseg-00000.ts", "/a0"]
    {
        assert!(put(receiver.base(), path, b"").await.contains(" 404 "), "{path}");
    }
    let (host, _) = receiver.base().rsplit_once('/').unwrap();
    let wrong = format!("{host}/{}", "0".repeat(32));
    assert!(put(&wrong, "/a0/seg-00000.ts", b"").await.contains(" 404 "));
}

/// The status that another user's segment is answered with; none where nobody else can be become.
async fn put_as(user: &str, base: &str) -> Option<String> {
    let mut command = tokio::process::Command::new("setpriv");
    command.args(["--reuid", user, "--clear-groups", "curl"]);
    command.args(["-s", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "--data", "media"]);
    let output = command.arg(format!("{base}/a0/seg-00000.ts")).output().await.ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_who_knows_the_path_gets_nothing_in() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = start(folder.path()).await;
    match put_as("65534", receiver.base()).await {
        Some(status) => assert_eq!(status, "404"),
        // Only root becomes another; `peer` tells the rest.
        None => assert!(!rustix::process::geteuid().is_root(), "setpriv and curl are needed"),
    }
    assert!(!folder.path().join(".t.partial/a0/seg-00000.ts").exists());
    put(receiver.base(), "/a0/seg-00000.ts", WHOLE).await;
    put(receiver.base(), "/a0/playlist.m3u8", PLAYLIST).await;
    let (received, _) = receiver.finish().await.unwrap();
    assert_eq!(received[0].segments, [(0, 5)].into());
}
