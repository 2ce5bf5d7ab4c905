use base64ct::{Base64UrlUnpadded, Encoding};
use keyveil_key_server::actions::sessions;
use keyveil_protocol::TrackClass;
use keyveil_protocol::psign::{KeyveilClaims, UrlAccessInfo};
use serde_json::{Value, json};

use super::{PARAMETER, PlainPlayer, SHOW, addresses, altered, path_of, publish, start, with_show};
use crate::support::{Response, TITLE, TestApp};

const MEDIA: &str = "fbbf98691ea44b7c82dd75c5bc8b9271";
/// Characters that queries make something else of.
const TEXT: &str = "Njk+ZmQx/2Zj==";
const KEY: [u8; 16] = [0xa7; 16];

fn body(media_id: &str, keys: &[(&str, [u8; 16])]) -> Value {
    let key =
        |(text, key): &(&str, [u8; 16])| json!({ "ciphertext": text, "key": Base64UrlUnpadded::encode_string(key) });
    json!({ "mediaId": media_id, "keys": keys.iter().map(key).collect::<Vec<_>>() })
}

fn put(app: &TestApp, file_id: &str, body: &Value) -> Response {
    app.authorized("PUT", &format!("/v1/titles/{file_id}/imported-keys")).json(body.to_string()).send()
}

fn import(app: &TestApp, file_id: &str, media_id: &str, keys: &[(&str, [u8; 16])]) {
    let response = put(app, file_id, &body(media_id, keys));
    assert_eq!(response.status, 200, "{}", response.text());
}

fn get(app: &TestApp, text: &str, media_id: &str, token: &str) -> Response {
    let text = text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    app.get(&format!("/v1/hls-keys?Ciphertext={text}&MediaId={media_id}&{PARAMETER}={token}"))
}

fn show() -> (TestApp, String) {
    let app = start();
    import(&app, SHOW, MEDIA, &[(TEXT, KEY), ("second", [2; 16])]);
    let psign = app.sign(&app.claims(SHOW));
    (app, psign)
}

#[test]
fn a_psign_is_a_token_for_the_keys_of_its_title() {
    let (app, psign) = show();
    let response = get(&app, TEXT, MEDIA, &psign);
    assert_eq!((response.status, response.body.as_slice()), (200, KEY.as_slice()), "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/octet-stream"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(get(&app, "second", MEDIA, &psign).body, [2; 16]);
    let raw = app.get(&format!("/v1/hls-keys?Ciphertext={TEXT}&MediaId={MEDIA}&{PARAMETER}={psign}"));
    assert_eq!(raw.body, KEY, "as vendors write it, without encoding");
    let sessions = app.authorized("GET", "/v1/sessions").send().value();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1, "the same psign is the same session");
    assert_eq!(sessions["sessions"][0]["releases"], 3);
    let other = {
        let mut claims = app.claims(SHOW);
        // More than the seconds that may have gone by since the first was made.
        claims.current_time_stamp -= 600;
        app.sign(&claims)
    };
    assert_eq!(get(&app, TEXT, MEDIA, &other).status, 200);
    let sessions = app.authorized("GET", "/v1/sessions").send().value();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 2, "another one is another");
}

#[test]
fn title_media_id_and_text_belong_together() {
    let (app, psign) = show();
    publish(&app, "other");
    import(&app, "other", "other-media", &[("other-text", [3; 16])]);
    let psign_of_other = app.sign(&app.claims("other"));
    for (text, media_id, token) in [
        (TEXT, "other-media", &psign),
        (TEXT, "unknown", &psign),
        ("unknown", MEDIA, &psign),
        ("other-text", "other-media", &psign),
        ("other-text", MEDIA, &psign),
        (TEXT, MEDIA, &psign_of_other),
        (TEXT, "other-media", &psign_of_other),
    ] {
        assert_eq!(get(&app, text, media_id, token).code(), "not_found", "{text} {media_id}");
    }
    assert_eq!(get(&app, TEXT, MEDIA, &psign).body, KEY);
    assert_eq!(get(&app, "other-text", "other-media", &psign_of_other).body, [3; 16]);
}

#[test]
fn a_token_that_is_none_gets_no_imported_key() {
    let (app, psign) = show();
    let mut expired = app.claims(SHOW);
    expired.expire_time_stamp = Some(app.now());
    for (token, code) in [
        (app.sign(&expired), "psign_expired"),
        (altered(&psign), "psign_signature"),
        ("a.b.c".to_owned(), "psign_malformed"),
        (app.sign(&app.claims(TITLE)), "psign_content_type"),
        (app.sign(&app.claims("unknown")), "title_not_found"),
        (String::new(), "session_invalid"),
        ("any".to_owned(), "session_invalid"),
        ("A".repeat(66), "session_invalid"),
    ] {
        assert_eq!(get(&app, TEXT, MEDIA, &token).code(), code, "{token}");
    }
    let path = format!("/v1/hls-keys?Ciphertext=second&MediaId={MEDIA}");
    assert_eq!(app.get(&path).code(), "session_invalid", "no token at all");
    for query in ["", "?Ciphertext=x", "?MediaId=x", "?Ciphertext=&MediaId=x", "?Ciphertext=x&Ciphertext=x&MediaId=x"] {
        assert_eq!(app.get(&format!("/v1/hls-keys{query}")).code(), "malformed_request", "{query}");
    }
    let long = get(&app, &"x".repeat(1025), MEDIA, &psign);
    assert_eq!(long.code(), "malformed_request");
    assert_eq!(app.get(&format!("{path}&{PARAMETER}={psign}")).status, 200);
}

