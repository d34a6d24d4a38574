use crate::world::*;
use qd_kernel::{Amount, Currency};
use qd_ledger::Purpose;
use qd_payments::deposit::{self, DepositState};
use qd_payments::status::StepState;
use qd_runtime::access::{Caller, Role};
use qd_runtime::jobs::{Worker, WorkerOptions};
use qd_sandbox::FaultKind;
use qd_testkit::{TestDb, both, wait_until};
use qd_trading::{AccountState, MoveState, moves};
use serde_json::json;

/// A deposit by a card in another name: held.
async fn third_party(w: &World) -> qd_payments::DepositId {
    w.facts.edit(ALEX, |f| f.name = "Somebody Else".into());
    let d = w.redirected(ALEX, 20_000, None).await;
    w.pay(&d).await;
    w.hooks().await;
    assert_eq!(w.deposit(d.id).await.state, DepositState::Held);
    d.id
}

both! {
    async fn a_deposit_goes_from_the_card_to_the_trading_account_and_is_the_first_once(t: TestDb) {
        let w = World::new(t).await;
        let a = w.account(ALEX).await;
        let d = w.redirected(ALEX, 50_000, Some(a.id)).await;
        assert!(d.redirect_url.as_deref().is_some_and(|u| u.starts_with("http")));
        assert_eq!(d.steps.iter().find(|s| s.state == StepState::Current).unwrap().key, "deposit.pay_at_provider");
        w.pay(&d).await;
        w.hooks().await;
        let d = w.deposit(d.id).await;
        assert_eq!((d.state, d.first_deposit, d.received), (DepositState::Posted, true, Some(Amount::new(50_000, Currency::EUR))));
        assert!(d.steps.iter().all(|s| s.state == StepState::Done), "{:?}", d.steps);
        assert_eq!((w.wallet(ALEX).await, w.at(&a, Purpose::Platform).await, w.at_provider().await), (0, 50_000, 50_000));
        w.agree(&a).await;
        let ftd = w.events("client.ftd");
        assert_eq!((ftd.len(), &ftd[0]["psp"], &ftd[0]["psp_ref"]), (1, &json!(PSP), &json!(d.payment_ref)));
        assert_eq!(w.events("deposit.credited").len(), 1);

        w.deposited(ALEX, 20_000, Some(a.id)).await;
        w.agree(&a).await;
        assert_eq!((w.events("client.ftd").len(), w.events("deposit.received").len(), w.money(ALEX).await), (1, 2, 70_000));
        w.feed().await;
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }

    async fn a_deposit_without_an_account_stays_in_the_wallet(t: TestDb) {
        let w = World::new(t).await;
        let d = w.deposited(ALEX, 20_000, None).await;
        assert_eq!((w.wallet(ALEX).await, d.account_id), (20_000, None));
        w.finish().await;
    }

    async fn two_first_deposits_that_arrive_at_once_make_one_first(t: TestDb) {
        let w = World::new(t).await;
        let mut all = Vec::new();
        for _ in 0..4 {
            all.push(w.redirected(ALEX, 20_000, None).await);
        }
        for d in &all {
            w.pay(d).await;
        }
        // The callbacks are stored; four workers take them at once.
        wait_until("the callbacks to be stored", async || {
            let v = w.control("GET", &format!("/stripe/{PSP}/events"), json!({})).await;
            v["deliveries"].as_array().unwrap().is_empty()
        })
        .await;
        let busy = Worker::start_with(w.core.clone(), w.registry.clone(), WorkerOptions::new("crowd", 16));
        wait_until("all four to be posted", async || {
            // Who met another one comes again after a moment.
            w.clock.advance_secs(1);
            let mut posted = 0;
            for d in &all {
                posted += usize::from(w.deposit(d.id).await.state == DepositState::Posted);
            }
            posted == 4
        })
        .await;
        busy.stop().await;
        w.work().await;
        assert_eq!((w.wallet(ALEX).await, w.events("client.ftd").len(), w.events("deposit.received").len()), (80_000, 1, 4));
        w.finish().await;
    }

    async fn what_the_rules_do_not_allow_is_refused_at_the_door(t: TestDb) {
        let w = World::new(t).await;
        let a = w.account(ALEX).await;
        let demo = w.request(ALEX, "demo", Currency::EUR).await.unwrap();
        let hers = w.account("cli_berta").await;
        w.work().await;
        let code = async |minor, account| w.wish(ALEX, minor, account).await.unwrap_err().code;
        assert_eq!(code(0, None).await, "amount_not_positive");
        assert_eq!(code(9_999, None).await, "amount_out_of_method_range");
        assert_eq!(code(10_000_001, None).await, "amount_out_of_method_range");
        assert_eq!(code(20_000, Some(demo.id)).await, "account_is_demo");
        assert_eq!(code(20_000, Some(hers.id)).await, "not_found");
        let p = w.wish_in(ALEX, Amount::new(20_000, Currency::USD), Some(a.id)).await.unwrap_err();
        assert_eq!((p.code, p.fields[0].pointer.as_str()), ("currency_mismatch", "/amount/currency"));
        let p = w.wish_in(ALEX, Amount::new(20_000, Currency::parse("JPY").unwrap()), None).await.unwrap_err();
        assert_eq!(p.code, "currency_not_offered");
        w.facts.edit("cli_new", |f| f.kyc_approved = false);
        assert_eq!(w.wish("cli_new", 20_000, None).await.unwrap_err().code, "kyc_required");
        w.facts.edit("cli_berta", |f| f.deposits_stopped = Some("sanctions".into()));
        assert_eq!(w.wish("cli_berta", 20_000, None).await.unwrap_err().code, "deposits_stopped");
        // Nobody deposits, cancels or looks for somebody else.
        let facts = w.facts.of(ALEX, None);
        let new = deposit::NewDeposit { amount: Amount::new(20_000, Currency::EUR), method: "card".into(), account_id: None, bin: None };
        for (who, code) in [(client_caller("cli_mallory"), "not_found"), (staff("Fin", Role::Finance), "right_missing")] {
            let (f, n) = (facts.clone(), new.clone());
            let p = w.staff_does(async move |tx, core| deposit::create(tx, core, &who, f.clone(), n.clone()).await).await.unwrap_err();
            assert_eq!(p.code, code);
        }
        let d = w.wish(ALEX, 20_000, None).await.unwrap();
        for (who, code) in [(client_caller("cli_mallory"), "not_found"), (staff("Sam", Role::Support), "right_missing")] {
            let p = w.staff_does(async move |tx, core| deposit::cancel(tx, core, &who, d.id).await).await.unwrap_err();
            assert_eq!(p.code, code);
        }
        w.finish().await;
    }

    async fn a_declined_card_leaves_the_page_open_and_another_card_pays(t: TestDb) {
        let w = World::new(t).await;
        let d = w.redirected(ALEX, 20_000, None).await;
        w.pay_with(&d, "4000000000009995", "decline").await;
        w.hooks().await;
        let v = w.deposit(d.id).await;
        assert_eq!((v.state, v.failure_code.as_deref(), v.try_another), (DepositState::Redirected, Some("insufficient_funds"), true));
        w.pay(&d).await;
        w.hooks().await;
        let v = w.deposit(d.id).await;
        assert_eq!((v.state, v.failure_code, w.wallet(ALEX).await), (DepositState::Posted, None, 20_000));
        w.finish().await;
    }

    async fn a_delayed_payment_is_pending_until_the_provider_is_sure(t: TestDb) {
        let w = World::new(t).await;
        for (outcome, end, money) in [("success", DepositState::Posted, 20_000), ("decline", DepositState::Failed, 20_000)] {
            let d = w.redirected(ALEX, 20_000, None).await;
            w.pay_with(&d, VISA, "processing").await;
            w.hooks().await;
            assert_eq!(w.deposit(d.id).await.state, DepositState::Pending);
            let p = w.staff_does(async move |tx, core| deposit::cancel(tx, core, &client_caller(ALEX), d.id).await).await.unwrap_err();
            assert_eq!(p.code, "deposit_not_cancellable");
            w.pay_with(&w.deposit(d.id).await, VISA, outcome).await;
            w.hooks().await;
            assert_eq!((w.deposit(d.id).await.state, w.wallet(ALEX).await), (end, money));
        }
        w.finish().await;
    }

    async fn a_session_nobody_uses_expires_without_a_callback_too(t: TestDb) {
        let w = World::new(t).await;
        w.order("stripe", "webhook", FaultKind::Lost);
        let d = w.redirected(ALEX, 20_000, None).await;
        w.until("the deposit to expire", 300, async || (w.deposit(d.id).await.state == DepositState::Expired).then_some(())).await;
        w.calm();
        w.finish().await;
    }

    async fn a_payment_that_comes_after_the_client_gave_up_is_taken_all_the_same(t: TestDb) {
        let w = World::new(t).await;
        let d = w.redirected(ALEX, 20_000, None).await;
        w.staff_does(async move |tx, core| deposit::cancel(tx, core, &client_caller(ALEX), d.id).await).await.unwrap();
        assert_eq!(w.deposit(d.id).await.state, DepositState::Cancelled);
        w.pay(&d).await;
        w.hooks().await;
        assert_eq!((w.deposit(d.id).await.state, w.wallet(ALEX).await), (DepositState::Posted, 20_000));
        w.finish().await;
    }

    async fn a_card_that_another_client_has_used_holds_the_money_until_a_person_lets_it_go(t: TestDb) {
        let w = World::new(t).await;
        let a = w.account("cli_berta").await;
        w.deposited(ALEX, 20_000, None).await;
        let d = w.redirected("cli_berta", 30_000, Some(a.id)).await;
        w.pay(&d).await;
        w.hooks().await;
        let v = w.deposit(d.id).await;
        assert_eq!((v.state, v.held_reason.as_deref()), (DepositState::Held, Some("card_shared")));
        assert_eq!((w.wallet("cli_berta").await, w.suspense("cli_berta").await, w.on_server(&a)), (0, 30_000, 0));
        assert_eq!(w.exceptions().await, ["deposit.held"]);
        assert_eq!(w.events("client.ftd").len(), 1, "nobody is paid for held money");
        let p = w.staff_does(async move |tx, core| deposit::release(tx, core, &staff("Sam", Role::Support), d.id, "why not").await).await.unwrap_err();
        assert_eq!(p.code, "right_missing");
        for _ in 0..2 {
            w.staff_does(async move |tx, core| deposit::release(tx, core, &staff("Fin", Role::Finance), d.id, "husband and wife").await).await.unwrap();
        }
        w.work().await;
        assert_eq!(w.deposit(d.id).await.state, DepositState::Posted);
        assert_eq!((w.suspense("cli_berta").await, w.on_server(&a), w.events("client.ftd").len()), (0, 30_000, 2));
        w.agree(&a).await;
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }

    async fn held_money_goes_back_to_the_card_it_came_from_and_stays_there(t: TestDb) {
        let w = World::new(t).await;
        let d = third_party(&w).await;
        let p = w.staff_does(async move |tx, core| deposit::refund(tx, core, &staff("Sam", Role::Support), d, "not theirs").await).await.unwrap_err();
        assert_eq!(p.code, "right_missing");
        // An answer that is lost on the way makes one refund.
        w.order_with("stripe", "refunds.create", FaultKind::DropAfter, None, None);
        for _ in 0..2 {
            w.staff_does(async move |tx, core| deposit::refund(tx, core, &staff("Fin", Role::Finance), d, "not theirs").await).await.unwrap();
        }
        assert_eq!((w.suspense(ALEX).await, w.paying(ALEX).await), (0, 20_000));
        w.work().await;
        w.hooks().await;
        w.until("the refund", 5, async || (w.deposit(d).await.state == DepositState::Refunded).then_some(())).await;
        let v = w.deposit(d).await;
        assert_eq!((v.returned.minor, w.suspense(ALEX).await, w.paying(ALEX).await, w.wallet(ALEX).await), (20_000, 0, 0, 0));
        let last = v.steps.last().unwrap();
        assert_eq!((last.key, last.state), ("deposit.given_back", StepState::Done));
        assert_eq!(w.at_provider().await, 0);
        // What the provider still reports about the payment books nothing again, and nobody lets it go.
        w.pass(3_600).await;
        let p = w.staff_does(async move |tx, core| deposit::release(tx, core, &staff("Fin", Role::Finance), d, "after all").await).await.unwrap_err();
        assert_eq!(p.code, "deposit_not_held");
        assert_eq!((w.deposit(d).await.state, w.events("client.ftd").len()), (DepositState::Refunded, 0));
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }

    async fn a_refund_that_the_provider_refuses_leaves_the_deposit_held_and_can_be_asked_again(t: TestDb) {
        let w = World::new(t).await;
        let d = third_party(&w).await;
        w.order_with("stripe", "refunds.create", FaultKind::Refuse, None, Some("charge_disputed"));
        let ask = async || w.staff_does(async move |tx, core| deposit::refund(tx, core, &staff("Fin", Role::Finance), d, "not theirs").await).await.unwrap();
        ask().await;
        w.work().await;
        assert_eq!((w.deposit(d).await.state, w.suspense(ALEX).await, w.paying(ALEX).await), (DepositState::Held, 20_000, 0));
        assert_eq!(w.exceptions().await, ["deposit.refund_failed"]);
        w.calm();
        ask().await;
        w.work().await;
        w.hooks().await;
        w.until("the refund", 5, async || (w.deposit(d).await.state == DepositState::Refunded).then_some(())).await;
        assert_eq!((w.suspense(ALEX).await, w.paying(ALEX).await, w.at_provider().await), (0, 0, 0));
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }

    async fn a_card_in_another_name_holds_the_money(t: TestDb) {
        let w = World::new(t).await;
        w.facts.edit(ALEX, |f| f.name = "Somebody Else".into());
        let d = w.redirected(ALEX, 20_000, None).await;
        w.pay(&d).await;
        w.hooks().await;
        assert_eq!(w.deposit(d.id).await.held_reason.as_deref(), Some("third_party_payer"));
        assert_eq!(w.suspense(ALEX).await, 20_000);
        w.finish().await;
    }

    async fn a_deposit_to_an_account_that_is_still_being_opened_waits_in_the_wallet(t: TestDb) {
        let w = World::new(t).await;
        w.order("mt5", "*", FaultKind::Down);
        let a = w.request(ALEX, "standard", Currency::EUR).await.unwrap();
        let d = w.redirected(ALEX, 20_000, Some(a.id)).await;
        w.pay(&d).await;
        w.hooks().await;
        assert_eq!((w.deposit(d.id).await.state, w.wallet(ALEX).await), (DepositState::Succeeded, 20_000));
        w.calm();
        w.until("the deposit to reach the account", 10, async || (w.deposit(d.id).await.state == DepositState::Posted).then_some(())).await;
        let a = w.ready(a.id).await;
        w.agree(&a).await;
        assert_eq!(w.on_server(&a), 20_000);
        w.finish().await;
    }

    async fn a_deposit_to_an_account_that_will_never_open_stays_in_the_wallet_and_says_so(t: TestDb) {
        let w = World::new(t).await;
        w.order_with("mt5", "user/add", FaultKind::Refuse, None, Some("8"));
        let a = w.request(ALEX, "standard", Currency::EUR).await.unwrap();
        let d = w.wish(ALEX, 20_000, Some(a.id)).await.unwrap();
        w.work().await;
        assert_eq!(w.view(a.id).await.state, AccountState::Failed);
        assert_eq!(w.wish(ALEX, 20_000, Some(a.id)).await.unwrap_err().code, "account_not_ready");
        w.pay(&d).await;
        w.hooks().await;
        w.pass(5).await;
        let d = w.deposit(d.id).await;
        assert_eq!((d.state, w.wallet(ALEX).await), (DepositState::Posted, 20_000));
        let last = d.steps.last().unwrap();
        assert_eq!((last.key, last.state, last.detail.as_deref()), ("deposit.on_trading_account", StepState::Failed, Some("deposit.left_in_wallet")));
        assert!(w.exceptions().await.contains(&"deposit.not_credited".to_string()));
        assert!(w.events("deposit.credited").is_empty());
        w.finish_but(&["trading.open"]).await;
    }

    async fn a_credit_that_the_platform_refuses_waits_in_transit_and_is_sent_again_or_kept(t: TestDb) {
        let w = World::new(t).await;
        let a = w.account(ALEX).await;
        let refused = async |minor| {
            w.order_with("mt5", "trade/balance", FaultKind::Refuse, None, Some("10017"));
            let d = w.redirected(ALEX, minor, Some(a.id)).await;
            w.pay(&d).await;
            w.hooks().await;
            let v = w.deposit(d.id).await;
            assert_eq!((v.state, w.at(&a, Purpose::Transit).await), (DepositState::Succeeded, minor));
            assert_eq!(v.steps.last().unwrap().detail.as_deref(), Some("deposit.platform_refused"));
            assert_eq!(w.exceptions().await, ["platform.move_refused"]);
            (d.id, w.movement(&format!("deposit:{}", d.id)).await.id)
        };
        let (d, m) = refused(50_000).await;
        w.staff_does(async move |tx, core| moves::retry(tx, core, &staff("Fin", Role::Finance), m).await).await.unwrap();
        w.work().await;
        assert_eq!((w.deposit(d).await.state, w.on_server(&a)), (DepositState::Posted, 50_000));
        w.agree(&a).await;

        let (d, m) = refused(20_000).await;
        w.staff_does(async move |tx, core| moves::give_back(tx, core, &staff("Fin", Role::Finance), m, "the account is closed").await).await.unwrap();
        w.work().await;
        let v = w.deposit(d).await;
        assert_eq!((v.state, v.steps.last().unwrap().state), (DepositState::Posted, StepState::Failed));
        assert_eq!((w.wallet(ALEX).await, w.on_server(&a), w.money(ALEX).await), (20_000, 50_000, 70_000));
        assert_eq!(w.events("deposit.credited").len(), 1, "the second one was not credited");
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }

    async fn the_money_is_always_somewhere_by_name_whatever_the_platform_does(t: TestDb) {
        let w = World::new(t).await;
        let a = w.account(ALEX).await;
        let mut paid = 0;
        for (kind, delay) in [(FaultKind::DropBefore, None), (FaultKind::DropAfter, None), (FaultKind::Slow, Some(TOO_SLOW_MS)), (FaultKind::Garbage, None)] {
            let d = w.redirected(ALEX, 20_000, Some(a.id)).await;
            w.order_with("mt5", "trade/balance", kind, delay, None);
            w.pay(&d).await;
            w.hooks().await;
            paid += 20_000;
            assert_eq!((w.money(ALEX).await, w.at_provider().await), (paid, paid), "{kind:?}");
            assert_eq!((w.deposit(d.id).await.state, w.move_of(format!("deposit:{}", d.id)).await), (DepositState::Succeeded, MoveState::Unknown), "{kind:?}");
            w.until("the deposit to be posted", 2, async || (w.deposit(d.id).await.state == DepositState::Posted).then_some(())).await;
            w.agree(&a).await;
            assert_eq!((w.on_server(&a), w.money(ALEX).await), (paid, paid), "{kind:?}");
        }
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }

    async fn the_first_deposit_is_on_record_with_who_cleared_it(t: TestDb) {
        let w = World::new(t).await;
        let none = w.staff_does(async |tx, core| deposit::first_of(tx, core, ALEX).await).await.unwrap();
        assert!(none.is_none());
        let first = w.deposited(ALEX, 20_000, None).await;
        w.pass(10).await;
        w.deposited(ALEX, 30_000, None).await;
        let f = w.staff_does(async |tx, core| deposit::first_of(tx, core, ALEX).await).await.unwrap().unwrap();
        assert_eq!((f.id, f.connection.as_str(), f.payment_ref, f.received_at_us), (first.id, PSP, first.payment_ref, first.received_at_us));
        let list = |who: Caller| w.staff_does(async move |tx, core| deposit::list(tx, core, &who, Default::default(), &qd_kernel::PageRequest::new(None, None).unwrap()).await);
        assert_eq!(list(client_caller(ALEX)).await.unwrap().items.len(), 2);
        assert_eq!(list(client_caller("cli_berta")).await.unwrap().items.len(), 0);
        assert_eq!(list(staff("Fin", Role::Finance)).await.unwrap().items.len(), 2);
        w.finish().await;
    }
}
