//! The ledger's side, taken in posting by posting, and the recurring look at what waits.

use crate::breaks::{self, Found};
use crate::settle::{self, Of};
use crate::store::{self, EntryRow};
use crate::{BreakKind, Ctx, DRIFT, EntryState, Side, Terms, ask, overview};
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Amount, Result, Ts, vals};
use qd_ledger::{AccountKey, Purpose};
use qd_payments::jobs::connections::{self, ConnectionRow};
use qd_payments::settling;
use qd_runtime::Core;
use qd_runtime::access::Caller;
use qd_runtime::exceptions::{self, NewException};
use qd_runtime::jobs::{Handler, JobError, Lease};
use qd_trading::unseen;
use serde_json::json;
use std::collections::BTreeMap;

/// Postings in one transaction.
const BATCH: i64 = 500;
/// Moves older than this are not looked for any more.
const MOVES_DAYS: i64 = 45;
/// A deal shows shortly after its operation.
const MOVE_SEEN_S: i64 = 900;

/// The id of a row: an entry has one per currency.
fn key(entry: &str, currency: qd_kernel::Currency) -> String {
    format!("{entry}:{currency}")
}

/// Takes in what was posted on a connection's clearing accounts since the last time.
pub async fn take_in_all(core: &Core, connection: &str, entity: &str) -> Result<()> {
    loop {
        let (c, of, entity) = (core.clone(), connection.to_string(), entity.to_string());
        if core.db.write(async move |tx| take_in(tx, &c, &of, &entity).await).await? == 0 {
            return Ok(());
        }
    }
}

/// Up to a batch of postings per currency; how many.
async fn take_in(tx: &mut Tx, core: &Core, connection: &str, entity: &str) -> Result<usize> {
    let owner = format!("psp:{connection}");
    let accounts = qd_ledger::balances_of(tx, &owner).await?;
    let mut taken = 0;
    for (account, _) in accounts.iter().filter(|(a, _)| a.purpose == Purpose::Clearing) {
        taken += of_account(tx, core, connection, entity, account).await?;
    }
    Ok(taken)
}

async fn of_account(tx: &mut Tx, core: &Core, connection: &str, entity: &str, account: &AccountKey) -> Result<usize> {
    let place: BTreeMap<u8, i64> = store::place(tx, connection, account.currency)
        .await?
        .into_iter()
        .map(|(stripe, seq)| (u8::try_from(stripe).unwrap_or(u8::MAX), seq))
        .collect();
    let moved = qd_ledger::postings_after(tx, account, &place, BATCH).await?;
    if moved.is_empty() {
        return Ok(0);
    }
    let references: Vec<&str> = moved.iter().map(|m| m.reference.as_str()).collect();
    let names = settling::names(tx, &references).await?;
    let mut ends = place;
    let mut rows: Vec<EntryRow> = Vec::with_capacity(moved.len());
    for (m, n) in moved.iter().zip(names) {
        ends.insert(m.stripe, m.seq);
        // A correcting entry about a break is what makes the two sides agree.
        let corrects = m.kind == crate::explain::KIND;
        let id = key(&m.entry_id.to_string(), account.currency);
        match rows.iter_mut().find(|r| r.id == id) {
            Some(r) => r.minor -= m.minor,
            None => rows.push(EntryRow {
                id,
                entry_id: m.entry_id.to_string(),
                connection: connection.to_string(),
                entity: entity.to_string(),
                reference: m.reference.clone(),
                kind: m.kind.clone(),
                minor: -m.minor,
                currency: account.currency,
                our_ref: n.our_ref,
                provider_ref: n.provider_ref,
                payment_ref: n.payment_ref,
                fee_minor: n.fee.map(|f| f.minor),
                fee_currency: n.fee.map(|f| f.currency),
                client_id: n.client_id,
                booked_at: m.booked_at,
                state: if corrects { EntryState::Matched } else { EntryState::Open },
                rule: corrects.then(|| crate::matching::Rule::Correction.to_string()),
                line_id: None,
            }),
        }
    }
    store::insert_entries(tx, &rows).await?;
    for m in &moved {
        if let Some(first) = m.reverses {
            let both = [first.to_string(), m.entry_id.to_string()];
            // Only where the first has not been settled there: then its opposite has to come, too.
            if store::set_reversed(tx, &both[0]).await? > 0 {
                store::set_reversed(tx, &both[1]).await?;
                for (id,) in store::rows_of_entry(tx, &both[0]).await? {
                    breaks::close_entry(tx, core, &id, "the ledger has taken it back").await?;
                }
            }
        }
    }
    let ends: Vec<(i64, i64)> = ends.into_iter().map(|(stripe, seq)| (i64::from(stripe), seq)).collect();
    store::set_place(tx, connection, account.currency, &ends).await?;
    Ok(moved.len())
}

