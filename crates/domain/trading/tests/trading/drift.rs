use crate::ground::*;
use qd_kernel::PageRequest;
use qd_runtime::access::Role;
use qd_testkit::{TestDb, both};
use qd_trading::accounts::{self, AccountView};
use qd_trading::drift::{self, DriftKind, FindingQuery, FindingView, LoginView, Repair, RunState, RunView};
use qd_trading::{AccountState, Direction, Rights, SyncState};
use serde_json::json;

/// Asks for a comparison as ops would and lets it happen.
async fn compare(g: &Ground) -> RunView {
    let core = g.core.clone();
    let asked = g
        .core
        .db
        .write(async move |tx| drift::ask(tx, &core, &staff("Omar", Role::Ops), SERVER).await)
        .await
        .unwrap();
    g.work().await;
    let done = g
        .core
        .db
        .read(async move |tx| drift::run(tx, &staff("Omar", Role::Ops), asked.id).await)
        .await
        .unwrap();
    assert_eq!(done.state, RunState::Done, "{done:?}");
    done
}

async fn findings(g: &Ground, open: Option<bool>) -> Vec<FindingView> {
    let page = PageRequest::new(Some(200), None).unwrap();
    let q = FindingQuery {
        server: Some(SERVER.into()),
        kind: None,
        open,
    };
    let all = g
        .core
        .db
        .read(async move |tx| drift::findings(tx, &staff("Fina", Role::Finance), q.clone(), &page).await);
    all.await.unwrap().items
}

async fn strangers(g: &Ground) -> Vec<LoginView> {
    let page = PageRequest::new(Some(200), None).unwrap();
    let all = g
        .core
        .db
        .read(async move |tx| drift::unmapped(tx, &staff("Omar", Role::Ops), Some(SERVER), &page).await);
    all.await.unwrap().items
}

/// With 100.00 from the wallet, and the feed at rest.
async fn funded(g: &Ground, client: &str) -> AccountView {
    let a = g.account(client).await;
    g.give(client, 10_000).await;
    g.ask(&a, Direction::ToPlatform, 10_000, &format!("test:{client}")).await.unwrap();
    g.work().await;
    g.feed().await;
    a
}

fn login(a: &AccountView) -> u64 {
    a.login.as_deref().unwrap().parse().unwrap()
}

