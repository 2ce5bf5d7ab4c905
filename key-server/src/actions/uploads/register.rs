use keyveil_protocol::{AppId, ErrorCode};
use serde_json::json;
use url::Url;

use super::SourceInfo;
use crate::actions::{random_id, sources, workflows};
use crate::clock::stored;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Title, TitleState, Upload, UploadKind, UploadState};

/// How a source is to come.
pub(super) enum Arrival<'a> {
    /// By tus.
    Sent { length: u64, metadata: &'a str },
    /// From another server.
    Pulled { url: &'a Url },
}

/// Makes an upload, and the title that waits for it.
pub(crate) async fn create(
    state: &ServerState,
    principal: &Principal,
    length: u64,
    metadata: &str,
) -> Result<Upload, Refusal> {
    let info = SourceInfo::from_metadata(metadata)?;
    if length == 0 {
        let detail = "Upload-Length: a video has at least one byte";
        return Err(Refusal::new(ErrorCode::MalformedRequest, detail).with_detail(detail));
    }
    if length > bytes_max(state, principal.app_id).await? {
        return Err(Refusal::new(ErrorCode::UploadTooLarge, "over the application's limit"));
    }
    register(state, principal, info, &Arrival::Sent { length, metadata }).await
}

/// The longest source that an application takes.
pub(crate) async fn bytes_max(state: &ServerState, app_id: AppId) -> Result<u64, Refusal> {
    Ok(state.installation.store().upload_limits(app_id).await?.0.min(sources::SOURCE_LEN_MAX))
}

pub(super) async fn register(
    state: &ServerState,
    principal: &Principal,
    info: SourceInfo,
    arrival: &Arrival<'_>,
) -> Result<Upload, Refusal> {
    check_kind(state, principal.app_id, &info, arrival).await?;
    let (workflow_id, settings) = workflows::resolve(state, principal.app_id, info.workflow_id.as_ref()).await?;
    let file_id = match info.file_id {
        Some(file_id) => file_id,
        None => random_id::<12, _>()?,
    };
    let upload_id = random_id::<16, _>()?;
    let now = stored(state.clock.now());
    let upload = Upload {
        key_ciphertext: Some(sources::new_key(state, principal.app_id, &file_id, &upload_id).await?),
        app_id: principal.app_id,
        file_id: file_id.clone(),
        kind: arrival.kind(),
        state: UploadState::Receiving,
        length: arrival.length(),
        offset: 0,
        metadata: arrival.metadata().to_owned(),
        sha256: info.sha256,
        url: arrival.url().map(Url::to_string),
        attempt: 0,
        created_at: now,
        updated_at: now,
        expires_at: match arrival {
            Arrival::Sent { .. } => stored(state.clock.now().saturating_add(state.config.uploads.expire_secs)),
            // Anyone may fetch it at once.
            Arrival::Pulled { .. } => now,
        },
        upload_id,
    };
    let title = Title {
        description: info.description,
        workflow_id: Some(workflow_id),
        file_name: Some(info.file_name),
        size_bytes: upload.length,
        ..Title::new(principal.app_id, file_id, info.name, (settings.mode, TitleState::Uploading), now)
    };
    keep(state, principal, &title, &info.labels, &upload).await?;
    Ok(upload)
}

async fn keep(
    state: &ServerState,
    principal: &Principal,
    title: &Title,
    labels: &[String],
    upload: &Upload,
) -> Result<(), Refusal> {
    let now = upload.created_at;
    let mut write = state.installation.store().write().await?;
    if write.title(&title.file_id).await?.is_some() {
        return Err(Refusal::new(ErrorCode::TitleExists, "the file id is taken"));
    }
    write.insert_title(title).await?;
    write.set_labels(&title.file_id, labels).await?;
    write.insert_upload(upload).await?;
    if state.installation.sources().is_some() {
        write.lay_in_pieces(&upload.upload_id).await?;
    }
    let detail = json!({
        "by": principal.by(), "mode": title.mode, "created": true, "uploadId": upload.upload_id,
        "workflowId": title.workflow_id,
    });
    let event = AuditEvent::new(AuditKind::TitleRegistered, detail).with_app(title.app_id).with_file(&title.file_id);
    write.append_audit(&event, now).await?;
    Ok(write.commit().await?)
}

/// By the file name's extension: what is really in a file is ffmpeg's to tell. An address may do without one.
async fn check_kind(
    state: &ServerState,
    app_id: AppId,
    info: &SourceInfo,
    arrival: &Arrival<'_>,
) -> Result<(), Refusal> {
    let (_, kinds) = state.installation.store().upload_limits(app_id).await?;
    let fits = match (info.extension(), arrival) {
        _ if kinds.is_empty() => true,
        (Some(extension), _) if kinds.contains(&extension) => true,
        (_, Arrival::Pulled { url }) => !url.path().rsplit('/').next().unwrap_or_default().contains('.'),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let detail = format!("filename: this application takes {}", kinds.join(", "));
    Err(Refusal::new(ErrorCode::UploadTypeNotAllowed, "extension").with_detail(detail))
}

impl Arrival<'_> {
    const fn kind(&self) -> UploadKind {
        match self {
            Self::Sent { .. } => UploadKind::Tus,
            Self::Pulled { .. } => UploadKind::Url,
        }
    }

    const fn length(&self) -> Option<u64> {
        match self {
            Self::Sent { length, .. } => Some(*length),
            Self::Pulled { .. } => None,
        }
    }

    const fn metadata(&self) -> &str {
        match self {
            Self::Sent { metadata, .. } => metadata,
            Self::Pulled { .. } => "",
        }
    }

    const fn url(&self) -> Option<&Url> {
        match self {
            Self::Sent { .. } => None,
            Self::Pulled { url } => Some(url),
        }
    }
}
