use base64ct::{Base64UrlUnpadded, Encoding};
use keyveil_protocol::{ErrorCode, JobId};
use ring::hmac;
use subtle::ConstantTimeEq;

use crate::refusal::Refusal;

const PREFIX: &str = "kvj_";
const LABEL: &[u8] = b"keyveil/v1/job-token";
const MAC_TEXT_LEN: usize = 43;
/// Prefix, job id, ten digits and the MAC, with what separates them.
const TOKEN_LEN_MAX: usize = 4 + 64 + 1 + 10 + 1 + MAC_TEXT_LEN;

/// Makes and checks job tokens: each is good for one attempt of one job, as long as that attempt holds the job.
pub(crate) struct JobTokenKey(hmac::Key);

impl JobTokenKey {
    /// From 32 secret bytes.
    #[must_use]
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// `kvj_<job id>_<version>_<MAC>`.
    #[must_use]
    pub(crate) fn token(&self, job_id: &JobId, version: u32) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(LABEL);
        context.update(&[0]);
        context.update(&version.to_be_bytes());
        context.update(job_id.as_str().as_bytes());
        let mac = Base64UrlUnpadded::encode_string(context.sign().as_ref());
        format!("{PREFIX}{job_id}_{version}_{mac}")
    }

    /// What a token names, if this installation made it.
    pub(crate) fn check(&self, token: &str) -> Result<(JobId, u32), Refusal> {
        let invalid = || Refusal::new(ErrorCode::ApiKeyInvalid, "job token does not verify");
        let (job_id, version) = named(token).ok_or_else(invalid)?;
        // Written anew and compared as a whole: a token has one spelling.
        let genuine = self.token(&job_id, version);
        if bool::from(genuine.as_bytes().ct_eq(token.as_bytes())) { Ok((job_id, version)) } else { Err(invalid()) }
    }
}

/// A job id and a MAC may hold underscores: the MAC is told by its length.
fn named(token: &str) -> Option<(JobId, u32)> {
    if token.len() > TOKEN_LEN_MAX || !token.is_ascii() {
        return None;
    }
    let rest = token.strip_prefix(PREFIX)?;
    let (head, _) = rest.split_at_checked(rest.len().checked_sub(MAC_TEXT_LEN + 1)?)?;
    let (job_id, version) = head.rsplit_once('_')?;
    Some((job_id.parse().ok()?, version.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_its_own_attempt_only() {
        let (key, other) = (JobTokenKey::from_bytes(&[1; 32]), JobTokenKey::from_bytes(&[2; 32]));
        for id in ["5f2b", "a_1_", "-"] {
            let job_id: JobId = id.parse().unwrap();
            let token = key.token(&job_id, 3);
            assert_eq!(key.check(&token).unwrap(), (job_id, 3));
            assert!(other.check(&token).is_err());
            let mac = &token[token.len() - MAC_TEXT_LEN..];
            for altered in [
                String::new(),
                "kvj_".to_owned(),
                format!("kvj_{id}_4_{mac}"),
                format!("kvj_{id}_03_{mac}"),
                format!("kvj_{id}_+3_{mac}"),
                format!("kvj_{id}x_3_{mac}"),
                format!("kv_{id}_3_{mac}"),
                format!("{token}="),
                token[..token.len() - 1].to_owned(),
            ] {
                assert!(key.check(&altered).is_err(), "{altered}");
            }
        }
    }
}
