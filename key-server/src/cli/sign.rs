use clap::Args;
use keyveil_protocol::psign::ResolutionName;
use keyveil_protocol::{AddressRange, AppId, BelowMinLevel, FileId, KeyId, PlaybackLevel, TrackClass};

use super::{CliError, Context, output};
use crate::actions::signatures::{SignatureRequest, sign};

pub(super) const EXAMPLES: &str = "Examples:
  key-server sign --app 1000001 --file film
  key-server sign --app 1000001 --file film --uid alice --expires-in 90m --max-track HD
  key-server sign --app 1000001 --file film --min-level sealed --below-min-level SD
  key-server sign --app 1000001 --file film --preview 5m --us campaign-7
  key-server sign --app 1000001 --file film --uid alice --sessions 2 --ip 203.0.113.0/24 --ip 2001:db8::/32
  key-server sign --app 1000001 --file film --once --json";

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
    /// The least playback level: sealed, guarded or standard.
    #[arg(long, value_name = "LEVEL")]
    min_level: Option<PlaybackLevel>,
    /// What a lower level gets: refuse, or the highest track class: AUDIO, SD, HD or UHD.
    #[arg(long, value_name = "OUTCOME", requires = "min_level")]
    below_min_level: Option<BelowMinLevel>,
    /// A preview of this length: a number with s, m, h or d.
    #[arg(long, value_parser = parse_secs)]
    preview: Option<u64>,
    /// So many client addresses may use it, at most 9.
    #[arg(long, value_name = "COUNT")]
    address_limit: Option<u64>,
    /// An address or range that every request has to come from; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    ip: Vec<AddressRange>,
    /// The domain of a page that may use it; may be repeated.
    #[arg(long, value_name = "DOMAIN")]
    domain: Vec<String>,
    /// It opens one session only.
    #[arg(long)]
    once: bool,
    /// So many sessions of the viewer at once, at most 100.
    #[arg(long, value_name = "COUNT", requires = "uid")]
    sessions: Option<u32>,
    /// A mark to find its sessions by.
    #[arg(long)]
    us: Option<String>,
    /// Text that the player draws over the picture.
    #[arg(long, value_name = "TEXT")]
    watermark: Option<String>,
    /// A name in the quality menu, such as 720=HD; may be repeated.
    #[arg(long, value_name = "EDGE=NAME", value_parser = parse_resolution_name)]
    resolution_name: Vec<ResolutionName>,
    /// The signing key; the newest one by default.
    #[arg(long)]
    kid: Option<KeyId>,
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
        min_level: args.min_level,
        below_min_level: args.below_min_level,
        preview_secs: args.preview,
        address_limit: args.address_limit,
        ip: Some(args.ip.clone()).filter(|ranges| !ranges.is_empty()),
        domains: args.domain.clone(),
        once: args.once,
        sessions: args.sessions,
        us: args.us.clone(),
        watermark: args.watermark.clone(),
        resolution_names: args.resolution_name.clone(),
        kid: args.kid.clone(),
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

fn parse_resolution_name(text: &str) -> Result<ResolutionName, String> {
    let parsed = text.split_once('=').and_then(|(edge, name)| Some((edge.parse().ok()?, name)));
    let (min_edge_length, name) = parsed.ok_or_else(|| "an edge in pixels and a name, such as 720=HD".to_owned())?;
    Ok(ResolutionName { min_edge_length, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolution_names_have_an_edge_and_a_name() {
        let name = ResolutionName { min_edge_length: 720, name: "HD=good".to_owned() };
        assert_eq!(parse_resolution_name("720=HD=good"), Ok(name));
        for wrong in ["", "720", "HD=720", "-1=HD", "=HD"] {
            assert!(parse_resolution_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_need_a_number_and_a_unit() {
        assert_eq!(parse_secs("90m"), Ok(5400));
        assert_eq!(parse_secs("24h"), Ok(86_400));
        for wrong in ["", "24", "h", "24y", "-1h", "1.5h", "99999999999999999999s", "9999999999999999999d"] {
            assert!(parse_secs(wrong).is_err(), "{wrong}");
        }
    }
}
