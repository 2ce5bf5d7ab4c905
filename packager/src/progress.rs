//! What a run tells while it works: a bar on a terminal, plain lines elsewhere, JSON lines for programs.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use keyveil_protocol::job::JobStage;
use serde::Serialize;

use crate::{error::PackError, packed::Packed};

/// Plain lines come at each tenth, and in between at most this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);
/// JSON lines come at most this often.
const JSON_INTERVAL: Duration = Duration::from_millis(500);
/// Steps of the bar: tenths of a percent.
const BAR_STEPS: f64 = 1000.0;

/// Something worth telling. In JSON, the variant's name is `event`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// The plan stands.
    Started { file_id: String, renditions: Vec<String>, duration_secs: Option<f64> },
    /// Encoding goes on. `speed` is in multiples of playing time.
    Progress { percent: Option<f64>, speed: Option<f64>, left_secs: Option<u64> },
    /// The upload begins, or goes on at an offset above 0.
    Uploading { file_id: String, offset: u64, size_bytes: u64 },
    /// What the server does with the title meanwhile.
    Title { file_id: String, state: String, percent: Option<f64>, left_secs: Option<u64> },
    /// The last line of a successful upload; the title's state when it was waited for.
    Uploaded { file_id: String, state: Option<String> },
    /// The key server did not answer; the request is sent again.
    Retry { what: String, reason: String, wait_ms: u64 },
    /// Something the user should know.
    Warning { message: String },
    /// The last line of a success.
    Done { file_id: String, out: String, published: bool },
    /// The last line of a failure.
    Error { code: String, message: String },
}

impl Event {
    /// The end of a success.
    pub fn done(packed: &Packed) -> Self {
        let out = packed.folder.display().to_string();
        Self::Done { file_id: packed.file_id.to_string(), out, published: packed.published }
    }

    /// The end of a failure.
    pub fn error(error: &PackError) -> Self {
        Self::Error { code: error.code().to_owned(), message: error.to_string() }
    }
}

/// Takes events; called from async code, so it must not block for long.
pub trait Report: Send + Sync {
    /// Takes one event.
    fn report(&self, event: &Event);

    /// Takes a new stage; only a worker's server wants to know.
    fn stage(&self, _stage: JobStage) {}
}

/// How `--progress` shows events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Style {
    /// A bar on a terminal, plain lines otherwise.
    Auto,
    /// Plain lines.
    Plain,
    /// One JSON object per line on standard output.
    Json,
}

impl Style {
    /// The reporter for this style; `verb` is what goes on, for example `packing`.
    pub fn reporter(self, verb: &'static str) -> Box<dyn Report> {
        match self {
            Self::Json => Box::new(JsonLines { last: Mutex::new(None) }),
            Self::Auto if io::stderr().is_terminal() => Box::new(Bar::new(verb)),
            Self::Auto | Self::Plain => Box::new(PlainLines { verb, last: Mutex::new((None, -1)) }),
        }
    }
}

struct JsonLines {
    last: Mutex<Option<Instant>>,
}

impl Report for JsonLines {
    fn report(&self, event: &Event) {
        if matches!(event, Event::Progress { .. }) {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| last.elapsed() < JSON_INTERVAL) {
                return;
            }
            *last = Some(Instant::now());
        }
        if let Ok(line) = serde_json::to_string(event) {
            // A reader that went away must not fail the run.
            let _ = writeln!(io::stdout(), "{line}");
        }
    }
}

struct PlainLines {
    verb: &'static str,
    /// When the last progress line was written, and the tenth it was in.
    last: Mutex<(Option<Instant>, i64)>,
}

impl Report for PlainLines {
    fn report(&self, event: &Event) {
        if let Event::Progress { percent, .. } = event {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let tenth = percent.map_or(last.1, |percent| (percent / 10.0) as i64);
            if tenth == last.1 && last.0.is_some_and(|at| at.elapsed() < PLAIN_INTERVAL) {
                return;
            }
            *last = (Some(Instant::now()), tenth);
        }
        say(self.verb, event, |line| {
            let _ = writeln!(io::stderr(), "{line}");
        });
    }
}

