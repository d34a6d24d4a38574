//! What is reported to whom: an event becomes one waiting report per postback that asked for it, with
//! all its values, in the transaction of whoever tells us.

use super::{Amounts, MIN_LOT_INTERVAL_S, PostbackEvent, SendState, send};
use crate::attribution::ShareState;
use crate::ids::{ClickId, PartnerId, SendId};
use crate::store::{attribution, origins, partners, postbacks as store};
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Lots, Result, Ts};
use qd_runtime::Core;
use qd_runtime::jobs::{self, NewJob};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What happened, in the words of reports. Nothing in it says who the client is.
#[derive(Clone, Debug)]
pub struct Happening {
    pub event: PostbackEvent,
    /// Stable: the same happening told twice is reported once.
    pub event_id: String,
    pub at: Ts,
    /// `approved`, `received`, a reason's code.
    pub status: String,
    /// What the client paid in, or lost by chargeback.
    pub amount: Option<Amount>,
    /// What the partner earned.
    pub payout: Option<Amount>,
    pub lots: Option<Lots>,
    pub symbol_group: Option<String>,
    /// The client's, two capitals.
    pub country: Option<String>,
}

impl Happening {
    pub fn new(event: PostbackEvent, event_id: impl Into<String>, at: Ts, status: impl Into<String>) -> Happening {
        Happening {
            event,
            event_id: event_id.into(),
            at,
            status: status.into(),
            amount: None,
            payout: None,
            lots: None,
            symbol_group: None,
            country: None,
        }
    }
}

/// Reports what happened to a client to the partner whose client it is at that moment. How many
/// reports that made.
pub async fn of_client(tx: &mut Tx, core: &Core, client_id: &str, h: &Happening) -> Result<usize> {
    let share = attribution::history(tx, client_id)
        .await?
        .into_iter()
        .find(|s| s.from_at <= h.at && s.to_at.is_none_or(|t| h.at < t));
    let Some(s) = share else { return Ok(0) };
    let Some(partner) = s.partner_id else { return Ok(0) };
    // What is held or refused is nobody's business until it is decided; that it was refused is.
    if s.state != ShareState::Active && h.event != PostbackEvent::Rejected {
        return Ok(0);
    }
    let origin = origins::get(tx, client_id).await?;
    let click = s.click_id.or_else(|| origin.and_then(|o| o.click_id));
    let click = match click {
        Some(c) => partners::click(tx, c).await?.filter(|c| c.partner_id == partner),
        None => None,
    };
    queue(tx, core, partner, Some(client_id), click.as_ref(), h).await
}

/// Reports what concerns the partner and no single client.
pub async fn of_partner(tx: &mut Tx, core: &Core, partner: PartnerId, h: &Happening) -> Result<usize> {
    queue(tx, core, partner, None, None, h).await
}

/// Reports a click.
pub async fn clicked(tx: &mut Tx, core: &Core, id: ClickId) -> Result<usize> {
    let Some(c) = partners::click(tx, id).await? else { return Ok(0) };
    let h = Happening::new(PostbackEvent::Click, id.to_string(), c.at, c.outcome.as_str());
    queue(tx, core, c.partner_id, None, Some(&c), &h).await
}

/// Of one client within [`queue`], for the daily totals.
pub(super) async fn queue(
    tx: &mut Tx,
    core: &Core,
    partner: PartnerId,
    client_id: Option<&str>,
    click: Option<&partners::ClickRow>,
    h: &Happening,
) -> Result<usize> {
    let mut made = 0;
    for p in store::of_partner(tx, partner).await? {
        let asked = p.events.as_array().is_some_and(|e| e.iter().any(|e| e == h.event.as_str()));
        if !p.active || !asked {
            continue;
        }
        let mut facts = base(partner, client_id, h);
        if let Some(c) = click {
            of_click(&mut facts, c);
            if let Some(l) = partners::link(tx, c.link_id).await? {
                facts.insert("link_code".into(), json!(l.code));
            }
        }
        amounts(&mut facts, h, p.amounts);
        let mut due = core.now();
        if h.event == PostbackEvent::Commission
            && let Some(last) = store::last_of(tx, p.id, h.event).await?
        {
            // What came meanwhile goes along with the one that waits.
            if last.state == SendState::Waiting && last.attempts == 0 && last.due_at > due && same_currency(&last.facts, &facts) {
                if join(tx, &last, &facts, h, p.amounts).await? {
                    continue;
                }
            } else {
                due = due.max(last.due_at.plus_secs(p.lot_interval_s.max(MIN_LOT_INTERVAL_S)));
            }
        }
        let row = fresh(
            core,
            &p,
            h.event,
            h.event_id.clone(),
            h.event_id.clone(),
            client_id,
            Value::Object(facts),
            due,
        );
        made += usize::from(enqueue(tx, core, &row).await?);
    }
    Ok(made)
}

