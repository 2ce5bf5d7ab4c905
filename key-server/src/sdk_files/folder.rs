//! The folders that a build's files come from and go to. A page may ask for any of them at any moment: each is put in place whole,
//! and the worker comes after the wasm that it names.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use keyveil_protocol::BuildId;

use super::{SdkFiles, build_of};

/// Far above what they have.
const SHIPPED_LEN_MAX: u64 = 16 << 20;

/// A folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file or folder.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// No file of ours is as long.
    #[error("{}: too large to be a file of the SDK", .0.display())]
    TooLarge(PathBuf),
    /// The SDK would be written over.
    #[error("--out is the SDK's own folder: give another one, which is served before it")]
    Same,
}

/// What the SDK ships.
#[derive(Debug)]
pub struct Shipped {
    /// The template.
    pub wasm: Vec<u8>,
    /// The worker without a pin.
    pub worker: String,
}

/// The SDK in `sdk`, whose build is to go to `out`. Blocks.
///
/// # Errors
/// Files that can't be read or are too large; the same folder twice.
pub fn read(sdk: &Path, out: &Path) -> Result<Shipped, FolderError> {
    if let (Ok(sdk), Ok(out)) = (sdk.canonicalize(), out.canonicalize())
        && sdk == out
    {
        return Err(FolderError::Same);
    }
    let worker = sdk.join("worker.js");
    let not_text = |cause| FolderError::Io { path: worker.clone(), cause: io::Error::other(cause) };
    Ok(Shipped {
        wasm: read_file(&sdk.join("keyveil.wasm"))?,
        worker: String::from_utf8(read_file(&worker)?).map_err(not_text)?,
    })
}

/// Puts them into `out`, and takes the wasm of builds that are not `in_use` away. Says whether anything was written. Blocks.
///
/// # Errors
/// A folder that can't be written; nothing is half written, then.
pub fn write(out: &Path, files: &SdkFiles, in_use: &HashSet<BuildId>) -> Result<bool, FolderError> {
    fs::create_dir_all(out).map_err(|cause| FolderError::Io { path: out.to_owned(), cause })?;
    let manifest = serde_json::to_string(&files.manifest)
        .map_err(|cause| FolderError::Io { path: out.join("sdk.json"), cause: cause.into() })?;
    let contents = [
        (files.manifest.wasm.as_str(), files.wasm.as_slice()),
        ("worker.js", files.worker.as_bytes()),
        ("sdk.json", manifest.as_bytes()),
    ];
    let mut changed = false;
    for (name, content) in contents {
        let path = out.join(name);
        if read_file(&path).is_ok_and(|present| present == content) {
            continue;
        }
        put(&path, content).map_err(|cause| FolderError::Io { path, cause })?;
        changed = true;
    }
    remove_others(out, in_use).map_err(|cause| FolderError::Io { path: out.to_owned(), cause })?;
    Ok(changed)
}

fn read_file(path: &Path) -> Result<Vec<u8>, FolderError> {
    let failed = |cause| FolderError::Io { path: path.to_owned(), cause };
    if fs::metadata(path).map_err(failed)?.len() > SHIPPED_LEN_MAX {
        return Err(FolderError::TooLarge(path.to_owned()));
    }
    fs::read(path).map_err(failed)
}

/// Beside, then renamed: the file is complete or absent.
fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    let aside = path.with_file_name(name);
    let written = fs::File::create_new(&aside)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&aside, path));
    // Nothing half written stays; a failure to remove it changes nothing about the first failure.
    written.inspect_err(|_| drop(fs::remove_file(&aside)))
}

fn remove_others(out: &Path, in_use: &HashSet<BuildId>) -> io::Result<()> {
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        let build = entry.file_name().to_str().and_then(build_of);
        if build.is_some_and(|build| !in_use.contains(&build)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
