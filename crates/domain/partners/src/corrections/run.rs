//! The work of a correction: dry, to see what it moves; for good, some hundreds of deals at a time.

use super::change::{self, Records};
use super::{BelowZero, Cause, CorrectionState, Figure, Figures, Preview, Request, Total, manual, record};
use crate::booking::{self, Booked, Mode};
use crate::engine::DealFacts;
use crate::ids::{CorrectionId, PartnerId};
use crate::payouts::payable;
use crate::plan::Corrections as Policy;
use crate::store::corrections::{self as store, CorrectionRow};
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::Caller;
use qd_runtime::jobs::{self, Handler, JobError, Lease, NewJob};
use std::collections::BTreeMap;

/// Carries a correction out: `{"correction": "ccr_…"}`.
pub const CORRECTION_JOB: &str = "commission.correction";
/// Deals in one transaction.
const CHUNK: i64 = 500;
/// So many causes of deals that cannot be said are listed.
const CAUSES: usize = 10;

/// What the whole would move under each policy, and nothing of it stays. `undoes`: the correction that
/// it undoes.
pub(super) async fn dry(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    c: &CorrectionRow,
    r: &Request,
    undoes: Option<&CorrectionRow>,
) -> Result<Preview> {
    let retier = one_dry(tx, core, caller, c, r, undoes, Policy::Retier).await?;
    let freeze = one_dry(tx, core, caller, c, r, undoes, Policy::Freeze).await?;
    Ok(Preview {
        policy: c.policy,
        retier,
        freeze,
    })
}

async fn one_dry(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    c: &CorrectionRow,
    r: &Request,
    undoes: Option<&CorrectionRow>,
    policy: Policy,
) -> Result<Figures> {
    store::mark(tx).await?;
    let got = all(tx, core, caller, c, r, undoes, policy).await;
    store::back_to_mark(tx).await?;
    got
}

async fn all(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    c: &CorrectionRow,
    r: &Request,
    undoes: Option<&CorrectionRow>,
    policy: Policy,
) -> Result<Figures> {
    let mut c = CorrectionRow { policy, ..c.clone() };
    change_records(tx, core, &mut c, r, undoes).await?;
    let mut out = Figures::default();
    if matches!(r, Request::Manual { .. }) {
        manual::book(tx, core, &c, r, undoes).await?;
    }
    loop {
        let done = chunk(tx, core, Some(caller), &mut c, r, &mut out).await?;
        if done {
            break;
        }
    }
    out.deals_seen = c.deals_seen;
    out.deals_changed = c.deals_changed;
    figures(tx, c.id, &mut out).await?;
    Ok(out)
}

async fn change_records(tx: &mut Tx, core: &Core, c: &mut CorrectionRow, r: &Request, undoes: Option<&CorrectionRow>) -> Result<()> {
    let records = match undoes {
        None => change::make(tx, core, c, r).await?,
        Some(old) => match old.before.clone() {
            None => None,
            Some(b) => {
                let made: Records = serde_json::from_value(b)?;
                change::unmake(tx, core, c, made).await?
            }
        },
    };
    c.before = records.map(serde_json::to_value).transpose()?;
    Ok(())
}

/// The next deals of the scope, looked at again. True when there are no more.
async fn chunk(tx: &mut Tx, core: &Core, caller: Option<&Caller>, c: &mut CorrectionRow, r: &Request, out: &mut Figures) -> Result<bool> {
    let (scope, _, _) = change::scope(r);
    let after = (c.cursor_at, c.cursor_server.as_str(), c.cursor_ticket.as_str());
    let rows = store::deals(tx, &scope, c.from_at, c.to_at, after, CHUNK).await?;
    let Some(last) = rows.last() else { return Ok(true) };
    (c.cursor_at, c.cursor_server, c.cursor_ticket) = (last.value_at, last.server.clone(), last.ticket.clone());
    let more = rows.len() as i64 == CHUNK;
    let mut deals: Vec<DealFacts> = rows
        .into_iter()
        .map(|d| serde_json::from_value(d.facts))
        .collect::<std::result::Result<_, _>>()?;
    if let Some(b) = &c.before
        && let Records::Deal { after, .. } = serde_json::from_value(b.clone())?
    {
        deals = vec![*after];
    }
    let mode = Mode {
        again: true,
        batch: Some(c.id),
        policy: Some(c.policy),
    };
    let booked = booking::run(tx, core, &deals, mode).await?;
    c.deals_seen += deals.len() as i64;
    for (d, b) in deals.iter().zip(&booked) {
        match b {
            Booked::Already => continue,
            Booked::Stopped { cause, .. } => {
                out.deals_stopped += 1;
                if out.stopped.len() < CAUSES {
                    out.stopped.push(cause.clone());
                }
            }
            Booked::Paid { .. } | Booked::Zero { .. } => c.deals_changed += 1,
        }
        if caller.is_some_and(|c| !c.enters(Some(&d.entity))) {
            return Err(Problem::forbidden(
                "entity_not_allowed",
                format!("the deal {} is outside your entities", d.deal()),
            ));
        }
    }
    Ok(!more)
}

