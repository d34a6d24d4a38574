//! Stored callbacks: what each is about, and the look at it.

use super::deposit::look;
use super::dispute::look_at_dispute;
use super::refund::look_at_refund;
use super::withdrawal::look_at_leg;
use super::{Ctx, JobResult, field};
use crate::store::{self, LegRow, RefundRow};
use crate::{deposit, dispute};
use async_trait::async_trait;
use qd_kernel::{Problem, Result};
use qd_ports::psp::HookSubject;
use qd_runtime::exceptions;
use qd_runtime::inbox::{self, InboxId, InboxState};
use qd_runtime::jobs::{Handler, JobError, Lease};
use serde_json::json;

/// A dispute can be faster than our own note of the payment it is about.
const DISPUTE_BEFORE_PAYMENT: u32 = 8;

/// A stored callback: finds what it is about and looks at that. The callback's content moves no
/// money by itself.
pub(super) struct Inbox(pub(super) Ctx);

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
        match subject {
            HookSubject::Told { report } => {
                let about = report.subject();
                let psps = self.0.psps.told(&msg.connection, *report)?;
                Inbox(Ctx { psps, ..self.0.clone() }).about(lease, id, msg, about).await
            }
            other => self.about(lease, id, msg, other).await,
        }
    }
}

impl Inbox {
    /// Looks at what a callback is about; a report that it told is in the place of the provider.
    async fn about(&self, lease: &Lease, id: InboxId, msg: inbox::Stored, subject: HookSubject) -> JobResult {
        let core = &self.0.core;
        let connection = msg.connection.clone();
        let note = match subject {
            HookSubject::Other => Some("nothing we act on".to_string()),
            HookSubject::Deposit { our_ref, provider_ref } => {
                let (conn, named) = (connection.clone(), provider_ref.clone());
                let found = core
                    .db
                    .read(async move |tx| deposit::named(tx, &conn, &provider_ref, our_ref.as_deref()).await)
                    .await?;
                match found {
                    None => Some(self.unknown(id, &msg.kind, &connection).await?),
                    Some(a) => {
                        let about = a.provider_ref.as_deref().unwrap_or(&named);
                        look(&self.0, a.deposit_id, a.n, about, None, false).await?;
                        let (deposit, n) = (a.deposit_id, a.n);
                        let a = core.db.read(async move |tx| deposit::attempt_now(tx, deposit, n).await).await?;
                        let known = [&a.provider_ref, &a.payment_ref];
                        if known.iter().all(|k| k.as_ref().is_some_and(|k| *k != named)) {
                            // A second payment under our id: real money that no deposit of ours expects.
                            Some(self.unknown(msg.id, &msg.kind, &connection).await?)
                        } else {
                            None
                        }
                    }
                }
            }
            HookSubject::Payout { our_ref, provider_ref } => match self.leg(&connection, our_ref, &provider_ref).await? {
                None => Some(self.unknown(id, &msg.kind, &connection).await?),
                Some(l) => {
                    look_at_leg(&self.0, l.withdrawal_id, l.n, &provider_ref, None).await?;
                    None
                }
            },
            HookSubject::Refund { our_ref, provider_ref } => {
                let found = self.leg(&connection, our_ref.clone(), &provider_ref).await?;
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
            // A report speaks of a deposit, a refund or a dispute, never of a report.
            HookSubject::Told { .. } => Some("nothing we act on".to_string()),
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

    /// The leg that a callback is about. Another refund or payout under the same id is not this leg.
    async fn leg(&self, connection: &str, our_ref: Option<String>, provider_ref: &str) -> Result<Option<LegRow>> {
        let (conn, p) = (connection.to_string(), provider_ref.to_string());
        self.0
            .core
            .db
            .read(async move |tx| {
                let leg = match &our_ref {
                    Some(r) => store::leg_by_ref(tx, r).await?,
                    None => store::leg_by_provider(tx, &conn, &p).await?,
                };
                Ok(leg.filter(|l| l.connection.as_deref() == Some(conn.as_str()) && l.provider_ref.as_ref().is_none_or(|have| *have == p)))
            })
            .await
    }

    /// The refund of a held deposit that a callback is about.
    async fn given_back(&self, connection: &str, our_ref: Option<String>, provider_ref: &str) -> Result<Option<RefundRow>> {
        let (conn, p) = (connection.to_string(), provider_ref.to_string());
        self.0
            .core
            .db
            .read(async move |tx| {
                let row = match &our_ref {
                    Some(r) => store::refund_by_ref(tx, r).await?,
                    None => store::refund_by_provider(tx, &conn, &p).await?,
                };
                Ok(row.filter(|r| r.connection == conn && r.provider_ref.as_ref().is_none_or(|have| *have == p)))
            })
            .await
    }

    /// Rightly signed, about nothing we know: somebody used the account beside us.
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
