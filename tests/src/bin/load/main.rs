//! Puts load on running key servers and tells what it cost: for tests/bench/server.mjs and tests/cluster/{load,simulate}.mjs. Requests
//! are made before they are measured, except for what their counter changes, and those of `period`. Writes JSON.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

mod cluster;
mod counted;
mod cpu;
mod drive;
mod http;
mod kept;
mod period;
mod progress;
mod replicas;
mod seal;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use keyveil_protocol::Exchange;
use serde_json::{Value, json};

use drive::{Outcome, Pace, Source, drive};
use world::{OpenSession, World, rng};

use keyveil_tests::Failure;

/// As many as saturate four cores.
const CLIENTS: usize = 64;
const ORIGIN_CLIENTS: usize = 8;
/// Sessions that ask for keys, of all that there are.
const ASKING_MAX: u64 = 1000;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Processor time, latency and throughput of grants.
    Grants(GrantArguments),
    /// Grants among more and more titles and sessions.
    Growth(GrowthArguments),
    /// Files, of two servers in turn.
    Origin(OriginArguments),
    /// Requests for keys to one replica, to two at once, and to two of which one is killed.
    Replicas(ReplicasArguments),
    /// Publishes the titles that sessions are opened of.
    Titles(cluster::ClusterArguments),
    /// Opens sessions, half at each of two replicas, and keeps them in a file.
    Sessions(kept::SessionsArguments),
    /// Each session of such a file asks once, for the keys of its next period.
    Period(period::PeriodArguments),
    /// One piece of work, so many times.
    Counted(CountedArguments),
}

#[derive(Args)]
struct CountedArguments {
    work: counted::Work,
    times: u32,
}

#[derive(Args)]
struct ServerArguments {
    /// Its data folder.
    #[arg(long)]
    data: PathBuf,
    /// An application of it.
    #[arg(long)]
    app: u64,
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    pid: u32,
    /// Of each measurement.
    #[arg(long)]
    millis: u64,
    #[arg(long)]
    rounds: usize,
}

#[derive(Args)]
struct GrantArguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Sessions at which memory is looked at.
    #[arg(long)]
    sessions: u64,
}

#[derive(Args)]
struct GrowthArguments {
    #[command(flatten)]
    server: ServerArguments,
    #[arg(long, value_delimiter = ',')]
    titles: Vec<u64>,
    #[arg(long, value_delimiter = ',')]
    sessions: Vec<u64>,
}

#[derive(Args)]
struct ReplicasArguments {
    #[command(flatten)]
    cluster: cluster::ClusterArguments,
    #[arg(long)]
    millis: u64,
    #[arg(long)]
    rounds: usize,
    /// Kills the first one at last, at this share of what both took.
    #[arg(long)]
    kill_at: Option<f64>,
}

#[derive(Args)]
struct OriginArguments {
    /// Address, process and a path of each server.
    #[arg(long, num_args = 3)]
    server: Vec<String>,
    #[arg(long)]
    millis: u64,
    #[arg(long)]
    rounds: usize,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let told = match Arguments::parse().command {
        Command::Grants(arguments) => grants(&arguments).await?,
        Command::Growth(arguments) => growth(&arguments).await?,
        Command::Origin(arguments) => origin(&arguments).await?,
        Command::Replicas(arguments) => replicas::replicas(&arguments).await?,
        Command::Titles(cluster) => cluster.titles().await?,
        Command::Sessions(arguments) => kept::sessions(arguments).await?,
        Command::Period(arguments) => period::period(arguments).await?,
        Command::Counted(arguments) => {
            counted::repeat(arguments.work, arguments.times)?;
            json!({ "done": arguments.times })
        }
    };
    println!("{told}");
    Ok(())
}

impl ServerArguments {
    async fn world(&self) -> Result<World, Failure> {
        World::open(&self.data, self.app, self.address).await
    }

    async fn drive(&self, source: &Source, clients: usize, pace: Pace) -> Result<Outcome, Failure> {
        drive((self.address, self.pid), Arc::clone(source), clients, pace, Duration::from_millis(self.millis)).await
    }
}

/// Plays one request after the other, over and over.
fn in_turn(requests: Vec<Arc<Vec<u8>>>) -> Source {
    Arc::new(move |ticket| Arc::clone(&requests[at(ticket, requests.len())]))
}

