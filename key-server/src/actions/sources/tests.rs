use bytes::{Bytes, BytesMut};
use futures_util::stream::iter;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use keyveil_protocol::{ErrorCode, FileId, Mode, UploadId};

use super::write::Writer;
use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{Title, TitleState, Upload, UploadKind, UploadState};

const LENGTH: u64 = 3 << 20;

pub(in crate::actions) async fn open(dir: &std::path::Path) -> ServerState {
    let mut config = Config::default();
    config.data.dir = dir.to_owned();
    let installation = crate::installation::open(&config).await.unwrap();
    ServerState::new(installation, config, Clock::default(), "http://127.0.0.1:1".parse().unwrap())
}

pub(in crate::actions) async fn new_upload(state: &ServerState) -> Upload {
    let (file_id, upload_id): (FileId, UploadId) = ("film".parse().unwrap(), "up1".parse().unwrap());
    let mut write = state.installation.store().write().await.unwrap();
    let app_id = write.insert_app("app", &[], 60, 1).await.unwrap();
    let title = Title::new(app_id, file_id.clone(), "Film".to_owned(), (Mode::Private, TitleState::Uploading), 1);
    write.insert_title(&title).await.unwrap();
    let upload = Upload {
        key_ciphertext: Some(new_key(state, app_id, &file_id, &upload_id).await.unwrap()),
        upload_id,
        app_id,
        file_id,
        kind: UploadKind::Tus,
        state: UploadState::Receiving,
        length: Some(LENGTH),
        offset: 0,
        metadata: String::new(),
        sha256: None,
        url: None,
        attempt: 0,
        created_at: 1,
        updated_at: 1,
        expires_at: 1,
    };
    write.insert_upload(&upload).await.unwrap();
    write.commit().await.unwrap();
    upload
}

pub(in crate::actions) async fn reload(state: &ServerState) -> Upload {
    state.installation.store().upload(&"up1".parse().unwrap()).await.unwrap().unwrap()
}

/// Appends as a request does, in chunks of odd lengths, and answers where the database then says the upload stands.
pub(super) async fn send(
    state: &ServerState,
    bytes: &[u8],
    ending: Option<Refusal>,
    checksum: Option<Checksum>,
) -> (u64, Option<ErrorCode>) {
    let mut turn = state.turns.try_take(&"up1".parse().unwrap()).unwrap();
    let upload = reload(state).await;
    let chunks = bytes.chunks(70_001).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).chain(ending.map(Err));
    let appended = append(state, &mut turn, &upload, iter(chunks), checksum).await;
    (reload(state).await.offset, appended.err().map(|refusal| refusal.code()))
}

pub(super) fn broken() -> Option<Refusal> {
    Some(Refusal::new(ErrorCode::MalformedRequest, "body breaks off"))
}

pub(super) fn clear(len: u64) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n * n % 251).unwrap()).collect()
}

pub(super) async fn all(state: &ServerState, range: std::ops::Range<u64>) -> Vec<u8> {
    let chunks: Vec<Bytes> =
        read_upload(state, &reload(state).await, range).await.unwrap().try_collect().await.unwrap();
    chunks.concat()
}

#[tokio::test]
async fn what_came_before_a_break_is_kept_over_a_restart_and_reads_back_in_any_range() {
    let dir = tempfile::tempdir().unwrap();
    let clear = clear(LENGTH);
    let state = open(dir.path()).await;
    let upload = new_upload(&state).await;
    assert_eq!(send(&state, &clear[..1_000_001], broken(), None).await, (1_000_001, Some(ErrorCode::MalformedRequest)));
    assert_eq!(send(&state, &clear[1_000_001..1_500_000], None, None).await, (1_500_000, None));
    let stretches = state.installation.store().stretches(&upload.upload_id).await.unwrap();
    assert_eq!(stretches.len(), 1, "a recorded end is gone on from: {stretches:?}");
    let state = open(dir.path()).await;
    assert_eq!(send(&state, &clear[1_500_000..], None, None).await, (LENGTH, None));
    assert_eq!(state.installation.store().stretches(&upload.upload_id).await.unwrap().len(), 2);
    for (from, to) in [(0, LENGTH), (0, 0), (0, 1), (1_499_999, 1_500_001), (999_999, LENGTH), (LENGTH - 1, LENGTH)] {
        assert_eq!(all(&state, from..to).await, clear[from as usize..to as usize], "{from}..{to}");
    }
    assert!(read_upload(&state, &reload(&state).await, 0..LENGTH + 1).await.is_err());
    assert_eq!(std::fs::metadata(file(&state, &upload.upload_id)).unwrap().len(), LENGTH);
}

