//! Two replicas over one database: where they are, what they have to play, and what they take.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::drive::number;
use crate::replicas::{Replica, two};
use crate::world::{PLAYED_MAX, World};
use crate::{Failure, cpu};

/// 10 segments of 6 s, as where a workflow says nothing else.
const PERIOD_SEGMENTS: u64 = 10;

#[derive(Args)]
pub(crate) struct ClusterArguments {
    /// The data folder of one; its database is KEYVEIL_DATABASE_URL.
    #[arg(long)]
    data: PathBuf,
    #[arg(long)]
    app: u64,
    /// Address and process of each.
    #[arg(long, num_args = 2)]
    replica: Vec<String>,
    /// The process of their database.
    #[arg(long)]
    pub(crate) database: u32,
}

impl ClusterArguments {
    pub(crate) fn replicas(&self) -> Result<[Replica; 2], Failure> {
        two(&self.replica)
    }

    /// Whose requests go to the first one where nothing else is said.
    pub(crate) async fn world(&self) -> Result<World, Failure> {
        World::open(&self.data, self.app, self.replicas()?[0].address).await
    }

    /// Of each replica; none of one that is gone.
    pub(crate) fn resident_kib(&self) -> Result<[Option<u64>; 2], Failure> {
        Ok(self.replicas()?.map(|replica| cpu::memory_kib(replica.pid).ok().map(|(now, _)| now)))
    }

    /// Publishes all that is played.
    pub(crate) async fn titles(&self) -> Result<Value, Failure> {
        let mut world = self.world().await?;
        world.period_segments = PERIOD_SEGMENTS;
        world.grow_titles(PLAYED_MAX).await?;
        Ok(json!({ "titles": PLAYED_MAX, "residentKib": self.resident_kib()? }))
    }
}

/// Processor time from a moment on: of both replicas, of their database, and of this program.
pub(crate) struct Spent(Vec<(u32, Duration)>);

impl Spent {
    pub(crate) fn begin(cluster: &ClusterArguments) -> Result<Self, Failure> {
        let [first, second] = cluster.replicas()?;
        let pids = [first.pid, second.pid, cluster.database, std::process::id()];
        Ok(Self(pids.into_iter().map(|pid| Ok((pid, cpu::of_process(pid)?))).collect::<Result<_, Failure>>()?))
    }

    /// Milliseconds for each request, of which each replica answered so many; none of what is gone.
    pub(crate) fn ms_each(&self, answered: [u64; 2]) -> Value {
        let all = answered[0] + answered[1];
        let counts = [answered[0], answered[1], all, all];
        let each = self.0.iter().zip(counts).map(|((pid, before), count)| {
            let spent = cpu::of_process(*pid).ok()?.saturating_sub(*before);
            Some(spent.as_secs_f64() * 1000.0 / number(count.max(1)))
        });
        let each: Vec<Option<f64>> = each.collect();
        json!({ "replicas": each[..2], "database": each[2], "load": each[3] })
    }
}
