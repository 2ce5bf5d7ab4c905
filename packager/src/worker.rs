//! Works for a key server: claims jobs, makes or re-encrypts titles, stores their files there. A client of the HTTP API
//! alone (docs/WORKFLOW.md, "Jobs", "Workers").

mod api;
mod capacities;
mod heartbeat;
mod identity;
mod job;
mod media;
mod reencrypt;
mod registration;
mod slot;
mod source;

use std::{
    cell::{OnceCell, RefCell},
    num::NonZeroU32,
    path::PathBuf,
    time::Duration,
};

use futures_util::future::join_all;
use keyveil_protocol::WorkerId;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::sleep,
};

use crate::{Run, client::ServerOptions, error::PackError, state_folder::state_folder};

use identity::Identity;
pub(crate) use media::JobMedia;
use registration::{Registration, Standing};
use slot::Slot;

/// How long a job's requests are repeated while the server is away; the job is then given up.
pub const AWAY_MAX: Duration = Duration::from_secs(65);
/// How long a worker that is to end goes on with its jobs, unless it is told otherwise: less than what supervisors wait before
/// they kill, of which the shortest is Docker's 10 s, so that there is time to give a job back.
pub const GRACE_DEFAULT: Duration = Duration::from_secs(5);
/// The worker's name is at most this long.
const NAME_BYTES_MAX: usize = 128;

/// Whom to work for, and with how much of this machine.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Its API key is a worker key; its patience that of one job's requests.
    pub server: ServerOptions,
    /// For people.
    pub name: String,
    /// Jobs at a time.
    pub jobs: NonZeroU32,
    /// Encoder threads of one job.
    pub cpus: NonZeroU32,
    /// How long jobs under way go on once a signal wants the worker to end.
    pub grace: Duration,
    /// Whether it ends once the server has drained it; else it waits to be wanted again.
    pub exit_when_drained: bool,
    /// Its id at the server; else one that is kept in `state`.
    pub id: Option<WorkerId>,
    /// Where its id is kept; else in the user's state folder.
    pub state: Option<PathBuf>,
}

/// What signals want of the worker.
#[derive(Debug, Clone, Copy, Default)]
struct Orders {
    /// It is to take no more jobs.
    leaving: bool,
    /// Because of this signal, if it was one.
    signal: Option<i32>,
    /// It is to give its jobs back, because of this signal.
    give_back: Option<i32>,
}

/// Works until `signals` has a signal's number: then it takes no more jobs and ends with those it has, at the latest after its
/// grace or at the next signal; jobs that are not done are then given back. Ends by itself when the server has drained it, if it
/// is to, and when the server does not take the key or the release, or the options make no sense.
#[must_use]
pub fn work(options: WorkerOptions, signals: mpsc::Receiver<i32>) -> Run<'static, Result<(), PackError>> {
    Box::pin(async move {
        let name = &options.name;
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err(PackError::OptionInvalid(format!("--name takes 1 to {NAME_BYTES_MAX} bytes of text")));
        }
        let server = options.server.server()?;
        let identity = Identity::of(options.id.clone(), options.state.clone().or_else(state_folder))?;
        let (id, url) = (&identity.id, server.url());
        tracing::info!(server = %url, worker = %id, name, jobs = options.jobs, cpus = options.cpus, "working");
        let (orders, wanted) = (watch::Sender::new(Orders::default()), Notify::new());
        let registration = Registration {
            server: &server,
            options: &options,
            id,
            standing: watch::Sender::new(Standing::Unknown),
            wanted: &wanted,
            capacities: RefCell::default(),
        };
        let slot = Slot {
            server: &server,
            options: &options,
            id,
            orders: orders.subscribe(),
            standing: registration.standing.subscribe(),
            wanted: &wanted,
        };
        let refused = OnceCell::new();
        let register = async {
            // Jobs under way are done all the same.
            let _ = refused.set(registration.keep(orders.subscribe()).await);
            orders.send_modify(|orders| orders.leaving = true);
            std::future::pending::<()>().await;
        };
        let results = tokio::select! {
            results = join_all((0..options.jobs.get()).map(|_| slot.clone().run())) => results,
            () = register => Vec::new(),
            () = obey(signals, options.grace, &orders) => Vec::new(),
        };
        registration.farewell().await;
        refused.into_inner().map_or_else(|| results.into_iter().collect(), Err)
    })
}

/// Turns signals into orders; never ends.
async fn obey(mut signals: mpsc::Receiver<i32>, grace: Duration, orders: &watch::Sender<Orders>) {
    if let Some(signal) = signals.recv().await {
        tracing::info!(signal, graceSecs = grace.as_secs(), "takes no more jobs, and ends after those under way");
        orders.send_modify(|orders| (orders.leaving, orders.signal) = (true, Some(signal)));
        tokio::select! {
            () = sleep(grace) => {}
            Some(_) = signals.recv() => {}
        }
        orders.send_modify(|orders| orders.give_back = Some(signal));
    }
    std::future::pending().await
}
