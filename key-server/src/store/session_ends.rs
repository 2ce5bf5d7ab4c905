use keyveil_protocol::{AppId, KeyId, SessionId};

use super::engine::query;
use super::{StoreError, WriteTransaction, integer};

/// What ends a session before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum EndedBy {
    /// Someone asked for the end of this one.
    Request,
    /// The end of all sessions of its viewer.
    Viewer,
    /// The end of all sessions that stand on its signing key.
    SigningKey,
    /// Further sessions of its viewer than the signature allows.
    Superseded,
    /// The title was deleted.
    Title,
    /// It looked like theft (docs/PACING.md).
    Pacing,
}

impl EndedBy {
    const ALL: [Self; 6] = [Self::Request, Self::Viewer, Self::SigningKey, Self::Superseded, Self::Title, Self::Pacing];

    /// Its name in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Viewer => "viewer",
            Self::SigningKey => "signingKey",
            Self::Superseded => "superseded",
            Self::Title => "title",
            Self::Pacing => "pacing",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ended_by| ended_by.as_str() == name)
    }
}

impl WriteTransaction<'_> {
    /// Ends one session. False when it is unknown or ended already.
    pub async fn revoke_session(&mut self, id: &SessionId, by: EndedBy, now: i64) -> Result<bool, StoreError> {
        let result = query("UPDATE sessions SET revoked_at = ?, ended_by = ? WHERE id = ? AND revoked_at IS NULL")
            .bind(now)
            .bind(by.as_str())
            .bind(id.as_bytes().as_slice())
            .execute(self.connection().await?)
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Ends every session that stands on a signing key and returns how many.
    pub async fn revoke_signed_by(&mut self, app_id: AppId, kid: &KeyId, now: i64) -> Result<u64, StoreError> {
        let statement =
            "UPDATE sessions SET revoked_at = ?, ended_by = ? WHERE app_id = ? AND kid = ? AND revoked_at IS NULL";
        self.revoke_all(statement, (app_id, kid.as_str()), EndedBy::SigningKey, now).await
    }

    /// Ends every session of a viewer and returns how many.
    pub async fn revoke_viewer(&mut self, app_id: AppId, uid: &str, now: i64) -> Result<u64, StoreError> {
        let statement =
            "UPDATE sessions SET revoked_at = ?, ended_by = ? WHERE app_id = ? AND uid = ? AND revoked_at IS NULL";
        self.revoke_all(statement, (app_id, uid), EndedBy::Viewer, now).await
    }

    async fn revoke_all(
        &mut self,
        statement: &'static str,
        (app_id, value): (AppId, &str),
        ended_by: EndedBy,
        now: i64,
    ) -> Result<u64, StoreError> {
        let query = query(statement).bind(now).bind(ended_by.as_str()).bind(integer(app_id.value())).bind(value);
        Ok(query.execute(self.connection().await?).await?.rows_affected())
    }
}
