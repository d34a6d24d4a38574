//! Duplicates, restrictions, mails of a client.

use super::deposits::Reason;
use crate::kit::{At, Items, Paged, PathPart, Reply, covered, list_query, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::{App, merging};
use qd_clients::ClientId;
use qd_clients::duplicates::{self, Duplicate, DuplicateId, DuplicateState};
use qd_clients::restrictions::{self, Restriction, RestrictionId, RestrictionKind};
use qd_db::Tx;
use qd_kernel::{Page, Problem, Result};
use qd_notify::{Mail, MailId};
use qd_runtime::access::{Caller, LoginHold, Right, logins};
use qd_runtime::approvals::{ApprovalId, ApprovalView, Outcome};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

list_query!(Duplicates {
    /// `open`, `merged`, `linked`, `dismissed`.
    state: DuplicateState as DuplicateState,
    client_id: String as String,
});

/// Proposals that two records are one person, the newest first.
#[utoipa::path(get, path = "/api/v1/duplicates", tag = "clients", params(Duplicates), responses((status = 200, body = Page<Duplicate>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Duplicates>) -> Reply<Json<Value>> {
    let page = q.page()?;
    let client = q.client_id.as_deref().map(|id| ClientId::part("client_id", id)).transpose()?;
    read(&app, async move |tx| duplicates::list(tx, &caller, q.state, client, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"survivor_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "reason": "Same passport."}))]
pub struct Merge {
    /// The record that stays.
    survivor_id: ClientId,
    reason: String,
}

/// Merges the two (one entity) or links them (two entities).
#[utoipa::path(post, path = "/api/v1/duplicates/{id}/merge", tag = "clients", request_body = Merge, responses((status = 200, body = Duplicate)))]
pub async fn merge(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DuplicateId>,
    Body(req): Body<Merge>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "duplicate.merge", &(id, &req), 200, async move |tx| {
        merging::merge(&a, tx, &c, id, r.survivor_id, &r.reason).await
    })
    .await
}

/// They are two people.
#[utoipa::path(post, path = "/api/v1/duplicates/{id}/dismiss", tag = "clients", request_body = Reason, responses((status = 200, body = Duplicate)))]
pub async fn dismiss(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DuplicateId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "duplicate.dismiss", &(id, &req), 200, async move |tx| {
        duplicates::dismiss(tx, &core, &c, id, &r.reason).await
    })
    .await
}

/// Takes a merge or a link apart.
#[utoipa::path(post, path = "/api/v1/duplicates/{id}/undo", tag = "clients", request_body = Reason, responses((status = 200, body = Duplicate)))]
pub async fn undo(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DuplicateId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "duplicate.undo", &(id, &req), 200, async move |tx| {
        merging::undo(&a, tx, &c, id, &r.reason).await
    })
    .await
}

/// The ways into a merged record.
#[derive(Serialize, ToSchema)]
pub struct RestingLogins {
    /// Those that rest because of the merge, and those moved to the record that stayed.
    logins: Vec<LoginHold>,
    /// Who asked to move them and who decided, the latest first.
    approvals: Vec<ApprovalView>,
}

/// The sign-ins that rest because two records were merged.
#[utoipa::path(get, path = "/api/v1/duplicates/{id}/logins", tag = "clients", responses((status = 200, body = RestingLogins)))]
pub async fn logins_of(State(app): State<App>, Asker(caller): Asker, At(id): At<DuplicateId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        let (logins, approvals) = merging::of_duplicate(tx, &c, id).await?;
        Ok(RestingLogins { logins, approvals })
    })
    .await
}

#[derive(Serialize, ToSchema)]
pub struct Asked {
    approval_id: ApprovalId,
}

/// Asks a second person to let the resting sign-ins open the record that stayed. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/duplicates/{id}/logins/move", tag = "clients", request_body = Reason, responses((status = 202, body = Asked)))]
pub async fn move_logins(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DuplicateId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "duplicate.move_logins", &(id, &req), 202, async move |tx| {
        merging::ask_move(&a, tx, &c, id, &r.reason)
            .await
            .map(|approval_id| Asked { approval_id })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"approve": true, "reason": "Called back on the known number."}))]
