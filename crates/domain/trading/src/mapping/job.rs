//! The two jobs: making proposals, and making an account of a login that was accepted.

use super::{CLEAR_BY, Candidate, Conflict, IMPORTED, MIN_SCORE, MappingId, MappingRunId, MappingState, Reason, RunState, counts};
use crate::jobs::{Ctx, JobResult, PLATFORM_DOWN_S, field, later};
use crate::store_mapping::{self as store, MappingRow, RunRow};
use crate::{AccountState, Rights, SyncState, TradingAccountId, accounts, feed, store as base, store_drift};
use async_trait::async_trait;
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_ports::platform::PlatformAccount;
use qd_runtime::Core;
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{Handler, JobError, Lease};
use serde_json::json;
use std::collections::HashMap;

/// Logins in one transaction.
const CHUNK: usize = 100;
/// Deals this far back are recorded with the account; older ones are in its opening balance.
const HISTORY_S: i64 = feed::LONG_RESCAN_S + 86_400;
/// A login that trades while it is read is read again this much later.
const MOVING_S: i64 = 3;

/// Looks for the owners of a server's logins.
pub(crate) struct Propose(pub(crate) Ctx);

#[async_trait]
impl Handler for Propose {
    fn kind(&self) -> &'static str {
        "trading.map"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: MappingRunId = field(&lease.payload, "run_id")?;
        let (run, mask) = core
            .db
            .read(async move |tx| {
                let run = store::run(tx, id).await?.ok_or_else(|| Problem::missing("mapping run"))?;
                let s = base::server(tx, &run.server)
                    .await?
                    .ok_or_else(|| Problem::missing("trading server"))?;
                Ok((run, s.group_mask))
            })
            .await?;
        if run.state != RunState::Waiting {
            return Ok(());
        }
        let seen = match self.0.connected(&run.server).await?.accounts(&mask).await {
            Ok(a) => a,
            Err(e) => {
                self.0.health(&run.server, Err(&e)).await;
                if !lease.is_last_attempt() {
                    return Err(later(&e, PLATFORM_DOWN_S));
                }
                let why = format!("{}: {}", e.code, e.detail);
                return self.end(lease, run, RunState::Failed, Some(why)).await;
            }
        };
        for chunk in seen.chunks(CHUNK) {
            let (c, run, chunk) = (core.clone(), run.clone(), chunk.to_vec());
            core.db.write(async move |tx| propose(tx, &c, &run, &chunk).await).await?;
        }
        let mut run = run;
        run.logins = i64::try_from(seen.len()).unwrap_or(i64::MAX);
        self.end(lease, run, RunState::Done, None).await
    }
}

