//! What a release of keys stands on, read in its transaction by one statement: a message to the connection's thread and back costs
//! more than the statement.

use keyveil_protocol::{BuildId, KeyId};

use super::audit_head::AuditEnds;
use super::engine::Row;
use super::pacing::{AccountKey, account_columns};
use super::{EndedBy, Session, StoreError, WriteTransaction, integer, number};
use crate::pacing::Account;

/// Whether what a release stands on still holds, now that nothing else can change it.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The title is published and has this version.
    pub(crate) title: bool,
    /// The signing key is in use.
    pub(crate) signing_key: bool,
    /// The SDK build, if there is one, is accepted.
    pub(crate) build: bool,
    /// A newer build than that is accepted, and was made before the time asked for.
    pub(crate) newer_build: bool,
    /// What its viewer has taken of the title.
    pub(crate) account: Account,
    /// The session itself; none while it is being opened.
    pub(crate) session: Option<SessionNow>,
}

/// What may have changed in a session while a request of it was on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionNow {
    pub(crate) last_counter: u64,
    pub(crate) releases: u64,
    pub(crate) expires_at: i64,
    pub(crate) revoked_at: Option<i64>,
    pub(crate) ended_by: Option<EndedBy>,
}

pub(super) const SELECT: &str =
    "SELECT EXISTS (SELECT 1 FROM titles t JOIN title_versions v USING (file_id) WHERE t.file_id = ? AND t.app_id = ?
         AND t.state = 'published' AND v.version = ? AND v.publication IS NOT NULL),
     EXISTS (SELECT 1 FROM signing_keys WHERE app_id = ? AND kid = ? AND retired_at IS NULL),
     EXISTS (SELECT 1 FROM sdk_builds WHERE id = ? AND retired_at IS NULL),
     EXISTS (SELECT 1 FROM sdk_builds WHERE seq > (SELECT seq FROM sdk_builds WHERE id = ?)
         AND retired_at IS NULL AND created_at < ?),
     p.periods, p.account, s.last_counter, s.releases, s.expires_at, s.revoked_at, s.ended_by,
     a.seq AS last_seq, a.hash AS last_hash, h.*
     FROM (SELECT 1) AS always
     LEFT JOIN pacing_accounts p ON p.app_id = ? AND p.file_id = ? AND p.version = ? AND p.viewer = ?
     LEFT JOIN sessions s ON s.id = ?
     LEFT JOIN (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1) AS a ON true
     LEFT JOIN audit_head h ON true";

impl WriteTransaction<'_> {
    /// `before` is when a newer build was made at the latest to count.
    pub(crate) async fn standing(
        &mut self,
        session: &Session,
        kid: &KeyId,
        before: i64,
    ) -> Result<Standing, StoreError> {
        let (app_id, file_id) = (integer(session.app_id.value()), session.file_id.as_str());
        let build_id = session.build_id.as_ref().map(BuildId::as_str);
        let viewer = AccountKey::of(session).into_viewer();
        let own =
            [format!("session {}", session.id), format!("account {app_id} {file_id} {} {viewer}", session.version)];
        self.later(SELECT)
            .bind(file_id)
            .bind(app_id)
            .bind(session.version)
            .bind(app_id)
            .bind(kid.as_str())
            .bind(build_id)
            .bind(build_id)
            .bind(before)
            .bind(app_id)
            .bind(file_id)
            .bind(session.version)
            .bind(viewer)
            .bind(session.id.as_bytes().as_slice());
        let (row, head) = self.look(own).await?;
        let row = row.ok_or(sqlx::Error::RowNotFound)?;
        self.audit_ends = Some(match head {
            Some(head) => AuditEnds::after(head),
            None => AuditEnds::from_row(&row, self.audit_key()?)?,
        });
        Ok(Standing {
            title: row.try_get(0)?,
            signing_key: row.try_get(1)?,
            build: build_id.is_none() || row.try_get(2)?,
            newer_build: row.try_get(3)?,
            account: account_columns(&row)?,
            session: session_columns(&row)?,
        })
    }
}

fn session_columns(row: &Row) -> Result<Option<SessionNow>, StoreError> {
    let Some(last_counter) = row.try_get::<Option<i64>, _>("last_counter")? else { return Ok(None) };
    let ended_by: Option<&str> = row.try_get("ended_by")?;
    Ok(Some(SessionNow {
        last_counter: number(last_counter, "last_counter")?,
        releases: number(row.try_get("releases")?, "releases")?,
        expires_at: row.try_get("expires_at")?,
        revoked_at: row.try_get("revoked_at")?,
        ended_by: ended_by.map(|name| EndedBy::from_name(name).ok_or(StoreError::Corrupt("ended_by"))).transpose()?,
    }))
}
