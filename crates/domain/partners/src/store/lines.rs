use crate::booking::{DealOutcome, LineKind};
use crate::ids::{CorrectionId, LineId, PartnerId, StatementId};
use crate::reading::LineState;
use qd_db::{Engine, Query, Tx, row, sql};
use qd_kernel::{Currency, Lots, PageRequest, Problem, Result, Ts, Val, vals};
use qd_ledger::EntryId;
use serde_json::Value;

row! {
    #[derive(Clone, Debug)]
    pub struct DealRow {
        pub server: String,
        pub ticket: String,
        pub revision: i64,
        pub client_id: String,
        pub outcome: DealOutcome,
        pub reason: Option<String>,
        pub cause: Option<String>,
        pub facts: Value,
        pub entry_id: Option<EntryId>,
        pub value_at: Ts,
        pub booked_at: Ts,
        pub version: i64,
    }
}

pub async fn deal(tx: &mut Tx, server: &str, ticket: &str) -> Result<Option<DealRow>> {
    tx.one(
        sql!(
            "SELECT server, ticket, revision, client_id, outcome, reason, cause, facts, entry_id, value_at, booked_at, version
             FROM commission_deals WHERE server = $1 AND ticket = $2"
        ),
        &vals![server, ticket],
    )
    .await
}

/// Those of a server that were looked at before.
pub async fn deals(tx: &mut Tx, server: &str, tickets: &[&str]) -> Result<Vec<DealRow>> {
    if tx.engine() == Engine::Postgres {
        return super::postgres::deals(tx, server, tickets).await;
    }
    let mut out = Vec::new();
    for t in tickets {
        out.extend(deal(tx, server, t).await?);
    }
    Ok(out)
}

fn deal_vals(d: &DealRow) -> Vec<Val> {
    vals![
        &d.server,
        &d.ticket,
        d.revision,
        &d.client_id,
        d.outcome,
        d.reason.as_ref(),
        d.cause.as_ref(),
        &d.facts,
        d.entry_id,
        d.value_at,
        d.booked_at,
        d.version
    ]
    .to_vec()
}

/// How many were not there yet.
pub async fn insert_deals(tx: &mut Tx, rows: &[DealRow]) -> Result<u64> {
    let rows: Vec<Vec<Val>> = rows.iter().map(deal_vals).collect();
    tx.exec_many(
        sql!(
            "INSERT INTO commission_deals (server, ticket, revision, client_id, outcome, reason, cause, facts, entry_id, value_at, booked_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING"
        ),
        &rows,
    )
    .await
}

/// `version` is the one found; how many were still at it.
pub async fn update_deals(tx: &mut Tx, rows: &[DealRow]) -> Result<u64> {
    let rows: Vec<Vec<Val>> = rows.iter().map(deal_vals).collect();
    tx.exec_many(
        sql!(
            "UPDATE commission_deals SET revision = $3, client_id = $4, outcome = $5, reason = $6, cause = $7, facts = $8, entry_id = $9, value_at = $10,
                booked_at = $11, version = version + 1
             WHERE server = $1 AND ticket = $2 AND version = $12"
        ),
        &rows,
    )
    .await
}

/// Oldest first.
pub async fn stopped(tx: &mut Tx, limit: i64) -> Result<Vec<DealRow>> {
    tx.rows(
        sql!(
            "SELECT server, ticket, revision, client_id, outcome, reason, cause, facts, entry_id, value_at, booked_at, version
             FROM commission_deals WHERE outcome = 'stopped' ORDER BY booked_at, server, ticket LIMIT $1"
        ),
        &vals![limit],
    )
    .await
}

pub async fn count_stopped_before(tx: &mut Tx, value_before: Ts) -> Result<i64> {
    let (n,): (i64,) = tx
        .must(
            sql!("SELECT COUNT(*) FROM commission_deals WHERE outcome = 'stopped' AND value_at < $1"),
            &vals![value_before],
        )
        .await?;
    Ok(n)
}

