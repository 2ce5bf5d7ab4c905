//! Pieces that are not as they were stored.

use super::*;

#[tokio::test]
async fn what_was_altered_swapped_or_lost_in_the_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    new_source(&state).await;
    for byte in [b'a', b'b'] {
        send(&state, &[byte; 1000], None, None).await;
    }
    let files: Vec<_> = pieces(&state)
        .await
        .iter()
        .map(|piece| bucket(dir.path()).join(object(&"up1".parse().unwrap(), &piece.nonce)))
        .collect();
    let sealed: Vec<_> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    let mut altered = sealed[0].clone();
    altered[999] ^= 1;
    let longer = vec![0; PIECE_LEN as usize + 1];
    for wrong in [&altered, &sealed[1], &sealed[0][..999].to_vec(), &longer, &Vec::new()] {
        std::fs::write(&files[0], wrong).unwrap();
        // Also where the byte that is asked for is as it was.
        for range in [0..2000, 0..1000, 0..1, 999..1001] {
            assert_eq!(read_code(&state, range.clone()).await, Some(ErrorCode::Unavailable), "{range:?}");
        }
        assert_eq!(all(&state, 1000..2000).await, [b'b'; 1000], "the other piece is sound");
    }
    std::fs::remove_file(&files[0]).unwrap();
    assert_eq!(read_code(&state, 5..6).await, Some(ErrorCode::Unavailable));
    std::fs::write(&files[0], &sealed[0]).unwrap();
    assert_eq!(all(&state, 999..1001).await, [b'a', b'b']);
}

#[tokio::test]
async fn rows_that_leave_a_gap_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let upload = new_source(&state).await;
    let mut write = state.installation.store().write().await.unwrap();
    let writer = write.next_piece_writer(&upload.upload_id).await.unwrap().unwrap().writer;
    for start in [0, 11] {
        let piece = Piece { start, length: 10, nonce: [start as u8; 12], sha256: [0; 32] };
        assert!(write.insert_piece(&upload.upload_id, writer, &piece, 9).await.unwrap());
    }
    assert!(write.advance_upload(&upload.upload_id, 0, 30, 1, 1).await.unwrap());
    write.commit().await.unwrap();
    for range in [0..21, 5..12, 10..11, 15..22, 25..30] {
        assert_eq!(read_code(&state, range.clone()).await, Some(ErrorCode::Internal), "{range:?}");
    }
}
