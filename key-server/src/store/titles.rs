use keyveil_protocol::{AppId, FileId, Mode, WorkflowId};

use super::engine::{Row, query};
use super::title_list::folded;
use super::{Store, StoreError, WriteTransaction, app_id, integer, number, parsed};

/// What people know: one film, however often it was encrypted.
#[derive(Clone, Debug)]
pub struct Title {
    /// Its id.
    pub file_id: FileId,
    /// Its application.
    pub app_id: AppId,
    /// What people call it.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// Private or clear.
    pub mode: Mode,
    /// Where it stands.
    pub state: TitleState,
    /// Why it failed; set exactly when it did.
    pub failure: Option<Failure>,
    /// The workflow that makes it; none for what `packager pack` registered.
    pub workflow_id: Option<WorkflowId>,
    /// The version that is played.
    pub version: Option<u32>,
    /// The highest version number ever given.
    pub last_version: u32,
    /// The source's name.
    pub file_name: Option<String>,
    /// The source's length.
    pub size_bytes: Option<u64>,
    /// The media's length.
    pub stored_bytes: Option<u64>,
    /// Its playing time, once known.
    pub duration_ms: Option<u64>,
    /// When it was made.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
    /// When it was last published.
    pub published_at: Option<i64>,
    /// Of its latest change.
    pub change_seq: i64,
}

impl Title {
    /// One of which nothing more is known.
    #[must_use]
    pub const fn new(
        app_id: AppId,
        file_id: FileId,
        name: String,
        (mode, state): (Mode, TitleState),
        now: i64,
    ) -> Self {
        Self {
            file_id,
            app_id,
            name,
            description: String::new(),
            mode,
            state,
            failure: None,
            workflow_id: None,
            version: None,
            last_version: 0,
            file_name: None,
            size_bytes: None,
            stored_bytes: None,
            duration_ms: None,
            created_at: now,
            updated_at: now,
            published_at: None,
            change_seq: 0,
        }
    }
}

/// Why something failed, fit for its owner's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable.
    pub code: String,
    /// A sentence that says what to do.
    pub message: String,
}

/// Where a title stands (docs/WORKFLOW.md, "Titles, versions, states").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TitleState {
    /// Its source is on the way.
    Uploading,
    /// A job waits.
    Queued,
    /// ffmpeg runs.
    Transcoding,
    /// The last of it is encrypted and stored.
    Encrypting,
    /// Complete, not to be played.
    Ready,
    /// Can be played.
    Published,
    /// Something has to be done by a person.
    Failed,
    /// Gone; only its id stays taken.
    Deleted,
}

impl TitleState {
    /// All states, in their order.
    pub const ALL: [Self; 8] = [
        Self::Uploading,
        Self::Queued,
        Self::Transcoding,
        Self::Encrypting,
        Self::Ready,
        Self::Published,
        Self::Failed,
        Self::Deleted,
    ];

    /// Its name in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Queued => "queued",
            Self::Transcoding => "transcoding",
            Self::Encrypting => "encrypting",
            Self::Ready => "ready",
            Self::Published => "published",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

pub(super) const SELECT: &str = "SELECT * FROM titles WHERE file_id = ?";

impl Store {
    /// One title of any application, in any state.
    pub async fn title(&self, file_id: &FileId) -> Result<Option<Title>, StoreError> {
        let query = query(SELECT).bind(file_id.as_str());
        let row = self.first_row(query).await?;
        row.as_ref().map(title_from_row).transpose()
    }
}

impl WriteTransaction<'_> {
    /// One title, as this transaction sees it.
    pub async fn title(&mut self, file_id: &FileId) -> Result<Option<Title>, StoreError> {
        let row = query(SELECT).bind(file_id.as_str()).fetch_optional(self.connection().await?).await?;
        row.as_ref().map(title_from_row).transpose()
    }

