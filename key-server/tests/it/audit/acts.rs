//! Runs each act twice: with a log that refuses its row, and with one that takes it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::database::Database;
use crate::support::{Request, Response, TestApp};

pub(super) struct Acts<'a> {
    pub(super) app: &'a TestApp,
    database: Database<'a>,
    seen: RefCell<BTreeSet<String>>,
}

impl<'a> Acts<'a> {
    pub(super) fn of(app: &'a TestApp) -> Self {
        Self { app, database: Database::of(app), seen: RefCell::default() }
    }

    /// Kinds that have been shown.
    pub(super) fn seen(&self) -> BTreeSet<String> {
        self.seen.borrow().clone()
    }

    /// What can't be logged does not happen: everything is as it was. The same act succeeds then, and is logged.
    #[track_caller]
    pub(super) fn act<T, E>(&self, kind: &str, act: impl Fn() -> Result<T, E>) -> T {
        let before = self.database.everything();
        self.database.refuse(&format!("NEW.kind = '{kind}'"));
        assert!(act().is_err(), "{kind}: refused");
        self.database.take();
        let after = self.database.everything();
        let is_in_one = |row: &&String| !before.contains(row) || !after.contains(row);
        let changed: Vec<&String> = before.iter().chain(&after).filter(is_in_one).collect();
        assert!(changed.is_empty(), "{kind}: {changed:#?}");
        let logged = || self.database.rows().iter().filter(|row| row.kind == kind).count();
        let rows = logged();
        let done = act().unwrap_or_else(|_| panic!("{kind}: succeeds"));
        assert!(logged() > rows, "{kind}: logged");
        self.seen.borrow_mut().insert(kind.to_owned());
        done
    }

    /// With the application's API key.
    #[track_caller]
    pub(super) fn ask(&self, kind: &str, method: &str, path: &str, body: &Value) -> Response {
        self.send(kind, || self.app.authorized(method, path).json(body.to_string()))
    }

    #[track_caller]
    pub(super) fn send(&self, kind: &str, request: impl Fn() -> Request) -> Response {
        self.act(kind, || answered(request().send()))
    }
}

/// A refusal of the request itself would show nothing.
pub(super) fn answered(response: Response) -> Result<Response, ()> {
    match response.status {
        200..300 => Ok(response),
        500.. => Err(()),
        _ => panic!("{}", response.text()),
    }
}
