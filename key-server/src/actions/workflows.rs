//! Workflows: the built-in ones, an application's own, and which one holds for a title.

use keyveil_protocol::workflow::{LadderSettings, RungSettings, WorkflowSettings};
use keyveil_protocol::{AppId, Container, ErrorCode, Mode, WorkflowId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{parse_json, random_id};
use crate::clock::stored;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Store, Workflow};

const DEFAULT_ID: &str = "adaptive";
const WORKFLOWS_MAX: u32 = 100;
const NAME_LEN_MAX: usize = 256;
const DETAIL_CHARS_MAX: usize = 200;

/// A workflow in JSON.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Workflow)]
pub(crate) struct WorkflowInfo {
    workflow_id: WorkflowId,
    name: String,
    settings: WorkflowSettings,
    built_in: bool,
}

/// Body of a create or a change.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WorkflowRequest {
    /// Made by the server when absent; of a change that of the path.
    workflow_id: Option<WorkflowId>,
    #[schema(min_length = 1, max_length = 256)]
    name: String,
    #[schema(value_type = WorkflowSettings)]
    settings: Value,
}

/// The only page of workflows, built-in ones first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkflowsPage {
    workflows: Vec<WorkflowInfo>,
    next: Option<String>,
}

/// The workflow that holds for a title: the one it names, else the application's default, else `adaptive`.
pub(crate) async fn resolve(
    state: &ServerState,
    app_id: AppId,
    named: Option<&WorkflowId>,
) -> Result<(WorkflowId, WorkflowSettings), Refusal> {
    let store = state.installation.store();
    let id = match named {
        Some(id) => id.clone(),
        None => match store.default_workflow(app_id).await? {
            Some(id) => id,
            None => DEFAULT_ID.parse()?,
        },
    };
    if let Some((_, settings)) = built_in(id.as_str()) {
        return Ok((id, settings));
    }
    let workflow = store.workflow(app_id, &id).await?.ok_or_else(not_found)?;
    Ok((id, workflow.settings))
}

/// Whether an application has a workflow of this id, or it is built in.
pub(crate) async fn exists(store: &Store, app_id: AppId, id: &WorkflowId) -> Result<bool, Refusal> {
    Ok(built_in(id.as_str()).is_some() || store.workflow(app_id, id).await?.is_some())
}

pub(crate) async fn list(state: &ServerState, principal: &Principal) -> Result<WorkflowsPage, Refusal> {
    let mut workflows = Vec::new();
    for (id, name) in BUILT_IN {
        workflows.extend(built_in_info(id, name)?);
    }
    let own = state.installation.store().workflows(principal.app_id).await?;
    workflows.extend(own.into_iter().map(WorkflowInfo::from));
    // At most a hundred and a few: always one page.
    Ok(WorkflowsPage { workflows, next: None })
}

pub(crate) async fn show(state: &ServerState, principal: &Principal, id: &WorkflowId) -> Result<WorkflowInfo, Refusal> {
    if let Some((id, name)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == id.as_str()) {
        return built_in_info(id, name)?.ok_or_else(not_found);
    }
    let found = state.installation.store().workflow(principal.app_id, id).await?;
    found.map(WorkflowInfo::from).ok_or_else(not_found)
}

pub(crate) async fn create(state: &ServerState, principal: &Principal, body: &[u8]) -> Result<WorkflowInfo, Refusal> {
    let request: WorkflowRequest = parse_json(body)?;
    let id = match request.workflow_id.clone() {
        Some(id) => id,
        None => random_id::<8, _>()?,
    };
    refuse_built_in(&id)?;
    let workflow = checked(id, request)?;
    let mut write = state.installation.store().write().await?;
    if write.count_workflows(principal.app_id).await? >= WORKFLOWS_MAX {
        return Err(Refusal::new(ErrorCode::LimitReached, "workflows").with_detail("workflows: at most 100"));
    }
    let now = stored(state.clock.now());
    if !write.insert_workflow(principal.app_id, &workflow, now).await? {
        return Err(invalid("workflowId: taken; choose another one, or change that one by PUT"));
    }
    write.append_audit(&audit(AuditKind::WorkflowCreated, principal, &workflow.workflow_id), now).await?;
    write.commit().await?;
    Ok(workflow.into())
}

pub(crate) async fn change(
    state: &ServerState,
    principal: &Principal,
    id: WorkflowId,
    body: &[u8],
) -> Result<WorkflowInfo, Refusal> {
    let request: WorkflowRequest = parse_json(body)?;
    refuse_built_in(&id)?;
    if request.workflow_id.as_ref().is_some_and(|named| *named != id) {
        return Err(invalid("workflowId: not that of the path; an id does not change"));
    }
    let workflow = checked(id, request)?;
    let mut write = state.installation.store().write().await?;
    let now = stored(state.clock.now());
    if !write.update_workflow(principal.app_id, &workflow, now).await? {
        return Err(not_found());
    }
    write.append_audit(&audit(AuditKind::WorkflowChanged, principal, &workflow.workflow_id), now).await?;
    write.commit().await?;
    Ok(workflow.into())
}

