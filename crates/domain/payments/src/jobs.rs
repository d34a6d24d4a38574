//! What happens later: the only place of this crate that talks to providers.

use crate::deposit::{self, DepositState, refund};
use crate::store_refunds::{self, RefundRow};
use crate::withdrawal::{self, LegOutcome, LegState};
use crate::{ClientFacts, DepositId, Psps, TransferId, WithdrawalId, dispute, store, transfer};
use async_trait::async_trait;
use qd_kernel::{Amount, Problem, Result};
use qd_ports::psp::{HookSubject, OpenDeposit, RefundRequest};
use qd_ports::{CallError, Fate};
use qd_runtime::inbox::{self, InboxId, InboxState};
use qd_runtime::jobs::{Handler, JobError, Lease};
use qd_runtime::{Core, exceptions};
use serde_json::{Value, json};
use std::sync::Arc;

type JobResult = std::result::Result<(), JobError>;

/// The pause before the next try at a provider that does not answer: grows from the first to the
/// second with each try.
const PROVIDER_DOWN_S: (i64, i64) = (5, 300);

/// The same for a refund that the provider is still at.
const REFUND_PENDING_S: (i64, i64) = (15, 3_600);

/// A dispute can be faster than our own note of the payment it is about.
const DISPUTE_BEFORE_PAYMENT: u32 = 8;

/// Gathers what the rules need to know about a client, from the crates that own it.
#[async_trait]
pub trait FactsOf: Send + Sync {
    async fn facts(&self, client_id: &str, device: Option<&str>) -> Result<ClientFacts>;

    /// Where this client's portal is (`https://trade.broker.example`), when his brand has its own.
    async fn portal(&self, _client_id: &str) -> Result<Option<String>> {
        Ok(None)
    }
}

#[derive(Clone)]
struct Ctx {
    core: Core,
    psps: Psps,
    facts: Arc<dyn FactsOf>,
    /// Where clients come back to after paying, unless their brand has a place of its own.
    portal: Arc<str>,
}

pub fn handlers(core: &Core, psps: &Psps, facts: Arc<dyn FactsOf>, portal: &str) -> Vec<Arc<dyn Handler>> {
    let c = Ctx {
        core: core.clone(),
        psps: psps.clone(),
        facts,
        portal: portal.into(),
    };
    vec![
        Arc::new(Open(c.clone())),
        Arc::new(Check(c.clone())),
        Arc::new(Onward(c.clone())),
        Arc::new(RefundJob(c.clone())),
        Arc::new(Inbox(c.clone())),
        Arc::new(Decide(c.clone())),
        Arc::new(Pay(c.clone())),
        Arc::new(LegJob(c.clone())),
        Arc::new(DisputeJob(c.clone())),
        Arc::new(MoveSettled(c)),
    ]
}

fn field<T: serde::de::DeserializeOwned>(payload: &Value, name: &str) -> std::result::Result<T, JobError> {
    serde_json::from_value(payload.get(name).cloned().unwrap_or(Value::Null))
        .map_err(|e| JobError::Final(Problem::bug("job_payload_unreadable", format!("the job's {name} could not be read")).with_source(e)))
}

/// `first` doubled with each attempt, up to `most`.
fn pause_s(lease: &Lease, (first, most): (i64, i64)) -> i64 {
    (first << lease.attempt.saturating_sub(1).min(16)).min(most)
}

fn later(lease: &Lease, e: &CallError) -> JobError {
    JobError::Retry {
        problem: Problem::unavailable("provider_call_failed", format!("{}: {}", e.code, e.detail)),
        after_secs: Some(pause_s(lease, PROVIDER_DOWN_S)),
    }
}

/// Of a callback's job, which has the usual attempts: the usual delays make three hours of them.
fn later_as_usual(e: &CallError) -> JobError {
    JobError::retry(Problem::unavailable("provider_call_failed", format!("{}: {}", e.code, e.detail)))
}

impl Ctx {
    async fn health(&self, connection: &str, outcome: std::result::Result<(), &CallError>) {
        let (at, id) = (self.core.now(), connection.to_string());
        let r = match outcome {
            Ok(()) => self.core.db.write(async move |tx| store::connection_ok(tx, &id, at).await).await,
            Err(e) => {
                let text = format!("{}: {}", e.code, e.detail);
                self.core
                    .db
                    .write(async move |tx| store::connection_failed(tx, &id, &text, at).await)
                    .await
            }
        };
        if let Err(p) = r {
            tracing::warn!(error = %p, "a provider's health could not be noted");
        }
    }

