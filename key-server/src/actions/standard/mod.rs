//! Titles for players that are not ours (docs/DELIVERY.md, "Standard mode"): their entry, their playlists, their keys.

mod entry;
mod import;
mod imported_key;
mod limits;
mod period_key;
mod playlist;
mod release;
mod session;

pub(crate) use entry::{EntryRequest, entry};
pub(crate) use import::{ImportedKeys, PutImportedKeys, put_imported_keys};
pub(crate) use imported_key::{ImportedKeyRequest, imported_key};
pub(crate) use limits::StandardLimits;
pub(crate) use period_key::{PeriodKeyRequest, period_key};
pub(crate) use playlist::playlist;
pub(super) use session::{open, with_token};
use zeroize::Zeroizing;

/// What a key address answers.
pub(crate) type StandardKey = Zeroizing<[u8; 16]>;
