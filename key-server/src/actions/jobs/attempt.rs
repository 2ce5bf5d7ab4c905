//! An attempt at a job, as its token proves it.

use keyveil_protocol::{ErrorCode, FileId, JobId};

use crate::origin::MediaFolder;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Job, JobState, WriteTransaction};

/// The holder of a token for one attempt. Whether that attempt still counts, [`Attempt::require_held`] says.
pub(crate) struct Attempt {
    pub(super) job: Job,
    pub(super) version: u32,
}

impl Attempt {
    /// `api_key_invalid` unless the header carries a token for this job; `lease_lost` when the job went with its title.
    pub(crate) async fn authenticate(
        state: &ServerState,
        authorization: Option<&str>,
        job_id: &JobId,
    ) -> Result<Self, Refusal> {
        let invalid = |cause: &'static str| Refusal::new(ErrorCode::ApiKeyInvalid, cause);
        let header = authorization.ok_or_else(|| invalid("no Authorization header"))?;
        let (scheme, token) = header.split_once(' ').ok_or_else(|| invalid("no scheme"))?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(invalid("scheme is not Bearer"));
        }
        let (proven_id, version) = state.installation.job_token_key().check(token.trim())?;
        if proven_id != *job_id {
            return Err(invalid("token of another job"));
        }
        let job = state.installation.store().job(job_id).await?.ok_or_else(lost)?;
        Ok(Self { job, version })
    }

    /// As [`Self::authenticate`], for requests that only the present holder may make.
    pub(crate) async fn held(
        state: &ServerState,
        authorization: Option<&str>,
        job_id: &JobId,
    ) -> Result<Self, Refusal> {
        let attempt = Self::authenticate(state, authorization, job_id).await?;
        attempt.require_held(&attempt.job)?;
        Ok(attempt)
    }

    /// As [`Self::held`], or of the attempt that has done the job already: it may not have heard so.
    pub(crate) async fn held_or_done(
        state: &ServerState,
        authorization: Option<&str>,
        job_id: &JobId,
    ) -> Result<Self, Refusal> {
        let attempt = Self::authenticate(state, authorization, job_id).await?;
        if !attempt.has_done(&attempt.job) {
            attempt.require_held(&attempt.job)?;
        }
        Ok(attempt)
    }

    /// The title it is about.
    pub(crate) const fn file_id(&self) -> &FileId {
        &self.job.file_id
    }

    /// The job as `write` sees it, if this attempt still holds it. The version is the fence: a lease that has run out is
    /// no harm as long as nobody has claimed the job since.
    pub(super) async fn fenced(&self, write: &mut WriteTransaction<'_>) -> Result<Job, Refusal> {
        let job = write.job(&self.job.job_id).await?.ok_or_else(lost)?;
        self.require_held(&job)?;
        Ok(job)
    }

    /// Asks the database again, before something is done that took its time.
    pub(super) async fn still_held(&self, state: &ServerState) -> Result<(), Refusal> {
        let job = state.installation.store().job(&self.job.job_id).await?.ok_or_else(lost)?;
        self.require_held(&job)
    }

    pub(super) fn require_held(&self, job: &Job) -> Result<(), Refusal> {
        if job.version == Some(self.version) && job.state.is_unfinished() { Ok(()) } else { Err(lost()) }
    }

    /// Whether the job was done by this very attempt.
    pub(super) fn has_done(&self, job: &Job) -> bool {
        job.version == Some(self.version) && job.state == JobState::Done
    }

    /// Where this attempt's media go, and no other's.
    pub(super) fn folder(&self) -> MediaFolder {
        MediaFolder::new(self.job.file_id.clone(), self.version)
    }
}

pub(super) fn lost() -> Refusal {
    Refusal::new(ErrorCode::LeaseLost, "another attempt holds the job, or it is over")
}
