//! An installation with as many titles and sessions as a load needs, and the requests for it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use keyveil_key_server::actions::builds;
use keyveil_key_server::kms::KmsContext;
use keyveil_key_server::store::{Publication, Title, TitleState, TitleVersion};
use keyveil_key_server::{Clock, Installation};
use keyveil_protocol::api::{KeysResponse, PlayResponse};
use keyveil_protocol::psign::{KeyveilClaims, PlayerSignatureClaims, SigningKey, sign};
use keyveil_protocol::{
    AppId, Envelope, Exchange, FileId, KeyId, KeysGrant, Mode, PlayGrant, Psk, SdkBuild, ServerPublicKey, SessionId,
};
use serde_json::json;

use crate::Failure;
use crate::http::{Connection, post};

/// Rows of one transaction.
const BATCH: u64 = 1000;
/// Those that are played, evenly out of all there are.
pub(crate) const PLAYED_MAX: u64 = 500;
/// A film of two hours and 10 s in four renditions and audio.
const DURATION_MS: u64 = 7_210_000;
const PERIOD_SEGMENTS: u64 = 5;

/// An application of a running server, from inside.
pub(crate) struct World {
    installation: Installation,
    app_id: AppId,
    signing_key: (KeyId, SigningKey),
    build: SdkBuild,
    now: u64,
    /// Those that there are; who comes after another says so.
    pub(crate) titles: u64,
    /// Of titles that are made from now on.
    pub(crate) period_segments: u64,
    sessions: u64,
    pub(crate) address: SocketAddr,
}

/// A session that this program opened.
pub(crate) struct OpenSession {
    grant: PlayGrant,
    counter: AtomicU64,
}

pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

impl World {
    pub(crate) async fn open(data: &Path, app: u64, address: SocketAddr) -> Result<Self, Failure> {
        let installation = keyveil_tests::open(data).await?;
        let (app_id, now) = (AppId::try_from(app)?, Clock::default().now());
        let keys = installation.store().signing_keys(app_id, None).await?;
        let key = keys.into_iter().next().ok_or("the application has no signing key")?;
        let context = KmsContext::SigningKey { app_id, kid: &key.kid };
        let text = installation.kms().decrypt(&key.text_ciphertext, &context).await?;
        let signing_key = (key.kid, SigningKey::new(String::from_utf8(text.to_vec())?));
        let build = builds::open(&installation, None, i64::try_from(now)?).await?;
        let period_segments = PERIOD_SEGMENTS;
        Ok(Self { installation, app_id, signing_key, build, now, titles: 0, period_segments, sessions: 0, address })
    }

    fn file_id(number: u64) -> Result<FileId, Failure> {
        Ok(format!("bench-{number}").parse()?)
    }

    /// Publishes titles until there are `count`, as the server would after a job: each with a secret of its own.
    pub(crate) async fn grow_titles(&mut self, count: u64) -> Result<(), Failure> {
        while self.titles < count {
            let end = count.min(self.titles + BATCH);
            let mut made = Vec::new();
            for number in self.titles..end {
                let file_id = Self::file_id(number)?;
                let context = KmsContext::Title { app_id: self.app_id, file_id: &file_id };
                let (_, ciphertext) = self.installation.kms().generate_data_key(&context).await?;
                made.push((file_id, ciphertext));
            }
            let now = i64::try_from(self.now)?;
            let media = media(self.period_segments).to_string();
            let publication = Publication { media, cover: None, sprites: None, stored_bytes: None };
            let mut write = self.installation.store().write().await?;
            for (file_id, ciphertext) in made {
                write.insert_title(&self.title(&file_id, now)).await?;
                write.insert_title_version(&version(&file_id, ciphertext, now)).await?;
                write.commit_title_version(&file_id, 1, &publication, now).await?;
                write.set_current_version(&file_id, 1, DURATION_MS, None, now).await?;
                write.set_title_state(&file_id, TitleState::Published, None, now).await?;
            }
            write.commit().await?;
            self.titles = end;
        }
        Ok(())
    }

    fn title(&self, file_id: &FileId, now: i64) -> Title {
        Title::new(self.app_id, file_id.clone(), file_id.to_string(), (Mode::Private, TitleState::Encrypting), now)
    }

    /// Copies a session until there are `count`: their rows are what other viewers leave.
    pub(crate) async fn grow_sessions(&mut self, like: &OpenSession, count: u64) -> Result<(), Failure> {
        let store = self.installation.store();
        let session = store.session(&like.grant.session_id).await?.ok_or("the session is gone")?;
        while self.sessions < count {
            let end = count.min(self.sessions + BATCH);
            let mut write = store.write().await?;
            for _ in self.sessions..end {
                let mut id = [0; SessionId::LEN];
                getrandom::fill(&mut id)?;
                let mut copy = session.clone();
                copy.id = SessionId::from_bytes(id);
                write.insert_session(&copy).await?;
            }
            write.commit().await?;
            self.sessions = end;
        }
        Ok(())
    }

    /// Requests that open sessions of titles out of all there are.
    pub(crate) fn plays(&self) -> Result<Vec<Arc<Vec<u8>>>, Failure> {
        let played = self.titles.clamp(1, PLAYED_MAX);
        let exchange = Exchange::generate(&mut rng());
        let request =
            |number| Ok(Arc::new(post(self.address, "/v1/play", None, &self.play_body(&exchange, number, None)?)));
        (0..played).map(|number| request(number * self.titles / played)).collect()
    }

