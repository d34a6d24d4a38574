//! A client as of a date, for the file that an auditor takes away. The record comes from the copy kept
//! before each change, the profile from the versions of its steps, restrictions from the times at
//! which they were put on and lifted.

use crate::client::{Client, ClientId};
use crate::profile::{self, Profile};
use crate::restrictions::Restriction;
use crate::store;
use qd_db::Tx;
use qd_kernel::{Result, Ts};
use qd_runtime::access::{Caller, Right};
use qd_runtime::tenancy::Entity;

/// The record as it was; None before it was made.
pub async fn record(tx: &mut Tx, caller: &Caller, id: ClientId, at: Ts) -> Result<Option<Client>> {
    caller.require(Right::ClientFileExport)?;
    store::clients::find_at(tx, id, at).await
}

/// The profile of a record as it was, by the rule book of then.
pub async fn profile(tx: &mut Tx, caller: &Caller, record: &Client, book: &Entity, at: Ts) -> Result<Profile> {
    caller.require(Right::ClientFileExport)?;
    profile::build_until(tx, record, book, at).await
}

/// What was restricted, by whom and why; what came after, the lifting, is not known yet.
pub async fn restrictions(tx: &mut Tx, caller: &Caller, id: ClientId, at: Ts) -> Result<Vec<Restriction>> {
    caller.require(Right::ClientFileExport)?;
    let mut then: Vec<Restriction> = store::restrictions::of_client(tx, id)
        .await?
        .into_iter()
        .filter(|r| r.at <= at && r.lifted_at.is_none_or(|l| l > at))
        .collect();
    for r in &mut then {
        (r.lifted_at, r.lifted_by, r.lift_reason) = (None, None, None);
    }
    Ok(then)
}
