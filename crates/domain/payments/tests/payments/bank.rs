//! The bank rail: statements, whose money it is, payments in batches.

use crate::world::*;
use qd_kernel::{Amount, Currency, PageRequest, Problem, Result};
use qd_ledger::Purpose;
use qd_payments::bank::targets::{self, NewTarget};
use qd_payments::bank::{self, BatchState, BatchView, EntryState, EntryView, FileState, FileView, NewBatch};
use qd_payments::deposit::{self, DepositState, DepositView, NewDeposit};
use qd_payments::withdrawal::{self, LegState, Queue, SplitPart, WithdrawalState as S, WithdrawalView};
use qd_payments::{BankBatchId, BankEntryId, WithdrawalId};
use qd_ports::bank::{BankFiles, plain_id};
use qd_runtime::access::Role;
use qd_runtime::rules;
use qd_testkit::{TestDb, both};
use serde_json::json;

const ALEX_IBAN: &str = "DE89370400440532013000";
const OTHER_IBAN: &str = "GB82WEST12345698765432";

/// One entry as a bank writes it.
#[derive(Clone)]
struct Line {
    minor: i64,
    credit: bool,
    bank_ref: String,
    text: String,
    end_to_end: Option<String>,
    payer: String,
    iban: String,
    returned: Option<&'static str>,
}

fn line(minor: i64, bank_ref: &str, text: &str) -> Line {
    Line {
        minor,
        credit: true,
        bank_ref: bank_ref.into(),
        text: text.into(),
        end_to_end: None,
        payer: "Alex Müller".into(),
        iban: ALEX_IBAN.into(),
        returned: None,
    }
}

impl Line {
    fn from(mut self, payer: &str, iban: &str) -> Line {
        self.payer = payer.into();
        self.iban = iban.into();
        self
    }
    fn debit(mut self, end_to_end: &str) -> Line {
        self.credit = false;
        self.end_to_end = Some(end_to_end.into());
        self
    }
    fn back(mut self, end_to_end: &str, why: &'static str) -> Line {
        self.end_to_end = Some(end_to_end.into());
        self.returned = Some(why);
        self
    }
    fn xml(&self) -> String {
        let (who, account, dir) = if self.credit {
            ("Dbtr", "DbtrAcct", "CRDT")
        } else {
            ("Cdtr", "CdtrAcct", "DBIT")
        };
        let e2e = self.end_to_end.as_deref().unwrap_or("NOTPROVIDED");
        let returned = self
            .returned
            .map(|r| format!("<RtrInf><Rsn><Cd>{r}</Cd></Rsn></RtrInf>"))
            .unwrap_or_default();
        format!(
            "<Ntry><Amt Ccy=\"EUR\">{}</Amt><CdtDbtInd>{dir}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>{}</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>{e2e}</EndToEndId></Refs><RltdPties><{who}><Nm>{}</Nm></{who}><{account}><Id><IBAN>{}</IBAN></Id></{account}></RltdPties><RmtInf><Ustrd>{}</Ustrd></RmtInf>{returned}</TxDtls></NtryDtls></Ntry>\n",
            Amount::new(self.minor, Currency::EUR).text(),
            self.bank_ref,
            self.payer,
            self.iban,
            self.text
        )
    }
}

