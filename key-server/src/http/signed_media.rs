//! Media by the addresses of CDN schemes, and `GET /v1/url-auth`.

use actix_web::http::header;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use keyveil_protocol::ErrorCode;

use super::api::{Answer, State};
use super::client::{client_address, is_trusted_proxy};
use super::cors::AnswerFor;
use super::hls::{hls_playlist, parameter};
use super::media::{send, settle_range};
use super::openapi::Bytes;
use super::router::{reads, resource};
use crate::actions::signed_media::{signed_media, url_auth as url_auth_action};
use crate::origin::MediaKind;
use crate::refusal::Refusal;

const ORIGINAL_URI: &str = "X-Original-URI";
/// Signed by the query, and by two parts before the path.
const FORMS: [&str; 2] = ["/v", "/{first}/{second}/v"];

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(signed, signed_by_path, url_auth))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(resource("/v1/url-auth", "GET").route(web::get().to(url_auth)));
    for form in FORMS {
        let of = |file: &str| resource(&format!("{form}/{file}"), "GET, HEAD").route(reads(signed));
        let (playlists, others) = (of(r"{path:.*\.m3u8}"), of("{path:.*}"));
        config
            .service(playlists.wrap(Compress::default()).wrap(from_fn(settle_range)))
            .service(others.wrap(from_fn(settle_range)));
    }
}

/// Read media by a CDN's address
///
/// The query carries the signature of the application's media origin (schemes `a`, `c-query`, `f`, `tencent-d`, `tencent-key`). HEAD too.
#[utoipa::path(get, path = "/v/{path}", operation_id = "readSignedMedia", tag = "playback", security(()),
    params(("path" = String, Path, description = "Folder and file."), ("Range" = Option<String>, Header)),
    responses((status = 200, description = "The file; playlists with the addresses of what they name.", body = Bytes, content_type = "application/octet-stream"),
        (status = 206, description = "A range of it.", body = Bytes, content_type = "application/octet-stream"),
        (status = 307, description = "Where the storage itself has it, with `[storage] reads = \"redirect\"`.")))]
async fn signed(state: State, request: HttpRequest) -> Answer {
    let client = client_address(&state, &request)?;
    // As it stood in the request: nothing is decoded, and nothing but this is signed.
    let address = request.uri().path_and_query().map_or("", |address| address.as_str());
    let found = signed_media(&state, address, client).await.inspect_err(|refusal| {
        if let Some(app_id) = refusal.app_id() {
            request.extensions_mut().insert(AnswerFor(app_id));
        }
    })?;
    request.extensions_mut().insert(AnswerFor(found.file.app_id));
    if found.file.kind != MediaKind::Playlist {
        return send(&state, found.file, &request).await;
    }
    // Every address in it is one viewer's: never cached.
    let token = parameter(&request, &state.config.standard.token_parameter)?;
    Ok(hls_playlist(found.playlist(&state, token.as_deref()).await?))
}

/// Read media by a CDN's address with its signature in the path
///
/// Scheme `b`: time and digest; scheme `c-path`: digest and time. Else as `/v/{path}`.
#[utoipa::path(get, path = "/{first}/{second}/v/{path}", operation_id = "readMediaSignedByPath", tag = "playback", security(()),
    params(("first" = String, Path), ("second" = String, Path), ("path" = String, Path, description = "Folder and file."), ("Range" = Option<String>, Header)),
    responses((status = 200, description = "The file; playlists with the addresses of what they name.", body = Bytes, content_type = "application/octet-stream"),
        (status = 206, description = "A range of it.", body = Bytes, content_type = "application/octet-stream"),
        (status = 307, description = "Where the storage itself has it, with `[storage] reads = \"redirect\"`.")))]
#[expect(dead_code, reason = "describes the other form of what `signed` answers")]
async fn signed_by_path() {}

/// Ask whether a media address holds
///
/// For a CDN's subrequest. Only proxies of `[http] trusted_proxies` may ask.
#[utoipa::path(get, path = "/v1/url-auth", operation_id = "checkMediaAddress", tag = "playback", security(()),
    params(("X-Original-URI" = String, Header, description = "Path and query, as the viewer sent them.")),
    responses((status = 204, description = "It holds.")))]
async fn url_auth(state: State, request: HttpRequest) -> Answer {
    if !is_trusted_proxy(&state, &request)? {
        return Err(Refusal::new(ErrorCode::NotFound, "asked by no trusted proxy").into());
    }
    let mut addresses = request.headers().get_all(ORIGINAL_URI).map(|value| value.to_str().ok());
    let address = match (addresses.next(), addresses.next()) {
        (Some(Some(address)), None) => address,
        _ => return Err(Refusal::new(ErrorCode::UrlInvalid, "no X-Original-URI, or several").into()),
    };
    url_auth_action(&state, address, client_address(&state, &request)?).await?;
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, "no-store")).finish())
}
