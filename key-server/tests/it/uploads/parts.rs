//! Bytes on their way.

use super::*;

/// A request that sends less than it announces and then waits.
fn begin_patch(app: &TestApp, path: &str, announced: usize, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(app.address()).unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n",
        app.address(),
        app.app.api_key.expose_text(),
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

fn status_of(stream: TcpStream) -> String {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn a_file_that_arrives_in_parts_is_queued() {
    let app = TestApp::start();
    let film = film(3_000_000);
    let created =
        app.create(film.len(), &[("filename", "Mein Film.MP4"), ("labels", "a,b"), ("filetype", "video/mp4")]);
    assert_eq!((created.status, created.header("tus-resumable")), (201, Some("1.0.0")));
    assert_eq!((created.header("upload-offset"), created.header("cache-control")), (Some("0"), Some("no-store")));
    assert!(created.header("upload-expires").unwrap().ends_with(" GMT"));
    let path = created.header("location").unwrap().to_owned();
    assert_eq!(title_of(&app, &path), (TitleState::Uploading, None));
    let first = app.patch(&path, 0, &film[..1_234_567]);
    assert_eq!((first.status, first.header("upload-offset")), (204, Some("1234567")), "{}", first.text());
    assert_eq!(app.offset(&path), 1_234_567);
    let last = app.patch(&path, 1_234_567, &film[1_234_567..]);
    assert_eq!(
        (last.status, last.header("upload-offset"), last.header("upload-expires")),
        (204, Some("3000000"), None)
    );
    assert_eq!(title_of(&app, &path), (TitleState::Queued, None));
    assert_eq!(source(&app, &path), film);
    // What was lost of an answer can be asked for again, and nothing can be added.
    assert_eq!(app.offset(&path), film.len());
    assert_eq!(app.patch(&path, film.len(), b"").status, 204);
    assert_eq!(app.patch(&path, film.len(), b"x").code(), "upload_gone");
    assert_eq!(app.tus("DELETE", &path).send().code(), "upload_gone");
    let file_id = created.header("keyveil-file-id").unwrap().parse().unwrap();
    let title = app.block_on(app.installation().store().title(&file_id)).unwrap().unwrap();
    assert_eq!((title.name.as_str(), title.file_name.as_deref()), ("Mein Film", Some("Mein Film.MP4")));
    assert_eq!((title.size_bytes, title.workflow_id.unwrap().as_str()), (Some(3_000_000), "adaptive"));
}

#[test]
fn a_part_that_breaks_off_is_kept_and_gone_on_from_after_a_restart() {
    let mut app = TestApp::start();
    let film = film(2_500_000);
    let path = app.begin(film.len());
    drop(begin_patch(&app, &path, film.len(), &film[..1_700_000]));
    app.until("the part is recorded", || upload(&app, &path).offset == 1_700_000);
    assert_eq!(app.offset(&path), 1_700_000);
    app.stop();
    let restarted = app.replica();
    let again = |method: &str| {
        let request = restarted.request(method, &path).header("Tus-Resumable", "1.0.0");
        request.header("Authorization", &format!("Bearer {}", app.app.api_key.expose_text()))
    };
    assert_eq!(again("HEAD").send().header("upload-offset"), Some("1700000"));
    let request = again("PATCH").header("Upload-Offset", "1700000");
    let response = request.header("Content-Type", "application/offset+octet-stream").body(&film[1_700_000..]).send();
    assert_eq!((response.status, response.header("upload-offset")), (204, Some("2500000")));
    assert_eq!(source(&restarted, &path), film);
    assert_eq!(title_of(&restarted, &path).0, TitleState::Queued);
}

#[test]
fn of_two_at_once_one_writes_and_nothing_is_lost() {
    let app = TestApp::start();
    let film = film(2_000_000);
    let path = app.begin(film.len());
    let mut first = begin_patch(&app, &path, film.len(), &film[..1_500_000]);
    app.until("the first one writes", || std::fs::metadata(file(&app, &path)).is_ok_and(|file| file.len() > 0));
    assert_eq!(app.patch(&path, 0, &vec![0; film.len()]).code(), "upload_offset");
    first.write_all(&film[1_500_000..]).unwrap();
    assert_eq!(status_of(first), "204");
    assert_eq!(source(&app, &path), film);
}

#[test]
fn whoever_asks_for_the_offset_takes_the_place_of_a_request_that_hangs() {
    let app = TestApp::start();
    let film = film(2_000_000);
    let path = app.begin(film.len());
    let hanging = begin_patch(&app, &path, film.len(), &film[..1_500_000]);
    app.until("it writes", || std::fs::metadata(file(&app, &path)).is_ok_and(|file| file.len() > 0));
    let offset = app.offset(&path);
    assert!((1..=1_500_000).contains(&offset), "{offset}");
    assert_eq!(app.patch(&path, offset, &film[offset..]).status, 204);
    assert_eq!(source(&app, &path), film);
    drop(hanging);
}

#[test]
fn a_wrong_offset_is_refused_and_changes_nothing() {
    let app = TestApp::start();
    let path = app.begin(1000);
    assert_eq!(app.patch(&path, 0, &film(100)).status, 204);
    for offset in [0, 99, 101, 1000] {
        assert_eq!(app.patch(&path, offset, &film(100)).code(), "upload_offset", "{offset}");
    }
    assert_eq!(app.offset(&path), 100);
    let untyped = app.tus("PATCH", &path).header("Upload-Offset", "100").body("x").send();
    assert_eq!(untyped.code(), "unsupported_media_type");
    for offset in ["-1", "+100", "1e2", "", "99999999999999999999"] {
        let request = app.tus("PATCH", &path).header("Content-Type", "application/offset+octet-stream");
        assert_eq!(request.header("Upload-Offset", offset).body("x").send().code(), "malformed_request", "{offset}");
    }
}

#[test]
fn more_than_the_length_is_refused() {
    let app = TestApp::start();
    let path = app.begin(1000);
    assert_eq!(app.patch(&path, 0, &film(1001)).code(), "body_too_large");
    assert_eq!(app.offset(&path), 0);
    let chunked = |len: usize| {
        let body = [format!("{len:x}\r\n").into_bytes(), film(len), b"\r\n0\r\n\r\n".to_vec()].concat();
        app.part(&path, 0).header("Transfer-Encoding", "chunked").raw_body(body).send()
    };
    assert_eq!(chunked(1001).code(), "body_too_large");
    assert_eq!(app.offset(&path), 0);
    assert_eq!(chunked(1000).status, 204);
    assert_eq!(source(&app, &path), film(1000));
}

#[test]
fn a_damaged_part_is_discarded_and_a_sound_one_is_taken() {
    let app = TestApp::start();
    let path = app.begin(600);
    let film = film(600);
    let digest = |algorithm, bytes: &[u8]| Base64::encode_string(ring::digest::digest(algorithm, bytes).as_ref());
    let sha1 = format!("sha1 {}", digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &film[..300]));
    let sha256 = format!("sha256 {}", digest(&ring::digest::SHA256, &film[300..]));
    let damaged = app.part(&path, 0).header("Upload-Checksum", &sha1).body(&film[1..301]).send();
    assert_eq!(damaged.code(), "checksum_mismatch");
    assert_eq!(app.offset(&path), 0);
    assert_eq!(app.part(&path, 0).header("Upload-Checksum", &sha1).body(&film[..300]).send().status, 204);
    assert_eq!(app.part(&path, 300).header("Upload-Checksum", &sha256).body(&film[..300]).send().status, 460);
    assert_eq!(app.part(&path, 300).header("Upload-Checksum", "md5 AAAA").body("x").send().code(), "malformed_request");
    assert_eq!(app.part(&path, 300).header("Upload-Checksum", &sha256).body(&film[300..]).send().status, 204);
    assert_eq!(source(&app, &path), film);
}
