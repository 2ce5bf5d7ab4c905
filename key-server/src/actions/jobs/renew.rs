//! New jobs for titles that are there already: another try, another encryption.

use keyveil_protocol::workflow::WorkflowSettings;
use keyveil_protocol::{ErrorCode, FileId, JobId};
use serde_json::json;

use super::super::titles::change_state;
use super::super::{random_id, workflows};
use super::{live_title, source};
use crate::clock::stored;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, JobKind, NewJob, StoreError, Title, TitleState, WriteTransaction};

/// A failed title is queued again: with its workflow as it is now, so that a workflow can be put right in between.
pub(crate) async fn retry(state: &ServerState, principal: &Principal, file_id: &FileId) -> Result<(), Refusal> {
    let title = state.installation.store().title(file_id).await?;
    let title = title.filter(|title| title.app_id == principal.app_id).ok_or_else(not_found)?;
    if source::source_of(state, file_id).await?.is_none() {
        let detail = "the title's source is gone";
        return Err(Refusal::new(ErrorCode::UploadGone, detail).with_detail(detail));
    }
    let settings = settings_of(state, &title).await?;
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let title = own_title(&mut write, principal, file_id).await?;
    if title.state != TitleState::Failed || title.workflow_id.is_none() {
        return Err(wrong_state("only a failed title is tried again"));
    }
    let job_id = insert_job(&mut write, &title, JobKind::Package, Some(settings), now).await?;
    change_state(&mut write, file_id, TitleState::Queued, None, Some(&job_id), now).await?;
    finish(state, write, principal, &title, &job_id, now).await
}

/// The current version of a private title is encrypted anew; it is played until the new one is there.
pub(crate) async fn reencrypt(state: &ServerState, principal: &Principal, file_id: &FileId) -> Result<(), Refusal> {
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let title = own_title(&mut write, principal, file_id).await?;
    if !matches!(title.state, TitleState::Ready | TitleState::Published) || title.version.is_none() {
        return Err(wrong_state("only a title that is ready or published is encrypted anew"));
    }
    if !title.mode.is_encrypted() {
        return Err(wrong_state("a clear title is not encrypted"));
    }
    if state.installation.store().count_imported_keys(file_id).await? > 0 {
        return Err(wrong_state("an imported title has another vendor's encryption: upload its source instead"));
    }
    let job_id = insert_job(&mut write, &title, JobKind::Reencrypt, None, now).await?;
    write.touch_title(file_id, now).await?;
    finish(state, write, principal, &title, &job_id, now).await
}

async fn insert_job(
    write: &mut WriteTransaction<'_>,
    title: &Title,
    kind: JobKind,
    settings: Option<WorkflowSettings>,
    now: i64,
) -> Result<JobId, Refusal> {
    if write.unfinished_job(&title.file_id).await?.is_some() {
        return Err(wrong_state("the title has a job that is not finished"));
    }
    let job_id: JobId = random_id::<12, _>()?;
    let (app_id, file_id) = (title.app_id, title.file_id.clone());
    let job = NewJob { job_id: job_id.clone(), app_id, file_id, kind, settings, priority: 0, created_at: now };
    write.insert_job(&job).await?;
    Ok(job_id)
}

async fn finish(
    state: &ServerState,
    mut write: WriteTransaction<'_>,
    principal: &Principal,
    title: &Title,
    job_id: &JobId,
    now: i64,
) -> Result<(), Refusal> {
    let detail = json!({ "by": principal.by(), "jobId": job_id });
    let event = AuditEvent::new(AuditKind::JobQueued, detail).with_app(title.app_id).with_file(&title.file_id);
    write.append_audit(&event, now).await?;
    write.commit().await?;
    state.announce_job();
    Ok(())
}

/// A title does not change its mode: where the workflow has, or is gone, what the last job was made with holds on.
async fn settings_of(state: &ServerState, title: &Title) -> Result<WorkflowSettings, Refusal> {
    match workflows::resolve(state, title.app_id, title.workflow_id.as_ref()).await {
        Ok((_, settings)) if settings.mode == title.mode => return Ok(settings),
        Ok(_) => {}
        Err(refusal) if refusal.code() == ErrorCode::WorkflowNotFound => {}
        Err(refusal) => return Err(refusal),
    }
    let last = state.installation.store().latest_job(&title.file_id).await?;
    Ok(last.and_then(|job| job.settings).ok_or(StoreError::Corrupt("settings of a title"))?)
}

async fn own_title(
    write: &mut WriteTransaction<'_>,
    principal: &Principal,
    file_id: &FileId,
) -> Result<Title, Refusal> {
    live_title(write, file_id).await?.filter(|title| title.app_id == principal.app_id).ok_or_else(not_found)
}

fn not_found() -> Refusal {
    Refusal::new(ErrorCode::TitleNotFound, "no such title in this app")
}

