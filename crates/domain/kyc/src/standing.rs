//! What the rest of the house asks: is this client verified, and who said so.

use crate::case::{CaseFile, may_look};
use crate::store::{self, reviews};
use crate::{Band, CaseState, KycId, Level};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::access::{Caller, Mask, mask};
use qd_runtime::audit::{self, DecisionRow};
use qd_runtime::tenancy;
use serde::Serialize;
use serde_json::Value;

/// Where a client stands, for deposits, trading accounts and withdrawals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct KycStanding {
    /// The standard level, at least, is approved and in force.
    pub approved: bool,
    /// The highest approved level.
    pub level: Option<Level>,
    /// When that level was approved, and how many days ago.
    pub approved_at_us: Option<Ts>,
    pub age_days: Option<i64>,
    /// Older than the entity's rule book likes: a risk signal, not the end of the approval.
    pub stale: bool,
    /// Of the standard case; None when there is none.
    pub state: Option<CaseState>,
    /// What the client still has to give at the standard level.
    pub missing: Vec<String>,
    /// Band of the last risk score; None before the first.
    pub risk: Option<Band>,
    /// A screening hit waits for a person.
    pub screening_open: bool,
}

/// One or two indexed reads for an approved client; a few more to say what is missing. Asks no
/// right: it is for use cases that have asked theirs.
pub async fn gate(tx: &mut Tx, client_id: &str, now: Ts) -> Result<KycStanding> {
    let rows = store::of_client(tx, client_id).await?;
    let approved_at = |l: Level| {
        rows.iter()
            .find(|r| r.level == l && r.state == CaseState::Approved)
            .and_then(|r| r.approved_at)
    };
    let standard = approved_at(Level::Standard);
    // A large investor's papers do not stand in for an identity.
    let (level, at) = match (standard, approved_at(Level::Enhanced)) {
        (Some(_), Some(e)) => (Some(Level::Enhanced), Some(e)),
        (Some(s), None) => (Some(Level::Standard), Some(s)),
        (None, _) => (None, None),
    };
    let row = rows.into_iter().find(|r| r.level == Level::Standard);
    let state = row.as_ref().map(|r| r.state);
    let risk = row.as_ref().and_then(|r| r.risk_band);
    let screening_open = row
        .as_ref()
        .is_some_and(|r| r.state.is_waiting_for_us() && r.reasons.0.iter().any(|c| c == "check_screening" || c == "screening_hit"));
    // Age is the identity's: later papers do not make it younger.
    let age_days = standard.map(|s| now.secs_since(s).div_euclid(86_400));
    let (mut stale, mut missing) = (false, Vec::new());
    match (row, age_days) {
        (Some(r), Some(age)) => stale = age > i64::from(tenancy::get(tx, &r.entity).await?.config.documents.refresh_days),
        (Some(r), None) => missing = CaseFile::load(tx, r).await?.missing(),
        (None, _) => missing.push("kyc".to_string()),
    }
    Ok(KycStanding {
        approved: standard.is_some(),
        level,
        approved_at_us: at,
        age_days,
        stale,
        state,
        missing,
        risk,
        screening_open,
    })
}

/// Who approved a client, when and on what evidence.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = KycApproval)]
pub struct Approval {
    pub case_id: KycId,
    pub client_id: String,
    pub entity: String,
    pub level: Level,
    pub round: i64,
    pub submitted_at_us: Ts,
    pub approved_at_us: Ts,
    /// By rule, without a person.
    pub automatic: bool,
    pub by_id: String,
    pub by: String,
    /// The record of the decision: reasons, rule, and exactly what was seen, covered where the
    /// caller may not look.
    pub decision: DecisionRow,
    /// Whether it is still in force.
    pub in_force: bool,
}

/// All approvals of a client, the last one first.
pub async fn who_approved(tx: &mut Tx, caller: &Caller, client_id: &str) -> Result<Vec<Approval>> {
    let cases = store::of_client(tx, client_id).await?;
    let Some(first) = cases.first() else {
        return Err(Problem::missing("verification"));
    };
    may_look(caller, client_id, &first.entity)?;
    // A client learns that they were approved, not the file about it.
    if caller.kind() == "client" {
        return Err(Problem::forbidden("staff_only", "only somebody of the house may do this"));
    }
    let mut out = Vec::new();
    let mut known: Vec<DecisionRow> = Vec::new();
    for a in reviews::approvals(tx, client_id).await? {
        if !known.iter().any(|d| d.id == a.decision_id) {
            known.extend(audit::decisions_of(tx, caller, &crate::case::subject(a.case_id)).await?);
        }
        let mut decision = known
            .iter()
            .find(|d| d.id == a.decision_id)
            .cloned()
            .ok_or_else(|| Problem::bug("kyc_decision_lost", "an approval's decision record is not there"))?;
        // What was checked and found is compliance's; who decided, and when, is everybody's answer.
        if !caller.sees(Mask::Aml) {
            decision.inputs = Value::String(mask::COVERED.into());
            decision.reasons = Vec::new();
        }
        let in_force = cases
            .iter()
            .any(|c| c.id == a.case_id && c.state == CaseState::Approved && c.decision_id.as_deref() == Some(a.decision_id.as_str()));
        out.push(Approval {
            case_id: a.case_id,
            client_id: client_id.to_string(),
            entity: a.entity,
            level: a.level,
            round: a.round,
            submitted_at_us: a.submitted_at,
            approved_at_us: a.decided_at,
            automatic: a.automatic,
            by_id: a.decided_by,
            by: decision.actor_label.clone(),
            decision,
            in_force,
        });
    }
    Ok(out)
}
