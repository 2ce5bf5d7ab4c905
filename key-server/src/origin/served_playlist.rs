//! A stored playlist as one viewer gets it: addresses signed, tokens added, cut where a preview ends.
//!
//! One pass over the lines. What is stored names files relative to its own folder and keys as `keyveil:…`; what is not
//! understood is passed on as it is. An address that can't be resolved inside the title's folder is never signed.

use std::ops::Range;

use url::form_urlencoded::byte_serialize;

use super::plain_path;

/// What a playlist is to become. Closures, because who signs how is not this module's affair.
pub(crate) struct Rewriting<'a> {
    /// The playlist's own path in the title's folder: what its URIs are relative to.
    pub(crate) path: &'a str,
    /// From a path in the title's folder to the address that is written. Without it URIs stay relative.
    pub(crate) sign: Option<&'a dyn Fn(&str) -> String>,
    /// Name and value of a query parameter for the URIs of playlists.
    pub(crate) playlist_parameter: Option<(&'a str, &'a str)>,
    /// From the URI of an AES-128 key as it is stored to the one that is written; `None` leaves it as it is.
    pub(crate) key_uri: &'a dyn Fn(&str) -> Option<String>,
    /// A preview's: so many segments, and then the end.
    pub(crate) segments: Option<u32>,
}

/// Tags that name a file. Their lists also have a `URI` without a file behind it, which is then no plain path.
const FILE_TAGS: [&str; 3] = ["#EXT-X-MEDIA:", "#EXT-X-MAP:", "#EXT-X-I-FRAME-STREAM-INF:"];
const KEY_TAGS: [&str; 2] = ["#EXT-X-KEY:", "#EXT-X-SESSION-KEY:"];
const VARIANT_TAG: &str = "#EXT-X-STREAM-INF:";
const END_TAG: &str = "#EXT-X-ENDLIST";
/// Tags that belong to the segment behind them (RFC 8216, section 4.3.2, and its successor): they go with it.
const SEGMENT_TAGS: [&str; 10] = [
    "#EXTINF:",
    "#EXT-X-BYTERANGE:",
    "#EXT-X-DISCONTINUITY",
    "#EXT-X-KEY:",
    "#EXT-X-MAP:",
    "#EXT-X-PROGRAM-DATE-TIME:",
    "#EXT-X-GAP",
    "#EXT-X-BITRATE:",
    "#EXT-X-PART:",
    "#EXT-X-DATERANGE:",
];

/// Writes a playlist anew.
#[must_use]
pub(crate) fn rewrite(playlist: &str, rewriting: &Rewriting<'_>) -> String {
    let mut written = String::with_capacity(playlist.len().saturating_mul(2));
    let (mut segments, mut variant_follows, mut cut, mut ended) = (0_u32, false, false, false);
    for whole in playlist.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\r', '\n']);
        let is_uri = !line.is_empty() && !line.starts_with('#');
        let is_segment = is_uri && !variant_follows;
        let full = rewriting.segments.is_some_and(|most| segments >= most);
        if full && (is_segment || SEGMENT_TAGS.iter().any(|tag| line.starts_with(tag))) {
            cut = true;
            continue;
        }
        segments = segments.saturating_add(u32::from(is_segment));
        variant_follows = line.starts_with(VARIANT_TAG) || (variant_follows && !is_uri);
        ended |= line == END_TAG;
        rewriting.write_line(line, is_uri, &mut written);
        written.push_str(whole.get(line.len()..).unwrap_or_default());
    }
    if cut && !ended {
        if !written.ends_with('\n') {
            written.push('\n');
        }
        written.push_str(END_TAG);
        written.push('\n');
    }
    written
}

impl Rewriting<'_> {
    fn write_line(&self, line: &str, is_uri: bool, written: &mut String) {
        let replaced = if is_uri {
            self.file_uri(line).map(|uri| (0..line.len(), uri))
        } else if FILE_TAGS.iter().any(|tag| line.starts_with(tag)) {
            attribute(line, "URI").and_then(|at| Some((at.clone(), self.file_uri(line.get(at)?)?)))
        } else if KEY_TAGS.iter().any(|tag| line.starts_with(tag)) && is_aes_128(line) {
            attribute(line, "URI").and_then(|at| Some((at.clone(), (self.key_uri)(line.get(at)?)?)))
        } else {
            None
        };
        let Some((at, uri)) = replaced else { return written.push_str(line) };
        written.push_str(line.get(..at.start).unwrap_or_default());
        written.push_str(&uri);
        written.push_str(line.get(at.end..).unwrap_or_default());
    }

    /// `None` for what is not a file of this title: foreign addresses, ways up, queries, anything encoded.
    fn file_uri(&self, uri: &str) -> Option<String> {
        let path = match self.path.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{uri}"),
            None => uri.to_owned(),
        };
        // A segment of an imported title may have no name that the origin serves; it is refused there.
        plain_path(uri)?;
        let mut address = self.sign.map_or_else(|| uri.to_owned(), |sign| sign(&path));
        if let Some((name, value)) = self.playlist_parameter.filter(|_| path.ends_with(".m3u8")) {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.extend(byte_serialize(name.as_bytes()));
            address.push('=');
            address.extend(byte_serialize(value.as_bytes()));
        }
        Some(address)
    }
}

