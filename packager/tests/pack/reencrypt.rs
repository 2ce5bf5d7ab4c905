//! A new encryption of a title: the same bytes under another secret.

use keyveil_protocol::{
    Cipher,
    job::CompleteJobRequest,
    workflow::{CoverSettings, SpriteSettings, WorkflowSettings},
};

use crate::{
    clips,
    job_server::{JobServer, NEW_SECRET, OLD_SECRET, Task},
    worker::{Files, decrypted, done, package, settings},
};

/// A title as a job made it, with cover and sprites; its secret is made the old one.
fn packed(folder: &std::path::Path, cipher: Cipher) -> (CompleteJobRequest, Files) {
    let pictures = WorkflowSettings {
        cipher: Some(cipher),
        cover: Some(CoverSettings::Best),
        sprites: Some(SpriteSettings { every_secs: 1, width: 32, height: 18 }),
        ..settings()
    };
    let server = JobServer::start(vec![package(&clips::mp4(folder, "320x180", 3), pictures)]);
    let (made, mut files) = done(&server, folder);
    // The same clear segments, as the version before has them.
    for (path, mut clear) in decrypted(&made, &files, NEW_SECRET) {
        let folder = path.split('/').next().unwrap();
        let rendition =
            made.media.renditions.iter().find(|one| one.playlist.starts_with(&format!("{folder}/"))).unwrap();
        let number: u32 = path[folder.len() + 5..folder.len() + 10].parse().unwrap();
        let segment = keyveil_protocol::Segment(number);
        let secret = keyveil_protocol::TitleSecret::from_bytes(OLD_SECRET);
        let period = made.media.period_segments.period_of(segment);
        let key = secret.period_key(rendition.track_class, period).segment_key(cipher, rendition.rendition, segment);
        key.encrypt(&mut clear).unwrap();
        files.insert(path, clear);
    }
    (made, files)
}

#[test]
fn segments_decrypt_to_the_same_bytes_under_the_new_secret_and_not_under_the_old() {
    for cipher in Cipher::ALL {
        reencrypted(cipher);
    }
}

fn reencrypted(cipher: Cipher) {
    let folder = tempfile::tempdir().unwrap();
    let (made, old) = packed(folder.path(), cipher);
    assert_eq!(made.media.cipher, Some(cipher));
    let task = Task::Reencrypt { files: old.clone(), done: Box::new(made.clone()) };
    let server = JobServer::start(vec![task]);
    let (completed, new) = done(&server, folder.path());
    assert_eq!(completed, made);
    assert_eq!(new.keys().collect::<Vec<_>>(), old.keys().collect::<Vec<_>>());
    let clear = decrypted(&made, &old, OLD_SECRET);
    assert!(clear.values().all(|bytes| !bytes.is_empty()), "the old secret opens the old version");
    assert_eq!(decrypted(&made, &new, NEW_SECRET), clear);
    let by_old = decrypted(&made, &new, OLD_SECRET);
    assert!(clear.iter().all(|(path, bytes)| by_old[path] != *bytes));
    for (path, bytes) in &new {
        assert_eq!(old[path] == *bytes, !clear.contains_key(path), "{path}");
    }
    assert!(new.contains_key("cover.jpg") && new.contains_key("sprites/sprite-00000.jpg"));
    assert_eq!(server.seen(|seen| seen.heartbeats.last().unwrap().stage), keyveil_protocol::job::JobStage::Encrypting);
}

#[test]
fn version_before_that_lacks_a_segment_fails_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let (made, mut old) = packed(folder.path(), Cipher::Aes128Cbc);
    old.remove("v180p/seg-00001.m4s").unwrap();
    let server = JobServer::start(vec![Task::Reencrypt { files: old, done: Box::new(made) }]);
    let worker = crate::worker::Started::new(&server, folder.path(), &[]);
    crate::processes::until("failed job", || server.seen(|seen| !seen.failed.is_empty()));
    worker.end("TERM");
    server.seen(|seen| assert_eq!((seen.failed["job1"].retryable, seen.completed.len()), (false, 0)));
}
