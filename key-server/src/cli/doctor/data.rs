//! The data folder: whose it is, who may look into it, whether it can be written, and how much room is left.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::finding::Findings;
use crate::config::Config;

const FOLDER: &str = "data folder";
const SPACE: &str = "disk space";
/// Of what others than the owner may do.
const OTHERS: u32 = 0o077;

pub(super) fn look(config: &Config, warn_below: u64, findings: &mut Findings) {
    let folder = config.data.dir.as_path();
    let Ok(metadata) = std::fs::metadata(folder) else {
        let what = format!("{} is not there, or can't be looked at", folder.display());
        findings.problem(
            FOLDER,
            what,
            "run `key-server init` as the server's user, or name the right folder as data.dir",
        );
        return;
    };
    permissions(folder, &metadata, findings);
    for file in [config.database_file(), config.keyring_file(), config.root_key_file()] {
        if std::fs::metadata(&file).is_ok_and(|metadata| metadata.mode() & OTHERS != 0) {
            let what = format!("others may read {}", file.display());
            findings.problem(FOLDER, what, format!("chmod 600 {}", file.display()));
        }
    }
    if let Err(error) = write_probe(folder) {
        let what = format!("{} can't be written: {error}", folder.display());
        findings.problem(FOLDER, what, "let the server's user own it, on a file system that is not mounted read-only");
    }
    if findings.is_fine(FOLDER) {
        findings.ok(FOLDER, format!("{}: its owner's alone, and can be written", folder.display()));
    }
    let media = config.media_dir();
    let mut folders = vec![folder];
    if config.storage.url.is_none() && std::fs::metadata(&media).is_ok_and(|other| other.dev() != metadata.dev()) {
        folders.push(&media);
    }
    for folder in folders {
        space(folder, warn_below, findings);
    }
}

fn permissions(folder: &Path, metadata: &std::fs::Metadata, findings: &mut Findings) {
    if !metadata.is_dir() {
        findings.problem(FOLDER, format!("{} is no folder", folder.display()), "name a folder as data.dir");
        return;
    }
    if metadata.mode() & OTHERS != 0 {
        let what = format!("others may look into {} (mode {:o})", folder.display(), metadata.mode() & 0o777);
        findings.warning(FOLDER, what, format!("chmod 700 {}", folder.display()));
    }
    let (owner, own) = (metadata.uid(), rustix::process::geteuid().as_raw());
    let whose = format!("{} belongs to user {owner}, and this is user {own}", folder.display());
    match own {
        _ if own == owner => {}
        0 => findings.skipped(FOLDER, format!("{whose}: what the other may do can't be judged")),
        _ => findings.warning(FOLDER, whose, "run this as the server's user: what it may do is then judged rightly"),
    }
}

/// A file that is gone again afterwards.
fn write_probe(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let written = std::fs::OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| {
        file.write_all(b"can this be written?")?;
        file.sync_all()
    });
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}

fn space(folder: &Path, warn_below: u64, findings: &mut Findings) {
    let Ok(system) = rustix::fs::statvfs(folder) else {
        findings.skipped(SPACE, format!("{}: the file system does not tell", folder.display()));
        return;
    };
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let what = format!("{}: {} GiB free", folder.display(), free / super::GIB);
    let next = "make room, or a larger disk: a full one stops uploads, and then everything";
    if free < warn_below / 10 {
        findings.problem(SPACE, what, next);
    } else if free < warn_below {
        findings.warning(SPACE, what, next);
    } else {
        findings.ok(SPACE, what);
    }
    // Some file systems have no fixed number of files, and say 0 of 0.
    if system.f_files > 0 && system.f_favail < system.f_files / 100 {
        let what = format!("{}: only {} more files can be made", folder.display(), system.f_favail);
        findings.warning(
            SPACE,
            what,
            "segments are files: remove what is not needed, or make a file system with more inodes",
        );
    }
}