/// All connections and servers, again and again.
pub(crate) struct Sweep(pub Ctx);

#[async_trait]
impl Handler for Sweep {
    fn kind(&self) -> &'static str {
        "ledger.reconcile"
    }

    async fn run(&self, _lease: &Lease) -> std::result::Result<(), JobError> {
        let core = &self.0.core;
        let all = core
            .db
            .read(async |tx| connections::list(tx, &Caller::system("job:reconciliation")).await)
            .await?;
        for c in &all {
            self.connection(c).await?;
        }
        self.platform().await?;
        let c = core.clone();
        core.db.write(async move |tx| drift(tx, &c).await).await?;
        Ok(())
    }
}

impl Sweep {
    async fn connection(&self, c: &ConnectionRow) -> Result<()> {
        let core = &self.0.core;
        take_in_all(core, &c.id, &c.entity).await?;
        let entity = c.entity.clone();
        let terms = core.db.read(async move |tx| Terms::load(tx, &entity).await).await?;
        self.waiting_lines(c, &terms).await?;
        let psp = self.0.psps.find(&c.id);
        match psp {
            Some(p) if !p.can().settlements => ask::connection(&self.0, c, &terms, &*p).await,
            _ => self.overdue(c, &terms).await,
        }
    }

    /// Lines that wait for an entry: it may have come.
    async fn waiting_lines(&self, c: &ConnectionRow, terms: &Terms) -> Result<()> {
        let core = &self.0.core;
        let mut after = String::new();
        loop {
            let (k, of, entity, terms, from) = (core.clone(), c.id.clone(), c.entity.clone(), terms.clone(), after.clone());
            let last = core
                .db
                .write(async move |tx| {
                    let rows = store::waiting_lines(tx, &of, &from, BATCH).await?;
                    let scope = Of {
                        core: &k,
                        connection: &of,
                        entity: &entity,
                        terms: &terms,
                    };
                    settle::judge(tx, &scope, &rows).await?;
                    Ok(rows.last().map(|r| r.id.clone()))
                })
                .await?;
            match last {
                Some(id) => after = id,
                None => return Ok(()),
            }
        }
    }

    /// Entries that the files should have by now: younger ones are only on their way.
    async fn overdue(&self, c: &ConnectionRow, terms: &Terms) -> Result<()> {
        let core = &self.0.core;
        let of = c.id.clone();
        let Some(covered) = core.db.read(async move |tx| store::covered_until(tx, &of).await).await? else {
            return Ok(());
        };
        let due = core.now().plus_secs(-terms.delay_hours(&c.id).saturating_mul(3_600));
        let before = covered.min(due);
        let mut after = (Ts(i64::MIN), String::new());
        loop {
            let (k, of, from) = (core.clone(), c.id.clone(), after.clone());
            let last = core
                .db
                .write(async move |tx| {
                    let rows = store::overdue(tx, &of, before, (from.0, &from.1), BATCH).await?;
                    for e in &rows {
                        missing_there(tx, &k, e, "the provider's files do not have it").await?;
                    }
                    Ok(rows.last().map(|r| (r.booked_at, r.id.clone())))
                })
                .await?;
            match last {
                Some(at) => after = at,
                None => return Ok(()),
            }
        }
    }

