//! The cookie of a sign-in. Over https its name makes browsers hold it to this host, and to https.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use crate::actions::account::{SIGN_IN_SECS_MAX, SignInToken};
use crate::refusal::Refusal;
use crate::state::ServerState;

/// What the request carries; `Err` inside for what this server never set.
pub(super) fn read(state: &ServerState, request: &HttpRequest) -> Option<Result<SignInToken, Refusal>> {
    Some(request.cookie(name(state))?.value().parse())
}

pub(super) fn set(state: &ServerState, token: &SignInToken) -> Cookie<'static> {
    cookie(state, token.expose_text().to_string(), SIGN_IN_SECS_MAX)
}

pub(super) fn clear(state: &ServerState) -> Cookie<'static> {
    cookie(state, String::new(), 0)
}

fn name(state: &ServerState) -> &'static str {
    if state.is_https() { "__Host-keyveil_session" } else { "keyveil_session" }
}

fn cookie(state: &ServerState, value: String, secs: i64) -> Cookie<'static> {
    Cookie::build(name(state), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(state.is_https())
        .max_age(Duration::seconds(secs))
        .finish()
}
