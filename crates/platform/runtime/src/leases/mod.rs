//! Named leases: one node at a time does a thing, and a node that lost its lease without noticing
//! is stopped by the token, which grows with every change of hands.

mod store;

use crate::Core;
use qd_db::Tx;
use qd_kernel::{Problem, Result};

/// A lease in hand. The token only grows; whoever writes under the lease checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub name: String,
    pub holder: String,
    pub token: i64,
}

/// Takes the lease for `secs`, or keeps it when `holder` has it already (the token stays then).
/// None: somebody else has it.
pub async fn acquire(tx: &mut Tx, core: &Core, name: &str, holder: &str, secs: i64) -> Result<Option<Grant>> {
    let now = core.now();
    let token = store::acquire(tx, name, holder, now, now.plus_secs(secs)).await?;
    Ok(token.map(|token| Grant {
        name: name.to_string(),
        holder: holder.to_string(),
        token,
    }))
}

/// Fails with `lease_lost` unless the grant is still the last one given; locks it until the commit,
/// so that no other node can take over in the middle of the transaction.
pub async fn hold(tx: &mut Tx, grant: &Grant) -> Result<()> {
    match store::hold(tx, &grant.name, &grant.holder, grant.token).await? {
        true => Ok(()),
        false => Err(Problem::unavailable(
            "lease_lost",
            format!("the lease {} is in other hands", grant.name),
        )),
    }
}

/// Gives the lease back at once; nothing happens when it is lost already.
pub async fn release(tx: &mut Tx, grant: &Grant) -> Result<()> {
    store::release(tx, &grant.name, &grant.holder, grant.token).await
}
