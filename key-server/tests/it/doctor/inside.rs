//! Configuration, data folder, database, KMS and media.

use std::io::{Seek, SeekFrom, Write};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::{Sound, mode};
use crate::command_line::succeed;
use crate::support::Moto;

#[test]
fn a_configuration_that_cant_be_read_is_a_problem_and_not_quoted() {
    let sound = Sound::new();
    sound.write("broken.toml", "[http]\nlisten = \"postgres://keyveil:hunter2@db\" = 3\n");
    let broken = Sound::new().with("KEYVEIL_CONFIG", sound.path("broken.toml"));
    let report = broken.examine();
    report.says("configuration", "problem", "line 2");
    assert!(!report.value.to_string().contains("hunter2"), "{:#}", report.value);
    Sound::new().with("KEYVEIL_HTTP_LISTN", "127.0.0.1:1").examine().says("configuration", "problem", "listn");
}

#[test]
fn dangerous_combinations_are_told() {
    let public = ("KEYVEIL_PUBLIC_URL", "https://video.example.invalid");
    for (variables, level, part) in [
        (&[("KEYVEIL_LISTEN", "0.0.0.0:8080"), public][..], "warning", "without TLS"),
        (&[("KEYVEIL_PUBLIC_URL", "http://video.example.invalid")], "problem", "plain http"),
        (&[("KEYVEIL_LISTEN", "0.0.0.0:8080")], "warning", "public_url is not set"),
        (&[("KEYVEIL_HTTP_TRUSTED_PROXIES", "10.0.0.0/8,::/0")], "problem", "every address"),
        (&[("KEYVEIL_FETCH_ALLOW_PRIVATE", "true")], "warning", "allow_private"),
        (&[("KEYVEIL_PACING_MODE", "off")], "warning", "pacing.mode"),
        (&[("KEYVEIL_AUDIT_RETENTION_DAYS", "7")], "warning", "for good"),
        (&[public], "warning", "root key lies in the data folder"),
    ] {
        let sound = variables.iter().fold(Sound::new(), |sound, (name, value)| sound.with(name, *value));
        sound.examine().says("configuration", level, part);
    }
    let kept = [("KEYVEIL_AUDIT_RETENTION_DAYS", "7"), ("KEYVEIL_AUDIT_EXPORT_DIR", "/srv/audit")];
    kept.iter().fold(Sound::new(), |sound, (name, value)| sound.with(name, *value)).examine().is_ok("configuration");
}

#[test]
fn a_data_folder_that_is_open_missing_or_read_only_is_told() {
    let sound = Sound::new();
    mode(&sound.data, 0o755);
    sound.examine().says("data folder", "warning", "mode 755");
    mode(&sound.data, 0o700);
    mode(&sound.data.join("root.key"), 0o640);
    sound.examine().says("data folder", "problem", "others may read");
    mode(&sound.data.join("root.key"), 0o600);
    sound.examine().is_ok("data folder");
    // Not even root makes a file there.
    Sound::new().with("KEYVEIL_DATA_DIR", "/proc/self").examine().says("data folder", "problem", "can't be written");
    Sound::new().with("KEYVEIL_DATA_DIR", "/no/such/folder").examine().says("data folder", "problem", "not there");
}

#[test]
fn little_space_is_a_warning_and_very_little_a_problem() {
    let sound = Sound::new();
    let report = sound.examine_with(&["--min-free", "0"]);
    report.is_ok("disk space");
    let (_, what, _) = report.of("disk space")[0];
    let free: u64 = what.split(": ").last().unwrap().split(' ').next().unwrap().parse().unwrap();
    let more = |times: u64| ((free + 1) * times).to_string();
    sound.examine_with(&["--min-free", &more(5)]).says("disk space", "warning", "GiB free");
    sound.examine_with(&["--min-free", &more(20)]).says("disk space", "problem", "GiB free");
}

