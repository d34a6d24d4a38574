//! Statements of the programmes: what is known of clients, where they stand, months of revenue share.

use crate::booking::LineKind;
use crate::engine::cpa::CpaState;
use crate::ids::{LineId, PartnerId};
use crate::programmes::MoneyKind;
use qd_db::{Tx, row, sql};
use qd_kernel::{Currency, Problem, Result, Ts, vals};
use serde_json::Value;

row! {
    #[derive(Clone, Debug)]
    pub struct ClientRow {
        pub client_id: String,
        pub entity: String,
        pub brand: String,
        pub person: String,
        pub country: String,
        pub kyc_country: Option<String>,
        pub registered_at: Ts,
        pub kyc_approved_at: Option<Ts>,
        pub shared: Value,
        pub quotes: Value,
        pub changed_at: Ts,
    }
}

pub async fn client(tx: &mut Tx, client: &str) -> Result<Option<ClientRow>> {
    tx.one(
        sql!(
            "SELECT client_id, entity, brand, person, country, kyc_country, registered_at, kyc_approved_at, shared, quotes, changed_at
             FROM programme_clients WHERE client_id = $1"
        ),
        &vals![client],
    )
    .await
}

/// The first approval stays whatever comes later.
pub async fn put_client(tx: &mut Tx, c: &ClientRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO programme_clients (client_id, entity, brand, person, country, kyc_country, registered_at, kyc_approved_at, shared, quotes,
                changed_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)
             ON CONFLICT (client_id) DO UPDATE SET entity = excluded.entity, brand = excluded.brand, person = excluded.person,
                country = excluded.country, kyc_country = COALESCE(excluded.kyc_country, programme_clients.kyc_country),
                registered_at = excluded.registered_at, shared = excluded.shared, quotes = excluded.quotes, changed_at = excluded.changed_at,
                kyc_approved_at = CASE WHEN programme_clients.kyc_approved_at IS NULL OR excluded.kyc_approved_at < programme_clients.kyc_approved_at
                    THEN excluded.kyc_approved_at ELSE programme_clients.kyc_approved_at END,
                version = programme_clients.version + 1"
        ),
        &vals![
            &c.client_id,
            &c.entity,
            &c.brand,
            &c.person,
            &c.country,
            c.kyc_country.as_ref(),
            c.registered_at,
            c.kyc_approved_at,
            &c.shared,
            &c.quotes,
            c.changed_at
        ],
    )
    .await?;
    Ok(())
}

/// Two records of one person wait for each other.
pub async fn lock_person(tx: &mut Tx, person: &str, brand: &str) -> Result<()> {
    tx.exec(
        sql!("UPDATE programme_clients SET version = version + 1 WHERE person = $1 AND brand = $2"),
        &vals![person, brand],
    )
    .await?;
    Ok(())
}

row! {
    #[derive(Clone, Debug)]
    pub struct FactRow {
        pub client_id: String,
        pub kind: MoneyKind,
        pub reference: String,
        pub about: Option<String>,
        pub minor: i64,
        pub currency: Currency,
        pub at: Ts,
        pub quotes: Value,
        pub recorded_at: Ts,
    }
}

/// By value date.
pub async fn facts(tx: &mut Tx, client: &str) -> Result<Vec<FactRow>> {
    tx.rows(
        sql!(
            "SELECT client_id, kind, reference, about, minor, currency, at, quotes, recorded_at FROM programme_facts WHERE client_id = $1
             ORDER BY at, kind, reference"
        ),
        &vals![client],
    )
    .await
}

/// Amount and state of the thing may change; its day and the rates of it stay.
pub async fn put_fact(tx: &mut Tx, f: &FactRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO programme_facts (client_id, kind, reference, about, minor, currency, at, quotes, recorded_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (client_id, kind, reference) DO UPDATE SET minor = excluded.minor, recorded_at = excluded.recorded_at
             WHERE programme_facts.minor <> excluded.minor"
        ),
        &vals![
            &f.client_id,
            f.kind,
            &f.reference,
            f.about.as_ref(),
            f.minor,
            f.currency,
            f.at,
            &f.quotes,
            f.recorded_at
        ],
    )
    .await?;
    Ok(())
}

