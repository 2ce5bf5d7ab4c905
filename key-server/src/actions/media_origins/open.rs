//! Media origins with their keys unwrapped, kept for a moment: they sign and check every media address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use keyveil_protocol::AppId;
use zeroize::Zeroizing;

use crate::installation::Installation;
use crate::kms::KmsContext;
use crate::origin::{UrlAuth, UrlAuthKey, UrlScheme};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{MediaOriginRow, StoreError};

/// How long a change of a media origin takes to reach all requests.
const TTL: Duration = Duration::from_secs(2);
const APPS_MAX: usize = 1024;

/// A media origin that can sign and check.
pub(crate) struct OpenMediaOrigin {
    pub(crate) base_url: String,
    pub(crate) is_default: bool,
    /// None with the installation's own scheme.
    pub(crate) auth: Option<UrlAuth>,
}

/// Those of the applications that were asked for lately.
#[derive(Default)]
pub(crate) struct MediaOriginCache(Mutex<HashMap<AppId, (Instant, OpenMediaOrigins)>>);

pub(crate) type OpenMediaOrigins = Arc<[Arc<OpenMediaOrigin>]>;

/// An application's media origins, at most [`TTL`] old.
pub(crate) async fn open_origins(state: &ServerState, app_id: AppId) -> Result<OpenMediaOrigins, Refusal> {
    let cache = &state.media_origins.0;
    if let Some((read_at, origins)) = cache.lock().unwrap_or_else(PoisonError::into_inner).get(&app_id)
        && read_at.elapsed() < TTL
    {
        return Ok(Arc::clone(origins));
    }
    let mut origins = Vec::new();
    for row in state.installation.store().media_origins(app_id).await? {
        origins.push(Arc::new(open(&state.installation, row).await?));
    }
    let origins: OpenMediaOrigins = origins.into();
    let mut cached = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if cached.len() >= APPS_MAX {
        cached.clear();
    }
    cached.insert(app_id, (Instant::now(), Arc::clone(&origins)));
    Ok(origins)
}

async fn open(installation: &Installation, row: MediaOriginRow) -> Result<OpenMediaOrigin, Refusal> {
    let scheme = UrlScheme::from_name(&row.scheme).ok_or(StoreError::Corrupt("scheme of a media origin"))?;
    let auth = match scheme {
        UrlScheme::PathHmac => None,
        UrlScheme::Vendor(scheme) => {
            let key = unwrapped(installation, &row, row.key_ciphertext.as_deref()).await?;
            let key = key.ok_or(StoreError::Corrupt("key of a media origin"))?;
            let backup_key = unwrapped(installation, &row, row.backup_key_ciphertext.as_deref()).await?;
            Some(UrlAuth::new(scheme, key, backup_key, row.ttl_secs.into()))
        }
    };
    Ok(OpenMediaOrigin { base_url: row.base_url, is_default: row.is_default, auth })
}

async fn unwrapped(
    installation: &Installation,
    row: &MediaOriginRow,
    ciphertext: Option<&[u8]>,
) -> Result<Option<UrlAuthKey>, Refusal> {
    let Some(ciphertext) = ciphertext else { return Ok(None) };
    let context = KmsContext::MediaOrigin { app_id: row.app_id, origin_id: row.origin_id.as_str() };
    let bytes = installation.kms().decrypt(ciphertext, &context).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| StoreError::Corrupt("key of a media origin"))?;
    let key = UrlAuthKey::new(Zeroizing::new(text.to_owned()));
    Ok(Some(key.ok_or(StoreError::Corrupt("key of a media origin"))?))
}
