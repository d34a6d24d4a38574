//! What stands against a statement in the books: the partner's invoice, or a self-billing number of
//! ours. Where the terms ask for one, nothing is paid without it.

use crate::ids::{PartnerId, StatementId};
use crate::partner::allowed;
use crate::store::batches::{self as store, InvoiceRow};
use crate::store::statements::{self, StatementRow};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use serde::Serialize;
use serde_json::json;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerInvoice)]
pub struct Invoice {
    pub statement_id: StatementId,
    pub partner_id: PartnerId,
    /// `invoice` or `self_billing`.
    pub kind: String,
    pub number: String,
    pub made_by: String,
    #[serde(rename = "made_at_us")]
    pub made_at: Ts,
}

impl From<InvoiceRow> for Invoice {
    fn from(i: InvoiceRow) -> Self {
        Invoice {
            statement_id: i.statement_id,
            partner_id: i.partner_id,
            kind: i.kind,
            number: i.number,
            made_by: i.made_by,
            made_at: i.made_at,
        }
    }
}

pub(super) async fn self_billing(tx: &mut Tx, core: &Core, caller: &Caller, s: &StatementRow, number: String) -> Result<()> {
    let row = InvoiceRow {
        statement_id: s.id,
        partner_id: s.partner_id,
        kind: "self_billing".into(),
        number,
        file_id: None,
        made_by: caller.id(),
        made_at: core.now(),
    };
    store::insert_invoice(tx, &row).await.map(|_| ())
}

/// Records the partner's invoice. Needs `payouts.prepare`. Errors: `invoice_exists`.
pub async fn record(tx: &mut Tx, core: &Core, caller: &Caller, statement: StatementId, number: &str) -> Result<Invoice> {
    let s = statements::get(tx, statement).await?.ok_or_else(|| Problem::missing("statement"))?;
    let p = allowed(tx, caller, Right::PayoutsPrepare, s.partner_id).await?;
    let number = number.trim();
    if number.is_empty() || number.chars().count() > 60 || number.chars().any(char::is_control) {
        return Err(Problem::invalid("number", "text_malformed", "expected 1 to 60 characters"));
    }
    let row = InvoiceRow {
        statement_id: statement,
        partner_id: p.id,
        kind: "invoice".into(),
        number: number.to_string(),
        file_id: None,
        made_by: caller.id(),
        made_at: core.now(),
    };
    if !store::insert_invoice(tx, &row).await? {
        return Err(Problem::conflict(
            "invoice_exists",
            "a number stands against this statement already",
        ));
    }
    let e = Entry::new(caller, "partner.invoice", format!("partner:{}", p.id)).entity(Some(p.entity));
    audit::record(tx, core, e.after(json!({"statement": statement, "number": number}))).await?;
    Ok(row.into())
}

/// What stands against a statement, for whoever may read the statement.
pub async fn of(tx: &mut Tx, statement: StatementId) -> Result<Option<Invoice>> {
    Ok(store::invoice(tx, statement).await?.map(Invoice::from))
}
