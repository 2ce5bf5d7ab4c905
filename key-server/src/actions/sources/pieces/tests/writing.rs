//! Pieces on their way in.

use super::*;

#[tokio::test]
async fn any_server_goes_on_and_any_range_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let clear = clear(LENGTH);
    let servers = [open(dir.path()).await, open(dir.path()).await];
    new_source(&servers[0]).await;
    let cuts = [0, 1, 70_001, PIECE_LEN + 70_002, PIECE_LEN + 70_003, LENGTH];
    for (at, cut) in cuts.windows(2).enumerate() {
        let part = &clear[cut[0] as usize..cut[1] as usize];
        let sent = send(&servers[at % 2], part, (at == 1).then(broken).flatten(), None).await;
        assert_eq!(sent, (cut[1], (at == 1).then_some(ErrorCode::MalformedRequest)), "{cut:?}");
    }
    let kept = pieces(&servers[0]).await;
    assert_eq!(kept.len(), 7, "a part longer than a piece is two: {kept:?}");
    assert_eq!(objects(&servers[0]).await.len(), 7);
    assert!(kept.iter().all(|piece| piece.length <= PIECE_LEN));
    assert!(!dir.path().join("data/uploads").exists(), "nothing lies on this machine");
    let at = PIECE_LEN + 70_002;
    for (from, to) in [(0, LENGTH), (0, 0), (0, 1), (1, 2), (at - 1, at + 2), (at, LENGTH), (LENGTH - 1, LENGTH)] {
        for server in &servers {
            assert!(all(server, from..to).await == clear[from as usize..to as usize], "{from}..{to}");
        }
    }
    assert_eq!(read_code(&servers[0], 0..LENGTH + 1).await, Some(ErrorCode::RangeNotSatisfiable));
}

#[tokio::test]
async fn no_clear_byte_lies_there_and_what_is_sent_again_lies_under_another_keystream() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    new_source(&state).await;
    let bytes = vec![b'a'; 5000];
    let wrong = Checksum::parse("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    assert_eq!(send(&state, &bytes, None, Some(wrong)).await, (0, Some(ErrorCode::ChecksumMismatch)));
    assert_eq!(send(&state, &bytes, broken(), Some(Checksum::sha256([0; 32]))).await.0, 0, "whole or not at all");
    assert_eq!(send(&state, &bytes, None, None).await, (5000, None));
    let mut sealed = Vec::new();
    for name in objects(&state).await {
        sealed.push(std::fs::read(bucket(dir.path()).join("up1").join(name)).unwrap());
    }
    assert_eq!(sealed.len(), 3, "the first two met the store, and count nothing");
    for (at, one) in sealed.iter().enumerate() {
        for other in sealed[at + 1..].iter().chain([&bytes]) {
            let same = one.iter().zip(other).filter(|(one, other)| one == other).count();
            assert!(same < 200, "{same} of 5000 bytes are alike; chance gives about 20");
        }
    }
    assert_eq!(pieces(&state).await.len(), 1);
    assert_eq!(all(&state, 0..5000).await, bytes);
}

#[tokio::test]
async fn a_right_checksum_counts_all_pieces_of_its_part() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    new_source(&state).await;
    let clear = clear(PIECE_LEN + 5);
    let sha256 = ring::digest::digest(&ring::digest::SHA256, &clear).as_ref().try_into().unwrap();
    assert_eq!(send(&state, &clear, None, Some(Checksum::sha256(sha256))).await, (PIECE_LEN + 5, None));
    assert!(all(&state, 0..PIECE_LEN + 5).await == clear);
}

#[tokio::test]
async fn more_than_the_length_is_refused_and_so_is_one_piece_too_many() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let upload = new_source(&state).await;
    let (offset, code) = send(&state, &clear(LENGTH + 1), None, None).await;
    assert_eq!((offset, code), (LENGTH / 70_001 * 70_001, Some(ErrorCode::BodyTooLarge)));
    let mut write = state.installation.store().write().await.unwrap();
    let writer = write.next_piece_writer(&upload.upload_id).await.unwrap().unwrap();
    assert_eq!(u64::from(writer.pieces), offset.div_ceil(PIECE_LEN));
    let piece = Piece { start: offset, length: 1, nonce: [0; 12], sha256: [0; 32] };
    let id = &upload.upload_id;
    assert!(!write.insert_piece(id, writer.writer, &piece, writer.pieces).await.unwrap(), "as many as may be");
    assert!(!write.insert_piece(id, writer.writer - 1, &piece, 99).await.unwrap(), "who wrote before");
    assert!(write.insert_piece(id, writer.writer, &piece, 99).await.unwrap());
    assert!(write.next_piece_writer(&"up2".parse().unwrap()).await.unwrap().is_none());
}

/// Nothing but the interval ends the piece.
#[tokio::test]
async fn what_a_slow_client_sent_is_recorded_before_it_is_much() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let upload = new_source(&state).await;
    let mut turn = state.turns.try_take(&upload.upload_id).unwrap();
    let slow = iter([Ok(Bytes::from_static(b"some"))]).chain(once(std::future::pending()));
    let appending = append(&state, &mut turn, &upload, slow, None);
    let recorded = async {
        while reload(&state).await.offset < 4 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        appended = appending => panic!("it waits for more: {appended:?}"),
        () = recorded => {}
    }
}

/// As many as there is room for fall silent in the midst of a piece.
#[tokio::test]
async fn an_upload_waits_for_room_and_gives_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let upload = new_source(&state).await;
    let all = state.piece_buffers.room();
    let mut taken = Vec::new();
    for _ in 0..all {
        taken.push(state.piece_buffers.take().await.unwrap());
    }
    let mut turn = state.turns.try_take(&upload.upload_id).unwrap();
    let chunks = iter([Ok(Bytes::from_static(b"some"))]).chain(iter([Err(broken().unwrap())]));
    let mut appending = std::pin::pin!(append(&state, &mut turn, &upload, chunks, None));
    let soon = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(soon, &mut appending).await.is_err(), "there is no room");
    assert!(!bucket(dir.path()).join("up1").exists());
    taken.pop();
    assert_eq!(appending.await.unwrap_err().code(), ErrorCode::MalformedRequest);
    assert_eq!(reload(&state).await.offset, 4);
    drop(taken);
    assert_eq!(state.piece_buffers.room(), all);
}