fn file_of(root: &str, container: &str, id: &str, lines: &[Line]) -> Vec<u8> {
    let body: String = lines.iter().map(Line::xml).collect();
    format!("<?xml version=\"1.0\"?>\n<Document>\n<{root}>\n<GrpHdr><MsgId>{id}</MsgId></GrpHdr>\n<{container}>\n<Id>{id}</Id>\n<Acct><Id><IBAN>{HOUSE_IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>\n{body}</{container}>\n</{root}>\n</Document>\n").into_bytes()
}
fn statement(id: &str, lines: &[Line]) -> Vec<u8> {
    file_of("BkToCstmrStmt", "Stmt", id, lines)
}
fn notice(id: &str, lines: &[Line]) -> Vec<u8> {
    file_of("BkToCstmrDbtCdtNtfctn", "Ntfctn", id, lines)
}
fn answer(id: &str, payments: &[(&str, &str)]) -> Vec<u8> {
    let body: String = payments
        .iter()
        .map(|(e2e, word)| format!("<TxInfAndSts><OrgnlEndToEndId>{e2e}</OrgnlEndToEndId><TxSts>{word}</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts>\n"))
        .collect();
    format!("<Document>\n<CstmrPmtStsRpt>\n<GrpHdr><MsgId>{id}</MsgId></GrpHdr>\n<OrgnlPmtInfAndSts>{body}</OrgnlPmtInfAndSts>\n</CstmrPmtStsRpt>\n</Document>\n").into_bytes()
}

/// Loaded, not read yet.
async fn sent_in(w: &World, bytes: Vec<u8>) -> Result<FileView> {
    let stored = files(&w.core, &w.core.env).put_data(bytes, 1 << 25).await?;
    w.staff_does(async move |tx, core| bank::load(tx, core, &staff("Fin", Role::Finance), "eu", "statement.xml", &stored).await)
        .await
}

/// Loaded and read.
async fn load(w: &World, bytes: Vec<u8>) -> FileView {
    let f = sent_in(w, bytes).await.unwrap();
    w.work().await;
    w.staff_does(async move |tx, _| bank::file(tx, &staff("Fin", Role::Finance), f.id).await)
        .await
        .unwrap()
}

async fn wish(w: &World, client: &'static str, minor: i64) -> (DepositView, bank::Details) {
    let facts = w.facts.of(client, Some("dev_home"));
    let d = w
        .staff_does(async move |tx, core| {
            let new = NewDeposit {
                amount: Amount::new(minor, Currency::EUR),
                method: "bank".into(),
                account_id: None,
                bin: None,
            };
            deposit::create(tx, core, &client_caller(client), facts.clone(), new).await
        })
        .await
        .unwrap();
    w.work().await;
    let id = d.id;
    let details = w
        .staff_does(async move |tx, _| bank::details(tx, &client_caller(client), id).await)
        .await
        .unwrap();
    (w.deposit(id).await, details)
}

async fn entries(w: &World, state: EntryState) -> Vec<EntryView> {
    w.staff_does(async move |tx, _| {
        bank::entries(
            tx,
            &staff("Fin", Role::Finance),
            Some(state),
            None,
            &PageRequest::new(Some(50), None)?,
        )
        .await
    })
    .await
    .unwrap()
    .items
}

async fn assign(w: &World, id: BankEntryId, d: &DepositView) -> std::result::Result<EntryView, Problem> {
    let (facts, deposit) = (w.facts.of(&d.client_id, None), d.id);
    w.staff_does(async move |tx, core| {
        bank::assign(
            tx,
            core,
            &staff("Fin", Role::Finance),
            id,
            Some(deposit),
            &facts,
            "the payer wrote to us",
        )
        .await
    })
    .await
}

/// A deposit that nobody pays is looked at rarely; the client takes it back.
async fn gives_up(w: &World, d: &DepositView) {
    let (id, client) = (d.id, d.client_id.clone());
    w.staff_does(async move |tx, core| deposit::cancel(tx, core, &client_caller(&client), id).await)
        .await
        .unwrap();
    w.pass(7 * 3_600).await;
}

/// What the bank holds for us, by the books, and what of it nobody knows the owner of.
async fn at_bank(w: &World) -> (i64, i64) {
    let owner = format!("psp:{BANK}");
    let held = -w.balance(&owner, Purpose::Clearing, Currency::EUR).await.balance_minor;
    (held, w.balance(&owner, Purpose::Suspense, Currency::EUR).await.balance_minor)
}

