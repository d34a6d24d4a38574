use crate::store::past_attempts;
use crate::world::*;
use qd_kernel::{Amount, Currency};
use qd_payments::deposit::{self, AttemptState, DepositState, DepositView};
use qd_payments::routing::{self, Arm, ChosenBy, LeftOut, Level, NewExperiment};
use qd_payments::{ClientFacts, DepositId};
use qd_runtime::access::{Caller, Role};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::rules::{self, Draft};
use qd_sandbox::{Fault, FaultKind};
use qd_testkit::{TestDb, both};
use serde_json::{Value, json};

const OTHER: &str = "stripe-intl";
const SOFT: &str = "4000000000009995";
const STOLEN: &str = "4000000000009979";

/// Cards may go through two accounts at the processor.
async fn two(t: TestDb) -> World {
    let w = World::new(t).await;
    let core = w.core.clone();
    core.db
        .write(async |tx| qd_payments::jobs::connections::register(tx, OTHER, "eu", "stripe", &json!([])).await)
        .await
        .unwrap();
    for c in [ALEX, "cli_berta", "cli_new"] {
        w.facts.edit(c, |f| f.methods[0].others = vec![OTHER.into()]);
    }
    w
}

/// On the page of an attempt.
async fn pay_at(w: &World, d: &DepositView, n: usize, card: &str, outcome: &str) {
    let a = &w.deposit(d.id).await.attempts[n - 1];
    let session = a.provider_ref.clone().unwrap();
    let body = json!({"session": session, "card": card, "outcome": outcome, "name": "Alex Müller"});
    w.control("POST", &format!("/stripe/{}/pay", a.connection), body).await;
    hooks(w).await;
}

async fn hooks(w: &World) {
    for c in [PSP, OTHER] {
        w.hooks_of(c).await;
    }
}

async fn again(w: &World, id: DepositId) -> qd_kernel::Result<DepositView> {
    let client = w.deposit(id).await.client_id;
    let facts = w.facts.of(&client, Some("dev_home"));
    let d = w
        .staff_does(async move |tx, core| deposit::again(tx, core, &client_caller(&facts.client_id), &facts, id, None).await)
        .await?;
    w.work().await;
    Ok(w.deposit(d.id).await)
}

/// Where a client's deposit of 200 EUR would go.
async fn route(w: &World, edit: impl Fn(&mut ClientFacts)) -> routing::Route {
    let mut facts = w.facts.of(ALEX, None);
    edit(&mut facts);
    let core = w.core.clone();
    w.core
        .db
        .read(async move |tx| {
            let ask = routing::Ask {
                client: &facts,
                method: &facts.methods[0],
                amount: Amount::new(20_000, Currency::EUR),
                bin: Some("424242"),
                tried: &[],
            };
            routing::route(tx, &core, &ask).await
        })
        .await
        .unwrap()
}

fn down(w: &World, connection: &str) {
    w.sandbox.shared().faults.order(Fault {
        id: String::new(),
        provider: "stripe".into(),
        target: "*".into(),
        server: Some(connection.into()),
        kind: FaultKind::Down,
        count: 1,
        delay_ms: None,
        value: None,
    });
}

/// One round of probes, as the schedule would ask.
async fn probe(w: &World) {
    w.clock.advance_secs(qd_payments::jobs::PROBE_EVERY_S);
    let core = w.core.clone();
    w.core
        .db
        .write(async move |tx| {
            let now = core.now();
            let job = NewJob::new("psp.probe", json!({}), now).key(now.micros().to_string());
            jobs::enqueue(tx, &core, job).await.map(|_| ())
        })
        .await
        .unwrap();
    w.work().await;
}

async fn rule(w: &World, name: &str, expression: &str, outcome: Value) {
    let (name, expression, core) = (name.to_string(), expression.to_string(), w.core.clone());
    w.core
        .db
        .write(async move |tx| {
            let draft = Draft {
                id: None,
                base_version: None,
                set: routing::RULE_SET.into(),
                entity: Some("eu".into()),
                name: name.clone(),
                priority: 10,
                expression: expression.clone(),
                outcome: outcome.clone(),
                reason_code: "house_rule".into(),
                state: rules::State::Active,
                tests: Vec::new(),
                note: String::new(),
            };
            rules::save(tx, &core, &Caller::system("test"), draft).await.map(|_| ())
        })
        .await
        .unwrap();
}

