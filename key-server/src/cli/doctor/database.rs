//! The database: whether it can be read, is whole, and has the schema of this program.

use super::finding::Findings;
use crate::config::Config;
use crate::installation::open_store;
use crate::store::{Health, Store, StoreError};

const CHECK: &str = "database";
/// Far above where SQLite empties it: somebody reads for hours, or nobody does it.
const LOG_LEN_MAX: u64 = 1 << 30;
/// Between this machine's clock and the database's, or the newest row of the audit log.
const CLOCK_SECS_MAX: i64 = 5;

/// Opens the database when that changes nothing of it.
pub(super) async fn look(config: &Config, findings: &mut Findings) -> Option<Store> {
    if let Some(url) = &config.database.url {
        let health = Health::of_postgres(url.options()).await;
        return open_healthy(
            config,
            health,
            &url.to_string(),
            "see that its server runs, and that this user may connect to it",
            findings,
        )
        .await;
    }
    let file = config.database_file();
    if !file.exists() {
        let what = format!("there is none yet: {}", file.display());
        findings.warning(
            CHECK,
            what,
            "run `key-server init`, or start the server; or name the right folder as data.dir",
        );
        return None;
    }
    let next = "run as the server's user; where the file is damaged, stop the server and restore its backup";
    open_healthy(config, Health::of(&file).await, &file.display().to_string(), next, findings).await
}

async fn open_healthy(
    config: &Config,
    health: Result<Health, StoreError>,
    name: &str,
    next: &'static str,
    findings: &mut Findings,
) -> Option<Store> {
    let health = health.inspect_err(|error| findings.problem(CHECK, format!("{name}: {error}"), next)).ok()?;
    judge(&health, findings);
    // What opens it otherwise would migrate it; and what else there is to look at would make a data folder that is missing.
    if health.schema != health.schema_known || !health.faults.is_empty() || !config.data.dir.exists() {
        return None;
    }
    open_store(config).await.inspect_err(|error| findings.problem(CHECK, error.to_string(), next)).ok()
}

fn judge(health: &Health, findings: &mut Findings) {
    for fault in &health.faults {
        let next = "stop the server, keep a copy of keyveil.db and keyveil.db-wal, and restore the last backup";
        findings.problem(CHECK, format!("damaged: {fault}"), next);
    }
    let (schema, known) = (health.schema, health.schema_known);
    if schema > known {
        let what = format!("its schema is {schema}, and this program knows {known}: a newer program has been here");
        findings.problem(CHECK, what, "run that newer version; there is no way back but a backup from before it");
    } else if schema < known {
        let what = format!("its schema is {schema} and becomes {known} at this program's next start");
        findings.warning(CHECK, what, "make a backup, then run `key-server init` or start the server (docs/DEPLOY.md)");
    }
    if health.log_len > LOG_LEN_MAX {
        let what = format!("its write-ahead log has grown to {} MiB", health.log_len >> 20);
        findings.warning(
            CHECK,
            what,
            "look for a program that holds a reading transaction open, a backup for example; restart the server",
        );
    }
    clock(health, findings);
    if findings.is_fine(CHECK) {
        findings
            .ok(CHECK, format!("{}, schema {schema}, whole; {} KiB in its log", health.engine, health.log_len >> 10));
    }
}

/// Sessions, leases and the audit log go by it.
fn clock(health: &Health, findings: &mut Findings) {
    let now = crate::clock::stored(crate::clock::Clock::default().now());
    if (health.now - now).abs() > CLOCK_SECS_MAX {
        let what = format!("its clock is {} s apart from this machine's", health.now - now);
        findings.problem(CHECK, what, "synchronise both machines by NTP");
    }
    let ahead = health.newest_audit_at.map_or(0, |at| at - now);
    if ahead > CLOCK_SECS_MAX {
        let what = format!("the newest row of the audit log is {ahead} s in the future: a clock was, or is, wrong");
        findings.warning(CHECK, what, "synchronise this machine and every replica by NTP");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SQLite's clock is this machine's; another engine's need not be.
    #[test]
    fn a_database_whose_clock_differs_is_a_problem() {
        let now = crate::clock::stored(crate::clock::Clock::default().now());
        for (apart, exit_code) in [(0, 0), (-4, 0), (-60, 1), (60, 1)] {
            let health = Health {
                engine: "SQLite".to_owned(),
                schema: 1,
                schema_known: 1,
                faults: Vec::new(),
                log_len: 0,
                now: now + apart,
                newest_audit_at: None,
            };
            let mut findings = Findings::default();
            judge(&health, &mut findings);
            assert_eq!(findings.exit_code(), exit_code, "{apart}");
        }
    }
}
