//! The reviewers' queue with its clocks.

use crate::case::wide;
use crate::risk::Band;
use crate::store::reviews;
use crate::{CaseState, KycId, Level, Reviewer};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts};
use qd_runtime::access::{Caller, Mask, Right, StaffId, mask};
use serde::Serialize;

/// Reviews looked at for the medians.
const CLOCKS: i64 = 5_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnedBy {
    Me,
    Nobody,
    Person(StaffId),
}

#[derive(Clone, Debug, Default)]
pub struct QueueFilter {
    /// None: what waits for the house (submitted and in review).
    pub state: Option<CaseState>,
    pub entity: Option<String>,
    pub level: Option<Level>,
    pub band: Option<Band>,
    pub country: Option<String>,
    /// A reason's code.
    pub reason: Option<String>,
    pub owner: Option<OwnedBy>,
    pub overdue: bool,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = KycQueueRow)]
pub struct QueueRow {
    pub case_id: KycId,
    pub client_id: String,
    pub name: String,
    pub country: String,
    pub entity: String,
    pub level: Level,
    pub state: CaseState,
    pub round: i64,
    pub version: i64,
    pub owner: Option<Reviewer>,
    pub claimed_at_us: Option<Ts>,
    pub submitted_at_us: Option<Ts>,
    pub due_at_us: Option<Ts>,
    pub overdue: bool,
    /// Only for those who see money-laundering matters.
    pub risk_score: Option<i64>,
    pub risk_band: Option<Band>,
    pub reasons: Option<Vec<String>>,
}

/// A page of the queue, the one due first at the top.
pub async fn queue(tx: &mut Tx, caller: &Caller, filter: &QueueFilter, now: Ts, page: &PageRequest) -> Result<Page<QueueRow>> {
    wide(caller, Right::KycView)?;
    let aml = caller.sees(Mask::Aml);
    if !aml && (filter.band.is_some() || filter.reason.is_some()) {
        return Err(Problem::forbidden(
            "mask_closed",
            "risk is covered for you; filter by something else",
        ));
    }
    if let Some(r) = &filter.reason
        && !(1..=60).contains(&r.len())
            | !r.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.')
    {
        return Err(Problem::invalid("/reason", "reason_malformed", "expected a reason's code"));
    }
    let owner = match filter.owner {
        None => None,
        Some(OwnedBy::Me) => Some(Some(caller.staff_id()?)),
        Some(OwnedBy::Nobody) => Some(None),
        Some(OwnedBy::Person(p)) => Some(Some(p)),
    };
    let read = reviews::queue(tx, caller.allowed_entities().as_deref(), filter, owner, now, page).await?;
    let items = read
        .items
        .into_iter()
        .map(|r| QueueRow {
            case_id: r.id,
            client_id: r.client_id,
            name: mask::text(caller, Mask::Contact, &r.applicant.0.name),
            country: r.country,
            entity: r.entity,
            level: r.level,
            state: r.state,
            round: r.round,
            version: r.version,
            owner: r.owner_id.map(|id| Reviewer {
                id,
                name: r.owner_name.unwrap_or_default(),
            }),
            claimed_at_us: r.claimed_at,
            submitted_at_us: r.submitted_at,
            overdue: r.state.is_waiting_for_us() && r.due_at.is_some_and(|d| d < now),
            due_at_us: r.due_at,
            risk_score: r.risk_score.filter(|_| aml),
            risk_band: r.risk_band.filter(|_| aml),
            reasons: aml.then_some(r.reasons.0),
        })
        .collect();
    Ok(Page {
        items,
        next_cursor: read.next_cursor,
    })
}

/// The queue in numbers. Times in whole seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = KycFigures)]
pub struct Figures {
    pub waiting: i64,
    pub unclaimed: i64,
    pub overdue: i64,
    pub oldest_waits_s: Option<i64>,
    /// Of the reviews that ended in the period (the newest 5,000).
    pub decided: i64,
    pub by_rule: i64,
    pub late: i64,
    /// From handing in to the first claim, of those a person decided.
    pub median_to_claim_s: Option<i64>,
    /// From handing in to the decision: all, and those a person decided.
    pub median_to_decision_s: Option<i64>,
    pub median_by_person_s: Option<i64>,
}

pub async fn figures(tx: &mut Tx, caller: &Caller, since: Ts, now: Ts) -> Result<Figures> {
    wide(caller, Right::KycView)?;
    let entities = caller.allowed_entities();
    let (waiting, unclaimed, oldest, overdue) = reviews::waiting(tx, entities.as_deref(), now).await?;
    let clocks = reviews::clocks(tx, entities.as_deref(), since, CLOCKS).await?;
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let whole: Vec<i64> = clocks.iter().map(|c| c.decided_at.secs_since(c.submitted_at)).collect();
    let people = || clocks.iter().filter(|c| !c.automatic);
    Ok(Figures {
        waiting,
        unclaimed,
        overdue,
        oldest_waits_s: oldest.map(|o| now.secs_since(o)),
        decided: count(clocks.len()),
        by_rule: count(clocks.iter().filter(|c| c.automatic).count()),
        late: count(clocks.iter().filter(|c| c.decided_at > c.due_at).count()),
        median_to_claim_s: median(
            people()
                .filter_map(|c| c.first_claimed_at.map(|a| a.secs_since(c.submitted_at)))
                .collect(),
        ),
        median_to_decision_s: median(whole),
        median_by_person_s: median(people().map(|c| c.decided_at.secs_since(c.submitted_at)).collect()),
    })
}

/// The lower of the two middle ones.
fn median(mut of: Vec<i64>) -> Option<i64> {
    of.sort_unstable();
    of.get(of.len().checked_sub(1)? / 2).copied()
}
