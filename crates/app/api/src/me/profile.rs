//! A client's own record.

use crate::kit::{Reply, list_query, own_client, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::compose_kyc::follow_profile;
use qd_clients::timeline::{self, LineFilter};
use qd_clients::{profile, restrictions};
use qd_runtime::access::mask;
use qd_runtime::tenancy;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// My record: who I am, how far I am, what I may not do for now.
#[utoipa::path(get, path = "/api/v1/me", tag = "me", responses((status = 200, body = Value, example = json!({"id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "entity": "eu", "brand": "northwind", "name": "Alex Weber", "email": "alex.weber@example.com", "email_verified": true, "phone": "+49 40 123456", "country": "DE", "language": "de", "stage": "registered", "version": 3, "profile": {"steps": [{"code": "personal", "state": "complete", "missing": [], "values": {"first_name": "Alex"}, "fields": [], "saved_at": 1_790_000_000_000_000_i64}], "resume": "address", "complete": false}, "kyc": {"approved": false, "level": null, "state": "collecting", "missing": ["identity"]}, "restrictions": [], "risk_warning_key": "texts.eu.risk_warning"}))))]
pub async fn get(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| {
        let c = own_client(tx, &caller).await?;
        let entity = tenancy::get(tx, &c.entity).await?;
        let kyc = qd_kyc::gate(tx, &c.id.to_string(), now).await?;
        let limits: Vec<Value> = restrictions::in_force(tx, c.id)
            .await?
            .iter()
            .map(|r| json!({"kind": r.kind, "reason": r.told.then_some(&r.reason), "at": r.at}))
            .collect();
        Ok(json!({
            "id": c.id, "entity": c.entity, "brand": c.brand, "name": c.name(), "first_name": c.first_name, "last_name": c.last_name, "email": c.email,
            "email_verified": c.email_verified_at.is_some(), "phone": c.phone.as_ref().map(|p| if c.unproven() { mask::COVERED } else { p.as_str() }), "country": c.country, "language": c.language, "stage": c.stage, "version": c.version,
            "profile": profile::profile(tx, &caller, c.id).await?,
            "kyc": {"approved": kyc.approved, "level": kyc.level, "state": kyc.state, "missing": kyc.missing},
            "restrictions": limits, "currencies": entity.config.currencies, "base_currency": entity.base_currency, "texts": entity.config.texts,
        }))
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"step": "address", "values": {"street": "Elbchaussee 1", "postal_code": "22765", "city": "Hamburg", "country": "DE"}}))]
pub struct SaveStep {
    /// Code of a profile step.
    step: String,
    /// Fields by code; those not given stay as they are, null clears. Half a step may be saved.
    #[schema(value_type = Object)]
    values: Map<String, Value>,
}

/// Saves a step of my profile, whole or in part; answers the profile with where to go on.
#[utoipa::path(patch, path = "/api/v1/me", tag = "me", request_body = SaveStep, responses((status = 200, body = Value, example = json!({"steps": [], "resume": "employment", "complete": false}))))]
pub async fn put_step(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<SaveStep>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "profile.save", &req, 200, async move |tx| {
        let client = own_client(tx, &c).await?;
        let p = profile::save_step(tx, &core, &c, client.id, &r.step, r.values.clone()).await?;
        follow_profile(tx, &core, client.id).await?;
        Ok(p)
    })
    .await
}

list_query!(MyTimeline {
    /// Only lines of this kind.
    kind: String as String,
});

/// What happened, as far as it is for me to read.
#[utoipa::path(get, path = "/api/v1/me/timeline", tag = "me", params(MyTimeline), responses((status = 200, body = Value, example = json!({"items": [{"id": "tln_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "at": 1_790_000_000_000_000_i64, "kind": "kyc", "title_key": "timeline.kyc_submitted", "data": {}, "visibility": "client", "by": ""}], "next_cursor": null}))))]
pub async fn timeline(State(app): State<App>, Asker(caller): Asker, Params(q): Params<MyTimeline>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        let c = own_client(tx, &caller).await?;
        let f = LineFilter {
            kinds: q.kind.clone().into_iter().collect(),
            ..LineFilter::default()
        };
        timeline::list(tx, &caller, c.id, &f, &page).await
    })
    .await
}
