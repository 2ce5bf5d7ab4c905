//! People and their sign-ins.

use keyveil_protocol::UserId;

use super::engine::{Row, query};
use super::{Store, StoreError, WriteTransaction, parsed};

/// Someone who may sign in.
#[derive(Clone, Debug)]
pub struct User {
    /// Its id.
    pub user_id: UserId,
    /// What the person types to sign in; capitals don't count.
    pub name: String,
    /// When it was made.
    pub created_at: i64,
    /// Since when it can't sign in any more.
    pub disabled_at: Option<i64>,
}

/// Someone with what proves it.
#[derive(Clone)]
pub struct UserRow {
    /// Who.
    pub user: User,
    /// argon2id in PHC form.
    pub password_hash: String,
}

/// A sign-in that has not been ended. Whether it has expired is for the reader to see.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Whose.
    pub user_id: UserId,
    /// When it began.
    pub created_at: i64,
    /// When it ends unless it is used.
    pub expires_at: i64,
    /// When it was last used, to the minute.
    pub last_seen_at: i64,
}

impl Store {
    /// All people, by name.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let rows = query("SELECT * FROM users ORDER BY name").fetch_all(&self.pool).await?;
        rows.iter().map(user_from_row).collect()
    }

    /// A person by name, disabled ones too.
    pub async fn user_by_name(&self, name: &str) -> Result<Option<UserRow>, StoreError> {
        let row = query("SELECT * FROM users WHERE name = ?").bind(name).fetch_optional(&self.pool).await?;
        row.as_ref().map(user_row).transpose()
    }

    /// A person by id, disabled ones too.
    pub async fn user(&self, user_id: &UserId) -> Result<Option<UserRow>, StoreError> {
        let row =
            query("SELECT * FROM users WHERE user_id = ?").bind(user_id.as_str()).fetch_optional(&self.pool).await?;
        row.as_ref().map(user_row).transpose()
    }

    /// The sign-in of a cookie, unless its person was disabled.
    pub async fn sign_in(&self, token_hash: &[u8; 32]) -> Result<Option<SignIn>, StoreError> {
        let row = query(
            "SELECT s.* FROM sign_ins s JOIN users u USING (user_id) WHERE s.token_hash = ? AND u.disabled_at IS NULL",
        )
        .bind(token_hash.as_slice())
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(SignIn {
                user_id: parsed(row.try_get("user_id")?, "user id")?,
                created_at: row.try_get("created_at")?,
                expires_at: row.try_get("expires_at")?,
                last_seen_at: row.try_get("last_seen_at")?,
            })
        })
        .transpose()
    }

    /// Forgets sign-ins that ended by themselves.
    pub async fn delete_sign_ins_expired_before(&self, now: i64) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let result =
            query("DELETE FROM sign_ins WHERE expires_at <= ?").bind(now).execute(write.connection().await?).await?;
        write.commit().await?;
        Ok(result.rows_affected())
    }
}

impl WriteTransaction<'_> {
    /// Adds a person. False when the name is taken.
    pub async fn insert_user(&mut self, row: &UserRow) -> Result<bool, StoreError> {
        let result = query(
            "INSERT INTO users (user_id, name, password_hash, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
        )
        .bind(row.user.user_id.as_str())
        .bind(&row.user.name)
        .bind(&row.password_hash)
        .bind(row.user.created_at)
        .execute(self.connection().await?)
        .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Another password.
    pub async fn set_password_hash(&mut self, user_id: &UserId, password_hash: &str) -> Result<(), StoreError> {
        query("UPDATE users SET password_hash = ? WHERE user_id = ?")
            .bind(password_hash)
            .bind(user_id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// Another password in place of the one that was checked. False when the person was disabled or got another one since.
    pub async fn replace_password_hash(&mut self, checked: &UserRow, password_hash: &str) -> Result<bool, StoreError> {
        let result =
            query("UPDATE users SET password_hash = ? WHERE user_id = ? AND password_hash = ? AND disabled_at IS NULL")
                .bind(password_hash)
                .bind(checked.user.user_id.as_str())
                .bind(&checked.password_hash)
                .execute(self.connection().await?)
                .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Keeps a person from signing in. False when that is so already.
    pub async fn disable_user(&mut self, user_id: &UserId, now: i64) -> Result<bool, StoreError> {
        let result = query("UPDATE users SET disabled_at = ? WHERE user_id = ? AND disabled_at IS NULL")
            .bind(now)
            .bind(user_id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Keeps a sign-in. False when the person was disabled or got another password since it was checked.
    pub async fn insert_sign_in(
        &mut self,
        token_hash: &[u8; 32],
        checked: &UserRow,
        now: i64,
        expires_at: i64,
    ) -> Result<bool, StoreError> {
        let result = query(
            "INSERT INTO sign_ins (token_hash, user_id, created_at, expires_at, last_seen_at)
             SELECT ?1, user_id, ?4, ?5, ?4 FROM users WHERE user_id = ?2 AND password_hash = ?3 AND disabled_at IS NULL",
        )
        .bind(token_hash.as_slice())
        .bind(checked.user.user_id.as_str())
        .bind(&checked.password_hash)
        .bind(now)
        .bind(expires_at)
        .execute(self.connection().await?)
        .await?;
        Ok(result.rows_affected() == 1)
    }

    /// A sign-in was used.
    pub async fn prolong_sign_in(
        &mut self,
        token_hash: &[u8; 32],
        now: i64,
        expires_at: i64,
    ) -> Result<(), StoreError> {
        query("UPDATE sign_ins SET last_seen_at = ?, expires_at = ? WHERE token_hash = ?")
            .bind(now)
            .bind(expires_at)
            .bind(token_hash.as_slice())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// Ends a sign-in and says whose it was.
    pub async fn delete_sign_in(&mut self, token_hash: &[u8; 32]) -> Result<Option<UserId>, StoreError> {
        let row = query("DELETE FROM sign_ins WHERE token_hash = ? RETURNING user_id")
            .bind(token_hash.as_slice())
            .fetch_optional(self.connection().await?)
            .await?;
        row.map(|row| parsed(row.try_get(0)?, "user id")).transpose()
    }

    /// Ends every sign-in of a person but one.
    pub async fn delete_sign_ins_of(&mut self, user_id: &UserId, except: Option<&[u8; 32]>) -> Result<(), StoreError> {
        query("DELETE FROM sign_ins WHERE user_id = ?1 AND (?2 IS NULL OR token_hash <> ?2)")
            .bind(user_id.as_str())
            .bind(except.map(<[u8; 32]>::as_slice))
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }
}

fn user_from_row(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        user_id: parsed(row.try_get("user_id")?, "user id")?,
        name: row.try_get("name")?,
        created_at: row.try_get("created_at")?,
        disabled_at: row.try_get("disabled_at")?,
    })
}

fn user_row(row: &Row) -> Result<UserRow, StoreError> {
    Ok(UserRow { user: user_from_row(row)?, password_hash: row.try_get("password_hash")? })
}
