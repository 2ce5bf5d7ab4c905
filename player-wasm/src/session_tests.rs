//! The session against a server made of the protocol's own types.

use getrandom::SysRng;
use keyveil_protocol::api::{
    KeysRequest, KeysResponse, MediaInfo, PlayRequest, PlayResponse, RenditionInfo, RenditionKind, SessionInfo,
    TitleInfo,
};
use keyveil_protocol::{
    Cipher, Container, Downgrade, Envelope, ErrorCode, KeysGrant, Mode, Period, PeriodKey, PeriodKeyEntry,
    PeriodSegments, PlayGrant, Psk, PskSecret, RecipientPublicKey, Rendition, SdkBuild as WrittenBuild, Sealing,
    Segment, SegmentKeyEntry, SegmentRef, ServerKey, ServerPublicKey, SessionId, SessionMacKey, StatedLevel,
    TitleSecret, TrackClass,
};
use rand_core::UnwrapErr;

use crate::sdk_build::SdkBuild;
use crate::session::{PlayerError, Session};

pub(crate) const FILE_ID: &str = "title-1";
const BUILD_SECRET: [u8; 32] = [0x5A; 32];
const TITLE_SECRET: [u8; 32] = [0x77; 32];
const PERIOD_SEGMENTS: u32 = 2;
/// The title's one rendition of class HD.
pub(crate) const HD: Rendition = Rendition(2);
const CLASSES: [TrackClass; 2] = [TrackClass::Audio, TrackClass::Hd];

/// Answers as docs/PROTOCOL.md says; its fields are what the tests put wrong.
pub(crate) struct FakeServer {
    key: ServerKey,
    psk: Psk,
    mac_key: SessionMacKey,
    /// So many segments of a preview; none for the whole title.
    preview_segments: Option<u32>,
}

impl FakeServer {
    fn new() -> Self {
        Self::with("server-1", [3; 32], BUILD_SECRET)
    }

    fn with(server_key_id: &str, server_key: [u8; 32], build_secret: [u8; 32]) -> Self {
        Self {
            key: ServerKey::from_bytes(server_key_id.parse().expect("an id"), &server_key).expect("a key"),
            psk: Psk::new("build-1", PskSecret::from_bytes(build_secret)),
            mac_key: SessionMacKey::from_bytes([4; 32]),
            preview_segments: None,
        }
    }

    fn sealing<'a>(&'a self, body: &'a str, recipient: &'a RecipientPublicKey) -> Sealing<'a> {
        Sealing { request_body: body.as_bytes(), recipient, server_key: &self.key, psk: &self.psk }
    }

    fn play_grant(&self, body: &str) -> Envelope {
        let request: PlayRequest = serde_json::from_str(body).expect("a play request");
        let recipient = RecipientPublicKey::parse(&request.public_key).expect("a public key");
        let grant = PlayGrant {
            session_id: SessionId::from_bytes([1; 16]),
            mac_key: self.mac_key.clone(),
            expires_at: 2000,
            keys: self.keys_of(Period(0)),
            segment_keys: self.segment_keys(),
        };
        grant.seal(&self.sealing(body, &recipient), &mut UnwrapErr(SysRng)).expect("seals")
    }

    fn play(&self, body: &str) -> String {
        answer(Mode::Private, Some(self.play_grant(body)))
    }

    pub(crate) fn keys(&self, body: &str) -> String {
        let request: KeysRequest = serde_json::from_str(body).expect("a keys request");
        let recipient = RecipientPublicKey::parse(&request.public_key).expect("a public key");
        let (keys, segment_keys) = (self.keys_of(request.period), self.segment_keys());
        let grant = KeysGrant { expires_at: 3000, keys, segment_keys };
        let grant = grant.seal(&self.sealing(body, &recipient), &mut UnwrapErr(SysRng)).expect("seals");
        let answer = KeysResponse {
            session: session_info(),
            playlist_url: "http://host/m".to_owned(),
            max_track: TrackClass::Uhd,
            grant,
        };
        serde_json::to_string(&answer).expect("JSON")
    }

    fn keys_of(&self, period: Period) -> Vec<PeriodKeyEntry> {
        let title = TitleSecret::from_bytes(TITLE_SECRET);
        let is_whole =
            |period: &Period| self.preview_segments.is_none_or(|end| (period.0 + 1) * PERIOD_SEGMENTS <= end);
        let entry =
            |track_class, period| PeriodKeyEntry { track_class, period, key: title.period_key(track_class, period) };
        let periods = [period, Period(period.0 + 1)].into_iter().filter(is_whole);
        periods.flat_map(|period| CLASSES.map(|class| entry(class, period))).collect()
    }

    /// Of the part of a preview that makes no whole period.
    fn segment_keys(&self) -> Vec<SegmentKeyEntry> {
        let end = self.preview_segments.unwrap_or_default();
        let first = end - end % PERIOD_SEGMENTS;
        let entry = |segment: u32| {
            let key = period_key(TrackClass::Hd, segment / PERIOD_SEGMENTS).segment_key(
                Cipher::Aes128Cbc,
                HD,
                Segment(segment),
            );
            SegmentKeyEntry { rendition: HD, segment: Segment(segment), key }
        };
        (first..end).map(entry).collect()
    }
}