    fn play_body(&self, exchange: &Exchange, number: u64, viewer: Option<String>) -> Result<String, Failure> {
        let mut claims = PlayerSignatureClaims::new(self.app_id, Self::file_id(number)?, self.now);
        claims.keyveil = viewer.map(|uid| KeyveilClaims { uid: Some(uid), ..KeyveilClaims::default() });
        let psign = sign(&claims, Some(&self.signing_key.0), &self.signing_key.1)?;
        let (public_key, build_id) = (exchange.public_key().to_string(), &self.build.id);
        Ok(json!({ "psign": psign, "publicKey": public_key, "buildId": build_id }).to_string())
    }

    /// Opens `count` sessions over HTTP, and their grants.
    pub(crate) async fn open_sessions(&mut self, count: u64) -> Result<Vec<OpenSession>, Failure> {
        let mut connection = Connection::open(self.address).await?;
        let mut sessions = Vec::new();
        for number in 0..count {
            let grant = self.open_session((&mut connection, self.address), number, None).await?;
            sessions.push(OpenSession { grant, counter: AtomicU64::new(1) });
        }
        self.sessions = self.sessions.max(count);
        Ok(sessions)
    }

    /// Opens session `number` over HTTP, of the title whose turn it is, and its grant. Fails with what the server says when it refuses.
    pub(crate) async fn open_session(
        &self,
        (connection, address): (&mut Connection, SocketAddr),
        number: u64,
        viewer: Option<String>,
    ) -> Result<PlayGrant, Failure> {
        let exchange = Exchange::generate(&mut rng());
        let body = self.play_body(&exchange, number % self.titles.max(1), viewer)?;
        let answer = connection.send(&post(address, "/v1/play", None, &body), true).await?;
        if answer.status != 200 {
            return Err(String::from_utf8_lossy(connection.body()).into());
        }
        let response: PlayResponse = serde_json::from_slice(connection.body())?;
        let envelope = response.grant.ok_or("no grant")?;
        Ok(exchange.open_play(body.as_bytes(), &envelope, self.pinned(&envelope)?, &self.psk())?)
    }

    /// Opens what answered `request_body`, a session's request for keys.
    pub(crate) fn open_keys(
        &self,
        exchange: Exchange,
        request_body: &str,
        answer: &[u8],
    ) -> Result<KeysGrant, Failure> {
        let KeysResponse { grant, .. } = serde_json::from_slice(answer)?;
        Ok(exchange.open_keys(request_body.as_bytes(), &grant, self.pinned(&grant)?, &self.psk())?)
    }

    fn pinned(&self, envelope: &Envelope) -> Result<&ServerPublicKey, Failure> {
        let pinned = self.build.server_keys.iter().find(|key| *key.id() == envelope.server_key_id);
        Ok(pinned.ok_or("a foreign key")?)
    }

    fn psk(&self) -> Psk {
        Psk::new(self.build.id.as_str(), self.build.secret.clone())
    }
}

impl OpenSession {
    /// Its next request for keys: a heartbeat, for the period that it plays.
    pub(crate) fn next(&self, address: SocketAddr, public_key: &str) -> Vec<u8> {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        let body = keys_body(&self.grant.session_id, counter, public_key, (0, 0));
        post(address, "/v1/keys", Some(&self.grant.mac_key.mac(body.as_bytes())), &body)
    }
}

/// A session's request for the keys of a period, and the position that it says it is at.
pub(crate) fn keys_body(id: &SessionId, counter: u64, public_key: &str, (period, position_ms): (u32, u64)) -> String {
    let body = json!({
        "sessionId": id, "counter": counter, "publicKey": public_key, "period": period, "positionMs": position_ms,
    });
    body.to_string()
}

fn version(file_id: &FileId, ciphertext: Vec<u8>, now: i64) -> TitleVersion {
    TitleVersion {
        file_id: file_id.clone(),
        version: 1,
        secret_ciphertext: Some(ciphertext),
        public_key: String::new(),
        publication: None,
        cover: None,
        sprites: None,
        stored_bytes: None,
        created_at: now,
        committed_at: None,
    }
}

fn media(period_segments: u64) -> serde_json::Value {
    let segments = DURATION_MS.div_ceil(6000);
    let rendition = |number: u64, kind: &str, class: &str, bandwidth: u64| {
        json!({
            "rendition": number, "kind": kind, "trackClass": class, "name": format!("{number}"), "language": null, "width": null,
            "height": null, "bandwidth": bandwidth, "codecs": null, "playlist": format!("{number}/index.m3u8"),
            "segmentCount": segments,
        })
    };
    let renditions = [
        rendition(0, "audio", "AUDIO", 128_000),
        rendition(1, "video", "SD", 400_000),
        rendition(2, "video", "SD", 1_200_000),
        rendition(3, "video", "HD", 2_500_000),
        rendition(4, "video", "UHD", 9_000_000),
    ];
    json!({
        "durationMs": DURATION_MS, "container": "fmp4", "cipher": "aes-128-cbc", "segmentMs": 6000,
        "periodSegments": period_segments, "segmentCount": segments, "renditions": renditions,
    })
}
