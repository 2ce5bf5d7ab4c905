//! What holds of every storage.

use bytes::Bytes;
use keyveil_key_server::storage::{PART_LEN, Storage, StorageError};

use super::{content, names, read, receive, store};

/// `storage` is empty.
pub(super) async fn conformance(storage: &Storage) {
    storage.check().await.unwrap();
    what_is_kept_is_read_back(storage).await;
    any_range_is_read(storage).await;
    nothing_is_seen_before_it_is_kept(storage).await;
    what_is_dropped_never_was(storage).await;
    a_long_file_goes_up_and_comes_back(storage).await;
    another_file_takes_the_place_of_the_one_before(storage).await;
    what_is_not_there_is_not_found(storage).await;
    a_folder_holds_its_own_files_only(storage).await;
    one_file_is_removed(storage).await;
    all_folders_are_found(storage).await;
    only_plain_paths_name_anything(storage).await;
    a_text_has_a_bound(storage).await;
    storage.check().await.unwrap();
}

async fn what_is_kept_is_read_back(storage: &Storage) {
    for (path, len) in [("kept/master.m3u8", 0), ("kept/v720p/seg-00000.m4s", 1), ("kept/v720p/seg-00001.m4s", 700_000)]
    {
        let bytes = content(len, 3);
        store(storage, path, &bytes).await;
        assert!(read(storage, path, None).await.unwrap() == bytes, "{path}");
        let stored = storage.look(path).await.unwrap();
        assert_eq!((stored.path.as_str(), stored.len), (path, len as u64));
        assert!(stored.modified_at > 1_600_000_000);
    }
    storage.settle("kept").await.unwrap();
    assert_eq!(names(storage, "kept").await, ["master.m3u8", "v720p/seg-00000.m4s", "v720p/seg-00001.m4s"]);
    let lens: u64 = storage.list("kept").await.unwrap().iter().map(|stored| stored.len).sum();
    assert_eq!(lens, 700_001);
    assert!(storage.changed_at("kept").await.unwrap().unwrap() > 1_600_000_000);
}

async fn any_range_is_read(storage: &Storage) {
    let bytes = content(600_000, 5);
    store(storage, "ranges/a.ts", &bytes).await;
    for range in [0..1, 0..600_000, 5..5, 262_143..262_145, 599_999..600_000, 600_000..600_000] {
        let part = read(storage, "ranges/a.ts", Some(range.clone())).await.unwrap();
        let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        assert!(part == bytes[start..end], "{range:?}");
    }
    for outside in [0..600_001, 599_999..600_002, 600_001..600_002] {
        let refused = read(storage, "ranges/a.ts", Some(outside.clone())).await;
        assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{outside:?}");
    }
}

async fn nothing_is_seen_before_it_is_kept(storage: &Storage) {
    for len in [10, PART_LEN + 1] {
        let path = format!("unseen/{len}.ts");
        let received = receive(storage, &path, &content(len, 1)).await.unwrap();
        assert_eq!(storage.look(&path).await, Err(StorageError::NotFound));
        assert!(!names(storage, "unseen").await.contains(&format!("{len}.ts")));
        received.keep().await.unwrap();
        assert_eq!(storage.look(&path).await.unwrap().len, len as u64);
    }
}

async fn what_is_dropped_never_was(storage: &Storage) {
    for len in [10, PART_LEN + 1] {
        drop(receive(storage, "dropped/a.ts", &content(len, 1)).await.unwrap());
        let mut incoming = storage.create("dropped/b.ts").await.unwrap();
        incoming.push(Bytes::from(content(len, 1))).await.unwrap();
        drop(incoming);
    }
    assert_eq!(names(storage, "dropped").await, [""; 0]);
    storage.remove("dropped").await.unwrap();
}

async fn a_long_file_goes_up_and_comes_back(storage: &Storage) {
    for len in [PART_LEN - 1, PART_LEN, PART_LEN + 1, 2 * PART_LEN, 2 * PART_LEN + 77] {
        let bytes = content(len, len);
        store(storage, "long/video.mp4", &bytes).await;
        assert!(read(storage, "long/video.mp4", None).await.unwrap() == bytes, "{len}");
    }
    let across = PART_LEN as u64 - 2..PART_LEN as u64 + 2;
    assert_eq!(read(storage, "long/video.mp4", Some(across)).await.unwrap().len(), 4);
}

