//! Partners as the house sees them: the tree, links, whose client is whose, plans, lines,
//! statements, payouts.

use super::deposits::Reason;
use crate::kit::{At, Paged, PathPart, Reply, list_query, read, write};
use crate::schema::Money;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use qd_app::App;
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Problem, Result, Ts};
use qd_partners::clicks::{self, NewLink};
use qd_partners::partner::{self, Edit, NewPartner, PartnerState, PayoutMethod};
use qd_partners::reading::{self, LineFilter};
use qd_partners::{LineId, LinkId, PartnerId, PayoutId, PlanId, StatementId, attribution, payouts, plans, statements, tree};
use qd_runtime::access::{Caller, Mask, Right};
use qd_web::{Answer, Api, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(Right::PartnersView, routes!(list))
        .route(Right::PartnersManage, routes!(create))
        .route(Right::PartnersView, routes!(get))
        .route(Right::PartnersManage, routes!(edit))
        .route(Right::PartnersManage, routes!(set_state))
        .route(Right::PartnersManage, routes!(move_to))
        .route(Right::PartnersView, routes!(below))
        .route(Right::PartnersView, routes!(links))
        .route(Right::PartnersManage, routes!(add_link))
        .route(Right::PartnersManage, routes!(link_active))
        .route(Right::PartnersView, routes!(clients))
        .route(Right::PartnersView, routes!(of_client))
        .route(Right::PartnersManage, routes!(reassign))
        .route(Right::PartnersManage, routes!(decide_hold))
        .route(Right::PartnersView, routes!(plan_list))
        .route(Right::PlansManage, routes!(plan_save))
        .route(Right::PartnersView, routes!(plan_get))
        .route(Right::PlansManage, routes!(plan_preview))
        .route(Right::PlansManage, routes!(plan_assign))
        .route(Right::PlansManage, routes!(plan_default))
        .route(Right::CommissionView, routes!(summary))
        .route(Right::CommissionView, routes!(lines))
        .route(Right::CommissionView, routes!(line))
        .route(Right::CommissionView, routes!(statement_list))
        .route(Right::StatementsClose, routes!(close))
        .route(Right::CommissionView, routes!(statement))
        .route(Right::CommissionView, routes!(statement_csv))
        .route(Right::CommissionView, routes!(payout_list))
        .route(Right::PayoutsPrepare, routes!(prepare))
        .route(Right::CommissionView, routes!(payout))
        .route(Right::PayoutsRelease, routes!(decide))
        .route(Right::PayoutsRelease, routes!(paid))
        .route(Right::PayoutsRelease, routes!(returned))
}

macro_rules! ids {
    ($($t:ty),+) => {$(
        impl PathPart for $t {
            fn part(name: &str, text: &str) -> Result<Self> {
                <$t>::parse(text).map_err(|p| match p.fields.first() {
                    Some(f) => Problem::invalid(name, "id_malformed", f.expected.clone()),
                    None => p,
                })
            }
        }
    )+};
}
ids!(PartnerId, LinkId, PlanId, LineId, StatementId, PayoutId);

list_query!(Partners {
    /// `applied`, `active`, `suspended`, `terminated`.
    state: PartnerState as String,
    /// Anywhere in the name.
    name: String as String,
});

/// Partners by name.
#[utoipa::path(get, path = "/api/v1/partners", tag = "partners", params(Partners), responses((status = 200, body = Value, example = json!({"items": [{"id": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "entity": "eu", "name": "Nordlicht Partner GmbH", "email": "info@nordlicht.example", "phone": null, "client_id": null, "currency": "EUR", "payout_method": "bank", "state": "active", "created_at": 1_790_000_000_000_000_i64, "version": 1}], "next_cursor": null}))))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Partners>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        partner::list(tx, &caller, q.state, q.name.as_deref(), &page).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"entity": "eu", "name": "Nordlicht Partner GmbH", "email": "info@nordlicht.example", "currency": "EUR", "payout_method": "bank", "parent": null}))]
pub struct AddPartner {
    entity: String,
    name: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    /// The partner's own client record.
    #[serde(default)]
    client_id: Option<String>,
    /// What lines are booked and paid in.
    #[schema(value_type = String)]
    currency: Currency,
    /// `wallet` or `bank`.
    #[schema(value_type = String)]
    payout_method: PayoutMethod,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    parent: Option<PartnerId>,
    /// From when the place in the tree counts; now without it.
    #[serde(default)]
    since_us: Option<i64>,
}

