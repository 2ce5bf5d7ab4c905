//! The Content-Security-Policies of pages and of the player's worker.

use actix_web::http::header::HeaderValue;
use url::Url;

use crate::refusal::Refusal;
use crate::state::ServerState;

/// With more media origins than this, a policy names none and lets any be: a header has to stay short, as proxies refuse long ones.
const MEDIA_ORIGINS_MAX: usize = 64;

/// The policy of a page, whose scripts, styles and workers come from here alone. Media, pictures and playlists may come from the media
/// origins of all applications, too: a clear title is played by the page itself.
///
/// Trusted Types: `keyveil` is the player's own policy, `default` that of these pages (www/public/trusted-types.js), `dompurify` that of the
/// API reference's viewer.
pub(super) async fn of_pages(state: &ServerState) -> Result<HeaderValue, Refusal> {
    let sources = media_sources(state).await?;
    value(&format!(
        "default-src 'self'; worker-src 'self'; media-src {sources} blob: data:; img-src {sources} data: blob:; \
         style-src 'self' 'unsafe-inline'; connect-src {sources}; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types keyveil default dompurify"
    ))
}

/// A worker obeys the policy of its own file: only there may WebAssembly be compiled. It loads from this server and from the media origins
/// of all applications, and from nowhere else.
pub(super) async fn of_worker(state: &ServerState) -> Result<HeaderValue, Refusal> {
    let sources = media_sources(state).await?;
    value(&format!("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src {sources}"))
}

/// This server, and where media of its applications come from.
async fn media_sources(state: &ServerState) -> Result<String, Refusal> {
    let media_origins = state.installation.store().recent_media_origin_urls(MEDIA_ORIGINS_MAX + 1).await?;
    if media_origins.len() > MEDIA_ORIGINS_MAX {
        return Ok("*".to_owned());
    }
    let others = media_origins.iter().filter_map(|url| source(&Url::parse(url).ok()?));
    // Where viewers are sent to the storage itself. One without credentials has no address, and nothing comes from there.
    let storage = state.redirect_origin().await.and_then(source);
    let own = [Some("'self'".to_owned()), source(state.public_url()), storage].into_iter().flatten();
    Ok(own.chain(others).collect::<Vec<_>>().join(" "))
}

fn value(policy: &str) -> Result<HeaderValue, Refusal> {
    HeaderValue::from_str(policy).map_err(|_| Refusal::new(keyveil_protocol::ErrorCode::Internal, "a page's policy"))
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
