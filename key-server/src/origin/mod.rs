//! The media origin's rules: which address is valid, and which file it names.

mod media_folder;
mod media_path;
mod served_playlist;
mod session_token;
mod url_auth;
mod url_token;

pub(crate) use media_folder::MediaFolder;
pub(crate) use media_path::{MediaKind, MediaPath};
pub(crate) use media_path::{content_type, locate, plain_path};
pub(crate) use served_playlist::{Rewriting, rewrite};
pub(crate) use session_token::{UnverifiedSessionToken, session_token};
pub(crate) use url_auth::{UrlAuth, UrlAuthError, UrlAuthKey, UrlScheme, UrlTerms};
pub(crate) use url_token::{UrlKey, UrlScope, url_expiry};
