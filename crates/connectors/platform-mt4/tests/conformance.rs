//! The connector against the sandbox's bridge, which was written apart from it.
#![allow(clippy::unwrap_used)]

use axum::body::{Body, to_bytes};
use qd_kernel::{Amount, Currency, Env, Lots, Secret, SeededEntropy, TestClock, Ts};
use qd_platform_mt4::{Mt4, Mt4Config, Reach};
use qd_ports::Fate;
use qd_ports::platform::{
    AccountChange, DealEntry, DealKind, DealSide, Found, MoneyKind, MoneyOp, NO_FREE_MARGIN, NewAccount, PlatformAccount, TradeRights,
    TradingPlatform,
};
use qd_sandbox::{ConnId, Fault, FaultKind, GroupConfig, Sandbox, demo_config};
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

/// 20 November 2026, 09:00 UTC.
const START: Ts = Ts::from_secs(1_795_132_800 + 9 * 3_600);
const EUR: &str = "real-eur";

struct World {
    sandbox: Sandbox,
    clock: Arc<TestClock>,
    env: Env,
    base: String,
    mt4: Mt4,
}

fn config(base: &str) -> Mt4Config {
    let mut c = Mt4Config::new("old", base, "1000", Secret::new("Crm-Api-2024!"), "old");
    c.reach = Reach::Anywhere;
    c.timeout_ms = 1_500;
    c
}

