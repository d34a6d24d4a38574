//! Providers that take a payment on a page of their own and tell by a small signed API what became
//! of it: a bank redirect for Germany, a QR code for Thailand. Each is documented in [`dialect`];
//! neither knows the connector's settings.

mod dialect;

use crate::rail::{Body, Call, Notice, Op, Outcome, Page, Paid, Post, Rail, Reply, same_secret};
use crate::stripe::Fields;
use dialect::Dialect;
use qd_kernel::{Currency, Problem, Result, format_fixed};
use serde_json::{Map, Value, json};

pub struct Redirect;

const PAYMENTS: &str = "payment";
const REFUNDS: &str = "refund";
/// Something to happen to the next refund.
const SWITCHES: &str = "switch";
/// A payment that is to be confirmed later is so after this long; a refund is done sooner.
const SETTLES_AFTER_SECS: i64 = 60;
const REFUND_AFTER_SECS: i64 = 2;
/// A page without an end of its own is open for this long.
const OPEN_SECS: i64 = 3_600;

fn spoken(op: &Op<'_>) -> &'static Dialect {
    dialect::of(op.setting("merchant"))
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, json!({"code": code, "message": message}))
}

impl Rail for Redirect {
    fn name(&self) -> &'static str {
        "redirect"
    }

    fn operation(&self, call: &Call) -> String {
        let verb = if call.method == "POST" { "create" } else { "get" };
        let what = if call.path.contains("refunds") { "refunds" } else { "payments" };
        format!("{what}.{verb}")
    }

    fn answer(&self, op: &mut Op<'_>, call: &Call) -> Reply {
        let d = spoken(op);
        if call.header(d.merchant_header) != Some(op.setting("merchant")) {
            return error(401, "merchant_unknown", "No such merchant.");
        }
        let own = format!("/{}", call.parts().join("/"));
        let signed = if call.method == "POST" { &call.body[..] } else { own.as_bytes() };
        let good = d.signature(&op.cfg.key, signed);
        if !same_secret(call.header(d.signature_header).unwrap_or_default(), &good) {
            return error(401, "signature_invalid", "The signature does not fit.");
        }
        let path = own.trim_start_matches('/');
        let below = |base: &str| path.strip_prefix(base).and_then(|r| r.strip_prefix('/'));
        let refunds = d.refunds.unwrap_or("-");
        match call.method.as_str() {
            "POST" if path == d.payments => match call.json() {
                Some(Value::Object(o)) => create(op, d, &o),
                _ => error(400, "body_unreadable", "Expected a JSON object."),
            },
            "POST" if path == refunds => match call.json() {
                Some(Value::Object(o)) => refund(op, d, &o),
                _ => error(400, "body_unreadable", "Expected a JSON object."),
            },
            "GET" => {
                let found = match (below(d.payments), below(refunds)) {
                    (Some(id), _) => op.get(PAYMENTS, id).map(|p| shown(op, d, id, p)),
                    (None, Some(id)) => op.get(REFUNDS, id).map(|r| shown_refund(d, id, r)),
                    (None, None) => None,
                };
                found.map_or_else(|| error(404, "not_found", "Nothing is known by this id."), |o| Reply::json(200, o))
            }
            _ => error(405, "method_not_allowed", "This address takes no such call."),
        }
    }

    fn refusal(&self, _operation: &str, value: Option<&str>) -> Reply {
        match value.and_then(|v| v.parse().ok()) {
            Some(status @ 400..=599) => Reply::of(status, Body::Text("text/html", "<html><body>Error</body></html>".into())),
            _ if value == Some("busy") => error(429, "busy", "Refused by order."),
            _ if value == Some("internal") => error(500, "internal", "Refused by order."),
            _ => error(400, value.unwrap_or("refused"), "Refused by order."),
        }
    }

    fn amounts(&self) -> &'static [&'static str] {
        &["amount", "received", "total"]
    }

    fn payment(&self, op: &Op<'_>, reference: &str) -> Option<String> {
        if op.get(PAYMENTS, reference).is_some() {
            return Some(reference.to_string());
        }
        op.find(PAYMENTS, |p| p.is("reference", reference)).map(|(id, _)| id)
    }

    fn page(&self, op: &Op<'_>, id: &str) -> Option<Page> {
        let p = op.get(PAYMENTS, id)?;
        let ended = match p.text("state") {
            "paid" => Some("This payment is complete."),
            "failed" => Some("This payment failed."),
            "expired" => Some("This payment has expired."),
            _ => None,
        };
        Some(Page {
            title: spoken(op).title.into(),
            sum: sum(p.num("minor"), p.text("currency")),
            lines: vec![
                ("Reference".into(), p.text("reference").into()),
                ("Pay with".into(), p.text("method").into()),
            ],
            ended: ended.map(Into::into),
            back: Some(p.text("return_url").to_string()),
        })
    }

    fn pay(&self, op: &mut Op<'_>, id: &str, outcome: Outcome) -> Result<Paid> {
        let p = op.get(PAYMENTS, id).cloned().ok_or_else(|| Problem::missing("payment"))?;
        let (state, go) = match outcome {
            Outcome::Abandon => {
                let to = if p.text("cancel_url").is_empty() {
                    "return_url"
                } else {
                    "cancel_url"
                };
                return Ok(Paid {
                    go: Some(p.text(to).to_string()),
                    object: Value::Null,
                });
            }
            Outcome::Pay => ("paid", p.text("return_url")),
            Outcome::Later => ("pending", p.text("return_url")),
            Outcome::Decline => ("failed", p.text("return_url")),
        };
        if !matches!(p.text("state"), "created" | "pending") {
            return Err(Problem::conflict("payment_ended", "this payment has ended"));
        }
        if state == "pending" {
            op.later("settle", id, SETTLES_AFTER_SECS);
        }
        let object = self.becomes(op, id, state);
        Ok(Paid {
            go: Some(go.to_string()),
            object,
        })
    }

    fn post(&self, op: &Op<'_>, notice: &Value, forged: bool) -> Post {
        let d = spoken(op);
        let mut o = notice["object"].clone();
        if d.events {
            o["event"] = notice["id"].clone();
        }
        let body = o.to_string();
        let secret = if forged { "somebody" } else { op.cfg.hook_secret.as_str() };
        Post {
            headers: vec![
                ("content-type", "application/json".into()),
                (d.signature_header, d.signature(secret, body.as_bytes())),
            ],
            body,
        }
    }

    fn control(&self, op: &mut Op<'_>, what: &[&str], order: &Value) -> Result<Value> {
        match what {
            ["payment", id, "expire"] => {
                let id = self.payment(op, id).ok_or_else(|| Problem::missing("payment"))?;
                Ok(self.becomes(op, &id, "expired"))
            }
            // The bank sent another sum than the page asked for.
            ["payment", id, "receive"] => {
                let id = self.payment(op, id).ok_or_else(|| Problem::missing("payment"))?;
                op.set(PAYMENTS, &id, "received", order.num("minor"));
                Ok(self.becomes(op, &id, "paid"))
            }
            ["refund", "next_fails"] => {
                op.put(SWITCHES, "refund_next_fails", json!(true));
                Ok(json!({"ordered": "refund_next_fails"}))
            }
            ["refund", id, end @ ("settle" | "fail")] => {
                op.get(REFUNDS, id).ok_or_else(|| Problem::missing("refund"))?;
                Ok(self.refund_becomes(op, id, if *end == "settle" { "done" } else { "failed" }))
            }
            _ => Err(Problem::missing("switch")),
        }
    }

    fn due(&self, op: &mut Op<'_>, kind: &str, object: &str) {
        let state = op.get(PAYMENTS, object).map(|p| p.text("state").to_string());
        match (kind, state.as_deref()) {
            ("settle", Some("pending")) => {
                self.becomes(op, object, "paid");
            }
            ("expire", Some("created")) => {
                self.becomes(op, object, "expired");
            }
            ("refund", _) if op.get(REFUNDS, object).is_some_and(|r| r.is("state", "pending")) => {
                let fails = op.get(SWITCHES, "refund_next_fails").is_some();
                op.remove(SWITCHES, "refund_next_fails");
                self.refund_becomes(op, object, if fails { "failed" } else { "done" });
            }
            _ => {}
        }
    }
}

