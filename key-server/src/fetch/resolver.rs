use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::address::is_public;

/// Names that are looked up at the same time. The system's resolver holds a thread for each, of those that all file work
/// runs on, and can't be called off.
const LOOKUPS_AT_ONCE: usize = 8;
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

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
    slots: Arc<Semaphore>,
    timeout: Duration,
}

#[derive(Debug, thiserror::Error)]
#[error("the name has an address that is not called")]
pub(super) struct AddressRefused;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

impl CheckedResolver {
    pub(super) fn new(lookup: Arc<dyn Lookup>, allow_private: bool) -> Self {
        let slots = Arc::new(Semaphore::new(LOOKUPS_AT_ONCE));
        Self { lookup, allow_private, slots, timeout: LOOKUP_TIMEOUT }
    }

    pub(super) fn allows(&self, address: IpAddr) -> bool {
        self.allow_private || is_public(address)
    }

    pub(super) async fn checked(&self, name: &str) -> Result<Vec<IpAddr>, AnyError> {
        let addresses = timeout(self.timeout, self.looked_up(name)).await??;
        if addresses.iter().all(|address| self.allows(*address)) { Ok(addresses) } else { Err(AddressRefused.into()) }
    }

    /// In a task of its own: a lookup that nobody waits for any more holds its slot for as long as it holds its thread.
    async fn looked_up(&self, name: &str) -> Result<Vec<IpAddr>, AnyError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await?;
        let (lookup, name) = (Arc::clone(&self.lookup), name.to_owned());
        let task = tokio::spawn(async move {
            let addresses = lookup.lookup(&name).await;
            drop(slot);
            addresses
        });
        Ok(task.await??)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    /// Answers once it is let go.
    struct Stuck {
        begun: AtomicUsize,
        answers: Semaphore,
    }

    impl Lookup for Stuck {
        fn lookup<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
            async {
                self.begun.fetch_add(1, Ordering::Relaxed);
                self.answers.acquire().await.map_err(std::io::Error::other)?.forget();
                Ok(vec!["93.184.216.34".parse().unwrap()])
            }
            .boxed()
        }
    }

    #[tokio::test]
    async fn a_lookup_that_hangs_is_given_up_and_holds_its_slot_until_it_ends() {
        let lookup = Arc::new(Stuck { begun: AtomicUsize::new(0), answers: Semaphore::new(0) });
        let mut resolver = CheckedResolver::new(Arc::clone(&lookup) as Arc<dyn Lookup>, false);
        resolver.timeout = Duration::from_millis(50);
        for _ in 0..2 {
            let all = join_all((0..20).map(|_| resolver.checked("slow.test"))).await;
            assert!(all.iter().all(Result::is_err));
            assert_eq!(lookup.begun.load(Ordering::Relaxed), LOOKUPS_AT_ONCE);
        }
        lookup.answers.add_permits(LOOKUPS_AT_ONCE + 1);
        resolver.timeout = LOOKUP_TIMEOUT;
        assert_eq!(resolver.checked("slow.test").await.unwrap().len(), 1);
        assert_eq!(lookup.begun.load(Ordering::Relaxed), LOOKUPS_AT_ONCE + 1);
    }
}
