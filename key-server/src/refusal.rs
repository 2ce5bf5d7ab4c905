use std::borrow::Cow;

use keyveil_protocol::{AppId, ErrorCode, ProtocolError};

use crate::kms::KmsError;
use crate::store::StoreError;

/// Why a request is not answered: a stable code for the outside, a precise cause for the log.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{code}: {cause}")]
pub struct Refusal {
    code: ErrorCode,
    /// Never holds a secret or anything copied out of a request.
    cause: Cow<'static, str>,
    /// The application, once the request proved it: decides which page may read the answer.
    app_id: Option<AppId>,
    /// When another attempt makes sense.
    retry_after_secs: Option<u64>,
    /// Fit for the outside: which field, and what it may be.
    detail: Option<Cow<'static, str>>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { code, cause: cause.into(), app_id: None, retry_after_secs: None, detail: None }
    }

    pub(crate) fn for_app(mut self, app_id: AppId) -> Self {
        self.app_id = Some(app_id);
        self
    }

    pub(crate) fn with_retry_after(mut self, secs: u64) -> Self {
        self.retry_after_secs = Some(secs);
        self
    }

    /// Says to the caller which field was wrong. Never a secret, and little of what the request held.
    pub(crate) fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// What exactly was wrong, fit for the log only.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    pub(crate) const fn retry_after_secs(&self) -> Option<u64> {
        self.retry_after_secs
    }

    pub(crate) fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    pub(crate) const fn app_id(&self) -> Option<AppId> {
        self.app_id
    }
}

impl From<ProtocolError> for Refusal {
    fn from(error: ProtocolError) -> Self {
        // A code that only clients make has no place on the wire.
        let code = if error.code().http_status() == 0 { ErrorCode::Internal } else { error.code() };
        Self::new(code, error.cause())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::new(code_of(&error), error.to_string())
    }
}

impl From<KmsError> for Refusal {
    fn from(error: KmsError) -> Self {
        match error {
            KmsError::Unavailable { retry_after } => {
                let secs = retry_after.map_or(1, |wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
                Self::new(ErrorCode::KmsUnavailable, error.to_string()).with_retry_after(secs.max(1))
            }
            KmsError::Rejected | KmsError::TooLong | KmsError::Unsupported => {
                Self::new(ErrorCode::Internal, error.to_string())
            }
        }
    }
}

fn code_of(error: &StoreError) -> ErrorCode {
    match error {
        StoreError::Database(error) if is_full(error) => ErrorCode::NoSpace,
        StoreError::Corrupt(_) | StoreError::NoAuditKey | StoreError::NotEmpty => ErrorCode::Internal,
        StoreError::Database(_) | StoreError::Schema(_) | StoreError::NotDurable(_) | StoreError::Moved => {
            ErrorCode::Unavailable
        }
        StoreError::Shared(error) => code_of(error),
    }
}

fn is_full(error: &sqlx::Error) -> bool {
    const SQLITE_FULL: &str = "13";
    const POSTGRES_DISK_FULL: &str = "53100";
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| [SQLITE_FULL, POSTGRES_DISK_FULL].contains(&&*code))
}
