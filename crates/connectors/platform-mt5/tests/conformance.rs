//! The connector against the sandbox's trade server, which was written apart from it: accounts,
//! sign-in, deals and positions.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use qd_kernel::{Amount, Currency, Lots, Secret, Ts};
use qd_platform_mt5::{Fingerprint, Mt5, Trust};
use qd_ports::Fate;
use qd_ports::platform::{AccountChange, DealEntry, DealKind, DealSide, MoneyOp, TradeRights, TradingPlatform};
use qd_sandbox::FaultKind;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn the_server_tells_its_name_build_and_offset_in_winter_and_in_summer() {
    let w = world().await;
    w.open("tac_1").await;
    let i = w.mt5.server_info().await.unwrap();
    assert_eq!((i.utc_offset_min, i.build.is_empty(), i.accounts), (120, false, Some(1)));
    assert!((i.server_time.secs() - START.secs()).abs() <= 1, "{}", i.server_time);
    let summer = world_at(Ts::from_ymd(2026, 7, 1)).await;
    assert_eq!(summer.mt5.server_info().await.unwrap().utc_offset_min, 180);
}

#[tokio::test]
async fn an_account_is_opened_once_however_often_it_is_asked_for() {
    let w = world().await;
    let a = w.open("tac_01JD3K0000000000000000000A").await;
    assert_eq!(
        (a.group.as_str(), a.currency, a.leverage, a.rights),
        (EUR, Currency::EUR, 30, TradeRights::Full)
    );
    assert_eq!(a.our_ref.as_deref(), Some("tac_01JD3K0000000000000000000A"));
    assert_eq!(w.open("tac_01JD3K0000000000000000000A").await.login, a.login);
    // A connector that has just started knows nothing and still finds it.
    let other = Mt5::new(config(format!("http://{}", w.plain)), w.env.clone()).unwrap();
    assert_eq!(
        other
            .open_account(&applicant("tac_01JD3K0000000000000000000A"))
            .await
            .unwrap()
            .login,
        a.login
    );
    let b = applicant("tac_2");
    let (x, y) = tokio::join!(w.mt5.open_account(&b), w.mt5.open_account(&b));
    assert_eq!(x.unwrap().login, y.unwrap().login);
    assert_eq!(w.mt5.accounts(r"real\*").await.unwrap().len(), 2);
    assert_eq!(w.mt5.accounts(r"real\*,!real\forex-eur").await.unwrap().len(), 0);
    assert!(w.mt5.account("999999").await.unwrap().is_none());
    assert_eq!(w.mt5.account("1,2").await.unwrap_err().code, "login_malformed");
}

#[tokio::test]
async fn an_account_whose_creation_got_no_answer_is_found_again() {
    let w = world().await;
    for (i, (kind, made)) in [
        (FaultKind::DropAfter, true),
        (FaultKind::DropBefore, false),
        (FaultKind::Garbage, true),
        (FaultKind::Forbidden, false),
    ]
    .into_iter()
    .enumerate()
    {
        let our_ref = format!("tac_{i}");
        w.order("user/add", kind);
        let before = w.mt5.accounts("*").await.unwrap().len();
        let e = w.mt5.open_account(&applicant(&our_ref)).await.unwrap_err();
        assert_eq!(e.fate, Fate::Unknown, "{kind:?}: {e}");
        assert_eq!(w.mt5.accounts("*").await.unwrap().len(), before + usize::from(made), "{kind:?}");
        let a = w.open(&our_ref).await;
        assert_eq!(a.our_ref.as_deref(), Some(our_ref.as_str()));
        assert_eq!(w.mt5.accounts("*").await.unwrap().len(), before + 1, "{kind:?}");
    }
    // The look-up before it fails: nothing was created, and it says so.
    w.order_with("user/logins", FaultKind::Refuse, None, Some("5"));
    let e = w.mt5.open_account(&applicant("tac_x")).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::RefusedForNow, "5"));
    let mut bad = applicant("tac_y");
    bad.main_password = Secret::new("weak");
    let e = w.mt5.open_account(&bad).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "3006"));
    let mut bad = applicant("tac_z");
    bad.group = r"real\nowhere".into();
    assert_eq!(w.mt5.open_account(&bad).await.unwrap_err().fate, Fate::Refused);
}

