//! The stable error codes of docs/PROTOCOL.md, "Error codes".

use std::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = ($code:literal, $status:literal, $message:literal),)+) => {
        /// A stable code. The text, HTTP status and advice of each stand in this one table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode { $($(#[$doc])* $name,)+ }

        impl ErrorCode {
            /// Every code, in the order of docs/PROTOCOL.md.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code as it stands in JSON, for example `psign_expired`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status that carries it; 0 for codes that only clients make.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// One sentence that says what to do. Tells nothing that the caller may not know.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)+ }
            }
        }
    };
}

error_codes! {
    /// Body, field or path can't be parsed.
    MalformedRequest = ("malformed_request", 400, "The request can't be read; check its fields against the protocol."),
    /// Body over its limit.
    BodyTooLarge = ("body_too_large", 413, "The request body is over the limit; send less."),
    /// Not `application/json`.
    UnsupportedMediaType = ("unsupported_media_type", 415, "Send the body as application/json."),
    /// No such path; also every unsafe media path.
    NotFound = ("not_found", 404, "There is nothing at this address."),
    /// Method not allowed on this path.
    MethodNotAllowed = ("method_not_allowed", 405, "This address does not take that method."),
    /// Not a JWT, too long, or a claim is missing or of the wrong type.
    PsignMalformed = ("psign_malformed", 400, "The player signature is malformed; sign appId, fileId and currentTimeStamp as an HS256 JWT."),
    /// Any `alg` but HS256.
    PsignAlgorithm = ("psign_algorithm", 400, "The player signature must use HS256."),
    /// Wrong key, unknown `kid` or unknown app: not told apart outward.
    PsignSignature = ("psign_signature", 401, "The player signature is not valid for this application; check the signing key."),
    /// Past its expiry.
    PsignExpired = ("psign_expired", 401, "The player signature has expired; ask your server for a new one."),
    /// Signed more than the allowed skew ahead of the server's clock.
    PsignFromFuture = ("psign_from_future", 401, "The player signature is dated in the future; check the clock of the server that signs."),
    /// The request names another file, or a renewal another viewer.
    PsignOtherTitle = ("psign_other_title", 403, "The player signature is for another title or viewer."),
    /// `audioVideoType` does not fit the title.
    PsignContentType = ("psign_content_type", 403, "The player signature asks for another kind of stream than this title has."),
    /// A signature for one use was used.
    PsignUsed = ("psign_used", 403, "This player signature was for one use, and it was used; ask your server for a new one."),
    /// The client's address is not among those of the signature.
    AddressNotAllowed = ("address_not_allowed", 403, "The player signature does not allow this network address."),
    /// More addresses than the signature allows.
    AddressLimit = ("address_limit", 403, "The player signature is in use at as many network addresses as it allows; ask your server for a new one."),
    /// The page's origin is none of the allowed domains.
    OriginNotAllowed = ("origin_not_allowed", 403, "This page's domain is not allowed; add it to the application."),
    /// Unknown, of another app, or not published.
    TitleNotFound = ("title_not_found", 404, "There is no such published title in this application."),
    /// The file id is taken.
    TitleExists = ("title_exists", 409, "A title with this file id is already published; choose another file id."),
    /// Not 32 bytes, or of small order.
    PublicKeyInvalid = ("public_key_invalid", 400, "The public key is not a usable X25519 key."),
    /// Unknown or retired SDK build.
    BuildUnknown = ("build_unknown", 403, "This player build is not accepted any more; reload the page to get the current one."),
    /// Unknown session or wrong MAC: not told apart outward.
    SessionInvalid = ("session_invalid", 401, "The playback session is not valid; start again."),
    /// Past its expiry.
    SessionExpired = ("session_expired", 401, "The playback session has expired; start again with a new signature."),
    /// The viewer opened more sessions than the signature allows at once.
    SessionSuperseded = ("session_superseded", 401, "The viewer plays elsewhere, on as many players as allowed; end one there, or start again here."),
    /// Below the least playback level of application or signature.
    LevelNotAllowed = ("level_not_allowed", 403, "This title is not played like this here: the application or the player signature asks for a higher level, which this player or browser does not have."),
    /// Above the session's track class.
    TrackNotAllowed = ("track_not_allowed", 403, "The signature does not cover this track class."),
    /// Behind a preview's end.
    PreviewEnded = ("preview_ended", 403, "The preview ends before this part of the title."),
    /// The session asked for keys too often.
    KeyUsesExhausted = ("key_uses_exhausted", 403, "This session has asked for keys too often; start again with a new signature."),
    /// A counter not above the last one.
    CounterReplayed = ("counter_replayed", 409, "This request was already used; send it again with a higher counter."),
    /// A period the title does not have.
    PeriodOutOfRange = ("period_out_of_range", 400, "The title has no such period."),
    /// Altered media URL, or one for another path.
    UrlInvalid = ("url_invalid", 403, "The media address is not valid; take it from a fresh play request."),
    /// Media URL past its expiry.
    UrlExpired = ("url_expired", 403, "The media address has expired; take a new one from a fresh play request."),
    /// Byte range outside the file.
    RangeNotSatisfiable = ("range_not_satisfiable", 416, "The byte range lies outside the file."),
    /// Missing, malformed, unknown or revoked API key.
    ApiKeyInvalid = ("api_key_invalid", 401, "The API key is missing or not valid."),
    /// The API key lacks the scope.
    ScopeMissing = ("scope_missing", 403, "This API key may not do that; use one with the scope that this request needs."),
    /// No cookie of a person who has signed in.
    SignInRequired = ("sign_in_required", 401, "Sign in first."),
    /// Wrong name or password: not told apart.
    SignInFailed = ("sign_in_failed", 401, "Name or password is wrong."),
    /// Too many attempts.
    RateLimited = ("rate_limited", 429, "Too many attempts; wait a little and try again."),
    /// A create was repeated with another body.
    IdempotencyConflict = ("idempotency_conflict", 409, "This Idempotency-Key was used for another request; use a new one."),
    /// As many as there may be.
    LimitReached = ("limit_reached", 409, "There are as many of these as there may be; remove one first."),
    /// The title's state does not allow it.
    TitleState = ("title_state", 409, "The title's present state does not allow that; look at its state and try again."),
    /// The version that the player has playlists of is gone.
    TitleChanged = ("title_changed", 409, "The title was encrypted anew; load the page again."),
    /// Settings that make no sense.
    WorkflowInvalid = ("workflow_invalid", 400, "The workflow's settings make no sense; the detail says which."),
    /// No such workflow in this application, nor built in.
    WorkflowNotFound = ("workflow_not_found", 404, "There is no such workflow; name one of this application or a built-in one."),
    /// Not tus 1.0.0.
    TusVersion = ("tus_version", 412, "Send Tus-Resumable: 1.0.0."),
    /// Over the application's limit.
    UploadTooLarge = ("upload_too_large", 413, "The file is larger than this application allows."),
    /// Not a kind that the application takes.
    UploadTypeNotAllowed = ("upload_type_not_allowed", 415, "This application does not take files of that kind."),
    /// The offset is not where the upload stands.
    UploadOffset = ("upload_offset", 409, "The upload stands at another offset; ask for it by HEAD and go on there."),
    /// Swept, cancelled or finished.
    UploadGone = ("upload_gone", 410, "The upload is over; begin it anew."),
    /// Bytes differ from their checksum.
    ChecksumMismatch = ("checksum_mismatch", 460, "The bytes differ from their checksum; send them again."),
    /// An address that this server does not call.
    UrlRefused = ("url_refused", 400, "This server does not call that address; use a public http or https one."),
    /// The claim is over or someone else's.
    LeaseLost = ("lease_lost", 409, "This attempt has lost its lease; stop, and claim anew."),
    /// A worker whose newest protocol is older than the oldest that the server speaks.
    WorkerTooOld = ("worker_too_old", 409, "This worker is too old for this server; upgrade the packager on the worker's machine."),
    /// A worker whose oldest protocol is newer than the newest that the server speaks.
    WorkerTooNew = ("worker_too_new", 409, "This worker is too new for this server; upgrade the key server, or give the worker the packager of the server's release."),
    /// A claim of a worker that is not known here (any more).
    WorkerUnknown = ("worker_unknown", 404, "This server does not know the worker; register it, then claim again."),
    /// A file that the playlists list is missing.
    MediaIncomplete = ("media_incomplete", 409, "A file that the playlists list has not been stored; store it and complete again."),
    /// The disk is full.
    NoSpace = ("no_space", 507, "The server's disk is full; free some space and try again."),
    /// The KMS does not answer.
    KmsUnavailable = ("kms_unavailable", 503, "The server can't open this title's keys right now; try again shortly."),
    /// Database or disk does not answer.
    Unavailable = ("unavailable", 503, "The server can't answer right now; try again shortly."),
    /// A fault of the server.
    Internal = ("internal", 500, "The server failed; the log has the cause under this request id."),
    /// Client: the envelope did not open. Nothing more is said.
    EnvelopeRejected = ("envelope_rejected", 0, "The key envelope was refused; it was not made for this request by a server this player trusts."),
    /// Client: the envelope names a server key that is not pinned.
    ServerKeyUnknown = ("server_key_unknown", 0, "The server's key is not one this player trusts."),
    /// Client: built without an SDK build.
    BuildMissing = ("build_missing", 0, "This player is not made for any key server; serve the files that `key-server build write` makes."),
    /// Client: length or padding of a segment can't be right.
    SegmentDamaged = ("segment_damaged", 0, "A media segment is damaged or belongs to another title."),
    /// Client: an EXT-X-KEY line that breaks the rules.
    KeyTagMalformed = ("key_tag_malformed", 0, "The playlist's key tag is malformed."),
    /// Client: no key for this class or period in the session.
    KeyNotGranted = ("key_not_granted", 0, "The signature does not cover this rendition or part of the title."),
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal by one of this crate's rules: a stable code, and a precise cause for logs that never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {cause}")]
pub struct ProtocolError {
    code: ErrorCode,
    cause: &'static str,
}

impl ProtocolError {
    pub(crate) const fn new(code: ErrorCode, cause: &'static str) -> Self {
        // A browser has no log that is ours, and the text would have to be loaded.
        let cause = if cfg!(target_arch = "wasm32") { "" } else { cause };
        Self { code, cause }
    }

    /// The stable code, fit for the outside.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// What exactly was wrong, fit for the log only. Nothing in WebAssembly.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        self.cause
    }
}
