//! Running values, the deals that moved them, and what deals pay by now.

use crate::engine::{Cell, Key, Order};
use crate::exact::Exact;
use crate::ids::PartnerId;
use crate::store::lines::{DealRow, LineRow};
use qd_db::{Engine, Tx, row, sql};
use qd_kernel::{Currency, Problem, Result, Ts, Val, vals};

row! {
    pub struct CellRow {
        pub key: String,
        pub value: String,
        pub last_at: Ts,
        pub last_server: String,
        pub last_ticket: String,
    }
}

fn cell(r: CellRow) -> Result<(Key, Cell)> {
    let value = Exact::parse_fraction(&r.value).ok_or_else(|| Problem::bug("row_unreadable", "a running value is no number"))?;
    let last = Order {
        at: r.last_at,
        server: r.last_server,
        ticket: r.last_ticket,
    };
    Ok((Key::new(r.key), Cell { value, last: Some(last) }))
}

/// The present values of keys; those that no deal touched yet are left out.
pub async fn load(tx: &mut Tx, keys: &[Key]) -> Result<Vec<(Key, Cell)>> {
    let mut rows: Vec<CellRow> = Vec::new();
    if tx.engine() == Engine::Postgres {
        rows = super::postgres::cells(tx, keys).await?;
    } else {
        for k in keys {
            rows.extend(
                tx.one::<CellRow>(
                    sql!("SELECT key, value, last_at, last_server, last_ticket FROM commission_states WHERE key = $1"),
                    &vals![k.as_str()],
                )
                .await?,
            );
        }
    }
    rows.into_iter().map(cell).collect()
}

/// A key's value as it stood before a deal.
pub async fn before(tx: &mut Tx, key: &Key, order: &Order) -> Result<Option<(Key, Cell)>> {
    let row: Option<CellRow> = tx
        .one(
            sql!(
                "SELECT key, value, value_at, server, ticket FROM commission_state_deals
                 WHERE key = $1 AND (value_at, server, ticket) < ($2, $3, $4) ORDER BY value_at DESC, server DESC, ticket DESC LIMIT 1"
            ),
            &vals![key.as_str(), order.at, &order.server, &order.ticket],
        )
        .await?;
    row.map(cell).transpose()
}

/// Writes the values; a key without one is forgotten.
pub async fn write(tx: &mut Tx, cells: &[(Key, Option<Cell>)]) -> Result<()> {
    let mut gone: Vec<Vec<Val>> = Vec::new();
    let mut kept: Vec<Vec<Val>> = Vec::new();
    for (k, c) in cells {
        match c.as_ref().and_then(|c| Some((c, c.last.as_ref()?))) {
            Some((c, last)) => kept.push(vals![k.as_str(), c.value.fraction(), last.at, &last.server, &last.ticket].to_vec()),
            None => gone.push(vals![k.as_str()].to_vec()),
        }
    }
    tx.exec_many(sql!("DELETE FROM commission_states WHERE key = $1"), &gone).await?;
    tx.exec_many(
        sql!(
            "INSERT INTO commission_states (key, value, last_at, last_server, last_ticket, version) VALUES ($1, $2, $3, $4, $5, 1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, last_at = excluded.last_at, last_server = excluded.last_server,
                last_ticket = excluded.last_ticket, version = commission_states.version + 1"
        ),
        &kept,
    )
    .await?;
    Ok(())
}

/// Nobody else reads or moves values of the same holders until the end of the transaction.
pub async fn lock(tx: &mut Tx, keys: &[Key]) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        let holders: std::collections::BTreeSet<&str> = keys.iter().map(Key::holder).collect();
        for h in holders {
            super::postgres::lock_key(tx, h).await?;
        }
    }
    Ok(())
}

/// The keys that a booked deal touched.
pub async fn keys_of(tx: &mut Tx, server: &str, ticket: &str) -> Result<Vec<Key>> {
    let rows: Vec<(String,)> = tx
        .rows(
            sql!("SELECT key FROM commission_state_deals WHERE server = $1 AND ticket = $2 ORDER BY key"),
            &vals![server, ticket],
        )
        .await?;
    Ok(rows.into_iter().map(|(k,)| Key::new(k)).collect())
}

/// Deals that touched a key, from one on.
pub async fn deals_from(tx: &mut Tx, key: &Key, from: &Order) -> Result<Vec<DealRow>> {
    tx.rows(
        sql!(
            "SELECT d.server, d.ticket, d.revision, d.client_id, d.outcome, d.reason, d.cause, d.facts, d.entry_id, d.value_at, d.booked_at, d.version
             FROM commission_state_deals s JOIN commission_deals d ON d.server = s.server AND d.ticket = s.ticket
             WHERE s.key = $1 AND (s.value_at, s.server, s.ticket) >= ($2, $3, $4) ORDER BY s.value_at, s.server, s.ticket"
        ),
        &vals![key.as_str(), from.at, &from.server, &from.ticket],
    )
    .await
}

