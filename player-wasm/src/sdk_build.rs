//! The SDK build embedded at compile time: who we are to the server, and which server keys we trust.

use std::hint::black_box;

use keyveil_protocol::{BuildId, Psk, PskSecret, ServerKeyId, ServerPublicKey};
use zeroize::Zeroizing;

use crate::session::PlayerError;

include!(concat!(env!("OUT_DIR"), "/sdk_build.rs"));

/// What build.rs writes.
pub(crate) struct EmbeddedBuild {
    pub(crate) build_id: &'static str,
    pub(crate) masked_secret: [u8; 32],
    pub(crate) mask: [u8; 32],
    pub(crate) server_keys: &'static [(&'static str, [u8; 32])],
}

/// One SDK build, with its ids parsed.
pub(crate) struct SdkBuild {
    pub(crate) build_id: BuildId,
    server_keys: Vec<ServerPublicKey>,
    masked_secret: [u8; 32],
    mask: [u8; 32],
}

impl SdkBuild {
    /// The build compiled into this module.
    ///
    /// # Errors
    /// `build_missing` when it was compiled without one, or with one this protocol can't use.
    pub(crate) fn embedded() -> Result<Self, PlayerError> {
        Self::parse(EMBEDDED.as_ref().ok_or(PlayerError::BUILD_MISSING)?)
    }

    pub(crate) fn parse(build: &EmbeddedBuild) -> Result<Self, PlayerError> {
        let mut server_keys = Vec::with_capacity(build.server_keys.len());
        for (id, public_key) in build.server_keys {
            let id = id.parse().map_err(|_| PlayerError::BUILD_MISSING)?;
            server_keys.push(ServerPublicKey::from_bytes(id, public_key).map_err(|_| PlayerError::BUILD_MISSING)?);
        }
        Ok(Self {
            build_id: build.build_id.parse().map_err(|_| PlayerError::BUILD_MISSING)?,
            server_keys,
            masked_secret: build.masked_secret,
            mask: build.mask,
        })
    }

    /// The pinned key of that id.
    ///
    /// # Errors
    /// `server_key_unknown` when no such key is pinned.
    pub(crate) fn server_key(&self, id: &ServerKeyId) -> Result<&ServerPublicKey, PlayerError> {
        self.server_keys.iter().find(|pinned| pinned.id() == id).ok_or(PlayerError::SERVER_KEY_UNKNOWN)
    }

    /// What authenticates this build to the server. Unmasked only for the moment an envelope is opened; `black_box` keeps the
    /// compiler from folding it into a constant.
    pub(crate) fn psk(&self) -> Psk {
        let (masked, mask) = (black_box(&self.masked_secret), black_box(&self.mask));
        let mut secret = Zeroizing::new([0; 32]);
        for (byte, (masked, mask)) in secret.iter_mut().zip(masked.iter().zip(mask)) {
            *byte = masked ^ mask;
        }
        Psk::new(self.build_id.as_str(), PskSecret::from_bytes(*secret))
    }
}