/// Deals of a client with value dates from `from` up to `to`, after the one seen last.
pub async fn deals_of(tx: &mut Tx, client: &str, from: Ts, to: Ts, after: &(Ts, String, String), limit: i64) -> Result<Vec<DealRow>> {
    tx.rows(
        sql!(
            "SELECT server, ticket, revision, client_id, outcome, reason, cause, facts, entry_id, value_at, booked_at, version
             FROM commission_deals WHERE client_id = $1 AND value_at >= $2 AND value_at < $3 AND (value_at, server, ticket) > ($4, $5, $6)
             ORDER BY value_at, server, ticket LIMIT $7"
        ),
        &vals![client, from, to, after.0, &after.1, &after.2, limit],
    )
    .await
}

/// Deals of a client that paid nothing for this reason.
pub async fn deals_for_reason(tx: &mut Tx, client: &str, reason: &str, limit: i64) -> Result<Vec<DealRow>> {
    tx.rows(
        sql!(
            "SELECT server, ticket, revision, client_id, outcome, reason, cause, facts, entry_id, value_at, booked_at, version
             FROM commission_deals WHERE client_id = $1 AND outcome = 'zero' AND reason = $2 ORDER BY value_at, server, ticket LIMIT $3"
        ),
        &vals![client, reason, limit],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct LineRow {
        pub id: LineId,
        pub number: i64,
        pub partner_id: PartnerId,
        pub currency: Currency,
        pub kind: LineKind,
        pub server: String,
        pub ticket: String,
        pub revision: i64,
        pub level: i64,
        pub client_id: String,
        pub symbol: String,
        pub product_group: Option<String>,
        pub lots: Lots,
        pub exact: String,
        pub minor: i64,
        pub reason: Option<String>,
        pub plan_id: Option<String>,
        pub plan_version: Option<i64>,
        pub rule_id: Option<String>,
        pub explanation: Value,
        pub reverses: Option<LineId>,
        pub entry_id: Option<EntryId>,
        pub statement_id: Option<StatementId>,
        pub value_at: Ts,
        pub booked_at: Ts,
        /// The correction it belongs to.
        pub batch_id: Option<CorrectionId>,
        /// The client who gets it, where that is not the partner; not part of what the partner is owed.
        pub beneficiary: Option<String>,
        /// Of a line about a whole period: which one.
        pub tier_key: Option<String>,
    }
}

pub async fn insert_lines(tx: &mut Tx, rows: &[LineRow]) -> Result<()> {
    let rows: Vec<Vec<Val>> = rows
        .iter()
        .map(|l| {
            vals![
                l.id,
                l.number,
                l.partner_id,
                l.currency,
                l.kind,
                &l.server,
                &l.ticket,
                l.revision,
                l.level,
                &l.client_id,
                &l.symbol,
                l.product_group.as_ref(),
                l.lots,
                &l.exact,
                l.minor,
                l.reason.as_ref(),
                l.plan_id.as_ref(),
                l.plan_version,
                l.rule_id.as_ref(),
                &l.explanation,
                l.reverses,
                l.entry_id,
                l.statement_id,
                l.value_at,
                l.booked_at,
                l.batch_id,
                l.beneficiary.as_ref(),
                l.tier_key.as_ref()
            ]
            .to_vec()
        })
        .collect();
    tx.exec_many(
        sql!(
            "INSERT INTO commission_lines (id, number, partner_id, currency, kind, server, ticket, revision, level, client_id, symbol, product_group,
                lots, exact, minor, reason, plan_id, plan_version, rule_id, explanation, reverses, entry_id, statement_id, value_at, booked_at,
                batch_id, beneficiary, tier_key)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)"
        ),
        &rows,
    )
    .await?;
    Ok(())
}

