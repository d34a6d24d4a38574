//! Lines that no deal makes. What is due on a subject is compared with what is booked on it, and the
//! difference is booked: repeating it books nothing, and what is no longer due is taken back to the
//! last digit.

use crate::booking::LineKind;
use crate::engine::explain::Explanation;
use crate::exact::Exact;
use crate::ids::{LineId, PartnerId};
use crate::plan::PlanRef;
use crate::store::{lines, programmes as store};
use qd_db::Tx;
use qd_kernel::{Currency, Lots, Problem, Result, Ts};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_runtime::Core;
use qd_runtime::events::{self, NewEvent};
use serde_json::json;

/// Stands in a line where a deal has its server.
pub const SERVER: &str = "programme";

/// What should stand booked on a subject.
pub struct Due {
    pub partner: PartnerId,
    pub entity: String,
    pub currency: Currency,
    /// `cpa:cli_…`, `chargeback:…`, `share:…`: stands where a deal has its ticket.
    pub subject: String,
    pub client_id: String,
    /// Unrounded, in units; below zero for what is taken back.
    pub target: Exact,
    /// Of a line that adds; one that takes is a clawback, unless `same_kind`.
    pub kind: LineKind,
    pub same_kind: bool,
    pub plan: Option<PlanRef>,
    pub rule: &'static str,
    /// Of a line that pays nothing: written once, so that the partner can see why.
    pub zero_reason: Option<&'static str>,
    pub value_at: Ts,
    pub why: Explanation,
}

/// Books the difference. Answers what stands booked now, in minor units, and the line if there is a
/// new one.
pub async fn settle(tx: &mut Tx, core: &Core, due: Due) -> Result<(i64, Option<LineId>)> {
    let Due {
        partner,
        currency,
        subject,
        ..
    } = &due;
    let before = store::on_subject(tx, *partner, *currency, subject).await?;
    if unchanged(&before, &due)? {
        return Ok((before.iter().map(|l| l.1).sum(), before.last().map(|l| l.2)));
    }
    let mut row = lines::lock_purse(tx, *partner, *currency).await?;
    // Again, now that nobody else books for this partner.
    let before = store::on_subject(tx, *partner, *currency, subject).await?;
    let booked: i64 = before.iter().map(|l| l.1).sum();
    if unchanged(&before, &due)? {
        return Ok((booked, before.last().map(|l| l.2)));
    }
    let stands = sum(&before)?;
    let minor = due
        .target
        .minor(currency.exponent())
        .and_then(|m| m.checked_sub(booked))
        .filter(|m| m.unsigned_abs() <= qd_kernel::MAX_MINOR.unsigned_abs())
        .ok_or_else(|| {
            Problem::conflict(
                "amount_out_of_range",
                format!("the amount {} {currency} is beyond what can be booked", due.target),
            )
        })?;
    let exact = due.target.minus(stands);
    // What takes the last line back as a whole points at it, and is held no longer than that.
    let last = before
        .last()
        .filter(|l| !due.same_kind && due.target.is_zero() && l.1 == -minor && minor < 0);
    let undoes = last.map(|l| l.2);
    let n = before.len() + 1;
    let now = core.now();
    let reference = format!("commission:{SERVER}:{subject}:{partner}:{currency}:{n}");
    let entry_id = if minor == 0 {
        None
    } else {
        let house = format!("house:{}", if due.entity.is_empty() { "group" } else { &due.entity });
        let entry = NewEntry {
            kind: "commission.accrued",
            reference,
            legs: vec![
                Leg::new(
                    AccountKey::new(format!("partner:{partner}"), Purpose::CommissionPayable, *currency),
                    minor,
                ),
                Leg::new(AccountKey::new(house, Purpose::CommissionExpense, *currency), -minor),
            ],
            source: format!("{SERVER}:{subject}"),
            value_at: due.value_at,
            note: None,
            fx: None,
        };
        let posted = qd_ledger::post_many(tx, core, vec![entry]).await?;
        posted.first().map(|p| p.entry_id)
    };
    let purse = Exact::parse_fraction(&row.exact).ok_or_else(|| Problem::bug("row_unreadable", "a purse holds no number"))?;
    row.exact = purse.plus(exact).fraction();
    row.booked_minor += minor;
    row.lines += 1;
    let id = LineId::new(&core.env);
    let line = lines::LineRow {
        id,
        number: row.lines,
        partner_id: *partner,
        currency: *currency,
        kind: if due.same_kind || !exact.is_negative() {
            due.kind
        } else {
            LineKind::Clawback
        },
        server: SERVER.into(),
        ticket: subject.clone(),
        revision: i64::try_from(n).unwrap_or(i64::MAX),
        level: 1,
        client_id: due.client_id.clone(),
        symbol: String::new(),
        product_group: None,
        lots: Lots(0),
        exact: exact.fraction(),
        minor,
        reason: due.zero_reason.filter(|_| minor == 0).map(str::to_string),
        plan_id: due.plan.as_ref().map(|p| p.plan.clone()),
        plan_version: due.plan.as_ref().map(|p| p.version),
        rule_id: Some(due.rule.to_string()),
        explanation: serde_json::to_value(&due.why)?,
        reverses: undoes,
        entry_id,
        statement_id: None,
        value_at: due.value_at,
        booked_at: now,
        batch_id: None,
        beneficiary: None,
        tier_key: None,
    };
    lines::insert_lines(tx, &[line]).await?;
    lines::write_purse(tx, *partner, *currency, &row).await?;
    let day = due.value_at.micros().div_euclid(86_400_000_000);
    lines::add_days(tx, &[(*partner, *currency, day, 0, 0, minor)]).await?;
    let payload = json!({"partner_id": partner, "currency": currency, "minor": minor, "lines": 1, "subject": subject});
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "commission.accrued",
            aggregate: format!("partner:{partner}"),
            entity: Some(due.entity.clone()),
            payload,
        },
    )
    .await?;
    Ok((booked + minor, Some(id)))
}

fn sum(lines: &[(String, i64, LineId)]) -> Result<Exact> {
    lines.iter().try_fold(Exact::ZERO, |s, l| {
        let e = Exact::parse_fraction(&l.0).ok_or_else(|| Problem::bug("row_unreadable", "a line holds no number"))?;
        Ok(s.plus(e))
    })
}

fn unchanged(before: &[(String, i64, LineId)], due: &Due) -> Result<bool> {
    let untold = before.is_empty() && due.zero_reason.is_some();
    Ok(!untold && sum(before)? == due.target)
}
