//! What does not agree, each with an owner, a cause and an age.

use crate::{BreakId, BreakKind, BreakState, SettlementFileId, Side, UNRECONCILED, store};
use qd_db::Tx;
use qd_kernel::{Amount, Page, PageRequest, Problem, Result, Ts};
use qd_runtime::access::{Caller, Right};
use qd_runtime::exceptions::{self, NewException};
use qd_runtime::{Core, approvals};
use serde::Serialize;
use serde_json::{Value, json};

pub use crate::store::BreakFilter;

/// Something found wrong.
pub(crate) struct Found {
    /// `line:…`, `entry:…`, `fee:…`, `fault:…`, `move:…`.
    pub subject: String,
    pub side: Side,
    /// The connection or the trading server.
    pub party: String,
    pub entity: String,
    pub kind: BreakKind,
    /// The other side's figure less ours.
    pub amount: Amount,
    pub cause: String,
    pub file_id: Option<SettlementFileId>,
    pub line_id: Option<String>,
    pub entry_id: Option<String>,
    pub client_id: Option<String>,
}

/// Opens a break and its exception; an open one about the same subject stays as it is.
pub(crate) async fn open(tx: &mut Tx, core: &Core, f: Found) -> Result<bool> {
    let row = store::BreakRow {
        id: BreakId::new(&core.env),
        subject: f.subject,
        side: f.side,
        party: f.party,
        entity: f.entity,
        kind: f.kind,
        minor: f.amount.minor,
        currency: f.amount.currency,
        cause: f.cause,
        owner_role: if f.side == Side::Provider { "finance" } else { "ops" }.into(),
        file_id: f.file_id,
        line_id: f.line_id,
        entry_id: f.entry_id,
        client_id: f.client_id,
        state: BreakState::Open,
        opened_at: core.now(),
        closed_at: None,
        how: None,
        explained_by: None,
        approval_id: None,
        correction: None,
        correction_entry: None,
        version: 1,
    };
    if !store::insert_break(tx, &row).await? {
        return Ok(false);
    }
    exceptions::raise(
        tx,
        core,
        NewException {
            kind: UNRECONCILED,
            subject: format!("break:{}", row.id),
            entity: Some(row.entity),
            client_id: row.client_id,
            owner_role: if f.side == Side::Provider { "finance" } else { "ops" },
            rule: row.kind.as_str(),
            cause: format!("{}: {}", row.party, row.cause),
            detail: json!({"break_id": row.id, "kind": row.kind, "side": row.side, "party": row.party, "subject": row.subject,
                "amount": f.amount, "file_id": row.file_id, "entry_id": row.entry_id.as_deref().map(ledger_entry)}),
            retry: None,
        },
    )
    .await?;
    Ok(true)
}

/// Of an entry's key, the ledger's id.
pub(crate) fn ledger_entry(key: &str) -> &str {
    key.split(':').next().unwrap_or_default()
}

/// What a break came to be about has been explained by what came later.
pub(crate) async fn close(tx: &mut Tx, core: &Core, mut b: store::BreakRow, how: &str) -> Result<()> {
    if let Some(id) = b.approval_id.as_deref().filter(|_| b.state == BreakState::Deciding) {
        let id = approvals::ApprovalId::parse(id)?;
        approvals::cancel(tx, core, &Caller::system("job:reconciliation"), id, how).await?;
    }
    b.state = BreakState::Resolved;
    b.closed_at = Some(core.now());
    b.how = Some(how.to_string());
    store::save_break(tx, &mut b).await?;
    exceptions::resolve(tx, core, UNRECONCILED, &format!("break:{}", b.id), how).await?;
    Ok(())
}

pub(crate) async fn close_line(tx: &mut Tx, core: &Core, line: &str, how: &str) -> Result<usize> {
    let rows = store::open_about(tx, Some(line), None, None).await?;
    close_all(tx, core, rows, how).await
}
pub(crate) async fn close_entry(tx: &mut Tx, core: &Core, entry: &str, how: &str) -> Result<usize> {
    let rows = store::open_about(tx, None, Some(entry), None).await?;
    close_all(tx, core, rows, how).await
}
async fn close_all(tx: &mut Tx, core: &Core, rows: Vec<store::BreakRow>, how: &str) -> Result<usize> {
    let mut n = 0;
    // Another fee than expected stays wrong, whatever its payment was matched with.
    for b in rows.into_iter().filter(|b| b.kind != BreakKind::FeeDiffers) {
        close(tx, core, b, how).await?;
        n += 1;
    }
    Ok(n)
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReconciliationBreak)]
pub struct BreakView {
    pub id: BreakId,
    pub side: Side,
    /// The payment connection or the trading server.
    pub party: String,
    pub entity: String,
    pub kind: BreakKind,
    /// The other side's figure less ours.
    pub difference: Amount,
    pub cause: String,
    pub owner_role: String,
    /// Whole seconds that it was open, or is.
    pub age_s: i64,
    pub file_id: Option<SettlementFileId>,
    pub line_id: Option<String>,
    /// The ledger entry it is about.
    pub entry_id: Option<String>,
    pub client_id: Option<String>,
    pub state: BreakState,
    pub opened_at_us: Ts,
    pub closed_at_us: Option<Ts>,
    /// What explained it.
    pub how: Option<String>,
    pub explained_by: Option<String>,
    pub approval_id: Option<String>,
    /// Where a correcting entry takes the money from or puts it.
    #[schema(value_type = Option<crate::Correction>)]
    pub correction: Value,
    /// The correcting ledger entry.
    pub correction_entry: Option<String>,
}

pub(crate) fn view(b: store::BreakRow, now: Ts) -> BreakView {
    BreakView {
        age_s: b.closed_at.unwrap_or(now).secs_since(b.opened_at),
        difference: Amount::new(b.minor, b.currency),
        entry_id: b.entry_id.as_deref().map(|e| ledger_entry(e).to_string()),
        correction: b
            .correction
            .as_deref()
            .and_then(|c| serde_json::from_str(c).ok())
            .unwrap_or(Value::Null),
        id: b.id,
        side: b.side,
        party: b.party,
        entity: b.entity,
        kind: b.kind,
        cause: b.cause,
        owner_role: b.owner_role,
        file_id: b.file_id,
        line_id: b.line_id,
        client_id: b.client_id,
        state: b.state,
        opened_at_us: b.opened_at,
        closed_at_us: b.closed_at,
        how: b.how,
        explained_by: b.explained_by,
        approval_id: b.approval_id,
        correction_entry: b.correction_entry,
    }
}

pub async fn get(tx: &mut Tx, core: &Core, caller: &Caller, id: BreakId) -> Result<BreakView> {
    caller.require(Right::LedgerView)?;
    let b = store::find_break(tx, id).await?.filter(|b| caller.enters(Some(&b.entity)));
    b.map(|b| view(b, core.now())).ok_or_else(|| Problem::missing("break"))
}

/// The newest first.
pub async fn list(tx: &mut Tx, core: &Core, caller: &Caller, mut f: BreakFilter, page: &PageRequest) -> Result<Page<BreakView>> {
    caller.require(Right::LedgerView)?;
    f.entities = caller.allowed_entities();
    let now = core.now();
    let rows = store::list_breaks(tx, &f, page).await?;
    Ok(page.finish(rows.into_iter().map(|b| view(b, now)).collect(), |b: &BreakView| b.id.to_string()))
}