/// The lines of a deal that pay and stand: not taken back.
pub async fn standing(tx: &mut Tx, server: &str, ticket: &str) -> Result<Vec<LineRow>> {
    tx.rows(
        sql!(
            "SELECT l.id, l.number, l.partner_id, l.currency, l.kind, l.server, l.ticket, l.revision, l.level, l.client_id, l.symbol, l.product_group,
                l.lots, l.exact, l.minor, l.reason, l.plan_id, l.plan_version, l.rule_id, l.explanation, l.reverses, l.entry_id, l.statement_id,
                l.value_at, l.booked_at, l.batch_id, l.beneficiary, l.tier_key
             FROM commission_lines l WHERE l.server = $1 AND l.ticket = $2 AND l.kind IN ('accrual', 'rebate') AND l.reason IS NULL
                AND NOT EXISTS (SELECT 1 FROM commission_lines r WHERE r.reverses = l.id)
             ORDER BY l.level, l.number"
        ),
        &vals![server, ticket],
    )
    .await
}

/// A line of a correction by hand, by its place.
pub async fn of_batch(tx: &mut Tx, batch: CorrectionId, place: i64) -> Result<Option<LineRow>> {
    tx.one(
        sql!(
            "SELECT id, number, partner_id, currency, kind, server, ticket, revision, level, client_id, symbol, product_group, lots, exact, minor, reason,
                plan_id, plan_version, rule_id, explanation, reverses, entry_id, statement_id, value_at, booked_at, batch_id, beneficiary, tier_key
             FROM commission_lines WHERE batch_id = $1 AND revision = $2"
        ),
        &vals![batch, place],
    )
    .await
}

/// Which lines a reader wants; None: any.
#[derive(Clone, Debug, Default)]
pub struct LineFilter {
    pub partner_id: Option<PartnerId>,
    pub client_id: Option<String>,
    pub server: Option<String>,
    pub ticket: Option<String>,
    pub statement_id: Option<StatementId>,
    /// Of a correction.
    pub batch_id: Option<CorrectionId>,
    /// Of the deals, `tacc_…`. With `client_id` it costs no more than that.
    pub account: Option<String>,
    /// Of partners of these entities; None: all.
    pub entities: Option<Vec<String>>,
    pub state: Option<LineState>,
    /// Value dates from, up to (not included).
    pub from: Option<Ts>,
    pub to: Option<Ts>,
}

