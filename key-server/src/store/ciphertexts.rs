//! Every column of KMS ciphertext, so that a rotation leaves none out.

use futures_util::TryStreamExt;
use keyveil_protocol::{ApiKeyId, AppId, BuildId, FileId, KeyId, ServerKeyId, UploadId, WebhookId};

use super::engine::{Row, query};
use super::{Store, StoreError, WriteTransaction, app_id, parsed};
use crate::kms::KmsContext;

/// A column of ciphertext. A new one is one more entry of [`CIPHERTEXT_COLUMNS`].
pub struct CiphertextColumn {
    /// What it holds, as people are told it.
    pub what: &'static str,
    table: &'static str,
    column: &'static str,
    /// The table's key, of one or two columns.
    key: &'static [&'static str],
    /// What the owner is read from, as `SELECT` has it.
    owner_columns: &'static str,
    owner: fn(&Row) -> Result<Owner, StoreError>,
}

/// All of them.
pub const CIPHERTEXT_COLUMNS: &[CiphertextColumn] = &[
    CiphertextColumn {
        what: "installation secret",
        table: "installation",
        column: "secret_ciphertext",
        key: &["id"],
        owner_columns: "1",
        owner: |_| Ok(Owner::InstallationSecret),
    },
    CiphertextColumn {
        what: "server keys",
        table: "server_keys",
        column: "private_key_ciphertext",
        key: &["id"],
        owner_columns: "1",
        owner: |row| Ok(Owner::ServerKey(text(row, "id")?)),
    },
    CiphertextColumn {
        what: "SDK builds",
        table: "sdk_builds",
        column: "secret_ciphertext",
        key: &["id"],
        owner_columns: "1",
        owner: |row| Ok(Owner::SdkBuild(text(row, "id")?)),
    },
    CiphertextColumn {
        what: "signing keys",
        table: "signing_keys",
        column: "text_ciphertext",
        key: &["app_id", "kid"],
        owner_columns: "1",
        owner: |row| Ok(Owner::SigningKey { app_id: app(row)?, kid: text(row, "kid")? }),
    },
    CiphertextColumn {
        what: "API keys",
        table: "api_keys",
        column: "psk_ciphertext",
        key: &["id"],
        owner_columns: "1",
        owner: |row| Ok(Owner::ApiKeyPsk(text(row, "id")?)),
    },
    CiphertextColumn {
        what: "title secrets",
        table: "title_versions",
        column: "secret_ciphertext",
        key: &["file_id", "version"],
        owner_columns: "(SELECT app_id FROM titles WHERE titles.file_id = r.file_id) AS app_id",
        owner: |row| Ok(Owner::Title { app_id: app(row)?, file_id: text(row, "file_id")? }),
    },
    CiphertextColumn {
        what: "sources",
        table: "uploads",
        column: "key_ciphertext",
        key: &["upload_id"],
        owner_columns: "app_id, file_id",
        owner: |row| {
            let (file_id, upload_id) = (text(row, "file_id")?, text(row, "upload_id")?);
            Ok(Owner::Source { app_id: app(row)?, file_id, upload_id })
        },
    },
    CiphertextColumn {
        what: "webhooks",
        table: "webhooks",
        column: "secret_ciphertext",
        key: &["webhook_id"],
        owner_columns: "app_id",
        owner: |row| Ok(Owner::Webhook { app_id: app(row)?, webhook_id: text(row, "webhook_id")? }),
    },
    CiphertextColumn {
        what: "imported keys",
        table: "imported_keys",
        column: "key_ciphertext",
        key: &["file_id", "text_hash"],
        owner_columns: "app_id",
        owner: |row| {
            let (file_id, text_hash) = (text(row, "file_id")?, hash(row, "text_hash")?);
            Ok(Owner::ImportedKey { app_id: app(row)?, file_id, text_hash })
        },
    },
    CiphertextColumn {
        what: "media origins",
        table: "media_origins",
        column: "key_ciphertext",
        key: &["app_id", "origin_id"],
        owner_columns: "1",
        owner: |row| Ok(Owner::MediaOrigin { app_id: app(row)?, origin_id: row.try_get("origin_id")? }),
    },
    CiphertextColumn {
        what: "media origins' backup keys",
        table: "media_origins",
        column: "backup_key_ciphertext",
        key: &["app_id", "origin_id"],
        owner_columns: "1",
        owner: |row| Ok(Owner::MediaOrigin { app_id: app(row)?, origin_id: row.try_get("origin_id")? }),
    },
];

