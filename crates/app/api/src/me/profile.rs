//! A client's own record.

use crate::kit::{Items, Reply, list_query, own_client, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::compose_kyc::follow_profile;
use qd_clients::consents::{self, KeptConsent};
use qd_clients::profile::Profile;
use qd_clients::restrictions::RestrictionKind;
use qd_clients::timeline::{self, LineFilter};
use qd_clients::{ClientId, Stage, profile, restrictions};
use qd_db::Tx;
use qd_kernel::{Class, Currency, Page, Result, Ts};
use qd_kyc::{CaseState, Level};
use qd_partners::partner::{self, PartnerState};
use qd_runtime::access::{Caller, mask};
use qd_runtime::tenancy;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A client's own record.
#[derive(Serialize, ToSchema)]
pub struct Me {
    id: ClientId,
    entity: String,
    brand: String,
    name: String,
    first_name: String,
    last_name: String,
    email: Option<String>,
    email_verified: bool,
    /// Covered until the address is proven: before that it may be somebody else's.
    phone: Option<String>,
    /// Residence, two capital letters.
    country: String,
    language: String,
    stage: Stage,
    version: i64,
    profile: Profile,
    kyc: MyKyc,
    /// How far I am as a partner; none: never asked to become one.
    partner: Option<PartnerState>,
    /// What I may not do for now.
    restrictions: Vec<MyRestriction>,
    /// Wallet currencies on offer.
    currencies: Vec<Currency>,
    base_currency: Currency,
    /// Catalogue keys of the texts that differ by licence, by their use: `risk_warning`, `terms`…
    texts: BTreeMap<String, String>,
}

/// How far my verification is.
#[derive(Serialize, ToSchema)]
pub struct MyKyc {
    approved: bool,
    /// The highest approved level.
    level: Option<Level>,
    /// Of the standard case; none before it is opened.
    state: Option<CaseState>,
    missing: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct MyRestriction {
    kind: RestrictionKind,
    /// Where I may know it.
    reason: Option<String>,
    at_us: Ts,
}

async fn partner_state(tx: &mut Tx, caller: &Caller) -> Result<Option<PartnerState>> {
    match partner::mine(tx, caller).await {
        Ok(p) => Ok(Some(p.state)),
        Err(e) if e.class == Class::Missing => Ok(None),
        Err(e) => Err(e),
    }
}

/// My record: who I am, how far I am, what I may not do for now.
#[utoipa::path(get, path = "/api/v1/me", tag = "me", responses((status = 200, body = Me)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| {
        let c = own_client(tx, &caller).await?;
        let entity = tenancy::get(tx, &c.entity).await?;
        let kyc = qd_kyc::gate(tx, &c.id.to_string(), now).await?;
        let limits = restrictions::in_force(tx, c.id)
            .await?
            .into_iter()
            .map(|r| MyRestriction {
                kind: r.kind,
                reason: r.told.then_some(r.reason),
                at_us: r.at,
            })
            .collect();
        let phone = match (&c.phone, c.unproven()) {
            (Some(_), true) => Some(mask::COVERED.to_string()),
            (p, _) => p.clone(),
        };
        Ok(Me {
            id: c.id,
            name: c.name(),
            email_verified: c.email_verified_at.is_some(),
            phone,
            profile: profile::profile(tx, &caller, c.id).await?,
            kyc: MyKyc {
                approved: kyc.approved,
                level: kyc.level,
                state: kyc.state,
                missing: kyc.missing,
            },
            partner: partner_state(tx, &caller).await?,
            restrictions: limits,
            currencies: entity.config.currencies.clone(),
            base_currency: entity.base_currency,
            texts: entity.config.texts.clone(),
            entity: c.entity,
            brand: c.brand,
            first_name: c.first_name,
            last_name: c.last_name,
            email: c.email,
            country: c.country,
            language: c.language,
            stage: c.stage,
            version: c.version,
        })
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
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    values: Map<String, Value>,
}

/// Saves a step of my profile, whole or in part; answers the profile with where to go on.
#[utoipa::path(patch, path = "/api/v1/me", tag = "me", request_body = SaveStep, responses((status = 200, body = Profile)))]
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
#[utoipa::path(get, path = "/api/v1/me/timeline", tag = "me", params(MyTimeline), responses((status = 200, body = Page<timeline::Line>)))]
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

/// What I agreed to, the newest first: which text, in which version, when.
#[utoipa::path(get, path = "/api/v1/me/consents", tag = "me", responses((status = 200, body = Items<KeptConsent>)))]
pub async fn consents(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let me = own_client(tx, &caller).await?;
        consents::until(tx, me.id, Ts(i64::MAX)).await.map(Items::from)
    })
    .await
}
