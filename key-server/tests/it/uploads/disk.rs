//! What lies on the disk, and a disk that is full.

use super::*;

/// Every file below the folder that holds the bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes) {
            found.push(entry.file_name().into_string().unwrap());
        }
    }
    found
}

#[test]
fn no_clear_byte_of_a_source_is_on_the_disk_and_the_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let app = TestApp::start();
    let path = app.begin(300_000);
    assert_eq!(app.patch(&path, 0, &film(200_000)).status, 204);
    let data = app.dir.path().join("data");
    std::fs::write(data.join("control"), film(100)).unwrap();
    assert_eq!(holding(&data, &SENTENCE[..20]), ["control"], "the search finds what is there, and only that");
    assert_eq!(std::fs::metadata(file(&app, &path)).unwrap().len(), 200_000);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file(&app, &path)), mode(&data.join("uploads"))), (0o600, 0o700));
}

/// A disk that is really full: a tiny tmpfs in a mount namespace of its own, which grows when a line is written to the
/// script. Where the system allows neither, the test says so and checks nothing.
#[test]
fn a_full_disk_is_told_and_an_upload_goes_on_when_there_is_space() {
    let script = "mkdir -p \"$1\"; mount -t tmpfs -o size=1m,mode=700 none \"$1\" || exit 99
        \"$2\" serve & server=$!; read line; mount -o remount,size=16m \"$1\"; echo grown; read line; kill $server; wait";
    let mut app = TestApp::start();
    app.stop();
    let data = app.dir.path().join("data");
    let start = |flags: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(flags).args(["--mount", "sh", "-c", script, "sh"]);
        command.args([data.join("uploads").as_os_str(), env!("CARGO_BIN_EXE_key-server").as_ref()]);
        command.env("KEYVEIL_DATA", &data).env("KEYVEIL_LISTEN", "127.0.0.1:0");
        command.envs(database_variable(&data));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        match lines.next() {
            Some(Ok(line)) => Some((child, lines, line.strip_prefix("listening: http://").unwrap().to_owned())),
            _ => {
                child.wait().unwrap();
                None
            }
        }
    };
    let Some((mut child, mut lines, address)) = start(&[]).or_else(|| start(&["--user", "--map-root-user"])) else {
        eprintln!("a_full_disk_is_told…: no tmpfs can be mounted here, so this checked NOTHING");
        return;
    };
    let film = film(4_000_000);
    let tus = OnDisk { address, api_key: app.app.api_key.expose_text().to_owned() };
    let path = tus.begin(film.len());
    let full = tus.patch(&path, 0, &film);
    assert_eq!(full.code(), "no_space");
    let offset = tus.offset(&path);
    assert!(offset < film.len());
    assert_eq!(tus.patch(&path, offset, &film[offset..]).code(), "no_space", "still");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"grow\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "grown");
    let offset = tus.offset(&path);
    assert_eq!(tus.patch(&path, offset, &film[offset..]).status, 204);
    assert_eq!(tus.offset(&path), film.len());
    let sql = format!("SELECT max(number) FROM source_stretches WHERE upload_id = '{}'", upload_id(&path));
    let stretches = app.database().number(&sql);
    assert_eq!(
        stretches, 3,
        "a batch that did not fit has met the disk in part: each attempt needs a keystream of its own"
    );
    stdin.write_all(b"end\n").unwrap();
    child.wait().unwrap();
}

/// A server of another process.
struct OnDisk {
    address: String,
    api_key: String,
}

impl Tus for OnDisk {
    fn tus(&self, method: &str, path: &str) -> Request {
        let request = Request::new(&self.address, method, path).header("Tus-Resumable", "1.0.0");
        request.header("Authorization", &format!("Bearer {}", self.api_key))
    }
}