    /// An answer that cannot be read or does not echo what was asked: stored and shown, not guessed.
    async fn strange(&self, entity: &str, client_id: &str, subject: String, e: &CallError) -> Result<()> {
        if e.raw.is_none() && e.code != "echo_mismatch" {
            return Ok(());
        }
        let (c, entity, client_id, e) = (self.core.clone(), entity.to_string(), client_id.to_string(), e.clone());
        self.core
            .db
            .write(async move |tx| {
                exceptions::raise(
                    tx,
                    &c,
                    exceptions::NewException {
                        kind: "psp.answer_unreadable",
                        subject: subject.clone(),
                        entity: Some(entity.clone()),
                        client_id: Some(client_id.clone()),
                        owner_role: "finance",
                        rule: "psp_answer_not_understood",
                        cause: format!("{}: {}", e.code, e.detail),
                        detail: json!({"raw": e.raw.as_ref().map(|r| r.chars().take(20_000).collect::<String>())}),
                        retry: None,
                    },
                )
                .await
                .map(|_| ())
            })
            .await
    }
}

/// Asks the provider for a session. Repeatable: our id is the provider's idempotency key.
struct Open(Ctx);

#[async_trait]
impl Handler for Open {
    fn kind(&self) -> &'static str {
        "deposit.open"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: DepositId = field(&lease.payload, "deposit_id")?;
        let email: String = field(&lease.payload, "email")?;
        let d = core.db.read(async move |tx| deposit::load(tx, id).await).await?;
        // A callback may have told us of the payment before its session was noted: still to be noted.
        if d.provider_ref.is_some() || d.state.is_received() || d.state.is_quiet() {
            return Ok(());
        }
        if d.state == DepositState::Created && core.now().secs_since(d.created_at) > deposit::OPEN_FOR_S {
            let e = CallError::not_sent("provider_unavailable", "the provider gave no session while the client waited");
            return self.give_up(lease, id, &e).await;
        }
        let psp = self.0.psps.get(&d.connection)?;
        let own = self.0.facts.portal(&d.client_id).await?;
        let portal = own.as_deref().unwrap_or(&self.0.portal);
        let req = OpenDeposit {
            our_ref: d.id.to_string(),
            amount: Amount::new(d.amount_minor, d.currency),
            method: d.method.clone(),
            client_ref: d.client_id.clone(),
            email,
            locale: d.locale.clone(),
            return_url: format!("{}/deposits/{}?returned=1", portal, d.id),
            cancel_url: format!("{}/deposits/{}?cancelled=1", portal, d.id),
            description: format!("Deposit {}", d.id),
            expires_at: d.expires_at,
        };
        match psp.open_deposit(&req).await {
            Ok(session) => {
                let (c, lease) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        deposit::opened(tx, &c, id, &session).await?;
                        store::connection_ok(tx, &d.connection, c.now()).await?;
                        lease.complete(tx).await
                    })
                    .await?;
                Ok(())
            }
            Err(e) if e.fate == Fate::Refused => {
                self.0.strange(&d.entity, &d.client_id, format!("deposit:{id}"), &e).await?;
                self.give_up(lease, id, &e).await
            }
            Err(e) => {
                self.0.health(&d.connection, Err(&e)).await;
                self.0.strange(&d.entity, &d.client_id, format!("deposit:{id}"), &e).await?;
                Err(later(lease, &e))
            }
        }
    }
}

