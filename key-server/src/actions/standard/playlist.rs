//! Playlists as they are served: with addresses and tokens that what is stored does not have.

use keyveil_protocol::{ErrorCode, Mode, TrackClass};
use url::form_urlencoded;

use crate::actions::media::{MediaFile, read_text};
use crate::actions::media_origins::MediaAddresses;
use crate::origin::{MediaFolder, Rewriting, rewrite};
use crate::refusal::Refusal;
use crate::state::ServerState;

/// Some tens of bytes per segment and key tag, of a day of segments of a second.
const PLAYLIST_LEN_MAX: u64 = 32 << 20;
const TOKEN_LEN_MAX: usize = 4096;

/// A playlist of the title's folder and what is written into it.
pub(super) struct Serving<'a> {
    pub(super) folder: &'a MediaFolder,
    pub(super) path: &'a str,
    /// From a path in the folder to its address; without it URIs stay relative.
    pub(super) sign: Option<&'a dyn Fn(&str) -> String>,
    pub(super) token: Option<&'a str>,
    /// Of a preview: it ends after so many.
    pub(super) preview_segments: Option<u32>,
}

/// A playlist that is sent otherwise than it is stored. That of a standard title is served without a token, too, and its key
/// addresses answer nobody then.
pub(crate) async fn playlist(
    state: &ServerState,
    found: &MediaFile,
    path: &str,
    token: Option<&str>,
    addresses: Option<&MediaAddresses>,
) -> Result<String, Refusal> {
    // What is written into a playlist must not end its line, whoever it is from.
    let is_token = |token: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        token.len() <= TOKEN_LEN_MAX && token.bytes().all(plain)
    };
    if token.is_some_and(|token| !is_token(&token)) {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "what stands for a token is none").for_app(found.app_id));
    }
    let text = read_text(state, found, PLAYLIST_LEN_MAX).await?;
    // Other titles have neither tokens nor keys of this kind.
    let token = token.filter(|_| found.mode == Mode::Standard);
    let preview_segments = found.preview_segments;
    let address = |path: &str| addresses.map_or_else(|| path.to_owned(), |addresses| addresses.address(path));
    let sign = addresses.map(|_| &address as &dyn Fn(&str) -> String);
    Ok(write(state, &text, &Serving { folder: &found.folder, path, sign, token, preview_segments }))
}

/// The playlist with every key address in it.
pub(super) fn write(state: &ServerState, playlist: &str, serving: &Serving<'_>) -> String {
    let Serving { folder, path, sign, token, preview_segments: segments } = *serving;
    let parameter = token.map(|token| (state.config.standard.token_parameter.as_str(), token));
    let key_uri = |uri: &str| {
        let address = period_key_address(folder, uri).or_else(|| imported_key_address(uri))?;
        let mut address = state.address(&address).ok()?;
        if let Some((name, value)) = parameter {
            address.query_pairs_mut().append_pair(name, value);
        }
        Some(address.into())
    };
    rewrite(playlist, &Rewriting { path, sign, playlist_parameter: parameter, key_uri: &key_uri, segments })
}

/// `keyveil:<track class>/<period>`, which the packager writes.
fn period_key_address(folder: &MediaFolder, uri: &str) -> Option<String> {
    let (track_class, period) = uri.strip_prefix("keyveil:")?.split_once('/')?;
    let (track_class, period): (TrackClass, u32) = (track_class.parse().ok()?, period.parse().ok()?);
    Some(format!("v1/hls-keys/{folder}/{track_class}/{period}"))
}

/// `…?Ciphertext=…&MediaId=…`, which another vendor's packager wrote.
fn imported_key_address(uri: &str) -> Option<String> {
    let (_, query) = uri.split_once('?')?;
    let value =
        |wanted| form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value);
    let mut kept = form_urlencoded::Serializer::new(String::new());
    for name in ["Ciphertext", "MediaId"] {
        kept.append_pair(name, &value(name)?);
    }
    Some(format!("v1/hls-keys?{}", kept.finish()))
}

/// The master playlist of a folder, as it is stored.
pub(super) async fn master(state: &ServerState, found: &MediaFile) -> Result<String, Refusal> {
    read_text(state, found, PLAYLIST_LEN_MAX).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_uris_of_the_packagers_become_addresses() {
        let folder = MediaFolder::parse("film.2").unwrap();
        assert_eq!(period_key_address(&folder, "keyveil:HD/12").as_deref(), Some("v1/hls-keys/film.2/HD/12"));
        for uri in ["keyveil:", "keyveil:HD", "keyveil:HD/", "keyveil:XD/1", "keyveil:HD/-1", "keyveil:HD/1/2", "HD/1"]
        {
            assert_eq!(period_key_address(&folder, uri), None, "{uri}");
        }
        let vendor = "https://decrypt.example.com/k?x=1&Ciphertext=a%2Bb/c==&MediaId=m1";
        let address = imported_key_address(vendor);
        assert_eq!(address.as_deref(), Some("v1/hls-keys?Ciphertext=a%2Bb%2Fc%3D%3D&MediaId=m1"));
        for uri in ["https://decrypt.example.com/", "?Ciphertext=a", "?MediaId=m", "Ciphertext=a&MediaId=m"] {
            assert_eq!(imported_key_address(uri), None, "{uri}");
        }
    }
}