/// Adds a partner.
#[utoipa::path(post, path = "/api/v1/partners", tag = "partners", request_body = AddPartner, responses((status = 201, body = Value, example = json!({"id": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "active", "version": 1}))))]
pub async fn create(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<AddPartner>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "partner.create", &req, 201, async move |tx| {
        let r = r.clone();
        let new = NewPartner {
            entity: r.entity,
            name: r.name,
            email: r.email,
            phone: r.phone,
            client_id: r.client_id,
            currency: r.currency,
            payout_method: r.payout_method,
            parent: r.parent,
            since: r.since_us.map(Ts),
        };
        partner::create(tx, &core, &c, new).await
    })
    .await
}

/// One partner with the place in the tree, through time, and the plans held.
#[utoipa::path(get, path = "/api/v1/partners/{id}", tag = "partners", responses((status = 200, body = Value, example = json!({"partner": {"id": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "name": "Nordlicht Partner GmbH", "state": "active"}, "tree": [{"parent": null, "from_at": 1_790_000_000_000_000_i64, "to_at": null}], "plans": [{"plan_id": "pln_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "from_at": 1_790_000_000_000_000_i64, "to_at": null}]}))))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let p = partner::get(tx, &caller, id).await?;
        let edges = tree::history(tx, &caller, id).await?;
        let held: Vec<Value> = plans::history(tx, &caller, id)
            .await?
            .into_iter()
            .map(|(plan, from, to)| json!({"plan_id": plan, "from_at": from, "to_at": to}))
            .collect();
        Ok(json!({"partner": p, "tree": edges, "plans": held}))
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Nordlicht Partner GmbH", "email": "info@nordlicht.example", "payout_method": "bank", "version": 1}))]
pub struct EditPartner {
    name: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[schema(value_type = String)]
    payout_method: PayoutMethod,
    version: i64,
}

/// Changes a partner's particulars.
#[utoipa::path(put, path = "/api/v1/partners/{id}", tag = "partners", request_body = EditPartner, responses((status = 200, body = Value, example = json!({"id": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "version": 2}))))]
pub async fn edit(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<EditPartner>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "partner.edit", &(id, &req), 200, async move |tx| {
        let r = r.clone();
        partner::edit(
            tx,
            &core,
            &c,
            id,
            r.version,
            Edit {
                name: r.name,
                email: r.email,
                phone: r.phone,
                client_id: r.client_id,
                payout_method: r.payout_method,
            },
        )
        .await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"state": "suspended", "version": 2, "reason": "Advertises with promises of profit."}))]
pub struct SetState {
    /// `active`, `suspended`, `terminated`.
    #[schema(value_type = String)]
    state: PartnerState,
    version: i64,
    reason: String,
}

/// Activates, suspends or ends a partner.
#[utoipa::path(post, path = "/api/v1/partners/{id}/state", tag = "partners", request_body = SetState, responses((status = 200, body = Value, example = json!({"id": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "suspended", "version": 3}))))]
pub async fn set_state(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<SetState>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "partner.state", &(id, &req), 200, async move |tx| {
        partner::set_state(tx, &core, &c, id, r.version, r.state, &r.reason).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"parent": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "at_us": 1_790_000_000_000_000_i64, "reason": "New contract."}))]
pub struct Move {
    /// None: a root.
    #[schema(value_type = Option<String>)]
    parent: Option<PartnerId>,
    /// From when it counts; earlier lines stay as they were. Now without it.
    #[serde(default)]
    at_us: Option<i64>,
    reason: String,
}

