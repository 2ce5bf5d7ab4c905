use keyveil_protocol::{BuildId, ServerKeyId};

use super::engine::{Row, query};
use super::{ServerKeyRow, Store, StoreError, WriteTransaction, parsed};

/// One SDK build.
#[derive(Clone, Debug)]
pub struct SdkBuildRow {
    /// Its id.
    pub id: BuildId,
    /// The secret written into it, wrapped.
    pub secret_ciphertext: Vec<u8>,
    /// When it was made.
    pub created_at: i64,
    /// When it stopped being accepted.
    pub retired_at: Option<i64>,
}

/// What sessions say of a build.
#[derive(Clone, Debug)]
pub struct SdkBuildUse {
    /// The build.
    pub id: BuildId,
    /// When keys were last released to a player of it.
    pub last_used_at: i64,
    /// Sessions that run.
    pub sessions: i64,
}

impl SdkBuildRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(row.try_get("id")?, "build id")?,
            secret_ciphertext: row.try_get("secret_ciphertext")?,
            created_at: row.try_get("created_at")?,
            retired_at: row.try_get("retired_at")?,
        })
    }
}

impl Store {
    /// All SDK builds, newest first.
    pub async fn sdk_builds(&self) -> Result<Vec<SdkBuildRow>, StoreError> {
        let rows = query("SELECT * FROM sdk_builds ORDER BY seq DESC").fetch_all(&self.pool).await?;
        rows.iter().map(SdkBuildRow::from_row).collect()
    }

    /// By whom builds were used of late: sessions are kept for a while after their end, and what no session names is not here.
    pub async fn sdk_build_uses(&self, now: i64) -> Result<Vec<SdkBuildUse>, StoreError> {
        let rows = query(
            "SELECT build_id, MAX(last_seen_at), COUNT(*) FILTER (WHERE expires_at > ? AND revoked_at IS NULL)
             FROM sessions WHERE build_id IS NOT NULL GROUP BY build_id",
        )
        .bind(now)
        .fetch_all(&self.pool)
        .await?;
        let of_row = |row: &Row| {
            let (last_used_at, sessions) = (row.try_get(1)?, row.try_get(2)?);
            Ok(SdkBuildUse { id: parsed(row.try_get(0)?, "build id")?, last_used_at, sessions })
        };
        rows.iter().map(of_row).collect()
    }

    /// A build that is still accepted.
    pub async fn active_sdk_build(&self, id: &BuildId) -> Result<Option<SdkBuildRow>, StoreError> {
        let row = query("SELECT * FROM sdk_builds WHERE id = ? AND retired_at IS NULL")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(SdkBuildRow::from_row).transpose()
    }

    /// The server keys in use that a build pins, newest first.
    pub async fn pinned_server_keys(&self, id: &BuildId) -> Result<Vec<ServerKeyRow>, StoreError> {
        let rows = query(
            "SELECT k.* FROM server_keys k JOIN sdk_build_server_keys p ON p.server_key_id = k.id
             WHERE p.build_id = ? AND k.retired_at IS NULL ORDER BY k.seq DESC",
        )
        .bind(id.as_str())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(ServerKeyRow::from_row).collect()
    }
}

impl WriteTransaction<'_> {
    /// Keeps a new build and the server keys it pins.
    pub async fn insert_sdk_build(&mut self, build: &SdkBuildRow, pinned: &[ServerKeyId]) -> Result<(), StoreError> {
        query("INSERT INTO sdk_builds (id, secret_ciphertext, created_at) VALUES (?, ?, ?)")
            .bind(build.id.as_str())
            .bind(build.secret_ciphertext.as_slice())
            .bind(build.created_at)
            .execute(self.connection().await?)
            .await?;
        for server_key_id in pinned {
            query("INSERT INTO sdk_build_server_keys (build_id, server_key_id) VALUES (?, ?)")
                .bind(build.id.as_str())
                .bind(server_key_id.as_str())
                .execute(self.connection().await?)
                .await?;
        }
        Ok(())
    }

    /// Stops accepting a build. False when there is no such active build.
    pub async fn retire_sdk_build(&mut self, id: &BuildId, now: i64) -> Result<bool, StoreError> {
        let result = query("UPDATE sdk_builds SET retired_at = ? WHERE id = ? AND retired_at IS NULL")
            .bind(now)
            .bind(id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Accepted builds that pin no server key in use: their players can be served no more.
    pub async fn builds_without_server_key(&mut self) -> Result<Vec<BuildId>, StoreError> {
        let rows = query(
            "SELECT id FROM sdk_builds b WHERE retired_at IS NULL AND NOT EXISTS
             (SELECT 1 FROM sdk_build_server_keys p JOIN server_keys k ON k.id = p.server_key_id
              WHERE p.build_id = b.id AND k.retired_at IS NULL)",
        )
        .fetch_all(self.connection().await?)
        .await?;
        rows.iter().map(|row| parsed(row.try_get("id")?, "build id")).collect()
    }
}