async fn own_account(w: &World, client: &'static str, iban: &'static str, holder: &'static str) {
    let facts = w.facts.of(client, Some("dev_home"));
    let new = NewTarget {
        method: "bank".into(),
        account: iban.into(),
        holder: holder.into(),
        bic: None,
    };
    w.staff_does(async move |tx, core| targets::add(tx, core, &client_caller(client), &facts, new.clone()).await)
        .await
        .unwrap();
}

async fn prepare(w: &World, who: &'static str) -> std::result::Result<BatchView, Problem> {
    let new = NewBatch {
        entity: "eu".into(),
        connection: BANK.into(),
        currency: Currency::EUR,
        payment_ids: None,
    };
    w.staff_does(async move |tx, core| bank::prepare(tx, core, &staff(who, Role::Finance), new.clone()).await)
        .await
}

async fn decide(w: &World, who: &'static str, id: BankBatchId, yes: bool) -> std::result::Result<BatchView, Problem> {
    w.staff_does(async move |tx, core| bank::decide(tx, core, &staff(who, Role::Finance), id, yes, "checked against the list").await)
        .await
}

/// A payout of profit by bank, approved and in a released batch; its payment's reference.
async fn sent_by_bank(w: &World, minor: i64) -> (WithdrawalId, String) {
    let v = w.withdraw(ALEX, minor, None).await.unwrap();
    w.work().await;
    w.withdrawal_is(v.id, S::Review).await;
    w.approve("Fin", Role::Finance, v.id).await.unwrap();
    w.work().await;
    let b = prepare(w, "Fin").await.unwrap();
    let b = decide(w, "Ada", b.id, true).await.unwrap();
    let v = w.withdrawal_is(v.id, S::Paying).await;
    assert_eq!(v.legs[0].state, LegState::Pending);
    (v.id, plain_id(&b.payments[0].id.to_string()))
}

fn legs(v: &WithdrawalView) -> Vec<(String, i64)> {
    v.legs.iter().map(|l| (l.kind.clone(), l.amount.minor)).collect()
}

