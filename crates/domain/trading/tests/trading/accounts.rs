use crate::ground::*;
use qd_kernel::{Amount, Currency, PageRequest};
use qd_ledger::Purpose;
use qd_runtime::access::{Caller, Role};
use qd_runtime::jobs::graveyard;
use qd_sandbox::FaultKind;
use qd_testkit::{TestDb, both};
use qd_trading::accounts::{self, AccountView};
use qd_trading::moves::{self, NewMove};
use qd_trading::servers;
use qd_trading::{AccountState, Direction, MoveKind, Rights, SyncState, TradingAccountId};
use serde_json::json;

async fn restrict(g: &Ground, id: TradingAccountId, rights: Rights) -> AccountView {
    let core = g.core.clone();
    g.core
        .db
        .write(async move |tx| accounts::restrict(tx, &core, &staff("Cora", Role::Compliance), id, rights, "asked by the regulator").await)
        .await
        .unwrap()
}

async fn leverage(g: &Ground, id: TradingAccountId, to: i64) -> AccountView {
    let core = g.core.clone();
    g.core
        .db
        .write(async move |tx| accounts::set_leverage(tx, &core, &staff("Omar", Role::Ops), id, to, 30).await)
        .await
        .unwrap()
}

async fn on_server(g: &Ground, a: &AccountView) -> serde_json::Value {
    let all = g.control("GET", &format!("/mt5/{}/accounts", a.server), json!({})).await;
    let login: u64 = a.login.as_deref().unwrap().parse().unwrap();
    all["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|x| x["login"] == login)
        .unwrap()
        .clone()
}

both! {
    async fn an_account_is_opened_where_its_mapping_says_and_its_passwords_are_shown_once(t: TestDb) {
        let g = Ground::new(t).await;
        let asked = g.request("cli_alex", "standard", Currency::EUR).await.unwrap();
        assert_eq!((asked.state, asked.sync.state, asked.login), (AccountState::Requested, SyncState::Pending, None));
        g.work().await;
        let a = g.ready(asked.id).await;
        assert_eq!((a.server.as_str(), a.group.as_str(), a.leverage, a.sync.state), (SERVER, r"real\eu-standard-eur", 30, SyncState::Synced));
        assert_eq!(a.mapping, "eu v1");
        let demo = g.request("cli_alex", "demo", Currency::USD).await.unwrap();
        g.work().await;
        assert_eq!(g.ready(demo.id).await.server, "demo");
        assert_eq!(g.events("trading.account_ready").len(), 2);

        let reveal = async || {
            let (core, platforms, id) = (g.core.clone(), g.platforms.clone(), a.id);
            g.core.db.write(async move |tx| accounts::reveal_passwords(tx, &core, &client_caller("cli_alex"), &platforms, id).await).await
        };
        let shown = reveal().await.unwrap();
        assert!(shown.main.len() >= 12 && shown.main != shown.investor);
        assert_eq!(reveal().await.unwrap_err().code, "passwords_already_shown");
        g.finish().await;
    }

    async fn a_sixth_account_of_a_type_is_refused(t: TestDb) {
        let g = Ground::new(t).await;
        for _ in 0..5 {
            g.request("cli_alex", "standard", Currency::EUR).await.unwrap();
        }
        assert_eq!(g.request("cli_alex", "standard", Currency::EUR).await.unwrap_err().code, "account_limit_reached");
        g.request("cli_alex", "pro", Currency::EUR).await.unwrap();
        g.finish().await;
    }

    async fn an_account_whose_opening_got_no_answer_is_found_again_and_not_opened_twice(t: TestDb) {
        let g = Ground::new(t).await;
        for kind in [FaultKind::DropAfter, FaultKind::Garbage, FaultKind::DropBefore] {
            g.order("mt5", "user/add", kind);
            let a = g.request("cli_alex", "standard", Currency::EUR).await.unwrap();
            g.work().await;
            let waiting = g.view(a.id).await;
            assert_eq!((waiting.state, waiting.sync.state), (AccountState::Opening, SyncState::Pending), "{kind:?}");
            assert!(waiting.sync.error.is_some() && waiting.sync.waiting_s.is_some());
            g.pass(5).await;
            g.ready(a.id).await;
        }
        let all = g.control("GET", "/mt5/eu-live/accounts", json!({})).await;
        assert_eq!(all["accounts"].as_array().unwrap().len(), 3);
        g.finish().await;
    }

    async fn a_server_that_is_away_for_two_days_costs_nobody_a_retry(t: TestDb) {
        let g = Ground::new(t).await;
        g.order("mt5", "*", FaultKind::Down);
        let a = g.request("cli_alex", "standard", Currency::EUR).await.unwrap();
        g.work().await;
        for _ in 0..60 {
            g.pass(2_880).await;
        }
        assert_eq!(g.view(a.id).await.state, AccountState::Opening);
        g.calm();
        // Signing in again pauses for up to two minutes after so many failures.
        g.until("the account to be open", 30, async || (g.view(a.id).await.state == AccountState::Ready).then_some(())).await;
        g.finish().await;
    }

    async fn a_refused_opening_is_an_exception_and_its_job_can_be_run_again(t: TestDb) {
        let g = Ground::new(t).await;
        g.order_with("mt5", "user/add", FaultKind::Refuse, None, Some("8"));
        let a = g.request("cli_alex", "standard", Currency::EUR).await.unwrap();
        g.work().await;
        let v = g.view(a.id).await;
        assert_eq!((v.state, v.sync.state), (AccountState::Failed, SyncState::Failed));
        assert_eq!(g.exceptions().await, ["job.dead", "platform.account_refused"]);
        let refused = g.open_exceptions().await.into_iter().find(|e| e.kind == "platform.account_refused").unwrap();
        let dead = g.core.db.read(async |tx| graveyard::list(tx, None, &PageRequest::new(None, None).unwrap()).await).await.unwrap().items;
        assert_eq!(refused.retry_job_id, Some(dead[0].id.to_string()), "the exception names the job to run again");
        let (core, job) = (g.core.clone(), dead[0].id);
        g.core.db.write(async move |tx| graveyard::retry(tx, &core, job, &staff("Omar", Role::Ops)).await).await.unwrap();
        g.work().await;
        g.ready(a.id).await;
        assert!(g.exceptions().await.is_empty());
        g.finish().await;
    }

    async fn a_block_here_shows_on_the_platform_and_a_block_there_shows_here(t: TestDb) {
        let g = Ground::new(t).await;
        let a = g.account("cli_alex").await;
        let asked = restrict(&g, a.id, Rights::ReadOnly).await;
        assert_eq!((asked.rights, asked.rights_wanted, asked.sync.state), (Rights::Full, Rights::ReadOnly, SyncState::Pending));
        g.work().await;
        let v = g.view(a.id).await;
        assert_eq!((v.rights, v.sync.state), (Rights::ReadOnly, SyncState::Synced));
        assert_eq!(on_server(&g, &v).await["read_only"], true);

        g.mt5(&format!("account/{}/block", a.login.as_deref().unwrap()), json!({"mode": "disable"})).await;
        g.sweep().await;
        let v = g.view(a.id).await;
        assert_eq!((v.rights, v.rights_wanted, v.rights_by.as_deref()), (Rights::Blocked, Rights::Blocked, Some("platform")));
        restrict(&g, a.id, Rights::Full).await;
        g.work().await;
        let v = g.view(a.id).await;
        assert_eq!((v.rights, v.sync.state), (Rights::Full, SyncState::Synced));
        let there = on_server(&g, &v).await;
        assert_eq!((&there["enabled"], &there["read_only"]), (&json!(true), &json!(false)));
        g.finish().await;
    }

    async fn a_quick_look_between_two_full_ones_finds_what_was_changed_there(t: TestDb) {
        let g = Ground::new(t).await;
        let a = g.account("cli_alex").await;
        let b = g.account("cli_anna").await;
        g.sweep_around(async || {
            g.mt5(&format!("account/{}/block", a.login.as_deref().unwrap()), json!({"mode": "disable"})).await;
        })
        .await;
        let v = g.view(a.id).await;
        assert_eq!((v.rights, v.rights_by.as_deref()), (Rights::Blocked, Some("platform")));
        assert_eq!((g.view(b.id).await.rights, g.view(b.id).await.rights_by), (Rights::Full, None));
        g.finish().await;
    }

    async fn a_change_without_an_answer_is_made_again_and_a_refused_one_is_shown_until_it_holds(t: TestDb) {
        let g = Ground::new(t).await;
        let a = g.account("cli_alex").await;
        g.order("mt5", "user/update", FaultKind::DropAfter);
        leverage(&g, a.id, 10).await;
        g.work().await;
        assert_eq!(g.view(a.id).await.sync.state, SyncState::Pending);
        g.pass(5).await;
        let v = g.view(a.id).await;
        assert_eq!((v.leverage, v.sync.state), (10, SyncState::Synced));
        assert_eq!(on_server(&g, &v).await["leverage"], 10);

        g.order_with("mt5", "user/update", FaultKind::Refuse, None, Some("3001"));
        restrict(&g, a.id, Rights::Blocked).await;
        g.work().await;
        let v = g.view(a.id).await;
        assert_eq!((v.rights, v.rights_wanted, v.sync.state), (Rights::Full, Rights::Blocked, SyncState::Failed));
        assert_eq!(g.exceptions().await, ["platform.change_refused"]);
        restrict(&g, a.id, Rights::Blocked).await;
        g.work().await;
        assert_eq!(g.view(a.id).await.rights, Rights::Blocked);
        assert!(g.exceptions().await.is_empty(), "mended, so no longer shown");
        g.finish().await;
    }

    async fn a_block_and_a_leverage_asked_for_while_the_account_is_being_opened_hold_when_it_is_open(t: TestDb) {
        let g = Ground::new(t).await;
        g.order("mt5", "user/add", FaultKind::DropBefore);
        let a = g.request("cli_alex", "standard", Currency::EUR).await.unwrap();
        g.work().await;
        restrict(&g, a.id, Rights::Blocked).await;
        leverage(&g, a.id, 20).await;
        g.pass(5).await;
        let v = g.ready(a.id).await;
        assert_eq!((v.rights, v.leverage, v.sync.state), (Rights::Blocked, 20, SyncState::Synced));
        let there = on_server(&g, &v).await;
        assert_eq!((&there["enabled"], &there["leverage"]), (&json!(false), &json!(20)));
        g.finish().await;
    }

    async fn readings_follow_money_and_are_not_missed_by_anybody_when_the_server_is_away(t: TestDb) {
        let g = Ground::new(t).await;
        let a = g.account("cli_alex").await;
        g.give("cli_alex", 10_000).await;
        g.ask(&a, Direction::ToPlatform, 10_000, "test:1").await.unwrap();
        g.work().await;
        let v = g.view(a.id).await;
        let reading = v.reading.clone().unwrap();
        assert_eq!((reading.balance_minor, reading.free_margin_minor), (10_000, 10_000));
        let core = g.core.clone();
        g.order("mt5", "*", FaultKind::Down);
        g.core.db.write(async move |tx| qd_trading::jobs::refresh(tx, &core, a.id).await).await.unwrap();
        for _ in 0..10 {
            g.pass(10).await;
        }
        g.calm();
        assert!(g.exceptions().await.is_empty());
        g.finish().await;
    }

    async fn credit_is_the_houses_money_and_goes_back_to_it(t: TestDb) {
        let g = Ground::new(t).await;
        let a = g.account("cli_alex").await;
        let credit = async |direction, purpose: &str| {
            let new = NewMove { account_id: a.id, direction, kind: MoveKind::Credit, amount: Amount::new(5_000, Currency::EUR), purpose: purpose.into() };
            let core = g.core.clone();
            g.core.db.write(async move |tx| moves::request(tx, &core, new.clone()).await).await.unwrap();
            g.work().await;
        };
        credit(Direction::ToPlatform, "credit:1").await;
        credit(Direction::ToPlatform, "credit:1").await;
        g.agree(&a).await;
        assert_eq!(g.on_server(&a), 5_000, "asked twice, given once");
        assert_eq!(g.balance("house:eu", Purpose::CreditGiven, Currency::EUR).await.balance_minor, -5_000);
        credit(Direction::FromPlatform, "credit:2").await;
        g.agree(&a).await;
        assert_eq!(g.balance("house:eu", Purpose::CreditGiven, Currency::EUR).await.balance_minor, 0);
        g.feed().await;
        assert!(g.exceptions().await.is_empty());
        g.finish().await;
    }

    async fn nobody_sees_or_changes_what_is_not_theirs(t: TestDb) {
        let g = Ground::new(t).await;
        let a = g.account("cli_alex").await;
        let get = async |who: Caller| {
            let core = g.core.clone();
            g.core.db.read(async move |tx| accounts::get(tx, &core, &who, a.id).await).await.map_err(|p| p.code).err()
        };
        assert_eq!(get(client_caller("cli_alex")).await, None);
        assert_eq!(get(client_caller("cli_mallory")).await, Some("not_found"));
        let mut elsewhere = staff("Ida", Role::Support);
        if let qd_runtime::access::Who::Staff { entities, .. } = &mut elsewhere.who {
            *entities = vec!["intl".into()];
        }
        assert_eq!(get(elsewhere).await, Some("not_found"));
        let core = g.core.clone();
        let p = g.core.db.write(async move |tx| accounts::restrict(tx, &core, &staff("Sam", Role::Support), a.id, Rights::Blocked, "no").await).await.unwrap_err();
        assert_eq!(p.code, "right_missing");
        g.finish().await;
    }
}

both! {
    async fn a_paused_server_is_asked_nothing_and_goes_on_where_it_was(t: TestDb) {
        let g = Ground::new(t).await;
        let a = g.account("cli_alex").await;
        g.give("cli_alex", 10_000).await;
        let switch = async |on: bool, who: Caller, reason: &str| {
            let (core, reason) = (g.core.clone(), reason.to_string());
            g.core
                .db
                .write(async move |tx| match on {
                    true => servers::resume(tx, &core, &who, SERVER, &reason).await,
                    false => servers::pause(tx, &core, &who, SERVER, &reason).await,
                })
                .await
                .map_err(|p| p.code)
        };
        let omar = || staff("Omar", Role::Ops);
        assert_eq!(switch(false, omar(), " ").await.unwrap_err(), "reason_missing");
        assert_eq!(switch(false, staff("Fina", Role::Finance), "no").await.unwrap_err(), "right_missing");
        let s = switch(false, omar(), "the broker moves it").await.unwrap();
        assert_eq!((s.paused_reason.as_deref(), s.enabled), (Some("the broker moves it"), false));
        assert_eq!(switch(false, omar(), "again").await.unwrap_err(), "server_paused");

        g.ask(&a, Direction::ToPlatform, 10_000, "test:1").await.unwrap();
        restrict(&g, a.id, Rights::ReadOnly).await;
        let waiting = g.request("cli_alex", "pro", Currency::EUR).await.unwrap();
        for _ in 0..30 {
            g.pass(600).await;
        }
        g.feed().await;
        g.sweep().await;
        assert_eq!(g.on_server(&a), 0, "nothing was asked of it");
        assert_eq!((g.at(&a, Purpose::Transit).await, g.view(waiting.id).await.state), (10_000, AccountState::Opening));
        assert_eq!(g.view(a.id).await.rights, Rights::Full);
        // The others go on.
        let demo = g.request("cli_alex", "demo", Currency::USD).await.unwrap();
        g.work().await;
        g.ready(demo.id).await;

        switch(true, omar(), "it is back").await.unwrap();
        g.pass(20).await;
        g.pass(20).await;
        g.agree(&a).await;
        assert_eq!((g.on_server(&a), g.view(a.id).await.rights), (10_000, Rights::ReadOnly));
        g.ready(waiting.id).await;
        g.finish().await;
    }

    async fn a_build_the_connector_was_not_tested_against_is_a_warning_until_the_house_has_tried_it(t: TestDb) {
        let mut g = Ground::new(t).await;
        let platform = g.platforms.get(SERVER).unwrap();
        let stated: u32 = platform.server_info().await.unwrap().build.parse().unwrap();
        assert!(platform.capabilities().tested(&stated.to_string()) && !platform.capabilities().tested("built by hand"));
        g.sweep().await;
        let shown = async |g: &Ground| {
            let platforms = g.platforms.clone();
            let all = g.core.db.read(async move |tx| servers::list(tx, &staff("Omar", Role::Ops), &platforms).await).await.unwrap();
            all.into_iter().find(|s| s.server.id == SERVER).unwrap()
        };
        let s = shown(&g).await;
        assert_eq!((s.server.build, s.server.build_tested), (Some(stated.to_string()), Some(true)));
        assert!(s.connector.unwrap().capabilities.len() > 10);
        assert!(g.exceptions().await.is_empty());

        // An update of the server overnight.
        g.sandbox.mt5(SERVER).unwrap().set_build(stated + 900);
        g.mt5("restart", json!({})).await;
        g.pass(60).await;
        g.sweep().await;
        assert_eq!((shown(&g).await.server.build_tested, g.exceptions().await), (Some(false), vec!["platform.build_untested".to_string()]));
        g.platforms = g.platforms.clone().with_builds([(SERVER.to_string(), vec![(stated + 900, stated + 900)])].into());
        g.pass(60).await;
        g.sweep().await;
        assert_eq!((shown(&g).await.server.build_tested, g.exceptions().await.len()), (Some(true), 0));
        g.finish().await;
    }
}
