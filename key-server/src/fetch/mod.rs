//! Requests that this server itself makes to addresses that others name: sources by URL, webhooks.
//!
//! Whoever may name an address must not reach what only this server can reach. So every name is resolved once, inside
//! the connection attempt; one address of a private or otherwise special range refuses all of them; and the
//! connection goes to exactly the addresses that were checked. Redirects are not followed unless asked for, and then
//! each is checked like the first address. Proxies of the environment are ignored: they would resolve anew.

mod address;
mod resolver;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use keyveil_protocol::ErrorCode;
use reqwest::{Method, RequestBuilder, Response, header, redirect};
use resolver::{AddressRefused, CheckedResolver};
pub(crate) use resolver::{Lookup, SystemLookup};
use url::{Host, Url};

use crate::config::FetchConfig;
use crate::refusal::Refusal;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
const REDIRECTS_MAX: usize = 5;

/// Makes requests, to checked addresses only.
pub(crate) struct Client {
    /// None where it can't be built: then there are no requests, rather than unchecked ones.
    http: Option<reqwest::Client>,
    /// For [`Client::check`]; connections have one of their own, so that names which are only asked about don't hold them up.
    resolver: CheckedResolver,
}

/// A request that came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// It was not made.
    #[error("{0}")]
    Refused(&'static str),
    /// It failed; a sentence for whoever named the address.
    #[error("{0}")]
    Failed(String),
}

impl Client {
    pub(crate) fn new(config: FetchConfig, lookup: Arc<dyn Lookup>) -> Self {
        // Whoever was first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resolver = CheckedResolver::new(Arc::clone(&lookup), config.allow_private);
        let connecting = CheckedResolver::new(lookup, config.allow_private);
        let builder = || {
            reqwest::Client::builder()
                .dns_resolver(connecting.clone())
                .redirect(redirect::Policy::none())
                .no_proxy()
                .referer(false)
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(SILENCE_TIMEOUT)
                .user_agent(concat!("keyveil/", env!("CARGO_PKG_VERSION")))
        };
        // Without the system's root certificates no https address can be trusted, but everything else still works.
        let http = builder().build().or_else(|error| {
            tracing::error!(%error, "the system's root certificates can't be read: https addresses will not be reached");
            builder().tls_certs_only([]).build()
        });
        Self { http: http.ok(), resolver }
    }

    /// A request to an address whose form may be called; where it leads is checked as it connects. Redirects are
    /// not followed: the caller sees them as answers.
    pub(crate) fn checked(&self, method: Method, url: &Url) -> Result<RequestBuilder, FetchError> {
        self.check_form(url)?;
        let http =
            self.http.as_ref().ok_or_else(|| failed("This server's HTTP client does not start; see its log."))?;
        Ok(http.request(method, url.clone()))
    }

    /// Refuses an address early, before anything is kept of it. A name that does not resolve now may do so later.
    pub(crate) async fn check(&self, url: &Url) -> Result<(), FetchError> {
        self.check_form(url)?;
        match url.host() {
            Some(Host::Domain(name)) => match self.resolver.checked(name).await {
                Err(error) if error.is::<AddressRefused>() => Err(FetchError::Refused(ADDRESS_REFUSED)),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Sends, and says in a sentence what went wrong.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, FetchError> {
        request.send().await.map_err(|error| explain(&error))
    }

    /// GET, following at most five redirects, each checked like the first address.
    pub(crate) async fn get(&self, url: &Url) -> Result<Response, FetchError> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let response = self.send(self.checked(Method::GET, &url)?).await?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            url = next.ok_or_else(|| failed("The other server redirects to nowhere."))?;
        }
        Err(failed("The other server redirects more than five times."))
    }

    fn check_form(&self, url: &Url) -> Result<(), FetchError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::Refused("the address is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Refused("the address holds credentials"));
        }
        // A literal never meets the resolver.
        let literal = match url.host() {
            None => return Err(FetchError::Refused("the address has no host")),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
        };
        if self.resolver.allows(literal) { Ok(()) } else { Err(FetchError::Refused(ADDRESS_REFUSED)) }
    }
}

const ADDRESS_REFUSED: &str = "the address leads into a private, local or reserved network";

impl From<FetchError> for Refusal {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Refused(why) => Self::new(ErrorCode::UrlRefused, why).with_detail(format!("url: {why}")),
            FetchError::Failed(why) => Self::new(ErrorCode::Unavailable, why.clone()).with_detail(why),
        }
    }
}

/// Never the error's own text: it holds the address, which may hold a token.
pub(crate) fn explain(error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<AddressRefused>() {
            return FetchError::Refused(ADDRESS_REFUSED);
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && let Some(inner) = io.get_ref()
            && inner.is::<AddressRefused>()
        {
            return FetchError::Refused(ADDRESS_REFUSED);
        }
        cause = inner.source();
    }
    failed(if error.is_timeout() {
        "The other server did not answer in time."
    } else if error.is_connect() {
        "The other server can't be reached; check name, port and certificate of the address."
    } else {
        "The connection to the other server broke off."
    })
}

fn failed(why: &str) -> FetchError {
    FetchError::Failed(why.to_owned())
}
