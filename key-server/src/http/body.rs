use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web;
use futures_util::StreamExt;
use keyveil_protocol::ErrorCode;

use crate::refusal::Refusal;

/// The exact bytes of a JSON body: MACs and envelopes are bound to them. Refuses other types before reading, longer
/// bodies as soon as they are, and bodies that trickle.
pub(super) async fn json_bytes(
    request: &HttpRequest,
    mut payload: web::Payload,
    len_max: usize,
    timeout: Duration,
) -> Result<web::Bytes, Refusal> {
    check_type(request)?;
    let too_large = || Refusal::new(ErrorCode::BodyTooLarge, "body over its limit");
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|len| len.parse::<usize>().ok()).is_some_and(|len| len > len_max) {
        return Err(too_large());
    }
    let read = async {
        let mut body = web::BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Refusal::new(ErrorCode::MalformedRequest, "body breaks off"))?;
            if body.len() + chunk.len() > len_max {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(timeout, read)
        .await
        .unwrap_or_else(|_| Err(Refusal::new(ErrorCode::MalformedRequest, "body did not arrive in time")))
}

fn check_type(request: &HttpRequest) -> Result<(), Refusal> {
    let wrong = |cause: &'static str| Err(Refusal::new(ErrorCode::UnsupportedMediaType, cause));
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return wrong("Content-Type is not application/json");
    }
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return wrong("a request body must not be compressed");
    }
    Ok(())
}
