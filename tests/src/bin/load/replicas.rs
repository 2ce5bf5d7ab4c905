//! What a second replica adds, and what is lost when one dies under load.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use keyveil_protocol::Exchange;
use serde_json::{Value, json};

use crate::cpu;
use crate::drive::{Pace, Source, drive, number};
use crate::http::Connection;
use crate::world::{OpenSession, rng};
use crate::{CLIENTS, Failure, ReplicasArguments, at};

/// Sessions that ask each replica.
const SESSIONS: u64 = 500;
/// How long a request that got no answer is tried again, as players do and longer.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Clone, Copy)]
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
}

/// Two, each told by its address and its process.
pub(crate) fn two(told: &[String]) -> Result<[Replica; 2], Failure> {
    let mut replicas = Vec::new();
    for replica in told.chunks(2) {
        let [address, pid] = replica else { return Err("address and process".into()) };
        replicas.push(Replica { address: address.parse()?, pid: pid.parse()? });
    }
    replicas.try_into().map_err(|_| "two replicas".into())
}

pub(crate) async fn replicas(arguments: &ReplicasArguments) -> Result<Value, Failure> {
    let [first, second] = arguments.cluster.replicas()?;
    let mut world = arguments.cluster.world().await?;
    world.grow_titles(SESSIONS).await?;
    let [own, others] = [world.open_sessions(SESSIONS).await?, world.open_sessions(SESSIONS).await?].map(Arc::new);
    let time = Duration::from_millis(arguments.millis);
    let asked = |replica: Replica, sessions: &Arc<Vec<OpenSession>>, clients| {
        drive((replica.address, replica.pid), heartbeats(replica, sessions), clients, Pace::Closed, time)
    };
    // What is compiled, cached and connected once.
    tokio::try_join!(asked(first, &own, CLIENTS), asked(second, &others, CLIENTS))?;
    let mut rounds = Vec::new();
    let mut most: f64 = 0.0;
    for _ in 0..arguments.rounds {
        let begun = cpu::of_process(arguments.cluster.database)?;
        let one = asked(first, &own, CLIENTS).await?;
        let between = cpu::of_process(arguments.cluster.database)?;
        let (left, right) = tokio::try_join!(asked(first, &own, CLIENTS), asked(second, &others, CLIENTS))?;
        let ended = cpu::of_process(arguments.cluster.database)?;
        let both = left.rate() + right.rate();
        most = most.max(both);
        let each = |spent: Duration, answered| spent.as_secs_f64() * 1e6 / number(answered);
        rounds.push(json!({
            "one": one.json(), "two": [left.json(), right.json()], "ratio": both / one.rate(),
            "databaseMicros": {
                "one": each(between.saturating_sub(begun), one.answered),
                "two": each(ended.saturating_sub(between), left.answered + right.answered),
            },
        }));
    }
    let killed = match arguments.kill_at {
        Some(share) => Some(kill(first, second, &own, most * share, time).await?),
        None => None,
    };
    Ok(json!({ "rounds": rounds, "killed": killed }))
}

fn heartbeats(replica: Replica, sessions: &Arc<Vec<OpenSession>>) -> Source {
    let (sessions, public_key) = (Arc::clone(sessions), Exchange::generate(&mut rng()).public_key().to_string());
    Arc::new(move |ticket| Arc::new(sessions[at(ticket, sessions.len())].next(replica.address, &public_key)))
}

/// `per_sec` requests, half at each, and the first one killed after a third of the time. Whoever gets no answer asks again, at the other.
async fn kill(
    first: Replica,
    second: Replica,
    sessions: &Arc<Vec<OpenSession>>,
    per_sec: f64,
    time: Duration,
) -> Result<Value, Failure> {
    let start = Instant::now();
    let tickets = Arc::new(AtomicU64::new(0));
    let public_key = Exchange::generate(&mut rng()).public_key().to_string();
    let clients = (0..2 * CLIENTS).map(|client| {
        let (sessions, tickets, public_key) = (Arc::clone(sessions), Arc::clone(&tickets), public_key.clone());
        let order = if client % 2 == 0 { [first, second] } else { [second, first] };
        tokio::spawn(patient(order, sessions, tickets, public_key, (start, time, per_sec)))
    });
    let clients: Vec<_> = clients.collect();
    tokio::time::sleep(time / 3).await;
    let killed = Command::new("kill").args(["-KILL", &first.pid.to_string()]).status()?.success();
    let (mut answered, mut again, mut lost, mut slowest) = (0, 0, 0, Duration::ZERO);
    for client in clients {
        let done = client.await?;
        (answered, again, lost) = (answered + done.answered, again + done.again, lost + done.lost);
        slowest = slowest.max(done.slowest);
    }
    Ok(json!({
        "killed": killed, "perSec": per_sec, "answered": answered, "askedAgain": again, "lost": lost,
        "slowestMs": slowest.as_secs_f64() * 1000.0,
    }))
}

#[derive(Default)]
struct Done {
    answered: u64,
    again: u64,
    lost: u64,
    slowest: Duration,
}

async fn patient(
    order: [Replica; 2],
    sessions: Arc<Vec<OpenSession>>,
    tickets: Arc<AtomicU64>,
    public_key: String,
    (start, time, per_sec): (Instant, Duration, f64),
) -> Done {
    let mut done = Done::default();
    let (mut turn, mut connection) = (0, None);
    loop {
        let ticket = tickets.fetch_add(1, Ordering::Relaxed);
        let due = start + Duration::from_secs_f64(number(ticket) / per_sec);
        if due > start + time {
            return done;
        }
        tokio::time::sleep_until(due.into()).await;
        let session = &sessions[at(ticket, sessions.len())];
        loop {
            let address = order[turn % 2].address;
            // A counter is used once, whatever became of it.
            let asked = ask(&mut connection, address, &session.next(address, &public_key)).await;
            if asked {
                done.answered += 1;
                done.slowest = done.slowest.max(due.elapsed());
                break;
            }
            if due.elapsed() > PATIENCE {
                done.lost += 1;
                break;
            }
            done.again += 1;
            (turn, connection) = (turn + 1, None);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn ask(connection: &mut Option<Connection>, address: SocketAddr, request: &[u8]) -> bool {
    if connection.is_none() {
        *connection = Connection::open(address).await.ok();
    }
    let Some(open) = connection else { return false };
    open.send(request, false).await.is_ok_and(|answer| answer.status == 200)
}