/// Two snapshots of the disk must not be worth more than one: XORed, they would give the XOR of what was sent.
#[tokio::test]
async fn bytes_that_are_sent_anew_lie_under_another_keystream() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let upload = new_upload(&state).await;
    let (first, second) = (vec![b'a'; 5000], vec![b'b'; 5000]);
    let wrong = Checksum::parse("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    assert_eq!(send(&state, &first[..1000], None, None).await, (1000, None));
    assert_eq!(send(&state, &first, None, Some(wrong)).await, (1000, Some(ErrorCode::ChecksumMismatch)));
    let before = std::fs::read(file(&state, &upload.upload_id)).unwrap();
    assert_eq!(before.len(), 6000, "the chunk met the disk");
    assert_eq!(send(&state, &second, None, None).await, (6000, None));
    let after = std::fs::read(file(&state, &upload.upload_id)).unwrap();
    assert_eq!(before[..1000], after[..1000]);
    let same = (1000..6000).filter(|&at| before[at] ^ after[at] == b'a' ^ b'b').count();
    assert!(same < 200, "{same} of 5000 bytes are what one keystream would give; chance gives about 20");
    assert_eq!(all(&state, 1000..6000).await, second);
}

/// What a failed record was to count lies on the disk, behind an end that an earlier one had recorded.
#[tokio::test]
async fn after_a_record_that_failed_a_new_stretch_begins() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let upload = new_upload(&state).await;
    let stretches = async || state.installation.store().stretches(&upload.upload_id).await.unwrap().len();
    let advance = async |from, to| {
        let mut write = state.installation.store().write().await.unwrap();
        assert!(write.advance_upload(&upload.upload_id, from, to, 1, 1).await.unwrap());
        write.commit().await.unwrap();
    };
    let mut turn = state.turns.try_take(&upload.upload_id).unwrap();
    let mut writer = Writer::open(&state, &mut turn, &upload).await.unwrap();
    writer.write(BytesMut::from(&clear(1000)[..])).await.unwrap();
    writer.record().await.unwrap();
    writer.write(BytesMut::from(&clear(500)[..])).await.unwrap();
    advance(1000, 7).await;
    assert_eq!(writer.record().await.unwrap_err().code(), ErrorCode::UploadOffset);
    advance(7, 1000).await;
    drop(turn);
    assert_eq!(std::fs::metadata(file(&state, &upload.upload_id)).unwrap().len(), 1500, "more than is recorded");
    assert_eq!(send(&state, &clear(10), None, None).await, (1010, None));
    assert_eq!(stretches().await, 2);
    assert_eq!(send(&state, &clear(10), None, None).await, (1020, None));
    assert_eq!(stretches().await, 2, "a recorded end is gone on from");
}

#[tokio::test]
async fn more_than_the_length_is_refused_and_what_fits_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    new_upload(&state).await;
    let (offset, code) = send(&state, &clear(LENGTH + 1), None, None).await;
    assert_eq!(code, Some(ErrorCode::BodyTooLarge));
    assert_eq!(offset, LENGTH / 70_001 * 70_001);
    assert_eq!(send(&state, &clear(LENGTH)[offset as usize..], None, None).await, (LENGTH, None));
    assert_eq!(all(&state, 0..LENGTH).await, clear(LENGTH));
}

