//! No call takes longer than it may, and an engine that does not answer is left alone for a while.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tracing::Instrument;

use super::breaker::Breaker;
use super::meter::KmsMeter;
use super::{DataKey, Kms, KmsContext, KmsError, PLAINTEXT_LEN_MAX, Plaintext};
use crate::traces;

/// An engine behind a timeout and circuit breakers.
pub struct Guarded {
    inner: Box<dyn Kms>,
    timeout: Duration,
    breakers: Mutex<BTreeMap<Side, Breaker>>,
    meter: Option<KmsMeter>,
}

/// What fails together, and is left alone together: a keyring that can't be written must not keep titles from being
/// played, nor an engine that an installation moves away from keep those of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Wrap,
    /// What begins with this tag.
    Unwrap(Option<u8>),
}

impl Side {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Wrap => "wrap",
            Self::Unwrap(_) => "unwrap",
        }
    }

    const fn tag(self) -> Option<u8> {
        match self {
            Self::Wrap => None,
            Self::Unwrap(tag) => tag,
        }
    }
}

impl Guarded {
    /// `timeout` is for one call, whatever the engine repeats within.
    #[must_use]
    pub fn new(inner: Box<dyn Kms>, timeout: Duration) -> Self {
        Self { inner, timeout, breakers: Mutex::default(), meter: None }
    }

    /// Has calls counted.
    #[must_use]
    pub(crate) fn measured(mut self, meter: Option<KmsMeter>) -> Self {
        self.meter = meter;
        self
    }

    async fn call<T>(&self, side: Side, call: impl Future<Output = Result<T, KmsError>>) -> Result<T, KmsError> {
        let admitted = self.with_breaker(side, |breaker| breaker.admit(Instant::now(), self.timeout));
        let engine = self.meter.as_ref().map_or("", |meter| meter.engine(side.tag()));
        admitted.map_err(|wait| {
            self.count(|meter| meter.not_called(engine));
            KmsError::Unavailable { retry_after: Some(wait) }
        })?;
        let (begun, span) = (Instant::now(), traces::kms(engine, side.as_str()));
        let call = tokio::time::timeout(self.timeout, call).instrument(span);
        let result = call.await.unwrap_or(Err(KmsError::UNAVAILABLE));
        let is_open = self.with_breaker(side, |breaker| {
            match &result {
                Err(KmsError::Unavailable { retry_after }) => breaker.failed(Instant::now(), *retry_after),
                _ => breaker.answered(),
            }
            breaker.is_open()
        });
        self.count(|meter| {
            meter.called(engine, &result, begun.elapsed());
            meter.breaker(engine, side.as_str(), is_open);
        });
        if let Err(KmsError::Unavailable { retry_after }) = &result {
            tracing::warn!(?side, ?retry_after, "the KMS does not answer");
        }
        result
    }

    fn count(&self, count: impl FnOnce(&KmsMeter)) {
        if let Some(meter) = &self.meter {
            count(meter);
        }
    }

    fn with_breaker<T>(&self, side: Side, act: impl FnOnce(&mut Breaker) -> T) -> T {
        act(self.breakers.lock().unwrap_or_else(PoisonError::into_inner).entry(side).or_default())
    }
}

impl Kms for Guarded {
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        Box::pin(self.call(Side::Wrap, self.inner.generate_data_key(context)))
    }

    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        if plaintext.len() > PLAINTEXT_LEN_MAX {
            return Box::pin(async { Err(KmsError::TooLong) });
        }
        Box::pin(self.call(Side::Wrap, self.inner.encrypt(plaintext, context)))
    }

    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>> {
        Box::pin(self.call(Side::Unwrap(ciphertext.first().copied()), self.inner.decrypt(ciphertext, context)))
    }

    fn rewrap<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(self.call(Side::Wrap, self.inner.rewrap(ciphertext, context)))
    }

    fn is_current<'a>(&'a self, ciphertext: &'a [u8]) -> BoxFuture<'a, Result<bool, KmsError>> {
        Box::pin(self.call(Side::Wrap, self.inner.is_current(ciphertext)))
    }

    fn key_name(&self, ciphertext: &[u8]) -> Option<String> {
        self.inner.key_name(ciphertext)
    }

    fn new_key(&self) -> BoxFuture<'_, Result<String, KmsError>> {
        Box::pin(self.call(Side::Wrap, self.inner.new_key()))
    }
}
