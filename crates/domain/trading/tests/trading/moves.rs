use crate::ground::*;
use qd_ledger::Purpose;
use qd_runtime::access::Role;
use qd_sandbox::FaultKind;
use qd_testkit::{TestDb, both, wait_until};
use qd_trading::accounts::AccountView;
use qd_trading::moves;
use qd_trading::{Direction, MoveState};
use serde_json::json;

const ALEX: &str = "cli_alex";

/// A client with 500.00 in the wallet and an account.
async fn funded(t: TestDb) -> (Ground, AccountView) {
    let g = Ground::new(t).await;
    let a = g.account(ALEX).await;
    g.give(ALEX, 50_000).await;
    (g, a)
}

/// Wallet, on its way and on the platform: every unit is at one of them.
async fn everywhere(g: &Ground, a: &AccountView) -> i64 {
    g.wallet(ALEX).await + g.at(a, Purpose::Transit).await + g.at(a, Purpose::Platform).await
}

async fn to_the_end(g: &Ground, purpose: &str) -> MoveState {
    g.until("the move to end", 2, async || {
        let m = g.movement(purpose).await;
        matches!(m.state, MoveState::Done | MoveState::Refused | MoveState::Returned).then_some(m.state)
    })
    .await
}

both! {
    async fn every_way_to_lose_an_answer_ends_with_the_money_booked_once(t: TestDb) {
        let (g, a) = funded(t).await;
        let cases = [
            (FaultKind::DropBefore, None, None),
            (FaultKind::DropAfter, None, None),
            (FaultKind::Slow, Some(TOO_SLOW_MS), None),
            (FaultKind::Garbage, None, None),
            (FaultKind::Forbidden, None, None),
            (FaultKind::Refuse, None, Some("10012")),
        ];
        let mut there = 0;
        for (i, (kind, delay, value)) in cases.into_iter().enumerate() {
            let purpose = format!("deposit:{i}");
            g.order_with("mt5", "trade/balance", kind, delay, value);
            g.ask(&a, Direction::ToPlatform, 1_000, &purpose).await.unwrap();
            g.work().await;
            assert_eq!(everywhere(&g, &a).await, 50_000, "{kind:?}");
            let open = g.movement(&purpose).await;
            if open.state != MoveState::Done {
                assert_eq!((open.state, g.at(&a, Purpose::Transit).await), (MoveState::Unknown, 1_000), "{kind:?}");
            }
            assert_eq!(to_the_end(&g, &purpose).await, MoveState::Done, "{kind:?}");
            there += 1_000;
            assert_eq!(g.on_server(&a), there, "{kind:?}");
            g.agree(&a).await;

            let purpose = format!("withdrawal:{i}");
            g.order_with("mt5", "trade/balance", kind, delay, value);
            g.ask(&a, Direction::FromPlatform, 400, &purpose).await.unwrap();
            assert_eq!(to_the_end(&g, &purpose).await, MoveState::Done, "{kind:?}");
            there -= 400;
            assert_eq!((g.on_server(&a), everywhere(&g, &a).await), (there, 50_000), "{kind:?}");
            g.agree(&a).await;
        }
        assert!(g.exceptions().await.is_empty(), "all of them have found their end");
        g.feed().await;
        assert!(g.exceptions().await.is_empty(), "the feed agrees with every move");
        g.finish().await;
    }

    async fn an_operation_that_shows_late_is_waited_for_and_not_sent_again(t: TestDb) {
        let (g, a) = funded(t).await;
        g.order("mt5", "trade/balance", FaultKind::DropBefore);
        g.ask(&a, Direction::ToPlatform, 20_000, "deposit:1").await.unwrap();
        g.work().await;
        for _ in 0..4 {
            g.pass(10).await;
        }
        let m = g.movement("deposit:1").await;
        assert_eq!((m.state, g.at(&a, Purpose::Transit).await), (MoveState::Unknown, 20_000));
        // Only now does the server book what it was sent forty seconds ago.
        g.mt5("balance", json!({"login": a.login, "amount": "200.00", "comment": m.token})).await;
        assert_eq!(to_the_end(&g, "deposit:1").await, MoveState::Done);
        g.agree(&a).await;
        assert_eq!(g.on_server(&a), 20_000);

        // One that is booked and answered, and whose deal nobody sees for a while.
        g.order_with("mt5", "trade/balance", FaultKind::LateVisible, Some(30_000), None);
        g.ask(&a, Direction::ToPlatform, 5_000, "deposit:2").await.unwrap();
        g.work().await;
        g.feed().await;
        g.pass(40).await;
        g.feed().await;
        assert!(g.exceptions().await.is_empty());
        g.agree(&a).await;
        g.finish().await;
    }

    async fn a_server_that_is_down_is_waited_for_and_a_person_hears_of_it(t: TestDb) {
        let (g, a) = funded(t).await;
        g.order("mt5", "*", FaultKind::Down);
        g.ask(&a, Direction::ToPlatform, 20_000, "deposit:1").await.unwrap();
        g.work().await;
        let m = g.movement("deposit:1").await;
        assert!(matches!(m.state, MoveState::Queued | MoveState::Unknown), "{m:?}");
        assert!(m.waiting_s.is_some());
        assert_eq!((g.wallet(ALEX).await, g.at(&a, Purpose::Transit).await, g.on_server(&a)), (30_000, 20_000, 0));
        for _ in 0..20 {
            g.pass(60).await;
        }
        assert_eq!(g.exceptions().await, ["platform.move_stuck"]);
        g.calm();
        assert_eq!(to_the_end(&g, "deposit:1").await, MoveState::Done);
        g.agree(&a).await;
        assert!(g.exceptions().await.is_empty());
        g.finish().await;
    }

    async fn money_that_the_platform_refuses_stays_in_transit_until_a_person_sends_it_again_or_back(t: TestDb) {
        let (g, a) = funded(t).await;
        let retry = async |purpose: &str| {
            let (core, id) = (g.core.clone(), g.movement(purpose).await.id);
            g.core.db.write(async move |tx| moves::retry(tx, &core, &staff("Fin", Role::Finance), id).await).await
        };
        let back = async |purpose: &str| {
            let (core, id) = (g.core.clone(), g.movement(purpose).await.id);
            g.core.db.write(async move |tx| moves::give_back(tx, &core, &staff("Fin", Role::Finance), id, "the client wants it back").await).await
        };
        g.order_with("mt5", "trade/balance", FaultKind::Refuse, None, Some("10017"));
        g.ask(&a, Direction::ToPlatform, 20_000, "deposit:1").await.unwrap();
        g.work().await;
        assert_eq!(g.movement("deposit:1").await.state, MoveState::Refused);
        assert_eq!((g.wallet(ALEX).await, g.at(&a, Purpose::Transit).await, g.on_server(&a)), (30_000, 20_000, 0));
        assert_eq!(g.exceptions().await, ["platform.move_refused"]);
        retry("deposit:1").await.unwrap();
        // Pressed twice.
        retry("deposit:1").await.unwrap();
        g.work().await;
        g.agree(&a).await;
        assert_eq!((g.movement("deposit:1").await.state, g.on_server(&a)), (MoveState::Done, 20_000));
        retry("deposit:1").await.unwrap();
        g.work().await;
        assert_eq!(g.on_server(&a), 20_000, "a move that is done is not sent again");
        assert_eq!(back("deposit:1").await.unwrap_err().code, "move_not_refused");

        g.order_with("mt5", "trade/balance", FaultKind::Refuse, None, Some("10017"));
        g.ask(&a, Direction::ToPlatform, 5_000, "deposit:2").await.unwrap();
        g.work().await;
        back("deposit:2").await.unwrap();
        back("deposit:2").await.unwrap();
        assert_eq!((g.wallet(ALEX).await, g.at(&a, Purpose::Transit).await), (30_000, 0));
        assert_eq!(retry("deposit:2").await.unwrap_err().code, "move_returned");
        assert!(g.exceptions().await.is_empty());
        g.work().await;
        assert_eq!(g.events("platform_move.returned").len(), 1);
        g.finish().await;
    }

    async fn a_withdrawal_above_the_free_margin_is_refused_and_cannot_be_tried_again(t: TestDb) {
        let (g, a) = funded(t).await;
        g.ask(&a, Direction::ToPlatform, 20_000, "deposit:1").await.unwrap();
        g.work().await;
        // 0.10 lots bind some 360 EUR at 1:30: the account has 200.
        g.mt5("open", json!({"login": a.login, "symbol": "EURUSD", "volume_lots": "0.05"})).await;
        g.ask(&a, Direction::FromPlatform, 15_000, "withdrawal:1").await.unwrap();
        g.work().await;
        let m = g.movement("withdrawal:1").await;
        assert_eq!((m.state, m.last_code.as_deref()), (MoveState::Refused, Some("insufficient_free_margin")));
        assert_eq!((g.wallet(ALEX).await, g.at(&a, Purpose::Platform).await), (30_000, 20_000));
        assert!(g.exceptions().await.is_empty(), "an answer to the client, nobody's trouble");
        let (core, id) = (g.core.clone(), m.id);
        let p = g.core.db.write(async move |tx| moves::retry(tx, &core, &staff("Fin", Role::Finance), id).await).await.unwrap_err();
        assert_eq!(p.code, "move_ended");

        // Any other refusal is the house's trouble.
        g.order_with("mt5", "trade/balance", FaultKind::Refuse, None, Some("8"));
        g.ask(&a, Direction::FromPlatform, 100, "withdrawal:2").await.unwrap();
        g.work().await;
        assert_eq!(g.exceptions().await, ["platform.debit_refused"]);
        g.finish().await;
    }

    async fn money_off_the_platform_is_held_for_whoever_asked_for_it(t: TestDb) {
        let (g, a) = funded(t).await;
        g.ask(&a, Direction::ToPlatform, 50_000, "deposit:1").await.unwrap();
        g.work().await;
        g.ask(&a, Direction::FromPlatform, 20_000, "withdrawal:1").await.unwrap();
        g.work().await;
        assert_eq!((g.wallet(ALEX).await, g.available(ALEX).await), (20_000, 0));
        let p = g.ask(&a, Direction::ToPlatform, 20_000, "transfer_in:1").await.unwrap_err();
        assert_eq!(p.code, "insufficient_funds");
        let hold = g.core.db.read(async |tx| qd_ledger::hold_of(tx, &moves::hold_of("withdrawal:1")).await).await.unwrap().unwrap();
        assert_eq!(hold.minor, 20_000);
        g.finish().await;
    }

    async fn a_node_that_dies_between_sending_and_hearing_leaves_no_double(t: TestDb) {
        let (g, a) = funded(t).await;
        for (i, kind) in [FaultKind::Slow, FaultKind::SlowBefore].into_iter().enumerate() {
            let purpose = format!("deposit:{i}");
            g.order_with("mt5", "trade/balance", kind, Some(1_000), None);
            g.ask(&a, Direction::ToPlatform, 10_000, &purpose).await.unwrap();
            let (sandbox, env) = (g.sandbox.clone(), g.core.env.clone());
            let node = move |core: qd_runtime::Core| {
                let p = platforms(&sandbox, &env);
                qd_trading::jobs::handlers(&core, &p).into_iter().fold(qd_runtime::jobs::Registry::new(), qd_runtime::jobs::Registry::add)
            };
            // The server has taken the order (the fault is used up) and has not answered.
            g.kill_when(node, async || g.sandbox.shared().faults.list().is_empty()).await;
            assert_eq!(g.movement(&purpose).await.state, MoveState::Sending, "{kind:?}");
            assert_eq!(everywhere(&g, &a).await, 50_000);
            if kind == FaultKind::SlowBefore {
                // The server books it although nobody waits for the answer any more.
                wait_until("the server to have booked it", async || g.on_server(&a) == 20_000).await;
            }
            g.take_over().await;
            assert_eq!(to_the_end(&g, &purpose).await, MoveState::Done, "{kind:?}");
            g.agree(&a).await;
        }
        assert_eq!(g.on_server(&a), 20_000);
        g.feed().await;
        assert!(g.exceptions().await.is_empty());
        g.finish().await;
    }

    async fn two_moves_of_one_login_are_never_in_flight_together(t: TestDb) {
        let (g, a) = funded(t).await;
        for i in 0..6 {
            g.ask(&a, Direction::ToPlatform, 1_000 + i, &format!("deposit:{i}")).await.unwrap();
        }
        g.order("mt5", "trade/balance", FaultKind::DropAfter);
        g.work().await;
        let states: Vec<MoveState> = {
            let mut s = Vec::new();
            for i in 0..6 {
                s.push(g.movement(&format!("deposit:{i}")).await.state);
            }
            s
        };
        assert_eq!(states.iter().filter(|s| **s == MoveState::Unknown).count(), 1);
        assert!(states[1..].iter().all(|s| *s == MoveState::Queued), "{states:?}");
        to_the_end(&g, "deposit:5").await;
        g.agree(&a).await;
        assert_eq!(g.on_server(&a), 6_015);
        g.finish().await;
    }

    async fn a_booking_of_another_amount_is_found_by_the_feed(t: TestDb) {
        let (g, a) = funded(t).await;
        // The server says yes and has booked 150.00 of 200.00.
        g.order_with("mt5", "trade/balance", FaultKind::WrongAmount, None, Some("150.00"));
        g.ask(&a, Direction::ToPlatform, 20_000, "deposit:1").await.unwrap();
        g.work().await;
        assert_eq!(g.movement("deposit:1").await.state, MoveState::Done);
        g.feed().await;
        let e = g.open_exceptions().await;
        assert_eq!((e.len(), e[0].kind.as_str()), (1, "platform.money_differs"));
        assert!(e[0].cause.contains("150.00"), "{}", e[0].cause);
        g.feed().await;
        assert_eq!(g.open_exceptions().await.len(), 1);

        // The same without an answer: what the look-up finds is not what was asked for.
        g.order("mt5", "trade/balance", FaultKind::DropBefore);
        g.ask(&a, Direction::ToPlatform, 10_000, "deposit:2").await.unwrap();
        g.work().await;
        let m = g.movement("deposit:2").await;
        let wrong = g.mt5("balance", json!({"login": a.login, "amount": "50.00", "comment": m.token})).await;
        g.pass(5).await;
        assert_eq!(g.exceptions().await, ["platform.money_differs", "platform.move_stuck"]);
        assert_eq!((g.movement("deposit:2").await.state, g.at(&a, Purpose::Transit).await), (MoveState::Unknown, 10_000));
        // A dealer takes the wrong one away and books the right one.
        g.control("DELETE", &format!("/mt5/{SERVER}/deal/{}", wrong["deal"]), json!({})).await;
        g.mt5("balance", json!({"login": a.login, "amount": "100.00", "comment": m.token})).await;
        assert_eq!(to_the_end(&g, "deposit:2").await, MoveState::Done);
        assert_eq!(g.exceptions().await, ["platform.money_differs"]);
        g.finish().await;
    }

    async fn an_operation_booked_twice_or_booked_after_a_refusal_is_found(t: TestDb) {
        let (g, a) = funded(t).await;
        g.ask(&a, Direction::ToPlatform, 20_000, "deposit:1").await.unwrap();
        g.work().await;
        g.feed().await;
        let token = g.movement("deposit:1").await.token;
        g.mt5("balance", json!({"login": a.login, "amount": "200.00", "comment": token})).await;
        g.feed().await;
        let e = g.open_exceptions().await;
        assert_eq!((e.len(), e[0].kind.as_str()), (1, "platform.money_differs"));
        assert!(e[0].cause.contains("again"), "{}", e[0].cause);

        g.order("mt5", "trade/balance", FaultKind::DropBefore);
        g.ask(&a, Direction::ToPlatform, 1_000, "deposit:2").await.unwrap();
        g.work().await;
        let token = g.movement("deposit:2").await.token;
        for _ in 0..2 {
            g.mt5("balance", json!({"login": a.login, "amount": "10.00", "comment": token})).await;
        }
        assert_eq!(to_the_end(&g, "deposit:2").await, MoveState::Done);
        assert!(g.exceptions().await.contains(&"platform.move_stuck".to_string()), "booked twice: a person takes one back");

        g.order_with("mt5", "trade/balance", FaultKind::Refuse, None, Some("10017"));
        g.ask(&a, Direction::ToPlatform, 3_000, "deposit:3").await.unwrap();
        g.work().await;
        let token = g.movement("deposit:3").await.token;
        let late = g.mt5("balance", json!({"login": a.login, "amount": "30.00", "comment": token})).await;
        g.feed().await;
        let e = g.open_exceptions().await;
        assert!(e.iter().any(|e| e.subject == format!("deal:{SERVER}:{}", late["deal"]) && e.cause.contains("refused")), "{e:#?}");
        g.finish().await;
    }
}
