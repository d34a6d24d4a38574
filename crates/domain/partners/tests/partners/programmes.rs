//! Sums per client, shares of net revenue and how they go together, without a database: examples 7,
//! 13 and 16 of the reference, carry as a high-water mark.

use proptest::prelude::*;
use qd_kernel::{Currency, Rate, Ts};
use qd_partners::Quote;
use qd_partners::engine::cpa::{Activity, CpaState, Decision, Deposit, Facts, decide};
use qd_partners::engine::revenue::{self, Deficit, Part};
use qd_partners::exact::Exact;
use qd_partners::plan::Plan;
use qd_partners::plan::programmes::{Carry, Component, Cpa, RevenueShare};
use serde_json::{Value, json};

fn x(t: &str) -> Exact {
    Exact::parse(t).unwrap()
}

fn plan(more: Value) -> Plan {
    let mut doc = json!({"format": 1, "name": "programme", "currency": "USD"});
    doc.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Plan::read(&doc).unwrap()
}

pub fn cpa_16() -> Value {
    json!({
        "amounts": [{"countries": ["DE"], "amount": "400"}, {"countries": ["ZA"], "amount": "200"}, {"amount": "80"}],
        "first_deposit": {"min": "200.00", "window_hours": 24},
        "kyc": "inside_window",
        "activity": {"lots": "3.00"},
        "window": {"days": 45, "from": "first_deposit"},
        "hold_days": 30
    })
}

fn cpa(doc: Value) -> Cpa {
    plan(json!({ "cpa": doc })).programmes.cpa.unwrap()
}

fn at(text: &str) -> Ts {
    // "03-01 10:00" of 2026
    let part = |a: usize, b: usize| text[a..b].parse::<u32>().unwrap();
    Ts::from_ymd(2026, part(0, 2), part(3, 5)).plus_secs(i64::from(part(6, 8) * 3_600 + part(9, 11) * 60))
}

fn deposit(id: &str, when: &str, amount: &str, currency: Currency, rate: &str) -> Deposit {
    let quote = |base, q| Quote {
        base,
        quote: q,
        rate: Rate::parse(rate).unwrap(),
        source: "house".into(),
        at: at(when),
    };
    Deposit {
        id: id.into(),
        at: at(when),
        amount: x(amount),
        taken_back: Exact::ZERO,
        currency,
        quotes: match currency {
            c if c == Currency::USD => Vec::new(),
            c if c.code() == "ZAR" => vec![quote(Currency::USD, c)],
            c => vec![quote(c, Currency::USD)],
        },
    }
}

fn traded(ticket: &str, when: &str, lots: &str) -> Activity {
    Activity {
        at: at(when),
        server: "mt5".into(),
        ticket: ticket.into(),
        lots: x(lots),
        spread: None,
    }
}

fn facts(country: &str, deposits: Vec<Deposit>, activity: Vec<Activity>, kyc: Option<&str>) -> Facts {
    Facts {
        registered_at: at("02-20 09:00"),
        country: country.into(),
        kyc_country: None,
        kyc_approved_at: kyc.map(at),
        deposits,
        activity,
        shared: Vec::new(),
        decided: None,
        paid_for: None,
    }
}

fn says(d: &Decision) -> Vec<String> {
    d.tested.iter().map(|t| format!("{}: {} {}", t.what, t.value, t.wanted)).collect()
}

fn eur(id: &str, when: &str, amount: &str, rate: &str) -> Deposit {
    deposit(id, when, amount, Currency::EUR, rate)
}

fn c1() -> Facts {
    let deposits = vec![eur("d1", "03-01 10:00", "120", "1.0800"), eur("d2", "03-02 09:30", "80", "1.0850")];
    let activity = vec![traded("1", "03-20 12:00", "2.40"), traded("2", "04-10 12:00", "0.70")];
    facts("DE", deposits, activity, Some("03-03 12:00"))
}

#[test]
fn example_16_c1_qualifies_with_every_figure_and_a_chargeback_undoes_it() {
    let c = cpa(cpa_16());
    let mut f = c1();
    let d = decide(&c, &f, at("04-10 13:00")).unwrap();
    assert_eq!((d.state, d.amount, d.ftd), (CpaState::Qualified, x("400"), x("216.40")));
    assert_eq!(
        says(&d),
        [
            "first deposit: 216.40 USD >= 200 USD (met)",
            "lots: 3.1 >= 3 (met)",
            "identity: approved on day 2 approved by day 45 (met)",
            "day: 40 <= 45 (met)",
            "amount for the country: DE 400 USD"
        ]
    );
    let q = d.qualified.unwrap();
    assert_eq!((q.at, q.ticket.as_str(), q.lots_after), (at("04-10 12:00"), "2", x("0.1")));
    assert_eq!(d.hold_until, Some(at("05-10 12:00")));
    f.deposits[1].taken_back = x("80");
    let d = decide(&c, &f, at("04-25 12:00")).unwrap();
    assert_eq!(
        (d.state, d.reason, d.amount, d.ftd),
        (CpaState::NotQualified, Some("first_deposit_small"), Exact::ZERO, x("129.60"))
    );
    // The bank takes the dispute back: the same answer as before it.
    f.deposits[1].taken_back = Exact::ZERO;
    assert_eq!(decide(&c, &f, at("04-25 12:00")).unwrap().qualified.unwrap(), q);
}

