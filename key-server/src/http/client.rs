//! Who is at the other end of a request.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header;
use keyveil_protocol::ErrorCode;

use crate::client_address;
use crate::refusal::Refusal;
use crate::state::ServerState;

/// The client's address, also behind a trusted proxy.
pub(super) fn client_address(state: &ServerState, request: &HttpRequest) -> Result<IpAddr, Refusal> {
    let forwarded_for: Vec<&[u8]> =
        request.headers().get_all(header::X_FORWARDED_FOR).map(|value| value.as_bytes()).collect();
    client_address::client_address(peer(request)?, forwarded_for.into_iter(), &state.config.http.trusted_proxies)
}

/// Whether a proxy of the configuration asks, not only somebody behind one.
pub(super) fn is_trusted_proxy(state: &ServerState, request: &HttpRequest) -> Result<bool, Refusal> {
    Ok(client_address::is_within(&state.config.http.trusted_proxies, peer(request)?))
}

fn peer(request: &HttpRequest) -> Result<IpAddr, Refusal> {
    // A connection that was broken off before anybody looked has none; its answer reaches nobody.
    let peer = request.peer_addr().ok_or_else(|| Refusal::new(ErrorCode::MalformedRequest, "no peer address"))?;
    Ok(peer.ip())
}
