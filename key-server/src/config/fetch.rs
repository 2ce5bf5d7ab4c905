use serde::Deserialize;

/// `[fetch]`: requests that the server itself makes: sources by URL, webhooks.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FetchConfig {
    /// Allows plain http webhooks and addresses of private and local ranges: for tests and closed networks.
    pub allow_private: bool,
}
