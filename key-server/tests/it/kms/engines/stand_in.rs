//! An HTTP server that answers as a test wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use url::Url;

/// What a request gets.
pub(crate) enum Reply {
    /// Status and body.
    Now(u16, String),
    /// As [`Reply::Now`], with `Retry-After: 7`.
    Later(u16, String),
    /// An address elsewhere.
    Redirect,
    /// Nothing, ever.
    Never,
}

type Answer = Arc<dyn Fn(&HttpRequest, &[u8]) -> Reply + Send + Sync>;

pub(crate) struct StandIn {
    pub(crate) url: Url,
    asked: Arc<AtomicUsize>,
    handle: ServerHandle,
}

impl StandIn {
    pub(crate) fn start(answer: impl Fn(&HttpRequest, &[u8]) -> Reply + Send + Sync + 'static) -> Self {
        let (answer, asked): (Answer, _) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&asked);
        let server = HttpServer::new(move || {
            let (answer, counter) = (Arc::clone(&answer), Arc::clone(&counter));
            App::new().default_service(web::to(move |request: HttpRequest, body: Bytes| {
                counter.fetch_add(1, Ordering::Relaxed);
                respond(answer(&request, &body))
            }))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let url = Url::parse(&format!("http://{}/", server.addrs()[0])).unwrap();
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, asked, handle }
    }

    /// Requests so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn respond(reply: Reply) -> HttpResponse {
    let status = |status: u16| actix_web::http::StatusCode::from_u16(status).unwrap();
    match reply {
        Reply::Now(code, body) => HttpResponse::build(status(code)).body(body),
        Reply::Later(code, body) => HttpResponse::build(status(code)).insert_header(("retry-after", "7")).body(body),
        Reply::Redirect => {
            HttpResponse::TemporaryRedirect().insert_header(("location", "http://127.0.0.1:9/")).finish()
        }
        Reply::Never => std::future::pending().await,
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // The order to end is given at once; only its end is not waited for.
        drop(self.handle.stop(false));
    }
}