#[tokio::test]
async fn changes_are_read_back_and_a_value_dropped_in_silence_is_noticed() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    let rights = |r| AccountChange {
        rights: Some(r),
        ..AccountChange::default()
    };
    for r in [TradeRights::ReadOnly, TradeRights::Blocked, TradeRights::Full, TradeRights::Full] {
        assert_eq!(w.mt5.change_account(&a.login, &rights(r)).await.unwrap().rights, r);
    }
    // Undocumented and internal bits of the mask survive.
    w.control("POST", &format!("/account/{}/block", a.login), json!({"rights": 6627}))
        .await;
    w.mt5.change_account(&a.login, &rights(TradeRights::ReadOnly)).await.unwrap();
    let shown = w.control("GET", "/accounts", json!({})).await;
    assert_eq!(shown["accounts"][0]["rights"].to_string().trim_matches('"'), (6627 | 4).to_string());

    let both = AccountChange {
        group: Some(r"real\pro-eur".into()),
        leverage: Some(200),
        ..AccountChange::default()
    };
    let b = w.mt5.change_account(&a.login, &both).await.unwrap();
    assert_eq!((b.group.as_str(), b.leverage, b.balance_minor), (r"real\pro-eur", 200, 1_000_000));
    let too_much = AccountChange {
        leverage: Some(5_000),
        ..AccountChange::default()
    };
    let e = w.mt5.change_account(&a.login, &too_much).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "not_applied"), "{e}");
    let across = AccountChange {
        group: Some(r"real\forex-usd".into()),
        ..AccountChange::default()
    };
    let e = w.mt5.change_account(&a.login, &across).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "3010"), "{e}");
    assert_eq!(w.mt5.change_account("999999", &across).await.unwrap_err().fate, Fate::Refused);
    // The operator blocks the account on the platform itself: we see it.
    w.control("POST", &format!("/account/{}/block", a.login), json!({"mode": "disable"}))
        .await;
    assert_eq!(w.mt5.account(&a.login).await.unwrap().unwrap().rights, TradeRights::Blocked);
}

#[tokio::test]
async fn equity_is_read_while_there_is_activity_and_derived_when_there_is_none() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    w.control("POST", "/restart", json!({})).await;
    let idle = w.mt5.account_state(&a.login).await.unwrap();
    assert_eq!(
        (idle.balance_minor, idle.equity_minor, idle.margin_minor, idle.currency),
        (1_000_000, 1_000_000, 0, Currency::EUR)
    );
    w.control(
        "POST",
        "/open",
        json!({"login": a.login.parse::<u64>().unwrap(), "symbol": "EURUSD", "side": "buy", "volume_lots": "0.10"}),
    )
    .await;
    w.control("POST", "/price", json!({"symbol": "EURUSD", "move_points": -100})).await;
    let s = w.mt5.account_state(&a.login).await.unwrap();
    assert!(s.margin_minor > 0 && s.floating_minor < 0, "{s:?}");
    assert_eq!(s.equity_minor, s.balance_minor + s.credit_minor + s.floating_minor);
    assert_eq!(s.free_margin_minor, s.equity_minor - s.margin_minor);
    let p = w.mt5.positions(&a.login).await.unwrap();
    assert_eq!(
        (p.len(), p[0].side, p[0].volume, p[0].symbol.as_str()),
        (1, DealSide::Buy, Lots(10_000_000), "EURUSD")
    );
    assert!((p[0].opened_at.secs() - START.secs()).abs() < 60, "{}", p[0].opened_at);
    assert_eq!(w.mt5.account_state("999999").await.unwrap_err().fate, Fate::Refused);
}

#[tokio::test]
async fn deals_arrive_whole_with_edits_and_cancellations_in_utc() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    let login: u64 = a.login.parse().unwrap();
    let t = w
        .control(
            "POST",
            "/trade",
            json!({"login": login, "symbol": "EURUSD", "side": "sell", "volume_lots": "1.25", "hold_s": 600, "move_points": 50}),
        )
        .await;
    let from = w.env.now().plus_secs(-3_600);
    let deals = w.mt5.deals(r"real\*", from, w.env.now()).await.unwrap();
    assert_eq!(
        deals.iter().map(|d| (d.kind, d.entry)).collect::<Vec<_>>(),
        [
            (DealKind::Trade, DealEntry::In),
            (DealKind::Balance, DealEntry::In),
            (DealKind::Trade, DealEntry::Out),
        ]
    );
    let (open, money, close) = (&deals[0], &deals[1], &deals[2]);
    assert_eq!(
        (open.side, close.side, open.volume, close.volume_closed, open.volume_closed),
        (DealSide::Sell, DealSide::Buy, Lots(125_000_000), Lots(125_000_000), Lots(0))
    );
    assert_eq!(
        (close.digits, close.contract_size, close.position_id == open.position_id),
        (5, 100_000, true)
    );
    assert_eq!(close.at.secs() - open.at.secs(), 600);
    assert!((close.at.secs() - START.secs()).abs() < 60, "{}", close.at);
    assert_eq!(close.server_wall_ms - close.at.millis(), 7_200_000);
    assert_eq!(Amount::new(close.profit_minor, Currency::EUR).text(), t["profit"].as_str().unwrap());
    assert_eq!(
        (money.profit_minor, money.comment.as_str()),
        (1_000_000, format!("F-{login}").as_str())
    );
    assert_eq!(open.price - close.price, 50);

    let ticket = &close.ticket;
    w.control(
        "PATCH",
        &format!("/deal/{ticket}"),
        json!({"volume_lots": "1.00", "comment": "corrected"}),
    )
    .await;
    let again = w.mt5.deals(EUR, from, w.env.now()).await.unwrap();
    let edited = again.iter().find(|d| d.ticket == *ticket).unwrap();
    assert_eq!(
        (edited.modified, edited.volume, edited.comment.as_str()),
        (true, Lots(100_000_000), "corrected")
    );
    assert!(!again.iter().find(|d| d.ticket == open.ticket).unwrap().modified);
    w.control("POST", &format!("/deal/{ticket}/cancel"), json!({})).await;
    let gone = w.mt5.deals(EUR, from, w.env.now()).await.unwrap();
    assert_eq!(gone.iter().find(|d| d.ticket == *ticket).unwrap().kind, DealKind::CancelledTrade);

    // Windows and masks.
    assert!(w.mt5.deals("demo*", from, w.env.now()).await.unwrap().is_empty());
    assert!(w.mt5.deals(r"*,!real\forex-eur", from, w.env.now()).await.unwrap().is_empty());
    assert!(w.mt5.deals("*", from.plus_days(-2), from.plus_days(-1)).await.unwrap().is_empty());
    let one = w.mt5.deals("*", open.at, open.at).await.unwrap();
    assert_eq!(one.iter().map(|d| &d.ticket).collect::<Vec<_>>(), [&open.ticket]);
}

