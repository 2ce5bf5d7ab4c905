//! How often a session of a standard title has asked for keys.

use keyveil_protocol::SessionId;
use sqlx::Row;

use super::{StoreError, WriteTransaction, integer, number};

impl WriteTransaction<'_> {
    /// Counts a release to a session that has neither ended nor used up its `uses_max`, and returns which one it is. Nothing
    /// when it has. `position_ms`: where playback must be, as far as the key tells.
    pub async fn use_session(
        &mut self,
        id: &SessionId,
        uses_max: u64,
        position_ms: Option<u64>,
        now: i64,
    ) -> Result<Option<u64>, StoreError> {
        let row = sqlx::query(
            "UPDATE sessions SET releases = releases + 1, last_seen_at = ?1,
             last_position_ms = coalesce(?2, last_position_ms)
             WHERE id = ?3 AND releases < ?4 AND revoked_at IS NULL AND expires_at > ?1 RETURNING releases",
        )
        .bind(now)
        .bind(position_ms.map(integer))
        .bind(id.as_bytes().as_slice())
        .bind(integer(uses_max))
        .fetch_optional(self.connection().await?)
        .await?;
        row.map(|row| number(row.try_get("releases")?, "releases")).transpose()
    }
}
