//! Whose turn a withdrawal in review is: finance or compliance, each with a clock of its own, and the
//! whole way in its history (PM-20).

use crate::store::{self, TurnRow, WithdrawalRow};
use qd_db::Tx;
use qd_kernel::{Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::Caller;
use serde::Serialize;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WithdrawalTurn)]
pub struct TurnView {
    pub n: i64,
    /// `finance` or `compliance`.
    pub desk: String,
    pub from_us: Ts,
    pub due_us: Ts,
    /// None: it is their turn now.
    pub until_us: Option<Ts>,
    /// How long it was theirs, in seconds; until now for the present one.
    pub seconds: i64,
    /// The last one who had taken it.
    pub owner: Option<String>,
    /// Who handed it on, with their words.
    pub handed_by: Option<String>,
    pub comment: Option<String>,
}

pub(super) async fn list(tx: &mut Tx, core: &Core, w: &WithdrawalRow) -> Result<Vec<TurnView>> {
    let now = core.now();
    Ok(store::turns(tx, w.id)
        .await?
        .into_iter()
        .map(|t| TurnView {
            seconds: t.until_at.unwrap_or(now).secs_since(t.from_at),
            // Who has it at this moment stands with the withdrawal.
            owner: if t.until_at.is_none() { w.claimed_by.clone() } else { t.owner },
            n: t.n,
            desk: t.desk,
            from_us: t.from_at,
            due_us: t.due_at,
            until_us: t.until_at,
            handed_by: t.handed_by,
            comment: t.comment,
        })
        .collect())
}

/// It is the desk's turn from now on. The withdrawal's row has been taken.
pub(super) async fn begin(tx: &mut Tx, core: &Core, w: &WithdrawalRow, due: Ts) -> Result<()> {
    let n = store::turns(tx, w.id).await?.last().map_or(1, |t| t.n + 1);
    let t = TurnRow {
        withdrawal_id: w.id,
        n,
        desk: w.desk.clone(),
        from_at: core.now(),
        due_at: due,
        until_at: None,
        owner: None,
        handed_by: None,
        comment: None,
    };
    store::insert_turn(tx, &t).await
}

/// The turn is over: decided, or handed on by somebody. `owner`: who had taken it.
pub(super) async fn end(tx: &mut Tx, core: &Core, w: &WithdrawalRow, owner: Option<String>, handed: Option<(&Caller, &str)>) -> Result<()> {
    let Some(mut t) = store::turns(tx, w.id).await?.pop().filter(|t| t.until_at.is_none()) else {
        return Ok(());
    };
    t.until_at = Some(core.now());
    t.owner = owner;
    if let Some((by, comment)) = handed {
        t.handed_by = Some(by.id());
        t.comment = Some(comment.to_string());
    }
    store::update_turn(tx, &t).await
}
