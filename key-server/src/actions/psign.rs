//! Checking a player signature: each step's type proves the one before.

use std::sync::Arc;

use keyveil_protocol::psign::{PlayerSignatureClaims, SigningKey, TimelyPlayerSignature, UnverifiedPlayerSignature};
use keyveil_protocol::{AppId, ErrorCode, KeyId};
use ring::digest;
use url::Url;
use zeroize::Zeroizing;

use crate::installation::Installation;
use crate::kms::KmsContext;
use crate::page_origin::{DomainPattern, PageOrigin};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{App, SigningKeyRow};

/// A signature that is genuine and timely, with the app and the key it was made with.
pub(super) struct TimelySignature {
    pub(super) timely: TimelyPlayerSignature,
    pub(super) app: Arc<App>,
    pub(super) kid: KeyId,
}

/// Parse, then HMAC, then times. An unknown app, an unknown `kid` and a wrong key are one refusal.
pub(super) async fn check(state: &ServerState, psign: &str, now: u64) -> Result<TimelySignature, Refusal> {
    let mut unverified = UnverifiedPlayerSignature::parse(psign)?;
    let wrong = |cause: &'static str| Refusal::new(ErrorCode::PsignSignature, cause);
    let store = state.installation.store();
    let app_id = unverified.app_id();
    let app = store.recent_app(app_id).await?.ok_or_else(|| wrong("unknown app"))?;
    for row in store.recent_signing_keys(app_id, unverified.kid()).await?.iter() {
        let signing_key = open_signing_key(&state.installation, app_id, row).await?;
        match unverified.verify_by(&signing_key) {
            Ok(verified) => {
                let timely = verified.check_times(now, app.max_age_secs);
                let timely = timely.map_err(|error| Refusal::from(error).for_app(app_id))?;
                let timely = without_media_hosts(state, &app, timely).await?;
                return Ok(TimelySignature { timely, app, kid: row.kid.clone() });
            }
            Err(back) => unverified = *back,
        }
    }
    Err(wrong("no signing key in use fits"))
}

/// In `urlAccessInfo.domain` vendors name the host that media come from. A media origin where no page of the application can be
/// is meant so: as the name of a page it would refuse everyone.
async fn without_media_hosts(
    state: &ServerState,
    app: &App,
    timely: TimelyPlayerSignature,
) -> Result<TimelyPlayerSignature, Refusal> {
    if !timely.names_vendor_domains() {
        return Ok(timely);
    }
    let rows = state.installation.store().media_origins(app.app_id).await?;
    let origins = rows.iter().filter_map(|row| PageOrigin::of_url(&Url::parse(&row.base_url).ok()?));
    let origins: Vec<_> = origins.filter(|origin| !may_be_page(state, app, origin)).collect();
    Ok(timely.without_media_hosts(|name| !name.starts_with('*') && origins.iter().any(|origin| covers(name, origin))))
}

fn may_be_page(state: &ServerState, app: &App, origin: &PageOrigin) -> bool {
    state.is_own_origin(origin) || app.domains.iter().any(|pattern| covers(pattern, origin))
}

/// A signing key's text, ready to check or sign with.
pub(super) async fn open_signing_key(
    installation: &Installation,
    app_id: AppId,
    row: &SigningKeyRow,
) -> Result<SigningKey, Refusal> {
    let context = KmsContext::SigningKey { app_id, kid: &row.kid };
    let plaintext = installation.kms().decrypt(&row.text_ciphertext, &context).await?;
    let text = std::str::from_utf8(&plaintext).map_err(|_| Refusal::new(ErrorCode::Internal, "signing key text"))?;
    Ok(SigningKey::new(text.to_owned()))
}

/// The page must be one of the app's (or this server's own), and satisfy every list that the signature sets.
pub(super) fn check_origin(
    state: &ServerState,
    app: &App,
    claims: Option<&PlayerSignatureClaims>,
    origin: Option<&str>,
) -> Result<(), Refusal> {
    let refused = |cause: &'static str| Refusal::new(ErrorCode::OriginNotAllowed, cause);
    if let Some(origin) = origin {
        let origin = PageOrigin::parse(origin).ok_or_else(|| refused("Origin is not a page's"))?;
        if !may_be_page(state, app, &origin) {
            return Err(refused("none of the app's domains"));
        }
    }
    check_domains(&claims.map(PlayerSignatureClaims::domain_lists).unwrap_or_default(), origin)
}

/// The page must satisfy every list of domains.
pub(super) fn check_domains<T: AsRef<str>>(lists: &[Vec<T>], origin: Option<&str>) -> Result<(), Refusal> {
    let refused = |cause: &'static str| Refusal::new(ErrorCode::OriginNotAllowed, cause);
    if lists.is_empty() {
        return Ok(());
    }
    // Programs send no Origin; a signature bound to pages is not for them.
    let origin = origin.ok_or_else(|| refused("psign names domains and there is no Origin"))?;
    let origin = PageOrigin::parse(origin).ok_or_else(|| refused("Origin is not a page's"))?;
    if lists.iter().all(|list| list.iter().any(|pattern| covers(pattern.as_ref(), &origin))) {
        return Ok(());
    }
    Err(refused("none of the psign's domains"))
}

fn covers(pattern: &str, origin: &PageOrigin) -> bool {
    pattern.parse::<DomainPattern>().is_ok_and(|pattern| pattern.matches(origin))
}

/// SHA-256 of a signature's text: its name where its text must not stand. A signature has one text only.
pub(super) fn signature_hash(psign: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, psign.as_bytes()).as_ref());
    hash
}

/// A signing key's text as it is kept and handed out: wiped when dropped.
pub(super) type SigningKeyText = Zeroizing<String>;
