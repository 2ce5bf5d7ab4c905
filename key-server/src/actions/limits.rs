//! What a player signature limits: previews, client addresses, pages, uses and sessions (docs/DELIVERY.md, "Signature limits").
//!
//! What one request shows by itself is checked by functions here ([`check_request`], [`check_period`]). What is counted over
//! requests is decided by [`SignatureUse::spend`] in the transaction that opens a session or releases keys, so that
//! requests at the same moment don't slip through together.

use std::net::IpAddr;

use keyveil_protocol::api::{MediaInfo, Preview};
use keyveil_protocol::psign::PlayerSignatureClaims;
use keyveil_protocol::{AddressRange, ErrorCode, Period, PeriodSegments};
use serde_json::json;

use super::apps::MAX_AGE_SECS_MAX;
use super::psign;
use crate::clock::stored;
use crate::installation::Installation;
use crate::refusal::Refusal;
use crate::store::{AuditEvent, AuditKind, Event, EventType, Session, SessionLimits, WriteTransaction};

/// Whoever has one IPv6 address has 2⁶⁴ of them.
const CLIENT_PREFIXES: (u8, u8) = (32, 64);
/// Enough to tell viewers apart, too little to find one.
const CLASS_PREFIXES: (u8, u8) = (24, 48);

/// What later requests of a session have to satisfy.
pub(super) fn of_claims(claims: &PlayerSignatureClaims) -> SessionLimits {
    let domains = claims.domain_lists().into_iter().map(|list| list.into_iter().map(str::to_owned).collect());
    SessionLimits {
        ip: claims.address_ranges().to_vec(),
        rlimit: claims.address_limit(),
        domains: domains.collect(),
        once: claims.is_for_one_use(),
        sessions: claims.session_limit(),
    }
}

/// How many segments of every rendition a preview has; none where it is as long as the title.
pub(super) fn preview_segments(claims: &PlayerSignatureClaims, media: &MediaInfo) -> Option<u32> {
    let preview_ms = claims.preview_secs()?.saturating_mul(1000);
    let segments = preview_ms.div_ceil(u64::from(media.segment_ms.max(1)));
    let is_part = preview_ms < media.duration_ms && segments < u64::from(media.segment_count);
    u32::try_from(segments).ok().filter(|_| is_part)
}

/// What the player is told of a preview.
pub(super) fn preview(media: &MediaInfo, segments: u32) -> Preview {
    let end_ms = u64::from(segments).saturating_mul(u64::from(media.segment_ms));
    Preview { segments, end_ms: end_ms.min(media.duration_ms) }
}

/// The shorter one of two previews; none is the whole title.
pub(super) fn shorter(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    one.into_iter().chain(other).min()
}

/// The network of a client as it is kept with sessions.
pub(super) fn ip_class(address: IpAddr) -> String {
    AddressRange::around(address, CLASS_PREFIXES.0, CLASS_PREFIXES.1).to_string()
}

/// `address_not_allowed` for a client that the signature does not name.
pub(super) fn check_address(limits: &SessionLimits, address: IpAddr) -> Result<(), Refusal> {
    if limits.ip.is_empty() || limits.ip.iter().any(|range| range.contains(address)) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::AddressNotAllowed, "not from an address of the psign's"))
}

/// Every later request of a session, whatever it asks for, passes this: the client's address, then the page
/// (`address_not_allowed`, `origin_not_allowed`). `origin` is the page by `Origin`, or by `Referer` where that is all a
/// browser sends. The application's own domains are [`psign::check_origin`]'s to check, and the addresses that are counted are
/// [`SignatureUse::of_session`]'s, in the transaction that releases.
pub(super) fn check_request(session: &Session, address: IpAddr, origin: Option<&str>) -> Result<(), Refusal> {
    check_address(&session.limits, address)?;
    psign::check_domains(&session.limits.domains, origin)
}

/// `preview_ended` for a period that begins behind a session's preview.
pub(super) fn check_period(
    preview_segments: Option<u32>,
    period_segments: PeriodSegments,
    period: Period,
) -> Result<(), Refusal> {
    let begins_at = period.0.saturating_mul(period_segments.value());
    if preview_segments.is_some_and(|end| begins_at >= end) {
        return Err(Refusal::new(ErrorCode::PreviewEnded, "the period begins behind the preview's end"));
    }
    Ok(())
}

/// One use of a signature by one client, to be counted.
pub(super) struct SignatureUse<'a> {
    signature_hash: &'a [u8; 32],
    limits: &'a SessionLimits,
    address: IpAddr,
    /// When the signature can't be valid any more.
    forget_at: i64,
    /// Whether it opens a session, or prolongs one, by this use.
    opens: bool,
}

impl<'a> SignatureUse<'a> {
    /// A use that opens a session, or prolongs one.
    pub(super) fn new(
        signature_hash: &'a [u8; 32],
        limits: &'a SessionLimits,
        address: IpAddr,
        claims: &PlayerSignatureClaims,
    ) -> Self {
        Self { signature_hash, limits, address, forget_at: forget_at(claims), opens: true }
    }

    /// A later request of a session that stands on the signature.
    pub(super) fn of_session(session: &'a Session, address: IpAddr) -> Self {
        let (signature_hash, limits) = (&session.signature_hash, &session.limits);
        // The row that its opening made says until when.
        Self { signature_hash, limits, address, forget_at: session.expires_at, opens: false }
    }

    /// Whether anything is to be counted.
    pub(super) const fn counts(&self) -> bool {
        self.limits.rlimit.is_some() || (self.opens && self.limits.once)
    }

