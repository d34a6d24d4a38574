//! Programmes with a database: examples 7, 13, 16 and 19 from facts and deals to lines and money, on
//! both engines.

use crate::closes::get;
use crate::kit::*;
use crate::paying::{agree, close_month, figures, set};
use crate::programmes::cpa_16;
use crate::tx;
use qd_kernel::{Amount, Currency, Entropy, PageRequest, SeededEntropy, Ts};
use qd_partners::booking::LineKind;
use qd_partners::engine::cpa::CpaState;
use qd_partners::engine::revenue::month_of;
use qd_partners::programmes::{self, ClientFacts, ClosedMonth, Decide, MoneyFact, MoneyKind, Standing};
use qd_partners::reading::{self, LineFilter, LineView};
use qd_partners::{PartnerId, Quote, payouts};
use qd_testkit::TestDb;
use serde_json::{Value, json};

fn at(m: u32, d: u32, hour: i64) -> Ts {
    day(m, d).plus_secs(hour * 3_600)
}

fn known(client: &str, country: &str, money: Vec<MoneyFact>) -> ClientFacts {
    ClientFacts {
        client_id: client.into(),
        entity: "eu".into(),
        brand: "house".into(),
        person: client.into(),
        country: country.into(),
        kyc_country: None,
        registered_at: day(2, 20),
        kyc_approved_at: Some(day(3, 3)),
        shared: Vec::new(),
        money,
        quotes: Vec::new(),
    }
}

fn money(kind: MoneyKind, reference: &str, about: Option<&str>, minor: i64, currency: Currency, at: Ts, quotes: Vec<Quote>) -> MoneyFact {
    MoneyFact {
        kind,
        reference: reference.into(),
        about: about.map(str::to_string),
        amount: Amount::new(minor, currency),
        at,
        quotes,
    }
}

fn eur(reference: &str, minor: i64, when: Ts, rate: &str) -> MoneyFact {
    money(
        MoneyKind::Deposit,
        reference,
        None,
        minor,
        Currency::EUR,
        when,
        vec![quote(Currency::EUR, Currency::USD, rate, when)],
    )
}

fn usd(reference: &str, minor: i64, when: Ts) -> MoneyFact {
    money(MoneyKind::Deposit, reference, None, minor, Currency::USD, when, Vec::new())
}

fn go_to(t: &TestDb, when: Ts) {
    t.clock.set(when);
}

async fn tell(t: &TestDb, f: &ClientFacts) {
    let f = f.clone();
    tx!(t, |tx, core| programmes::told(tx, core, &f).await).unwrap();
}

async fn look(t: &TestDb, client: &str) {
    let client = client.to_string();
    tx!(t, |tx, core| programmes::evaluate(tx, core, &client).await).unwrap();
}

async fn standing(t: &TestDb, client: &str) -> Standing {
    let client = client.to_string();
    t.db.read(async move |tx| programmes::of_client(tx, &manager(), &client).await)
        .await
        .unwrap()
        .remove(0)
}

async fn held(t: &TestDb, p: PartnerId) -> i64 {
    figures(t, p).await.held_minor
}

async fn lines(t: &TestDb, p: PartnerId) -> Vec<LineView> {
    let f = LineFilter {
        partner_id: Some(p),
        ..LineFilter::default()
    };
    let page = PageRequest::new(Some(100), None).unwrap();
    let mut all =
        t.db.read(async move |tx| reading::lines(tx, &finance(), &f, &page).await)
            .await
            .unwrap()
            .items;
    all.reverse();
    all
}

async fn programme_lines(t: &TestDb, p: PartnerId) -> Vec<(LineKind, i64)> {
    lines(t, p)
        .await
        .into_iter()
        .filter(|l| l.server == "programme")
        .map(|l| (l.kind, l.minor))
        .collect()
}

fn doc(more: Value) -> Value {
    let mut doc = json!({"format": 1, "name": "programme", "currency": "USD"});
    doc.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    doc
}

