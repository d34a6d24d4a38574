//! Corrections: a change with an earlier date and what it does to lines that were booked.
//!
//! prepared -> refused | applying -> applied. One person prepares, with the figures of a dry run on the
//! real rows; another decides; a job looks at each deal of the scope again, some hundreds in one
//! transaction, and takes back and books anew what comes out differently, all with the correction's id,
//! on the open statements, with the deals' value dates and first rates. Closed statements stay as they
//! are. Undone only by another correction.

mod change;
mod manual;
mod run;
mod view;

pub use run::{CORRECTION_JOB, CorrectionHandler};
pub use view::{ClosedChange, client_now, closed_changes, get, list};

pub use crate::plan::Corrections as Policy;

use crate::ids::{CorrectionId, PartnerId, PlanId};
use crate::partner::allowed;
use crate::store::corrections::{self as store, CorrectionRow};
use qd_db::Tx;
use qd_kernel::{Currency, Lots, Problem, Result, Ts, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::approvals::{self, ApprovalId, NewApproval, Outcome};
use qd_runtime::audit::{self, Entry};
use qd_runtime::events::{self, NewEvent};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

text_enum!(
    /// What a correction is made for.
    Cause as CorrectionCause {
        /// Deals are looked at again as the records stand.
        Rebook = "rebook",
        ClientMoved = "client_moved",
        PartnerMoved = "partner_moved",
        PlanVersion = "plan_version",
        PlanAssigned = "plan_assigned",
        /// A deal is not what the platform says it was.
        DealCorrected = "deal_corrected",
        /// Amounts by hand.
        Manual = "manual",
        /// Undoes another one.
        Reversal = "reversal",
    }
);

text_enum!(
    CorrectionState {
        /// Waits for a second person.
        Prepared = "prepared",
        Refused = "refused",
        /// Allowed, and under way.
        Applying = "applying",
        Applied = "applied",
    }
);

/// An amount by hand; above zero is owed to the partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManualLine {
    pub partner_id: PartnerId,
    pub minor: i64,
    pub currency: Currency,
    /// The day it belongs to.
    pub value_at_us: i64,
    /// Shown to the partner.
    pub note: String,
}

/// What is to be changed, and from when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CorrectionRequest)]
#[serde(tag = "cause", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Looks at deals again as the records stand: of a client, of a partner and all below, or all.
    Rebook {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partner_id: Option<PartnerId>,
        from_us: i64,
        /// Not included.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to_us: Option<i64>,
    },
    /// The client is this partner's (or nobody's) from then on, whatever was recorded since.
    ClientMoved {
        client_id: String,
        partner: Option<PartnerId>,
        at_us: i64,
    },
    /// The partner, with all below, stands under another one (or at the top) from then on.
    PartnerMoved {
        partner_id: PartnerId,
        parent: Option<PartnerId>,
        at_us: i64,
    },
    /// Another version of a plan.
    PlanVersion {
        plan_id: PlanId,
        base_version: i64,
        #[schema(value_type = Object)]
        document: Value,
        valid_from_us: i64,
    },
    /// The partner is on this plan from then on.
    PlanAssigned {
        partner_id: PartnerId,
        plan_id: PlanId,
        at_us: i64,
    },
    /// A deal closed another volume, or counts for nothing; until the platform reports a later revision.
    DealCorrected {
        server: String,
        ticket: String,
        /// Platform lots closed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lots: Option<Lots>,
        #[serde(default)]
        cancelled: bool,
    },
    Manual {
        lines: Vec<ManualLine>,
    },
}

/// What one partner, currency and period come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CorrectionFigure)]
pub struct Figure {
    pub partner_id: PartnerId,
    pub partner_name: String,
    pub currency: Currency,
    /// The closed statement of the value dates; None: what is open.
    pub statement_id: Option<crate::StatementId>,
    pub statement_number: Option<i64>,
    pub period_from_us: Option<i64>,
    pub period_to_us: Option<i64>,
    /// What the lines of the period made before.
    pub old_minor: i64,
    pub new_minor: i64,
    pub difference_minor: i64,
    /// Of the difference: lines taken back as they were booked (below zero), and booked anew.
    pub taken_back_minor: i64,
    pub booked_minor: i64,
    pub lines: i64,
}

