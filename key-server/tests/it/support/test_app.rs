use std::convert::Infallible;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use getrandom::rand_core::{TryCryptoRng, TryRng};
use keyveil_key_server::actions::apps::{self, CreatedApp, NewApp};
use keyveil_key_server::kms::Kms;
use keyveil_key_server::{Clock, Config, DatabaseUrl, Installation, Server, ServerState, StopHandle};
use keyveil_protocol::api::{PutTitleResponse, RenditionKind};
use keyveil_protocol::psign::{self, PlayerSignatureClaims, SigningKey};
use keyveil_protocol::{AppId, Exchange, ServerPublicKey, TitleSecret};
use serde_json::{Value, json};

use super::{Player, Request, Response, database_of};

/// The private title that every test app has published.
pub(crate) const TITLE: &str = "film";

pub(crate) struct TestAppBuilder {
    domains: Vec<&'static str>,
    max_age_secs: u64,
    kms: Option<Box<dyn Kms>>,
    dir: Option<Arc<tempfile::TempDir>>,
    public_url: Option<&'static str>,
    local_worker: Option<PathBuf>,
    allow_private: bool,
    trusted_proxies: &'static [&'static str],
    token_parameter: Option<&'static str>,
    key_uses: Option<u32>,
    configure: Option<fn(&mut Config)>,
    database: Option<Option<DatabaseUrl>>,
}

/// A server with one application and one published private title of 25 segments in five periods.
pub(crate) struct TestApp {
    pub(crate) dir: Arc<tempfile::TempDir>,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) app: CreatedApp,
    address: String,
    metrics_address: Option<String>,
    state: Arc<ServerState>,
    handle: StopHandle,
    thread: Option<JoinHandle<()>>,
    runtime: tokio::runtime::Runtime,
}

impl TestAppBuilder {
    pub(crate) fn domain(mut self, domain: &'static str) -> Self {
        self.domains.push(domain);
        self
    }

    pub(crate) fn max_age_secs(mut self, secs: u64) -> Self {
        self.max_age_secs = secs;
        self
    }

    pub(crate) fn public_url(mut self, url: &'static str) -> Self {
        self.public_url = Some(url);
        self
    }

    /// Its own requests may go to this machine.
    pub(crate) fn allow_private(mut self) -> Self {
        self.allow_private = true;
        self
    }

    /// Behind proxies at these addresses.
    pub(crate) fn trusted_proxies(mut self, ranges: &'static [&'static str]) -> Self {
        self.trusted_proxies = ranges;
        self
    }

    pub(crate) fn token_parameter(mut self, name: &'static str) -> Self {
        self.token_parameter = Some(name);
        self
    }

    pub(crate) fn key_uses(mut self, key_uses: u32) -> Self {
        self.key_uses = Some(key_uses);
        self
    }

    /// With a worker of the server's own: this program.
    pub(crate) fn local_worker(mut self, packager: PathBuf) -> Self {
        self.local_worker = Some(packager);
        self
    }

    /// Over the data folder of `other`.
    pub(crate) fn over(mut self, other: &TestApp) -> Self {
        self.dir = Some(Arc::clone(&other.dir));
        self
    }

    /// In a folder that may hold files already; with an application and no title.
    pub(crate) fn in_folder(mut self, dir: Arc<tempfile::TempDir>) -> Self {
        self.dir = Some(dir);
        self
    }

    /// In this database, or in SQLite's, whatever the others run on.
    pub(crate) fn database(mut self, database: Option<DatabaseUrl>) -> Self {
        self.database = Some(database);
        self
    }

    pub(crate) fn kms(mut self, kms: impl Kms + 'static) -> Self {
        self.kms = Some(Box::new(kms));
        self
    }

    /// Changes what the configuration would be.
    pub(crate) fn configure(mut self, change: fn(&mut Config)) -> Self {
        self.configure = Some(change);
        self
    }

    /// Over the data folder of another test app: its application and titles are there already.
    pub(crate) fn start(self) -> TestApp {
        // Its own thread, because a pool connection finds back to the pool in a task of its own.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let dir = self.dir.clone().unwrap_or_else(|| Arc::new(tempfile::tempdir().unwrap()));
        let mut config = config(&dir, self.public_url);
        config.workers.local = self.local_worker.is_some();
        config.workers.packager = self.local_worker.clone();
        config.fetch.allow_private = self.allow_private;
        if let Some(name) = self.token_parameter {
            config.standard.token_parameter = name.to_owned();
        }
        config.standard.key_uses = self.key_uses.unwrap_or(config.standard.key_uses);
        config.http.trusted_proxies = self.trusted_proxies.iter().map(|range| range.parse().unwrap()).collect();
        if let Some(change) = self.configure {
            change(&mut config);
        }
        if let Some(database) = self.database {
            config.database.url = database;
        }
        let clock = Clock::default();
        let (address, metrics_address, state, handle, thread) = serve(config.clone(), self.kms, clock.clone());
        let new_app = NewApp {
            name: "Test".to_owned(),
            domains: self.domains.iter().map(|domain| domain.parse().unwrap()).collect(),
            max_age_secs: self.max_age_secs,
        };
        let app = runtime.block_on(apps::create(state.installation(), &new_app, 1)).unwrap();
        let thread = Some(thread);
        let test_app = TestApp { dir, config, clock, app, address, metrics_address, state, handle, thread, runtime };
        if self.dir.is_none() {
            test_app.publish(TITLE, "private");
        }
        test_app
    }
}

