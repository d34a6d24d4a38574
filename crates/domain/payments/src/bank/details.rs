//! What a client needs to pay a deposit by bank transfer.

use super::accounts;
use crate::{DepositId, deposit, known};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_ports::bank::{in_groups, is_creditor_reference};
use qd_runtime::access::{Caller, Right};
use serde::Serialize;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BankTransferDetails)]
pub struct Details {
    pub amount: Amount,
    pub holder: String,
    pub iban: String,
    pub bic: Option<String>,
    pub bank_name: String,
    /// The creditor reference that has to stand with the transfer.
    pub reference: String,
    /// The same in groups of four, to be copied by hand.
    pub reference_text: String,
}

/// Of a deposit by bank, as soon as it has its reference.
pub async fn details(tx: &mut Tx, caller: &Caller, id: DepositId) -> Result<Details> {
    let d = deposit::load(tx, id).await?;
    known(caller, Right::DepositsView, "deposit", &d.client_id, &d.entity)?;
    let account = accounts(tx, &d.entity).await?.of(&d.connection, d.currency).cloned();
    let a = account.ok_or_else(|| Problem::conflict("deposit_not_by_bank", "this deposit is not paid by bank transfer"))?;
    let reference = d
        .provider_ref
        .filter(|r| is_creditor_reference(r))
        .ok_or_else(|| Problem::conflict("reference_not_ready", "the reference is being made; ask again in a moment"))?;
    Ok(Details {
        amount: Amount::new(d.amount_minor, d.currency),
        holder: a.holder,
        iban: a.iban,
        bic: a.bic,
        bank_name: a.bank_name,
        reference_text: in_groups(&reference),
        reference,
    })
}