fn connections(d: &DepositView) -> Vec<(&str, AttemptState)> {
    d.attempts.iter().map(|a| (a.connection.as_str(), a.state)).collect()
}

both! {
    async fn a_soft_decline_goes_on_elsewhere_as_another_attempt_of_the_same_deposit(t: TestDb) {
        let w = two(t).await;
        let a = w.account(ALEX).await;
        let d = w.redirected(ALEX, 20_000, Some(a.id)).await;
        assert_eq!(again(&w, d.id).await.unwrap_err().code, "deposit_not_retryable", "it may still be paid where it is");
        pay_at(&w, &d, 1, SOFT, "decline").await;
        let v = again(&w, d.id).await.unwrap();
        assert_eq!((v.state, v.connection.as_str()), (DepositState::Redirected, OTHER));
        assert_eq!(connections(&v), [(PSP, AttemptState::Redirected), (OTHER, AttemptState::Redirected)]);
        let why = v.attempts[1].route.as_ref().unwrap();
        assert_eq!((why.candidates[0].left_out, why.connection.as_str()), (Some(LeftOut::Tried), OTHER));
        pay_at(&w, &d, 2, VISA, "success").await;
        let v = w.deposit(d.id).await;
        assert_eq!((v.state, v.attempts[1].state, v.connection.as_str()), (DepositState::Posted, AttemptState::Paid, OTHER));
        assert_eq!((w.at(&a, qd_ledger::Purpose::Platform).await, w.at_provider().await), (20_000, 0));
        let ftd = w.events("client.ftd");
        assert_eq!((ftd.len(), &ftd[0]["psp"], &ftd[0]["psp_ref"]), (1, &json!(OTHER), &json!(v.payment_ref)));
        w.agree(&a).await;
        w.finish().await;
    }

    async fn a_hard_decline_is_not_tried_again(t: TestDb) {
        let w = two(t).await;
        let d = w.redirected(ALEX, 20_000, None).await;
        pay_at(&w, &d, 1, STOLEN, "decline").await;
        assert_eq!(again(&w, d.id).await.unwrap_err().code, "declined_for_good");
        assert_eq!(w.deposit(d.id).await.attempts.len(), 1);
        w.finish().await;
    }

    async fn when_nothing_else_takes_it_there_is_no_further_attempt(t: TestDb) {
        let w = two(t).await;
        let d = w.redirected(ALEX, 20_000, None).await;
        pay_at(&w, &d, 1, SOFT, "decline").await;
        again(&w, d.id).await.unwrap();
        pay_at(&w, &d, 2, SOFT, "decline").await;
        assert_eq!(again(&w, d.id).await.unwrap_err().code, "no_other_connection");
        let facts = w.facts.of("cli_berta", None);
        let p = w.staff_does(async move |tx, core| deposit::again(tx, core, &client_caller("cli_berta"), &facts, d.id, None).await).await.unwrap_err();
        assert_eq!(p.code, "not_found", "somebody else's deposit");
        w.finish().await;
    }

    async fn an_old_attempt_that_is_paid_after_all_is_received_once(t: TestDb) {
        let w = two(t).await;
        let d = w.redirected(ALEX, 20_000, None).await;
        pay_at(&w, &d, 1, SOFT, "decline").await;
        again(&w, d.id).await.unwrap();
        pay_at(&w, &d, 1, VISA, "success").await;
        let v = w.deposit(d.id).await;
        assert_eq!((v.state, v.connection.as_str()), (DepositState::Posted, PSP));
        assert_eq!(connections(&v), [(PSP, AttemptState::Paid), (OTHER, AttemptState::Redirected)]);
        assert_eq!((w.wallet(ALEX).await, w.at_provider().await), (20_000, 20_000));
        w.until("the other page to expire", 300, async || (w.deposit(d.id).await.attempts[1].state == AttemptState::Expired).then_some(())).await;
        assert_eq!((w.deposit(d.id).await.state, w.wallet(ALEX).await), (DepositState::Posted, 20_000));
        w.finish().await;
    }

    async fn both_attempts_paid_are_one_deposit_and_one_held_payment(t: TestDb) {
        let w = two(t).await;
        for (client, card, give_back, here) in [(ALEX, VISA, false, 20_000), ("cli_berta", "5555555555554444", true, 40_000)] {
            let d = w.redirected(client, 20_000, None).await;
            pay_at(&w, &d, 1, SOFT, "decline").await;
            again(&w, d.id).await.unwrap();
            pay_at(&w, &d, 2, card, "success").await;
            pay_at(&w, &d, 1, card, "success").await;
            let v = w.deposit(d.id).await;
            assert_eq!(connections(&v), [(PSP, AttemptState::PaidSecond), (OTHER, AttemptState::Paid)]);
            assert_eq!((w.wallet(client).await, w.suspense(client).await, w.at_provider().await), (20_000, 20_000, here));
            assert_eq!(w.exceptions().await, ["deposit.paid_twice"]);
            let second = DepositId::parse(v.attempts[0].became.as_ref().unwrap()).unwrap();
            let s = w.deposit(second).await;
            assert_eq!((s.state, s.held_reason.as_deref(), s.second_of), (DepositState::Held, Some("paid_twice"), Some(d.id)));
            // Told again by the provider.
            let ev = w.event_of("checkout.session.completed").await;
            w.stripe("resend", json!({"event": ev, "times": 8, "concurrent": true})).await;
            hooks(&w).await;
            assert_eq!(w.money(client).await, 40_000);
            if give_back {
                w.staff_does(async move |tx, core| deposit::refund(tx, core, &staff("Fin", Role::Finance), second, "paid twice").await).await.unwrap();
                w.work().await;
                hooks(&w).await;
                assert_eq!((w.deposit(second).await.state, w.money(client).await), (DepositState::Refunded, 20_000));
            } else {
                w.staff_does(async move |tx, core| deposit::release(tx, core, &staff("Fin", Role::Finance), second, "the client wants it").await).await.unwrap();
                w.work().await;
                assert_eq!((w.deposit(second).await.state, w.wallet(client).await), (DepositState::Posted, 40_000));
            }
            assert!(w.exceptions().await.is_empty());
        }
        assert_eq!(w.events("client.ftd").len(), 2);
        w.finish().await;
    }

    async fn a_provider_that_is_down_gives_way_within_a_minute_and_comes_back(t: TestDb) {
        let w = two(t).await;
        down(&w, PSP);
        let d = w.wish(ALEX, 20_000, None).await.unwrap();
        let began = w.core.now();
        w.until("the other provider's page", 5, async || (w.deposit(d.id).await.state == DepositState::Redirected).then_some(())).await;
        assert!(w.core.now().secs_since(began) < 60);
        let v = w.deposit(d.id).await;
        assert_eq!(connections(&v), [(PSP, AttemptState::Failed), (OTHER, AttemptState::Redirected)]);
        probe(&w).await;
        probe(&w).await;
        assert_eq!(w.exceptions().await, ["psp.down"]);
        let e = &w.open_exceptions().await[0];
        assert_eq!((e.owner_role.as_str(), e.subject.as_str()), ("ops", "connection:stripe-eu"));
        let r = route(&w, |_| ()).await;
        assert_eq!((r.connection.as_str(), r.candidates[0].left_out), (OTHER, Some(LeftOut::Down)));
        let d = w.redirected("cli_berta", 20_000, None).await;
        assert_eq!(connections(&d), [(OTHER, AttemptState::Redirected)], "the next one goes there at once");
        w.calm();
        probe(&w).await;
        assert!(w.exceptions().await.is_empty());
        assert_eq!(route(&w, |_| ()).await.connection, PSP);
        w.finish().await;
    }

    async fn a_provider_nobody_calls_is_found_down_by_probes_and_declines_are_none_of_its_faults(t: TestDb) {
        let w = two(t).await;
        for _ in 0..4 {
            let d = w.redirected(ALEX, 20_000, None).await;
            pay_at(&w, &d, 1, SOFT, "decline").await;
        }
        let health = async || {
            let (now, who) = (w.core.now(), staff("Ops", Role::Ops));
            w.core.db.read(async move |tx| routing::connections(tx, now, &who).await).await.unwrap()
        };
        let of = |all: &[routing::ConnectionHealth], id: &str| all.iter().find(|c| c.id == id).unwrap().clone();
        let h = of(&health().await, PSP);
        assert_eq!((h.state, h.windows[0].faults, h.faults_in_row), ("up", 0, 0));
        assert!(h.windows[0].calls >= 8);
        let began = w.core.now();
        down(&w, OTHER);
        probe(&w).await;
        assert_eq!(of(&health().await, OTHER).state, "up", "once is no habit");
        probe(&w).await;
        let h = of(&health().await, OTHER);
        assert_eq!((h.state, h.windows[0].faults), ("down", 2));
        assert!(w.core.now().secs_since(began) < 60);
        assert_eq!(w.exceptions().await, ["psp.down"]);
        w.calm();
        probe(&w).await;
        assert_eq!((of(&health().await, OTHER).state, w.events("connection.state").len()), ("up", 2));
        w.finish().await;
    }

    async fn sixty_two_per_cent_are_routed_around_where_eighty_one_are_to_be_had(t: TestDb) {
        let w = two(t).await;
        let at = w.core.now();
        w.staff_does(async move |tx, _| {
            past_attempts(tx, PSP, "TH", 62, 38, at).await?;
            past_attempts(tx, OTHER, "TH", 81, 19, at).await?;
            past_attempts(tx, PSP, "DE", 81, 19, at).await?;
            past_attempts(tx, OTHER, "DE", 62, 38, at).await
        })
        .await
        .unwrap();
        let german = route(&w, |_| ()).await;
        assert_eq!((german.connection.as_str(), german.by, german.measured), (PSP, ChosenBy::Measured, Some(Level::CountryAndBand)));
        let thai = route(&w, |f| f.country = "TH".into()).await;
        assert_eq!((thai.connection.as_str(), thai.by), (OTHER, ChosenBy::Measured));
        let seen: Vec<(i64, i64)> = thai.candidates.iter().map(|c| (c.paid, c.ended)).collect();
        assert_eq!(seen, [(62, 100), (81, 100)]);
        // Nobody there has enough of a past: the configured order.
        let few = route(&w, |f| f.country = "FR".into()).await;
        assert_eq!((few.connection.as_str(), few.measured), (PSP, Some(Level::Everywhere)));
        let who = staff("Ops", Role::Ops);
        let rows = w.core.db.read(async move |tx| routing::success(tx, at, &who, "card", Currency::EUR).await).await.unwrap();
        let rate = |c: &str, country: &str| rows.iter().find(|r| r.connection == c && r.country == country).unwrap().rate_ppm;
        assert_eq!((rate(PSP, "TH"), rate(OTHER, "TH")), (620_000, 810_000));

        // And in truth: the deposit goes there, with the decision and its figures.
        w.facts.edit(ALEX, |f| f.country = "TH".into());
        let d = w.redirected(ALEX, 20_000, None).await;
        assert_eq!(d.connection, OTHER);
        assert_eq!(d.attempts[0].route.as_ref().unwrap().candidates, thai.candidates);
        w.finish().await;
    }

    async fn a_few_lucky_attempts_change_no_route(t: TestDb) {
        let w = two(t).await;
        let at = w.core.now();
        w.staff_does(async move |tx, _| {
            past_attempts(tx, PSP, "DE", 62, 38, at).await?;
            past_attempts(tx, OTHER, "DE", 20, 0, at).await
        })
        .await
        .unwrap();
        let r = route(&w, |_| ()).await;
        assert_eq!((r.connection.as_str(), r.by, r.measured), (PSP, ChosenBy::Configured, None));
        w.finish().await;
    }

    async fn a_rule_orders_or_leaves_out_and_stands_above_what_was_measured(t: TestDb) {
        let w = two(t).await;
        let at = w.core.now();
        w.staff_does(async move |tx, _| {
            past_attempts(tx, PSP, "DE", 81, 19, at).await?;
            past_attempts(tx, OTHER, "DE", 62, 38, at).await
        })
        .await
        .unwrap();
        rule(&w, "Germans", "client.country == 'DE' && card.bin.startsWith('4242')", json!({"prefer": [OTHER]})).await;
        let r = route(&w, |_| ()).await;
        assert_eq!((r.connection.as_str(), r.by, r.rules[0].reason_code.as_str()), (OTHER, ChosenBy::Rule, "house_rule"));
        rule(&w, "Risky ones", "client.risk == 'high'", json!({"exclude": [OTHER]})).await;
        let r = route(&w, |f| f.risk = "high".into()).await;
        assert_eq!((r.connection.as_str(), r.candidates[1].left_out), (PSP, Some(LeftOut::Rule)));
        rule(&w, "Large ones", "deposit.amount_minor > 10000", json!({"only": ["nobody"]})).await;
        let p = w.wish(ALEX, 20_000, None).await.unwrap_err();
        assert_eq!(p.code, "method_not_routed");
        w.finish().await;
    }

    async fn an_experiment_sends_its_share_the_other_way_and_counts_what_came_of_it(t: TestDb) {
        let w = two(t).await;
        let new = |share: u32| NewExperiment {
            entity: "eu".into(),
            name: "The second account".into(),
            method: "card".into(),
            arms: vec![
                Arm { name: "first".into(), connection: PSP.into(), share: 100 - share },
                Arm { name: "second".into(), connection: OTHER.into(), share },
            ],
        };
        let start = async |who: Caller, new: NewExperiment| w.staff_does(async move |tx, core| routing::start(tx, core, &who, new.clone()).await).await;
        assert_eq!(start(staff("Sam", Role::Support), new(50)).await.unwrap_err().code, "right_missing");
        let mut wrong = new(50);
        wrong.arms[0].share = 60;
        assert_eq!(start(staff("Ada", Role::Ops), wrong).await.unwrap_err().code, "shares_sum");
        let e = start(staff("Ada", Role::Ops), new(100)).await.unwrap();
        assert_eq!(start(staff("Ada", Role::Ops), new(50)).await.unwrap_err().code, "experiment_running");
        let d = w.redirected(ALEX, 20_000, None).await;
        assert_eq!((d.connection.as_str(), d.attempts[0].route.as_ref().unwrap().by), (OTHER, ChosenBy::Experiment));
        pay_at(&w, &d, 1, VISA, "success").await;
        assert_eq!(w.wallet(ALEX).await, 20_000);
        // A connection that is down is no part of it.
        down(&w, OTHER);
        probe(&w).await;
        probe(&w).await;
        let r = route(&w, |_| ()).await;
        assert_eq!((r.connection.as_str(), r.experiment.map(|e| e.arm)), (PSP, Some("second".to_string())));
        w.calm();
        probe(&w).await;
        let id = e.id;
        let e = w.staff_does(async move |tx, core| routing::end(tx, core, &staff("Ada", Role::Ops), id).await).await.unwrap();
        let arm = &e.arms[1];
        assert_eq!((arm.clients, arm.attempts, arm.ended, arm.paid, arm.rate_ppm), (1, 1, 1, 1, Some(1_000_000)));
        assert_eq!(route(&w, |_| ()).await.connection, PSP);
        w.finish().await;
    }

    async fn a_connection_taken_out_by_a_person_takes_no_new_payment(t: TestDb) {
        let w = two(t).await;
        let d = w.redirected(ALEX, 20_000, None).await;
        let switch = async |who: Caller, on: bool| w.staff_does(async move |tx, core| routing::enable(tx, core, &who, PSP, on, "contract ended").await).await;
        assert_eq!(switch(staff("Sam", Role::Support), false).await.unwrap_err().code, "right_missing");
        assert_eq!(switch(staff("Ada", Role::Ops), false).await.unwrap().state, "disabled");
        assert_eq!(w.redirected("cli_berta", 20_000, None).await.connection, OTHER);
        pay_at(&w, &d, 1, VISA, "success").await;
        assert_eq!(w.deposit(d.id).await.state, DepositState::Posted, "what was begun there is followed there");
        w.finish().await;
    }
}
