//! Where a track is cut into segments: at the first sample that decoding can start from at or behind each multiple of the
//! segment length, as ffmpeg does.

use super::tables::{Position, Sample, Tables};

/// More than a day of sound has, the longest there can be; an index of a few bytes can claim a thousand times as many.
const SAMPLES_MAX: usize = 8_000_000;
/// An index of a few bytes can also claim that one segment has them all, or that each is a segment; both are held in memory.
const SEGMENT_SAMPLES_MAX: usize = 1 << 18;
const SEGMENTS_MAX: usize = 100_000;
/// A last segment shorter than this is joined to the one before; see `receiver`.
const END_SECS_MIN: f64 = 0.5;

/// The samples of one segment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    pub position: Position,
    pub samples: usize,
    /// Of media, without what the container adds.
    pub bytes: u64,
    pub duration_secs: f64,
}

/// A whole track, walked once.
#[derive(Debug)]
pub(super) struct Walked {
    pub spans: Vec<Span>,
    /// When the first sample of all is shown, and when the last one ends.
    pub shown_from: i64,
    pub shown_to: i64,
}

/// Cuts; none where the tables disagree with each other or with the length of the file.
pub(super) fn cut(tables: &Tables, timescale: u32, segment_secs: u32, file_len: u64) -> Option<Walked> {
    if tables.len() > SAMPLES_MAX {
        return None;
    }
    let mut position = Position::default();
    let first = tables.next(&mut position.clone())?;
    let start = first.shown_at()?;
    let mut walked = Walked { spans: Vec::new(), shown_from: start, shown_to: start };
    let mut open = Open::at(position, start);
    let (mut count, mut bytes_in_all) = (0, 0_u64);
    loop {
        let before = position;
        let Some(sample) = tables.next(&mut position) else { break };
        let shown_at = sample.shown_at()?;
        let boundary = i128::from(segment_secs) * i128::from(timescale) * (walked.spans.len() as i128 + 1);
        let is_cut = sample.is_sync && i128::from(shown_at) - i128::from(start) >= boundary;
        if is_cut && open.samples > 0 {
            walked.spans.push(open.close(shown_at, timescale));
            open = Open::at(before, shown_at);
        }
        open.add(&sample);
        if open.samples > SEGMENT_SAMPLES_MAX || walked.spans.len() >= SEGMENTS_MAX {
            return None;
        }
        walked.shown_from = walked.shown_from.min(shown_at);
        walked.shown_to = walked.shown_to.max(shown_at.checked_add(sample.duration.into())?);
        count += 1;
        // Samples that share their bytes could make terabytes of a small file.
        bytes_in_all = bytes_in_all.checked_add(sample.size.into()).filter(|bytes| *bytes <= file_len)?;
        sample.offset.checked_add(sample.size.into()).filter(|end| *end <= file_len)?;
    }
    walked.spans.push(open.close(walked.shown_to, timescale));
    join_short_end(&mut walked.spans);
    (first.is_sync && count == tables.len()).then_some(walked)
}

/// A segment that is being filled.
struct Open {
    position: Position,
    shown_at: i64,
    samples: usize,
    bytes: u64,
}

impl Open {
    fn at(position: Position, shown_at: i64) -> Self {
        Self { position, shown_at, samples: 0, bytes: 0 }
    }

    fn add(&mut self, sample: &Sample) {
        self.samples += 1;
        self.bytes += u64::from(sample.size);
    }

    fn close(&self, shown_to: i64, timescale: u32) -> Span {
        let ticks = i128::from(shown_to) - i128::from(self.shown_at);
        let duration_secs = ticks.max(0) as f64 / f64::from(timescale.max(1));
        Span { position: self.position, samples: self.samples, bytes: self.bytes, duration_secs }
    }
}