#[tokio::test]
async fn a_flood_of_deals_is_asked_for_in_halves() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    let login: u64 = a.login.parse().unwrap();
    for i in 0..40 {
        w.control(
            "POST",
            "/late_deal",
            json!({"login": login, "symbol": "EURUSD", "volume_lots": "0.01", "hold_s": 30, "ago_s": 3_600 - i * 60}),
        )
        .await;
    }
    let (from, to) = (w.env.now().plus_secs(-7_200), w.env.now());
    let whole = w.mt5.deals("*", from, to).await.unwrap();
    assert_eq!(whole.len(), 81);
    let mut cfg = config(format!("http://{}", w.plain));
    cfg.max_answer = 20_000;
    let narrow = Mt5::new(cfg, w.env.clone()).unwrap();
    assert_eq!(narrow.deals("*", from, to).await.unwrap(), whole);
    // One second that is too large by itself cannot be halved, and is not cut short in silence.
    w.control("POST", "/burst", json!({"count": 60, "login": login})).await;
    assert_eq!(narrow.deals("*", from, w.env.now()).await.unwrap_err().code, "too_large");
}

#[tokio::test]
async fn summer_deals_are_in_utc_too_when_the_zone_is_named() {
    let w = world_at(Ts::from_ymd(2026, 7, 1)).await;
    let a = w.funded("tac_1").await;
    let summer = w.env.now();
    w.clock.set(Ts::from_ymd(2026, 11, 20));
    let mut cfg = config(format!("http://{}", w.plain));
    cfg.zone = Some("Europe/Nicosia".into());
    let named = Mt5::new(cfg, w.env.clone()).unwrap();
    let d = named.deals("*", summer.plus_secs(-60), summer).await.unwrap();
    assert_eq!(d.len(), 1);
    assert!((d[0].at.secs() - summer.secs()).abs() < 5, "{}", d[0].at);
    assert_eq!(
        named
            .find_money(&MoneyOp {
                since: summer.plus_secs(-5),
                ..w.op(&a.login, 1_000_000, &format!("F-{}", a.login))
            })
            .await
            .unwrap(),
        {
            qd_ports::platform::Found::One(qd_ports::platform::MoneyReceipt {
                ticket: d[0].ticket.clone(),
                amount_minor: 1_000_000,
                at: Some(d[0].at),
            })
        }
    );
}

#[tokio::test]
async fn reads_heal_by_themselves_and_say_so_when_they_cannot() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    let from = w.env.now().plus_secs(-60);
    for kind in [FaultKind::DropBefore, FaultKind::DropAfter, FaultKind::Forbidden] {
        w.order("deal/get_batch", kind);
        assert_eq!(w.mt5.deals("*", from, w.env.now()).await.unwrap().len(), 1, "{kind:?}");
    }
    w.order_with("deal/get_batch", FaultKind::Refuse, None, Some("10"));
    assert_eq!(w.mt5.deals("*", from, w.env.now()).await.unwrap().len(), 1);
    w.order("deal/get_batch", FaultKind::Garbage);
    let e = w.mt5.deals("*", from, w.env.now()).await.unwrap_err();
    assert_eq!(e.code, "unreadable_answer");
    assert!(e.raw.unwrap().contains("0 Do"));
    // What survives one new sign-in is a matter of rights.
    w.order("user/get", FaultKind::Forbidden);
    w.order("user/get", FaultKind::Forbidden);
    let e = w.mt5.account(&a.login).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "unauthorised"));
    w.order_with("user/get", FaultKind::Slow, Some(4_000), None);
    assert!(w.mt5.account(&a.login).await.is_ok(), "the second attempt is not slow");
    w.control("POST", "/restart", json!({})).await;
    assert!(w.mt5.account(&a.login).await.unwrap().is_some());
    // Three silent minutes end the session on the server's side.
    w.clock.advance_secs(200);
    assert!(w.mt5.account(&a.login).await.unwrap().is_some());
}

