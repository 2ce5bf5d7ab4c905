//! The SDK build in this module (docs/BUILDS.md): who we are to the server, and which server keys we trust.

use keyveil_protocol::{BuildId, EmbeddedBuild, Psk, ServerKeyId, ServerPublicKey};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen::prelude::wasm_bindgen;

use crate::session::PlayerError;

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen]
extern "C" {
    /// A word of the SDK build. `key-server build write` puts a function of that build in the place of this import, which it
    /// knows by its name; until then it is a function that every JavaScript has, and that answers 0 for word 0: no build.
    #[wasm_bindgen(js_namespace = Math, js_name = sign)]
    fn keyveil_build_word(index: u32) -> u32;
}

/// One SDK build. Its secret is read at each use, and kept nowhere between.
pub(crate) struct SdkBuild(EmbeddedBuild<Box<dyn Fn(u32) -> u32>>);

impl SdkBuild {
    /// The build that was written into this module.
    ///
    /// # Errors
    /// `build_missing` when none was, or one that this protocol can't use.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn embedded() -> Result<Self, PlayerError> {
        Self::read(keyveil_build_word)
    }

    /// The build whose words `word` gives.
    ///
    /// # Errors
    /// `build_missing`.
    pub(crate) fn read(word: impl Fn(u32) -> u32 + 'static) -> Result<Self, PlayerError> {
        let word: Box<dyn Fn(u32) -> u32> = Box::new(word);
        Ok(Self(EmbeddedBuild::read(word)?))
    }

    pub(crate) const fn id(&self) -> &BuildId {
        self.0.id()
    }

    /// The pinned key of that id.
    ///
    /// # Errors
    /// `server_key_unknown` when no such key is pinned.
    pub(crate) fn server_key(&self, id: &ServerKeyId) -> Result<&ServerPublicKey, PlayerError> {
        self.0.server_keys().iter().find(|pinned| pinned.id() == id).ok_or(PlayerError::SERVER_KEY_UNKNOWN)
    }

    /// What authenticates this build to the server, for the moment that an envelope is opened.
    pub(crate) fn psk(&self) -> Psk {
        self.0.psk()
    }
}
