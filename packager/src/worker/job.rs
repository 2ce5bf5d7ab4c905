//! One job, from its claim to its end.

use std::{cell::Cell, sync::Arc, time::Duration};

use keyveil_protocol::{
    FileId,
    job::{CompleteJobRequest, JobStage, JobWork},
    workflow::WorkflowSettings,
};
use tokio::time::timeout;
use tracing::{info, warn};

use super::{
    WorkerOptions,
    api::{Claim, JobApi, Secrets},
    heartbeat::{self, JobReport},
    media::JobMedia,
    reencrypt,
    source::JobSource,
};
use crate::{
    client::ServerOptions,
    error::PackError,
    http::Server,
    input::Input,
    make::{Made, make},
    plan::{Choices, EncoderThreads, Plan},
    probe,
    progress::{Event, Report},
    sealer::Sealer,
    sink::Sink,
    source::ServedSource,
};

/// The last word to a server that may be away, or by a worker that is to end.
const LAST_WORD_MAX: Duration = Duration::from_secs(4);

/// What a worker holds of one attempt.
pub(super) struct Job<'a> {
    server: &'a Server,
    options: &'a ServerOptions,
    threads: EncoderThreads,
    id: String,
    lease_secs: u64,
    claim: Cell<Option<Claim>>,
    api: JobApi,
    report: Arc<JobReport>,
    media: Arc<JobMedia>,
}

impl<'a> Job<'a> {
    pub(super) fn new(server: &'a Server, options: &'a WorkerOptions, claim: Claim) -> Self {
        let (id, api) = (claim.job.job_id.to_string(), JobApi::new(server, &claim.job));
        let (kind, stage) = match claim.job.work {
            JobWork::Package { .. } => ("package", JobStage::Transcoding),
            JobWork::Reencrypt { .. } => ("reencrypt", JobStage::Encrypting),
        };
        let (file_id, attempt, version) = (&claim.job.file_id, claim.job.attempt, claim.job.version);
        info!(job = id, kind, fileId = %file_id, attempt, version, "claimed");
        let report = Arc::new(JobReport::new(id.clone(), stage));
        report.log(format!("attempt {attempt}, by {}", options.name));
        Self {
            server,
            options: &options.server,
            threads: EncoderThreads::Shared(options.cpus.get()),
            id,
            lease_secs: claim.job.lease_secs,
            media: Arc::new(JobMedia::new(api.clone(), Arc::clone(&report))),
            claim: Cell::new(Some(claim)),
            api,
            report,
        }
    }

    /// Works and keeps the lease. Dropped, it stops ffmpeg.
    pub(super) async fn run(&self) -> Result<(), PackError> {
        tokio::select! {
            done = self.work() => done,
            over = heartbeat::beat(&self.api, &self.report, self.lease_secs) => Err(over),
        }
    }

    /// Tells the log, and the server where it wants to know.
    pub(super) async fn settle(self, outcome: Result<(), PackError>) {
        self.media.close();
        let job = &self.id;
        let Err(error) = outcome else {
            info!(job, "completed");
            return;
        };
        let code = error.code();
        let told = match &error {
            PackError::LeaseLost | PackError::JobCancelled => {
                info!(job, code, message = %error, "given up");
                return;
            }
            // No time, or probably nobody to tell.
            PackError::Interrupted { .. } | PackError::ServerUnreachable { .. } => {
                timeout(LAST_WORD_MAX, self.api.fail(&error)).await.is_ok_and(|told| told.is_ok())
            }
            _ => {
                let tell = || self.api.fail(&error);
                self.server.repeat("reporting the failure", &*self.report, tell).await.is_ok()
            }
        };
        warn!(job, code, message = %error, retryable = error.is_retryable(), told, "failed");
    }

    async fn work(&self) -> Result<(), PackError> {
        let claim = self.claim.take().ok_or_else(|| PackError::Internal("a job ran twice".into()))?;
        let (work, file_id, mode) = (claim.job.work.clone(), claim.job.file_id.clone(), claim.job.mode);
        let complete = match work {
            JobWork::Package { file_name, source_len, settings } => {
                let settings = WorkflowSettings { mode, ..settings };
                let secrets = claim.open(self.server, self.options, None, &*self.report).await?;
                let made = self.package(file_id, file_name, source_len, settings, secrets).await?;
                CompleteJobRequest { media: made.media, cover: made.cover, sprites: made.sprites }
            }
            JobWork::Reencrypt { previous_secret, media, cover, sprites } => {
                let secrets = claim.open(self.server, self.options, Some(&previous_secret), &*self.report).await?;
                let (Some(new), Some(previous)) = (secrets.new, secrets.previous) else {
                    return Err(PackError::ServerError("it gave no title secret to encrypt under".into()));
                };
                let old = CompleteJobRequest { media, cover, sprites };
                reencrypt::run(&self.media, (&file_id, mode), &old, [&new, &previous], &*self.report).await?;
                old
            }
        };
        // From here on the answer to this tells what became of the job.
        self.report.complete();
        let tell = || self.api.post("complete", &complete);
        self.server.repeat("completing the job", &*self.report, tell).await.map(|_| ())
    }

    async fn package(
        &self,
        file_id: FileId,
        file_name: String,
        source_len: u64,
        settings: WorkflowSettings,
        secrets: Secrets,
    ) -> Result<Made, PackError> {
        if settings.cipher.is_some() != secrets.new.is_some() {
            return Err(PackError::ServerError("title secret and mode don't fit".into()));
        }
        let choices = Choices::from_settings(&settings, self.threads)?;
        let name: String = file_name.chars().filter(|character| !character.is_control()).take(200).collect();
        let (api, report) = (self.api.clone(), Arc::clone(&self.report));
        let source = ServedSource::serve(Arc::new(JobSource { api, report, name, len: source_len })).await?;
        let input = Input::Source(Arc::new(source));
        let source = probe::look_at(&input).await?;
        let plan = Plan::new(&source, choices)?;
        let report: Arc<dyn Report> = Arc::clone(&self.report) as _;
        let renditions = plan.renditions.iter().map(|rendition| rendition.name.clone()).collect();
        let duration_secs = source.duration_secs;
        report.report(&Event::Started { file_id: file_id.to_string(), renditions, duration_secs });
        let sealer = Sealer::new(file_id, &plan.choices, secrets.new);
        make(&plan, &input, &source, sealer, &Sink::Job(Arc::clone(&self.media)), &report).await
    }
}
