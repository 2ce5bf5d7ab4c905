use keyveil_protocol::{AppId, FileId, Mode, UploadId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::titles::mode_name;
use super::{Store, StoreError, WriteTransaction, app_id, integer, number, parsed};

/// A source on its way in, and then at rest until its version is committed.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its id; also the name of its file.
    pub upload_id: UploadId,
    /// Its application.
    pub app_id: AppId,
    /// Its title.
    pub file_id: FileId,
    /// How it comes.
    pub kind: UploadKind,
    /// Where it stands.
    pub state: UploadState,
    /// Its length; unknown until a server that is pulled from tells it.
    pub length: Option<u64>,
    /// How much of it is there, safe from a power cut.
    pub offset: u64,
    /// `Upload-Metadata` as it was sent.
    pub metadata: String,
    /// What the whole has to hash to.
    pub sha256: Option<[u8; 32]>,
    /// Where it is pulled from; forgotten with the last byte, because addresses may hold tokens.
    pub url: Option<String>,
    /// How many pulls have failed.
    pub attempt: u32,
    /// Of the key that the source lies under; none once it is gone.
    pub key_ciphertext: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: i64,
    /// When it last got a byte.
    pub updated_at: i64,
    /// When it is swept, left alone; of a pull, when the next server or attempt may take it.
    pub expires_at: i64,
}

/// How a source comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadKind {
    /// A client sends it.
    Tus,
    /// The server fetches it.
    Url,
}

/// Where an upload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// Bytes are missing.
    Receiving,
    /// The source is whole.
    Complete,
    /// The source is no more.
    Gone,
}

/// A stretch of a source: from `start` to the next one's start its bytes lie under the nonce `number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Given once per source.
    pub number: u32,
    /// Its first byte.
    pub start: u64,
}

impl UploadKind {
    /// Its name in SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tus => "tus",
            Self::Url => "url",
        }
    }
}

impl UploadState {
    /// Its name in SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Complete => "complete",
            Self::Gone => "gone",
        }
    }
}

impl Store {
    /// One upload of any application, in any state.
    pub async fn upload(&self, upload_id: &UploadId) -> Result<Option<Upload>, StoreError> {
        let row = sqlx::query("SELECT * FROM uploads WHERE upload_id = ?")
            .bind(upload_id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(upload_from_row).transpose()
    }

    /// The upload that holds a title's source, or is about to.
    pub async fn source(&self, file_id: &FileId) -> Result<Option<Upload>, StoreError> {
        let row = sqlx::query(
            "SELECT * FROM uploads WHERE file_id = ? AND state <> 'gone' ORDER BY created_at DESC, upload_id LIMIT 1",
        )
        .bind(file_id.as_str())
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(upload_from_row).transpose()
    }

    /// How large a source of an application may be, and of which kinds (file name extensions; none means any).
    pub async fn upload_limits(&self, app_id: AppId) -> Result<(u64, Vec<String>), StoreError> {
        let row = sqlx::query("SELECT upload_bytes_max, upload_types FROM apps WHERE app_id = ?")
            .bind(integer(app_id.value()))
            .fetch_one(&self.pool)
            .await?;
        let types: &str = row.try_get("upload_types")?;
        let types = types.split(',').filter(|kind| !kind.is_empty()).map(str::to_owned).collect();
        Ok((number(row.try_get("upload_bytes_max")?, "upload_bytes_max")?, types))
    }

    /// Uploads by clients that were left alone for too long, or that have every byte and were not declared whole: whoever
    /// was about to do that was cut off.
    pub async fn uploads_to_settle(&self, now: i64, limit: u32) -> Result<Vec<Upload>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM uploads WHERE state = 'receiving' AND kind = 'tus' AND (expires_at <= ? OR offset = length)
             ORDER BY expires_at LIMIT ?",
        )
        .bind(now)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(upload_from_row).collect()
    }

    /// Whether a source waits to be fetched.
    pub async fn is_pull_due(&self, now: i64) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM uploads WHERE state = 'receiving' AND kind = 'url' AND expires_at <= ?)",
        )
        .bind(now)
        .fetch_one(&self.pool)
        .await?;
        Ok(row.try_get(0)?)
    }

    /// The stretches of a source, by their start.
    pub async fn stretches(&self, upload_id: &UploadId) -> Result<Vec<Stretch>, StoreError> {
        let rows = sqlx::query("SELECT number, start FROM source_stretches WHERE upload_id = ? ORDER BY number")
            .bind(upload_id.as_str())
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Stretch {
                    number: number(row.try_get("number")?, "stretch")?,
                    start: number(row.try_get("start")?, "stretch")?,
                })
            })
            .collect()
    }
}