/// Moves a partner in the tree, from a time on.
#[utoipa::path(post, path = "/api/v1/partners/{id}/move", tag = "partners", request_body = Move, responses((status = 200, body = Value, example = json!({"tree": []}))))]
pub async fn move_to(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<Move>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "partner.move", &(id, &req), 200, async move |tx| {
        tree::move_partner(tx, &core, &c, id, r.parent, r.at_us.map_or_else(|| core.now(), Ts), &r.reason).await?;
        Ok(json!({"tree": tree::history(tx, &c, id).await?}))
    })
    .await
}

/// Everybody below a partner, now.
#[utoipa::path(get, path = "/api/v1/partners/{id}/tree", tag = "partners", responses((status = 200, body = Value, example = json!({"items": [{"id": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "parent": null, "name": "Nordlicht Partner GmbH", "state": "active", "level": 0}]}))))]
pub async fn below(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| Ok(json!({"items": tree::below(tx, &caller, id, now).await?}))).await
}

/// A partner's links with clicks and clients.
#[utoipa::path(get, path = "/api/v1/partners/{id}/links", tag = "partners", responses((status = 200, body = Value, example = json!({"items": [{"id": "lnk_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "code": "NORD24", "campaign": "herbst", "landing": "/de/start", "active": true, "created_at": 1_790_000_000_000_000_i64, "clicks": 41, "clients": 3}]}))))]
pub async fn links(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| Ok(json!({"items": clicks::links(tx, &caller, id).await?}))).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "NORD24", "campaign": "herbst", "landing": "/de/start"}))]
pub struct AddLink {
    /// 3 to 32 letters, digits, - and _; made for you when absent.
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub campaign: Option<String>,
    /// A path of our own site, or (staff) an https address.
    pub landing: String,
}

impl From<AddLink> for NewLink {
    fn from(l: AddLink) -> NewLink {
        NewLink {
            code: l.code,
            campaign: l.campaign,
            landing: l.landing,
        }
    }
}

/// Makes a link for a partner.
#[utoipa::path(post, path = "/api/v1/partners/{id}/links", tag = "partners", request_body = AddLink, responses((status = 201, body = Value, example = json!({"id": "lnk_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "code": "NORD24"}))))]
pub async fn add_link(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<AddLink>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "partner.link", &(id, &req), 201, async move |tx| {
        clicks::create_link(tx, &core, &c, id, r.clone().into()).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Active {
    active: bool,
}

/// Withdraws a link, or brings it back.
#[utoipa::path(post, path = "/api/v1/partner-links/{id}/active", tag = "partners", request_body = Active, responses((status = 200, body = Value, example = json!({"id": "lnk_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "active": false}))))]
pub async fn link_active(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<LinkId>,
    Body(req): Body<Active>,
) -> Reply<Answer> {
    let (core, c, on) = (app.core.clone(), caller.clone(), req.active);
    write(&app, &caller, key, "partner.link_active", &(id, &req), 200, async move |tx| {
        clicks::set_link_active(tx, &core, &c, id, on)
            .await
            .map(|()| json!({"id": id, "active": on}))
    })
    .await
}

/// A partner's clients with what they trade. Who they are is for those who see it.
#[utoipa::path(get, path = "/api/v1/partners/{id}/clients", tag = "partners", params(Paged), responses((status = 200, body = Value, example = json!({"items": [{"client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "name": "Alex Weber", "since": 1_790_000_000_000_000_i64, "state": "active", "model": "last_click", "lots": 120_000_000, "deals": 4, "last_deal_at": 1_790_000_000_000_000_i64}], "next_cursor": null}))))]
pub async fn clients(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        let p = reading::clients(tx, &caller, id, &page).await?;
        let mut items = Vec::new();
        for c in p.items {
            let mut v = serde_json::to_value(&c)?;
            if caller.sees(Mask::PartnerClients) {
                let found = qd_clients::find(tx, ClientId::parse(&c.client_id)?).await?;
                v["name"] = json!(found.map(|f| f.name()));
            }
            items.push(v);
        }
        Ok(json!({"items": items, "next_cursor": p.next_cursor}))
    })
    .await
}

