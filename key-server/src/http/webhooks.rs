//! `/v1/events` and `/v1/webhooks`.

use actix_web::web;

pub(super) fn routes(_config: &mut web::ServiceConfig) {}
