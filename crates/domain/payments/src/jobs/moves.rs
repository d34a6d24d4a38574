//! What a settled platform move means for what it was for.

use super::{Ctx, JobResult, field};
use crate::{DepositId, TransferId, WithdrawalId, deposit, transfer, withdrawal};
use async_trait::async_trait;
use qd_runtime::jobs::{Handler, Lease};

/// A platform move that was ours has ended: tells the deposit, withdrawal or transfer it was for.
/// Enqueued by the reaction to `platform_move.*` events.
pub(super) struct MoveSettled(pub(super) Ctx);

#[async_trait]
impl Handler for MoveSettled {
    fn kind(&self) -> &'static str {
        "payments.move_settled"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let purpose: String = field(&lease.payload, "purpose")?;
        let outcome: String = field(&lease.payload, "outcome")?;
        let code: Option<String> = field(&lease.payload, "code")?;
        let (c, lease) = (core.clone(), lease.clone());
        core.db
            .write(async move |tx| {
                match (purpose.split_once(':'), outcome.as_str()) {
                    (Some(("deposit", id)), "done") => deposit::posted(tx, &c, DepositId::parse(id)?).await?,
                    (Some(("deposit", id)), "returned") => deposit::given_back(tx, &c, DepositId::parse(id)?).await?,
                    (Some(("withdrawal", id)), "done") => withdrawal::collected(tx, &c, WithdrawalId::parse(id)?).await?,
                    (Some(("withdrawal", id)), "refused") => {
                        withdrawal::collect_refused(tx, &c, WithdrawalId::parse(id)?, code.clone()).await?
                    }
                    (Some(("transfer_out", id)), o) => transfer::settled(tx, &c, TransferId::parse(id)?, true, o, code.clone()).await?,
                    (Some(("transfer_in", id)), o) => transfer::settled(tx, &c, TransferId::parse(id)?, false, o, code.clone()).await?,
                    // A credit, or a refusal that waits for a person: nothing to tell.
                    _ => {}
                }
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}
