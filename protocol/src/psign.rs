//! Player signature (docs/PROTOCOL.md, "Player signature"): JWS compact (RFC 7515), HS256 only.
//!
//! Each step of checking is a type that only the step before can make:
//! [`UnverifiedPlayerSignature`] → [`VerifiedPlayerSignature`] → [`TimelyPlayerSignature`] → [`PlayAuthorization`].
//!
//! The JWT is read here and not by a general library because one HMAC is all there is to it, and the general ones bring
//! RSA and elliptic curves into a crate that also builds for the browser.

mod claims;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use claims::{
    ContentInfo, DrmLicenseInfo, GhostWatermarkInfo, KeyveilClaims, PlayerSignatureClaims, ResolutionName,
    UrlAccessInfo,
};

use crate::error::{ErrorCode, ProtocolError};
use crate::ids::{AppId, FileId, KeyId};
use crate::object::from_json_object;
use crate::track::Mode;

/// The longest psign taken, in bytes.
pub const PSIGN_LEN_MAX: usize = 4096;
/// How far ahead of the server's clock `currentTimeStamp` may be, in seconds.
pub const CLOCK_SKEW_SECS: u64 = 60;

const fn malformed(cause: &'static str) -> ProtocolError {
    ProtocolError::new(ErrorCode::PsignMalformed, cause)
}

/// The shared secret of an application: HMAC uses the bytes of its text, as vendors' signing code does.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SigningKey(String);

impl SigningKey {
    /// Takes the text over.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The bare text. Never log what this returns.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }

    fn hmac(&self, message: &str) -> Hmac<Sha256> {
        let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()) else {
            unreachable!("HMAC takes keys of any length (RFC 2104, section 2)")
        };
        hmac.update(message.as_bytes());
        hmac
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    typ: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<KeyId>,
    /// Names header fields that must be understood (RFC 7515, section 4.1.11). None is, so its presence refuses the psign.
    #[serde(rename = "crit", default, skip_serializing, deserialize_with = "present")]
    has_crit: bool,
}

/// True whatever the value is, null too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Signs claims as a customer's server would.
///
/// # Errors
/// `psign_malformed` when a claim is out of its bounds or the result is over 4096 bytes; `psign_signature` for an empty key.
pub fn sign(
    claims: &PlayerSignatureClaims,
    kid: Option<&KeyId>,
    signing_key: &SigningKey,
) -> Result<String, ProtocolError> {
    if signing_key.0.is_empty() {
        return Err(ProtocolError::new(ErrorCode::PsignSignature, "signing key is empty"));
    }
    claims.check_bounds()?;
    let header = Header { alg: "HS256".into(), typ: Some("JWT".into()), kid: kid.cloned(), has_crit: false };
    let part = |json: serde_json::Result<Vec<u8>>| {
        json.map(|json| Base64UrlUnpadded::encode_string(&json)).map_err(|_| malformed("claims can't be written"))
    };
    let mut psign = format!("{}.{}", part(serde_json::to_vec(&header))?, part(serde_json::to_vec(claims))?);
    let signature = signing_key.hmac(&psign).finalize().into_bytes();
    psign.push('.');
    psign.push_str(&Base64UrlUnpadded::encode_string(&signature));
    if psign.len() > PSIGN_LEN_MAX { Err(malformed("psign over 4096 bytes")) } else { Ok(psign) }
}

/// A psign that has the right form and nothing more. It only tells which key might verify it.
#[derive(Debug)]
pub struct UnverifiedPlayerSignature<'a> {
    signing_input: &'a str,
    signature: Vec<u8>,
    kid: Option<KeyId>,
    claims: PlayerSignatureClaims,
}

impl<'a> UnverifiedPlayerSignature<'a> {
    /// # Errors
    /// `psign_malformed` (form, size, claims), `psign_algorithm` (any `alg` but HS256).
    pub fn parse(psign: &'a str) -> Result<Self, ProtocolError> {
        if psign.len() > PSIGN_LEN_MAX {
            return Err(malformed("psign over 4096 bytes"));
        }
        let (signing_input, signature) = psign.rsplit_once('.').ok_or(malformed("no signature part"))?;
        let (header, claims) = signing_input.split_once('.').ok_or(malformed("no claims part"))?;
        let decode = |part| Base64UrlUnpadded::decode_vec(part).map_err(|_| malformed("part is not base64url"));
        let header: Header = from_json_object(&decode(header)?).map_err(|_| malformed("header is not as expected"))?;
        if header.has_crit {
            return Err(malformed("header has crit"));
        }
        if header.alg != "HS256" {
            return Err(ProtocolError::new(ErrorCode::PsignAlgorithm, "alg is not HS256"));
        }
        if header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt")) {
            return Err(malformed("typ is not JWT"));
        }
        let claims: PlayerSignatureClaims =
            from_json_object(&decode(claims)?).map_err(|_| malformed("claims are not as expected"))?;
        claims.check_bounds()?;
        Ok(Self { signing_input, signature: decode(signature)?, kid: header.kid, claims })
    }

    /// The application it claims to come from.
    #[must_use]
    pub const fn app_id(&self) -> AppId {
        self.claims.app_id
    }

    /// The signing key it claims to be signed with.
    #[must_use]
    pub const fn kid(&self) -> Option<&KeyId> {
        self.kid.as_ref()
    }

    /// What it claims, which nothing has proved yet.
    #[must_use]
    pub const fn claims(&self) -> &PlayerSignatureClaims {
        &self.claims
    }

    /// Compares the HMAC in constant time with each of the application's keys that [`Self::kid`] allows. An empty key fits
    /// nothing: anyone could sign with it.
    ///
    /// # Errors
    /// `psign_signature` when none fits.
    pub fn verify<'k>(
        self,
        signing_keys: impl IntoIterator<Item = &'k SigningKey>,
    ) -> Result<VerifiedPlayerSignature, ProtocolError> {
        let mut unverified = self;
        for signing_key in signing_keys {
            match unverified.verify_by(signing_key) {
                Ok(verified) => return Ok(verified),
                Err(back) => unverified = *back,
            }
        }
        Err(ProtocolError::new(ErrorCode::PsignSignature, "HMAC differs"))
    }

    /// [`Self::verify`] with one key, for who wants to know which one fits.
    ///
    /// # Errors
    /// Itself, for the next key.
    pub fn verify_by(self, signing_key: &SigningKey) -> Result<VerifiedPlayerSignature, Box<Self>> {
        let hmac = signing_key.hmac(self.signing_input);
        if signing_key.0.is_empty() || hmac.verify_slice(&self.signature).is_err() {
            return Err(Box::new(self));
        }
        Ok(VerifiedPlayerSignature { claims: self.claims })
    }
}

