use std::path::Path;

use bytes::Bytes;
use futures_util::stream::{iter, once};
use futures_util::{StreamExt, TryStreamExt};
use keyveil_protocol::ErrorCode;
use tokio::sync::Notify;

use super::super::tests::{all, broken, clear, new_upload, reload, send};
use super::super::{Checksum, discard, read_upload, remove_gone, restart, sweep_pieces};
use super::sweep::PIECE_KEPT_SECS;
use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{Piece, Upload, UploadState};

const LENGTH: u64 = 2 * PIECE_LEN + 1_000_000;

/// A server over the data of `dir`, whose bucket is a folder.
async fn open(dir: &Path) -> ServerState {
    let sources = Storage::folder(bucket(dir));
    ServerState::new(
        crate::installation::open(&config(dir)).await.unwrap().with_sources(sources),
        config(dir),
        Clock::default(),
        "http://127.0.0.1:1".parse().unwrap(),
    )
}

fn config(dir: &Path) -> Config {
    let mut config = Config::default();
    config.data.dir = dir.join("data");
    config
}

fn bucket(dir: &Path) -> std::path::PathBuf {
    dir.join("bucket")
}

async fn new_source(state: &ServerState) -> Upload {
    let upload = new_upload(state).await;
    let mut write = state.installation.store().write().await.unwrap();
    write.set_upload_length(&upload, Some(LENGTH)).await.unwrap();
    write.lay_in_pieces(&upload.upload_id).await.unwrap();
    write.commit().await.unwrap();
    reload(state).await
}

async fn pieces(state: &ServerState) -> Vec<Piece> {
    state.installation.store().pieces(&"up1".parse().unwrap(), &(0..u64::MAX)).await.unwrap()
}

/// The objects of the source, by name.
async fn objects(state: &ServerState) -> Vec<String> {
    let mut names: Vec<_> = storage(state).unwrap().list("up1").await.unwrap();
    names.sort_by(|one, other| one.path.cmp(&other.path));
    names.into_iter().map(|stored| stored.path).collect()
}

async fn read_code(state: &ServerState, range: std::ops::Range<u64>) -> Option<ErrorCode> {
    let read = async { read_upload(state, &reload(state).await, range).await?.try_collect::<Vec<_>>().await };
    read.await.err().map(|refusal| refusal.code())
}

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

/// Both read that the upload stands at 0, as two servers behind one balancer would.
#[tokio::test]
async fn of_two_servers_that_write_at_the_same_time_only_the_last_to_begin_records() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (open(dir.path()).await, open(dir.path()).await);
    let upload = new_source(&first).await;
    let (begun, go_on) = (Notify::new(), Notify::new());
    let late = once(async {
        begun.notify_one();
        go_on.notified().await;
        Ok(Bytes::from(vec![b'1'; 3000]))
    });
    let mut turn = first.turns.try_take(&upload.upload_id).unwrap();
    let one = async { append(&first, &mut turn, &upload, late, None).await };
    let other = async {
        begun.notified().await;
        assert_eq!(send(&second, &[b'2'; 1000], None, None).await, (1000, None));
        go_on.notify_one();
    };
    let (appended, ()) = tokio::join!(one, other);
    assert_eq!(appended.unwrap_err().code(), ErrorCode::UploadOffset);
    assert_eq!(reload(&first).await.offset, 1000);
    assert_eq!(objects(&first).await.len(), 2, "the loser's object is there, and counts nothing");
    assert_eq!(all(&first, 0..1000).await, [b'2'; 1000]);
    drop(turn);
    assert_eq!(send(&first, &[b'3'; 10], None, None).await, (1010, None), "it goes on where the other ended");
}

