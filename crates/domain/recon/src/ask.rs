//! Where there is no file, the provider's API is asked about each entry. Asking changes nothing
//! there, so a job that is run again asks again.

use crate::breaks;
use crate::matching::Rule;
use crate::store::{self, EntryRow};
use crate::sync::{broken_entry, missing_there};
use crate::{BreakKind, Ctx, EntryState, Terms};
use qd_kernel::{Amount, Result, vals};
use qd_payments::jobs::connections::ConnectionRow;
use qd_ports::psp::{DisputeState, PROBE_MISSING, PaymentState, PayoutState, Psp, RefundState};
use qd_ports::{CallResult, Fate};

/// Entries asked about in one turn.
const TURN: i64 = 50;
/// One that the provider was still at is asked about again after this.
const AGAIN_S: i64 = 3_600;

/// What the provider says of an entry.
enum Says {
    Agrees,
    /// Neither yes nor no yet.
    Later,
    Missing,
    Differs(Amount),
    State(String),
}

/// One turn of one connection.
pub(crate) async fn connection(ctx: &Ctx, c: &ConnectionRow, terms: &Terms, psp: &dyn Psp) -> Result<()> {
    let core = &ctx.core;
    let now = core.now();
    let due = now.plus_secs(-terms.delay_hours(&c.id).saturating_mul(3_600));
    let of = c.id.clone();
    let rows = core
        .db
        .read(async move |tx| store::to_ask(tx, &of, due, now.plus_secs(-AGAIN_S), TURN).await)
        .await?;
    for e in rows {
        let says = match ask(psp, &e).await {
            Ok(s) => s,
            Err(err) if err.fate == Fate::Refused && err.code == PROBE_MISSING => Says::Missing,
            // The provider is not there: the next turn asks all of them again.
            Err(err) if err.fate != Fate::Refused => return Ok(()),
            Err(err) => Says::State(format!("{}: {}", err.code, err.detail)),
        };
        let k = core.clone();
        core.db
            .write(async move |tx| {
                store::set_asked(tx, &e.id, k.now()).await?;
                let own = Amount::new(e.minor, e.currency);
                match &says {
                    Says::Later => Ok(()),
                    Says::Agrees => {
                        let row = vals![&e.id, EntryState::Matched, Rule::ApiReport, None::<String>].to_vec();
                        store::set_entries(tx, &[row]).await?;
                        breaks::close_entry(tx, &k, &e.id, "the provider's own report agrees")
                            .await
                            .map(|_| ())
                    }
                    Says::Missing => missing_there(tx, &k, &e, "the provider does not know it").await,
                    Says::Differs(theirs) => {
                        let kind = if theirs.currency == own.currency {
                            BreakKind::AmountDiffers
                        } else {
                            BreakKind::CurrencyDiffers
                        };
                        let off = if theirs.currency == own.currency {
                            theirs.sub(own)?
                        } else {
                            *theirs
                        };
                        let cause = format!("the provider reports {theirs}, the ledger has {own} ({})", e.reference);
                        broken_entry(tx, &k, &e, kind, off, cause).await
                    }
                    Says::State(what) => {
                        let cause = format!("the ledger has {own} of {}; the provider says {what}", e.reference);
                        broken_entry(tx, &k, &e, BreakKind::StateDiffers, own.neg(), cause).await
                    }
                }
            })
            .await?;
    }
    Ok(())
}

/// The provider's amount is without a sign; the entry's side is ours.
fn compared(e: &EntryRow, theirs: Amount) -> Says {
    let signed = if e.minor < 0 { theirs.neg() } else { theirs };
    if signed == Amount::new(e.minor, e.currency) {
        Says::Agrees
    } else {
        Says::Differs(signed)
    }
}

async fn ask(psp: &dyn Psp, e: &EntryRow) -> CallResult<Says> {
    let Some(name) = e.provider_ref.as_deref().or(e.payment_ref.as_deref()) else {
        // Nothing to ask by: it stays open and is seen in the sums.
        return Ok(Says::Later);
    };
    let came_back = e.minor > 0;
    Ok(match e.kind.as_str() {
        "deposit" if came_back && !e.reference.contains(":refund_") => {
            let r = psp.deposit(name).await?;
            match r.state {
                PaymentState::Succeeded => compared(e, r.received.unwrap_or(r.amount)),
                PaymentState::Failed | PaymentState::Expired | PaymentState::Cancelled => Says::State("not paid".into()),
                _ => Says::Later,
            }
        }
        "deposit" | "withdrawal" if name.is_empty() => Says::Later,
        "deposit" | "withdrawal" if psp.can().refunds && e.payment_ref.is_some() => {
            let r = psp.refund_status(name).await?;
            match (r.state, came_back) {
                (RefundState::Succeeded, false) | (RefundState::Failed | RefundState::Cancelled, true) => compared(e, r.amount),
                (RefundState::Pending, _) => Says::Later,
                // Paid first and failed later is two entries: the first agrees as long as the second stands.
                (RefundState::Failed | RefundState::Cancelled, false) => Says::State("the refund failed".into()),
                (RefundState::Succeeded, true) => Says::State("the refund was paid".into()),
            }
        }
        "withdrawal" if psp.can().payouts => {
            let r = psp
                .payout_status(e.our_ref.as_deref().unwrap_or_default(), e.provider_ref.as_deref())
                .await?;
            match (r.state, came_back) {
                (PayoutState::Paid, false) | (PayoutState::Failed | PayoutState::Returned, true) => compared(e, r.amount),
                (PayoutState::Pending, _) => Says::Later,
                (PayoutState::Failed | PayoutState::Returned, false) => Says::State("the payout did not arrive".into()),
                (PayoutState::Paid, true) => Says::State("the payout was paid".into()),
            }
        }
        "dispute" if psp.can().disputes => {
            let r = psp.dispute(name).await?;
            match (r.state, came_back) {
                (DisputeState::Opened | DisputeState::Lost, false) | (DisputeState::Won, true) => compared(e, r.amount),
                // Won: taken and given back are two entries.
                (DisputeState::Won, false) => compared(e, r.amount),
                (DisputeState::Unrecognised, _) => Says::Later,
                _ => Says::State(format!("the dispute is {}", r.provider_state)),
            }
        }
        _ => Says::Later,
    })
}
