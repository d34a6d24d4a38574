//! Terms, figures, fees, batches and bank files, on both engines.

use crate::kit::*;
use crate::tx;
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Amount, Currency, PageRequest, Result};
use qd_partners::close::{self, Trade, Trades};
use qd_partners::payouts::batch::{self, BatchState, NewBatch, Payee, Payees, Told};
use qd_partners::payouts::terms::{self, Document};
use qd_partners::payouts::{self, PayoutState, Way};
use qd_partners::{BatchId, DealFacts, PartnerId, statements};
use qd_ports::bank::BankFiles;
use qd_runtime::access::Caller;
use qd_runtime::settings;
use qd_testkit::TestDb;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Who is verified, and who is not.
#[derive(Clone, Default)]
pub struct Verified {
    pub not: BTreeSet<PartnerId>,
}

#[async_trait(?Send)]
impl Payees for Verified {
    async fn refusal(&self, _: &mut Tx, payee: &Payee) -> Result<Option<&'static str>> {
        Ok(self.not.contains(&payee.partner_id).then_some("kyc_missing"))
    }
}

/// The trading side's list.
#[derive(Clone, Default)]
pub struct Known(pub Vec<Trade>);

#[async_trait(?Send)]
impl Trades for Known {
    async fn between(
        &self,
        _: &mut Tx,
        _: &str,
        span: (qd_kernel::Ts, qd_kernel::Ts),
        after: &(qd_kernel::Ts, String, String),
        limit: i64,
    ) -> Result<Vec<Trade>> {
        let mut all: Vec<Trade> = self.0.iter().filter(|t| span.0 <= t.at && t.at < span.1).cloned().collect();
        all.sort_by_key(|t| (t.at, t.server.clone(), t.ticket.clone()));
        all.retain(|t| (t.at, t.server.clone(), t.ticket.clone()) > *after);
        all.truncate(usize::try_from(limit).unwrap());
        Ok(all)
    }
}

pub async fn set(t: &TestDb, scope: &'static str, key: &'static str, value: Value) {
    tx!(t, |tx, core| settings::put(
        tx,
        core,
        &Caller::system("test"),
        scope,
        key,
        0,
        &value,
        "test"
    )
    .await)
    .unwrap();
}

pub async fn agree(t: &TestDb, p: PartnerId, document: Value) {
    let d: Document = serde_json::from_value(document).unwrap();
    tx!(t, |tx, core| terms::put(tx, core, &manager(), p, 0, d.clone(), "contract").await).unwrap();
}

/// A partner with one client and a flat rate.
pub async fn earner(t: &TestDb, name: &str, client: &str) -> PartnerId {
    let p = make(t, name, None, Currency::USD, None).await.id;
    let id = plan(t, per_lot("10", json!(null))).await;
    on_plan(t, p, id, day(1, 1)).await;
    give(t, client, Some(p), day(1, 2)).await;
    p
}

fn house_bank() -> Value {
    json!({"name": "Quarter Brokers Ltd", "iban": "CY17002001280000001200527600", "bic": "BCYPCY2N", "connection": "bank-eu"})
}

fn to_bank(name: &str) -> Value {
    json!({"way": "bank", "name": name, "iban": "DE89370400440532013000"})
}

pub async fn figures(t: &TestDb, p: PartnerId) -> payouts::Figures {
    let core = t.core.clone();
    t.db.read(async move |tx| payouts::payables(tx, &core, &finance(), p).await)
        .await
        .unwrap()
        .remove(0)
}

fn usd_by_bank() -> NewBatch {
    NewBatch {
        entity: "eu".into(),
        currency: Currency::USD,
        method: Way::Bank,
        partners: None,
        close_id: None,
    }
}

async fn prepare(t: &TestDb, new: NewBatch, who: Verified) -> Result<batch::BatchView> {
    tx!(t, |tx, core| batch::prepare(tx, core, &finance(), new.clone(), &who).await)
}

async fn release(t: &TestDb, id: BatchId, yes: bool) -> Result<batch::BatchView> {
    tx!(t, |tx, core| batch::decide(
        tx,
        core,
        &second_finance(),
        id,
        yes,
        "checked",
        json!({"batch": id})
    )
    .await)
}

/// Closes a month as the job would.
pub async fn close_month(t: &TestDb, month: &str) -> close::Close {
    close::job::close_month(
        &t.core,
        &finance(),
        "eu",
        month,
        &[],
        "",
        std::sync::Arc::new(Known::default()),
        std::sync::Arc::new(Verified::default()),
        |_, _| {},
    )
    .await
    .unwrap()
}