struct Bar {
    verb: &'static str,
    bar: ProgressBar,
}

impl Bar {
    fn new(verb: &'static str) -> Self {
        let bar = ProgressBar::new(BAR_STEPS as u64);
        // A constant template: a mistake in it would only cost the bar its looks.
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:32}] {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(verb);
        Self { verb, bar }
    }
}

impl Report for Bar {
    fn report(&self, event: &Event) {
        match event {
            Event::Progress { percent, speed, left_secs } => {
                self.bar.set_position((percent.unwrap_or(0.0) / 100.0 * BAR_STEPS) as u64);
                self.bar.set_message(progress_text(*percent, *speed, *left_secs));
            }
            Event::Done { .. } | Event::Uploaded { .. } | Event::Error { .. } => {
                self.bar.finish_and_clear();
                say(self.verb, event, |line| {
                    let _ = writeln!(io::stderr(), "{line}");
                });
            }
            _ => say(self.verb, event, |line| self.bar.println(line)),
        }
    }
}

/// Writes an event as a line for people. The end of a success goes to standard output; the end of a failure is written
/// by the caller for every style.
fn say(verb: &str, event: &Event, to_stderr: impl FnOnce(String)) {
    match event {
        Event::Started { file_id, renditions, .. } => {
            to_stderr(format!("packing {file_id}: {}", renditions.join(", ")));
        }
        Event::Progress { percent, speed, left_secs } => {
            to_stderr(format!("{verb} {}", progress_text(*percent, *speed, *left_secs)));
        }
        Event::Retry { what, reason, wait_ms } => {
            to_stderr(format!("{what} failed ({reason}); trying again in {:.1} s", *wait_ms as f64 / 1000.0));
        }
        Event::Uploading { file_id, offset: 0, .. } => to_stderr(format!("uploading {file_id}")),
        Event::Uploading { file_id, offset, size_bytes } => {
            to_stderr(format!("uploading {file_id}: going on at byte {offset} of {size_bytes}"));
        }
        Event::Title { state, percent, left_secs, .. } => {
            let text = percent.map(|percent| format!(" {}", progress_text(Some(percent), None, *left_secs)));
            to_stderr(format!("the title is {state}{}", text.unwrap_or_default()));
        }
        Event::Uploaded { file_id, state } => {
            let what = state.as_ref().map_or(String::new(), |state| format!("; the title is {state}"));
            let _ = writeln!(io::stdout(), "uploaded {file_id}{what}");
        }
        Event::Warning { message } => to_stderr(format!("warning: {message}")),
        Event::Done { file_id, out, published } => {
            let what = if *published { "packed and published" } else { "packed" };
            let _ = writeln!(io::stdout(), "{what} {file_id} in {out}");
        }
        Event::Error { .. } => {}
    }
}

fn progress_text(percent: Option<f64>, speed: Option<f64>, left_secs: Option<u64>) -> String {
    let mut parts = vec![percent.map_or("length unknown".into(), |percent| format!("{percent:.1} %"))];
    parts.extend(speed.map(|speed| format!("speed {speed:.1}x")));
    parts.extend(left_secs.map(|secs| format!("{}:{:02}:{:02} left", secs / 3600, secs / 60 % 60, secs % 60)));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_events_have_stable_names() {
        let done = Event::Done { file_id: "f".into(), out: "/o/f".into(), published: true };
        let json = serde_json::to_string(&done).unwrap();
        assert_eq!(json, r#"{"event":"done","fileId":"f","out":"/o/f","published":true}"#);
        let progress = Event::Progress { percent: Some(12.5), speed: None, left_secs: Some(3) };
        let json = serde_json::to_string(&progress).unwrap();
        assert_eq!(json, r#"{"event":"progress","percent":12.5,"speed":null,"leftSecs":3}"#);
    }

    #[test]
    fn progress_text_has_percent_speed_and_time_left() {
        assert_eq!(progress_text(Some(50.0), Some(2.04), Some(3725)), "50.0 %, speed 2.0x, 1:02:05 left");
        assert_eq!(progress_text(None, None, None), "length unknown");
    }
}
