//! The server's own worker: `packager worker` as a child, started again when it dies, ended with the server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::{sleep, timeout};

use crate::actions::workers;
use crate::clock::stored;
use crate::state::ServerState;

const PACKAGER: &str = "packager";
/// A worker that is told to end gives its job back first.
const STOP_TIMEOUT: Duration = Duration::from_secs(6);
const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// A worker that lived so long is started again at once.
const SOUND_AFTER: Duration = Duration::from_secs(60);
const LINE_LEN_MAX: u64 = 4096;

/// Keeps a worker running until the server is about to stop; then ends it.
pub(crate) async fn supervise(state: Arc<ServerState>, bound: SocketAddr) {
    if !state.config.workers.local {
        return;
    }
    let Some(packager) = find_packager(state.config.workers.packager.as_deref()) else {
        tracing::warn!(
            "the packager's binary was not found, so this server transcodes nothing itself: put `packager` beside key-server or on \
             the path, or set workers.packager; workers.local = false silences this"
        );
        return;
    };
    let mut backoff = BACKOFF_MIN;
    while !state.is_stopping() {
        let started = Instant::now();
        match start(&state, &packager, bound).await {
            Ok(child) => {
                let Some(status) = watch(&state, child).await else { return };
                tracing::warn!(%status, "the local worker ended; it is started again");
            }
            Err(error) => tracing::error!(%error, packager = %packager.display(), "the local worker can't be started"),
        }
        if started.elapsed() >= SOUND_AFTER {
            backoff = BACKOFF_MIN;
        }
        tokio::select! {
            () = state.stop_begun() => return,
            () = sleep(backoff) => {}
        }
        backoff = backoff.saturating_mul(2).min(BACKOFF_MAX);
    }
}

/// What was configured; else what lies beside this program; else what is on the path.
pub(crate) fn find_packager(configured: Option<&Path>) -> Option<PathBuf> {
    if let Some(path) = configured {
        // Absolute: a bare name would be looked for on the path.
        return std::path::absolute(path).ok().filter(|path| path.is_file());
    }
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(PACKAGER)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(PACKAGER));
    beside.into_iter().chain(on_path).find(|candidate| candidate.is_file())
}

async fn start(state: &ServerState, packager: &Path, bound: SocketAddr) -> Result<Child, std::io::Error> {
    let key = workers::local_key(&state.installation, stored(state.clock.now())).await;
    let key = key.map_err(std::io::Error::other)?;
    let mut command = Command::new(packager);
    command.arg("worker").arg("--server").arg(loopback_url(bound)).arg("--exit-with-parent");
    // What this machine sends to an address of its own never leaves it.
    command.arg("--insecure-http").arg("--name").arg("local");
    if state.config.workers.cpus > 0 {
        command.arg("--cpus").arg(state.config.workers.cpus.to_string());
    }
    command
        // What configures this server is not the worker's: root key and all.
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| !name.as_encoded_bytes().starts_with(b"KEYVEIL_")))
        // In the environment other users can't see it.
        .env("KEYVEIL_WORKER_TOKEN", key.expose_text())
        // By the environment: a packager of the release before knows no such options. A server that stops has no time for jobs.
        .env("KEYVEIL_WORKER_GRACE", "0")
        .env("KEYVEIL_WORKER_STATE", state.config.data.dir.join("worker"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A group of its own: Ctrl-C is for the server, which then ends the worker in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// The worker, or whoever else asks, is on this machine, however others reach the server.
pub(crate) fn loopback_url(bound: SocketAddr) -> String {
    let mut reachable = bound;
    if bound.ip().is_unspecified() {
        reachable.set_ip(match bound.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    format!("http://{reachable}")
}

/// How the worker ended by itself; none when it was ended because the server stops.
async fn watch(state: &ServerState, mut child: Child) -> Option<String> {
    tracing::info!(pid = child.id(), "the local worker runs");
    let lines = child.stderr.take().map(|stderr| tokio::spawn(pass_on(stderr)));
    let status = tokio::select! {
        ended = child.wait() => Some(ended.map_or_else(|error| error.to_string(), |status| status.to_string())),
        () = state.stop_begun() => None,
    };
    if status.is_none() {
        terminate(&mut child).await;
    }
    if let Some(lines) = lines {
        // Whatever it started may still hold the pipe.
        let _ = timeout(Duration::from_secs(1), lines).await;
    }
    status
}

async fn terminate(child: &mut Child) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    if timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
        tracing::warn!("the local worker did not end in time; it is killed");
        let _ = child.kill().await;
    }
}

/// The worker's log goes into the server's, line by line.
async fn pass_on(stderr: ChildStderr) {
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(LINE_LEN_MAX).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => tracing::info!(target: "keyveil_worker", "{}", String::from_utf8_lossy(&line).trim_end()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worker_reaches_the_server_on_this_machine() {
        for (bound, url) in [
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:8080", "http://[::1]:8080"),
            ("127.0.0.1:1", "http://127.0.0.1:1"),
            ("192.0.2.1:80", "http://192.0.2.1:80"),
        ] {
            assert_eq!(loopback_url(bound.parse().unwrap()), url);
        }
    }

    #[test]
    fn a_packager_that_was_configured_is_the_only_one_looked_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("packager");
        assert_eq!(find_packager(Some(&file)), None);
        std::fs::write(&file, "").unwrap();
        assert_eq!(find_packager(Some(&file)), Some(file));
    }
}
