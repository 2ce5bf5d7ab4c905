use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use keyveil_protocol::{AppId, ServerKey};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, OnceCell, watch};
use url::Url;

use crate::actions::account::SignInGuard;
use crate::actions::media_origins::MediaOriginCache;
use crate::actions::play_limits::PlayLimits;
use crate::actions::sources::{PieceBuffers, PieceCache, Turns};
use crate::actions::standard::StandardLimits;
use crate::change_streams::ChangeStreams;
use crate::clock::Clock;
use crate::config::{Config, StorageReads};
use crate::fetch::{Client, SystemLookup};
use crate::installation::Installation;
use crate::kms::{KmsContext, decrypt_32};
use crate::origin::{MediaFolder, UrlScope, url_expiry};
use crate::page_origin::{DomainPattern, PageOrigin};
use crate::rate_counters::{Counting, RateCounters};
use crate::refusal::Refusal;
use crate::store::{ServerKeyRow, StoreError};

/// How long a change of domains takes to reach CORS answers.
const DOMAINS_TTL: Duration = Duration::from_secs(2);
/// Addresses of pictures are good for this long at least.
const PREVIEW_SECS: u64 = 3600;

/// What every request sees. Replicas over one database answer alike: nothing here is a session's.
pub struct ServerState {
    pub(crate) installation: Installation,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    /// Who writes to which source.
    pub(crate) turns: Turns,
    pub(crate) piece_buffers: PieceBuffers,
    pub(crate) piece_cache: Arc<PieceCache>,
    pub(crate) sign_in_guard: SignInGuard,
    pub(crate) standard_limits: StandardLimits,
    pub(crate) play_limits: PlayLimits,
    /// For requests to addresses that others name.
    pub(crate) fetch: Client,
    pub(crate) change_streams: ChangeStreams,
    pub(crate) media_origins: MediaOriginCache,
    public_url: Url,
    own_origins: Vec<PageOrigin>,
    domains: Mutex<Option<(Instant, Arc<AllDomains>)>>,
    redirect_origin: OnceCell<Option<Url>>,
    job_ready: Notify,
    sweep_wanted: Notify,
    changes_wanted: Notify,
    stopping: watch::Sender<bool>,
}

/// Domain patterns by application.
pub(crate) type AllDomains = HashMap<AppId, Vec<DomainPattern>>;

impl ServerState {
    /// `public_url` is how browsers reach this server.
    #[must_use]
    pub fn new(installation: Installation, config: Config, clock: Clock, public_url: Url) -> Self {
        let own_origins = own_origins(&public_url, config.http.public_url.is_none());
        let counting = Counting::new(&clock, installation.rates_key());
        let (sign_in_guard, standard_limits) = (SignInGuard::new(&counting), StandardLimits::new(&counting));
        let play_limits = PlayLimits::new(config.http.plays_per_minute, &counting);
        let fetch = Client::new(config.fetch, Arc::new(SystemLookup));
        Self {
            installation,
            fetch,
            config,
            clock,
            turns: Turns::default(),
            piece_buffers: PieceBuffers::default(),
            piece_cache: Arc::default(),
            sign_in_guard,
            standard_limits,
            play_limits,
            change_streams: ChangeStreams::default(),
            media_origins: MediaOriginCache::default(),
            public_url,
            own_origins,
            domains: Mutex::new(None),
            redirect_origin: OnceCell::new(),
            job_ready: Notify::new(),
            sweep_wanted: Notify::new(),
            changes_wanted: Notify::new(),
            stopping: watch::Sender::new(false),
        }
    }

    /// The installation it serves.
    #[must_use]
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// All of its counters of rates.
    pub(crate) fn rate_counters(&self) -> Vec<&RateCounters> {
        let all = [self.sign_in_guard.counters(), self.standard_limits.counters(), self.play_limits.counters()];
        all.concat()
    }