pub(crate) fn period_key(track_class: TrackClass, period: u32) -> PeriodKey {
    TitleSecret::from_bytes(TITLE_SECRET).period_key(track_class, Period(period))
}

fn session_info() -> SessionInfo {
    SessionInfo { id: Some(SessionId::from_bytes([1; 16])), expires_at: 2000, server_time: 1000, level: None }
}

fn answer(mode: Mode, grant: Option<Envelope>) -> String {
    let media = MediaInfo {
        duration_ms: 60_000,
        container: Container::Fmp4,
        cipher: Some(Cipher::Aes128Cbc),
        segment_ms: 6000,
        period_segments: PeriodSegments::new(PERIOD_SEGMENTS).expect("in range"),
        segment_count: 10,
        clear_lead_segments: 0,
        renditions: vec![hd_rendition()],
    };
    let title = TitleInfo {
        app_id: 7.try_into().expect("an app id"),
        file_id: FILE_ID.parse().expect("a file id"),
        name: "A title".to_owned(),
        mode,
        version: 3,
        media,
    };
    let playlist_url = "http://host/media/t/title-1/master.m3u8".to_owned();
    let session = session_info();
    let resolution_names = Vec::new();
    let max_track = TrackClass::Uhd;
    let answer = PlayResponse {
        session,
        title,
        playlist_url,
        watermark: None,
        resolution_names,
        sprites_url: None,
        max_track,
        preview: None,
        grant,
    };
    serde_json::to_string(&answer).expect("JSON")
}

fn hd_rendition() -> RenditionInfo {
    RenditionInfo {
        rendition: HD,
        kind: RenditionKind::Video,
        track_class: TrackClass::Hd,
        name: "720p".to_owned(),
        language: None,
        width: Some(1280),
        height: Some(720),
        bandwidth: None,
        codecs: None,
        playlist: "v720p/playlist.m3u8".to_owned(),
        segment_count: 10,
    }
}

fn session() -> Session {
    let server = FakeServer::new();
    let words = build_words(server.key.public_key());
    Session::new(SdkBuild::read(move |index| words[index as usize]).expect("a build"))
}

fn build_words(pinned: ServerPublicKey) -> Vec<u32> {
    let id = "build-1".parse().expect("an id");
    let build = WrittenBuild { id, secret: PskSecret::from_bytes(BUILD_SECRET), server_keys: vec![pinned] };
    build.words().expect("words").to_vec()
}

pub(crate) fn playing() -> (Session, FakeServer) {
    let (mut session, server) = (session(), FakeServer::new());
    let body = session.play_request("psign", Some(FILE_ID), 0, StatedLevel::Sealed).expect("a body");
    session.accept_play(&server.play(&body)).expect("opens");
    (session, server)
}

fn segment(track_class: TrackClass, period: u32) -> SegmentRef {
    SegmentRef {
        file_id: FILE_ID.parse().expect("a file id"),
        track_class,
        period: Period(period),
        rendition: HD,
        segment: Segment(period * PERIOD_SEGMENTS),
        cipher: Cipher::Aes128Cbc,
    }
}

fn code(result: Result<impl Sized, PlayerError>) -> ErrorCode {
    match result {
        Ok(_) => panic!("it should be refused"),
        Err(refusal) => refusal.0,
    }
}

#[test]
fn a_granted_segment_decrypts_to_the_clear_bytes() {
    let (mut session, _) = playing();
    let title = TitleSecret::from_bytes(TITLE_SECRET);
    let mut media = b"clear media of one segment".to_vec();
    title
        .period_key(TrackClass::Hd, Period(1))
        .segment_key(Cipher::Aes128Cbc, HD, Segment(2))
        .encrypt(&mut media)
        .expect("encrypts");

    let key = session.segment_key(&segment(TrackClass::Hd, 1)).expect("granted");
    let clear_len = key.decrypt(&mut media).expect("decrypts");
    assert_eq!(&media[..clear_len], b"clear media of one segment");
}

