//! The server's static keys, which authenticate every envelope. Two overlap while rotating.

use base64ct::{Base64UrlUnpadded, Encoding};
use keyveil_protocol::api::{ServerKeyInfo, ServerKeysResponse};
use keyveil_protocol::{BuildId, ErrorCode, ServerKey, ServerKeyId};
use serde_json::json;
use zeroize::Zeroizing;

use super::{random, random_id};
use crate::installation::Installation;
use crate::kms::KmsContext;
use crate::refusal::Refusal;
use crate::store::{AuditEvent, AuditKind, ServerKeyRow};

/// Server keys in use at once.
const OVERLAP: u32 = 2;

/// What a rotation did.
#[derive(Debug)]
pub struct Rotation {
    /// The new key.
    pub id: ServerKeyId,
    /// Keys that are not used any more.
    pub retired: Vec<ServerKeyId>,
    /// Builds that pinned nothing else: their players get `build_unknown` from now on.
    pub cut_off_builds: Vec<BuildId>,
}

/// Makes a new server key and keeps the one before it. Refuses to cut off an accepted build unless `force`.
pub async fn rotate(installation: &Installation, force: bool, now: i64) -> Result<Rotation, Refusal> {
    let id: ServerKeyId = random_id::<6, _>()?;
    let private_key = Zeroizing::new(random::<32>()?);
    let context = KmsContext::ServerKey(&id);
    let private_key_ciphertext = installation.kms().encrypt(private_key.as_ref(), &context).await?;
    let public_key = ServerKey::from_bytes(id.clone(), &private_key)?.public_key().to_bytes();
    let row = ServerKeyRow { id: id.clone(), public_key, private_key_ciphertext, created_at: now, retired_at: None };
    let mut write = installation.store().write().await?;
    write.insert_server_key(&row).await?;
    let retired = write.retire_older_server_keys(OVERLAP, now).await?;
    let cut_off_builds = write.builds_without_server_key().await?;
    if !cut_off_builds.is_empty() && !force {
        let ids: Vec<&str> = cut_off_builds.iter().map(BuildId::as_str).collect();
        let cause = format!(
            "this would cut off the SDK builds {}: ship a newer build and retire them first, or use --force",
            ids.join(", ")
        );
        return Err(Refusal::new(ErrorCode::MalformedRequest, cause));
    }
    let detail = json!({ "id": id, "retired": retired, "cutOffBuilds": cut_off_builds });
    write.append_audit(&AuditEvent::new(AuditKind::ServerKeyRotated, detail), now).await?;
    write.commit().await?;
    Ok(Rotation { id, retired, cut_off_builds })
}

/// `GET /v1/server-keys`: the keys in use, newest first.
pub(crate) async fn list(installation: &Installation) -> Result<ServerKeysResponse, Refusal> {
    let rows = installation.store().server_keys().await?;
    let server_keys = rows
        .into_iter()
        .filter(|row| row.retired_at.is_none())
        .map(|row| ServerKeyInfo { id: row.id, public_key: Base64UrlUnpadded::encode_string(&row.public_key) })
        .collect();
    Ok(ServerKeysResponse { server_keys })
}
