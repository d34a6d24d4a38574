//! What a plan would have cost: against arithmetic done here, with tiers and without, for a partner and
//! for everybody on a plan.

use crate::kit::*;
use qd_kernel::{Currency, Ts};
use qd_partners::simulate::{self, Ask, Cursor, Question, Sample, Simulation, SimulationState};
use qd_partners::{DealFacts, PartnerId, PlanId};
use qd_testkit::TestDb;
use serde_json::{Value, json};

fn ask(document: Value, partners: &[PartnerId], from: Ts, to: Ts) -> Ask {
    Ask {
        document: Some(document),
        plan_id: None,
        partners: partners.to_vec(),
        on_plan: None,
        from_us: from.micros(),
        to_us: to.micros(),
        currency: None,
    }
}

async fn question(t: &TestDb, ask: &Ask) -> Question {
    let (core, ask) = (t.core.clone(), ask.clone());
    t.db.read(async move |tx| simulate::check(tx, &core, &manager(), &ask).await)
        .await
        .unwrap()
}

async fn simulated(t: &TestDb, ask: &Ask) -> Simulation {
    let q = question(t, ask).await;
    let mut sample = Sample::new(q.clone());
    let mut after = Some(Cursor::default());
    while let Some(from) = after {
        let q = q.clone();
        let page = t.db.read(async move |tx| simulate::gather(tx, &q, &from).await).await.unwrap();
        sample.add(page.deals, page.seen);
        after = page.next;
    }
    sample.answer().unwrap()
}

/// With what the broker earned, in cents.
fn earning(mut d: DealFacts, revenue: i64) -> DealFacts {
    d.revenue_minor = Some(revenue);
    d
}

/// Sub at 8 under a master at 10 by difference; two months, two products.
async fn past(t: &TestDb) -> (PartnerId, PartnerId, PlanId) {
    let over = json!({"method": "differential"});
    let master = make(t, "Master", None, Currency::USD, None).await.id;
    let sub = make(t, "Sub", Some(master), Currency::USD, None).await.id;
    let (ten, eight) = (plan(t, per_lot("10", over.clone())).await, plan(t, per_lot("8", over)).await);
    on_plan(t, master, ten, day(1, 1)).await;
    on_plan(t, sub, eight, day(1, 1)).await;
    give(t, "cli_1", Some(sub), day(1, 2)).await;
    give(t, "cli_2", Some(master), day(1, 2)).await;
    let mut gold = earning(deal("3", "cli_1", "2", day(4, 5)), 3_000);
    gold.symbol = "XAUUSD".into();
    gold.product_group = Some("metals".into());
    book(
        t,
        vec![
            earning(deal("1", "cli_1", "60", day(3, 5)), 90_000),
            earning(deal("2", "cli_1", "50", day(3, 6)), 75_000),
            gold,
            // Not on the sub's path.
            earning(deal("4", "cli_2", "7", day(3, 7)), 10_500),
        ],
    )
    .await;
    (sub, master, eight)
}

