//! The binary itself, as an operator runs it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::database_variable;

/// `key-server` over a data folder, on a free port.
pub(crate) fn command(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_key-server"));
    command
        .args(args)
        .env("KEYVEIL_DATA", data)
        .env("KEYVEIL_LISTEN", "127.0.0.1:0")
        .env("KEYVEIL_WORKERS_LOCAL", "false")
        .envs(database_variable(data))
        .current_dir(data.parent().unwrap());
    command
}

/// A running server; killed when dropped.
pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Served {
    pub(crate) fn start(data: &Path, log: &Path, filter: &str) -> Self {
        Self::start_with(data, log, &[("KEYVEIL_LOG_FILTER", filter)])
    }

    /// With these variables besides.
    pub(crate) fn start_with(data: &Path, log: &Path, variables: &[(&str, &str)]) -> Self {
        let mut child = command(data, &["serve"])
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening: http://").expect("the line").to_owned();
        Self { child, address }
    }

    pub(crate) fn terminate(&mut self) -> Duration {
        let started = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        started.elapsed()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
