use object_store::Error;

use super::super::StorageError;

/// What is told of a cause.
const CAUSE_LEN_MAX: usize = 300;

/// A failure, without the body of the answer: S3 repeats in it what was signed.
pub(super) fn explained(error: Error) -> StorageError {
    match &error {
        Error::NotFound { .. } => StorageError::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            StorageError::Unavailable(format!("S3 denies it: {}", worded(&error)))
        }
        error => {
            let cause = worded(error);
            // As MinIO and Ceph say it; Amazon's own is never full.
            if cause.contains("507 Insufficient Storage") {
                StorageError::NoSpace
            } else {
                StorageError::Unavailable(cause)
            }
        }
    }
}

/// Fit for a line of the log: up to the body, and without a query, where a signature may stand.
fn worded(error: &Error) -> String {
    let text = error.to_string();
    let text = text.split_once('<').map_or(text.as_str(), |(before, _)| before);
    let without_queries = text.split(' ').map(|word| word.split_once('?').map_or(word, |(before, _)| before));
    let line = without_queries.collect::<Vec<_>>().join(" ");
    line.chars().take(CAUSE_LEN_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Error {
        Error::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn a_cause_holds_neither_body_nor_query() {
        let told = explained(error(
            "Error performing GET http://s3/media/a?X-Amz-Signature=abc in 1ms - status code: 403 Forbidden: <Error><StringToSign>x</StringToSign>",
        ));
        let StorageError::Unavailable(cause) = told else { panic!("{told:?}") };
        assert!(cause.contains("http://s3/media/a in 1ms") && cause.contains("403 Forbidden"), "{cause}");
        assert!(!cause.contains("abc") && !cause.contains("StringToSign"), "{cause}");
    }

    #[test]
    fn a_full_store_is_told_from_one_that_fails() {
        assert_eq!(explained(error("status code: 507 Insufficient Storage: ")), StorageError::NoSpace);
        assert!(matches!(explained(error("status code: 503 Service Unavailable")), StorageError::Unavailable(_)));
    }
}
