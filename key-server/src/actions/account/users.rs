//! Adding people and taking them out: the command line's part.

use keyveil_protocol::{ErrorCode, UserId};
use serde_json::json;

use super::Password;
use super::password::Passwords;
use crate::actions::random_id;
use crate::installation::Installation;
use crate::refusal::Refusal;
use crate::store::{AuditEvent, AuditKind, User, UserRow};

const NAME_LEN_MAX: usize = 64;

/// Adds a person.
pub async fn create(installation: &Installation, name: &str, password: &Password, now: i64) -> Result<UserId, Refusal> {
    check_name(name)?;
    password.check_new()?;
    let user_id: UserId = random_id::<8, _>()?;
    let user = User { user_id: user_id.clone(), name: name.to_owned(), created_at: now, disabled_at: None };
    let password_hash = Passwords::default().hash(password).await?;
    let mut write = installation.store().write().await?;
    if !write.insert_user(&UserRow { user, password_hash }).await? {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "there is a person of this name already"));
    }
    let event = AuditEvent::new(AuditKind::UserCreated, json!({ "userId": user_id, "name": name }));
    write.append_audit(&event, now).await?;
    write.commit().await?;
    Ok(user_id)
}

/// Sets a person's password and ends every sign-in.
pub async fn set_password(
    installation: &Installation,
    name: &str,
    password: &Password,
    now: i64,
) -> Result<(), Refusal> {
    password.check_new()?;
    let user_id = named(installation, name).await?;
    let password_hash = Passwords::default().hash(password).await?;
    let mut write = installation.store().write().await?;
    write.set_password_hash(&user_id, &password_hash).await?;
    write.delete_sign_ins_of(&user_id, None).await?;
    write.append_audit(&AuditEvent::new(AuditKind::PasswordChanged, json!({ "userId": user_id })), now).await?;
    Ok(write.commit().await?)
}

/// Keeps a person from signing in and ends every sign-in. False when that is so already.
pub async fn disable(installation: &Installation, name: &str, now: i64) -> Result<bool, Refusal> {
    let user_id = named(installation, name).await?;
    let mut write = installation.store().write().await?;
    let disabled = write.disable_user(&user_id, now).await?;
    if disabled {
        write.delete_sign_ins_of(&user_id, None).await?;
        write.append_audit(&AuditEvent::new(AuditKind::UserDisabled, json!({ "userId": user_id })), now).await?;
        write.commit().await?;
    }
    Ok(disabled)
}

/// 1 to 64 bytes of plain text without space around it.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    if !(1..=NAME_LEN_MAX).contains(&name.len()) || name.trim() != name || name.chars().any(char::is_control) {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "a name is 1 to 64 bytes of plain text"));
    }
    Ok(())
}

async fn named(installation: &Installation, name: &str) -> Result<UserId, Refusal> {
    let row = installation.store().user_by_name(name).await?;
    Ok(row.ok_or_else(|| Refusal::new(ErrorCode::NotFound, "there is no person of this name"))?.user.user_id)
}