/// Whether money of the client was disputed after a moment, and is gone.
pub async fn disputed_since(tx: &mut Tx, client: &str, at: Ts) -> Result<bool> {
    let (n,): (i64,) = tx
        .must(
            sql!("SELECT COUNT(*) FROM programme_facts WHERE client_id = $1 AND kind = 'chargeback' AND minor > 0 AND at > $2"),
            &vals![client, at],
        )
        .await?;
    Ok(n > 0)
}

row! {
    #[derive(Clone, Debug)]
    pub struct StandingRow {
        pub client_id: String,
        pub partner_id: PartnerId,
        pub plan_id: String,
        pub plan_version: i64,
        pub state: CpaState,
        pub reason: Option<String>,
        pub tested: Value,
        pub qualified: Option<Value>,
        pub qualified_at: Option<Ts>,
        pub pinned: bool,
        pub ftd: String,
        pub amount: String,
        pub amount_currency: Currency,
        pub wallet: Option<String>,
        pub currency: Currency,
        pub booked_minor: i64,
        pub hold_until: Option<Ts>,
        pub kyc_before_payout: bool,
        pub decided: Option<bool>,
        pub decided_by: Option<String>,
        pub approval_id: Option<String>,
        pub due_at: Option<Ts>,
        pub changed_at: Ts,
        /// As found; 0: not yet there.
        pub version: i64,
    }
}

/// Of a client, by partner.
pub async fn standings(tx: &mut Tx, client: &str) -> Result<Vec<StandingRow>> {
    tx.rows(
        sql!(
            "SELECT client_id, partner_id, plan_id, plan_version, state, reason, tested, qualified, qualified_at, pinned, ftd, amount, amount_currency,
                wallet, currency, booked_minor, hold_until, kyc_before_payout, decided, decided_by, approval_id, due_at, changed_at, version
             FROM programme_standings WHERE client_id = $1 ORDER BY partner_id"
        ),
        &vals![client],
    )
    .await
}

pub async fn standing(tx: &mut Tx, client: &str, partner: PartnerId) -> Result<Option<StandingRow>> {
    Ok(standings(tx, client).await?.into_iter().find(|s| s.partner_id == partner))
}

/// Of a partner, by client, after the one seen last; `state` None: any.
pub async fn standings_of(tx: &mut Tx, partner: PartnerId, state: Option<CpaState>, after: &str, limit: i64) -> Result<Vec<StandingRow>> {
    tx.rows(
        sql!(
            "SELECT client_id, partner_id, plan_id, plan_version, state, reason, tested, qualified, qualified_at, pinned, ftd, amount, amount_currency,
                wallet, currency, booked_minor, hold_until, kyc_before_payout, decided, decided_by, approval_id, due_at, changed_at, version
             FROM programme_standings WHERE partner_id = $1 AND (CAST($2 AS TEXT) IS NULL OR state = $2) AND client_id > $3
             ORDER BY client_id LIMIT $4"
        ),
        &vals![partner, state, after, limit],
    )
    .await
}

fn standing_vals(s: &StandingRow) -> Vec<qd_kernel::Val> {
    vals![
        &s.client_id,
        s.partner_id,
        &s.plan_id,
        s.plan_version,
        s.state,
        s.reason.as_ref(),
        &s.tested,
        s.qualified.as_ref(),
        s.qualified_at,
        s.pinned,
        &s.ftd,
        &s.amount,
        s.amount_currency,
        s.wallet.as_ref(),
        s.currency,
        s.booked_minor,
        s.hold_until,
        s.kyc_before_payout,
        s.decided,
        s.decided_by.as_ref(),
        s.approval_id.as_ref(),
        s.due_at,
        s.changed_at,
        s.version
    ]
    .to_vec()
}

