//! Media addresses that a CDN's scheme signs: `/v/<folder>/<path>`, with the signature before or behind it. And
//! `GET /v1/url-auth`, by which a CDN asks about any media address.

use std::net::IpAddr;
use std::sync::Arc;

use keyveil_protocol::api::MediaInfo;
use keyveil_protocol::{AddressRange, AppId, ErrorCode};
use ring::digest::{Context, SHA256};

use super::media::{self, MediaFile, VisibleTitle};
use super::media_origins::{MediaAddresses, OpenMediaOrigin, open_origins};
use super::standard;
use crate::clock::stored;
use crate::origin::{MediaFolder, MediaPath, UrlAuthError, UrlTerms};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::StoreError;

const PREFIX: &str = "/v/";
/// Whoever has one IPv6 address has all of its /64.
const IPV6_PREFIX_BITS: u8 = 64;

/// A file that an address opens, and the addresses of those that it names.
pub(crate) struct SignedMedia {
    pub(crate) file: MediaFile,
    addresses: MediaAddresses,
    path: String,
}

/// An address, taken apart but not yet believed.
struct Unverified<'a> {
    address: &'a str,
    /// What is signed: the path without what a scheme puts before it.
    uri: &'a str,
    folder: MediaFolder,
    path: MediaPath,
    path_text: &'a str,
}

/// An address that holds, of a file that may be seen.
struct Granted {
    title: VisibleTitle,
    origin: Arc<OpenMediaOrigin>,
    terms: UrlTerms,
    preview_segments: Option<u32>,
}

/// The file of an address, which is path and query as they stood in the request.
pub(crate) async fn signed_media(state: &ServerState, address: &str, client: IpAddr) -> Result<SignedMedia, Refusal> {
    let asked = Unverified::parse(address)?;
    let Granted { title, origin, terms, preview_segments } = asked.granted(state, client).await?;
    let Unverified { folder, path, path_text, .. } = asked;
    let addresses = MediaAddresses::of_origin(origin, folder.clone(), terms);
    let file = media::located(state, path, folder, title.app_id, title.mode).await?;
    Ok(SignedMedia { file: MediaFile { preview_segments, ..file }, addresses, path: path_text.to_owned() })
}

/// Whether a media address of any scheme holds. What is wrong with the address or its title is always 403, which is all
/// that a CDN understands.
pub(crate) async fn url_auth(state: &ServerState, address: &str, client: IpAddr) -> Result<(), Refusal> {
    let checked = match address.strip_prefix("/media/") {
        Some(rest) => {
            let mut parts = rest.split_once('?').map_or(rest, |(path, _)| path).splitn(3, '/');
            match (parts.next(), parts.next(), parts.next()) {
                (Some(token), Some(folder), Some(path)) => media::opened(state, token, folder, path).await.map(|_| ()),
                _ => Err(invalid("media path is too short")),
            }
        }
        None => match Unverified::parse(address) {
            Ok(asked) => asked.granted(state, client).await.map(|_| ()),
            Err(refusal) => Err(refusal),
        },
    };
    checked.map_err(|refusal| match refusal.code() {
        ErrorCode::NotFound => Refusal::new(ErrorCode::UrlInvalid, refusal.cause().to_owned()),
        _ => refusal,
    })
}

impl SignedMedia {
    /// The playlist as this address' holder gets it, with the token of a session, if it has one.
    pub(crate) async fn playlist(&self, state: &ServerState, token: Option<&str>) -> Result<String, Refusal> {
        standard::playlist(state, &self.file, &self.path, token, Some(&self.addresses)).await
    }
}

impl<'a> Unverified<'a> {
    fn parse(address: &'a str) -> Result<Self, Refusal> {
        let invalid = || invalid("media address is malformed");
        let path = address.split_once('?').map_or(address, |(path, _)| path);
        let uri = uri_of(path).ok_or_else(invalid)?;
        let (folder, path_text) = uri.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/')).ok_or_else(invalid)?;
        let folder = MediaFolder::parse(folder).ok_or_else(invalid)?;
        let path = MediaPath::parse(path_text).map_err(|_| invalid())?;
        Ok(Self { address, uri, folder, path, path_text })
    }

