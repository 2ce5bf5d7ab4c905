//! The sample tables of a track (ISO/IEC 14496-12, section 8.6 and 8.7), walked sample by sample.

use mp4_atom::{Stbl, StszSamples};

/// The tables as the file has them: runs stay runs, so that a long film takes little memory.
#[derive(Debug)]
pub(super) struct Tables {
    stbl: Stbl,
    /// Where each chunk is in the file.
    chunks: Vec<u64>,
}

/// One sample: where it is, and when it is decoded and shown, in ticks of its track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub offset: u64,
    pub size: u32,
    pub decoded_at: i64,
    pub duration: u32,
    /// From being decoded to being shown.
    pub shift: i64,
    pub is_sync: bool,
}

impl Sample {
    pub(super) fn shown_at(&self) -> Option<i64> {
        self.decoded_at.checked_add(self.shift)
    }
}

/// A place between two samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    number: usize,
    decoded_at: i64,
    /// The next chunk, what is left of the current one, and where that is.
    chunk: usize,
    left: u32,
    offset: u64,
    chunk_run: usize,
    durations: RunAt,
    shifts: RunAt,
    sync: usize,
}

/// A place in a table of runs: which run, and how many of it are done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct RunAt {
    run: usize,
    done: u32,
}

impl RunAt {
    /// The run that the next sample is in.
    fn step(&mut self, count: impl Fn(usize) -> Option<u32>) -> Option<usize> {
        while self.done >= count(self.run)? {
            *self = Self { run: self.run + 1, done: 0 };
        }
        self.done += 1;
        Some(self.run)
    }
}

impl Tables {
    /// None where chunks are of several kinds, or nowhere.
    pub(super) fn new(mut stbl: Stbl) -> Option<Self> {
        let chunks = match (stbl.stco.take(), stbl.co64.take()) {
            (Some(small), None) => small.entries.into_iter().map(u64::from).collect(),
            (None, Some(large)) => large.entries,
            _ => return None,
        };
        stbl.stsc.entries.iter().all(|run| run.sample_description_index == 1).then_some(Self { stbl, chunks })
    }

    /// How many samples the track claims.
    pub(super) fn len(&self) -> usize {
        match &self.stbl.stsz.samples {
            StszSamples::Identical { count, .. } => *count as usize,
            StszSamples::Different { sizes } => sizes.len(),
        }
    }

    fn size(&self, number: usize) -> Option<u32> {
        match &self.stbl.stsz.samples {
            StszSamples::Identical { count, size } => (number < *count as usize).then_some(*size),
            StszSamples::Different { sizes } => sizes.get(number).copied(),
        }
    }

    /// The sample at a place, which moves behind it; none at the end, and where the tables disagree.
    pub(super) fn next(&self, at: &mut Position) -> Option<Sample> {
        let size = self.size(at.number)?;
        self.enter_chunk(at)?;
        let durations = &self.stbl.stts.entries;
        let run = at.durations.step(|run| durations.get(run).map(|run| run.sample_count))?;
        let duration = durations.get(run)?.sample_delta;
        let shift = match &self.stbl.ctts {
            None => 0,
            Some(shifts) => {
                let run = at.shifts.step(|run| shifts.entries.get(run).map(|run| run.sample_count))?;
                shifts.entries.get(run)?.sample_offset
            }
        };
        let sample =
            Sample { offset: at.offset, size, decoded_at: at.decoded_at, duration, shift, is_sync: self.is_sync(at) };
        at.number += 1;
        at.left -= 1;
        at.offset = at.offset.checked_add(size.into())?;
        at.decoded_at = at.decoded_at.checked_add(duration.into())?;
        Some(sample)
    }

    fn enter_chunk(&self, at: &mut Position) -> Option<()> {
        let runs = &self.stbl.stsc.entries;
        while at.left == 0 {
            at.offset = *self.chunks.get(at.chunk)?;
            at.chunk += 1;
            // Chunks are counted from 1 in the table.
            while runs.get(at.chunk_run + 1).is_some_and(|next| next.first_chunk as usize <= at.chunk) {
                at.chunk_run += 1;
            }
            at.left = runs.get(at.chunk_run)?.samples_per_chunk;
        }
        Some(())
    }

    /// Without a table, every sample is.
    fn is_sync(&self, at: &mut Position) -> bool {
        let Some(sync) = &self.stbl.stss else { return true };
        let number = at.number + 1;
        while sync.entries.get(at.sync).is_some_and(|entry| (*entry as usize) < number) {
            at.sync += 1;
        }
        sync.entries.get(at.sync).is_some_and(|entry| *entry as usize == number)
    }
}
