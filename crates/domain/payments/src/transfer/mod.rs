//! Transfers between a client's own places: wallet and trading accounts. The money is taken first and
//! given second, so that at no moment it is in two places; between the two it is in the wallet or in
//! transit, by name.
//!
//! From one currency into another, at the rate of a [`quote`]: the money is exchanged in the wallet,
//! through the house's position, in the transaction that takes it on. What the second account does
//! not take stays in the wallet in the new currency, or is exchanged back at the same rate, as the
//! entity says.

pub mod quote;

use crate::store::{self, TransferRow};
use crate::{ClientFacts, QuoteId, TransferId, acts_for, known, purpose, wallet, whose};
use qd_db::Tx;
use qd_kernel::{Amount, Class, Page, PageRequest, Problem, Rate, Result, Ts, text_enum};
use qd_ledger::ConvertEntry;
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
    /// The quote it is made at, from one currency into another.
    #[serde(default)]
    pub quote_id: Option<QuoteId>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Transfer)]
pub struct TransferView {
    pub id: TransferId,
    pub client_id: String,
    pub from_account: Option<String>,
    pub to_account: Option<String>,
    /// What left, in the currency it was in.
    pub amount: Amount,
    /// What reaches the second place; another amount than `amount` where it was exchanged.
    pub gets: Amount,
    /// The rate it was exchanged at, with its source and time.
    pub rate: Option<Rate>,
    pub rate_source: Option<String>,
    pub rate_at_us: Option<Ts>,
    pub quote_id: Option<String>,
    /// Exchanged back at the same rate, because the second account did not take it.
    pub exchanged_back: bool,
    pub state: TransferState,
    pub reason_code: Option<String>,
    pub created_at_us: Ts,
    pub changed_at_us: Ts,
}

