//! A small brokerage: staff, plans, a tree, clients, deals.

use qd_kernel::{Currency, Lots, Rate, Result, Secret, Ts};
use qd_partners::attribution::{self, Registration, Share};
use qd_partners::booking::{self, Booked};
use qd_partners::clicks::LinkKey;
use qd_partners::partner::{self, NewPartner, Partner, PayoutMethod};
use qd_partners::{DealFacts, FactKind, PartnerId, PlanId, Quote, plans};
use qd_runtime::access::{Caller, LoginId, Role, StaffId};
use qd_testkit::TestDb;
use serde_json::{Value, json};

pub fn day(m: u32, d: u32) -> Ts {
    Ts::from_ymd(2026, m, d)
}

pub fn manager() -> Caller {
    Caller::staff(StaffId::from_body(1), "Petra", &[Role::PartnerManager], None, &["eu"])
}
pub fn finance() -> Caller {
    Caller::staff(StaffId::from_body(2), "Fritz", &[Role::Finance], None, &["eu"])
}
pub fn second_finance() -> Caller {
    Caller::staff(StaffId::from_body(3), "Franka", &[Role::Finance], None, &["eu"])
}
pub fn sales() -> Caller {
    Caller::staff(StaffId::from_body(4), "Sven", &[Role::Sales], Some("de"), &["eu"])
}
pub fn elsewhere() -> Caller {
    Caller::staff(StaffId::from_body(5), "Olga", &[Role::PartnerManager, Role::Finance], None, &["uk"])
}
pub fn client(id: &str) -> Caller {
    Caller::client(LoginId::from_body(id.bytes().map(u128::from).sum()), id, "eu")
}

pub fn key() -> LinkKey {
    LinkKey::new(Secret::new("a key for tests, thirty-two chars")).unwrap()
}

/// Work in one transaction with what it needs cloned in.
#[macro_export]
macro_rules! tx {
    ($t:expr, |$tx:ident, $core:ident| $body:expr) => {{
        let $core = $t.core.clone();
        $t.db
            .write(async move |$tx| {
                let $core = &$core;
                $body
            })
            .await
    }};
}

pub async fn make(t: &TestDb, name: &str, parent: Option<PartnerId>, currency: Currency, client_id: Option<&str>) -> Partner {
    let new = NewPartner {
        entity: "eu".into(),
        name: name.into(),
        email: Some(format!("{}@partners.example", name.to_lowercase())),
        phone: None,
        client_id: client_id.map(str::to_string),
        currency,
        payout_method: if client_id.is_some() {
            PayoutMethod::Wallet
        } else {
            PayoutMethod::Bank
        },
        parent,
        since: Some(day(1, 1)),
    };
    let core = t.core.clone();
    t.db.write(async move |tx| partner::create(tx, &core, &manager(), new.clone()).await)
        .await
        .unwrap()
}

pub async fn plan(t: &TestDb, document: Value) -> PlanId {
    let core = t.core.clone();
    t.db.write(async move |tx| plans::save(tx, &core, &manager(), None, Some("eu"), &document, day(1, 1), "agreed").await)
        .await
        .unwrap()
        .0
}

pub async fn on_plan(t: &TestDb, p: PartnerId, plan: PlanId, at: Ts) {
    let core = t.core.clone();
    t.db.write(async move |tx| plans::assign(tx, &core, &manager(), p, plan, at, "agreed").await)
        .await
        .unwrap();
}

pub fn per_lot(rate: &str, over: Value) -> Value {
    json!({"format": 1, "name": format!("{rate} per lot"), "currency": "USD", "rules": [{"id": "base", "kind": "per_lot", "rate": rate}], "override": over})
}

/// Gives a client to a partner from the start of the year.
pub async fn give(t: &TestDb, client: &str, to: Option<PartnerId>, at: Ts) -> Share {
    let (core, client) = (t.core.clone(), client.to_string());
    t.db.write(async move |tx| attribution::reassign(tx, &core, &manager(), &client, "eu", to, at, "moved").await)
        .await
        .unwrap()
}

pub async fn register(t: &TestDb, r: Registration) -> Share {
    let core = t.core.clone();
    t.db.write(async move |tx| attribution::register(tx, &core, &key(), &r).await)
        .await
        .unwrap()
}

/// A closing deal of a client in EURUSD.
pub fn deal(ticket: &str, client: &str, lots: &str, at: Ts) -> DealFacts {
    DealFacts {
        server: "mt5".into(),
        ticket: ticket.into(),
        revision: 1,
        kind: FactKind::Trade,
        deleted: false,
        technical: false,
        reason: "client".into(),
        client: client.into(),
        entity: "eu".into(),
        country: "DE".into(),
        account: format!("tac_{client}"),
        account_type: "std".into(),
        group: "real".into(),
        currency: Currency::USD,
        counts: true,
        symbol: "EURUSD".into(),
        product_group: Some("majors".into()),
        volume_closed: Lots(qd_kernel::parse_fixed(lots, 8).unwrap()),
        opened_at: Some(at.plus_secs(-3_600)),
        at,
        negative_balance: false,
        equity_minor: None,
        bonus_minor: None,
        quotes: Vec::new(),
        ..DealFacts::default()
    }
}

pub fn quote(base: Currency, quote: Currency, rate: &str, at: Ts) -> Quote {
    Quote {
        base,
        quote,
        rate: Rate::parse(rate).unwrap(),
        source: "close".into(),
        at,
    }
}

pub async fn try_book(t: &TestDb, deals: Vec<DealFacts>) -> Result<Vec<Booked>> {
    let core = t.core.clone();
    t.db.write(async move |tx| booking::book(tx, &core, &deals).await).await
}

pub async fn book(t: &TestDb, deals: Vec<DealFacts>) -> Vec<Booked> {
    try_book(t, deals).await.unwrap()
}

/// What the ledger says we owe.
pub async fn owed(t: &TestDb, p: PartnerId, currency: Currency) -> i64 {
    t.db.read(async move |tx| qd_ledger::balance(tx, &qd_partners::payouts::payable(p, currency)).await)
        .await
        .unwrap()
        .balance_minor
}

/// Nothing to complain about in the ledger or here.
pub async fn sound(t: &TestDb) {
    let faults = qd_ledger::verify::run(&t.db).await.unwrap();
    assert!(faults.is_empty(), "{faults:#?}");
    let faults = qd_partners::verify::run(&t.db).await.unwrap();
    assert!(faults.is_empty(), "{faults:#?}");
}