pub(crate) async fn delete(state: &ServerState, principal: &Principal, id: &WorkflowId) -> Result<(), Refusal> {
    refuse_built_in(id)?;
    let mut write = state.installation.store().write().await?;
    if !write.delete_workflow(principal.app_id, id).await? {
        return Err(not_found());
    }
    write.append_audit(&audit(AuditKind::WorkflowDeleted, principal, id), stored(state.clock.now())).await?;
    Ok(write.commit().await?)
}

impl From<Workflow> for WorkflowInfo {
    fn from(workflow: Workflow) -> Self {
        let Workflow { workflow_id, name, settings } = workflow;
        Self { workflow_id, name, settings, built_in: false }
    }
}

/// Ids and names, in the order they are shown.
const BUILT_IN: [(&str, &str); 6] = [
    (DEFAULT_ID, "Adaptive"),
    ("adaptive-1080p", "Adaptive up to 1080p"),
    ("vod-compact", "Compact ladder"),
    ("original", "Original quality"),
    ("adaptive-ts", "Adaptive, MPEG-TS"),
    ("clear", "Adaptive, not encrypted"),
];

const COMPACT_RUNGS: [(u32, u32); 6] =
    [(240, 256_000), (480, 512_000), (720, 1_024_000), (1080, 2_500_000), (1440, 3_072_000), (2160, 6_144_000)];

fn built_in(id: &str) -> Option<(&'static str, WorkflowSettings)> {
    let (_, name) = BUILT_IN.iter().find(|(built_in, _)| *built_in == id)?;
    let adaptive = WorkflowSettings::default();
    let settings = match id {
        "adaptive-1080p" => WorkflowSettings { ladder: LadderSettings::Auto { max_edge: Some(1080) }, ..adaptive },
        "vod-compact" => {
            let rung = |(edge, video_bit_rate)| RungSettings { edge, video_bit_rate };
            let ladder = LadderSettings::Rungs { rungs: COMPACT_RUNGS.into_iter().map(rung).collect() };
            WorkflowSettings { ladder, audio_bit_rate: 48_000, ..adaptive }
        }
        "original" => WorkflowSettings { ladder: LadderSettings::Copy, ..adaptive },
        "adaptive-ts" => WorkflowSettings { container: Container::Ts, ..adaptive },
        "clear" => WorkflowSettings { mode: Mode::Clear, cipher: None, ..adaptive },
        _ => adaptive,
    };
    Some((name, settings))
}

fn built_in_info(id: &str, name: &str) -> Result<Option<WorkflowInfo>, Refusal> {
    let Some((_, settings)) = built_in(id) else { return Ok(None) };
    Ok(Some(WorkflowInfo { workflow_id: id.parse()?, name: name.to_owned(), settings, built_in: true }))
}

fn checked(workflow_id: WorkflowId, request: WorkflowRequest) -> Result<Workflow, Refusal> {
    let name = request.name;
    if !(1..=NAME_LEN_MAX).contains(&name.len()) || name.chars().any(char::is_control) {
        return Err(invalid("name: 1 to 256 bytes of plain text"));
    }
    // serde's words name the field. There is no secret in settings that they could quote.
    let settings: WorkflowSettings = serde_json::from_value(request.settings).map_err(|error| {
        let words: String = error.to_string().chars().take(DETAIL_CHARS_MAX).collect();
        Refusal::new(ErrorCode::WorkflowInvalid, "settings can't be read").with_detail(format!("settings: {words}"))
    })?;
    settings.check().map_err(|error| invalid(error.cause()))?;
    Ok(Workflow { workflow_id, name, settings })
}

fn refuse_built_in(id: &WorkflowId) -> Result<(), Refusal> {
    if built_in(id.as_str()).is_none() {
        return Ok(());
    }
    Err(invalid("workflowId: built in, so it can't be changed or taken"))
}

fn invalid(detail: &'static str) -> Refusal {
    Refusal::new(ErrorCode::WorkflowInvalid, detail).with_detail(detail)
}

fn audit(kind: AuditKind, principal: &Principal, id: &WorkflowId) -> AuditEvent {
    AuditEvent::new(kind, json!({ "workflowId": id, "by": principal.by() })).with_app(principal.app_id)
}

fn not_found() -> Refusal {
    Refusal::new(ErrorCode::WorkflowNotFound, "no such workflow in this app, nor built in")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_workflow_makes_sense_and_differs() {
        let all: Vec<_> = BUILT_IN.iter().map(|(id, _)| built_in(id).unwrap().1).collect();
        for (place, settings) in all.iter().enumerate() {
            assert!(settings.check().is_ok(), "{settings:?}");
            assert!(!all[..place].contains(settings), "{settings:?}");
        }
        assert!(built_in("mine").is_none());
    }
}