fn view(t: TransferRow) -> TransferView {
    TransferView {
        amount: Amount::new(t.amount_minor, t.currency),
        gets: gets(&t),
        rate: t.fx_rate,
        rate_source: t.fx_source,
        rate_at_us: t.fx_at,
        quote_id: t.quote_id,
        exchanged_back: t.fx_reversed,
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

/// What reaches the second place.
fn gets(t: &TransferRow) -> Amount {
    match (t.to_minor, t.to_currency) {
        (Some(minor), Some(currency)) => Amount::new(minor, currency),
        _ => Amount::new(t.amount_minor, t.currency),
    }
}

/// An account that a transfer of this client's may name; None for the wallet.
async fn place_of(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    client_id: &str,
    field: &str,
    id: Option<TradingAccountId>,
) -> Result<Option<qd_trading::accounts::AccountView>> {
    let Some(id) = id else { return Ok(None) };
    let a = qd_trading::accounts::get(tx, core, caller, id).await?;
    if a.client_id != client_id {
        return Err(Problem::missing("trading account"));
    }
    if a.kind != qd_trading::AccountKind::Live {
        return Err(Problem::invalid(field, "account_is_demo", "expected a live account"));
    }
    Ok(Some(a))
}

pub async fn create(tx: &mut Tx, core: &Core, caller: &Caller, facts: ClientFacts, req: NewTransfer) -> Result<TransferView> {
    acts_for(caller, &facts.client_id, Right::MeTransfer)?;
    let amount = req.amount.positive("amount")?;
    if req.from_account == req.to_account && (req.from_account.is_some() || req.quote_id.is_none()) {
        return Err(Problem::invalid(
            "to_account",
            "same_place",
            "expected another place than the one the money comes from",
        ));
    }
    for (field, id) in [("from_account", req.from_account), ("to_account", req.to_account)] {
        let Some(a) = place_of(tx, core, caller, &facts.client_id, field, id).await? else {
            continue;
        };
        // What is exchanged was checked when it was quoted.
        if req.quote_id.is_none() && a.currency != amount.currency {
            return Err(Problem::invalid(
                "amount.currency",
                "currency_mismatch",
                format!("expected {}, the currency of {field}", a.currency),
            ));
        }
    }
    let now = core.now();
    let id = TransferId::new(&core.env);
    let quoted = match req.quote_id {
        Some(q) => Some(quote::take(tx, core, &facts.client_id, q, &req, id).await?),
        None => None,
    };
    let t = TransferRow {
        id,
        quote_id: req.quote_id.map(|q| q.to_string()),
        to_minor: quoted.as_ref().map(|q| q.to_minor),
        to_currency: quoted.as_ref().map(|q| q.to_currency),
        fx_rate: quoted.as_ref().map(|q| q.rate),
        fx_source: quoted.as_ref().map(|q| q.source.clone()),
        fx_at: quoted.as_ref().map(|q| q.rate_at),
        fx_reversed: false,
        client_id: facts.client_id,
        entity: facts.entity,
        from_account: req.from_account.map(|a| a.to_string()),
        to_account: req.to_account.map(|a| a.to_string()),
        amount_minor: amount.minor,
        currency: amount.currency,
        state: match (req.from_account, req.to_account) {
            (Some(_), _) => TransferState::Collecting,
            (None, Some(_)) => TransferState::Sending,
            // From one wallet into another: done with this transaction.
            (None, None) => TransferState::Done,
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
        None => {
            exchange(tx, core, &t).await?;
            give(tx, core, &t).await?;
        }
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
            amount: gets(t),
            purpose: purpose("transfer_in", t.id),
        },
    )
    .await
    .map(|_| ())
}

fn exchange_reference(t: &TransferRow) -> String {
    format!("transfer:{}:exchange", t.id)
}

/// In the wallet, at the rate of the quote. Nothing for a transfer within one currency.
async fn exchange(tx: &mut Tx, core: &Core, t: &TransferRow) -> Result<()> {
    let (Some(rate), Some(source), Some(at)) = (t.fx_rate, t.fx_source.as_ref(), t.fx_at) else {
        return Ok(());
    };
    let to = gets(t);
    let done = qd_ledger::convert(
        tx,
        core,
        ConvertEntry {
            kind: "transfer.exchange",
            reference: exchange_reference(t),
            house: format!("house:{}", t.entity),
            from: wallet(&t.client_id, t.currency),
            to: wallet(&t.client_id, to.currency),
            from_minor: t.amount_minor,
            rate,
            rate_source: source.clone(),
            rate_at: at,
            source: format!("transfer {} quote {}", t.id, t.quote_id.as_deref().unwrap_or("-")),
            value_at: core.now(),
            note: None,
        },
    )
    .await?;
    if done.to_minor != to.minor {
        return Err(Problem::bug("quote_not_kept", "an exchange came to another amount than its quote"));
    }
    Ok(())
}

/// By the entity's rule: what the second account did not take is exchanged back at the same rate.
/// Where the client has used it meanwhile, it stays as it is.
async fn exchange_back(tx: &mut Tx, core: &Core, t: &mut TransferRow) -> Result<()> {
    if t.fx_rate.is_none() || quote::Terms::load(tx, &t.entity).await?.on_refusal == quote::OnRefusal::Stay {
        return Ok(());
    }
    let Some(entry) = qd_ledger::entry_by_reference(tx, &exchange_reference(t)).await? else {
        return Ok(());
    };
    let reference = format!("transfer:{}:exchange_back", t.id);
    match qd_ledger::reverse(tx, core, entry.id, &reference, "the second account did not take it").await {
        Ok(_) => t.fx_reversed = true,
        Err(p) if p.code == qd_ledger::INSUFFICIENT_FUNDS => {}
        Err(p) => return Err(p),
    }
    Ok(())
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
            exchange(tx, core, &t).await?;
            match give(tx, core, &t).await {
                // The second account cannot take it any more: it stays with the client.
                Err(p) if p.class == Class::Conflict => {
                    exchange_back(tx, core, &mut t).await?;
                    go(tx, core, &mut t, S::Returned, Some(p.code.to_string())).await
                }
                other => other,
            }
        }
        (S::Collecting, true, "refused") => go(tx, core, &mut t, S::Refused, code).await,
        (S::Sending, false, "done") => go(tx, core, &mut t, S::Done, None).await,
        (S::Sending, false, "returned") => {
            exchange_back(tx, core, &mut t).await?;
            go(tx, core, &mut t, S::Returned, code).await
        }
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
            after: Some(json!({"state": t.state, "amount": Amount::new(t.amount_minor, t.currency), "gets": gets(t), "rate": t.fx_rate, "quote_id": t.quote_id,
                "exchanged_back": t.fx_reversed, "from": t.from_account, "to": t.to_account, "reason_code": t.reason_code})),
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
