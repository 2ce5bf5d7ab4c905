//! `GET|HEAD /v1/hls/{fileId}.m3u8`: one address that any player plays.

use keyveil_protocol::{AppId, ErrorCode, FileId, Mode, SessionId};

use super::playlist::{self, Serving};
use super::session;
use crate::actions::admission::{self, Admission, Entry};
use crate::actions::keys::Client;
use crate::actions::levels::Player;
use crate::actions::media::located;
use crate::actions::random;
use crate::origin::MediaPath;
use crate::refusal::Refusal;
use crate::state::ServerState;

const MASTER: &str = "master.m3u8";

/// What a player shows at the entry.
pub(crate) struct EntryRequest<'a> {
    pub(crate) file_id: FileId,
    pub(crate) psign: Option<&'a str>,
    pub(crate) client: Client<'a>,
    /// False for who only asks whether there is something.
    pub(crate) opens: bool,
}

/// The master playlist; empty where nothing is opened.
pub(crate) async fn entry(state: &ServerState, request: &EntryRequest<'_>) -> Result<(AppId, String), Refusal> {
    let psign = request.psign.ok_or_else(|| Refusal::new(ErrorCode::PsignMalformed, "no psign in the address"))?;
    let Client { origin, address } = request.client;
    let entry = Entry { psign, file_id: Some(&request.file_id), version: None, player: Player::Other, origin, address };
    let admission = admission::admit(state, &entry).await?;
    let app_id = admission.title.info.app_id;
    let playlist = open(state, request, &admission).await;
    playlist.map(|playlist| (app_id, playlist)).map_err(|refusal| refusal.for_app(app_id))
}

async fn open(state: &ServerState, request: &EntryRequest<'_>, admission: &Admission) -> Result<String, Refusal> {
    let info = &admission.title.info;
    let folder = admission.title.folder();
    // Before a session is opened: one without a playlist is of no use.
    let found = located(state, MediaPath::parse(MASTER)?, folder.clone(), info.app_id, info.mode).await?;
    let stored = playlist::master(state, &found).await?;
    if !request.opens {
        return Ok(String::new());
    }
    let addresses = admission.addresses(state).await?;
    let token = match info.mode {
        Mode::Standard => {
            let session = session::open(state, admission, SessionId::from_bytes(random()?), 0).await?;
            Some(session.token(state))
        }
        Mode::Clear | Mode::Private => {
            admission::record_use(state, admission).await?;
            None
        }
    };
    let preview_segments = admission.preview_segments;
    let sign = |path: &str| addresses.address(path);
    let token = token.as_deref();
    let serving = Serving { folder: &folder, path: MASTER, sign: Some(&sign), token, preview_segments };
    Ok(playlist::write(state, &stored, &serving))
}
