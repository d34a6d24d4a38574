//! Entries of statements: booked as they come, and what people decide about those nobody can place.

use super::files::Counts;
use super::matching::Verdict;
use super::{EntryState, HouseAccount, mark, payments, tail_of};
use crate::deposit::{self, DepositState};
use crate::store::{self, BankEntryRow, BankFileRow, DepositRow, EntryFilter};
use crate::{BankEntryId, BankFileId, BankPaymentId, ClientFacts, DepositId, clearing, reason};
use qd_db::Tx;
use qd_kernel::{Amount, Page, PageRequest, Problem, Result, Ts};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_ports::bank::{BankEntry, Direction};
use qd_ports::psp::{DepositReport, Instrument, PaymentState as Reported, RefundState};
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use qd_runtime::{Core, exceptions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Who an entry may be from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BankCandidate)]
pub struct Candidate {
    pub client_id: String,
    /// Without one a deposit is made of the entry.
    pub deposit_id: Option<String>,
    /// 0 to 160; from 80 on it is taken by itself when nobody else comes near.
    pub score: i64,
    /// `amount`, `name`, `name_in_part`, `payer_known`, `reference_nearly`.
    pub reasons: Vec<String>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BankEntryOfStatement)]
pub struct EntryView {
    pub id: BankEntryId,
    pub file_id: BankFileId,
    pub entity: String,
    pub connection: String,
    /// Of the file.
    pub line: i64,
    /// `in` or `out`.
    pub direction: String,
    pub amount: Amount,
    pub booked_on_us: Option<Ts>,
    pub bank_ref: Option<String>,
    pub end_to_end: Option<String>,
    pub creditor_ref: Option<String>,
    /// The payer's words.
    pub text: String,
    pub payer: Option<String>,
    /// The last four characters of the other side's account.
    pub last4: Option<String>,
    pub return_reason: Option<String>,
    pub state: EntryState,
    pub deposit_id: Option<String>,
    pub client_id: Option<String>,
    pub payment_id: Option<BankPaymentId>,
    pub candidates: Vec<Candidate>,
    pub decided_by: Option<String>,
    pub reason: Option<String>,
    pub created_at_us: Ts,
    pub version: i64,
}

impl TryFrom<BankEntryRow> for EntryView {
    type Error = Problem;
    fn try_from(e: BankEntryRow) -> Result<EntryView> {
        Ok(EntryView {
            amount: Amount::new(e.amount_minor, e.currency),
            candidates: serde_json::from_str(&e.candidates)?,
            direction: e.direction.as_str().to_string(),
            last4: e.party_account.as_deref().map(tail_of),
            id: e.id,
            file_id: e.file_id,
            entity: e.entity,
            connection: e.connection,
            line: e.line,
            booked_on_us: e.booked_on,
            bank_ref: e.bank_ref,
            end_to_end: e.end_to_end,
            creditor_ref: e.creditor_ref,
            text: e.remittance,
            payer: e.party_name,
            return_reason: e.return_reason,
            state: e.state,
            deposit_id: e.deposit_id,
            client_id: e.client_id,
            payment_id: e.payment_id,
            decided_by: e.decided_by,
            reason: e.reason,
            created_at_us: e.created_at,
            version: e.version,
        })
    }
}

/// Money whose owner is not known, at this bank.
fn suspense(e: &BankEntryRow) -> AccountKey {
    AccountKey::new(format!("psp:{}", e.connection), Purpose::Suspense, e.currency)
}

pub(super) async fn book(tx: &mut Tx, core: &Core, e: &BankEntryRow, step: &str, from: AccountKey, to: AccountKey) -> Result<()> {
    let minor = e.amount_minor;
    qd_ledger::post(
        tx,
        core,
        NewEntry {
            kind: "bank",
            reference: format!("bank:{}:{step}", e.id),
            legs: vec![
                Leg {
                    account: from,
                    minor: -minor,
                },
                Leg { account: to, minor },
            ],
            source: format!("{} {}", e.connection, e.bank_ref.as_deref().unwrap_or("-")),
            value_at: core.now(),
            note: None,
            fx: None,
        },
    )
    .await
    .map(|_| ())
}

async fn save(tx: &mut Tx, core: &Core, e: &mut BankEntryRow) -> Result<()> {
    e.changed_at = core.now();
    if !store::update_bank_entry(tx, e).await? {
        return Err(Problem::unavailable(
            "entry_changed",
            "this entry was changed a moment ago; try again",
        ));
    }
    e.version += 1;
    Ok(())
}

