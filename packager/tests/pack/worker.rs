//! The worker at work: what it makes, and what it bears.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use keyveil_protocol::{
    Container, PeriodSegments, Segment, TitleSecret,
    job::{CompleteJobRequest, JobStage},
    workflow::{LadderSettings, Preset, RungSettings, WorkflowSettings},
};

use crate::{
    clips,
    job_server::{JobServer, NEW_SECRET, Task},
    packager::entries,
    processes::{signal, until},
};

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A worker whose every possible place for a file is a folder of its own.
pub(crate) struct Started {
    pub(crate) child: Child,
    places: PathBuf,
}

impl Started {
    pub(crate) fn new(server: &JobServer, folder: &Path, more: &[&str]) -> Self {
        let mut command = worker_command(folder, more);
        let child = command.env("KEYVEIL_SERVER", &server.url).env("KEYVEIL_WORKER_TOKEN", &server.token).spawn();
        Self { child: child.unwrap(), places: folder.join("places") }
    }

    /// Ends it by a signal; it must have written no file anywhere but that of its id.
    pub(crate) fn end(self, name: &str) -> Output {
        signal(self.child.id(), name);
        let output = self.child.wait_with_output().unwrap();
        for place in ["cwd", "tmp", "home"] {
            assert_eq!(entries(&self.places.join(place)), Vec::<String>::new(), "{place}");
        }
        // Its id, and nothing else.
        assert_eq!(entries(&self.places.join("state/keyveil")), ["worker-0.id"]);
        output
    }
}

pub(crate) fn worker_command(folder: &Path, more: &[&str]) -> Command {
    let places = folder.join("places");
    for place in ["cwd", "tmp", "home", "state"] {
        fs::create_dir_all(places.join(place)).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_packager"));
    command.arg("worker").args(more).current_dir(places.join("cwd"));
    command.env("TMPDIR", places.join("tmp")).env("HOME", places.join("home"));
    command.env("XDG_STATE_HOME", places.join("state")).env("KEYVEIL_WORKER_GRACE", "0");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Quick settings: one second per segment, one quality as small as the source.
pub(crate) fn settings() -> WorkflowSettings {
    WorkflowSettings {
        segment_secs: 1,
        period_segments: PeriodSegments::new(2).unwrap(),
        preset: Preset::Ultrafast,
        cover: None,
        sprites: None,
        ..WorkflowSettings::default()
    }
}

pub(crate) fn package(clip: &Path, settings: WorkflowSettings) -> Task {
    Task::Package { source: fs::read(clip).unwrap(), settings: Box::new(settings) }
}

/// Lets a worker do the jobs; gives what became of the first.
pub(crate) fn done(server: &JobServer, folder: &Path) -> (CompleteJobRequest, Files) {
    let worker = Started::new(server, folder, &[]);
    until("end of the job", || server.seen(|seen| seen.completed.len() + seen.failed.len() > 0));
    let output = worker.end("TERM");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    server.seen(|seen| {
        assert!(seen.failed.is_empty(), "{:?}", seen.failed);
        (seen.completed["job1"].clone(), seen.files["job1"].clone())
    })
}

/// As [`done`], where the job must fail with this code; gives the sentence.
fn failed(server: &JobServer, folder: &Path, code: &str, retryable: bool) -> String {
    let worker = Started::new(server, folder, &[]);
    until("failed job", || server.seen(|seen| seen.completed.len() + seen.failed.len() > 0));
    worker.end("TERM");
    let failure = server.seen(|seen| seen.failed["job1"].clone());
    assert_eq!((failure.code.as_str(), failure.retryable), (code, retryable), "{}", failure.message);
    assert!(!failure.message.contains("http://"), "no secret address: {}", failure.message);
    failure.message
}

/// Every segment, decrypted under this secret, by its path.
pub(crate) fn decrypted(done: &CompleteJobRequest, files: &Files, secret: [u8; 32]) -> Files {
    let secret = TitleSecret::from_bytes(secret);
    let mut clear = Files::new();
    for rendition in &done.media.renditions {
        let folder = rendition.playlist.split('/').next().unwrap();
        let extension = if done.media.container == Container::Fmp4 { "m4s" } else { "ts" };
        for number in 0..rendition.segment_count {
            let path = format!("{folder}/seg-{number:05}.{extension}");
            let mut bytes = files[&path].clone();
            let period = done.media.period_segments.period_of(Segment(number));
            let key = secret.period_key(rendition.track_class, period);
            // Nothing, where it does not decrypt at all.
            let len = key
                .segment_key(done.media.cipher.unwrap(), rendition.rendition, Segment(number))
                .decrypt(&mut bytes)
                .unwrap_or(0);
            bytes.truncate(len);
            clear.insert(path, bytes);
        }
    }
    clear
}

/// Frames of a rendition, from what was stored.
fn frames(folder: &Path, done: &CompleteJobRequest, files: &Files, rendition: &str) -> usize {
    let mut joined = files[&format!("{rendition}/init.mp4")].clone();
    let clear = decrypted(done, files, NEW_SECRET);
    let of_rendition = clear.iter().filter(|(path, _)| path.starts_with(&format!("{rendition}/")));
    of_rendition.for_each(|(_, bytes)| joined.extend(bytes));
    let file = folder.join("joined.mp4");
    fs::write(&file, joined).unwrap();
    clips::probe(&file, "v", "packet=pts_time").len()
}

#[test]
fn source_that_breaks_off_again_and_again_is_packed_whole_without_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = JobServer::start(vec![package(&clips::mp4(folder.path(), "320x180", 4), settings())]);
    server.seen(|seen| seen.source_breaks = 6);
    let (done, files) = done(&server, folder.path());
    assert_eq!(server.seen(|seen| seen.source_breaks), 0, "it did break off");
    assert_eq!(frames(folder.path(), &done, &files, "v180p"), 100);
    let names: Vec<_> = done.media.renditions.iter().map(|rendition| rendition.name.as_str()).collect();
    assert_eq!(names, ["180p", "Audio 1"]);
    assert!(files.contains_key("master.m3u8") && files.contains_key("a0/playlist.m3u8"));
    server.seen(|seen| {
        assert_eq!(seen.heartbeats[0].stage, JobStage::Transcoding);
        let lines: Vec<_> = seen.heartbeats.iter().flat_map(|beat| &beat.log).collect();
        assert!(lines.iter().any(|line| line.contains("making 180p")), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("reading the source failed")), "{lines:?}");
    });
}