/// Newest booking first.
pub async fn lines(tx: &mut Tx, f: &LineFilter, page: &PageRequest) -> Result<Vec<LineRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, number, partner_id, currency, kind, server, ticket, revision, level, client_id, symbol, product_group, lots, exact, minor, reason,
            plan_id, plan_version, rule_id, explanation, reverses, entry_id, statement_id, value_at, booked_at, batch_id, beneficiary, tier_key
             FROM commission_lines WHERE 1 = 1"
    ));
    if let Some(v) = f.partner_id {
        q.push(sql!(" AND partner_id = $?"), vals![v]);
    }
    if let Some(v) = &f.client_id {
        q.push(sql!(" AND client_id = $?"), vals![v]);
    }
    if let Some(v) = &f.server {
        q.push(sql!(" AND server = $?"), vals![v]);
    }
    if let Some(v) = &f.ticket {
        q.push(sql!(" AND ticket = $?"), vals![v]);
    }
    if let Some(v) = f.statement_id {
        q.push(sql!(" AND statement_id = $?"), vals![v]);
    }
    if let Some(v) = f.batch_id {
        q.push(sql!(" AND batch_id = $?"), vals![v]);
    }
    if let Some(v) = f.from {
        q.push(sql!(" AND value_at >= $?"), vals![v]);
    }
    if let Some(v) = f.to {
        q.push(sql!(" AND value_at < $?"), vals![v]);
    }
    if let Some(v) = &f.account {
        // What the deal was is kept as text; an id in quotes stands in it for nothing else. The signs
        // of LIKE mean themselves.
        let v = v.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        q.push(
            sql!(" AND EXISTS (SELECT 1 FROM commission_deals d WHERE d.server = commission_lines.server AND d.ticket = commission_lines.ticket AND d.facts LIKE $? ESCAPE '!')"),
            vals![format!("%\"account\":\"{v}\"%")],
        );
    }
    if let Some(list) = &f.entities {
        q.push(sql!(" AND partner_id IN (SELECT id FROM partners WHERE entity IN (''"), []);
        for e in list {
            q.push(sql!(", $?"), vals![e]);
        }
        q.push(sql!("))"), []);
    }
    match f.state {
        Some(LineState::Zero) => q.push(sql!(" AND reason IS NOT NULL"), []),
        Some(LineState::Open) => q.push(sql!(" AND reason IS NULL AND statement_id IS NULL"), []),
        Some(LineState::Stated) => q.push(sql!(" AND reason IS NULL AND statement_id IS NOT NULL"), []),
        None => &mut q,
    };
    let place = page.after_parts();
    // Ids are in the order of booking too. Where no index leads to few lines, theirs does without
    // sorting them all.
    if f.partner_id.is_none() && f.client_id.is_none() {
        if let Some([_, id]) = place.as_deref() {
            q.push(sql!(" AND id < $?"), vals![*id]);
        }
        q.push(sql!(" ORDER BY id DESC LIMIT $?"), vals![page.fetch()]);
    } else {
        if let Some([at, id]) = place.as_deref() {
            q.push(sql!(" AND (booked_at, id) < ($?, $?)"), vals![at.parse().unwrap_or(i64::MAX), *id]);
        }
        q.push(sql!(" ORDER BY booked_at DESC, id DESC LIMIT $?"), vals![page.fetch()]);
    }
    tx.query(&q).await
}

