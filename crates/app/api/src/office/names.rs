//! Words for ids on the office's screens: whose money, whose case, which login; and to whom work can
//! be given.

use crate::kit::{Items, Reply, read};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Class, Problem, Result};
use qd_runtime::Core;
use qd_runtime::access::staff::{self, StaffBrief};
use qd_runtime::access::{Caller, Right, Role, StaffId};
use qd_trading::TradingAccountId;
use qd_web::{Asker, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Ids in one question.
const MOST: usize = 200;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Clients, staff, trading accounts, separated by commas: `cli_…,stf_…,tacc_…`. At most 200.
    ids: String,
}

/// What people call it: a person's name, an account's login.
#[derive(Serialize, ToSchema)]
#[schema(as = NameOf)]
#[schema(example = json!({"id": "cli_01M61NA0P8MJ8Y554AQAC6B1N4", "name": "Frieda Ziegler"}))]
pub struct Named {
    id: String,
    name: String,
}

/// Nothing for an id nobody has, and for one out of reach: both look the same.
async fn name_of(tx: &mut Tx, core: &Core, caller: &Caller, id: &str) -> Result<Option<String>> {
    let hidden = |p: Problem| match p.class {
        Class::Invalid | Class::Missing | Class::Forbidden => Ok(None),
        _ => Err(p),
    };
    match id.split_once('_').map(|(kind, _)| kind) {
        Some("cli") => match qd_clients::get(tx, caller, Right::ClientsView, ClientId::parse(id)?).await {
            Ok(c) => Ok(Some(format!("{} {}", c.first_name, c.last_name).trim().to_string())),
            Err(p) => hidden(p),
        },
        // Colleagues' names stand beside everything they did: no right is asked.
        Some("stf") => match staff::get(tx, &Caller::system("names"), StaffId::parse(id)?).await {
            Ok(s) => Ok(Some(s.name)),
            Err(p) => hidden(p),
        },
        Some("tacc") => match qd_trading::accounts::get(tx, core, caller, TradingAccountId::parse(id)?).await {
            Ok(a) => Ok(a.login),
            Err(p) => hidden(p),
        },
        _ => Ok(None),
    }
}

/// Names of clients, colleagues and trading accounts, as far as I may see them.
#[utoipa::path(get, path = "/api/v1/names", tag = "house", params(Which), responses((status = 200, body = Items<Named>)))]
pub async fn names(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Which>) -> Reply<Json<Value>> {
    let ids: BTreeSet<String> = q
        .ids
        .split(',')
        .map(str::trim)
        .filter(|i| !i.is_empty())
        .map(str::to_string)
        .collect();
    if ids.len() > MOST {
        return Err(Problem::invalid("ids", "too_many", format!("at most {MOST}")).into());
    }
    let core = app.core.clone();
    read(&app, async move |tx| {
        let mut items = Vec::new();
        for id in &ids {
            if let Some(name) = name_of(tx, &core, &caller, id).await? {
                items.push(Named { id: id.clone(), name });
            }
        }
        Ok(Items { items })
    })
    .await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Colleagues {
    /// A role they have.
    role: Option<Role>,
    /// An entity they may enter.
    entity: Option<String>,
}

/// Colleagues to give work to: active ones, by name.
#[utoipa::path(get, path = "/api/v1/colleagues", tag = "house", params(Colleagues), responses((status = 200, body = Items<StaffBrief>)))]
pub async fn colleagues(State(app): State<App>, Params(q): Params<Colleagues>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let mut items = staff::find(tx, None, q.role, q.entity.as_deref()).await?;
        items.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Items { items })
    })
    .await
}
