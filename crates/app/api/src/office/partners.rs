//! Partners as the house sees them: the tree, links, whose client is whose, plans, lines,
//! statements, payouts.

use super::deposits::Reason;
use crate::kit::{At, Paged, PathPart, Reply, list_query, read, write};
use crate::schema::Items;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use qd_app::App;
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Page, Problem, Result, Ts};
use qd_partners::clicks::{self, NewLink};
use qd_partners::attribution::{Eligibility, Share};
use qd_partners::clicks::Link;
use qd_partners::partner::{self, Edit, NewPartner, Partner, PartnerState, PayoutMethod};
use qd_partners::payouts::Payout;
use qd_partners::plans::{Held, PlanView, VersionView};
use qd_partners::preview::Preview;
use qd_partners::reading::{self, ClientLine, LineFilter, LineState, LineView, Summary};
use qd_partners::statements::Statement;
use qd_partners::tree::{Edge, Member};
use qd_trading::TradingAccountId;
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

list_query!(Partners {
    state: PartnerState as PartnerState,
    /// Anywhere in the name.
    name: String as String,
});

/// Partners by name.
#[utoipa::path(get, path = "/api/v1/partners", tag = "partners", params(Partners), responses((status = 200, body = Page<Partner>)))]
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
    currency: Currency,
    payout_method: PayoutMethod,
    #[serde(default)]
    parent: Option<PartnerId>,
    /// From when the place in the tree counts; now without it.
    #[serde(default)]
    since_us: Option<i64>,
}

/// Adds a partner.
#[utoipa::path(post, path = "/api/v1/partners", tag = "partners", request_body = AddPartner, responses((status = 201, body = Partner)))]
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

#[derive(Serialize, ToSchema)]
pub struct PartnerFile {
    partner: Partner,
    /// The place in the tree, oldest first.
    tree: Vec<Edge>,
    plans: Vec<Held>,
}

/// One partner with the place in the tree, through time, and the plans held.
#[utoipa::path(get, path = "/api/v1/partners/{id}", tag = "partners", responses((status = 200, body = PartnerFile)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        Ok(PartnerFile {
            partner: partner::get(tx, &caller, id).await?,
            tree: tree::history(tx, &caller, id).await?,
            plans: plans::history(tx, &caller, id).await?,
        })
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
    payout_method: PayoutMethod,
    version: i64,
}

/// Changes a partner's particulars.
#[utoipa::path(put, path = "/api/v1/partners/{id}", tag = "partners", request_body = EditPartner, responses((status = 200, body = Partner)))]
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
    state: PartnerState,
    version: i64,
    reason: String,
}

/// Activates, suspends or ends a partner.
#[utoipa::path(post, path = "/api/v1/partners/{id}/state", tag = "partners", request_body = SetState, responses((status = 200, body = Partner)))]
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
    parent: Option<PartnerId>,
    /// From when it counts; earlier lines stay as they were. Now without it.
    #[serde(default)]
    at_us: Option<i64>,
    reason: String,
}

/// A partner's place in the tree, oldest first.
#[derive(Serialize, ToSchema)]
#[schema(as = PartnerPlace)]
pub struct Place {
    tree: Vec<Edge>,
}

/// Moves a partner in the tree, from a time on.
#[utoipa::path(post, path = "/api/v1/partners/{id}/move", tag = "partners", request_body = Move, responses((status = 200, body = Place)))]
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
        Ok(Place {
            tree: tree::history(tx, &c, id).await?,
        })
    })
    .await
}

/// Everybody below a partner, now.
#[utoipa::path(get, path = "/api/v1/partners/{id}/tree", tag = "partners", responses((status = 200, body = Items<Member>)))]
pub async fn below(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| {
        Ok(Items {
            items: tree::below(tx, &caller, id, now).await?,
        })
    })
    .await
}

/// A partner's links with clicks and clients.
#[utoipa::path(get, path = "/api/v1/partners/{id}/links", tag = "partners", responses((status = 200, body = Items<Link>)))]
pub async fn links(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        Ok(Items {
            items: clicks::links(tx, &caller, id).await?,
        })
    })
    .await
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
#[utoipa::path(post, path = "/api/v1/partners/{id}/links", tag = "partners", request_body = AddLink, responses((status = 201, body = Link)))]
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

