//! Notifications of whoever is signed in, client or staff.

use crate::kit::{At, Reply, list_query, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_notify::{Notification, NotificationId};
use qd_web::{Answer, Asker, IdempotencyKey, Params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

list_query!(Notifications {
    /// Only those not read yet.
    unread: bool as bool,
});

#[derive(Serialize, ToSchema)]
#[schema(as = NotificationPage)]
pub struct Notices {
    items: Vec<Notification>,
    next_cursor: Option<String>,
    /// Of all, not of this page.
    unread: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = UnreadNotifications)]
pub struct Unread {
    /// How many are left.
    unread: i64,
}

/// My notifications, the newest first.
#[utoipa::path(get, path = "/api/v1/me/notifications", tag = "live", params(Notifications), responses((status = 200, body = Notices)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Notifications>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        let p = qd_notify::list_mine(tx, &caller, q.unread.unwrap_or(false), &page).await?;
        Ok(Notices {
            items: p.items,
            next_cursor: p.next_cursor,
            unread: qd_notify::unread(tx, &caller).await?,
        })
    })
    .await
}

/// Marks one as read.
#[utoipa::path(post, path = "/api/v1/me/notifications/{id}/read", tag = "live", responses((status = 200, body = Unread)))]
pub async fn read_one(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<NotificationId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "notification.read", &id, 200, async move |tx| {
        qd_notify::mark_read(tx, &core, &c, id).await?;
        Ok(Unread {
            unread: qd_notify::unread(tx, &c).await?,
        })
    })
    .await
}

/// Marks all as read.
#[utoipa::path(post, path = "/api/v1/me/notifications/read", tag = "live", responses((status = 200, body = Unread)))]
pub async fn read_all(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "notification.read_all", &(), 200, async move |tx| {
        qd_notify::mark_all_read(tx, &core, &c).await?;
        Ok(Unread {
            unread: qd_notify::unread(tx, &c).await?,
        })
    })
    .await
}