#[test]
fn a_preview_ends_at_its_last_segment() {
    let (mut session, mut server) = (session(), FakeServer::new());
    server.preview_segments = Some(3);
    let body = session.play_request("psign", Some(FILE_ID), 0, StatedLevel::Sealed).expect("a body");
    session.accept_play(&server.play(&body)).expect("opens");
    let place = |segment: u32, rendition| {
        let (period, segment) = (Period(segment / PERIOD_SEGMENTS), Segment(segment));
        let file_id = FILE_ID.parse().expect("an id");
        SegmentRef { file_id, track_class: TrackClass::Hd, period, rendition, segment, cipher: Cipher::Aes128Cbc }
    };
    for segment in [0, 1, 2] {
        let key =
            period_key(TrackClass::Hd, segment / PERIOD_SEGMENTS).segment_key(Cipher::Aes128Cbc, HD, Segment(segment));
        assert_eq!(session.segment_key(&place(segment, HD)).expect("granted"), key);
    }
    assert_eq!(code(session.segment_key(&place(3, HD))), ErrorCode::KeyNotGranted);
    assert_eq!(code(session.segment_key(&place(2, Rendition(3)))), ErrorCode::KeyNotGranted);
    assert!(session.holds_period(Period(1)) && !session.holds_period(Period(2)));
    assert_eq!(session.track_classes(), CLASSES);

    let call = session.keys_request(Period(1), 0, None).expect("a call");
    session.accept_keys(&server.keys(&call.body)).expect("opens");
    session.segment_key(&place(2, HD)).expect("granted anew");
    session.close();
    assert_eq!(code(session.segment_key(&place(2, HD))), ErrorCode::KeyNotGranted);
}

#[test]
fn a_preview_shorter_than_a_period_tells_its_classes() {
    let (mut session, mut server) = (session(), FakeServer::new());
    server.preview_segments = Some(1);
    let body = session.play_request("psign", Some(FILE_ID), 0, StatedLevel::Sealed).expect("a body");
    session.accept_play(&server.play(&body)).expect("opens");
    assert_eq!(session.track_classes(), [TrackClass::Hd]);
    assert!(session.holds_period(Period(0)));
}

#[test]
fn the_play_request_carries_what_the_page_asked_and_the_build() {
    let mut session = session();
    let body = session.play_request("a.b.c", Some(FILE_ID), 1234, StatedLevel::Sealed).expect("a body");
    let request: PlayRequest = serde_json::from_str(&body).expect("a play request");
    assert_eq!(request.psign, "a.b.c");
    assert_eq!(request.file_id.expect("asked for").as_str(), FILE_ID);
    assert_eq!((request.build_id.as_str(), request.position_ms), ("build-1", 1234));
    assert_eq!(code(session.play_request("a.b.c", Some("no/id"), 0, StatedLevel::Sealed)), ErrorCode::MalformedRequest);
}

#[test]
fn the_play_request_says_the_level_and_why_it_is_not_sealed() {
    for (stated, level, downgrade) in [
        (StatedLevel::Sealed, "sealed", serde_json::Value::Null),
        (StatedLevel::Guarded(Downgrade::OwnHls), "guarded", "own_hls".into()),
    ] {
        let body = session().play_request("a.b.c", None, 0, stated).expect("a body");
        let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!((body["level"].as_str(), &body["downgrade"]), (Some(level), &downgrade));
        assert!(body.get("downgrade").is_some(), "said, also where it is null");
    }
}

#[test]
fn a_session_opened_anew_asks_for_the_version_it_began_with() {
    let asked = |body: &str| serde_json::from_str::<PlayRequest>(body).expect("a play request").version;
    assert_eq!(asked(&session().play_request("psign", None, 0, StatedLevel::Sealed).expect("a body")), None);
    let (mut playing, _) = playing();
    playing.close();
    assert_eq!(asked(&playing.play_request("psign", None, 0, StatedLevel::Sealed).expect("a body")), Some(3));
}

#[test]
fn every_request_has_its_own_public_key() {
    let (mut session, _) = playing();
    let public_key = |body: &str| serde_json::from_str::<KeysRequest>(body).expect("a request").public_key;
    let first = session.keys_request(Period(1), 0, None).expect("a call");
    let second = session.keys_request(Period(1), 0, None).expect("a call");
    assert_ne!(public_key(&first.body), public_key(&second.body));
}

