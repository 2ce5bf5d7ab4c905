//! What signatures with limits were used for. Decided within the transaction that opens a session or releases keys, so that
//! requests at the same moment don't slip through together.

use keyveil_protocol::{AppId, FileId, SessionId};

use super::engine::query;
use super::sessions::session_id;
use super::{EndedBy, Store, StoreError, WriteTransaction, integer, parsed};

/// The `+` keeps SQLite from going through all sessions of the application by their age.
pub(super) const SUPERSEDE: &str = "UPDATE sessions SET revoked_at = ?1, ended_by = ?2 WHERE id IN
     (SELECT id FROM sessions WHERE app_id = ?3 AND uid = ?4 AND revoked_at IS NULL AND expires_at > ?1
      ORDER BY +created_at DESC, id LIMIT 9223372036854775807 OFFSET ?5)
     RETURNING id, file_id";

impl Store {
    /// Forgets the uses of signatures that are over, and returns how many.
    pub async fn delete_signature_uses_before(&self, before: i64) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let mut count = 0;
        for statement in
            ["DELETE FROM used_signatures WHERE forget_at < ?", "DELETE FROM signature_addresses WHERE forget_at < ?"]
        {
            count += query(statement).bind(before).execute(write.connection().await?).await?.rows_affected();
        }
        write.commit().await?;
        Ok(count)
    }
}

impl WriteTransaction<'_> {
    /// Uses up a signature for one use. False when it was used before.
    pub async fn use_signature(&mut self, signature_hash: &[u8; 32], forget_at: i64) -> Result<bool, StoreError> {
        let result =
            query("INSERT INTO used_signatures (signature_hash, forget_at) VALUES (?, ?) ON CONFLICT DO NOTHING")
                .bind(signature_hash.as_slice())
                .bind(forget_at)
                .execute(self.connection().await?)
                .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Counts an address among those that use a signature. False when it is another one than the `limit` that do already.
    pub async fn use_address(
        &mut self,
        signature_hash: &[u8; 32],
        address_mac: &[u8; 32],
        limit: u64,
        forget_at: i64,
    ) -> Result<bool, StoreError> {
        let row = query(
            "SELECT count(*) AS known, count(*) FILTER (WHERE address_mac = ?2) AS is_known, coalesce(max(forget_at), 0) AS forget_at
             FROM signature_addresses WHERE signature_hash = ?1",
        )
        .bind(signature_hash.as_slice())
        .bind(address_mac.as_slice())
        .fetch_one(self.connection().await?)
        .await?;
        if row.try_get::<i64, _>("is_known")? > 0 {
            return Ok(true);
        }
        if row.try_get::<i64, _>("known")? >= integer(limit) {
            return Ok(false);
        }
        query("INSERT INTO signature_addresses (signature_hash, address_mac, forget_at) VALUES (?, ?, ?)")
            .bind(signature_hash.as_slice())
            .bind(address_mac.as_slice())
            .bind(forget_at.max(row.try_get("forget_at")?))
            .execute(self.connection().await?)
            .await?;
        Ok(true)
    }

    /// Ends a viewer's oldest sessions until there is room for one more below `limit`, and returns them.
    pub async fn supersede_sessions(
        &mut self,
        app_id: AppId,
        uid: &str,
        limit: u32,
        now: i64,
    ) -> Result<Vec<(SessionId, FileId)>, StoreError> {
        let rows = query(SUPERSEDE)
            .bind(now)
            .bind(EndedBy::Superseded.as_str())
            .bind(integer(app_id.value()))
            .bind(uid)
            .bind(limit.saturating_sub(1))
            .fetch_all(self.connection().await?)
            .await?;
        rows.iter().map(|row| Ok((session_id(row)?, parsed(row.try_get("file_id")?, "file id")?))).collect()
    }
}
