//! Pieces that are to go.

use super::*;

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