/// Writes on condition that nobody else did since it was read.
pub async fn put_standing(tx: &mut Tx, s: &StandingRow) -> Result<()> {
    let lost = || Problem::unavailable(qd_db::RETRY, "a client's standing was changed by somebody else at the same time");
    if s.version == 0 {
        let insert = sql!(
            "INSERT INTO programme_standings (client_id, partner_id, plan_id, plan_version, state, reason, tested, qualified, qualified_at, pinned, ftd,
                amount, amount_currency, wallet, currency, booked_minor, hold_until, kyc_before_payout, decided, decided_by, approval_id, due_at,
                changed_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24 + 1)
             ON CONFLICT DO NOTHING"
        );
        return tx.exec_one(insert, &standing_vals(s), lost).await;
    }
    let update = sql!(
        "UPDATE programme_standings SET plan_id = $3, plan_version = $4, state = $5, reason = $6, tested = $7, qualified = $8, qualified_at = $9,
            pinned = $10, ftd = $11, amount = $12, amount_currency = $13, wallet = $14, currency = $15, booked_minor = $16, hold_until = $17,
            kyc_before_payout = $18, decided = $19, decided_by = $20, approval_id = $21, due_at = $22, changed_at = $23, version = version + 1
         WHERE client_id = $1 AND partner_id = $2 AND version = $24"
    );
    tx.exec_one(update, &standing_vals(s), lost).await
}

/// A client this person and brand was paid for, other than this one with this partner.
pub async fn paid_for(tx: &mut Tx, person: &str, brand: &str, client: &str, partner: PartnerId) -> Result<Option<String>> {
    Ok(tx
        .one::<(String,)>(
            sql!(
                "SELECT s.client_id FROM programme_standings s JOIN programme_clients c ON c.client_id = s.client_id
                 WHERE c.person = $1 AND c.brand = $2 AND s.state IN ('qualified', 'on_hold') AND NOT (s.client_id = $3 AND s.partner_id = $4)
                 ORDER BY s.qualified_at LIMIT 1"
            ),
            &vals![person, brand, client, partner],
        )
        .await?
        .map(|r| r.0))
}

/// Clients whose standing time has changed by itself.
pub async fn due(tx: &mut Tx, now: Ts, limit: i64) -> Result<Vec<String>> {
    Ok(tx
        .rows::<(String,)>(
            sql!(
                "SELECT DISTINCT client_id FROM programme_standings WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY client_id LIMIT $2"
            ),
            &vals![now, limit],
        )
        .await?
        .into_iter()
        .map(|r| r.0)
        .collect())
}

pub async fn counts(tx: &mut Tx, partner: PartnerId) -> Result<Vec<(CpaState, i64)>> {
    tx.rows(
        sql!("SELECT state, COUNT(*) FROM programme_standings WHERE partner_id = $1 GROUP BY state ORDER BY state"),
        &vals![partner],
    )
    .await
}

/// Booked for clients and not payable yet.
pub async fn held(tx: &mut Tx, partner: PartnerId, currency: Currency, now: Ts) -> Result<i64> {
    let (n,): (i64,) = tx
        .must(
            sql!(
                "SELECT CAST(COALESCE(SUM(booked_minor), 0) AS BIGINT) FROM programme_standings
                 WHERE partner_id = $1 AND currency = $2 AND state = 'qualified' AND (hold_until > $3 OR kyc_before_payout = $4)"
            ),
            &vals![partner, currency, now, true],
        )
        .await?;
    Ok(n)
}

