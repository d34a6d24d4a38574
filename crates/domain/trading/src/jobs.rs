//! What happens later: the only place of this crate that talks to platforms. Each handler reads
//! the row, acts by its state, and commits the outcome together with the job's completion.

use crate::accounts::{self, Owner, Passwords};
use crate::moves::{self, Step};
use crate::store::{self, MoveRow};
use crate::{AccountState, MoveId, MoveState, Platforms, SyncState, TradingAccountId};
use async_trait::async_trait;
use qd_kernel::{Problem, Result, Secret};
use qd_ports::platform::{AccountChange, Found, NewAccount, PlatformAccount, TradingPlatform};
use qd_ports::{CallError, Fate};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{Handler, JobError, JobId, Lease};
use qd_runtime::{Core, exceptions};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) type JobResult = std::result::Result<(), JobError>;

/// Seconds between looks at an operation whose outcome is unknown.
const LOOK_AGAIN_S: [i64; 5] = [2, 4, 8, 15, 30];

/// The longest pause between two tries at a platform that does not answer.
const PLATFORM_DOWN_MOST_S: i64 = 60;

/// Pending longer than this, an unknown outcome is shown to a person as well.
const UNKNOWN_TO_PERSON_S: i64 = 120;

/// A platform that does not answer is asked again this much later.
pub(crate) const PLATFORM_DOWN_S: i64 = 5;

/// Work of a paused server looks this much later whether it may go on.
const PAUSED_S: i64 = 20;

pub fn handlers(core: &Core, platforms: &Platforms) -> Vec<Arc<dyn Handler>> {
    let c = Ctx {
        core: core.clone(),
        platforms: platforms.clone(),
    };
    vec![
        Arc::new(Open(c.clone())),
        Arc::new(Apply(c.clone())),
        Arc::new(Move(c.clone())),
        Arc::new(Refresh(c.clone())),
        Arc::new(crate::drift::Drift(c.clone())),
        Arc::new(crate::mapping::Propose(c.clone())),
        Arc::new(crate::mapping::Adopt(c)),
    ]
}

pub use crate::feed_job::feed_handler;
pub use crate::sweep::{Pace, sweep_handler};

#[derive(Clone)]
pub(crate) struct Ctx {
    pub(crate) core: Core,
    pub(crate) platforms: Platforms,
}

pub(crate) fn field<T: serde::de::DeserializeOwned>(payload: &Value, name: &str) -> std::result::Result<T, JobError> {
    serde_json::from_value(payload.get(name).cloned().unwrap_or(Value::Null))
        .map_err(|e| JobError::Final(Problem::bug("job_payload_unreadable", format!("the job's {name} could not be read")).with_source(e)))
}

/// The pause before the next try at a platform that does not answer: longer with each one, so that
/// a weekend's maintenance uses up no job's attempts.
fn down_s(lease: &Lease) -> i64 {
    (PLATFORM_DOWN_S << lease.attempt.saturating_sub(1).min(4)).min(PLATFORM_DOWN_MOST_S)
}

pub(crate) fn later(e: &CallError, after_secs: i64) -> JobError {
    JobError::Retry {
        problem: Problem::unavailable("platform_call_failed", format!("{}: {}", e.code, e.detail)),
        after_secs: Some(after_secs),
    }
}

impl Ctx {
    pub(crate) async fn paused(&self, server: &str) -> Result<bool> {
        let id = server.to_string();
        let row = self.core.db.read(async move |tx| store::server(tx, &id).await).await?;
        Ok(row.is_some_and(|s| s.paused_at.is_some()))
    }

    /// The connection to a server; while it is paused its work waits.
    pub(crate) async fn connected(&self, server: &str) -> std::result::Result<Arc<dyn TradingPlatform>, JobError> {
        if self.paused(server).await? {
            return Err(JobError::Retry {
                problem: Problem::unavailable("server_paused", "this server is paused; its work waits"),
                after_secs: Some(PAUSED_S),
            });
        }
        Ok(self.platforms.get(server)?)
    }

