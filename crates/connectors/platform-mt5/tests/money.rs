//! Money when answers get lost: the right fate every time, and the look-up tells the truth.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use qd_kernel::{Amount, Currency};
use qd_ports::Fate;
use qd_ports::platform::{Found, MoneyKind, MoneyOp, TradingPlatform};
use qd_sandbox::FaultKind;
use serde_json::json;
use std::time::Duration;

fn ticket(f: &Found) -> &str {
    match f {
        Found::One(r) => &r.ticket,
        other => panic!("expected one, found {other:?}"),
    }
}

#[tokio::test]
async fn a_deposit_and_a_withdrawal_leave_receipts_that_the_look_up_confirms() {
    let w = world().await;
    let a = w.open("tac_1").await;
    let deposit = w.op(&a.login, 50_000, "D-7K2Q9F4M1X");
    let r = w.mt5.move_money(&deposit).await.unwrap();
    assert_eq!(r.amount_minor, 50_000);
    let found = w.mt5.find_money(&deposit).await.unwrap();
    assert_eq!(ticket(&found), r.ticket);
    let withdrawal = w.op(&a.login, -20_001, "W-7K2Q9F4M1X");
    let r = w.mt5.move_money(&withdrawal).await.unwrap();
    assert_eq!(ticket(&w.mt5.find_money(&withdrawal).await.unwrap()), r.ticket);
    assert_eq!(w.balance(&a.login).await, 29_999);
    let credit = MoneyOp {
        kind: MoneyKind::Credit,
        ..w.op(&a.login, 1_000, "C-1")
    };
    w.mt5.move_money(&credit).await.unwrap();
    let correction = MoneyOp {
        kind: MoneyKind::Correction,
        ..w.op(&a.login, -99, "K-1")
    };
    w.mt5.move_money(&correction).await.unwrap();
    for op in [&credit, &correction] {
        assert!(matches!(w.mt5.find_money(op).await.unwrap(), Found::One(_)));
    }
    let now = w.mt5.account(&a.login).await.unwrap().unwrap();
    assert_eq!((now.balance_minor, now.credit_minor), (29_900, 1_000));
    // A longer token that begins alike is another operation.
    assert_eq!(
        w.mt5.find_money(&w.op(&a.login, 50_000, "D-7K2Q9F4M1")).await.unwrap(),
        Found::Nothing
    );
    assert_eq!(
        w.mt5.find_money(&w.op("999999", 50_000, "D-7K2Q9F4M1X")).await.unwrap(),
        Found::Nothing
    );
}

#[tokio::test]
async fn refusals_are_final_and_move_nothing() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    let refused = async |op: MoneyOp| {
        let e = w.mt5.move_money(&op).await.unwrap_err();
        assert_eq!(e.fate, Fate::Refused, "{e}");
        e.code
    };
    assert_eq!(refused(w.op(&a.login, -1_000_001, "W-1")).await, "insufficient_free_margin");
    assert_eq!(refused(w.op(&a.login, 100_000_000_100, "D-1")).await, "4005");
    assert_eq!(refused(w.op("999999", 100, "D-2")).await, "13");
    assert_eq!(refused(w.op(&a.login, 0, "D-3")).await, "amount_zero");
    assert_eq!(refused(w.op(&a.login, 100, "no|good")).await, "token_malformed");
    let usd = MoneyOp {
        amount: Amount::new(100, Currency::USD),
        ..w.op(&a.login, 0, "D-4")
    };
    assert_eq!(refused(usd).await, "currency_mismatch");
    w.order_with("trade/balance", FaultKind::Refuse, None, Some("8"));
    assert_eq!(refused(w.op(&a.login, 100, "D-5")).await, "8");
    assert_eq!(w.balance(&a.login).await, 1_000_000);
}

#[tokio::test]
async fn yen_have_no_decimals_on_the_wire() {
    let w = world().await;
    let mut new = applicant("tac_jpy");
    new.group = r"real\forex-jpy".into();
    let a = w.mt5.open_account(&new).await.unwrap();
    let op = MoneyOp {
        amount: Amount::new(70_000, Currency::JPY),
        ..w.op(&a.login, 0, "D-JPY")
    };
    w.mt5.move_money(&op).await.unwrap();
    assert_eq!(w.balance(&a.login).await, 70_000);
    assert!(matches!(w.mt5.find_money(&op).await.unwrap(), Found::One(r) if r.amount_minor == 70_000));
}

