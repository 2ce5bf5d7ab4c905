//! `/v1/apps` and `key-server app set`: applications and what they allow.

use keyveil_protocol::{AppId, BelowMinLevel, ErrorCode, PlaybackLevel, WorkflowId};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::query::malformed;
use super::{apps, workflows};
use crate::clock::on_wire;
use crate::installation::Installation;
use crate::page_origin::DomainPattern;
use crate::refusal::Refusal;
use crate::store::{App, AppChange, AuditEvent, AuditKind};

const UPLOAD_BYTES_MAX: u64 = 1 << 40;
const UPLOAD_TYPES_MAX: usize = 64;
const UPLOAD_TYPE_LEN_MAX: usize = 16;

/// An application in JSON.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = App)]
pub struct AppView {
    app_id: AppId,
    name: String,
    domains: Vec<String>,
    max_age_secs: u64,
    default_workflow_id: Option<WorkflowId>,
    upload_bytes_max: u64,
    upload_types: Vec<String>,
    min_level: PlaybackLevel,
    below_min_level: BelowMinLevel,
    created_at: u64,
}

/// Body of a change: what is not named stays as it is.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeApp {
    /// What people call it.
    #[schema(min_length = 1, max_length = 256)]
    pub name: Option<String>,
    /// All its domains.
    #[schema(max_items = 64)]
    pub domains: Option<Vec<String>>,
    /// The longest life of a player signature.
    #[schema(minimum = 1, maximum = 31_622_400)]
    pub max_age_secs: Option<u64>,
    /// Its default workflow; null: the built-in default.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<WorkflowId>)]
    pub default_workflow_id: Option<Option<WorkflowId>>,
    /// The longest source it takes.
    #[schema(minimum = 1, maximum = 1_099_511_627_776_u64)]
    pub upload_bytes_max: Option<u64>,
    /// All file name extensions of the sources it takes.
    #[schema(min_items = 1, max_items = 64)]
    pub upload_types: Option<Vec<String>>,
    /// The least playback level.
    pub min_level: Option<PlaybackLevel>,
    /// What a lower level gets.
    pub below_min_level: Option<BelowMinLevel>,
}

/// Tells null from an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<WorkflowId>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn not_found() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "there is no such application")
}

impl From<App> for AppView {
    fn from(app: App) -> Self {
        Self {
            app_id: app.app_id,
            name: app.name,
            domains: app.domains,
            max_age_secs: app.max_age_secs,
            default_workflow_id: app.default_workflow_id,
            upload_bytes_max: app.upload_bytes_max,
            upload_types: app.upload_types,
            min_level: app.level_rule.min_level,
            below_min_level: app.level_rule.below_min_level,
            created_at: on_wire(app.created_at),
        }
    }
}

/// One application.
pub async fn show(installation: &Installation, app_id: AppId) -> Result<AppView, Refusal> {
    Ok(installation.store().app(app_id).await?.ok_or_else(not_found)?.into())
}

/// Changes an application. `by` is who does it, for the audit log.
pub async fn change(
    installation: &Installation,
    app_id: AppId,
    change: ChangeApp,
    by: Value,
    now: i64,
) -> Result<AppView, Refusal> {
    let store = installation.store();
    store.app(app_id).await?.ok_or_else(not_found)?;
    let change = checked(change)?;
    if let Some(Some(id)) = &change.default_workflow_id
        && !workflows::exists(store, app_id, id).await?
    {
        return Err(Refusal::new(ErrorCode::WorkflowNotFound, "no such workflow in this app, nor built in"));
    }
    let mut write = store.write().await?;
    write.change_app(app_id, &change).await?;
    let detail = json!({
        "by": by, "name": change.name, "domains": change.domains, "maxAgeSecs": change.max_age_secs,
        "defaultWorkflowId": change.default_workflow_id, "uploadBytesMax": change.upload_bytes_max,
        "uploadTypes": change.upload_types, "minLevel": change.min_level, "belowMinLevel": change.below_min_level,
    });
    write.append_audit(&AuditEvent::new(AuditKind::AppChanged, detail).with_app(app_id), now).await?;
    write.commit().await?;
    show(installation, app_id).await
}

fn checked(change: ChangeApp) -> Result<AppChange, Refusal> {
    change.name.as_deref().map_or(Ok(()), apps::check_name)?;
    change.max_age_secs.map_or(Ok(()), apps::check_max_age)?;
    if change.upload_bytes_max.is_some_and(|bytes| !(1..=UPLOAD_BYTES_MAX).contains(&bytes)) {
        return Err(malformed("uploadBytesMax must be 1 to 1099511627776"));
    }
    if change.upload_types.as_ref().is_some_and(|types| !are_types(types)) {
        return Err(malformed("uploadTypes must be 1 to 64 file name extensions of a–z and 0–9"));
    }
    let domains = change.domains.map(patterns).transpose()?;
    Ok(AppChange {
        name: change.name,
        domains,
        max_age_secs: change.max_age_secs,
        default_workflow_id: change.default_workflow_id,
        upload_bytes_max: change.upload_bytes_max,
        upload_types: change.upload_types,
        min_level: change.min_level,
        below_min_level: change.below_min_level,
    })
}

/// Domains in their one spelling.
fn patterns(domains: Vec<String>) -> Result<Vec<String>, Refusal> {
    let parsed = parsed_domains(&domains)?;
    apps::check_domains(&parsed)?;
    Ok(parsed.iter().map(ToString::to_string).collect())
}

pub(super) fn parsed_domains(domains: &[String]) -> Result<Vec<DomainPattern>, Refusal> {
    let parsed: Result<Vec<DomainPattern>, _> = domains.iter().map(|domain| domain.parse()).collect();
    parsed.map_err(|_| malformed("domains are host names such as example.com or *.example.com"))
}

fn are_types(types: &[String]) -> bool {
    let is_type = |text: &String| {
        (1..=UPLOAD_TYPE_LEN_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    (1..=UPLOAD_TYPES_MAX).contains(&types.len()) && types.iter().all(is_type)
}