#[tokio::test]
async fn many_callers_share_the_two_connections() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    let mt5 = &w.mt5;
    let calls = (0..30).map(|i| {
        let op = w.op(&a.login, 100, &format!("P-{i}"));
        async move { mt5.move_money(&op).await.unwrap().ticket }
    });
    let mut tickets = Vec::new();
    for t in futures(calls).await {
        assert!(!tickets.contains(&t));
        tickets.push(t);
    }
    assert_eq!(w.balance(&a.login).await, 1_003_000);
}

async fn futures<T>(all: impl Iterator<Item = impl std::future::Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = all.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|cx| {
        pending.retain_mut(|f| match f.as_mut().poll(cx) {
            std::task::Poll::Ready(v) => {
                done.push(v);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done
}

#[tokio::test]
async fn the_servers_certificate_and_the_managers_password_must_be_right() {
    let w = world().await;
    let print = Fingerprint::of_pem(w.sandbox.certificate_pem()).unwrap();
    let tls = |trust| {
        let mut cfg = config(format!("https://{}", w.tls));
        cfg.trust = trust;
        Mt5::new(cfg, w.env.clone()).unwrap()
    };
    assert!(tls(Trust::Pinned(vec![print])).server_info().await.is_ok());
    let e = tls(Trust::WebRoots).server_info().await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::NotSent, "tls_failed"));
    let mut cfg = config(format!("http://{}", w.plain));
    cfg.password = Secret::new("Wrong-1234");
    let wrong = Mt5::new(cfg, w.env.clone()).unwrap();
    let e = wrong.account("500001").await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::NotSent, "unauthorised"));
    assert!(e.detail.contains("1001"), "{e}");
    // Not asked again at once: accounts get locked that way.
    let again = wrong.account("500001").await.unwrap_err();
    assert!(again.detail.contains("next attempt"), "{again}");
    assert!(!format!("{e}{again}{wrong:?}").contains("Wrong-1234"));
}

#[tokio::test]
async fn a_server_that_cannot_prove_itself_gets_no_command() {
    let l = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = l.local_addr().unwrap();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let log = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut s, _)) = l.accept().await {
            let log = log.clone();
            tokio::spawn(async move {
                let mut buf = vec![0u8; 4096];
                while let Ok(n) = s.read(&mut buf).await
                    && n > 0
                {
                    let head = String::from_utf8_lossy(&buf[..n]).to_string();
                    log.lock()
                        .unwrap()
                        .push(head.split(['?', ' ']).nth(1).unwrap_or_default().to_string());
                    let body = r#"{"retcode":"0 Done","version_access":"1","srv_rand":"00112233445566778899aabbccddeeff","cli_rand_answer":"00112233445566778899aabbccddeeff"}"#;
                    let _ = s
                        .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
                        .await;
                }
            });
        }
    });
    let w = world().await;
    let fake = Mt5::new(config(format!("http://{addr}")), w.env.clone()).unwrap();
    let e = fake.move_money(&w.op("500001", 100, "D-1")).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::NotSent, "server_unproven"));
    assert_eq!(*seen.lock().unwrap(), ["/api/auth/start", "/api/auth/answer"]);
}

#[test]
fn a_configuration_that_cannot_work_names_the_field() {
    let env = qd_kernel::Env::seeded(1, START);
    let field = |change: &dyn Fn(&mut qd_platform_mt5::Mt5Config)| {
        let mut cfg = config("https://mt5.example:443".into());
        change(&mut cfg);
        Mt5::new(cfg, env.clone()).map(|_| ()).map_err(|p| p.fields[0].pointer.clone())
    };
    assert_eq!(field(&|_| ()), Ok(()));
    assert_eq!(field(&|c| c.base_url = "mt5.example:443".into()), Err("/base_url".into()));
    assert_eq!(field(&|c| c.agent = "two words".into()), Err("/agent".into()));
    assert_eq!(field(&|c| c.zone = Some("Mars/Base".into())), Err("/zone".into()));
    assert_eq!(field(&|c| c.timeout_ms = 0), Err("/timeout_ms".into()));
}