async fn another_file_takes_the_place_of_the_one_before(storage: &Storage) {
    store(storage, "twice/a.ts", b"the first").await;
    let etag = storage.look("twice/a.ts").await.unwrap().etag;
    store(storage, "twice/a.ts", b"the second").await;
    assert_eq!(read(storage, "twice/a.ts", None).await.unwrap(), b"the second");
    let stored = storage.look("twice/a.ts").await.unwrap();
    assert!(stored.etag.is_none() || stored.etag != etag, "the bytes differ");
    assert_eq!(names(storage, "twice").await, ["a.ts"]);
}

async fn what_is_not_there_is_not_found(storage: &Storage) {
    store(storage, "there/a.ts", b"a").await;
    for path in ["there/b.ts", "there", "there/a.ts/b.ts", "nowhere/a.ts"] {
        assert_eq!(storage.look(path).await, Err(StorageError::NotFound), "{path}");
        assert_eq!(read(storage, path, None).await, Err(StorageError::NotFound), "{path}");
        assert_eq!(storage.read_all(path, 10).await, Err(StorageError::NotFound), "{path}");
    }
    assert_eq!(storage.list("nowhere").await, Ok(vec![]));
    assert_eq!(storage.changed_at("nowhere").await, Ok(None));
    assert_eq!(storage.remove("nowhere").await, Ok(()));
    assert_eq!(storage.read_all("there/a.ts", 10).await.unwrap(), b"a");
}

async fn a_folder_holds_its_own_files_only(storage: &Storage) {
    for path in ["film/a.ts", "film/v/b.ts", "film.2/c.ts", "film2/d.ts"] {
        store(storage, path, path.as_bytes()).await;
    }
    assert_eq!(names(storage, "film").await, ["a.ts", "v/b.ts"]);
    storage.remove("film").await.unwrap();
    assert_eq!(names(storage, "film").await, [""; 0]);
    assert_eq!(storage.look("film/a.ts").await, Err(StorageError::NotFound));
    assert_eq!(
        (names(storage, "film.2").await, names(storage, "film2").await),
        (vec!["c.ts".into()], vec!["d.ts".into()])
    );
}

async fn one_file_is_removed(storage: &Storage) {
    for path in ["single/a.ts", "single/a.ts2", "single/b/a.ts"] {
        store(storage, path, b"a").await;
    }
    for path in ["single/a.ts", "single/a.ts", "single/nothing.ts", "nowhere/a.ts"] {
        assert_eq!(storage.remove_file(path).await, Ok(()), "{path}");
    }
    assert_eq!(names(storage, "single").await, ["a.ts2", "b/a.ts"]);
    storage.remove("single").await.unwrap();
}

async fn all_folders_are_found(storage: &Storage) {
    let (mut found, mut page) = (Vec::new(), None);
    loop {
        let (names, next) = storage.folders(page).await.unwrap();
        found.extend(names);
        page = next;
        if page.is_none() {
            break;
        }
    }
    for name in ["kept", "twice", "film.2", "film2"] {
        assert!(found.iter().any(|found| found == name), "{name} {found:?}");
    }
}

async fn only_plain_paths_name_anything(storage: &Storage) {
    for path in
        ["", "/", "../a.ts", "a/../b.ts", "a//b.ts", "/a.ts", ".a.ts", "a/.b/c.ts", "a%2fb.ts", "a b.ts", "ä.ts", "a/"]
    {
        assert_eq!(storage.create(path).await.err(), Some(StorageError::NotFound), "{path}");
        assert_eq!(storage.look(path).await, Err(StorageError::NotFound), "{path}");
        assert_eq!(storage.list(path).await, Err(StorageError::NotFound), "{path}");
        assert_eq!(storage.remove(path).await, Err(StorageError::NotFound), "{path}");
    }
    assert_eq!(names(storage, "kept").await.len(), 3, "nothing was removed");
}

async fn a_text_has_a_bound(storage: &Storage) {
    store(storage, "text/master.m3u8", b"#EXTM3U\n").await;
    assert_eq!(storage.read_all("text/master.m3u8", 8).await.unwrap(), b"#EXTM3U\n");
    assert_eq!(storage.read_all("text/master.m3u8", 7).await, Err(StorageError::TooLong));
}