    async fn granted(&self, state: &ServerState, client: IpAddr) -> Result<Granted, Refusal> {
        let title = state.installation.store().title(&self.folder.file_id).await?;
        let app_id = title.ok_or_else(|| invalid("title is unknown"))?.app_id;
        // Who has no signature is not told whose title it is.
        let (origin, terms) = self.signed_by(state, app_id).await?;
        let granted = async {
            let title = media::visible(state, &self.folder, &self.path).await?;
            let preview_segments = preview_segments(&title, terms.exper)?;
            media::check_preview(&self.path, preview_segments)?;
            self.count_client(state, &terms, client).await?;
            Ok(Granted { title, origin, terms, preview_segments })
        };
        granted.await.map_err(|refusal: Refusal| refusal.for_app(app_id))
    }

    /// The media origin with one of whose keys the address was made.
    async fn signed_by(&self, state: &ServerState, app_id: AppId) -> Result<(Arc<OpenMediaOrigin>, UrlTerms), Refusal> {
        let now = state.clock.now();
        let mut refusal = invalid("no media origin made this address");
        for origin in open_origins(state, app_id).await?.iter() {
            let Some(auth) = &origin.auth else { continue };
            match auth.check(self.address, now) {
                Ok(checked) if checked.uri == self.uri => return Ok((Arc::clone(origin), checked.terms)),
                Err(UrlAuthError::Expired) => {
                    refusal = Refusal::new(ErrorCode::UrlExpired, "media address has expired");
                }
                Ok(_) | Err(UrlAuthError::Invalid) => {}
            }
        }
        Err(refusal)
    }

    /// Refuses one client address more than the address allows.
    async fn count_client(&self, state: &ServerState, terms: &UrlTerms, client: IpAddr) -> Result<(), Refusal> {
        let Some(most) = terms.rlimit else { return Ok(()) };
        let address = AddressRange::around(client, u8::MAX, IPV6_PREFIX_BITS).to_string();
        let hash = self.hash(terms);
        let store = state.installation.store();
        if store.is_url_address(&hash, &address).await? {
            return Ok(());
        }
        let mut write = store.write().await?;
        // Counted with itself, so that two first requests of one client are one; nothing of a refusal stays.
        write.insert_url_address(&hash, &address, stored(terms.time), stored(state.clock.now())).await?;
        if write.count_url_addresses(&hash).await? > u32::from(most) {
            return Err(Refusal::new(ErrorCode::AddressLimit, "used from as many client addresses as it allows"));
        }
        Ok(write.commit().await?)
    }

    /// Names a signature, which has other digests for other folders of its title.
    fn hash(&self, terms: &UrlTerms) -> [u8; 32] {
        let UrlTerms { time, exper, rlimit, us } = terms;
        let text = format!("{}\n{time}\n{exper:?}\n{rlimit:?}\n{us:?}", self.folder);
        let mut context = Context::new(&SHA256);
        context.update(text.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }
}

/// Whether a path is of this form, whatever it names.
pub(crate) fn is_signed_media(path: &str) -> bool {
    uri_of(path).is_some()
}

/// The path itself, or what follows two parts of another form.
fn uri_of(path: &str) -> Option<&str> {
    if path.starts_with(PREFIX) {
        return Some(path);
    }
    let (_, rest) = path.strip_prefix('/')?.split_once('/')?;
    let uri = rest.get(rest.find('/')?..)?;
    uri.starts_with(PREFIX).then_some(uri)
}

/// The segments of a preview of `exper` seconds; none where the title is no longer than that.
fn preview_segments(title: &VisibleTitle, exper: Option<u32>) -> Result<Option<u32>, Refusal> {
    let Some(exper) = exper else { return Ok(None) };
    let media: MediaInfo =
        serde_json::from_str(title.publication()?).map_err(|_| StoreError::Corrupt("publication"))?;
    let segments = (u64::from(exper) * 1000).div_ceil(u64::from(media.segment_ms.max(1)));
    Ok(u32::try_from(segments).ok().filter(|segments| *segments < media.segment_count))
}

fn invalid(cause: &'static str) -> Refusal {
    Refusal::new(ErrorCode::UrlInvalid, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_part_begins_with_its_folder() {
        let uri = "/v/film/v/00000.m4s";
        for path in [uri, &format!("/202308010000/0123{uri}"), &format!("/a/b{uri}")] {
            assert_eq!(uri_of(path), Some(uri), "{path}");
        }
        for path in ["", "/", "/v", "v/film/a.ts", "/a/v/film/a.ts", "/a/b/c/v/film/a.ts", "/a/b", "//v/film/a.ts"] {
            assert_eq!(uri_of(path), None, "{path}");
        }
    }
}