#[test]
fn the_session_of_a_psign_ends_as_others_do() {
    let (app, psign) = show();
    assert_eq!(get(&app, TEXT, MEDIA, &psign).status, 200);
    app.clock.advance(86_401);
    assert_eq!(get(&app, TEXT, MEDIA, &psign).code(), "session_expired");
    let psign = app.sign(&app.claims(SHOW));
    assert_eq!(get(&app, TEXT, MEDIA, &psign).status, 200);
    let listed = app.authorized("GET", "/v1/sessions?active=true").send().value();
    let id = listed["sessions"][0]["sessionId"].as_str().unwrap().parse().unwrap();
    assert!(app.block_on(sessions::revoke(app.installation(), id, 1)).unwrap());
    assert_eq!(get(&app, TEXT, MEDIA, &psign).code(), "session_invalid", "the signature opens no second one");
}

#[test]
fn a_signature_that_stops_at_a_class_gets_no_key_that_opens_all() {
    let (app, _) = show();
    let limited = |class: TrackClass| {
        let mut claims = app.claims(SHOW);
        claims.keyveil = Some(KeyveilClaims { max_track: Some(class), ..KeyveilClaims::default() });
        get(&app, TEXT, MEDIA, &app.sign(&claims))
    };
    assert_eq!(limited(TrackClass::Sd).code(), "track_not_allowed");
    assert_eq!(limited(TrackClass::Hd).status, 200, "the title's highest");
}

#[test]
fn uses_of_imported_keys_are_counted_too() {
    let app = with_show(TestApp::builder().key_uses(2).start());
    import(&app, SHOW, MEDIA, &[(TEXT, KEY), ("second", [2; 16])]);
    let psign = app.sign(&app.claims(SHOW));
    for n in 0..4 {
        assert_eq!(get(&app, TEXT, MEDIA, &psign).status, 200, "{n}");
    }
    assert_eq!(get(&app, TEXT, MEDIA, &psign).code(), "key_uses_exhausted");
}

#[test]
fn the_vendors_key_addresses_are_written_anew() {
    let (app, _) = show();
    let vendor = format!(
        "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"https://decrypt.vendor.example/k?Ciphertext={TEXT}&MediaId={MEDIA}\"\n#EXTINF:6,\n0.m4s\n"
    );
    std::fs::write(app.media_dir().join(SHOW).join("v720p/playlist.m3u8"), vendor).unwrap();
    let player = PlainPlayer::open(&app, SHOW);
    let playlist = player.playlist("v720p").text();
    let address = addresses(&playlist).into_iter().find(|uri| uri.contains("hls-keys")).unwrap();
    assert!(!playlist.contains("vendor.example") && address.ends_with(&player.token()), "{playlist}");
    assert_eq!(app.get(&path_of(&app, &address)).body, KEY);
    let altered = address.replace(&player.token(), &"A".repeat(66));
    assert_eq!(app.get(&path_of(&app, &altered)).code(), "session_invalid");
}

#[test]
fn keys_are_imported_once_more_or_not_at_all() {
    let (app, psign) = show();
    let answer = put(&app, SHOW, &body("new-media", &[("new", [9; 16])])).value();
    assert_eq!(answer, json!({ "fileId": SHOW, "mediaId": "new-media", "count": 1 }));
    assert_eq!(get(&app, TEXT, MEDIA, &psign).code(), "not_found", "those of before are gone");
    assert_eq!(get(&app, "new", "new-media", &psign).body, [9; 16]);
    let with = |keys: Value| json!({ "mediaId": MEDIA, "keys": keys });
    let key = json!({ "ciphertext": "x", "key": Base64UrlUnpadded::encode_string(&KEY) });
    for wrong in [
        json!({}),
        json!({ "mediaId": MEDIA }),
        with(json!([])),
        with(json!([key, key])),
        with(json!([{ "ciphertext": "", "key": key["key"] }])),
        with(json!([{ "ciphertext": "x".repeat(1025), "key": key["key"] }])),
        with(json!([{ "ciphertext": "x", "key": "AAAA" }])),
        with(json!([{ "ciphertext": "x", "key": format!("{}A", key["key"].as_str().unwrap()) }])),
        with(json!([{ "ciphertext": "x" }])),
        with(vec![key.clone(); 1001].into()),
        json!({ "mediaId": "", "keys": [key] }),
        json!({ "mediaId": "x".repeat(129), "keys": [key] }),
        json!({ "mediaId": MEDIA, "keys": [key], "more": 1 }),
    ] {
        assert_eq!(put(&app, SHOW, &wrong).code(), "malformed_request", "{wrong}");
    }
    assert_eq!(get(&app, "new", "new-media", &psign).status, 200, "a refused import changes nothing");
    assert_eq!(put(&app, SHOW, &json!("x".repeat(256 << 10))).code(), "body_too_large");
    let good = body(MEDIA, &[(TEXT, KEY)]);
    assert_eq!(put(&app, TITLE, &good).code(), "title_state", "a private title");
    assert_eq!(put(&app, "unknown", &good).code(), "title_not_found");
    assert_eq!(put(&app.replica(), SHOW, &good).code(), "title_not_found", "another application's");
    let path = format!("/v1/titles/{SHOW}/imported-keys");
    assert_eq!(app.request("PUT", &path).json(good.to_string()).send().code(), "api_key_invalid");
    assert_eq!(put(&app, SHOW, &good).status, 200);
}

