//! People: who they are, how they sign in.

mod limits;
mod password;
mod sign_in;
pub mod users;

use keyveil_protocol::{AppId, UserId};
use limits::SignInLimits;
pub use password::Password;
use password::Passwords;
use serde::Serialize;
pub(crate) use sign_in::{
    ChangePassword, Presence, SIGN_IN_SECS_MAX, SignInRequest, SignInToken, change_password, person_of, sign_in,
    sign_out,
};

use crate::installation::Installation;
use crate::rate_counters::{Counting, RateCounters};
use crate::refusal::Refusal;

/// What stands between a guesser and the passwords.
pub(crate) struct SignInGuard {
    limits: SignInLimits,
    passwords: Passwords,
}

impl SignInGuard {
    pub(crate) fn new(counting: &Counting) -> Self {
        Self { limits: SignInLimits::new(counting), passwords: Passwords::default() }
    }

    pub(crate) fn counters(&self) -> [&RateCounters; 2] {
        self.limits.counters()
    }
}

/// Who has signed in, and what there is to use.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Me {
    user: MyName,
    apps: Vec<MyApp>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct MyName {
    user_id: UserId,
    name: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct MyApp {
    app_id: AppId,
    name: String,
}

/// A person may use every application.
pub(crate) async fn me(installation: &Installation, user_id: &UserId) -> Result<Me, Refusal> {
    let row = installation.store().user(user_id).await?.ok_or_else(sign_in::sign_in_required)?;
    let apps = installation.store().apps().await?;
    Ok(Me {
        user: MyName { user_id: row.user.user_id, name: row.user.name },
        apps: apps.into_iter().map(|app| MyApp { app_id: app.app_id, name: app.name }).collect(),
    })
}