#[test]
fn example_16_c2_misses_the_lots_by_a_day() {
    let c = cpa(cpa_16());
    let d = deposit("d", "03-01 10:00", "4000", Currency::parse("ZAR").unwrap(), "18.40");
    let activity = vec![traded("1", "04-15 12:00", "2.95"), traded("2", "04-16 12:00", "1")];
    let f = facts("ZA", vec![d], activity, Some("03-02 12:00"));
    let open = decide(&c, &f, at("04-15 13:00")).unwrap();
    assert_eq!(
        (open.state, open.reason, open.due_at),
        (CpaState::Registered, Some("lots_missing"), Some(at("04-16 10:00")))
    );
    let over = decide(&c, &f, at("04-16 12:00")).unwrap();
    assert_eq!(
        (over.state, over.reason, over.ftd.minor(2)),
        (CpaState::NotQualified, Some("lots_missing"), Some(21_739))
    );
    assert_eq!(says(&over)[1], "lots: 2.95 >= 3 (not met)");
}

#[test]
fn example_16_c3_depends_on_when_the_identity_must_be_approved() {
    let f = facts(
        "GB",
        vec![deposit("d", "03-01 10:00", "250", Currency::GBP, "1.2700")],
        vec![traded("1", "03-13 12:00", "4.10")],
        Some("04-20 12:00"),
    );
    let strict = decide(&cpa(cpa_16()), &f, at("04-20 13:00")).unwrap();
    assert_eq!(
        (strict.state, strict.reason, strict.ftd),
        (CpaState::NotQualified, Some("kyc_late"), x("317.50"))
    );
    let mut doc = cpa_16();
    doc["kyc"] = json!("before_payout");
    let lax = decide(&cpa(doc.clone()), &f, at("04-20 13:00")).unwrap();
    assert_eq!(
        (lax.state, lax.amount, lax.kyc_before_payout),
        (CpaState::Qualified, x("80"), false)
    );
    let early = decide(
        &cpa(doc),
        &Facts {
            kyc_approved_at: None,
            ..f
        },
        at("03-14 13:00"),
    )
    .unwrap();
    assert_eq!(
        (early.state, early.amount, early.kyc_before_payout),
        (CpaState::Qualified, x("80"), true)
    );
}

#[test]
fn example_16_c4_waits_for_a_decision_when_the_card_is_the_partners() {
    let c = cpa(cpa_16());
    let mut f = c1();
    f.shared = vec!["card".into()];
    let held = decide(&c, &f, at("04-10 13:00")).unwrap();
    assert_eq!(
        (held.state, held.reason, held.amount),
        (CpaState::OnHold, Some("self_referral"), Exact::ZERO)
    );
    f.decided = Some(true);
    assert_eq!(decide(&c, &f, at("04-12 13:00")).unwrap().amount, x("400"));
    f.decided = Some(false);
    assert_eq!(decide(&c, &f, at("04-12 13:00")).unwrap().state, CpaState::Declined);
}

#[test]
fn facts_in_any_order_decide_the_same() {
    let c = cpa(cpa_16());
    let (mut f, now) = (c1(), at("04-11 00:00"));
    let straight = decide(&c, &f, now).unwrap();
    f.deposits.reverse();
    f.activity.reverse();
    assert_eq!(decide(&c, &f, now).unwrap(), straight);
}

#[test]
fn deposits_after_the_first_day_do_not_count_and_a_small_first_day_ends_it() {
    let c = cpa(cpa_16());
    let mut f = c1();
    f.deposits[1].at = at("03-02 10:01");
    let open = decide(&c, &f, at("03-02 09:00")).unwrap();
    assert_eq!(
        (open.state, open.reason, open.due_at),
        (
            CpaState::Registered,
            Some("first_deposit_open"),
            Some(at("03-02 10:00").plus_secs(1))
        )
    );
    let d = decide(&c, &f, at("04-11 00:00")).unwrap();
    assert_eq!(
        (d.state, d.reason, d.ftd),
        (CpaState::NotQualified, Some("first_deposit_small"), x("129.60"))
    );
}

