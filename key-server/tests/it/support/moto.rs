//! A moto server of its own for each test: AWS KMS and S3 as the PyPI package `moto` plays them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use url::Url;

pub(crate) struct Moto {
    pub(crate) url: Url,
    process: Child,
}

impl Moto {
    /// By `KEYVEIL_MOTO_SERVER`, which `scripts/test.mjs` sets.
    pub(crate) async fn start() -> Self {
        let program = std::env::var_os("KEYVEIL_MOTO_SERVER").unwrap_or_else(|| "moto_server".into());
        tokio::task::spawn_blocking(move || {
            let mut process = Command::new(program)
                .args(["-H", "127.0.0.1", "-p", "0"])
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("moto_server comes with the PyPI package moto");
            let said = BufReader::new(process.stderr.take().unwrap());
            let mut lines = said.lines().map_while(Result::ok);
            let url = lines.find_map(|line| Some(Url::parse(line.split_once("Running on ")?.1.trim()).unwrap()));
            // What it says later has to go somewhere.
            std::thread::spawn(move || lines.for_each(drop));
            Self { url: url.expect("moto_server says where it listens"), process }
        })
        .await
        .unwrap()
    }

    /// Makes a key, as an operator would, and answers its id.
    pub(crate) async fn make_key(&self) -> String {
        let answer = self.ask("CreateKey", &json!({ "Description": "keyveil" })).await;
        answer["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }

    /// Makes a bucket, as an operator would.
    pub(crate) async fn make_bucket(&self, name: &str) {
        let url = self.url.join(name).unwrap();
        let answer = reqwest::Client::new().put(url).header("authorization", of_service("s3")).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    async fn ask(&self, operation: &str, body: &Value) -> Value {
        let answer = reqwest::Client::new()
            .post(self.url.clone())
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("TrentService.{operation}"))
            .header("authorization", of_service("kms"))
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{operation}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }
}

/// moto reads region and service out of it, and checks nothing.
fn of_service(name: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/{name}/aws4_request, Signature=a")
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
