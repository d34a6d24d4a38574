//! The house as data: entities, brands, desks, settings.

use crate::kit::{At, At2, Items, Reply, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::known::{self, Known};
use qd_kernel::{Currency, Problem};
use qd_runtime::access::Caller;
use qd_runtime::settings::{self, Setting};
use qd_runtime::tenancy::{self, Brand, Desk, DeskKind, Entity, EntityConfig, KeptVersion};
use qd_web::{Answer, Asker, Body, IdempotencyKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The entities I may enter.
#[utoipa::path(get, path = "/api/v1/entities", tag = "house", responses((status = 200, body = Items<Entity>)))]
pub async fn entities(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let all = tenancy::entities(tx).await?;
        let items: Vec<&Entity> = all.iter().map(|e| &**e).filter(|e| caller.enters(Some(&e.code))).collect();
        serde_json::to_value(Items { items }).map_err(Problem::from)
    })
    .await
}

/// One entity with its whole rule book.
#[utoipa::path(get, path = "/api/v1/entities/{code}", tag = "house", responses((status = 200, body = Entity)))]
pub async fn entity(State(app): State<App>, Asker(caller): Asker, At(code): At<String>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        entered(&caller, &code)?;
        Ok(serde_json::to_value(&*tenancy::get(tx, &code).await?)?)
    })
    .await
}

fn entered(caller: &Caller, code: &str) -> qd_kernel::Result<()> {
    if caller.enters(Some(code)) {
        Ok(())
    } else {
        Err(Problem::missing("entity"))
    }
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Northwind Markets EU", "country": "CY", "base_currency": "EUR", "regulator": "CySEC", "config": {}, "version": 1, "reason": "Higher minimum deposit."}))]
pub struct PutEntity {
    name: String,
    country: String,
    base_currency: Currency,
    regulator: String,
    /// The whole rule book.
    config: EntityConfig,
    /// The version the change starts from; 0 for a new entity.
    version: i64,
    reason: String,
}

/// Saves an entity as a new version. Needs a fresh proof.
#[utoipa::path(put, path = "/api/v1/entities/{code}", tag = "house", request_body = PutEntity, responses((status = 200, body = Entity)))]
pub async fn put_entity(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(code): At<String>,
    Body(req): Body<PutEntity>,
) -> Reply<Answer> {
    caller.require_step_up(app.core.now())?;
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "entity.put", &(&code.clone(), &req), 200, async move |tx| {
        let r = r.clone();
        let draft = Entity {
            code: code.clone(),
            name: r.name,
            country: r.country,
            base_currency: r.base_currency,
            regulator: r.regulator,
            config: r.config,
            version: r.version,
        };
        let saved = tenancy::put_entity(tx, &core, &c, draft, &r.reason).await?;
        Ok(serde_json::to_value(&*saved)?)
    })
    .await
}

/// All brands of the entities I may enter.
#[utoipa::path(get, path = "/api/v1/brands", tag = "house", responses((status = 200, body = Items<Brand>)))]
pub async fn brands(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let mut items = tenancy::brands(tx).await?;
        items.retain(|b| caller.enters(Some(&b.entity)));
        Ok(Items { items })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"entity": "eu", "name": "Northwind", "host": "trade.northwind.example", "mail_from": "Northwind <hello@northwind.example>", "languages": ["en", "de"], "hue": 210, "version": 1, "reason": "New colour."}))]
pub struct PutBrand {
    entity: String,
    name: String,
    host: String,
    mail_from: String,
    languages: Vec<String>,
    /// 0 to 359 degrees.
    hue: u32,
    version: i64,
    reason: String,
}

/// Saves a brand as a new version.
#[utoipa::path(put, path = "/api/v1/brands/{code}", tag = "house", request_body = PutBrand, responses((status = 200, body = Brand)))]
pub async fn put_brand(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(code): At<String>,
    Body(req): Body<PutBrand>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "brand.put", &(&code.clone(), &req), 200, async move |tx| {
        let r = r.clone();
        let draft = Brand {
            code: code.clone(),
            entity: r.entity,
            name: r.name,
            host: r.host,
            mail_from: r.mail_from,
            languages: r.languages,
            hue: r.hue,
            version: r.version,
        };
        tenancy::put_brand(tx, &core, &c, draft, &r.reason).await
    })
    .await
}

