use keyveil_protocol::{AppId, FileId, UploadId};

use super::engine::{Row, query};
use super::{Store, StoreError, app_id, integer, number, parsed};

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
        let row = query("SELECT * FROM uploads WHERE upload_id = ?")
            .bind(upload_id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(upload_from_row).transpose()
    }

    /// The upload that holds a title's source, or is about to.
    pub async fn source(&self, file_id: &FileId) -> Result<Option<Upload>, StoreError> {
        let row = query(
            "SELECT * FROM uploads WHERE file_id = ? AND state <> 'gone' ORDER BY created_at DESC, upload_id LIMIT 1",
        )
        .bind(file_id.as_str())
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(upload_from_row).transpose()
    }

    /// How large a source of an application may be, and of which kinds (file name extensions; none means any).
    pub async fn upload_limits(&self, app_id: AppId) -> Result<(u64, Vec<String>), StoreError> {
        let row = query("SELECT upload_bytes_max, upload_types FROM apps WHERE app_id = ?")
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
        let rows = query(
            "SELECT * FROM uploads WHERE state = 'receiving' AND kind = 'tus' AND (expires_at <= ? OR \"offset\" = length)
             ORDER BY expires_at LIMIT ?",
        )
        .bind(now)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(upload_from_row).collect()
    }

    /// The stretches of a source, by their start.
    pub async fn stretches(&self, upload_id: &UploadId) -> Result<Vec<Stretch>, StoreError> {
        let rows = query("SELECT number, start FROM source_stretches WHERE upload_id = ? ORDER BY number")
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

pub(super) fn upload_from_row(row: &Row) -> Result<Upload, StoreError> {
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