fn sum(minor: i64, currency: &str) -> String {
    let places = Currency::parse(currency).map_or(2, Currency::exponent);
    format!("{} {currency}", format_fixed(minor, places))
}

/// A field that has to be text and not empty.
fn need<'a>(o: &'a Map<String, Value>, name: &str) -> std::result::Result<&'a str, Reply> {
    match o.get(name) {
        Some(Value::String(s)) if !s.is_empty() && s.len() <= 500 => Ok(s),
        None => Err(error(400, "field_missing", &format!("{name} is required."))),
        Some(_) => Err(error(400, "field_invalid", &format!("{name} is not what it should be."))),
    }
}

fn create(op: &mut Op<'_>, d: &Dialect, o: &Map<String, Value>) -> Reply {
    read_payment(op, d, o).unwrap_or_else(|refused| refused)
}

fn read_payment(op: &mut Op<'_>, d: &Dialect, o: &Map<String, Value>) -> std::result::Result<Reply, Reply> {
    let known = |name: &String| d.fields.iter().any(|(_, n, _)| n == name);
    if let Some(name) = o.keys().find(|n| !known(n)) {
        return Err(error(400, "field_unknown", &format!("{name} is not known here.")));
    }
    let numbers = [d.field("amount"), d.field("expires")];
    for (_, name, required) in d.fields.iter().filter(|(_, n, _)| !numbers.contains(n)) {
        if *required || o.contains_key(*name) {
            need(o, name)?;
        }
    }
    let text = |ours: &str| o.get(d.field(ours)).and_then(Value::as_str).unwrap_or_default().to_string();
    let invalid = |ours: &str| error(400, "field_invalid", &format!("{} is not what it should be.", d.field(ours)));
    let minor = o
        .get(d.field("amount"))
        .and_then(|a| d.read_amount(a, &text("currency")))
        .ok_or_else(|| invalid("amount"))?;
    if !d.methods.contains(&text("method").as_str()) {
        return Err(invalid("method"));
    }
    for url in ["return_url", "cancel_url", "callback_url"] {
        if !text(url).is_empty() && !text(url).starts_with("http") {
            return Err(invalid(url));
        }
    }
    let expires = match o.get(d.field("expires")) {
        None => op.now.plus_secs(OPEN_SECS).secs(),
        Some(v) => v.as_i64().filter(|s| *s > op.now.secs()).ok_or_else(|| invalid("expires"))?,
    };
    let reference = text("reference");
    if let Some((id, p)) = op.find(PAYMENTS, |p| p.is("reference", &reference)) {
        if p.num("minor") != minor || !p.is("currency", &text("currency")) {
            return Err(error(409, "reference_used", "This reference belongs to another payment."));
        }
        return Ok(Reply::json(200, shown(op, d, &id, &p)));
    }
    let id = op.token("pm_", 20);
    let p = json!({"reference": reference, "minor": minor, "currency": text("currency"), "method": text("method"), "state": "created",
        "return_url": text("return_url"), "cancel_url": text("cancel_url"), "callback_url": text("callback_url"), "received": 0, "refunded": 0});
    op.put(PAYMENTS, &id, p.clone());
    op.later("expire", &id, expires - op.now.secs());
    Ok(Reply::json(201, shown(op, d, &id, &p)))
}