/// Whether a partner earns on a client, and if not, why not: for the record.
pub(crate) async fn eligibility(tx: &mut Tx, c: &qd_clients::Client, at: Ts) -> Result<Value> {
    let brought_by = c.partner_id.as_deref().map(PartnerId::parse).transpose()?;
    Ok(serde_json::to_value(
        attribution::eligibility(tx, &c.id.to_string(), brought_by, &c.entity, &c.country, at).await?,
    )?)
}

/// A client's partners through time: for the client's file.
pub(crate) async fn evidence(tx: &mut Tx, caller: &Caller, client_id: &str) -> Result<Value> {
    Ok(serde_json::to_value(attribution::evidence(tx, caller, client_id).await?)?)
}

/// Whose client this is, was, and on what evidence; whether the partner earns now, and if not, why.
#[utoipa::path(get, path = "/api/v1/clients/{id}/partner", tag = "partners", responses((status = 200, body = Value, example = json!({"eligibility": {"partner": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "partner_name": "Nordlicht Partner GmbH", "plan": "pln_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "plan_version": 1, "eligible": true, "reason_code": "eligible"}, "history": []}))))]
pub async fn of_client(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| {
        let c = qd_clients::get(tx, &caller, Right::PartnersView, id).await?;
        let text = id.to_string();
        Ok(json!({"eligibility": eligibility(tx, &c, now).await?, "history": evidence(tx, &caller, &text).await?}))
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"partner": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "reason": "Contract of April."}))]
pub struct Reassign {
    /// None: nobody's.
    #[schema(value_type = Option<String>)]
    partner: Option<PartnerId>,
    /// From when; now without it.
    #[serde(default)]
    at_us: Option<i64>,
    reason: String,
}

/// Moves a client to another partner, from a time on. Lines that are booked stay.
#[utoipa::path(post, path = "/api/v1/clients/{id}/partner", tag = "partners", request_body = Reassign, responses((status = 200, body = Value, example = json!({"client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "partner": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "active"}))))]
pub async fn reassign(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<Reassign>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "client.partner", &(id, &req), 200, async move |tx| {
        let client = qd_clients::get(tx, &c, Right::PartnersManage, id).await?;
        let at = r.at_us.map_or_else(|| core.now(), Ts);
        let share = attribution::reassign(tx, &core, &c, &id.to_string(), &client.entity, r.partner, at, &r.reason).await?;
        qd_clients::set_partner(tx, &core, &c, id, r.partner.map(|p| p.to_string()), &r.reason).await?;
        Ok(share)
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"accept": false, "reason": "The partner's own second account."}))]
pub struct Hold {
    accept: bool,
    reason: String,
}

/// Decides about a held attribution (a suspected self-referral).
#[utoipa::path(post, path = "/api/v1/clients/{id}/partner/decide", tag = "partners", request_body = Hold, responses((status = 200, body = Value, example = json!({"client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "refused"}))))]
pub async fn decide_hold(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<Hold>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "client.partner_decide", &(id, &req), 200, async move |tx| {
        attribution::decide_hold(tx, &core, &c, &id.to_string(), r.accept, &r.reason).await
    })
    .await
}

/// Commission plans by name.
#[utoipa::path(get, path = "/api/v1/plans", tag = "partners", params(Paged), responses((status = 200, body = Value, example = json!({"items": [{"id": "pln_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "name": "Standard IB", "entity": "eu", "version": 2, "created_at": 1_790_000_000_000_000_i64, "uses": 12}], "next_cursor": null}))))]
pub async fn plan_list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| plans::list(tx, &caller, &page).await).await
}