    /// Moves that a trading server said it had booked and does not show.
    async fn platform(&self) -> Result<()> {
        let core = self.0.core.clone();
        self.0
            .core
            .db
            .write(async move |tx| {
                let now = core.now();
                let until = now.plus_secs(-MOVE_SEEN_S);
                for m in unseen::list(tx, now.plus_days(-MOVES_DAYS), until, BATCH).await? {
                    let found = Found {
                        subject: format!("move:{}", m.id),
                        side: Side::Platform,
                        party: m.server.clone(),
                        entity: m.entity.clone(),
                        kind: BreakKind::MissingAtProvider,
                        amount: m.amount.neg(),
                        cause: format!("no deal {} of {} on login {}", m.ticket, m.amount, m.login),
                        file_id: None,
                        line_id: None,
                        entry_id: None,
                        client_id: Some(m.client_id.clone()),
                    };
                    breaks::open(tx, &core, found).await?;
                }
                let mut after = None;
                loop {
                    let open = store::open_platform(tx, after, BATCH).await?;
                    let Some(last) = open.last().map(|b| b.id) else { return Ok(()) };
                    after = Some(last);
                    for b in open {
                        let Some(id) = b.subject.strip_prefix("move:") else { continue };
                        if unseen::shown(tx, qd_trading::MoveId::parse(id)?).await? {
                            breaks::close(tx, &core, b, "the server shows it now").await?;
                        }
                    }
                }
            })
            .await
    }
}

pub(crate) async fn missing_there(tx: &mut Tx, core: &Core, e: &EntryRow, why: &str) -> Result<()> {
    broken_entry(
        tx,
        core,
        e,
        BreakKind::MissingAtProvider,
        Amount::new(-e.minor, e.currency),
        format!("{} of {}: {why}", Amount::new(e.minor, e.currency), e.reference),
    )
    .await
}

/// A break about an entry that no line stands against.
pub(crate) async fn broken_entry(tx: &mut Tx, core: &Core, e: &EntryRow, kind: BreakKind, amount: Amount, cause: String) -> Result<()> {
    store::set_entries(tx, &[vals![&e.id, EntryState::Broken, None::<String>, None::<String>].to_vec()]).await?;
    breaks::open(
        tx,
        core,
        Found {
            subject: format!("entry:{}", e.id),
            side: Side::Provider,
            party: e.connection.clone(),
            entity: e.entity.clone(),
            kind,
            amount,
            cause,
            file_id: None,
            line_id: None,
            entry_id: Some(e.id.clone()),
            client_id: e.client_id.clone(),
        },
    )
    .await
    .map(|_| ())
}

/// The alarm: too much money open for too long at one connection or server.
async fn drift(tx: &mut Tx, core: &Core) -> Result<()> {
    for d in overview::drift(tx, core).await? {
        let subject = format!("drift:{}:{}", d.party, d.currency);
        if d.drift_minor_days > d.limit_minor_days {
            exceptions::raise(
                tx,
                core,
                NewException {
                    kind: DRIFT,
                    subject,
                    entity: Some(d.entity.clone()),
                    client_id: None,
                    owner_role: "finance",
                    rule: "drift_budget",
                    cause: format!("{}: {} breaks in {} are above the budget of amount times days", d.party, d.breaks, d.currency),
                    detail: json!({"party": d.party, "currency": d.currency, "drift_minor_days": d.drift_minor_days, "limit_minor_days": d.limit_minor_days}),
                    retry: None,
                },
            )
            .await?;
        } else {
            exceptions::resolve(tx, core, DRIFT, &subject, "back within the budget").await?;
        }
    }
    Ok(())
}
