use std::sync::Arc;
use std::time::Duration;

use super::{KmsError, tag};
use crate::config::KmsEngine;
use crate::metrics::Metrics;

/// Counts calls of the engines behind a guard.
pub(crate) struct KmsMeter {
    metrics: Arc<Metrics>,
    engine: KmsEngine,
}

impl KmsMeter {
    /// `engine` is the one that wraps.
    pub(super) const fn new(metrics: Arc<Metrics>, engine: KmsEngine) -> Self {
        Self { metrics, engine }
    }

    /// A call was made, and ended so.
    pub(super) fn called<T>(&self, engine: &'static str, result: &Result<T, KmsError>, took: Duration) {
        let outcome = match result {
            Ok(_) => "ok",
            Err(KmsError::Unavailable { .. }) => "unavailable",
            Err(KmsError::Rejected | KmsError::TooLong | KmsError::Unsupported) => "rejected",
        };
        self.metrics.kms_called(engine, outcome, Some(took));
    }

    /// The breaker let none through.
    pub(super) fn not_called(&self, engine: &'static str) {
        self.metrics.kms_called(engine, "breaker", None);
    }

    /// How a breaker is after that.
    pub(super) fn breaker(&self, engine: &'static str, side: &'static str, is_open: bool) {
        self.metrics.kms_breaker(engine, side, is_open);
    }

    /// Who opens what begins with `tag`; without one, who wraps.
    pub(super) const fn engine(&self, tag: Option<u8>) -> &'static str {
        match tag {
            None => self.engine.as_str(),
            Some(tag::ROOT_KEY | tag::LOCAL) => KmsEngine::Local.as_str(),
            Some(tag::PKCS11) => KmsEngine::Pkcs11.as_str(),
            Some(tag::AWS) => KmsEngine::Aws.as_str(),
            Some(tag::VAULT) => KmsEngine::Vault.as_str(),
            Some(_) => "other",
        }
    }
}
