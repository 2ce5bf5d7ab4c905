//! Many clients at once, for a bounded time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Failure;
use crate::cpu;
use crate::http::Connection;

/// How requests follow each other.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// Each client sends its next one when it has its answer.
    Closed,
    /// So many in a second, whether those before were answered or not: what waits for a connection has been waiting.
    Open(f64),
}

/// What a load did.
pub(crate) struct Outcome {
    pub(crate) answered: u64,
    refused: u64,
    bytes: u64,
    elapsed: Duration,
    cpu: Duration,
    latencies: Vec<Duration>,
}

/// Makes the next request; its own number is all that it gets.
pub(crate) type Source = Arc<dyn Fn(u64) -> Arc<Vec<u8>> + Send + Sync>;

/// `clients` connections to `address` for `time`; `pid` is whose processor time counts.
pub(crate) async fn drive(
    (address, pid): (SocketAddr, u32),
    source: Source,
    clients: usize,
    pace: Pace,
    time: Duration,
) -> Result<Outcome, Failure> {
    let mut connections = Vec::with_capacity(clients);
    for _ in 0..clients {
        connections.push(Connection::open(address).await?);
    }
    let tickets = Arc::new(AtomicU64::new(0));
    let before = cpu::of_process(pid)?;
    let start = Instant::now();
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|connection| {
            let (source, tickets) = (Arc::clone(&source), Arc::clone(&tickets));
            tokio::spawn(client(connection, source, tickets, pace, (start, time)))
        })
        .collect();
    let (mut latencies, mut refused, mut bytes) = (Vec::new(), 0, 0);
    for task in tasks {
        let (mut own, own_refused, own_bytes) = task.await??;
        latencies.append(&mut own);
        refused += own_refused;
        bytes += own_bytes;
    }
    let (elapsed, cpu) = (start.elapsed(), cpu::of_process(pid)?.saturating_sub(before));
    latencies.sort_unstable();
    Ok(Outcome { answered: latencies.len() as u64, refused, bytes, elapsed, cpu, latencies })
}

async fn client(
    mut connection: Connection,
    source: Source,
    tickets: Arc<AtomicU64>,
    pace: Pace,
    (start, time): (Instant, Duration),
) -> std::io::Result<(Vec<Duration>, u64, u64)> {
    let (mut latencies, mut refused, mut bytes) = (Vec::new(), 0, 0);
    while start.elapsed() < time {
        let ticket = tickets.fetch_add(1, Ordering::Relaxed);
        let due = match pace {
            Pace::Closed => Instant::now(),
            Pace::Open(per_sec) => start + Duration::from_secs_f64(number(ticket) / per_sec),
        };
        if due > start + time {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        let answer = connection.send(&source(ticket), false).await?;
        if answer.status == 200 {
            latencies.push(due.elapsed());
            bytes += answer.body_len as u64;
        } else {
            refused += 1;
        }
    }
    Ok((latencies, refused, bytes))
}

impl Outcome {
    /// Answers in a second.
    pub(crate) fn rate(&self) -> f64 {
        number(self.answered) / self.elapsed.as_secs_f64()
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "answered": self.answered, "refused": self.refused, "perSec": self.rate(),
            "cpuMicros": self.cpu.as_secs_f64() * 1e6 / number(self.answered.max(1)),
            "p50Ms": percentile_ms(&self.latencies, 500), "p99Ms": percentile_ms(&self.latencies, 990),
            "mibPerSec": number(self.bytes) / 1_048_576.0 / self.elapsed.as_secs_f64(),
            "cpuSecsPerGib": self.cpu.as_secs_f64() * 1_073_741_824.0 / number(self.bytes.max(1)),
        })
    }
}

/// Out of latencies in their order; 0 where there are none.
pub(crate) fn percentile_ms(sorted: &[Duration], per_mille: usize) -> f64 {
    let at = (sorted.len() * per_mille / 1000).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
}

/// Counts of a run are far below 2⁵³.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}
