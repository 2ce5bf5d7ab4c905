//! Sessions that are opened for real and kept in a file, for a later command to ask with: between the two, others look at what they take.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Args;
use keyveil_protocol::{SessionId, SessionMacKey};
use serde_json::{Value, json};

use crate::cluster::{ClusterArguments, Spent};
use crate::drive::number as real;
use crate::http::Connection;
use crate::progress::Progress;
use crate::world::{PLAYED_MAX, World};
use crate::{CLIENTS, Failure, cpu};

#[derive(Args)]
pub(crate) struct SessionsArguments {
    #[command(flatten)]
    cluster: ClusterArguments,
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    sessions: u64,
    /// A new file; who reads it can ask for keys.
    #[arg(long)]
    keep: PathBuf,
}

/// All that a session needs to ask; its counter was never used.
pub(crate) struct KeptSession {
    pub(crate) id: SessionId,
    pub(crate) mac_key: SessionMacKey,
}

impl KeptSession {
    const LEN: usize = SessionId::LEN + SessionMacKey::LEN;

    /// Those of a file, in the order that they were opened in.
    pub(crate) fn read(path: &Path) -> Result<Vec<Self>, Failure> {
        let bytes = std::fs::read(path)?;
        let (records, rest) = bytes.as_chunks::<{ Self::LEN }>();
        if records.is_empty() || !rest.is_empty() {
            return Err(format!("{} holds no sessions", path.display()).into());
        }
        records.iter().map(|record| Self::parse(record)).collect()
    }

    fn parse(record: &[u8]) -> Result<Self, Failure> {
        let (id, mac_key) = record.split_at(SessionId::LEN);
        Ok(Self { id: SessionId::from_bytes(id.try_into()?), mac_key: SessionMacKey::from_bytes(mac_key.try_into()?) })
    }
}

/// Opens them with a viewer each, over all titles; the first that is refused ends it.
pub(crate) async fn sessions(arguments: SessionsArguments) -> Result<Value, Failure> {
    let SessionsArguments { cluster, sessions: count, keep } = arguments;
    let replicas = cluster.replicas()?;
    let mut world = cluster.world().await?;
    world.titles = PLAYED_MAX;
    let (world, progress) = (Arc::new(world), Progress::new("sessions opened", count));
    let turns = [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(1))];
    let (spent, begun) = (Spent::begin(&cluster)?, Instant::now());
    let clients = (0..CLIENTS).map(|client| {
        let (address, turn) = (replicas[client % 2].address, Arc::clone(&turns[client % 2]));
        tokio::spawn(opener(Arc::clone(&world), address, (turn, count), Arc::clone(&progress.done)))
    });
    let clients: Vec<_> = clients.collect();
    let mut opened = Vec::new();
    for client in clients {
        opened.append(&mut client.await??);
    }
    let elapsed = begun.elapsed().as_secs_f64();
    let cpu_ms = spent.ms_each([count.div_ceil(2), count / 2]);
    opened.sort_unstable_by_key(|(number, _)| *number);
    let mut file = BufWriter::new(OpenOptions::new().write(true).create_new(true).mode(0o600).open(&keep)?);
    for (_, session) in &opened {
        file.write_all(session.id.as_bytes())?;
        file.write_all(session.mac_key.expose_secret())?;
    }
    file.flush()?;
    Ok(json!({
        "opened": opened.len(), "secs": elapsed, "perSec": real(count) / elapsed,
        "cpuMs": cpu_ms, "residentKib": cluster.resident_kib()?,
        "loadResidentMostKib": cpu::memory_kib(std::process::id())?.1,
    }))
}

/// Every second session from the turn on, which those who open at the same replica share.
async fn opener(
    world: Arc<World>,
    address: SocketAddr,
    (turn, count): (Arc<AtomicU64>, u64),
    done: Arc<AtomicU64>,
) -> Result<Vec<(u64, KeptSession)>, Failure> {
    let mut connection = Connection::open(address).await?;
    let mut opened = Vec::new();
    loop {
        let number = turn.fetch_add(2, Ordering::Relaxed);
        if number >= count {
            return Ok(opened);
        }
        let viewer = Some(format!("viewer-{number}"));
        let grant = world.open_session((&mut connection, address), number, viewer).await?;
        opened.push((number, KeptSession { id: grant.session_id, mac_key: grant.mac_key }));
        done.fetch_add(1, Ordering::Relaxed);
    }
}
