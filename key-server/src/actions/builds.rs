//! SDK builds: what a player's wasm is compiled with, and how it stops being accepted.

use std::fmt;

use keyveil_protocol::{BuildId, ErrorCode, PskSecret, ServerKeyId};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::random_id;
use crate::installation::Installation;
use crate::kms::{KmsContext, decrypt_32};
use crate::refusal::Refusal;
use crate::store::{AuditEvent, AuditKind, SdkBuildRow};

/// What the player's wasm is compiled with.
pub struct BuildExport {
    build_id: BuildId,
    build_secret: PskSecret,
    server_keys: Vec<ExportedServerKey>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportedServerKey {
    id: ServerKeyId,
    public_key: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportFile<'a> {
    build_id: &'a BuildId,
    build_secret: &'a str,
    server_keys: &'a [ExportedServerKey],
}

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

/// The newest accepted build.
pub async fn export_newest(installation: &Installation, now: i64) -> Result<BuildExport, Refusal> {
    let builds = installation.store().sdk_builds().await?;
    let build = builds.into_iter().find(|build| build.retired_at.is_none()).ok_or_else(|| {
        Refusal::new(ErrorCode::BuildUnknown, "every SDK build is retired: make one with `key-server build create`")
    })?;
    let secret = decrypt_32(installation.kms(), &build.secret_ciphertext, &KmsContext::SdkBuild(&build.id)).await?;
    let pinned = installation.store().pinned_server_keys(&build.id).await?;
    let mut write = installation.store().write().await?;
    let detail = json!({ "buildId": build.id });
    write.append_audit(&AuditEvent::new(AuditKind::BuildExported, detail), now).await?;
    write.commit().await?;
    Ok(BuildExport {
        build_id: build.id,
        build_secret: PskSecret::from_bytes(*secret),
        server_keys: pinned
            .into_iter()
            .map(|row| ExportedServerKey { id: row.id, public_key: hex::encode(row.public_key) })
            .collect(),
    })
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

impl BuildExport {
    /// Its id.
    #[must_use]
    pub const fn build_id(&self) -> &BuildId {
        &self.build_id
    }

    /// The JSON that the wasm build reads. Holds the build secret: write it to a private file only.
    pub fn expose_json(&self) -> Result<Zeroizing<String>, Refusal> {
        let build_secret = Zeroizing::new(hex::encode(self.build_secret.expose_secret()));
        let file = ExportFile { build_id: &self.build_id, build_secret: &build_secret, server_keys: &self.server_keys };
        serde_json::to_string_pretty(&file)
            .map(|json| Zeroizing::new(json + "\n"))
            .map_err(|_| Refusal::new(ErrorCode::Internal, "build can't be written"))
    }
}

impl fmt::Debug for BuildExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BuildExport({}, [redacted])", self.build_id)
    }
}
