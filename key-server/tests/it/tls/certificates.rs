//! Certificates that change under a running server.

use super::{CERTIFICATE, KEY, Made, ask, connect, serve, try_connect};
use crate::support::TestApp;

fn serves(app: &TestApp, made: &Made) -> bool {
    try_connect(app.address(), made, rustls::ALL_VERSIONS).is_ok()
}

#[test]
fn a_new_pair_is_taken_by_new_connections_and_old_ones_go_on() {
    let (old, new) = (Made::new(1), Made::new(2));
    let app = serve(&old);
    let mut before = connect(app.address(), &old);
    assert_eq!(ask(&mut before, "/healthz").status, 200);
    new.write(app.dir.path());
    app.until("the new certificate is served", || serves(&app, &new));
    let after = connect(app.address(), &new);
    assert_eq!(
        after.conn.peer_certificates().unwrap(),
        std::slice::from_ref(&new.certificate),
        "with its serial number"
    );
    assert!(!serves(&app, &old), "the old one is not");
    assert_eq!(ask(&mut before, "/healthz").status, 200, "what was open stays");
}

#[test]
fn a_broken_pair_leaves_the_one_before_in_use_until_a_whole_one_is_there() {
    let (old, new) = (Made::new(1), Made::new(2));
    let app = serve(&old);
    let dir = app.dir.path();
    let missing = || std::fs::remove_file(dir.join(KEY)).unwrap();
    let breaks: [&dyn Fn(); 4] = [
        &|| std::fs::write(dir.join(CERTIFICATE), &new.certificate_pem).unwrap(),
        &|| std::fs::write(dir.join(CERTIFICATE), "-----BEGIN CERTIFICATE-----\nnonsense\n").unwrap(),
        &|| std::fs::write(dir.join(KEY), "no key").unwrap(),
        &missing,
    ];
    for (n, make) in breaks.iter().enumerate() {
        make();
        // Longer than the files are left alone.
        std::thread::sleep(std::time::Duration::from_millis(1500));
        assert!(serves(&app, &old), "break {n}");
    }
    new.write(dir);
    app.until("the whole pair is served", || serves(&app, &new));
    old.write(dir);
    app.until("the old pair comes back", || serves(&app, &old));
}