both! {
    async fn a_transfer_with_its_reference_is_received_once_whatever_files_tell_of_it(t: TestDb) {
        let w = World::new(t).await;
        let (d, to) = wish(&w, ALEX, 50_000).await;
        assert_eq!((d.state, to.iban.as_str(), to.amount), (DepositState::Redirected, HOUSE_IBAN, Amount::new(50_000, Currency::EUR)));
        let paid = line(50_000, "B1", &format!("my deposit {}", to.reference_text.to_lowercase()));
        let f = load(&w, notice("N1", std::slice::from_ref(&paid))).await;
        assert_eq!((f.state, f.entries, f.entries_done, f.matched), (FileState::Done, 1, 1, 1), "{f:?}");
        let d = w.deposit(d.id).await;
        assert_eq!((d.state, d.received.map_or(0, |a| a.minor), d.held_reason), (DepositState::Posted, 50_000, None));
        assert_eq!((w.wallet(ALEX).await, at_bank(&w).await), (50_000, (50_000, 0)));
        // The day's statement tells of it again, and somebody loads that twice.
        let day = statement("S1", &[paid, line(900, "B2", "interest").from("The Bank", OTHER_IBAN)]);
        let f = load(&w, day.clone()).await;
        assert_eq!((f.known, f.matched, f.suspense), (1, 0, 1));
        let again = load(&w, day).await;
        assert_eq!((again.id, again.known), (f.id, 1));
        assert_eq!((w.wallet(ALEX).await, at_bank(&w).await), (50_000, (50_900, 900)));
        // Paid a second time under the same reference: his again, in a deposit of its own.
        let f = load(&w, statement("S2", &[line(20_000, "B3", &to.reference)])).await;
        assert_eq!((f.matched, w.wallet(ALEX).await), (1, 70_000));
        assert_eq!(entries(&w, EntryState::Matched).await.len(), 2);
        w.finish().await;
    }

    async fn another_sum_and_another_payer_are_held_and_nothing_is_lost(t: TestDb) {
        let w = World::new(t).await;
        let (less, a) = wish(&w, ALEX, 50_000).await;
        let (third, b) = wish(&w, ALEX, 30_000).await;
        load(&w, statement("S1", &[line(49_000, "B1", &a.reference), line(30_000, "B2", &b.reference).from("Bert Fremd", OTHER_IBAN)])).await;
        let (less, third) = (w.deposit(less.id).await, w.deposit(third.id).await);
        assert_eq!((less.state, less.held_reason.as_deref()), (DepositState::Held, Some("paid_less")));
        assert_eq!((third.state, third.held_reason.as_deref()), (DepositState::Held, Some("third_party_payer")));
        assert_eq!((w.wallet(ALEX).await, w.suspense(ALEX).await, at_bank(&w).await), (0, 79_000, (79_000, 0)));
        w.finish().await;
    }

    async fn what_nobody_can_place_waits_in_suspense_for_a_person(t: TestDb) {
        let w = World::new(t).await;
        let (first, _) = wish(&w, ALEX, 50_000).await;
        let (second, _) = wish(&w, ALEX, 50_000).await;
        // Two deposits of the same sum by the same person, and no reference.
        let f = load(&w, statement("S1", &[line(50_000, "B1", "deposit"), line(7_700, "B2", "hello").from("Nobody Known", OTHER_IBAN)])).await;
        assert_eq!((f.doubtful, f.suspense, f.matched), (1, 1, 0));
        assert_eq!((w.wallet(ALEX).await, at_bank(&w).await), (0, (57_700, 57_700)));
        assert_eq!(w.exceptions().await, ["bank.unplaced", "bank.unplaced"]);
        let doubtful = entries(&w, EntryState::Doubtful).await.remove(0);
        assert_eq!((doubtful.candidates.len(), doubtful.candidates[0].score), (2, 80));
        // Two people at once: one of them places it.
        let (one, two) = tokio::join!(assign(&w, doubtful.id, &first), assign(&w, doubtful.id, &first));
        let refused = [&one, &two].into_iter().filter_map(|r| r.as_ref().err()).map(|p| p.code).collect::<Vec<_>>();
        assert!(refused.len() == 1 && ["entry_not_open", "entry_changed"].contains(&refused[0]), "{one:?} {two:?}");
        assert_eq!((w.deposit(first.id).await.state, w.wallet(ALEX).await), (DepositState::Posted, 50_000));
        // The other goes back to who sent it.
        let stray = entries(&w, EntryState::Suspense).await.remove(0);
        let back = w.staff_does(async move |tx, core| bank::send_back(tx, core, &staff("Fin", Role::Finance), stray.id, "nobody knows the payer").await).await.unwrap();
        assert_eq!((back.state, at_bank(&w).await), (EntryState::Returning, (57_700, 7_700)));
        let b = prepare(&w, "Fin").await.unwrap();
        decide(&w, "Ada", b.id, true).await.unwrap();
        let e2e = plain_id(&b.payments[0].id.to_string());
        load(&w, statement("S2", &[line(7_700, "B9", "").from("Nobody Known", OTHER_IBAN).debit(&e2e)])).await;
        let e = entries(&w, EntryState::Returned).await;
        assert_eq!((e.len(), at_bank(&w).await), (1, (50_000, 0)));
        assert!(w.exceptions().await.is_empty());
        gives_up(&w, &second).await;
        w.finish().await;
    }

    async fn a_malformed_file_is_kept_and_refused_with_its_line_and_nothing_of_it_counts(t: TestDb) {
        let w = World::new(t).await;
        let (d, to) = wish(&w, ALEX, 50_000).await;
        let good = line(50_000, "B1", &to.reference);
        let mut bytes = statement("S1", &[good.clone(), good.clone()]);
        let cut = bytes.len() - 200;
        bytes.truncate(cut);
        let f = load(&w, bytes.clone()).await;
        let fault = f.fault.unwrap();
        assert_eq!(f.state, FileState::Refused);
        assert!(fault.line >= 9 && matches!(fault.code.as_str(), "file_cut_off" | "xml_malformed"), "{fault:?}");
        assert_eq!((w.deposit(d.id).await.state, w.exceptions().await), (DepositState::Redirected, vec!["bank.file_refused".to_string()]));
        let kept = w.staff_does(async move |tx, _| bank::original(tx, &staff("Fin", Role::Finance), f.id).await).await.unwrap();
        assert_eq!(files(&w.core, &w.core.env).get(kept).await.unwrap().bytes, bytes);
        // Of an account that is not ours; and none that a bank sends.
        let foreign = String::from_utf8(statement("S2", &[good])).unwrap().replace(HOUSE_IBAN, OTHER_IBAN).into_bytes();
        assert_eq!(load(&w, foreign).await.fault.unwrap().code, "account_unknown");
        assert_eq!(load(&w, b"<html></html>".to_vec()).await.state, FileState::Refused);
        assert!(sent_in(&w, Vec::new()).await.is_err());
        assert_eq!((w.wallet(ALEX).await, at_bank(&w).await), (0, (0, 0)));
        gives_up(&w, &d).await;
        w.finish().await;
    }

    async fn profit_leaves_in_a_batch_that_another_person_releases_and_ends_by_the_banks_word(t: TestDb) {
        let w = World::new(t).await;
        own_account(&w, ALEX, ALEX_IBAN, "Alex Müller").await;
        w.pass(8 * 86_400).await;
        w.give(ALEX, 60_000).await;
        let v = w.withdraw(ALEX, 10_000, None).await.unwrap();
        w.work().await;
        w.approve("Fin", Role::Finance, v.id).await.unwrap();
        w.work().await;
        let v = w.withdrawal_is(v.id, S::Paying).await;
        assert_eq!((legs(&v), w.paying(ALEX).await), (vec![("bank".to_string(), 10_000)], 10_000));
        // Two people prepare at once: each payment is in one batch.
        let (one, two) = tokio::join!(prepare(&w, "Fin"), prepare(&w, "Ada"));
        let made: Vec<BatchView> = [one, two].into_iter().filter_map(std::result::Result::ok).collect();
        assert_eq!((made.len(), made[0].items, made[0].amount.minor), (1, 1, 10_000));
        let b = &made[0];
        let (own, other) = if b.prepared_by == staff("Fin", Role::Finance).id() { ("Fin", "Ada") } else { ("Ada", "Fin") };
        assert_eq!(decide(&w, own, b.id, true).await.unwrap_err().code, "approval_own_request");
        // A bank that speaks of it before it was sent is not believed.
        let e2e = plain_id(&b.payments[0].id.to_string());
        load(&w, answer("A0", &[(&e2e, "ACSC")])).await;
        w.withdrawal_is(v.id, S::Paying).await;
        let (id, entity) = (b.id, b.entity.clone());
        assert_eq!(entity, "eu");
        let early = w.staff_does(async move |tx, _| bank::message(tx, &staff("Fin", Role::Finance), id).await).await.unwrap_err();
        assert_eq!(early.code, "batch_state");
        assert_eq!(decide(&w, other, b.id, true).await.unwrap().state, BatchState::Released);
        let m = w.staff_does(async move |tx, _| bank::message(tx, &staff("Fin", Role::Finance), id).await).await.unwrap();
        let xml = qd_psp_bank::Iso20022.payments(&m).unwrap();
        assert!(xml.contains(&format!("<EndToEndId>{e2e}</EndToEndId>")) && xml.contains(ALEX_IBAN) && xml.contains("<CtrlSum>100.00</CtrlSum>"), "{xml}");
        // Taken in is not paid; the statement says when it is, once.
        load(&w, answer("A1", &[(&e2e, "ACTC")])).await;
        assert_eq!((w.withdrawal(v.id).await.state, w.paying(ALEX).await), (S::Paying, 10_000));
        let out = line(10_000, "P1", "").debit(&e2e);
        load(&w, notice("N1", std::slice::from_ref(&out))).await;
        load(&w, statement("S1", &[out])).await;
        w.withdrawal_is(v.id, S::Paid).await;
        assert_eq!((w.paying(ALEX).await, w.wallet(ALEX).await, at_bank(&w).await.0), (0, 50_000, -10_000));
        // It comes back days later: the money is his again.
        load(&w, statement("S2", &[line(10_000, "P2", "").back(&e2e, "AC04")])).await;
        let v = w.withdrawal_is(v.id, S::Returned).await;
        assert_eq!((v.legs[0].failure_code.as_deref(), v.reason_code.as_deref()), (Some("AC04"), Some("payout_returned")));
        assert_eq!((w.wallet(ALEX).await, at_bank(&w).await.0), (60_000, 0));
        assert_eq!(w.exceptions().await, ["withdrawal.returned"]);
        w.finish().await;
    }

    async fn a_payment_that_the_bank_refuses_never_left(t: TestDb) {
        let w = World::new(t).await;
        own_account(&w, ALEX, ALEX_IBAN, "Alex Müller").await;
        w.pass(8 * 86_400).await;
        w.give(ALEX, 60_000).await;
        let (id, e2e) = sent_by_bank(&w, 10_000).await;
        load(&w, answer("A1", &[(&e2e, "XXXX")])).await;
        assert_eq!((w.withdrawal(id).await.state, w.exceptions().await.contains(&"bank.answer_unclear".to_string())), (S::Paying, true));
        load(&w, answer("A2", &[(&e2e, "RJCT")])).await;
        let v = w.withdrawal_is(id, S::Returned).await;
        assert_eq!((v.reason_code.as_deref(), w.wallet(ALEX).await, w.paying(ALEX).await, at_bank(&w).await.0), (Some("payout_failed"), 60_000, 0, 0));
        w.finish().await;
    }

    async fn money_that_came_by_bank_goes_back_to_the_account_it_came_from(t: TestDb) {
        let w = World::new(t).await;
        let (_, to) = wish(&w, ALEX, 50_000).await;
        load(&w, statement("S1", &[line(50_000, "B1", &to.reference)])).await;
        w.pass(8 * 86_400).await;
        let v = w.withdraw(ALEX, 20_000, None).await.unwrap();
        w.work().await;
        // All of it goes to its source: small and trusted.
        let v = w.withdrawal_is(v.id, S::Paying).await;
        assert_eq!(legs(&v), [("bank".to_string(), 20_000)]);
        let b = prepare(&w, "Fin").await.unwrap();
        assert_eq!((b.payments[0].last4.as_deref(), b.payments[0].holder.as_deref()), (Some("3000"), Some("Alex Müller")));
        decide(&w, "Ada", b.id, false).await.unwrap();
        let b = prepare(&w, "Fin").await.unwrap();
        decide(&w, "Ada", b.id, true).await.unwrap();
        // The bank books the whole file as one sum.
        let whole = format!("<Ntry><Amt Ccy=\"EUR\">200.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><AcctSvcrRef>P1</AcctSvcrRef><NtryDtls><Btch><PmtInfId>{}</PmtInfId></Btch></NtryDtls></Ntry>", plain_id(&b.id.to_string()));
        let day = String::from_utf8(statement("S2", &[])).unwrap().replace("</Stmt>", &format!("{whole}</Stmt>"));
        let f = load(&w, day.into_bytes()).await;
        assert_eq!(f.payouts, 1, "{f:?}");
        w.withdrawal_is(v.id, S::Paid).await;
        assert_eq!((w.wallet(ALEX).await, at_bank(&w).await), (30_000, (30_000, 0)));
        w.finish().await;
    }

    async fn an_account_in_another_name_or_of_another_client_stops_the_payout(t: TestDb) {
        let w = World::new(t).await;
        w.give(ALEX, 60_000).await;
        own_account(&w, ALEX, OTHER_IBAN, "Bert Fremd").await;
        w.pass(8 * 86_400).await;
        // Not proposed by itself, because the name is another's; named, it is stopped.
        let named = w.staff_does(async move |tx, _| targets::list(tx, &client_caller(ALEX), ALEX, "eu").await).await.unwrap().remove(0);
        assert!(!named.name_matches);
        let facts = w.facts.of(ALEX, Some("dev_home"));
        let v = w.staff_does(async move |tx, core| {
            let new = withdrawal::NewWithdrawal { amount: Amount::new(5_000, Currency::EUR), account_id: None, target_id: Some(named.id) };
            withdrawal::request(tx, core, &client_caller(ALEX), facts.clone(), new).await
        }).await.unwrap();
        w.work().await;
        let v = w.withdrawal_is(v.id, S::Review).await;
        assert!(v.signals.contains(&"payee_differs".to_string()), "{:?}", v.signals);
        assert_eq!((v.desk.as_str(), v.queue), ("compliance", Some(Queue::HighRisk)));
        // The same account at a second client.
        w.facts.edit("cli_bea", |f| f.name = "Bert Fremd".into());
        w.give("cli_bea", 60_000).await;
        own_account(&w, "cli_bea", OTHER_IBAN, "Bert Fremd").await;
        let v = w.withdraw("cli_bea", 5_000, None).await.unwrap();
        w.work().await;
        let v = w.withdrawal_is(v.id, S::Review).await;
        assert!(["payee_shared", "payee_new"].iter().all(|s| v.signals.iter().any(|x| x == s)), "{:?}", v.signals);
        w.finish().await;
    }

    async fn finance_may_split_otherwise_but_never_more_to_a_source_than_came(t: TestDb) {
        let w = World::new(t).await;
        let (d, to) = wish(&w, ALEX, 50_000).await;
        load(&w, statement("S1", &[line(50_000, "B1", &to.reference)])).await;
        own_account(&w, ALEX, ALEX_IBAN, "Alex Müller").await;
        w.pass(8 * 86_400).await;
        w.give(ALEX, 50_000).await;
        let v = w.withdraw(ALEX, 60_000, None).await.unwrap();
        w.work().await;
        w.withdrawal_is(v.id, S::Review).await;
        let dep = d.id.to_string();
        let part = |to_source: i64, rest: i64| vec![SplitPart { deposit_id: Some(dep.clone()), minor: to_source }, SplitPart { deposit_id: None, minor: rest }];
        let split = async |parts: Vec<SplitPart>, why: &'static str| {
            w.staff_does(async move |tx, core| withdrawal::split(tx, core, &staff("Fin", Role::Finance), v.id, &parts, why).await).await
        };
        assert_eq!(split(part(50_001, 9_999), "x").await.unwrap_err().fields[0].code, "more_than_came");
        assert_eq!(split(part(50_000, 9_000), "x").await.unwrap_err().fields[0].code, "parts_differ_from_amount");
        assert_eq!(split(part(50_000, 10_000), " ").await.unwrap_err().fields[0].code, "reason_missing");
        let plan = split(part(20_000, 40_000), "the old account is closed soon").await.unwrap();
        assert_eq!(plan.iter().map(|p| (p.amount.minor, p.chosen)).collect::<Vec<_>>(), [(20_000, true), (40_000, true)]);
        w.approve("Fin", Role::Finance, v.id).await.unwrap();
        w.work().await;
        let v = w.withdrawal(v.id).await;
        assert_eq!(legs(&v), [("bank".to_string(), 20_000), ("bank".to_string(), 40_000)]);
        assert_eq!(split(part(20_000, 40_000), "again").await.unwrap_err().code, "withdrawal_on_its_way");
        w.finish().await;
    }

    async fn a_case_goes_between_two_desks_with_a_clock_each_and_shows_in_its_own_queue(t: TestDb) {
        let w = World::new(t).await;
        w.give(ALEX, 60_000).await;
        let (slow, quick) = (w.withdraw(ALEX, 5_000, None).await.unwrap().id, w.withdraw(ALEX, 6_000, None).await.unwrap().id);
        w.work().await;
        let hand = async |who: &'static str, role: Role, desk: &'static str| {
            w.staff_does(async move |tx, core| {
                withdrawal::claim(tx, core, &staff(who, role), slow, true).await?;
                withdrawal::hand_over(tx, core, &staff(who, role), slow, desk, "please look at the source of funds").await
            }).await.unwrap()
        };
        w.clock.advance_secs(600);
        w.approve("Fin", Role::Finance, quick).await.unwrap();
        hand("Fin", Role::Finance, "compliance").await;
        w.clock.advance_secs(7_200);
        hand("Cora", Role::Compliance, "finance").await;
        w.clock.advance_secs(60);
        let report = async || w.staff_does(async move |tx, core| withdrawal::queues(tx, core, &staff("Fin", Role::Finance), None, None).await).await.unwrap();
        let r = report().await;
        assert_eq!((r.standard.decided, r.standard.median_s, r.standard.backlog), (1, Some(600), 0));
        assert_eq!((r.high_risk.decided, r.high_risk.median_s, r.high_risk.backlog, r.high_risk.oldest_s), (0, None, 1, Some(7_860)));
        w.approve("Fin", Role::Finance, slow).await.unwrap();
        let r = report().await;
        assert_eq!((r.standard.median_s, r.high_risk.median_s, r.high_risk.backlog), (Some(600), Some(7_860), 0));
        let v = w.withdrawal(slow).await;
        let (fin, cora) = (staff("Fin", Role::Finance).id(), staff("Cora", Role::Compliance).id());
        let turns: Vec<_> = v.turns.iter().map(|t| (t.desk.as_str(), t.seconds, t.owner.clone(), t.handed_by.clone())).collect();
        assert_eq!(turns, [("finance", 600, Some(fin.clone()), Some(fin)), ("compliance", 7_200, Some(cora.clone()), Some(cora)), ("finance", 60, None, None)]);
        w.work().await;
        w.finish().await;
    }

    async fn a_second_version_of_the_rules_is_tried_beside_the_live_one_without_effect(t: TestDb) {
        let w = World::new(t).await;
        let (_, to) = wish(&w, ALEX, 50_000).await;
        load(&w, statement("S1", &[line(50_000, "B1", &to.reference)])).await;
        w.pass(8 * 86_400).await;
        w.staff_does(async move |tx, core| {
            let draft = rules::Draft {
                id: None, base_version: None, set: "withdrawal.auto".into(), entity: None, name: "Anything at all".into(), priority: 5,
                expression: "withdrawal.amount_minor > 0".into(), outcome: json!({"decision": "two", "role": "finance"}), reason_code: "tried_only".into(),
                state: rules::State::Shadow, tests: Vec::new(), note: "trial".into(),
            };
            rules::save(tx, core, &qd_runtime::access::Caller::system("test"), draft).await.map(|_| ())
        }).await.unwrap();
        let v = w.withdraw(ALEX, 5_000, None).await.unwrap();
        w.work().await;
        w.withdrawal_is(v.id, S::Paying).await;
        let r = w.staff_does(async move |tx, core| withdrawal::trials(tx, core, &staff("Fin", Role::Finance), None, None).await).await.unwrap();
        assert_eq!((r.decided, r.same, r.stopped_only_by_trial, r.complete), (1, 0, 1, true));
        assert_eq!((r.cases[0].live.as_str(), r.cases[0].trial.as_str()), ("auto", "two"));
        assert!(r.cases[0].trial_signals.contains(&"tried_only".to_string()));
        w.finish().await;
    }
}