#[test]
fn a_server_key_that_is_not_pinned_is_unknown() {
    let mut session = session();
    let body = session.play_request("psign", None, 0, StatedLevel::Sealed).expect("a body");
    let other = FakeServer::with("server-2", [3; 32], BUILD_SECRET);
    assert_eq!(code(session.accept_play(&other.play(&body))), ErrorCode::ServerKeyUnknown);
    assert_eq!(code(session.segment_key(&segment(TrackClass::Hd, 0))), ErrorCode::KeyNotGranted);
}

#[test]
fn a_substituted_server_key_under_the_pinned_id_is_rejected() {
    let mut session = session();
    let body = session.play_request("psign", None, 0, StatedLevel::Sealed).expect("a body");
    let other = FakeServer::with("server-1", [9; 32], BUILD_SECRET);
    assert_eq!(code(session.accept_play(&other.play(&body))), ErrorCode::EnvelopeRejected);
}

#[test]
fn a_server_that_does_not_know_the_build_secret_is_rejected() {
    let mut session = session();
    let body = session.play_request("psign", None, 0, StatedLevel::Sealed).expect("a body");
    let other = FakeServer::with("server-1", [3; 32], [0; 32]);
    assert_eq!(code(session.accept_play(&other.play(&body))), ErrorCode::EnvelopeRejected);
}

#[test]
fn a_grant_for_an_altered_body_is_rejected() {
    let (mut session, server) = (session(), FakeServer::new());
    let body = session.play_request("psign", None, 0, StatedLevel::Sealed).expect("a body");
    let altered = body.replace("psign\":\"psign", "psign\":\"other");
    assert_ne!(body, altered);
    assert_eq!(code(session.accept_play(&server.play(&altered))), ErrorCode::EnvelopeRejected);
}

#[test]
fn a_replayed_answer_is_rejected() {
    let (mut session, server) = (session(), FakeServer::new());
    let first = session.play_request("psign", None, 0, StatedLevel::Sealed).expect("a body");
    let recorded = server.play(&first);
    session.accept_play(&recorded).expect("opens once");
    assert_eq!(code(session.accept_play(&recorded)), ErrorCode::SessionInvalid, "nothing is asked for");

    session.play_request("psign", None, 0, StatedLevel::Sealed).expect("a body");
    assert_eq!(code(session.accept_play(&recorded)), ErrorCode::EnvelopeRejected);
}

#[test]
fn a_play_grant_does_not_answer_a_keys_request() {
    let (mut session, server) = playing();
    let body = session.play_request("psign", None, 0, StatedLevel::Sealed).expect("a body");
    let grant = server.play_grant(&body);
    let answer =
        KeysResponse { session: session_info(), playlist_url: String::new(), max_track: TrackClass::Uhd, grant };
    let answer = serde_json::to_string(&answer).expect("JSON");
    assert_eq!(code(session.accept_keys(&answer)), ErrorCode::EnvelopeRejected);
}

#[test]
fn an_answer_that_cannot_be_read_is_rejected() {
    for answer in ["", "{}", "null", "{\"grant\":{}}"] {
        let mut session = session();
        session.play_request("psign", None, 0, StatedLevel::Sealed).expect("a body");
        assert_eq!(code(session.accept_play(answer)), ErrorCode::EnvelopeRejected, "{answer}");
    }
}

#[test]
fn a_private_title_without_a_grant_is_rejected_and_any_other_is_not() {
    let mut session = session();
    session.play_request("psign", None, 0, StatedLevel::Sealed).expect("a body");
    assert_eq!(code(session.accept_play(&answer(Mode::Private, None))), ErrorCode::EnvelopeRejected);

    for mode in [Mode::Clear, Mode::Standard] {
        session.play_request("psign", None, 0, StatedLevel::Sealed).expect("a body");
        session.accept_play(&answer(mode, None)).expect("nothing to open");
        assert_eq!(code(session.segment_key(&segment(TrackClass::Hd, 0))), ErrorCode::KeyNotGranted);
        assert_eq!(code(session.keys_request(Period(0), 0, None)), ErrorCode::SessionInvalid);
    }
}

#[test]
fn a_grant_beside_another_mode_is_rejected() {
    for (mode, opens) in [(Mode::Private, true), (Mode::Standard, false), (Mode::Clear, false)] {
        let (mut session, server) = (session(), FakeServer::new());
        let body = session.play_request("psign", None, 0, StatedLevel::Sealed).expect("a body");
        let accepted = session.accept_play(&answer(mode, Some(server.play_grant(&body))));
        assert_eq!(accepted.is_ok(), opens, "{mode:?}");
        assert_eq!(session.segment_key(&segment(TrackClass::Hd, 0)).is_ok(), opens, "{mode:?}");
        if !opens {
            assert_eq!(code(accepted), ErrorCode::EnvelopeRejected);
            assert_eq!(code(session.keys_request(Period(0), 0, None)), ErrorCode::SessionInvalid);
        }
    }
}