#[test]
fn the_first_deposit_picks_the_sum_once_its_day_is_over() {
    let c = cpa(json!({"amounts": [{"ftd_from": "100", "amount": "50"}, {"ftd_from": "1000", "amount": "300"}], "kyc": "not_needed"}));
    let f = facts("DE", vec![deposit("d", "03-01 10:00", "500", Currency::USD, "1")], Vec::new(), None);
    let open = decide(&c, &f, at("03-01 11:00")).unwrap();
    assert_eq!((open.state, open.reason), (CpaState::Registered, Some("first_deposit_open")));
    assert_eq!(decide(&c, &f, at("03-02 11:00")).unwrap().amount, x("50"));
    let mut more = f.clone();
    more.deposits.push(deposit("e", "03-01 20:00", "500", Currency::USD, "1"));
    assert_eq!(decide(&c, &more, at("03-01 21:00")).unwrap().amount, x("300"));
    let paid = Facts {
        paid_for: Some("cli_other".into()),
        ..f
    };
    let d = decide(&c, &paid, at("03-02 11:00")).unwrap();
    assert_eq!((d.state, d.reason), (CpaState::Declined, Some("already_paid")));
}

#[test]
fn example_7a_qualifies_inside_the_second_trade() {
    let c = cpa(json!({"amounts": [{"amount": "250"}], "kyc": "not_needed", "activity": {"lots": "3.0"}}));
    let lots = ["1.2", "2.0", "0.5", "3.1", "2.2"];
    let activity: Vec<Activity> = lots
        .iter()
        .enumerate()
        .map(|(i, l)| traded(&i.to_string(), &format!("03-0{} 12:00", i + 2), l))
        .collect();
    let f = facts("DE", vec![deposit("d", "03-01 10:00", "500", Currency::USD, "1")], activity, None);
    let d = decide(&c, &f, at("03-07 00:00")).unwrap();
    let q = d.qualified.unwrap();
    assert_eq!((d.amount, q.ticket.as_str(), q.lots_after), (x("250"), "1", x("0.2")));
    // The part of each deal that is paid by the lot, at 3.00.
    let mut lines = vec![Exact::ZERO, q.lots_after.times(x("3"))];
    lines.extend(lots[2..].iter().map(|l| x(l).times(x("3"))));
    let total = lines.iter().fold(d.amount, |s, l| s.plus(*l));
    assert_eq!(
        lines.iter().map(|l| l.minor(2).unwrap()).collect::<Vec<_>>(),
        [0, 60, 150, 930, 660]
    );
    assert_eq!(total, x("268.00"));
}

#[test]
fn example_7b_pays_the_share_once_the_sum_is_earned_back() {
    let mut owed = x("200");
    let mut paid = Vec::new();
    for share in ["60", "90", "110"] {
        let (pay, left) = revenue::recouped(owed, x(share));
        paid.push(pay);
        owed = left;
    }
    assert_eq!(paid, [x("0"), x("0"), x("60")]);
}

fn share(carry: Value) -> RevenueShare {
    let net = json!({"client_result": true, "commission": true, "swap": true, "bonus": true, "payment_fee": true, "chargeback": true});
    plan(json!({"revenue_share": {"share": "0.30", "net": net, "carry": carry}}))
        .programmes
        .revenue_share
        .unwrap()
}

/// Pay and carry out of each month.
fn run(rs: &RevenueShare, nets: &[Exact], ftds: i64) -> Vec<(Exact, Exact)> {
    let mut carry: Vec<Deficit> = Vec::new();
    nets.iter()
        .enumerate()
        .map(|(i, n)| {
            let m = revenue::month(rs, i64::try_from(i).unwrap(), *n, &carry, ftds);
            carry = m.carry.clone();
            (m.pay, m.carry_out())
        })
        .collect()
}

#[test]
fn example_13_makes_net_revenue_of_what_the_contract_counts() {
    let part = |component, amount: &str| Part {
        component,
        amount: x(amount),
    };
    let parts = [
        part(Component::ClientResult, "3100"),
        part(Component::Commission, "240"),
        part(Component::Swap, "60"),
        part(Component::Bonus, "500"),
        part(Component::PaymentFee, "600"),
        part(Component::Chargeback, "300"),
        part(Component::Tax, "77"),
    ];
    let (net, tested) = revenue::net(&share(json!({"kind": "carry"})), &parts);
    assert_eq!(net, x("2000"));
    assert_eq!(
        (tested[6].value.as_str(), tested[6].wanted.as_str()),
        ("-77", "left out by the plan")
    );
}

