//! The checks on money that came: what the rules of `deposit.checks` are asked with.

use super::fraud;
use super::payer::same_person;
use super::receive::held;
use crate::ClientFacts;
use crate::store::{self, DepositRow};
use qd_db::Tx;
use qd_kernel::{Amount, Result};
use qd_ports::psp::Instrument;
use qd_runtime::access::Caller;
use qd_runtime::{Core, audit, rules};
use serde_json::{Value, json};

/// What the rules said about money that came.
pub(super) struct Checks {
    pub held: Option<String>,
    pub inputs: Value,
}

/// The rules of the set `deposit.checks`: a shared card, a third party's, a burst of attempts.
/// `hold` keeps the money from being used, `flag` lets it pass; both open a case, and any match is
/// recorded with what it saw.
pub(super) async fn checks(
    tx: &mut Tx,
    core: &Core,
    d: &DepositRow,
    history: &[DepositRow],
    instrument: Option<&Instrument>,
    facts: &ClientFacts,
) -> Result<Checks> {
    let now = core.now();
    let print = instrument.and_then(|i| i.fingerprint.clone());
    let other_clients = match &print {
        Some(p) => store::others_with_instrument(tx, &d.client_id, p).await?,
        None => 0,
    };
    let month = now.plus_days(-30);
    let mut cards: Vec<String> = history
        .iter()
        .filter(|h| h.created_at >= month)
        .filter_map(|h| h.instrument.as_deref())
        .filter_map(fingerprint_of)
        .collect();
    cards.extend(print);
    cards.sort_unstable();
    cards.dedup();
    let limit = facts.limits.deposit_max_minor;
    let base = |m: i64, c| facts.base(Amount::new(m, c));
    let near = history
        .iter()
        .filter(|h| h.created_at >= now.plus_secs(-2 * 86_400))
        .filter(|h| base(h.amount_minor, h.currency).is_some_and(|b| b >= limit / 10 * 9 && b <= limit))
        .count();
    let total: Option<i64> = history.iter().map(|h| base(h.received_minor, h.currency)).sum();
    let card_country = instrument.and_then(|i| i.country.clone()).unwrap_or_default();
    let holder = instrument.and_then(|i| i.holder.clone());
    let seen = fraud::facts(tx, core, d, history, instrument, facts).await?;
    let mut input = json!({
        "deposit": {"amount_base_minor": base(d.amount_minor, d.currency), "currency": d.currency, "method": d.method,
            "payer_matches": holder.is_none_or(|h| same_person(&h, &facts.name)), "times_usual": seen.times_usual},
        "card": {"country_matches": card_country.is_empty() || card_country == facts.country, "country": card_country, "other_clients": other_clients},
        "client": {"country": facts.country, "verified": facts.kyc_approved, "vip": facts.vip, "risk": facts.risk},
        "deposits": {"cards_30d": cards.len(), "near_limit_48h": near, "total_base_minor": total},
        "limits": {"max_minor": limit},
    });
    seen.into_facts(&mut input);
    let e = rules::evaluate(tx, "deposit.checks", Some(&d.entity), &input).await?;
    let fired: Vec<_> = e.matched.iter().filter(|f| !f.shadow).collect();
    let says = |f: &rules::Fired, what: &str| f.outcome.get("decision").and_then(Value::as_str) == Some(what);
    let hold = fired.iter().find(|f| says(f, "hold"));
    let stopped = hold
        .map(|f| f.reason_code.clone())
        .or_else(|| e.stopped.then(|| "rule_error".to_string()));
    if stopped.is_none()
        && let Some(flag) = fired.iter().find(|f| says(f, "flag"))
    {
        held(tx, core, d, "deposit.flagged", "deposit_flagged", &flag.reason_code, input.clone()).await?;
    }
    if !e.matched.is_empty() || e.stopped {
        audit::decide(
            tx,
            core,
            audit::Decision {
                caller: &Caller::system("rule:deposit.checks"),
                kind: "deposit.checks",
                subject: format!("deposit:{}", d.id),
                client_id: Some(d.client_id.clone()),
                entity: Some(d.entity.clone()),
                outcome: if stopped.is_some() { "held".into() } else { "passed".into() },
                reasons: fired.iter().map(|f| f.reason_code.clone()).collect(),
                rule: hold.map(|f| f.name.clone()),
                rule_version: hold.map(|f| f.version),
                inputs: json!({"facts": input, "matched": e.matched, "errors": e.errors}),
            },
        )
        .await?;
    }
    Ok(Checks {
        held: stopped,
        inputs: input,
    })
}

fn fingerprint_of(instrument: &str) -> Option<String> {
    serde_json::from_str::<Instrument>(instrument).ok()?.fingerprint
}