    /// Notes the server's health as we learn of it; never in the way of the work itself.
    pub(crate) async fn health(&self, server: &str, outcome: std::result::Result<Option<String>, &CallError>) {
        let at = self.core.now();
        let server = server.to_string();
        let r = match outcome {
            Ok(info) => {
                self.core
                    .db
                    .write(async move |tx| store::server_ok(tx, &server, info.as_deref(), at).await)
                    .await
            }
            Err(e) => {
                let text = format!("{}: {}", e.code, e.detail);
                self.core
                    .db
                    .write(async move |tx| store::server_failed(tx, &server, &text, at).await)
                    .await
            }
        };
        if let Err(p) = r {
            tracing::warn!(error = %p, "a server's health could not be noted");
        }
    }
}

/// Creates the account on the platform. Repeatable: the platform is asked for our reference first
/// (the connector does), and the passwords are made and sealed before the first call.
struct Open(Ctx);

#[async_trait]
impl Handler for Open {
    fn kind(&self) -> &'static str {
        "trading.open"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let Ctx { core, platforms } = &self.0;
        let id: TradingAccountId = field(&lease.payload, "account_id")?;
        let owner: Owner = field(&lease.payload, "owner")?;
        let (c, vault) = (core.clone(), platforms.vault.clone());
        let prepared = core
            .db
            .write(async move |tx| {
                let mut a = store::account(tx, id).await?.ok_or_else(|| Problem::missing("trading account"))?;
                if matches!(a.state, AccountState::Ready | AccountState::Closed) {
                    return Ok(None);
                }
                let passwords = match store::passwords(tx, id).await? {
                    Some(sealed) => serde_json::from_slice(&vault.open(&sealed)?)?,
                    None => {
                        let p = Passwords {
                            main: accounts::new_password(&c),
                            investor: accounts::new_password(&c),
                        };
                        store::set_passwords(tx, id, Some(vault.seal(&serde_json::to_vec(&p)?)?)).await?;
                        p
                    }
                };
                if a.state != AccountState::Opening {
                    a.state = AccountState::Opening;
                    accounts::save(tx, &mut a).await?;
                }
                Ok(Some((a, passwords)))
            })
            .await?;
        let Some((account, passwords)) = prepared else { return Ok(()) };
        let platform = self.0.connected(&account.server).await?;
        let new = NewAccount {
            our_ref: account.id.to_string(),
            group: account.platform_group.clone(),
            leverage: u32::try_from(account.leverage).unwrap_or(1),
            name: owner.name,
            email: owner.email,
            country: owner.country,
            city: owner.city,
            address: owner.address,
            phone: owner.phone,
            language: owner.language,
            main_password: Secret::new(passwords.main),
            investor_password: Secret::new(passwords.investor),
        };
        match platform.open_account(&new).await {
            Ok(seen) => {
                let (c, lease) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        ready(tx, &c, id, &seen, account.leverage).await?;
                        lease.complete(tx).await
                    })
                    .await?;
                Ok(())
            }
            Err(e) if e.fate == Fate::Refused => {
                // The job ends as a dead one, because it is what a person lets run again when the
                // cause is mended.
                let problem = Problem::conflict("platform_refused_account", format!("{}: {}", e.code, e.detail));
                let (c, job, e) = (core.clone(), lease.job_id, e.clone());
                core.db.write(async move |tx| refused(tx, &c, id, &e, job).await).await?;
                Err(JobError::Final(problem))
            }
            Err(e) => {
                self.0.health(&account.server, Err(&e)).await;
                waiting(core, id, &e).await?;
                Err(later(&e, down_s(lease)))
            }
        }
    }
}

