//! A person explains a break. Where money has to move, a correcting entry says so, and a second
//! person decides.

use crate::breaks::{self, BreakView};
use crate::store::{self, BreakRow};
use crate::{BreakId, BreakKind, BreakState, EntryState, LineState, SUBJECT, Side, UNRECONCILED};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result, vals};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_runtime::access::{Caller, Right};
use qd_runtime::approvals::{self, ApprovalId, NewApproval, Outcome};
use qd_runtime::{Core, audit, exceptions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The kind of correcting entries.
pub(crate) const KIND: &str = "reconciliation";

/// Where the other end of a correcting entry is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "place")]
pub enum CounterAccount {
    /// Money whose owner is not known yet, of the entity.
    Suspense,
    Fees,
    Chargebacks,
    /// A client's wallet.
    Wallet {
        client_id: String,
    },
    /// A client's money that he cannot use yet.
    ClientSuspense {
        client_id: String,
    },
}

/// A correcting entry: the break's difference, between the clearing account and here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ReconciliationCorrection)]
pub struct Correction {
    pub counter: CounterAccount,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explanation {
    pub reason: String,
    pub correction: Option<Correction>,
}

fn counter(c: &CounterAccount, b: &BreakRow) -> Result<AccountKey> {
    let of = |owner: String, purpose| AccountKey::new(owner, purpose, b.currency);
    let house = format!("house:{}", b.entity);
    let client = |id: &str| {
        let plain = id.starts_with("cli_") && id.len() < 60;
        plain
            .then(|| format!("client:{id}"))
            .ok_or_else(|| Problem::invalid("correction.counter.client_id", "id_malformed", "expected a client's id"))
    };
    Ok(match c {
        CounterAccount::Suspense => of(house, Purpose::Suspense),
        CounterAccount::Fees => of(house, Purpose::Fees),
        CounterAccount::Chargebacks => of(house, Purpose::Chargebacks),
        CounterAccount::Wallet { client_id } => of(client(client_id)?, Purpose::Wallet),
        CounterAccount::ClientSuspense { client_id } => of(client(client_id)?, Purpose::Suspense),
    })
}

fn reason(text: &str) -> Result<String> {
    match text.trim() {
        "" => Err(Problem::invalid(
            "reason",
            "reason_missing",
            "expected the reason, which staff and auditors will read",
        )),
        t if t.chars().count() > 2_000 => Err(Problem::invalid("reason", "reason_too_long", "expected at most 2000 characters")),
        t => Ok(t.to_string()),
    }
}

async fn open(tx: &mut Tx, caller: &Caller, id: BreakId) -> Result<BreakRow> {
    let b = store::find_break(tx, id)
        .await?
        .filter(|b| caller.enters(Some(&b.entity)))
        .ok_or_else(|| Problem::missing("break"))?;
    match b.state {
        BreakState::Open => Ok(b),
        s => Err(Problem::conflict("break_not_open", format!("this break is {s}"))),
    }
}

/// Explains a break: closed at once, or, with a correcting entry, when a second person says yes.
///
/// Errors: `break_not_open`, `correction_without_amount` where the break has no difference of money
/// at a provider.
pub async fn explain(tx: &mut Tx, core: &Core, caller: &Caller, id: BreakId, e: Explanation) -> Result<BreakView> {
    caller.require(Right::LedgerAdjust)?;
    let why = reason(&e.reason)?;
    let mut b = open(tx, caller, id).await?;
    b.explained_by = Some(caller.id());
    b.how = Some(why.clone());
    match &e.correction {
        None => done(tx, core, &mut b, &why).await?,
        Some(c) => {
            // Fees and lines of which nothing is known are no difference on the clearing account.
            let no_money = b.side != Side::Provider || b.minor == 0 || b.kind == BreakKind::UnreadableLine;
            if no_money {
                return Err(Problem::invalid(
                    "correction",
                    "correction_without_amount",
                    "expected a break with a difference of money at a provider",
                ));
            }
            counter(&c.counter, &b)?;
            let ask = NewApproval {
                entity: Some(b.entity.clone()),
                client_id: b.client_id.clone(),
                ..NewApproval::new(format!("{SUBJECT}:{id}"), Right::LedgerAdjust, 1, why.clone()).amount(Amount::new(b.minor, b.currency))
            };
            let approval = approvals::request(tx, core, caller, ask).await?;
            b.state = BreakState::Deciding;
            b.approval_id = Some(approval.to_string());
            b.correction = Some(serde_json::to_string(c)?);
            store::save_break(tx, &mut b).await?;
        }
    }
    note(tx, core, caller, "reconciliation.explained", &b, &why).await?;
    Ok(breaks::view(b, core.now()))
}

/// A second person's yes or no on a correcting entry. With the yes the entry is posted.
pub async fn decide(tx: &mut Tx, core: &Core, caller: &Caller, id: BreakId, approve: bool, why: &str, seen: Value) -> Result<BreakView> {
    let mut b = store::find_break(tx, id).await?.ok_or_else(|| Problem::missing("break"))?;
    let (BreakState::Deciding, Some(approval)) = (b.state, b.approval_id.clone()) else {
        return Err(Problem::conflict("break_not_deciding", format!("this break is {}", b.state)));
    };
    match approvals::vote(tx, core, caller, ApprovalId::parse(&approval)?, approve, why, seen).await? {
        Outcome::Waiting { .. } => {}
        Outcome::Refused => {
            b.state = BreakState::Open;
            b.approval_id = None;
            b.correction = None;
            b.how = None;
            store::save_break(tx, &mut b).await?;
        }
        Outcome::Approved => {
            let c: Correction = serde_json::from_str(b.correction.as_deref().unwrap_or_default())?;
            let to = counter(&c.counter, &b)?;
            let clearing = AccountKey::new(format!("psp:{}", b.party), Purpose::Clearing, b.currency);
            let posted = qd_ledger::post(
                tx,
                core,
                NewEntry {
                    kind: KIND,
                    reference: format!("recon:{}:correction", b.id),
                    legs: vec![Leg::new(clearing, -b.minor), Leg::new(to, b.minor)],
                    source: format!("{} {}", b.party, b.subject),
                    value_at: core.now(),
                    note: b.how.clone(),
                    fx: None,
                },
            )
            .await?;
            b.correction_entry = Some(posted.entry_id.to_string());
            let how = b.how.clone().unwrap_or_default();
            done(tx, core, &mut b, &how).await?;
        }
    }
    Ok(breaks::view(b, core.now()))
}

/// Nothing is left to explain: line and entry rest.
async fn done(tx: &mut Tx, core: &Core, b: &mut BreakRow, why: &str) -> Result<()> {
    b.state = BreakState::Explained;
    b.closed_at = Some(core.now());
    store::save_break(tx, b).await?;
    if b.kind != BreakKind::FeeDiffers {
        if let Some(line) = &b.line_id {
            store::set_lines(
                tx,
                &[vals![line, LineState::Explained, None::<String>, b.entry_id.clone()].to_vec()],
            )
            .await?;
        }
        if let Some(entry) = &b.entry_id {
            store::set_entries(
                tx,
                &[vals![entry, EntryState::Explained, None::<String>, b.line_id.clone()].to_vec()],
            )
            .await?;
        }
    }
    exceptions::resolve(tx, core, UNRECONCILED, &format!("break:{}", b.id), why).await?;
    Ok(())
}

async fn note(tx: &mut Tx, core: &Core, caller: &Caller, action: &'static str, b: &BreakRow, why: &str) -> Result<()> {
    audit::record(
        tx,
        core,
        audit::Entry {
            client_id: b.client_id.clone(),
            entity: Some(b.entity.clone()),
            after: Some(
                json!({"state": b.state, "kind": b.kind, "difference": Amount::new(b.minor, b.currency), "correction": b.correction}),
            ),
            reason: Some(why.to_string()),
            ..audit::Entry::new(caller, action, format!("recon_break:{}", b.id))
        },
    )
    .await
    .map(|_| ())
}
