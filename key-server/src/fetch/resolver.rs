use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_public;

/// Turns names into addresses.
pub(crate) trait Lookup: Send + Sync {
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
pub(crate) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) }.boxed()
    }
}

/// Hands out addresses only when all of a name's may be called. The connection is made to what this answered, so a name
/// that changes its mind between check and use gains nothing.
#[derive(Clone)]
pub(super) struct CheckedResolver {
    lookup: Arc<dyn Lookup>,
    allow_private: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the name has an address that is not called")]
pub(super) struct AddressRefused;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

impl CheckedResolver {
    pub(super) fn new(lookup: Arc<dyn Lookup>, allow_private: bool) -> Self {
        Self { lookup, allow_private }
    }

    pub(super) fn allows(&self, address: IpAddr) -> bool {
        self.allow_private || is_public(address)
    }

    pub(super) async fn checked(&self, name: &str) -> Result<Vec<IpAddr>, AnyError> {
        let addresses = self.lookup.lookup(name).await?;
        if addresses.iter().all(|address| self.allows(*address)) { Ok(addresses) } else { Err(AddressRefused.into()) }
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.checked(name.as_str()).await?;
            // The connector puts in the URL's port.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
