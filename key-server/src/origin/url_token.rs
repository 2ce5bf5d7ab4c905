use base64ct::{Base64UrlUnpadded, Encoding};
use keyveil_protocol::ErrorCode;
use ring::hmac;
use subtle::ConstantTimeEq;

use super::MediaFolder;
use crate::refusal::Refusal;

const HOUR_SECS: u64 = 3600;
/// 16 hex digits, a dot and 8 more, a hyphen, 43 characters of base64url.
const TOKEN_LEN_MAX: usize = 16 + 1 + 8 + 1 + 43;

/// Makes and checks url tokens.
pub(crate) struct UrlKey(hmac::Key);

/// What a token opens in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UrlScope {
    /// Every file.
    Media,
    /// So many segments of every rendition, and playlists that end there.
    Beginning(u32),
    /// Pictures that say what a title is (`MediaPath::is_preview`), and nothing else.
    Previews,
}

impl UrlScope {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Media => b"keyveil/v1/url",
            Self::Beginning(_) => b"keyveil/v1/beginning-url",
            Self::Previews => b"keyveil/v1/preview-url",
        }
    }

    /// The number of segments, where there is one, as it stands in the token and under its MAC.
    const fn segments(self) -> Option<u32> {
        match self {
            Self::Beginning(segments) => Some(segments),
            Self::Media | Self::Previews => None,
        }
    }
}

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

    /// `<expiry in hex>-<MAC>`, or `<expiry in hex>.<segments in hex>-<MAC>`.
    #[must_use]
    pub(crate) fn token(&self, scope: UrlScope, expires_at: u64, folder: &MediaFolder) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(scope.label());
        context.update(&[0]);
        context.update(&expires_at.to_be_bytes());
        let segments = scope.segments().map(|segments| {
            context.update(&segments.to_be_bytes());
            format!(".{segments:x}")
        });
        context.update(folder.to_string().as_bytes());
        let mac = Base64UrlUnpadded::encode_string(context.sign().as_ref());
        format!("{expires_at:x}{}-{mac}", segments.unwrap_or_default())
    }

    /// `url_invalid` unless this server made the token for this folder and one of these scopes; only then `url_expired`. What
    /// opens a folder's media may open their beginning only: its number of segments then.
    pub(crate) fn check(
        &self,
        token: &str,
        scopes: &[UrlScope],
        folder: &MediaFolder,
        now: u64,
    ) -> Result<Option<u32>, Refusal> {
        let invalid = || Refusal::new(ErrorCode::UrlInvalid, "url token does not verify");
        if token.len() > TOKEN_LEN_MAX {
            return Err(invalid());
        }
        let (head, _) = token.split_once('-').ok_or_else(invalid)?;
        let (expiry, segments) = head.split_once('.').map_or((head, None), |(expiry, count)| (expiry, Some(count)));
        let expires_at = u64::from_str_radix(expiry, 16).map_err(|_| invalid())?;
        let segments = segments.map(|count| u32::from_str_radix(count, 16)).transpose().map_err(|_| invalid())?;
        // Compared as a whole, so that one expiry has one spelling and a CDN one copy.
        let is_of = |scope| bool::from(self.token(scope, expires_at, folder).as_bytes().ct_eq(token.as_bytes()));
        let scope_of = |scope: UrlScope| match (scope, segments) {
            (UrlScope::Media, Some(segments)) => UrlScope::Beginning(segments),
            (scope, _) => scope,
        };
        if !scopes.iter().copied().map(scope_of).any(is_of) {
            return Err(invalid());
        }
        if expires_at <= now {
            return Err(Refusal::new(ErrorCode::UrlExpired, "url token has expired"));
        }
        Ok(segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(result: Result<T, Refusal>) -> Option<ErrorCode> {
        result.err().map(|refusal| refusal.code())
    }

    #[test]
    fn a_token_holds_for_its_title_until_it_expires() {
        let (key, other) = (UrlKey::from_bytes(&[1; 32]), UrlKey::from_bytes(&[2; 32]));
        let [folder, other_folder, next_version] =
            ["film", "film2", "film.2"].map(|name| MediaFolder::parse(name).unwrap());
        let token = key.token(UrlScope::Media, 0xabc, &folder);
        let media = [UrlScope::Media].as_slice();
        assert!(key.check(&token, media, &folder, 0xabb).is_ok());
        assert_eq!(code(key.check(&token, media, &folder, 0xabc)), Some(ErrorCode::UrlExpired));
        assert_eq!(code(key.check(&token, media, &other_folder, 0)), Some(ErrorCode::UrlInvalid));
        assert_eq!(code(key.check(&token, media, &next_version, 0)), Some(ErrorCode::UrlInvalid));
        assert_eq!(code(other.check(&token, media, &folder, 0)), Some(ErrorCode::UrlInvalid));
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
            assert_eq!(code(key.check(altered, media, &folder, 0)), Some(ErrorCode::UrlInvalid), "{altered}");
        }
    }

    #[test]
    fn a_token_of_one_scope_is_none_of_the_other() {
        let (key, folder) = (UrlKey::from_bytes(&[1; 32]), MediaFolder::parse("film").unwrap());
        let [media, previews] = [UrlScope::Media, UrlScope::Previews];
        for (own, other) in [(media, previews), (previews, media)] {
            let token = key.token(own, 0xabc, &folder);
            assert!(key.check(&token, &[own], &folder, 0).is_ok());
            assert!(key.check(&token, &[other, own], &folder, 0).is_ok());
            assert_eq!(code(key.check(&token, &[other], &folder, 0)), Some(ErrorCode::UrlInvalid));
            assert_eq!(code(key.check(&token, &[other, own], &folder, 0xabc)), Some(ErrorCode::UrlExpired));
        }
    }

    #[test]
    fn a_token_of_a_beginning_opens_as_much_as_it_says() {
        let (key, folder) = (UrlKey::from_bytes(&[1; 32]), MediaFolder::parse("film").unwrap());
        let media = [UrlScope::Media].as_slice();
        let token = key.token(UrlScope::Beginning(0x1f), 0xabc, &folder);
        assert!(token.starts_with("abc.1f-"), "{token}");
        assert_eq!(key.check(&token, media, &folder, 0).unwrap(), Some(0x1f));
        assert_eq!(key.check(&key.token(UrlScope::Media, 0xabc, &folder), media, &folder, 0).unwrap(), None);
        assert_eq!(code(key.check(&token, &[UrlScope::Previews], &folder, 0)), Some(ErrorCode::UrlInvalid));
        assert_eq!(code(key.check(&token, media, &folder, 0xabc)), Some(ErrorCode::UrlExpired));
        let mac = token.split_once('-').unwrap().1;
        let whole = key.token(UrlScope::Media, 0xabc, &folder);
        let whole_mac = whole.split_once('-').unwrap().1;
        for altered in [
            format!("abc.20-{mac}"),
            format!("abc-{mac}"),
            format!("abc.1f-{whole_mac}"),
            format!("abc.01f-{mac}"),
            format!("abc.1F-{mac}"),
            format!("abc.+1f-{mac}"),
            format!("abc.-{mac}"),
            format!("abc.1f.-{mac}"),
            format!("abc.10000001f-{mac}"),
            format!("abc.1f-{mac}="),
        ] {
            assert_eq!(code(key.check(&altered, media, &folder, 0)), Some(ErrorCode::UrlInvalid), "{altered}");
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