impl Propose {
    async fn end(&self, lease: &Lease, run: RunRow, state: RunState, error: Option<String>) -> JobResult {
        let (core, lease) = (self.0.core.clone(), lease.clone());
        self.0
            .core
            .db
            .write(async move |tx| {
                let mut run = run.clone();
                let all = store::of_server(tx, &run.server).await?;
                let count = |s: MappingState| i64::try_from(all.iter().filter(|m| m.state == s).count()).unwrap_or(i64::MAX);
                run.proposed = count(MappingState::Proposed);
                run.conflicts = count(MappingState::Conflict);
                run.strangers = count(MappingState::Stranger);
                run.state = state;
                run.ended_at = Some(core.now());
                run.error = error.clone();
                store::end_run(tx, &run).await?;
                let ev = NewEvent {
                    kind: "trading.mapping_proposed",
                    aggregate: format!("server:{}", run.server),
                    entity: Some(run.entity.clone()),
                    payload: json!({"run_id": run.id, "server": run.server, "state": run.state, "proposed": run.proposed, "conflicts": run.conflicts, "strangers": run.strangers}),
                };
                events::publish(tx, &core, ev).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

async fn candidates(tx: &mut Tx, entity: &str, s: &PlatformAccount) -> Result<Vec<Candidate>> {
    let h = &s.holder;
    let mut reasons: HashMap<String, Vec<Reason>> = HashMap::new();
    if let Some(id) = s.our_ref.as_deref().and_then(|r| ClientId::parse(r).ok())
        && let Some(c) = qd_clients::find(tx, id).await?
        && c.entity == entity
    {
        reasons.entry(c.id.to_string()).or_default().push(Reason::OurRef);
    }
    for f in qd_clients::fitting(tx, entity, &h.email, &h.phone, &h.name).await? {
        let of = reasons.entry(f.client.id.to_string()).or_default();
        let found = [(f.email, Reason::Email), (f.phone, Reason::Phone), (f.name, Reason::Name)];
        of.extend(found.into_iter().filter(|(yes, _)| *yes).map(|(_, r)| r));
    }
    let mut out: Vec<Candidate> = reasons
        .into_iter()
        .map(|(id, r)| Candidate::of(id, r))
        .filter(|c| c.score > 0)
        .collect();
    out.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.client_id.cmp(&b.client_id)));
    out.truncate(10);
    Ok(out)
}

/// What the candidates come to.
fn judge(all: &[Candidate]) -> (MappingState, Option<Conflict>) {
    match (all.first(), all.get(1)) {
        (Some(best), Some(next)) if best.score >= MIN_SCORE && best.score - next.score < CLEAR_BY => {
            (MappingState::Conflict, Some(Conflict::TwoClients))
        }
        (Some(best), _) if best.score >= MIN_SCORE => (MappingState::Proposed, None),
        _ => (MappingState::Stranger, None),
    }
}

async fn propose(tx: &mut Tx, core: &Core, run: &RunRow, seen: &[PlatformAccount]) -> Result<()> {
    let known: HashMap<String, MappingRow> = store::of_server(tx, &run.server)
        .await?
        .into_iter()
        .map(|m| (m.login.clone(), m))
        .collect();
    let mut fresh = Vec::new();
    for s in seen {
        let old = known.get(&s.login);
        if old.is_some_and(|m| m.state == MappingState::Accepted) {
            continue;
        }
        let account = base::account_by_login(tx, &run.server, &s.login).await?;
        let all = candidates(tx, &run.entity, s).await?;
        let (mut state, mut conflict) = judge(&all);
        if let Some(a) = &account {
            // The account's own client, or nobody in particular: as it should be.
            let other = all
                .first()
                .is_some_and(|b| b.score >= Reason::Email.points() && b.client_id != a.client_id);
            if !other || all.iter().any(|c| c.client_id == a.client_id && c.score >= MIN_SCORE) {
                continue;
            }
            (state, conflict) = (MappingState::Conflict, Some(Conflict::LoginTaken));
        }
        let best = all.first().filter(|b| b.score >= MIN_SCORE);
        let client_id = best.map(|b| b.client_id.clone());
        if let Some(m) = old.filter(|m| m.state == MappingState::Refused)
            && m.client_id == client_id
        {
            continue;
        }
        let mut row = old.cloned().unwrap_or_else(|| MappingRow {
            id: MappingId::new(&core.env),
            server: run.server.clone(),
            entity: run.entity.clone(),
            login: s.login.clone(),
            platform_group: String::new(),
            currency: s.currency,
            leverage: 1,
            rights: Rights::Full,
            name: String::new(),
            email: String::new(),
            phone: String::new(),
            state,
            conflict,
            client_id: None,
            score: 0,
            candidates: String::new(),
            account_id: None,
            credit_minor: 0,
            decided_by: None,
            decided_at: None,
            reason: None,
            made_at: core.now(),
            version: 0,
        });
        row.platform_group = s.group.clone();
        row.leverage = i64::from(s.leverage);
        row.rights = s.rights.into();
        row.name = s.holder.name.clone();
        row.email = s.holder.email.clone();
        row.phone = s.holder.phone.clone();
        (row.state, row.conflict, row.client_id) = (state, conflict, client_id);
        row.score = best.map_or(0, |b| b.score);
        row.candidates = serde_json::to_string(&all)?;
        row.account_id = account.map(|a| a.id);
        (row.decided_by, row.decided_at, row.reason) = (None, None, None);
        if row.version == 0 {
            fresh.push(row);
        } else {
            // Somebody decided meanwhile: that stands.
            store::update(tx, &row).await?;
        }
    }
    store::insert(tx, &fresh).await
}

/// Brings an accepted login into the books: its deals of the last days, then what it came with.
pub(crate) struct Adopt(pub(crate) Ctx);

#[async_trait]
impl Handler for Adopt {
    fn kind(&self) -> &'static str {
        "trading.adopt"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: TradingAccountId = field(&lease.payload, "account_id")?;
        let a = core
            .db
            .read(async move |tx| base::account(tx, id).await?.ok_or_else(|| Problem::missing("trading account")))
            .await?;
        let (AccountState::Opening, Some(login)) = (a.state, a.login.clone()) else {
            return Ok(());
        };
        let platform = self.0.connected(&a.server).await?;
        let now = core.now();
        // The balance before and after the deals are read: only when both are the same do the two
        // belong together.
        let read = async {
            let before = platform.account(&login).await?;
            let group = before.as_ref().map_or_else(String::new, |b| b.group.clone());
            let deals = match before.is_some() {
                true => platform.deals(&group, now.plus_secs(-HISTORY_S), now.plus_secs(60)).await?,
                false => Vec::new(),
            };
            Ok::<_, qd_ports::CallError>((before, deals, platform.account(&login).await?))
        };
        let (before, deals, after) = match read.await {
            Ok(r) => r,
            Err(e) => {
                self.0.health(&a.server, Err(&e)).await;
                return Err(later(&e, PLATFORM_DOWN_S));
            }
        };
        let (Some(before), Some(seen)) = (before, after) else {
            let gone = Problem::conflict("login_gone", "the login that was accepted is no longer on the server");
            return Err(JobError::Final(gone));
        };
        if (before.balance_minor, before.credit_minor) != (seen.balance_minor, seen.credit_minor) {
            return Err(JobError::Retry {
                problem: Problem::unavailable("login_moving", "its balance changed while it was read"),
                after_secs: Some(MOVING_S),
            });
        }
        let own: Vec<_> = deals.into_iter().filter(|d| d.login == login).collect();
        let (c, lease) = (core.clone(), lease.clone());
        core.db
            .write(async move |tx| {
                feed::ingest(tx, &c, &a.server, &own, None).await?;
                adopt(tx, &c, id, &seen).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

async fn adopt(tx: &mut Tx, core: &Core, id: TradingAccountId, seen: &PlatformAccount) -> Result<()> {
    let mut a = base::account(tx, id).await?.ok_or_else(|| Problem::missing("trading account"))?;
    let now = core.now();
    if counts(a.kind) {
        opening(tx, core, &a, seen).await?;
    }
    a.state = AccountState::Ready;
    a.ready_at = Some(now);
    a.platform_group = seen.group.clone();
    a.leverage = i64::from(seen.leverage);
    a.rights_actual = seen.rights.into();
    a.rights_wanted = a.rights_actual;
    a.sync_state = SyncState::Synced;
    a.sync_since = now;
    a.sync_error = None;
    accounts::save(tx, &mut a).await?;
    store_drift::remove_logins(tx, &a.server, std::slice::from_ref(&seen.login)).await?;
    let ev = NewEvent {
        kind: "trading.account_mapped",
        aggregate: format!("tacc:{id}"),
        entity: Some(a.entity.clone()),
        payload: json!({"account_id": id, "client_id": a.client_id, "login": seen.login, "server": a.server, "kind": a.kind, "currency": a.currency, "rule": IMPORTED}),
    };
    events::publish(tx, core, ev).await.map(|_| ())
}

/// What is on the login and not in the books yet, against the house: where that money was paid in
/// is not known here.
async fn opening(tx: &mut Tx, core: &Core, a: &base::AccountRow, seen: &PlatformAccount) -> Result<()> {
    let at = |owner: String, purpose| AccountKey::new(owner, purpose, a.currency);
    let platform = at(format!("tacc:{}", a.id), Purpose::Platform);
    let booked = qd_ledger::balance(tx, &platform).await?.balance_minor;
    let total = seen.balance_minor.saturating_add(seen.credit_minor);
    let missing = total.saturating_sub(booked);
    let money = missing.saturating_sub(seen.credit_minor);
    let house = format!("house:{}", a.entity);
    let legs: Vec<Leg> = [
        Leg::new(platform, missing),
        Leg::new(at(house.clone(), Purpose::Suspense), -money),
        Leg::new(at(house, Purpose::CreditGiven), -seen.credit_minor),
    ]
    .into_iter()
    .filter(|l| l.minor != 0)
    .collect();
    if !legs.is_empty() {
        let e = NewEntry {
            kind: "platform_opening",
            reference: format!("opening:{}", a.id),
            legs,
            source: format!("{} login {} as it was taken over", a.server, seen.login),
            value_at: core.now(),
            note: None,
            fx: None,
        };
        qd_ledger::post(tx, core, e).await?;
    }
    if let Some(mut m) = store::by_account(tx, a.id).await? {
        m.credit_minor = seen.credit_minor;
        if !store::update(tx, &m).await? {
            return Err(Problem::unavailable(
                "mapping_changed",
                "this mapping was changed by another worker",
            ));
        }
    }
    Ok(())
}