/// Signed by one of the application's keys.
#[derive(Debug)]
pub struct VerifiedPlayerSignature {
    claims: PlayerSignatureClaims,
}

impl VerifiedPlayerSignature {
    /// Effective expiry in seconds since 1970, passed or not; `max_age_secs` is the application's.
    #[must_use]
    pub fn expires_at(&self, max_age_secs: u64) -> u64 {
        let oldest = self.claims.current_time_stamp.saturating_add(max_age_secs);
        let limits = [self.claims.expire_time_stamp, self.claims.media_ends_at(), self.claims.keys_end_at()];
        limits.into_iter().flatten().fold(oldest, u64::min)
    }

    /// `now` and the result's expiry in seconds since 1970; `max_age_secs` is the application's.
    ///
    /// # Errors
    /// `psign_from_future`, `psign_expired`.
    pub fn check_times(self, now: u64, max_age_secs: u64) -> Result<TimelyPlayerSignature, ProtocolError> {
        if self.claims.current_time_stamp > now.saturating_add(CLOCK_SKEW_SECS) {
            return Err(ProtocolError::new(ErrorCode::PsignFromFuture, "currentTimeStamp is ahead of the clock"));
        }
        let expires_at = self.expires_at(max_age_secs);
        if expires_at <= now {
            return Err(ProtocolError::new(ErrorCode::PsignExpired, "past its effective expiry"));
        }
        Ok(TimelyPlayerSignature { claims: self.claims, expires_at })
    }
}

/// Signed, and valid now.
#[derive(Debug)]
pub struct TimelyPlayerSignature {
    claims: PlayerSignatureClaims,
    expires_at: u64,
}

impl TimelyPlayerSignature {
    /// The application that signed it.
    #[must_use]
    pub const fn app_id(&self) -> AppId {
        self.claims.app_id
    }

    /// The title it is for; looked up within [`Self::app_id`] only.
    #[must_use]
    pub const fn file_id(&self) -> &FileId {
        &self.claims.file_id
    }

    /// Effective expiry in seconds since 1970.
    #[must_use]
    pub const fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// Whether `urlAccessInfo.domain` names a host.
    #[must_use]
    pub fn names_vendor_domains(&self) -> bool {
        self.claims.names_vendor_domains()
    }

    /// Takes names out of `urlAccessInfo.domain` that can only be meant as vendors mean that claim: where media come from.
    #[must_use]
    pub fn without_media_hosts(mut self, is_media_host: impl Fn(&str) -> bool) -> Self {
        self.claims.retain_vendor_domains(|name| !is_media_host(name));
        self
    }

    /// `requested` is the file the page means to play, if it said so; `mode` is the title's.
    ///
    /// # Errors
    /// `psign_other_title`, `psign_content_type`.
    pub fn authorize(self, requested: Option<&FileId>, mode: Mode) -> Result<PlayAuthorization, ProtocolError> {
        if requested.is_some_and(|file_id| *file_id != self.claims.file_id) {
            return Err(ProtocolError::new(ErrorCode::PsignOtherTitle, "request names another file"));
        }
        self.claims.check_content_type(mode)?;
        Ok(PlayAuthorization { claims: self.claims, expires_at: self.expires_at })
    }
}

/// Proof that a psign is genuine, timely and for this title. Domain, IP and device are the server's to check.
#[derive(Debug)]
pub struct PlayAuthorization {
    claims: PlayerSignatureClaims,
    expires_at: u64,
}

impl PlayAuthorization {
    /// The claims, now trustworthy.
    #[must_use]
    pub const fn claims(&self) -> &PlayerSignatureClaims {
        &self.claims
    }

    /// Effective expiry in seconds since 1970.
    #[must_use]
    pub const fn expires_at(&self) -> u64 {
        self.expires_at
    }
}
