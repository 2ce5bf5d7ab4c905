//! `GET /v1/changes`: titles as they change, by server-sent events.

use actix_web::web;

pub(super) fn routes(_config: &mut web::ServiceConfig) {}
