//! Uploads a file by tus 1.0, in pieces that can be repeated, and follows what the server makes of it.

mod file;
mod memory;
mod tus;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use keyveil_protocol::{FileId, WorkflowId};

use crate::{
    Run,
    client::ServerOptions,
    error::PackError,
    http::{Failure, Refusal},
    progress::{Event, Report},
    retry::Retry,
};

use file::SteadyFile;
use memory::{Memory, Remembered};
use tus::{Metadata, Place, Tus};

/// Sent at a time, and repeated at most so.
const CHUNK_LEN: u64 = 8 * 1024 * 1024;
/// The same piece is refused at most this often for its checksum.
const MISMATCHES_MAX: u32 = 3;
const POLL: Duration = Duration::from_secs(2);

/// What to upload, and whereto.
#[derive(Debug, Clone)]
pub struct UploadOptions {
    pub input: PathBuf,
    pub server: ServerOptions,
    /// For people; the server takes the file's name when absent.
    pub name: Option<String>,
    pub description: Option<String>,
    pub labels: Vec<String>,
    /// The application's default when absent.
    pub workflow_id: Option<WorkflowId>,
    /// Made by the server when absent.
    pub file_id: Option<FileId>,
    /// Whether to wait until the title is ready, published or failed.
    pub wait: bool,
}

/// Uploads one file; goes on with what an earlier run began. The last event of a success is returned.
#[must_use]
pub fn upload(options: UploadOptions, report: &dyn Report) -> Run<'_, Result<Event, PackError>> {
    Box::pin(async move {
        let tus = Tus::new(&options.server, report)?;
        let file = SteadyFile::open(&options.input).await?;
        let memory = Memory::of(tus.address(), &file);
        let place = Upload { options: &options, tus: &tus, file: &file, memory: &memory, report }.run().await?;
        memory.forget().await;
        let state = if options.wait { Some(wait(&tus, &place.file_id, report).await?) } else { None };
        Ok(Event::Uploaded { file_id: place.file_id, state })
    })
}

struct Upload<'a> {
    options: &'a UploadOptions,
    tus: &'a Tus<'a>,
    file: &'a SteadyFile,
    memory: &'a Memory,
    report: &'a dyn Report,
}