impl TestApp {
    pub(crate) fn builder() -> TestAppBuilder {
        TestAppBuilder {
            domains: Vec::new(),
            max_age_secs: 86_400,
            kms: None,
            dir: None,
            public_url: None,
            local_worker: None,
            allow_private: false,
            token_parameter: None,
            key_uses: None,
            trusted_proxies: &[],
            configure: None,
            database: None,
        }
    }

    pub(crate) fn start() -> Self {
        Self::builder().start()
    }

    /// Another server over the same data: what a replica or a restart sees. `self` may be stopped or not.
    pub(crate) fn replica(&self) -> Self {
        let mut builder = Self::builder();
        builder.dir = Some(Arc::clone(&self.dir));
        builder.allow_private = self.config.fetch.allow_private;
        builder.start()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Where its metrics are read, if anywhere.
    pub(crate) fn metrics_address(&self) -> Option<&str> {
        self.metrics_address.as_deref()
    }

    pub(crate) fn state(&self) -> &Arc<ServerState> {
        &self.state
    }

    pub(crate) fn installation(&self) -> &Installation {
        self.state.installation()
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    pub(crate) fn media_dir(&self) -> PathBuf {
        self.config.media_dir()
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(&self.address, method, path)
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.request("GET", path).send()
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let request = self.request("GET", path);
        headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    }

    /// With the app's API key.
    pub(crate) fn authorized(&self, method: &str, path: &str) -> Request {
        self.request(method, path).header("Authorization", &format!("Bearer {}", self.app.api_key.expose_text()))
    }

    pub(crate) fn claims(&self, file_id: &str) -> PlayerSignatureClaims {
        PlayerSignatureClaims::new(self.app.app_id, file_id.parse().unwrap(), self.now())
    }

    pub(crate) fn signing_key(&self) -> SigningKey {
        SigningKey::new(self.app.signing_key.expose_text().to_owned())
    }

    pub(crate) fn sign(&self, claims: &PlayerSignatureClaims) -> String {
        psign::sign(claims, Some(&self.app.signing_key.kid), &self.signing_key()).unwrap()
    }

    pub(crate) fn player(&self) -> Player<'_> {
        Player::new(self)
    }

    pub(crate) fn secret(&self, file_id: &str) -> TitleSecret {
        self.block_on(self.installation().title_secret(&file_id.parse().unwrap())).unwrap().unwrap()
    }

    /// `PUT`, opened as the packager does; always the same run.
    pub(crate) fn put_title(&self, file_id: &str, mode: &str) -> (Response, Option<TitleSecret>) {
        self.put_title_in_run(1, file_id, mode)
    }

    pub(crate) fn put_title_in_run(&self, run: u8, file_id: &str, mode: &str) -> (Response, Option<TitleSecret>) {
        let exchange = packager_exchange(run);
        let public_key = exchange.public_key().to_string();
        let body = json!({ "fileId": file_id, "publicKey": public_key, "name": "A film", "mode": mode }).to_string();
        let response = self.authorized("PUT", &format!("/v1/titles/{file_id}")).json(body.as_str()).send();
        let envelope = (response.status < 300).then(|| response.parsed::<PutTitleResponse>().title_secret).flatten();
        let secret = envelope.map(|envelope| {
            let server_key = self.server_key();
            exchange.open_title(body.as_bytes(), &envelope, &server_key, &self.app.api_key.psk()).unwrap()
        });
        (response, secret)
    }

    pub(crate) fn server_key(&self) -> ServerPublicKey {
        let listed = self.get("/v1/server-keys").value();
        let newest = &listed["serverKeys"][0];
        let public_key = super::player::bytes_32(newest["publicKey"].as_str().unwrap());
        ServerPublicKey::from_bytes(newest["id"].as_str().unwrap().parse().unwrap(), &public_key).unwrap()
    }

    /// Registers and publishes a title and puts a few files where its media lies.
    pub(crate) fn publish(&self, file_id: &str, mode: &str) {
        assert_eq!(self.put_title(file_id, mode).0.status, 201);
        let body = publication(1, mode).to_string();
        let response = self.authorized("POST", &format!("/v1/titles/{file_id}/commit")).json(body).send();
        assert_eq!(response.status, 200, "{}", response.text());
        let folder = self.media_dir().join(file_id);
        std::fs::create_dir_all(folder.join("v")).unwrap();
        std::fs::write(folder.join("master.m3u8"), format!("#EXTM3U\n{}", "# a comment\n".repeat(100))).unwrap();
        let segment: Vec<u8> = (0..1000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
        for name in ["init.mp4", "00000.m4s", "00000.ts", "audio.m4a", "text.vtt"] {
            std::fs::write(folder.join("v").join(name), &segment).unwrap();
        }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.runtime.block_on(self.handle.stop(false));
            thread.join().unwrap();
        }
    }

    /// Waits for what the server does by itself.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        for _ in 0..1500 {
            if holds() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("never: {what}");
    }

