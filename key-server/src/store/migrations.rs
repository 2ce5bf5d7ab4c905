//! The schema's history, part of the program: every file of `key-server/migrations`, in order.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// `(version, description, SQL)`, as the file is named. A file that was once released never changes.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "initial", include_str!("../../migrations/0001_initial.sql")),
    (2, "media workflow", include_str!("../../migrations/0002_media_workflow.sql")),
    (3, "library", include_str!("../../migrations/0003_library.sql")),
    (4, "job keys", include_str!("../../migrations/0004_job_keys.sql")),
    (5, "delivery", include_str!("../../migrations/0005_delivery.sql")),
    (7, "media origins", include_str!("../../migrations/0007_media_origins.sql")),
    (8, "signature limits", include_str!("../../migrations/0008_signature_limits.sql")),
    (9, "imported keys", include_str!("../../migrations/0009_imported_keys.sql")),
    (10, "levels", include_str!("../../migrations/0010_levels.sql")),
    (11, "pacing", include_str!("../../migrations/0011_pacing.sql")),
    (12, "audit head", include_str!("../../migrations/0012_audit_head.sql")),
    (13, "workers", include_str!("../../migrations/0013_workers.sql")),
    (14, "source pieces", include_str!("../../migrations/0014_source_pieces.sql")),
    (15, "rate spends", include_str!("../../migrations/0015_rate_spends.sql")),
];

/// The same for PostgreSQL, which begins with what SQLite's schema had become by then; from there on each has a file of each number.
const POSTGRES: &[(i64, &str, &str)] = &[
    (12, "initial", include_str!("../../migrations/postgres/0012_initial.sql")),
    (13, "workers", include_str!("../../migrations/postgres/0013_workers.sql")),
    (14, "source pieces", include_str!("../../migrations/postgres/0014_source_pieces.sql")),
    (15, "rate spends", include_str!("../../migrations/postgres/0015_rate_spends.sql")),
];

/// What brings a SQLite database of any earlier version up to date.
pub(super) fn sqlite() -> Migrator {
    migrator(MIGRATIONS)
}

/// What brings a database of PostgreSQL up to date. One server does it, and others that start meanwhile wait.
pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

fn migrator(migrations: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migrations = migrations.iter().map(|&(version, description, sql)| {
        Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// The version of the newest one.
pub(super) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |&(version, ..)| version)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use keyveil_protocol::{Downgrade, LevelRule, PlaybackLevel, SessionId};
    use sqlx::SqlitePool;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;
    use crate::store::Store;

    /// A file that the list forgets would be a schema that no installation gets.
    #[tokio::test]
    async fn every_file_of_the_folder_is_part_of_the_program() {
        let folder = Migrator::new(Path::new("migrations")).await.unwrap();
        let told = |migrator: &Migrator| -> Vec<_> {
            let each = migrator.iter();
            each.map(|it| (it.version, it.description.clone(), it.checksum.clone(), it.migration_type, it.no_tx))
                .collect()
        };
        assert!(!told(&folder).is_empty());
        assert_eq!(told(&sqlite()), told(&folder));
    }

    /// One that an engine lacks would be a schema of its own.
    #[tokio::test]
    async fn postgresql_has_the_same_numbers_from_its_first_one_on() {
        let folder = Migrator::new(Path::new("migrations/postgres")).await.unwrap();
        let numbers = |migrator: &Migrator| -> Vec<_> { migrator.iter().map(|it| it.version).collect() };
        assert_eq!(numbers(&postgres()), numbers(&folder));
        let since = numbers(&postgres())[0];
        assert_eq!(
            numbers(&sqlite()).into_iter().filter(|&number| number >= since).collect::<Vec<_>>(),
            numbers(&folder)
        );
    }

    /// Their players know no levels.
    #[tokio::test]
    async fn what_is_older_than_levels_gets_them() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keyveil.db");
        let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true).foreign_keys(false);
        let old = SqlitePool::connect_with(options).await.unwrap();
        let mut before = sqlite();
        before.migrations.to_mut().retain(|migration| migration.version < 10);
        before.run(&old).await.unwrap();
        let app = "INSERT INTO apps (app_id, name, max_age_secs, created_at) VALUES (7, 'app', 60, 1)";
        sqlx::query(app).execute(&old).await.unwrap();
        let ids = [[0; 16], [1; 16]];
        for (id, (mode, build_id)) in ids.iter().zip([("private", Some("b")), ("standard", None)]) {
            sqlx::query(
                "INSERT INTO sessions (id, app_id, file_id, version, mode, build_id, kid, signature_hash, max_track, created_at, expires_at,
                 url_expires_at, last_counter, last_position_ms, last_seen_at)
                 VALUES (?, 7, 'film', 1, ?, ?, 'kid', zeroblob(32), 3, 1, 2, 2, 0, 0, 1)",
            )
            .bind(id.as_slice())
            .bind(mode)
            .bind(build_id)
            .execute(&old)
            .await
            .unwrap();
        }
        old.close().await;

        let store = Store::open(&file).await.unwrap();
        assert_eq!(store.apps().await.unwrap()[0].level_rule, LevelRule::NONE);
        let mut levels = Vec::new();
        for id in ids {
            let session = store.session(&SessionId::from_bytes(id)).await.unwrap().unwrap();
            levels.push((session.level, session.downgrade));
        }
        let expected = [(PlaybackLevel::Guarded, Some(Downgrade::OldPlayer)), (PlaybackLevel::Standard, None)];
        assert_eq!(levels, expected);
    }
}
