//! Where what outlives a run is kept.

use std::{env, path::PathBuf};

/// `$XDG_STATE_HOME/keyveil`, or `~/.local/state/keyveil`. None without a home.
pub(crate) fn state_folder() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("keyveil"))
}