/// A partner who comes to owe the house.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BelowZero {
    pub partner_id: PartnerId,
    pub partner_name: String,
    pub currency: Currency,
    pub now_minor: i64,
    pub then_minor: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CorrectionTotal)]
pub struct Total {
    pub currency: Currency,
    pub difference_minor: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CorrectionFigures)]
pub struct Figures {
    pub deals_seen: i64,
    pub deals_changed: i64,
    pub lines: i64,
    /// Deals that cannot be said and stay as they are, with the first causes.
    pub deals_stopped: i64,
    pub stopped: Vec<String>,
    pub per: Vec<Figure>,
    pub totals: Vec<Total>,
    /// What clients get by rebate, or give back.
    pub rebates: Vec<Total>,
    pub below_zero: Vec<BelowZero>,
    /// Whether periods that are closed come out differently.
    pub closed_changed: bool,
}

/// Both answers to the question what becomes of the tiers of closed periods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CorrectionPreview)]
pub struct Preview {
    #[schema(value_type = String)]
    pub policy: Policy,
    /// Tiers are looked at again.
    pub retier: Figures,
    /// Tiers stand as closed.
    pub freeze: Figures,
}

impl Preview {
    pub fn chosen(&self) -> &Figures {
        match self.policy {
            Policy::Retier => &self.retier,
            Policy::Freeze => &self.freeze,
        }
    }
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CommissionCorrection)]
pub struct Correction {
    pub id: CorrectionId,
    pub cause: Cause,
    pub state: CorrectionState,
    pub entity: Option<String>,
    /// `client:…`, `partner:…`, `plan:…`, `house`.
    pub subject: String,
    pub request: Request,
    #[schema(value_type = String)]
    pub policy: Policy,
    pub reason: String,
    /// What the person who decides has before them.
    pub preview: Preview,
    pub approval_id: Option<ApprovalId>,
    pub prepared_by: String,
    pub prepared_at_us: i64,
    pub decided_by: Option<String>,
    pub decided_at_us: Option<i64>,
    pub applied_at_us: Option<i64>,
    /// Progress of one that is under way.
    pub deals_seen: i64,
    pub deals_changed: i64,
    pub deals_total: i64,
    pub undoes: Option<CorrectionId>,
    pub undone_by: Option<CorrectionId>,
    pub version: i64,
}

impl Correction {
    fn of(c: CorrectionRow) -> Result<Correction> {
        Ok(Correction {
            id: c.id,
            cause: c.cause,
            state: c.state,
            entity: c.entity,
            subject: c.subject,
            request: serde_json::from_value(c.request)?,
            policy: c.policy,
            reason: c.reason,
            preview: serde_json::from_value(c.preview)?,
            approval_id: c.approval_id,
            prepared_by: c.prepared_by,
            prepared_at_us: c.prepared_at.micros(),
            decided_by: c.decided_by,
            decided_at_us: c.decided_at.map(Ts::micros),
            applied_at_us: c.applied_at.map(Ts::micros),
            deals_seen: c.deals_seen,
            deals_changed: c.deals_changed,
            deals_total: c.deals_total,
            undoes: c.undoes,
            undone_by: c.undone_by,
            version: c.version,
        })
    }
}

/// The approval's subject: `commission_correction:ccr_…`.
pub const SUBJECT: &str = "commission_correction";

