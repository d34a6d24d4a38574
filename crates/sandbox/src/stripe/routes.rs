//! Which call is which operation.

use super::error::{Answer, StripeError};
use super::lists::{self, Listing};
use super::op::Op;
use super::params::Params;
use super::tables::*;
use super::{balance, customers, disputes, endpoints, intents, outbound, refunds, sessions};
use serde_json::{Value, json};

const fn listing(table: &'static str, url: &'static str, fields: &'static str) -> Listing {
    Listing { table, url, fields }
}

const LISTS: [(&str, Listing); 11] = [
    ("customers", listing(CUSTOMERS, "/v1/customers", "email test_clock")),
    ("payment_methods", listing(METHODS, "/v1/payment_methods", "customer type")),
    ("payment_intents", listing(INTENTS, "/v1/payment_intents", "customer")),
    (
        "checkout/sessions",
        listing(
            SESSIONS,
            "/v1/checkout/sessions",
            "customer payment_intent status payment_link subscription",
        ),
    ),
    ("charges", listing(CHARGES, "/v1/charges", "customer payment_intent transfer_group")),
    ("refunds", listing(REFUNDS, "/v1/refunds", "charge payment_intent")),
    ("disputes", listing(DISPUTES, "/v1/disputes", "charge payment_intent")),
    ("balance_transactions", listing(BALANCE, "/v1/balance_transactions", "source")),
    ("payouts", listing(PAYOUTS, "/v1/payouts", "destination status")),
    ("events", listing(EVENTS, "/v1/events", "")),
    ("webhook_endpoints", listing(ENDPOINTS, "/v1/webhook_endpoints", "")),
];

/// The operation's name as faults are ordered for it: `payment_intents.create`,
/// `checkout.sessions.expire`, `refunds.list`, `outbound_payments.create`.
pub fn name(method: &str, path: &str) -> String {
    let path = path
        .trim_start_matches("/v1/")
        .trim_start_matches("/v2/")
        .trim_start_matches("money_management/");
    let mut parts: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let mut collection = Vec::new();
    if matches!(parts.first(), Some(&("checkout" | "core"))) {
        collection.push(parts.remove(0));
    }
    if !parts.is_empty() {
        collection.push(parts.remove(0));
    }
    let verb = match (method, parts.as_slice()) {
        ("GET", []) if collection == ["balance"] || collection == ["account"] => "retrieve",
        ("GET", []) => "list",
        ("GET", ["search"]) => "search",
        ("GET", [_]) => "retrieve",
        (_, []) => "create",
        ("DELETE", [_]) => "delete",
        (_, [_]) => "update",
        (_, [_, rest @ ..]) => return format!("{}.{}", collection.join("."), rest.join(".")),
    };
    format!("{}.{verb}", collection.join("."))
}

/// Carries the call out. `path` begins with `/v1/` or `/v2/`.
pub fn dispatch(op: &mut Op<'_>, method: &str, path: &str, p: &Params<'_>) -> Answer<Value> {
    let parts: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    match parts.split_first() {
        Some((&"v1", rest)) => {
            let mut answer = v1(op, method, rest, path, p)?;
            lists::expand(op, &mut answer, p)?;
            Ok(answer)
        }
        Some((&"v2", rest)) => v2(op, method, rest, path, p),
        _ => Err(StripeError::unrecognized(method, path)),
    }
}

