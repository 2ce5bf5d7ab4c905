//! `/v1/hls…`: titles for players that are not ours.

use actix_web::http::{Method, header};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, guard, web};
use keyveil_protocol::{AppId, ErrorCode, FileId};
use url::{Url, form_urlencoded};

use super::api::{Answer, State, header_text, no_store};
use super::client::client_address;
use super::cors::AnswerFor;
use super::openapi::Bytes;
use super::router::resource;
use crate::actions::keys::Client;
use crate::actions::standard::{self, EntryRequest, ImportedKeyRequest, PeriodKeyRequest, StandardKey};
use crate::origin::MediaKind;
use crate::refusal::Refusal;
use crate::state::ServerState;

const CROSS_ORIGIN: (header::HeaderName, &str) = (header::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin");

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(entry, period_key, imported_key))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let reads = guard::Any(guard::Get()).or(guard::Head());
    config
        .service(resource("/v1/hls/{file_id}.m3u8", "GET, HEAD").route(web::route().guard(reads).to(entry)))
        .service(resource("/v1/hls-keys", "GET").route(web::get().to(imported_key)))
        .service(resource("/v1/hls-keys/{folder}/{track_class}/{period}", "GET").route(web::get().to(period_key)));
}

/// Open a title for any player
///
/// With a player signature in the query parameter that is configured (`MtsHlsUriToken`). Opens a session and answers the master
/// playlist, every address in it signed and with the session's token. HEAD opens nothing.
#[utoipa::path(get, path = "/v1/hls/{fileId}.m3u8", operation_id = "openHls", tag = "playback", security(()),
    params(("fileId" = FileId, Path), ("MtsHlsUriToken" = Option<String>, Query, description = "The player signature.")),
    responses((status = 200, description = "The master playlist.", body = String, content_type = "application/vnd.apple.mpegurl")))]
async fn entry(state: State, request: HttpRequest) -> Answer {
    let (psign, page) = (token(&state, &request)?, page(&request)?);
    let entry = EntryRequest {
        file_id: request.match_info().query("file_id").parse().map_err(Refusal::from)?,
        psign: psign.as_deref(),
        client: client(&state, &request, page.as_deref())?,
        opens: *request.method() == Method::GET,
    };
    let playlist = told(&request, standard::entry(&state, &entry).await)?;
    Ok(hls_playlist(playlist))
}

/// Read a key of a standard title
///
/// 16 bytes, for a session's token.
#[utoipa::path(get, path = "/v1/hls-keys/{folder}/{trackClass}/{period}", operation_id = "readPeriodKey", tag = "playback", security(()),
    params(("folder" = String, Path), ("trackClass" = String, Path, description = "`AUDIO`, `SD`, `HD` or `UHD`."), ("period" = u32, Path),
        ("MtsHlsUriToken" = Option<String>, Query, description = "The session's token.")),
    responses((status = 200, description = "The key.", body = Bytes, content_type = "application/octet-stream")))]
async fn period_key(state: State, request: HttpRequest) -> Answer {
    let (token, page) = (token(&state, &request)?, page(&request)?);
    let path = request.match_info();
    let asked = PeriodKeyRequest {
        folder: path.query("folder"),
        track_class: path.query("track_class"),
        period: path.query("period"),
        token: token.as_deref(),
        client: client(&state, &request, page.as_deref())?,
    };
    Ok(key(&told(&request, standard::period_key(&state, &asked).await)?))
}

/// Read an imported key
///
/// 16 bytes, for a session's token or a player signature: the key that was imported for the text, only where title, media id and
/// text belong together.
#[utoipa::path(get, path = "/v1/hls-keys", operation_id = "readImportedKey", tag = "playback", security(()),
    params(("Ciphertext" = String, Query, min_length = 1, max_length = 1024), ("MediaId" = String, Query, min_length = 1, max_length = 128),
        ("MtsHlsUriToken" = Option<String>, Query, description = "The session's token, or a player signature.")),
    responses((status = 200, description = "The key.", body = Bytes, content_type = "application/octet-stream")))]
async fn imported_key(state: State, request: HttpRequest) -> Answer {
    let missing = || Refusal::new(ErrorCode::MalformedRequest, "no Ciphertext or no MediaId");
    let (token, page) = (token(&state, &request)?, page(&request)?);
    let text = parameter(&request, "Ciphertext")?.ok_or_else(missing)?;
    let media_id = parameter(&request, "MediaId")?.ok_or_else(missing)?;
    let client = client(&state, &request, page.as_deref())?;
    let asked = ImportedKeyRequest { text: &text, media_id: &media_id, token: token.as_deref(), client };
    Ok(key(&told(&request, standard::imported_key(&state, &asked).await)?))
}

/// A playlist that is written for one viewer.
pub(super) fn hls_playlist(text: String) -> HttpResponse {
    no_store().insert_header(CROSS_ORIGIN).content_type(MediaKind::Playlist.mime()).body(text)
}

fn key(key: &StandardKey) -> HttpResponse {
    let bytes = web::Bytes::copy_from_slice(key.as_slice());
    no_store().insert_header(CROSS_ORIGIN).content_type("application/octet-stream").body(bytes)
}

/// Tells the CORS layer whose answer this is, also when it is a refusal.
fn told<T>(request: &HttpRequest, result: Result<(AppId, T), Refusal>) -> Result<T, Refusal> {
    let app_id = match &result {
        Ok((app_id, _)) => Some(*app_id),
        Err(refusal) => refusal.app_id(),
    };
    if let Some(app_id) = app_id {
        request.extensions_mut().insert(AnswerFor(app_id));
    }
    result.map(|(_, value)| value)
}

fn token(state: &ServerState, request: &HttpRequest) -> Result<Option<String>, Refusal> {
    parameter(request, &state.config.standard.token_parameter)
}

/// A parameter of the query. One that stands there twice is not guessed at.
pub(super) fn parameter(request: &HttpRequest, wanted: &str) -> Result<Option<String>, Refusal> {
    let mut values = form_urlencoded::parse(request.query_string().as_bytes()).filter(|(name, _)| name == wanted);
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(|(_, value)| value.into_owned())),
        _ => Err(Refusal::new(ErrorCode::MalformedRequest, "a parameter of the query stands there twice")),
    }
}

/// The page's origin: by `Origin`, or by `Referer` where a browser's own player sends no `Origin`.
fn page(request: &HttpRequest) -> Result<Option<String>, Refusal> {
    Ok(match header_text(request, "Origin")? {
        Some(origin) => Some(origin.to_owned()),
        None => referring_page(request),
    })
}

fn client<'a>(state: &ServerState, request: &HttpRequest, page: Option<&'a str>) -> Result<Client<'a>, Refusal> {
    Ok(Client { origin: page, address: client_address(state, request)? })
}

/// The origin of the page that a browser's own player is on: it sends no `Origin`.
fn referring_page(request: &HttpRequest) -> Option<String> {
    let referer = request.headers().get(header::REFERER)?.to_str().ok()?;
    let page = Url::parse(referer).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(page.origin().ascii_serialization())
}