/// Sums per client booked for the partner, value dates before `to`; takes back what was taken back.
pub async fn booked_for_clients(tx: &mut Tx, partner: PartnerId, from: Ts, to: Ts) -> Result<Vec<(Currency, i64)>> {
    tx.rows(
        sql!(
            "SELECT currency, CAST(SUM(minor) AS BIGINT) FROM commission_lines
             WHERE partner_id = $1 AND server = 'programme' AND ticket LIKE 'cpa:%' AND value_at >= $2 AND value_at < $3 GROUP BY currency"
        ),
        &vals![partner, from, to],
    )
    .await
}

/// What was booked so far on a subject.
pub async fn on_subject(tx: &mut Tx, partner: PartnerId, currency: Currency, subject: &str) -> Result<Vec<(String, i64, LineId)>> {
    tx.rows(
        sql!(
            "SELECT exact, minor, id FROM commission_lines WHERE server = 'programme' AND ticket = $1 AND partner_id = $2 AND currency = $3
             ORDER BY number"
        ),
        &vals![subject, partner, currency],
    )
    .await
}

/// What a client's deals earned a partner, by deal lines with value dates in a time.
pub async fn earned_on(tx: &mut Tx, partner: PartnerId, client: &str, from: Ts, to: Ts) -> Result<Vec<(Currency, String, i64, LineKind)>> {
    tx.rows(
        sql!(
            "SELECT currency, exact, minor, kind FROM commission_lines
             WHERE client_id = $1 AND partner_id = $2 AND value_at >= $3 AND value_at < $4 AND reason IS NULL AND beneficiary IS NULL
                AND server <> 'programme' ORDER BY number"
        ),
        &vals![client, partner, from, to],
    )
    .await
}

/// What a plan's rules earned a partner on own clients, value dates in a time.
pub async fn earned_by_rules(tx: &mut Tx, partner: PartnerId, plan: &str, from: Ts, to: Ts) -> Result<Vec<(Currency, String)>> {
    tx.rows(
        sql!(
            "SELECT currency, exact FROM commission_lines
             WHERE partner_id = $1 AND plan_id = $2 AND level = 1 AND value_at >= $3 AND value_at < $4 AND reason IS NULL AND beneficiary IS NULL
                AND server <> 'programme' ORDER BY number"
        ),
        &vals![partner, plan, from, to],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct MonthRow {
        pub partner_id: PartnerId,
        pub plan_id: String,
        pub client_id: String,
        pub month: i64,
        pub plan_version: i64,
        pub currency: Currency,
        pub net: String,
        pub base: String,
        pub carry_out: String,
        pub carry: Value,
        pub share: String,
        pub recoup: String,
        pub pay: String,
        pub line_id: Option<LineId>,
        pub closed_at: Ts,
    }
}

pub async fn insert_month(tx: &mut Tx, m: &MonthRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "INSERT INTO programme_months (partner_id, plan_id, client_id, month, plan_version, currency, net, base, carry_out, carry, share, recoup, pay,
                line_id, closed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING"
        ),
        &vals![
            m.partner_id,
            &m.plan_id,
            &m.client_id,
            m.month,
            m.plan_version,
            m.currency,
            &m.net,
            &m.base,
            &m.carry_out,
            &m.carry,
            &m.share,
            &m.recoup,
            &m.pay,
            m.line_id,
            m.closed_at
        ],
        || Problem::unavailable(qd_db::RETRY, "this month was closed by somebody else at the same time"),
    )
    .await
}

/// The last closed month before `month`.
pub async fn month_before(tx: &mut Tx, partner: PartnerId, plan: &str, client: &str, month: i64) -> Result<Option<MonthRow>> {
    tx.one(
        sql!(
            "SELECT partner_id, plan_id, client_id, month, plan_version, currency, net, base, carry_out, carry, share, recoup, pay, line_id, closed_at
             FROM programme_months WHERE partner_id = $1 AND plan_id = $2 AND client_id = $3 AND month < $4 ORDER BY month DESC LIMIT 1"
        ),
        &vals![partner, plan, client, month],
    )
    .await
}

