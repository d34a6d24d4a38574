//! Logins that rest because two records were merged, and their move to the record that stays.

use super::logins::{Whom, whom_of};
use super::store::identities::{self as store, Identity};
use super::store::places;
use super::{Access, Caller, LoginHold};
use crate::audit::{self, Entry};
use qd_db::Tx;
use qd_kernel::Result;
use serde_json::json;

/// Two records became one: the ways into the one that went rest, their sessions end. Nothing else
/// about them changes, so that taking the merge apart gives them back as they were. Answers whom to
/// tell.
pub async fn hold(tx: &mut Tx, access: &Access, caller: &Caller, duplicate: &str, from: &str, to: &str, reason: &str) -> Result<Vec<Whom>> {
    let now = access.core.now();
    let mut told = Vec::new();
    for i in store::of_client(tx, from).await? {
        let i = store::lock(tx, &i.id).await?;
        if i.held_for.is_some() {
            continue;
        }
        places::set_place(tx, &i.id, from, Some(duplicate), now).await?;
        places::add_hold(tx, duplicate, &i.id, from, to, now).await?;
        access.end_sessions(tx, &i.id, None, "merged").await?;
        record_place(tx, access, caller, "login.held", &i, from, duplicate, reason).await?;
        told.push(whom_of(i));
    }
    Ok(told)
}

/// What rests, or was moved, because of a merge.
pub async fn held(tx: &mut Tx, duplicate: &str) -> Result<Vec<LoginHold>> {
    places::open_holds(tx, duplicate).await
}

/// The resting logins of a merge become the surviving record's. The caller has asked a second person.
pub async fn move_held(tx: &mut Tx, access: &Access, caller: &Caller, duplicate: &str, reason: &str) -> Result<Vec<Whom>> {
    let now = access.core.now();
    let mut told = Vec::new();
    for h in places::open_holds(tx, duplicate)
        .await?
        .into_iter()
        .filter(|h| h.moved_at_us.is_none())
    {
        let i = store::lock(tx, &h.login_id).await?;
        places::set_place(tx, &i.id, &h.to_client, None, now).await?;
        places::hold_moved(tx, duplicate, &i.id, now).await?;
        access.forget(tx, &i.id);
        record_place(tx, access, caller, "login.moved", &i, &h.to_client, duplicate, reason).await?;
        told.push(Whom {
            client_id: Some(h.to_client),
            ..whom_of(i)
        });
    }
    Ok(told)
}

/// The merge was taken apart: its logins, resting or moved, are the first record's again. Sessions
/// that looked into the other record end.
pub async fn release(tx: &mut Tx, access: &Access, caller: &Caller, duplicate: &str, reason: &str) -> Result<Vec<Whom>> {
    let now = access.core.now();
    let mut told = Vec::new();
    for h in places::open_holds(tx, duplicate).await? {
        let i = store::lock(tx, &h.login_id).await?;
        places::set_place(tx, &i.id, &h.from_client, None, now).await?;
        places::hold_ended(tx, duplicate, &i.id, now).await?;
        access.end_sessions(tx, &i.id, None, "unmerged").await?;
        record_place(tx, access, caller, "login.released", &i, &h.from_client, duplicate, reason).await?;
        told.push(Whom {
            client_id: Some(h.from_client),
            ..whom_of(i)
        });
    }
    Ok(told)
}

#[allow(clippy::too_many_arguments, reason = "the fields of one audit entry")]
async fn record_place(
    tx: &mut Tx,
    access: &Access,
    caller: &Caller,
    action: &'static str,
    i: &Identity,
    client: &str,
    duplicate: &str,
    reason: &str,
) -> Result<()> {
    let e = Entry::new(caller, action, format!("login:{}", i.id))
        .client(client)
        .entity(i.entities.get(0).and_then(|e| e.as_str()).map(str::to_string))
        .before(json!({ "client_id": i.client_id, "held_for": i.held_for }))
        .after(json!({ "client_id": client, "duplicate": duplicate }))
        .reason(reason);
    audit::record(tx, &access.core, e).await.map(|_| ())
}