/// The offset alone would not tell: both wrote as much.
#[tokio::test]
async fn a_pull_that_began_again_elsewhere_takes_nothing_of_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let (stalled, other) = (open(dir.path()).await, open(dir.path()).await);
    let upload = new_source(&stalled).await;
    let go_on = Notify::new();
    let begun = iter([Ok(Bytes::from(vec![b'1'; PIECE_LEN as usize]))]);
    let chunks = begun.chain(once(async {
        go_on.notified().await;
        Ok(Bytes::from(vec![b'1'; 1000]))
    }));
    let mut turn = stalled.turns.try_take(&upload.upload_id).unwrap();
    let one = append(&stalled, &mut turn, &upload, chunks, None);
    let two = async {
        while reload(&other).await.offset < PIECE_LEN {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let mut turn = other.turns.try_take(&upload.upload_id).unwrap();
        restart(&other, &mut turn, &mut reload(&other).await).await.unwrap();
        drop(turn);
        assert_eq!(read_code(&other, 0..1).await, Some(ErrorCode::RangeNotSatisfiable));
        let sent = send(&other, &vec![b'2'; PIECE_LEN as usize], None, None).await;
        assert_eq!(sent, (PIECE_LEN, None));
        go_on.notify_one();
    };
    let (appended, ()) = tokio::join!(one, two);
    assert_eq!(appended.unwrap_err().code(), ErrorCode::UploadOffset);
    assert!(all(&other, 0..PIECE_LEN).await.iter().all(|byte| *byte == b'2'));
    assert_eq!(reload(&other).await.offset, PIECE_LEN);
}

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

#[tokio::test]
async fn a_discarded_source_goes_and_what_comes_late_is_swept() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let upload = new_source(&state).await;
    send(&state, &clear(100), None, None).await;
    discard(&state, &upload.file_id).await.unwrap();
    assert_eq!((objects(&state).await, pieces(&state).await), (vec![], vec![]));
    assert!(!state.installation.store().is_in_pieces(&upload.upload_id).await.unwrap());
    assert_eq!(reload(&state).await.state, UploadState::Gone);
    assert_eq!(send(&state, b"more", None, None).await, (100, Some(ErrorCode::UploadGone)));
    assert_eq!(objects(&state).await, [""; 0]);
}

/// While the store is away the source is forgotten all the same, and its objects go when it is back.
#[tokio::test]
async fn what_could_not_be_removed_is_removed_later() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let upload = new_source(&state).await;
    send(&state, &clear(100), None, None).await;
    let without = crate::installation::open(&config(dir.path())).await.unwrap();
    let without =
        ServerState::new(without, config(dir.path()), Clock::default(), "http://127.0.0.1:1".parse().unwrap());
    assert_eq!(read_code(&without, 0..100).await, Some(ErrorCode::Unavailable));
    discard(&without, &upload.file_id).await.unwrap();
    assert_eq!(objects(&state).await.len(), 1);
    assert!(remove_gone(&without).await.is_err());
    remove_gone(&state).await.unwrap();
    assert_eq!(objects(&state).await, [""; 0]);
    assert!(state.installation.store().pieces_to_remove(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_sweep_takes_what_nobody_recorded_for_a_day_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    new_source(&state).await;
    send(&state, &clear(100), None, None).await;
    let wrong = Checksum::parse("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    send(&state, &clear(100), None, Some(wrong)).await;
    let foreign = bucket(dir.path()).join("another-database-s");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("piece"), "piece").unwrap();
    assert_eq!(sweep_pieces(&state).await.unwrap(), 0, "both are young");
    assert_eq!(objects(&state).await.len(), 2);
    state.clock.advance(i64::try_from(PIECE_KEPT_SECS).unwrap() + 1);
    assert_eq!(sweep_pieces(&state).await.unwrap(), 1);
    let kept: Vec<_> = pieces(&state).await.iter().map(|piece| hex::encode(piece.nonce)).collect();
    assert_eq!(objects(&state).await, kept);
    assert_eq!(all(&state, 0..100).await, clear(100));
    // What a server put there after the source was removed.
    discard(&state, &reload(&state).await.file_id).await.unwrap();
    let late = bucket(dir.path()).join("up1");
    std::fs::create_dir_all(&late).unwrap();
    std::fs::write(late.join("piece"), "piece").unwrap();
    assert_eq!(sweep_pieces(&state).await.unwrap(), 1);
    assert_eq!(objects(&state).await, [""; 0]);
    assert!(foreign.join("piece").exists());
}

#[tokio::test]
async fn what_the_sweep_may_have_taken_is_not_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let upload = new_source(&state).await;
    let mut turn = state.turns.try_take(&upload.upload_id).unwrap();
    let stalls = once(async {
        state.clock.advance(i64::try_from(PIECE_KEPT_SECS).unwrap());
        Ok(Bytes::from_static(b"some"))
    });
    let appended = append(&state, &mut turn, &upload, stalls, None).await;
    assert_eq!(appended.unwrap_err().code(), ErrorCode::Unavailable);
    assert_eq!(reload(&state).await.offset, 0);
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
