//! The one record of a person: lists, search, the record itself, and what staff do with it.

use crate::kit::{At, Items, Reply, covered, list_query, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::compose_kyc::follow_profile;
use qd_clients::consents::{self, KeptConsent};
use qd_clients::{Client, ClientId, Command, Filter, NewLead, Patch, Row, Sort, Stage, Status, Taken, Touch};
use qd_kernel::{Page, Problem, Ts};
use qd_runtime::access::logins::{self, LoginView};
use qd_runtime::access::{StaffId, Who};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

list_query!(Clients {
    stage: Stage as Stage,
    status: Status as Status,
    owner_id: StaffId as StaffId,
    /// Those that nobody owns.
    unowned: bool as bool,
    desk: String as String,
    entity: String as String,
    brand: String as String,
    country: String as String,
    language: String as String,
    kyc_state: String as String,
    tag: String as String,
    campaign: String as String,
    partner_id: String as String,
    vip: bool as bool,
    created_from_us: i64 as i64,
    created_until_us: i64 as i64,
    /// `newest` (without a word), `oldest`, `name`, `activity`.
    sort: Sort as Sort,
});

impl Clients {
    pub(crate) fn filter(&self) -> Filter {
        Filter {
            stage: self.stage,
            status: self.status,
            owner_id: self.owner_id,
            unowned: self.unowned.unwrap_or(false),
            desk: self.desk.clone(),
            entity: self.entity.clone(),
            brand: self.brand.clone(),
            country: self.country.clone(),
            language: self.language.clone(),
            kyc_state: self.kyc_state.clone(),
            tag: self.tag.clone(),
            campaign: self.campaign.clone(),
            partner_id: self.partner_id.clone(),
            vip: self.vip,
            created_from: self.created_from_us.map(Ts),
            created_until: self.created_until_us.map(Ts),
        }
    }
}

/// Leads and clients, filtered and sorted, as far as I may see.
#[utoipa::path(get, path = "/api/v1/clients", tag = "clients", params(Clients), responses((status = 200, body = Page<Row>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Clients>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        qd_clients::list(tx, &caller, &q.filter(), q.sort.unwrap_or(Sort::Newest), &page).await
    })
    .await
}

/// Leads, as `GET /clients?stage=lead`.
#[utoipa::path(get, path = "/api/v1/leads", tag = "clients", params(Clients), responses((status = 200, body = Page<Row>)))]
pub async fn leads(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Clients>) -> Reply<Json<Value>> {
    let page = q.page()?;
    let filter = Filter {
        stage: Some(Stage::Lead),
        ..q.filter()
    };
    read(&app, async move |tx| {
        qd_clients::list(tx, &caller, &filter, q.sort.unwrap_or(Sort::Newest), &page).await
    })
    .await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Question {
    /// Words that start a word of the name, a mail address, the end of a telephone number, a login,
    /// a provider's reference.
    q: String,
}

/// Finds clients by the start of words.
#[utoipa::path(get, path = "/api/v1/search", tag = "clients", params(Question), responses((status = 200, body = Items<Row>)))]
pub async fn search(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Question>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        qd_clients::search::find(tx, &caller, &q.q).await.map(Items::from)
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"brand": "northwind", "first_name": "Alex", "last_name": "Weber", "email": "alex.weber@example.com", "phone": "+49 40 123456", "country": "DE", "language": "de", "source": "telephone", "note": "Called about MT5."}))]
pub struct AddLead {
    brand: String,
    first_name: String,
    last_name: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    campaign: String,
    #[serde(default)]
    note: Option<String>,
}

