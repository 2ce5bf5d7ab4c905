use keyveil_protocol::{AppId, ErrorCode, UserId};
use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::store::ApiKeyRow;

/// Who asks, and for which application. Made at the edge; that it may do what it asks has been checked there.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) app_id: AppId,
    pub(crate) actor: Actor,
}

/// What proved it.
#[derive(Clone, Debug)]
pub(crate) enum Actor {
    ApiKey(ApiKeyRow),
    Person(UserId),
}

impl Principal {
    /// The API key, where only one will do: secrets are sealed to its holder.
    pub(crate) fn api_key(&self) -> Result<&ApiKeyRow, Refusal> {
        match &self.actor {
            Actor::ApiKey(row) => Ok(row),
            Actor::Person(_) => Err(Refusal::new(ErrorCode::ApiKeyInvalid, "a person has no key to seal to")),
        }
    }

    /// Who it was, for the audit log.
    pub(crate) fn by(&self) -> Value {
        match &self.actor {
            Actor::ApiKey(row) => json!({ "apiKeyId": row.id }),
            Actor::Person(user_id) => json!({ "userId": user_id }),
        }
    }

    /// Who it was, as one text: the owner of idempotency keys.
    pub(crate) fn name(&self) -> String {
        match &self.actor {
            Actor::ApiKey(row) => format!("apiKey:{}", row.id),
            Actor::Person(user_id) => user_actor(user_id),
        }
    }
}

/// A person as the owner of idempotency keys, where no application is meant.
pub(crate) fn user_actor(user_id: &UserId) -> String {
    format!("user:{user_id}")
}
