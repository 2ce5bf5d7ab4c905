//! The rules of Keyveil, as docs/PROTOCOL.md states them: identifiers, key hierarchy, player signature, grant envelope,
//! segment cipher, `EXT-X-KEY` tag and errors. Pure: no I/O, no clock and no random source of its own; builds for wasm32.
//!
//! ```
//! use keyveil_protocol::{Cipher, Rendition, Segment, TitleSecret, TrackClass, PeriodSegments};
//!
//! let title_secret = TitleSecret::from_bytes([7; 32]); // from the KMS
//! let segment = Segment(25);
//! let period = PeriodSegments::new(10)?.period_of(segment);
//! let key = || title_secret.period_key(TrackClass::Hd, period).segment_key(Cipher::Aes128Cbc, Rendition(2), segment);
//!
//! let mut media = b"clear media".to_vec();
//! key().encrypt(&mut media)?;
//! let clear_len = key().decrypt(&mut media)?;
//! assert_eq!(&media[..clear_len], b"clear media");
//! # Ok::<(), keyveil_protocol::ProtocolError>(())
//! ```
#![deny(missing_docs)]

mod address_range;
pub mod api;
mod api_key;
mod envelope;
mod error;
mod grant;
mod ids;
pub mod job;
mod key_tag;
mod keys;
mod level;
mod mac;
mod object;
pub mod psign;
mod sdk_build;
mod secret;
mod segment;
mod track;
pub mod worker;
pub mod workflow;

pub use address_range::{AddressRange, AddressRangeError};
pub use api_key::{ApiKey, ApiKeySecret};
pub use envelope::{
    ENVELOPE_LEN_MAX, Envelope, Exchange, Psk, PskSecret, RecipientPublicKey, Sealing, ServerKey, ServerPublicKey,
};
pub use error::{ErrorCode, ProtocolError};
pub use grant::{GRANT_KEYS_MAX, KeysGrant, PeriodKeyEntry, PlayGrant, SegmentKeyEntry, seal_title};
pub use ids::{
    ApiKeyId, AppId, BuildId, DeliveryId, EventId, FileId, JobId, KeyId, MediaOriginId, ServerKeyId, SessionId,
    UploadId, UserId, WebhookId, WorkerId, WorkflowId,
};
pub use key_tag::{KEY_TAG_LEN_MAX, KeyTag, SegmentRef, StandardKeyTag};
pub use keys::{PeriodKey, TitleSecret};
pub use level::{BelowMinLevel, Downgrade, LevelRule, PlaybackLevel, StatedLevel};
pub use mac::{MAC_HEADER, SessionMacKey};
pub use object::from_json_object;
pub use sdk_build::{BuildLayoutSeed, EmbeddedBuild, SdkBuild};
pub use segment::{
    Aes128CbcKey, BLOCK_LEN, CHUNK_LEN, CIPHERTEXT_LEN_MAX, ChaCha20Poly1305Key, SEALED_CHUNK_LEN, SegmentDecryptor,
    SegmentKey, TAG_LEN,
};
pub use track::{Cipher, Container, Mode, Period, PeriodSegments, Rendition, Segment, TrackClass};