#[derive(Serialize, ToSchema)]
#[schema(as = PartnerLinkState)]
pub struct LinkState {
    id: LinkId,
    active: bool,
}

/// Withdraws a link, or brings it back.
#[utoipa::path(post, path = "/api/v1/partner-links/{id}/active", tag = "partners", request_body = Active, responses((status = 200, body = LinkState)))]
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
            .map(|()| LinkState { id, active: on })
    })
    .await
}

/// A partner's clients with what they trade. Who they are is for those who see it.
#[utoipa::path(get, path = "/api/v1/partners/{id}/clients", tag = "partners", params(Paged), responses((status = 200, body = Page<ClientLine>)))]
pub async fn clients(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        let mut p = reading::clients(tx, &caller, id, &page).await?;
        if caller.sees(Mask::PartnerClients) {
            for c in &mut p.items {
                let found = qd_clients::find(tx, ClientId::parse(&c.client_id)?).await?;
                c.name = found.map(|f| f.name());
            }
        }
        Ok(p)
    })
    .await
}

/// Whether a partner earns on a client, and if not, why not: for the record.
pub(crate) async fn eligibility(tx: &mut Tx, c: &qd_clients::Client, at: Ts) -> Result<Eligibility> {
    let brought_by = c.partner_id.as_deref().map(PartnerId::parse).transpose()?;
    attribution::eligibility(tx, &c.id.to_string(), brought_by, &c.entity, &c.country, at).await
}

/// A client's partners through time: for the client's file.
pub(crate) async fn evidence(tx: &mut Tx, caller: &Caller, client_id: &str) -> Result<Vec<Share>> {
    attribution::evidence(tx, caller, client_id).await
}

#[derive(Serialize, ToSchema)]
pub struct ClientsPartner {
    eligibility: Eligibility,
    /// Oldest first.
    history: Vec<Share>,
}

/// Whose client this is, was, and on what evidence; whether the partner earns now, and if not, why.
#[utoipa::path(get, path = "/api/v1/clients/{id}/partner", tag = "partners", responses((status = 200, body = ClientsPartner)))]
pub async fn of_client(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| {
        let c = qd_clients::get(tx, &caller, Right::PartnersView, id).await?;
        let text = id.to_string();
        Ok(ClientsPartner {
            eligibility: eligibility(tx, &c, now).await?,
            history: evidence(tx, &caller, &text).await?,
        })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"partner": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "reason": "Contract of April."}))]
pub struct Reassign {
    /// None: nobody's.
    partner: Option<PartnerId>,
    /// From when; now without it.
    #[serde(default)]
    at_us: Option<i64>,
    reason: String,
}

/// Moves a client to another partner, from a time on. Lines that are booked stay.
#[utoipa::path(post, path = "/api/v1/clients/{id}/partner", tag = "partners", request_body = Reassign, responses((status = 200, body = Share)))]
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
#[utoipa::path(post, path = "/api/v1/clients/{id}/partner/decide", tag = "partners", request_body = Hold, responses((status = 200, body = Share)))]
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
}