pub async fn line(tx: &mut Tx, id: LineId) -> Result<Option<LineRow>> {
    tx.one(
        sql!(
            "SELECT id, number, partner_id, currency, kind, server, ticket, revision, level, client_id, symbol, product_group, lots, exact, minor, reason,
                plan_id, plan_version, rule_id, explanation, reverses, entry_id, statement_id, value_at, booked_at, batch_id, beneficiary, tier_key
             FROM commission_lines WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

/// Lines on no statement yet with a value date before `to`, by number.
pub async fn open_lines(tx: &mut Tx, partner: PartnerId, currency: Currency, to: Ts) -> Result<Vec<LineRow>> {
    tx.rows(
        sql!(
            "SELECT id, number, partner_id, currency, kind, server, ticket, revision, level, client_id, symbol, product_group, lots, exact, minor, reason,
                plan_id, plan_version, rule_id, explanation, reverses, entry_id, statement_id, value_at, booked_at, batch_id, beneficiary, tier_key
             FROM commission_lines
             WHERE partner_id = $1 AND currency = $2 AND statement_id IS NULL AND beneficiary IS NULL AND value_at < $3 ORDER BY number"
        ),
        &vals![partner, currency, to],
    )
    .await
}

/// Like [`open_lines`], what goes to clients: shown on the statement, no part of its sums.
pub async fn open_rebates(tx: &mut Tx, partner: PartnerId, currency: Currency, to: Ts) -> Result<Vec<LineRow>> {
    tx.rows(
        sql!(
            "SELECT id, number, partner_id, currency, kind, server, ticket, revision, level, client_id, symbol, product_group, lots, exact, minor, reason,
                plan_id, plan_version, rule_id, explanation, reverses, entry_id, statement_id, value_at, booked_at, batch_id, beneficiary, tier_key
             FROM commission_lines
             WHERE partner_id = $1 AND currency = $2 AND statement_id IS NULL AND beneficiary IS NOT NULL AND value_at < $3 ORDER BY number"
        ),
        &vals![partner, currency, to],
    )
    .await
}

/// All that [`open_lines`] and [`open_rebates`] answered; how many.
pub async fn put_on_statement(tx: &mut Tx, partner: PartnerId, currency: Currency, to: Ts, statement: StatementId) -> Result<u64> {
    tx.exec(
        sql!("UPDATE commission_lines SET statement_id = $4 WHERE partner_id = $1 AND currency = $2 AND statement_id IS NULL AND value_at < $3"),
        &vals![partner, currency, to, statement],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct PurseRow {
        pub exact: String,
        pub booked_minor: i64,
        pub paid_minor: i64,
        pub lines: i64,
        pub statements: i64,
    }
}

/// Locks the purse until the end of the transaction; made when missing.
pub async fn lock_purse(tx: &mut Tx, partner: PartnerId, currency: Currency) -> Result<PurseRow> {
    let take = sql!(
        "UPDATE partner_purses SET version = version + 1 WHERE partner_id = $1 AND currency = $2
         RETURNING exact, booked_minor, paid_minor, lines, statements"
    );
    if let Some(p) = tx.one(take, &vals![partner, currency]).await? {
        return Ok(p);
    }
    tx.exec(
        sql!(
            "INSERT INTO partner_purses (partner_id, currency, exact, booked_minor, paid_minor, lines, statements, version)
             VALUES ($1, $2, '0/1', 0, 0, 0, 0, 1) ON CONFLICT DO NOTHING"
        ),
        &vals![partner, currency],
    )
    .await?;
    tx.one(take, &vals![partner, currency])
        .await?
        .ok_or_else(|| Problem::bug("purse_lost", "a partner's purse could not be made"))
}

pub async fn write_purse(tx: &mut Tx, partner: PartnerId, currency: Currency, p: &PurseRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE partner_purses SET exact = $3, booked_minor = $4, paid_minor = $5, lines = $6, statements = $7
             WHERE partner_id = $1 AND currency = $2"
        ),
        &vals![partner, currency, &p.exact, p.booked_minor, p.paid_minor, p.lines, p.statements],
        || Problem::bug("purse_lost", "a locked purse is gone"),
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct PurseView {
        pub currency: Currency,
        pub booked_minor: i64,
        pub paid_minor: i64,
        pub lines: i64,
    }
}

pub async fn purses(tx: &mut Tx, partner: PartnerId) -> Result<Vec<PurseView>> {
    tx.rows(
        sql!("SELECT currency, booked_minor, paid_minor, lines FROM partner_purses WHERE partner_id = $1 ORDER BY currency"),
        &vals![partner],
    )
    .await
}

/// (partner, currency, day, lots, deals, minor) to add.
pub async fn add_days(tx: &mut Tx, rows: &[(PartnerId, Currency, i64, i64, i64, i64)]) -> Result<()> {
    let rows: Vec<Vec<Val>> = rows.iter().map(|r| vals![r.0, r.1, r.2, r.3, r.4, r.5].to_vec()).collect();
    tx.exec_many(
        sql!(
            "INSERT INTO partner_days (partner_id, currency, day, lots, deals, minor) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (partner_id, currency, day) DO UPDATE SET lots = partner_days.lots + excluded.lots,
                deals = partner_days.deals + excluded.deals, minor = partner_days.minor + excluded.minor"
        ),
        &rows,
    )
    .await?;
    Ok(())
}

row! {
    #[derive(Clone, Debug)]
    pub struct DayRow {
        pub currency: Currency,
        pub day: i64,
        pub lots: Lots,
        pub deals: i64,
        pub minor: i64,
    }
}

/// By day, from and to included.
pub async fn days(tx: &mut Tx, partner: PartnerId, from: i64, to: i64) -> Result<Vec<DayRow>> {
    tx.rows(
        sql!("SELECT currency, day, lots, deals, minor FROM partner_days WHERE partner_id = $1 AND day BETWEEN $2 AND $3 ORDER BY day, currency"),
        &vals![partner, from, to],
    )
    .await
}
