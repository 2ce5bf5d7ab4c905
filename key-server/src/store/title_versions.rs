use keyveil_protocol::FileId;

use super::engine::{Row, query};
use super::{Store, StoreError, WriteTransaction, integer, number, parsed};

/// One encryption of a title.
#[derive(Clone, Debug)]
pub struct TitleVersion {
    /// The title.
    pub file_id: FileId,
    /// From 1.
    pub version: u32,
    /// Its secret, wrapped; none for clear titles.
    pub secret_ciphertext: Option<Vec<u8>>,
    /// The public key of the packager's run that holds the secret.
    pub public_key: String,
    /// What was made, as JSON; set once it is committed.
    pub publication: Option<String>,
    /// The cover, relative to the media folder.
    pub cover: Option<String>,
    /// The WebVTT file of sprites, relative to the media folder.
    pub sprites: Option<String>,
    /// The media's length.
    pub stored_bytes: Option<u64>,
    /// When its run began.
    pub created_at: i64,
    /// When it was committed.
    pub committed_at: Option<i64>,
}

/// What a finished run leaves.
#[derive(Clone, Debug)]
pub struct Publication {
    /// MediaInfo as JSON.
    pub media: String,
    /// The cover, relative to the media folder.
    pub cover: Option<String>,
    /// The WebVTT file of sprites, relative to the media folder.
    pub sprites: Option<String>,
    /// The media's length, where the server stored it itself.
    pub stored_bytes: Option<u64>,
}

pub(super) const SELECT: &str = "SELECT * FROM title_versions WHERE file_id = ? AND version = ?";

impl Store {
    /// One version of a title, committed or not.
    pub async fn title_version(&self, file_id: &FileId, version: u32) -> Result<Option<TitleVersion>, StoreError> {
        let query = query(SELECT);
        let row = self.first_row(query.bind(file_id.as_str()).bind(version)).await?;
        row.as_ref().map(version_from_row).transpose()
    }

    /// Every version of a title that is still kept, newest first.
    pub async fn title_versions(&self, file_id: &FileId) -> Result<Vec<TitleVersion>, StoreError> {
        let rows = query("SELECT * FROM title_versions WHERE file_id = ? ORDER BY version DESC")
            .bind(file_id.as_str())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(version_from_row).collect()
    }
}

impl WriteTransaction<'_> {
    /// One version of a title, as this transaction sees it.
    pub async fn title_version(&mut self, file_id: &FileId, version: u32) -> Result<Option<TitleVersion>, StoreError> {
        let row = query(SELECT).bind(file_id.as_str()).bind(version).fetch_optional(self.connection().await?).await?;
        row.as_ref().map(version_from_row).transpose()
    }

    /// Keeps a new version, which nothing plays yet, and remembers that its number was given.
    pub async fn insert_title_version(&mut self, version: &TitleVersion) -> Result<(), StoreError> {
        query(
            "INSERT INTO title_versions (file_id, version, secret_ciphertext, public_key, created_at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(version.file_id.as_str())
        .bind(version.version)
        .bind(version.secret_ciphertext.as_deref())
        .bind(&version.public_key)
        .bind(version.created_at)
        .execute(self.connection().await?)
        .await?;
        query("UPDATE titles SET last_version = ?1 WHERE file_id = ?2 AND last_version < ?1")
            .bind(version.version)
            .bind(version.file_id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// Commits a version: from now on it may be played.
    pub async fn commit_title_version(
        &mut self,
        file_id: &FileId,
        version: u32,
        publication: &Publication,
        now: i64,
    ) -> Result<(), StoreError> {
        query(
            "UPDATE title_versions SET publication = ?, cover = ?, sprites = ?, stored_bytes = ?, committed_at = ?
             WHERE file_id = ? AND version = ?",
        )
        .bind(&publication.media)
        .bind(publication.cover.as_deref())
        .bind(publication.sprites.as_deref())
        .bind(publication.stored_bytes.map(integer))
        .bind(now)
        .bind(file_id.as_str())
        .bind(version)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Forgets a version and its secret.
    pub async fn delete_title_version(&mut self, file_id: &FileId, version: u32) -> Result<(), StoreError> {
        query("DELETE FROM title_versions WHERE file_id = ? AND version = ?")
            .bind(file_id.as_str())
            .bind(version)
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }
}

pub(super) fn version_from_row(row: &Row) -> Result<TitleVersion, StoreError> {
    let stored_bytes: Option<i64> = row.try_get("stored_bytes")?;
    Ok(TitleVersion {
        file_id: parsed(row.try_get("file_id")?, "file id")?,
        version: number(row.try_get("version")?, "version")?,
        secret_ciphertext: row.try_get("secret_ciphertext")?,
        public_key: row.try_get("public_key")?,
        publication: row.try_get("publication")?,
        cover: row.try_get("cover")?,
        sprites: row.try_get("sprites")?,
        stored_bytes: stored_bytes.map(|bytes| number(bytes, "stored bytes")).transpose()?,
        created_at: row.try_get("created_at")?,
        committed_at: row.try_get("committed_at")?,
    })
}