fn v1(op: &mut Op<'_>, method: &str, parts: &[&str], path: &str, p: &Params<'_>) -> Answer<Value> {
    if method == "GET" {
        let whole = parts.join("/");
        if let Some((_, l)) = LISTS.iter().find(|(n, _)| *n == whole) {
            return lists::list(op, l, p);
        }
    }
    match (method, parts) {
        ("POST", ["customers"]) => customers::create(op, p),
        ("GET", ["customers", "search"]) => lists::search(op, CUSTOMERS, path, p),
        ("GET", ["customers", id]) => read(op, CUSTOMERS, id, "id", p),
        ("POST", ["customers", id]) => customers::update(op, id, p),
        ("DELETE", ["customers", id]) => customers::delete(op, id),
        ("GET", ["customers", id, "payment_methods"]) => {
            op.must(CUSTOMERS, id, "customer")?;
            let mut map = serde_json::Map::new();
            map.insert("customer".into(), json!(id));
            for key in ["limit", "starting_after", "ending_before", "type"] {
                map.extend(p.raw(key).map(|v| (key.to_string(), v.clone())));
            }
            lists::list(op, &LISTS[1].1, &Params::root(&map))
        }
        ("POST", ["payment_methods"]) => customers::create_method(op, p),
        ("GET", ["payment_methods", id]) => read(op, METHODS, id, "payment_method", p),
        ("POST", ["payment_methods", id]) => customers::update_method(op, id, p),
        ("POST", ["payment_methods", id, "attach"]) => customers::attach(op, id, p),
        ("POST", ["payment_methods", id, "detach"]) => customers::detach(op, id),

        ("POST", ["payment_intents"]) => intents::create(op, p),
        ("GET", ["payment_intents", "search"]) => lists::search(op, INTENTS, path, p),
        ("GET", ["payment_intents", id]) => read(op, INTENTS, id, "intent", p),
        ("POST", ["payment_intents", id]) => intents::update(op, id, p),
        ("POST", ["payment_intents", id, "confirm"]) => intents::confirm(op, id, p),
        ("POST", ["payment_intents", id, "capture"]) => intents::capture(op, id, p),
        ("POST", ["payment_intents", id, "cancel"]) => intents::cancel(op, id, p),

        ("POST", ["checkout", "sessions"]) => sessions::create(op, p),
        ("GET", ["checkout", "sessions", id]) => read(op, SESSIONS, id, "session", p),
        ("POST", ["checkout", "sessions", id]) => sessions::update(op, id, p),
        ("POST", ["checkout", "sessions", id, "expire"]) => sessions::expire(op, id, p),
        ("GET", ["checkout", "sessions", id, "line_items"]) => {
            p.only("limit starting_after ending_before")?;
            op.must(SESSIONS, id, "session")?;
            Ok(lists::line_items(op, id))
        }

        ("GET", ["charges", "search"]) => lists::search(op, CHARGES, path, p),
        ("GET", ["charges", id]) => read(op, CHARGES, id, "id", p),
        ("POST", ["charges", id]) => endpoints::update_charge(op, id, p),
        ("GET", ["charges", id, "refunds"]) => {
            op.must(CHARGES, id, "id")?;
            let mut map = serde_json::Map::new();
            map.insert("charge".into(), json!(id));
            for key in ["limit", "starting_after", "ending_before"] {
                map.extend(p.raw(key).map(|v| (key.to_string(), v.clone())));
            }
            lists::list(op, &LISTS[5].1, &Params::root(&map))
        }

        ("POST", ["refunds"]) => refunds::create(op, p),
        ("GET", ["refunds", id]) => read(op, REFUNDS, id, "id", p),
        ("POST", ["refunds", id]) => refunds::update(op, id, p),
        ("POST", ["refunds", id, "cancel"]) => refunds::cancel(op, id, p),

        ("GET", ["disputes", id]) => read(op, DISPUTES, id, "id", p),
        ("POST", ["disputes", id]) => disputes::update(op, id, p),
        ("POST", ["disputes", id, "close"]) => disputes::close(op, id, p),

        ("GET", ["balance"]) => {
            p.only("")?;
            Ok(balance::retrieve(op))
        }
        ("GET", ["balance_transactions" | "balance", id]) => read(op, BALANCE, id, "id", p),
        ("POST", ["payouts"]) => balance::create_payout(op, p),
        ("GET", ["payouts", id]) => read(op, PAYOUTS, id, "id", p),
        ("POST", ["payouts", id]) => balance::update_payout(op, id, p),
        ("POST", ["payouts", id, "cancel"]) => balance::cancel_payout(op, id, p),

        ("GET", ["events", id]) => read(op, EVENTS, id, "id", p),
        ("GET", ["account"]) => Ok(endpoints::account(op)),
        ("POST", ["webhook_endpoints"]) => endpoints::create(op, p),
        ("GET", ["webhook_endpoints", id]) => read(op, ENDPOINTS, id, "id", p),
        ("POST", ["webhook_endpoints", id]) => endpoints::update(op, id, p),
        ("DELETE", ["webhook_endpoints", id]) => endpoints::delete(op, id),
        _ => Err(StripeError::unrecognized(method, path)),
    }
}

