//! TLS of the server's own, with certificates made here.

mod certificates;
mod connections;
mod start;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keyveil_key_server::Config;
use rcgen::{CertificateParams, KeyPair, SerialNumber};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use crate::support::{Response, TestApp, TestAppBuilder};

const CERTIFICATE: &str = "tls.pem";
const KEY: &str = "tls.key";

/// A certificate of this host, and its key.
pub(super) struct Made {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) certificate_pem: String,
    pub(super) key_pem: String,
}

impl Made {
    pub(super) fn new(serial: u64) -> Self {
        Self::with(serial, |_| {})
    }

    pub(super) fn with(serial: u64, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from(serial));
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    pub(super) fn write(&self, dir: &Path) {
        std::fs::write(dir.join(KEY), &self.key_pem).unwrap();
        std::fs::write(dir.join(CERTIFICATE), &self.certificate_pem).unwrap();
    }
}

/// A server with `made`, whose files lie in the test app's folder.
fn serve(made: &Made) -> TestApp {
    builder(made).start()
}

fn builder(made: &Made) -> TestAppBuilder {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    made.write(dir.path());
    TestApp::builder().in_folder(dir).configure(with_files)
}

fn with_files(config: &mut Config) {
    let dir = config.data.dir.parent().unwrap().to_owned();
    config.http.tls_certificate = Some(dir.join(CERTIFICATE));
    config.http.tls_key = Some(dir.join(KEY));
}

type Client = StreamOwned<ClientConnection, TcpStream>;

/// A connection that trusts `made` alone.
fn connect(address: &str, made: &Made) -> Client {
    try_connect(address, made, rustls::ALL_VERSIONS).unwrap()
}

fn try_connect(
    address: &str,
    made: &Made,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<Client, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(made.certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut stream = StreamOwned::new(connection, tcp);
    stream.flush()?;
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// One request on a connection that stays open.
fn ask(client: &mut Client, path: &str) -> Response {
    write!(client, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    receive(client)
}

fn receive(client: &mut Client) -> Response {
    let mut raw = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let len = client.read(&mut chunk).unwrap();
        assert!(len > 0, "the connection ended");
        raw.extend_from_slice(&chunk[..len]);
        if let Some(response) = Response::complete(&raw) {
            return response;
        }
    }
}
