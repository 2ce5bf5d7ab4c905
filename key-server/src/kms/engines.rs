//! The engine that wraps and, while an installation moves from one engine to another, the one before it.

use futures_util::future::BoxFuture;

use super::{DataKey, Kms, KmsContext, KmsError, Plaintext};

/// Wraps with one engine, opens with whichever made the ciphertext.
pub struct Engines {
    current: Box<dyn Kms>,
    previous: Option<Box<dyn Kms>>,
}

impl Engines {
    /// `previous` opens and rewraps only.
    #[must_use]
    pub fn new(current: Box<dyn Kms>, previous: Option<Box<dyn Kms>>) -> Self {
        Self { current, previous }
    }

    fn maker_of(&self, ciphertext: &[u8]) -> &dyn Kms {
        match &self.previous {
            Some(previous) if self.is_of_previous(ciphertext) => previous.as_ref(),
            _ => self.current.as_ref(),
        }
    }

    fn is_of_previous(&self, ciphertext: &[u8]) -> bool {
        let previous = self.previous.as_ref().is_some_and(|previous| previous.key_name(ciphertext).is_some());
        previous && self.current.key_name(ciphertext).is_none()
    }
}

impl Kms for Engines {
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        self.current.generate_data_key(context)
    }

    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        self.current.encrypt(plaintext, context)
    }

    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>> {
        self.maker_of(ciphertext).decrypt(ciphertext, context)
    }

    fn rewrap<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        if !self.is_of_previous(ciphertext) {
            return self.current.rewrap(ciphertext, context);
        }
        Box::pin(async move { self.current.encrypt(&self.decrypt(ciphertext, context).await?, context).await })
    }

    fn is_current<'a>(&'a self, ciphertext: &'a [u8]) -> BoxFuture<'a, Result<bool, KmsError>> {
        if self.is_of_previous(ciphertext) {
            return Box::pin(async { Ok(false) });
        }
        self.current.is_current(ciphertext)
    }

    fn key_name(&self, ciphertext: &[u8]) -> Option<String> {
        self.maker_of(ciphertext).key_name(ciphertext)
    }

    fn new_key(&self) -> BoxFuture<'_, Result<String, KmsError>> {
        self.current.new_key()
    }
}