/// Adds a sum to a report that has not left. False when this happening is in it already.
async fn join(tx: &mut Tx, last: &store::SendRow, facts: &Map<String, Value>, h: &Happening, how: Amounts) -> Result<bool> {
    let mut f = last.facts.clone();
    let seen = f["_with"].as_array().is_some_and(|w| w.iter().any(|e| *e == h.event_id.as_str())) || last.event_id == h.event_id;
    if seen {
        return Ok(true);
    }
    let minor = f["_minor"].as_i64().unwrap_or_default() + facts.get("_minor").and_then(Value::as_i64).unwrap_or_default();
    f["_minor"] = json!(minor);
    if let Some(c) = f["_currency"].as_str().and_then(|c| Currency::parse(c).ok()) {
        f["payout"] = json!(told(Amount::new(minor, c), how));
    }
    let mut with = f["_with"].as_array().cloned().unwrap_or_default();
    with.push(json!(h.event_id));
    f["_with"] = Value::Array(with);
    store::update_send(tx, &store::SendRow { facts: f, ..last.clone() }).await?;
    Ok(true)
}

fn same_currency(a: &Value, b: &Map<String, Value>) -> bool {
    a.get("_currency") == b.get("_currency")
}

fn base(partner: PartnerId, client_id: Option<&str>, h: &Happening) -> Map<String, Value> {
    let mut f = Map::new();
    let mut put = |k: &str, v: String| {
        if !v.is_empty() {
            f.insert(k.to_string(), Value::String(v));
        }
    };
    put("partner_id", partner.to_string());
    put("client", client_id.unwrap_or_default().to_string());
    put("event", h.event.as_str().to_string());
    put("event_id", h.event_id.clone());
    put("status", h.status.clone());
    put("country", h.country.clone().unwrap_or_default());
    put("symbol_group", h.symbol_group.clone().unwrap_or_default());
    put("lots", h.lots.map(Lots::text).unwrap_or_default());
    put("time", h.at.secs().to_string());
    put("time_ms", h.at.millis().to_string());
    put("time_iso", h.at.rfc3339());
    f
}

fn of_click(f: &mut Map<String, Value>, c: &partners::ClickRow) {
    f.insert("our_click_id".into(), json!(c.id));
    f.insert("link_id".into(), json!(c.link_id));
    if let Some(x) = &c.external {
        f.insert("click_id".into(), json!(x));
    }
    if let Some(x) = &c.campaign {
        f.insert("campaign".into(), json!(x));
    }
    for n in 1..=5 {
        let name = format!("sub{n}");
        if let Some(v) = c.subs.get(&name).and_then(Value::as_str) {
            f.insert(name, json!(v));
        }
    }
}

fn amounts(f: &mut Map<String, Value>, h: &Happening, how: Amounts) {
    for (name, a) in [("amount", h.amount), ("payout", h.payout)] {
        let Some(a) = a else { continue };
        f.insert("_currency".into(), json!(a.currency));
        f.insert("_minor".into(), json!(a.minor));
        if how != Amounts::None {
            f.insert("currency".into(), json!(a.currency));
            f.insert(name.into(), json!(told(a, how)));
        }
    }
}

/// As far as the contract goes; half away from zero.
fn told(a: Amount, how: Amounts) -> String {
    match how {
        Amounts::Exact => qd_kernel::money::format_fixed(a.minor, a.currency.exponent()),
        Amounts::Whole => {
            let unit = a.currency.minor_per_unit();
            let half = unit / 2;
            ((a.minor.abs() + half) / unit * a.minor.signum()).to_string()
        }
        Amounts::None => String::new(),
    }
}

