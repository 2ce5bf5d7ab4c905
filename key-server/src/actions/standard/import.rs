//! `PUT /v1/titles/{fileId}/imported-keys`: keys of a title that another vendor encrypted.

use std::collections::BTreeSet;
use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use futures_util::{StreamExt, TryStreamExt, stream};
use keyveil_protocol::{ErrorCode, FileId, Mode};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::StandardKey;
use crate::actions::parse_json;
use crate::clock::stored;
use crate::kms::KmsContext;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, ImportedKey, Title, TitleState};

pub(super) const KEY_LEN: usize = 16;
pub(super) const TEXT_LEN_MAX: usize = 1024;
pub(super) const MEDIA_ID_LEN_MAX: usize = 128;
const KEYS_MAX: usize = 1000;
/// Calls of the KMS at the same time.
const WRAPS_AT_ONCE: usize = 8;

/// Body of `PUT /v1/titles/{fileId}/imported-keys`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PutImportedKeys {
    /// The vendor's id of the title.
    #[schema(min_length = 1, max_length = 128)]
    media_id: String,
    #[schema(min_items = 1, max_items = 1000)]
    keys: Vec<NewKey>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// The text that names it in the vendor's playlists.
    #[schema(min_length = 1, max_length = 1024)]
    ciphertext: String,
    key: KeyText,
}

/// base64url of 16 bytes. Wiped when dropped, never printed.
#[derive(Deserialize, ToSchema)]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{22}$")]
#[serde(try_from = "String")]
struct KeyText(StandardKey);

/// What a title's imported keys are now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportedKeys {
    file_id: FileId,
    media_id: String,
    count: usize,
}

impl TryFrom<String> for KeyText {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = Zeroizing::new(text);
        let mut key = Zeroizing::new([0; KEY_LEN]);
        let len = Base64UrlUnpadded::decode(text.as_bytes(), key.as_mut()).map_or(0, <[u8]>::len);
        if len == KEY_LEN { Ok(Self(key)) } else { Err("a key is base64url of 16 bytes") }
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText([redacted])")
    }
}

/// How a text is kept and looked up. Base64 has no space: it is what a query makes of a plus sign.
pub(super) fn text_hash(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.replace(' ', "+").as_bytes()).as_ref());
    hash
}

/// Replaces all imported keys of the title.
pub(crate) async fn put_imported_keys(
    state: &ServerState,
    principal: &Principal,
    file_id: &FileId,
    body: &[u8],
) -> Result<ImportedKeys, Refusal> {
    let request: PutImportedKeys = parse_json(body)?;
    check(&request)?;
    let (store, now) = (state.installation.store(), stored(state.clock.now()));
    check_title(store.title(file_id).await?.as_ref(), principal)?;
    let keys = wrap(state, principal, file_id, &request.keys).await?;
    let detail = json!({ "by": principal.by(), "mediaId": request.media_id, "count": keys.len() });
    let event = AuditEvent::new(AuditKind::KeysImported, detail).with_app(principal.app_id).with_file(file_id);
    let mut write = store.write().await?;
    // Again, now that nothing else can change it.
    check_title(write.title(file_id).await?.as_ref(), principal)?;
    write.replace_imported_keys(principal.app_id, file_id, &request.media_id, &keys, now).await?;
    write.append_audit(&event, now).await?;
    write.commit().await?;
    Ok(ImportedKeys { file_id: file_id.clone(), media_id: request.media_id, count: keys.len() })
}

fn check(request: &PutImportedKeys) -> Result<(), Refusal> {
    let wrong = |cause: &'static str| Err(Refusal::new(ErrorCode::MalformedRequest, cause).with_detail(cause));
    let is_text = |text: &str, len_max| (1..=len_max).contains(&text.len()) && !text.chars().any(char::is_control);
    if !is_text(&request.media_id, MEDIA_ID_LEN_MAX) {
        return wrong("mediaId: not 1 to 128 bytes of plain text");
    }
    if !(1..=KEYS_MAX).contains(&request.keys.len()) {
        return wrong("keys: not 1 to 1000");
    }
    if !request.keys.iter().all(|key| is_text(&key.ciphertext, TEXT_LEN_MAX)) {
        return wrong("keys.ciphertext: not 1 to 1024 bytes of plain text");
    }
    let texts: BTreeSet<[u8; 32]> = request.keys.iter().map(|key| text_hash(&key.ciphertext)).collect();
    if texts.len() < request.keys.len() {
        return wrong("keys.ciphertext: one stands twice");
    }
    Ok(())
}

/// A standard title of the application that no workflow makes.
fn check_title(title: Option<&Title>, principal: &Principal) -> Result<(), Refusal> {
    let own = |title: &&Title| title.app_id == principal.app_id && title.state != TitleState::Deleted;
    let not_found = || Refusal::new(ErrorCode::TitleNotFound, "no such title in this app");
    let title = title.filter(own).ok_or_else(not_found)?;
    if title.mode != Mode::Standard || title.workflow_id.is_some() {
        return Err(Refusal::new(ErrorCode::TitleState, "keys are imported for standard titles made by hand"));
    }
    Ok(())
}

async fn wrap(
    state: &ServerState,
    principal: &Principal,
    file_id: &FileId,
    keys: &[NewKey],
) -> Result<Vec<ImportedKey>, Refusal> {
    let (kms, app_id) = (state.installation.kms(), principal.app_id);
    let wrapped = keys.iter().map(|key| async move {
        let text_hash = text_hash(&key.ciphertext);
        let context = KmsContext::ImportedKey { app_id, file_id, text_hash: &text_hash };
        let key_ciphertext = kms.encrypt(key.key.0.as_slice(), &context).await?;
        Ok::<_, Refusal>(ImportedKey { text_hash, key_ciphertext })
    });
    stream::iter(wrapped).buffered(WRAPS_AT_ONCE).try_collect().await
}