/// Computes lines from two documents, and books nothing.
#[utoipa::path(post, path = "/api/v1/plans/preview", tag = "partners", request_body = PreviewPlan, responses((status = 200, body = Preview)))]
pub async fn plan_preview(Body(req): Body<PreviewPlan>) -> Reply<Json<Preview>> {
    let p = tokio::task::spawn_blocking(move || qd_partners::preview::preview(&req.plan, &req.events))
        .await
        .map_err(|e| Problem::bug("preview_panicked", "a preview could not be computed").with_source(e))??;
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
#[utoipa::path(get, path = "/api/v1/partners/{id}/summary", tag = "partners", params(Span), responses((status = 200, body = Summary)))]
pub async fn summary(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>, Params(q): Params<Span>) -> Reply<Json<Value>> {
    let (from, to) = q.times(app.core.now());
    read(&app, async move |tx| reading::summary(tx, &caller, id, from, to).await).await
}

list_query!(Lines {
    partner_id: String as String,
    client_id: String as String,
    /// A trading account, `tacc_…`.
    account: String as String,
    state: LineState as LineState,
    /// Value dates from then on, microseconds since 1970.
    from_us: i64 as i64,
    /// Not included.
    to_us: i64 as i64,
});

impl Lines {
    pub fn filter(&self) -> Result<LineFilter> {
        let partner_id = self.partner_id.as_deref().map(|p| PartnerId::part("partner_id", p)).transpose()?;
        let account = self.account.as_deref().map(|a| TradingAccountId::part("account", a)).transpose()?;
        Ok(LineFilter {
            partner_id,
            client_id: self.client_id.clone(),
            account: account.map(|a| a.to_string()),
            state: self.state,
            from: self.from_us.map(Ts),
            to: self.to_us.map(Ts),
            ..LineFilter::default()
        })
    }
}

/// Commission lines, the newest first, each with its explanation: a partner's, or those of all
/// partners of my entities.
#[utoipa::path(get, path = "/api/v1/commission-lines", tag = "partners", params(Lines), responses((status = 200, body = Page<LineView>)))]
pub async fn lines(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Lines>) -> Reply<Json<Value>> {
    let (page, f) = (q.page()?, q.filter()?);
    read(&app, async move |tx| reading::lines(tx, &caller, &f, &page).await).await
}

/// One line with its explanation: rule, base, rate, path, and what was rejected and why.
#[utoipa::path(get, path = "/api/v1/commission-lines/{id}", tag = "partners", responses((status = 200, body = LineView)))]
pub async fn line(State(app): State<App>, Asker(caller): Asker, At(id): At<LineId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| reading::line(tx, &caller, id).await).await
}

/// A partner's statements, the newest first.
#[utoipa::path(get, path = "/api/v1/partners/{id}/statements", tag = "partners", params(Paged), responses((status = 200, body = Page<Statement>)))]
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
    currency: Currency,
    /// The end of the period, not included.
    to_us: i64,
}

/// Closes a partner's period: frozen, with its SHA-256. What comes later is in the next one.
#[utoipa::path(post, path = "/api/v1/partners/{id}/statements", tag = "partners", request_body = Close, responses((status = 201, body = Statement)))]
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

#[derive(Serialize, ToSchema)]
pub struct ClosedStatement {
    pub(crate) statement: Statement,
    /// JSON as text, to the byte what the hash was made of.
    pub(crate) content: String,
}

/// One statement with its frozen content, to the byte.
#[utoipa::path(get, path = "/api/v1/statements/{id}", tag = "partners", responses((status = 200, body = ClosedStatement)))]
pub async fn statement(State(app): State<App>, Asker(caller): Asker, At(id): At<StatementId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let (s, content) = statements::get(tx, &caller, id).await?;
        Ok(ClosedStatement { statement: s, content })
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
#[utoipa::path(get, path = "/api/v1/partners/{id}/payouts", tag = "partners", params(Paged), responses((status = 200, body = Page<Payout>)))]
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
    amount: Amount,
}

/// Prepares a payout; somebody else releases it.
#[utoipa::path(post, path = "/api/v1/partners/{id}/payouts", tag = "partners", request_body = Prepare, responses((status = 201, body = Payout)))]
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
#[utoipa::path(get, path = "/api/v1/payouts/{id}", tag = "partners", responses((status = 200, body = Payout)))]
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
#[utoipa::path(post, path = "/api/v1/payouts/{id}/decide", tag = "partners", request_body = DecidePayout, responses((status = 200, body = Payout)))]
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
#[utoipa::path(post, path = "/api/v1/payouts/{id}/paid", tag = "partners", request_body = PaidBy, responses((status = 200, body = Payout)))]
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
#[utoipa::path(post, path = "/api/v1/payouts/{id}/returned", tag = "partners", request_body = Reason, responses((status = 200, body = Payout)))]
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
