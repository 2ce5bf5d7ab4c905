use base64ct::{Base64UrlUnpadded, Encoding};
use keyveil_protocol::{SessionId, SessionMacKey};
use ring::hmac;
use subtle::ConstantTimeEq;

use super::MediaFolder;

const LABEL: &[u8] = b"keyveil/v1/hls-token";
/// base64url of the 16 bytes of a session id. It may hold hyphens itself.
const SESSION_ID_LEN: usize = 22;
const MAC_LEN: usize = 43;

/// A text that has the form of a session token and nothing more: it tells which session's key might verify it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnverifiedSessionToken<'a> {
    text: &'a str,
    session_id: SessionId,
}

/// `<session id>-<MAC>`: what a player of a standard title carries in its addresses.
#[must_use]
pub(crate) fn session_token(session_id: &SessionId, mac_key: &SessionMacKey, folder: &MediaFolder) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, mac_key.expose_secret()));
    context.update(LABEL);
    context.update(&[0]);
    context.update(folder.to_string().as_bytes());
    format!("{session_id}-{}", Base64UrlUnpadded::encode_string(context.sign().as_ref()))
}

impl<'a> UnverifiedSessionToken<'a> {
    #[must_use]
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let session_id = text.get(..SESSION_ID_LEN)?.parse().ok()?;
        (text.len() == SESSION_ID_LEN + 1 + MAC_LEN).then_some(Self { text, session_id })
    }

    /// The session it claims to be of.
    #[must_use]
    pub(crate) const fn session_id(&self) -> SessionId {
        self.session_id
    }

    /// Whether this server made it for that session and this folder. Compared as a whole and in constant time, so that a
    /// token has one spelling.
    #[must_use]
    pub(crate) fn verify(&self, mac_key: &SessionMacKey, folder: &MediaFolder) -> bool {
        session_token(&self.session_id, mac_key, folder).as_bytes().ct_eq(self.text.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(text: &str, mac_key: &SessionMacKey, folder: &MediaFolder) -> bool {
        UnverifiedSessionToken::parse(text).is_some_and(|token| token.verify(mac_key, folder))
    }

    #[test]
    fn a_token_holds_for_its_session_and_folder() {
        let [film, other, next] = ["film", "other", "film.2"].map(|name| MediaFolder::parse(name).unwrap());
        let (key, other_key) = (SessionMacKey::from_bytes([1; 32]), SessionMacKey::from_bytes([2; 32]));
        // Hyphens in an id mislead nobody.
        for id in [SessionId::from_bytes([7; 16]), SessionId::from_bytes([0xfb; 16])] {
            let token = session_token(&id, &key, &film);
            assert!(verify(&token, &key, &film));
            assert_eq!(UnverifiedSessionToken::parse(&token).unwrap().session_id(), id);
            assert!(!verify(&token, &other_key, &film));
            assert!(!verify(&token, &key, &other));
            assert!(!verify(&token, &key, &next));
        }
    }

    /// Each session has a key of its own, as in an installation.
    fn verify_with_own_key(text: &str, folder: &MediaFolder) -> bool {
        UnverifiedSessionToken::parse(text).is_some_and(|token| token.verify(&key_of(&token.session_id()), folder))
    }

    fn key_of(id: &SessionId) -> SessionMacKey {
        let mut key = [1; 32];
        key[..SessionId::LEN].copy_from_slice(id.as_bytes());
        SessionMacKey::from_bytes(key)
    }

    #[test]
    fn any_other_character_anywhere_is_refused() {
        let (folder, id) = (MediaFolder::parse("film").unwrap(), SessionId::from_bytes([7; 16]));
        let token = session_token(&id, &key_of(&id), &folder);
        for place in 0..token.len() {
            for other in ["A", "B", "-", "_", "=", "."] {
                let mut altered = token.clone();
                altered.replace_range(place..=place, other);
                assert_eq!(verify_with_own_key(&altered, &folder), altered == token, "{altered}");
            }
        }
        for altered in
            [&token[1..], &token[..token.len() - 1], &format!("{token}A"), &format!("{token}="), "", "-", "ä"]
        {
            assert!(!verify_with_own_key(altered, &folder), "{altered}");
        }
    }
}
