//! The server's own worker.

use super::*;

#[test]
fn the_server_keeps_a_worker_of_its_own_running() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (script, told) = (dir.path().join("packager"), dir.path().join("told"));
    // Told in one go, so that nobody reads half of it.
    let lines = format!(
        "#!/bin/sh\necho \"$$ $KEYVEIL_WORKER_TOKEN $KEYVEIL_WORKER_GRACE $KEYVEIL_WORKER_STATE $*\" >> {}\nexec sleep 1000\n",
        told.display()
    );
    std::fs::write(&script, lines).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut app = TestApp::builder().local_worker(script).start();
    let starts = || -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(&told).unwrap_or_default();
        text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
    };
    app.until("the worker is started", || starts().len() == 1);
    let first = starts().remove(0);
    let address = app.address().to_owned();
    assert_eq!(first[2], "0", "a server that stops has no time for jobs");
    assert_eq!(Path::new(&first[3]), app.config.data.dir.join("worker"));
    assert_eq!(
        first[4..],
        [
            "worker",
            "--server",
            &format!("http://{address}"),
            "--exit-with-parent",
            "--insecure-http",
            "--name",
            "local"
        ]
    );
    let body = json!({ "publicKey": "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "worker": "local", "waitSecs": 0 });
    let claim = app.request("POST", "/v1/jobs/claim").header("Authorization", &format!("Bearer {}", first[1]));
    assert_eq!(claim.json(body.to_string()).send().status, 204, "its key is one");

    let runs = |pid: &str| Path::new("/proc").join(pid).exists();
    assert!(runs(&first[0]));
    let killed = std::process::Command::new("kill").args(["-9", &first[0]]).status().unwrap();
    assert!(killed.success());
    app.until("the worker is started again", || starts().len() == 2);
    let second = starts().remove(1);
    assert_eq!(second[1], first[1], "with the same key");
    app.stop();
    assert!(!runs(&second[0]), "it ends with the server");
}
