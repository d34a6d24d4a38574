//! Partners, and who stands above whom.

use crate::kit::{At, Reply, list_query, read, write};
use crate::schema::Items;
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::{Currency, Page, Ts};
use qd_partners::corrections::Request;
use qd_partners::partner::{self, Edit, NewPartner, Partner, PartnerState, PayoutMethod};
use qd_partners::plans::Held;
use qd_partners::tree::{Edge, Member};
use qd_partners::{PartnerId, plans, tree};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

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
    /// From when it counts; now without it. With an earlier date the open period is booked anew; what
    /// would change closed periods is refused (`correction_needed`).
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
    let (a, core, c, r) = (app.clone(), app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "partner.move", &(id, &req), 200, async move |tx| {
        let now = core.now();
        match r.at_us.filter(|at| Ts(*at) < now) {
            None => tree::move_partner(tx, &core, &c, id, r.parent, r.at_us.map_or(now, Ts), &r.reason).await?,
            Some(at_us) => {
                let moved = Request::PartnerMoved {
                    partner_id: id,
                    parent: r.parent,
                    at_us,
                };
                super::corrections::at_once(tx, &a, &c, &moved, &r.reason).await?;
            }
        }
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
