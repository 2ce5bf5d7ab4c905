//! For `fuzz/` alone, and no part of what this crate promises: private readers of what comes from outside, as plain functions.

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use keyveil_protocol::ErrorCode;
use keyveil_protocol::api::{KeysRequest, PlayRequest};
use zeroize::Zeroizing;

use crate::actions::jobs::playlist_names;
use crate::actions::parse_json;
use crate::actions::uploads::SourceInfo;
use crate::http::{api::header_text, upload_parts};
use crate::origin::{
    MediaFolder, Rewriting, UrlAuth, UrlAuthError, UrlAuthKey, UrlKey, UrlScheme, UrlScope, UrlTerms, plain_path,
    rewrite,
};
use crate::refusal::Refusal;

/// The body of `POST /v1/play`.
pub fn play_request(body: &[u8]) -> Result<PlayRequest, Refusal> {
    parse_json(body)
}

/// The body of `POST /v1/keys`.
pub fn keys_request(body: &[u8]) -> Result<KeysRequest, Refusal> {
    parse_json(body)
}

/// What an upload says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct UploadMetadata {
    pub file_name: String,
    pub name: String,
    pub description: String,
    pub labels: Vec<String>,
    pub workflow_id: Option<String>,
    pub file_id: Option<String>,
    pub sha256: Option<[u8; 32]>,
}

/// The header `Upload-Metadata`.
pub fn upload_metadata(text: &str) -> Result<UploadMetadata, Refusal> {
    SourceInfo::from_metadata(text).map(|info| UploadMetadata {
        file_name: info.file_name,
        name: info.name,
        description: info.description,
        labels: info.labels,
        workflow_id: info.workflow_id.map(String::from),
        file_id: info.file_id.map(String::from),
        sha256: info.sha256,
    })
}

/// What the headers of a tus request say.
#[derive(Debug)]
pub struct TusHeaders {
    pub length: Option<u64>,
    pub offset: Option<u64>,
    pub has_body: bool,
    pub part_len: Option<u64>,
    pub has_checksum: bool,
    pub metadata: Option<UploadMetadata>,
}

/// Reads headers as they come; those that no HTTP parser would let through are left out.
pub fn tus_headers(headers: &[(&str, &[u8])]) -> Result<TusHeaders, Refusal> {
    let mut request = TestRequest::default();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::from_bytes(value)) {
            request = request.append_header((name, value));
        }
    }
    let request: HttpRequest = request.to_http_request();
    let offset = upload_parts::count(&request, "Upload-Offset")?;
    let part = upload_parts::part(&request, offset.unwrap_or(0))?;
    Ok(TusHeaders {
        length: upload_parts::count(&request, "Upload-Length")?,
        offset,
        has_body: upload_parts::has_body(&request)?,
        part_len: part.len,
        has_checksum: part.checksum.is_some(),
        metadata: header_text(&request, "Upload-Metadata")?.map(upload_metadata).transpose()?,
    })
}

/// What an address grants besides its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressTerms {
    pub time: u64,
    pub exper: Option<u32>,
    pub rlimit: Option<u8>,
    pub us: Option<String>,
}

/// One vendor's scheme with a key.
pub struct AddressScheme {
    pub name: &'static str,
    auth: UrlAuth,
}

impl AddressScheme {
    pub const TTL_SECS: u64 = 1800;

    /// Every vendor's, under one key.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let scheme = |scheme: UrlScheme| {
            let UrlScheme::Vendor(vendor) = scheme else { return None };
            let key = UrlAuthKey::new(Zeroizing::new("aMainKey12345678".to_owned()))?;
            Some(Self { name: scheme.as_str(), auth: UrlAuth::new(vendor, key, None, Self::TTL_SECS) })
        };
        UrlScheme::ALL.into_iter().filter_map(scheme).collect()
    }

    #[must_use]
    pub fn sign(&self, uri: &str, terms: &AddressTerms) -> String {
        let AddressTerms { time, exper, rlimit, us } = terms.clone();
        self.auth.sign(uri, &UrlTerms { time, exper, rlimit, us })
    }

    /// Path and terms of an address that holds; else whether it is only over.
    pub fn check<'a>(&self, address: &'a str, now: u64) -> Result<(&'a str, AddressTerms), bool> {
        let checked = self.auth.check(address, now).map_err(|error| error == UrlAuthError::Expired)?;
        let UrlTerms { time, exper, rlimit, us } = checked.terms;
        Ok((checked.uri, AddressTerms { time, exper, rlimit, us }))
    }
}

fn url_key() -> UrlKey {
    UrlKey::from_bytes(&[7; 32])
}

/// This server's own token of a folder, for all of it or for its beginning.
#[must_use]
pub fn url_token(folder: &str, expires_at: u64, segments: Option<u32>) -> Option<String> {
    let scope = segments.map_or(UrlScope::Media, UrlScope::Beginning);
    Some(url_key().token(scope, expires_at, &MediaFolder::parse(folder)?))
}

/// How many segments a token opens, if not all.
pub fn check_url_token(token: &str, folder: &str, now: u64) -> Result<Option<u32>, Refusal> {
    let not_found = || Refusal::new(ErrorCode::NotFound, "no folder");
    let folder = MediaFolder::parse(folder).ok_or_else(not_found)?;
    url_key().check(token, &[UrlScope::Media], &folder, now)
}

/// Whether a path names nothing outside of its folder.
#[must_use]
pub fn is_plain_path(path: &str) -> bool {
    plain_path(path).is_some()
}

/// A stored playlist as a viewer gets it.
#[must_use]
pub fn served_playlist(
    playlist: &str,
    path: &str,
    sign: Option<&dyn Fn(&str) -> String>,
    key_uri: &dyn Fn(&str) -> Option<String>,
    segments: Option<u32>,
) -> String {
    rewrite(playlist, &Rewriting { path, sign, playlist_parameter: None, key_uri, segments })
}

/// The files that a playlist of a finished job names; none where it can't be read as one.
#[must_use]
pub fn playlist_files(playlist: &[u8], path: &str) -> Option<BTreeSet<String>> {
    playlist_names(&mut { playlist }, path).ok()
}
