//! The run of a month close, as a job or from the command line.

use super::{CHUNK, Close, Trades, create, due, finish, look, periods, start, step};
use crate::booking::SETTINGS;
use crate::engine::Settings;
use crate::ids::{CloseId, PartnerId};
use crate::payouts::batch::Payees;
use crate::payouts::terms::TermsCache;
use crate::store::{closes as store, partners};
use async_trait::async_trait;
use qd_kernel::{Currency, Problem, Result, Ts};
use qd_runtime::access::Caller;
use qd_runtime::jobs::{Handler, JobError, Lease};
use qd_runtime::{Core, settings};
use std::sync::Arc;

pub const CLOSE_JOB: &str = "statement.close_month";

fn machine() -> Caller {
    Caller::system("month_close")
}

/// `statement.close_month`: `{"close": "ccl_…"}`. Interrupted, it goes on after its last chunk.
pub struct CloseHandler {
    core: Core,
    payees: Arc<dyn Payees>,
}

impl CloseHandler {
    pub fn new(core: Core, payees: Arc<dyn Payees>) -> CloseHandler {
        CloseHandler { core, payees }
    }
}

#[async_trait]
impl Handler for CloseHandler {
    fn kind(&self) -> &'static str {
        CLOSE_JOB
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let id = CloseId::parse(lease.text("close")?)?;
        while chunk(&self.core, id, CHUNK).await? {}
        let (core, payees, lease) = (self.core.clone(), self.payees.clone(), lease.clone());
        self.core
            .db
            .write(async move |tx| {
                finish(tx, &core, &machine(), id, payees.as_ref()).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

/// `statement.calendar`: closes the periods that are over of partners whose calendar is daily, weekly or
/// twice a month. Schedule it every hour. What ends with the month is the month close's.
pub struct CalendarHandler {
    core: Core,
}

impl CalendarHandler {
    pub fn new(core: Core) -> CalendarHandler {
        CalendarHandler { core }
    }

    async fn close(&self, partner: PartnerId, currency: Currency, until: Ts) -> Result<i64> {
        let core = self.core.clone();
        self.core
            .db
            .write(async move |tx| {
                let p = partners::get(tx, partner).await?.ok_or_else(|| Problem::missing("partner"))?;
                let (terms, _) = TermsCache::default().of(tx, partner, &p.entity).await?;
                let settings = settings::for_entity::<Settings>(tx, &p.entity, SETTINGS).await?.unwrap_or_default();
                periods(tx, &core, &machine(), &p, &terms, &settings, currency, until).await
            })
            .await
    }
}

#[async_trait]
impl Handler for CalendarHandler {
    fn kind(&self) -> &'static str {
        "statement.calendar"
    }
    async fn run(&self, _: &Lease) -> std::result::Result<(), JobError> {
        let now = self.core.now();
        let mut after = (String::new(), String::new());
        let mut failed = None;
        loop {
            let from = after.clone();
            let (found, last) = self
                .core
                .db
                .read_long(async move |tx| due(tx, now, (&from.0, &from.1)).await)
                .await?;
            for (partner, currency, until) in found {
                // One that cannot be closed keeps nobody else from it.
                if let Err(p) = self.close(partner, currency, until).await {
                    failed = Some(p);
                }
            }
            let Some(last) = last else { break };
            after = (last.0.to_string(), last.1.to_string());
        }
        failed.map_or(Ok(()), |p| Err(p.into()))
    }
}

/// One chunk in a transaction of its own; false when there is nothing left.
pub async fn chunk(core: &Core, id: CloseId, limit: i64) -> Result<bool> {
    let c = core.clone();
    core.db.write(async move |tx| step(tx, &c, &machine(), id, limit).await).await
}

/// The whole of it from the command line: check, close, add up. `progress` is told (done, total)
/// after each chunk. Errors: those of [`look`] and of [`super::run`].
#[allow(clippy::too_many_arguments, reason = "who, what and how")]
pub async fn close_month(
    core: &Core,
    caller: &Caller,
    entity: &str,
    month: &str,
    accept: &[String],
    reason: &str,
    trades: Arc<dyn Trades>,
    payees: Arc<dyn Payees>,
    mut progress: impl FnMut(i64, i64),
) -> Result<Close> {
    let list = look(core, caller, entity, month, trades).await?;
    let (c, who, e, m, a, r) = (
        core.clone(),
        caller.clone(),
        entity.to_string(),
        month.to_string(),
        accept.to_vec(),
        reason.to_string(),
    );
    let id = core
        .db
        .write(async move |tx| {
            let found = store::of_month(tx, &e, &m).await?;
            let id = match found.filter(|f| f.state == super::CloseState::Running) {
                Some(f) => f.id,
                None => create(tx, &c, &who, &list).await?.id,
            };
            start(tx, &c, &who, id, &a, &r, &list).await?;
            Ok(id)
        })
        .await?;
    while chunk(core, id, CHUNK).await? {
        let row = core.db.read(async move |tx| store::get(tx, id).await).await?;
        if let Some(row) = row {
            progress(row.done, row.total);
        }
    }
    let (c, payees) = (core.clone(), payees);
    let done = core
        .db
        .write(async move |tx| finish(tx, &c, &machine(), id, payees.as_ref()).await)
        .await?;
    if done.result.is_none() {
        return Err(Problem::bug("close_unfinished", "the close came to its end without a result"));
    }
    Ok(done)
}
