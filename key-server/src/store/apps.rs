use keyveil_protocol::{ApiKeyId, AppId, KeyId, LevelRule, WorkflowId};

use super::engine::{Row, query};
use super::{Scopes, Store, StoreError, WriteTransaction, app_id, integer, number, parsed};

/// Signing keys an app may have in use at once; a psign without `kid` is tried against each.
pub const SIGNING_KEYS_MAX: u32 = 4;

/// A customer's application.
#[derive(Clone, Debug)]
pub struct App {
    /// Its number.
    pub app_id: AppId,
    /// What people call it.
    pub name: String,
    /// Patterns of the page origins that may play its titles.
    pub domains: Vec<String>,
    /// The longest life of a player signature.
    pub max_age_secs: u64,
    /// What is made of a source that names no workflow; none means the built-in default.
    pub default_workflow_id: Option<WorkflowId>,
    /// The longest source it takes.
    pub upload_bytes_max: u64,
    /// File name extensions of the sources it takes, in lower case.
    pub upload_types: Vec<String>,
    /// The least playback level and what a lower one gets.
    pub level_rule: LevelRule,
    /// When it was made.
    pub created_at: i64,
}

/// A signing key in use.
#[derive(Clone, Debug)]
pub struct SigningKeyRow {
    /// Its id.
    pub kid: KeyId,
    /// Its text, wrapped.
    pub text_ciphertext: Vec<u8>,
}

/// An API key in use.
#[derive(Clone, Debug)]
pub struct ApiKeyRow {
    /// Its id.
    pub id: ApiKeyId,
    /// Its application; none for a worker.
    pub app_id: Option<AppId>,
    /// For people.
    pub name: String,
    /// What its holder may do.
    pub scopes: Scopes,
    /// SHA-256 of its secret.
    pub secret_hash: [u8; 32],
    /// The PSK derived from its secret, wrapped.
    pub psk_ciphertext: Vec<u8>,
    /// When it was last seen in use, to the minute.
    pub last_used_at: Option<i64>,
}

impl Store {
    /// One application.
    pub async fn app(&self, id: AppId) -> Result<Option<App>, StoreError> {
        let row =
            query("SELECT * FROM apps WHERE app_id = ?").bind(integer(id.value())).fetch_optional(&self.pool).await?;
        match row {
            None => Ok(None),
            Some(row) => Ok(Some(self.app_from_row(&row).await?)),
        }
    }

    /// All applications, oldest first.
    pub async fn apps(&self) -> Result<Vec<App>, StoreError> {
        self.list_apps(None, None, u32::MAX).await
    }

    /// Applications with higher numbers than `after`, in their order; with `only`, no other one.
    pub async fn list_apps(&self, only: Option<AppId>, after: Option<i64>, limit: u32) -> Result<Vec<App>, StoreError> {
        let rows = query(
            "SELECT * FROM apps WHERE (?1 IS NULL OR app_id = ?1) AND (?2 IS NULL OR app_id > ?2) ORDER BY app_id LIMIT ?3",
        )
        .bind(only.map(|id| integer(id.value())))
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let mut apps = Vec::with_capacity(rows.len());
        for row in &rows {
            apps.push(self.app_from_row(row).await?);
        }
        Ok(apps)
    }

    /// Every domain pattern with its application.
    pub async fn all_domains(&self) -> Result<Vec<(AppId, String)>, StoreError> {
        let rows = query("SELECT app_id, pattern FROM app_domains").fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok((app_id(row.try_get("app_id")?)?, row.try_get("pattern")?))).collect()
    }

    /// The app's signing keys in use, newest first; only the one named `kid` when that is given.
    pub async fn signing_keys(&self, app_id: AppId, kid: Option<&KeyId>) -> Result<Vec<SigningKeyRow>, StoreError> {
        let rows = query(
            "SELECT kid, text_ciphertext FROM signing_keys
             WHERE app_id = ?1 AND retired_at IS NULL AND (?2 IS NULL OR kid = ?2) ORDER BY seq DESC LIMIT ?3",
        )
        .bind(integer(app_id.value()))
        .bind(kid.map(KeyId::as_str))
        .bind(SIGNING_KEYS_MAX)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(SigningKeyRow {
                    kid: parsed(row.try_get("kid")?, "kid")?,
                    text_ciphertext: row.try_get("text_ciphertext")?,
                })
            })
            .collect()
    }

    /// An API key in use.
    pub async fn api_key(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRow>, StoreError> {
        let row = query("SELECT * FROM api_keys WHERE id = ? AND retired_at IS NULL")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(api_key_from_row).transpose()
    }

    async fn app_from_row(&self, row: &Row) -> Result<App, StoreError> {
        let id: i64 = row.try_get("app_id")?;
        let domains = query("SELECT pattern FROM app_domains WHERE app_id = ? ORDER BY pattern")
            .bind(id)
            .fetch_all(&self.pool)
            .await?;
        let workflow_id: Option<&str> = row.try_get("default_workflow_id")?;
        let upload_types: &str = row.try_get("upload_types")?;
        Ok(App {
            app_id: app_id(id)?,
            name: row.try_get("name")?,
            domains: domains.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?,
            max_age_secs: number(row.try_get("max_age_secs")?, "max_age_secs")?,
            default_workflow_id: workflow_id.map(|id| parsed(id, "workflow id")).transpose()?,
            upload_bytes_max: number(row.try_get("upload_bytes_max")?, "upload_bytes_max")?,
            upload_types: upload_types.split(',').map(str::to_owned).collect(),
            level_rule: LevelRule {
                min_level: parsed(row.try_get("min_level")?, "min_level")?,
                below_min_level: parsed(row.try_get("below_min_level")?, "below_min_level")?,
            },
            created_at: row.try_get("created_at")?,
        })
    }
}

