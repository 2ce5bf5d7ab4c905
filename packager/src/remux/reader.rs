//! Reads media where the tables say it is.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use super::{
    spans::Span,
    tables::{Sample, Tables},
};

/// The input, open for reads at any place.
#[derive(Debug)]
pub(super) struct Media {
    file: File,
    pub(super) len: u64,
}

impl Media {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Self { file, len: metadata.len() })
    }

    pub(super) fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, at)
    }

    /// Appends a span's media. Samples that lie one behind the other are read at once.
    pub(super) fn append(&self, samples: &[Sample], into: &mut Vec<u8>) -> io::Result<()> {
        for run in samples.chunk_by(|one, next| one.offset + u64::from(one.size) == next.offset) {
            let Some(first) = run.first() else { continue };
            let len: usize = run.iter().map(|sample| sample.size as usize).sum();
            let from = into.len();
            into.resize(from + len, 0);
            self.read(first.offset, into.get_mut(from..).unwrap_or_default())?;
        }
        Ok(())
    }
}

/// The samples of a span.
pub(super) fn samples(tables: &Tables, span: &Span) -> Vec<Sample> {
    let mut position = span.position;
    (0..span.samples).map_while(|_| tables.next(&mut position)).collect()
}
