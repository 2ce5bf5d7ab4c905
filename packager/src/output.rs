//! The output folder: written aside, complete or absent.
//!
//! A run writes to `DIR/.<file id>.partial` and renames it to `DIR/<file id>` when everything is on disk. It holds a lock
//! (flock) on its partial folder; the kernel frees the lock when the process dies, however it dies, so a later run can
//! tell a live partial from a stale one and sweep the latter. A lock on DIR itself covers the moments in between.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use keyveil_protocol::FileId;

use crate::error::PackError;

const PARTIAL_SUFFIX: &str = ".partial";

/// A title's folder while it is being written. Dropped without [`PartialOutput::commit`], it removes itself.
#[derive(Debug)]
pub(crate) struct PartialOutput {
    directory: PathBuf,
    partial: PathBuf,
    finished: PathBuf,
    /// Keeps the flock on the partial folder.
    _lock: File,
    committed: AtomicBool,
}

impl PartialOutput {
    /// Sweeps what dead runs left in `directory`, then claims `file_id` in it. Blocking.
    pub(crate) fn create(directory: &Path, file_id: &FileId) -> Result<Self, PackError> {
        let failed = |error: io::Error| PackError::writing(directory, &error);
        fs::create_dir_all(directory).map_err(failed)?;
        let directory = directory.canonicalize().map_err(failed)?;
        let finished = directory.join(file_id.as_str());
        let partial = directory.join(format!(".{file_id}{PARTIAL_SUFFIX}"));
        let whole = File::open(&directory).map_err(failed)?;
        whole.lock().map_err(failed)?;
        if fs::symlink_metadata(&finished).is_ok() {
            return Err(PackError::OutputExists(format!("{} exists already", finished.display())));
        }
        sweep(&directory).map_err(failed)?;
        fs::create_dir(&partial).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                PackError::OutputExists(format!("another run is writing {}", finished.display()))
            }
            _ => failed(error),
        })?;
        let lock = File::open(&partial).and_then(|lock| lock.lock().map(|()| lock)).map_err(failed)?;
        Ok(Self { directory, partial, finished, _lock: lock, committed: AtomicBool::new(false) })
    }

    /// Makes a folder for a rendition. Blocking.
    pub(crate) fn create_folder(&self, folder: &str) -> Result<(), PackError> {
        let path = self.partial.join(folder);
        fs::create_dir(&path).map_err(|error| PackError::writing(&path, &error))
    }

    /// Writes one new file and waits until it is on disk. Blocking.
    pub(crate) fn write(&self, relative: &str, bytes: &[u8]) -> Result<(), PackError> {
        let path = self.partial.join(relative);
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|error| PackError::writing(&path, &error))
    }

    /// Gives the folder its final name, all of it on disk, and returns that path. Blocking.
    pub(crate) fn commit(&self) -> Result<PathBuf, PackError> {
        let commit = || {
            for entry in fs::read_dir(&self.partial)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    File::open(entry.path())?.sync_all()?;
                }
            }
            File::open(&self.partial)?.sync_all()?;
            let whole = File::open(&self.directory)?;
            whole.lock()?;
            // An empty folder would be replaced by the rename without a word.
            if fs::symlink_metadata(&self.finished).is_ok() {
                return Err(io::Error::from(io::ErrorKind::AlreadyExists));
            }
            fs::rename(&self.partial, &self.finished)?;
            self.committed.store(true, Ordering::Release);
            whole.sync_all()
        };
        match commit() {
            Ok(()) => Ok(self.finished.clone()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(PackError::OutputExists(format!("{} has appeared meanwhile", self.finished.display())))
            }
            Err(error) => Err(PackError::writing(&self.finished, &error)),
        }
    }

    /// Takes a committed folder back, when the title could not be published. Best effort, blocking.
    pub(crate) fn retract(finished: &Path) {
        let (Some(directory), Some(name)) = (finished.parent(), finished.file_name().and_then(|name| name.to_str()))
        else {
            return;
        };
        // By rename first, so that no reader sees half of it.
        let aside = directory.join(format!(".{name}{PARTIAL_SUFFIX}"));
        let removed = fs::rename(finished, &aside).and_then(|()| fs::remove_dir_all(&aside));
        if let Err(error) = removed {
            tracing::warn!(folder = %finished.display(), %error, "the unpublished output could not be removed");
        }
    }
}

impl Drop for PartialOutput {
    fn drop(&mut self) {
        if self.committed.load(Ordering::Acquire) {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.partial) {
            tracing::warn!(folder = %self.partial.display(), %error, "the partial output could not be removed");
        }
    }
}

/// Removes partial folders whose run is dead. The caller holds the lock on `directory`.
fn sweep(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_partial = name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(PARTIAL_SUFFIX));
        if !is_partial || !entry.file_type()?.is_dir() {
            continue;
        }
        match File::open(entry.path()).map(|folder| folder.try_lock()) {
            Ok(Ok(())) => fs::remove_dir_all(entry.path())?,
            Ok(Err(TryLockError::WouldBlock)) => {}
            Ok(Err(TryLockError::Error(error))) => return Err(error),
            // Its run has just removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> FileId {
        text.parse().unwrap()
    }

    #[test]
    fn committed_output_appears_whole_and_dropped_output_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let output = PartialOutput::create(directory.path(), &id("kept")).unwrap();
        output.create_folder("v").unwrap();
        output.write("v/one", b"1").unwrap();
        assert!(!directory.path().join("kept").exists());
        let finished = output.commit().unwrap();
        drop(output);
        assert_eq!(fs::read(finished.join("v/one")).unwrap(), b"1");

        let output = PartialOutput::create(directory.path(), &id("dropped")).unwrap();
        output.write("one", b"1").unwrap();
        drop(output);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn stale_partial_is_swept_and_live_one_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let stale = directory.path().join(".dead.partial");
        fs::create_dir(&stale).unwrap();
        fs::write(stale.join("seg-00000.m4s"), b"ciphertext").unwrap();
        let live = PartialOutput::create(directory.path(), &id("live")).unwrap();
        assert!(!stale.exists());
        let _second = PartialOutput::create(directory.path(), &id("second")).unwrap();
        live.write("still", b"here").unwrap();
    }

    #[test]
    fn existing_output_and_claimed_output_are_refused_untouched() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("taken")).unwrap();
        fs::write(directory.path().join("taken/file"), b"mine").unwrap();
        let error = PartialOutput::create(directory.path(), &id("taken")).unwrap_err();
        assert_eq!(error.code(), "output_exists");
        assert_eq!(fs::read(directory.path().join("taken/file")).unwrap(), b"mine");

        let _live = PartialOutput::create(directory.path(), &id("busy")).unwrap();
        let error = PartialOutput::create(directory.path(), &id("busy")).unwrap_err();
        assert_eq!(error.code(), "output_exists");
    }

    #[test]
    fn output_that_appears_meanwhile_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let output = PartialOutput::create(directory.path(), &id("late")).unwrap();
        fs::create_dir(directory.path().join("late")).unwrap();
        assert_eq!(output.commit().unwrap_err().code(), "output_exists");
        drop(output);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn folder_that_is_a_file_is_unwritable() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, b"").unwrap();
        assert_eq!(PartialOutput::create(&file, &id("x")).unwrap_err().code(), "output_unwritable");
    }
}