impl Upload<'_> {
    async fn run(&self) -> Result<Place, PackError> {
        let (place, sha256, offset) = match self.resume().await? {
            Some(resumed) => resumed,
            None => self.begin().await?,
        };
        let (file_id, size_bytes) = (place.file_id.clone(), self.file.len());
        self.report.report(&Event::Uploading { file_id, offset, size_bytes });
        match self.send(&place, offset, &sha256).await {
            // Perhaps it is over because it is whole, and only the answer was lost.
            Err(PackError::UploadGone) if self.has_arrived(&place).await => Ok(place),
            Err(error @ PackError::InputChanged(_)) => {
                self.tus.terminate(&place).await;
                self.memory.forget().await;
                Err(error)
            }
            Err(error @ PackError::UploadGone) => {
                self.memory.forget().await;
                Err(error)
            }
            sent => sent.map(|()| place),
        }
    }

    /// What an earlier run began, when the server still has it.
    async fn resume(&self) -> Result<Option<(Place, String, u64)>, PackError> {
        let Some(Remembered { place, sha256, .. }) = self.memory.recall().await else { return Ok(None) };
        if self.options.file_id.as_ref().is_some_and(|wanted| wanted.as_str() != place.file_id) {
            return Ok(None);
        }
        match self.tus.offset(&place).await {
            Ok(offset) => Ok(Some((place, sha256, offset))),
            Err(PackError::UploadGone) if self.has_arrived(&place).await => Ok(Some((place, sha256, self.file.len()))),
            Err(PackError::UploadGone) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn begin(&self) -> Result<(Place, String, u64), PackError> {
        let sha256 = self.file.sha256().await?;
        let metadata = Metadata { options: self.options, file_name: self.file.name(), sha256: &sha256 };
        let place = self.tus.create(self.file.len(), &metadata).await?;
        if let Err(error) = self.memory.keep(&place, &sha256).await {
            let message = format!("this upload can't be resumed by another run: {error}");
            self.report.report(&Event::Warning { message });
        }
        Ok((place, sha256, 0))
    }

    /// Sends from `offset` on, whatever breaks meanwhile.
    async fn send(&self, place: &Place, mut offset: u64, sha256: &str) -> Result<(), PackError> {
        let (started, started_at) = (Instant::now(), offset);
        let patience = self.options.server.retry_max;
        let (mut retry, mut mismatches) = (Retry::new(patience), 0);
        while offset < self.file.len() {
            let chunk = self.file.read(offset, CHUNK_LEN).await?;
            match self.tus.send(place, offset, chunk).await {
                Ok(reached) if reached > offset && reached <= self.file.len() => {
                    offset = reached;
                    (retry, mismatches) = (Retry::new(patience), 0);
                    self.report.report(&self.progress(offset, started_at, started.elapsed()));
                }
                Ok(_) => return Err(PackError::ServerError("it counts the upload's bytes in another way".into())),
                Err(failure) => {
                    let failure = self.judge(failure, &mut mismatches, sha256).await?;
                    retry.wait("uploading", failure, &self.options.server.url, self.report).await?;
                    // Only the server knows how much of the piece has arrived.
                    offset = self.tus.offset(place).await?;
                }
            }
        }
        // A change from here on is no matter: the server has the whole file, and has compared its checksum.
        Ok(())
    }

    /// Which refusals of a piece are worth another try.
    async fn judge(&self, failure: Failure, mismatches: &mut u32, sha256: &str) -> Result<Failure, PackError> {
        let Failure::Refused(refusal) = failure else { return Ok(failure) };
        let again = |refusal: Refusal| Failure::Busy { reason: refusal.text, after: None };
        match refusal.status.as_u16() {
            // It stands elsewhere, and says where when asked.
            409 => Ok(again(refusal)),
            460 if *mismatches < MISMATCHES_MAX => {
                *mismatches += 1;
                Ok(again(refusal))
            }
            460 if self.file.sha256().await? != sha256 => Err(PackError::InputChanged(self.file.path())),
            404 | 410 => Err(PackError::UploadGone),
            _ => Err(refusal.into_error()),
        }
    }

    async fn has_arrived(&self, place: &Place) -> bool {
        let title = self.tus.title(&place.file_id).await;
        title.is_ok_and(|title| !matches!(title.state.as_str(), "uploading" | "failed"))
    }

    fn progress(&self, offset: u64, started_at: u64, taken: Duration) -> Event {
        let rate = (offset - started_at) as f64 / taken.as_secs_f64().max(1e-3);
        let left = self.file.len() - offset;
        let percent = (offset as f64 / self.file.len() as f64 * 1000.0).round() / 10.0;
        let left_secs = (rate > 0.0).then(|| (left as f64 / rate).ceil() as u64);
        Event::Progress { percent: Some(percent), speed: None, left_secs }
    }
}

/// Follows the title to an end, and gives its state.
async fn wait(tus: &Tus<'_>, file_id: &str, report: &dyn Report) -> Result<String, PackError> {
    let mut last = (String::new(), None);
    loop {
        let title = tus.title(file_id).await?;
        match title.state.as_str() {
            "ready" | "published" => return Ok(title.state),
            "failed" => {
                let failure = title.failure.unwrap_or_default();
                return Err(PackError::TitleFailed { code: failure.code, message: failure.message });
            }
            "deleted" => return Err(PackError::ServerError("the title was deleted meanwhile".into())),
            _ => {}
        }
        // Every change of state, and every tenth.
        let now = (title.state, title.percent.map(|percent| (percent / 10.0) as u32));
        if now != last {
            let (file_id, state, left_secs) = (file_id.to_owned(), now.0.clone(), title.left_secs);
            report.report(&Event::Title { file_id, state, percent: title.percent, left_secs });
            last = now;
        }
        tokio::time::sleep(POLL).await;
    }
}