fn read(op: &Op<'_>, table: &'static str, id: &str, param: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("client_secret")?;
    let o = op.must(table, id, param)?;
    Ok(lists::present(op, table, o))
}

fn v2(op: &mut Op<'_>, method: &str, parts: &[&str], path: &str, p: &Params<'_>) -> Answer<Value> {
    match (method, parts) {
        ("POST", ["money_management", "outbound_payments"]) => outbound::create(op, p),
        ("GET", ["money_management", "outbound_payments"]) => {
            p.only("limit status recipient created page")?;
            let statuses = match p.raw("status") {
                Some(Value::String(s)) => vec![s.clone()],
                _ => p.texts("status")?.unwrap_or_default(),
            };
            let recipient = p.text("recipient")?;
            page(op, OUTBOUND, path, p, |o| {
                (statuses.is_empty() || statuses.iter().any(|s| o.is("status", s))) && recipient.is_none_or(|r| o["to"].is("recipient", r))
            })
        }
        ("GET", ["money_management", "outbound_payments", id]) => op.must(OUTBOUND, id, "id"),
        ("POST", ["money_management", "outbound_payments", id, "cancel"]) => outbound::become_(op, id, "canceled"),
        ("GET", ["core", "events"]) => {
            let about = p.text("object_id")?;
            page(op, THIN_EVENTS, path, p, |o| about.is_none_or(|a| o["related_object"].is("id", a)))
        }
        ("GET", ["core", "events", id]) => op.must(THIN_EVENTS, id, "id"),
        _ => Err(StripeError::unrecognized(method, path)),
    }
}

/// A v2 list: `data`, `next_page_url`, `previous_page_url`.
fn page(op: &Op<'_>, table: &'static str, path: &str, p: &Params<'_>, fits: impl Fn(&Value) -> bool) -> Answer<Value> {
    let limit = usize::try_from(p.int("limit")?.unwrap_or(20).clamp(1, 100)).unwrap_or(20);
    let skip: usize = p.text("page")?.and_then(|t| t.parse().ok()).unwrap_or(0);
    let mut data: Vec<Value> =
        op.t.rows(table)
            .rev()
            .map(|(_, r)| r.o.clone())
            .filter(|o| fits(o))
            .skip(skip)
            .take(limit + 1)
            .collect();
    let more = data.len() > limit;
    data.truncate(limit);
    // The other filters must go along, or the next page would be of another list.
    let others: String = ["status", "recipient", "object_id"]
        .iter()
        .filter_map(|k| p.raw(k).and_then(Value::as_str).map(|v| format!("&{k}={v}")))
        .collect();
    let url = |at: usize| json!(format!("{path}?limit={limit}&page={at}{others}"));
    Ok(json!({
        "data": data,
        "next_page_url": if more { url(skip + limit) } else { Value::Null },
        "previous_page_url": if skip > 0 { url(skip.saturating_sub(limit)) } else { Value::Null },
    }))
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn operations_are_named_after_collection_and_verb() {
        for (m, p, n) in [
            ("POST", "/v1/payment_intents", "payment_intents.create"),
            ("POST", "/v1/payment_intents/pi_1/confirm", "payment_intents.confirm"),
            ("GET", "/v1/payment_intents/search", "payment_intents.search"),
            ("POST", "/v1/checkout/sessions", "checkout.sessions.create"),
            ("GET", "/v1/checkout/sessions/cs_1", "checkout.sessions.retrieve"),
            ("GET", "/v1/balance", "balance.retrieve"),
            ("GET", "/v1/events", "events.list"),
            ("POST", "/v2/money_management/outbound_payments", "outbound_payments.create"),
        ] {
            assert_eq!(name(m, p), n);
        }
    }
}
