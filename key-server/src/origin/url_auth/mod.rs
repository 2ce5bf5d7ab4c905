//! URL authentication as CDN vendors have it: addresses that are made and checked under a key shared with the CDN
//! (docs/DELIVERY.md, "Media origins: URL authentication"). Pure: the time comes in.

mod scheme;
mod time;

pub(crate) use scheme::{UrlScheme, VendorScheme};

use scheme::Fields;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A clock may be so much behind the one that made an address.
const SKEW_SECS: u64 = 60;
/// Longer addresses are not looked at: no path that is served is.
const ADDRESS_LEN_MAX: usize = 2048;
const RLIMIT_MAX: u8 = 9;
const US_LEN_MAX: usize = 64;

/// A key as vendors take it: 6–64 letters and digits.
#[derive(Clone)]
pub(crate) struct UrlAuthKey(Zeroizing<String>);

/// Makes and checks the addresses of one media origin.
pub(crate) struct UrlAuth {
    scheme: VendorScheme,
    key: UrlAuthKey,
    backup_key: Option<UrlAuthKey>,
    ttl_secs: u64,
}

/// What an address grants besides its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UrlTerms {
    /// When it was made; `tencent-key`: when it ends.
    pub(crate) time: u64,
    /// `tencent-key`: a preview of so many seconds.
    pub(crate) exper: Option<u32>,
    /// `tencent-key`: at most so many client addresses.
    pub(crate) rlimit: Option<u8>,
    /// `tencent-key`: what makes it differ from others.
    pub(crate) us: Option<String>,
}

/// An address that holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CheckedUrl<'a> {
    /// The path without its signature.
    pub(crate) uri: &'a str,
    pub(crate) terms: UrlTerms,
}

/// An address does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UrlAuthError {
    /// Not of the scheme's form, or not made with one of the keys.
    Invalid,
    /// Made with one of the keys, and over.
    Expired,
}

impl UrlAuthKey {
    /// `None` for what a vendor would not take.
    #[must_use]
    pub(crate) fn new(text: Zeroizing<String>) -> Option<Self> {
        const LEN: std::ops::RangeInclusive<usize> = 6..=64;
        let fits = LEN.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then_some(Self(text))
    }

    /// The text, for the KMS and for whoever made it.
    #[must_use]
    pub(crate) fn expose_text(&self) -> &str {
        &self.0
    }
}

impl UrlAuth {
    #[must_use]
    pub(crate) const fn new(
        scheme: VendorScheme,
        key: UrlAuthKey,
        backup_key: Option<UrlAuthKey>,
        ttl_secs: u64,
    ) -> Self {
        Self { scheme, key, backup_key, ttl_secs }
    }

    /// The terms of an address made now that is to end with `ends_at` at the latest.
    #[must_use]
    pub(crate) fn terms(&self, now: u64, ends_at: u64) -> UrlTerms {
        let ends_at = ends_at.min(now.saturating_add(self.ttl_secs));
        let time = match self.scheme {
            VendorScheme::TencentKey => ends_at,
            _ => ends_at.saturating_sub(self.ttl_secs),
        };
        UrlTerms { time, ..UrlTerms::default() }
    }

    /// Path and query of the address of `uri`. Terms that the scheme has no place for are left out.
    #[must_use]
    pub(crate) fn sign(&self, uri: &str, terms: &UrlTerms) -> String {
        let time = time::text(self.scheme, terms.time);
        let number = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
        let (exper, rlimit) = (number(terms.exper), number(terms.rlimit.map(u32::from)));
        let (rand, uid, us) = ("0", "0", terms.us.as_deref().unwrap_or_default());
        let fields = Fields { time: &time, rand, uid, exper: &exper, rlimit: &rlimit, us, md5: "" };
        let md5 = self.scheme.digest(&self.key.0, uri, &fields);
        self.scheme.write(uri, &Fields { md5: &md5, ..fields })
    }

    /// Checks an address as it stood in the request: path and query, nothing decoded.
    pub(crate) fn check<'a>(&self, address: &'a str, now: u64) -> Result<CheckedUrl<'a>, UrlAuthError> {
        if address.len() > ADDRESS_LEN_MAX {
            return Err(UrlAuthError::Invalid);
        }
        let (uri, fields) = self.scheme.parse(address).ok_or(UrlAuthError::Invalid)?;
        let fits = |key: &UrlAuthKey| -> bool {
            self.scheme.digest(&key.0, uri, &fields).as_bytes().ct_eq(fields.md5.as_bytes()).into()
        };
        if !(fits(&self.key) || self.backup_key.as_ref().is_some_and(fits)) {
            return Err(UrlAuthError::Invalid);
        }
        let terms = terms_of(self.scheme, &fields).ok_or(UrlAuthError::Invalid)?;
        let ends_at = match self.scheme {
            VendorScheme::TencentKey => terms.time,
            _ if terms.time > now.saturating_add(SKEW_SECS) => return Err(UrlAuthError::Invalid),
            _ => terms.time.saturating_add(self.ttl_secs),
        };
        if ends_at <= now { Err(UrlAuthError::Expired) } else { Ok(CheckedUrl { uri, terms }) }
    }
}

fn terms_of(scheme: VendorScheme, fields: &Fields<'_>) -> Option<UrlTerms> {
    let time = time::parse(scheme, fields.time)?;
    let exper = optional(fields.exper, |text| digits(text)?.parse().ok())?;
    let rlimit = optional(fields.rlimit, |text| digits(text)?.parse().ok())?;
    let us = optional(fields.us, |text| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        (text.len() <= US_LEN_MAX && text.bytes().all(plain)).then(|| text.to_owned())
    })?;
    // 0 is "no limit" with both.
    let (exper, rlimit) = (exper.filter(|secs| *secs > 0), rlimit.filter(|most| *most > 0));
    rlimit.is_none_or(|most| most <= RLIMIT_MAX).then_some(UrlTerms { time, exper, rlimit, us })
}

/// `None` where something stands that can't be read; `Some(None)` where nothing stands.
#[expect(clippy::option_option, reason = "absent and malformed differ")]
fn optional<T>(text: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { read(text).map(Some) }
}

/// The parsers of the standard library take a sign, too.
fn digits(text: &str) -> Option<&str> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)
}

#[cfg(test)]
mod tests;