#[tokio::test]
async fn every_way_to_lose_the_answer_is_unknown_and_the_look_up_finds_what_happened() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    let mut expected = 1_000_000;
    let cases = [
        (FaultKind::DropBefore, None, None, false, "connection_lost"),
        (FaultKind::DropAfter, None, None, true, "connection_lost"),
        (FaultKind::Slow, Some(2_500), None, true, "timeout"),
        (FaultKind::SlowBefore, Some(2_500), None, true, "timeout"),
        (FaultKind::Garbage, None, None, true, "unreadable_answer"),
        (FaultKind::Forbidden, None, None, false, "unauthorised"),
        (FaultKind::Refuse, None, Some("9"), false, "9"),
        (FaultKind::Refuse, None, Some("10"), false, "10"),
        (FaultKind::Refuse, None, Some("10012"), false, "10012"),
        (FaultKind::Refuse, None, Some("4711"), false, "4711"),
    ];
    for (i, (kind, delay, value, happened, code)) in cases.into_iter().enumerate() {
        let minor = 1_000 + i64::try_from(i).unwrap();
        let op = w.op(&a.login, minor, &format!("D-CASE{i}"));
        w.order_with("trade/balance", kind, delay, value);
        let e = w.mt5.move_money(&op).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, code), "{kind:?}: {e}");
        assert_eq!(e.raw.is_some(), kind == FaultKind::Garbage, "{kind:?}");
        if kind == FaultKind::SlowBefore {
            // Not there yet, and then it is: why nothing is repeated after one empty look.
            assert_eq!(w.mt5.find_money(&op).await.unwrap(), Found::Nothing);
            for _ in 0..100 {
                if w.balance(&a.login).await != expected {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        let found = w.mt5.find_money(&op).await.unwrap();
        assert_eq!(matches!(found, Found::One(_)), happened, "{kind:?}: {found:?}");
        expected += if happened { minor } else { 0 };
        // Never sent twice.
        assert_eq!(w.balance(&a.login).await, expected, "{kind:?}");
    }
    w.mt5.move_money(&w.op(&a.login, 5, "D-CALM")).await.unwrap();
    assert_eq!(w.balance(&a.login).await, expected + 5);
}

#[tokio::test]
async fn a_server_that_is_down_gets_nothing_and_says_nothing() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    // A running session first learns of it by losing an answer; from then on nothing is sent.
    w.order("*", FaultKind::Down);
    let op = w.op(&a.login, 100, "D-DOWN");
    let e = w.mt5.move_money(&op).await.unwrap_err();
    assert_eq!(e.fate, Fate::Unknown, "{e}");
    for _ in 0..3 {
        assert_eq!(w.mt5.move_money(&op).await.unwrap_err().fate, Fate::NotSent);
    }
    // A look-up that got no answer is an error, never "nothing".
    assert!(w.mt5.find_money(&op).await.is_err());
    w.calm();
    assert_eq!(w.mt5.find_money(&op).await.unwrap(), Found::Nothing);
    w.mt5.move_money(&op).await.unwrap();
    assert_eq!(w.balance(&a.login).await, 1_000_100);
}

#[tokio::test]
async fn a_session_that_ended_in_silence_costs_no_operation() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    w.control("POST", "/restart", json!({})).await;
    // Give the closed sockets a moment to be noticed; the outcome must be right either way.
    let op = w.op(&a.login, 700, "D-RESTART");
    let moved = w.mt5.move_money(&op).await;
    let found = w.mt5.find_money(&op).await.unwrap();
    match moved {
        Ok(r) => assert_eq!(ticket(&found), r.ticket),
        Err(e) => assert_eq!((e.fate, found), (Fate::Unknown, Found::Nothing)),
    }
}

#[tokio::test]
async fn a_session_that_was_silent_for_long_is_tried_before_money_is_entrusted_to_it() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    // The server forgets a session after 180 s.
    w.clock.advance_secs(600);
    w.mt5.move_money(&w.op(&a.login, 700, "D-SILENT")).await.unwrap();
    assert_eq!(w.balance(&a.login).await, 1_000_700);
}

#[tokio::test]
async fn a_deal_that_shows_late_is_found_later() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    let op = w.op(&a.login, 4_200, "D-LATE");
    w.order_with("trade/balance", FaultKind::LateVisible, Some(5_000), None);
    let r = w.mt5.move_money(&op).await.unwrap();
    assert_eq!(w.mt5.find_money(&op).await.unwrap(), Found::Nothing);
    w.clock.advance_secs(10);
    assert_eq!(ticket(&w.mt5.find_money(&op).await.unwrap()), r.ticket);
}

#[tokio::test]
async fn a_token_on_another_amount_or_booked_twice_goes_to_a_person() {
    let w = world().await;
    let a = w.funded("tac_1").await;
    let op = w.op(&a.login, 2_500, "D-ODD");
    w.order("trade/balance", FaultKind::WrongAmount);
    w.mt5.move_money(&op).await.unwrap();
    let e = w.mt5.find_money(&op).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    let twice = w.op(&a.login, 2_500, "D-TWICE");
    w.mt5.move_money(&twice).await.unwrap();
    w.control(
        "POST",
        "/balance",
        json!({"login": a.login.parse::<u64>().unwrap(), "amount": "25.00", "comment": "D-TWICE by hand"}),
    )
    .await;
    match w.mt5.find_money(&twice).await.unwrap() {
        Found::Several(r) => assert_eq!(r.len(), 2),
        other => panic!("{other:?}"),
    }
}
