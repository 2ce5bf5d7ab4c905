//! Answers to creates, for repetitions of one `Idempotency-Key`.

use super::engine::query;
use super::{Store, StoreError, number};

/// How long an answer is kept.
const KEPT_SECS: i64 = 24 * 3600;
/// Whoever has not answered after this is taken for dead.
const ABANDONED_SECS: i64 = 60;
/// The status of a row whose request is still being worked on.
const IN_WORK: i64 = 0;

/// One use of a key: who, which key, for which request.
#[derive(Clone, Debug)]
pub struct IdempotencyUse {
    /// An API key or a person.
    pub actor: String,
    /// The key.
    pub key: String,
    /// SHA-256 over what was asked.
    pub request_hash: [u8; 32],
    /// When it was asked.
    pub at: i64,
}

/// What is known of a key.
#[derive(Clone, Debug)]
pub enum IdempotencyState {
    /// Nothing: it was taken for this request just now.
    Taken,
    /// The same request is being worked on.
    InWork,
    /// The same request was answered.
    Answered {
        /// HTTP status.
        status: u16,
        /// The sealed answer.
        body_ciphertext: Vec<u8>,
    },
    /// It was used for another request.
    OtherRequest,
}

impl Store {
    /// Takes a key, or says what it was used for. Of two at once, over however many servers, one takes it.
    pub async fn take_idempotency_key(&self, used: &IdempotencyUse) -> Result<IdempotencyState, StoreError> {
        let mut write = self.write().await?;
        query(
            "DELETE FROM idempotency WHERE actor = ?1 AND key = ?2
             AND (created_at <= ?3 - ?4 OR (status = ?5 AND created_at <= ?3 - ?6))",
        )
        .bind(&used.actor)
        .bind(&used.key)
        .bind(used.at)
        .bind(KEPT_SECS)
        .bind(IN_WORK)
        .bind(ABANDONED_SECS)
        .execute(write.connection().await?)
        .await?;
        let inserted = query(
            "INSERT INTO idempotency (actor, key, request_hash, status, body_ciphertext, created_at)
             VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (actor, key) DO NOTHING",
        )
        .bind(&used.actor)
        .bind(&used.key)
        .bind(used.request_hash.as_slice())
        .bind(IN_WORK)
        .bind([].as_slice())
        .bind(used.at)
        .execute(write.connection().await?)
        .await?;
        if inserted.rows_affected() == 1 {
            write.commit().await?;
            return Ok(IdempotencyState::Taken);
        }
        let row = query("SELECT request_hash, status, body_ciphertext FROM idempotency WHERE actor = ? AND key = ?")
            .bind(&used.actor)
            .bind(&used.key)
            .fetch_one(write.connection().await?)
            .await?;
        let request_hash: Vec<u8> = row.try_get("request_hash")?;
        let status: i64 = row.try_get("status")?;
        if request_hash != used.request_hash {
            return Ok(IdempotencyState::OtherRequest);
        }
        if status == IN_WORK {
            return Ok(IdempotencyState::InWork);
        }
        let status = number(status, "status")?;
        Ok(IdempotencyState::Answered { status, body_ciphertext: row.try_get("body_ciphertext")? })
    }

    /// Keeps the answer to a request that took its key.
    pub async fn answer_idempotency_key(
        &self,
        used: &IdempotencyUse,
        status: u16,
        body_ciphertext: &[u8],
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        query(
            "UPDATE idempotency SET status = ?, body_ciphertext = ?
             WHERE actor = ? AND key = ? AND status = ? AND created_at = ?",
        )
        .bind(i64::from(status))
        .bind(body_ciphertext)
        .bind(&used.actor)
        .bind(&used.key)
        .bind(IN_WORK)
        .bind(used.at)
        .execute(write.connection().await?)
        .await?;
        write.commit().await
    }

    /// Gives a key back: its request was refused and may be corrected.
    pub async fn release_idempotency_key(&self, used: &IdempotencyUse) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        query("DELETE FROM idempotency WHERE actor = ? AND key = ? AND status = ? AND created_at = ?")
            .bind(&used.actor)
            .bind(&used.key)
            .bind(IN_WORK)
            .bind(used.at)
            .execute(write.connection().await?)
            .await?;
        write.commit().await
    }

    /// Forgets answers that are too old to be asked for.
    pub async fn delete_idempotency_keys(&self, now: i64) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let result = query("DELETE FROM idempotency WHERE created_at <= ?")
            .bind(now.saturating_sub(KEPT_SECS))
            .execute(write.connection().await?)
            .await?;
        write.commit().await?;
        Ok(result.rows_affected())
    }
}
