//! Links and codes.

use crate::kit::{At, Reply, read, write};
use crate::schema::Items;
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_partners::clicks::{self, Link, NewLink};
use qd_partners::{LinkId, PartnerId};
use qd_web::{Answer, Asker, Body, IdempotencyKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

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