fn is_aes_128(line: &str) -> bool {
    attribute(line, "METHOD").is_some_and(|at| line.get(at) == Some("AES-128"))
}

/// Where the value of an attribute stands in a tag, without its quotes. The same name inside another value is none.
fn attribute(line: &str, name: &str) -> Option<Range<usize>> {
    let mut at = line.find(':')? + 1;
    loop {
        let rest = line.get(at..)?;
        let equals = rest.find('=')?;
        let found = rest.get(..equals)?.trim();
        let value = rest.get(equals + 1..)?;
        let start = at + equals + 1;
        let (inner, next) = match value.strip_prefix('"') {
            Some(quoted) => {
                let len = quoted.find('"')?;
                (start + 1..start + 1 + len, start + len + 2)
            }
            None => {
                let len = value.find(',').unwrap_or(value.len());
                (start..start + len, start + len)
            }
        };
        if found == name {
            return Some(inner);
        }
        at = next + line.get(next..)?.strip_prefix(',').map(|_| 1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(path: &str) -> String {
        format!("https://cdn.example.com/v/film/{path}?sig=1")
    }

    fn rewriting(path: &str) -> Rewriting<'_> {
        Rewriting { path, sign: Some(&signed), playlist_parameter: None, key_uri: &|_| None, segments: None }
    }

    const MASTER: &str = "#EXTM3U\r\n#EXT-X-VERSION:7\r\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x,URI=y\",URI=\"a1/playlist.m3u8\"\r\n\
        #EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"c\",NAME=\"c\",INSTREAM-ID=\"CC1\"\r\n\
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"v0/iframes.m3u8\"\r\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\r\nv0/playlist.m3u8\r\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"a\"\r\n# a comment\r\nv1/playlist.m3u8\r\n";

    const MEDIA: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP:URI=\"init.mp4\"\n\
        #EXT-X-KEY:METHOD=AES-128,URI=\"keyveil:HD/0\",IV=0x00\n#EXTINF:2.000,\n0.m4s\n#EXTINF:2.000,\n1.m4s\n\
        #EXT-X-KEY:METHOD=AES-128,URI=\"keyveil:HD/1\",IV=0x01\n#EXTINF:1.000,\n2.m4s\n#EXT-X-ENDLIST\n";

    #[test]
    fn every_address_of_a_master_playlist_is_signed_and_carries_the_token() {
        let playlist_parameter = Some(("Token", "a-b/c"));
        let written = rewrite(MASTER, &Rewriting { playlist_parameter, ..rewriting("master.m3u8") });
        let expected = MASTER
            .replace("\"a1/playlist.m3u8\"", "\"https://cdn.example.com/v/film/a1/playlist.m3u8?sig=1&Token=a-b%2Fc\"")
            .replace("\"v0/iframes.m3u8\"", "\"https://cdn.example.com/v/film/v0/iframes.m3u8?sig=1&Token=a-b%2Fc\"")
            .replace("\r\nv0/playlist.m3u8", "\r\nhttps://cdn.example.com/v/film/v0/playlist.m3u8?sig=1&Token=a-b%2Fc")
            .replace("\r\nv1/playlist.m3u8", "\r\nhttps://cdn.example.com/v/film/v1/playlist.m3u8?sig=1&Token=a-b%2Fc");
        assert_eq!(written, expected);
        assert_eq!(written.matches("\r\n").count(), MASTER.matches("\r\n").count());
    }

    #[test]
    fn without_a_signer_addresses_stay_relative_and_still_carry_the_token() {
        let plain = Rewriting { sign: None, ..rewriting("master.m3u8") };
        assert_eq!(rewrite(MASTER, &plain), MASTER);
        let written = rewrite(MASTER, &Rewriting { playlist_parameter: Some(("t", "1")), ..plain });
        assert_eq!(written.matches("m3u8?t=1").count(), 4);
        let media = Rewriting { playlist_parameter: Some(("t", "1")), sign: None, ..rewriting("v0/playlist.m3u8") };
        assert_eq!(rewrite(MEDIA, &media), MEDIA, "segments need no token");
    }

    #[test]
    fn segments_and_maps_are_resolved_against_the_playlist() {
        let written = rewrite(MEDIA, &rewriting("v0/playlist.m3u8"));
        for path in ["v0/init.mp4", "v0/0.m4s", "v0/1.m4s", "v0/2.m4s"] {
            assert_eq!(written.matches(&signed(path)).count(), 1, "{path}");
        }
        assert!(written.contains("URI=\"keyveil:HD/0\"") && written.ends_with("#EXT-X-ENDLIST\n"));
    }

    #[test]
    fn keys_are_written_as_told_and_only_those_of_aes_128() {
        let key_uri = |uri: &str| Some(format!("https://keys/{}", uri.strip_prefix("keyveil:")?));
        let written = rewrite(MEDIA, &Rewriting { key_uri: &key_uri, ..rewriting("v0/playlist.m3u8") });
        assert!(written.contains("#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys/HD/0\",IV=0x00\n"));
        assert!(written.contains("#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys/HD/1\",IV=0x01\n"));
        for other in [
            "#EXT-X-KEY:METHOD=KEYVEIL,URI=\"keyveil:film/0\",CIPHER=\"aes-128-cbc\"\n",
            "#EXT-X-KEY:METHOD=NONE\n",
            "#EXT-X-KEY:METHOD=AES-128,URI=\"https://elsewhere/\"\n",
            "#EXT-X-KEY:METHOD=AES-128,URI=\"keyveil:\n",
            "#EXT-X-KEY:URI=\"keyveil:HD/0\"\n",
        ] {
            assert_eq!(rewrite(other, &Rewriting { key_uri: &key_uri, ..rewriting("p.m3u8") }), other);
        }
    }

    #[test]
    fn a_preview_ends_behind_its_last_segment() {
        let cut = |segments| rewrite(MEDIA, &Rewriting { segments, sign: None, ..rewriting("v0/playlist.m3u8") });
        let (two, _) = MEDIA.split_once("#EXT-X-KEY:METHOD=AES-128,URI=\"keyveil:HD/1\"").unwrap();
        assert_eq!(cut(Some(2)), format!("{two}#EXT-X-ENDLIST\n"));
        assert_eq!(cut(Some(3)), MEDIA);
        assert_eq!(cut(Some(u32::MAX)), MEDIA);
        assert_eq!(cut(None), MEDIA);
        assert_eq!(cut(Some(0)), "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-ENDLIST\n");
        let open = MEDIA.trim_end_matches("#EXT-X-ENDLIST\n").trim_end();
        let written = rewrite(open, &Rewriting { segments: Some(1), sign: None, ..rewriting("p.m3u8") });
        assert!(written.ends_with("0.m4s\n#EXT-X-ENDLIST\n"), "{written}");
        let master = rewrite(MASTER, &Rewriting { segments: Some(1), sign: None, ..rewriting("master.m3u8") });
        assert_eq!(master, MASTER, "variants are no segments");
    }

    #[test]
    fn nothing_outside_of_the_folder_is_signed() {
        for uri in [
            "../other/0.ts",
            "a/../../0.ts",
            "..",
            "./0.ts",
            "/v/other/0.ts",
            "//cdn.example.com/0.ts",
            "https://elsewhere/0.ts",
            "data:text/plain,0",
            "0.ts?x=1",
            "0.ts#x",
            "%2e%2e/0.ts",
            "a\\b.ts",
            " 0.ts",
        ] {
            let playlist = format!("#EXTINF:1,\n{uri}\n#EXT-X-MAP:URI=\"{uri}\"\n");
            let parameter = Rewriting { playlist_parameter: Some(("t", "1")), ..rewriting("v0/p.m3u8") };
            assert_eq!(rewrite(&playlist, &parameter), playlist);
        }
        assert_eq!(rewrite("#EXTINF:1,\n0.ts", &rewriting("v0/p.m3u8")), format!("#EXTINF:1,\n{}", signed("v0/0.ts")));
    }

    #[test]
    fn what_is_not_understood_passes() {
        for text in
            ["", "\n\n", "\r\n", "#", "#EXTM3U", "#EXT-X-NEW:URI=\"a.ts\"\n", "#EXT-X-MAP:\n", "#EXT-X-MAP:URI=\n"]
        {
            assert_eq!(rewrite(text, &rewriting("p.m3u8")), text);
        }
        for text in ["#EXT-X-MAP:URI", "#EXT-X-MAP:URI=\"a.mp4", "#EXT-X-MAP:A=\"b\"URI=\"a.mp4\"", "#EXT-X-MAP:,,,"] {
            assert_eq!(rewrite(text, &rewriting("p.m3u8")), text);
        }
        let spaced = "#EXT-X-MAP:BYTERANGE=\"1@0\", URI=\"a.mp4\"";
        assert!(rewrite(spaced, &rewriting("p.m3u8")).contains(&signed("a.mp4")));
    }
}
