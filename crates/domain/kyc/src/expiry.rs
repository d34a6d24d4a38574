//! Time: documents that run out, and reviews that take too long. Each is a job planned when its
//! time became known; it looks again when it runs, because things change until then.

use crate::case::{CaseFile, Done};
use crate::model::Command;
use crate::store::{self, CaseRow, documents};
use crate::submit::subject_of;
use crate::{CaseState, Day, DocumentId, DocumentState, KycId};
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::Caller;
use qd_runtime::exceptions::{self, NewException};
use qd_runtime::jobs::{self, Handler, JobError, Lease, NewJob};
use serde_json::json;
use std::sync::Arc;

const REMIND: &str = "kyc.remind";
const OUTDATE: &str = "kyc.outdate";
const OVERDUE: &str = "kyc.overdue";
/// The exception of a review past its due time.
const REVIEW_OVERDUE: &str = "kyc.review_overdue";

/// What this crate does by the clock; the server adds them to its registry.
pub fn handlers(core: &Core) -> Vec<Arc<dyn Handler>> {
    [REMIND, OUTDATE, OVERDUE]
        .into_iter()
        .map(|kind| Arc::new(Timer { core: core.clone(), kind }) as Arc<dyn Handler>)
        .collect()
}

/// Plans the reminders and the end of each document an approval rests on.
pub(crate) async fn plan(tx: &mut Tx, core: &Core, file: &CaseFile) -> Result<()> {
    let now = core.now();
    for d in file.current() {
        let watched = file.requirement(&d.requirement).is_some_and(|r| r.expires);
        let (true, Some(day)) = (watched, &d.expires_on) else { continue };
        let payload = |days: i64| json!({ "document": d.id, "case": d.case_id, "days": days });
        for days in &file.entity.config.documents.remind_days {
            let days = i64::from(*days);
            let at = day.start().plus_days(-days);
            if at > now {
                jobs::enqueue(
                    tx,
                    core,
                    NewJob {
                        run_at: at,
                        ..NewJob::new(REMIND, payload(days), now)
                    }
                    .key(format!("{}:{days}", d.id)),
                )
                .await?;
            }
        }
        // It is good until the end of its last day.
        let at = day.start().plus_days(1);
        jobs::enqueue(
            tx,
            core,
            NewJob {
                run_at: at.max(now),
                ..NewJob::new(OUTDATE, payload(0), now)
            }
            .key(d.id.to_string()),
        )
        .await?;
    }
    Ok(())
}

pub(crate) async fn watch_review(tx: &mut Tx, core: &Core, row: &CaseRow, due: Ts) -> Result<()> {
    let payload = json!({ "case": row.id, "round": row.round });
    let job = NewJob {
        run_at: due,
        ..NewJob::new(OVERDUE, payload, core.now())
    };
    jobs::enqueue(tx, core, job.key(format!("{}:{}", row.id, row.round))).await?;
    Ok(())
}

pub(crate) async fn review_over(tx: &mut Tx, core: &Core, case: KycId, how: &str) -> Result<()> {
    exceptions::resolve(tx, core, REVIEW_OVERDUE, &subject_of(case), how).await?;
    Ok(())
}

struct Timer {
    core: Core,
    kind: &'static str,
}

#[async_trait]
impl Handler for Timer {
    fn kind(&self) -> &'static str {
        self.kind
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let case = KycId::parse(lease.text("case")?)?;
        let document = match lease.payload.get("document") {
            Some(_) => Some(DocumentId::parse(lease.text("document")?)?),
            None => None,
        };
        let number = |field: &str| lease.payload.get(field).and_then(serde_json::Value::as_i64);
        let (days, round) = (number("days").unwrap_or(0), number("round").unwrap_or(0));
        let (core, kind, lease) = (self.core.clone(), self.kind, lease.clone());
        self.core
            .db
            .write(async move |tx| {
                match (kind, document) {
                    (REMIND, Some(d)) => remind(tx, &core, case, d, days).await?,
                    (OUTDATE, Some(d)) => outdate(tx, &core, case, d).await?,
                    (OVERDUE, _) => overdue(tx, &core, case, round).await?,
                    _ => return Err(Problem::bug("job_payload_unreadable", format!("a {kind} job names no document"))),
                }
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

/// The case with its lock, if this document still carries it.
async fn carrying(tx: &mut Tx, case: KycId, document: DocumentId) -> Result<Option<(CaseFile, usize)>> {
    // A look first: the lock counts the case's version on.
    let there = documents::find(tx, document)
        .await?
        .is_some_and(|d| d.state == DocumentState::Accepted);
    if !there {
        return Ok(None);
    }
    let file = CaseFile::lock(tx, case).await?;
    let at = file
        .documents
        .iter()
        .position(|d| d.id == document && d.state == DocumentState::Accepted);
    Ok(at.map(|at| (file, at)))
}

async fn remind(tx: &mut Tx, core: &Core, case: KycId, document: DocumentId, days: i64) -> Result<()> {
    let Some((mut file, at)) = carrying(tx, case, document).await? else {
        return Ok(());
    };
    let d = &file.documents[at];
    let Some(day) = d.expires_on.clone() else { return Ok(()) };
    let payload =
        json!({ "document_id": d.id, "requirement": d.requirement, "expires_on": day, "days_left": Day::of(core.now()).days_until(&day) });
    let from = file.row.state;
    let after = json!({ "document": d.id, "days": days });
    file.finish(
        tx,
        core,
        &Caller::system("job:kyc.remind"),
        Done::new("kyc.expiry_reminded", from).after(after),
    )
    .await?;
    file.publish(tx, core, "kyc.document_expiring", payload).await
}

async fn outdate(tx: &mut Tx, core: &Core, case: KycId, document: DocumentId) -> Result<()> {
    let Some((mut file, at)) = carrying(tx, case, document).await? else {
        return Ok(());
    };
    let caller = Caller::system("job:kyc.outdate");
    let from = file.row.state;
    let d = &mut file.documents[at];
    d.state = DocumentState::Outdated;
    documents::save(tx, d, core.now()).await?;
    let after = json!({ "document": d.id, "requirement": d.requirement });
    let payload = json!({ "document_id": d.id, "requirement": d.requirement });
    if from == CaseState::Approved {
        file.row.state = file.step(Command::Expire)?;
        file.row.approved_at = None;
    }
    file.finish(tx, core, &caller, Done::new("kyc.document_expired", from).after(after))
        .await?;
    if from == CaseState::Approved {
        file.publish(tx, core, "kyc.expired", payload).await?;
    }
    Ok(())
}

async fn overdue(tx: &mut Tx, core: &Core, case: KycId, round: i64) -> Result<()> {
    let Some(row) = store::find(tx, case).await? else { return Ok(()) };
    if !row.state.is_waiting_for_us() || row.round != round {
        return Ok(());
    }
    let cause = match &row.owner_name {
        Some(n) => format!("the review is past its due time; it is with {n}"),
        None => "the review is past its due time; nobody has claimed it".to_string(),
    };
    let e = NewException {
        kind: REVIEW_OVERDUE,
        subject: subject_of(case),
        entity: Some(row.entity.clone()),
        client_id: Some(row.client_id.clone()),
        owner_role: "compliance",
        rule: OVERDUE,
        cause,
        detail: json!({ "due_at_us": row.due_at, "submitted_at_us": row.submitted_at, "round": round }),
        retry: None,
    };
    exceptions::raise(tx, core, e).await?;
    Ok(())
}
