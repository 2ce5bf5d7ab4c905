//! tus over HTTP, and what lies on the disk of it.

mod creation;
mod disk;
mod ending;
mod parts;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use base64ct::{Base64, Encoding};
use futures_util::TryStreamExt;
use keyveil_key_server::actions::{sources, uploads};
use keyveil_key_server::store::{TitleState, Upload, UploadState};
use serde_json::Value;

use crate::support::{Request, Response, TestApp, database_variable};

/// A sentence that no other file holds, over and over, so that any block of the source gives it away.
const SENTENCE: &[u8] = b"What is uploaded here must never lie on a disk as it is. ";

fn film(len: usize) -> Vec<u8> {
    SENTENCE.iter().copied().cycle().take(len).collect()
}

fn metadata(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(key, value)| format!("{key} {}", Base64::encode_string(value.as_bytes())));
    pairs.collect::<Vec<_>>().join(",")
}

trait Tus {
    fn tus(&self, method: &str, path: &str) -> Request;

    fn create(&self, len: usize, pairs: &[(&str, &str)]) -> Response {
        let request = self.tus("POST", "/v1/uploads").header("Upload-Length", &len.to_string());
        request.header("Upload-Metadata", &metadata(pairs)).send()
    }

    /// The path of a new upload of `film.mp4`.
    fn begin(&self, len: usize) -> String {
        let created = self.create(len, &[("filename", "film.mp4")]);
        assert_eq!(created.status, 201, "{}", created.text());
        created.header("location").unwrap().to_owned()
    }

    fn part(&self, path: &str, offset: usize) -> Request {
        let request = self.tus("PATCH", path).header("Upload-Offset", &offset.to_string());
        request.header("Content-Type", "application/offset+octet-stream")
    }

    fn patch(&self, path: &str, offset: usize, bytes: &[u8]) -> Response {
        self.part(path, offset).body(bytes).send()
    }

    fn offset(&self, path: &str) -> usize {
        let response = self.tus("HEAD", path).send();
        assert_eq!((response.status, response.header("cache-control")), (200, Some("no-store")));
        response.header("upload-offset").unwrap().parse().unwrap()
    }
}

impl Tus for TestApp {
    fn tus(&self, method: &str, path: &str) -> Request {
        self.authorized(method, path).header("Tus-Resumable", "1.0.0")
    }
}

fn upload_id(path: &str) -> &str {
    path.strip_prefix("/v1/uploads/").unwrap()
}

fn upload(app: &TestApp, path: &str) -> Upload {
    app.block_on(app.installation().store().upload(&upload_id(path).parse().unwrap())).unwrap().unwrap()
}

fn title_of(app: &TestApp, path: &str) -> (TitleState, Option<String>) {
    let title = app.block_on(app.installation().store().title(&upload(app, path).file_id)).unwrap().unwrap();
    (title.state, title.failure.map(|failure| failure.code))
}

fn source(app: &TestApp, path: &str) -> Vec<u8> {
    let file_id = upload(app, path).file_id;
    app.block_on(async {
        let len = sources::len(app.state(), &file_id).await.unwrap();
        let chunks: Vec<_> = sources::read(app.state(), &file_id, 0..len).await.unwrap().try_collect().await.unwrap();
        chunks.concat()
    })
}

fn file(app: &TestApp, path: &str) -> std::path::PathBuf {
    app.dir.path().join("data/uploads").join(upload_id(path))
}