    pub(crate) fn app_id(&self) -> AppId {
        self.app.app_id
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The body of a publish request by one run of the packager.
pub(crate) fn publication(run: u8, mode: &str) -> Value {
    let mut body = media_info(mode);
    body["publicKey"] = json!(packager_exchange(run).public_key().to_string());
    body
}

/// A run of the packager keeps its key over retries.
fn packager_exchange(run: u8) -> Exchange {
    Exchange::generate(&mut Repeating(run))
}

/// One byte over and over: random enough for a key that has to come again.
struct Repeating(u8);

impl TryRng for Repeating {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_ne_bytes([self.0; 4]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_ne_bytes([self.0; 8]))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Repeating {}

/// What a packager publishes: HD and SD video and one audio track, 25 segments of 6 s, periods of 30 s.
pub(crate) fn media_info(mode: &str) -> Value {
    let rendition = |number: u16, kind: RenditionKind, track_class: &str, name: &str| {
        json!({
            "rendition": number, "kind": kind, "trackClass": track_class, "name": name, "language": null, "width": null,
            "height": null, "bandwidth": null, "codecs": null, "playlist": format!("{name}/playlist.m3u8"),
            "segmentCount": 25,
        })
    };
    json!({
        "durationMs": 150_000, "container": "fmp4", "cipher": (mode != "clear").then_some("aes-128-cbc"),
        "segmentMs": 6000, "periodSegments": 5, "segmentCount": 25,
        "renditions": [
            rendition(0, RenditionKind::Video, "HD", "v720p"), rendition(1, RenditionKind::Video, "SD", "v480p"),
            rendition(2, RenditionKind::Audio, "AUDIO", "audio"),
        ],
    })
}

fn config(dir: &tempfile::TempDir, public_url: Option<&str>) -> Config {
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.http.body_timeout_secs = 1;
    config.http.public_url = public_url.map(|url| url.parse().unwrap());
    config.data.dir = dir.path().join("data");
    config.database.url = database_of(&config.data.dir);
    config.pages.www_dir = dir.path().join("www");
    config.pages.sdk_dirs = Some(vec![dir.path().join("sdk-own"), dir.path().join("sdk")]);
    config
}

type Running = (String, Option<String>, Arc<ServerState>, StopHandle, JoinHandle<()>);

fn serve(config: Config, kms: Option<Box<dyn Kms>>, clock: Clock) -> Running {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let installation = match kms {
                None => keyveil_key_server::open(&config).await.unwrap(),
                Some(kms) => {
                    std::fs::create_dir_all(config.media_dir()).unwrap();
                    keyveil_key_server::open_with_kms(&config, kms).await.unwrap()
                }
            };
            let address = |server: &Server| server.address().to_string();
            let server = Server::bind(installation, config, clock).unwrap();
            let metrics_address = server.metrics_address().map(|address| address.to_string());
            sender.send((address(&server), metrics_address, server.state().into_inner(), server.handle())).unwrap();
            server.run().await.unwrap();
        });
    });
    let (address, metrics_address, state, handle) = receiver.recv().unwrap();
    (address, metrics_address, state, handle, thread)
}
