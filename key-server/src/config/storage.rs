use std::fmt;

use serde::{Deserialize, Deserializer, de};
use url::Url;

use super::Config;
use super::http::optional_url;

const PREFIX_LEN_MAX: usize = 256;

/// `[storage]`: an S3-compatible store for media and sources, instead of folders of this machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// `s3://bucket/prefix`. Media lie in `[media] dir` when absent, sources in the data folder.
    #[serde(deserialize_with = "optional_bucket")]
    pub url: Option<StorageUrl>,
    /// The bucket's region; stores other than Amazon's mostly take any.
    pub region: String,
    /// Where it listens; the region's own address at Amazon when absent.
    #[serde(deserialize_with = "optional_url")]
    pub endpoint: Option<Url>,
    /// Whether the bucket stands in the path rather than in the host's name; when absent, it does with an `endpoint`.
    pub path_style: Option<bool>,
    /// How viewers come to media that lie there.
    pub reads: StorageReads,
}

/// How viewers come to media in S3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageReads {
    /// Through this server, or a CDN before it.
    #[default]
    Proxy,
    /// From the store itself: this server answers with a presigned address.
    Redirect,
}

/// A bucket, and where in it everything of this installation lies.
#[derive(Clone, PartialEq, Eq)]
pub struct StorageUrl {
    /// Its name.
    pub bucket: String,
    /// Without slashes at its ends; may be empty.
    pub prefix: String,
}

impl Default for StorageConfig {
    fn default() -> Self {
        let region = "us-east-1".to_owned();
        Self { url: None, region, endpoint: None, path_style: None, reads: StorageReads::Proxy }
    }
}

impl StorageUrl {
    /// Reads `s3://bucket/prefix`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let unfit =
            || "storage.url must be s3://bucket or s3://bucket/prefix, of a-z, A-Z, 0-9, '.', '_' and '-'".to_owned();
        let rest = text.strip_prefix("s3://").ok_or_else(unfit)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_name = |name: &str| !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_plain);
        let is_bucket = (3..=63).contains(&bucket.len()) && is_name(bucket);
        let is_prefix = prefix.is_empty() || (prefix.len() <= PREFIX_LEN_MAX && prefix.split('/').all(is_name));
        if is_bucket && is_prefix {
            Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        } else {
            Err(unfit())
        }
    }
}

impl fmt::Display for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "s3://{}{slash}{}", self.bucket, self.prefix)
    }
}

impl fmt::Debug for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StorageConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.region.is_empty() || !self.region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err("storage.region must be a region's name".to_owned());
        }
        let Some(endpoint) = &self.endpoint else { return Ok(()) };
        let is_origin = matches!(endpoint.scheme(), "http" | "https") && endpoint.path() == "/";
        let is_bare = endpoint.query().is_none() && endpoint.fragment().is_none();
        // Credentials are the environment's, never the configuration's.
        if !is_origin || !is_bare || !endpoint.username().is_empty() || endpoint.password().is_some() {
            return Err("storage.endpoint must be http:// or https:// with a host, and nothing behind it".to_owned());
        }
        Ok(())
    }
}

impl Config {
    /// Media lie in one place.
    pub(super) fn check_storage(&self) -> Result<(), String> {
        self.storage.check()?;
        if self.storage.url.is_some() && self.media.dir.is_some() {
            return Err("storage.url and media.dir exclude each other".to_owned());
        }
        Ok(())
    }
}

fn optional_bucket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<StorageUrl>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.filter(|text| !text.is_empty()).map(|text| StorageUrl::parse(&text).map_err(de::Error::custom)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Config, crate::config::ConfigError> {
        Config::load(None, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_bucket_and_a_prefix_are_read() {
        for (text, bucket, prefix) in [
            ("s3://media", "media", ""),
            ("s3://media/", "media", ""),
            ("s3://my.media-1/key_veil/prod/", "my.media-1", "key_veil/prod"),
        ] {
            let url = StorageUrl::parse(text).unwrap();
            assert_eq!((url.bucket.as_str(), url.prefix.as_str()), (bucket, prefix), "{text}");
            assert_eq!(StorageUrl::parse(&url.to_string()), Ok(url));
        }
        for text in [
            "",
            "media",
            "s3:/media",
            "s3://",
            "s3://ab",
            "https://media",
            "s3://a/../b",
            "s3://media//a",
            "s3://me dia",
            "s3://media/ä",
        ] {
            assert!(StorageUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_store_is_configured_whole_or_not_at_all() {
        let url = ("KEYVEIL_STORAGE_URL", "s3://media/prod");
        assert!(load(&[]).unwrap().storage.url.is_none());
        assert!(load(&[("KEYVEIL_STORAGE_URL", ""), ("KEYVEIL_STORAGE_ENDPOINT", "")]).unwrap().storage.url.is_none());
        let config = load(&[
            url,
            ("KEYVEIL_STORAGE_REGION", "eu-central-1"),
            ("KEYVEIL_STORAGE_ENDPOINT", "https://s3.example.com"),
            ("KEYVEIL_STORAGE_PATH_STYLE", "false"),
            ("KEYVEIL_STORAGE_READS", "redirect"),
        ]);
        let storage = config.unwrap().storage;
        assert_eq!(storage.url.unwrap().to_string(), "s3://media/prod");
        assert_eq!((storage.path_style, storage.reads), (Some(false), StorageReads::Redirect));
        for unfit in [
            &[url, ("KEYVEIL_MEDIA_DIR", "/srv/media")][..],
            &[("KEYVEIL_STORAGE_URL", "/srv/media")],
            &[url, ("KEYVEIL_STORAGE_REGION", "")],
            &[url, ("KEYVEIL_STORAGE_READS", "mail")],
            &[url, ("KEYVEIL_STORAGE_ENDPOINT", "https://key:secret@s3.example.com")],
            &[url, ("KEYVEIL_STORAGE_ENDPOINT", "https://s3.example.com/bucket")],
            &[url, ("KEYVEIL_STORAGE_ENDPOINT", "ftp://s3.example.com")],
        ] {
            assert!(load(unfit).is_err(), "{unfit:?}");
        }
    }
}