/// The entity of what is changed, and whether the caller may ask for it. `entity`: of the client, where
/// it is about one.
async fn entity_of(tx: &mut Tx, caller: &Caller, r: &Request, entity: Option<&str>) -> Result<Option<String>> {
    let inside = |e: Option<String>| {
        if caller.enters(e.as_deref()) {
            Ok(e)
        } else {
            Err(Problem::forbidden("entity_not_allowed", "this is outside your entities"))
        }
    };
    match r {
        Request::Rebook {
            client_id: None,
            partner_id: Some(p),
            ..
        }
        | Request::PartnerMoved { partner_id: p, .. } => Ok(Some(allowed(tx, caller, Right::PartnersManage, *p).await?.entity)),
        Request::PlanAssigned { partner_id, .. } => Ok(Some(allowed(tx, caller, Right::PlansManage, *partner_id).await?.entity)),
        Request::PlanVersion { plan_id, .. } => {
            caller.require(Right::PlansManage)?;
            let (p, _) = crate::plans::get(tx, caller, *plan_id).await?;
            inside(p.entity)
        }
        Request::Manual { lines } => {
            let mut entity: Option<String> = None;
            for (i, l) in lines.iter().enumerate() {
                let e = allowed(tx, caller, Right::PartnersManage, l.partner_id).await?.entity;
                if entity.get_or_insert_with(|| e.clone()) != &e {
                    return Err(Problem::invalid(
                        &format!("/request/lines/{i}/partner_id"),
                        "entities_mixed",
                        "expected partners of one entity",
                    ));
                }
            }
            Ok(entity)
        }
        Request::DealCorrected { server, ticket, .. } => {
            caller.require(Right::PartnersManage)?;
            let d = change::deal(tx, server, ticket).await?;
            if caller.enters(Some(&d.entity)) {
                Ok(Some(d.entity))
            } else {
                Err(Problem::missing("deal"))
            }
        }
        Request::Rebook { .. } | Request::ClientMoved { .. } => {
            caller.require(Right::PartnersManage)?;
            inside(entity.map(str::to_string))
        }
    }
}

fn draft(core: &Core, caller: &Caller, r: &Request, entity: Option<String>, policy: Policy, reason: &str) -> Result<CorrectionRow> {
    let (cause, subject) = change::subject(r);
    let (_, from_at, to_at) = change::scope(r);
    Ok(CorrectionRow {
        id: CorrectionId::new(&core.env),
        cause,
        state: CorrectionState::Prepared,
        entity,
        subject,
        request: serde_json::to_value(r)?,
        before: None,
        policy,
        from_at,
        to_at,
        reason: reason.to_string(),
        preview: Value::Null,
        approval_id: None,
        prepared_by: caller.id(),
        prepared_at: core.now(),
        decided_by: None,
        decided_at: None,
        applied_at: None,
        cursor_at: Ts(i64::MIN),
        cursor_server: String::new(),
        cursor_ticket: String::new(),
        deals_seen: 0,
        deals_changed: 0,
        deals_total: 0,
        undoes: None,
        undone_by: None,
        version: 1,
    })
}

/// What a change would move, by a dry run on the real rows; nothing of it stays. Needs
/// `partners.manage` (a plan: `plans.manage`). `entity`: of the client, where it is about one.
pub async fn preview(tx: &mut Tx, core: &Core, caller: &Caller, r: &Request, entity: Option<&str>, policy: Policy) -> Result<Preview> {
    let entity = entity_of(tx, caller, r, entity).await?;
    manual::check(r)?;
    let c = draft(core, caller, r, entity, policy, "preview")?;
    run::dry(tx, core, caller, &c, r, None).await
}

fn reason_given(reason: &str) -> Result<()> {
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    Ok(())
}

/// Prepares a correction with its figures; somebody else decides. Rights as for [`preview`].
pub async fn prepare(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    r: &Request,
    entity: Option<&str>,
    policy: Policy,
    reason: &str,
) -> Result<Correction> {
    reason_given(reason)?;
    let entity = entity_of(tx, caller, r, entity).await?;
    manual::check(r)?;
    let mut c = draft(core, caller, r, entity, policy, reason)?;
    let p = run::dry(tx, core, caller, &c, r, None).await?;
    c.preview = serde_json::to_value(&p)?;
    ask(tx, core, caller, c).await
}

/// Undoes a correction that was applied, by another one of the same steps.
pub async fn undo(tx: &mut Tx, core: &Core, caller: &Caller, id: CorrectionId, reason: &str) -> Result<Correction> {
    reason_given(reason)?;
    let old = view::row(tx, caller, Right::PartnersManage, id).await?;
    if old.state != CorrectionState::Applied || old.undone_by.is_some() {
        let what = if old.undone_by.is_some() {
            "undone".to_string()
        } else {
            old.state.to_string()
        };
        return Err(Problem::conflict("correction_state", format!("this correction is {what}")));
    }
    if old.cause == Cause::Rebook {
        return Err(Problem::conflict(
            "nothing_to_undo",
            "this one only followed the records; correct the records with the date from which they were wrong",
        ));
    }
    let r: Request = serde_json::from_value(old.request.clone())?;
    let mut c = draft(core, caller, &r, old.entity.clone(), old.policy, reason)?;
    c.cause = Cause::Reversal;
    c.subject.clone_from(&old.subject);
    c.undoes = Some(id);
    let p = run::dry(tx, core, caller, &c, &r, Some(&old)).await?;
    c.preview = serde_json::to_value(&p)?;
    ask(tx, core, caller, c).await
}

