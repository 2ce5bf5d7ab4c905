//! What another server may send of a source, and how slowly.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::try_unfold;
use futures_util::{Stream, StreamExt};
use keyveil_protocol::ErrorCode;
use tokio::time::{Instant, timeout_at};

use crate::fetch::FetchError;
use crate::refusal::Refusal;

/// A server fetches few sources at a time: one that trickles would keep all others from it.
const PACE_MIN: u64 = 32 << 10;
const GRACE: Duration = Duration::from_secs(60);
const TOTAL_MAX: Duration = Duration::from_secs(24 * 3600);

/// Up to `limit` bytes of what comes, as long as it keeps the pace since `begun`.
pub(super) fn limited(
    chunks: impl Stream<Item = Result<Bytes, Refusal>> + Send,
    limit: u64,
    begun: Instant,
) -> impl Stream<Item = Result<Bytes, Refusal>> + Send {
    try_unfold((Box::pin(chunks), 0_u64), move |(mut chunks, received)| async move {
        let next = timeout_at(begun + allowed(received), chunks.next()).await.map_err(|_| too_slow())?;
        let Some(chunk) = next.transpose()? else { return Ok(None) };
        let received = received.saturating_add(chunk.len() as u64);
        if received > limit {
            return Err(Refusal::new(ErrorCode::UploadTooLarge, "over the application's limit"));
        }
        Ok(Some((chunk, (chunks, received))))
    })
}

/// How long it may take until more than `received` bytes are there.
fn allowed(received: u64) -> Duration {
    GRACE.saturating_add(Duration::from_secs(received / PACE_MIN)).min(TOTAL_MAX)
}

fn too_slow() -> Refusal {
    FetchError::Failed("The other server sends too slowly.".to_owned()).into()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::stream::{iter, pending};

    use super::*;

    /// Bytes that are there at once, and then nothing.
    fn answer(len: usize) -> impl Stream<Item = Result<Bytes, Refusal>> + Send {
        iter([Ok(Bytes::from(vec![0; len]))]).chain(pending())
    }

    #[tokio::test]
    async fn what_keeps_the_pace_goes_on_and_a_trickle_ends() {
        let begun = Instant::now().checked_sub(GRACE + Duration::from_secs(10)).unwrap();
        let mut trickle = Box::pin(limited(answer(1000), u64::MAX, begun));
        assert_eq!(trickle.next().await.unwrap().unwrap().len(), 1000);
        let ended = trickle.next().await.unwrap().unwrap_err();
        assert_eq!(
            (ended.code(), ended.detail()),
            (ErrorCode::Unavailable, Some("The other server sends too slowly."))
        );
        let mut brisk = Box::pin(limited(answer(100_000_000), u64::MAX, begun));
        assert_eq!(brisk.next().await.unwrap().unwrap().len(), 100_000_000);
        assert!(brisk.next().now_or_never().is_none(), "it has time left");
    }

    #[test]
    fn no_attempt_takes_longer_than_a_day() {
        assert_eq!(allowed(0), GRACE);
        assert_eq!(allowed(10 * PACE_MIN), GRACE + Duration::from_secs(10));
        assert_eq!(allowed(u64::MAX), TOTAL_MAX);
    }
}