both! {
    async fn a_server_that_agrees_shows_the_same_day_on_both_sides_and_no_difference(t: TestDb) {
        let g = Ground::new(t).await;
        let a = funded(&g, "cli_alex").await;
        g.mt5("trade", json!({"login": login(&a), "symbol": "EURUSD", "side": "buy", "volume_lots": "0.50", "hold_s": 30, "move_points": 40})).await;
        g.mt5("open", json!({"login": login(&a), "symbol": "EURUSD", "side": "buy", "volume_lots": "0.01"})).await;
        g.feed().await;
        g.pass(180).await;
        let r = compare(&g).await;
        assert_eq!((r.accounts, r.positions, r.differs, r.repaired, r.unmapped), (1, 1, 0, 0, 0));
        assert_eq!(r.days.iter().map(|d| d.ours.trades).sum::<i64>(), 3);
        assert!(r.days.iter().all(|d| d.ours == d.theirs && d.currency.code() == "EUR"), "{:?}", r.days);
        assert_eq!(r.days.iter().map(|d| d.ours.volume_e8).sum::<i64>(), 101_000_000);
        assert!(g.exceptions().await.is_empty());
        g.finish().await;
    }

    async fn a_wrong_balance_is_found_with_its_cause_and_goes_when_it_is_corrected(t: TestDb) {
        let g = Ground::new(t).await;
        let (a, b, c) = (funded(&g, "cli_alex").await, funded(&g, "cli_anna").await, funded(&g, "cli_bela").await);
        // Set by hand, booked by a dealer, and edited without a correction.
        g.mt5(&format!("account/{}/set", login(&a)), json!({"balance": "93.00"})).await;
        g.mt5("balance", json!({"login": login(&b), "amount": "25.00", "comment": "bonus from the dealer"})).await;
        let t = g.mt5("trade", json!({"login": login(&c), "symbol": "EURUSD", "volume_lots": "0.10", "hold_s": 30, "move_points": 20})).await;
        g.feed().await;
        let close = t["close_deal"].as_u64().unwrap();
        g.control("PATCH", &format!("/mt5/{SERVER}/deal/{close}"), json!({"profit": "1.00"})).await;
        let r = compare(&g).await;
        assert_eq!((r.differs, r.accounts), (3, 3));
        let found = findings(&g, Some(true)).await;
        let of = |x: &AccountView| found.iter().find(|f| f.account_id == Some(x.id)).unwrap();
        assert_eq!((of(&a).kind, of(&a).delta.unwrap().minor), (DriftKind::Balance, -700));
        assert!(of(&a).cause.starts_with("not explained"), "{}", of(&a).cause);
        assert_eq!((of(&b).delta.unwrap().minor, of(&b).ours.as_str(), of(&b).theirs.as_str()), (2_500, "EUR 100.00", "EUR 125.00"));
        assert!(of(&b).cause.starts_with("booked on the platform without an order"), "{}", of(&b).cause);
        assert!(of(&c).cause.starts_with("deals were edited"), "{}", of(&c).cause);
        let open = g.open_exceptions().await;
        let drifts: Vec<_> = open.iter().filter(|e| e.kind == "platform.drift_balance").collect();
        assert_eq!(drifts.len(), 3);
        assert!(drifts.iter().all(|e| e.owner_role == "finance" && e.client_id.is_some()));

        // Looked at again: the same three, not six.
        compare(&g).await;
        assert_eq!(findings(&g, None).await.len(), 3);
        g.mt5(&format!("account/{}/set", login(&a)), json!({"balance": "100.00"})).await;
        assert_eq!(compare(&g).await.differs, 2);
        let ended = findings(&g, Some(false)).await;
        assert_eq!((ended.len(), ended[0].account_id, ended[0].repair), (1, Some(a.id), None));
        assert_eq!(g.exceptions().await.iter().filter(|k| *k == "platform.drift_balance").count(), 2);
        g.finish().await;
    }

    async fn credit_given_by_hand_is_told_apart_from_the_balance(t: TestDb) {
        let g = Ground::new(t).await;
        let a = funded(&g, "cli_alex").await;
        g.mt5(&format!("account/{}/set", login(&a)), json!({"balance": "80.00", "credit": "20.00"})).await;
        compare(&g).await;
        let found = findings(&g, Some(true)).await;
        assert_eq!(found.iter().map(|f| (f.kind, f.delta.unwrap().minor)).collect::<Vec<_>>(), [(DriftKind::Credit, 2_000)]);
        assert_eq!(g.exceptions().await, ["platform.drift_credit"]);
        g.finish().await;
    }

    async fn a_restriction_of_ours_lifted_there_is_set_again_and_other_changes_are_taken_over(t: TestDb) {
        let g = Ground::new(t).await;
        let (a, b) = (g.account("cli_alex").await, g.account("cli_anna").await);
        let core = g.core.clone();
        g.core
            .db
            .write(async move |tx| accounts::restrict(tx, &core, &staff("Cora", Role::Compliance), a.id, Rights::ReadOnly, "asked by the regulator").await)
            .await
            .unwrap();
        g.work().await;
        g.mt5(&format!("account/{}/block", login(&a)), json!({"mode": "enable"})).await;
        g.mt5(&format!("account/{}/set", login(&b)), json!({"group": r"real\eu-pro-eur", "leverage": 50})).await;
        g.pass(2).await;
        let r = compare(&g).await;
        assert_eq!((r.repaired, r.differs), (3, 0));
        let mut done: Vec<_> = findings(&g, Some(false)).await.into_iter().map(|f| (f.kind, f.repair.unwrap())).collect();
        done.sort();
        assert_eq!(
            done,
            [(DriftKind::Rights, Repair::Restored), (DriftKind::Group, Repair::TakenOver), (DriftKind::Leverage, Repair::TakenOver)]
        );
        let (a, b) = (g.view(a.id).await, g.view(b.id).await);
        assert_eq!((a.rights, a.rights_wanted, a.sync.state), (Rights::ReadOnly, Rights::ReadOnly, SyncState::Synced));
        assert_eq!((b.group.as_str(), b.leverage), (r"real\eu-pro-eur", 50));
        assert_eq!(g.exceptions().await, ["platform.restriction_lifted"]);
        let all = g.control("GET", &format!("/mt5/{SERVER}/accounts"), json!({})).await;
        let there = all["accounts"].as_array().unwrap().iter().find(|x| x["login"] == login(&a)).unwrap().clone();
        assert_eq!(there["read_only"], true);

        // The other way round it stays as it was: a block made there is what holds.
        g.mt5(&format!("account/{}/block", login(&b)), json!({"mode": "disable"})).await;
        g.pass(2).await;
        compare(&g).await;
        assert_eq!((g.view(b.id).await.rights_wanted, g.view(b.id).await.rights_by.as_deref()), (Rights::Blocked, Some("platform")));
        g.finish().await;
    }

    async fn deals_that_the_feed_has_missed_are_recorded_and_said(t: TestDb) {
        let g = Ground::new(t).await;
        let a = funded(&g, "cli_alex").await;
        // Newer deals have moved the feed on; this one appears only now, twenty minutes late.
        g.pass(3_600).await;
        g.mt5("trade", json!({"login": login(&a), "symbol": "EURUSD", "volume_lots": "0.10", "move_points": 5})).await;
        g.feed().await;
        g.mt5("late_deal", json!({"login": login(&a), "symbol": "EURUSD", "volume_lots": "0.20", "hold_s": 60, "ago_s": 1_200, "move_points": 30})).await;
        let r = compare(&g).await;
        assert_eq!((r.repaired, r.differs), (1, 0));
        let f = &findings(&g, Some(false)).await[0];
        assert_eq!((f.kind, f.repair), (DriftKind::Deals, Some(Repair::ReadAgain)));
        g.agree(&a).await;
        assert_eq!(compare(&g).await.repaired, 0);
        g.finish().await;
    }

    async fn open_positions_that_are_not_those_of_the_deals_are_found(t: TestDb) {
        let g = Ground::new(t).await;
        let a = funded(&g, "cli_alex").await;
        let o = g.mt5("open", json!({"login": login(&a), "symbol": "EURUSD", "side": "buy", "volume_lots": "0.01"})).await;
        g.feed().await;
        // The opening deal is taken out of the history; the position stays.
        let deal = o["open_deal"].as_u64().unwrap();
        g.control("DELETE", &format!("/mt5/{SERVER}/deal/{deal}"), json!({})).await;
        g.pass(60).await;
        let r = compare(&g).await;
        assert_eq!(r.differs, 1, "{:?}", findings(&g, None).await);
        let f = &findings(&g, Some(true)).await[0];
        assert_eq!((f.kind, f.ours.starts_with("0.00 lots"), f.theirs.starts_with("0.01 lots")), (DriftKind::Positions, true, true), "{f:?}");
        g.finish().await;
    }

    async fn logins_that_nobody_here_knows_are_listed_until_they_are_gone(t: TestDb) {
        let g = Ground::new(t).await;
        let a = funded(&g, "cli_alex").await;
        let made = g
            .mt5("account", json!({"group": r"real\eu-standard-eur", "name": "Paul Fremd", "leverage": 30, "pass_main": "Abcdef-12345", "pass_investor": "Ghijkl-67890"}))
            .await;
        let stranger = made["login"].as_u64().unwrap();
        g.mt5("balance", json!({"login": stranger, "amount": "500.00"})).await;
        g.mt5("trade", json!({"login": stranger, "symbol": "EURUSD", "volume_lots": "0.10"})).await;
        g.mt5(&format!("account/{stranger}/block"), json!({"mode": "read_only"})).await;
        g.feed().await;
        let r = compare(&g).await;
        assert_eq!((r.unmapped, r.differs, r.accounts), (1, 0, 1));
        let l = &strangers(&g).await[0];
        assert_eq!((l.login.as_str(), l.rights, l.deals), (stranger.to_string().as_str(), Rights::ReadOnly, 3));
        assert!(l.balance.minor != 0 && l.login != a.login.clone().unwrap());
        assert_eq!(g.exceptions().await, ["platform.logins_unmapped"]);
        g.mt5(&format!("account/{stranger}/set"), json!({"group": r"archive\eu"})).await;
        compare(&g).await;
        assert!(strangers(&g).await.is_empty() && g.exceptions().await.is_empty());
        g.finish().await;
    }

    async fn a_login_that_is_no_longer_there_is_a_persons_to_look_at(t: TestDb) {
        let g = Ground::new(t).await;
        let a = g.account("cli_alex").await;
        g.mt5(&format!("account/{}/set", login(&a)), json!({"group": r"archive\eu"})).await;
        compare(&g).await;
        let f = &findings(&g, Some(true)).await[0];
        assert_eq!(f.kind, DriftKind::Missing);
        assert!(f.cause.contains("group_unknown"), "{}", f.cause);
        assert_eq!(g.exceptions().await, ["platform.drift_missing"]);
        assert_eq!(g.view(a.id).await.state, AccountState::Ready);
        g.finish().await;
    }

    async fn a_server_that_does_not_answer_ends_the_run_and_only_ops_may_ask_for_one(t: TestDb) {
        let g = Ground::new(t).await;
        g.account("cli_alex").await;
        g.order("mt5", "*", qd_sandbox::FaultKind::Down);
        let core = g.core.clone();
        let asked = g.core.db.write(async move |tx| drift::ask(tx, &core, &staff("Omar", Role::Ops), SERVER).await).await.unwrap();
        for _ in 0..12 {
            g.pass(30).await;
        }
        let r = g.core.db.read(async move |tx| drift::run(tx, &staff("Omar", Role::Ops), asked.id).await).await.unwrap();
        assert_eq!((r.state, r.error.is_some()), (RunState::Failed, true));
        g.calm();
        g.pass(120).await;
        compare(&g).await;
        let core = g.core.clone();
        let p = g.core.db.write(async move |tx| drift::ask(tx, &core, &staff("Fina", Role::Finance), SERVER).await).await.unwrap_err();
        assert_eq!(p.code, "right_missing");
        g.finish().await;
    }
}
