//! Commission plans: versions, use, preview.

use crate::kit::{At, Paged, Reply, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::{Page, Problem, Ts};
use qd_partners::plan::Plan;
use qd_partners::plans::{PlanView, VersionView};
use qd_partners::preview::Preview;
use qd_partners::{PartnerId, PlanId, plans};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Commission plans by name.
#[utoipa::path(get, path = "/api/v1/plans", tag = "partners", params(Paged), responses((status = 200, body = Page<PlanView>)))]
pub async fn plan_list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| plans::list(tx, &caller, &page).await).await
}

#[derive(Serialize, ToSchema)]
pub struct PlanFile {
    plan: PlanView,
    versions: Vec<VersionView>,
}

/// One plan with all versions.
#[utoipa::path(get, path = "/api/v1/plans/{id}", tag = "partners", responses((status = 200, body = PlanFile)))]
pub async fn plan_get(State(app): State<App>, Asker(caller): Asker, At(id): At<PlanId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let (plan, versions) = plans::get(tx, &caller, id).await?;
        Ok(PlanFile { plan, versions })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"id": null, "base_version": null, "entity": "eu", "document": {"name": "Standard IB"}, "valid_from_us": 1_790_000_000_000_000_i64, "reason": "New rates."}))]
pub struct SavePlan {
    /// Absent for a new plan.
    #[serde(default)]
    id: Option<PlanId>,
    /// The version the change starts from.
    #[serde(default)]
    base_version: Option<i64>,
    /// None: usable in every entity.
    #[serde(default)]
    entity: Option<String>,
    /// As `quarterdeck commissions schema` describes it.
    #[schema(value_type = Object)]
    document: Value,
    valid_from_us: i64,
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct PlanSaved {
    id: PlanId,
    version: i64,
}

/// Saves a plan as a new version. A document with faults is refused with the place of each.
#[utoipa::path(post, path = "/api/v1/plans", tag = "partners", request_body = SavePlan, responses((status = 201, body = PlanSaved)))]
pub async fn plan_save(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<SavePlan>) -> Reply<Answer> {
    let base = match (req.id, req.base_version) {
        (None, None) => None,
        (Some(id), Some(v)) => Some((id, v)),
        _ => return Err(Problem::invalid("base_version", "field_missing", "expected id and base_version together").into()),
    };
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "plan.save", &req, 201, async move |tx| {
        let (id, version) = plans::save(
            tx,
            &core,
            &c,
            base,
            r.entity.as_deref(),
            &r.document,
            Ts(r.valid_from_us),
            &r.reason,
        )
        .await?;
        Ok(PlanSaved { id, version })
    })
    .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewPlan {
    #[schema(value_type = Object)]
    plan: Value,
    /// Deals, tree and rates, as `quarterdeck commissions schema` describes them.
    #[schema(value_type = Object)]
    events: Value,
    /// The entity whose feeds, bans and defaults count; the house's without it.
    #[serde(default)]
    entity: Option<String>,
}

/// Computes lines from a draft and sample deals, and books nothing. A draft with faults is answered
/// with its problems and their places instead of lines.
#[utoipa::path(post, path = "/api/v1/plans/preview", tag = "partners", request_body = PreviewPlan, responses((status = 200, body = Preview)))]
pub async fn plan_preview(State(app): State<App>, Body(req): Body<PreviewPlan>) -> Reply<Json<Preview>> {
    let (document, entity) = (req.plan.clone(), req.entity);
    let mut p = tokio::task::spawn_blocking(move || qd_partners::preview::draft(&req.plan, &req.events))
        .await
        .map_err(|e| Problem::bug("preview_panicked", "a preview could not be computed").with_source(e))??;
    if let Ok(plan) = Plan::read(&document) {
        let plan = std::sync::Arc::new(plan);
        let said = app
            .core
            .db
            .read(async move |tx| Ok(qd_partners::house::refuse(tx, entity.as_deref(), &plan).await.err()))
            .await?;
        if let Some(said) = said {
            p.object(said)?;
        }
    }
    Ok(Json(p))
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"plan": "pln_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "reason": "Contract."}))]
pub struct UsePlan {
    plan: PlanId,
    /// From when; now without it.
    #[serde(default)]
    at_us: Option<i64>,
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct PlanInUse {
    plan: PlanId,
}

/// Gives a partner a plan, from a time on.
#[utoipa::path(post, path = "/api/v1/partners/{id}/plan", tag = "partners", request_body = UsePlan, responses((status = 200, body = PlanInUse)))]
pub async fn plan_assign(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<UsePlan>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "partner.plan", &(id, &req), 200, async move |tx| {
        plans::assign(tx, &core, &c, id, r.plan, r.at_us.map_or_else(|| core.now(), Ts), &r.reason)
            .await
            .map(|()| PlanInUse { plan: r.plan })
    })
    .await
}

/// Makes a plan the default of an entity, from a time on.
#[utoipa::path(post, path = "/api/v1/entities/{code}/plan", tag = "partners", request_body = UsePlan, responses((status = 200, body = PlanInUse)))]
pub async fn plan_default(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(code): At<String>,
    Body(req): Body<UsePlan>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "entity.plan", &(&code.clone(), &req), 200, async move |tx| {
        plans::set_default(
            tx,
            &core,
            &c,
            Some(&code),
            r.plan,
            r.at_us.map_or_else(|| core.now(), Ts),
            &r.reason,
        )
        .await
        .map(|()| PlanInUse { plan: r.plan })
    })
    .await
}
