//! What servers over one database have in common. Where SQLite is enough, other modules have it (`TestApp::replica`).

/// These need a PostgreSQL: `node tests/database/main.mjs`.
mod on_postgres {
    use std::num::NonZeroU32;
    use std::time::{Duration, Instant};

    use serde_json::json;

    use keyveil_protocol::workflow::WorkflowSettings;

    use crate::changes::Events;
    use crate::support::{Player, TITLE, TestApp, database_variable};

    const PLAYS: u32 = 6;
    /// Servers tell each other each second.
    const TOLD_WITHIN: Duration = Duration::from_secs(10);

    fn few(config: &mut keyveil_key_server::Config) {
        config.http.plays_per_minute = NonZeroU32::new(PLAYS).unwrap();
        config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    }

    fn code(player: &Player<'_>, psign: &str) -> Option<String> {
        let response = player.try_play(psign, json!({}));
        (response.status != 200).then(|| response.code())
    }

    /// Looks for nothing by itself while a test lasts.
    fn hears_only(config: &mut keyveil_key_server::Config) {
        let hour = Duration::from_secs(3600);
        (config.database.looks.changes, config.database.looks.jobs) = (hour, hour);
    }

    const LISTENERS: &str = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'";

    fn listeners(app: &TestApp) -> i64 {
        app.database().number(&format!("SELECT count(*) {LISTENERS}"))
    }

    fn job_queued_at(app: &TestApp, other: &TestApp, file_id: &str) {
        let worker = other.worker();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| worker.claim_waiting(other, 20));
            std::thread::sleep(Duration::from_secs(1));
            app.queue(file_id, b"a source", WorkflowSettings::default());
            let queued = Instant::now();
            assert!(waiting.join().unwrap().is_some());
            // When its wait ends it looks once more.
            assert!(queued.elapsed() < Duration::from_secs(10), "it has heard nothing");
        });
    }

    #[test]
    #[ignore = "needs a PostgreSQL server that KEYVEIL_TEST_POSTGRES names"]
    fn what_one_server_writes_another_one_hears_of_also_after_its_listener_was_ended() {
        let app = TestApp::start();
        let other = TestApp::builder().configure(hears_only).over(&app).start();
        app.until("both listen", || listeners(&app) == 2);
        let mut events = Events::of_app(&other, &app);
        // Somebody else's words say nothing.
        let huge = "x".repeat(7900);
        app.database().run(&format!("NOTIFY keyveil; SELECT pg_notify('keyveil', '{huge}'); NOTIFY keyveil, '{{'"));
        for action in ["unpublish", "publish"] {
            let path = format!("/v1/titles/{TITLE}/{action}");
            assert_eq!(app.authorized("POST", &path).json("{}").send().status, 200);
            events.arrived();
        }
        job_queued_at(&app, &other, "first");
        app.database().run(&format!("SELECT pg_terminate_backend(pid) {LISTENERS}"));
        app.until("both listen again", || listeners(&app) == 2);
        job_queued_at(&app, &other, "second");
    }

    #[test]
    #[ignore = "needs a PostgreSQL server that KEYVEIL_TEST_POSTGRES names"]
    fn what_one_server_counts_another_one_knows_within_seconds() {
        let app = TestApp::builder().configure(few).start();
        assert!(database_variable(&app.config.data.dir).is_some(), "KEYVEIL_TEST_POSTGRES");
        let other = TestApp::builder().configure(few).over(&app).start();
        // What is told is told by minutes: the test lies within one.
        if app.now() % 60 > 45 {
            for server in [&app, &other] {
                server.clock.advance(20);
            }
        }
        let psign = app.sign(&app.claims(TITLE));
        let (here, there) = (app.player().at("203.0.113.7"), other.player().at("203.0.113.7"));
        // Half at each, so that neither has seen as many as there may be.
        for _ in 0..PLAYS / 2 {
            assert_eq!((code(&here, &psign), code(&there, &psign)), (None, None));
        }
        // One more at each wakes what is told of this counter; each by itself has room for more.
        let begun = Instant::now();
        let mut more = 0;
        while code(&here, &psign).is_none() {
            more += 1;
            assert!(begun.elapsed() < TOLD_WITHIN && more < PLAYS, "it knows nothing of the other's");
            std::thread::sleep(Duration::from_millis(1200));
        }
        assert!(more < PLAYS / 2, "by itself it would have taken {} more, and took {more}", PLAYS / 2);
        // Another network has its own.
        assert_eq!(code(&other.player().at("203.0.113.8"), &psign), None);
    }
}