/// Adds a lead by hand, or from a system of ours by its key.
#[utoipa::path(post, path = "/api/v1/clients", tag = "clients", request_body = AddLead, responses((status = 201, body = Taken)))]
pub async fn add(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<AddLead>) -> Reply<Answer> {
    // The right is also the public form's; here somebody of the house writes, or a system of theirs.
    let form = match caller.who {
        Who::ApiKey { .. } => "api",
        _ => caller.staff_id().map(|_| "office")?,
    };
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "client.add", &req, 201, async move |tx| {
        let r = r.clone();
        let touch = Touch {
            source: r.source,
            campaign: r.campaign,
            form: form.into(),
            ..Touch::default()
        };
        let lead = NewLead {
            brand: r.brand,
            first_name: r.first_name,
            last_name: r.last_name,
            email: r.email,
            phone: r.phone,
            country: r.country,
            language: r.language,
            message: r.note,
            touch,
            ..NewLead::default()
        };
        qd_clients::take_lead(tx, &core, &c, lead).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version": 3, "reason": "Client called.", "phone": "+49 40 654321"}))]
pub struct Change {
    /// The version the change starts from.
    version: i64,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    last_name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    birth_date: Option<String>,
    #[serde(default)]
    nationality: Option<String>,
    #[serde(default)]
    status: Option<Status>,
    #[serde(default)]
    vip: Option<bool>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
    custom: Option<Value>,
}

/// Changes the record; fields that are absent stay.
#[utoipa::path(patch, path = "/api/v1/clients/{id}", tag = "clients", request_body = Change, responses((status = 200, body = Client)))]
pub async fn change(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<Change>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "client.change", &(id, &req), 200, async move |tx| {
        let r = r.clone();
        let patch = Patch {
            first_name: r.first_name,
            last_name: r.last_name,
            email: r.email,
            phone: r.phone,
            country: r.country,
            language: r.language,
            birth_date: r.birth_date,
            nationality: r.nationality,
            status: r.status,
            vip: r.vip,
            tags: r.tags,
            custom: r.custom,
        };
        let done = qd_clients::edit(tx, &core, &c, id, r.version, patch, &r.reason).await?;
        follow_profile(tx, &core, id).await?;
        Ok(done)
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"owner_id": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "desk": "german", "reason": "Speaks German."}))]
pub struct Assign {
    #[serde(default)]
    owner_id: Option<StaffId>,
    #[serde(default)]
    desk: Option<String>,
    reason: String,
}

/// Gives a client to a person, a desk, or both, or back to nobody.
#[utoipa::path(post, path = "/api/v1/clients/{id}/assign", tag = "clients", request_body = Assign, responses((status = 200, body = Client)))]
pub async fn assign(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<Assign>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "client.assign", &(id, &req), 200, async move |tx| {
        qd_clients::assign(tx, &core, &c, id, r.owner_id, r.desk.clone(), &r.reason).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"command": "churn", "reason": "Asked to close the account."}))]
pub struct Staged {
    /// `fall_asleep`, `wake` or `churn`. What registration, verification and money do is not by hand.
    command: Command,
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct StageChanged {
    /// False: the client was there already.
    changed: bool,
}

/// Moves a client along by hand.
#[utoipa::path(post, path = "/api/v1/clients/{id}/stage", tag = "clients", request_body = Staged, responses((status = 200, body = StageChanged)))]
pub async fn stage(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<Staged>,
) -> Reply<Answer> {
    if !matches!(req.command, Command::FallAsleep | Command::Wake | Command::Churn) {
        return Err(Problem::invalid("command", "value_unknown", "expected fall_asleep, wake or churn").into());
    }
    if req.reason.trim().is_empty() {
        return Err(Problem::invalid(
            "reason",
            "reason_missing",
            "expected the reason, which staff and auditors will read",
        )
        .into());
    }
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "client.stage", &(id, &req), 200, async move |tx| {
        Ok(StageChanged {
            changed: qd_clients::stage(tx, &core, &c, id, r.command, &r.reason).await?,
        })
    })
    .await
}

/// All of a client's ways in: state, verification, second factor. No secrets.
#[utoipa::path(get, path = "/api/v1/clients/{id}/logins", tag = "clients", responses((status = 200, body = Items<LoginView>)))]
pub async fn logins_of(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        qd_clients::view(tx, &c, id).await?;
        logins::of_client(tx, &id.to_string()).await.map(Items::from)
    })
    .await
}

/// What the client agreed to, the newest first: which text, in which version, when.
#[utoipa::path(get, path = "/api/v1/clients/{id}/consents", tag = "clients", responses((status = 200, body = Items<KeptConsent>)))]
pub async fn consents(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| consents::of_client(tx, &caller, id).await.map(Items::from)).await
}
