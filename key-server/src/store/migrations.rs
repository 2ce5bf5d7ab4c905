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
    (11, "pacing", include_str!("../../migrations/0011_pacing.sql")),
];

/// What brings a database of any earlier version up to date.
pub(super) fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|&(version, description, sql)| {
        Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

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
        assert_eq!(told(&migrator()), told(&folder));
    }
}
