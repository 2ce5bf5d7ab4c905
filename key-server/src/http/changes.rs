//! `GET /v1/changes`: titles as they change, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use keyveil_protocol::{AppId, ErrorCode};

use super::api::{Answer, State, header_text};
use super::principal::watcher;
use super::router::resource;
use crate::actions::query::Fields;
use crate::actions::titles::{self, TitleView};
use crate::change_streams::Subscription;
use crate::refusal::Refusal;
use crate::store::Scope;

/// `app` is a person's, who can't set a header here.
const FIELDS: &[&str] = &["since", "app"];
/// Keeps proxies from taking a quiet stream for a dead one.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
const COMMENT: &[u8] = b":\n\n";
/// How long a browser waits before it connects again.
const FIRST: &[u8] = b"retry: 1000\n\n";

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(changes))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(resource("/v1/changes", "GET").route(web::get().to(changes)));
}

struct Feed {
    state: State,
    request: HttpRequest,
    app_id: AppId,
    after: i64,
    subscription: Subscription,
    begun: bool,
}

/// Follow titles as they change
///
/// Scope `read`. Server-sent events: `event: title`, `id` = `changeSeq`, `data` = the title as in the list; a comment every
/// 15 s. Deleted titles come with the state `deleted`.
#[utoipa::path(get, path = "/v1/changes", operation_id = "followChanges", tag = "titles", params(
        ("since" = Option<u64>, Query, description = "A `changeSeq`; now when absent."),
        ("app" = Option<AppId>, Query, description = "A person's application, in place of the header `Keyveil-App`."),
        ("Last-Event-ID" = Option<u64>, Header, description = "Counts more than `since`.")),
    responses((status = 200, description = "Does not end by itself.", body = TitleView, content_type = "text/event-stream")))]
async fn changes(state: State, request: HttpRequest) -> Answer {
    let app_id = watcher(&state, &request, Scope::Read).await?.app_id;
    let fields = Fields::parse(request.query_string(), FIELDS)?;
    let since = match header_text(&request, "Last-Event-ID")? {
        // A browser repeats the address it began with: what it saw last counts.
        Some(id) => Some(id.parse::<u64>().map_err(|_| Refusal::new(ErrorCode::MalformedRequest, "Last-Event-ID"))?),
        None => fields.parsed::<u64>("since")?,
    };
    let subscription = state.change_streams.subscribe(app_id)?;
    let since = since.map(|since| i64::try_from(since).unwrap_or(i64::MAX));
    let after = titles::changes_start(&state, since).await?;
    let feed = Feed { state, request, app_id, after, subscription, begun: false };
    let mut response = HttpResponse::Ok();
    response.content_type("text/event-stream").insert_header((header::CACHE_CONTROL, "no-store"));
    // Buffering proxies of the nginx kind would hold events back.
    response.insert_header(("X-Accel-Buffering", "no"));
    Ok(response.streaming(stream::unfold(feed, |mut feed| async move {
        let chunk = feed.next().await?;
        Some((Ok::<_, Infallible>(chunk), feed))
    })))
}

impl Feed {
    /// Nothing more once the server stops, whoever asked may ask no longer, or the database does not answer: a browser
    /// connects again and goes on from the last event it saw.
    async fn next(&mut self) -> Option<web::Bytes> {
        if !self.begun {
            self.begun = true;
            return Some(web::Bytes::from_static(FIRST));
        }
        loop {
            if !self.subscription.goes_on() {
                return None;
            }
            let asker = watcher(&self.state, &self.request, Scope::Read).await.ok()?;
            if asker.app_id != self.app_id {
                return None;
            }
            let changes = titles::changes(&self.state, self.app_id, self.after).await;
            let changes = changes.inspect_err(|error| tracing::error!(%error, "a stream of changes ends")).ok()?;
            if let Some(last) = changes.last() {
                self.after = last.change_seq;
                let mut events = String::new();
                for title in &changes {
                    let json = serde_json::to_string(title).ok()?;
                    events.push_str(&format!("event: title\nid: {}\ndata: {json}\n\n", title.change_seq));
                }
                return Some(events.into());
            }
            if tokio::time::timeout(COMMENT_EVERY, self.subscription.changed()).await.is_err() {
                return Some(web::Bytes::from_static(COMMENT));
            }
        }
    }
}