/// One plan with all versions.
#[utoipa::path(get, path = "/api/v1/plans/{id}", tag = "partners", responses((status = 200, body = Value, example = json!({"plan": {"id": "pln_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "name": "Standard IB", "version": 2}, "versions": [{"version": 2, "valid_from": 1_790_000_000_000_000_i64, "document": {}, "reason": "New rates.", "made_by": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "made_at": 1_790_000_000_000_000_i64}]}))))]
pub async fn plan_get(State(app): State<App>, Asker(caller): Asker, At(id): At<PlanId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let (plan, versions) = plans::get(tx, &caller, id).await?;
        Ok(json!({"plan": plan, "versions": versions}))
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"id": null, "base_version": null, "entity": "eu", "document": {"name": "Standard IB"}, "valid_from_us": 1_790_000_000_000_000_i64, "reason": "New rates."}))]
pub struct SavePlan {
    /// Absent for a new plan.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
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

/// Saves a plan as a new version. A document with faults is refused with the place of each.
#[utoipa::path(post, path = "/api/v1/plans", tag = "partners", request_body = SavePlan, responses((status = 201, body = Value, example = json!({"id": "pln_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "version": 2}))))]
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
        Ok(json!({"id": id, "version": version}))
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
}

/// Computes lines from two documents, and books nothing.
#[utoipa::path(post, path = "/api/v1/plans/preview", tag = "partners", request_body = PreviewPlan, responses((status = 200, body = Value, example = json!({"lines": [], "totals": [], "stopped": []}))))]
pub async fn plan_preview(Body(req): Body<PreviewPlan>) -> Reply<Json<Value>> {
    let p = tokio::task::spawn_blocking(move || qd_partners::preview::preview(&req.plan, &req.events))
        .await
        .map_err(|e| Problem::bug("preview_panicked", "a preview could not be computed").with_source(e))??;
    Ok(Json(serde_json::to_value(p).map_err(Problem::from)?))
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"plan": "pln_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "reason": "Contract."}))]
pub struct UsePlan {
    #[schema(value_type = String)]
    plan: PlanId,
    /// From when; now without it.
    #[serde(default)]
    at_us: Option<i64>,
    reason: String,
}

/// Gives a partner a plan, from a time on.
#[utoipa::path(post, path = "/api/v1/partners/{id}/plan", tag = "partners", request_body = UsePlan, responses((status = 200, body = Value, example = json!({"plan": "pln_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"}))))]
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
            .map(|()| json!({"plan": r.plan}))
    })
    .await
}

/// Makes a plan the default of an entity, from a time on.
#[utoipa::path(post, path = "/api/v1/entities/{code}/plan", tag = "partners", request_body = UsePlan, responses((status = 200, body = Value, example = json!({"plan": "pln_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"}))))]
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
        .map(|()| json!({"plan": r.plan}))
    })
    .await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Span {
    /// Value dates, whole days, both included; the last 30 days without them. Microseconds since 1970.
    pub from_us: Option<i64>,
    pub to_us: Option<i64>,
}

impl Span {
    pub fn times(&self, now: Ts) -> (Ts, Ts) {
        let to = self.to_us.map_or(now, Ts);
        (self.from_us.map_or_else(|| to.plus_days(-30), Ts), to)
    }
}

/// A partner's figures: clients, money by currency, days.
#[utoipa::path(get, path = "/api/v1/partners/{id}/summary", tag = "partners", params(Span), responses((status = 200, body = Value, example = json!({"partner_id": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "clients": 3, "money": [{"currency": "EUR", "earned_minor": 41_200, "paid_minor": 30_000, "payable_minor": 11_200, "available_minor": 11_200}], "days": [{"day": 20777, "currency": "EUR", "lots": 120_000_000, "deals": 4, "minor": 960}]}))))]
pub async fn summary(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>, Params(q): Params<Span>) -> Reply<Json<Value>> {
    let (from, to) = q.times(app.core.now());
    read(&app, async move |tx| reading::summary(tx, &caller, id, from, to).await).await
}