impl Open {
    async fn give_up(&self, lease: &Lease, id: DepositId, e: &CallError) -> JobResult {
        let core = &self.0.core;
        let (c, lease, e) = (core.clone(), lease.clone(), e.clone());
        core.db
            .write(async move |tx| {
                deposit::open_refused(tx, &c, id, &e).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

/// Reads the truth about a deposit from the provider and acts on it. Run after a callback, and on
/// a clock for as long as the deposit is open.
struct Check(Ctx);

#[async_trait]
impl Handler for Check {
    fn kind(&self) -> &'static str {
        "deposit.check"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: DepositId = field(&lease.payload, "deposit_id")?;
        let watch = lease.payload.get("watch").and_then(Value::as_bool).unwrap_or(false);
        let d = core.db.read(async move |tx| deposit::load(tx, id).await).await?;
        if watch && (d.state.is_received() || d.state.is_quiet()) {
            return Ok(());
        }
        let Some(provider_ref) = d.provider_ref else { return Ok(()) };
        look(&self.0, id, &provider_ref, Some(lease), watch).await
    }
}

async fn look(ctx: &Ctx, id: DepositId, provider_ref: &str, lease: Option<&Lease>, watch: bool) -> JobResult {
    let core = &ctx.core;
    let d = core.db.read(async move |tx| deposit::load(tx, id).await).await?;
    let report = match ctx.psps.get(&d.connection)?.deposit(provider_ref).await {
        Ok(r) => r,
        Err(e) => {
            ctx.health(&d.connection, Err(&e)).await;
            ctx.strange(&d.entity, &d.client_id, format!("deposit:{id}"), &e).await?;
            return Err(lease.map_or_else(|| later_as_usual(&e), |l| later(l, &e)));
        }
    };
    if d.provider_ref.is_none() && report.our_ref.as_deref() != Some(d.id.to_string().as_str()) {
        // Only a callback said that this payment is ours, and the payment does not say so itself.
        return Err(JobError::Final(Problem::conflict(
            "echo_mismatch",
            "the provider's payment does not carry this deposit's id",
        )));
    }
    let facts = ctx.facts.facts(&d.client_id, d.device.as_deref()).await?;
    let (c, lease) = (core.clone(), lease.cloned());
    core.db
        .write(async move |tx| {
            deposit::reported(tx, &c, id, &report, &facts).await?;
            exceptions::resolve(
                tx,
                &c,
                "psp.answer_unreadable",
                &format!("deposit:{id}"),
                "a later answer was clear",
            )
            .await?;
            if watch {
                let d = deposit::load(tx, id).await?;
                let age = c.now().secs_since(d.created_at);
                if !d.state.is_received() && !d.state.is_quiet() {
                    if age < deposit::ASK_FOR_S {
                        deposit::check_later(tx, &c, &d, deposit::check_after_s(age)).await?;
                    } else {
                        deposit::never_ended(tx, &c, &d).await?;
                    }
                }
            }
            match &lease {
                Some(l) => l.complete(tx).await,
                None => Ok(()),
            }
        })
        .await?;
    Ok(())
}

/// A deposit that waits for its trading account.
struct Onward(Ctx);

#[async_trait]
impl Handler for Onward {
    fn kind(&self) -> &'static str {
        "deposit.onward"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: DepositId = field(&lease.payload, "deposit_id")?;
        let (c, l) = (core.clone(), lease.clone());
        let waits = core
            .db
            .write(async move |tx| {
                let waits = deposit::onward_again(tx, &c, id).await?;
                if !waits {
                    l.complete(tx).await?;
                }
                Ok(waits)
            })
            .await?;
        if waits {
            return Err(JobError::Retry {
                problem: Problem::unavailable("account_not_ready", "the trading account is not open yet"),
                after_secs: Some(pause_s(lease, (2, 60))),
            });
        }
        Ok(())
    }
}

/// A stored callback: finds what it is about and looks at that. The callback's content moves no
/// money by itself.
struct Inbox(Ctx);

#[async_trait]
impl Handler for Inbox {
    fn kind(&self) -> &'static str {
        "inbox.process"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: InboxId = field(&lease.payload, "inbox_id")?;
        let msg = core.db.read(async move |tx| inbox::load(tx, id).await).await?;
        let subject: HookSubject = serde_json::from_value(msg.subject.clone()).map_err(|e| {
            JobError::Final(Problem::bug("inbox_subject_unreadable", "a stored callback's subject could not be read").with_source(e))
        })?;
        let connection = msg.connection.clone();
        let note = match subject {
            HookSubject::Other | HookSubject::Payout { .. } => Some("nothing we act on".to_string()),
            HookSubject::Deposit { our_ref, provider_ref } => {
                let (conn, named) = (connection.clone(), provider_ref.clone());
                let found = core
                    .db
                    .read(async move |tx| {
                        let by_provider = match store::deposit_by_provider(tx, &conn, &provider_ref).await? {
                            Some(d) => Some(d),
                            None => store::deposit_by_payment(tx, &conn, &provider_ref).await?,
                        };
                        // A callback can be faster than our own note of the provider's id.
                        match (by_provider, our_ref.as_deref().map(DepositId::parse)) {
                            (Some(d), _) => Ok(Some(d)),
                            (None, Some(Ok(id))) => Ok(store::deposit(tx, id).await?.filter(|d| d.connection == conn)),
                            (None, _) => Ok(None),
                        }
                    })
                    .await?;
                match found {
                    None => Some(self.unknown(id, &msg.kind, &connection).await?),
                    Some(d) => {
                        look(&self.0, d.id, d.provider_ref.as_deref().unwrap_or(&named), None, false).await?;
                        let id = d.id;
                        let d = core.db.read(async move |tx| deposit::load(tx, id).await).await?;
                        let known = [&d.provider_ref, &d.payment_ref];
                        if known.iter().all(|k| k.as_ref().is_some_and(|k| *k != named)) {
                            // A second payment under our id: real money that no deposit of ours expects.
                            Some(self.unknown(msg.id, &msg.kind, &connection).await?)
                        } else {
                            None
                        }
                    }
                }
            }
            HookSubject::Refund { our_ref, provider_ref } => {
                let conn = connection.clone();
                let (r, p) = (our_ref.clone(), provider_ref.clone());
                let found = core
                    .db
                    .read(async move |tx| {
                        let leg = match &r {
                            Some(r) => store::leg_by_ref(tx, r).await?,
                            None => store::leg_by_provider(tx, &conn, &p).await?,
                        };
                        // Another refund under the same id is not this leg.
                        Ok(leg.filter(|l| {
                            l.connection.as_deref() == Some(conn.as_str()) && l.provider_ref.as_ref().is_none_or(|have| *have == p)
                        }))
                    })
                    .await?;
                match found {
                    None => match self.given_back(&connection, our_ref, &provider_ref).await? {
                        Some(r) => {
                            look_at_refund(&self.0, &r, &provider_ref, None).await?;
                            None
                        }
                        None => Some(self.unknown(id, &msg.kind, &connection).await?),
                    },
                    Some(l) => {
                        look_at_leg(&self.0, l.withdrawal_id, l.n, &provider_ref, None).await?;
                        None
                    }
                }
            }
            HookSubject::Dispute { provider_ref } => match look_at_dispute(&self.0, &connection, &provider_ref, None).await {
                Err(JobError::Final(p)) if p.is(dispute::NOT_OURS) && lease.attempt < DISPUTE_BEFORE_PAYMENT => {
                    return Err(JobError::retry(p));
                }
                Err(JobError::Final(p)) if p.is(dispute::NOT_OURS) => Some(self.unknown(id, &msg.kind, &connection).await?),
                other => {
                    other?;
                    None
                }
            },
        };
        let (c, lease) = (core.clone(), lease.clone());
        core.db
            .write(async move |tx| {
                inbox::finish(tx, &c, id, InboxState::Processed, note.as_deref()).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

impl Inbox {
    /// Rightly signed, about nothing we know: somebody used the account beside us.
    /// The refund of a held deposit that a callback is about.
    async fn given_back(&self, connection: &str, our_ref: Option<String>, provider_ref: &str) -> Result<Option<RefundRow>> {
        let (conn, p) = (connection.to_string(), provider_ref.to_string());
        self.0
            .core
            .db
            .read(async move |tx| {
                let row = match &our_ref {
                    Some(r) => store_refunds::by_ref(tx, r).await?,
                    None => store_refunds::by_provider(tx, &conn, &p).await?,
                };
                Ok(row.filter(|r| r.connection == conn && r.provider_ref.as_ref().is_none_or(|have| *have == p)))
            })
            .await
    }

    async fn unknown(&self, id: InboxId, kind: &str, connection: &str) -> Result<String> {
        let (c, kind, connection) = (self.0.core.clone(), kind.to_string(), connection.to_string());
        self.0
            .core
            .db
            .write(async move |tx| {
                let entity = store::connections(tx)
                    .await?
                    .into_iter()
                    .find(|x| x.id == connection)
                    .map(|x| x.entity);
                exceptions::raise(
                    tx,
                    &c,
                    exceptions::NewException {
                        kind: "psp.unknown_reference",
                        subject: format!("inbox:{id}"),
                        entity,
                        client_id: None,
                        owner_role: "finance",
                        rule: "callback_about_nothing_of_ours",
                        cause: format!("{connection} sent {kind} about a payment this system did not start"),
                        detail: json!({"inbox_id": id}),
                        retry: None,
                    },
                )
                .await
                .map(|_| ())
            })
            .await?;
        Ok("about nothing of ours".into())
    }
}

/// Asks the rules about a withdrawal.
struct Decide(Ctx);

#[async_trait]
impl Handler for Decide {
    fn kind(&self) -> &'static str {
        "withdrawal.decide"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: WithdrawalId = field(&lease.payload, "withdrawal_id")?;
        let (client, device) = core.db.read(async move |tx| withdrawal::client_of(tx, id).await).await?;
        let facts = self.0.facts.facts(&client, device.as_deref()).await?;
        let (c, lease) = (core.clone(), lease.clone());
        core.db
            .write(async move |tx| {
                withdrawal::ask_rules(tx, &c, id, &facts).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

struct Pay(Ctx);

#[async_trait]
impl Handler for Pay {
    fn kind(&self) -> &'static str {
        "withdrawal.pay"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: WithdrawalId = field(&lease.payload, "withdrawal_id")?;
        let (c, lease) = (core.clone(), lease.clone());
        core.db
            .write(async move |tx| {
                withdrawal::start_paying(tx, &c, id).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

/// One refund. Repeatable within the provider's idempotency window: our reference is the key.
struct LegJob(Ctx);

#[async_trait]
impl Handler for LegJob {
    fn kind(&self) -> &'static str {
        "withdrawal.leg"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: WithdrawalId = field(&lease.payload, "withdrawal_id")?;
        let n: i64 = field(&lease.payload, "n")?;
        let c = core.clone();
        let Some(l) = core.db.write(async move |tx| withdrawal::leg_sending(tx, &c, id, n).await).await? else {
            return Ok(());
        };
        // A person may have named it (`settle_unclear_leg`).
        let named: Option<String> = field(&lease.payload, "provider_ref")?;
        if let Some(provider_ref) = l.provider_ref.clone().or(named) {
            return look_at_leg(&self.0, id, n, &provider_ref, Some(lease)).await;
        }
        let (Some(connection), Some(payment_ref)) = (l.connection.clone(), l.payment_ref.clone()) else {
            return Ok(());
        };
        if l.first_sent_at
            .is_some_and(|t| core.now().secs_since(t) > withdrawal::SAFE_TO_REPEAT_S)
        {
            let e = CallError::unknown(
                "window_closed",
                "no answer within the provider's idempotency window; ask the provider before anything else",
            );
            let (c, lease) = (core.clone(), lease.clone());
            core.db
                .write(async move |tx| {
                    withdrawal::leg_unclear(tx, &c, id, n, &e).await?;
                    lease.complete(tx).await
                })
                .await?;
            return Ok(());
        }
        let psp = self.0.psps.get(&connection)?;
        let req = RefundRequest {
            our_ref: l.our_ref.clone(),
            payment_ref,
            amount: Amount::new(l.amount_minor, l.currency),
        };
        match psp.refund(&req).await {
            Ok(report) => {
                let pending = report.state == qd_ports::psp::RefundState::Pending;
                let (c, lease2) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        withdrawal::leg_reported(tx, &c, id, n, LegOutcome::Report(&report)).await?;
                        if pending { Ok(()) } else { lease2.complete(tx).await }
                    })
                    .await?;
                if pending {
                    return Err(still_pending(lease));
                }
                Ok(())
            }
            Err(e) if e.fate == Fate::Refused => {
                let (c, lease) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        withdrawal::leg_reported(tx, &c, id, n, LegOutcome::Refused(&e)).await?;
                        lease.complete(tx).await
                    })
                    .await?;
                Ok(())
            }
            Err(e) => {
                self.0.health(&connection, Err(&e)).await;
                if e.raw.is_some() || e.code == "echo_mismatch" {
                    let (c, e2) = (core.clone(), e.clone());
                    core.db
                        .write(async move |tx| withdrawal::leg_unclear(tx, &c, id, n, &e2).await)
                        .await?;
                }
                Err(later(lease, &e))
            }
        }
    }
}

async fn look_at_leg(ctx: &Ctx, id: WithdrawalId, n: i64, provider_ref: &str, lease: Option<&Lease>) -> JobResult {
    let core = &ctx.core;
    let l = core
        .db
        .read(async move |tx| store::leg(tx, id, n).await?.ok_or_else(|| Problem::missing("payout leg")))
        .await?;
    let Some(connection) = l.connection.clone() else { return Ok(()) };
    let report = match ctx.psps.get(&connection)?.refund_status(provider_ref).await {
        Ok(r) => r,
        Err(e) => {
            ctx.health(&connection, Err(&e)).await;
            return Err(lease.map_or_else(|| later_as_usual(&e), |l| later(l, &e)));
        }
    };
    if report.our_ref.as_ref().is_some_and(|r| *r != l.our_ref) {
        return Err(JobError::Final(Problem::conflict(
            "echo_mismatch",
            "the provider's refund carries another id than this payout",
        )));
    }
    let (c, lease2) = (core.clone(), lease.cloned());
    let state = core
        .db
        .write(async move |tx| {
            withdrawal::leg_reported(tx, &c, id, n, LegOutcome::Report(&report)).await?;
            let l = store::leg(tx, id, n).await?.ok_or_else(|| Problem::missing("payout leg"))?;
            if let (Some(lease), LegState::Paid | LegState::Returned) = (&lease2, l.state) {
                lease.complete(tx).await?;
            }
            Ok(l.state)
        })
        .await?;
    match lease {
        Some(l) if !matches!(state, LegState::Paid | LegState::Returned) => Err(still_pending(l)),
        _ => Ok(()),
    }
}

fn still_pending(lease: &Lease) -> JobError {
    JobError::Retry {
        problem: Problem::unavailable("refund_pending", "the provider is still at it"),
        after_secs: Some(pause_s(lease, REFUND_PENDING_S)),
    }
}

/// A held deposit given back. Repeatable within the provider's idempotency window: our reference is
/// the key.
struct RefundJob(Ctx);

#[async_trait]
impl Handler for RefundJob {
    fn kind(&self) -> &'static str {
        refund::JOB
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: DepositId = field(&lease.payload, "deposit_id")?;
        let n: i64 = field(&lease.payload, "n")?;
        let c = core.clone();
        let Some(r) = core.db.write(async move |tx| refund::sending(tx, &c, id, n).await).await? else {
            return Ok(());
        };
        if let Some(provider_ref) = r.provider_ref.clone() {
            return look_at_refund(&self.0, &r, &provider_ref, Some(lease)).await;
        }
        if r.first_sent_at
            .is_some_and(|t| core.now().secs_since(t) > withdrawal::SAFE_TO_REPEAT_S)
        {
            let e = CallError::unknown(
                "window_closed",
                "no answer within the provider's idempotency window; ask the provider before anything else",
            );
            let (c, lease) = (core.clone(), lease.clone());
            core.db
                .write(async move |tx| {
                    refund::unclear(tx, &c, id, n, &e).await?;
                    lease.complete(tx).await
                })
                .await?;
            return Ok(());
        }
        let psp = self.0.psps.get(&r.connection)?;
        let req = RefundRequest {
            our_ref: r.our_ref.clone(),
            payment_ref: r.payment_ref.clone(),
            amount: Amount::new(r.amount_minor, r.currency),
        };
        let answer = psp.refund(&req).await;
        match answer {
            Err(e) if e.fate != Fate::Refused => {
                self.0.health(&r.connection, Err(&e)).await;
                if e.raw.is_some() || e.code == "echo_mismatch" {
                    let (c, e2) = (core.clone(), e.clone());
                    core.db.write(async move |tx| refund::unclear(tx, &c, id, n, &e2).await).await?;
                }
                Err(later(lease, &e))
            }
            answer => {
                let pending = answer.as_ref().is_ok_and(|a| a.state == qd_ports::psp::RefundState::Pending);
                let (c, lease2) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        refund::reported(tx, &c, id, n, answer.as_ref()).await?;
                        if pending { Ok(()) } else { lease2.complete(tx).await }
                    })
                    .await?;
                if pending { Err(still_pending(lease)) } else { Ok(()) }
            }
        }
    }
}

async fn look_at_refund(ctx: &Ctx, r: &RefundRow, provider_ref: &str, lease: Option<&Lease>) -> JobResult {
    let core = &ctx.core;
    let report = match ctx.psps.get(&r.connection)?.refund_status(provider_ref).await {
        Ok(report) => report,
        Err(e) => {
            ctx.health(&r.connection, Err(&e)).await;
            return Err(lease.map_or_else(|| later_as_usual(&e), |l| later(l, &e)));
        }
    };
    if report.our_ref.as_ref().is_some_and(|o| *o != r.our_ref) {
        return Err(JobError::Final(Problem::conflict(
            "echo_mismatch",
            "the provider's refund carries another id than this one",
        )));
    }
    let (c, lease2, id, n) = (core.clone(), lease.cloned(), r.deposit_id, r.n);
    let pending = report.state == qd_ports::psp::RefundState::Pending;
    core.db
        .write(async move |tx| {
            refund::reported(tx, &c, id, n, Ok(&report)).await?;
            match &lease2 {
                Some(lease) if !pending => lease.complete(tx).await,
                _ => Ok(()),
            }
        })
        .await?;
    match lease {
        Some(l) if pending => Err(still_pending(l)),
        _ => Ok(()),
    }
}

struct DisputeJob(Ctx);

#[async_trait]
impl Handler for DisputeJob {
    fn kind(&self) -> &'static str {
        "dispute.check"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let connection: String = field(&lease.payload, "connection")?;
        let provider_ref: String = field(&lease.payload, "provider_ref")?;
        look_at_dispute(&self.0, &connection, &provider_ref, Some(lease)).await
    }
}

async fn look_at_dispute(ctx: &Ctx, connection: &str, provider_ref: &str, lease: Option<&Lease>) -> JobResult {
    let core = &ctx.core;
    let report = match ctx.psps.get(connection)?.dispute(provider_ref).await {
        Ok(r) => r,
        Err(e) => {
            ctx.health(connection, Err(&e)).await;
            return Err(lease.map_or_else(|| later_as_usual(&e), |l| later(l, &e)));
        }
    };
    let (c, lease, connection) = (core.clone(), lease.cloned(), connection.to_string());
    core.db
        .write(async move |tx| {
            dispute::reported(tx, &c, &connection, &report).await?;
            match &lease {
                Some(l) => l.complete(tx).await,
                None => Ok(()),
            }
        })
        .await?;
    Ok(())
}

/// A platform move that was ours has ended: tells the deposit, withdrawal or transfer it was for.
/// Enqueued by the reaction to `platform_move.*` events.
struct MoveSettled(Ctx);

#[async_trait]
impl Handler for MoveSettled {
    fn kind(&self) -> &'static str {
        "payments.move_settled"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let purpose: String = field(&lease.payload, "purpose")?;
        let outcome: String = field(&lease.payload, "outcome")?;
        let code: Option<String> = field(&lease.payload, "code")?;
        let (c, lease) = (core.clone(), lease.clone());
        core.db
            .write(async move |tx| {
                match (purpose.split_once(':'), outcome.as_str()) {
                    (Some(("deposit", id)), "done") => deposit::posted(tx, &c, DepositId::parse(id)?).await?,
                    (Some(("deposit", id)), "returned") => deposit::given_back(tx, &c, DepositId::parse(id)?).await?,
                    (Some(("withdrawal", id)), "done") => withdrawal::collected(tx, &c, WithdrawalId::parse(id)?).await?,
                    (Some(("withdrawal", id)), "refused") => {
                        withdrawal::collect_refused(tx, &c, WithdrawalId::parse(id)?, code.clone()).await?
                    }
                    (Some(("transfer_out", id)), o) => transfer::settled(tx, &c, TransferId::parse(id)?, true, o, code.clone()).await?,
                    (Some(("transfer_in", id)), o) => transfer::settled(tx, &c, TransferId::parse(id)?, false, o, code.clone()).await?,
                    // A credit, or a refusal that waits for a person: nothing to tell.
                    _ => {}
                }
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

/// Connections and their health, registered at start.
pub mod connections {
    use crate::store;
    pub use crate::store::ConnectionRow;
    use qd_db::Tx;
    use qd_kernel::Result;
    use qd_runtime::access::{Caller, Right};

    pub async fn register(tx: &mut Tx, id: &str, entity: &str, provider: &str, methods: &serde_json::Value) -> Result<()> {
        store::put_connection(tx, id, entity, provider, methods).await
    }

    pub async fn list(tx: &mut Tx, caller: &Caller) -> Result<Vec<ConnectionRow>> {
        caller.require(Right::ConnectionsView)?;
        let seen = caller.allowed_entities();
        Ok(store::connections(tx)
            .await?
            .into_iter()
            .filter(|c| seen.as_ref().is_none_or(|e| e.contains(&c.entity)))
            .collect())
    }
}
