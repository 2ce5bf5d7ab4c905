//! The sessions of standard titles: opened by a signature, used by a token.

use keyveil_protocol::{ErrorCode, Mode, SessionId};
use serde_json::json;
use url::Url;

use crate::actions::admission::{self, Admission, Released};
use crate::actions::keys::Client;
use crate::actions::published_title::PublishedTitle;
use crate::actions::release::ended;
use crate::actions::{limits, psign};
use crate::clock::on_wire;
use crate::origin::{MediaFolder, session_token};
use crate::page_origin::PageOrigin;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Session, StoreError};

/// Opens a session, which receives no key by that, and returns it.
pub(in crate::actions) async fn open(
    state: &ServerState,
    admission: &Admission,
    id: SessionId,
    position_ms: u64,
) -> Result<Session, Refusal> {
    let session = admission.session(id, None, position_ms)?;
    let released = Released { periods: Vec::new(), detail: json!({ "trackClasses": [], "periods": [] }) };
    admission::record(state, admission, &session, &released).await?;
    Ok(session)
}

impl Session {
    pub(in crate::actions) fn folder(&self) -> MediaFolder {
        MediaFolder::new(self.file_id.clone(), self.version)
    }

    /// What its player carries in its addresses.
    pub(in crate::actions) fn token(&self, state: &ServerState) -> String {
        session_token(&self.id, &state.installation.session_mac_key(&self.id), &self.folder())
    }
}

/// A playlist's address with the session's token.
pub(in crate::actions) fn with_token(state: &ServerState, address: &str, session: &Session) -> Result<String, Refusal> {
    let malformed = |_| Refusal::new(ErrorCode::Internal, "an own address can't be read");
    let mut address = Url::parse(address).map_err(malformed)?;
    address.query_pairs_mut().append_pair(&state.config.standard.token_parameter, &session.token(state));
    Ok(address.into())
}

/// Neither ended nor expired, and of a standard title.
pub(super) fn check(session: &Session, now: u64) -> Result<(), Refusal> {
    let refused = |code, cause: &'static str| Err(Refusal::new(code, cause));
    if session.mode != Mode::Standard {
        return refused(ErrorCode::SessionInvalid, "a session of a private title");
    }
    ended(session)?;
    if on_wire(session.expires_at) <= now {
        return refused(ErrorCode::SessionExpired, "past its expiry");
    }
    Ok(())
}

/// The title that it was opened for, if it is still published.
pub(super) async fn title(state: &ServerState, session: &Session) -> Result<PublishedTitle, Refusal> {
    PublishedTitle::load(&state.installation, session.app_id, &session.file_id, Some(session.version)).await
}

/// Address, then page. A session stays with the page that opened it. Programs and some browsers' own players say no page: that
/// is enough where none opened it, and on pages of this server, which tell nobody where a request comes from.
pub(super) async fn check_client(state: &ServerState, session: &Session, client: &Client<'_>) -> Result<(), Refusal> {
    let app = state.installation.store().app(session.app_id).await?.ok_or(StoreError::Corrupt("session's app"))?;
    limits::check_request(session, client.address, client.origin)?;
    psign::check_origin(state, &app, None, client.origin)?;
    let fits = match (session.origin.as_deref(), client.origin) {
        (None, _) => true,
        (Some(opened_on), None) => PageOrigin::parse(opened_on).is_some_and(|origin| state.is_own_origin(&origin)),
        (Some(opened_on), Some(page)) => opened_on == page,
    };
    if fits { Ok(()) } else { Err(Refusal::new(ErrorCode::OriginNotAllowed, "not the page that opened the session")) }
}
