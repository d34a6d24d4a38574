//! Amounts by hand: lines of kind adjustment; undone by taking each back.

use super::Request;
use crate::booking::LineKind;
use crate::engine::explain::{Corrects, Explanation};
use crate::exact::Exact;
use crate::ids::{LineId, PartnerId};
use crate::payouts::payable;
use crate::store::corrections::CorrectionRow;
use crate::store::lines::{self as store, LineRow};
use qd_db::Tx;
use qd_kernel::{Currency, Lots, Problem, Result, Ts};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_runtime::Core;
use std::collections::BTreeSet;

const MAX_LINES: usize = 500;
const SERVER: &str = "manual";

pub(super) fn check(r: &Request) -> Result<()> {
    let Request::Manual { lines } = r else { return Ok(()) };
    if lines.is_empty() || lines.len() > MAX_LINES {
        return Err(Problem::invalid(
            "/request/lines",
            "lines_out_of_range",
            format!("expected 1 to {MAX_LINES} lines"),
        ));
    }
    for (i, l) in lines.iter().enumerate() {
        if l.minor == 0 || l.minor.unsigned_abs() > qd_kernel::MAX_MINOR.unsigned_abs() {
            return Err(Problem::invalid(
                &format!("/request/lines/{i}/minor"),
                "amount_out_of_range",
                "expected an amount other than 0",
            ));
        }
        if l.note.trim().is_empty() || l.note.len() > 500 {
            return Err(Problem::invalid(
                &format!("/request/lines/{i}/note"),
                "text_malformed",
                "expected 1 to 500 characters",
            ));
        }
    }
    Ok(())
}

pub(super) async fn book(tx: &mut Tx, core: &Core, c: &CorrectionRow, r: &Request, undoes: Option<&CorrectionRow>) -> Result<()> {
    let Request::Manual { lines } = r else { return Ok(()) };
    let purses: BTreeSet<(PartnerId, Currency)> = lines.iter().map(|l| (l.partner_id, l.currency)).collect();
    for (p, currency) in purses {
        store::lock_purse(tx, p, currency).await?;
    }
    let house = format!("house:{}", c.entity.as_deref().filter(|e| !e.is_empty()).unwrap_or("group"));
    for (i, l) in lines.iter().enumerate() {
        let mut purse = store::lock_purse(tx, l.partner_id, l.currency).await?;
        let exact = Exact::new(i128::from(l.minor), 10i128.pow(u32::from(l.currency.exponent()))).unwrap_or(Exact::ZERO);
        let old = match undoes {
            None => None,
            Some(u) => Some(
                store::of_batch(tx, u.id, i as i64)
                    .await?
                    .ok_or_else(|| Problem::bug("line_lost", "a correction by hand has lost a line"))?,
            ),
        };
        let sign = if undoes.is_some() { -1 } else { 1 };
        let (exact, minor) = (if sign < 0 { exact.neg() } else { exact }, sign * l.minor);
        let id = LineId::new(&core.env);
        let entry = NewEntry {
            kind: "commission.adjusted",
            reference: format!("commission:{id}"),
            legs: vec![
                Leg::new(payable(l.partner_id, l.currency), minor),
                Leg::new(AccountKey::new(house.clone(), Purpose::CommissionExpense, l.currency), -minor),
            ],
            source: format!("correction:{}", c.id),
            value_at: Ts(l.value_at_us),
            note: Some(l.note.clone()),
            fx: None,
        };
        let posted = qd_ledger::post(tx, core, entry).await?;
        purse.lines += 1;
        let sum = Exact::parse_fraction(&purse.exact).ok_or_else(|| Problem::bug("row_unreadable", "a purse holds no number"))?;
        purse.exact = sum.plus(exact).fraction();
        purse.booked_minor += minor;
        let why = Explanation {
            formula: l.note.clone(),
            method: "manual".into(),
            path: vec![l.partner_id.to_string()],
            level: 1,
            exact: exact.to_string(),
            corrects: old.as_ref().map(|o| Corrects {
                line: o.id,
                revision: o.revision,
                statement: o.statement_id,
            }),
            ..Explanation::default()
        };
        let row = LineRow {
            id,
            number: purse.lines,
            partner_id: l.partner_id,
            currency: l.currency,
            kind: if old.is_some() { LineKind::Reversal } else { LineKind::Adjustment },
            server: SERVER.into(),
            ticket: c.id.to_string(),
            revision: i as i64,
            level: 1,
            client_id: String::new(),
            symbol: String::new(),
            product_group: None,
            lots: Lots(0),
            exact: exact.fraction(),
            minor,
            reason: None,
            plan_id: None,
            plan_version: None,
            rule_id: None,
            explanation: serde_json::to_value(&why)?,
            reverses: old.map(|o| o.id),
            entry_id: Some(posted.entry_id),
            statement_id: None,
            value_at: Ts(l.value_at_us),
            booked_at: core.now(),
            batch_id: Some(c.id),
            beneficiary: None,
            tier_key: None,
        };
        let day = Ts(l.value_at_us).micros().div_euclid(86_400_000_000);
        store::insert_lines(tx, &[row]).await?;
        store::write_purse(tx, l.partner_id, l.currency, &purse).await?;
        store::add_days(tx, &[(l.partner_id, l.currency, day, 0, 0, minor)]).await?;
    }
    Ok(())
}