    /// `psign_used`, `address_limit`: nothing of the transaction may stay then.
    pub(super) async fn spend(
        &self,
        write: &mut WriteTransaction<'_>,
        installation: &Installation,
    ) -> Result<(), Refusal> {
        if self.opens && self.limits.once && !write.use_signature(self.signature_hash, self.forget_at).await? {
            return Err(Refusal::new(ErrorCode::PsignUsed, "a psign for one use was used before"));
        }
        let Some(limit) = self.limits.rlimit else { return Ok(()) };
        let client = AddressRange::around(self.address, CLIENT_PREFIXES.0, CLIENT_PREFIXES.1);
        let address_mac = installation.address_mac(self.signature_hash, &client);
        if write.use_address(self.signature_hash, &address_mac, limit, self.forget_at).await? {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::AddressLimit, "the psign is in use at as many addresses as it allows"))
    }
}

/// Ends the viewer's oldest sessions where the signature of a new one allows no more, and tells of each.
pub(super) async fn make_room(write: &mut WriteTransaction<'_>, session: &Session) -> Result<(), Refusal> {
    let (Some(limit), Some(uid)) = (session.limits.sessions, &session.uid) else { return Ok(()) };
    let now = session.created_at;
    for (id, file_id) in write.supersede_sessions(session.app_id, uid, limit, now).await? {
        let detail = json!({ "by": "superseded", "supersededBy": session.id, "uid": uid, "count": 1 });
        let event = AuditEvent::new(AuditKind::SessionsRevoked, detail).with_app(session.app_id).with_file(&file_id);
        write.append_audit(&event.with_session(id), now).await?;
        let data = json!({ "sessionId": id, "uid": uid, "endedBy": "superseded", "count": 1 });
        let kind = EventType::SessionRevoked;
        write.append_event(&Event { kind, app_id: session.app_id, file_id: Some(file_id), data }, now).await?;
    }
    Ok(())
}

/// The end of a signature under the longest maximum age that its application could be given meanwhile.
fn forget_at(claims: &PlayerSignatureClaims) -> i64 {
    let oldest = claims.current_time_stamp.saturating_add(MAX_AGE_SECS_MAX);
    stored([claims.expire_time_stamp, claims.media_ends_at()].into_iter().flatten().fold(oldest, u64::min))
}

#[cfg(test)]
mod tests {
    use keyveil_protocol::psign::UrlAccessInfo;
    use keyveil_protocol::{Cipher, Container};

    use super::*;

    fn media() -> MediaInfo {
        MediaInfo {
            duration_ms: 148_000,
            container: Container::Fmp4,
            cipher: Some(Cipher::Aes128Cbc),
            segment_ms: 6000,
            period_segments: PeriodSegments::new(5).unwrap(),
            segment_count: 25,
            clear_lead_segments: 0,
            renditions: Vec::new(),
        }
    }

    fn claims(exper: u64) -> PlayerSignatureClaims {
        let mut claims = PlayerSignatureClaims::new(7.try_into().unwrap(), "film".parse().unwrap(), 1000);
        claims.url_access_info = Some(UrlAccessInfo { exper: Some(exper), ..UrlAccessInfo::default() });
        claims
    }

    #[test]
    fn a_preview_ends_with_a_segment_and_before_the_title() {
        for (exper, segments) in [
            (1, Some(1)),
            (6, Some(1)),
            (7, Some(2)),
            (60, Some(10)),
            (144, Some(24)),
            (145, None),
            (148, None),
            (1 << 31, None),
            (0, None),
        ] {
            assert_eq!(preview_segments(&claims(exper), &media()), segments, "{exper}");
        }
        assert_eq!(preview(&media(), 2), Preview { segments: 2, end_ms: 12_000 });
        assert_eq!(preview(&MediaInfo { duration_ms: 11_000, ..media() }, 2).end_ms, 11_000);
        assert_eq!([shorter(Some(3), None), shorter(Some(3), Some(2)), shorter(None, None)], [Some(3), Some(2), None]);
    }

    #[test]
    fn a_period_behind_a_preview_is_refused_and_the_one_it_ends_in_is_not() {
        let check = |segments, period| {
            check_period(segments, media().period_segments, Period(period)).map_err(|refusal| refusal.code())
        };
        assert_eq!(check(Some(6), 1), Ok(()));
        assert_eq!(check(Some(5), 1), Err(ErrorCode::PreviewEnded));
        assert_eq!(check(Some(5), u32::MAX), Err(ErrorCode::PreviewEnded));
        assert_eq!(check(None, u32::MAX), Ok(()));
    }

    #[test]
    fn uses_are_remembered_as_long_as_any_maximum_age_could_let_a_signature_live() {
        let mut claims = claims(0);
        assert_eq!(forget_at(&claims), stored(1000 + MAX_AGE_SECS_MAX));
        claims.expire_time_stamp = Some(5000);
        assert_eq!(forget_at(&claims), 5000);
        claims.url_access_info = Some(UrlAccessInfo { t: Some("fa0".to_owned()), ..UrlAccessInfo::default() });
        assert_eq!(forget_at(&claims), 4000);
        claims.expire_time_stamp = Some(u64::MAX);
        claims.url_access_info = None;
        assert_eq!(forget_at(&claims), stored(1000 + MAX_AGE_SECS_MAX));
    }

    #[test]
    fn sessions_keep_the_network_of_a_client_and_not_its_address() {
        assert_eq!(ip_class("203.0.113.77".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(ip_class("::ffff:203.0.113.77".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(ip_class("2001:db8:1:2:3::4".parse().unwrap()), "2001:db8:1::/48");
    }
}
