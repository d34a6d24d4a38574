//! What somebody is told inside a portal. Each notification is a row and an event
//! `notification.created`, which the live stream carries to the recipient's open pages.

use crate::store;
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Result, Ts, id};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right, Who};
use qd_runtime::events::{self, NewEvent};
use serde::Serialize;
use serde_json::{Value, json};

id!(NotificationId, "ntf", "A notification inside a portal.");

#[derive(Clone, Debug)]
pub struct NewNotification {
    /// `stf_…` or `cli_…`.
    pub recipient: String,
    /// At most one ever per recipient and key.
    pub key: Option<String>,
    /// `lead.assigned`, `client.ftd`, …
    pub kind: String,
    /// Catalogue key of the sentence; `data` has its values.
    pub title_key: String,
    pub data: Value,
    /// What a click opens: `client:cli_…`, `withdrawal:wdr_…`.
    pub object: Option<String>,
    pub entity: Option<String>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Notification {
    pub id: NotificationId,
    pub kind: String,
    /// Of the text in the catalogue; `data` fills its places.
    pub title_key: String,
    pub data: Value,
    /// What it is about: `deposit:dep_…`.
    pub object: Option<String>,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    #[serde(rename = "read_at_us")]
    pub read_at: Option<Ts>,
}

/// Tells somebody. None when the recipient was told under this key before.
pub async fn notify(tx: &mut Tx, core: &Core, n: NewNotification) -> Result<Option<NotificationId>> {
    let id = NotificationId::new(&core.env);
    if !store::insert_notification(tx, id, &n, core.now()).await? {
        return Ok(None);
    }
    let field = if n.recipient.starts_with("stf_") { "staff_id" } else { "client_id" };
    let payload =
        json!({field: n.recipient, "notification_id": id, "kind": n.kind, "title_key": n.title_key, "data": n.data, "object": n.object});
    let aggregate = format!("notification:{id}");
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "notification.created",
            aggregate,
            entity: n.entity,
            payload,
        },
    )
    .await?;
    Ok(Some(id))
}

/// Under which recipient a caller's notifications are kept.
fn mine(caller: &Caller) -> Result<String> {
    caller.require(Right::MeView)?;
    Ok(match &caller.who {
        Who::Client { client, .. } => client.clone(),
        _ => caller.staff_id()?.to_string(),
    })
}

/// The caller's own, newest first.
pub async fn list_mine(tx: &mut Tx, caller: &Caller, unread_only: bool, page: &PageRequest) -> Result<Page<Notification>> {
    let rows = store::notifications(tx, &mine(caller)?, unread_only, page).await?;
    Ok(page.finish(rows, |n: &Notification| n.id.to_string()))
}

/// How many of the caller's own are unread.
pub async fn unread(tx: &mut Tx, caller: &Caller) -> Result<i64> {
    store::unread(tx, &mine(caller)?).await
}

/// Whether somebody has not looked at a notification yet.
pub async fn waits(tx: &mut Tx, id: NotificationId) -> Result<bool> {
    store::waits(tx, id).await
}

/// Marks one of the caller's own as read; somebody else's is not there.
pub async fn mark_read(tx: &mut Tx, core: &Core, caller: &Caller, id: NotificationId) -> Result<()> {
    store::mark_read(tx, &mine(caller)?, id, core.now()).await
}

pub async fn mark_all_read(tx: &mut Tx, core: &Core, caller: &Caller) -> Result<u64> {
    store::mark_all_read(tx, &mine(caller)?, core.now()).await
}
