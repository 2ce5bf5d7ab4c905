//! Two servers and one upload.

use super::*;

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