#[test]
fn a_thousand_keys_are_taken_and_none_stands_in_the_database_bare() {
    let app = start();
    let texts: Vec<String> = (0..1000).map(|n| format!("text-{n}")).collect();
    let keys: Vec<(&str, [u8; 16])> = texts.iter().map(|text| (text.as_str(), KEY)).collect();
    import(&app, SHOW, MEDIA, &keys);
    assert_eq!(get(&app, "text-999", MEDIA, &app.sign(&app.claims(SHOW))).body, KEY);
    let stored = app.database().stored();
    assert!(!stored.holds(KEY), "the key is wrapped");
    assert!(stored.holds(MEDIA), "the search finds what is there");
}

#[test]
fn deleting_the_title_forgets_its_imported_keys() {
    let (app, _) = show();
    let count = || app.block_on(app.installation().store().count_imported_keys(&SHOW.parse().unwrap())).unwrap();
    assert_eq!(count(), 2);
    assert_eq!(app.authorized("DELETE", &format!("/v1/titles/{SHOW}")).send().status, 204);
    assert_eq!(count(), 0);
}

#[test]
fn an_imported_title_is_not_encrypted_anew() {
    let (app, _) = show();
    let reencrypt =
        |file_id: &str| app.authorized("POST", &format!("/v1/titles/{file_id}/reencrypt")).json("{}".to_owned()).send();
    assert_eq!(reencrypt(SHOW).code(), "title_state");
    assert_eq!(reencrypt(TITLE).status, 200, "one of this server's own is");
}

#[test]
fn a_preview_gets_no_imported_key() {
    let (app, _) = show();
    let mut claims = app.claims(SHOW);
    claims.url_access_info = Some(UrlAccessInfo { exper: Some(12), ..UrlAccessInfo::default() });
    let psign = app.sign(&claims);
    assert_eq!(get(&app, TEXT, MEDIA, &psign).code(), "preview_ended", "where its segments lie nobody knows");
    let player = PlainPlayer::open_with(&app, SHOW, &psign);
    assert_eq!(get(&app, TEXT, MEDIA, &player.token()).code(), "preview_ended");
    assert_eq!(player.playlist("v720p").text().matches("#EXTINF").count(), 2);
    let whole = PlainPlayer::open_with(&app, SHOW, &app.sign(&app.claims(SHOW)));
    assert_eq!(get(&app, TEXT, MEDIA, &whole.token()).status, 200, "the whole title's");
}

#[test]
fn a_signature_for_one_use_is_one_session_however_often_it_asks() {
    let (app, _) = show();
    let mut claims = app.claims(SHOW);
    claims.keyveil = Some(KeyveilClaims { once: true, ..KeyveilClaims::default() });
    let psign = app.sign(&claims);
    assert_eq!(get(&app, TEXT, MEDIA, &psign).status, 200);
    assert_eq!(get(&app, "second", MEDIA, &psign).status, 200);
    assert_eq!(super::entry(&app, SHOW, &psign).send().code(), "psign_used");
}

#[test]
fn a_psign_that_asks_for_several_keys_at_once_opens_one_session() {
    let (app, psign) = show();
    let path = |text: &str| format!("/v1/hls-keys?Ciphertext={text}&MediaId={MEDIA}&{PARAMETER}={psign}");
    let requests: Vec<_> = (0..8).map(|_| app.request("GET", &path("second"))).collect();
    let asking: Vec<_> = requests.into_iter().map(|request| std::thread::spawn(move || request.send())).collect();
    for answer in asking {
        let answer = answer.join().unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, [2; 16].as_slice()), "{}", answer.text());
    }
    let listed = app.authorized("GET", "/v1/sessions").send().value();
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(listed["sessions"][0]["releases"], 8);
}
