//! One period of many sessions: each asks once for the keys that it needs next, spread evenly over a time that is longer than a period is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use keyveil_protocol::{Exchange, Period};
use serde_json::{Value, json};

use crate::cluster::{ClusterArguments, Spent};
use crate::drive::{number as real, percentile_ms};
use crate::http::{Connection, post};
use crate::kept::KeptSession;
use crate::progress::Progress;
use crate::world::{World, keys_body, rng};
use crate::{Failure, cpu};

/// An answer has the keys of two periods, and those of the titles that are asked for last 60 s.
const TURN_SECS: f64 = 120.0;
/// What a player asks for that was opened at 0 and begins to load its second period: its opening gave it two.
const ASKED: (u32, u64) = (2, 60_000);
/// Requests that wait for an answer at once, half at each replica.
const IN_FLIGHT: usize = 512;
/// Who gets no answer for so long has lost its request.
const PATIENCE: Duration = Duration::from_secs(30);
/// A request that is sent later than this fell behind: all of those at its replica were in flight when it was due.
const BEHIND: Duration = Duration::from_millis(50);
/// The grant of every so many is opened and looked into; to open all would take a core that PostgreSQL has. Odd, so that both replicas have
/// some of them.
const OPENED_EVERY: usize = 101;

#[derive(Args)]
pub(crate) struct PeriodArguments {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// What `sessions` kept.
    #[arg(long)]
    kept: PathBuf,
    /// Requests in a second. With fewer, connections would be closed for standing idle.
    #[arg(long, value_parser = clap::value_parser!(u32).range(50..=100_000))]
    rate: u32,
}

/// What all who ask share.
struct Asking {
    world: World,
    sessions: Vec<KeptSession>,
    public_key: String,
    begun: Instant,
    per_sec: f64,
    done: Arc<AtomicU64>,
}

/// Those that ask at one replica, in the order that they are due.
struct Queue {
    numbers: Vec<usize>,
    turn: AtomicUsize,
}

#[derive(Default)]
struct Done {
    latencies: Vec<Duration>,
    refused: BTreeMap<String, u64>,
    lost: u64,
    opened: u64,
    unreadable: u64,
    behind: u64,
    behind_most: Duration,
}

/// Sessions are opened at each replica in turn; every second one of each asks at the other.
const fn asks_at(number: usize) -> usize {
    (number + number / 2) % 2
}

pub(crate) async fn period(arguments: PeriodArguments) -> Result<Value, Failure> {
    let PeriodArguments { cluster, kept, rate } = arguments;
    let (replicas, sessions) = (cluster.replicas()?, KeptSession::read(&kept)?);
    let queues = [0, 1].map(|replica| {
        let numbers = (0..sessions.len()).filter(|&number| asks_at(number) == replica).collect();
        Arc::new(Queue { numbers, turn: AtomicUsize::new(0) })
    });
    let (count, per_sec) = (sessions.len(), f64::from(rate));
    let mut connections = Vec::with_capacity(IN_FLIGHT);
    for client in 0..IN_FLIGHT {
        connections.push(Connection::open(replicas[client % 2].address).await?);
    }
    let progress = Progress::new("sessions asked", count as u64);
    let public_key = Exchange::generate(&mut rng()).public_key().to_string();
    let (world, spent, done) = (cluster.world().await?, Spent::begin(&cluster)?, Arc::clone(&progress.done));
    let begun = Instant::now();
    let asking = Arc::new(Asking { world, sessions, public_key, begun, per_sec, done });
    let clients = connections.into_iter().enumerate().map(|(client, connection)| {
        let (replica, queue) = (replicas[client % 2], Arc::clone(&queues[client % 2]));
        tokio::spawn(client_of(Arc::clone(&asking), queue, replica.address, connection))
    });
    let clients: Vec<_> = clients.collect();
    let (mut all, mut answered) = (Done::default(), [0; 2]);
    for (client, task) in clients.into_iter().enumerate() {
        let own = task.await?;
        answered[client % 2] += own.latencies.len() as u64;
        all.add(own);
    }
    let elapsed = begun.elapsed().as_secs_f64();
    let mut told = all.json(elapsed);
    told["asked"] = json!(count);
    told["rate"] = json!(rate);
    told["stretch"] = json!(real(count as u64) / per_sec / TURN_SECS);
    told["cpuMs"] = spent.ms_each(answered);
    told["residentKib"] = json!(cluster.resident_kib()?);
    told["loadResidentMostKib"] = json!(cpu::memory_kib(std::process::id())?.1);
    Ok(told)
}

