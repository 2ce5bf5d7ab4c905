//! The worker among others: what it tells of itself, how it is drained, and servers of other releases.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use keyveil_protocol::worker::{ProtocolVersions, WorkKind};

use crate::{
    clips,
    job_server::{JobServer, Seen, Task},
    processes::{ffmpegs_of, runs, signal, until},
    worker::{Started, package, settings, worker_command},
    worker_ends::long_job,
};

/// A server that registers workers.
fn server(jobs: Vec<Task>) -> JobServer {
    let server = JobServer::start(jobs);
    server.seen(|seen| seen.registers = true);
    server
}

fn short_job(folder: &Path) -> Task {
    package(&clips::mp4(folder, "320x180", 2), settings())
}

fn claimed(seen: &mut Seen) -> bool {
    !seen.heartbeats.is_empty()
}

/// Starts a worker with more in its environment, and answers how it ended by itself.
fn ended(mut command: Command, server: &JobServer) -> (Option<i32>, String) {
    let command = command.env("KEYVEIL_SERVER", &server.url).env("KEYVEIL_WORKER_TOKEN", &server.token);
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_worker_tells_who_it_is_again_and_again_and_claims_by_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(vec![short_job(folder.path())]);
    let worker = Started::new(&server, folder.path(), &["--name", "rack-7", "--jobs", "2", "--cpus", "3"]);
    until("third registration", || server.seen(|seen| seen.registrations.len() > 2 && !seen.completed.is_empty()));
    assert!(worker.end("TERM").status.success());
    server.seen(|seen| {
        let first = &seen.registrations[0];
        assert_eq!(
            (first.protocol_versions, first.version.as_str()),
            (ProtocolVersions::OWN, env!("CARGO_PKG_VERSION"))
        );
        assert_eq!((first.name.as_str(), first.jobs, first.cpus), ("rack-7", 2, 6));
        assert_eq!(first.kinds, [WorkKind::Package, WorkKind::Reencrypt]);
        assert_eq!(first.encoders[0], "libx264");
        assert!(first.memory_bytes.unwrap() > 1 << 20);
        let starting: Vec<_> = seen.registrations.iter().map(|one| one.starting).collect();
        assert!(starting[0] && !starting[1..].contains(&true), "{starting:?}");
        assert!(seen.registrations.last().unwrap().leaving, "its last word");
        for claim in &seen.claims {
            assert_eq!(
                (&claim["workerId"], &claim["protocolVersion"]),
                (&seen.worker_ids[0].clone().into(), &2.into())
            );
        }
    });
    let again = Started::new(&server, folder.path(), &[]);
    let before = server.seen(|seen| seen.registrations.len());
    until("registration of another start", || server.seen(|seen| seen.registrations.len() > before));
    again.end("TERM");
    server.seen(|seen| {
        assert!(seen.registrations[before].starting);
        assert!(seen.worker_ids.iter().all(|id| *id == seen.worker_ids[0]), "{:?}", seen.worker_ids);
    });
}

#[test]
fn a_server_of_the_release_before_is_asked_as_ever() {
    let folder = tempfile::tempdir().unwrap();
    let server = JobServer::start(vec![short_job(folder.path())]);
    let worker = Started::new(&server, folder.path(), &[]);
    until("end of the job", || server.seen(|seen| !seen.completed.is_empty()));
    worker.end("TERM");
    server.seen(|seen| {
        let fields: Vec<_> = seen.claims[0].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["publicKey", "waitSecs", "worker"]);
    });
}

#[test]
fn a_server_that_has_forgotten_the_worker_is_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(vec![short_job(folder.path())]);
    server.seen(|seen| seen.has_forgotten = true);
    let worker = Started::new(&server, folder.path(), &[]);
    until("end of the job", || server.seen(|seen| !seen.completed.is_empty()));
    assert!(worker.end("TERM").status.success());
    server.seen(|seen| assert!(!seen.has_forgotten && seen.registrations.len() > 1));
}

#[test]
fn a_worker_that_no_server_of_this_age_wants_ends_and_says_what_to_upgrade() {
    for (code, message) in [("worker_too_old", "Upgrade the packager."), ("worker_too_new", "Upgrade the key server.")]
    {
        let folder = tempfile::tempdir().unwrap();
        let server = server(vec![short_job(folder.path())]);
        server.seen(|seen| seen.refuses_workers = Some((code, message)));
        let (status, stderr) = ended(worker_command(folder.path(), &[]), &server);
        assert_eq!(status, Some(1));
        let last = stderr.lines().last().unwrap();
        assert!(last.starts_with(&format!("error[{code}]")) && last.contains(message), "{last}");
        server.seen(|seen| assert!(seen.claims.is_empty()));
    }
}

#[test]
fn a_signal_lets_the_job_under_way_end_and_takes_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(vec![short_job(folder.path()), short_job(folder.path())]);
    let worker = Started::new(&server, folder.path(), &["--grace", "60"]);
    until("claimed job", || server.seen(claimed));
    let output = worker.end("TERM");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    server.seen(|seen| {
        assert!(seen.failed.is_empty(), "{:?}", seen.failed);
        assert_eq!(seen.completed.keys().collect::<Vec<_>>(), ["job1"]);
        assert!(seen.registrations.iter().any(|one| one.leaving), "and says so");
    });
}

