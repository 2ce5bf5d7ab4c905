//! Reads a remote source as if it were a file, for the few headers that are looked at here.

use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::Arc,
};

use tokio::runtime::Handle;

use super::{Ranges, Remote, ServedSource};

/// Read at a time: a header and what is likely read next.
const BLOCK_LEN: u64 = 4096;
/// Blocks read in all. A container with more headers than that is judged by its duration afterwards.
const BLOCKS_MAX: u32 = 200;

/// A cursor over a remote source, for a blocking thread of a runtime.
pub(crate) struct RangeReader {
    remote: Arc<dyn Remote>,
    runtime: Handle,
    at: u64,
    block_at: u64,
    block: Vec<u8>,
    blocks_left: u32,
}

impl RangeReader {
    /// Must be made on a thread of a runtime.
    pub(crate) fn new(source: &ServedSource) -> Self {
        let remote = Arc::clone(&source.remote);
        Self { remote, runtime: Handle::current(), at: 0, block_at: 0, block: Vec::new(), blocks_left: BLOCKS_MAX }
    }

    fn buffered(&self) -> &[u8] {
        let skipped = self.at.checked_sub(self.block_at).and_then(|skipped| usize::try_from(skipped).ok());
        skipped.and_then(|skipped| self.block.get(skipped..)).unwrap_or_default()
    }

    fn fill(&mut self) -> io::Result<()> {
        self.blocks_left = self.blocks_left.checked_sub(1).ok_or_else(|| io::Error::other("too many reads"))?;
        let to = self.at.saturating_add(BLOCK_LEN).min(self.remote.len());
        let mut ranges = Ranges::new(Arc::clone(&self.remote), self.at, to);
        self.block_at = self.at;
        self.block.clear();
        while let Some(chunk) = self.runtime.block_on(ranges.next()) {
            self.block.extend_from_slice(&chunk.map_err(io::Error::other)?);
        }
        Ok(())
    }
}

impl Read for RangeReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.buffered().is_empty() && self.at < self.remote.len() {
            self.fill()?;
        }
        let read = self.buffered().read(into)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for RangeReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.remote.len().checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