list_query!(Lines {
    partner_id: String as String,
    client_id: String as String,
    /// Lines booked from then on.
    from_us: i64 as i64,
    to_us: i64 as i64,
});

impl Lines {
    pub fn filter(&self) -> Result<LineFilter> {
        let partner_id = self.partner_id.as_deref().map(|p| PartnerId::part("partner_id", p)).transpose()?;
        Ok(LineFilter {
            partner_id,
            client_id: self.client_id.clone(),
            from: self.from_us.map(Ts),
            to: self.to_us.map(Ts),
            ..LineFilter::default()
        })
    }
}

/// Commission lines, the newest first, each with its explanation.
#[utoipa::path(get, path = "/api/v1/commission-lines", tag = "partners", params(Lines), responses((status = 200, body = Value, example = json!({"items": [{"id": "cln_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "partner_id": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "kind": "accrual", "ticket": "1001", "level": 0, "client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "symbol": "EURUSD", "lots": 10_000_000, "minor": 80, "currency": "EUR", "reason": null, "plan_version": 1, "rule_id": "fx", "explanation": {}}], "next_cursor": null}))))]
pub async fn lines(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Lines>) -> Reply<Json<Value>> {
    let (page, f) = (q.page()?, q.filter()?);
    read(&app, async move |tx| reading::lines(tx, &caller, &f, &page).await).await
}

/// One line with its explanation: rule, base, rate, path, and what was rejected and why.
#[utoipa::path(get, path = "/api/v1/commission-lines/{id}", tag = "partners", responses((status = 200, body = Value, description = "As in the list.")))]
pub async fn line(State(app): State<App>, Asker(caller): Asker, At(id): At<LineId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| reading::line(tx, &caller, id).await).await
}

/// A partner's statements, the newest first.
#[utoipa::path(get, path = "/api/v1/partners/{id}/statements", tag = "partners", params(Paged), responses((status = 200, body = Value, example = json!({"items": [{"id": "stm_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "number": 3, "currency": "EUR", "period_from": 1_788_000_000_000_000_i64, "period_to": 1_790_000_000_000_000_i64, "opening_minor": 0, "lines_minor": 41_200, "adjustments_minor": 0, "payouts_minor": -30_000, "closing_minor": 11_200, "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}], "next_cursor": null}))))]
pub async fn statement_list(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<PartnerId>,
    Params(q): Params<Paged>,
) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| statements::list(tx, &caller, id, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"currency": "EUR", "to_us": 1_790_000_000_000_000_i64}))]
pub struct Close {
    #[schema(value_type = String)]
    currency: Currency,
    /// The end of the period, not included.
    to_us: i64,
}

/// Closes a partner's period: frozen, with its SHA-256. What comes later is in the next one.
#[utoipa::path(post, path = "/api/v1/partners/{id}/statements", tag = "partners", request_body = Close, responses((status = 201, body = Value, example = json!({"id": "stm_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "number": 3, "closing_minor": 11_200}))))]
pub async fn close(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<Close>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "statement.close", &(id, &req), 201, async move |tx| {
        statements::close(tx, &core, &c, id, r.currency, Ts(r.to_us)).await
    })
    .await
}

/// One statement with its frozen content, to the byte.
#[utoipa::path(get, path = "/api/v1/statements/{id}", tag = "partners", responses((status = 200, body = Value, example = json!({"statement": {"id": "stm_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "number": 3, "sha256": "9f86…"}, "content": "{…}"}))))]
pub async fn statement(State(app): State<App>, Asker(caller): Asker, At(id): At<StatementId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let (s, content) = statements::get(tx, &caller, id).await?;
        Ok(json!({"statement": s, "content": content}))
    })
    .await
}

pub(crate) async fn csv_of(app: &App, caller: Caller, id: StatementId) -> Reply<Response> {
    let (_, content) = app.core.db.read(async move |tx| statements::get(tx, &caller, id).await).await?;
    let mut r = statements::csv(&content)?.into_response();
    r.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    r.headers_mut().insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"statement.csv\""),
    );
    Ok(r)
}