async fn ask(tx: &mut Tx, core: &Core, caller: &Caller, mut c: CorrectionRow) -> Result<Correction> {
    let mut a = NewApproval::new(format!("{SUBJECT}:{}", c.id), Right::StatementsClose, 1, c.reason.clone());
    a.entity.clone_from(&c.entity);
    c.approval_id = Some(approvals::request(tx, core, caller, a).await?);
    store::insert(tx, &c).await?;
    record(tx, core, caller, "correction.prepare", &c).await?;
    Correction::of(c)
}

/// The other person's yes or no. With the yes the records change and the work begins. Needs
/// `statements.close`; who prepared it is refused (`approval_own_request`).
pub async fn decide(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: CorrectionId,
    approve: bool,
    reason: &str,
    seen: Value,
) -> Result<Correction> {
    let mut c = view::row(tx, caller, Right::StatementsClose, id).await?;
    let (CorrectionState::Prepared, Some(approval)) = (c.state, c.approval_id) else {
        return Err(Problem::conflict(
            "correction_state",
            format!("this correction is {} already", c.state),
        ));
    };
    match approvals::vote(tx, core, caller, approval, approve, reason, seen).await? {
        Outcome::Waiting { .. } => return Correction::of(c),
        Outcome::Refused => c.state = CorrectionState::Refused,
        Outcome::Approved => run::begin(tx, core, &mut c).await?,
    }
    c.decided_by = Some(caller.id());
    c.decided_at = Some(core.now());
    store::update(tx, &mut c).await?;
    record(tx, core, caller, "correction.decide", &c).await?;
    Correction::of(c)
}

/// A move with an earlier date that changes nothing in closed periods: carried out at once, with the
/// lines of the open period. One that does is refused (`correction_needed`): prepare a correction.
pub async fn at_once(tx: &mut Tx, core: &Core, caller: &Caller, r: &Request, entity: Option<&str>, reason: &str) -> Result<Correction> {
    reason_given(reason)?;
    let entity = entity_of(tx, caller, r, entity).await?;
    let mut c = draft(core, caller, r, entity, Policy::Retier, reason)?;
    let p = run::dry(tx, core, caller, &c, r, None).await?;
    if p.retier.closed_changed {
        return Err(Problem::conflict(
            "correction_needed",
            "this changes what closed periods paid; prepare a correction, which a second person decides",
        ));
    }
    c.preview = serde_json::to_value(&p)?;
    store::insert(tx, &c).await?;
    run::begin(tx, core, &mut c).await?;
    store::update(tx, &mut c).await?;
    record(tx, core, caller, "correction.at_once", &c).await?;
    Correction::of(c)
}

async fn record(tx: &mut Tx, core: &Core, caller: &Caller, action: &'static str, c: &CorrectionRow) -> Result<()> {
    let after = json!({
        "correction": c.id, "cause": c.cause, "state": c.state, "subject": c.subject, "request": c.request, "policy": c.policy,
        "deals_changed": c.deals_changed, "undoes": c.undoes,
    });
    let mut e = Entry::new(caller, action, format!("{SUBJECT}:{}", c.id))
        .entity(c.entity.clone())
        .after(after)
        .reason(&c.reason);
    if let Some(client) = c.subject.strip_prefix("client:") {
        e = e.client(client);
    }
    audit::record(tx, core, e).await?;
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "commission.correction",
            aggregate: format!("{SUBJECT}:{}", c.id),
            entity: c.entity.clone(),
            payload: json!({"correction_id": c.id, "cause": c.cause, "state": c.state, "subject": c.subject}),
        },
    )
    .await?;
    Ok(())
}
