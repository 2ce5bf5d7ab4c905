//! Jobs: claimed, held, done.

mod claim;
mod complete;
mod fleet;
mod lease;
mod list;
mod local_worker;
mod versions;

use std::collections::BTreeSet;
use std::path::Path;

use keyveil_key_server::actions::workers;
use keyveil_key_server::store::{JobKind, NewJob, TitleState};
use keyveil_protocol::job::JobWork;
use keyveil_protocol::workflow::{Publish, WorkflowSettings};
use serde_json::{Value, json};

use crate::support::{Claimed, FILES, FakeWorker, TITLE, TestApp, media};

const SOURCE: &[u8] = b"not really a video, but every byte of it counts";
const LEASE_SECS: i64 = 30;

fn settings() -> WorkflowSettings {
    WorkflowSettings::default()
}

/// A title whose job has been claimed.
fn claimed(app: &TestApp, worker: &FakeWorker, file_id: &str) -> (String, Claimed) {
    let job_id = app.queue(file_id, SOURCE, settings());
    let claimed = worker.claim(app).expect("a job");
    assert_eq!(claimed.id(), job_id);
    (job_id, claimed)
}

/// Lets a lease run out and waits until the server has noticed.
fn lapse(app: &TestApp, job_id: &str) {
    app.clock.advance(LEASE_SECS + 1);
    app.until("the lease runs out", || app.job(job_id)["state"] != "running");
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path.display().to_string()) }
    }
    files
}
