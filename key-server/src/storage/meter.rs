use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use tracing::Instrument;

use super::StorageError;
use crate::metrics::Metrics;
use crate::traces;

/// Counts what a storage does, where anybody asks.
#[derive(Clone)]
pub(super) struct Meter {
    kind: &'static str,
    metrics: Option<Arc<Metrics>>,
}

impl Meter {
    pub(super) const fn new(kind: &'static str) -> Self {
        Self { kind, metrics: None }
    }

    pub(super) fn counting(self, metrics: &Arc<Metrics>) -> Self {
        Self { metrics: Some(Arc::clone(metrics)), ..self }
    }

    /// Does `work`.
    pub(super) async fn time<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        let begun = Instant::now();
        let result = work.instrument(traces::storage(self.kind, operation)).await;
        if let Some(metrics) = &self.metrics {
            metrics.stored(self.kind, operation, outcome_of(&result), begun.elapsed());
        }
        result
    }
}

const fn outcome_of<T>(result: &Result<T, StorageError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(StorageError::NotFound) => "not_found",
        Err(StorageError::NoSpace) => "no_space",
        Err(StorageError::TooLong | StorageError::Unavailable(_)) => "failed",
    }
}
