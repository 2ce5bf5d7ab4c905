//! From where addresses with a limit of client addresses were used.

use super::engine::query;
use super::{Store, StoreError, WriteTransaction, number};

impl Store {
    /// Whether an address was used from there already.
    pub async fn is_url_address(&self, url_hash: &[u8; 32], address: &str) -> Result<bool, StoreError> {
        let row = query("SELECT 1 FROM url_addresses WHERE url_hash = ? AND address = ?")
            .bind(url_hash.as_slice())
            .bind(address)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }
}

impl WriteTransaction<'_> {
    /// From how many places an address was used.
    pub async fn count_url_addresses(&mut self, url_hash: &[u8; 32]) -> Result<u32, StoreError> {
        let row = query("SELECT count(*) FROM url_addresses WHERE url_hash = ?")
            .bind(url_hash.as_slice())
            .fetch_one(self.connection().await?)
            .await?;
        number(row.try_get(0)?, "count")
    }

    /// Notes another place, until the address is over; forgets those of addresses that are.
    pub async fn insert_url_address(
        &mut self,
        url_hash: &[u8; 32],
        address: &str,
        expires_at: i64,
        now: i64,
    ) -> Result<(), StoreError> {
        query("DELETE FROM url_addresses WHERE expires_at <= ?").bind(now).execute(self.connection().await?).await?;
        query("INSERT INTO url_addresses (url_hash, address, expires_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(url_hash.as_slice())
            .bind(address)
            .bind(expires_at)
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_dropped_without_a_commit_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("keyveil.db")).await.unwrap();
        for number in 0..100_u8 {
            let hash = [number; 32];
            let mut write = store.write().await.unwrap();
            write.insert_url_address(&hash, "192.0.2.1", 100, 1).await.unwrap();
            assert_eq!(write.count_url_addresses(&hash).await.unwrap(), 1);
            drop(write);
            assert!(!store.is_url_address(&hash, "192.0.2.1").await.unwrap(), "{number}");
        }
        let mut write = store.write().await.unwrap();
        write.insert_url_address(&[1; 32], "192.0.2.1", 100, 1).await.unwrap();
        write.commit().await.unwrap();
        assert!(store.is_url_address(&[1; 32], "192.0.2.1").await.unwrap());
    }
}
