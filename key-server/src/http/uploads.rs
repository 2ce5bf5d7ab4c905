//! `/v1/uploads`: tus 1.0.

use actix_web::web;

pub(super) fn routes(_config: &mut web::ServiceConfig) {}
