//! What has arrived of one rendition, and what is still missing.

use std::collections::{BTreeMap, BTreeSet};

use crate::playlist::Listed;

/// A last segment shorter than this is joined to the one before: players can take it for a rounding error and wait for
/// the end of the title for ever (hls.js looks fragments up with a tolerance of 0.25 s).
const END_SECS_MIN: f64 = 0.5;

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
    /// Segments that have arrived, written or not.
    pub(super) arrived: BTreeSet<u32>,
    /// Clear segments that are not written yet.
    pub(super) held: BTreeMap<u32, Vec<u8>>,
}

impl Received {
    /// One of which it is known beforehand what will come.
    pub(crate) fn expecting(listed: Vec<Listed>) -> Self {
        Self { listed: Some(listed), ..Self::default() }
    }

    /// What keeps it from being whole, if anything.
    pub(super) fn missing(&self, extension: &str) -> Option<String> {
        if extension == "vtt" {
            return self.arrived.is_empty().then(|| "has no subtitles file".into());
        }
        let Some(listed) = &self.listed else { return Some("has no playlist".into()) };
        if extension == "m4s" && !self.has_init {
            return Some("has no init segment".into());
        }
        if listed.is_empty() {
            return Some("has no segments".into());
        }
        for (number, entry) in (0_u32..).zip(listed) {
            if entry.uri != segment_name(number, extension) || !self.arrived.contains(&number) {
                return Some(format!("lacks segment {number}"));
            }
        }
        if self.arrived.len() != listed.len() {
            return Some(format!("has {} segments but lists {}", self.arrived.len(), listed.len()));
        }
        let written = self.segments.len() + self.held.len();
        (written != listed.len()).then(|| "is still being written".into())
    }

    /// Both containers allow segments to be joined by appending.
    pub(super) fn join_short_end(&mut self) {
        let Some(listed) = &mut self.listed else { return };
        let is_short = listed.last().is_some_and(|last| last.duration_secs < END_SECS_MIN);
        if !is_short || listed.len() < 2 || self.held.len() < 2 {
            return;
        }
        if let (Some(end), Some((_, bytes))) = (listed.pop(), self.held.pop_last())
            && let (Some(before), Some(mut held)) = (listed.last_mut(), self.held.last_entry())
        {
            before.duration_secs += end.duration_secs;
            held.get_mut().extend_from_slice(&bytes);
        }
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
            arrived: segments.iter().copied().collect(),
            held: segments.iter().map(|number| (*number, vec![*number as u8])).collect(),
            listed: Some(listed.collect()),
            has_init: true,
            ..Received::default()
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

    #[test]
    fn short_end_is_joined_to_the_segment_before_and_a_longer_one_is_not() {
        let names = ["seg-00000.m4s", "seg-00001.m4s"];
        for (end_secs, expected) in [(0.49, vec![(0, vec![0, 1])]), (0.5, vec![(0, vec![0]), (1, vec![1])])] {
            let mut received = received(&[0, 1], &names);
            received.listed.as_mut().unwrap()[1].duration_secs = end_secs;
            received.join_short_end();
            assert_eq!(received.held.clone().into_iter().collect::<Vec<_>>(), expected);
            let total: f64 = received.listed.unwrap().iter().map(|listed| listed.duration_secs).sum();
            assert!((total - 1.0 - end_secs).abs() < 1e-9, "no time is lost");
        }
    }

    #[test]
    fn only_segment_is_kept_however_short() {
        let mut received = received(&[0], &["seg-00000.m4s"]);
        received.listed.as_mut().unwrap()[0].duration_secs = 0.04;
        received.join_short_end();
        assert_eq!((received.held.len(), received.listed.unwrap().len()), (1, 1));
    }
}
