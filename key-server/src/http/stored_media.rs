//! Media that lie in a bucket, as viewers get them: passed on by this server, or by an address of the bucket's own.

use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::StreamExt;
use keyveil_protocol::ErrorCode;

use super::envelope::HttpRefusal;
use super::job_attempts::{Wanted, wanted_range};
use super::media::cache_control;
use crate::actions::media::refusal_of;
use crate::config::StorageReads;
use crate::origin::MediaKind;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::storage::Stored;

/// What a presigned address is good for, and how long caches may keep the way there: whoever is told of it late has half an
/// hour left at least.
const ADDRESS_VALID_FOR: Duration = Duration::from_secs(3600);
const CACHE_REDIRECT: &str = "public, max-age=1800";

/// Playlists always come from here: they are small, some are written anew for each viewer, and relative URIs in them must
/// go on naming this origin, whose path carries the token.
pub(super) async fn send_object(
    state: &ServerState,
    name: &str,
    kind: MediaKind,
    request: &HttpRequest,
) -> Result<HttpResponse, Refusal> {
    let media = state.installation.media();
    // An address is signed for GET alone.
    if state.config.storage.reads == StorageReads::Redirect
        && *request.method() != Method::HEAD
        && matches!(kind, MediaKind::Segment(_))
        && let Some(address) = media.address(name, ADDRESS_VALID_FOR).await.map_err(|error| refusal_of(&error))?
    {
        return Ok(HttpResponse::TemporaryRedirect()
            .insert_header((header::LOCATION, address.as_str()))
            .insert_header((header::CACHE_CONTROL, CACHE_REDIRECT))
            .insert_header(CROSS_ORIGIN)
            .finish());
    }
    // The length decides about a range, and nothing is read for who has the file or wants its length alone.
    let needs_look = *request.method() == Method::HEAD
        || request.headers().contains_key(header::RANGE)
        || request.headers().contains_key(header::IF_NONE_MATCH);
    if !needs_look {
        let (stored, chunks) = media.read(name, None).await.map_err(|error| refusal_of(&error))?;
        return Ok(headed(StatusCode::OK, kind, &stored).body(SizedStream::new(stored.len, chunks)));
    }
    let stored = media.look(name).await.map_err(|error| refusal_of(&error))?;
    if is_known(request, &stored) {
        return Ok(headed(StatusCode::NOT_MODIFIED, kind, &stored).finish());
    }
    let (status, range) = match wanted_range(request, stored.len) {
        Wanted::Part(range) if is_of_this(request, &stored) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Nothing if is_of_this(request, &stored) => {
            return Ok(out_of_range(stored.len));
        }
        _ => (StatusCode::OK, 0..stored.len),
    };
    let mut response = headed(status, kind, &stored);
    if status == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), stored.len);
        response.insert_header((header::CONTENT_RANGE, text));
    }
    let len = range.end.saturating_sub(range.start);
    let chunks = if *request.method() == Method::HEAD {
        futures_util::stream::empty().boxed()
    } else {
        media.read(name, Some(range)).await.map_err(|error| refusal_of(&error))?.1
    };
    Ok(response.body(SizedStream::new(len, chunks)))
}

const CROSS_ORIGIN: (header::HeaderName, &str) = (header::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin");

fn headed(status: StatusCode, kind: MediaKind, stored: &Stored) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CONTENT_TYPE, kind.mime()))
        .insert_header((header::CACHE_CONTROL, cache_control(kind)))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header(CROSS_ORIGIN);
    if let Some(etag) = etag(kind, stored) {
        response.insert_header((header::ETAG, etag));
    }
    response
}

fn out_of_range(len: u64) -> HttpResponse {
    let refusal = Refusal::new(ErrorCode::RangeNotSatisfiable, "range lies outside the media file");
    let mut response = HttpResponse::from_error(HttpRefusal(refusal));
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{len}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

/// A playlist may be sent compressed: equal in meaning, not byte for byte.
fn etag(kind: MediaKind, stored: &Stored) -> Option<String> {
    let etag = stored.etag.as_deref()?;
    Some(match kind {
        MediaKind::Playlist => format!("W/{etag}"),
        MediaKind::Segment(_) => etag.to_owned(),
    })
}

/// Whether the client has it, as RFC 9110, section 13.1.2, compares: weakly.
fn is_known(request: &HttpRequest, stored: &Stored) -> bool {
    let Some(etag) = stored.etag.as_deref() else { return false };
    let named = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    named.is_some_and(|named| {
        named.split(',').map(str::trim).any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == etag)
    })
}

/// Whether a range is wanted of what is there now.
fn is_of_this(request: &HttpRequest, stored: &Stored) -> bool {
    let named = request.headers().get(header::IF_RANGE).map(|value| value.to_str().ok());
    named.is_none_or(|named| named.is_some() && named == stored.etag.as_deref())
}