fn row(core: &Core, f: &BankFileRow, a: &HouseAccount, e: &BankEntry) -> BankEntryRow {
    BankEntryRow {
        id: BankEntryId::new(&core.env),
        file_id: f.id,
        entity: f.entity.clone(),
        connection: a.connection.clone(),
        account: a.iban.clone(),
        entry_key: e.key.clone(),
        line: i64::from(e.line),
        direction: e.direction,
        amount_minor: e.amount.minor,
        currency: e.amount.currency,
        booked_on: e.booked_on,
        bank_ref: e.bank_ref.clone(),
        end_to_end: e.end_to_end.clone(),
        creditor_ref: e.creditor_ref.clone(),
        remittance: e.text.clone(),
        party_name: e.party.name.clone(),
        party_account: e.party.account.clone(),
        party_bic: e.party.bic.clone(),
        party_mark: e.party.account.as_deref().map(mark),
        return_reason: e.return_reason.clone(),
        state: EntryState::Other,
        deposit_id: None,
        client_id: None,
        payment_id: None,
        candidates: "[]".into(),
        decided_by: None,
        reason: None,
        created_at: core.now(),
        changed_at: core.now(),
        version: 1,
    }
}

/// Keeps an entry and acts on it, once. `facts`: of the deposit's client when the verdict names one.
pub(super) async fn take(
    tx: &mut Tx,
    core: &Core,
    f: &BankFileRow,
    a: &HouseAccount,
    e: &BankEntry,
    verdict: &Verdict,
    facts: Option<&ClientFacts>,
    counts: &mut Counts,
) -> Result<()> {
    let who = Caller::system("job:bank.read");
    let mut r = row(core, f, a, e);
    if !store::insert_bank_entry(tx, &r).await? {
        counts.known += 1;
        return Ok(());
    }
    // Nothing moved: a bank tells so of cards checked and fees waived.
    if r.amount_minor == 0 {
        counts.other += 1;
        return Ok(());
    }
    let ours = payments::by_reference(tx, &a.connection, e).await?;
    if !ours.is_empty() {
        let state = match e.direction {
            Direction::Out => RefundState::Succeeded,
            Direction::In => RefundState::Failed,
        };
        for p in &ours {
            payments::told(tx, core, &who, p.id, state, r.bank_ref.as_deref(), r.return_reason.as_deref()).await?;
        }
        r.state = EntryState::Payout;
        r.payment_id = (ours.len() == 1).then(|| ours[0].id);
        r.client_id = ours[0].client_id.clone().filter(|_| ours.len() == 1);
        counts.payouts += 1;
        return save(tx, core, &mut r).await;
    }
    if e.direction == Direction::Out {
        if e.reversal {
            tell(tx, core, &r, "bank.reversal", "the bank took an entry back that it had booked").await?;
        }
        counts.other += 1;
        return Ok(());
    }
    match (verdict, facts) {
        (Verdict::Deposit(id), Some(facts)) => {
            counts.matched += 1;
            receive(tx, core, &who, &mut r, Some(*id), facts).await
        }
        (Verdict::Doubtful(candidates), _) => {
            counts.doubtful += 1;
            r.state = EntryState::Doubtful;
            r.candidates = serde_json::to_string(candidates)?;
            unplaced(tx, core, &mut r, "it may be one of several clients'; choose one").await
        }
        _ => {
            counts.suspense += 1;
            r.state = EntryState::Suspense;
            unplaced(tx, core, &mut r, "nobody knows whose money it is").await
        }
    }
}

async fn unplaced(tx: &mut Tx, core: &Core, r: &mut BankEntryRow, why: &str) -> Result<()> {
    book(tx, core, r, "suspense", clearing(&r.connection, r.currency), suspense(r)).await?;
    save(tx, core, r).await?;
    tell(tx, core, r, "bank.unplaced", why).await
}

async fn tell(tx: &mut Tx, core: &Core, r: &BankEntryRow, kind: &'static str, why: &str) -> Result<()> {
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind,
            subject: format!("bank_entry:{}", r.id),
            entity: Some(r.entity.clone()),
            client_id: None,
            owner_role: "finance",
            rule: "bank_entry_not_placed",
            cause: format!("{} on {}: {why}", Amount::new(r.amount_minor, r.currency), r.connection),
            detail: json!({"entry_id": r.id, "file_id": r.file_id, "line": r.line, "candidates": serde_json::from_str::<Value>(&r.candidates)?}),
            retry: None,
        },
    )
    .await
    .map(|_| ())
}

