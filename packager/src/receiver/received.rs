//! What has arrived of one rendition, and what is still missing.

use std::collections::BTreeMap;

use crate::playlist::Listed;

/// What became of one rendition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received {
    /// Written bytes of each segment.
    pub segments: BTreeMap<u32, u64>,
    /// RFC 6381, read from the init segment or the first TS segment.
    pub codecs: Option<String>,
    /// What ffmpeg listed at the end, in order.
    pub listed: Option<Vec<Listed>>,
    pub(super) has_init: bool,
}

impl Received {
    /// What keeps it from being whole, if anything.
    pub(super) fn missing(&self, extension: &str) -> Option<String> {
        if extension == "vtt" {
            return self.segments.is_empty().then(|| "has no subtitles file".into());
        }
        let Some(listed) = &self.listed else { return Some("has no playlist".into()) };
        if extension == "m4s" && !self.has_init {
            return Some("has no init segment".into());
        }
        if listed.is_empty() {
            return Some("has no segments".into());
        }
        for (number, entry) in (0_u32..).zip(listed) {
            if entry.uri != segment_name(number, extension) || !self.segments.contains_key(&number) {
                return Some(format!("lacks segment {number}"));
            }
        }
        let extra = self.segments.len() != listed.len();
        extra.then(|| format!("has {} segments but lists {}", self.segments.len(), listed.len()))
    }
}

/// `seg-00042.m4s`.
pub(crate) fn segment_name(number: u32, extension: &str) -> String {
    format!("seg-{number:05}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(segments: &[u32], listed: &[&str]) -> Received {
        let listed = listed.iter().map(|uri| Listed { uri: (*uri).to_owned(), duration_secs: 1.0 });
        Received {
            segments: segments.iter().map(|number| (*number, 16)).collect(),
            listed: Some(listed.collect()),
            has_init: true,
            codecs: None,
        }
    }

    #[test]
    fn rendition_is_whole_only_with_every_listed_segment_in_order_and_no_other() {
        let names = ["seg-00000.m4s", "seg-00001.m4s"];
        assert_eq!(received(&[0, 1], &names).missing("m4s"), None);
        assert!(received(&[0], &names).missing("m4s").is_some(), "one was lost");
        assert!(received(&[0, 1, 2], &names).missing("m4s").is_some(), "one is not listed");
        assert!(received(&[0, 1], &[names[1], names[0]]).missing("m4s").is_some(), "order");
        assert!(received(&[], &[]).missing("m4s").is_some(), "nothing at all");
        let without_init = Received { has_init: false, ..received(&[0, 1], &names) };
        assert!(without_init.missing("m4s").is_some());
        let without_playlist = Received { listed: None, ..received(&[0, 1], &names) };
        assert!(without_playlist.missing("m4s").is_some());
    }
}