#[test]
fn file_that_the_server_could_not_take_is_stored_by_a_repetition() {
    let folder = tempfile::tempdir().unwrap();
    let server = JobServer::start(vec![package(&clips::mp4(folder.path(), "320x180", 2), settings())]);
    server.seen(|seen| seen.busy_puts = 4);
    let (done, files) = done(&server, folder.path());
    assert_eq!(frames(folder.path(), &done, &files, "v180p"), 50);
    let puts = server.seen(|seen| seen.requests.iter().filter(|request| request.starts_with("put ")).count());
    assert_eq!(puts, files.len() + 4);
}

#[test]
fn server_that_is_away_for_a_while_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = JobServer::start(vec![package(&clips::mp4(folder.path(), "320x180", 4), settings())]);
    let worker = Started::new(&server, folder.path(), &[]);
    until("first file", || server.seen(|seen| !seen.files.is_empty()));
    server.seen(|seen| seen.is_away = true);
    std::thread::sleep(std::time::Duration::from_secs(2));
    server.seen(|seen| seen.is_away = false);
    until("end of the job", || server.seen(|seen| seen.completed.len() + seen.failed.len() > 0));
    worker.end("TERM");
    assert!(server.seen(|seen| seen.completed.contains_key("job1")));
}

#[test]
fn full_server_and_bad_sources_are_told_with_their_codes() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    let full = JobServer::start(vec![package(&clip, settings())]);
    full.seen(|seen| seen.is_full = true);
    assert!(failed(&full, folder.path(), "no_space", true).contains("free some space"));

    let task = |source: Vec<u8>| Task::Package { source, settings: Box::new(settings()) };
    let noise = JobServer::start(vec![task(b"this is no film".repeat(1000))]);
    assert!(failed(&noise, folder.path(), "input_not_video", false).contains("film.mp4"));
    let bytes = fs::read(&clip).unwrap();
    let cut = JobServer::start(vec![task(bytes[..bytes.len() / 2].to_vec())]);
    failed(&cut, folder.path(), "input_truncated", false);
}

#[test]
fn rungs_of_the_workflow_are_made_with_its_bit_rates_and_none_above_the_source() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 2);
    let rung = |edge, video_bit_rate| RungSettings { edge, video_bit_rate };
    let with = |rungs: Vec<RungSettings>| {
        let ladder = LadderSettings::Rungs { rungs };
        WorkflowSettings { ladder, audio_bit_rate: 48_000, container: Container::Ts, ..settings() }
    };
    let rungs = vec![rung(720, 1_000_000), rung(180, 400_000), rung(120, 100_000)];
    let server = JobServer::start(vec![package(&clip, with(rungs))]);
    let (done, files) = done(&server, folder.path());
    let sizes: Vec<_> = done.media.renditions.iter().filter_map(|rendition| rendition.height).collect();
    assert_eq!((sizes, done.media.container), (vec![120, 180], Container::Ts));
    assert!(files.contains_key("v120p/seg-00000.ts"));
    let server = JobServer::start(vec![package(&clip, with(vec![rung(720, 1_000_000)]))]);
    assert!(failed(&server, folder.path(), "ladder_invalid", false).contains("320x180"));
}

#[test]
fn two_jobs_are_done_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 3);
    let server = JobServer::start(vec![package(&clip, settings()), package(&clip, settings())]);
    let worker = Started::new(&server, folder.path(), &["--jobs", "2", "--cpus", "1"]);
    until("end of both", || server.seen(|seen| seen.completed.len() == 2));
    worker.end("TERM");
    server.seen(|seen| {
        let of_both = |request: &&String| request.starts_with("claim") || request.starts_with("complete");
        let order: Vec<_> = seen.requests.iter().filter(of_both).map(String::as_str).collect();
        assert_eq!(order[..2], ["claim job1", "claim job2"]);
        assert_eq!(seen.files["job1"].keys().collect::<Vec<_>>(), seen.files["job2"].keys().collect::<Vec<_>>());
    });
}

#[test]
fn key_that_the_server_does_not_take_ends_the_worker() {
    let folder = tempfile::tempdir().unwrap();
    let server = JobServer::start(Vec::new());
    let other = format!("kv_worker1_{}", "B".repeat(42) + "A");
    for token in [other.as_str(), "kv_x"] {
        let mut command = worker_command(folder.path(), &["--server", &server.url]);
        let output = command.env("KEYVEIL_WORKER_TOKEN", token).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("error[worker_token_invalid]: ") && !stderr.contains(token), "{stderr}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn job_whose_files_are_missing_at_its_end_is_failed_for_another_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let server = JobServer::start(vec![package(&clips::mp4(folder.path(), "320x180", 1), settings())]);
    server.seen(|seen| seen.is_incomplete = true);
    failed(&server, folder.path(), "media_incomplete", true);
    assert_eq!(server.seen(|seen| seen.requests.last().cloned()), Some("complete job1".into()));
}