    /// Whether browsers reach this server encrypted.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    pub(crate) fn is_own_origin(&self, origin: &PageOrigin) -> bool {
        self.own_origins.contains(origin)
    }

    /// Wakes the workers that wait for a job. To be called after the commit that queued one; without it, they find the
    /// job a second later.
    pub(crate) fn announce_job(&self) {
        self.job_ready.notify_waiters();
    }

    /// Ends when a job is announced.
    pub(crate) fn job_announced(&self) -> Notified<'_> {
        self.job_ready.notified()
    }

    /// Has old versions looked for soon: one has just become old.
    pub(crate) fn announce_sweep(&self) {
        self.sweep_wanted.notify_one();
    }

    /// Ends when old versions are to be looked for.
    pub(crate) fn sweep_announced(&self) -> Notified<'_> {
        self.sweep_wanted.notified()
    }

    /// Has changes of titles looked for at once: somebody has written.
    pub(crate) fn announce_changes(&self) {
        self.changes_wanted.notify_one();
    }

    /// Ends when changes of titles are to be looked for.
    pub(crate) fn changes_announced(&self) -> Notified<'_> {
        self.changes_wanted.notified()
    }

    /// Ends what would wait for long: the server is about to stop.
    pub(crate) fn begin_stop(&self) {
        self.stopping.send_replace(true);
        self.job_ready.notify_waiters();
        self.change_streams.end();
    }

    /// Whether the server is about to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Ends when the server is about to stop.
    pub(crate) async fn stop_begun(&self) {
        // An error would mean that the sender is gone, which this state owns.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// How browsers reach this server, without a slash at the end.
    pub(crate) fn base_url(&self) -> &str {
        self.public_url.as_str().trim_end_matches('/')
    }

    /// How browsers reach this server, as an address.
    pub(crate) const fn public_url(&self) -> &Url {
        &self.public_url
    }

    /// The path before those of a version's files; with `preview_segments` one that opens no segment behind them.
    pub(crate) fn media_path(&self, folder: &MediaFolder, expires_at: u64, preview_segments: Option<u32>) -> String {
        let scope = preview_segments.map_or(UrlScope::Media, UrlScope::Beginning);
        format!("/media/{}/{folder}", self.installation.url_key().token(scope, expires_at, folder))
    }

    /// Address of a version's cover or sprites: opens nothing else of the folder.
    pub(crate) fn preview_url(&self, folder: &MediaFolder, path: &str) -> String {
        let expires_at = url_expiry(self.clock.now().saturating_add(PREVIEW_SECS), None);
        let token = self.installation.url_key().token(UrlScope::Previews, expires_at, folder);
        format!("{}/media/{token}/{folder}/{path}", self.base_url())
    }

    /// Where this server answers `path`, which begins with no slash.
    pub(crate) fn address(&self, path: &str) -> Result<Url, url::ParseError> {
        self.public_url.join(path)
    }

    /// Where media are read from, if viewers are sent to the storage itself: an address there, of which only the origin counts. It is
    /// made once, as soon as there are credentials to sign it with.
    pub(crate) async fn redirect_origin(&self) -> Option<&Url> {
        if self.config.storage.reads != StorageReads::Redirect {
            return None;
        }
        let address = || self.installation.media().address("origin.ts", Duration::from_secs(1));
        self.redirect_origin.get_or_try_init(address).await.ok()?.as_ref()
    }

    /// All domains, at most [`DOMAINS_TTL`] old.
    pub(crate) async fn all_domains(&self) -> Result<Arc<AllDomains>, StoreError> {
        if let Some((read_at, domains)) = &*self.domains.lock().unwrap_or_else(PoisonError::into_inner)
            && read_at.elapsed() < DOMAINS_TTL
        {
            return Ok(Arc::clone(domains));
        }
        let mut all = AllDomains::new();
        for (app_id, pattern) in self.installation.store().all_domains().await? {
            let pattern = pattern.parse().map_err(|_| StoreError::Corrupt("domain pattern"))?;
            all.entry(app_id).or_default().push(pattern);
        }
        let all = Arc::new(all);
        *self.domains.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&all)));
        Ok(all)
    }
}

/// A stored server key, ready to seal with.
pub(crate) async fn open_server_key(installation: &Installation, row: &ServerKeyRow) -> Result<ServerKey, Refusal> {
    let context = KmsContext::ServerKey(&row.id);
    let private_key = decrypt_32(installation.kms(), &row.private_key_ciphertext, &context).await?;
    Ok(installation.public_halves().open(&row.id, &private_key)?)
}

/// Where nobody named a public URL, every spelling of this machine is this server.
fn own_origins(public_url: &Url, derived: bool) -> Vec<PageOrigin> {
    let mut urls = vec![public_url.clone()];
    if derived {
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            let mut url = public_url.clone();
            if url.set_host(Some(host)).is_ok() {
                urls.push(url);
            }
        }
    }
    urls.iter().filter_map(PageOrigin::of_url).collect()
}