/// A partner on a plan, with clients from the start of the year.
async fn partner_with(t: &TestDb, document: Value, clients: &[&str]) -> PartnerId {
    let p = make(t, "Nord", None, Currency::USD, None).await.id;
    let plan = plan(t, document).await;
    on_plan(t, p, plan, day(1, 1)).await;
    for c in clients {
        give(t, c, Some(p), day(1, 2)).await;
    }
    p
}

async fn close(t: &TestDb, p: PartnerId, m: u32) -> Vec<ClosedMonth> {
    let month = month_of(day(m, 1));
    tx!(t, |tx, core| programmes::close_month(tx, core, p, month).await).unwrap()
}

fn disputed(minor: i64) -> MoneyFact {
    let rate = vec![quote(Currency::EUR, Currency::USD, "1.0900", at(4, 25, 12))];
    money(
        MoneyKind::Chargeback,
        "dsp_1",
        Some("dep_2"),
        minor,
        Currency::EUR,
        at(4, 25, 12),
        rate,
    )
}

qd_testkit::both! {
    async fn example_16_four_clients_one_is_paid_and_taken_back(t: TestDb) {
        let p = partner_with(&t, doc(json!({"cpa": cpa_16()})), &["cli_1", "cli_2", "cli_3", "cli_4"]).await;
        let c1 = |more: Vec<MoneyFact>| {
            let mut all = vec![eur("dep_1", 12_000, at(3, 1, 10), "1.0800"), eur("dep_2", 8_000, at(3, 2, 9), "1.0850")];
            all.extend(more);
            known("cli_1", "DE", all)
        };
        agree(&t, p, json!({"pay": "live"})).await;
        go_to(&t, at(3, 5, 0));
        tell(&t, &c1(vec![])).await;
        tell(&t, &known("cli_2", "ZA", vec![usd("dep_3", 21_739, at(3, 1, 10))])).await;
        let mut c3 = known("cli_3", "GB", vec![usd("dep_4", 31_750, at(3, 1, 10))]);
        c3.kyc_approved_at = None;
        tell(&t, &c3).await;
        let mut c4 = known("cli_4", "DE", vec![usd("dep_5", 50_000, at(3, 1, 10))]);
        c4.shared = vec!["card".into()];
        tell(&t, &c4).await;
        assert_eq!(standing(&t, "cli_1").await.reason.as_deref(), Some("lots_missing"));
        book(&t, vec![
            deal("1", "cli_1", "2.40", at(3, 20, 12)), deal("2", "cli_2", "2.95", at(4, 15, 9)), deal("3", "cli_3", "4.10", at(3, 13, 12)),
            deal("4", "cli_4", "3.00", at(3, 13, 12)), deal("5", "cli_1", "0.70", at(4, 10, 12)), deal("6", "cli_2", "1.00", at(4, 16, 12)),
        ]).await;
        go_to(&t, at(4, 10, 13));
        for c in ["cli_1", "cli_2", "cli_3", "cli_4"] {
            look(&t, c).await;
        }
        let s = standing(&t, "cli_1").await;
        assert_eq!((s.state, s.booked_minor, s.qualified_by.as_deref(), s.hold_until), (CpaState::Qualified, 40_000, Some("mt5:5"), Some(at(5, 10, 12))));
        assert_eq!((owed(&t, p, Currency::USD).await, held(&t, p).await), (40_000, 40_000));
        assert_eq!(figures(&t, p).await.payable_minor, 0, "what the plan holds nobody pays");
        assert_eq!(standing(&t, "cli_4").await.state, CpaState::OnHold);
        // The time is over for the others; the identity came on day 50.
        go_to(&t, at(4, 20, 12));
        c3.kyc_approved_at = Some(at(4, 20, 11));
        tell(&t, &c3).await;
        let due = t.core.now();
        look(&t, "cli_2").await;
        let (s2, s3) = (standing(&t, "cli_2").await, standing(&t, "cli_3").await);
        assert_eq!((s2.state, s2.reason.as_deref(), s2.due_at), (CpaState::NotQualified, Some("lots_missing"), None));
        assert_eq!((s3.state, s3.reason.as_deref()), (CpaState::NotQualified, Some("kyc_late")));
        assert!(s2.tested.iter().any(|x| x.what == "lots" && x.value == "2.95"), "{:?} at {due}", s2.tested);
        // The chargeback undoes the first; told twice it takes back once; won, it is booked again.
        go_to(&t, at(4, 25, 13));
        tell(&t, &c1(vec![disputed(8_000)])).await;
        tell(&t, &c1(vec![disputed(8_000)])).await;
        let s = standing(&t, "cli_1").await;
        assert_eq!((s.state, s.reason.as_deref(), s.booked_minor, s.first_deposit.as_str()), (CpaState::NotQualified, Some("first_deposit_small"), 0, "129.6"));
        assert_eq!((owed(&t, p, Currency::USD).await, held(&t, p).await), (0, 0));
        tell(&t, &c1(vec![disputed(0)])).await;
        assert_eq!(programme_lines(&t, p).await, [(LineKind::Cpa, 40_000), (LineKind::Clawback, -40_000), (LineKind::Cpa, 40_000)]);
        sound(&t).await;
    }

    async fn the_sums_are_held_until_the_day_and_each_fault_of_order_comes_to_the_same(t: TestDb) {
        let p = partner_with(&t, doc(json!({"cpa": cpa_16()})), &["cli_1"]).await;
        agree(&t, p, json!({"pay": "live"})).await;
        go_to(&t, at(4, 12, 0));
        let rng = SeededEntropy::new(7);
        let parts: Vec<MoneyFact> = vec![eur("dep_1", 12_000, at(3, 1, 10), "1.0800"), eur("dep_2", 8_000, at(3, 2, 9), "1.0850")];
        let deals = [deal("1", "cli_1", "2.40", at(3, 20, 12)), deal("2", "cli_1", "0.70", at(4, 10, 12))];
        // Deals before deposits, deposits one by one and backwards, everything several times.
        for i in 0..8 {
            let n = usize::from(rng.code(1).as_bytes()[0]);
            if i % 2 == 0 {
                book(&t, vec![deals[n % 2].clone()]).await;
            }
            tell(&t, &known("cli_1", "DE", vec![parts[(n + i) % 2].clone()])).await;
        }
        book(&t, deals.to_vec()).await;
        tell(&t, &known("cli_1", "DE", parts.clone())).await;
        let s = standing(&t, "cli_1").await;
        assert_eq!((s.state, s.booked_minor, s.first_deposit.as_str()), (CpaState::Qualified, 40_000, "216.4"));
        assert_eq!(owed(&t, p, Currency::USD).await, 40_000);
        let f = figures(&t, p).await;
        assert_eq!((f.held_minor, f.releases.iter().map(|r| (r.at, r.minor)).collect::<Vec<_>>()), (40_000, vec![(day(5, 11), 40_000)]));
        go_to(&t, day(5, 11));
        assert_eq!((held(&t, p).await, figures(&t, p).await.available_minor), (0, 40_000));
        sound(&t).await;
    }

    async fn a_client_on_hold_is_paid_when_two_people_say_so(t: TestDb) {
        let p = partner_with(&t, doc(json!({"cpa": {"amounts": [{"amount": "100"}], "kyc": "not_needed"}})), &["cli_1", "cli_2"]).await;
        go_to(&t, at(3, 5, 0));
        for c in ["cli_1", "cli_2"] {
            let mut f = known(c, "DE", vec![usd(&format!("dep_{c}"), 10_000, at(3, 1, 10))]);
            f.shared = vec!["card".into()];
            tell(&t, &f).await;
        }
        let d = |accept| Decide { accept, reason: "papers seen".into() };
        let asked = tx!(t, |tx, core| programmes::decide(tx, core, &manager(), p, "cli_1", &d(true)).await).unwrap();
        assert_eq!((asked.state, owed(&t, p, Currency::USD).await), (CpaState::OnHold, 0));
        let subject = move || format!("{p}/cli_1");
        let own = tx!(t, |tx, core| programmes::vote(tx, core, &manager(), &subject(), true, "yes").await).unwrap_err();
        assert_eq!(own.code, "approval_own_request");
        let second = || qd_runtime::access::Caller::staff(qd_runtime::access::StaffId::from_body(9), "Paul", &[qd_runtime::access::Role::PartnerManager], None, &["eu"]);
        let paid = tx!(t, |tx, core| programmes::vote(tx, core, &second(), &subject(), true, "yes").await).unwrap();
        assert_eq!((paid.state, owed(&t, p, Currency::USD).await), (CpaState::Qualified, 10_000));
        let no = tx!(t, |tx, core| programmes::decide(tx, core, &manager(), p, "cli_2", &d(false)).await).unwrap();
        assert_eq!((no.state, no.decided), (CpaState::Declined, Some(false)));
        let o = t.db.read(async move |tx| programmes::overview(tx, &finance(), p, day(3, 6)).await).await.unwrap();
        let counts: Vec<_> = o.counts.iter().map(|c| (c.state, c.clients)).collect();
        assert_eq!(counts, [(CpaState::Declined, 1), (CpaState::Qualified, 1)]);
        sound(&t).await;
    }

    async fn one_person_is_paid_for_once_and_the_partners_own_record_never(t: TestDb) {
        let p = partner_with(&t, doc(json!({"cpa": {"amounts": [{"amount": "100"}], "kyc": "not_needed"}})), &["cli_1", "cli_2"]).await;
        let own = make(&t, "Self", None, Currency::USD, Some("cli_9")).await.id;
        let plan = plan(&t, doc(json!({"cpa": {"amounts": [{"amount": "100"}], "kyc": "not_needed"}}))).await;
        on_plan(&t, own, plan, day(1, 1)).await;
        give(&t, "cli_9", Some(own), day(1, 2)).await;
        go_to(&t, at(3, 5, 0));
        for c in ["cli_1", "cli_2", "cli_9"] {
            let mut f = known(c, "DE", vec![usd(&format!("dep_{c}"), 10_000, at(3, 1, 10))]);
            f.person = if c == "cli_9" { "other".into() } else { "same".into() };
            tell(&t, &f).await;
        }
        assert_eq!(standing(&t, "cli_1").await.state, CpaState::Qualified);
        let second = standing(&t, "cli_2").await;
        assert_eq!((second.state, second.reason.as_deref()), (CpaState::Declined, Some("already_paid")));
        assert_eq!(standing(&t, "cli_9").await.reason.as_deref(), Some("own_account"));
        assert_eq!((owed(&t, p, Currency::USD).await, owed(&t, own, Currency::USD).await), (10_000, 0));
    }

    async fn example_19_a_chargeback_takes_back_the_sum_and_the_lots_of_the_disputed_time(t: TestDb) {
        let rules = json!([{"id": "base", "kind": "per_lot", "rate": "10"}]);
        let p = partner_with(&t, doc(json!({"rules": rules, "cpa": {"amounts": [{"amount": "250"}], "first_deposit": {"min": "200"}, "kyc": "not_needed"}, "terms": {"clawback": "cpa_and_lots"}})), &["cli_1", "cli_2"]).await;
        go_to(&t, at(4, 10, 0));
        let f = |back: Option<i64>| {
            let mut all = vec![usd("dep_1", 20_000, at(3, 1, 10))];
            all.extend(back.map(|m| money(MoneyKind::Chargeback, "dsp_9", Some("dep_1"), m, Currency::USD, at(4, 5, 0), Vec::new())));
            known("cli_1", "DE", all)
        };
        tell(&t, &f(None)).await;
        // 60.00 in the disputed time, 7.00 after it; 120.00 of another client before all that.
        book(&t, vec![deal("1", "cli_1", "4", at(3, 10, 0)), deal("2", "cli_1", "2", at(3, 11, 0)), deal("3", "cli_1", "0.7", at(4, 6, 0)), deal("4", "cli_2", "12", at(3, 2, 0))]).await;
        assert_eq!(owed(&t, p, Currency::USD).await, 25_000 + 6_000 + 700 + 12_000);
        tell(&t, &f(Some(20_000))).await;
        assert_eq!(owed(&t, p, Currency::USD).await, 700 + 12_000);
        assert_eq!(programme_lines(&t, p).await, [(LineKind::Cpa, 25_000), (LineKind::Clawback, -25_000), (LineKind::Clawback, -6_000)]);
        // A deal of that time is corrected: only the difference moves.
        let mut smaller = deal("2", "cli_1", "1.5", at(3, 11, 0));
        smaller.revision = 2;
        book(&t, vec![smaller]).await;
        look(&t, "cli_1").await;
        assert_eq!(owed(&t, p, Currency::USD).await, 700 + 12_000);
        tell(&t, &f(Some(0))).await;
        assert_eq!(owed(&t, p, Currency::USD).await, 25_000 + 5_500 + 700 + 12_000);
        look(&t, "cli_1").await;
        assert_eq!(owed(&t, p, Currency::USD).await, 25_000 + 5_500 + 700 + 12_000);
        sound(&t).await;
    }

    async fn example_13_months_carry_and_are_closed_once(t: TestDb) {
        let net = json!({"bonus": true, "payment_fee": true, "commission": true});
        let share = json!({"revenue_share": {"share": "0.30", "net": net, "carry": {"kind": "carry"}}});
        let p = partner_with(&t, doc(share), &["cli_1", "cli_2"]).await;
        let bonus = |client: &str, m: u32, minor: i64| known(client, "DE", vec![money(MoneyKind::Bonus, &format!("b{m}"), None, minor, Currency::USD, at(m, 9, 0), Vec::new())]);
        // What is taken as a negative cost stands in for what clients brought.
        let gain = |client: &str, m: u32, minor: i64| known(client, "DE", vec![money(MoneyKind::PaymentFee, &format!("g{m}"), None, -minor, Currency::USD, at(m, 9, 0), Vec::new())]);
        go_to(&t, day(4, 1));
        tell(&t, &bonus("cli_1", 1, 120_000)).await;
        tell(&t, &gain("cli_1", 2, 90_000)).await;
        tell(&t, &gain("cli_2", 3, 200_000)).await;
        let mut seen = Vec::new();
        for m in 1..=3 {
            let c = close(&t, p, m).await.remove(0);
            assert_eq!(close(&t, p, m).await[0].line, c.line);
            seen.push((c.net, c.pay, c.carry_out));
        }
        let said = |a: &str, b: &str, c: &str| (a.to_string(), b.to_string(), c.to_string());
        assert_eq!(seen, [said("-1200", "0", "-1200"), said("900", "0", "-300"), said("2000", "510", "0")]);
        assert_eq!(owed(&t, p, Currency::USD).await, 51_000);
        let all = lines(&t, p).await;
        assert_eq!(all.iter().map(|l| (l.kind, l.minor, l.reason.as_deref())).collect::<Vec<_>>(), [
            (LineKind::RevenueShare, 0, Some("carried")), (LineKind::RevenueShare, 0, Some("carried")), (LineKind::RevenueShare, 51_000, None)]);
        assert_eq!(all[2].explanation["formula"], "2000 - 300 carried in = 1700; 1700 x 0.3 = 510");
        // What comes late counts in the next month.
        tell(&t, &gain("cli_1", 4, 10_000)).await;
        tell(&t, &known("cli_2", "DE", vec![money(MoneyKind::Bonus, "late", None, 4_000, Currency::USD, at(3, 20, 0), Vec::new())])).await;
        go_to(&t, day(5, 1));
        let c = close(&t, p, 4).await.remove(0);
        assert_eq!((c.net.as_str(), c.pay.as_str()), ("60", "18"));
        let open = month_of(day(5, 1));
        assert_eq!(tx!(t, |tx, core| programmes::close_month(tx, core, p, open).await).unwrap_err().code, "month_open");
        sound(&t).await;
    }

    async fn example_13_a_client_set_apart_blocks_nobody(t: TestDb) {
        let share = json!({"revenue_share": {"share": "0.30", "net": {"bonus": true, "payment_fee": true, "commission": true}}});
        let p = partner_with(&t, doc(share), &["cli_x", "cli_y"]).await;
        go_to(&t, at(3, 2, 0));
        tx!(t, |tx, core| programmes::quarantine(tx, core, &manager(), p, "cli_x", true, "one large winner").await).unwrap();
        tell(&t, &known("cli_x", "DE", vec![money(MoneyKind::Bonus, "b", None, 500_000, Currency::USD, at(3, 9, 0), Vec::new())])).await;
        tell(&t, &known("cli_y", "DE", vec![money(MoneyKind::PaymentFee, "g", None, -300_000, Currency::USD, at(3, 9, 0), Vec::new())])).await;
        go_to(&t, day(4, 1));
        let c = close(&t, p, 3).await;
        let said: Vec<_> = c.iter().map(|m| (m.client_id.as_str(), m.pay.as_str(), m.carry_out.as_str())).collect();
        assert_eq!(said, [("", "900", "0"), ("cli_x", "0", "-5000")]);
        assert_eq!(owed(&t, p, Currency::USD).await, 90_000);
        sound(&t).await;
    }

    async fn example_7a_pays_by_the_lot_from_inside_the_trade_that_qualifies(t: TestDb) {
        let rules = json!([{"id": "base", "kind": "per_lot", "rate": "3", "after": "qualification"}]);
        let cpa = json!({"amounts": [{"amount": "250"}], "kyc": "not_needed", "activity": {"lots": "3.0"}});
        let p = partner_with(&t, doc(json!({"rules": rules, "cpa": cpa, "hybrid": "after_qualification"})), &["cli_1"]).await;
        go_to(&t, at(3, 10, 0));
        let trades: Vec<_> = ["1.2", "2.0", "0.5", "3.1", "2.2"].iter().zip(2..).map(|(l, d)| deal(&format!("{d}"), "cli_1", l, at(3, d, 12))).collect();
        let f = |back: i64| known("cli_1", "DE", vec![usd("dep", 50_000, at(3, 1, 10)), money(MoneyKind::Chargeback, "dsp", Some("dep"), back, Currency::USD, at(3, 9, 0), Vec::new())]);
        // All but the last are there before anything is known of the client.
        book(&t, trades[..4].to_vec()).await;
        assert_eq!(owed(&t, p, Currency::USD).await, 0);
        tell(&t, &f(0)).await;
        book(&t, trades.clone()).await;
        assert_eq!(owed(&t, p, Currency::USD).await, 26_800);
        let mut all = lines(&t, p).await;
        all.sort_by_key(|l| l.value_at);
        let paid: Vec<i64> = all.iter().filter(|l| l.kind == LineKind::Accrual && l.reason.is_none()).map(|l| l.minor).collect();
        assert_eq!(paid, [60, 150, 930, 660]);
        // Undone: all that began with it goes, and comes back with the money.
        tell(&t, &f(50_000)).await;
        assert_eq!(owed(&t, p, Currency::USD).await, 0);
        tell(&t, &f(0)).await;
        assert_eq!(owed(&t, p, Currency::USD).await, 26_800);
        sound(&t).await;
    }

    async fn example_13_net_revenue_is_made_of_what_deals_and_money_say(t: TestDb) {
        let net = json!({"client_result": true, "commission": true, "swap": true, "bonus": true, "payment_fee": true, "chargeback": true});
        let p = partner_with(&t, doc(json!({"revenue_share": {"share": "0.30", "net": net}})), &["cli_1"]).await;
        go_to(&t, at(4, 1, 0));
        let mut d = deal("1", "cli_1", "20", at(3, 9, 0));
        (d.profit_minor, d.commission_minor, d.swap_minor) = (Some(-310_000), Some(24_000), Some(-6_000));
        book(&t, vec![d]).await;
        let m = |kind, reference: &str, minor| money(kind, reference, None, minor, Currency::USD, at(3, 10, 0), Vec::new());
        tell(&t, &known("cli_1", "DE", vec![usd("dep", 2_400_000, at(3, 1, 0)), m(MoneyKind::Bonus, "b", 50_000), m(MoneyKind::PaymentFee, "f", 60_000), m(MoneyKind::Chargeback, "c", 30_000)])).await;
        let c = close(&t, p, 3).await.remove(0);
        assert_eq!((c.net.as_str(), c.pay.as_str()), ("2000", "600"));
        let l = &lines(&t, p).await;
        let told: Vec<_> = l.last().unwrap().explanation["tested"].as_array().unwrap().iter().map(|x| format!("{} {}", x["what"].as_str().unwrap(), x["value"].as_str().unwrap())).collect();
        assert_eq!(told[..6], ["client_result 3100", "commission 240", "swap 60", "bonus -500", "payment_fee -600", "chargeback -300"]);
        sound(&t).await;
    }

    async fn a_share_of_revenue_is_closed_with_the_month_though_no_line_was_there_before(t: TestDb) {
        let p = partner_with(&t, doc(json!({"revenue_share": {"share": "0.50", "net": {"commission": true, "payment_fee": true}}})), &["cli_1"]).await;
        go_to(&t, at(4, 1, 1));
        let gain = money(MoneyKind::PaymentFee, "g", None, -12_000, Currency::USD, at(3, 9, 0), Vec::new());
        tell(&t, &known("cli_1", "DE", vec![gain])).await;
        let done = close_month(&t, "2026-03").await;
        let what = get(&t, done.id).await;
        assert_eq!((done.total, done.statements), (1, 1), "{what:?}");
        assert_eq!(owed(&t, p, Currency::USD).await, 6_000);
        // Again there is nothing left to say.
        assert_eq!(close(&t, p, 3).await.len(), 1);
        assert_eq!(lines(&t, p).await.len(), 1);
        sound(&t).await;
    }

    async fn clawbacks_take_the_balance_no_lower_than_the_plan_says(t: TestDb) {
        set(&t, "global", "partner_bank", json!({"name": "Quarter Brokers Ltd", "iban": "CY17002001280000001200527600", "bic": "BCYPCY2N", "connection": "bank-eu"})).await;
        let cpa = json!({"amounts": [{"amount": "400"}], "kyc": "not_needed", "first_deposit": {"min": "200"}});
        let p = partner_with(&t, doc(json!({"cpa": cpa, "terms": {"clawback_floor": "100"}})), &["cli_1"]).await;
        agree(&t, p, json!({"pay": "live", "destination": {"way": "bank", "name": "Nord", "iban": "DE89370400440532013000"}})).await;
        go_to(&t, at(3, 5, 0));
        let paid_in = usd("dep", 50_000, at(3, 1, 10));
        tell(&t, &known("cli_1", "DE", vec![paid_in.clone()])).await;
        let out = tx!(t, |tx, core| payouts::prepare(tx, core, &finance(), p, Amount::new(40_000, Currency::USD)).await).unwrap();
        tx!(t, |tx, core| payouts::decide(tx, core, &second_finance(), out.id, true, "ok", json!({})).await).unwrap();
        tx!(t, |tx, core| payouts::mark_paid(tx, core, &second_finance(), out.id, "bank-eu", "CAMT 1").await).unwrap();
        let back = money(MoneyKind::Chargeback, "dsp", Some("dep"), 50_000, Currency::USD, at(3, 4, 0), Vec::new());
        tell(&t, &known("cli_1", "DE", vec![paid_in, back])).await;
        assert_eq!(owed(&t, p, Currency::USD).await, -40_000);
        go_to(&t, at(4, 1, 1));
        assert_eq!(close_month(&t, "2026-03").await.statements, 1);
        assert_eq!(owed(&t, p, Currency::USD).await, -10_000, "the house bears what is below the floor");
        let last = lines(&t, p).await.pop().unwrap();
        assert_eq!((last.kind, last.minor), (LineKind::Adjustment, 30_000));
        assert!(last.explanation["formula"].as_str().unwrap().contains("-100.00"), "{}", last.explanation);
        sound(&t).await;
    }

    async fn example_7b_the_share_is_paid_once_it_has_earned_back_the_sum(t: TestDb) {
        let share = json!({"share": "0.50", "net": {"payment_fee": true, "commission": true}});
        let p = partner_with(&t, doc(json!({"cpa": {"amounts": [{"amount": "200"}], "kyc": "not_needed"}, "revenue_share": share, "hybrid": "after_recoup"})), &["cli_1"]).await;
        go_to(&t, at(1, 3, 0));
        let gain = |m: u32, minor: i64| money(MoneyKind::PaymentFee, &format!("g{m}"), None, -minor, Currency::USD, at(m, 9, 0), Vec::new());
        tell(&t, &known("cli_1", "DE", vec![usd("dep", 50_000, at(1, 2, 1)), gain(1, 12_000), gain(2, 18_000), gain(3, 22_000)])).await;
        assert_eq!(owed(&t, p, Currency::USD).await, 20_000);
        go_to(&t, day(4, 1));
        let mut pays = Vec::new();
        for m in 1..=3 {
            let c = close(&t, p, m).await.remove(0);
            pays.push((c.share, c.pay, c.recoup));
        }
        let said = |a: &str, b: &str, c: &str| (a.to_string(), b.to_string(), c.to_string());
        assert_eq!(pays, [said("60", "0", "140"), said("90", "0", "50"), said("110", "60", "0")]);
        assert_eq!(owed(&t, p, Currency::USD).await, 26_000);
        assert_eq!(lines(&t, p).await[1].reason.as_deref(), Some("recouped"));
        sound(&t).await;
    }
}

#[tokio::test]
async fn partners_see_their_programme_without_names_or_suspicions() {
    let t = TestDb::sqlite().await;
    let p = make(&t, "Client", None, Currency::USD, Some("cli_own")).await.id;
    let plan = plan(&t, doc(json!({"cpa": {"amounts": [{"amount": "100"}], "kyc": "not_needed"}}))).await;
    on_plan(&t, p, plan, day(1, 1)).await;
    give(&t, "cli_1", Some(p), day(1, 2)).await;
    go_to(&t, at(3, 5, 0));
    let mut f = known("cli_1", "DE", vec![usd("dep", 10_000, at(3, 1, 10))]);
    f.shared = vec!["card".into()];
    tell(&t, &f).await;
    let page = PageRequest::new(Some(10), None).unwrap();
    let (o, clients) =
        t.db.read(async move |tx| programmes::my_overview(tx, &client("cli_own"), &page, day(3, 6)).await)
            .await
            .unwrap();
    assert_eq!((o.counts.len(), clients.items.len()), (1, 1));
    let text = serde_json::to_string(&clients.items).unwrap();
    assert!(
        text.contains("under_review") && !text.contains("card") && !text.contains("self_referral"),
        "{text}"
    );
}
