//! The addresses of a version's files for one viewer.

use std::sync::Arc;

use keyveil_protocol::AppId;

use super::{OpenMediaOrigin, open_origins};
use crate::origin::{MediaFolder, UrlTerms};
use crate::refusal::Refusal;
use crate::state::ServerState;

/// Signs the files of one folder.
pub(crate) struct MediaAddresses {
    folder: MediaFolder,
    signer: Signer,
}

enum Signer {
    /// The base of every address: server, url token, folder.
    PathHmac(String),
    Vendor(Arc<OpenMediaOrigin>, UrlTerms),
}

impl MediaAddresses {
    /// Those of the application's default media origin, else this server's own; they end with `expires_at` at the latest.
    pub(crate) async fn of_app(
        state: &ServerState,
        app_id: AppId,
        folder: MediaFolder,
        expires_at: u64,
    ) -> Result<Self, Refusal> {
        let origins = open_origins(state, app_id).await?;
        let signer = match origins.iter().find(|origin| origin.is_default) {
            Some(origin) => match &origin.auth {
                Some(auth) => Signer::Vendor(Arc::clone(origin), auth.terms(state.clock.now(), expires_at)),
                None => Signer::PathHmac(format!("{}{}", origin.base_url, state.media_path(&folder, expires_at))),
            },
            None => Signer::PathHmac(format!("{}{}", state.base_url(), state.media_path(&folder, expires_at))),
        };
        Ok(Self { folder, signer })
    }

    /// Those of the media origin that an address was of: they grant what that one does, and end with it.
    pub(crate) const fn of_origin(origin: Arc<OpenMediaOrigin>, folder: MediaFolder, terms: UrlTerms) -> Self {
        Self { folder, signer: Signer::Vendor(origin, terms) }
    }

    /// The whole address of a file of the folder.
    pub(crate) fn address(&self, path: &str) -> String {
        match &self.signer {
            Signer::PathHmac(base) => format!("{base}/{path}"),
            Signer::Vendor(origin, terms) => {
                let uri = format!("/v/{}/{path}", self.folder);
                let signed = origin.auth.as_ref().map(|auth| auth.sign(&uri, terms));
                format!("{}{}", origin.base_url, signed.unwrap_or(uri))
            }
        }
    }

    pub(crate) fn playlist(&self) -> String {
        self.address("master.m3u8")
    }
}
