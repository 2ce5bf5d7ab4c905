//! The `packager` binary.

mod cli;

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser;
use keyveil_packager::{Event, PackError, Packed, Report, pack};
use tokio::signal::unix::{SignalKind, signal};

use cli::{Cli, Command, Pack};

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("KEYVEIL_LOG").unwrap_or_else(|_| "warn".into()))
        .with_writer(io::stderr)
        .init();
    let Command::Pack(arguments) = Cli::parse().command;
    let report: Arc<dyn Report> = Arc::from(arguments.progress.reporter());
    match start(*arguments, &report) {
        Ok(packed) => {
            report.report(&Event::done(&packed));
            ExitCode::SUCCESS
        }
        Err(error) => {
            report.report(&Event::error(&error));
            let _ = writeln!(io::stderr(), "error[{}]: {error}", error.code());
            ExitCode::from(error.exit_code())
        }
    }
}

fn start(arguments: Pack, report: &Arc<dyn Report>) -> Result<Packed, PackError> {
    let options = arguments.options()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| PackError::Internal(error.to_string()))?;
    // The runtime ends here, before the result is told: it waits for writes that are under way, and with the last of them
    // an unfinished output is removed.
    runtime.block_on(async {
        let interrupted = interruption()?;
        pack(options, Arc::clone(report), interrupted).await
    })
}

/// Resolves with the number of the first signal that asks the run to end.
fn interruption() -> Result<impl Future<Output = i32>, PackError> {
    let listen = |kind| signal(kind).map_err(|error| PackError::Internal(error.to_string()));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = hangup.recv() => SignalKind::hangup().as_raw_value(),
        }
    })
}