/// `sent`: the leverage it was opened with; rights are always full at first. What was wished for
/// while it was being opened is applied now.
async fn ready(tx: &mut qd_db::Tx, core: &Core, id: TradingAccountId, seen: &PlatformAccount, sent: i64) -> Result<()> {
    let mut a = store::account(tx, id).await?.ok_or_else(|| Problem::missing("trading account"))?;
    if a.state == AccountState::Ready {
        return Ok(());
    }
    let now = core.now();
    a.state = AccountState::Ready;
    a.login = Some(seen.login.clone());
    a.platform_group = seen.group.clone();
    a.rights_actual = seen.rights.into();
    a.ready_at = Some(now);
    let changed = a.rights_wanted != a.rights_actual || a.leverage != sent;
    if changed {
        accounts::pending(&mut a, now);
    } else {
        a.leverage = i64::from(seen.leverage);
        a.sync_state = SyncState::Synced;
        a.sync_since = now;
        a.sync_error = None;
    }
    accounts::save(tx, &mut a).await?;
    if changed {
        accounts::apply_later(tx, core, &a).await?;
    }
    exceptions::resolve(
        tx,
        core,
        "platform.account_refused",
        &format!("tacc:{id}"),
        "the platform opened it",
    )
    .await?;
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "trading.account_ready",
            aggregate: format!("tacc:{id}"),
            entity: Some(a.entity.clone()),
            payload: json!({"account_id": id, "client_id": a.client_id, "login": seen.login, "server": a.server, "kind": a.kind, "currency": a.currency, "leverage": a.leverage}),
        },
    )
    .await
    .map(|_| ())
}

async fn refused(tx: &mut qd_db::Tx, core: &Core, id: TradingAccountId, e: &CallError, job: JobId) -> Result<()> {
    let mut a = store::account(tx, id).await?.ok_or_else(|| Problem::missing("trading account"))?;
    if matches!(a.state, AccountState::Ready | AccountState::Closed) {
        return Ok(());
    }
    a.state = AccountState::Failed;
    a.sync_state = SyncState::Failed;
    a.sync_error = Some(format!("{}: {}", e.code, e.detail));
    accounts::save(tx, &mut a).await?;
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind: "platform.account_refused",
            subject: format!("tacc:{id}"),
            entity: Some(a.entity.clone()),
            client_id: Some(a.client_id.clone()),
            owner_role: "ops",
            rule: "platform_refused_account",
            cause: format!(
                "{} refused to open an account in {}: {} {}",
                a.server, a.platform_group, e.code, e.detail
            ),
            detail: json!({"account_id": id, "group": a.platform_group, "leverage": a.leverage, "raw": e.raw}),
            retry: Some(job),
        },
    )
    .await
    .map(|_| ())
}

async fn waiting(core: &Core, id: TradingAccountId, e: &CallError) -> Result<()> {
    let text = format!("{}: {}", e.code, e.detail);
    core.db
        .write(async move |tx| {
            let Some(mut a) = store::account(tx, id).await? else {
                return Ok(());
            };
            a.sync_error = Some(text.clone());
            accounts::save(tx, &mut a).await
        })
        .await
}

/// Brings rights and leverage on the platform to what is wanted here.
struct Apply(Ctx);

#[async_trait]
impl Handler for Apply {
    fn kind(&self) -> &'static str {
        "trading.apply"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: TradingAccountId = field(&lease.payload, "account_id")?;
        let a = core
            .db
            .read(async move |tx| store::account(tx, id).await?.ok_or_else(|| Problem::missing("trading account")))
            .await?;
        // Not open yet: opening it asks for this again.
        let Some(login) = a.login.clone().filter(|_| a.state == AccountState::Ready) else {
            return Ok(());
        };
        if a.sync_state == SyncState::Synced {
            return Ok(());
        }
        let asked = a.rights_wanted;
        let change = AccountChange {
            rights: Some(asked.into()),
            group: None,
            leverage: u32::try_from(a.leverage).ok(),
        };
        match self.0.connected(&a.server).await?.change_account(&login, &change).await {
            Ok(seen) => {
                let (c, lease) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        accounts::confirmed(tx, &c, id, &seen, Some(asked)).await?;
                        lease.complete(tx).await
                    })
                    .await?;
                Ok(())
            }
            // Setting a value twice is setting it once, so an unknown outcome is simply tried again.
            Err(e) if e.fate != Fate::Refused => {
                self.0.health(&a.server, Err(&e)).await;
                waiting(core, id, &e).await?;
                Err(later(&e, down_s(lease)))
            }
            Err(e) => {
                let (c, lease) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        let mut a = store::account(tx, id).await?.ok_or_else(|| Problem::missing("trading account"))?;
                        a.sync_state = SyncState::Failed;
                        a.sync_error = Some(format!("{}: {}", e.code, e.detail));
                        accounts::save(tx, &mut a).await?;
                        exceptions::raise(
                            tx,
                            &c,
                            exceptions::NewException {
                                kind: "platform.change_refused",
                                subject: format!("tacc:{id}"),
                                entity: Some(a.entity.clone()),
                                client_id: Some(a.client_id.clone()),
                                owner_role: "ops",
                                rule: "platform_refused_change",
                                cause: format!("{} refused to change login {login}: {} {}", a.server, e.code, e.detail),
                                detail: json!({"account_id": id, "rights": a.rights_wanted, "leverage": a.leverage}),
                                retry: None,
                            },
                        )
                        .await?;
                        lease.complete(tx).await
                    })
                    .await?;
                Ok(())
            }
        }
    }
}

