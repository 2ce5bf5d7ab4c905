use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use sqlx::postgres::PgConnectOptions;

/// `[database]`: where the state lies.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgres://user@host/database`. A SQLite database in the data folder when absent.
    pub url: Option<DatabaseUrl>,
    /// Nobody has to set this.
    #[serde(skip)]
    pub looks: LookIntervals,
}

/// How often a server looks for what others have written, if it does not hear of it: so late it knows of that at most.
#[derive(Clone, Copy, Debug)]
pub struct LookIntervals {
    /// For streams of changes.
    pub changes: Duration,
    /// For each worker that waits for a job.
    pub jobs: Duration,
}

impl Default for LookIntervals {
    fn default() -> Self {
        Self { changes: Duration::from_millis(250), jobs: Duration::from_secs(1) }
    }
}

/// A database of a PostgreSQL server. Its password may also stand in `PGPASSWORD`, or in the file that `PGPASSFILE` names.
#[derive(Clone)]
pub struct DatabaseUrl(Box<PgConnectOptions>);

impl DatabaseUrl {
    /// How to connect.
    #[must_use]
    pub fn options(&self) -> &PgConnectOptions {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    /// Reads the URL, whose words are not repeated in an error: there may be a password among them.
    fn from_str(text: &str) -> Result<Self, String> {
        let unfit = || "database.url must be postgres://user@host:port/database".to_owned();
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(unfit());
        }
        let options = PgConnectOptions::from_str(text).map_err(|_| unfit())?;
        if options.get_database().is_none() { Err(unfit()) } else { Ok(Self(Box::new(options))) }
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(options) = self;
        let database = options.get_database().unwrap_or_default();
        write!(f, "postgres://{}:{}/{database}", options.get_host(), options.get_port())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_user_and_password() {
        let url: DatabaseUrl =
            "postgres://keyveil:hunter2@db.example.com:5433/keyveil?sslmode=require".parse().unwrap();
        for shown in [format!("{url}"), format!("{url:?}")] {
            assert_eq!(shown, "postgres://db.example.com:5433/keyveil");
        }
    }

    #[test]
    fn what_is_no_database_of_postgresql_is_refused_without_repeating_it() {
        for text in
            ["", "keyveil.db", "mysql://hunter2@host/db", "postgres://user:hunter2@host", "postgres://:hunter2@:x/db"]
        {
            let error = text.parse::<DatabaseUrl>().unwrap_err();
            assert!(error.contains("postgres://user@host") && !error.contains("hunter2"), "{text}: {error}");
        }
    }
}