    /// Keeps a new title. Its `version`, `published_at` and `change_seq` are the store's to set.
    pub async fn insert_title(&mut self, title: &Title) -> Result<(), StoreError> {
        let change_seq = self.next_change().await?;
        query(
            "INSERT INTO titles (file_id, app_id, name, description, mode, state, failure_code, failure_message, workflow_id,
             last_version, file_name, size_bytes, created_at, updated_at, change_seq, search_text)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(title.file_id.as_str())
        .bind(integer(title.app_id.value()))
        .bind(&title.name)
        .bind(&title.description)
        .bind(title.mode.as_str())
        .bind(title.state.as_str())
        .bind(title.failure.as_ref().map(|failure| &failure.code))
        .bind(title.failure.as_ref().map(|failure| &failure.message))
        .bind(title.workflow_id.as_ref().map(WorkflowId::as_str))
        .bind(title.last_version)
        .bind(title.file_name.as_deref())
        .bind(title.size_bytes.map(integer))
        .bind(title.created_at)
        .bind(title.updated_at)
        .bind(change_seq)
        .bind(search_text(&title.file_id, &title.name, &title.description))
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Moves a title to another state; a failure goes with the state `failed` and with no other.
    pub async fn set_title_state(
        &mut self,
        file_id: &FileId,
        state: TitleState,
        failure: Option<&Failure>,
        now: i64,
    ) -> Result<(), StoreError> {
        let change_seq = self.next_change().await?;
        query(
            "UPDATE titles SET state = ?1, failure_code = ?2, failure_message = ?3, updated_at = ?4, change_seq = ?5,
             published_at = CASE WHEN ?1 = 'published' THEN ?4 ELSE published_at END WHERE file_id = ?6",
        )
        .bind(state.as_str())
        .bind(failure.map(|failure| &failure.code))
        .bind(failure.map(|failure| &failure.message))
        .bind(now)
        .bind(change_seq)
        .bind(file_id.as_str())
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Marks a title as changed, where what changed is not in its own row (labels, the percent of its job).
    pub async fn touch_title(&mut self, file_id: &FileId, now: i64) -> Result<(), StoreError> {
        let change_seq = self.next_change().await?;
        query("UPDATE titles SET updated_at = ?, change_seq = ? WHERE file_id = ?")
            .bind(now)
            .bind(change_seq)
            .bind(file_id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// Sets what people read. The caller has checked the lengths.
    pub async fn describe_title(
        &mut self,
        file_id: &FileId,
        name: &str,
        description: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        query("UPDATE titles SET name = ?, description = ?, search_text = ? WHERE file_id = ?")
            .bind(name)
            .bind(description)
            .bind(search_text(file_id, name, description))
            .bind(file_id.as_str())
            .execute(self.connection().await?)
            .await?;
        self.touch_title(file_id, now).await
    }

    /// Makes a committed version the one that is played.
    pub async fn set_current_version(
        &mut self,
        file_id: &FileId,
        version: u32,
        duration_ms: u64,
        stored_bytes: Option<u64>,
        now: i64,
    ) -> Result<(), StoreError> {
        query("UPDATE titles SET version = ?, duration_ms = ?, stored_bytes = ? WHERE file_id = ?")
            .bind(version)
            .bind(integer(duration_ms))
            .bind(stored_bytes.map(integer))
            .bind(file_id.as_str())
            .execute(self.connection().await?)
            .await?;
        self.touch_title(file_id, now).await
    }

    /// Deletes a title: its versions and, with their wrapped secrets, the way to its segments.
    pub async fn delete_title(&mut self, file_id: &FileId, now: i64) -> Result<(), StoreError> {
        for statement in [
            "DELETE FROM title_versions WHERE file_id = ?",
            "DELETE FROM title_labels WHERE file_id = ?",
            "DELETE FROM imported_keys WHERE file_id = ?",
        ] {
            query(statement).bind(file_id.as_str()).execute(self.connection().await?).await?;
        }
        self.cancel_jobs_of_title(file_id, now).await?;
        self.set_title_state(file_id, TitleState::Deleted, None, now).await
    }

    async fn next_change(&mut self) -> Result<i64, StoreError> {
        let row = query("UPDATE changes SET seq = seq + 1 RETURNING seq").fetch_one(self.connection().await?).await?;
        Ok(row.try_get(0)?)
    }
}

pub(super) fn title_from_row(row: &Row) -> Result<Title, StoreError> {
    let count = |name: &'static str| -> Result<Option<u64>, StoreError> {
        row.try_get::<Option<i64>, _>(name)?.map(|value| number(value, name)).transpose()
    };
    let failure_code: Option<String> = row.try_get("failure_code")?;
    let failure_message: Option<String> = row.try_get("failure_message")?;
    let workflow_id: Option<&str> = row.try_get("workflow_id")?;
    let version: Option<i64> = row.try_get("version")?;
    Ok(Title {
        file_id: parsed(row.try_get("file_id")?, "file id")?,
        app_id: app_id(row.try_get("app_id")?)?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        mode: Mode::from_name(row.try_get("mode")?).ok_or(StoreError::Corrupt("title mode"))?,
        state: TitleState::from_name(row.try_get("state")?).ok_or(StoreError::Corrupt("title state"))?,
        failure: failure_code.zip(failure_message).map(|(code, message)| Failure { code, message }),
        workflow_id: workflow_id.map(|id| parsed(id, "workflow id")).transpose()?,
        version: version.map(|version| number(version, "version")).transpose()?,
        last_version: number(row.try_get("last_version")?, "version")?,
        file_name: row.try_get("file_name")?,
        size_bytes: count("size_bytes")?,
        stored_bytes: count("stored_bytes")?,
        duration_ms: count("duration_ms")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        published_at: row.try_get("published_at")?,
        change_seq: row.try_get("change_seq")?,
    })
}

/// What searches look at: the lines meet no search, which is plain text.
fn search_text(file_id: &FileId, name: &str, description: &str) -> String {
    folded(&format!("{name}\n{description}\n{file_id}"))
}
