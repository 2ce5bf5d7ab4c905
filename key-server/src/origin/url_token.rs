use base64ct::{Base64UrlUnpadded, Encoding};
use keyveil_protocol::ErrorCode;
use ring::hmac;
use subtle::ConstantTimeEq;

use super::MediaFolder;
use crate::refusal::Refusal;

const LABEL: &[u8] = b"keyveil/v1/url";
const HOUR_SECS: u64 = 3600;
/// 16 hex digits, a hyphen, 43 characters of base64url.
const TOKEN_LEN_MAX: usize = 16 + 1 + 43;

/// Makes and checks url tokens.
pub(crate) struct UrlKey(hmac::Key);

/// When the media addresses of a signature end: its expiry rounded up to the hour, so that all viewers of an hour share
/// one address and a CDN keeps one copy; `ends_at` cuts it short.
#[must_use]
pub(crate) fn url_expiry(psign_expires_at: u64, ends_at: Option<u64>) -> u64 {
    let rounded = psign_expires_at.div_ceil(HOUR_SECS).saturating_mul(HOUR_SECS);
    ends_at.map_or(rounded, |ends_at| ends_at.min(rounded))
}

impl UrlKey {
    /// From 32 secret bytes.
    #[must_use]
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// `<expiry in hex>-<MAC>`.
    #[must_use]
    pub(crate) fn token(&self, expires_at: u64, folder: &MediaFolder) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(LABEL);
        context.update(&[0]);
        context.update(&expires_at.to_be_bytes());
        context.update(folder.to_string().as_bytes());
        format!("{expires_at:x}-{}", Base64UrlUnpadded::encode_string(context.sign().as_ref()))
    }

    /// `url_invalid` unless this server made the token for this folder; only then `url_expired`.
    pub(crate) fn check(&self, token: &str, folder: &MediaFolder, now: u64) -> Result<(), Refusal> {
        let invalid = || Refusal::new(ErrorCode::UrlInvalid, "url token does not verify");
        if token.len() > TOKEN_LEN_MAX {
            return Err(invalid());
        }
        let (expiry, _) = token.split_once('-').ok_or_else(invalid)?;
        let expires_at = u64::from_str_radix(expiry, 16).map_err(|_| invalid())?;
        // Compared as a whole, so that one expiry has one spelling and a CDN one copy.
        if !bool::from(self.token(expires_at, folder).as_bytes().ct_eq(token.as_bytes())) {
            return Err(invalid());
        }
        if expires_at <= now {
            return Err(Refusal::new(ErrorCode::UrlExpired, "url token has expired"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<(), Refusal>) -> Option<ErrorCode> {
        result.err().map(|refusal| refusal.code())
    }

    #[test]
    fn a_token_holds_for_its_title_until_it_expires() {
        let (key, other) = (UrlKey::from_bytes(&[1; 32]), UrlKey::from_bytes(&[2; 32]));
        let [folder, other_folder, next_version] =
            ["film", "film2", "film.2"].map(|name| MediaFolder::parse(name).unwrap());
        let token = key.token(0xabc, &folder);
        assert!(key.check(&token, &folder, 0xabb).is_ok());
        assert_eq!(code(key.check(&token, &folder, 0xabc)), Some(ErrorCode::UrlExpired));
        assert_eq!(code(key.check(&token, &other_folder, 0)), Some(ErrorCode::UrlInvalid));
        assert_eq!(code(key.check(&token, &next_version, 0)), Some(ErrorCode::UrlInvalid));
        assert_eq!(code(other.check(&token, &folder, 0)), Some(ErrorCode::UrlInvalid));
        let mac = token.split_once('-').unwrap().1;
        for altered in [
            "",
            "-",
            "abc",
            &format!("abd-{mac}"),
            &format!("ABC-{mac}"),
            &format!("0abc-{mac}"),
            &format!("+abc-{mac}"),
            &format!("{token}="),
        ] {
            assert_eq!(code(key.check(altered, &folder, 0)), Some(ErrorCode::UrlInvalid), "{altered}");
        }
    }

    #[test]
    fn viewers_of_an_hour_share_one_expiry() {
        assert_eq!(url_expiry(3601, None), 7200);
        assert_eq!(url_expiry(7200, None), 7200);
        assert_eq!(url_expiry(3601, Some(4000)), 4000);
        assert_eq!(url_expiry(3601, Some(9999)), 7200);
    }
}