impl WriteTransaction<'_> {
    /// Makes an application with the next number.
    pub async fn insert_app(
        &mut self,
        name: &str,
        domains: &[String],
        max_age_secs: u64,
        now: i64,
    ) -> Result<AppId, StoreError> {
        let row = query("INSERT INTO apps (name, max_age_secs, created_at) VALUES (?, ?, ?) RETURNING app_id")
            .bind(name)
            .bind(integer(max_age_secs))
            .bind(now)
            .fetch_one(self.connection().await?)
            .await?;
        let id: i64 = row.try_get(0)?;
        for pattern in domains {
            query("INSERT INTO app_domains (app_id, pattern) VALUES (?, ?) ON CONFLICT DO NOTHING")
                .bind(id)
                .bind(pattern)
                .execute(self.connection().await?)
                .await?;
        }
        app_id(id)
    }

    /// Keeps a new signing key.
    pub async fn insert_signing_key(&mut self, app_id: AppId, key: &SigningKeyRow, now: i64) -> Result<(), StoreError> {
        query("INSERT INTO signing_keys (app_id, kid, text_ciphertext, created_at) VALUES (?, ?, ?, ?)")
            .bind(integer(app_id.value()))
            .bind(key.kid.as_str())
            .bind(key.text_ciphertext.as_slice())
            .bind(now)
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// How many signing keys an app has in use.
    pub async fn count_signing_keys(&mut self, app_id: AppId) -> Result<u32, StoreError> {
        let row = query("SELECT count(*) FROM signing_keys WHERE app_id = ? AND retired_at IS NULL")
            .bind(integer(app_id.value()))
            .fetch_one(self.connection().await?)
            .await?;
        number(row.try_get(0)?, "count")
    }

    /// Stops accepting a signing key. False when there is no such key in use.
    pub async fn retire_signing_key(&mut self, app_id: AppId, kid: &KeyId, now: i64) -> Result<bool, StoreError> {
        let result =
            query("UPDATE signing_keys SET retired_at = ? WHERE app_id = ? AND kid = ? AND retired_at IS NULL")
                .bind(now)
                .bind(integer(app_id.value()))
                .bind(kid.as_str())
                .execute(self.connection().await?)
                .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Keeps a new API key.
    pub async fn insert_api_key(&mut self, key: &ApiKeyRow, now: i64) -> Result<(), StoreError> {
        query(
            "INSERT INTO api_keys (id, app_id, name, scopes, secret_hash, psk_ciphertext, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(key.id.as_str())
        .bind(key.app_id.map(|app_id| integer(app_id.value())))
        .bind(&key.name)
        .bind(key.scopes.to_string())
        .bind(key.secret_hash.as_slice())
        .bind(key.psk_ciphertext.as_slice())
        .bind(now)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }
}

fn api_key_from_row(row: &Row) -> Result<ApiKeyRow, StoreError> {
    let secret_hash: Vec<u8> = row.try_get("secret_hash")?;
    let key_app_id: Option<i64> = row.try_get("app_id")?;
    Ok(ApiKeyRow {
        id: parsed(row.try_get("id")?, "api key id")?,
        app_id: key_app_id.map(app_id).transpose()?,
        name: row.try_get("name")?,
        scopes: parsed(row.try_get("scopes")?, "scopes")?,
        secret_hash: secret_hash.try_into().map_err(|_| StoreError::Corrupt("api key hash"))?,
        psk_ciphertext: row.try_get("psk_ciphertext")?,
        last_used_at: row.try_get("last_used_at")?,
    })
}
