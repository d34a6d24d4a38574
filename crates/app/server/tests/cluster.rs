//! The same story on PostgreSQL and NATS, the counterparties in a process of their own, and two
//! nodes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Brokerage, Program, free_address, run_well};
use qd_db::DbConfig;
use qd_testkit::TestDb;
use std::time::Duration;

#[test]
fn the_main_story_plays_on_postgres_and_nats_over_two_nodes() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(db) = runtime.block_on(TestDb::postgres()) else { return };
    let Some(nats) = qd_testkit::nats() else { return };
    let DbConfig::Postgres { url, .. } = db.config() else {
        panic!("not PostgreSQL")
    };
    let house = Brokerage::new("cluster");
    house.on_postgres(url.expose(), &nats);
    run_well(&["migrate", "--config", house.config()]);
    run_well(&["seed", "--demo", "--config", house.config()]);
    let first = house.serve();
    // A second node under another name, which only works.
    let vars = [("QD_WORKER_NODE", "second".to_string())];
    let worker = Program::launch(
        &["worker", "--config", house.config()],
        &vars,
        free_address(),
        house.folder.path().join("worker.log"),
    );
    let url = first.url();
    let story = run_well(&["story", "alex", "--url", &url, "--sandbox", &house.sandbox_url()]);
    assert!(story.contains("all as they should be"), "{story}");
    run_well(&["doctor", "--config", house.config()]);
    run_well(&["verify", "--config", house.config()]);
    assert!(first.stop().success());
    assert!(worker.stop().success());
    drop(house);
    // The database goes with its value, after those who used it.
    std::thread::sleep(Duration::from_millis(50));
    drop(db);
}
