//! How often a session of a standard title has asked for keys.

use keyveil_protocol::SessionId;

use super::{WriteTransaction, integer};

pub(super) const USE: &str =
    "UPDATE sessions SET releases = releases + 1, last_seen_at = ?, last_position_ms = coalesce(?, last_position_ms)
     WHERE id = ? AND revoked_at IS NULL";
/// That of many, by PostgreSQL.
pub(super) const USE_MANY: &str = "UPDATE sessions SET releases = releases + 1, last_seen_at = each.seen_at,
     last_position_ms = coalesce(each.position_ms, last_position_ms)
     FROM unnest(?::bigint[], ?::bigint[], ?::bytea[]) AS each (seen_at, position_ms, id)
     WHERE sessions.id = each.id AND revoked_at IS NULL";

impl WriteTransaction<'_> {
    /// Counts a release to a session. That it may have it is for the caller to know, from this transaction. `position_ms`: where
    /// playback must be, as far as the key tells.
    pub(crate) fn use_session(&mut self, id: &SessionId, position_ms: Option<u64>, now: i64) {
        self.later(USE).bind(now).bind(position_ms.map(integer)).bind(id.as_bytes().as_slice());
    }
}
