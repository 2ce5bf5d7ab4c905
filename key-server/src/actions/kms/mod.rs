//! The keys of the KMS itself: every ciphertext moved under the newest one, old ones forgotten, the root key changed.

mod retire;
mod rotate;
mod status;

pub use retire::{KeyError, change_root_key, retire};
pub use rotate::{ColumnCounts, Progress, Rotation, rotate};
pub(crate) use status::answers;
pub use status::{KeyCount, Status, status};
