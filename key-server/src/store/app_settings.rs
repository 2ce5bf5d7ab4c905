use keyveil_protocol::{AppId, BelowMinLevel, PlaybackLevel, WorkflowId};

use super::engine::query;
use super::{StoreError, WriteTransaction, integer};

/// What is to be different in an application; nothing where a field is none.
#[derive(Clone, Debug, Default)]
pub struct AppChange {
    /// What people call it.
    pub name: Option<String>,
    /// All its domains.
    pub domains: Option<Vec<String>>,
    /// The longest life of a player signature.
    pub max_age_secs: Option<u64>,
    /// Its default workflow; inside none: the built-in default.
    pub default_workflow_id: Option<Option<WorkflowId>>,
    /// The longest source it takes.
    pub upload_bytes_max: Option<u64>,
    /// All file name extensions of the sources it takes.
    pub upload_types: Option<Vec<String>>,
    /// The least playback level.
    pub min_level: Option<PlaybackLevel>,
    /// What a lower level gets.
    pub below_min_level: Option<BelowMinLevel>,
}

impl WriteTransaction<'_> {
    /// Changes an application. The caller has checked every value.
    pub async fn change_app(&mut self, app_id: AppId, change: &AppChange) -> Result<(), StoreError> {
        let id = integer(app_id.value());
        query(
            "UPDATE apps SET name = coalesce(?2, name), max_age_secs = coalesce(?3, max_age_secs),
             default_workflow_id = CASE WHEN ?4 <> 0 THEN ?5 ELSE default_workflow_id END,
             upload_bytes_max = coalesce(?6, upload_bytes_max), upload_types = coalesce(?7, upload_types),
             min_level = coalesce(?8, min_level), below_min_level = coalesce(?9, below_min_level) WHERE app_id = ?1",
        )
        .bind(id)
        .bind(change.name.as_deref())
        .bind(change.max_age_secs.map(integer))
        .bind(change.default_workflow_id.is_some())
        .bind(change.default_workflow_id.as_ref().and_then(|id| id.as_ref().map(WorkflowId::as_str)))
        .bind(change.upload_bytes_max.map(integer))
        .bind(change.upload_types.as_ref().map(|types| types.join(",")))
        .bind(change.min_level.map(PlaybackLevel::as_str))
        .bind(change.below_min_level.map(String::from))
        .execute(self.connection().await?)
        .await?;
        if let Some(domains) = &change.domains {
            query("DELETE FROM app_domains WHERE app_id = ?").bind(id).execute(self.connection().await?).await?;
            for pattern in domains {
                query("INSERT INTO app_domains (app_id, pattern) VALUES (?, ?) ON CONFLICT DO NOTHING")
                    .bind(id)
                    .bind(pattern)
                    .execute(self.connection().await?)
                    .await?;
            }
        }
        Ok(())
    }
}