/// Of one month.
pub async fn months_at(tx: &mut Tx, partner: PartnerId, month: i64) -> Result<Vec<MonthRow>> {
    tx.rows(
        sql!(
            "SELECT partner_id, plan_id, client_id, month, plan_version, currency, net, base, carry_out, carry, share, recoup, pay, line_id, closed_at
             FROM programme_months WHERE partner_id = $1 AND month = $2 ORDER BY plan_id, client_id"
        ),
        &vals![partner, month],
    )
    .await
}

/// The newest first.
pub async fn months(tx: &mut Tx, partner: PartnerId, limit: i64) -> Result<Vec<MonthRow>> {
    tx.rows(
        sql!(
            "SELECT partner_id, plan_id, client_id, month, plan_version, currency, net, base, carry_out, carry, share, recoup, pay, line_id, closed_at
             FROM programme_months WHERE partner_id = $1 ORDER BY month DESC, plan_id, client_id LIMIT $2"
        ),
        &vals![partner, limit],
    )
    .await
}

pub async fn revenues(tx: &mut Tx, partner: PartnerId, plan: &str, month: i64) -> Result<Vec<(String, String)>> {
    tx.rows(
        sql!("SELECT client_id, net FROM programme_revenues WHERE partner_id = $1 AND plan_id = $2 AND month = $3 ORDER BY client_id"),
        &vals![partner, plan, month],
    )
    .await
}

pub async fn put_revenues(tx: &mut Tx, partner: PartnerId, plan: &str, month: i64, nets: &[(String, String)]) -> Result<()> {
    let rows: Vec<Vec<qd_kernel::Val>> = nets.iter().map(|(c, n)| vals![partner, plan, month, c, n].to_vec()).collect();
    tx.exec_many(
        sql!(
            "INSERT INTO programme_revenues (partner_id, plan_id, month, client_id, net) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (partner_id, plan_id, month, client_id) DO UPDATE SET net = excluded.net"
        ),
        &rows,
    )
    .await?;
    Ok(())
}

row! {
    #[derive(Clone, Debug)]
    pub struct QuarantineRow {
        pub partner_id: PartnerId,
        pub client_id: String,
        pub from_month: i64,
        pub to_month: Option<i64>,
        pub reason: String,
        pub made_by: String,
        pub made_at: Ts,
    }
}

pub async fn quarantines(tx: &mut Tx, partner: PartnerId) -> Result<Vec<QuarantineRow>> {
    tx.rows(
        sql!(
            "SELECT partner_id, client_id, from_month, to_month, reason, made_by, made_at FROM programme_quarantines WHERE partner_id = $1
             ORDER BY client_id, from_month"
        ),
        &vals![partner],
    )
    .await
}

pub async fn put_quarantine(tx: &mut Tx, q: &QuarantineRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO programme_quarantines (partner_id, client_id, from_month, to_month, reason, made_by, made_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (partner_id, client_id, from_month) DO UPDATE SET to_month = excluded.to_month, reason = excluded.reason,
                made_by = excluded.made_by, made_at = excluded.made_at"
        ),
        &vals![
            q.partner_id,
            &q.client_id,
            q.from_month,
            q.to_month,
            &q.reason,
            &q.made_by,
            q.made_at
        ],
    )
    .await?;
    Ok(())
}

row! {
    #[derive(Clone, Debug)]
    pub struct TimeRow {
        pub client_id: String,
        pub from_at: Ts,
        pub to_at: Option<Ts>,
    }
}

/// Whose clients a partner's were in a time, by client; only shares that count.
pub async fn clients_between(tx: &mut Tx, partner: PartnerId, from: Ts, to: Ts) -> Result<Vec<TimeRow>> {
    tx.rows(
        sql!(
            "SELECT client_id, from_at, to_at FROM partner_clients
             WHERE partner_id = $1 AND state = 'active' AND from_at < $3 AND (to_at IS NULL OR to_at > $2) ORDER BY client_id, from_at"
        ),
        &vals![partner, from, to],
    )
    .await
}
