use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{CliError, Context, output};
use crate::config::Config;
use crate::store::{AuditDamage, AuditTail, verify_audit_copy};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Walk the hash chain; names every row that was altered, removed, inserted or moved, or prints the chain's tail, which
    /// is worth noting somewhere else.
    #[command(after_help = "Examples:
  key-server audit verify
  key-server audit verify --expect-head 5f0c…            the tail of an earlier run has to be in the chain
  key-server audit verify --file audit.jsonl             a copy, on any machine

A database that was put back to an earlier state as a whole holds, and so does a copy without its first or last
lines: only a noted tail shows that.")]
    Verify {
        /// A hash that was noted: fails unless a row has it.
        #[arg(long, value_name = "HASH", value_parser = parse_hash)]
        expect_head: Option<Hash>,
        /// A copy that `audit export` made, instead of the database.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print rows as JSON lines, each with its hash and the one before.
    #[command(after_help = "Examples:
  key-server audit export > audit.jsonl
  key-server audit export --from 5001 > audit-5001.jsonl")]
    Export {
        /// The first row.
        #[arg(long, value_name = "ROW", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
        from: i64,
        /// The last row.
        #[arg(long, value_name = "ROW", default_value_t = i64::MAX, hide_default_value = true)]
        to: i64,
    },
}

type Hash = [u8; 32];

pub(super) async fn run(command: AuditCommand, config: &Config) -> Result<(), CliError> {
    match command {
        AuditCommand::Verify { expect_head, file: Some(file) } => {
            let verified = tokio::task::spawn_blocking(move || verify_file(&file, expect_head)).await;
            tell(verified.map_err(|error| CliError::Other(error.to_string()))??)
        }
        AuditCommand::Verify { expect_head, file: None } => {
            let context = Context::open(config).await?;
            tell(context.installation.store().verify_audit_expecting(expect_head).await?)
        }
        AuditCommand::Export { from, to } => export(&Context::open(config).await?, from, to).await,
    }
}

fn verify_file(file: &Path, expected: Option<Hash>) -> Result<Result<AuditTail, AuditDamage>, CliError> {
    let unreadable = |error: &dyn std::fmt::Display| CliError::Other(format!("{}: {error}", file.display()));
    let copy = File::open(file).map_err(|error| unreadable(&error))?;
    verify_audit_copy(BufReader::new(copy), expected).map_err(|error| unreadable(&error))
}

async fn export(context: &Context, from: i64, to: i64) -> Result<(), CliError> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let each = |line: &str| Ok::<_, CliError>(writeln!(out, "{line}")?);
    context.installation.store().export_audit(from, to, each).await?;
    Ok(out.flush()?)
}

fn tell(verified: Result<AuditTail, AuditDamage>) -> Result<(), CliError> {
    let AuditTail { first, seq, hash, sealed_at } = verified.map_err(|damage| refuse(&damage))?;
    output::line(&format!("the chain holds: rows {first} to {seq}, tail {}", hex::encode(hash)))?;
    sealed_at.map_or(Ok(()), |seq| {
        output::line(&format!(
            "its ends are sealed since row {seq}: such a row comes right after the update of an older installation, and at no other time"
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
