use futures_util::TryStreamExt;
use keyveil_protocol::SessionId;

use super::engine::query;
use super::{Store, StoreError};

/// Rows of one session that are read; one in about a minute of playback is usual.
const ROWS_MAX: u32 = 100_000;

impl Store {
    /// Calls `each` with the detail (JSON) of every release of keys to a session, in their order.
    pub async fn each_release_to(
        &self,
        id: &SessionId,
        mut each: impl FnMut(&str) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut rows = query(
            "SELECT detail FROM audit WHERE session_id = ? AND kind IN ('session_started', 'keys_released')
             ORDER BY seq LIMIT ?",
        )
        .bind(id.to_string())
        .bind(ROWS_MAX)
        .fetch(&self.pool);
        while let Some(row) = rows.try_next().await? {
            each(row.try_get("detail")?)?;
        }
        Ok(())
    }
}
