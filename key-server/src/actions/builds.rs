//! SDK builds: what a player's files are written with, and how it stops being accepted.

use keyveil_protocol::{BuildId, ErrorCode, PskSecret, SdkBuild, ServerKeyId, ServerPublicKey};
use serde_json::json;

use super::random_id;
use crate::installation::Installation;
use crate::kms::{KmsContext, decrypt_32};
use crate::refusal::Refusal;
use crate::store::{AuditEvent, AuditKind, SdkBuildRow};

/// Makes a build that pins the server keys in use.
pub async fn create(installation: &Installation, now: i64) -> Result<BuildId, Refusal> {
    let id: BuildId = random_id::<8, _>()?;
    let (_, secret_ciphertext) = installation.kms().generate_data_key(&KmsContext::SdkBuild(&id)).await?;
    let server_keys = installation.store().server_keys().await?;
    let pinned: Vec<ServerKeyId> =
        server_keys.into_iter().filter(|row| row.retired_at.is_none()).map(|row| row.id).collect();
    let row = SdkBuildRow { id: id.clone(), secret_ciphertext, created_at: now, retired_at: None };
    let mut write = installation.store().write().await?;
    write.insert_sdk_build(&row, &pinned).await?;
    let detail = json!({ "buildId": id, "serverKeyIds": pinned });
    write.append_audit(&AuditEvent::new(AuditKind::BuildCreated, detail), now).await?;
    write.commit().await?;
    Ok(id)
}

/// An accepted build with its secret, the newest unless one is named: what its players' files are written with.
pub async fn open(installation: &Installation, id: Option<&BuildId>, now: i64) -> Result<SdkBuild, Refusal> {
    let builds = installation.store().sdk_builds().await?;
    let mut accepted = builds.into_iter().filter(|build| build.retired_at.is_none());
    let build = accepted.find(|build| id.is_none_or(|id| build.id == *id)).ok_or_else(|| {
        let none =
            "there is no such SDK build in use: `key-server build list` has them, `key-server build create` makes one";
        Refusal::new(ErrorCode::BuildUnknown, none)
    })?;
    let secret = decrypt_32(installation.kms(), &build.secret_ciphertext, &KmsContext::SdkBuild(&build.id)).await?;
    let pinned = installation.store().pinned_server_keys(&build.id).await?;
    let server_keys = pinned.into_iter().map(|row| {
        ServerPublicKey::from_bytes(row.id, &row.public_key)
            .map_err(|_| Refusal::new(ErrorCode::Internal, "stored server key is not valid"))
    });
    let server_keys = server_keys.collect::<Result<_, _>>()?;
    let mut write = installation.store().write().await?;
    let detail = json!({ "buildId": build.id });
    write.append_audit(&AuditEvent::new(AuditKind::BuildExported, detail), now).await?;
    write.commit().await?;
    Ok(SdkBuild { id: build.id, secret: PskSecret::from_bytes(*secret), server_keys })
}

/// Stops accepting a build. False when there is no such accepted build.
pub async fn retire(installation: &Installation, id: &BuildId, now: i64) -> Result<bool, Refusal> {
    let mut write = installation.store().write().await?;
    let retired = write.retire_sdk_build(id, now).await?;
    if retired {
        write.append_audit(&AuditEvent::new(AuditKind::BuildRetired, json!({ "buildId": id })), now).await?;
        write.commit().await?;
    }
    Ok(retired)
}
