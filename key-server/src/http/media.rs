//! `GET|HEAD /media/…`. Ranges, validators and conditional requests are actix-files' work.

use std::fs::File;

use actix_files::NamedFile;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};
use keyveil_protocol::ErrorCode;

use super::cors::AnswerFor;
use super::envelope::HttpRefusal;
use super::file_body::FileBody;
use super::hls::{hls_playlist, parameter};
use super::openapi::Bytes;
use super::stored_media::send_object;
use crate::actions::media::{MediaContent, MediaFile, media as media_action};
use crate::actions::standard::playlist;
use crate::origin::MediaKind;
use crate::refusal::Refusal;
use crate::state::ServerState;

/// Segments never change under their name.
const CACHE_SEGMENT: &str = "public, max-age=31536000, immutable";
/// Files below this are read in one go where their request is answered, as other servers do: to hand that to another thread costs
/// more than to read it, unless the disk is slow.
const READ_AT_ONCE_MAX: u64 = 64 * 1024;
const CACHE_PLAYLIST: &str = "public, max-age=60";

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(media))]
pub(super) struct Docs;

/// Read media
///
/// Playlists, encrypted segments, pictures. The path begins with a token that the server signed (`playlistUrl`, `coverUrl`);
/// ranges and conditional requests are understood. HEAD too.
#[utoipa::path(get, path = "/media/{path}", operation_id = "readMedia", tag = "playback", security(()),
    params(("path" = String, Path, description = "With its token, as the server gave it."), ("Range" = Option<String>, Header)),
    responses((status = 200, description = "The file.", body = Bytes, content_type = "application/octet-stream"),
        (status = 206, description = "A range of it.", body = Bytes, content_type = "application/octet-stream"),
        (status = 307, description = "Where the storage itself has it, with `[storage] reads = \"redirect\"`.")))]
pub(super) async fn media(state: web::Data<ServerState>, request: HttpRequest) -> Result<HttpResponse, HttpRefusal> {
    let found = locate(&state, &request).await.inspect_err(|refusal| {
        if let Some(app_id) = refusal.app_id() {
            request.extensions_mut().insert(AnswerFor(app_id));
        }
    })?;
    request.extensions_mut().insert(AnswerFor(found.app_id));
    if found.is_rewritten() {
        let token = parameter(&request, &state.config.standard.token_parameter)?;
        let (_, _, path) = parts(&request)?;
        return Ok(hls_playlist(playlist(&state, &found, path, token.as_deref(), None).await?));
    }
    send(&state, found, &request).await
}

/// The file as it is stored.
pub(super) async fn send(
    state: &ServerState,
    found: MediaFile,
    request: &HttpRequest,
) -> Result<HttpResponse, HttpRefusal> {
    let MediaFile { content, kind, app_id, .. } = found;
    let (path, file) = match content {
        MediaContent::File(path, file) => (path, file),
        MediaContent::Object(name) => {
            let sent = send_object(state, &name, kind, request).await.map_err(|refusal| refusal.for_app(app_id))?;
            return Ok(sent);
        }
    };
    // Asks the open file for its length, which needs no disk.
    let copy = file.try_clone();
    let file = NamedFile::from_file(file, path);
    let (Ok(copy), Ok(file)) = (copy, file) else {
        return Err(Refusal::new(ErrorCode::Unavailable, "media file can't be looked at").into());
    };
    let file = file.read_mode_threshold(READ_AT_ONCE_MAX);
    let mime = kind.mime().parse().map_err(|_| Refusal::new(ErrorCode::Internal, "MIME type"))?;
    let file = file.disable_content_disposition().set_content_type(mime);
    let mut response = in_large_pieces(file.into_response(request), copy);
    let headers = response.headers_mut();
    headers.insert(header::CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control(kind)));
    if kind == MediaKind::Playlist {
        weaken_etag(&mut response);
    }
    Ok(response)
}

/// How long caches keep a file.
pub(super) const fn cache_control(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Playlist => CACHE_PLAYLIST,
        MediaKind::Segment(_) => CACHE_SEGMENT,
    }
}

/// The same answer, where it is long: its own body would read it in small pieces.
fn in_large_pieces(response: HttpResponse, file: File) -> HttpResponse {
    let BodySize::Sized(len) = response.body().size() else { return response };
    let position = match response.status() {
        StatusCode::OK => Some(0),
        StatusCode::PARTIAL_CONTENT => range_start(&response),
        _ => None,
    };
    match position {
        Some(position) if len >= READ_AT_ONCE_MAX => {
            response.map_body(|_, _| BoxBody::new(FileBody::new(file, position, len)))
        }
        _ => response,
    }
}

/// `bytes 5-9/100`: 5.
fn range_start(response: &HttpResponse) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

/// Runs before the handler: a playlist may be compressed, so parts of it have no meaning; several ranges at once are
/// answered with the whole file, as RFC 9110, section 14.2, allows.
pub(super) async fn settle_range<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let several = request.headers().get(header::RANGE).is_some_and(|value| value.as_bytes().contains(&b','));
    if several || request.path().ends_with(".m3u8") {
        request.headers_mut().remove(header::RANGE);
    }
    next.call(request).await
}

async fn locate(state: &ServerState, request: &HttpRequest) -> Result<MediaFile, Refusal> {
    let (token, folder, path) = parts(request)?;
    media_action(state, token, folder, path).await
}

/// Token, folder and path, raw: the router's own have been decoded in part.
fn parts(request: &HttpRequest) -> Result<(&str, &str, &str), Refusal> {
    let mut parts = request.path().strip_prefix("/media/").unwrap_or_default().splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(token), Some(folder), Some(path)) => Ok((token, folder, path)),
        _ => Err(Refusal::new(ErrorCode::NotFound, "media path is too short")),
    }
}

/// One validator for the plain and the compressed form: equal in meaning, not byte for byte.
fn weaken_etag(response: &mut HttpResponse) {
    let weak = response
        .headers()
        .get(header::ETAG)
        .and_then(|etag| etag.to_str().ok())
        .filter(|etag| !etag.starts_with("W/"))
        .and_then(|etag| HeaderValue::from_str(&format!("W/{etag}")).ok());
    if let Some(weak) = weak {
        response.headers_mut().insert(header::ETAG, weak);
    }
}
