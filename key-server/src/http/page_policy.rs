//! The Content-Security-Policies of pages and of the player's worker.

use actix_web::http::header::HeaderValue;
use url::Url;

use crate::refusal::Refusal;
use crate::state::ServerState;

/// Trusted Types: `keyveil` is the player's own policy, `default` that of these pages (www/public/trusted-types.js), `dompurify` that of the
/// API reference's viewer.
const PAGE_POLICY: &str = "default-src 'self'; worker-src 'self'; media-src 'self' blob: data:; img-src 'self' data: blob:; \
                           style-src 'self' 'unsafe-inline'; connect-src 'self'; object-src 'none'; base-uri 'none'; \
                           frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types keyveil default dompurify";
/// With more media origins than this, the worker's policy names none: a header has to stay short.
const MEDIA_ORIGINS_MAX: usize = 64;

pub(super) const fn of_pages() -> HeaderValue {
    HeaderValue::from_static(PAGE_POLICY)
}

/// A worker obeys the policy of its own file: only there may WebAssembly be compiled. It loads from this server and from the media origins
/// of all applications, and from nowhere else.
pub(super) async fn of_worker(state: &ServerState) -> Result<HeaderValue, Refusal> {
    let media_origins = state.installation.store().media_origin_urls(MEDIA_ORIGINS_MAX + 1).await?;
    let sources = if media_origins.len() > MEDIA_ORIGINS_MAX {
        "*".to_owned()
    } else {
        let others = media_origins.iter().filter_map(|url| source(&Url::parse(url).ok()?));
        let own = [Some("'self'".to_owned()), source(state.public_url())].into_iter().flatten();
        own.chain(others).collect::<Vec<_>>().join(" ")
    };
    let policy = format!("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src {sources}");
    HeaderValue::from_str(&policy).map_err(|_| Refusal::new(keyveil_protocol::ErrorCode::Internal, "worker's policy"))
}

/// An origin as a policy names it. A host may hold characters that end a directive: such a one is left out.
fn source(url: &Url) -> Option<String> {
    let origin = url.origin().ascii_serialization();
    let (_, host) = origin.split_once("://")?;
    let is_plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    is_plain.then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_that_would_end_a_directive_is_left_out() {
        let source = |text: &str| source(&Url::parse(text).expect("a URL"));
        assert_eq!(source("https://cdn.example.com/").as_deref(), Some("https://cdn.example.com"));
        assert_eq!(source("http://127.0.0.1:8443").as_deref(), Some("http://127.0.0.1:8443"));
        for text in ["https://a;script-src", "https://a,b", "https://a'b", "data:x"] {
            assert_eq!(source(text), None, "{text}");
        }
    }
}
