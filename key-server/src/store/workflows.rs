use keyveil_protocol::workflow::WorkflowSettings;
use keyveil_protocol::{AppId, WorkflowId};

use super::engine::{Row, query};
use super::{Store, StoreError, WriteTransaction, integer, number, parsed};

/// An application's own workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    /// Its id.
    pub workflow_id: WorkflowId,
    /// What people call it.
    pub name: String,
    /// What it makes of a source.
    pub settings: WorkflowSettings,
}

impl Store {
    /// One of the application's own workflows.
    pub async fn workflow(&self, app_id: AppId, id: &WorkflowId) -> Result<Option<Workflow>, StoreError> {
        let row = query("SELECT * FROM workflows WHERE app_id = ? AND workflow_id = ?")
            .bind(integer(app_id.value()))
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(workflow_from_row).transpose()
    }

    /// All of the application's own workflows, by id.
    pub async fn workflows(&self, app_id: AppId) -> Result<Vec<Workflow>, StoreError> {
        let rows = query("SELECT * FROM workflows WHERE app_id = ? ORDER BY workflow_id")
            .bind(integer(app_id.value()))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(workflow_from_row).collect()
    }

    /// The workflow of titles that name none, where the application chose one.
    pub async fn default_workflow(&self, app_id: AppId) -> Result<Option<WorkflowId>, StoreError> {
        let row = query("SELECT default_workflow_id FROM apps WHERE app_id = ?")
            .bind(integer(app_id.value()))
            .fetch_optional(&self.pool)
            .await?;
        let id: Option<&str> = row.as_ref().map(|row| row.try_get(0)).transpose()?.flatten();
        id.map(|id| parsed(id, "workflow id")).transpose()
    }
}

impl WriteTransaction<'_> {
    /// How many workflows of its own an application has.
    pub async fn count_workflows(&mut self, app_id: AppId) -> Result<u32, StoreError> {
        let row = query("SELECT count(*) FROM workflows WHERE app_id = ?")
            .bind(integer(app_id.value()))
            .fetch_one(self.connection().await?)
            .await?;
        number(row.try_get(0)?, "count")
    }

    /// Keeps a new workflow. False when its id is taken.
    pub async fn insert_workflow(&mut self, app_id: AppId, workflow: &Workflow, now: i64) -> Result<bool, StoreError> {
        let result = query(
            "INSERT INTO workflows (app_id, workflow_id, name, settings, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
             ON CONFLICT DO NOTHING",
        )
        .bind(integer(app_id.value()))
        .bind(workflow.workflow_id.as_str())
        .bind(&workflow.name)
        .bind(settings_text(&workflow.settings)?)
        .bind(now)
        .execute(self.connection().await?)
        .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Changes a workflow; jobs that were made with it keep what they have. False when there is none.
    pub async fn update_workflow(&mut self, app_id: AppId, workflow: &Workflow, now: i64) -> Result<bool, StoreError> {
        let result =
            query("UPDATE workflows SET name = ?, settings = ?, updated_at = ? WHERE app_id = ? AND workflow_id = ?")
                .bind(&workflow.name)
                .bind(settings_text(&workflow.settings)?)
                .bind(now)
                .bind(integer(app_id.value()))
                .bind(workflow.workflow_id.as_str())
                .execute(self.connection().await?)
                .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Removes a workflow, also as the application's default. False when there is none.
    pub async fn delete_workflow(&mut self, app_id: AppId, id: &WorkflowId) -> Result<bool, StoreError> {
        query("UPDATE apps SET default_workflow_id = NULL WHERE app_id = ? AND default_workflow_id = ?")
            .bind(integer(app_id.value()))
            .bind(id.as_str())
            .execute(self.connection().await?)
            .await?;
        let result = query("DELETE FROM workflows WHERE app_id = ? AND workflow_id = ?")
            .bind(integer(app_id.value()))
            .bind(id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(result.rows_affected() == 1)
    }
}

pub(super) fn settings_text(settings: &WorkflowSettings) -> Result<String, StoreError> {
    serde_json::to_string(settings).map_err(|_| StoreError::Corrupt("workflow settings"))
}

pub(super) fn settings_from(text: &str) -> Result<WorkflowSettings, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt("workflow settings"))
}

fn workflow_from_row(row: &Row) -> Result<Workflow, StoreError> {
    Ok(Workflow {
        workflow_id: parsed(row.try_get("workflow_id")?, "workflow id")?,
        name: row.try_get("name")?,
        settings: settings_from(row.try_get("settings")?)?,
    })
}