fn heartbeats(world: &World, sessions: Vec<OpenSession>) -> Source {
    let (address, public_key) = (world.address, Exchange::generate(&mut rng()).public_key().to_string());
    Arc::new(move |ticket| Arc::new(sessions[at(ticket, sessions.len())].next(address, &public_key)))
}

fn at(ticket: u64, len: usize) -> usize {
    usize::try_from(ticket).unwrap_or(0) % len
}

async fn grants(arguments: &GrantArguments) -> Result<Value, Failure> {
    let server = &arguments.server;
    let mut world = server.world().await?;
    world.grow_titles(world::PLAYED_MAX).await?;
    let mut sessions = world.open_sessions(ASKING_MAX).await?;
    if let Some(like) = sessions.pop() {
        world.grow_sessions(&like, arguments.sessions).await?;
    }
    let (play, keys) = (in_turn(world.plays()?), heartbeats(&world, sessions));
    // What is compiled, cached and allocated once.
    for source in [&play, &keys] {
        server.drive(source, CLIENTS, Pace::Closed).await?;
    }
    let mut rounds = Vec::new();
    for _ in 0..server.rounds {
        let fsyncs = seal::fsyncs_per_sec(&server.data, Duration::from_millis(500))?;
        let mut round = json!({ "sealMicros": seal::seal_micros()?, "fsyncsPerSec": fsyncs });
        for (name, source) in [("play", &play), ("keys", &keys)] {
            let mut by_clients = Vec::new();
            for clients in [1, 8] {
                by_clients.push(server.drive(source, clients, Pace::Closed).await?.json());
            }
            let top = server.drive(source, CLIENTS, Pace::Closed).await?;
            let half = server.drive(source, CLIENTS, Pace::Open(top.rate() / 2.0)).await?;
            round[name] =
                json!({ "one": by_clients[0], "eight": by_clients[1], "top": top.json(), "half": half.json() });
        }
        rounds.push(round);
    }
    let (now, most) = cpu::memory_kib(server.pid)?;
    Ok(json!({ "rounds": rounds, "residentKib": now, "residentMostKib": most }))
}

async fn growth(arguments: &GrowthArguments) -> Result<Value, Failure> {
    let server = &arguments.server;
    let mut world = server.world().await?;
    let mut by_titles = Vec::new();
    for &count in &arguments.titles {
        world.grow_titles(count).await?;
        by_titles.push(repeated(server, &in_turn(world.plays()?)).await?);
    }
    let mut by_sessions = Vec::new();
    for &count in &arguments.sessions {
        let opened = world.open_sessions(count.min(ASKING_MAX)).await?;
        if let Some(like) = opened.first() {
            world.grow_sessions(like, count).await?;
        }
        let source = heartbeats(&world, opened);
        by_sessions.push(repeated(server, &source).await?);
    }
    let (now, most) = cpu::memory_kib(server.pid)?;
    Ok(json!({ "titles": by_titles, "sessions": by_sessions, "residentKib": now, "residentMostKib": most }))
}

/// One run to warm up, and then all rounds, each beside a seal of the same moment.
async fn repeated(server: &ServerArguments, source: &Source) -> Result<Vec<Value>, Failure> {
    server.drive(source, CLIENTS, Pace::Closed).await?;
    let mut rounds = Vec::new();
    for _ in 0..server.rounds {
        let seal_micros = seal::seal_micros()?;
        let mut round = server.drive(source, CLIENTS, Pace::Closed).await?.json();
        round["sealMicros"] = json!(seal_micros);
        rounds.push(round);
    }
    Ok(rounds)
}

async fn origin(arguments: &OriginArguments) -> Result<Value, Failure> {
    let time = Duration::from_millis(arguments.millis);
    let mut servers = Vec::new();
    for server in arguments.server.chunks(3) {
        let [address, pid, path] = server else { return Err("address, process and path".into()) };
        let address: SocketAddr = address.parse()?;
        servers.push((address, pid.parse()?, in_turn(vec![Arc::new(http::get(address, path))])));
    }
    let mut rounds = Vec::new();
    for _ in 0..arguments.rounds {
        let mut round = Vec::new();
        for (address, pid, source) in &servers {
            let done = drive((*address, *pid), Arc::clone(source), ORIGIN_CLIENTS, Pace::Closed, time).await?;
            round.push(done.json());
        }
        rounds.push(json!(round));
    }
    Ok(json!(rounds))
}
