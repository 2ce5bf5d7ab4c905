use clap::Args;
use keyveil_protocol::{AppId, FileId, TrackClass};

use super::{CliError, Context, output};
use crate::actions::signatures::{SignatureRequest, sign};

pub(super) const EXAMPLES: &str = "Examples:
  key-server sign --app 1000001 --file film
  key-server sign --app 1000001 --file film --uid alice --expires-in 90m --max-track HD
  key-server sign --app 1000001 --file film --json";

#[derive(Debug, Args)]
pub(super) struct SignArgs {
    /// The application.
    #[arg(long)]
    app: AppId,
    /// The title.
    #[arg(long)]
    file: FileId,
    /// The viewer.
    #[arg(long)]
    uid: Option<String>,
    /// For how long: a number with s, m, h or d. The application's maximum age caps it.
    #[arg(long, default_value = "24h", value_parser = parse_secs)]
    expires_in: u64,
    /// The highest track class: AUDIO, SD, HD or UHD.
    #[arg(long)]
    max_track: Option<TrackClass>,
    /// As JSON, with the expiry.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &SignArgs, context: &Context) -> Result<(), CliError> {
    let request = SignatureRequest {
        file_id: args.file.clone(),
        expires_in_secs: Some(args.expires_in),
        uid: args.uid.clone(),
        max_track: args.max_track,
    };
    let made = sign(&context.installation, args.app, &request, context.now).await?;
    if args.json { output::json(&made) } else { output::line(&made.psign) }
}

fn parse_secs(text: &str) -> Result<u64, String> {
    let advice = || "a number with s, m, h or d, such as 24h".to_owned();
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(advice)?;
    let (number, unit) = text.split_at(unit_at);
    let unit_secs = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(advice()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_secs)).ok_or_else(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_number_and_a_unit() {
        assert_eq!(parse_secs("90m"), Ok(5400));
        assert_eq!(parse_secs("24h"), Ok(86_400));
        for wrong in ["", "24", "h", "24y", "-1h", "1.5h", "99999999999999999999s", "9999999999999999999d"] {
            assert!(parse_secs(wrong).is_err(), "{wrong}");
        }
    }
}
