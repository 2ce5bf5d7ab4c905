//! `/v1/jobs`: what workers and the console ask of the queue.

use actix_web::web;

pub(super) fn routes(_config: &mut web::ServiceConfig) {}