#[test]
fn follow_ups_are_authenticated_and_counted() {
    let (mut session, server) = playing();
    for counter in 1..=3 {
        let call = session.keys_request(Period(2), 12_000, Some("newer")).expect("a call");
        assert!(server.mac_key.verify(call.body.as_bytes(), &call.mac));
        assert!(!server.mac_key.verify(&call.body.as_bytes()[1..], &call.mac));
        let request: KeysRequest = serde_json::from_str(&call.body).expect("a keys request");
        assert_eq!((request.counter, request.period, request.position_ms), (counter, Period(2), 12_000));
        assert_eq!(request.psign.as_deref(), Some("newer"));
    }
}

#[test]
fn keys_come_period_by_period_and_old_ones_are_dropped() {
    let (mut session, server) = playing();
    assert!(session.holds_period(Period(1)) && !session.holds_period(Period(2)));
    for period in (2..20).step_by(2) {
        let call = session.keys_request(Period(period), 0, None).expect("a call");
        session.accept_keys(&server.keys(&call.body)).expect("opens");
    }
    let held: Vec<u32> = (0..30).filter(|period| session.holds_period(Period(*period))).collect();
    assert_eq!(held, (8..20).collect::<Vec<_>>());
    assert_eq!(session.track_classes(), CLASSES);
}

#[test]
fn a_refused_keys_answer_leaves_the_keys_at_hand() {
    let (mut session, server) = playing();
    let call = session.keys_request(Period(8), 0, None).expect("a call");
    let other = FakeServer::with("server-1", [9; 32], BUILD_SECRET);
    assert_eq!(code(session.accept_keys(&other.keys(&call.body))), ErrorCode::EnvelopeRejected);
    assert!(session.holds_period(Period(0)));
    // Its exchange is gone with it: even the true answer comes too late.
    assert_eq!(code(session.accept_keys(&server.keys(&call.body))), ErrorCode::SessionInvalid);
}

#[test]
fn segments_outside_the_grant_have_no_key() {
    let (mut session, _) = playing();
    assert_eq!(code(session.segment_key(&segment(TrackClass::Uhd, 0))), ErrorCode::KeyNotGranted);
    assert_eq!(code(session.segment_key(&segment(TrackClass::Hd, 2))), ErrorCode::KeyNotGranted);
    let other_title = SegmentRef { file_id: "title-2".parse().expect("an id"), ..segment(TrackClass::Hd, 0) };
    assert_eq!(code(session.segment_key(&other_title)), ErrorCode::KeyNotGranted);
}

#[test]
fn a_closed_session_has_no_keys() {
    let (mut session, _) = playing();
    session.close();
    assert_eq!(code(session.segment_key(&segment(TrackClass::Hd, 0))), ErrorCode::KeyNotGranted);
    assert_eq!(code(session.keys_request(Period(0), 0, None)), ErrorCode::SessionInvalid);
}

#[test]
fn a_module_without_an_sdk_build_starts_no_session() {
    let words = build_words(FakeServer::new().key.public_key());
    let complete = words.clone();
    assert!(SdkBuild::read(move |index| complete[index as usize]).is_ok(), "the control");
    // What the template of the wasm answers.
    assert_eq!(code(SdkBuild::read(|index| index.min(1))), ErrorCode::BuildMissing);
    assert_eq!(
        code(SdkBuild::read(move |index| if index < 18 { words[index as usize] } else { 0 })),
        ErrorCode::BuildMissing
    );
}

#[test]
fn a_refusal_is_told_by_its_own_code_or_as_internal() {
    let own = [
        PlayerError::SERVER_KEY_UNKNOWN,
        PlayerError::ENVELOPE_REJECTED,
        PlayerError::SEGMENT_DAMAGED,
        PlayerError::KEY_NOT_GRANTED,
        PlayerError::SESSION_INVALID,
        PlayerError::INTERNAL,
        PlayerError(ErrorCode::MalformedRequest),
        PlayerError(ErrorCode::PublicKeyInvalid),
        PlayerError(ErrorCode::KeyTagMalformed),
        PlayerError(ErrorCode::BuildMissing),
    ];
    for refusal in own {
        assert_eq!(refusal.text(), refusal.0.as_str());
    }
    assert_eq!(PlayerError(ErrorCode::LeaseLost).text(), "internal", "it is the servers'");
}
