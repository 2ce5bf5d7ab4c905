use clap::Subcommand;

use super::{CliError, Context, output};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Walk the hash chain; prints its tail, worth noting somewhere else.
    #[command(after_help = "Example:\n  key-server audit verify")]
    Verify,
}

pub(super) async fn run(command: AuditCommand, context: &Context) -> Result<(), CliError> {
    let AuditCommand::Verify = command;
    match context.installation.store().verify_audit().await? {
        Ok(tail) => output::line(&format!("the chain holds: {} rows, tail {}", tail.seq, hex::encode(tail.hash))),
        Err(seq) => Err(CliError::Other(format!("the audit log was tampered with: row {seq} does not hold"))),
    }
}
