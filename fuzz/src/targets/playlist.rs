use std::cell::RefCell;
use std::path::Path;

use keyveil_key_server::fuzzing::{is_plain_path, playlist_files, served_playlist};
use keyveil_packager::PackError;
use keyveil_packager::fuzzing::{imported, imported_variants, listed, map_of, with_key_tags};
use keyveil_protocol::KeyTag;

use crate::Outcome;
use crate::input::Input;

const PATH: &str = "v720p/playlist.m3u8";
const TAG: &str = "#EXT-X-KEY:METHOD=KEYVEIL,URI=\"keyveil:film-1/3\",CIPHER=\"aes-128-cbc\",TRACK-CLASS=\"HD\",RENDITION=2,\
    KEYFORMAT=\"com.keyveil\",KEYFORMATVERSIONS=\"1\"";

/// A playlist as each of its readers sees it: the server that serves it and that commits a job, the packager that encrypts
/// it anew and that imports it.
pub fn playlist(data: &[u8]) -> Outcome {
    let mut input = Input(data);
    let segments = input.byte();
    committed(input.0);
    let encrypted = encrypted_anew(input.0);
    let Some(text) = input.rest_text() else { return Outcome::Refused("not text") };
    served(text, u32::from(segments % 8));
    match import(text).and(encrypted) {
        Ok(()) => Outcome::Accepted,
        Err(refusal) => Outcome::Refused(refusal.code()),
    }
}

fn served(text: &str, most: u32) {
    let no_key = |_: &str| None;
    assert_eq!(served_playlist(text, PATH, None, &no_key, None), text, "what is not to be changed is not");
    let signed = RefCell::new(Vec::new());
    let sign = |path: &str| {
        signed.borrow_mut().push(path.to_owned());
        format!("https://cdn.example.com/{path}?sig=1")
    };
    let key_uri = |uri: &str| uri.strip_prefix("keyveil:").map(|_| "https://keys.example.com/1".to_owned());
    let whole = served_playlist(text, PATH, Some(&sign), &key_uri, None);
    assert_eq!(whole.matches('\n').count(), text.matches('\n').count());
    for path in signed.borrow().iter() {
        assert!(path.strip_prefix("v720p/").is_some_and(is_plain_path), "{path:?} lies outside");
    }
    let cut = served_playlist(text, PATH, None, &no_key, Some(most));
    let again = served_playlist(&cut, PATH, None, &no_key, Some(most));
    assert_eq!(again, cut, "a preview has one end");
    let is_segment = |line: &&str| !line.is_empty() && !line.starts_with('#');
    if !text.contains("#EXT-X-STREAM-INF:") {
        assert!(cut.split('\n').map(|line| line.trim_end_matches('\r')).filter(is_segment).count() <= most as usize);
    }
}

fn committed(bytes: &[u8]) {
    let Some(files) = playlist_files(bytes, PATH) else { return };
    assert!(bytes.starts_with(b"#EXTM3U") && files.iter().all(|file| file.starts_with("v720p/")));
}

fn encrypted_anew(bytes: &[u8]) -> Result<(), PackError> {
    let segments = listed(bytes)?;
    drop(map_of(bytes));
    for (name, secs) in &segments {
        assert!(secs.is_finite() && *secs >= 0.0 && !name.contains('/'), "{name:?} {secs}");
    }
    assert_eq!(TAG.parse::<KeyTag>().map(|tag| tag.to_string()).as_deref(), Ok(TAG));
    let anew = with_key_tags(bytes, |_| Some(TAG.to_owned()))?;
    let text = std::str::from_utf8(&anew).expect("what was text is");
    let is_extinf = |line: &&str| line.starts_with("#EXTINF:");
    assert_eq!(text.lines().filter(|line| *line == TAG).count(), text.lines().filter(is_extinf).count());
    assert!(text.lines().all(|line| !line.starts_with("#EXT-X-KEY:") || line == TAG));
    Ok(())
}

fn import(text: &str) -> Result<(), PackError> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/media"));
    for variant in imported_variants(text, folder)? {
        assert!(variant.matches('\n').count() == 1 && !variant.contains('\r'), "{variant:?}");
    }
    let (segments, published) = imported(text, folder)?;
    let again = listed(published.as_bytes())?;
    assert_eq!(again.len(), segments, "{published}");
    assert!(!published.contains('\r') && playlist_files(published.as_bytes(), PATH).is_some(), "{published:?}");
    Ok(())
}