qd_testkit::both! {
    async fn example_19_after_a_clawback_the_next_month_pays_256_10(t: TestDb) {
        set(&t, "global", "partner_bank", house_bank()).await;
        set(&t, "global", terms::TERMS, json!({"reserve": "0.10", "reserve_days": 90, "fee": "0.015"})).await;
        set(&t, "entity:eu", terms::TERMS, json!({"minimum": {"USD": "100.00"}})).await;
        let p = earner(&t, "Nordlicht", "cli_1").await;
        agree(&t, p, json!({"destination": to_bank("Nordlicht")})).await;
        // June: 430.00, of which 310.00 are paid; 120.00 stay.
        let charged_back = deal("2", "cli_1", "31", day(6, 6));
        book(&t, vec![deal("1", "cli_1", "12", day(6, 5)), charged_back.clone()]).await;
        assert_eq!(close_month(&t, "2026-06").await.statements, 1);
        let f = figures(&t, p).await;
        assert_eq!((f.balance_minor, f.reserved_minor, f.available_minor), (43_000, 0, 43_000));
        let out = tx!(t, |tx, core| payouts::prepare(tx, core, &finance(), p, Amount::new(31_000, Currency::USD)).await).unwrap();
        assert_eq!((out.fee_minor, out.net_minor), (465, 30_535));
        tx!(t, |tx, core| payouts::decide(tx, core, &second_finance(), out.id, true, "ok", json!({})).await).unwrap();
        tx!(t, |tx, core| payouts::mark_paid(tx, core, &second_finance(), out.id, "bank-eu", "CAMT 1").await).unwrap();
        assert_eq!(figures(&t, p).await.payable_minor, 12_000, "the opening of the example");

        book(&t, vec![DealFacts { revision: 2, deleted: true, ..charged_back }]).await;
        let f = figures(&t, p).await;
        assert_eq!((f.balance_minor, f.payable_minor, f.carried_minor, f.reason.as_deref()), (-19_000, 0, -19_000, Some("negative")));

        book(&t, vec![deal("3", "cli_1", "50", day(11, 10))]).await;
        let f = figures(&t, p).await;
        assert_eq!((f.balance_minor, f.open_minor, f.payable_minor), (31_000, 19_000, 12_000), "November is on no statement yet");
        t.clock.advance_secs(12 * 86_400);
        close_month(&t, "2026-11").await;
        let f = figures(&t, p).await;
        assert_eq!((f.balance_minor, f.reserved_minor, f.available_minor, f.payable_minor), (31_000, 5_000, 26_000, 26_000));
        assert_eq!((f.fee_minor, f.tax_minor, f.net_minor, f.minimum_minor), (390, 0, 25_610, 10_000));

        let b = prepare(&t, usd_by_bank(), Verified::default()).await.unwrap();
        assert_eq!((b.batch.items, b.batch.minor, b.batch.net_minor), (1, 26_000, 25_610));
        assert_eq!(figures(&t, p).await.under_way_minor, 26_000);
        assert_eq!(prepare(&t, usd_by_bank(), Verified::default()).await.unwrap_err().code, "batch_empty", "nothing is left to pay");
        let own = tx!(t, |tx, core| batch::decide(tx, core, &finance(), b.batch.id, true, "", json!({})).await).unwrap_err();
        assert_eq!(own.code, "approval_own_request");
        release(&t, b.batch.id, true).await.unwrap();
        let id = b.batch.id;
        let message = t.db.read(async move |tx| batch::file(tx, &second_finance(), id).await).await.unwrap();
        let xml = qd_psp_bank::Iso20022.payments(&message).unwrap();
        assert!(xml.contains("<InstdAmt Ccy=\"USD\">256.10</InstdAmt>") && xml.contains("<CtrlSum>256.10</CtrlSum>"), "{xml}");
        let done = tx!(t, |tx, core| batch::mark_paid(tx, core, &second_finance(), id, None, "CAMT 2").await).unwrap();
        assert_eq!((done.batch.state, done.ledger_minor, done.reconciled), (BatchState::Done, 26_000, true));
        let f = figures(&t, p).await;
        assert_eq!((f.balance_minor, f.reserved_minor, f.available_minor, f.releases.len()), (5_000, 5_000, 0, 1));
        // The reserve is let go by itself on day 90, and waits for the minimum.
        t.clock.advance_secs(90 * 86_400);
        let f = figures(&t, p).await;
        assert_eq!((f.reserved_minor, f.available_minor, f.payable_minor, f.reason.as_deref()), (0, 5_000, 0, Some("below_minimum")));
        sound(&t).await;
    }

    async fn a_batch_of_fifty_with_one_bounce_pays_forty_nine_and_the_one_again_later(t: TestDb) {
        set(&t, "global", "partner_bank", house_bank()).await;
        let id = plan(&t, per_lot("10", json!(null))).await;
        let (mut who, mut deals) = (Vec::new(), Vec::new());
        for n in 0..52 {
            let p = make(&t, &format!("Partner {n}"), None, Currency::USD, None).await.id;
            on_plan(&t, p, id, day(1, 1)).await;
            give(&t, &format!("cli_{n}"), Some(p), day(1, 2)).await;
            deals.push(deal(&format!("{n}"), &format!("cli_{n}"), &format!("{}.5", n + 1), day(9, 3)));
            // The 50th has no bank account, the 51st not its own name.
            match n {
                50 => {}
                51 => agree(&t, p, json!({"destination": to_bank("Somebody Else")})).await,
                _ => agree(&t, p, json!({"destination": to_bank(&format!("Partner {n}"))})).await,
            }
            who.push(p);
        }
        book(&t, deals).await;
        let closed = close_month(&t, "2026-09").await;
        assert_eq!((closed.statements, closed.state), (52, close::CloseState::Done));
        let result = closed.result.unwrap();
        assert_eq!(result.proposed["USD"]["bank"].count, 50);
        assert_eq!(result.not_payable["USD"].iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>(), [("destination_missing", 1), ("name_differs", 1)]);

        let not = Verified { not: [who[0]].into() };
        let core = t.core.clone();
        let v = not.clone();
        let p = t.db.read(async move |tx| batch::propose(tx, &core, &finance(), "eu", Currency::USD, &v).await).await.unwrap();
        assert_eq!((p.items.len(), p.not_payable["kyc_missing"]), (49, 1));
        let named = NewBatch { partners: Some(vec![who[0]]), ..usd_by_bank() };
        let e = prepare(&t, named, not).await.unwrap_err();
        assert!(e.code == "partner_not_payable" && e.detail.contains("kyc_missing"), "{e:?}");

        let b = prepare(&t, usd_by_bank(), Verified::default()).await.unwrap();
        assert_eq!((b.batch.items, b.batch.state), (50, BatchState::Prepared));
        let single = b.payouts[0].id;
        let e = tx!(t, |tx, core| payouts::decide(tx, core, &second_finance(), single, true, "", json!({})).await).unwrap_err();
        assert_eq!(e.code, "payout_in_batch");
        // A correction between preparing and releasing: that one is left out, the others go.
        book(&t, vec![DealFacts { revision: 2, deleted: true, ..deal("7", "cli_7", "8.5", day(9, 3)) }]).await;
        let b = release(&t, b.batch.id, true).await.unwrap();
        assert_eq!((b.totals["released"].count, b.totals["refused"].count), (49, 1));
        let left = b.payouts.iter().find(|p| p.state == PayoutState::Refused).unwrap();
        assert_eq!((left.partner_id, left.cause.as_deref()), (who[7], Some("owed less by now")));

        let bounced = b.payouts.iter().find(|p| p.partner_id == who[3]).unwrap().clone();
        let told: Vec<Told> = b.payouts.iter().filter(|p| p.state == PayoutState::Released).map(|p| Told {
            payout_id: p.id,
            outcome: if p.id == bounced.id { PayoutState::Returned } else { PayoutState::Paid },
            reference: Some(format!("CAMT {}", p.id)),
            reason: Some("AC04 account closed".into()),
        }).collect();
        let id = b.batch.id;
        for _ in 0..2 {
            let r = told.clone();
            let b = tx!(t, |tx, core| batch::results(tx, core, &second_finance(), id, None, &r).await).unwrap();
            assert_eq!((b.batch.state, b.totals["paid"].count, b.totals["refused"].count, b.reconciled), (BatchState::Done, 48, 2, true), "told twice, done once");
            assert_eq!(b.ledger_minor, b.totals["paid"].minor);
        }
        let f = figures(&t, who[3]).await;
        assert_eq!((f.balance_minor, f.payable_minor, f.under_way_minor), (4_500, 4_500, 0), "what bounced is payable again");
        let again = prepare(&t, usd_by_bank(), Verified::default()).await.unwrap();
        assert_eq!((again.batch.items, again.payouts[0].partner_id), (1, who[3]));
        release(&t, again.batch.id, true).await.unwrap();
        let id = again.batch.id;
        tx!(t, |tx, core| batch::mark_paid(tx, core, &second_finance(), id, None, "CAMT 99").await).unwrap();
        // After it was booked as paid a bank may still send it back.
        let told = vec![Told { payout_id: again.payouts[0].id, outcome: PayoutState::Returned, reference: None, reason: Some("AM09".into()) }];
        let b = tx!(t, |tx, core| batch::results(tx, core, &second_finance(), id, None, &told).await).unwrap();
        assert_eq!((b.totals["returned"].count, b.ledger_minor, b.reconciled), (1, 0, true));
        assert_eq!(figures(&t, who[3]).await.payable_minor, 4_500);
        let wrong = vec![Told { payout_id: bounced.id, outcome: PayoutState::Paid, reference: None, reason: None }];
        let e = tx!(t, |tx, core| batch::results(tx, core, &second_finance(), id, None, &wrong).await).unwrap_err();
        assert_eq!(e.fields[0].pointer, "/results/0/payout_id");
        let listed = t.db.read(async |tx| batch::list(tx, &finance(), Some(BatchState::Done), &PageRequest::new(None, None)?).await).await.unwrap();
        assert_eq!(listed.items.len(), 2);
        let none = t.db.read(async |tx| batch::list(tx, &elsewhere(), None, &PageRequest::new(None, None)?).await).await.unwrap();
        assert!(none.items.is_empty(), "another entity's staff sees none of it");
        sound(&t).await;
    }

    async fn a_refused_batch_lets_all_its_money_go(t: TestDb) {
        let p = earner(&t, "Anna", "cli_1").await;
        agree(&t, p, json!({"pay": "live", "destination": to_bank("Anna")})).await;
        book(&t, vec![deal("1", "cli_1", "5", day(9, 3))]).await;
        let b = prepare(&t, usd_by_bank(), Verified::default()).await.unwrap();
        let e = t.db.read({ let id = b.batch.id; async move |tx| batch::file(tx, &finance(), id).await }).await.unwrap_err();
        assert_eq!(e.code, "batch_state", "nothing goes to a bank before the release");
        let b = release(&t, b.batch.id, false).await.unwrap();
        assert_eq!((b.batch.state, b.payouts[0].state), (BatchState::Refused, PayoutState::Refused));
        assert_eq!(release(&t, b.batch.id, true).await.unwrap_err().code, "batch_state");
        assert_eq!(figures(&t, p).await.payable_minor, 5_000);
        sound(&t).await;
    }

    async fn fee_tax_and_net_are_booked_each_to_its_owner(t: TestDb) {
        let p = make(&t, "Anna", None, Currency::USD, Some("cli_anna")).await.id;
        let id = plan(&t, per_lot("10", json!(null))).await;
        on_plan(&t, p, id, day(1, 1)).await;
        give(&t, "cli_1", Some(p), day(1, 2)).await;
        agree(&t, p, json!({"pay": "live", "fee": "0.01", "fee_fixed": {"USD": "2.50"}, "withholding_tax": "0.19"})).await;
        book(&t, vec![deal("1", "cli_1", "12.345", day(9, 3))]).await;
        let b = prepare(&t, NewBatch { method: Way::Wallet, ..usd_by_bank() }, Verified::default()).await.unwrap();
        let done = release(&t, b.batch.id, true).await.unwrap();
        assert_eq!(done.batch.state, BatchState::Done, "a wallet is paid with the yes");
        let one = &done.payouts[0];
        // 123.45: fee 1.2345 + 2.50, tax 23.4555.
        assert_eq!((one.minor, one.fee_minor, one.tax_minor, one.net_minor), (12_345, 373, 2_346, 9_626));
        let entry = one.entry_id.unwrap();
        let e = t.db.read(async move |tx| qd_ledger::entry(tx, entry).await).await.unwrap().unwrap();
        assert_eq!(e.legs.iter().map(|l| l.minor).sum::<i64>(), 0);
        let wallet = t.db.read(async |tx| qd_ledger::balance(tx, &qd_ledger::AccountKey::wallet("cli_anna", Currency::USD)).await).await.unwrap();
        assert_eq!((wallet.balance_minor, owed(&t, p, Currency::USD).await), (9_626, 0));
        let until = t.core.now();
        t.clock.advance_secs(1);
        let s = tx!(t, |tx, core| statements::close(tx, core, &finance(), p, Currency::USD, until.plus_secs(1)).await).unwrap();
        let (_, content) = t.db.read(async move |tx| statements::get(tx, &finance(), s.id).await).await.unwrap();
        let v: Value = serde_json::from_str(&content).unwrap();
        assert_eq!((&v["fees_minor"], &v["tax_minor"], &v["payouts"][0]["net_minor"]), (&json!(-373), &json!(-2_346), &json!(-9_626)));
        assert_eq!(v["terms"]["withholding_tax"], "0.19");
        sound(&t).await;
    }

    async fn what_is_held_nobody_pays_and_what_is_not_invoiced_waits(t: TestDb) {
        let p = earner(&t, "Anna", "cli_1").await;
        agree(&t, p, json!({"hold_days": 30, "invoicing": "invoice", "destination": to_bank("Anna")})).await;
        book(&t, vec![deal("1", "cli_1", "5", day(11, 10)), deal("2", "cli_1", "3", day(9, 10))]).await;
        let pay = async |minor| tx!(t, |tx, core| payouts::prepare(tx, core, &finance(), p, Amount::new(minor, Currency::USD)).await);
        t.clock.advance_secs(12 * 86_400);
        close_month(&t, "2026-11").await;
        let f = figures(&t, p).await;
        assert_eq!((f.held_minor, f.available_minor, f.releases.len()), (5_000, 3_000, 1));
        assert_eq!(pay(3_001).await.unwrap_err().code, "not_payable_yet");
        assert_eq!(pay(8_001).await.unwrap_err().code, "insufficient_funds");
        let refused = prepare(&t, NewBatch { partners: Some(vec![p]), ..usd_by_bank() }, Verified::default()).await.unwrap_err();
        assert!(refused.detail.contains("invoice_missing"), "{refused:?}");
        let all = t.db.read(async move |tx| statements::list(tx, &finance(), p, &PageRequest::new(None, None)?).await).await.unwrap();
        for s in all.items {
            tx!(t, |tx, core| statements::invoices::record(tx, core, &finance(), s.id, &format!("A-{}", s.number)).await).unwrap();
            let e = tx!(t, |tx, core| statements::invoices::record(tx, core, &finance(), s.id, "B").await).unwrap_err();
            assert_eq!(e.code, "invoice_exists");
        }
        assert_eq!(prepare(&t, usd_by_bank(), Verified::default()).await.unwrap().batch.minor, 3_000);
        sound(&t).await;
    }

    async fn wrong_terms_are_refused_by_the_pointer_of_the_field(t: TestDb) {
        let p = make(&t, "Anna", None, Currency::USD, None).await.id;
        for (document, pointer) in [
            (json!({"time_zone": "Mars/Olympus"}), "/time_zone"),
            (json!({"hold_days": 731}), "/hold_days"),
            (json!({"hold_days_of": {"cpa": -1}}), "/hold_days_of/cpa"),
            (json!({"reserve": "1.0"}), "/reserve"),
            (json!({"fee": "ten"}), "/fee"),
            (json!({"minimum": {"XXX": "1.00"}}), "/minimum/XXX"),
            (json!({"minimum": {"USD": "1.005"}}), "/minimum/USD"),
            (json!({"destination": {"way": "bank", "name": "Anna"}}), "/destination/iban"),
            (json!({"destination": {"way": "bank", "name": "Anna", "iban": "DE89370400440532013001"}}), "/destination/iban"),
            (json!({"destination": {"way": "wallet"}}), "/destination/way"),
        ] {
            let d: Document = serde_json::from_value(document.clone()).unwrap();
            let e = tx!(t, |tx, core| terms::put(tx, core, &manager(), p, 0, d.clone(), "contract").await).unwrap_err();
            assert_eq!(e.fields[0].pointer, format!("/document{pointer}"), "{document}");
        }
        agree(&t, p, json!({"calendar": "weekly"})).await;
        let stale = tx!(t, |tx, core| terms::put(tx, core, &manager(), p, 0, Document::default(), "again").await).unwrap_err();
        assert_eq!(stale.code, "version_stale");
        set(&t, "global", terms::TERMS, json!({"calendar": "daily", "time_zone": "UTC", "fee": "0.01"})).await;
        set(&t, "entity:eu", terms::TERMS, json!({"fee": "0.02"})).await;
        let v = t.db.read(async move |tx| terms::get(tx, &finance(), p).await).await.unwrap();
        assert_eq!((v.terms.calendar.as_str(), v.terms.time_zone.as_str(), v.terms.fee.as_str(), v.version), ("weekly", "UTC", "0.02", 1));
        let e = tx!(t, |tx, core| terms::put(tx, core, &finance(), p, 1, Document::default(), "mine").await).unwrap_err();
        assert_eq!(e.code, "right_missing");
    }
}
