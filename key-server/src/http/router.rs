//! Every address, in one place.

use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, Route, guard, web};
use keyveil_protocol::ErrorCode;

use super::envelope::HttpRefusal;
use super::{
    account, api, app_keys, apps, audit, changes, hls, job_attempts, jobs, media, media_origins, openapi, pages,
    sessions, signatures, signed_media, titles, uploads, webhooks, workers, workflows,
};
use crate::refusal::Refusal;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        // First what playback asks for: patterns are tried one after the other, and a hundred of them cost as much as a small file.
        .service(resource("/v1/play", "POST").route(web::post().to(api::play)))
        .service(resource("/v1/keys", "POST").route(web::post().to(api::keys)))
        // Playlists are text and worth compressing; encrypted segments are not, whatever their MIME type.
        .service(media_resource(r"/media/{path:.*\.m3u8}").wrap(Compress::default()).wrap(from_fn(media::settle_range)))
        .service(media_resource("/media/{path:.*}").wrap(from_fn(media::settle_range)))
        .configure(account::routes)
        .configure(apps::routes)
        .configure(app_keys::routes)
        .configure(signatures::routes)
        .configure(audit::routes)
        .configure(changes::routes)
        .configure(hls::routes)
        .configure(job_attempts::routes)
        .configure(jobs::routes)
        .configure(media_origins::routes)
        .configure(openapi::routes)
        .configure(sessions::routes)
        .configure(titles::routes)
        .configure(uploads::routes)
        .configure(webhooks::routes)
        .configure(workers::routes)
        .configure(workflows::routes)
        .service(resource("/v1/server-keys", "GET").route(web::get().to(api::server_keys)))
        .service(resource("/healthz", "GET").route(web::get().to(api::healthz)))
        .service(resource("/readyz", "GET").route(web::get().to(api::readyz)))
        .configure(signed_media::routes)
        .service(web::resource("/{path:.*}").wrap(Compress::default()).to(pages::pages));
}

/// Patterns and methods of all resources but the pages.
#[cfg(test)]
pub(super) fn every_resource() -> Vec<(String, &'static str)> {
    let _ = actix_web::App::new().configure(routes);
    RESOURCES.take()
}

#[cfg(test)]
thread_local! {
    static RESOURCES: std::cell::RefCell<Vec<(String, &'static str)>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Every address but the pages' is made here, which is how the tests know them all. Any method but `allow` is refused, and told what would be taken.
pub(super) fn resource(path: &str, allow: &'static str) -> Resource {
    #[cfg(test)]
    RESOURCES.with_borrow_mut(|resources| resources.push((path.to_owned(), allow)));
    web::resource(path).default_service(web::to(move || async move {
        let refusal = Refusal::new(ErrorCode::MethodNotAllowed, "method");
        let mut response = HttpResponse::from_error(HttpRefusal(refusal));
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        response
    }))
}

fn media_resource(path: &str) -> Resource {
    resource(path, "GET, HEAD").route(reads(media::media))
}

/// A route for reading.
pub(super) fn reads<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler)
}
