//! The addresses of a version's files for one viewer.

use std::sync::Arc;

use super::{OpenMediaOrigin, open_origins};
use crate::actions::published_title::PublishedTitle;
use crate::origin::{MediaFolder, UrlAuth, UrlTerms};
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

/// What a viewer may see of a title, and until when.
pub(crate) struct Viewing<'a> {
    pub(crate) expires_at: u64,
    /// Of a preview: so many segments.
    pub(crate) preview_segments: Option<u32>,
    /// The link's name in the player signature.
    pub(crate) us: Option<&'a str>,
}

impl MediaAddresses {
    /// Those of the application's default media origin, else this server's own; they end with `expires_at` at the latest. A
    /// preview's are this server's own.
    pub(in crate::actions) async fn of_title(
        state: &ServerState,
        title: &PublishedTitle,
        viewing: &Viewing<'_>,
    ) -> Result<Self, Refusal> {
        let folder = title.folder();
        let origins = open_origins(state, title.info.app_id).await?;
        let origin = origins.iter().find(|origin| origin.is_default);
        let vendor = origin.and_then(|origin| Some((origin, terms(state, origin.auth.as_ref()?, viewing)?)));
        let signer = match (vendor, origin) {
            (Some((origin, terms)), _) => Signer::Vendor(Arc::clone(origin), terms),
            (None, origin) => {
                let own = origin.filter(|origin| origin.auth.is_none()).map(|origin| origin.base_url.as_str());
                let path = state.media_path(&folder, viewing.expires_at, viewing.preview_segments);
                Signer::PathHmac(format!("{}{path}", own.unwrap_or_else(|| state.base_url())))
            }
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

/// What a vendor's address says. Nothing for a preview, whose end no scheme can hold: those that cover files have no place for it,
/// and `tencent-key` joins its fields without a mark between them, so that whoever has an address can move the end away.
fn terms(state: &ServerState, auth: &UrlAuth, viewing: &Viewing<'_>) -> Option<UrlTerms> {
    let terms = auth.terms(state.clock.now(), viewing.expires_at);
    let us = viewing.us.map(str::to_owned);
    viewing.preview_segments.is_none().then_some(UrlTerms { us, ..terms })
}
