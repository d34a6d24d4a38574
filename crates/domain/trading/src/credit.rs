//! Credit: the house's money on a client's account, given and taken back by a person of finance.

use crate::accounts::{save, scoped};
use crate::moves::{self, MoveView, NewMove};
use crate::{Direction, MoveKind, TradingAccountId, store};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_runtime::access::{Caller, Right};
use qd_runtime::{Core, audit};

/// Gives credit, or takes back what was given and not yet taken back. The platform books it with
/// our token in its comment; ask with the same idempotency key and nothing happens twice.
///
/// Errors: `credit_over_given` (409) when more is to be taken back than was given.
pub async fn change(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: TradingAccountId,
    amount: Amount,
    take_back: bool,
    reason: &str,
) -> Result<MoveView> {
    caller.require(Right::AccountsCredit)?;
    caller.require_step_up(core.now())?;
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Problem::invalid(
            "reason",
            "reason_missing",
            "expected the reason, which staff and auditors will read",
        ));
    }
    let mut a = scoped(tx, caller, id).await?;
    if take_back {
        // The account's version serialises two who take back at once.
        save(tx, &mut a).await?;
        let given = store::credit_given(tx, id).await?;
        if amount.minor > given {
            return Err(Problem::conflict(
                "credit_over_given",
                format!("only {} of credit is left to take back", Amount::new(given.max(0), a.currency)),
            ));
        }
    }
    let direction = if take_back {
        Direction::FromPlatform
    } else {
        Direction::ToPlatform
    };
    let purpose = format!("credit:{}", core.env.entropy.code(20));
    let m = moves::request(
        tx,
        core,
        NewMove {
            account_id: id,
            direction,
            kind: MoveKind::Credit,
            amount,
            purpose,
        },
    )
    .await?;
    let what = if take_back {
        "trading_account.credit_taken_back"
    } else {
        "trading_account.credit_given"
    };
    let entry = audit::Entry::new(caller, what, format!("trading_account:{id}"))
        .client(a.client_id)
        .entity(Some(a.entity))
        .after(serde_json::json!({"amount": m.amount, "move_id": m.id, "token": m.token}))
        .reason(reason);
    audit::record(tx, core, entry).await?;
    Ok(m)
}