#[tokio::test]
async fn a_discarded_source_is_gone_and_takes_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let upload = new_upload(&state).await;
    send(&state, &clear(100), None, None).await;
    assert!(file(&state, &upload.upload_id).exists());
    assert_eq!(len(&state, &upload.file_id).await.unwrap_err().code(), ErrorCode::NotFound, "not whole yet");
    discard(&state, &upload.file_id).await.unwrap();
    assert!(!file(&state, &upload.upload_id).exists());
    let row = reload(&state).await;
    assert_eq!((row.state, row.key_ciphertext), (UploadState::Gone, None));
    assert_eq!(send(&state, b"more", None, None).await, (100, Some(ErrorCode::UploadGone)));
    assert!(!file(&state, &upload.upload_id).exists());
}

#[tokio::test]
async fn whoever_comes_again_gets_the_turn_of_a_request_that_still_waits() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let upload = new_upload(&state).await;
    let mut turn = state.turns.try_take(&upload.upload_id).unwrap();
    assert_eq!(state.turns.try_take(&upload.upload_id).err().unwrap().code(), ErrorCode::UploadOffset);
    let taken = tokio::sync::Notify::new();
    let falls_silent = futures_util::stream::once(async {
        taken.notify_one();
        std::future::pending().await
    });
    let silent = iter([Ok(Bytes::from_static(b"some"))]).chain(falls_silent);
    let appending = async {
        let appended = append(&state, &mut turn, &upload, silent, None).await;
        drop(turn);
        appended
    };
    let coming_again = async {
        taken.notified().await;
        state.turns.take_over(&upload.upload_id).await
    };
    let (appended, turn) = tokio::join!(appending, coming_again);
    assert_eq!(appended.unwrap_err().code(), ErrorCode::UploadOffset);
    assert!(turn.is_ok());
    assert_eq!(reload(&state).await.offset, 4);
}

/// The one thread for file work is busy, so that the write has not even begun when its request is dropped.
#[test]
fn the_turn_of_a_request_that_was_dropped_lasts_until_its_write_has_ended() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path()).await;
        let upload = new_upload(&state).await;
        let (release, released) = std::sync::mpsc::channel::<()>();
        let busy;
        {
            let mut turn = state.turns.try_take(&upload.upload_id).unwrap();
            let mut writer = Writer::open(&state, &mut turn, &upload).await.unwrap();
            busy = tokio::task::spawn_blocking(move || released.recv());
            let write = writer.write(BytesMut::from(&[b'a'; 5000][..]));
            assert!(write.now_or_never().is_none(), "the write waits for the thread");
        }
        let refused = state.turns.try_take(&upload.upload_id).err().map(|refusal| refusal.code());
        assert_eq!(refused, Some(ErrorCode::UploadOffset), "the write is still to come");
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        drop(state.turns.take_over(&upload.upload_id).await.unwrap());
        assert_eq!(std::fs::metadata(file(&state, &upload.upload_id)).unwrap().len(), 5000, "the write has ended");
        let next = clear(6000);
        assert_eq!(send(&state, &next, None, None).await, (6000, None));
        assert_eq!(all(&state, 0..6000).await, next);
    });
}

/// What a dropped request had handed to the database may count only after the next one has read where the upload stands.
#[tokio::test]
async fn an_upload_that_moved_on_since_it_was_read_is_not_cut() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let before = new_upload(&state).await;
    assert_eq!(send(&state, &clear(1000), None, None).await, (1000, None));
    let state = open(dir.path()).await;
    let mut turn = state.turns.try_take(&before.upload_id).unwrap();
    let late = append(&state, &mut turn, &before, iter([Ok(Bytes::from_static(b"late"))]), None).await;
    assert_eq!(late.unwrap_err().code(), ErrorCode::UploadOffset);
    drop(turn);
    assert_eq!(all(&state, 0..1000).await, clear(1000));
    assert_eq!(send(&state, &clear(10), None, None).await, (1010, None), "where it stands, it goes on");
}
