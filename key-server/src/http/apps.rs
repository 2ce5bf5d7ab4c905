//! `/v1/apps`, `/v1/signing-keys`, `/v1/api-keys`.

use actix_web::web;

pub(super) fn routes(_config: &mut web::ServiceConfig) {}
