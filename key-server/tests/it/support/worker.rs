//! A worker as the server sees it, without ffmpeg: its segments are any bytes.

use chacha20::cipher::{KeyIvInit, StreamCipher};
use keyveil_key_server::actions::workers;
use keyveil_key_server::kms::KmsContext;
use keyveil_key_server::store::{JobKind, NewJob, Title, TitleState, Upload, UploadKind, UploadState};
use keyveil_protocol::job::{ClaimJobRequest, ClaimedJob};
use keyveil_protocol::workflow::WorkflowSettings;
use keyveil_protocol::{ApiKey, ApiKeyId, Exchange, Mode, TitleSecret};
use serde_json::{Value, json};

use super::{Request, Response, TestApp};

/// What a worker stores by [`FakeWorker::store_all`].
pub(crate) const FILES: [(&str, &[u8]); 7] = [
    (
        "master.m3u8",
        b"#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",URI=\"audio/playlist.m3u8\"\n\
          #EXT-X-STREAM-INF:BANDWIDTH=1\nv720p/playlist.m3u8\n",
    ),
    (
        "v720p/playlist.m3u8",
        b"#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXT-X-KEY:METHOD=KEYVEIL,URI=\"keyveil:film/0\"\n#EXTINF:6,\n00000.m4s\n#EXT-X-ENDLIST\n",
    ),
    ("v720p/init.mp4", b"init"),
    ("v720p/00000.m4s", b"sixteen bytes...."),
    ("audio/playlist.m3u8", b"#EXTM3U\n#EXTINF:6,\n00000.m4s\n#EXT-X-ENDLIST\n"),
    ("audio/00000.m4s", b"sixteen bytes more"),
    ("cover.jpg", b"a picture"),
];

pub(crate) struct FakeWorker {
    key: ApiKey,
}

/// A job under way.
pub(crate) struct Claimed {
    pub(crate) job: ClaimedJob,
    pub(crate) secret: Option<TitleSecret>,
}

impl TestApp {
    /// A title with a source and a job, as an upload that is complete leaves them.
    pub(crate) fn queue(&self, file_id: &str, source: &[u8], settings: WorkflowSettings) -> String {
        let now = i64::try_from(self.now()).unwrap();
        let job_id = format!("job-{file_id}");
        let (app_id, upload_id) = (self.app_id(), format!("upload-{file_id}").parse().unwrap());
        let job = NewJob {
            job_id: job_id.parse().unwrap(),
            app_id,
            file_id: file_id.parse().unwrap(),
            kind: JobKind::Package,
            settings: Some(settings.clone()),
            priority: 0,
            created_at: now,
        };
        let title = title(self, file_id, settings.mode, source.len(), now);
        self.block_on(async {
            let context = KmsContext::Source { app_id, file_id: &job.file_id, upload_id: &upload_id };
            let (key, key_ciphertext) = self.installation().kms().generate_data_key(&context).await.unwrap();
            let upload = Upload {
                upload_id: upload_id.clone(),
                app_id,
                file_id: job.file_id.clone(),
                kind: UploadKind::Tus,
                state: UploadState::Receiving,
                length: Some(source.len() as u64),
                offset: 0,
                metadata: String::new(),
                sha256: None,
                url: None,
                attempt: 0,
                key_ciphertext: Some(key_ciphertext),
                created_at: now,
                updated_at: now,
                expires_at: now + 86_400,
            };
            let mut encrypted = source.to_vec();
            let nonce = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
            chacha20::ChaCha20::new((&*key).into(), &nonce.into()).apply_keystream(&mut encrypted);
            std::fs::create_dir_all(self.config.uploads_dir()).unwrap();
            std::fs::write(self.config.uploads_dir().join(upload_id.as_str()), encrypted).unwrap();
            let mut write = self.installation().store().write().await.unwrap();
            write.insert_title(&title).await.unwrap();
            write.insert_upload(&upload).await.unwrap();
            assert_eq!(write.begin_stretch(&upload_id, 0, 1).await.unwrap().unwrap().number, 1);
            let (len, expires_at) = (source.len() as u64, now + 86_400);
            assert!(write.advance_upload(&upload_id, 0, len, now, expires_at).await.unwrap());
            assert!(write.complete_upload(&upload_id, now).await.unwrap());
            write.insert_job(&job).await.unwrap();
            write.commit().await.unwrap();
        });
        job_id
    }

    pub(crate) fn job(&self, job_id: &str) -> Value {
        let response = self.authorized("GET", &format!("/v1/jobs/{job_id}")).send();
        assert_eq!(response.status, 200, "{}", response.text());
        response.value()
    }

    pub(crate) fn title(&self, file_id: &str) -> Title {
        self.block_on(self.installation().store().title(&file_id.parse().unwrap())).unwrap().unwrap()
    }

    pub(crate) fn worker(&self) -> FakeWorker {
        FakeWorker { key: self.block_on(workers::create(self.installation(), "test", 1)).unwrap() }
    }
}

fn title(app: &TestApp, file_id: &str, mode: Mode, len: usize, now: i64) -> Title {
    Title {
        workflow_id: Some("adaptive".parse().unwrap()),
        file_name: Some("film.mp4".to_owned()),
        size_bytes: Some(len as u64),
        ..Title::new(app.app_id(), file_id.parse().unwrap(), "A film".to_owned(), (mode, TitleState::Queued), now)
    }
}

