//! Two-phase money: a hold lowers what is available, not the balance, until it is settled by an
//! entry, released, or expired.
//!
//! pending -> settled | released | expired; the three are final. A command that finds its own
//! result there answers "already" and does nothing.

use crate::account::{AccountId, AccountKey};
use crate::entry::{EntryId, NewEntry, Plan, Posted, Stripe};
use crate::{INSUFFICIENT_FUNDS, REFERENCE_REUSED, post, store};
use qd_db::Tx;
use qd_kernel::{MAX_MINOR, Problem, Result, Ts};
use qd_runtime::Core;
use serde::Serialize;
use std::collections::BTreeMap;

qd_kernel::id!(HoldId, "hld", "A hold on an account.");

qd_kernel::text_enum!(
    HoldState { Pending = "pending", Settled = "settled", Released = "released", Expired = "expired" }
);

#[derive(Clone, Debug)]
pub struct NewHold {
    pub account: AccountKey,
    /// Above zero.
    pub minor: i64,
    /// Unique for the business fact: `withdrawal:wdr_…`.
    pub reference: String,
    /// [`expire_due`] gives it back from then on; none: only by command.
    pub expires_at: Option<Ts>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HoldView {
    pub id: HoldId,
    pub reference: String,
    pub account_id: AccountId,
    pub minor: i64,
    pub state: HoldState,
    /// The entry that settled it.
    pub entry_id: Option<EntryId>,
    pub expires_at: Option<Ts>,
    pub created_at: Ts,
    pub closed_at: Option<Ts>,
}

/// What a release found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    Now,
    /// It was closed before, like this; nothing changed.
    Already(HoldState),
}

/// How many holds one run of [`expire_due`] gives back at the most.
const EXPIRE_BATCH: i64 = 200;

/// Promises `minor` of an account to one purpose. Refused (`insufficient_funds`) on any account that
/// does not have it available, guarded or not, and (`hold_on_striped_account`) on one whose balance is
/// spread over rows: no row knows what is available there. The same reference, account and amount again answers
/// the first hold, whatever has become of it.
pub async fn hold(tx: &mut Tx, core: &Core, new: NewHold) -> Result<HoldId> {
    new.account.check("")?;
    if !(1..=MAX_MINOR).contains(&new.minor) {
        return Err(Problem::invalid(
            "minor",
            "amount_out_of_range",
            format!("expected 1 to {MAX_MINOR} minor units"),
        ));
    }
    if new.reference.is_empty() || new.reference.len() > 200 {
        return Err(Problem::invalid("reference", "text_malformed", "expected 1 to 200 characters"));
    }
    if new.account.striped() {
        return Err(Problem::invalid(
            "account",
            "hold_on_striped_account",
            "expected an account of one client, trading account or partner",
        ));
    }
    let account_id = new.account.id();
    if let Some(h) = store::hold(tx, &new.reference).await? {
        return same(&h, account_id, new.minor);
    }
    if !store::take_held(tx, account_id, new.minor).await? {
        // The other one with this reference may have come in between and taken the money.
        if let Some(h) = store::hold(tx, &new.reference).await? {
            return same(&h, account_id, new.minor);
        }
        return Err(Problem::conflict(
            INSUFFICIENT_FUNDS,
            format!("not enough available on {}", new.account),
        ));
    }
    let h = store::HoldRow {
        id: HoldId::new(&core.env),
        reference: new.reference,
        account_id,
        minor: new.minor,
        state: HoldState::Pending,
        entry_id: None,
        expires_at: new.expires_at,
        created_at: core.now(),
        closed_at: None,
        version: 1,
    };
    if store::insert_hold(tx, &h).await? {
        return Ok(h.id);
    }
    store::give_back_held(tx, account_id, h.minor).await?;
    let stands = store::hold(tx, &h.reference).await?.ok_or_else(met)?;
    same(&stands, account_id, h.minor)
}

fn same(h: &store::HoldRow, account: AccountId, minor: i64) -> Result<HoldId> {
    if h.account_id == account && h.minor == minor {
        return Ok(h.id);
    }
    Err(Problem::conflict(
        REFERENCE_REUSED,
        format!("the reference {} was held before for another account or amount", h.reference),
    ))
}

fn met() -> Problem {
    Problem::unavailable(qd_db::RETRY, "the hold met another transaction")
}

async fn found(tx: &mut Tx, reference: &str) -> Result<store::HoldRow> {
    store::hold(tx, reference).await?.ok_or_else(|| Problem::missing("hold"))
}

