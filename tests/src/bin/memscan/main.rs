//! Searches the memory of processes for AES key schedules and for given secrets, and prints what it found as JSON. It reads only:
//! nothing is stopped or altered. Who runs it must be allowed to debug the processes.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

mod needles;
mod process;
mod schedule;

use std::error::Error;
use std::fs::read_to_string;
use std::path::PathBuf;

use clap::Parser;
use serde::Deserialize;
use serde_json::{Value, json};

use needles::Needles;
use process::Chunk;
use schedule::{SCHEDULE_LEN_MAX, may_begin, schedule_at};

#[derive(Parser)]
struct Arguments {
    /// A process to read; can be given several times.
    #[arg(long = "pid", required = true)]
    pids: Vec<u32>,
    /// A JSON file: `[{"name": "…", "hex": "…"}]`.
    #[arg(long)]
    secrets: PathBuf,
}

#[derive(Deserialize)]
struct Secret {
    name: String,
    #[serde(with = "hex")]
    hex: Vec<u8>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let secrets: Vec<Secret> = serde_json::from_str(&read_to_string(&arguments.secrets)?)?;
    let needles = Needles::new(secrets.iter().map(|secret| secret.hex.as_slice()))?;
    let overlap = needles.len_max.max(SCHEDULE_LEN_MAX);
    let (mut processes, mut found) = (Vec::new(), Vec::new());
    for pid in arguments.pids {
        match process::read(pid, overlap, |chunk| search(pid, chunk, &secrets, &needles, &mut found)) {
            Ok(read) => processes
                .push(json!({ "pid": pid, "regions": read.regions, "bytes": read.bytes, "unread": read.unread })),
            Err(error) => processes.push(json!({ "pid": pid, "error": error.to_string() })),
        }
    }
    println!("{}", json!({ "processes": processes, "found": found }));
    Ok(())
}

/// A schedule's key is told only where it is one of `secrets`: others' keys are nobody's business.
fn search(pid: u32, chunk: &Chunk<'_>, secrets: &[Secret], needles: &Needles, found: &mut Vec<Value>) {
    let mut tell = |kind: &str, secret: Option<&Secret>, form: String, at: usize| {
        found.push(json!({
            "kind": kind,
            "secret": secret.map(|secret| &secret.name),
            "form": form,
            "pid": pid,
            "address": format!("{:x}", chunk.address + at as u64),
            "region": chunk.region.name,
            "offset": chunk.address + at as u64 - chunk.region.start,
        }));
    };
    needles.find(chunk.bytes, chunk.starts, |needle, at| {
        tell("secret", secrets.get(needle.secret), needle.form.to_owned(), at);
    });
    let words: Vec<u32> = chunk.bytes.as_chunks().0.iter().map(|word| u32::from_ne_bytes(*word)).collect();
    for (place, begin) in words.array_windows().enumerate().take(chunk.starts / 4) {
        if !may_begin(begin) {
            continue;
        }
        let at = 4 * place;
        let Some(schedule) = chunk.bytes.get(at..).and_then(schedule_at) else { continue };
        // A half of a longer secret is told as that secret: segment keys are kept beside their IV.
        let of_ours = secrets.iter().find(|secret| {
            schedule.key.starts_with(&secret.hex) || secret.hex.chunks(16).any(|half| half == schedule.key)
        });
        let bits = 8 * schedule.key.len();
        tell("schedule", of_ours, format!("AES-{bits} {}", schedule.form.name()), at);
    }
}
