//! Notifications of whoever is signed in, client or staff.

use crate::kit::{At, Reply, list_query, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_notify::NotificationId;
use qd_web::{Answer, Asker, IdempotencyKey, Params};
use serde_json::{Value, json};

list_query!(Notifications {
    /// Only those not read yet.
    unread: bool as bool,
});

/// My notifications, the newest first.
#[utoipa::path(get, path = "/api/v1/me/notifications", tag = "live", params(Notifications), responses((status = 200, body = Value, example = json!({"items": [{"id": "ntf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "kind": "lead.assigned", "title_key": "notify.lead_assigned", "data": {"name": "Alex Weber"}, "object": "client:cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "created_at": 1_790_000_000_000_000_i64, "read_at": null}], "next_cursor": null, "unread": 1}))))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Notifications>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        let p = qd_notify::list_mine(tx, &caller, q.unread.unwrap_or(false), &page).await?;
        Ok(json!({"items": p.items, "next_cursor": p.next_cursor, "unread": qd_notify::unread(tx, &caller).await?}))
    })
    .await
}

/// Marks one as read.
#[utoipa::path(post, path = "/api/v1/me/notifications/{id}/read", tag = "live", responses((status = 200, body = Value, example = json!({"unread": 0}))))]
pub async fn read_one(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<NotificationId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "notification.read", &id, 200, async move |tx| {
        qd_notify::mark_read(tx, &core, &c, id).await?;
        Ok(json!({"unread": qd_notify::unread(tx, &c).await?}))
    })
    .await
}

/// Marks all as read.
#[utoipa::path(post, path = "/api/v1/me/notifications/read", tag = "live", responses((status = 200, body = Value, example = json!({"unread": 0}))))]
pub async fn read_all(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "notification.read_all", &(), 200, async move |tx| {
        qd_notify::mark_all_read(tx, &core, &c).await?;
        Ok(json!({"unread": qd_notify::unread(tx, &c).await?}))
    })
    .await
}
