//! `/v1/sign-in`, `/v1/sign-out`, `/v1/me`: people.

use actix_web::web;

pub(super) fn routes(_config: &mut web::ServiceConfig) {}