impl WriteTransaction<'_> {
    /// One upload, as this transaction sees it.
    pub async fn upload(&mut self, upload_id: &UploadId) -> Result<Option<Upload>, StoreError> {
        let row = sqlx::query("SELECT * FROM uploads WHERE upload_id = ?")
            .bind(upload_id.as_str())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(upload_from_row).transpose()
    }

    /// Keeps a new upload, of which nothing is there yet.
    pub async fn insert_upload(&mut self, upload: &Upload) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO uploads (upload_id, app_id, file_id, kind, state, length, metadata, sha256, url, key_ciphertext, created_at,
             updated_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(upload.upload_id.as_str())
        .bind(integer(upload.app_id.value()))
        .bind(upload.file_id.as_str())
        .bind(upload.kind.as_str())
        .bind(upload.state.as_str())
        .bind(upload.length.map(integer))
        .bind(&upload.metadata)
        .bind(upload.sha256.as_ref().map(<[u8; 32]>::as_slice))
        .bind(upload.url.as_deref())
        .bind(upload.key_ciphertext.as_deref())
        .bind(upload.created_at)
        .bind(upload.updated_at)
        .bind(upload.expires_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes the oldest source that waits to be fetched, for as long as the lease holds.
    pub async fn claim_pull(&mut self, now: i64, lease_expires_at: i64) -> Result<Option<Upload>, StoreError> {
        let row = sqlx::query(
            "UPDATE uploads SET expires_at = ? WHERE upload_id = (
                SELECT upload_id FROM uploads WHERE state = 'receiving' AND kind = 'url' AND expires_at <= ?
                ORDER BY created_at, upload_id LIMIT 1
             ) RETURNING *",
        )
        .bind(lease_expires_at)
        .bind(now)
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(upload_from_row).transpose()
    }

    /// Nobody takes the source before that. False when it is no longer to be fetched.
    pub async fn lease_pull(&mut self, upload_id: &UploadId, until: i64) -> Result<bool, StoreError> {
        let result = sqlx::query("UPDATE uploads SET expires_at = ? WHERE upload_id = ? AND state = 'receiving'")
            .bind(until)
            .bind(upload_id.as_str())
            .execute(self.connection())
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Notes what a server that is pulled from tells of a source's length.
    pub async fn set_upload_length(&mut self, upload: &Upload, length: Option<u64>) -> Result<(), StoreError> {
        for statement in [
            "UPDATE uploads SET length = ? WHERE file_id = ? AND state = 'receiving'",
            "UPDATE titles SET size_bytes = ? WHERE file_id = ? AND state = 'uploading'",
        ] {
            sqlx::query(statement)
                .bind(length.map(integer))
                .bind(upload.file_id.as_str())
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }

    /// Counts a pull that failed; answers how many have.
    pub async fn count_failed_pull(&mut self, upload_id: &UploadId) -> Result<u32, StoreError> {
        let row = sqlx::query("UPDATE uploads SET attempt = attempt + 1 WHERE upload_id = ? RETURNING attempt")
            .bind(upload_id.as_str())
            .fetch_one(self.connection())
            .await?;
        number(row.try_get(0)?, "upload attempt")
    }

    /// Notes what is known of a title's source.
    pub async fn set_title_source(&mut self, file_id: &FileId, mode: Mode, size_bytes: u64) -> Result<(), StoreError> {
        sqlx::query("UPDATE titles SET mode = ?, size_bytes = ? WHERE file_id = ?")
            .bind(mode_name(mode))
            .bind(integer(size_bytes))
            .bind(file_id.as_str())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Declares a source whole. False when bytes are missing or the upload is over.
    pub async fn complete_upload(&mut self, upload_id: &UploadId, now: i64) -> Result<bool, StoreError> {
        let result = sqlx::query(
            "UPDATE uploads SET state = 'complete', url = NULL, updated_at = ?
             WHERE upload_id = ? AND state = 'receiving' AND offset = length",
        )
        .bind(now)
        .bind(upload_id.as_str())
        .execute(self.connection())
        .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Moves the end of what is safe. False when it is not at `from` or the upload takes no more.
    pub async fn advance_upload(
        &mut self,
        upload_id: &UploadId,
        from: u64,
        to: u64,
        now: i64,
        expires_at: i64,
    ) -> Result<bool, StoreError> {
        let result = sqlx::query(
            "UPDATE uploads SET offset = ?, updated_at = ?, expires_at = ?
             WHERE upload_id = ? AND offset = ? AND state = 'receiving'",
        )
        .bind(integer(to))
        .bind(now)
        .bind(expires_at)
        .bind(upload_id.as_str())
        .bind(integer(from))
        .execute(self.connection())
        .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Begins a stretch at `start`, under a number that this source never had. Those behind it held nothing that counts.
    /// `None` when the source has `max` stretches already.
    pub async fn begin_stretch(
        &mut self,
        upload_id: &UploadId,
        start: u64,
        max: u32,
    ) -> Result<Option<Stretch>, StoreError> {
        let row = sqlx::query("SELECT coalesce(max(number), 0) + 1 FROM source_stretches WHERE upload_id = ?")
            .bind(upload_id.as_str())
            .fetch_one(self.connection())
            .await?;
        let stretch = Stretch { number: number(row.try_get(0)?, "stretch")?, start };
        sqlx::query("DELETE FROM source_stretches WHERE upload_id = ? AND start >= ?")
            .bind(upload_id.as_str())
            .bind(integer(start))
            .execute(self.connection())
            .await?;
        let row = sqlx::query("SELECT count(*) FROM source_stretches WHERE upload_id = ?")
            .bind(upload_id.as_str())
            .fetch_one(self.connection())
            .await?;
        if row.try_get::<i64, _>(0)? >= i64::from(max) {
            return Ok(None);
        }
        sqlx::query("INSERT INTO source_stretches (upload_id, number, start) VALUES (?, ?, ?)")
            .bind(upload_id.as_str())
            .bind(stretch.number)
            .bind(integer(start))
            .execute(self.connection())
            .await?;
        Ok(Some(stretch))
    }

    /// Ends every upload of a title and forgets their keys: the sources can't be read any more. The files named are to be
    /// removed after the commit.
    pub async fn forget_sources(&mut self, file_id: &FileId, now: i64) -> Result<Vec<UploadId>, StoreError> {
        let rows = sqlx::query(
            "UPDATE uploads SET state = 'gone', key_ciphertext = NULL, url = NULL, updated_at = ? WHERE file_id = ? AND state <> 'gone'
             RETURNING upload_id",
        )
        .bind(now)
        .bind(file_id.as_str())
        .fetch_all(self.connection())
        .await?;
        let mut forgotten = Vec::with_capacity(rows.len());
        for row in &rows {
            let upload_id: &str = row.try_get(0)?;
            sqlx::query("DELETE FROM source_stretches WHERE upload_id = ?")
                .bind(upload_id)
                .execute(self.connection())
                .await?;
            forgotten.push(parsed(upload_id, "upload id")?);
        }
        Ok(forgotten)
    }
}

fn upload_from_row(row: &SqliteRow) -> Result<Upload, StoreError> {
    let length: Option<i64> = row.try_get("length")?;
    let sha256: Option<Vec<u8>> = row.try_get("sha256")?;
    Ok(Upload {
        upload_id: parsed(row.try_get("upload_id")?, "upload id")?,
        app_id: app_id(row.try_get("app_id")?)?,
        file_id: parsed(row.try_get("file_id")?, "file id")?,
        kind: match row.try_get("kind")? {
            "tus" => UploadKind::Tus,
            "url" => UploadKind::Url,
            _ => return Err(StoreError::Corrupt("upload kind")),
        },
        state: match row.try_get("state")? {
            "receiving" => UploadState::Receiving,
            "complete" => UploadState::Complete,
            "gone" => UploadState::Gone,
            _ => return Err(StoreError::Corrupt("upload state")),
        },
        length: length.map(|length| number(length, "upload length")).transpose()?,
        offset: number(row.try_get("offset")?, "upload offset")?,
        metadata: row.try_get("metadata")?,
        sha256: sha256.map(|hash| hash.try_into().map_err(|_| StoreError::Corrupt("upload hash"))).transpose()?,
        url: row.try_get("url")?,
        attempt: number(row.try_get("attempt")?, "upload attempt")?,
        key_ciphertext: row.try_get("key_ciphertext")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}