pub struct LoginVerdict {
    approve: bool,
    /// Needed for a no.
    #[serde(default)]
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct LoginsDecided {
    /// `approved`, `refused`, or `waiting` for more people.
    outcome: &'static str,
}

/// The second person's yes or no to that; a yes moves the sign-ins, and the person is told by mail.
/// Needs a fresh proof, and somebody else than who asked.
#[utoipa::path(post, path = "/api/v1/duplicates/{id}/logins/decide", tag = "clients", request_body = LoginVerdict, responses((status = 200, body = LoginsDecided)))]
pub async fn decide_logins(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DuplicateId>,
    Body(req): Body<LoginVerdict>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "duplicate.decide_logins", &(id, &req), 200, async move |tx| {
        let outcome = match merging::decide_move(&a, tx, &c, id, r.approve, &r.reason).await? {
            Outcome::Refused => "refused",
            Outcome::Approved => "approved",
            Outcome::Waiting { .. } => "waiting",
        };
        Ok(LoginsDecided { outcome })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RestrictClient, example = json!({"kind": "withdrawals", "reason": "Source of funds under review.", "told": false}))]
pub struct Restrict {
    /// `deposits`, `withdrawals`, `trading`, `sign_in`, `everything`.
    kind: RestrictionKind,
    reason: String,
    /// The client may read the reason.
    #[serde(default)]
    told: bool,
}

/// Restricts a client. `sign_in` and `everything` end their sessions.
#[utoipa::path(post, path = "/api/v1/clients/{id}/restrictions", tag = "clients", request_body = Restrict, responses((status = 201, body = Restriction)))]
pub async fn restrict(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<Restrict>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "client.restrict", &(id, &req), 201, async move |tx| {
        let done = restrictions::restrict(tx, &a.core, &c, id, r.kind, &r.reason, r.told).await?;
        doors(tx, &a, &c, id, &r.reason).await?;
        Ok(done)
    })
    .await
}

impl PathPart for RestrictionId {
    fn part(name: &str, text: &str) -> Result<Self> {
        RestrictionId::parse(text).map_err(|_| Problem::invalid(name, "id_malformed", "expected an id like rst_ followed by 26 characters"))
    }
}

/// Takes a restriction off.
#[utoipa::path(post, path = "/api/v1/clients/{id}/restrictions/{restriction}/lift", tag = "clients", request_body = Reason, responses((status = 200, body = Items<Restriction>)))]
pub async fn lift(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    crate::kit::At2(id, restriction): crate::kit::At2<ClientId, RestrictionId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "client.lift", &(id, restriction, &req), 200, async move |tx| {
        if !restrictions::in_force(tx, id).await?.iter().any(|x| x.id == restriction) {
            return Err(Problem::missing("restriction"));
        }
        restrictions::lift(tx, &a.core, &c, restriction, &r.reason).await?;
        doors(tx, &a, &c, id, &r.reason).await?;
        restrictions::in_force(tx, id).await.map(Items::from)
    })
    .await
}

/// The ways in are open exactly while nothing in force shuts them.
async fn doors(tx: &mut Tx, app: &App, caller: &Caller, id: ClientId, reason: &str) -> Result<()> {
    let shut = merging::shut(tx, id).await?;
    logins::set_enabled(tx, &app.access, caller, &id.to_string(), !shut, reason).await
}

/// Mails to a client, the newest first. Links that open an account are never shown.
#[utoipa::path(get, path = "/api/v1/clients/{id}/mails", tag = "clients", params(Paged), responses((status = 200, body = Page<Mail>)))]
pub async fn mails(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        qd_clients::get(tx, &caller, Right::MailView, id).await?;
        qd_notify::mails_of(tx, &caller, &id.to_string(), &page).await
    })
    .await
}

/// One mail with its content.
#[utoipa::path(get, path = "/api/v1/mails/{id}", tag = "clients", responses((status = 200, body = Mail)))]
pub async fn mail(State(app): State<App>, Asker(caller): Asker, At(id): At<MailId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let m = qd_notify::mail_view(tx, &caller, id).await?;
        match &m.client_id {
            Some(c) => qd_clients::get(tx, &caller, Right::MailView, ClientId::parse(c)?)
                .await
                .map(|_| ())?,
            None => crate::kit::within(tx, &caller, Right::MailView, None).await?,
        }
        Ok(m)
    })
    .await
}
