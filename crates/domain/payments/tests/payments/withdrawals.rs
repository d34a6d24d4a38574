use crate::world::*;
use qd_kernel::{Amount, Currency, PageRequest};
use qd_ledger::Purpose;
use qd_payments::withdrawal::{self, NewWithdrawal, WithdrawalQuery, WithdrawalState as S};
use qd_runtime::access::{Caller, Role};
use qd_testkit::{TestDb, both};
use qd_trading::accounts::AccountView;
use serde_json::json;

/// A trusted client: money came in by card, and some of it was traded with.
async fn trusted(t: TestDb, minor: i64) -> (World, AccountView) {
    let w = World::new(t).await;
    let a = w.account(ALEX).await;
    w.deposited(ALEX, minor, Some(a.id)).await;
    w.traded(&a).await;
    (w, a)
}

both! {
    async fn a_small_withdrawal_of_a_trusted_client_passes_by_rule_and_goes_back_to_the_card(t: TestDb) {
        let (w, a) = trusted(t, 50_000).await;
        let before = w.on_server(&a);
        let r = w.withdraw(ALEX, 20_000, Some(a.id)).await.unwrap();
        assert_eq!(r.state, S::Collecting);
        w.work().await;
        let v = w.withdrawal_is(r.id, S::Paid).await;
        assert_eq!((v.rule.as_deref(), v.legs.len(), v.legs[0].kind.as_str()), (Some("Small and trusted v1"), 1, "refund"));
        w.hooks().await;
        assert_eq!((w.on_server(&a), w.wallet(ALEX).await, w.paying(ALEX).await, w.at_provider().await), (before - 20_000, 0, 0, 30_000));
        w.agree(&a).await;
        assert_eq!(w.events("withdrawal.paid").len(), 1);
        let d = v.legs[0].deposit_id.clone().unwrap();
        assert_eq!(w.deposit(qd_payments::DepositId::parse(&d).unwrap()).await.returned, Amount::new(20_000, Currency::EUR));
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }

    async fn from_the_wallet_the_money_is_held_at_once_or_the_request_is_refused(t: TestDb) {
        let (w, _) = trusted(t, 50_000).await;
        w.deposited(ALEX, 30_000, None).await;
        let p = w.withdraw(ALEX, 30_001, None).await.unwrap_err();
        assert_eq!(p.code, "insufficient_funds");
        let r = w.withdraw(ALEX, 30_000, None).await.unwrap();
        assert_eq!((w.wallet(ALEX).await, w.available(ALEX).await), (30_000, 0));
        assert_eq!(w.withdraw(ALEX, 1_000, None).await.unwrap_err().code, "insufficient_funds");
        w.work().await;
        w.withdrawal_is(r.id, S::Paid).await;
        assert_eq!(w.wallet(ALEX).await, 0);
        w.finish().await;
    }

    async fn more_than_the_free_margin_is_refused_with_its_reason(t: TestDb) {
        let (w, a) = trusted(t, 50_000).await;
        w.mt5("open", json!({"login": a.login, "symbol": "EURUSD", "volume_lots": "0.10"})).await;
        let r = w.withdraw(ALEX, 45_000, Some(a.id)).await.unwrap();
        w.work().await;
        let v = w.withdrawal_is(r.id, S::Refused).await;
        assert_eq!(v.reason_code.as_deref(), Some("insufficient_free_margin"));
        assert_eq!((w.wallet(ALEX).await, w.at(&a, Purpose::Transit).await), (0, 0));
        // The margin is not the reason when the server says something else.
        w.order_with("mt5", "trade/balance", qd_sandbox::FaultKind::Refuse, None, Some("8"));
        let r = w.withdraw(ALEX, 1_000, Some(a.id)).await.unwrap();
        w.work().await;
        let v = w.withdrawal_is(r.id, S::Refused).await;
        assert_eq!((v.reason_code.as_deref(), v.reason_text.as_deref()), (Some("platform_refused"), Some("8")));
        assert_eq!(w.exceptions().await, ["platform.debit_refused"]);
        w.finish().await;
    }

    async fn the_same_amount_from_a_new_device_stops_and_says_to_staff_why(t: TestDb) {
        let (w, a) = trusted(t, 50_000).await;
        let r = w.withdraw_from("dev_new", ALEX, 20_000, Some(a.id)).await.unwrap();
        w.work().await;
        let v = w.withdrawal_is(r.id, S::Review).await;
        assert_eq!((v.signals.as_slice(), v.approvals_needed, v.desk.as_str()), (&["recent_change".to_string()][..], 1, "finance"));
        assert!(v.due_at_us.is_some());
        let core = w.core.clone();
        let own = w.core.db.read(async move |tx| withdrawal::get(tx, &core, &client_caller(ALEX), r.id).await).await.unwrap();
        assert!(own.signals.is_empty() && own.rule.is_none(), "a client who reads it learns how not to be stopped");
        assert_eq!((w.wallet(ALEX).await, w.available(ALEX).await), (20_000, 0));
        w.approve("Fin", Role::Finance, r.id).await.unwrap();
        w.work().await;
        w.withdrawal_is(r.id, S::Paid).await;
        // A second press changes nothing.
        w.approve("Fin", Role::Finance, r.id).await.unwrap();
        w.hooks().await;
        assert_eq!(w.at_provider().await, 30_000);
        w.finish().await;
    }

    async fn each_signal_of_the_shipped_rules_stops_a_withdrawal(t: TestDb) {
        let (w, a) = trusted(t, 80_000).await;
        let cases: [(&str, fn(&mut qd_payments::ClientFacts), &str, i64); 5] = [
            ("risk", |f| f.risk = "high".into(), "high_risk", 2),
            ("screening", |f| f.screening_hits = 1, "restricted", 1),
            ("kyc", |f| f.kyc_age_days = Some(400), "kyc_old", 1),
            ("password", |f| f.password_changed_hours = Some(3), "recent_change", 1),
            ("rate", |f| { f.base_currency = Currency::USD; f.base_rates.clear(); f.limits.withdrawal_min_minor = 0; }, "rule_error", 1),
        ];
        for (name, edit, signal, people) in cases {
            let r = w.withdraw(ALEX, 2_000, Some(a.id)).await.unwrap();
            // The facts as they are when the rules are asked.
            let on = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
            let switch = on.clone();
            w.facts.edit(ALEX, move |f| if switch.load(std::sync::atomic::Ordering::SeqCst) { edit(f) });
            w.work().await;
            on.store(false, std::sync::atomic::Ordering::SeqCst);
            let v = w.withdrawal_is(r.id, S::Review).await;
            assert!(v.signals.contains(&signal.to_string()), "{name}: {:?}", v.signals);
            assert_eq!(v.approvals_needed, people, "{name}");
            let desk = if matches!(name, "screening" | "kyc") { "compliance" } else { "finance" };
            assert_eq!(v.desk, desk, "{name}");
        }
        w.finish().await;
    }

    async fn money_that_came_in_and_was_hardly_traded_with_is_looked_at(t: TestDb) {
        let w = World::new(t).await;
        w.deposited(ALEX, 50_000, None).await;
        let r = w.withdraw(ALEX, 20_000, None).await.unwrap();
        w.work().await;
        assert_eq!(w.withdrawal_is(r.id, S::Review).await.signals, ["no_trading"]);
        w.finish().await;
    }

    async fn over_the_limit_two_different_people_must_say_yes(t: TestDb) {
        let (w, a) = trusted(t, 1_000_000).await;
        let r = w.withdraw(ALEX, 600_000, Some(a.id)).await.unwrap();
        w.work().await;
        let v = w.withdrawal_is(r.id, S::Review).await;
        assert_eq!((v.signals.as_slice(), v.approvals_needed), (&["over_limit".to_string()][..], 2));
        w.approve("Fin", Role::Finance, r.id).await.unwrap();
        assert_eq!(w.approve("Fin", Role::Finance, r.id).await.unwrap_err().code, "approval_same_person");
        assert_eq!(w.approve("Sam", Role::Support, r.id).await.unwrap_err().code, "right_missing");
        let mut tired = staff("Flo", Role::Finance);
        tired.step_up_until = None;
        let p = w.staff_does(async move |tx, core| withdrawal::approve(tx, core, &tired, r.id, None).await).await.unwrap_err();
        assert_eq!(p.code, "step_up_required");
        w.work().await;
        w.withdrawal_is(r.id, S::Review).await;
        w.approve("Flo", Role::Finance, r.id).await.unwrap();
        w.work().await;
        w.withdrawal_is(r.id, S::Paid).await;
        w.hooks().await;
        assert_eq!(w.at_provider().await, 400_000);
        w.finish().await;
    }

    async fn eight_last_votes_at_once_send_it_once(t: TestDb) {
        let (w, a) = trusted(t, 1_000_000).await;
        let r = w.withdraw(ALEX, 600_000, Some(a.id)).await.unwrap();
        w.work().await;
        w.approve("Fin", Role::Finance, r.id).await.unwrap();
        let votes = (0..8).map(|i| {
            let (core, id) = (w.core.clone(), r.id);
            tokio::spawn(async move {
                let who = staff(&format!("Voter {i}"), Role::Finance);
                let c = core.clone();
                core.db.write(async move |tx| withdrawal::approve(tx, &c, &who, id, Some("yes".into())).await).await
            })
        });
        let mut yes = 0;
        for v in votes.collect::<Vec<_>>() {
            yes += usize::from(v.await.unwrap().is_ok());
        }
        assert!(yes >= 1);
        w.work().await;
        w.withdrawal_is(r.id, S::Paid).await;
        w.hooks().await;
        assert_eq!((w.at_provider().await, w.events("withdrawal.paid").len()), (400_000, 1));
        w.finish().await;
    }

    async fn a_rejected_and_a_cancelled_one_give_the_money_back_to_the_wallet(t: TestDb) {
        let (w, a) = trusted(t, 50_000).await;
        let stopped = async |minor| {
            let r = w.withdraw_from("dev_new", ALEX, minor, Some(a.id)).await.unwrap();
            w.work().await;
            w.withdrawal_is(r.id, S::Review).await.id
        };
        let id = stopped(10_000).await;
        let reject = async |who: Caller, code: &'static str, why: &'static str| w.staff_does(async move |tx, core| withdrawal::reject(tx, core, &who, id, code, why).await).await;
        assert_eq!(reject(staff("Fin", Role::Finance), "documents_needed", " ").await.unwrap_err().code, "reason_missing");
        assert_eq!(reject(staff("Fin", Role::Finance), "Documents!", "x").await.unwrap_err().code, "reason_code_malformed");
        assert_eq!(reject(staff("Sam", Role::Support), "documents_needed", "x").await.unwrap_err().code, "right_missing");
        reject(staff("Fin", Role::Finance), "documents_needed", "the address is old").await.unwrap();
        let v = w.withdrawal_is(id, S::Rejected).await;
        assert_eq!((v.reason_code.as_deref(), w.available(ALEX).await), (Some("documents_needed"), 10_000));
        assert_eq!(w.approve("Flo", Role::Finance, id).await.unwrap_err().code, "withdrawal_not_in_review");

        let id = stopped(5_000).await;
        for (who, code) in [(client_caller("cli_mallory"), "not_found"), (staff("Sam", Role::Support), "right_missing")] {
            let p = w.staff_does(async move |tx, core| withdrawal::cancel(tx, core, &who, id).await).await.unwrap_err();
            assert_eq!(p.code, code);
        }
        for _ in 0..2 {
            w.staff_does(async move |tx, core| withdrawal::cancel(tx, core, &client_caller(ALEX), id).await).await.unwrap();
        }
        w.withdrawal_is(id, S::Cancelled).await;
        assert_eq!((w.wallet(ALEX).await, w.available(ALEX).await), (15_000, 15_000));
        assert_eq!(w.approve("Flo", Role::Finance, id).await.unwrap_err().code, "withdrawal_not_in_review");
        w.work().await;
        assert_eq!(w.at_provider().await, 50_000);
        w.finish().await;
    }

    async fn a_forced_one_needs_a_reason_and_stands_in_the_report(t: TestDb) {
        let (w, a) = trusted(t, 50_000).await;
        let r = w.withdraw_from("dev_new", ALEX, 10_000, Some(a.id)).await.unwrap();
        w.work().await;
        let force = async |who: Caller, why: &'static str| w.staff_does(async move |tx, core| withdrawal::override_approve(tx, core, &who, r.id, why).await).await;
        assert_eq!(force(staff("Fin", Role::Finance), "because").await.unwrap_err().code, "right_missing");
        assert_eq!(force(staff("Cora", Role::Compliance), "").await.unwrap_err().code, "reason_missing");
        force(staff("Cora", Role::Compliance), "known in person").await.unwrap();
        w.work().await;
        let v = w.withdrawal_is(r.id, S::Paid).await;
        assert_eq!(v.rule.as_deref(), Some("manual_override"));
        let e = w.open_exceptions().await;
        assert_eq!((e.len(), e[0].kind.as_str()), (1, "withdrawal.override"));
        assert!(e[0].cause.contains("Cora") && e[0].cause.contains("known in person"));
        w.finish().await;
    }

    async fn a_case_is_claimed_by_one_and_handed_over_with_its_comment(t: TestDb) {
        let (w, a) = trusted(t, 50_000).await;
        let r = w.withdraw_from("dev_new", ALEX, 10_000, Some(a.id)).await.unwrap();
        w.work().await;
        let claim = async |who: Caller, take| w.staff_does(async move |tx, core| withdrawal::claim(tx, core, &who, r.id, take).await).await;
        let fin = staff("Fin", Role::Finance);
        assert_eq!(claim(fin.clone(), true).await.unwrap().claimed_by, Some(fin.id()));
        claim(fin.clone(), true).await.unwrap();
        let seen = async |who: Caller, mine: bool, overdue: bool| {
            w.staff_does(async move |tx, core| {
                let q = WithdrawalQuery { mine, overdue, ..Default::default() };
                withdrawal::list(tx, core, &who, q, &PageRequest::new(None, None).unwrap()).await
            })
            .await
            .unwrap()
            .items
            .len()
        };
        assert_eq!((seen(fin.clone(), true, false).await, seen(staff("Flo", Role::Finance), true, false).await), (1, 0));
        assert_eq!(seen(fin.clone(), false, true).await, 0, "not yet");
        w.clock.advance_secs(25 * 3_600);
        assert_eq!((seen(fin.clone(), true, true).await, seen(fin.clone(), false, true).await), (1, 1));
        assert_eq!(claim(staff("Flo", Role::Finance), true).await.unwrap_err().code, "claimed_by_other");
        assert_eq!(claim(staff("Flo", Role::Finance), false).await.unwrap_err().code, "claimed_by_other");
        let over = async |who: Caller, desk: &'static str, comment: &'static str| w.staff_does(async move |tx, core| withdrawal::hand_over(tx, core, &who, r.id, desk, comment).await).await;
        assert_eq!(over(fin.clone(), "sales", "x").await.unwrap_err().code, "value_unknown");
        assert_eq!(over(fin.clone(), "compliance", "").await.unwrap_err().code, "reason_missing");
        let v = over(fin.clone(), "compliance", "is this the same person?").await.unwrap();
        assert_eq!((v.desk.as_str(), v.claimed_by), ("compliance", None));
        let queue = async |desk: &'static str| {
            w.staff_does(async move |tx, core| {
                let q = WithdrawalQuery { state: Some(S::Review), desk: Some(desk.into()), ..Default::default() };
                withdrawal::list(tx, core, &staff("Cora", Role::Compliance), q, &PageRequest::new(None, None).unwrap()).await
            })
            .await
            .unwrap()
            .items
            .len()
        };
        assert_eq!((queue("compliance").await, queue("finance").await), (1, 0));
        over(staff("Cora", Role::Compliance), "finance", "it is").await.unwrap();
        w.approve("Fin", Role::Finance, r.id).await.unwrap();
        w.work().await;
        w.withdrawal_is(r.id, S::Paid).await;
        w.finish().await;
    }

    async fn what_may_not_be_asked_for_is_refused_at_the_door(t: TestDb) {
        let (w, a) = trusted(t, 50_000).await;
        let demo = w.request(ALEX, "demo", Currency::EUR).await.unwrap();
        let hers = w.account("cli_berta").await;
        w.work().await;
        let code = async |minor, account| w.withdraw(ALEX, minor, account).await.unwrap_err().code;
        assert_eq!(code(0, Some(a.id)).await, "amount_not_positive");
        assert_eq!(code(999, Some(a.id)).await, "amount_below_minimum");
        assert_eq!(code(5_000, Some(demo.id)).await, "account_is_demo");
        assert_eq!(code(5_000, Some(hers.id)).await, "not_found");
        let facts = w.facts.of(ALEX, None);
        let usd = NewWithdrawal { amount: Amount::new(5_000, Currency::USD), account_id: Some(a.id), target_id: None };
        let p = w.staff_does(async move |tx, core| withdrawal::request(tx, core, &client_caller(ALEX), facts.clone(), usd.clone()).await).await.unwrap_err();
        assert_eq!(p.code, "currency_mismatch");
        let facts = w.facts.of(ALEX, None);
        let eur = NewWithdrawal { amount: Amount::new(5_000, Currency::EUR), account_id: None, target_id: None };
        for (who, code) in [(client_caller("cli_mallory"), "not_found"), (staff("Fin", Role::Finance), "right_missing")] {
            let (f, n) = (facts.clone(), eur.clone());
            let p = w.staff_does(async move |tx, core| withdrawal::request(tx, core, &who, f.clone(), n.clone()).await).await.unwrap_err();
            assert_eq!(p.code, code);
        }
        w.facts.edit("cli_berta", |f| f.kyc_approved = false);
        assert_eq!(w.withdraw("cli_berta", 5_000, None).await.unwrap_err().code, "kyc_required");
        w.facts.edit(ALEX, |f| f.withdrawals_stopped = Some("court order".into()));
        assert_eq!(code(5_000, Some(a.id)).await, "withdrawals_stopped");
        w.finish().await;
    }

    async fn money_on_its_way_out_cannot_be_used_for_anything_else(t: TestDb) {
        let (w, a) = trusted(t, 50_000).await;
        let r = w.withdraw_from("dev_new", ALEX, 20_000, Some(a.id)).await.unwrap();
        // The platform has given it and nobody has told the withdrawal yet.
        qd_runtime::jobs::run_until_idle(&w.core, &w.registry).await.unwrap();
        assert_eq!(w.withdrawal(r.id).await.state, S::Collecting);
        assert_eq!((w.wallet(ALEX).await, w.available(ALEX).await), (20_000, 0));
        assert_eq!(w.withdraw(ALEX, 5_000, None).await.unwrap_err().code, "insufficient_funds");
        w.work().await;
        w.withdrawal_is(r.id, S::Review).await;
        assert_eq!((w.wallet(ALEX).await, w.available(ALEX).await), (20_000, 0));
        w.finish().await;
    }
}
