//! `GET /v1/hls-keys?Ciphertext=…&MediaId=…`: the key that was imported for a text of another vendor's playlist.

use keyveil_protocol::{AppId, ErrorCode, Mode, SessionId};
use ring::digest::{Context, SHA256};
use serde_json::json;
use zeroize::Zeroizing;

use super::import::{self, KEY_LEN, MEDIA_ID_LEN_MAX, TEXT_LEN_MAX};
use super::release::{self, Release};
use super::{StandardKey, session};
use crate::actions::admission::{self, Entry};
use crate::actions::keys::Client;
use crate::actions::levels::Player;
use crate::actions::published_title::PublishedTitle;
use crate::kms::KmsContext;
use crate::origin::UnverifiedSessionToken;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Session, StoreError};

const PSIGN_SESSION_LABEL: &[u8] = b"keyveil/v1/psign-session";

/// A key address of another vendor's playlist, decoded.
pub(crate) struct ImportedKeyRequest<'a> {
    pub(crate) text: &'a str,
    pub(crate) media_id: &'a str,
    /// A session token, or a player signature.
    pub(crate) token: Option<&'a str>,
    pub(crate) client: Client<'a>,
}

/// In the order of docs/DELIVERY.md. Refusals after the session is known are told to the application's pages.
pub(crate) async fn imported_key(
    state: &ServerState,
    request: &ImportedKeyRequest<'_>,
) -> Result<(AppId, StandardKey), Refusal> {
    if !(1..=TEXT_LEN_MAX).contains(&request.text.len()) || !(1..=MEDIA_ID_LEN_MAX).contains(&request.media_id.len()) {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "Ciphertext or MediaId is empty or too long"));
    }
    let now = state.clock.now();
    let session = find_session(state, request).await?;
    let app_id = session.app_id;
    let key = release(state, request, &session, now).await;
    key.map(|key| (app_id, key)).map_err(|refusal| refusal.for_app(app_id))
}

async fn find_session(state: &ServerState, request: &ImportedKeyRequest<'_>) -> Result<Session, Refusal> {
    match request.token {
        Some(psign) if is_psign(psign) => session_of_psign(state, psign, &request.client).await,
        token => session_of_token(state, token, &request.client).await,
    }
}

/// A player signature has dots, a session token has none.
fn is_psign(token: &str) -> bool {
    token.contains('.')
}

async fn session_of_token(state: &ServerState, token: Option<&str>, client: &Client<'_>) -> Result<Session, Refusal> {
    let refuse = |cause: &'static str| {
        let invalid = Refusal::new(ErrorCode::SessionInvalid, cause);
        state.standard_limits.refuse(client.address, invalid)
    };
    let token = token.and_then(UnverifiedSessionToken::parse).ok_or_else(|| refuse("no token"))?;
    let session = state.installation.store().session(&token.session_id()).await?;
    // The address names no folder: it is the session's.
    let session = session
        .filter(|session| token.verify(&state.installation.session_mac_key(&session.id), &session.folder()))
        .ok_or_else(|| refuse("unknown session, or MAC differs"))?;
    state.standard_limits.check_session(&session.id)?;
    Ok(session)
}

/// The same signature is the same session: it is opened by its first use.
async fn session_of_psign(state: &ServerState, psign: &str, client: &Client<'_>) -> Result<Session, Refusal> {
    let id = psign_session_id(psign);
    let store = state.installation.store();
    // Whoever knows the hash of a signature that was checked knows the signature.
    if let Some(session) = store.session(&id).await? {
        state.standard_limits.check_session(&id)?;
        return Ok(session);
    }
    let Client { origin, address } = *client;
    let entry = Entry { psign, file_id: None, version: None, player: Player::Other, origin, address };
    let admission = admission::admit(state, &entry).await;
    let admission = admission.map_err(|refusal| state.standard_limits.refuse(client.address, refusal))?;
    state.standard_limits.check_session(&id)?;
    let app_id = admission.title.info.app_id;
    if admission.title.info.mode != Mode::Standard {
        return Err(Refusal::new(ErrorCode::PsignContentType, "not a standard title").for_app(app_id));
    }
    match session::open(state, &admission, id, 0).await {
        Ok(session) => Ok(session),
        // Two requests at once: the other one opened it.
        Err(refusal) => store.session(&id).await?.ok_or_else(|| refusal.for_app(app_id)),
    }
}

fn psign_session_id(psign: &str) -> SessionId {
    let mut context = Context::new(&SHA256);
    context.update(PSIGN_SESSION_LABEL);
    context.update(&[0]);
    context.update(psign.as_bytes());
    let mut id = [0; SessionId::LEN];
    id.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    SessionId::from_bytes(id)
}

async fn release(
    state: &ServerState,
    request: &ImportedKeyRequest<'_>,
    session: &Session,
    now: u64,
) -> Result<StandardKey, Refusal> {
    session::check(session, now)?;
    let title = session::title(state, session).await?;
    check_track_classes(&title, session)?;
    // This server's playlists end with a preview; where else the segments lie, and for how long, nobody knows.
    if session.preview_segments.is_some() {
        return Err(Refusal::new(ErrorCode::PreviewEnded, "an imported key opens more than a preview"));
    }
    let store = state.installation.store();
    let text_hash = import::text_hash(request.text);
    let ciphertext = store.imported_key(&session.file_id, request.media_id, &text_hash).await?;
    let ciphertext = ciphertext
        .ok_or_else(|| Refusal::new(ErrorCode::NotFound, "title, media id and text do not belong together"))?;
    session::check_client(state, session, &request.client).await?;
    let context = KmsContext::ImportedKey { app_id: session.app_id, file_id: &session.file_id, text_hash: &text_hash };
    let plaintext = state.installation.kms().decrypt(&ciphertext, &context).await?;
    let mut key = Zeroizing::new([0; KEY_LEN]);
    if plaintext.len() != KEY_LEN {
        return Err(StoreError::Corrupt("imported key").into());
    }
    key.copy_from_slice(&plaintext);
    let released = Release {
        session,
        client: request.client,
        title_keys: u64::from(store.count_imported_keys(&session.file_id).await?),
        position_ms: None,
        paced: None,
        detail: json!({ "textHash": hex::encode(text_hash), "released": { "trackClasses": [], "periods": [] } }),
    };
    release::record(state, &released, now).await?;
    Ok(key)
}

/// An imported key opens all that the vendor encrypted with it, whatever its track class: a session that stops at a class
/// below the title's highest gets none.
fn check_track_classes(title: &PublishedTitle, session: &Session) -> Result<(), Refusal> {
    if title.track_classes().iter().any(|class| *class > session.max_track.number()) {
        return Err(Refusal::new(ErrorCode::TrackNotAllowed, "imported keys open every track class of the title"));
    }
    Ok(())
}
