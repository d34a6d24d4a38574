//! The plan's floor under clawbacks: what they would take the balance below it is borne by the house,
//! by a line of its own, once per closed period.

use crate::booking::LineKind;
use crate::engine::explain::Explanation;
use crate::exact::Exact;
use crate::programmes::{Due, plan_at, settle};
use crate::store::lines::LineRow;
use crate::store::partners::PartnerRow;
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Result, Ts};
use qd_runtime::Core;

/// What the house bears, in minor units: as much as the closing balance is below minus the floor, and
/// never more than the clawbacks of the period took.
fn borne(floor: i64, closing: i64, clawed: i64) -> i64 {
    (-floor).saturating_sub(closing).min(clawed).max(0)
}

/// Books what the house bears of the period that ends at `to`; whether there is a new line. `before`:
/// opening balance and payouts, minor units. The floor is in the partner's own currency, as the plan
/// of the period's last moment has it.
pub(super) async fn lift(
    tx: &mut Tx,
    core: &Core,
    p: &PartnerRow,
    currency: Currency,
    to: Ts,
    before: i64,
    open: &[LineRow],
) -> Result<bool> {
    let clawed = -open.iter().filter(|l| l.kind == LineKind::Clawback).map(|l| l.minor).sum::<i64>();
    if currency != p.currency || clawed <= 0 {
        return Ok(false);
    }
    let last = Ts(to.micros() - 1);
    let Some(v) = plan_at(tx, p, last).await? else { return Ok(false) };
    let Some(floor) = v.plan.terms.clawback_floor.and_then(|f| f.minor(currency.exponent())) else {
        return Ok(false);
    };
    let closing = before + open.iter().map(|l| l.minor).sum::<i64>();
    let minor = borne(floor, closing, clawed);
    if minor == 0 {
        return Ok(false);
    }
    let target = Exact::new(i128::from(minor), 10i128.pow(u32::from(currency.exponent()))).unwrap_or(Exact::ZERO);
    let why = Explanation {
        formula: format!(
            "clawbacks of {} would leave {}; the plan lets them take the balance to {} at most",
            Amount::new(clawed, currency),
            Amount::new(closing, currency),
            Amount::new(-floor, currency)
        ),
        method: "clawback_floor".into(),
        path: vec![p.id.to_string()],
        level: 1,
        exact: target.to_string(),
        ..Explanation::default()
    };
    let due = Due {
        partner: p.id,
        entity: p.entity.clone(),
        currency,
        subject: format!("floor:{}", to.rfc3339()),
        client_id: String::new(),
        target,
        kind: LineKind::Adjustment,
        same_kind: true,
        plan: Some(v.at),
        rule: "clawback_floor",
        zero_reason: None,
        value_at: last,
        why,
    };
    settle(tx, core, due).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::borne;

    #[test]
    fn the_house_bears_what_is_below_the_floor_and_no_more_than_was_clawed_back() {
        // Floor 100.00; 400.00 clawed back.
        assert_eq!(borne(10_000, -30_000, 40_000), 20_000);
        assert_eq!(borne(10_000, -10_000, 40_000), 0);
        assert_eq!(borne(10_000, 5_000, 40_000), 0);
        // The balance was far below before: only the clawback is borne.
        assert_eq!(borne(10_000, -90_000, 40_000), 40_000);
        assert_eq!(borne(0, -1, 40_000), 1);
    }
}
