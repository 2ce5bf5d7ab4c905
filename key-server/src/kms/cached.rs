//! Unwrapped secrets in memory, for a while: a play asks the engine for nothing that another play asked for lately, and
//! goes on while the engine does not answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hashlink::LruCache;
use ring::digest;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{DataKey, Kms, KmsContext, KmsError, Plaintext};
use crate::config::KmsConfig;

/// How often secrets whose time is over are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// An engine whose answers are kept. Everything but `decrypt` is handed through.
pub struct Cached {
    inner: Box<dyn Kms>,
    entries: Arc<Mutex<Entries>>,
    flights: Mutex<HashMap<Key, Flight>>,
}

/// SHA-256 of context and ciphertext: a secret is found only by who could have unwrapped it.
type Key = [u8; 32];
/// None while it is under way.
type Landing = Option<Result<Arc<Plaintext>, KmsError>>;
type Flight = watch::Receiver<Landing>;

struct Entries {
    by_key: LruCache<Key, Entry>,
    fresh_for: Duration,
    stale_for: Duration,
}

/// Wiped when the last one who uses it lets it go.
struct Entry {
    secret: Arc<Plaintext>,
    unwrapped_at: Instant,
}

/// What a request does about a secret.
enum Part<'a> {
    Have(Arc<Plaintext>),
    Wait(Flight),
    Lead(Lead<'a>),
}

/// The request that asks for everybody. If it goes away, those who wait see that, and one of them leads.
struct Lead<'a> {
    cached: &'a Cached,
    key: Key,
    landing: watch::Sender<Landing>,
}

impl Cached {
    /// Has to be called inside a runtime.
    #[must_use]
    pub fn new(inner: Box<dyn Kms>, config: &KmsConfig) -> Self {
        let entries = Arc::new(Mutex::new(Entries {
            by_key: LruCache::new(config.cache_entries),
            fresh_for: Duration::from_secs(config.cache_secs),
            stale_for: Duration::from_secs(config.cache_stale_secs),
        }));
        tokio::spawn(sweep(Arc::downgrade(&entries)));
        Self { inner, entries, flights: Mutex::default() }
    }

    async fn secret(&self, ciphertext: &[u8], context: &KmsContext<'_>) -> Result<Arc<Plaintext>, KmsError> {
        let key = key_of(ciphertext, context);
        loop {
            match self.part(key) {
                Part::Have(secret) => return Ok(secret),
                Part::Lead(lead) => {
                    let answer = self.inner.decrypt(ciphertext, context).await;
                    return lead.land(answer);
                }
                Part::Wait(mut flight) => {
                    if let Ok(landing) = flight.wait_for(Option::is_some).await
                        && let Some(result) = &*landing
                    {
                        return result.clone();
                    }
                }
            }
        }
    }

    fn part(&self, key: Key) -> Part<'_> {
        // Before the entries are looked at, or a flight could land in between and be flown again.
        let mut flights = locked(&self.flights);
        if let Some(secret) = locked(&self.entries).fresh(&key) {
            return Part::Have(secret);
        }
        if let Some(flight) = flights.get(&key) {
            return Part::Wait(flight.clone());
        }
        let (landing, flight) = watch::channel(None);
        flights.insert(key, flight);
        Part::Lead(Lead { cached: self, key, landing })
    }
}

impl Lead<'_> {
    fn land(self, answer: Result<Plaintext, KmsError>) -> Result<Arc<Plaintext>, KmsError> {
        let mut entries = locked(&self.cached.entries);
        let result = match answer {
            Ok(secret) => Ok(entries.keep(self.key, secret)),
            Err(error @ KmsError::Unavailable { .. }) => entries.stale(&self.key).ok_or(error),
            Err(error) => {
                entries.by_key.remove(&self.key);
                Err(error)
            }
        };
        drop(entries);
        self.landing.send_replace(Some(result.clone()));
        result
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        locked(&self.cached.flights).remove(&self.key);
    }
}

impl Entries {
    fn fresh(&mut self, key: &Key) -> Option<Arc<Plaintext>> {
        let limit = self.fresh_for;
        self.younger_than(key, limit)
    }

    fn stale(&mut self, key: &Key) -> Option<Arc<Plaintext>> {
        let limit = self.fresh_for + self.stale_for;
        self.younger_than(key, limit)
    }

    fn younger_than(&mut self, key: &Key, limit: Duration) -> Option<Arc<Plaintext>> {
        let entry = self.by_key.get(key)?;
        (entry.unwrapped_at.elapsed() < limit).then(|| Arc::clone(&entry.secret))
    }

    fn keep(&mut self, key: Key, secret: Plaintext) -> Arc<Plaintext> {
        let secret = Arc::new(secret);
        self.by_key.insert(key, Entry { secret: Arc::clone(&secret), unwrapped_at: Instant::now() });
        secret
    }
}

/// A secret whose time is over leaves memory also when nobody asks for anything. Ends with the cache.
async fn sweep(entries: Weak<Mutex<Entries>>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let Some(entries) = entries.upgrade() else { return };
        let mut entries = locked(&entries);
        let limit = entries.fresh_for + entries.stale_for;
        entries.by_key.retain(|_, entry| entry.unwrapped_at.elapsed() < limit);
    }
}

fn key_of(ciphertext: &[u8], context: &KmsContext<'_>) -> Key {
    let context = context.encode();
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&(context.len() as u64).to_be_bytes());
    hash.update(&context);
    hash.update(ciphertext);
    let mut key = [0; 32];
    key.copy_from_slice(hash.finish().as_ref());
    key
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kms for Cached {
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        self.inner.generate_data_key(context)
    }

    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        self.inner.encrypt(plaintext, context)
    }

    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>> {
        // A probe is there to ask the engine itself, and never comes twice.
        if matches!(context, KmsContext::Probe) {
            return self.inner.decrypt(ciphertext, context);
        }
        Box::pin(async move { Ok(Plaintext::clone(&*self.secret(ciphertext, context).await?)) })
    }

    fn rewrap<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        self.inner.rewrap(ciphertext, context)
    }

    fn is_current<'a>(&'a self, ciphertext: &'a [u8]) -> BoxFuture<'a, Result<bool, KmsError>> {
        self.inner.is_current(ciphertext)
    }

    fn key_name(&self, ciphertext: &[u8]) -> Option<String> {
        self.inner.key_name(ciphertext)
    }

    fn new_key(&self) -> BoxFuture<'_, Result<String, KmsError>> {
        self.inner.new_key()
    }
}