fn join_short_end(spans: &mut Vec<Span>) {
    if let Some(end) = spans.pop_if(|end| end.duration_secs < END_SECS_MIN) {
        match spans.last_mut() {
            Some(before) => {
                before.samples += end.samples;
                before.bytes += end.bytes;
                before.duration_secs += end.duration_secs;
            }
            None => spans.push(end),
        }
    }
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Stbl, Stco, Stsc, StscEntry, Stss, Stsz, StszSamples, Stts, SttsEntry};

    use super::*;

    /// Ten samples of a second and ten bytes each, two in a chunk; decoding can start at every fourth.
    fn stbl() -> Stbl {
        let run = StscEntry { first_chunk: 1, samples_per_chunk: 2, sample_description_index: 1 };
        Stbl {
            stts: Stts { entries: vec![SttsEntry { sample_count: 10, sample_delta: 100 }] },
            stss: Some(Stss { entries: vec![1, 5, 9] }),
            stsc: Stsc { entries: vec![run] },
            stsz: Stsz { samples: StszSamples::Different { sizes: vec![10; 10] } },
            stco: Some(Stco { entries: vec![0, 20, 40, 60, 80] }),
            ..Stbl::default()
        }
    }

    fn cut_into(stbl: Stbl, segment_secs: u32, file_len: u64) -> Option<Vec<(usize, u64, f64)>> {
        let walked = cut(&Tables::new(stbl)?, 100, segment_secs, file_len)?;
        Some(walked.spans.iter().map(|span| (span.samples, span.bytes, span.duration_secs)).collect())
    }

    #[test]
    fn cuts_are_where_decoding_can_start_at_or_behind_each_multiple() {
        assert_eq!(cut_into(stbl(), 3, 100).unwrap(), [(4, 40, 4.0), (4, 40, 4.0), (2, 20, 2.0)]);
        assert_eq!(cut_into(stbl(), 6, 100).unwrap(), [(8, 80, 8.0), (2, 20, 2.0)]);
        // Where every sample can be started from, the cut is exact.
        assert_eq!(cut_into(Stbl { stss: None, ..stbl() }, 6, 100).unwrap(), [(6, 60, 6.0), (4, 40, 4.0)]);
    }

    #[test]
    fn tables_that_disagree_are_not_read() {
        let count = |sample_count| Stts { entries: vec![SttsEntry { sample_count, sample_delta: 100 }] };
        assert!(cut_into(stbl(), 3, 100).is_some());
        assert!(cut_into(stbl(), 3, 99).is_none(), "the file is shorter");
        assert!(cut_into(Stbl { stts: count(9), ..stbl() }, 3, 100).is_none(), "a sample has no time");
        let chunks = Some(Stco { entries: vec![0, 20, 40, 60] });
        assert!(cut_into(Stbl { stco: chunks, ..stbl() }, 3, 100).is_none(), "samples are nowhere");
        let late = Some(Stss { entries: vec![2] });
        assert!(cut_into(Stbl { stss: late, ..stbl() }, 3, 100).is_none(), "decoding can't start");
        let shared = Some(Stco { entries: vec![0; 5] });
        assert!(cut_into(Stbl { stco: shared, ..stbl() }, 3, 100).is_some());
        let many = |count, size| Stsz { samples: StszSamples::Identical { count, size } };
        let run = StscEntry { first_chunk: 1, samples_per_chunk: u32::MAX, sample_description_index: 1 };
        let wide = |stsz| Stbl { stsz, stts: count(u32::MAX), stsc: Stsc { entries: vec![run.clone()] }, ..stbl() };
        assert!(cut_into(wide(many(10, 10)), 3, 100).is_some());
        assert!(cut_into(wide(many(11, 10)), 3, 100).is_none(), "more bytes than there are");
        assert!(cut_into(wide(many(u32::MAX, 0)), 3, 100).is_none(), "endlessly many of no size");
        assert!(cut_into(wide(many(1 << 18, 0)), 3, 100).is_some());
        assert!(cut_into(wide(many((1 << 18) + 9, 0)), 3, 100).is_none(), "one segment of too many");
        let all_sync = |count| Stbl { stss: None, ..wide(many(count, 0)) };
        assert_eq!(cut_into(all_sync(100_000), 1, 100).unwrap().len(), 100_000);
        assert!(cut_into(all_sync(100_001), 1, 100).is_none(), "too many segments");
    }

    #[test]
    fn times_beyond_all_numbers_are_not_read() {
        let entries = vec![SttsEntry { sample_count: 10, sample_delta: u32::MAX }];
        assert!(cut_into(Stbl { stts: Stts { entries }, ..stbl() }, 3, 100).is_some());
        let shifts = vec![mp4_atom::CttsEntry { sample_count: 10, sample_offset: i64::MAX }];
        let ctts = Some(mp4_atom::Ctts { entries: shifts });
        assert!(cut_into(Stbl { ctts, ..stbl() }, 3, 100).is_none());
    }
}
