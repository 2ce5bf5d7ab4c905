//! `/v1/apps`: all applications, and new ones.

use keyveil_protocol::{ApiKeyId, AppId, KeyId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::app_settings::{self, AppView, parsed_domains};
use super::apps::{self, NewApp};
use super::query::{Fields, cut};
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::SortValue;

/// The query's fields.
pub(crate) const FIELDS: &[&str] = &["limit", "after"];
const LIST: &str = "apps";
const MAX_AGE_SECS_DEFAULT: u64 = 86_400;

/// Body of `POST /v1/apps`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateApp {
    /// What people call it.
    #[schema(min_length = 1, max_length = 256)]
    name: String,
    /// The pages that may play its titles; none: any page.
    #[serde(default)]
    #[schema(max_items = 64)]
    domains: Vec<String>,
    /// The longest life of a player signature; a day when absent.
    #[schema(minimum = 1, maximum = 31_622_400)]
    max_age_secs: Option<u64>,
}

/// A new application with the secrets that are told once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedAppView {
    #[serde(flatten)]
    app: AppView,
    signing_key: FirstSigningKey,
    api_key: FirstApiKey,
}

/// A new application's signing key.
#[derive(Serialize, ToSchema)]
struct FirstSigningKey {
    kid: KeyId,
    text: String,
}

/// A new application's API key, which has every scope.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FirstApiKey {
    api_key_id: ApiKeyId,
    text: String,
}

/// A page of applications.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AppsPage {
    apps: Vec<AppView>,
    next: Option<String>,
}

/// By number: all of them, or the `only` one.
pub(crate) async fn list(state: &ServerState, only: Option<AppId>, fields: &Fields) -> Result<AppsPage, Refusal> {
    let limit = fields.limit()?;
    let after = fields.after(LIST)?.map(|cursor| cursor.integer()).transpose()?;
    let mut rows = state.installation.store().list_apps(only, after, limit.saturating_add(1)).await?;
    let number = |id: AppId| i64::try_from(id.value()).unwrap_or(i64::MAX);
    let next = cut(&mut rows, limit, LIST, |app| (SortValue::Integer(number(app.app_id)), String::new()))?;
    Ok(AppsPage { apps: rows.into_iter().map(AppView::from).collect(), next })
}

/// Makes an application, its first signing key and its first API key.
pub(crate) async fn create(state: &ServerState, user_id: &UserId, body: &[u8]) -> Result<CreatedAppView, Refusal> {
    let request: CreateApp = super::parse_json(body)?;
    let new_app = NewApp {
        domains: parsed_domains(&request.domains)?,
        name: request.name,
        max_age_secs: request.max_age_secs.unwrap_or(MAX_AGE_SECS_DEFAULT),
    };
    let (by, now) = (json!({ "userId": user_id }), stored(state.clock.now()));
    let made = apps::create_by(&state.installation, &new_app, by, now).await?;
    Ok(CreatedAppView {
        app: app_settings::show(&state.installation, made.app_id).await?,
        signing_key: FirstSigningKey {
            kid: made.signing_key.kid.clone(),
            text: made.signing_key.expose_text().to_owned(),
        },
        api_key: FirstApiKey { api_key_id: made.api_key.id().clone(), text: made.api_key.expose_text().to_string() },
    })
}