impl FakeWorker {
    pub(crate) fn key_text(&self) -> String {
        self.key.expose_text()
    }

    pub(crate) fn key_id(&self) -> ApiKeyId {
        self.key.id().clone()
    }

    pub(crate) fn try_claim(&self, app: &TestApp, more: Value) -> (Response, Exchange, String) {
        let exchange = Exchange::generate(&mut super::player::Player::rng());
        let request = ClaimJobRequest {
            public_key: exchange.public_key().to_string(),
            worker: "rack-7".to_owned(),
            wait_secs: 0,
            worker_id: None,
            protocol_version: None,
        };
        let mut body = serde_json::to_value(&request).unwrap();
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let body = body.to_string();
        let request =
            app.request("POST", "/v1/jobs/claim").header("Authorization", &format!("Bearer {}", self.key_text()));
        (request.json(body.as_str()).send(), exchange, body)
    }

    /// Tells of itself what a worker that can do everything would, but for what is said here.
    pub(crate) fn register(&self, app: &TestApp, id: &str, more: Value) -> Response {
        let mut body = json!({
            "protocolVersions": { "min": 1, "max": 2 }, "name": "rack-7", "version": "9.9.9", "cpus": 4,
            "memoryBytes": 8_u64 << 30, "jobs": 2, "kinds": ["package", "reencrypt"], "encoders": ["libx264"],
            "starting": false, "leaving": false,
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let request = app.request("PUT", &format!("/v1/workers/{id}"));
        request.header("Authorization", &format!("Bearer {}", self.key_text())).json(body.to_string()).send()
    }

    /// A claim as a worker that has registered makes it.
    pub(crate) fn claim_as(&self, app: &TestApp, id: &str) -> Option<Claimed> {
        let (response, _, _) = self.try_claim(app, json!({ "workerId": id, "protocolVersion": 2 }));
        if response.status == 204 {
            return None;
        }
        Some(Claimed { job: response.parsed(), secret: None })
    }

    pub(crate) fn claim(&self, app: &TestApp) -> Option<Claimed> {
        self.claim_waiting(app, 0)
    }

    pub(crate) fn claim_waiting(&self, app: &TestApp, wait_secs: u64) -> Option<Claimed> {
        let (response, exchange, body) = self.try_claim(app, json!({ "waitSecs": wait_secs }));
        if response.status == 204 {
            return None;
        }
        let job: ClaimedJob = response.parsed();
        let secret = job.title_secret.as_ref().map(|envelope| {
            exchange.open_title(body.as_bytes(), envelope, &app.server_key(), &self.key.psk()).unwrap()
        });
        Some(Claimed { job, secret })
    }
}

impl Claimed {
    pub(crate) fn id(&self) -> &str {
        self.job.job_id.as_str()
    }

    pub(crate) fn request(&self, app: &TestApp, method: &str, path: &str) -> Request {
        let request = app.request(method, &format!("/v1/jobs/{}/{path}", self.id()));
        request.header("Authorization", &format!("Bearer {}", self.job.token))
    }

    pub(crate) fn put(&self, app: &TestApp, path: &str, content: &[u8]) -> Response {
        let digest = ring::digest::digest(&ring::digest::SHA256, content);
        let request = self.request(app, "PUT", &format!("media/{path}"));
        request.header("Keyveil-Sha256", &hex::encode(digest.as_ref())).body(content).send()
    }

    pub(crate) fn store_all(&self, app: &TestApp) {
        for (path, content) in FILES {
            let response = self.put(app, path, content);
            assert_eq!(response.status, 204, "{path} {}", response.text());
        }
    }

    pub(crate) fn heartbeat(&self, app: &TestApp, more: Value) -> Response {
        let mut body = json!({ "stage": "transcoding", "percent": 12.5, "leftSecs": 60, "speed": 2.5 });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.request(app, "POST", "heartbeat").json(body.to_string()).send()
    }

    pub(crate) fn complete(&self, app: &TestApp) -> Response {
        let body = json!({ "media": media(), "cover": "cover.jpg", "sprites": null });
        self.request(app, "POST", "complete").json(body.to_string()).send()
    }

    pub(crate) fn fail(&self, app: &TestApp, code: &str, retryable: bool) -> Response {
        let body = json!({ "code": code, "message": "It did not work.", "retryable": retryable });
        self.request(app, "POST", "fail").json(body.to_string()).send()
    }
}

/// Of [`FILES`].
pub(crate) fn media() -> Value {
    let rendition = |number: u16, kind: &str, track_class: &str, name: &str| {
        json!({
            "rendition": number, "kind": kind, "trackClass": track_class, "name": name, "language": null, "width": null,
            "height": null, "bandwidth": null, "codecs": null, "playlist": format!("{name}/playlist.m3u8"), "segmentCount": 1,
        })
    };
    json!({
        "durationMs": 6000, "container": "fmp4", "cipher": "aes-128-cbc", "segmentMs": 6000, "periodSegments": 10,
        "segmentCount": 1, "renditions": [rendition(0, "video", "HD", "v720p"), rendition(1, "audio", "AUDIO", "audio")],
    })
}
