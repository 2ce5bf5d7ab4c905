use serde_json::json;

use crate::support::TestApp;

fn with_pages() -> TestApp {
    let app = TestApp::start();
    let root = app.dir.path();
    for (path, content) in [
        ("www/index.html", "<p>home</p>"),
        ("www/player/index.html", "<p>player</p>"),
        ("www/assets/app-0f.js", "1;"),
        ("www/assets/worker-0f.js", "1;"),
        ("sdk/worker.js", "shipped"),
        ("sdk/keyveil.wasm", "template"),
        ("sdk-own/worker.js", "own"),
        ("sdk-own/sdk.json", "{}"),
        ("sdk-own/keyveil-b1.0123456789abcdef.wasm", "wasm"),
        ("secret.txt", "secret"),
    ] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    std::os::unix::fs::symlink("../secret.txt", root.join("www/link.txt")).unwrap();
    app
}

#[test]
fn pages_come_with_a_policy_that_keeps_workers_to_this_origin() {
    let app = with_pages();
    let home = app.get("/");
    assert_eq!((home.status, home.text().as_str()), (200, "<p>home</p>"));
    assert!(home.header("content-type").unwrap().starts_with("text/html"));
    let policy = home.header("content-security-policy").unwrap();
    assert!(policy.contains("worker-src 'self'") && policy.contains("object-src 'none'"));
    assert!(policy.ends_with("require-trusted-types-for 'script'; trusted-types keyveil default dompurify"));
    assert!(!policy.contains("wasm-unsafe-eval"), "the page itself compiles no WebAssembly");
    assert_eq!(home.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(home.header("cache-control"), Some("no-cache"));
    assert_eq!(app.get("/player/").text(), "<p>player</p>");
    let redirect = app.get("/player");
    assert_eq!((redirect.status, redirect.header("location")), (308, Some("/player/")));
    assert!(app.get("/assets/app-0f.js").header("cache-control").unwrap().contains("immutable"));
    assert_eq!(app.request("HEAD", "/").send().status, 200);
}

#[test]
fn only_the_worker_may_compile_wasm() {
    let app = with_pages();
    for path in ["/sdk/worker.js", "/assets/worker-0f.js"] {
        let worker = app.get(path);
        let policy = worker.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"));
        assert!(worker.header("content-type").unwrap().starts_with("text/javascript"));
    }
    assert_eq!(app.get("/sdk/worker.js").text(), "own", "this installation's own build wins");
}

#[test]
fn the_files_of_a_build_are_kept_by_caches_where_their_name_is_their_content() {
    let app = with_pages();
    let told = |path: &str| {
        let file = app.get(path);
        assert_eq!(file.header("cross-origin-resource-policy"), Some("cross-origin"), "{path}");
        let header = |name: &str| file.header(name).unwrap().to_owned();
        (header("content-type"), header("cache-control").contains("immutable"), file.text())
    };
    let wasm = "application/wasm".to_owned();
    assert_eq!(told("/sdk/keyveil-b1.0123456789abcdef.wasm"), (wasm.clone(), true, "wasm".to_owned()));
    assert_eq!(told("/sdk/keyveil.wasm"), (wasm, false, "template".to_owned()));
    assert_eq!(told("/sdk/sdk.json"), ("application/json".to_owned(), false, "{}".to_owned()));
    let (mime, is_immutable, _) = told("/sdk/worker.js");
    assert!(mime.starts_with("text/javascript") && !is_immutable);
}

#[test]
fn worker_and_pages_load_media_from_here_and_from_the_media_origins_of_all_applications() {
    let app = with_pages();
    let sources_of = |path: &str, directive: &str| {
        let file = app.get(path);
        let policy = file.header("content-security-policy").unwrap();
        let sources = policy.split("; ").find_map(|one| one.strip_prefix(directive)).unwrap().trim_start();
        let is_origin = |source: &&str| !matches!(*source, "blob:" | "data:");
        sources.split(' ').filter(is_origin).map(str::to_owned).collect::<Vec<_>>()
    };
    let sources = || sources_of("/sdk/worker.js", "connect-src");
    let own = sources();
    assert_eq!(own.first().map(String::as_str), Some("'self'"));
    assert!(own.iter().all(|source| source == "'self'" || source.starts_with("http://")), "{own:?}: no wildcard");

    for (id, base_url) in [
        ("first", "https://cdn.example.com"),
        ("same", "https://cdn.example.com/"),
        ("odd", "https://cdn.example.com;script-src"),
    ] {
        let body = json!({ "originId": id, "baseUrl": base_url, "scheme": "path-hmac" });
        assert_eq!(app.authorized("POST", "/v1/media-origins").json(body.to_string()).send().status, 201, "{id}");
    }
    let all = [own, vec!["https://cdn.example.com".to_owned()]].concat();
    assert_eq!(sources(), all);
    for directive in ["connect-src", "media-src", "img-src"] {
        assert_eq!(sources_of("/player/", directive), all, "{directive} of pages");
    }
    for directive in ["worker-src", "default-src"] {
        assert_eq!(sources_of("/player/", directive), ["'self'"], "{directive} of pages");
    }
}

#[test]
fn no_page_path_leads_out_of_its_folder() {
    let app = with_pages();
    for path in [
        "/missing",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/link.txt",
        "/sdk/../secret.txt",
        "/sdk/..%2f..%2fsecret.txt",
        "/.git/config",
        "//etc/passwd",
        "/assets//app-0f.js",
        "/v1/",
        "/v1/unknown",
    ] {
        assert_eq!(app.get(path).code(), "not_found", "{path}");
    }
    assert_eq!(app.request("POST", "/").json("{}").send().code(), "method_not_allowed");
    assert_eq!(app.request("POST", "/v1/unknown").json("{}").send().code(), "not_found");
}
