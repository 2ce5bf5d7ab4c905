//! The whole flow: probe → plan → register → make → rename → publish.

use std::{path::PathBuf, sync::Arc};

use futures_util::future::OptionFuture;
use keyveil_protocol::FileId;
use tokio::task::JoinHandle;

use crate::{
    Run,
    client::{Client, Registration, ServerOptions},
    error::PackError,
    input::Input,
    make::make,
    output::PartialOutput,
    packed::Packed,
    pictures::SPRITES_FOLDER,
    plan::{Choices, Plan},
    probe::{self, Source},
    progress::{Event, Report},
    sealer::Sealer,
    sink::Sink,
};

/// The protocol's limit on a title's name.
const NAME_BYTES_MAX: usize = 256;
/// What to pack, and whereto.
#[derive(Debug, Clone)]
pub struct PackOptions {
    pub input: PathBuf,
    /// The folder that gets a folder named after the file id.
    pub out: PathBuf,
    /// Made at random when absent.
    pub file_id: Option<FileId>,
    /// For people; the input's file name when absent.
    pub name: Option<String>,
    pub choices: Choices,
    /// Needed in private mode.
    pub server: Option<ServerOptions>,
}

/// Packs one video. When `interrupted` resolves (with a signal's number), or on any failure, ffmpeg is stopped, the partial
/// output removed, and what had been registered deleted again.
#[must_use]
pub fn pack(
    options: PackOptions,
    report: Arc<dyn Report>,
    interrupted: Run<'static, i32>,
) -> Run<'static, Result<Packed, PackError>> {
    Box::pin(async move { undone_unless_done(interrupted, async |undo| run(options, &report, undo).await).await })
}

/// Runs to the end, or until `interrupted`; what was done is taken back unless all of it was.
pub(crate) async fn undone_unless_done<T>(
    interrupted: Run<'static, i32>,
    run: impl AsyncFnOnce(&mut Undo) -> Result<T, PackError>,
) -> Result<T, PackError> {
    let mut undo = Undo::default();
    let result = tokio::select! {
        result = run(&mut undo) => result,
        signal = interrupted => Err(PackError::Interrupted { signal }),
    };
    if result.is_err() {
        undo.roll_back().await;
    }
    result
}

/// What must be taken back when the run fails.
#[derive(Debug, Default)]
pub(crate) struct Undo {
    pub(crate) registered: Option<(Client, Registration)>,
    committing: Option<JoinHandle<Result<PathBuf, PackError>>>,
    committed: Option<PathBuf>,
}

impl Undo {
    async fn roll_back(mut self) {
        if let Some(Ok(Ok(folder))) = OptionFuture::from(self.committing.take()).await {
            self.committed = Some(folder);
        }
        if let Some(folder) = self.committed {
            let _ = tokio::task::spawn_blocking(move || PartialOutput::retract(&folder)).await;
        }
        if let Some((client, registration)) = self.registered {
            client.delete(&registration).await;
        }
    }
}

async fn run(options: PackOptions, report: &Arc<dyn Report>, undo: &mut Undo) -> Result<Packed, PackError> {
    let mode = options.choices.mode;
    if mode.is_encrypted() && options.server.is_none() {
        return Err(PackError::OptionInvalid(
            "private and standard mode need --server and --api-key; use --mode clear to pack without a key server"
                .into(),
        ));
    }
    let name = title_name(&options)?;
    let file_id = match options.file_id {
        Some(file_id) => file_id,
        None => random_file_id()?,
    };
    let client = options.server.map(|server| Client::new(server, Arc::clone(report))).transpose()?;
    let input = Input::file(&options.input);
    let source = probe::look_at(&input).await?;
    let plan = Plan::new(&source, options.choices)?;
    let output = prepare_output(options.out, &file_id, &plan).await?;
    report.report(&started(&file_id, &plan, &source));
    let (registration, title_secret) = match &client {
        Some(client) => {
            let (registration, title_secret) = client.register(&file_id, &name, mode).await?;
            // Only what this run holds is its to delete.
            undo.registered = Some((client.clone(), registration.clone()));
            (Some(registration), title_secret)
        }
        None => (None, None),
    };
    let sealer = Sealer::new(file_id.clone(), &plan.choices, title_secret);
    let sink = Sink::Folder(Arc::clone(&output));
    let media = make(&plan, &input, &source, sealer, &sink, report).await?.media;
    let folder = commit(output, undo).await?;
    if let (Some(client), Some(registration)) = (&client, &registration) {
        client.publish(registration, &media).await.inspect_err(|error| {
            // Another run has registered the title anew, and perhaps published it: it is not this run's to delete.
            if matches!(error, PackError::TitleExists(_)) {
                undo.registered = None;
            }
        })?;
    }
    Ok(Packed { file_id, folder, media, published: client.is_some() })
}

async fn prepare_output(out: PathBuf, file_id: &FileId, plan: &Plan) -> Result<Arc<PartialOutput>, PackError> {
    let file_id = file_id.clone();
    let folders = plan.renditions.iter().map(|rendition| rendition.folder.clone());
    let sprites = plan.choices.sprites.map(|_| SPRITES_FOLDER.to_owned());
    let folders: Vec<_> = folders.chain(sprites).collect();
    let work = move || {
        let output = PartialOutput::create(&out, &file_id)?;
        folders.iter().try_for_each(|folder| output.create_folder(folder))?;
        Ok(Arc::new(output))
    };
    tokio::task::spawn_blocking(work).await?
}

/// Gives the folder its name.
pub(crate) async fn commit(output: Arc<PartialOutput>, undo: &mut Undo) -> Result<PathBuf, PackError> {
    // Kept where an interruption can wait for its end: the rename may happen all the same, and is then taken back.
    let work = undo.committing.insert(tokio::task::spawn_blocking(move || output.commit()));
    let finished = work.await;
    undo.committing = None;
    let folder = finished??;
    undo.committed = Some(folder.clone());
    Ok(folder)
}

fn started(file_id: &FileId, plan: &Plan, source: &Source) -> Event {
    let renditions = plan.renditions.iter().map(|rendition| rendition.name.clone()).collect();
    Event::Started { file_id: file_id.to_string(), renditions, duration_secs: source.duration_secs }
}

fn title_name(options: &PackOptions) -> Result<String, PackError> {
    if let Some(name) = &options.name {
        let fits = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
        let why = || PackError::OptionInvalid(format!("--name takes 1 to {NAME_BYTES_MAX} bytes of text"));
        return if fits { Ok(name.clone()) } else { Err(why()) };
    }
    let stem = options.input.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let mut name: String = stem.chars().filter(|character| !character.is_control()).collect();
    while name.len() > NAME_BYTES_MAX {
        name.pop();
    }
    Ok(if name.is_empty() { "video".into() } else { name })
}

/// 24 lower-case hex digits.
pub(crate) fn random_file_id() -> Result<FileId, PackError> {
    let mut random = [0; 12];
    getrandom::fill(&mut random).map_err(|error| PackError::Internal(error.to_string()))?;
    hex::encode(random).parse().map_err(|_| PackError::Internal("a random file id is malformed".into()))
}
