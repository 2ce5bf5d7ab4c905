use keyveil_protocol::{AppId, FileId, Mode};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Store, StoreError, WriteTransaction, app_id, integer, number, parsed};

/// A registered title.
#[derive(Clone, Debug)]
pub struct Title {
    /// Its id.
    pub file_id: FileId,
    /// Its application.
    pub app_id: AppId,
    /// What people call it.
    pub name: String,
    /// Private or clear.
    pub mode: Mode,
    /// Where it stands.
    pub state: TitleState,
    /// Its secret, wrapped; none for clear and for deleted titles.
    pub secret_ciphertext: Option<Vec<u8>>,
    /// The public key of the packager's run that holds the secret.
    pub public_key: String,
    /// The body it was published with, as JSON.
    pub publication: Option<String>,
    /// Its length, once published.
    pub duration_ms: Option<u64>,
    /// When it was registered.
    pub created_at: i64,
}

/// Where a title stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TitleState {
    /// Registered, not to be played yet.
    Packaging,
    /// Can be played.
    Published,
    /// Can be played no more.
    Deleted,
}

impl TitleState {
    /// Its name in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Packaging => "packaging",
            Self::Published => "published",
            Self::Deleted => "deleted",
        }
    }
}

impl Store {
    /// One title of any application, in any state.
    pub async fn title(&self, file_id: &FileId) -> Result<Option<Title>, StoreError> {
        let row = sqlx::query("SELECT * FROM titles WHERE file_id = ?")
            .bind(file_id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(title_from_row).transpose()
    }

    /// Up to `limit` titles of an application that are not deleted, by file id, behind `after`.
    pub async fn titles(&self, app_id: AppId, after: Option<&FileId>, limit: u32) -> Result<Vec<Title>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM titles WHERE app_id = ? AND file_id > ? AND state <> 'deleted' ORDER BY file_id LIMIT ?",
        )
        .bind(integer(app_id.value()))
        .bind(after.map_or("", FileId::as_str))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(title_from_row).collect()
    }
}

impl WriteTransaction<'_> {
    /// One title, as this transaction sees it.
    pub async fn title(&mut self, file_id: &FileId) -> Result<Option<Title>, StoreError> {
        let row = sqlx::query("SELECT * FROM titles WHERE file_id = ?")
            .bind(file_id.as_str())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(title_from_row).transpose()
    }

    /// Registers a title.
    pub async fn insert_title(&mut self, title: &Title) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO titles (file_id, app_id, name, mode, state, secret_ciphertext, public_key, created_at)
             VALUES (?, ?, ?, ?, 'packaging', ?, ?, ?)",
        )
        .bind(title.file_id.as_str())
        .bind(integer(title.app_id.value()))
        .bind(&title.name)
        .bind(mode_name(title.mode))
        .bind(title.secret_ciphertext.as_deref())
        .bind(&title.public_key)
        .bind(title.created_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Registers an unpublished title anew: name, secret and the run that holds it.
    pub async fn replace_title(&mut self, title: &Title) -> Result<(), StoreError> {
        sqlx::query("UPDATE titles SET name = ?, secret_ciphertext = ?, public_key = ? WHERE file_id = ?")
            .bind(&title.name)
            .bind(title.secret_ciphertext.as_deref())
            .bind(&title.public_key)
            .bind(title.file_id.as_str())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Publishes a title.
    pub async fn publish_title(
        &mut self,
        file_id: &FileId,
        publication: &str,
        duration_ms: u64,
        now: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE titles SET state = 'published', publication = ?, duration_ms = ?, published_at = ? WHERE file_id = ?",
        )
        .bind(publication)
        .bind(integer(duration_ms))
        .bind(now)
        .bind(file_id.as_str())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Deletes a title and, with its wrapped secret, the way to its segments.
    pub async fn delete_title(&mut self, file_id: &FileId) -> Result<(), StoreError> {
        sqlx::query("UPDATE titles SET state = 'deleted', secret_ciphertext = NULL WHERE file_id = ?")
            .bind(file_id.as_str())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

fn title_from_row(row: &SqliteRow) -> Result<Title, StoreError> {
    let duration_ms: Option<i64> = row.try_get("duration_ms")?;
    Ok(Title {
        file_id: parsed(row.try_get("file_id")?, "file id")?,
        app_id: app_id(row.try_get("app_id")?)?,
        name: row.try_get("name")?,
        mode: match row.try_get("mode")? {
            "private" => Mode::Private,
            "clear" => Mode::Clear,
            _ => return Err(StoreError::Corrupt("title mode")),
        },
        state: match row.try_get("state")? {
            "packaging" => TitleState::Packaging,
            "published" => TitleState::Published,
            "deleted" => TitleState::Deleted,
            _ => return Err(StoreError::Corrupt("title state")),
        },
        secret_ciphertext: row.try_get("secret_ciphertext")?,
        public_key: row.try_get("public_key")?,
        publication: row.try_get("publication")?,
        duration_ms: duration_ms.map(|ms| number(ms, "duration")).transpose()?,
        created_at: row.try_get("created_at")?,
    })
}

const fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Private => "private",
        Mode::Clear => "clear",
    }
}
