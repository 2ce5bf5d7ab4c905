//! Signing in and out. A sign-in is a random value in a cookie; only its hash is kept.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding};
use keyveil_protocol::{ErrorCode, UserId};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::Password;
use super::users::check_name;
use crate::actions::random;
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, UserRow, WriteTransaction};

/// A sign-in ends after this much time without use …
const IDLE_SECS: i64 = 12 * 3600;
/// … and after this much time in any case.
pub(crate) const SIGN_IN_SECS_MAX: i64 = 7 * 24 * 3600;
/// Use is written down this often at most.
const SEEN_EVERY_SECS: i64 = 60;
/// Failed attempts are counted together for so long.
const FAILURES_SECS: i64 = 3600;

/// Body of `POST /v1/sign-in`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInRequest {
    name: String,
    password: Password,
}

/// Body of `POST /v1/me/password`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePassword {
    current: Password,
    next: Password,
}

/// What the cookie carries: 32 random bytes.
#[derive(Clone)]
pub(crate) struct SignInToken(Zeroizing<[u8; 32]>);

impl SignInToken {
    /// The bare text, for the cookie alone.
    pub(crate) fn expose_text(&self) -> Zeroizing<String> {
        Zeroizing::new(Base64UrlUnpadded::encode_string(self.0.as_ref()))
    }

    fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, self.0.as_ref()).as_ref());
        hash
    }
}

impl FromStr for SignInToken {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let mut bytes = Zeroizing::new([0; 32]);
        let len = Base64UrlUnpadded::decode(text, bytes.as_mut()).map_or(0, <[u8]>::len);
        if len == bytes.len() { Ok(Self(bytes)) } else { Err(sign_in_required()) }
    }
}

impl fmt::Debug for SignInToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignInToken([redacted])")
    }
}

/// Checks name and password. An unknown name, a wrong password and a disabled person are answered alike.
pub(crate) async fn sign_in(
    state: &ServerState,
    request: &SignInRequest,
    address: IpAddr,
) -> Result<(UserId, SignInToken), Refusal> {
    check_name(&request.name)?;
    state.sign_in_guard.limits.check(&request.name, address)?;
    let found = state.installation.store().user_by_name(&request.name).await?;
    let checked = proven(state, found.as_ref(), &request.password).await?;
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    if let Some(row) = checked {
        let token = SignInToken(Zeroizing::new(random()?));
        if write.insert_sign_in(&token.hash(), row, now, now.saturating_add(IDLE_SECS)).await? {
            let user_id = row.user.user_id.clone();
            let failures = write.forget_sign_in_failures(&user_id).await?;
            let detail = json!({ "userId": user_id, "failedBefore": failures });
            write.append_audit(&AuditEvent::new(AuditKind::SignedIn, detail), now).await?;
            write.commit().await?;
            return Ok((user_id, token));
        }
    }
    // A name that nobody has may be a password in the wrong field.
    note_failure(&mut write, found.map(|row| row.user.user_id).as_ref(), now).await?;
    write.commit().await?;
    Err(Refusal::new(ErrorCode::SignInFailed, "name or password is wrong"))
}

/// Whether a request counts as use of the sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Someone does something: prolongs the sign-in.
    Active,
    /// A page that is open asks by itself: nobody may be there.
    Open,
}

/// The person of a cookie.
pub(crate) async fn person_of(state: &ServerState, token: &SignInToken, presence: Presence) -> Result<UserId, Refusal> {
    let hash = token.hash();
    let now = stored(state.clock.now());
    let sign_in = state.installation.store().sign_in(&hash).await?.ok_or_else(sign_in_required)?;
    if sign_in.expires_at <= now {
        return Err(sign_in_required());
    }
    if presence == Presence::Active && now.saturating_sub(sign_in.last_seen_at) >= SEEN_EVERY_SECS {
        let latest = sign_in.created_at.saturating_add(SIGN_IN_SECS_MAX);
        let mut write = state.installation.store().write().await?;
        write.prolong_sign_in(&hash, now, now.saturating_add(IDLE_SECS).min(latest)).await?;
        write.commit().await?;
    }
    Ok(sign_in.user_id)
}

/// Ends the sign-in of a cookie, if there is one.
pub(crate) async fn sign_out(state: &ServerState, token: &SignInToken) -> Result<(), Refusal> {
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    if let Some(user_id) = write.delete_sign_in(&token.hash()).await? {
        write.append_audit(&AuditEvent::new(AuditKind::SignedOut, json!({ "userId": user_id })), now).await?;
        write.commit().await?;
    }
    Ok(())
}

/// Sets another password and ends every other sign-in of that person.
pub(crate) async fn change_password(
    state: &ServerState,
    user_id: &UserId,
    token: &SignInToken,
    request: &ChangePassword,
    address: IpAddr,
) -> Result<(), Refusal> {
    request.next.check_new()?;
    let row = state.installation.store().user(user_id).await?.ok_or_else(sign_in_required)?;
    state.sign_in_guard.limits.check(&row.user.name, address)?;
    let now = stored(state.clock.now());
    let next_hash = match proven(state, Some(&row), &request.current).await? {
        Some(_) => Some(state.sign_in_guard.passwords.hash(&request.next).await?),
        None => None,
    };
    let mut write = state.installation.store().write().await?;
    let replaced = match next_hash {
        // What an administrator did while this request waited for its turn holds.
        Some(next_hash) => write.replace_password_hash(&row, &next_hash).await?,
        None => false,
    };
    if !replaced {
        note_failure(&mut write, Some(user_id), now).await?;
        write.commit().await?;
        return Err(Refusal::new(
            ErrorCode::SignInFailed,
            "the present password is wrong, or no longer the present one",
        ));
    }
    write.delete_sign_ins_of(user_id, Some(&token.hash())).await?;
    write.append_audit(&AuditEvent::new(AuditKind::PasswordChanged, json!({ "userId": user_id })), now).await?;
    Ok(write.commit().await?)
}

/// Counts a failure. The log has the first one of a person in an hour, the second, the fourth, the eighth and so on: each
/// guess in a row of its own would let anybody fill the disk, and the log keeps everything.
async fn note_failure(write: &mut WriteTransaction<'_>, user_id: Option<&UserId>, now: i64) -> Result<(), Refusal> {
    let count = write.count_sign_in_failure(user_id, now, FAILURES_SECS).await?;
    if count.is_power_of_two() {
        let detail = json!({ "userId": user_id, "count": count });
        write.append_audit(&AuditEvent::new(AuditKind::SignInFailed, detail), now).await?;
    }
    Ok(())
}

pub(super) fn sign_in_required() -> Refusal {
    Refusal::new(ErrorCode::SignInRequired, "no sign-in")
}

/// The row, if the password is its own and it may sign in. Takes as long for nobody.
async fn proven<'a>(
    state: &ServerState,
    row: Option<&'a UserRow>,
    password: &Password,
) -> Result<Option<&'a UserRow>, Refusal> {
    let enabled = row.filter(|row| row.user.disabled_at.is_none());
    let hash = enabled.map(|row| row.password_hash.as_str());
    let right = state.sign_in_guard.passwords.verify(password, hash).await?;
    Ok(enabled.filter(|_| right))
}
