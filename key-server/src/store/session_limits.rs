use keyveil_protocol::AddressRange;
use serde::{Deserialize, Serialize};

/// What the signature of a session limits beyond its opening: the column `limits`, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionLimits {
    /// Every request comes from one of these; empty for anywhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip: Vec<AddressRange>,
    /// So many client addresses use the signature, over all its sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rlimit: Option<u64>,
    /// Lists of domains; the page satisfies each of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<Vec<String>>,
    /// The signature opens one session.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// So many sessions of the viewer at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u32>,
}