/// The entry is this deposit's money, or its client's when the deposit has its money already.
async fn receive(
    tx: &mut Tx,
    core: &Core,
    who: &Caller,
    r: &mut BankEntryRow,
    deposit_id: Option<DepositId>,
    facts: &ClientFacts,
) -> Result<()> {
    let amount = Amount::new(r.amount_minor, r.currency);
    let named = match deposit_id {
        Some(id) => {
            let d = deposit::load(tx, id).await?;
            let here = deposit::attempts_of(tx, &d)
                .await?
                .into_iter()
                .rev()
                .find(|a| a.connection == r.connection);
            // The payment it was waited for has come: this is another one.
            here.filter(|a| !a.state.is_paid())
                .map(|a| (d, a.n, Amount::new(a.amount_minor, a.currency)))
        }
        None => None,
    };
    let (d, n, asked) = match named {
        Some(found) => found,
        None => {
            let d = unasked(core, r, facts);
            deposit::arrived(tx, core, who, &d).await?;
            let asked = Amount::new(d.amount_minor, d.currency);
            (d, 1, asked)
        }
    };
    let report = DepositReport {
        our_ref: None,
        provider_ref: d.provider_ref.clone().unwrap_or_default(),
        payment_ref: Some(r.id.to_string()),
        state: Reported::Succeeded,
        amount: asked,
        received: Some(amount),
        refunded_minor: 0,
        fee: None,
        failure_code: None,
        soft_failure: false,
        instrument: Some(Instrument {
            kind: "bank".into(),
            brand: r.party_bic.clone(),
            last4: r.party_account.as_deref().map(tail_of),
            fingerprint: r.party_mark.clone(),
            country: r.party_account.as_deref().and_then(country),
            holder: r.party_name.clone(),
        }),
    };
    deposit::reported(tx, core, d.id, n, &report, facts).await?;
    // Paid by another way as well: its money is a deposit of its own.
    let became = deposit::attempts_of(tx, &d)
        .await?
        .into_iter()
        .find(|a| a.n == n)
        .and_then(|a| a.became);
    r.state = EntryState::Matched;
    r.deposit_id = Some(became.unwrap_or_else(|| d.id.to_string()));
    r.client_id = Some(d.client_id.clone());
    save(tx, core, r).await
}

/// The first two letters of an IBAN.
fn country(account: &str) -> Option<String> {
    let head = account.get(..2)?;
    let iban = head.bytes().all(|b| b.is_ascii_uppercase()) && account.as_bytes().get(2).is_some_and(u8::is_ascii_digit);
    iban.then(|| head.to_string())
}

/// A deposit nobody announced: a second payment under one reference, or money a person placed.
fn unasked(core: &Core, r: &BankEntryRow, facts: &ClientFacts) -> DepositRow {
    let now = core.now();
    let method = facts
        .methods
        .iter()
        .find(|m| m.connection == r.connection)
        .map_or_else(|| "bank".to_string(), |m| m.method.clone());
    DepositRow {
        id: DepositId::new(&core.env),
        client_id: facts.client_id.clone(),
        entity: facts.entity.clone(),
        account_id: None,
        method,
        connection: r.connection.clone(),
        amount_minor: r.amount_minor,
        currency: r.currency,
        state: DepositState::Created,
        provider_ref: Some(r.id.to_string()),
        payment_ref: None,
        redirect_url: None,
        failure_code: None,
        soft_failure: false,
        received_minor: 0,
        returned_minor: 0,
        dispute_state: None,
        fee_minor: None,
        fee_currency: None,
        instrument: None,
        first_deposit: false,
        device: None,
        ip: None,
        locale: facts.locale.clone(),
        held_reason: None,
        left_in_wallet: false,
        created_at: now,
        expires_at: now,
        received_at: None,
        posted_at: None,
        changed_at: now,
        version: 1,
    }
}

async fn scoped(tx: &mut Tx, caller: &Caller, right: Right, id: BankEntryId) -> Result<BankEntryRow> {
    caller.require(right)?;
    store::bank_entry(tx, id)
        .await?
        .filter(|e| caller.enters(Some(&e.entity)))
        .ok_or_else(|| Problem::missing("bank entry"))
}

async fn open(tx: &mut Tx, caller: &Caller, id: BankEntryId) -> Result<BankEntryRow> {
    let e = scoped(tx, caller, Right::DepositsManage, id).await?;
    if matches!(e.state, EntryState::Doubtful | EntryState::Suspense) {
        Ok(e)
    } else {
        Err(Problem::conflict(
            "entry_not_open",
            format!("only an entry in suspense can be placed or sent back; this one is {}", e.state),
        ))
    }
}

/// The client of the deposit or the one named: whose facts [`assign`] needs.
pub async fn assignee(tx: &mut Tx, caller: &Caller, deposit_id: Option<DepositId>, client_id: Option<&str>) -> Result<String> {
    caller.require(Right::DepositsManage)?;
    match (deposit_id, client_id) {
        (Some(id), _) => Ok(deposit::load(tx, id).await?.client_id),
        (None, Some(c)) => Ok(c.to_string()),
        (None, None) => Err(Problem::invalid(
            "deposit_id",
            "field_missing",
            "expected the deposit or the client the money is for",
        )),
    }
}

