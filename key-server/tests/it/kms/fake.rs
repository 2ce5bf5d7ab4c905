//! An engine that fails in every way an engine can.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use keyveil_key_server::kms::{DataKey, Existing, Kms, KmsContext, KmsError, LocalKeyring, Plaintext, RootKeySource};

/// How the engine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    Down,
    /// Rewraps into what nobody can open.
    RewrappingAmiss,
    /// Rewraps one secret as another.
    RewrappingAnother,
    /// Opens, and wraps nothing for half a minute.
    OnlyOpening,
    /// Never answers at all.
    Hanging,
    /// Wants to be asked again after these seconds.
    Throttling(u64),
}

/// The local keyring behind whims.
pub(crate) struct FakeKms {
    inner: LocalKeyring,
    whims: Whims,
    _dir: Arc<tempfile::TempDir>,
}

/// To steer a [`FakeKms`] from outside.
#[derive(Clone, Default)]
pub(crate) struct Whims {
    mood: Arc<AtomicU64>,
    delay_ms: Arc<AtomicU64>,
    calls: Arc<AtomicU32>,
}

impl Whims {
    pub(crate) fn set(&self, mood: Mood) {
        let code = match mood {
            Mood::Well => 0,
            Mood::Down => 1,
            Mood::Hanging => 2,
            Mood::OnlyOpening => 3,
            Mood::RewrappingAmiss => 4,
            Mood::RewrappingAnother => 5,
            Mood::Throttling(secs) => 100 + secs,
        };
        self.mood.store(code, Ordering::SeqCst);
    }

    /// Each call takes at least so long.
    pub(crate) fn slow_down(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    async fn wrap(&self) -> Result<(), KmsError> {
        self.act().await?;
        match self.mood.load(Ordering::SeqCst) {
            3 => Err(KmsError::Unavailable { retry_after: Some(Duration::from_secs(30)) }),
            _ => Ok(()),
        }
    }

    async fn act(&self) -> Result<(), KmsError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let delay = self.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        match self.mood.load(Ordering::SeqCst) {
            0 | 3..=5 => Ok(()),
            1 => Err(KmsError::UNAVAILABLE),
            2 => std::future::pending().await,
            code => Err(KmsError::Unavailable { retry_after: Some(Duration::from_secs(code - 100)) }),
        }
    }
}

impl FakeKms {
    pub(crate) fn new() -> (Self, Whims) {
        let (dir, whims) = (Arc::new(tempfile::tempdir().unwrap()), Whims::default());
        let source = RootKeySource::File(dir.path().join("root.key"));
        let inner = LocalKeyring::open(&dir.path().join("keyring.json"), &source, Existing::default()).unwrap();
        (Self { inner, whims: whims.clone(), _dir: dir }, whims)
    }
}

impl Kms for FakeKms {
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        Box::pin(async move {
            self.whims.wrap().await?;
            self.inner.generate_data_key(context).await
        })
    }

    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move {
            self.whims.wrap().await?;
            self.inner.encrypt(plaintext, context).await
        })
    }

    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>> {
        Box::pin(async move {
            self.whims.act().await?;
            self.inner.decrypt(ciphertext, context).await
        })
    }

    fn rewrap<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move {
            self.whims.wrap().await?;
            match self.whims.mood.load(Ordering::SeqCst) {
                4 => self.inner.encrypt(b"a", &KmsContext::Probe).await,
                5 => self.inner.encrypt(b"a", context).await,
                _ => self.inner.rewrap(ciphertext, context).await,
            }
        })
    }

    fn is_current<'a>(&'a self, ciphertext: &'a [u8]) -> BoxFuture<'a, Result<bool, KmsError>> {
        self.inner.is_current(ciphertext)
    }

    fn key_name(&self, ciphertext: &[u8]) -> Option<String> {
        self.inner.key_name(ciphertext)
    }

    fn new_key(&self) -> BoxFuture<'_, Result<String, KmsError>> {
        self.inner.new_key()
    }
}
