use keyveil_protocol::FileId;

use super::engine::query;
use super::{StoreError, WriteTransaction};

impl WriteTransaction<'_> {
    /// Gives a title these labels and no others. The caller marks the title as changed.
    pub async fn set_labels(&mut self, file_id: &FileId, labels: &[String]) -> Result<(), StoreError> {
        query("DELETE FROM title_labels WHERE file_id = ?")
            .bind(file_id.as_str())
            .execute(self.connection().await?)
            .await?;
        for label in labels {
            query("INSERT INTO title_labels (file_id, label) VALUES (?, ?) ON CONFLICT DO NOTHING")
                .bind(file_id.as_str())
                .bind(label)
                .execute(self.connection().await?)
                .await?;
        }
        Ok(())
    }
}
