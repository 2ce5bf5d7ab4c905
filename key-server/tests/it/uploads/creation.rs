//! What an upload may be, and whose it is.

use super::*;

#[test]
fn what_is_offered_is_told() {
    let app = TestApp::start();
    let options = app.authorized("OPTIONS", "/v1/uploads").send();
    assert_eq!((options.status, options.header("tus-version")), (204, Some("1.0.0")));
    let extensions: Vec<_> = options.header("tus-extension").unwrap().split(',').collect();
    assert_eq!(extensions, ["creation", "creation-with-upload", "checksum", "termination", "expiration"]);
    assert_eq!(options.header("tus-checksum-algorithm"), Some("sha1,sha256"));
    assert_eq!(options.header("tus-max-size"), Some("107374182400"));
    let other = app.authorized("POST", "/v1/uploads").header("Tus-Resumable", "0.2.2").header("Upload-Length", "1");
    let other = other.send();
    assert_eq!((other.code().as_str(), other.header("tus-version")), ("tus_version", Some("1.0.0")));
    let get = app.tus("GET", "/v1/uploads").send();
    assert_eq!((get.code().as_str(), get.header("allow")), ("method_not_allowed", Some("POST, OPTIONS")));
}

#[test]
fn a_creation_can_bring_the_first_bytes_or_all_of_them() {
    let app = TestApp::start();
    let with_upload = |bytes: &[u8], checksum: &str| {
        let request = app.tus("POST", "/v1/uploads").header("Upload-Length", "1000");
        let request = request.header("Upload-Metadata", &metadata(&[("filename", "a.mp4")]));
        let request = request.header("Content-Type", "application/offset+octet-stream");
        let request = if checksum.is_empty() { request } else { request.header("Upload-Checksum", checksum) };
        request.body(bytes).send()
    };
    let all = with_upload(&film(1000), "");
    assert_eq!((all.status, all.header("upload-offset")), (201, Some("1000")));
    assert_eq!(title_of(&app, all.header("location").unwrap()), (TitleState::Queued, None));
    let some = with_upload(&film(400), "");
    assert_eq!((some.status, some.header("upload-offset")), (201, Some("400")));
    let damaged = with_upload(&film(400), "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_eq!((damaged.status, damaged.header("upload-offset")), (201, Some("0")), "made, and to be gone on with");
    let untyped = app.tus("POST", "/v1/uploads").header("Upload-Length", "4");
    assert_eq!(
        untyped.header("Upload-Metadata", &metadata(&[("filename", "a.mp4")])).body("data").send().code(),
        "unsupported_media_type"
    );
}

#[test]
fn what_an_application_does_not_take_is_refused_at_creation() {
    let app = TestApp::start();
    let code = |len: usize, pairs: &[(&str, &str)]| app.create(len, pairs).code();
    assert_eq!(code(107_374_182_401, &[("filename", "a.mp4")]), "upload_too_large");
    assert_eq!(app.create(107_374_182_400, &[("filename", "a.mp4")]).status, 201, "the limit itself");
    assert_eq!(code(1, &[("filename", "a.exe")]), "upload_type_not_allowed");
    assert_eq!(code(1, &[("filename", "mp4")]), "upload_type_not_allowed");
    assert_eq!(code(0, &[("filename", "a.mp4")]), "malformed_request");
    assert_eq!(code(1, &[("filename", "../a.mp4")]), "malformed_request");
    assert_eq!(code(1, &[("filename", "a.mp4"), ("workflowId", "nowhere")]), "workflow_not_found");
    assert_eq!(code(1, &[("filename", "a.mp4"), ("fileId", "film")]), "title_exists");
    let deferred = app.tus("POST", "/v1/uploads").header("Upload-Defer-Length", "1");
    assert_eq!(
        deferred.header("Upload-Metadata", &metadata(&[("filename", "a.mp4")])).send().code(),
        "malformed_request"
    );
    let chosen = app.create(1, &[("filename", "a.mp4"), ("fileId", "mine"), ("workflowId", "clear")]);
    assert_eq!((chosen.status, chosen.header("keyveil-file-id")), (201, Some("mine")));
    assert_eq!(code(1, &[("filename", "a.mp4"), ("fileId", "mine")]), "title_exists");
}

#[test]
fn two_files_of_one_name_are_two_titles() {
    let app = TestApp::start();
    let (one, other) = (app.begin(10), app.begin(10));
    assert_ne!(upload(&app, &one).file_id, upload(&app, &other).file_id);
    assert_eq!(app.patch(&one, 0, b"aaaaaaaaaa").status, 204);
    assert_eq!(app.patch(&other, 0, b"bbbbbbbbbb").status, 204);
    assert_eq!((source(&app, &one), source(&app, &other)), (vec![b'a'; 10], vec![b'b'; 10]));
}

#[test]
fn an_upload_is_its_applications_alone() {
    let app = TestApp::start();
    let stranger = app.replica();
    let path = app.begin(10);
    for method in ["HEAD", "PATCH", "DELETE"] {
        let request = app.request(method, &path).header("Tus-Resumable", "1.0.0").header("Upload-Offset", "0");
        let request = request.header("Content-Type", "application/offset+octet-stream");
        let bare = request.body("x").send();
        assert_eq!(bare.status, 401, "{method}");
        let request = app.request(method, &path).header("Tus-Resumable", "1.0.0").header("Upload-Offset", "0");
        let request = request.header("Authorization", &format!("Bearer {}", stranger.app.api_key.expose_text()));
        let foreign = request.header("Content-Type", "application/offset+octet-stream").body("x").send();
        assert_eq!(foreign.status, 404, "{method}");
    }
    assert_eq!(app.request("OPTIONS", "/v1/uploads").send().code(), "api_key_invalid");
    assert_eq!(app.tus("HEAD", "/v1/uploads/none").send().status, 404);
    assert_eq!(app.offset(&path), 0);
    assert_eq!(app.patch(&path, 0, &film(10)).status, 204, "its own may");
}

#[test]
fn a_title_on_its_way_says_how_much_of_it_is_there() {
    let app = TestApp::start();
    let film = film(1000);
    let path = app.begin(film.len());
    let percent = || {
        let file_id = upload(&app, &path).file_id;
        app.authorized("GET", &format!("/v1/titles/{file_id}")).send().value()["percent"].clone()
    };
    assert_eq!(percent(), 0.0);
    assert_eq!(app.patch(&path, 0, &film[..250]).status, 204);
    assert_eq!(percent(), 25.0);
    assert_eq!(app.patch(&path, 250, &film[250..]).status, 204);
    assert_eq!(percent(), Value::Null);
}