qd_testkit::both! {
    async fn a_cheaper_plan_moves_the_sub_and_what_the_master_gets_by_difference(t: TestDb) {
        let (sub, master, _) = past(&t).await;
        let offer = per_lot("6", json!({"method": "differential"}));
        let s = simulated(&t, &ask(offer, &[sub], day(3, 1), day(5, 1))).await;
        assert_eq!((s.currency, s.total.deals, s.total.lots.as_str()), (Currency::USD, 3, "112"));
        // The chain costs the master's 10 either way: the house gains nothing, the master does.
        assert_eq!((s.total.today_minor, s.total.proposed_minor, s.total.difference_minor), (112_000, 112_000, 0));
        let of = |p: PartnerId| s.partners.iter().find(|x| x.partner_id == p.to_string()).unwrap().clone();
        assert_eq!((of(sub).today_minor, of(sub).proposed_minor, of(sub).on_plan), (89_600, 67_200, true));
        assert_eq!((of(master).today_minor, of(master).proposed_minor, of(master).on_plan), (22_400, 44_800, false));
        assert_eq!(s.total.revenue_minor, 168_000);
        assert_eq!((s.total.margin_today_minor, s.total.margin_proposed_minor), (56_000, 56_000));
        // (1,680.00 - 448.00) / 112 lots.
        assert_eq!(s.total.break_even_per_lot.as_deref(), Some("11"));
        let months: Vec<_> = s.months.iter().map(|m| (m.key.as_str(), m.today_minor, m.revenue_minor)).collect();
        assert_eq!(months, [("2026-03", 110_000, 165_000), ("2026-04", 2_000, 3_000)]);
        let products: Vec<_> = s.products.iter().map(|m| (m.key.as_str(), m.proposed_minor)).collect();
        assert_eq!(products, [("majors", 110_000), ("metals", 2_000)]);
        assert_eq!((s.in_columns, s.one_by_one, s.revenue_unknown), (3, 0, 0));
    }

    async fn a_tier_that_reaches_back_is_replayed_and_shows_where_it_stands(t: TestDb) {
        let (sub, _, eight) = past(&t).await;
        let mut offer = per_lot("6", json!({"method": "differential"}));
        offer["tiers"] = json!([{"id": "volume", "measure": "lots", "window": "calendar_month", "scope": "own", "kind": "retroactive", "thresholds": ["100", "300"]}]);
        offer["rules"] = json!([{"id": "base", "kind": "base", "pay": "per_lot", "tier": "volume", "rates": ["6", "7", "9"]}]);
        let mut q = ask(offer, &[], day(3, 1), day(4, 1));
        q.on_plan = Some(eight);
        let s = simulated(&t, &q).await;
        let of_sub = s.partners.iter().find(|x| x.partner_id == sub.to_string()).unwrap();
        // 110 lots reach the second band: 7 for all of them.
        assert_eq!((of_sub.today_minor, of_sub.proposed_minor), (88_000, 77_000));
        assert_eq!((s.in_columns, s.one_by_one), (0, 2));
        let c = &s.cliffs[0];
        assert_eq!((c.partner_id.clone(), c.period.as_str(), c.count.as_str()), (sub.to_string(), "2026-03", "110"));
        assert_eq!((c.threshold.as_deref(), c.to_go.as_deref()), (Some("300"), Some("190")));
        assert_eq!((c.rate_now.as_deref(), c.rate_next.as_deref(), c.jump.as_deref()), (Some("7"), Some("9"), Some("600")));
    }

    async fn a_queued_question_is_answered_once_and_seen_by_those_who_may(t: TestDb) {
        let (sub, _, _) = past(&t).await;
        let a = ask(per_lot("6", json!({"method": "differential"})), &[sub], day(3, 1), day(5, 1));
        let s = simulated(&t, &a).await;
        let (core, asked) = (t.core.clone(), a.clone());
        let v = t.db.write(async move |tx| simulate::queue(tx, &core, &manager(), &asked).await).await.unwrap();
        assert_eq!((v.state, v.deals, v.seen), (SimulationState::Waiting, 3, 0));
        let id = v.id.unwrap();
        let core = t.core.clone();
        t.db.write(async move |tx| {
            assert!(simulate::asked(tx, &core, id).await?.is_some());
            simulate::progress(tx, id, 2).await?;
            simulate::finish(tx, &core, id, &Ok(s.clone())).await?;
            assert!(simulate::asked(tx, &core, id).await?.is_none(), "answered questions are not worked on again");
            Ok(())
        }).await.unwrap();
        let v = t.db.read(async move |tx| simulate::get(tx, &manager(), id).await).await.unwrap();
        assert_eq!((v.state, v.seen), (SimulationState::Done, 3));
        assert_eq!(v.result.unwrap()["total"]["proposed_minor"], 112_000);
        let p = t.db.read(async move |tx| simulate::get(tx, &elsewhere(), id).await).await.unwrap_err();
        assert_eq!(p.class, qd_kernel::Class::Missing);
    }

    async fn a_question_that_cannot_be_asked_names_its_fields(t: TestDb) {
        let (sub, _, _) = past(&t).await;
        for (a, pointer) in [
            (ask(json!({"format": 1, "name": "x", "currency": "USD", "rules": [{"id": "a", "kind": "per_lot", "rate": "-1"}]}), &[sub], day(3, 1), day(4, 1)), "/document/rules/0/rate"),
            (ask(per_lot("6", json!(null)), &[], day(3, 1), day(4, 1)), "/partners"),
            (ask(per_lot("6", json!(null)), &[sub], day(4, 1), day(3, 1)), "/to_us"),
        ] {
            let core = t.core.clone();
            let p = t.db.read(async move |tx| simulate::check(tx, &core, &manager(), &a).await).await.unwrap_err();
            assert!(p.fields.iter().any(|f| f.pointer == pointer), "{pointer}: {p:?}");
        }
    }
}