fn wrong_state(detail: &'static str) -> Refusal {
    Refusal::new(ErrorCode::TitleState, detail).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use keyveil_protocol::{AppId, Mode, UserId, WorkflowId};

    use super::*;
    use crate::actions::apps::{self, NewApp};
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::principal::Actor;
    use crate::store::{Failure, JobState, Publication, TitleVersion, Upload, UploadKind, UploadState};

    struct Fixture {
        _dir: tempfile::TempDir,
        state: ServerState,
        principal: Principal,
    }

    impl Fixture {
        async fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let mut config = Config::default();
            config.data.dir = dir.path().join("data");
            let installation = crate::installation::open(&config).await.unwrap();
            let new_app = NewApp { name: "Test".to_owned(), domains: Vec::new(), max_age_secs: 60 };
            let app_id = apps::create(&installation, &new_app, 1).await.unwrap().app_id;
            let user_id: UserId = "someone".parse().unwrap();
            let principal = Principal { app_id, actor: Actor::Person(user_id) };
            let url = "http://127.0.0.1:1/".parse().unwrap();
            Self { _dir: dir, state: ServerState::new(installation, config, Clock::default(), url), principal }
        }

        fn stranger(&self) -> Principal {
            Principal { app_id: AppId::try_from(self.principal.app_id.value() + 1).unwrap(), ..self.principal.clone() }
        }

        async fn title(&self, id: &str, state: TitleState, mode: Mode, workflow: Option<&str>) -> FileId {
            let file_id: FileId = id.parse().unwrap();
            let failed = state == TitleState::Failed;
            let workflow_id: Option<WorkflowId> = workflow.map(|id| id.parse().unwrap());
            let title = Title {
                workflow_id,
                ..Title::new(self.principal.app_id, file_id.clone(), id.to_owned(), (mode, TitleState::Uploading), 1)
            };
            let version = TitleVersion {
                file_id: file_id.clone(),
                version: 1,
                secret_ciphertext: None,
                public_key: String::new(),
                publication: None,
                cover: None,
                sprites: None,
                stored_bytes: None,
                created_at: 1,
                committed_at: None,
            };
            let publication = Publication { media: "{}".to_owned(), cover: None, sprites: None, stored_bytes: None };
            let failure = failed.then(|| Failure { code: "x".to_owned(), message: "x".to_owned() });
            let mut write = self.state.installation.store().write().await.unwrap();
            write.insert_title(&title).await.unwrap();
            if !failed {
                write.insert_title_version(&version).await.unwrap();
                write.commit_title_version(&file_id, 1, &publication, 1).await.unwrap();
                write.set_current_version(&file_id, 1, 1, None, 1).await.unwrap();
            }
            write.set_title_state(&file_id, state, failure.as_ref(), 1).await.unwrap();
            write.commit().await.unwrap();
            file_id
        }

        async fn source(&self, file_id: &FileId) {
            let upload = Upload {
                upload_id: file_id.as_str().parse().unwrap(),
                app_id: self.principal.app_id,
                file_id: file_id.clone(),
                kind: UploadKind::Tus,
                state: UploadState::Receiving,
                length: Some(0),
                offset: 0,
                metadata: String::new(),
                sha256: None,
                url: None,
                attempt: 0,
                key_ciphertext: Some(vec![1]),
                created_at: 1,
                updated_at: 1,
                expires_at: 1,
            };
            let mut write = self.state.installation.store().write().await.unwrap();
            write.insert_upload(&upload).await.unwrap();
            assert!(write.complete_upload(&upload.upload_id, 1).await.unwrap());
            write.commit().await.unwrap();
        }

        async fn state_of(&self, file_id: &FileId) -> TitleState {
            self.state.installation.store().title(file_id).await.unwrap().unwrap().state
        }
    }

    fn code(result: Result<(), Refusal>) -> Option<ErrorCode> {
        result.err().map(|refusal| refusal.code())
    }

    #[tokio::test]
    async fn a_failed_title_is_queued_again_while_its_source_is_there() {
        let fixture = Fixture::new().await;
        let Fixture { state, principal, .. } = &fixture;
        let film = fixture.title("film", TitleState::Failed, Mode::Private, Some("vod-compact")).await;
        assert_eq!(code(retry(state, principal, &film).await), Some(ErrorCode::UploadGone));
        fixture.source(&film).await;
        assert_eq!(code(retry(state, &fixture.stranger(), &film).await), Some(ErrorCode::TitleNotFound));
        assert_eq!(code(retry(state, principal, &film).await), None);
        assert_eq!(fixture.state_of(&film).await, TitleState::Queued);
        let job = state.installation.store().unfinished_job(&film).await.unwrap().unwrap();
        assert_eq!((job.kind, job.state, job.attempt), (JobKind::Package, JobState::Queued, 0));
        assert_eq!(job.settings.unwrap().audio_bit_rate, 48_000, "what its workflow says now");
        assert_eq!(code(retry(state, principal, &film).await), Some(ErrorCode::TitleState));
        let ready = fixture.title("ready", TitleState::Ready, Mode::Private, Some("adaptive")).await;
        fixture.source(&ready).await;
        assert_eq!(code(retry(state, principal, &ready).await), Some(ErrorCode::TitleState));
    }

    #[tokio::test]
    async fn a_private_title_is_encrypted_anew_one_job_at_a_time() {
        let fixture = Fixture::new().await;
        let Fixture { state, principal, .. } = &fixture;
        let film = fixture.title("film", TitleState::Published, Mode::Private, None).await;
        assert_eq!(code(reencrypt(state, &fixture.stranger(), &film).await), Some(ErrorCode::TitleNotFound));
        assert_eq!(code(reencrypt(state, principal, &film).await), None);
        assert_eq!(fixture.state_of(&film).await, TitleState::Published);
        let job = state.installation.store().unfinished_job(&film).await.unwrap().unwrap();
        assert_eq!((job.kind, job.settings), (JobKind::Reencrypt, None));
        assert_eq!(code(reencrypt(state, principal, &film).await), Some(ErrorCode::TitleState));
        let clear = fixture.title("clear", TitleState::Published, Mode::Clear, Some("clear")).await;
        assert_eq!(code(reencrypt(state, principal, &clear).await), Some(ErrorCode::TitleState));
        let failed = fixture.title("failed", TitleState::Failed, Mode::Private, Some("adaptive")).await;
        assert_eq!(code(reencrypt(state, principal, &failed).await), Some(ErrorCode::TitleState));
        let unknown = "unknown".parse().unwrap();
        assert_eq!(code(reencrypt(state, principal, &unknown).await), Some(ErrorCode::TitleNotFound));
    }
}
