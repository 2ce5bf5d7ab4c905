//! What a check found, and how all of it is told.

use serde::Serialize;

use crate::cli::{CliError, output};

/// How a thing stands. The order is that of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Works, and is dangerous or won't work for long.
    Warning,
    /// Does not work, or is open to others.
    Problem,
    /// Not looked at; the finding says why.
    Skipped,
}

/// One thing that was looked at. Holds no secret.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    check: &'static str,
    level: Level,
    what: String,
    /// What to do about it.
    next: Option<String>,
}

/// Everything that was found, in the order it was looked at.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

#[derive(Serialize)]
struct Counts {
    ok: usize,
    warnings: usize,
    problems: usize,
    skipped: usize,
}

#[derive(Serialize)]
struct Report<'a> {
    findings: &'a [Finding],
    counts: Counts,
}

/// Exit codes: 2 is a command line that can't be read.
const PROBLEM: u8 = 1;
const ONLY_WARNINGS: u8 = 3;

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
            Self::Skipped => "skipped",
        }
    }
}

impl Findings {
    pub(super) fn ok(&mut self, check: &'static str, what: impl Into<String>) {
        self.0.push(Finding { check, level: Level::Ok, what: what.into(), next: None });
    }

    pub(super) fn skipped(&mut self, check: &'static str, what: impl Into<String>) {
        self.0.push(Finding { check, level: Level::Skipped, what: what.into(), next: None });
    }

    pub(super) fn warning(&mut self, check: &'static str, what: impl Into<String>, next: impl Into<String>) {
        self.0.push(Finding { check, level: Level::Warning, what: what.into(), next: Some(next.into()) });
    }

    pub(super) fn problem(&mut self, check: &'static str, what: impl Into<String>, next: impl Into<String>) {
        self.0.push(Finding { check, level: Level::Problem, what: what.into(), next: Some(next.into()) });
    }

    /// Whether a check has found nothing wrong.
    pub(super) fn is_fine(&self, check: &str) -> bool {
        !self.0.iter().any(|finding| finding.check == check && matches!(finding.level, Level::Warning | Level::Problem))
    }

    /// 0 where all is well, 1 with a problem, 3 with warnings alone.
    pub(super) fn exit_code(&self) -> u8 {
        match (self.count(Level::Problem), self.count(Level::Warning)) {
            (0, 0) => 0,
            (0, _) => ONLY_WARNINGS,
            _ => PROBLEM,
        }
    }

    /// On standard output: a table for people, or one JSON object.
    pub(super) fn tell(&self, json: bool) -> Result<(), CliError> {
        if json { output::json(&Report { findings: &self.0, counts: self.counts() }) } else { self.tell_people() }
    }

    fn tell_people(&self) -> Result<(), CliError> {
        let width = self.0.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
        for Finding { check, level, what, next } in &self.0 {
            output::line(&format!("{:<7}  {check:<width$}  {what}", level.name()))?;
            if let Some(next) = next {
                output::line(&format!("{:<7}  {:<width$}  → {next}", "", ""))?;
            }
        }
        let Counts { ok, warnings, problems, skipped } = self.counts();
        output::line(&format!("\nok: {ok}, warnings: {warnings}, problems: {problems}, skipped: {skipped}"))
    }

    fn counts(&self) -> Counts {
        Counts {
            ok: self.count(Level::Ok),
            warnings: self.count(Level::Warning),
            problems: self.count(Level::Problem),
            skipped: self.count(Level::Skipped),
        }
    }

    fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|finding| finding.level == level).count()
    }
}