/// What another program, or a fault, did to the database.
async fn execute(sound: &Sound, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(sound.data.join("keyveil.db"));
    let mut connection = options.connect().await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// What SQLite alone can be found to be.
mod sqlite {
    use super::*;

    #[tokio::test]
    async fn a_database_of_another_schema_is_neither_used_nor_migrated() {
        let sound = Sound::new();
        execute(&sound, "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)")
            .await;
        let before = std::fs::read(sound.data.join("keyveil.db")).unwrap();
        let report = sound.examine();
        report.says("database", "warning", "becomes");
        report.says("KMS", "skipped", "needs a database");
        assert_eq!(std::fs::read(sound.data.join("keyveil.db")).unwrap(), before);
        let newer = Sound::new();
        execute(&newer, "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1").await;
        newer.examine().says("database", "problem", "a newer program");
    }

    #[tokio::test]
    async fn a_damaged_database_and_one_that_is_none_are_problems() {
        let sound = Sound::new();
        execute(&sound, "PRAGMA wal_checkpoint(TRUNCATE)").await;
        let file = sound.data.join("keyveil.db");
        let len = std::fs::metadata(&file).unwrap().len();
        let mut database = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
        // All but the pages that say which tables there are.
        for page in len / 4096 / 2..len / 4096 {
            database.seek(SeekFrom::Start(page * 4096)).unwrap();
            database.write_all(&[0xaa; 512]).unwrap();
        }
        sound.examine().says("database", "problem", "");
        std::fs::write(
            &file,
            "no database at all, but as long as the head of one would be: a hundred bytes, and then some more of it",
        )
        .unwrap();
        sound.examine().says("database", "problem", "not a database");
        std::fs::remove_file(&file).unwrap();
        sound.examine().says("database", "warning", "there is none yet");
        assert!(!file.exists(), "and none is made");
    }

    #[tokio::test]
    async fn a_log_that_grew_and_rows_of_the_future_are_told() {
        let sound = Sound::new();
        execute(&sound, "UPDATE audit SET at = at + 3600").await;
        sound.examine().says("database", "warning", "in the future");
        let log = sound.data.join("keyveil.db-wal");
        // Of zeros, which take no room: SQLite reads no log in them.
        std::fs::File::create(&log).unwrap().set_len((1 << 30) + 1).unwrap();
        sound.examine().says("database", "warning", "grown");
    }
}

#[test]
fn keys_that_are_missing_or_anothers_are_problems() {
    let other = Sound::new();
    let take = |sound: &Sound, file: &str| std::fs::copy(other.data.join(file), sound.data.join(file)).unwrap();
    let sound = Sound::new();
    take(&sound, "root.key");
    sound.examine().says("KMS", "problem", "");
    take(&sound, "keyring.json");
    sound.examine().says("KMS", "problem", "can't open this installation's secret");
    for missing in ["root.key", "keyring.json"] {
        let sound = Sound::new();
        std::fs::remove_file(sound.data.join(missing)).unwrap();
        sound.examine().says("KMS", "problem", "missing");
        assert!(!sound.data.join(missing).exists(), "none is made in its place");
    }
}

#[test]
fn media_that_cant_be_stored_are_a_problem() {
    let sound = Sound::new();
    std::fs::remove_dir(sound.data.join("media")).unwrap();
    std::fs::write(sound.data.join("media"), "").unwrap();
    sound.examine().says("storage", "problem", "does not store");
    let bucket = Sound::new().with("KEYVEIL_STORAGE_URL", "s3://media").with("AWS_ACCESS_KEY_ID", "id");
    let bucket = bucket.with("AWS_SECRET_ACCESS_KEY", "secret").with("KEYVEIL_STORAGE_ENDPOINT", "http://127.0.0.1:9");
    bucket.examine().says("storage", "problem", "does not store");
    let twice = Sound::new();
    twice.examine().is_ok("storage");
    assert_eq!(std::fs::read_dir(twice.data.join("media")).unwrap().count(), 0, "nothing is left there");
    succeed(&twice.data, &["app", "list"]);
}

#[tokio::test]
#[ignore = "needs moto"]
async fn a_bucket_is_written_read_and_left_empty() {
    // For the requests that are made here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let moto = Moto::start().await;
    moto.make_bucket("media").await;
    let with = |bucket: &str| {
        let sound = Sound::new().with("KEYVEIL_STORAGE_URL", format!("s3://{bucket}/prod"));
        let sound = sound.with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").with("AWS_SECRET_ACCESS_KEY", "secret");
        sound.with("KEYVEIL_STORAGE_ENDPOINT", moto.url.as_str())
    };
    let report = with("media").examine();
    report.is_ok("storage");
    report.says("clock", "ok", "agrees with storage.endpoint");
    with("nowhere").examine().says("storage", "problem", "does not store");
    let listed = reqwest::get(moto.url.join("media?list-type=2").unwrap()).await.unwrap().text().await.unwrap();
    assert!(listed.contains("<ListBucketResult") && !listed.contains("<Key>"), "{listed}");
}
