use serde::Deserialize;

/// `[log]`: how the server logs (always to standard error).
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// For a person or for a machine.
    pub format: LogFormat,
    /// A `tracing` filter such as `info` or `keyveil_key_server=debug`.
    pub filter: String,
}

/// The shape of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line per event.
    #[default]
    Human,
    /// One JSON object per event.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Human, filter: "info,sqlx=warn".to_owned() }
    }
}