/// Sends one money operation, or finds out what became of it.
struct Move(Ctx);

#[async_trait]
impl Handler for Move {
    fn kind(&self) -> &'static str {
        "trading.move"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: MoveId = field(&lease.payload, "move_id")?;
        let m = core
            .db
            .read(async move |tx| store::get_move(tx, id).await?.ok_or_else(|| Problem::missing("platform move")))
            .await?;
        match moves::next_step(m.state) {
            Step::Nothing => Ok(()),
            Step::Send => self.send(lease, m).await,
            Step::LookUp => self.look_up(lease, m).await,
        }
    }
}

impl Move {
    async fn send(&self, lease: &Lease, m: MoveRow) -> JobResult {
        let core = &self.0.core;
        let platform = self.0.connected(&m.server).await?;
        let c = core.clone();
        let m = core
            .db
            .write(async move |tx| {
                let mut m = m.clone();
                moves::mark_sending(tx, &c, &mut m).await?;
                Ok(m)
            })
            .await?;
        match platform.move_money(&moves::operation(&m)).await {
            Ok(receipt) => self.done(lease, m, receipt).await,
            Err(e) => {
                let (c, lease2, e2) = (core.clone(), lease.clone(), e.clone());
                let server = m.server.clone();
                core.db
                    .write(async move |tx| {
                        let mut m = m.clone();
                        match moves::after(e2.fate) {
                            MoveState::Refused => {
                                moves::mark_refused(tx, &c, &mut m, &e2).await?;
                                lease2.complete(tx).await
                            }
                            MoveState::Unknown => moves::mark_unknown(tx, &c, &mut m, &e2).await,
                            _ => moves::mark_not_sent(tx, &c, &mut m, &e2).await,
                        }
                    })
                    .await?;
                if e.fate == Fate::Refused {
                    return Ok(());
                }
                self.0.health(&server, Err(&e)).await;
                Err(later(&e, if e.fate == Fate::Unknown { LOOK_AGAIN_S[0] } else { down_s(lease) }))
            }
        }
    }