#[allow(clippy::too_many_arguments, reason = "a report's own parts")]
fn fresh(
    core: &Core,
    p: &store::PostbackRow,
    event: PostbackEvent,
    dedup: String,
    event_id: String,
    client_id: Option<&str>,
    facts: Value,
    due: Ts,
) -> store::SendRow {
    store::SendRow {
        id: SendId::new(&core.env),
        postback_id: p.id,
        partner_id: p.partner_id,
        event,
        dedup: format!("{event}:{dedup}"),
        event_id,
        client_id: client_id.map(str::to_string),
        facts,
        test: false,
        replay_of: None,
        state: SendState::Waiting,
        attempts: 0,
        url: None,
        status: None,
        error: None,
        excerpt: None,
        due_at: due,
        created_at: core.now(),
        last_at: None,
        version: 1,
    }
}

async fn enqueue(tx: &mut Tx, core: &Core, row: &store::SendRow) -> Result<bool> {
    if !store::insert_send(tx, row).await? {
        return Ok(false);
    }
    let mut job = NewJob::new(send::POSTBACK_JOB, json!({"send": row.id}), core.now())
        .key(row.id.to_string())
        .attempts(crate::delivery::ATTEMPTS);
    job.run_at = row.due_at.max(job.run_at);
    jobs::enqueue(tx, core, job).await
}

pub(super) async fn again(tx: &mut Tx, core: &Core, s: &store::SendRow) -> Result<store::SendRow> {
    let id = SendId::new(&core.env);
    let row = store::SendRow {
        id,
        dedup: format!("replay:{id}"),
        replay_of: Some(s.id),
        state: SendState::Waiting,
        attempts: 0,
        url: None,
        status: None,
        error: None,
        excerpt: None,
        due_at: core.now(),
        created_at: core.now(),
        last_at: None,
        version: 1,
        ..s.clone()
    };
    enqueue(tx, core, &row).await?;
    Ok(row)
}

/// A made-up happening with every value, for a test call.
pub(super) async fn sample(tx: &mut Tx, core: &Core, p: &store::PostbackRow, event: PostbackEvent) -> Result<store::SendRow> {
    let id = SendId::new(&core.env);
    let mut h = Happening::new(event, format!("test:{id}"), core.now(), "test");
    h.country = Some("DE".into());
    match event {
        PostbackEvent::Ftd | PostbackEvent::Deposit | PostbackEvent::Chargeback => h.amount = Some(Amount::new(25_049, Currency::EUR)),
        PostbackEvent::Commission | PostbackEvent::Qualified => h.payout = Some(Amount::new(1_250, Currency::EUR)),
        PostbackEvent::LotsDaily => {
            h.lots = Some(Lots(150_000_000));
            h.symbol_group = Some("majors".into());
        }
        _ => {}
    }
    let mut f = base(p.partner_id, Some("cli_test"), &h);
    amounts(&mut f, &h, p.amounts);
    for (k, v) in [
        ("click_id", "test-click"),
        ("sub1", "test-sub1"),
        ("link_code", "TEST"),
        ("test", "1"),
    ] {
        f.insert(k.into(), json!(v));
    }
    let row = store::SendRow {
        id,
        test: true,
        ..fresh(
            core,
            p,
            event,
            format!("test:{id}"),
            h.event_id.clone(),
            None,
            Value::Object(f),
            core.now(),
        )
    };
    enqueue(tx, core, &row).await?;
    Ok(row)
}

/// What the macros stand for: the report's facts without our own notes.
pub(super) fn shown(s: &store::SendRow) -> Result<BTreeMap<String, String>> {
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    for (k, v) in s.facts.as_object().into_iter().flatten() {
        if !k.starts_with('_') {
            out.insert(k.clone(), v.as_str().map_or_else(|| v.to_string(), str::to_string));
        }
    }
    out.insert("postback_id".into(), s.id.to_string());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_as_far_as_the_contract_goes() {
        let a = |minor, c: &str| Amount::new(minor, Currency::parse(c).unwrap());
        for (amount, exact, whole) in [
            (a(25_049, "EUR"), "250.49", "250"),
            (a(25_050, "EUR"), "250.50", "251"),
            (a(-25_050, "EUR"), "-250.50", "-251"),
            (a(-25_049, "EUR"), "-250.49", "-250"),
            (a(900, "JPY"), "900", "900"),
            (a(1_500, "KWD"), "1.500", "2"),
        ] {
            assert_eq!(
                (told(amount, Amounts::Exact).as_str(), told(amount, Amounts::Whole).as_str()),
                (exact, whole)
            );
            assert_eq!(told(amount, Amounts::None), "");
        }
    }
}