/// A payment in the provider's form.
fn shown(op: &Op<'_>, d: &Dialect, id: &str, p: &Value) -> Value {
    let currency = p.text("currency");
    let mut o = Map::new();
    for ours in ["reference", "method"] {
        o.insert(d.field(ours).into(), json!(p.text(ours)));
    }
    o.insert(d.field("amount").into(), d.amount(p.num("minor"), currency));
    o.insert(d.field("currency").into(), json!(currency));
    o.insert(d.id.into(), json!(id));
    o.insert(d.status.into(), json!(d.word(p.text("state"))));
    o.insert(d.url.into(), json!(op.page_url(id)));
    if d.refunds.is_some() {
        if p.is("state", "paid") {
            o.insert("received".into(), d.amount(p.num("received"), currency));
        }
        if p.num("refunded") > 0 {
            o.insert("refunded".into(), d.amount(p.num("refunded"), currency));
        }
        o.insert("object".into(), json!("payment"));
    }
    if p.is("state", "failed") {
        o.insert("reason".into(), json!("bank_declined"));
    }
    Value::Object(o)
}

fn shown_refund(d: &Dialect, id: &str, r: &Value) -> Value {
    let mut o = json!({"id": id, "object": "refund", "reference": r.text("reference"), "payment": r.text("payment"),
        "amount": d.amount(r.num("minor"), r.text("currency")), "currency": r.text("currency"), "status": r.text("state")});
    if r.is("state", "failed") {
        o["reason"] = json!("account_closed");
    }
    o
}