    async fn look_up(&self, lease: &Lease, m: MoveRow) -> JobResult {
        let core = &self.0.core;
        let again = LOOK_AGAIN_S[usize::try_from(m.empty_looks).unwrap_or(0).min(LOOK_AGAIN_S.len() - 1)];
        match self.0.connected(&m.server).await?.find_money(&moves::operation(&m)).await {
            Ok(Found::One(receipt)) => self.done(lease, m, receipt).await,
            Ok(Found::Nothing) => {
                let c = core.clone();
                core.db
                    .write(async move |tx| {
                        let mut m = m.clone();
                        moves::mark_empty_look(tx, &c, &mut m).await
                    })
                    .await?;
                Err(JobError::Retry {
                    problem: Problem::unavailable(
                        "move_not_found_yet",
                        "the platform does not show this operation; it is looked for again",
                    ),
                    after_secs: Some(again),
                })
            }
            Ok(Found::Several(all)) => {
                let (c, lease) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        let mut m = m.clone();
                        // Booked: the first of them is ours; the others are for a person to take back.
                        let Some(first) = all.first() else {
                            return Err(Problem::bug("found_several_of_none", "a look-up found several of nothing"));
                        };
                        moves::mark_done(tx, &c, &mut m, first).await?;
                        let tickets: Vec<&str> = all.iter().map(|r| r.ticket.as_str()).collect();
                        moves::stuck(
                            tx,
                            &c,
                            &m,
                            &format!("booked {} times, tickets {}", all.len(), tickets.join(", ")),
                            None,
                        )
                        .await?;
                        lease.complete(tx).await
                    })
                    .await?;
                Ok(())
            }
            Err(e) => {
                self.0.health(&m.server, Err(&e)).await;
                let (c, e2) = (core.clone(), e.clone());
                core.db
                    .write(async move |tx| {
                        if e2.code == "echo_mismatch" {
                            moves::stuck(
                                tx,
                                &c,
                                &m,
                                &format!("the platform has booked something else under its token: {}", e2.detail),
                                e2.raw.as_ref(),
                            )
                            .await?;
                        } else if m.first_sent_at.is_some_and(|t| c.now().secs_since(t) > UNKNOWN_TO_PERSON_S) {
                            moves::stuck(
                                tx,
                                &c,
                                &m,
                                "its outcome is unknown and the server does not answer the look-up",
                                e2.raw.as_ref(),
                            )
                            .await?;
                        }
                        Ok(())
                    })
                    .await?;
                Err(later(&e, again.max(down_s(lease))))
            }
        }
    }

    async fn done(&self, lease: &Lease, m: MoveRow, receipt: qd_ports::platform::MoneyReceipt) -> JobResult {
        let core = &self.0.core;
        let (c, lease) = (core.clone(), lease.clone());
        let account = m.account_id;
        core.db
            .write(async move |tx| {
                let mut m = m.clone();
                moves::mark_done(tx, &c, &mut m, &receipt).await?;
                refresh(tx, &c, account).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

/// Asks for a fresh reading of balance and equity.
pub async fn refresh(tx: &mut qd_db::Tx, core: &Core, id: TradingAccountId) -> Result<()> {
    let now = core.now();
    // One reading a second is enough for anybody; more askers share it.
    qd_runtime::jobs::enqueue(
        tx,
        core,
        qd_runtime::jobs::NewJob::new("trading.refresh", json!({"account_id": id}), now)
            .key(format!("{id}:{}", now.secs()))
            .attempts(5),
    )
    .await
    .map(|_| ())
}

struct Refresh(Ctx);

#[async_trait]
impl Handler for Refresh {
    fn kind(&self) -> &'static str {
        "trading.refresh"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let Ctx { core, platforms } = &self.0;
        let id: TradingAccountId = field(&lease.payload, "account_id")?;
        let a = core
            .db
            .read(async move |tx| store::account(tx, id).await?.ok_or_else(|| Problem::missing("trading account")))
            .await?;
        let Some(login) = a.login.clone().filter(|_| a.state == AccountState::Ready) else {
            return Ok(());
        };
        if self.0.paused(&a.server).await? {
            return Ok(());
        }
        let platform = platforms.get(&a.server)?;
        let read = async { Ok::<_, CallError>((platform.account_state(&login).await?, platform.account(&login).await?)) };
        let (state, seen) = match read.await {
            Ok(r) => r,
            // The sweep reads it soon anyway; nobody need look at a reading that was missed.
            Err(_) if lease.is_last_attempt() => return Ok(()),
            Err(e) => return Err(later(&e, PLATFORM_DOWN_S)),
        };
        let (c, lease) = (core.clone(), lease.clone());
        core.db
            .write(async move |tx| {
                accounts::reading(tx, id, &state).await?;
                if let Some(seen) = &seen {
                    accounts::confirmed(tx, &c, id, seen, None).await?;
                }
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}
