//! Sources that lie in S3 in pieces: who may write, and what counts.

use std::ops::Range;

use keyveil_protocol::UploadId;

use super::engine::query;
use super::{Store, StoreError, WriteTransaction, integer, number, parsed};

/// A piece of a source: an object that never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its first byte's place in the source.
    pub start: u64,
    /// In bytes; never 0.
    pub length: u64,
    /// Of its keystream. No two pieces of a source have the same, also among those that were never recorded.
    pub nonce: [u8; 12],
    /// Of its ciphertext.
    pub sha256: [u8; 32],
}

/// The right to record pieces of a source, until somebody else begins to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceWriter {
    /// Given once per source.
    pub writer: u64,
    /// How many pieces were recorded before.
    pub pieces: u32,
}

impl Piece {
    /// Behind its last byte.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.start.saturating_add(self.length)
    }
}

impl Store {
    /// Whether a source lies in pieces, or did and their objects are still to be removed.
    pub async fn is_in_pieces(&self, upload_id: &UploadId) -> Result<bool, StoreError> {
        let row = query("SELECT 1 FROM source_writers WHERE upload_id = ?")
            .bind(upload_id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// The pieces that hold bytes of a range, in their order.
    pub async fn pieces(&self, upload_id: &UploadId, range: &Range<u64>) -> Result<Vec<Piece>, StoreError> {
        let rows = query(
            "SELECT start, length, nonce, sha256 FROM source_pieces
             WHERE upload_id = ? AND start < ? AND start + length > ? ORDER BY start",
        )
        .bind(upload_id.as_str())
        .bind(integer(range.end))
        .bind(integer(range.start))
        .fetch_all(&self.pool)
        .await?;
        let bytes = |bytes: Vec<u8>| bytes.try_into().map_err(|_| StoreError::Corrupt("piece nonce"));
        let hash = |bytes: Vec<u8>| bytes.try_into().map_err(|_| StoreError::Corrupt("piece hash"));
        rows.iter()
            .map(|row| {
                Ok(Piece {
                    start: number(row.try_get("start")?, "piece")?,
                    length: number(row.try_get("length")?, "piece")?,
                    nonce: bytes(row.try_get("nonce")?)?,
                    sha256: hash(row.try_get("sha256")?)?,
                })
            })
            .collect()
    }

    /// Sources that are gone and whose objects may still be there.
    pub async fn pieces_to_remove(&self, limit: u32) -> Result<Vec<UploadId>, StoreError> {
        let rows = query(
            "SELECT upload_id FROM source_writers JOIN uploads USING (upload_id) WHERE state = 'gone'
             ORDER BY updated_at, upload_id LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| parsed(row.try_get(0)?, "upload id")).collect()
    }
}

impl WriteTransaction<'_> {
    /// Has a new source lie in pieces.
    pub async fn lay_in_pieces(&mut self, upload_id: &UploadId) -> Result<(), StoreError> {
        query("INSERT INTO source_writers (upload_id, writer, pieces) VALUES (?, 0, 0)")
            .bind(upload_id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// Lets somebody else write: whoever wrote before records nothing more. `None` where the source does not lie in pieces.
    pub async fn next_piece_writer(&mut self, upload_id: &UploadId) -> Result<Option<PieceWriter>, StoreError> {
        let row = query("UPDATE source_writers SET writer = writer + 1 WHERE upload_id = ? RETURNING writer, pieces")
            .bind(upload_id.as_str())
            .fetch_optional(self.connection().await?)
            .await?;
        row.map(|row| {
            Ok(PieceWriter {
                writer: number(row.try_get("writer")?, "piece writer")?,
                pieces: number(row.try_get("pieces")?, "pieces")?,
            })
        })
        .transpose()
    }

    /// Records a piece. False when somebody else writes by now, or the source has `max` pieces already.
    pub async fn insert_piece(
        &mut self,
        upload_id: &UploadId,
        writer: u64,
        piece: &Piece,
        max: u32,
    ) -> Result<bool, StoreError> {
        let held =
            query("UPDATE source_writers SET pieces = pieces + 1 WHERE upload_id = ? AND writer = ? AND pieces < ?")
                .bind(upload_id.as_str())
                .bind(integer(writer))
                .bind(max)
                .execute(self.connection().await?)
                .await?;
        if held.rows_affected() != 1 {
            return Ok(false);
        }
        query("INSERT INTO source_pieces (upload_id, start, length, nonce, sha256) VALUES (?, ?, ?, ?, ?)")
            .bind(upload_id.as_str())
            .bind(integer(piece.start))
            .bind(integer(piece.length))
            .bind(piece.nonce.as_slice())
            .bind(piece.sha256.as_slice())
            .execute(self.connection().await?)
            .await?;
        Ok(true)
    }

    /// Forgets the pieces of a source that begins again.
    pub async fn drop_pieces(&mut self, upload_id: &UploadId) -> Result<(), StoreError> {
        query("DELETE FROM source_pieces WHERE upload_id = ?")
            .bind(upload_id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// Forgets that a source lay in pieces: their objects are removed.
    pub async fn forget_pieces(&mut self, upload_id: &UploadId) -> Result<(), StoreError> {
        self.drop_pieces(upload_id).await?;
        query("DELETE FROM source_writers WHERE upload_id = ?")
            .bind(upload_id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }
}