/// Columns that are named like the others and are none of the KMS, each with the reason.
pub const OTHER_CIPHERTEXT_COLUMNS: &[(&str, &str, &str)] =
    &[("idempotency", "body_ciphertext", "sealed under a key derived from the installation secret; kept for a day")];

/// Whose a secret is.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are those of KmsContext")]
pub enum Owner {
    /// A title.
    Title { app_id: AppId, file_id: FileId },
    /// A source.
    Source { app_id: AppId, file_id: FileId, upload_id: UploadId },
    /// A signing key.
    SigningKey { app_id: AppId, kid: KeyId },
    /// A server key.
    ServerKey(ServerKeyId),
    /// An SDK build.
    SdkBuild(BuildId),
    /// An API key.
    ApiKeyPsk(ApiKeyId),
    /// The installation.
    InstallationSecret,
    /// A webhook.
    Webhook { app_id: AppId, webhook_id: WebhookId },
    /// An imported key.
    ImportedKey { app_id: AppId, file_id: FileId, text_hash: [u8; 32] },
    /// A media origin.
    MediaOrigin { app_id: AppId, origin_id: String },
}

impl Owner {
    /// What its secrets are bound to.
    #[must_use]
    pub fn context(&self) -> KmsContext<'_> {
        match self {
            Self::Title { app_id, file_id } => KmsContext::Title { app_id: *app_id, file_id },
            Self::Source { app_id, file_id, upload_id } => KmsContext::Source { app_id: *app_id, file_id, upload_id },
            Self::SigningKey { app_id, kid } => KmsContext::SigningKey { app_id: *app_id, kid },
            Self::ServerKey(id) => KmsContext::ServerKey(id),
            Self::SdkBuild(id) => KmsContext::SdkBuild(id),
            Self::ApiKeyPsk(id) => KmsContext::ApiKeyPsk(id),
            Self::InstallationSecret => KmsContext::InstallationSecret,
            Self::Webhook { app_id, webhook_id } => KmsContext::Webhook { app_id: *app_id, webhook_id },
            Self::ImportedKey { app_id, file_id, text_hash } => {
                KmsContext::ImportedKey { app_id: *app_id, file_id, text_hash }
            }
            Self::MediaOrigin { app_id, origin_id } => KmsContext::MediaOrigin { app_id: *app_id, origin_id },
        }
    }
}

/// One ciphertext and where it stands.
#[derive(Clone, Debug)]
pub struct CiphertextRow {
    /// Whose it is.
    pub owner: Owner,
    /// As it was read.
    pub ciphertext: Vec<u8>,
    key: RowKey,
}

/// Where a row stands among those of its table.
#[derive(Clone, Debug)]
pub struct RowKey(Vec<KeyPart>);

#[derive(Clone, Debug)]
enum KeyPart {
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl CiphertextRow {
    /// To read on after it.
    #[must_use]
    pub fn key(&self) -> &RowKey {
        &self.key
    }
}

impl CiphertextColumn {
    /// As the schema names it: table and column.
    #[must_use]
    pub const fn name(&self) -> (&'static str, &'static str) {
        (self.table, self.column)
    }

    fn read(&self, row: &Row) -> Result<CiphertextRow, StoreError> {
        let key = self.key.iter().map(|column| key_part(row, column)).collect::<Result<_, _>>()?;
        Ok(CiphertextRow { owner: (self.owner)(row)?, ciphertext: row.try_get("ciphertext")?, key: RowKey(key) })
    }
}

impl Store {
    /// The next ciphertexts of a column, in the order of the table's key.
    pub async fn ciphertexts(
        &self,
        of: &CiphertextColumn,
        after: Option<&RowKey>,
        limit: u32,
    ) -> Result<Vec<CiphertextRow>, StoreError> {
        let CiphertextColumn { table, column, owner_columns, .. } = of;
        let key = of.key.join(", ");
        let places = vec!["?"; of.key.len()].join(", ");
        let further = if after.is_some() { format!("AND ({key}) > ({places})") } else { String::new() };
        let sql = format!(
            "SELECT {key}, {column} AS ciphertext, {owner_columns} FROM {table} AS r
             WHERE {column} IS NOT NULL {further} ORDER BY {key} LIMIT {limit}"
        );
        // Names from the table above; values are bound.
        let mut query = query(sql);
        for part in after.iter().flat_map(|key| &key.0) {
            query = match part {
                KeyPart::Integer(value) => query.bind(*value),
                KeyPart::Text(value) => query.bind(value.clone()),
                KeyPart::Bytes(value) => query.bind(value.clone()),
            };
        }
        let rows = query.fetch_all(&self.pool).await?;
        rows.iter().map(|row| of.read(row)).collect()
    }