/// A statement's lines as CSV.
#[utoipa::path(get, path = "/api/v1/statements/{id}/csv", tag = "partners", responses((status = 200, content_type = "text/csv", body = String)))]
pub async fn statement_csv(State(app): State<App>, Asker(caller): Asker, At(id): At<StatementId>) -> Reply<Response> {
    csv_of(&app, caller, id).await
}

/// A partner's payouts, the newest first.
#[utoipa::path(get, path = "/api/v1/partners/{id}/payouts", tag = "partners", params(Paged), responses((status = 200, body = Value, example = json!({"items": [{"id": "ppo_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "currency": "EUR", "minor": 30_000, "method": "bank", "state": "prepared", "prepared_by": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"}], "next_cursor": null}))))]
pub async fn payout_list(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<PartnerId>,
    Params(q): Params<Paged>,
) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| payouts::list(tx, &caller, id, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": {"minor": 30_000, "currency": "EUR"}}))]
pub struct Prepare {
    #[schema(value_type = Money)]
    amount: Amount,
}

/// Prepares a payout; somebody else releases it.
#[utoipa::path(post, path = "/api/v1/partners/{id}/payouts", tag = "partners", request_body = Prepare, responses((status = 201, body = Value, example = json!({"id": "ppo_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "prepared"}))))]
pub async fn prepare(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<Prepare>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "payout.prepare", &(id, &req), 201, async move |tx| {
        payouts::prepare(tx, &core, &c, id, r.amount).await
    })
    .await
}

/// One payout.
#[utoipa::path(get, path = "/api/v1/payouts/{id}", tag = "partners", responses((status = 200, body = Value, description = "As in the list.")))]
pub async fn payout(State(app): State<App>, Asker(caller): Asker, At(id): At<PayoutId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| payouts::get(tx, &caller, id).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"approve": true, "reason": ""}))]
pub struct DecidePayout {
    approve: bool,
    #[serde(default)]
    reason: String,
}

/// Releases or refuses a payout that somebody else prepared. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/payouts/{id}/decide", tag = "partners", request_body = DecidePayout, responses((status = 200, body = Value, example = json!({"id": "ppo_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "released"}))))]
pub async fn decide(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PayoutId>,
    Body(req): Body<DecidePayout>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "payout.decide", &(id, &req), 200, async move |tx| {
        let seen = match payouts::get(tx, &c, id).await {
            Ok(p) => serde_json::to_value(p)?,
            Err(_) => json!({"payout": id}),
        };
        payouts::decide(tx, &core, &c, id, r.approve, &r.reason, seen).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"connection": "stripe-eu", "reference": "SEPA 2026-11-20/0042"}))]
pub struct PaidBy {
    /// The bank or provider connection it was paid from.
    connection: String,
    reference: String,
}

/// Says that a released payout was paid by bank transfer. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/payouts/{id}/paid", tag = "partners", request_body = PaidBy, responses((status = 200, body = Value, example = json!({"id": "ppo_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "paid"}))))]
pub async fn paid(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PayoutId>,
    Body(req): Body<PaidBy>,
) -> Reply<Answer> {
    caller.require_step_up(app.core.now())?;
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "payout.paid", &(id, &req), 200, async move |tx| {
        payouts::mark_paid(tx, &core, &c, id, &r.connection, &r.reference).await
    })
    .await
}

/// Says that a paid payout came back. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/payouts/{id}/returned", tag = "partners", request_body = Reason, responses((status = 200, body = Value, example = json!({"id": "ppo_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "returned"}))))]
pub async fn returned(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PayoutId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    caller.require_step_up(app.core.now())?;
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "payout.returned", &(id, &req), 200, async move |tx| {
        payouts::mark_returned(tx, &core, &c, id, &r.reason).await
    })
    .await
}
