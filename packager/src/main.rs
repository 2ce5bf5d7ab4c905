//! The `packager` binary.

mod cli;
mod core_dumps;

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Parser;
use keyveil_packager::{Event, PackError, Report, Run, import, pack, upload, work};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tracing_subscriber::EnvFilter;

use cli::{Cli, Command, Import, Pack, Upload, Worker};

/// How long the end waits for threads that read a file or a source.
const READERS_MAX: Duration = Duration::from_millis(500);
const SIGNALS_MAX: usize = 4;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    if let Err(error) = core_dumps::forbid() {
        eprintln!("warning: core dumps can't be forbidden: {error}");
    }
    match command {
        Command::Pack(arguments) => {
            log_lines();
            let report = Arc::from(arguments.progress.reporter("packing"));
            tell(start_pack(*arguments, &report), &report)
        }
        Command::Import(arguments) => {
            log_lines();
            let report = Arc::from(arguments.progress.reporter("importing"));
            tell(start_import(*arguments, &report), &report)
        }
        Command::Upload(arguments) => {
            log_lines();
            let report = Arc::from(arguments.progress.reporter("uploading"));
            tell(start_upload(*arguments, &report), &report)
        }
        Command::Worker(arguments) => {
            let filter = EnvFilter::try_from_env("KEYVEIL_LOG").unwrap_or_else(|_| "info".into());
            tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_writer(io::stderr).init();
            start_worker(*arguments).map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS)
        }
    }
}

fn log_lines() {
    let filter = EnvFilter::try_from_env("KEYVEIL_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
}

/// Tells how a run ended.
fn tell(result: Result<Event, PackError>, report: &Arc<dyn Report>) -> ExitCode {
    match result {
        Ok(event) => {
            report.report(&event);
            ExitCode::SUCCESS
        }
        Err(error) => {
            report.report(&Event::error(&error));
            fail(&error)
        }
    }
}

fn fail(error: &PackError) -> ExitCode {
    let _ = writeln!(io::stderr(), "error[{}]: {error}", error.code());
    ExitCode::from(error.exit_code())
}

fn start_pack(arguments: Pack, report: &Arc<dyn Report>) -> Result<Event, PackError> {
    let options = arguments.options()?;
    // The runtime ends in here, before the result is told: it waits for writes that are under way, and with the last of
    // them an unfinished output is removed.
    runtime()?.block_on(async {
        let interrupted = interruption()?;
        pack(options, Arc::clone(report), interrupted).await.map(|packed| Event::done(&packed))
    })
}

fn start_import(arguments: Import, report: &Arc<dyn Report>) -> Result<Event, PackError> {
    let options = arguments.options()?;
    runtime()?.block_on(async {
        let interrupted = interruption()?;
        import(options, Arc::clone(report), interrupted).await.map(|packed| Event::done(&packed))
    })
}

fn start_upload(arguments: Upload, report: &Arc<dyn Report>) -> Result<Event, PackError> {
    let options = arguments.options()?;
    run(async {
        let interrupted = interruption()?;
        tokio::select! {
            uploaded = upload(options, &**report) => uploaded,
            signal = interrupted => Err(PackError::Interrupted { signal }),
        }
    })
}

fn start_worker(arguments: Worker) -> Result<(), PackError> {
    if arguments.exit_with_parent {
        exit_with_parent()?;
    }
    let options = arguments.options()?;
    run(async { work(options, signals()?).await })
}

fn runtime() -> Result<Runtime, PackError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| PackError::Internal(error.to_string()))
}

/// Runs what only reads here: threads that still do are not waited for.
fn run<T>(work: impl Future<Output = Result<T, PackError>>) -> Result<T, PackError> {
    let runtime = runtime()?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(READERS_MAX);
    result
}

/// Has the kernel send SIGTERM when the process that started this one is gone.
#[cfg(target_os = "linux")]
fn exit_with_parent() -> Result<(), PackError> {
    let failed = |error: rustix::io::Errno| PackError::Internal(error.to_string());
    let parent = rustix::process::getppid();
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM)).map_err(failed)?;
    // Gone meanwhile: this process has been handed to another.
    if rustix::process::getppid() != parent {
        return Err(PackError::Interrupted { signal: SignalKind::terminate().as_raw_value() });
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn exit_with_parent() -> Result<(), PackError> {
    Err(PackError::OptionInvalid("--exit-with-parent works on Linux only".into()))
}

/// The numbers of all signals that ask the run to end.
fn signals() -> Result<mpsc::Receiver<i32>, PackError> {
    let (sender, receiver) = mpsc::channel(SIGNALS_MAX);
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut listener = signal(kind).map_err(|error| PackError::Internal(error.to_string()))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while listener.recv().await.is_some() {
                // The first two are all that mean something.
                let _ = sender.try_send(kind.as_raw_value());
            }
        });
    }
    Ok(receiver)
}

/// Resolves with the number of the first signal that asks the run to end.
fn interruption() -> Result<Run<'static, i32>, PackError> {
    let listen = |kind| signal(kind).map_err(|error| PackError::Internal(error.to_string()));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(Box::pin(async move {
        tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = hangup.recv() => SignalKind::hangup().as_raw_value(),
        }
    }))
}
