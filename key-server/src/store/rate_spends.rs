//! What servers tell each other of rates. Counters are of this minute: nothing of it has to outlive a crash.

use super::engine::{Pool, query};
use super::{Store, StoreError, number};

/// Of one statement.
const ROWS_MAX: usize = 500;

/// Units of a counter that were spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RateSpend {
    pub(crate) counters: String,
    pub(crate) bucket: u64,
    pub(crate) spent: i64,
}

impl Store {
    /// Whether other servers work over this database.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self.pool, Pool::Postgres(_))
    }

    /// Adds what was spent to what others have, and answers the sums of these counters for the slot. Slots before the last one are
    /// forgotten.
    pub(crate) async fn exchange_rates(
        &self,
        slot: i64,
        mut spent: Vec<RateSpend>,
    ) -> Result<Vec<RateSpend>, StoreError> {
        // In one order at every server, so that they never wait for each other in a circle.
        spent.sort_unstable_by(|one, other| (&one.counters, one.bucket).cmp(&(&other.counters, other.bucket)));
        let mut sums = Vec::with_capacity(spent.len());
        for rows in spent.chunks(ROWS_MAX) {
            let mut add = query("INSERT INTO rate_spends (slot, counters, bucket, spent) VALUES ");
            for (place, row) in rows.iter().enumerate() {
                add.push(if place == 0 { "(" } else { ", (" }).push_bind(slot);
                add.push(", ").push_bind(&row.counters);
                add.push(", ").push_bind(super::integer(row.bucket));
                add.push(", ").push_bind(row.spent).push(")");
            }
            add.push(" ON CONFLICT (slot, counters, bucket) DO UPDATE SET spent = rate_spends.spent + excluded.spent");
            add.push(" RETURNING counters, bucket, spent");
            for row in add.fetch_all(&self.pool).await? {
                let bucket = number(row.try_get("bucket")?, "bucket")?;
                sums.push(RateSpend { counters: row.try_get("counters")?, bucket, spent: row.try_get("spent")? });
            }
        }
        if !spent.is_empty() {
            query("DELETE FROM rate_spends WHERE slot < ?").bind(slot - 1).execute(&self.pool).await?;
        }
        Ok(sums)
    }
}
