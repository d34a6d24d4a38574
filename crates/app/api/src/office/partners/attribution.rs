//! Whose client is whose: evidence, claims, signs of self-referral, the rules in force.

use crate::kit::{At, Reply, list_query, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::{App, partner_news};
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Page, Problem, Result};
use qd_partners::attribution::{self, Claim, ClaimFilter, ClaimState, Evidence, NewClaim, Rules, Verdict};
use qd_partners::privacy::Privacy;
use qd_partners::signals::{self, CaseState, ReferralCase};
use qd_partners::{ClaimId, PartnerId};
use qd_runtime::access::{Caller, Right};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// All that is known about whose client this is: touches, claims, what each model would say, who else
/// came from the same place.
#[utoipa::path(get, path = "/api/v1/clients/{id}/attribution", tag = "partners", responses((status = 200, body = Evidence)))]
pub async fn evidence(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    let key = app.links.clone();
    read(&app, async move |tx| {
        qd_clients::get(tx, &caller, Right::PartnersView, id).await?;
        attribution::evidence_of(tx, &key, &caller, &id.to_string()).await
    })
    .await
}

list_query!(Claims {
    state: ClaimState as ClaimState,
    partner_id: String as String,
    client_id: String as String,
});

/// Partners' claims to clients, the newest first.
#[utoipa::path(get, path = "/api/v1/attribution/claims", tag = "partners", params(Claims), responses((status = 200, body = Page<Claim>)))]
pub async fn claims(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Claims>) -> Reply<Json<Value>> {
    let page = q.page()?;
    let filter = ClaimFilter {
        state: q.state,
        partner: q.partner_id.as_deref().map(PartnerId::parse).transpose()?,
        client: q.client_id,
    };
    read(&app, async move |tx| attribution::claims(tx, &caller, &filter, &page).await).await
}

/// One claim, with what was seen when it was decided.
#[utoipa::path(get, path = "/api/v1/attribution/claims/{id}", tag = "partners", responses((status = 200, body = Claim)))]
pub async fn claim(State(app): State<App>, Asker(caller): Asker, At(id): At<ClaimId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| attribution::claim(tx, &caller, id).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"client": "alex.weber@example.com", "evidence": "Came to our seminar on 3 March, signed form attached to ticket 81."}))]
pub struct FileClaim {
    /// The client: an id, an address or a trading login.
    pub client: String,
    /// Why the client is the partner's.
    pub evidence: String,
}

/// Whom a name means: an id, an address, a login. Nobody, or more than one, is nobody.
pub(crate) async fn named(tx: &mut Tx, text: &str) -> Result<Option<(String, String)>> {
    let t = text.trim();
    let id = match ClientId::parse(t) {
        Ok(id) => Some(id),
        Err(_) => {
            let rows = qd_clients::search::find(tx, &Caller::system("claims"), t).await?;
            match rows.as_slice() {
                [one] => Some(one.id),
                _ => None,
            }
        }
    };
    Ok(match id {
        Some(id) => qd_clients::find(tx, id).await?.map(|c| (c.id.to_string(), c.entity)),
        None => None,
    })
}

/// Files a claim for a partner. Somebody else decides it.
#[utoipa::path(post, path = "/api/v1/partners/{id}/claims", tag = "partners", request_body = FileClaim, responses((status = 201, body = Claim)))]
pub async fn file(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<FileClaim>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "claim.file", &(id, &req), 201, async move |tx| {
        let new = NewClaim {
            client: named(tx, &r.client).await?,
            named: r.client.clone(),
            evidence: r.evidence.clone(),
            file_id: None,
        };
        attribution::file_claim(tx, &core, &c, Some(id), new).await
    })
    .await
}

/// Decides a claim. Accepted, the client is the partner's from then on; nothing is paid backwards.
#[utoipa::path(post, path = "/api/v1/attribution/claims/{id}/decide", tag = "partners", request_body = Verdict, responses((status = 200, body = Claim)))]
pub async fn decide(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClaimId>,
    Body(req): Body<Verdict>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "claim.decide", &(id, &req), 200, async move |tx| {
        let entity = match &r.client_id {
            Some(text) => named(tx, text).await?.map(|(_, e)| e),
            None => None,
        };
        let done = attribution::decide_claim(tx, &a.core, &a.links, &c, id, &r, entity.as_deref()).await?;
        if r.accept
            && let Some(client) = &done.client_id
        {
            moved(&a, tx, &c, client, Some(done.partner_id), &r.reason).await?;
        }
        Ok(done)
    })
    .await
}

/// The record follows, and what the client shares with the new partner is looked at.
pub(crate) async fn moved(app: &App, tx: &mut Tx, caller: &Caller, client: &str, to: Option<PartnerId>, reason: &str) -> Result<()> {
    let id = ClientId::parse(client)?;
    qd_clients::set_partner(tx, &app.core, caller, id, to.map(|p| p.to_string()), reason).await?;
    let c = qd_clients::find(tx, id).await?.ok_or_else(|| Problem::missing("client"))?;
    partner_news::look(app, tx, &c).await
}

list_query!(Referrals {
    state: CaseState as CaseState,
    partner_id: String as String,
});

/// Clients who share something with the partner who brought them, the newest first. Decided at the
/// client: `POST /api/v1/clients/{id}/partner/decide`.
#[utoipa::path(get, path = "/api/v1/attribution/referrals", tag = "partners", params(Referrals), responses((status = 200, body = Page<ReferralCase>)))]
pub async fn referrals(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Referrals>) -> Reply<Json<Value>> {
    let page = q.page()?;
    let partner = q.partner_id.as_deref().map(PartnerId::parse).transpose()?;
    read(&app, async move |tx| signals::cases(tx, &caller, q.state, partner, &page).await).await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OfEntity {
    pub entity: String,
}

/// How an entity decides whose client is whose, and what its partners see of them. Changed as the
/// settings `attribution` and `partner_privacy` of `entity:…` or `global`.
#[derive(Serialize, ToSchema)]
pub struct AttributionSettings {
    entity: String,
    rules: Rules,
    privacy: Privacy,
}

/// The rules in force in an entity.
#[utoipa::path(get, path = "/api/v1/attribution/rules", tag = "partners", params(OfEntity), responses((status = 200, body = AttributionSettings)))]
pub async fn rules(State(app): State<App>, Asker(caller): Asker, Params(q): Params<OfEntity>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        caller.require(Right::PartnersView)?;
        if !caller.enters(Some(&q.entity)) {
            return Err(Problem::missing("entity"));
        }
        Ok(AttributionSettings {
            rules: Rules::of(tx, &q.entity).await?,
            privacy: Privacy::of(tx, &q.entity).await?,
            entity: q.entity.clone(),
        })
    })
    .await
}
