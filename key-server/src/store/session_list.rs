use keyveil_protocol::{AppId, FileId, KeyId, PlaybackLevel, SessionId};

use super::engine::{Row, query};
use super::pacing::reasons_column;
use super::sessions::session_from_row;
use super::{Session, Store, StoreError, integer, number};
use crate::pacing::Reason;

/// A session as a list shows it.
#[derive(Clone, Debug)]
pub struct ListedSession {
    /// The session.
    pub session: Session,
    /// When it last asked for anything.
    pub last_seen_at: i64,
    /// How often keys were released to it.
    pub releases: i64,
    /// Its highest score so far (docs/PACING.md).
    pub score: u32,
    /// Why, in their order.
    pub reasons: Vec<Reason>,
}

/// Which sessions; newest first.
#[derive(Clone, Debug)]
pub struct SessionQuery {
    /// Only of this title.
    pub file_id: Option<FileId>,
    /// Only of this viewer.
    pub uid: Option<String>,
    /// Only with this mark.
    pub us: Option<String>,
    /// Only those that stand on this signing key.
    pub kid: Option<KeyId>,
    /// Only at this level.
    pub level: Option<PlaybackLevel>,
    /// Only those that receive keys, or only the others.
    pub active: Option<bool>,
    /// Only those whose score is so high.
    pub min_score: Option<u32>,
    /// Now.
    pub now: i64,
    /// Only behind this one: when it was opened, and its id.
    pub after: Option<(i64, SessionId)>,
    /// At most so many.
    pub limit: u32,
}

impl Store {
    /// Sessions of an application.
    pub async fn list_sessions(&self, app_id: AppId, wanted: &SessionQuery) -> Result<Vec<ListedSession>, StoreError> {
        let mut builder = query("SELECT * FROM sessions WHERE app_id = ");
        builder.push_bind(integer(app_id.value()));
        if let Some(file_id) = &wanted.file_id {
            builder.push(" AND file_id = ").push_bind(file_id.to_string());
        }
        if let Some(uid) = &wanted.uid {
            builder.push(" AND uid = ").push_bind(uid.clone());
        }
        if let Some(us) = &wanted.us {
            builder.push(" AND us = ").push_bind(us.clone());
        }
        if let Some(kid) = &wanted.kid {
            builder.push(" AND kid = ").push_bind(kid.to_string());
        }
        if let Some(level) = wanted.level {
            builder.push(" AND level = ").push_bind(level.as_str());
        }
        if let Some(active) = wanted.active {
            builder.push(if active { " AND (" } else { " AND NOT (" });
            builder.push("revoked_at IS NULL AND expires_at > ").push_bind(wanted.now).push(")");
        }
        if let Some(score) = wanted.min_score {
            builder.push(" AND score >= ").push_bind(i64::from(score));
        }
        if let Some((created_at, id)) = &wanted.after {
            builder.push(" AND (created_at, id) < (").push_bind(*created_at);
            builder.push(", ").push_bind(id.as_bytes().to_vec()).push(")");
        }
        builder.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(wanted.limit);
        let rows = builder.fetch_all(&self.pool).await?;
        rows.iter().map(listed).collect()
    }

    /// One session of an application as a list shows it.
    pub async fn listed_session(&self, app_id: AppId, id: &SessionId) -> Result<Option<ListedSession>, StoreError> {
        let row = query("SELECT * FROM sessions WHERE app_id = ? AND id = ?")
            .bind(integer(app_id.value()))
            .bind(id.as_bytes().as_slice())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(listed).transpose()
    }
}

fn listed(row: &Row) -> Result<ListedSession, StoreError> {
    Ok(ListedSession {
        session: session_from_row(row)?,
        last_seen_at: row.try_get("last_seen_at")?,
        releases: row.try_get("releases")?,
        score: number(row.try_get("score")?, "score")?,
        reasons: reasons_column(row.try_get("reasons")?)?,
    })
}
