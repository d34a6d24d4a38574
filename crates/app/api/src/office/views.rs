//! Saved views of lists.

use super::{clients, control, deposits, kyc, tickets, withdrawals};
use crate::kit::{At, Items, Reply, read, write};
use axum::Json;
use axum::extract::State;
use http::Uri;
use qd_app::App;
use qd_kernel::Problem;
use qd_runtime::access::Caller;
use qd_support::views::{self, Draft, ListName, View, ViewId};
use qd_web::{Answer, ApiProblem, Asker, Body, IdempotencyKey, Params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OfList {
    /// Only the views of this list.
    pub list: Option<ListName>,
}

/// My views and my team's, defaults first: a person's own before the desk's before the role's.
#[utoipa::path(get, path = "/api/v1/views", tag = "views", params(OfList), responses((status = 200, body = Items<View>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<OfList>) -> Reply<Json<Value>> {
    read(&app, async move |tx| views::list(tx, &caller, q.list).await.map(Items::from)).await
}

/// Saves a view for me, or for my team.
#[utoipa::path(post, path = "/api/v1/views", tag = "views", request_body = Draft, responses((status = 201, body = View)))]
pub async fn add(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<Draft>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "view.add", &req, 201, async move |tx| {
        views::put(tx, &core, &c, None, r.clone()).await
    })
    .await
}

/// One view.
#[utoipa::path(get, path = "/api/v1/views/{id}", tag = "views", responses((status = 200, body = View)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<ViewId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| views::get(tx, &caller, id).await).await
}

/// Changes a view, from a version.
#[utoipa::path(put, path = "/api/v1/views/{id}", tag = "views", request_body = Draft, responses((status = 200, body = View)))]
pub async fn put(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ViewId>,
    Body(req): Body<Draft>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "view.put", &(id, &req), 200, async move |tx| {
        views::put(tx, &core, &c, Some(id), r.clone()).await
    })
    .await
}

/// Removes a view.
#[utoipa::path(delete, path = "/api/v1/views/{id}", tag = "views", responses((status = 204)))]
pub async fn remove(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<ViewId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "view.remove", &id, 204, async move |tx| {
        views::remove(tx, &core, &c, id).await?;
        Ok(json!({}))
    })
    .await
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "viw_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "count": 200, "more": true, "code": null}))]
pub struct ViewCount {
    id: ViewId,
    /// Rows the view shows me; 200 at the most.
    count: Option<i64>,
    /// There are more than that.
    more: bool,
    /// Why there is no count: the problem's code. A view whose filters the list does not take any
    /// more, or a list that is not counted.
    code: Option<String>,
}

/// How many rows each of my views shows, counted to 200.
#[utoipa::path(get, path = "/api/v1/views/counts", tag = "views", params(OfList), responses((status = 200, body = Items<ViewCount>)))]
pub async fn counts(State(app): State<App>, Asker(caller): Asker, Params(q): Params<OfList>) -> Reply<Json<Value>> {
    let c = caller.clone();
    let mine = app.core.db.read(async move |tx| views::list(tx, &c, q.list).await).await?;
    let mut items = Vec::with_capacity(mine.len());
    for v in mine {
        items.push(match rows(&app, &caller, &v).await {
            Ok(found) => ViewCount {
                id: v.id,
                count: found["items"].as_array().map(|i| i64::try_from(i.len()).unwrap_or(i64::MAX)),
                more: found["next_cursor"].is_string(),
                code: None,
            },
            Err(ApiProblem(p)) => ViewCount {
                id: v.id,
                count: None,
                more: false,
                code: Some(p.code.to_string()),
            },
        });
    }
    Ok(Json(serde_json::to_value(Items { items }).map_err(Problem::from)?))
}

/// The view's filters as the list's own parameters. What pages through it is not the view's.
fn params<T: DeserializeOwned>(query: &str) -> Reply<Params<T>> {
    let own = query
        .split('&')
        .filter(|p| !p.starts_with("limit=") && !p.starts_with("cursor=") && !p.is_empty());
    let query: Vec<&str> = own.chain(std::iter::once("limit=200")).collect();
    let bad = || Problem::invalid("query", "query_malformed", "expected filters of the list");
    let uri: Uri = format!("/?{}", query.join("&")).parse().map_err(|_| bad())?;
    let q = axum::extract::Query::<T>::try_from_uri(&uri).map_err(|_| bad())?;
    Ok(Params(q.0))
}

/// The list itself, as the caller would read it: a count says no more than the list does.
async fn rows(app: &App, caller: &Caller, v: &View) -> Reply<Value> {
    let (s, a) = (State(app.clone()), Asker(caller.clone()));
    let Json(found) = match v.list {
        ListName::Clients => clients::list(s, a, params(&v.query)?).await?,
        ListName::Leads => clients::leads(s, a, params(&v.query)?).await?,
        ListName::Deposits => deposits::list(s, a, params(&v.query)?).await?,
        ListName::Withdrawals => withdrawals::list(s, a, params(&v.query)?).await?,
        ListName::Kyc => kyc::queue(s, a, params(&v.query)?).await?,
        ListName::Tickets => tickets::list(s, a, params(&v.query)?).await?,
        ListName::Exceptions => control::exceptions_list(s, a, params(&v.query)?).await?,
        _ => return Err(Problem::invalid("list", "list_not_counted", "this list is not counted").into()),
    };
    Ok(found)
}