    /// How many ciphertexts a column holds.
    pub async fn count_ciphertexts(&self, of: &CiphertextColumn) -> Result<u64, StoreError> {
        let CiphertextColumn { table, column, .. } = of;
        let sql = format!("SELECT count({column}) FROM {table}");
        let count: i64 = query(sql).fetch_one(&self.pool).await?.try_get(0)?;
        super::number(count, "count")
    }

    /// How many ciphertexts of all columns begin with these bytes.
    pub async fn count_ciphertexts_starting(&self, prefix: &[u8]) -> Result<u64, StoreError> {
        let mut total = 0;
        for CiphertextColumn { table, column, .. } in CIPHERTEXT_COLUMNS {
            let sql = format!("SELECT count(*) FROM {table} WHERE substr({column}, 1, {}) = ?", prefix.len());
            let count: i64 = query(sql).bind(prefix).fetch_one(&self.pool).await?.try_get(0)?;
            total += super::number::<u64>(count, "count")?;
        }
        Ok(total)
    }

    /// Every `*_ciphertext` column of the schema.
    pub async fn ciphertext_columns_of_schema(&self) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
                   WHERE t.type = 'table' AND c.name LIKE '%ciphertext%' ORDER BY 1, 2";
        let rows = query(sql).fetch(&self.pool);
        rows.map_err(StoreError::from).and_then(async |row| Ok((row.try_get(0)?, row.try_get(1)?))).try_collect().await
    }
}

impl WriteTransaction<'_> {
    /// Puts a ciphertext in another's place. False when it is not there any more: somebody changed or removed it.
    pub async fn replace_ciphertext(
        &mut self,
        of: &CiphertextColumn,
        old: &CiphertextRow,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        let CiphertextColumn { table, column, key, .. } = of;
        let sql = format!("UPDATE {table} SET {column} = ? WHERE {} = ? AND {column} = ?", key.join(" = ? AND "));
        let mut query = query(sql).bind(new.to_vec());
        for part in &old.key.0 {
            query = match part {
                KeyPart::Integer(value) => query.bind(*value),
                KeyPart::Text(value) => query.bind(value.clone()),
                KeyPart::Bytes(value) => query.bind(value.clone()),
            };
        }
        let result = query.bind(old.ciphertext.clone()).execute(self.connection().await?).await?;
        Ok(result.rows_affected() == 1)
    }
}

fn key_part(row: &Row, column: &str) -> Result<KeyPart, StoreError> {
    match row.type_name(column)?.as_str() {
        "INTEGER" | "INT8" => Ok(KeyPart::Integer(row.try_get(column)?)),
        "TEXT" => Ok(KeyPart::Text(row.try_get(column)?)),
        "BLOB" | "BYTEA" => Ok(KeyPart::Bytes(row.try_get(column)?)),
        _ => Err(StoreError::Corrupt("key of a row")),
    }
}

fn text<T: std::str::FromStr>(row: &Row, column: &'static str) -> Result<T, StoreError> {
    parsed(row.try_get(column)?, column)
}

fn hash(row: &Row, column: &'static str) -> Result<[u8; 32], StoreError> {
    row.try_get::<Vec<u8>, _>(column)?.try_into().map_err(|_| StoreError::Corrupt(column))
}

