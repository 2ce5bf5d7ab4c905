//! What is SQLite's alone: whoever runs these tests on PostgreSQL leaves this module out (`--skip sqlite::`).

use std::os::unix::fs::PermissionsExt;

use crate::support::TestApp;

#[test]
fn every_file_of_the_database_is_private() {
    let app = TestApp::start();
    for name in ["keyveil.db", "keyveil.db-wal", "keyveil.db-shm"] {
        let mode = std::fs::metadata(app.config.data.dir.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
}
