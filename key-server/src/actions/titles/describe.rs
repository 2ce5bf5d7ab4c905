//! `PATCH /v1/titles/{fileId}`: what people say of a title.

use keyveil_protocol::FileId;
use serde::Deserialize;
use serde_json::json;

use super::view::{self, TitleView};
use super::{audit, own_title};
use crate::actions::parse_json;
use crate::actions::query::{is_plain, malformed};
use crate::clock::stored;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::AuditKind;

pub(super) const LABELS_MAX: usize = 20;
pub(super) const LABEL_LEN_MAX: usize = 64;
const NAME_LEN_MAX: usize = 256;
const DESCRIPTION_LEN_MAX: usize = 4000;

/// Body of `PATCH /v1/titles/{fileId}`: what is not named stays as it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TitleChange)]
pub(crate) struct Description {
    #[schema(min_length = 1, max_length = 256)]
    name: Option<String>,
    #[schema(max_length = 4000)]
    description: Option<String>,
    /// All of them.
    #[schema(max_items = 20)]
    labels: Option<Vec<String>>,
}

pub(crate) async fn describe(
    state: &ServerState,
    principal: &Principal,
    file_id: &FileId,
    body: &[u8],
) -> Result<TitleView, Refusal> {
    let change: Description = parse_json(body)?;
    change.check()?;
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let title = own_title(&mut write, principal, file_id).await?;
    let changed: Vec<&str> = [
        ("name", change.name.is_some()),
        ("description", change.description.is_some()),
        ("labels", change.labels.is_some()),
    ]
    .into_iter()
    .filter_map(|(field, set)| set.then_some(field))
    .collect();
    if !changed.is_empty() {
        if let Some(labels) = &change.labels {
            write.set_labels(file_id, labels).await?;
        }
        let name = change.name.unwrap_or(title.name);
        write.describe_title(file_id, &name, &change.description.unwrap_or(title.description), now).await?;
        let event = audit(AuditKind::TitleDescribed, principal, file_id, json!({ "changed": changed }));
        write.append_audit(&event, now).await?;
        write.commit().await?;
    } else {
        drop(write);
    }
    view::title(state, principal, file_id).await
}

impl Description {
    fn check(&self) -> Result<(), Refusal> {
        if self.name.as_ref().is_some_and(|name| !is_plain(name, NAME_LEN_MAX)) {
            return Err(malformed("name is not 1 to 256 bytes of plain text"));
        }
        if self.description.as_ref().is_some_and(|text| !is_description(text)) {
            return Err(malformed("description is not up to 4000 bytes of text"));
        }
        let labels = self.labels.as_deref().unwrap_or_default();
        if labels.len() > LABELS_MAX || !labels.iter().all(|label| is_plain(label, LABEL_LEN_MAX)) {
            return Err(malformed("labels are not up to 20 of 1 to 64 bytes of plain text"));
        }
        Ok(())
    }
}

/// Several lines are fine.
fn is_description(text: &str) -> bool {
    text.len() <= DESCRIPTION_LEN_MAX && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}