fn app(row: &Row) -> Result<AppId, StoreError> {
    app_id(row.try_get("app_id")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new table with a secret has to be rotated, or to say here why it is not.
    #[tokio::test]
    async fn every_ciphertext_column_of_the_schema_is_rotated_or_excluded_with_a_reason() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("keyveil.db")).await.unwrap();
        let in_schema = store.ciphertext_columns_of_schema().await.unwrap();
        let own = |(table, column): (&str, &str)| (table.to_owned(), column.to_owned());
        let rotated: Vec<_> = CIPHERTEXT_COLUMNS.iter().map(|column| own(column.name())).collect();
        let excluded: Vec<_> = OTHER_CIPHERTEXT_COLUMNS.iter().map(|(table, column, _)| own((table, column))).collect();
        assert!(rotated.len() >= 8 && in_schema.contains(&own(("title_versions", "secret_ciphertext"))));
        for column in &in_schema {
            let times = rotated.iter().chain(&excluded).filter(|known| *known == column).count();
            assert_eq!(times, 1, "{column:?} has to be in one of the two lists, once");
        }
        for known in rotated.iter().chain(&excluded) {
            assert!(in_schema.contains(known), "{known:?} is not in the schema");
        }
    }

    #[tokio::test]
    async fn every_column_can_be_read_on_and_replaced_only_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("keyveil.db")).await.unwrap();
        for statement in [
            "INSERT INTO installation VALUES (1, x'01', 1)",
            "INSERT INTO server_keys VALUES (1, 'aa', zeroblob(32), x'01', 1, NULL), (2, 'bb', zeroblob(32), x'02', 1, 1)",
            "INSERT INTO sdk_builds VALUES (1, 'aa', x'01', 1, NULL), (2, 'bb', x'02', 1, NULL)",
            "INSERT INTO apps (app_id, name, max_age_secs, created_at) VALUES (7, 'app', 60, 1)",
            "INSERT INTO signing_keys VALUES (1, 7, 'k1', x'01', 1, NULL), (2, 7, 'k2', x'02', 1, 1)",
            "INSERT INTO api_keys (id, app_id, name, scopes, secret_hash, psk_ciphertext, created_at)
             VALUES ('aa', 7, 'n', 'read', zeroblob(32), x'01', 1), ('bb', NULL, 'n', 'worker', zeroblob(32), x'02', 1)",
            "INSERT INTO titles (file_id, app_id, name, mode, state, version, last_version, created_at, updated_at, change_seq)
             VALUES ('film', 7, 'Film', 'private', 'published', 2, 2, 1, 1, 1)",
            "INSERT INTO title_versions (file_id, version, secret_ciphertext, public_key, created_at)
             VALUES ('film', 1, x'01', 'pk', 1), ('film', 2, x'02', 'pk', 1), ('film', 3, NULL, 'pk', 1)",
            "INSERT INTO uploads (upload_id, app_id, file_id, kind, state, key_ciphertext, created_at, updated_at, expires_at)
             VALUES ('u1', 7, 'film', 'tus', 'complete', x'01', 1, 1, 1), ('u2', 7, 'film', 'tus', 'complete', x'02', 1, 1, 1)",
            "INSERT INTO webhooks (webhook_id, app_id, url, secret_ciphertext, created_at, updated_at)
             VALUES ('w1', 7, 'https://a', x'01', 1, 1), ('w2', 7, 'https://b', x'02', 1, 1)",
            "INSERT INTO imported_keys (app_id, file_id, text_hash, media_id, key_ciphertext, created_at)
             VALUES (7, 'film', zeroblob(32), 'm', x'01', 1), (7, 'film', randomblob(32), 'm', x'02', 1)",
            "INSERT INTO media_origins (app_id, origin_id, base_url, scheme, key_ciphertext, backup_key_ciphertext, ttl_secs, created_at, updated_at)
             VALUES (7, 'c1', 'https://a', 'a', x'01', x'01', 60, 1, 1), (7, 'c2', 'https://a', 'a', x'02', x'02', 60, 1, 1)",
        ] {
            query(statement).execute(&store.pool).await.unwrap();
        }
        for column in CIPHERTEXT_COLUMNS {
            let count = store.count_ciphertexts(column).await.unwrap();
            let first = store.ciphertexts(column, None, 1).await.unwrap().remove(0);
            assert_eq!(
                (count, first.ciphertext.as_slice()),
                (if column.table == "installation" { 1 } else { 2 }, &[1][..])
            );
            let mut write = store.write().await.unwrap();
            assert!(write.replace_ciphertext(column, &first, &[9]).await.unwrap(), "{}", column.what);
            assert!(!write.replace_ciphertext(column, &first, &[8]).await.unwrap(), "{}", column.what);
            write.commit().await.unwrap();
            assert_eq!(store.ciphertexts(column, None, 1).await.unwrap()[0].ciphertext, [9], "{}", column.what);
            let rest = store.ciphertexts(column, Some(first.key()), 10).await.unwrap();
            assert_eq!(
                rest.iter().map(|row| row.ciphertext.as_slice()).collect::<Vec<_>>(),
                [&[2][..]; 1][..usize::from(count == 2)]
            );
            assert!(rest.first().is_none_or(|row| !row.owner.context().encode().is_empty()));
        }
        let columns = CIPHERTEXT_COLUMNS.len() as u64;
        assert_eq!(store.count_ciphertexts_starting(&[9]).await.unwrap(), columns);
        assert_eq!(store.count_ciphertexts_starting(&[9, 9]).await.unwrap(), 0);
    }
}