/// The standing lines of those deals.
pub async fn lines_from(tx: &mut Tx, key: &Key, from: &Order) -> Result<Vec<LineRow>> {
    tx.rows(
        sql!(
            "SELECT l.id, l.number, l.partner_id, l.currency, l.kind, l.server, l.ticket, l.revision, l.level, l.client_id, l.symbol, l.product_group,
                l.lots, l.exact, l.minor, l.reason, l.plan_id, l.plan_version, l.rule_id, l.explanation, l.reverses, l.entry_id, l.statement_id,
                l.value_at, l.booked_at, l.batch_id, l.beneficiary, l.tier_key
             FROM commission_state_deals s JOIN commission_lines l ON l.server = s.server AND l.ticket = s.ticket
             WHERE s.key = $1 AND (s.value_at, s.server, s.ticket) >= ($2, $3, $4) AND l.kind IN ('accrual', 'rebate') AND l.reason IS NULL
                AND NOT EXISTS (SELECT 1 FROM commission_lines r WHERE r.reverses = l.id)
             ORDER BY l.level, l.number"
        ),
        &vals![key.as_str(), from.at, &from.server, &from.ticket],
    )
    .await
}

row! {
    pub struct KeyRow {
        pub server: String,
        pub ticket: String,
        pub key: String,
    }
}

/// All keys of those deals.
pub async fn keys_from(tx: &mut Tx, key: &Key, from: &Order) -> Result<Vec<KeyRow>> {
    tx.rows(
        sql!(
            "SELECT k.server, k.ticket, k.key FROM commission_state_deals s
             JOIN commission_state_deals k ON k.server = s.server AND k.ticket = s.ticket
             WHERE s.key = $1 AND (s.value_at, s.server, s.ticket) >= ($2, $3, $4) ORDER BY k.key"
        ),
        &vals![key.as_str(), from.at, &from.server, &from.ticket],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct ValueRow {
        pub server: String,
        pub ticket: String,
        pub partner_id: PartnerId,
        /// Empty: the partner.
        pub beneficiary: String,
        pub currency: Currency,
        pub exact: String,
        pub minor: i64,
    }
}

pub async fn values(tx: &mut Tx, server: &str, ticket: &str) -> Result<Vec<ValueRow>> {
    tx.rows(
        sql!(
            "SELECT server, ticket, partner_id, beneficiary, currency, exact, minor FROM commission_deal_values WHERE server = $1 AND ticket = $2"
        ),
        &vals![server, ticket],
    )
    .await
}

pub async fn values_from(tx: &mut Tx, key: &Key, from: &Order) -> Result<Vec<ValueRow>> {
    tx.rows(
        sql!(
            "SELECT v.server, v.ticket, v.partner_id, v.beneficiary, v.currency, v.exact, v.minor
             FROM commission_state_deals s JOIN commission_deal_values v ON v.server = s.server AND v.ticket = s.ticket
             WHERE s.key = $1 AND (s.value_at, s.server, s.ticket) >= ($2, $3, $4)"
        ),
        &vals![key.as_str(), from.at, &from.server, &from.ticket],
    )
    .await
}

/// Replaces what deals pay by now; deals named without rows pay what their lines say.
pub async fn write_values(tx: &mut Tx, deals: &[(String, String)], rows: &[ValueRow]) -> Result<()> {
    let gone: Vec<Vec<Val>> = deals.iter().map(|(s, t)| vals![s, t].to_vec()).collect();
    tx.exec_many(sql!("DELETE FROM commission_deal_values WHERE server = $1 AND ticket = $2"), &gone)
        .await?;
    let rows: Vec<Vec<Val>> = rows
        .iter()
        .map(|v| vals![&v.server, &v.ticket, v.partner_id, &v.beneficiary, v.currency, &v.exact, v.minor].to_vec())
        .collect();
    tx.exec_many(
        sql!(
            "INSERT INTO commission_deal_values (server, ticket, partner_id, beneficiary, currency, exact, minor) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        &rows,
    )
    .await?;
    Ok(())
}

/// Replaces which keys deals touched, and the values after them.
pub async fn write_deals(tx: &mut Tx, gone: &[(String, String)], rows: &[(Key, Order, Exact)]) -> Result<()> {
    let gone: Vec<Vec<Val>> = gone.iter().map(|(s, t)| vals![s, t].to_vec()).collect();
    tx.exec_many(sql!("DELETE FROM commission_state_deals WHERE server = $1 AND ticket = $2"), &gone)
        .await?;
    let rows: Vec<Vec<Val>> = rows
        .iter()
        .map(|(k, o, v)| vals![k.as_str(), o.at, &o.server, &o.ticket, v.fraction()].to_vec())
        .collect();
    tx.exec_many(
        sql!("INSERT INTO commission_state_deals (key, value_at, server, ticket, value) VALUES ($1, $2, $3, $4, $5)"),
        &rows,
    )
    .await?;
    Ok(())
}

/// The end of the last closed statement of a partner, in any currency.
pub async fn closed_to(tx: &mut Tx, partner: PartnerId) -> Result<Option<Ts>> {
    let (t,): (Option<Ts>,) = tx
        .must(
            sql!("SELECT MAX(period_to) FROM partner_statements WHERE partner_id = $1"),
            &vals![partner],
        )
        .await?;
    Ok(t)
}

/// For the auditor: values that are not what the last deal left.
pub async fn audit(tx: &mut Tx) -> Result<Vec<(String, String, Option<String>)>> {
    tx.rows(
        sql!(
            "SELECT key, value, found FROM (
                SELECT s.key, s.value, (SELECT d.value FROM commission_state_deals d WHERE d.key = s.key
                    ORDER BY d.value_at DESC, d.server DESC, d.ticket DESC LIMIT 1) AS found
                FROM commission_states s) AS all_values
             WHERE found IS NULL OR found <> value ORDER BY key LIMIT 1000"
        ),
        &[],
    )
    .await
}