/// What the lines of a batch moved.
pub(super) async fn figures(tx: &mut Tx, batch: CorrectionId, out: &mut Figures) -> Result<()> {
    let rows = store::figures(tx, batch).await?;
    // What is open begins where the last closed period of the partner and currency ends.
    let mut ends: BTreeMap<(PartnerId, Currency), i64> = BTreeMap::new();
    let mut firsts: BTreeMap<(PartnerId, Currency), i64> = BTreeMap::new();
    for f in &rows {
        let key = (f.partner_id, f.currency);
        let first = firsts.entry(key).or_insert(f.first_number);
        *first = (*first).min(f.first_number);
        if let Some(to) = f.period_to {
            let e = ends.entry(key).or_insert(i64::MIN);
            *e = (*e).max(to.micros());
        }
    }
    let mut totals: BTreeMap<Currency, i64> = BTreeMap::new();
    let mut moved: BTreeMap<(PartnerId, String, Currency), i64> = BTreeMap::new();
    for f in rows {
        let key = (f.partner_id, f.currency);
        let (from, to) = match (f.period_from, f.period_to) {
            (Some(from), Some(to)) => (if f.number == Some(1) { Ts(i64::MIN) } else { from }, to),
            _ => (Ts(ends.get(&key).copied().unwrap_or(i64::MIN)), Ts(i64::MAX)),
        };
        let first = firsts.get(&key).copied().unwrap_or(f.first_number);
        let old = store::made(tx, f.partner_id, f.currency, from, to, first).await?;
        *totals.entry(f.currency).or_default() += f.all_minor;
        *moved.entry((f.partner_id, f.name.clone(), f.currency)).or_default() += f.all_minor;
        out.closed_changed |= f.statement_id.is_some() && f.all_minor != 0;
        out.lines += f.lines;
        out.per.push(Figure {
            partner_id: f.partner_id,
            partner_name: f.name,
            currency: f.currency,
            statement_id: f.statement_id,
            statement_number: f.number,
            period_from_us: f.period_from.map(Ts::micros),
            period_to_us: f.period_to.map(Ts::micros),
            old_minor: old,
            new_minor: old + f.all_minor,
            difference_minor: f.all_minor,
            taken_back_minor: f.back_minor,
            booked_minor: f.all_minor - f.back_minor,
            lines: f.lines,
        });
    }
    for ((partner_id, partner_name, currency), difference) in moved {
        let then = qd_ledger::balance(tx, &payable(partner_id, currency)).await?.balance_minor;
        let now = then - difference;
        if then < 0 && now >= 0 {
            out.below_zero.push(BelowZero {
                partner_id,
                partner_name,
                currency,
                now_minor: now,
                then_minor: then,
            });
        }
    }
    let total = |(currency, difference_minor)| Total {
        currency,
        difference_minor,
    };
    out.totals = totals.into_iter().map(total).collect();
    out.rebates = store::rebates(tx, batch).await?.into_iter().map(total).collect();
    Ok(())
}

/// The yes: the records change now, the deals follow by a job.
pub(super) async fn begin(tx: &mut Tx, core: &Core, c: &mut CorrectionRow) -> Result<()> {
    let r: Request = serde_json::from_value(c.request.clone())?;
    let undoes = match c.undoes {
        None => None,
        Some(id) => Some(store::get(tx, id).await?.ok_or_else(|| Problem::missing("correction"))?),
    };
    if let Some(old) = &undoes
        && old.undone_by.is_some()
    {
        return Err(Problem::conflict("correction_state", "this correction is undone"));
    }
    change_records(tx, core, c, &r, undoes.as_ref()).await?;
    if let Some(mut old) = undoes {
        manual::book(tx, core, c, &r, Some(&old)).await?;
        old.undone_by = Some(c.id);
        store::update(tx, &mut old).await?;
    } else {
        manual::book(tx, core, c, &r, None).await?;
    }
    let (scope, from, to) = change::scope(&r);
    c.deals_total = store::count(tx, &scope, from, to).await?;
    c.state = CorrectionState::Applying;
    if c.cause == Cause::Manual || c.deals_total == 0 {
        c.state = CorrectionState::Applied;
        c.applied_at = Some(core.now());
        return Ok(());
    }
    let job = NewJob::new(CORRECTION_JOB, serde_json::json!({"correction": c.id}), core.now())
        .key(c.id.to_string())
        .lane("commission.correction")
        .attempts(1_000);
    jobs::enqueue(tx, core, job).await?;
    Ok(())
}

/// One transaction of the work; true when all is done.
async fn step(tx: &mut Tx, core: &Core, id: CorrectionId) -> Result<bool> {
    let mut c = store::get(tx, id).await?.ok_or_else(|| Problem::missing("correction"))?;
    if c.state != CorrectionState::Applying {
        return Ok(true);
    }
    let r: Request = serde_json::from_value(c.request.clone())?;
    let done = chunk(tx, core, None, &mut c, &r, &mut Figures::default()).await?;
    if done {
        c.state = CorrectionState::Applied;
        c.applied_at = Some(core.now());
    }
    store::update(tx, &mut c).await?;
    if done {
        record(tx, core, &Caller::system("job:commission.correction"), "correction.applied", &c).await?;
    }
    Ok(done)
}

pub struct CorrectionHandler {
    pub core: Core,
}

#[async_trait]
impl Handler for CorrectionHandler {
    fn kind(&self) -> &'static str {
        CORRECTION_JOB
    }
    /// A worker that dies in between leaves the place it came to; the next one goes on there.
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let id = CorrectionId::parse(lease.text("correction")?)?;
        loop {
            let (core, lease) = (self.core.clone(), lease.clone());
            let done = self
                .core
                .db
                .write(async move |tx| {
                    let done = step(tx, &core, id).await?;
                    if done {
                        lease.complete(tx).await?;
                    }
                    Ok(done)
                })
                .await?;
            if done {
                return Ok(());
            }
        }
    }
}
