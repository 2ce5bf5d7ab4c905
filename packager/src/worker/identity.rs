//! Which worker this is: an id that is the same at each start, and that no other process of this machine has meanwhile.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use keyveil_protocol::WorkerId;

use crate::error::PackError;

/// Workers of one user on one machine that keep their ids.
const WORKERS_MAX: u32 = 64;
const ID_BYTES: usize = 8;
const FILE_BYTES_MAX: u64 = 128;

/// The id, and what keeps it from others.
#[derive(Debug)]
pub(super) struct Identity {
    pub id: WorkerId,
    /// Locked for as long as the process lives.
    file: Option<File>,
}

impl Drop for Identity {
    /// At once, though a process that is just being started may still have the file open.
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = file.unlock();
        }
    }
}

impl Identity {
    /// The chosen id; else the first of `folder`'s that no other process has. A folder that can't be used costs the worker its
    /// memory, not more.
    pub(super) fn of(chosen: Option<WorkerId>, folder: Option<PathBuf>) -> Result<Self, PackError> {
        if let Some(id) = chosen {
            return Ok(Self { id, file: None });
        }
        let kept = folder.ok_or_else(|| io::Error::other("there is no home folder")).and_then(|folder| kept(&folder));
        match kept {
            Ok((id, file)) => Ok(Self { id, file: Some(file) }),
            Err(error) => {
                tracing::warn!(%error, "the worker's id can't be kept, so it is another one at the next start; see --id");
                Ok(Self { id: new_id().map_err(|error| PackError::Internal(error.to_string()))?, file: None })
            }
        }
    }
}

fn kept(folder: &Path) -> io::Result<(WorkerId, File)> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for number in 0..WORKERS_MAX {
        let path = folder.join(format!("worker-{number}.id"));
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut text = String::new();
        // What can't be read as an id is no id.
        let read = (&mut file).take(FILE_BYTES_MAX).read_to_string(&mut text);
        if let (Ok(_), Ok(id)) = (read, text.trim().parse()) {
            return Ok((id, file));
        }
        let id = new_id()?;
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{id}")?;
        file.sync_all()?;
        return Ok((id, file));
    }
    Err(io::Error::other(format!("{WORKERS_MAX} workers run here")))
}

fn new_id() -> io::Result<WorkerId> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    hex::encode(bytes).parse().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_and_no_two_processes_have_it_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let of = || Identity::of(None, Some(folder.path().join("deep"))).unwrap();
        let (first, second) = (of(), of());
        assert_ne!(first.id, second.id);
        let id = first.id.clone();
        drop(first);
        assert_eq!(of().id, id, "the lock goes with the process");
        assert_ne!(second.id, id);
    }

    #[test]
    fn what_is_no_id_is_replaced_and_a_folder_that_is_none_costs_the_memory_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("worker-0.id"), [0xff; 500]).unwrap();
        let of = |folder: &Path| Identity::of(None, Some(folder.to_owned())).unwrap().id.clone();
        let id = of(folder.path());
        assert_eq!(of(folder.path()), id);
        let no_folder = folder.path().join("worker-0.id");
        assert_ne!(of(&no_folder), of(&no_folder));
        let chosen: WorkerId = "rack-7".parse().unwrap();
        assert_eq!(Identity::of(Some(chosen.clone()), Some(folder.path().to_owned())).unwrap().id.clone(), chosen);
    }
}