async fn client_of(asking: Arc<Asking>, queue: Arc<Queue>, address: SocketAddr, connection: Connection) -> Done {
    let mut done = Done::default();
    let mut connection = Some(connection);
    while let Some(&number) = queue.numbers.get(queue.turn.fetch_add(1, Ordering::Relaxed)) {
        let due = asking.begun + Duration::from_secs_f64(real(number as u64) / asking.per_sec);
        tokio::time::sleep_until(due.into()).await;
        let late = due.elapsed();
        done.behind += u64::from(late > BEHIND);
        done.behind_most = done.behind_most.max(late);
        let asked =
            tokio::time::timeout(PATIENCE, asking.ask(&mut connection, address, (number, due), &mut done)).await;
        if !matches!(asked, Ok(Ok(()))) {
            // A counter is used once: whoever tries again would have to count on. Here nobody does.
            done.lost += 1;
            connection = None;
        }
        asking.done.fetch_add(1, Ordering::Relaxed);
    }
    done
}

impl Asking {
    async fn ask(
        &self,
        connection: &mut Option<Connection>,
        address: SocketAddr,
        (number, due): (usize, Instant),
        done: &mut Done,
    ) -> std::io::Result<()> {
        let open = match connection {
            Some(open) => open,
            None => connection.insert(Connection::open(address).await?),
        };
        let session = &self.sessions[number];
        let own = (number % OPENED_EVERY == 0).then(|| Exchange::generate(&mut rng()));
        let own_key = own.as_ref().map(|exchange| exchange.public_key().to_string());
        let body = keys_body(&session.id, 1, own_key.as_ref().unwrap_or(&self.public_key), ASKED);
        let request = post(address, "/v1/keys", Some(&session.mac_key.mac(body.as_bytes())), &body);
        let answer = open.send(&request, true).await?;
        if answer.status != 200 {
            *done.refused.entry(code(answer.status, open.body())).or_default() += 1;
            return Ok(());
        }
        done.latencies.push(due.elapsed());
        if let Some(exchange) = own {
            let is_due = self.holds_next(exchange, &body, open.body());
            *(if is_due { &mut done.opened } else { &mut done.unreadable }) += 1;
        }
        Ok(())
    }

    fn holds_next(&self, exchange: Exchange, body: &str, answer: &[u8]) -> bool {
        let grant = self.world.open_keys(exchange, body, answer);
        grant.is_ok_and(|grant| {
            [ASKED.0, ASKED.0 + 1].map(Period).iter().all(|wanted| grant.keys.iter().any(|key| key.period == *wanted))
        })
    }
}

/// What it was refused with.
fn code(status: u16, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body.pointer("/error/code").and_then(Value::as_str).map_or_else(|| status.to_string(), str::to_owned)
}

impl Done {
    fn add(&mut self, mut other: Self) {
        self.latencies.append(&mut other.latencies);
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
        self.lost += other.lost;
        self.opened += other.opened;
        self.unreadable += other.unreadable;
        self.behind += other.behind;
        self.behind_most = self.behind_most.max(other.behind_most);
    }

    fn json(&mut self, elapsed: f64) -> Value {
        self.latencies.sort_unstable();
        let [p50, p90, p99, p999] = [500, 900, 990, 999].map(|at| percentile_ms(&self.latencies, at));
        json!({
            "answered": self.latencies.len(), "refused": self.refused, "lost": self.lost,
            "grantsOpened": self.opened, "grantsUnreadable": self.unreadable,
            "secs": elapsed, "perSec": real(self.latencies.len() as u64) / elapsed,
            "latencyMs": { "p50": p50, "p90": p90, "p99": p99, "p99.9": p999, "max": percentile_ms(&self.latencies, 1000) },
            "behind": { "requests": self.behind, "mostMs": self.behind_most.as_secs_f64() * 1000.0 },
        })
    }
}
