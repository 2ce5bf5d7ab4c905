//! Uploads in parts that nobody will end: of a server that died in the middle. They take space that no listing shows.

use std::time::Duration;

use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use reqwest::Method;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::S3;
use super::errors::explained;
use crate::storage::StorageError;

const ADDRESS_VALID_FOR: Duration = Duration::from_secs(60);
/// A thousand uploads with the longest keys.
const ANSWER_LEN_MAX: usize = 4 << 20;

/// `ListMultipartUploadsResult`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
    #[serde(default)]
    upload: Vec<Begun>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Begun {
    key: String,
    upload_id: String,
    initiated: String,
}

impl S3 {
    pub(in crate::storage) async fn sweep_parts(&self, begun_before: u64) -> Result<usize, StorageError> {
        let mut swept = 0_usize;
        let mut after = None;
        loop {
            let page = self.begun(after.as_ref()).await?;
            for begun in page.upload.iter().filter(|begun| begun.is_before(begun_before)) {
                match self
                    .store
                    .abort_multipart(&Path::from(begun.key.as_str()), &begun.upload_id)
                    .await
                    .map_err(explained)
                {
                    // Ended meanwhile.
                    Ok(()) | Err(StorageError::NotFound) => swept = swept.saturating_add(1),
                    Err(error) => return Err(error),
                }
            }
            let next = page.next_key_marker.zip(page.next_upload_id_marker).filter(|_| page.is_truncated);
            // A server that names the same place again would be asked for ever.
            if next.is_none() || next == after {
                return Ok(swept);
            }
            after = next;
        }
    }

    /// The store's client has no such request, but it signs any address.
    async fn begun(&self, after: Option<&(String, String)>) -> Result<Listing, StorageError> {
        let mut query = vec![("uploads".to_owned(), String::new()), ("prefix".to_owned(), format!("{}/", self.prefix))];
        if let Some((key, upload_id)) = after {
            query.push(("key-marker".to_owned(), key.clone()));
            query.push(("upload-id-marker".to_owned(), upload_id.clone()));
        }
        let options = SignedUrlOptions::default().with_query(query);
        let signed = self.store.signed_url_opts(Method::GET, &Path::default(), ADDRESS_VALID_FOR, &options).await;
        let failed = |_| StorageError::Unavailable("uploads in parts can't be listed".to_owned());
        let mut answer = self.http.get(signed.map_err(explained)?).send().await.map_err(failed)?;
        if !answer.status().is_success() {
            let status = answer.status();
            return Err(StorageError::Unavailable(format!("uploads in parts can't be listed: {status}")));
        }
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            text.extend_from_slice(&chunk);
            if text.len() > ANSWER_LEN_MAX {
                return Err(StorageError::TooLong);
            }
        }
        listing(&text)
    }
}

impl Begun {
    /// One whose time can't be read is left alone.
    fn is_before(&self, time: u64) -> bool {
        let begun = OffsetDateTime::parse(&self.initiated, &Rfc3339).ok();
        begun.and_then(|begun| u64::try_from(begun.unix_timestamp()).ok()).is_some_and(|begun| begun < time)
    }
}

fn listing(text: &[u8]) -> Result<Listing, StorageError> {
    quick_xml::de::from_reader(text)
        .map_err(|_| StorageError::Unavailable("a listing of uploads in parts can't be read".to_owned()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_listing_is_read() {
        let text = br#"<?xml version="1.0" encoding="UTF-8"?>
            <ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>media</Bucket><KeyMarker/>
            <NextKeyMarker>a/b</NextKeyMarker><NextUploadIdMarker>u2</NextUploadIdMarker><MaxUploads>2</MaxUploads>
            <IsTruncated>true</IsTruncated>
            <Upload><Key>a/a</Key><UploadId>u1</UploadId><Initiator><ID>x</ID></Initiator><StorageClass>STANDARD</StorageClass>
            <Initiated>1970-01-01T00:01:40.000Z</Initiated></Upload>
            <Upload><Key>a/b</Key><UploadId>u2</UploadId><Initiated>yesterday</Initiated></Upload></ListMultipartUploadsResult>"#;
        let listing = super::listing(text).unwrap();
        assert!(listing.is_truncated);
        assert_eq!(
            (listing.next_key_marker.as_deref(), listing.next_upload_id_marker.as_deref()),
            (Some("a/b"), Some("u2"))
        );
        let [first, second] = &listing.upload[..] else { panic!("{listing:?}") };
        assert_eq!((first.key.as_str(), first.upload_id.as_str()), ("a/a", "u1"));
        assert!(first.is_before(101) && !first.is_before(100));
        assert!(!second.is_before(u64::MAX), "its time can't be read");
        let none = super::listing(
            b"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>",
        );
        assert!(none.unwrap().upload.is_empty());
        for text in
            [&b""[..], b"<html>", b"nonsense", b"<ListMultipartUploadsResult><Upload/></ListMultipartUploadsResult>"]
        {
            assert!(super::listing(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }
}
