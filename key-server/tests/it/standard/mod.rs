//! Standard titles: entry, playlists, keys, imported keys.

mod entry;
mod imported;
mod keys;
mod levels;
mod limits;
mod media_origin;
mod signatures;

use keyveil_protocol::{Aes128CbcKey, Period, Rendition, Segment, TrackClass};

use crate::support::{Request, Response, TestApp};

pub(super) const SHOW: &str = "show";
pub(super) const PARAMETER: &str = "MtsHlsUriToken";

const MASTER: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"audio\",DEFAULT=YES,URI=\"audio/playlist.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=2000000,AUDIO=\"audio\"\nv720p/playlist.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1000000,AUDIO=\"audio\"\nv480p/playlist.m3u8\n";

/// What the tests put into the first segment of every period.
pub(super) const CLEAR: &[u8] = b"what a viewer sees";

/// A server with a standard title as a packager leaves it: 25 segments in five periods, HD, SD and AUDIO.
pub(super) fn start() -> TestApp {
    with_show(TestApp::start())
}

pub(super) fn with_show(app: TestApp) -> TestApp {
    publish(&app, SHOW);
    app
}

pub(super) fn publish(app: &TestApp, file_id: &str) {
    app.publish(file_id, "standard");
    let (folder, secret) = (app.media_dir().join(file_id), app.secret(file_id));
    std::fs::write(folder.join("master.m3u8"), MASTER).unwrap();
    let renditions = [("v720p", TrackClass::Hd), ("v480p", TrackClass::Sd), ("audio", TrackClass::Audio)];
    for (number, (name, class)) in (0..).map(Rendition).zip(renditions) {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        let mut playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MAP:URI=\"init.mp4\"\n".to_owned();
        for segment in (0..25).map(Segment) {
            let period = Period(segment.0 / 5);
            let key = secret.period_key(class, period).standard_segment_key(number, segment);
            let iv = hex::encode(key.halves().1);
            playlist.push_str(&format!(
                "#EXT-X-KEY:METHOD=AES-128,URI=\"keyveil:{class}/{period}\",IV=0x{iv}\n#EXTINF:6.000,\nseg-{segment:05}.m4s\n"
            ));
            let mut media = CLEAR.to_vec();
            key.encrypt(&mut media).unwrap();
            std::fs::write(folder.join(name).join(format!("seg-{segment:05}.m4s")), media).unwrap();
        }
        playlist.push_str("#EXT-X-ENDLIST\n");
        std::fs::write(folder.join(name).join("playlist.m3u8"), playlist).unwrap();
    }
}

/// A player that knows HLS and nothing of ours.
pub(super) struct PlainPlayer<'a> {
    app: &'a TestApp,
    pub(super) master: String,
}

impl<'a> PlainPlayer<'a> {
    pub(super) fn open(app: &'a TestApp, file_id: &str) -> Self {
        let psign = app.sign(&app.claims(file_id));
        Self::open_with(app, file_id, &psign)
    }

    pub(super) fn open_with(app: &'a TestApp, file_id: &str, psign: &str) -> Self {
        Self::of(app, &entry(app, file_id, psign).send())
    }

    /// With what the entry answered.
    pub(super) fn of(app: &'a TestApp, response: &Response) -> Self {
        assert_eq!(response.status, 200, "{}", response.text());
        Self { app, master: response.text() }
    }

    /// Path and query of the playlist of a rendition.
    pub(super) fn playlist_path(&self, name: &str) -> String {
        let address =
            addresses(&self.master).into_iter().find(|uri| uri.contains(&format!("/{name}/"))).expect("a URI");
        path_of(self.app, &address)
    }

    pub(super) fn playlist(&self, name: &str) -> Response {
        self.app.get(&self.playlist_path(name))
    }

    /// The session's token.
    pub(super) fn token(&self) -> String {
        token_of(&self.playlist_path("v720p"))
    }

    pub(super) fn session_id(&self) -> String {
        self.token()[..22].to_owned()
    }

    pub(super) fn key_request(&self, class: &str, period: &str) -> Request {
        self.app.request("GET", &key_path(SHOW, class, period, &self.token()))
    }

    pub(super) fn key(&self, class: &str, period: &str) -> Response {
        self.key_request(class, period).send()
    }
}

pub(super) fn entry(app: &TestApp, file_id: &str, psign: &str) -> Request {
    app.request("GET", &format!("/v1/hls/{file_id}.m3u8?{PARAMETER}={psign}"))
}

pub(super) fn key_path(folder: &str, class: &str, period: &str, token: &str) -> String {
    format!("/v1/hls-keys/{folder}/{class}/{period}?{PARAMETER}={token}")
}

pub(super) fn path_of(app: &TestApp, address: &str) -> String {
    let (_, path) = address.split_once(app.address()).unwrap_or_else(|| panic!("{address}"));
    path.to_owned()
}

pub(super) fn token_of(address: &str) -> String {
    address.split_once(&format!("{PARAMETER}=")).expect("a token").1.to_owned()
}

/// With another character in its signature's middle: the last one may stand for bits that nothing needs.
pub(super) fn altered(psign: &str) -> String {
    let place = psign.len() - 20;
    let other = if &psign[place..=place] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &psign[..place], &psign[place + 1..])
}

/// Every URI of a playlist: lines and attributes.
pub(super) fn addresses(playlist: &str) -> Vec<String> {
    let lines = playlist.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned);
    let attributes =
        playlist.lines().filter_map(|line| line.split_once("URI=\"")?.1.split('"').next().map(str::to_owned));
    lines.chain(attributes).collect()
}

/// What a segment holds under this key and the IV of its key tag.
pub(super) fn decrypted(key: &[u8], iv: &str, ciphertext: &[u8]) -> Vec<u8> {
    let mut both = [0; 32];
    both[..16].copy_from_slice(key);
    both[16..].copy_from_slice(&hex::decode(iv).unwrap());
    let mut buffer = ciphertext.to_vec();
    let len = Aes128CbcKey::from_bytes(both).decrypt(&mut buffer).unwrap();
    buffer.truncate(len);
    buffer
}
