//! What a person decides: about a client on hold (a yes pays, so another person confirms it), and
//! whether a client is set apart from the others' revenue.

use super::view::{Standing, standing_view};
use crate::engine::cpa::CpaState;
use crate::engine::revenue::month_of;
use crate::ids::PartnerId;
use crate::partner::allowed;
use crate::store::programmes as store;
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::approvals::{self, ApprovalId, NewApproval, Outcome};
use qd_runtime::audit::{self, Entry};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The first part of the subject of an approval: `programme:<partner>/<client>`.
pub const SUBJECT: &str = "programme";

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DecideProgramme, example = json!({"accept": true, "reason": "A cousin with the same card; papers seen."}))]
pub struct Decide {
    /// Yes: pay once another person has said so too. No: at once and for good.
    pub accept: bool,
    pub reason: String,
}

fn audited<'a>(caller: &'a Caller, action: &'static str, row: &store::StandingRow, entity: &str, after: Value, reason: &str) -> Entry<'a> {
    Entry::new(caller, action, format!("programme:{}/{}", row.partner_id, row.client_id))
        .client(&row.client_id)
        .entity(Some(entity.to_string()))
        .before(json!({"state": row.state}))
        .after(after)
        .reason(reason)
}

fn reasoned(reason: &str) -> Result<()> {
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    Ok(())
}

async fn on_hold(tx: &mut Tx, partner: PartnerId, client: &str) -> Result<store::StandingRow> {
    let row = store::standing(tx, client, partner)
        .await?
        .ok_or_else(|| Problem::missing("standing"))?;
    if row.state != CpaState::OnHold {
        return Err(Problem::conflict(
            "standing_state",
            format!("this client is {} and not on hold", row.state),
        ));
    }
    Ok(row)
}

/// Decides about a client on hold. Needs `partners.manage`; a yes asks for the vote of another
/// person with that right.
pub async fn decide(tx: &mut Tx, core: &Core, caller: &Caller, partner: PartnerId, client: &str, d: &Decide) -> Result<Standing> {
    let p = allowed(tx, caller, Right::PartnersManage, partner).await?;
    reasoned(&d.reason)?;
    let mut row = on_hold(tx, partner, client).await?;
    if d.accept {
        let ask = NewApproval::new(
            format!("{SUBJECT}:{partner}/{client}"),
            Right::PartnersManage,
            1,
            format!("pay partner {partner} for a client on hold: {}", d.reason),
        )
        .about(client, Some(p.entity.clone()));
        row.approval_id = Some(approvals::request(tx, core, caller, ask).await?.to_string());
        row.changed_at = core.now();
        store::put_standing(tx, &row).await?;
    } else {
        if let Some(a) = &row.approval_id {
            // Nobody has to vote on what is refused already.
            let id = ApprovalId::parse(a)?;
            if approvals::get(tx, &Caller::system("programme"), id).await?.state == approvals::ApprovalState::Waiting {
                approvals::cancel(tx, core, &Caller::system("programme"), id, &d.reason).await?;
            }
        }
        settle(tx, core, caller, row.clone(), false).await?;
    }
    audit::record(
        tx,
        core,
        audited(caller, "programme.decide", &row, &p.entity, json!({"accept": d.accept}), &d.reason),
    )
    .await?;
    current(tx, partner, client).await
}

/// The other person's vote. Needs `partners.manage`; the one who asked is refused.
pub async fn vote(tx: &mut Tx, core: &Core, caller: &Caller, subject: &str, approve: bool, reason: &str) -> Result<Standing> {
    let (partner, client) = subject.split_once('/').ok_or_else(|| Problem::missing("standing"))?;
    let partner = PartnerId::parse(partner)?;
    let p = allowed(tx, caller, Right::PartnersManage, partner).await?;
    let row = on_hold(tx, partner, client).await?;
    let id = row.approval_id.as_deref().ok_or_else(|| Problem::missing("approval"))?;
    let seen = json!({"client_id": client, "tested": row.tested, "reason": row.reason});
    let said = match approvals::vote(tx, core, caller, ApprovalId::parse(id)?, approve, reason, seen).await? {
        Outcome::Waiting { .. } => return current(tx, partner, client).await,
        Outcome::Approved => true,
        Outcome::Refused => false,
    };
    settle(tx, core, caller, row.clone(), said).await?;
    audit::record(
        tx,
        core,
        audited(caller, "programme.vote", &row, &p.entity, json!({"paid": said}), reason),
    )
    .await?;
    current(tx, partner, client).await
}

async fn settle(tx: &mut Tx, core: &Core, caller: &Caller, mut row: store::StandingRow, pay: bool) -> Result<()> {
    row.decided = Some(pay);
    row.decided_by = Some(caller.id());
    row.changed_at = core.now();
    store::put_standing(tx, &row).await?;
    super::evaluate(tx, core, &row.client_id).await
}

async fn current(tx: &mut Tx, partner: PartnerId, client: &str) -> Result<Standing> {
    let row = store::standing(tx, client, partner)
        .await?
        .ok_or_else(|| Problem::missing("standing"))?;
    standing_view(row)
}

/// Sets a client apart from the month of `core.now()` on, so that its result carries alone, or puts it
/// back among the others. Closed months stay. Needs `partners.manage`.
pub async fn quarantine(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    partner: PartnerId,
    client: &str,
    apart: bool,
    reason: &str,
) -> Result<()> {
    let p = allowed(tx, caller, Right::PartnersManage, partner).await?;
    reasoned(reason)?;
    let month = month_of(core.now());
    let all = store::quarantines(tx, partner).await?;
    let open = all.into_iter().find(|q| q.client_id == client && q.to_month.is_none());
    let row = match (apart, open) {
        (true, None) => {
            let mine = crate::store::attribution::history(tx, client).await?;
            if !mine.iter().any(|s| s.partner_id == Some(partner)) {
                return Err(Problem::invalid(
                    "client_id",
                    "client_of_other_partner",
                    "expected a client of this partner",
                ));
            }
            store::QuarantineRow {
                partner_id: partner,
                client_id: client.to_string(),
                from_month: month,
                to_month: None,
                reason: reason.to_string(),
                made_by: caller.id(),
                made_at: core.now(),
            }
        }
        (false, Some(q)) => store::QuarantineRow {
            to_month: Some(month),
            reason: reason.to_string(),
            made_by: caller.id(),
            made_at: core.now(),
            ..q
        },
        _ => return Ok(()),
    };
    store::put_quarantine(tx, &row).await?;
    let e = Entry::new(caller, "programme.quarantine", format!("partner:{partner}"))
        .client(client)
        .entity(Some(p.entity))
        .after(json!({"client_id": client, "apart": apart, "from_month": row.from_month, "to_month": row.to_month}))
        .reason(reason);
    audit::record(tx, core, e).await?;
    Ok(())
}
