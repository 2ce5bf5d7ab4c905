//! Jobs and workers that are ended from outside.

use std::{fs, num::NonZeroU32, path::Path, process::Stdio, sync::OnceLock, time::Duration};

use keyveil_packager::{ServerOptions, WorkerOptions, work};
use keyveil_protocol::workflow::{Preset, WorkflowSettings};

use crate::{
    clips,
    job_server::{JobServer, Task},
    processes::{ffmpegs_of, runs, signal, until},
    worker::{Started, package, settings, worker_command},
};

/// A job that takes long enough to be ended.
pub(crate) fn long_job(folder: &Path) -> Task {
    static LONG: OnceLock<Vec<u8>> = OnceLock::new();
    let long = LONG.get_or_init(|| {
        let arguments = "-f lavfi -i testsrc2=s=640x360:r=25 -t 60 -c:v libx264 -preset ultrafast -pix_fmt yuv420p";
        fs::read(clips::ffmpeg(arguments, &folder.join("long.mp4"))).unwrap()
    });
    let settings = WorkflowSettings { preset: Preset::Slower, ..settings() };
    Task::Package { source: long.clone(), settings: Box::new(settings) }
}

/// A worker in the middle of it, with the process ids of its ffmpegs.
fn in_the_middle(folder: &Path) -> (JobServer, Started, Vec<u32>) {
    let server = JobServer::start(vec![long_job(folder)]);
    let worker = Started::new(&server, folder, &["--cpus", "1"]);
    until("first segment", || {
        server.seen(|seen| seen.files.get("job1").is_some_and(|files| files.contains_key("v360p/seg-00000.m4s")))
    });
    let ffmpegs = ffmpegs_of(worker.child.id());
    assert_eq!(ffmpegs.len(), 1);
    (server, worker, ffmpegs)
}

fn assert_silent(server: &JobServer) {
    server.seen(|seen| assert!(seen.failed.is_empty() && seen.completed.is_empty(), "{:?}", seen.failed));
}

#[test]
fn lost_lease_and_cancelled_job_stop_ffmpeg_and_report_nothing() {
    for is_cancelled in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (server, worker, ffmpegs) = in_the_middle(folder.path());
        server.seen(|seen| if is_cancelled { seen.is_cancelled = true } else { seen.is_lost = true });
        until("end of ffmpeg", || ffmpegs.iter().all(|ffmpeg| !runs(*ffmpeg)));
        assert!(runs(worker.child.id()), "the worker goes on");
        worker.end("TERM");
        assert_silent(&server);
    }
}

#[test]
fn killed_ffmpeg_fails_the_job_for_another_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let (server, worker, ffmpegs) = in_the_middle(folder.path());
    signal(ffmpegs[0], "KILL");
    until("failed job", || server.seen(|seen| !seen.failed.is_empty()));
    worker.end("TERM");
    let failure = server.seen(|seen| seen.failed["job1"].clone());
    assert_eq!((failure.code.as_str(), failure.retryable), ("ffmpeg_killed", true), "{}", failure.message);
}

#[test]
fn terminated_worker_gives_its_job_back_and_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let (server, worker, ffmpegs) = in_the_middle(folder.path());
    let output = worker.end("TERM");
    assert_eq!(output.status.code(), Some(0));
    let failure = server.seen(|seen| seen.failed["job1"].clone());
    assert_eq!((failure.code.as_str(), failure.retryable), ("interrupted", true));
    until("end of ffmpeg", || ffmpegs.iter().all(|ffmpeg| !runs(*ffmpeg)));
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<serde_json::Value> = stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |message: &str| lines.iter().any(|line| line["message"] == message && line["job"] == "job1");
    assert!(told("claimed") && told("started"), "{stderr}");
    assert!(lines.iter().any(|line| line["code"] == "interrupted" && line["told"] == true), "{stderr}");
}

#[test]
fn killed_worker_leaves_no_file_anywhere_and_ffmpeg_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (server, worker, ffmpegs) = in_the_middle(folder.path());
    worker.end("KILL");
    until("end of ffmpeg", || ffmpegs.iter().all(|ffmpeg| !runs(*ffmpeg)));
    assert_silent(&server);
    // What reached the server is ciphertext, and the init segment.
    server.seen(|seen| {
        for (path, bytes) in &seen.files["job1"] {
            let is_clear = [&b"moof"[..], b"mdat"].iter().any(|mark| bytes.windows(4).any(|window| window == *mark));
            assert!(!is_clear, "{path} is clear");
        }
    });
}

#[test]
fn worker_ends_with_its_parent_when_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = JobServer::start(Vec::new());
    let worker = worker_command(folder.path(), &["--server", &server.url, "--exit-with-parent"]);
    let mut parent = std::process::Command::new("sh");
    // The shell stays, as the parent.
    parent.args(["-c", "\"$@\" & echo $! >&2; wait", "sh"]).arg(worker.get_program()).args(worker.get_args());
    let mut parent =
        parent.env("KEYVEIL_WORKER_TOKEN", &server.token).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stderr = std::io::BufReader::new(parent.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut line).unwrap();
    let worker: u32 = line.trim().parse().unwrap();
    // Its first log line: from here on the kernel has been told.
    std::io::BufRead::read_line(&mut stderr, &mut line).unwrap();
    assert!(runs(worker));
    signal(parent.id(), "KILL");
    parent.wait().unwrap();
    until("end of the worker", || !runs(worker));
}

/// In this process, because no worker is this impatient.
#[tokio::test]
async fn job_is_given_up_when_the_server_stays_away_and_the_worker_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    let server = JobServer::start(vec![long_job(folder.path()), package(&clip, settings())]);
    let options = WorkerOptions {
        server: ServerOptions {
            url: server.url.parse().unwrap(),
            api_key: server.token.parse().unwrap(),
            server_key: None,
            insecure_http: false,
            retry_max: Duration::from_secs(2),
        },
        name: "impatient".into(),
        jobs: NonZeroU32::MIN,
        cpus: NonZeroU32::MIN,
        grace: Duration::ZERO,
        exit_when_drained: false,
        id: Some("impatient".parse().unwrap()),
        state: None,
    };
    let (signals, received) = tokio::sync::mpsc::channel(1);
    let server = &server;
    let happens = async {
        let seen = |holds: fn(&mut crate::job_server::Seen) -> bool| async move {
            while !server.seen(holds) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        seen(|seen| !seen.files.is_empty()).await;
        server.seen(|seen| seen.is_away = true);
        // More than it bears, with a last word in vain and half a wait.
        tokio::time::sleep(Duration::from_secs(8)).await;
        server.seen(|seen| seen.is_away = false);
        seen(|seen| seen.completed.contains_key("job2")).await;
        signals.send(15).await.unwrap();
    };
    let both = futures_util::future::join(work(options, received), happens);
    let (ended, ()) = tokio::time::timeout(Duration::from_secs(60), both).await.expect("an end within 60 s");
    ended.unwrap();
    server.seen(|seen| assert!(!seen.completed.contains_key("job1") && seen.failed.is_empty()));
}
