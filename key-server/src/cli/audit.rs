use clap::Subcommand;

use super::{CliError, Context, output};
use crate::store::{AuditDamage, AuditTail};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Walk the hash chain; names every row that was altered, removed, inserted or moved, or prints the chain's tail, which
    /// is worth noting somewhere else.
    #[command(after_help = "Examples:
  key-server audit verify
  key-server audit verify --expect-head 5f0c…            the tail of an earlier run has to be in the chain

A database that was put back to an earlier state as a whole holds: only a noted tail shows that.")]
    Verify {
        /// A hash that was noted: fails unless a row has it.
        #[arg(long, value_name = "HASH", value_parser = parse_hash)]
        expect_head: Option<Hash>,
    },
}

type Hash = [u8; 32];

pub(super) async fn run(command: AuditCommand, context: &Context) -> Result<(), CliError> {
    let store = context.installation.store();
    match command {
        AuditCommand::Verify { expect_head } => match store.verify_audit_expecting(expect_head).await? {
            Ok(tail) => print_tail(&tail),
            Err(damage) => Err(refuse(&damage)),
        },
    }
}

fn print_tail(tail: &AuditTail) -> Result<(), CliError> {
    let AuditTail { first, seq, hash, sealed_at } = tail;
    let from = if *first > 1 { format!(" (from row {first}; earlier ones were pruned)") } else { String::new() };
    output::line(&format!("the chain holds: {seq} rows{from}, tail {}", hex::encode(hash)))?;
    sealed_at.map_or(Ok(()), |seq| {
        output::line(&format!(
            "its ends are sealed since row {seq}: right after the update of an older installation, and only then"
        ))
    })
}

fn refuse(damage: &AuditDamage) -> CliError {
    let mut lines = vec!["the audit log was tampered with:".to_owned()];
    lines.extend(damage.faults.iter().map(ToString::to_string));
    lines.extend(damage.more.then(|| "and more".to_owned()));
    CliError::Other(lines.join("\n  "))
}

fn parse_hash(text: &str) -> Result<Hash, String> {
    let mut hash = Hash::default();
    hex::decode_to_slice(text, &mut hash).map_err(|_| "64 hex digits, as `audit verify` prints them".to_owned())?;
    Ok(hash)
}
