//! A file as the body of an answer, in large pieces: to hand a read to another thread and back costs as much as to copy some
//! hundred kilobytes.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use futures_util::FutureExt;
use tokio::task::JoinHandle;

/// What one client's connection may hold of a file.
const PIECE_LEN: u64 = 256 * 1024;

/// Bytes of an open file, read as they are taken. Nobody else may read by the same open file: it knows one position.
pub(super) struct FileBody {
    file: Arc<File>,
    /// Where it begins, until that has been sought.
    start: Option<u64>,
    left: u64,
    reading: Option<JoinHandle<Result<Bytes>>>,
}

impl FileBody {
    /// `len` bytes from `position` on, which the file is known to have.
    pub(super) fn new(file: File, position: u64, len: u64) -> Self {
        Self { file: Arc::new(file), start: Some(position), left: len, reading: None }
    }
}

impl MessageBody for FileBody {
    type Error = Error;

    fn size(&self) -> BodySize {
        // Besides what is left there is what is being read, but this is asked before anything is.
        BodySize::Sized(self.left)
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let this = &mut *self;
        let reading = this.reading.get_or_insert_with(|| {
            let (file, start, len) = (Arc::clone(&this.file), this.start.take(), this.left.min(PIECE_LEN));
            tokio::task::spawn_blocking(move || piece(&file, start, len))
        });
        let Poll::Ready(read) = reading.poll_unpin(cx) else { return Poll::Pending };
        self.reading = None;
        let read = read.map_err(|_| Error::other("reading was cut off")).and_then(|read| read);
        if let Ok(bytes) = &read {
            self.left = self.left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(Some(read))
    }
}

/// At most `len` bytes, at least one. Into memory that was not filled with zeros before: that takes as long as to read.
fn piece(mut file: &File, start: Option<u64>, len: u64) -> Result<Bytes> {
    if let Some(start) = start {
        file.seek(SeekFrom::Start(start))?;
    }
    let mut piece = Vec::with_capacity(usize::try_from(len).map_err(Error::other)?);
    // Cut while it is sent: better half an answer than one that never ends.
    if file.take(len).read_to_end(&mut piece)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(piece.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use actix_web::body::to_bytes;

    use super::*;

    fn file(len: usize) -> (File, Vec<u8>) {
        let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        (file, bytes)
    }

    #[tokio::test]
    async fn a_body_is_the_stretch_of_the_file() {
        let (file, bytes) = file(700_000);
        for (position, len) in [(0, 700_000), (1, 262_144), (262_143, 300_000), (699_999, 1), (5, 0)] {
            let body = FileBody::new(file.try_clone().unwrap(), position, len);
            let end = usize::try_from(position + len).unwrap();
            let start = usize::try_from(position).unwrap();
            assert!(to_bytes(body).await.unwrap() == bytes[start..end], "{position} {len}");
        }
    }

    #[tokio::test]
    async fn a_file_that_was_cut_ends_with_an_error() {
        let (file, _) = file(300_000);
        assert!(to_bytes(FileBody::new(file, 0, 300_001)).await.is_err());
    }
}