/// Gives the money back to what is available.
pub async fn release(tx: &mut Tx, core: &Core, reference: &str) -> Result<Closed> {
    let h = found(tx, reference).await?;
    if h.state != HoldState::Pending {
        return Ok(Closed::Already(h.state));
    }
    if !store::close_hold(tx, h.id, HoldState::Released, None, core.now()).await? {
        return Ok(Closed::Already(found(tx, reference).await?.state));
    }
    store::give_back_held(tx, h.account_id, h.minor).await?;
    Ok(Closed::Now)
}

/// Ends the hold by an entry that takes from the held account; hold and entry change in one step, so
/// nobody else gets at the money in between. The entry may take less (the rest becomes available) or
/// more (as far as the account has it).
///
/// Repeated, it answers the entry that settled it. Errors: `hold_closed` when it was released, has
/// expired, or was settled by another entry; those of [`crate::post`].
pub async fn settle(tx: &mut Tx, core: &Core, reference: &str, entry: NewEntry) -> Result<Posted> {
    let now = core.now();
    let mut plan = Plan::of(EntryId::new(&core.env), entry, now, Stripe::of(tx, now))?;
    let h = found(tx, reference).await?;
    if h.state != HoldState::Pending {
        return settled_before(tx, &h, &plan).await;
    }
    if !plan.sums.iter().any(|s| s.row == h.account_id && s.minor < 0) {
        return Err(Problem::invalid(
            "legs",
            "hold_other_account",
            "expected a leg that takes from the held account",
        ));
    }
    if !store::touch_hold(tx, &h).await? {
        let h = found(tx, reference).await?;
        return if h.state == HoldState::Pending {
            Err(met())
        } else {
            settled_before(tx, &h, &plan).await
        };
    }
    if store::entry_id(tx, &plan.reference).await?.is_some() {
        return Err(Problem::conflict(
            REFERENCE_REUSED,
            format!("the reference {} was posted without settling this hold", plan.reference),
        ));
    }
    plan.freed = Some((h.account_id, h.minor));
    let posted = post::write(tx, &plan).await?;
    if posted.already {
        return Err(met());
    }
    if !store::close_hold(tx, h.id, HoldState::Settled, Some(posted.entry_id), core.now()).await? {
        return Err(Problem::bug("ledger_hold_lost", "a locked hold changed"));
    }
    Ok(posted)
}

async fn settled_before(tx: &mut Tx, h: &store::HoldRow, plan: &Plan) -> Result<Posted> {
    if let (HoldState::Settled, Some(entry_id)) = (h.state, h.entry_id)
        && store::entry_id(tx, &plan.reference).await? == Some(entry_id)
    {
        let mut stands = store::postings_of(tx, entry_id).await?;
        stands.sort_unstable();
        if stands == plan.fingerprint() {
            return Ok(Posted { entry_id, already: true });
        }
        return Err(Problem::conflict(
            REFERENCE_REUSED,
            format!("the reference {} was posted before with other legs", plan.reference),
        ));
    }
    Err(Problem::conflict("hold_closed", format!("the hold {} is {}", h.reference, h.state)))
}

/// Gives back the holds whose time is over, some at a time; answers how many. Call again while it
/// answers more than none. A hold past its time that nobody has swept yet can still be settled.
pub async fn expire_due(tx: &mut Tx, core: &Core, now: Ts) -> Result<u64> {
    let mut due = store::due_holds(tx, now, EXPIRE_BATCH).await?;
    // All holds first, then all accounts, each in id order: no circle of waiting with a release.
    due.sort_unstable();
    let mut back: BTreeMap<AccountId, i64> = BTreeMap::new();
    let mut n = 0;
    for (id, account, minor) in due {
        if store::close_hold(tx, id, HoldState::Expired, None, core.now()).await? {
            *back.entry(account).or_default() += minor;
            n += 1;
        }
    }
    for (account, minor) in back {
        store::give_back_held(tx, account, minor).await?;
    }
    Ok(n)
}

pub async fn hold_of(tx: &mut Tx, reference: &str) -> Result<Option<HoldView>> {
    Ok(store::hold(tx, reference).await?.map(|h| HoldView {
        id: h.id,
        reference: h.reference,
        account_id: h.account_id,
        minor: h.minor,
        state: h.state,
        entry_id: h.entry_id,
        expires_at: h.expires_at,
        created_at: h.created_at,
        closed_at: h.closed_at,
    }))
}