fn refund(op: &mut Op<'_>, d: &Dialect, o: &Map<String, Value>) -> Reply {
    read_refund(op, d, o).unwrap_or_else(|refused| refused)
}

fn read_refund(op: &mut Op<'_>, d: &Dialect, o: &Map<String, Value>) -> std::result::Result<Reply, Reply> {
    let known = ["reference", "payment", "amount", "currency"];
    if let Some(name) = o.keys().find(|n| !known.contains(&n.as_str())) {
        return Err(error(400, "field_unknown", &format!("{name} is not known here.")));
    }
    let (reference, payment, currency) = (need(o, "reference")?, need(o, "payment")?, need(o, "currency")?);
    let minor = o
        .get("amount")
        .and_then(|a| d.read_amount(a, currency))
        .ok_or_else(|| error(400, "field_invalid", "amount is not what it should be."))?;
    if let Some((id, r)) = op.find(REFUNDS, |r| r.is("reference", reference)) {
        if r.num("minor") != minor || !r.is("payment", payment) {
            return Err(error(409, "reference_used", "This reference belongs to another refund."));
        }
        return Ok(Reply::json(200, shown_refund(d, &id, &r)));
    }
    let p = op
        .get(PAYMENTS, payment)
        .cloned()
        .ok_or_else(|| error(404, "not_found", "No such payment."))?;
    if !p.is("state", "paid") || !p.is("currency", currency) {
        return Err(error(
            400,
            "payment_not_refundable",
            "Only a paid payment can be given back, in its currency.",
        ));
    }
    let pending: i64 = op
        .rows(REFUNDS)
        .filter(|(_, r)| r.is("payment", payment) && !r.is("state", "failed"))
        .map(|(_, r)| r.num("minor"))
        .sum();
    if pending + minor > p.num("received") {
        return Err(error(400, "amount_too_high", "More than was received."));
    }
    let id = op.token("rf_", 20);
    let r = json!({"reference": reference, "payment": payment, "minor": minor, "currency": currency, "state": "pending"});
    op.put(REFUNDS, &id, r.clone());
    op.later("refund", &id, REFUND_AFTER_SECS);
    Ok(Reply::json(201, shown_refund(d, &id, &r)))
}

impl Redirect {
    /// Gives a payment another state and tells the merchant.
    fn becomes(&self, op: &mut Op<'_>, id: &str, state: &str) -> Value {
        let p = op.edit(PAYMENTS, id, |m| {
            m.insert("state".into(), json!(state));
            let came = m.get("received").and_then(Value::as_i64).unwrap_or(0);
            if state == "paid" && came == 0 {
                m.insert("received".into(), m.get("minor").cloned().unwrap_or_default());
            }
        });
        let object = shown(op, spoken(op), id, &p);
        self.tell(op, &format!("payment.{state}"), id, p.text("callback_url"), object.clone());
        object
    }

    fn refund_becomes(&self, op: &mut Op<'_>, id: &str, state: &str) -> Value {
        let r = op.set(REFUNDS, id, "state", state);
        let payment = r.text("payment").to_string();
        let gone: i64 = op
            .rows(REFUNDS)
            .filter(|(_, r)| r.is("payment", &payment) && r.is("state", "done"))
            .map(|(_, r)| r.num("minor"))
            .sum();
        let p = op.set(PAYMENTS, &payment, "refunded", gone);
        let object = shown_refund(spoken(op), id, &r);
        self.tell(op, &format!("refund.{state}"), &payment, p.text("callback_url"), object.clone());
        object
    }

    fn tell(&self, op: &mut Op<'_>, kind: &str, payment: &str, url: &str, object: Value) {
        op.notify(
            self,
            Notice {
                kind: kind.into(),
                group: payment.into(),
                url: Some(url.to_string()).filter(|u| !u.is_empty()),
                object,
            },
        );
    }
}
