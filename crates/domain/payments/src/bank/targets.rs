//! Where a client is paid to: bank accounts and wallets of their own.

use super::{mark, payable, tail_of};
use crate::store::{self, PayoutTargetRow};
use crate::{ClientFacts, PayoutTargetId, acts_for, known};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_ports::bank::same_name;
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A client has at most so many.
const MOST: usize = 10;

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPayoutTarget, example = json!({"method": "bank", "account": "DE89370400440532013000", "holder": "Alex Müller", "bic": "COBADEFFXXX"}))]
pub struct NewTarget {
    /// `bank`, or the code of a method that pays people.
    pub method: String,
    /// IBAN, e-mail of the wallet, crypto address.
    pub account: String,
    /// Must be the client.
    pub holder: String,
    #[serde(default)]
    pub bic: Option<String>,
}

/// The account itself is shown by its end only.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PayoutTarget)]
pub struct TargetView {
    pub id: PayoutTargetId,
    pub method: String,
    /// The account's last four characters.
    pub last4: String,
    pub holder: String,
    pub country: String,
    /// The holder is the client, as far as names tell.
    pub name_matches: bool,
    pub added_at_us: Ts,
}

impl From<PayoutTargetRow> for TargetView {
    fn from(t: PayoutTargetRow) -> Self {
        TargetView {
            id: t.id,
            method: t.method,
            last4: tail_of(&t.account),
            holder: t.holder,
            country: t.country,
            name_matches: t.name_matches,
            added_at_us: t.added_at,
        }
    }
}

/// A client adds an account of their own. One in another name is kept and marked: the rules stop it.
pub async fn add(tx: &mut Tx, core: &Core, caller: &Caller, facts: &ClientFacts, new: NewTarget) -> Result<TargetView> {
    acts_for(caller, &facts.client_id, Right::MeWithdraw)?;
    let account = new.account.trim().replace(' ', "");
    let holder = new.holder.trim().to_string();
    let mut connection = None;
    if new.method == "bank" {
        payable(&account, &holder, new.bic.as_deref())?;
    } else {
        let m = facts.methods.iter().find(|m| m.method == new.method).ok_or_else(|| {
            Problem::invalid(
                "method",
                "method_unavailable",
                "expected bank or one of the methods offered to this client",
            )
        })?;
        if !store::can_pay_out(tx, &m.connection).await? {
            return Err(Problem::invalid(
                "method",
                "method_pays_nobody",
                "expected a method whose provider pays people",
            ));
        }
        if !(3..=120).contains(&account.len()) || account.chars().any(char::is_control) {
            return Err(Problem::invalid("account", "account_malformed", "expected 3 to 120 characters"));
        }
        connection = Some(m.connection.clone());
    }
    let own = store::targets_of(tx, &facts.client_id).await?;
    let it = mark(&account);
    if let Some(t) = own.iter().find(|t| t.mark == it && t.method == new.method) {
        return Ok(t.clone().into());
    }
    if own.len() >= MOST {
        return Err(Problem::conflict(
            "too_many_targets",
            format!("at most {MOST}; remove one that is not used"),
        ));
    }
    let country = if new.method == "bank" {
        account.get(..2).unwrap_or_default().to_string()
    } else {
        facts.country.clone()
    };
    let t = PayoutTargetRow {
        id: PayoutTargetId::new(&core.env),
        client_id: facts.client_id.clone(),
        entity: facts.entity.clone(),
        method: new.method,
        connection,
        account,
        mark: it,
        name_matches: same_name(&holder, &facts.name),
        holder,
        country,
        bic: new.bic,
        added_by: caller.id(),
        added_at: core.now(),
        removed_at: None,
    };
    store::insert_target(tx, &t).await?;
    note(tx, core, caller, "payout_target.added", &t).await?;
    Ok(t.into())
}

/// A client takes an account away; what is under way there is paid there.
pub async fn remove(tx: &mut Tx, core: &Core, caller: &Caller, id: PayoutTargetId) -> Result<()> {
    let t = store::target(tx, id).await?.ok_or_else(|| Problem::missing("payout target"))?;
    if acts_for(caller, &t.client_id, Right::MeWithdraw).is_err() || caller.client_id().is_err() {
        return Err(Problem::missing("payout target"));
    }
    if t.removed_at.is_none() {
        store::remove_target(tx, id, core.now()).await?;
        note(tx, core, caller, "payout_target.removed", &t).await?;
    }
    Ok(())
}

/// A client's own; staff see them by their right to withdrawals.
pub async fn list(tx: &mut Tx, caller: &Caller, client_id: &str, entity: &str) -> Result<Vec<TargetView>> {
    known(caller, Right::WithdrawalsView, "client", client_id, entity)?;
    Ok(store::targets_of(tx, client_id).await?.into_iter().map(TargetView::from).collect())
}

async fn note(tx: &mut Tx, core: &Core, caller: &Caller, action: &'static str, t: &PayoutTargetRow) -> Result<()> {
    audit::record(
        tx,
        core,
        Entry {
            client_id: Some(t.client_id.clone()),
            entity: Some(t.entity.clone()),
            after: Some(json!({"method": t.method, "last4": tail_of(&t.account), "name_matches": t.name_matches})),
            ..Entry::new(caller, action, format!("payout_target:{}", t.id))
        },
    )
    .await
    .map(|_| ())
}
