use keyveil_protocol::UserId;

use super::engine::query;
use super::{StoreError, WriteTransaction, number};

/// Those of names that nobody has: no id is as short.
const NOBODY: &str = "";

impl WriteTransaction<'_> {
    /// Counts a failed attempt of a person, or of all names that nobody has; the count begins anew `window_secs` after its
    /// first one.
    pub async fn count_sign_in_failure(
        &mut self,
        user_id: Option<&UserId>,
        now: i64,
        window_secs: i64,
    ) -> Result<u64, StoreError> {
        let row = query(
            "INSERT INTO sign_in_failures AS failures (user_id, since, count) VALUES (?1, ?2, 1)
             ON CONFLICT (user_id) DO UPDATE SET
                count = CASE WHEN failures.since <= ?2 - ?3 THEN 1 ELSE failures.count + 1 END,
                since = CASE WHEN failures.since <= ?2 - ?3 THEN ?2 ELSE failures.since END
             RETURNING count",
        )
        .bind(user_id.map_or(NOBODY, UserId::as_str))
        .bind(now)
        .bind(window_secs)
        .fetch_one(self.connection().await?)
        .await?;
        number(row.try_get("count")?, "failed attempts")
    }

    /// Ends the count of a person who has signed in, and returns it.
    pub async fn forget_sign_in_failures(&mut self, user_id: &UserId) -> Result<u64, StoreError> {
        let row = query("DELETE FROM sign_in_failures WHERE user_id = ? RETURNING count")
            .bind(user_id.as_str())
            .fetch_optional(self.connection().await?)
            .await?;
        row.map_or(Ok(0), |row| number(row.try_get("count")?, "failed attempts"))
    }
}