/// A person says whose money it is. The checks on deposits run as on any other.
pub async fn assign(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: BankEntryId,
    deposit_id: Option<DepositId>,
    facts: &ClientFacts,
    why: &str,
) -> Result<EntryView> {
    let why = reason(why)?;
    let mut r = open(tx, caller, id).await?;
    if facts.entity != r.entity {
        return Err(Problem::conflict(
            "other_entity",
            "this account is another entity's than the client",
        ));
    }
    if let Some(d) = deposit_id {
        let d = deposit::load(tx, d).await?;
        if d.connection != r.connection {
            return Err(Problem::conflict(
                "other_connection",
                format!("this deposit is expected on {}", d.connection),
            ));
        }
    }
    let before = r.state;
    book(tx, core, &r, "placed", suspense(&r), clearing(&r.connection, r.currency)).await?;
    r.decided_by = Some(caller.id());
    r.reason = Some(why.clone());
    receive(tx, core, caller, &mut r, deposit_id, facts).await?;
    note(tx, core, caller, "bank_entry.assigned", &r, before, &why).await?;
    exceptions::resolve(tx, core, "bank.unplaced", &format!("bank_entry:{id}"), &why).await?;
    r.try_into()
}

/// A person sends it back to where it came from, with the next batch.
pub async fn send_back(tx: &mut Tx, core: &Core, caller: &Caller, id: BankEntryId, why: &str) -> Result<EntryView> {
    let why = reason(why)?;
    let mut r = open(tx, caller, id).await?;
    let before = r.state;
    r.state = EntryState::Returning;
    r.decided_by = Some(caller.id());
    r.reason = Some(why.clone());
    r.payment_id = Some(payments::send_back(tx, core, &r).await?);
    save(tx, core, &mut r).await?;
    note(tx, core, caller, "bank_entry.send_back", &r, before, &why).await?;
    exceptions::resolve(tx, core, "bank.unplaced", &format!("bank_entry:{id}"), &why).await?;
    r.try_into()
}

/// What became of an entry that was sent back.
pub(super) async fn returned(tx: &mut Tx, core: &Core, who: &Caller, id: BankEntryId, step: &str, left: bool) -> Result<()> {
    let mut r = store::bank_entry(tx, id).await?.ok_or_else(|| Problem::missing("bank entry"))?;
    let before = r.state;
    let outside = clearing(&r.connection, r.currency);
    match (r.state, left) {
        (EntryState::Returning, true) => {
            book(tx, core, &r, step, suspense(&r), outside).await?;
            r.state = EntryState::Returned;
        }
        (EntryState::Returned, false) => {
            book(tx, core, &r, step, outside, suspense(&r)).await?;
            r.state = EntryState::Suspense;
        }
        (EntryState::Returning, false) => r.state = EntryState::Suspense,
        _ => return Ok(()),
    }
    save(tx, core, &mut r).await?;
    note(tx, core, who, "bank_entry.state_changed", &r, before, step).await?;
    if r.state == EntryState::Suspense {
        tell(tx, core, &r, "bank.unplaced", "it could not be sent back").await?;
    }
    Ok(())
}

async fn note(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    action: &'static str,
    r: &BankEntryRow,
    before: EntryState,
    why: &str,
) -> Result<()> {
    audit::record(
        tx,
        core,
        Entry {
            client_id: r.client_id.clone(),
            entity: Some(r.entity.clone()),
            before: Some(json!({"state": before})),
            after: Some(json!({"state": r.state, "amount": Amount::new(r.amount_minor, r.currency), "deposit_id": r.deposit_id, "payment_id": r.payment_id})),
            reason: Some(why.to_string()),
            ..Entry::new(caller, action, format!("bank_entry:{}", r.id))
        },
    )
    .await
    .map(|_| ())
}

/// Needs `deposits.view`.
pub async fn entry(tx: &mut Tx, caller: &Caller, id: BankEntryId) -> Result<EntryView> {
    scoped(tx, caller, Right::DepositsView, id).await?.try_into()
}

/// The newest first.
pub async fn list(
    tx: &mut Tx,
    caller: &Caller,
    state: Option<EntryState>,
    file_id: Option<BankFileId>,
    page: &PageRequest,
) -> Result<Page<EntryView>> {
    caller.require(Right::DepositsView)?;
    let f = EntryFilter {
        entities: caller.allowed_entities(),
        state,
        file_id,
    };
    let rows = page.finish(store::bank_entries(tx, &f, page).await?, |e| e.id.to_string());
    Ok(Page {
        items: rows.items.into_iter().map(EntryView::try_from).collect::<Result<_>>()?,
        next_cursor: rows.next_cursor,
    })
}
