//! One look at a client: everything of this crate on one record, cut to what the caller may see.
//! Money, accounts and verification are added by the app from their own crates.

use crate::client::{self, Client, ClientId, view_right};
use crate::duplicates;
use crate::intake::KeptTouch;
use crate::restrictions::Restriction;
use crate::store;
use crate::tasks::Task;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::access::{Caller, Mask, Right, staff};
use serde::Serialize;

/// Lines of stage history in the view; all of it is in the client file.
const STAGES: i64 = 50;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct StageLine {
    pub from: Option<String>,
    pub to: String,
    pub cause: String,
    pub by: String,
    #[serde(rename = "at_us")]
    pub at: Ts,
}

/// The same person's record at another entity, or one that was merged into this.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SamePerson {
    pub id: ClientId,
    pub brand: String,
    pub entity: String,
    /// `merged` or `linked`.
    pub how: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ClientView {
    #[serde(flatten)]
    pub client: Client,
    pub name: String,
    pub owner_name: Option<String>,
    pub first_touch: Option<KeptTouch>,
    pub last_touch: Option<KeptTouch>,
    /// Newest first.
    pub stages: Vec<StageLine>,
    /// In force.
    pub restrictions: Vec<Restriction>,
    pub open_tasks: Vec<Task>,
    pub duplicates_open: i64,
    pub same_person: Vec<SamePerson>,
}

/// The view for staff. A record that was merged answers with the problem `client_merged`'s target
/// in `merged_into`; its own data stays readable.
pub async fn view(tx: &mut Tx, caller: &Caller, id: ClientId) -> Result<ClientView> {
    let found = client::find(tx, id).await?.ok_or_else(|| Problem::missing("client"))?;
    let right = view_right(found.stage);
    client::reach(caller, right, &found)?;
    let mut c = found;
    let owner_name = match c.owner_id {
        Some(o) => staff::name_of(tx, o).await?,
        None => None,
    };
    let (first_touch, last_touch) = crate::intake::touches(tx, id).await?;
    let stages = store::clients::stages(tx, id, STAGES).await?;
    let mut restrictions = crate::restrictions::in_force(tx, id).await?;
    if !caller.sees(Mask::Aml) {
        // That there is one is a badge for everybody; why is not, unless the client may know.
        for r in restrictions.iter_mut().filter(|r| !r.told) {
            r.reason = qd_runtime::access::mask::COVERED.into();
        }
    }
    let open_tasks = if caller.may(Right::TimelineView) {
        store::tasks::of_client(tx, id, true).await?
    } else {
        Vec::new()
    };
    let duplicates_open = duplicates::open_count(tx, id).await?;
    let mut same_person = store::duplicates::same_person(tx, id).await?;
    // A record the caller may not enter is not told of.
    same_person.retain(|s| caller.enters(Some(&s.entity)));
    client::cover(caller, &mut c);
    Ok(ClientView {
        name: c.name(),
        client: c,
        owner_name,
        first_touch,
        last_touch,
        stages,
        restrictions,
        open_tasks,
        duplicates_open,
        same_person,
    })
}

/// All stage changes, oldest first, for the client file.
pub async fn stage_history(tx: &mut Tx, caller: &Caller, id: ClientId) -> Result<Vec<StageLine>> {
    client::get(tx, caller, Right::TimelineView, id).await?;
    let mut all = store::clients::stages(tx, id, 10_000).await?;
    all.reverse();
    Ok(all)
}
