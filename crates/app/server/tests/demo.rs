//! The demo as somebody starts it for the first time: it seeds, answers, plays its stories, stops,
//! and finds everything again.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Folder, Program, free_address, get, run, run_well};
use std::net::SocketAddr;

fn demo(folder: &Folder, at: SocketAddr, clients: &str) -> Program {
    let vars = [
        ("QD_LISTEN", at.to_string()),
        ("QD_DATA", folder.path().join("data").display().to_string()),
        ("QD_SEED_CLIENTS", clients.to_string()),
        ("QD_SEED_DAYS", "21".to_string()),
        ("QD_QUIET_MARKET", "true".to_string()),
    ];
    Program::start(&["demo"], &vars, at, "/readyz", folder.path().join("demo.log"))
}

fn accounts(at: SocketAddr) -> String {
    get(at, "/sandbox/control/mt5/eu-live/accounts").unwrap().1
}

#[test]
fn the_first_start_seeds_and_plays_the_main_story_and_the_next_start_finds_everything_again() {
    let folder = Folder::new("demo");
    let at = free_address();
    let first = demo(&folder, at, "40");
    let printed = first.log();
    for role in [
        "sales",
        "compliance",
        "finance",
        "support",
        "ops",
        "partner manager",
        "auditor",
        "super admin",
        "client",
    ] {
        assert!(printed.contains(&format!("  {role} ")), "no sign-in for {role}:\n{printed}");
    }
    for page in ["/", "/office", "/partner", "/sign-in", "/deposits/dep_1"] {
        let (status, body) = get(at, page).unwrap();
        // A build with portals sends a stranger to the sign-in page; one without says how to add them.
        let fine = status == 303 || (status == 200 && body.starts_with("<!doctype html>"));
        assert!(fine, "{page}: {status} {body}");
    }
    let url = first.url();
    let story = run_well(&["story", "alex", "--url", &url]);
    assert!(story.contains("all as they should be"), "{story}");
    let config = folder.path().join("data/quarterdeck.toml").display().to_string();
    run_well(&["verify", "--config", &config]);
    run_well(&["doctor", "--config", &config]);
    run_well(&["check-config", "--config", &config]);
    let journal = run_well(&["export", "journal", "--config", &config]);
    assert!(journal.contains("commodity"), "{journal}");
    let before = accounts(at);
    assert!(first.stop().success(), "SIGTERM ends it well");

    let second = demo(&folder, at, "40");
    assert!(
        !second.log()[printed.len()..].contains("simulated business"),
        "the second start seeds nothing"
    );
    assert_eq!(accounts(at), before, "the counterparties' books are the same");
    run_well(&["verify", "--config", &config]);
    assert!(second.stop().success());
}

#[test]
fn what_goes_wrong_outside_is_seen_and_put_right() {
    let folder = Folder::new("stories");
    let running = demo(&folder, free_address(), "0");
    let url = running.url();
    for name in [
        "flagged-kyc",
        "double-callback",
        "platform-refuses",
        "lost-callback",
        "platform-silent",
    ] {
        let text = run_well(&["story", name, "--url", &url]);
        assert!(text.contains("all as they should be"), "{name}: {text}");
    }
    let config = folder.path().join("data/quarterdeck.toml").display().to_string();
    run_well(&["verify", "--config", &config]);
    assert!(running.stop().success());
}

#[test]
fn a_story_on_a_server_without_its_people_fails_and_says_why() {
    let o = run(&["story", "alex", "--url", "http://127.0.0.1:9"]);
    let text = String::from_utf8_lossy(&o.stdout).into_owned();
    assert_eq!(o.status.code(), Some(1));
    assert!(text.contains("FAIL") && text.contains("connect_failed"), "{text}");
    assert_eq!(run(&["story", "nobody-knows"]).status.code(), Some(1));
}

#[test]
fn every_command_explains_itself_with_an_example() {
    for command in [
        "demo",
        "serve",
        "worker",
        "migrate",
        "sandbox",
        "seed",
        "verify",
        "doctor",
        "check-config",
        "import",
        "export",
        "story",
        "commissions",
    ] {
        let text = run_well(&[command, "--help"]);
        assert!(text.contains("Example") && text.contains("quarterdeck "), "{command}: {text}");
    }
    let o = run(&["import", "clients"]);
    assert!(!o.status.success() && String::from_utf8_lossy(&o.stderr).contains("import_not_there"));
}

#[test]
fn two_demos_cannot_share_a_folder() {
    let folder = Folder::new("lock");
    let one = demo(&folder, free_address(), "0");
    let at = free_address();
    let vars = [
        ("QD_LISTEN", at.to_string()),
        ("QD_DATA", folder.path().join("data").display().to_string()),
    ];
    let mut two = Program::launch(&["demo"], &vars, at, folder.path().join("two.log"));
    let status = two.child.wait().unwrap();
    assert!(!status.success() && two.log().contains("data_in_use"), "{}", two.log());
    drop(one);
}
