//! The library: `/v1/titles…` and the stream of its changes.

mod changes;
mod delete;
mod describe;
mod list;
mod periods;
mod publish;
mod state;
mod view;

pub(crate) use changes::{changes, start as changes_start};
pub(crate) use delete::delete;
pub(crate) use describe::{Description, describe};
pub(crate) use list::{FIELDS as LIST_FIELDS, TitlesPage, list};
pub(crate) use periods::{Periods, periods};
pub(crate) use publish::{publish, unpublish};
pub(crate) use state::{change_state, delete_rows};
pub(crate) use view::{FailureView, TitleView, title};

use keyveil_protocol::{ErrorCode, FileId};
use serde_json::Value;

use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::store::{AuditEvent, AuditKind, Title, TitleState, WriteTransaction};

fn not_found() -> Refusal {
    Refusal::new(ErrorCode::TitleNotFound, "no such title in this app")
}

/// A title of the application that is not deleted; anything else is not told apart.
async fn own_title(
    write: &mut WriteTransaction<'_>,
    principal: &Principal,
    file_id: &FileId,
) -> Result<Title, Refusal> {
    let own = |title: &Title| title.app_id == principal.app_id && title.state != TitleState::Deleted;
    write.title(file_id).await?.filter(own).ok_or_else(not_found)
}

fn audit(kind: AuditKind, principal: &Principal, file_id: &FileId, mut detail: Value) -> AuditEvent {
    detail["by"] = principal.by();
    AuditEvent::new(kind, detail).with_app(principal.app_id).with_file(file_id)
}
