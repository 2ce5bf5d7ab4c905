use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::StoreError;

/// What the holder of an API key may do (docs/WORKFLOW.md, "Who may ask").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything that is only looked at.
    Read,
    /// Titles, uploads, workflows.
    Write,
    /// Registers titles and receives their secrets.
    Pack,
    /// Player signatures.
    Sign,
    /// The application itself: keys, webhooks, sessions, audit.
    Manage,
    /// Works on jobs of every application, and nothing else.
    Worker,
}

impl Scope {
    const ALL: [Self; 6] = [Self::Read, Self::Write, Self::Pack, Self::Sign, Self::Manage, Self::Worker];

    /// Its name in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Pack => "pack",
            Self::Sign => "sign",
            Self::Manage => "manage",
            Self::Worker => "worker",
        }
    }
}

/// Some scopes, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Everything that a key of an application can be allowed.
    #[must_use]
    pub fn all_of_an_app() -> Self {
        Self(Scope::ALL.into_iter().filter(|scope| *scope != Scope::Worker).collect())
    }

    /// A worker's.
    #[must_use]
    pub fn worker() -> Self {
        Self(vec![Scope::Worker])
    }

    /// In their one order; twice the same counts once.
    #[must_use]
    pub fn new(scopes: &[Scope]) -> Self {
        Self(Scope::ALL.into_iter().filter(|scope| scopes.contains(scope)).collect())
    }

    /// Whether `scope` is among them.
    #[must_use]
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Each of them.
    #[must_use]
    pub fn as_slice(&self) -> &[Scope] {
        &self.0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|scope| scope.as_str()).collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for Scopes {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let scope = |name: &str| Scope::ALL.into_iter().find(|scope| scope.as_str() == name);
        let scopes: Option<Vec<_>> = text.split(',').map(scope).collect();
        scopes.map(|scopes| Self::new(&scopes)).ok_or(StoreError::Corrupt("scopes"))
    }
}
