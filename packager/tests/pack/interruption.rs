//! Runs that are ended from outside: nothing half published, nothing clear on disk, ffmpeg gone.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Child,
};

use crate::{
    clips,
    key_server::{Faults, KeyServer},
    packager::{entries, pack_private, packager},
    processes::{signal, until},
};

/// A run over a clip long enough to be interrupted, started and already writing segments.
fn start_run(folder: &Path, server: &KeyServer) -> (Child, PathBuf) {
    let clip = clips::ffmpeg(
        "-f lavfi -i testsrc2=s=640x360:r=25 -f lavfi -i sine -t 60 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac",
        &folder.join("long.mp4"),
    );
    let out = folder.join("out");
    let usual = [clip.to_str().unwrap(), "--out", out.to_str().unwrap(), "--file-id", "t", "--segment-secs", "1"];
    let private = ["--server", &server.url, "--api-key", &server.api_key, "--preset", "slower"];
    let child = packager(&[&usual[..], &private].concat()).spawn().unwrap();
    let partial = out.join(".t.partial");
    until("two segments", || partial.join("v360p/seg-00001.m4s").exists());
    (child, out)
}

/// Process ids of ffmpegs that read this folder's clip.
fn ffmpegs(folder: &Path) -> Vec<String> {
    let wanted = folder.join("long.mp4");
    let of_process = |name: &str| fs::read(format!("/proc/{name}/cmdline")).unwrap_or_default();
    let mut found = entries(Path::new("/proc"));
    found.retain(|name| {
        let line = String::from_utf8_lossy(&of_process(name)).into_owned();
        line.starts_with("ffmpeg\0") && line.contains(wanted.to_str().unwrap())
    });
    found
}

#[test]
fn interrupt_and_terminate_stop_ffmpeg_and_leave_nothing() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let folder = tempfile::tempdir().unwrap();
        let server = KeyServer::start(Faults::default());
        let (child, out) = start_run(folder.path(), &server);
        assert_eq!(ffmpegs(folder.path()).len(), 1);
        signal(child.id(), name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert!(String::from_utf8_lossy(&output.stderr).contains("error[interrupted]: "));
        assert_eq!(entries(&out), Vec::<String>::new());
        assert_eq!(server.seen(|seen| seen.requests.last().cloned()), Some("delete".into()));
        until("end of ffmpeg", || ffmpegs(folder.path()).is_empty());
    }
}

#[test]
fn interrupt_while_publishing_takes_the_output_back() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    let server = KeyServer::start(Faults { silent_publication: true, ..Faults::default() });
    let out = folder.path().join("out");
    let usual = [clip.to_str().unwrap(), "--out", out.to_str().unwrap(), "--file-id", "t"];
    let private = ["--server", &server.url, "--api-key", &server.api_key];
    let child = packager(&[&usual[..], &private].concat()).spawn().unwrap();
    until("request to publish", || server.seen(|seen| seen.requests.contains(&"publish".into())));
    assert_eq!(entries(&out), ["t"]);
    signal(child.id(), "INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(entries(&out), Vec::<String>::new());
}

#[test]
fn killed_run_leaves_ciphertext_only_ffmpeg_ends_and_the_next_run_sweeps() {
    let folder = tempfile::tempdir().unwrap();
    let server = KeyServer::start(Faults::default());
    let (mut child, out) = start_run(folder.path(), &server);
    signal(child.id(), "KILL");
    child.wait().unwrap();
    until("end of ffmpeg", || ffmpegs(folder.path()).is_empty());
    assert_eq!(entries(&out), [".t.partial"]);
    let partial = out.join(".t.partial");
    let mut segments = 0;
    for rendition in ["v360p", "a0"] {
        for name in entries(&partial.join(rendition)) {
            let bytes = fs::read(partial.join(rendition).join(&name)).unwrap();
            let marks = [&b"moof"[..], b"mdat", b"styp", b"sidx"];
            let is_clear = marks.iter().any(|mark| bytes.windows(4).any(|window| window == *mark));
            assert!(!is_clear || name == "init.mp4", "{rendition}/{name} is clear");
            segments += usize::from(name.starts_with("seg-"));
        }
    }
    assert!(segments >= 2);
    // Nor anywhere else that ffmpeg or the packager could have written.
    assert_eq!(entries(folder.path()), ["long.mp4", "out"]);
    let clip = clips::mp4(folder.path(), "320x180", 1);
    pack_private(&clip, &out, &server, &[]);
    assert_eq!(entries(&out), ["t"]);
}