#[test]
fn example_13_carries_forgives_or_forgets_a_bad_month() {
    let nets = [x("-1200"), x("900"), x("2000")];
    let pays = |carry| run(&share(carry), &nets, 0).into_iter().map(|(p, _)| p).collect::<Vec<_>>();
    let both = run(&share(json!({"kind": "carry"})), &nets, 0);
    assert_eq!(both, [(x("0"), x("-1200")), (x("0"), x("-300")), (x("510"), x("0"))]);
    assert_eq!(pays(json!({"kind": "none"})), [x("0"), x("270"), x("600")]);
    assert_eq!(pays(json!({"kind": "expires", "after_months": 1})), [x("0"), x("0"), x("600")]);
    // Pooled X and Y pay nothing; apart, Y pays and X carries alone.
    let rs = share(json!({"kind": "carry"}));
    assert_eq!(run(&rs, &[x("-5000").plus(x("3000"))], 0), [(x("0"), x("-2000"))]);
    assert_eq!(
        (run(&rs, &[x("3000")], 0)[0].0, run(&rs, &[x("-5000")], 0)[0].1),
        (x("900"), x("-5000"))
    );
}

#[test]
fn a_small_deficit_is_forgiven_to_a_partner_who_brings_clients() {
    let rs = share(json!({"kind": "relief", "up_to": "300", "first_deposits": 2}));
    assert_eq!(run(&rs, &[x("-300"), x("100")], 2), [(x("0"), x("0")), (x("30"), x("0"))]);
    assert_eq!(run(&rs, &[x("-300")], 1), [(x("0"), x("-300"))]);
    assert_eq!(run(&rs, &[x("-300.01")], 2), [(x("0"), x("-300.01"))]);
}

#[test]
fn bands_pay_part_by_part_or_as_a_whole() {
    let doc = |by: &str| json!({"revenue_share": {"bands": [{"above": "0", "share": "0.20"}, {"above": "1000", "share": "0.30"}], "bands_by": by, "net": {"commission": true}}});
    let pay = |by: &str, base: &str| revenue::share_of(&plan(doc(by)).programmes.revenue_share.unwrap(), x(base));
    assert_eq!(pay("part", "1500"), (x("350"), "1000 x 0.2 + 500 x 0.3".into()));
    assert_eq!(pay("whole", "1500").0, x("450"));
    assert_eq!((pay("whole", "1000").0, pay("part", "-5").0), (x("200"), x("0")));
}

#[test]
fn each_fault_of_a_programme_is_named_by_its_place() {
    let faults = |more: Value| {
        let mut doc = json!({"format": 1, "name": "p", "currency": "account"});
        doc.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Plan::read(&doc)
            .unwrap_err()
            .fields
            .into_iter()
            .map(|f| format!("{} {}", f.pointer, f.code))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        faults(
            json!({"cpa": {"amounts": [{"countries": ["DE"], "amount": "1"}, {"countries": ["FR", "DE"], "amount": "-2"}], "kyc": "never", "window": {"days": "7"}, "clock": 1}})
        ),
        [
            "/cpa/currency missing",
            "/cpa/amounts/1/amount figure_negative",
            "/cpa/amounts/1 amount_tie",
            "/cpa/kyc word_unknown",
            "/cpa/window/days out_of_range",
            "/cpa/clock unknown_field",
        ]
    );
    assert_eq!(
        faults(
            json!({"revenue_share": {"currency": "USD", "share": "1.2", "net": {"bonus": true}, "carry": {"kind": "expires"}}, "hybrid": "after_recoup"})
        ),
        [
            "/revenue_share/net nothing_earned",
            "/revenue_share/carry/after_months missing",
            "/hybrid hybrid_unused",
        ]
        .into_iter()
        .fold(vec!["/revenue_share/share share_above_one"], |mut v, f| {
            v.push(f);
            v
        })
    );
}

proptest! {
    #[test]
    fn with_unlimited_carry_all_that_is_ever_paid_is_the_share_of_the_high_water_mark(nets in prop::collection::vec(-1_000_000i64..1_000_000, 1..40)) {
        let rs = share(json!({"kind": "carry"}));
        prop_assert_eq!(&rs.carry, &Carry::Unlimited);
        let nets: Vec<Exact> = nets.iter().map(|c| Exact::new(i128::from(*c), 100).unwrap()).collect();
        let paid = run(&rs, &nets, 0).iter().fold(Exact::ZERO, |s, (p, _)| s.plus(*p));
        let (mut sum, mut mark) = (Exact::ZERO, Exact::ZERO);
        for n in nets {
            sum = sum.plus(n);
            mark = mark.max(sum);
        }
        prop_assert_eq!(paid, mark.times(x("0.30")));
    }
}