#[test]
fn a_job_that_was_on_its_way_when_the_signal_came_is_not_lost() {
    for (grace, completes) in [("60", true), ("0", false)] {
        let folder = tempfile::tempdir().unwrap();
        let server = server(vec![short_job(folder.path()), short_job(folder.path())]);
        server.seen(|seen| seen.slow_claims = true);
        let worker = Started::new(&server, folder.path(), &["--grace", grace]);
        until("claim", || server.seen(|seen| !seen.claims.is_empty()));
        assert_eq!(worker.end("TERM").status.code(), Some(0));
        server.seen(|seen| {
            assert_eq!(seen.completed.contains_key("job1"), completes);
            assert_eq!(
                seen.failed.get("job1").map(|failure| failure.code.as_str()),
                (!completes).then_some("interrupted")
            );
            assert_eq!(seen.requests.iter().filter(|request| request.starts_with("claim")).count(), 1);
        });
    }
}

#[test]
fn a_job_that_outlasts_the_grace_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(vec![long_job(folder.path())]);
    let worker = Started::new(&server, folder.path(), &["--grace", "1", "--cpus", "1"]);
    until("claimed job", || server.seen(claimed));
    assert_eq!(worker.end("TERM").status.code(), Some(0));
    let failure = server.seen(|seen| seen.failed["job1"].clone());
    assert_eq!((failure.code.as_str(), failure.retryable), ("interrupted", true));
}

/// As a supervisor does that ends every process of a service.
#[test]
fn a_job_whose_ffmpeg_is_ended_with_the_worker_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(vec![long_job(folder.path())]);
    let worker = Started::new(&server, folder.path(), &["--grace", "3600", "--cpus", "1"]);
    until("first segment", || server.seen(|seen| !seen.files.is_empty()));
    let ffmpegs = ffmpegs_of(worker.child.id());
    assert_eq!(ffmpegs.len(), 1);
    signal(worker.child.id(), "TERM");
    let told = server.seen(|seen| seen.registrations.len());
    until("it to leave", || server.seen(|seen| seen.registrations[told - 1..].iter().any(|one| one.leaving)));
    signal(ffmpegs[0], "TERM");
    let output = worker.child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let failure = server.seen(|seen| seen.failed["job1"].clone());
    assert_eq!((failure.code.as_str(), failure.retryable), ("interrupted", true), "{}", failure.message);
}

#[test]
fn a_second_signal_gives_the_job_back_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(vec![long_job(folder.path())]);
    let worker = Started::new(&server, folder.path(), &["--grace", "3600", "--cpus", "1"]);
    until("claimed job", || server.seen(claimed));
    signal(worker.child.id(), "TERM");
    let told = server.seen(|seen| seen.registrations.len());
    until("it to leave", || server.seen(|seen| seen.registrations[told - 1..].iter().any(|one| one.leaving)));
    assert!(runs(worker.child.id()) && server.seen(|seen| seen.failed.is_empty()), "it goes on with its job");
    assert_eq!(worker.end("TERM").status.code(), Some(0));
    assert_eq!(server.seen(|seen| seen.failed["job1"].code.clone()), "interrupted");
}

#[test]
fn a_drained_worker_finishes_its_job_and_ends_where_it_was_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(vec![short_job(folder.path()), short_job(folder.path())]);
    let mut worker = Started::new(&server, folder.path(), &["--exit-when-drained"]);
    until("claimed job", || server.seen(claimed));
    server.seen(|seen| seen.is_drained = true);
    assert_eq!(worker.child.wait().unwrap().code(), Some(0));
    server.seen(|seen| assert_eq!(seen.completed.keys().collect::<Vec<_>>(), ["job1"]));
}

#[test]
fn a_drained_worker_waits_until_it_is_wanted_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(vec![short_job(folder.path())]);
    server.seen(|seen| seen.is_drained = true);
    let worker = Started::new(&server, folder.path(), &[]);
    until("third registration", || server.seen(|seen| seen.registrations.len() > 2));
    assert!(runs(worker.child.id()));
    server.seen(|seen| assert!(seen.claims.is_empty(), "it asks for nothing"));
    server.seen(|seen| seen.is_drained = false);
    until("end of the job", || server.seen(|seen| !seen.completed.is_empty()));
    assert!(worker.end("TERM").status.success());
}

/// The trial decides, not the list: h264_nvenc is listed and fails.
#[test]
fn only_encoders_that_work_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, script: &str| {
        let programs = folder.path().join(name);
        fs::create_dir(&programs).unwrap();
        fs::write(programs.join("ffmpeg"), script).unwrap();
        fs::set_permissions(programs.join("ffmpeg"), fs::Permissions::from_mode(0o755)).unwrap();
        let server = server(Vec::new());
        server.seen(|seen| seen.is_drained = true);
        let mut command = worker_command(folder.path(), &["--exit-when-drained"]);
        command.env("PATH", &programs);
        assert_eq!(ended(command, &server).0, Some(0));
        server.seen(|seen| (seen.registrations[0].encoders.clone(), seen.registrations[0].kinds.clone()))
    };
    let script = "#!/bin/sh\ncase \"$*\" in\n*-encoders) echo ' V....D libx264 x'; echo ' V....D h264_nvenc x'; echo ' V....D h264_vaapi x';;\n\
                  *nvenc*) exit 1;;\n*qsv*) exit 0;;\n*vaapi*) case \"$*\" in *hwupload*) exit 0;; *) exit 1;; esac;;\nesac\n";
    let (encoders, kinds) = of("some", script);
    assert_eq!(encoders, ["libx264", "h264_vaapi"]);
    assert_eq!(kinds, [WorkKind::Package, WorkKind::Reencrypt]);
    let (encoders, kinds) = of("none", "#!/bin/sh\nexit 1\n");
    assert_eq!((encoders, kinds), (Vec::new(), vec![WorkKind::Reencrypt]));
}