/// All desks I may know of.
#[utoipa::path(get, path = "/api/v1/desks", tag = "house", responses((status = 200, body = Items<Desk>)))]
pub async fn desks(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let mut items = tenancy::desks(tx).await?;
        items.retain(|d| d.entity.is_none() || caller.enters(d.entity.as_deref()));
        Ok(Items { items })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"entity": "eu", "name": "German desk", "kind": "sales", "languages": ["de"], "version": 1, "reason": "Renamed."}))]
pub struct PutDesk {
    #[serde(default)]
    entity: Option<String>,
    name: String,
    /// `sales`, `retention`, `partner`, `support`.
    kind: DeskKind,
    languages: Vec<String>,
    version: i64,
    reason: String,
}

/// Saves a desk as a new version.
#[utoipa::path(put, path = "/api/v1/desks/{code}", tag = "house", request_body = PutDesk, responses((status = 200, body = Desk)))]
pub async fn put_desk(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(code): At<String>,
    Body(req): Body<PutDesk>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "desk.put", &(&code.clone(), &req), 200, async move |tx| {
        let r = r.clone();
        let draft = Desk {
            code: code.clone(),
            entity: r.entity,
            name: r.name,
            kind: r.kind,
            languages: r.languages,
            version: r.version,
        };
        tenancy::put_desk(tx, &core, &c, draft, &r.reason).await
    })
    .await
}

/// All versions of an `entity`, `brand`, `desk`, `rule_set` or `setting`, the newest first.
#[utoipa::path(get, path = "/api/v1/history/{kind}/{code}", tag = "house", responses((status = 200, body = Items<KeptVersion>)))]
pub async fn history(State(app): State<App>, Asker(caller): Asker, At2(kind, code): At2<String, String>) -> Reply<Json<Value>> {
    if !matches!(kind.as_str(), "entity" | "brand" | "desk" | "rule_set" | "setting") {
        return Err(Problem::invalid("kind", "value_unknown", "expected entity, brand, desk, rule_set or setting").into());
    }
    read(&app, async move |tx| {
        match kind.as_str() {
            "entity" => entered(&caller, &code)?,
            "brand" => entered(&caller, &tenancy::brand(tx, &code).await?.entity)?,
            "setting" => visible(&caller, code.split('~').next().unwrap_or_default())?,
            _ => {}
        }
        // A setting's name has a slash of its own; in the path it is a tilde.
        let code = if kind == "setting" {
            code.replacen('~', "/", 1)
        } else {
            code.clone()
        };
        tenancy::history(tx, &kind, &code).await.map(Items::from)
    })
    .await
}

/// Settings of an entity are for those who may enter it; the global ones everybody with the right
/// sees.
fn visible(caller: &Caller, scope: &str) -> qd_kernel::Result<()> {
    match scope.strip_prefix("entity:") {
        Some(e) if !caller.enters(Some(e)) => Err(Problem::missing("setting")),
        _ => Ok(()),
    }
}

/// All settings I may see.
#[utoipa::path(get, path = "/api/v1/settings", tag = "house", responses((status = 200, body = Items<Setting>)))]
pub async fn settings_list(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let mut items = settings::list(tx, None).await?;
        items.retain(|s| visible(&caller, &s.scope).is_ok());
        Ok(Items { items })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"value": {"base": "EUR", "source": "ecb", "rates": {"USD": "1.0842"}}, "version": 3, "reason": "Rates of the day."}))]
pub struct PutSetting {
    value: Value,
    /// The version the change starts from; 0 for a new one.
    version: i64,
    reason: String,
}

/// The settings the program reads: where each may stand and what counts without it.
#[utoipa::path(get, path = "/api/v1/settings/known", tag = "house", responses((status = 200, body = Items<Known>)))]
pub async fn settings_known(State(app): State<App>) -> Reply<Json<Value>> {
    read(&app, async move |_| Ok(Items { items: known::all()? })).await
}

/// Saves a setting as a new version. What its reader could not use is refused, with the pointer of
/// the place below `/value`.
#[utoipa::path(put, path = "/api/v1/settings/{scope}/{key}", tag = "house", request_body = PutSetting, responses((status = 200, body = Setting)))]
pub async fn put_setting(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At2(scope, name): At2<String, String>,
    Body(req): Body<PutSetting>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(
        &app,
        &caller,
        key,
        "setting.put",
        &(&scope.clone(), &name.clone(), &req),
        200,
        async move |tx| {
            known::check(&scope, &name, &r.value)?;
            settings::put(tx, &core, &c, &scope, &name, r.version, &r.value, &r.reason).await
        },
    )
    .await
}
