//! Transfers between a client's own places: wallet and trading accounts, one currency. The money
//! is taken first and given second, so that at no moment it is in two places; between the two it
//! is in the wallet or in transit, by name.

use crate::store::{self, TransferRow};
use crate::{ClientFacts, TransferId, acts_for, known, purpose, whose};
use qd_db::Tx;
use qd_kernel::{Amount, Class, Page, PageRequest, Problem, Result, Ts, text_enum};
use qd_runtime::access::{Caller, Right};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::{Core, audit};
use qd_trading::moves::{self, NewMove};
use qd_trading::{Direction, MoveKind, TradingAccountId};
use serde::{Deserialize, Serialize};
use serde_json::json;

text_enum! {
    TransferState {
        /// The first account is being asked for the money.
        Collecting = "collecting",
        /// The second account is being credited.
        Sending = "sending",
        Done = "done",
        /// The first account did not have it; nothing moved.
        Refused = "refused",
        /// The second account did not take it; the money is in the wallet.
        Returned = "returned",
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTransfer {
    pub amount: Amount,
    /// None: from the wallet.
    #[serde(default)]
    pub from_account: Option<TradingAccountId>,
    /// None: to the wallet.
    #[serde(default)]
    pub to_account: Option<TradingAccountId>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Transfer)]
pub struct TransferView {
    pub id: TransferId,
    pub client_id: String,
    pub from_account: Option<String>,
    pub to_account: Option<String>,
    pub amount: Amount,
    pub state: TransferState,
    pub reason_code: Option<String>,
    pub created_at_us: Ts,
    pub changed_at_us: Ts,
}

fn view(t: TransferRow) -> TransferView {
    TransferView {
        amount: Amount::new(t.amount_minor, t.currency),
        id: t.id,
        client_id: t.client_id,
        from_account: t.from_account,
        to_account: t.to_account,
        state: t.state,
        reason_code: t.reason_code,
        created_at_us: t.created_at,
        changed_at_us: t.changed_at,
    }
}

pub async fn create(tx: &mut Tx, core: &Core, caller: &Caller, facts: ClientFacts, req: NewTransfer) -> Result<TransferView> {
    acts_for(caller, &facts.client_id, Right::MeTransfer)?;
    let amount = req.amount.positive("amount")?;
    if req.from_account == req.to_account {
        return Err(Problem::invalid(
            "to_account",
            "same_place",
            "expected another place than the one the money comes from",
        ));
    }
    for (field, id) in [("from_account", req.from_account), ("to_account", req.to_account)] {
        let Some(id) = id else { continue };
        let a = qd_trading::accounts::get(tx, core, caller, id).await?;
        if a.client_id != facts.client_id {
            return Err(Problem::missing("trading account"));
        }
        if a.kind != qd_trading::AccountKind::Live {
            return Err(Problem::invalid(field, "account_is_demo", "expected a live account"));
        }
        if a.currency != amount.currency {
            return Err(Problem::invalid(
                "amount.currency",
                "currency_mismatch",
                format!("expected {}, the currency of {field}", a.currency),
            ));
        }
    }
    let now = core.now();
    let t = TransferRow {
        id: TransferId::new(&core.env),
        client_id: facts.client_id,
        entity: facts.entity,
        from_account: req.from_account.map(|a| a.to_string()),
        to_account: req.to_account.map(|a| a.to_string()),
        amount_minor: amount.minor,
        currency: amount.currency,
        state: if req.from_account.is_some() {
            TransferState::Collecting
        } else {
            TransferState::Sending
        },
        reason_code: None,
        created_at: now,
        changed_at: now,
        version: 1,
    };
    store::insert_transfer(tx, &t).await?;
    note(tx, core, caller, "transfer.created", &t).await?;
    match req.from_account {
        Some(account_id) => {
            moves::request(
                tx,
                core,
                NewMove {
                    account_id,
                    direction: Direction::FromPlatform,
                    kind: MoveKind::Balance,
                    amount,
                    purpose: purpose("transfer_out", t.id),
                },
            )
            .await?;
        }
        None => give(tx, core, &t).await?,
    }
    tell(tx, core, &t).await?;
    Ok(view(t))
}

async fn give(tx: &mut Tx, core: &Core, t: &TransferRow) -> Result<()> {
    let Some(to) = t.to_account.as_deref() else { return Ok(()) };
    moves::request(
        tx,
        core,
        NewMove {
            account_id: TradingAccountId::parse(to)?,
            direction: Direction::ToPlatform,
            kind: MoveKind::Balance,
            amount: Amount::new(t.amount_minor, t.currency),
            purpose: purpose("transfer_in", t.id),
        },
    )
    .await
    .map(|_| ())
}

async fn go(tx: &mut Tx, core: &Core, t: &mut TransferRow, to: TransferState, code: Option<String>) -> Result<()> {
    t.state = to;
    t.reason_code = code;
    t.changed_at = core.now();
    if !store::update_transfer(tx, t).await? {
        return Err(Problem::unavailable(
            "transfer_changed",
            "this transfer was changed by another worker",
        ));
    }
    t.version += 1;
    note(tx, core, &Caller::system("job:trading.move"), "transfer.state_changed", t).await?;
    tell(tx, core, t).await
}

/// A leg has ended on the platform: `done`, `refused` or `returned`.
pub(crate) async fn settled(tx: &mut Tx, core: &Core, id: TransferId, out_leg: bool, outcome: &str, code: Option<String>) -> Result<()> {
    use TransferState as S;
    let mut t = store::transfer(tx, id).await?.ok_or_else(|| Problem::missing("transfer"))?;
    match (t.state, out_leg, outcome) {
        (S::Collecting, true, "done") => {
            let to = if t.to_account.is_none() { S::Done } else { S::Sending };
            go(tx, core, &mut t, to, None).await?;
            // Held since it came off the platform: it goes on from the wallet in this transaction.
            qd_ledger::release(tx, core, &moves::hold_of(&purpose("transfer_out", id))).await?;
            match give(tx, core, &t).await {
                // The second account cannot take it any more: it stays where it is.
                Err(p) if p.class == Class::Conflict => go(tx, core, &mut t, S::Returned, Some(p.code.to_string())).await,
                other => other,
            }
        }
        (S::Collecting, true, "refused") => go(tx, core, &mut t, S::Refused, code).await,
        (S::Sending, false, "done") => go(tx, core, &mut t, S::Done, None).await,
        (S::Sending, false, "returned") => go(tx, core, &mut t, S::Returned, code).await,
        // Refused on the way in: the money waits in transit for a person; an exception says so.
        _ => Ok(()),
    }
}

async fn note(tx: &mut Tx, core: &Core, caller: &Caller, action: &'static str, t: &TransferRow) -> Result<()> {
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action,
            object: format!("transfer:{}", t.id),
            client_id: Some(t.client_id.clone()),
            entity: Some(t.entity.clone()),
            before: None,
            after: Some(json!({"state": t.state, "amount": Amount::new(t.amount_minor, t.currency), "from": t.from_account, "to": t.to_account, "reason_code": t.reason_code})),
            reason: None,
            rule: None,
            seen: None,
        },
    )
    .await
    .map(|_| ())
}

async fn tell(tx: &mut Tx, core: &Core, t: &TransferRow) -> Result<()> {
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "transfer.state",
            aggregate: format!("transfer:{}", t.id),
            entity: Some(t.entity.clone()),
            payload: json!({"client_id": t.client_id, "transfer_id": t.id, "state": t.state}),
        },
    )
    .await
    .map(|_| ())
}

pub async fn get(tx: &mut Tx, caller: &Caller, id: TransferId) -> Result<TransferView> {
    let t = store::transfer(tx, id).await?.ok_or_else(|| Problem::missing("transfer"))?;
    known(caller, Right::TransfersView, "transfer", &t.client_id, &t.entity)?;
    Ok(view(t))
}

pub async fn list(tx: &mut Tx, caller: &Caller, client_id: Option<String>, page: &PageRequest) -> Result<Page<TransferView>> {
    let of = whose(caller, Right::TransfersView, client_id)?;
    let rows = store::list_transfers(tx, of.client_id.as_deref(), of.entities.as_deref(), page).await?;
    Ok(page.finish(rows.into_iter().map(view).collect(), |t: &TransferView| t.id.to_string()))
}