async fn world() -> World {
    qd_outbound::init_tls();
    let clock = Arc::new(TestClock::new(START));
    let env = Env::new(clock.clone(), Arc::new(SeededEntropy::new(7)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let mut cfg = demo_config(None, at);
    cfg.smtp_listen = None;
    cfg.simulate_traders = false;
    cfg.stripe.clear();
    cfg.mt5.truncate(1);
    cfg.mt5[0].name = "old".into();
    cfg.mt5[0].tls_listen = None;
    cfg.mt5[0].manager_login = 1_000;
    cfg.mt5[0].manager_password = "Crm-Api-2024!".into();
    let group = |name: &str, currency: &str, leverage_max| GroupConfig {
        name: name.into(),
        currency: currency.into(),
        digits: 2,
        leverage_max,
        margin_call: 100,
        stop_out: 50,
    };
    cfg.mt5[0].groups = vec![group(EUR, "EUR", 100), group("pro-eur", "EUR", 500), group("real-usd", "USD", 100)];
    let sandbox = Sandbox::start(cfg, env.clone()).await.unwrap();
    let app = axum::Router::new().nest("/sandbox", sandbox.router());
    tokio::spawn(async move { axum::serve(listener, app.into_make_service_with_connect_info::<ConnId>()).await });
    let base = format!("http://{at}/sandbox/mt4");
    World {
        mt4: Mt4::new(config(&base), env.clone()).unwrap(),
        sandbox,
        clock,
        env,
        base,
    }
}

impl World {
    fn order(&self, target: &str, kind: FaultKind, value: Option<&str>) {
        self.sandbox.shared().faults.order(Fault {
            id: String::new(),
            provider: "mt4".into(),
            target: target.into(),
            server: None,
            kind,
            count: 1,
            delay_ms: Some(2_500),
            value: value.map(str::to_string),
        });
    }
    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let req = axum::http::Request::builder()
            .method(method)
            .uri(format!("/control/mt5/old{path}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        let res = self.sandbox.router().oneshot(req).await.unwrap();
        let status = res.status();
        let bytes = to_bytes(res.into_body(), 1 << 20).await.unwrap();
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    }
    async fn funded(&self, our_ref: &str) -> PlatformAccount {
        let a = self.mt4.open_account(&applicant(our_ref)).await.unwrap();
        let op = self.op(&a.login, 1_000_000, &format!("F-{}", a.login));
        self.mt4.move_money(&op).await.unwrap();
        a
    }
    fn op(&self, login: &str, minor: i64, token: &str) -> MoneyOp {
        MoneyOp {
            login: login.into(),
            kind: MoneyKind::Balance,
            amount: Amount::new(minor, Currency::EUR),
            token: token.into(),
            check_margin: true,
            since: self.env.now(),
        }
    }
    async fn balance(&self, login: &str) -> i64 {
        self.mt4.account(login).await.unwrap().unwrap().balance_minor
    }
}

fn applicant(our_ref: &str) -> NewAccount {
    NewAccount {
        our_ref: our_ref.into(),
        group: EUR.into(),
        leverage: 30,
        name: "Jörg \"Alex\" Müller".into(),
        email: "alex@example.com".into(),
        country: "Germany".into(),
        city: "Köln".into(),
        address: "Domstraße 1".into(),
        phone: "+49221123456".into(),
        language: "de".into(),
        main_password: Secret::new("Abcdef-12345"),
        investor_password: Secret::new("Ghijkl-67890"),
    }
}

#[tokio::test]
async fn the_bridge_states_build_and_the_servers_clock_its_offset() {
    let w = world().await;
    let i = w.mt4.server_info().await.unwrap();
    assert_eq!((i.utc_offset_min, i.name.as_str()), (120, "old"));
    assert!(w.mt4.capabilities().tested(&i.build), "{}", i.build);
    assert!((i.server_time.secs() - START.secs()).abs() <= 1);
    let mut c = config(&w.base);
    c.client_secret = Secret::new("Wrong-1234");
    let e = Mt4::new(c, w.env.clone()).unwrap().server_info().await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::NotSent, "unauthorised"));
    // A token lives an hour.
    w.clock.advance_secs(4_000);
    assert!(w.mt4.server_info().await.is_ok());
}

#[tokio::test]
async fn an_account_is_opened_once_also_when_one_of_its_three_steps_gets_no_answer() {
    let w = world().await;
    let a = w.mt4.open_account(&applicant("tacc_1")).await.unwrap();
    assert_eq!(
        (a.group.as_str(), a.currency, a.leverage, a.rights),
        (EUR, Currency::EUR, 30, TradeRights::Full)
    );
    assert_eq!(
        (a.our_ref.as_deref(), a.holder.email.as_str()),
        (Some("tacc_1"), "alex@example.com")
    );
    assert_eq!(w.mt4.open_account(&applicant("tacc_1")).await.unwrap().login, a.login);
    let steps = [
        ("UserRecordNew", FaultKind::DropAfter),
        ("UserRecordNew", FaultKind::Garbage),
        ("UserRecordNew", FaultKind::DropBefore),
        ("UserPasswordSet", FaultKind::DropBefore),
        ("UserPasswordSet", FaultKind::DropAfter),
    ];
    for (i, (call, kind)) in steps.into_iter().enumerate() {
        let our_ref = format!("tacc_x{i}");
        w.order(call, kind, None);
        let e = w.mt4.open_account(&applicant(&our_ref)).await.unwrap_err();
        assert_eq!(e.fate, Fate::Unknown, "{call} {kind:?}: {e}");
        let again = w.mt4.open_account(&applicant(&our_ref)).await.unwrap();
        assert_eq!(again.our_ref, Some(our_ref));
        assert_eq!(w.mt4.accounts("real*").await.unwrap().len(), i + 2, "{call} {kind:?}");
    }
    assert_eq!(w.mt4.accounts("real*,!real-eur").await.unwrap().len(), 0);
    assert!(w.mt4.account("999999").await.unwrap().is_none());
    assert_eq!(w.mt4.account("1,2").await.unwrap_err().code, "login_malformed");
    let mut bad = applicant("tacc_z");
    bad.group = "nowhere".into();
    assert_eq!(w.mt4.open_account(&bad).await.unwrap_err().fate, Fate::Refused);
}

#[tokio::test]
async fn changes_are_read_back_and_a_value_dropped_in_silence_is_noticed() {
    let w = world().await;
    let a = w.funded("tacc_1").await;
    let none = AccountChange::default();
    for r in [TradeRights::ReadOnly, TradeRights::Blocked, TradeRights::Full] {
        let c = AccountChange {
            rights: Some(r),
            ..none.clone()
        };
        assert_eq!(w.mt4.change_account(&a.login, &c).await.unwrap().rights, r);
    }
    let both = AccountChange {
        group: Some("pro-eur".into()),
        leverage: Some(200),
        rights: None,
    };
    let b = w.mt4.change_account(&a.login, &both).await.unwrap();
    assert_eq!((b.group.as_str(), b.leverage, b.balance_minor), ("pro-eur", 200, 1_000_000));
    let too_much = AccountChange {
        leverage: Some(5_000),
        ..none.clone()
    };
    assert_eq!(w.mt4.change_account(&a.login, &too_much).await.unwrap_err().code, "not_applied");
    let across = AccountChange {
        group: Some("real-usd".into()),
        ..none
    };
    assert_eq!(w.mt4.change_account(&a.login, &across).await.unwrap_err().fate, Fate::Refused);
}

#[tokio::test]
async fn money_moves_once_and_what_got_no_answer_is_found_by_its_token() {
    let w = world().await;
    let a = w.funded("tacc_1").await;
    for (i, (kind, booked)) in [
        (FaultKind::DropAfter, true),
        (FaultKind::Slow, true),
        (FaultKind::Garbage, true),
        (FaultKind::DropBefore, false),
        (FaultKind::Forbidden, false),
    ]
    .into_iter()
    .enumerate()
    {
        let op = w.op(&a.login, 5_000, &format!("D-{i}"));
        let before = w.balance(&a.login).await;
        w.order("TradeTransaction", kind, None);
        let e = w.mt4.move_money(&op).await.unwrap_err();
        assert_eq!(e.fate, Fate::Unknown, "{kind:?}: {e}");
        assert_eq!(matches!(w.mt4.find_money(&op).await.unwrap(), Found::One(_)), booked, "{kind:?}");
        // The bridge makes a repetition one.
        w.mt4.move_money(&op).await.unwrap();
        assert_eq!(w.balance(&a.login).await, before + 5_000, "{kind:?}");
    }
    w.order("TradeTransaction", FaultKind::Refuse, Some("137"));
    assert_eq!(
        w.mt4.move_money(&w.op(&a.login, 100, "D-B")).await.unwrap_err().fate,
        Fate::RefusedForNow
    );
    w.order("TradeTransaction", FaultKind::Refuse, Some("128"));
    assert_eq!(w.mt4.move_money(&w.op(&a.login, 100, "D-C")).await.unwrap_err().fate, Fate::Unknown);
    let all = w.balance(&a.login).await;
    let e = w.mt4.move_money(&w.op(&a.login, -all - 1, "W-1")).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, NO_FREE_MARGIN));
    w.mt4.move_money(&w.op(&a.login, -250, "W-2")).await.unwrap();
    assert_eq!(w.balance(&a.login).await, all - 250);
    let credit = MoneyOp {
        kind: MoneyKind::Credit,
        ..w.op(&a.login, 7_000, "C-1")
    };
    w.mt4.move_money(&credit).await.unwrap();
    assert_eq!(w.mt4.account(&a.login).await.unwrap().unwrap().credit_minor, 7_000);
    assert!(matches!(w.mt4.find_money(&credit).await.unwrap(), Found::One(r) if r.amount_minor == 7_000));
    let other = MoneyOp {
        amount: Amount::new(6_000, Currency::EUR),
        ..credit
    };
    assert_eq!(w.mt4.find_money(&other).await.unwrap_err().code, "echo_mismatch");
    let usd = MoneyOp {
        amount: Amount::new(100, Currency::USD),
        ..w.op(&a.login, 1, "D-U")
    };
    assert_eq!(w.mt4.move_money(&usd).await.unwrap_err().code, "currency_mismatch");
}

