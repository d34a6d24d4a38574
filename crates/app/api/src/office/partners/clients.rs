//! Whose client is whose, and on what evidence.

use crate::kit::{At, Paged, Reply, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Page, Problem, Result, Ts};
use qd_partners::attribution::{Eligibility, Share};
use qd_partners::corrections::Request;
use qd_partners::programmes::{self, Standing};
use qd_partners::reading::{self, ClientLine};
use qd_partners::{PartnerId, attribution};
use qd_runtime::access::{Caller, Mask, Right};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

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
    /// Where the client stands in the programme of each partner who brought the client.
    programmes: Vec<Standing>,
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
            programmes: programmes::of_client(tx, &caller, &text).await?,
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
    /// From when; now without it. With an earlier date the open period is booked anew; what would
    /// change closed periods is refused (`correction_needed`).
    #[serde(default)]
    at_us: Option<i64>,
    reason: String,
}

/// Moves a client to another partner, from a time on.
#[utoipa::path(post, path = "/api/v1/clients/{id}/partner", tag = "partners", request_body = Reassign, responses((status = 200, body = Share)))]
pub async fn reassign(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<Reassign>,
) -> Reply<Answer> {
    let (a, core, c, r) = (app.clone(), app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "client.partner", &(id, &req), 200, async move |tx| {
        let client = qd_clients::get(tx, &c, Right::PartnersManage, id).await?;
        let now = core.now();
        if let Some(at_us) = r.at_us.filter(|at| Ts(*at) < now) {
            let moved = Request::ClientMoved {
                client_id: id.to_string(),
                partner: r.partner,
                at_us,
            };
            super::corrections::at_once(tx, &a, &c, &moved, &r.reason).await?;
            return attribution::evidence(tx, &c, &id.to_string())
                .await?
                .pop()
                .ok_or_else(|| Problem::missing("attribution"));
        }
        let at = r.at_us.map_or(now, Ts);
        let share = attribution::reassign(tx, &core, &c, &id.to_string(), &client.entity, r.partner, at, &r.reason).await?;
        super::attribution::moved(&a, tx, &c, &id.to_string(), r.partner, &r.reason).await?;
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