#[tokio::test]
async fn a_row_is_an_opening_and_a_closing_deal_in_utc_and_parts_add_up() {
    let w = world().await;
    let a = w.funded("tacc_1").await;
    let login: u64 = a.login.parse().unwrap();
    let trade = json!({"login": login, "symbol": "EURUSD", "side": "sell", "volume_lots": "1.25", "hold_s": 600, "move_points": 50});
    let t = w.control("POST", "/trade", trade).await;
    let from = w.env.now().plus_secs(-3_600);
    let deals = w.mt4.deals("real*", from, w.env.now()).await.unwrap();
    assert_eq!(deals.len(), 3, "{deals:?}");
    let trades = || deals.iter().filter(|d| d.kind == DealKind::Trade);
    let open = trades().find(|d| d.entry == DealEntry::In).unwrap();
    let close = trades().find(|d| d.entry == DealEntry::Out).unwrap();
    assert_eq!(
        (open.side, close.side, open.volume, close.volume_closed),
        (DealSide::Sell, DealSide::Buy, Lots(125_000_000), Lots(125_000_000))
    );
    assert_eq!((close.digits, close.contract_size, &close.position_id), (5, 100_000, &open.ticket));
    assert_eq!((close.at.secs() - open.at.secs(), open.price - close.price), (600, 50));
    assert_eq!(close.server_wall_ms - close.at.millis(), 7_200_000);
    assert_eq!(Amount::new(close.profit_minor, Currency::EUR).text(), t["profit"].as_str().unwrap());
    assert!(w.mt4.deals("demo*", from, w.env.now()).await.unwrap().is_empty());
    assert!(w.mt4.deals("*", from.plus_days(-2), from.plus_days(-1)).await.unwrap().is_empty());

    // Closed in parts: what was opened is what was closed and what is left.
    w.clock.advance_secs(60);
    let since = w.env.now();
    let o = w
        .control(
            "POST",
            "/open",
            json!({"login": login, "symbol": "EURUSD", "side": "buy", "volume_lots": "0.50"}),
        )
        .await;
    w.control("POST", "/close", json!({"position": o["position"], "volume_lots": "0.20"}))
        .await;
    let p = w.mt4.positions(&a.login).await.unwrap();
    assert_eq!((p.len(), p[0].volume, p[0].side), (1, Lots(30_000_000), DealSide::Buy));
    let all = w.mt4.deals("*", since, w.env.now()).await.unwrap();
    let sum = |entry: DealEntry| all.iter().filter(|d| d.entry == entry).map(|d| d.volume.0).sum::<i64>();
    assert_eq!((sum(DealEntry::In), sum(DealEntry::Out)), (50_000_000, 20_000_000), "{all:?}");
    let s = w.mt4.account_state(&a.login).await.unwrap();
    assert!(s.margin_minor > 0);
    assert_eq!(s.equity_minor, s.balance_minor + s.credit_minor + s.floating_minor);
    assert_eq!(s.free_margin_minor, s.equity_minor - s.margin_minor);
    assert_eq!(
        (
            w.mt4.open_positions("pro*").await.unwrap().len(),
            w.mt4.states("real*").await.unwrap().len()
        ),
        (0, 1)
    );
}
