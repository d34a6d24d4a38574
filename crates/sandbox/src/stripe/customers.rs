//! Customers and their payment methods.

use super::cards::{self, NotACard, TestCard};
use super::error::{Answer, StripeError};
use super::op::Op;
use super::params::Params;
use super::tables::*;
use serde_json::{Value, json};

const CREATE: &str = "address balance business_name cash_balance description email individual_name invoice_prefix invoice_settings metadata name next_invoice_sequence payment_method phone preferred_locales shipping source tax tax_exempt tax_id_data test_clock validate default_source";

pub fn create(op: &mut Op<'_>, p: &Params<'_>) -> Answer<Value> {
    p.only(CREATE)?;
    check_email(p)?;
    let id = op.token("cus_", 14);
    let metadata = p.metadata(&Value::Null)?;
    let mut c = json!({
        "id": id, "object": "customer", "address": null, "balance": 0, "created": op.secs(), "currency": null, "default_source": null,
        "delinquent": false, "description": null, "discount": null, "email": null, "invoice_prefix": op.token("", 8).to_uppercase(),
        "invoice_settings": {"custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null},
        "livemode": false, "metadata": metadata, "name": null, "phone": null, "preferred_locales": [], "shipping": null,
        "tax_exempt": "none", "test_clock": null,
    });
    apply(&mut c, p)?;
    let method = p
        .text("payment_method")?
        .map(|m| resolve_method(op, m, "payment_method"))
        .transpose()?;
    op.t.put(CUSTOMERS, &id, c.clone());
    op.event("customer.created", &c, None);
    if let Some(m) = method {
        attach_to(op, &m, &id)?;
    }
    Ok(c)
}

pub fn update(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only(CREATE)?;
    check_email(p)?;
    let old = op.must(CUSTOMERS, id, "id")?;
    if old["deleted"] == true {
        return Err(StripeError::no_such("customer", id, "id"));
    }
    let mut c = old.clone();
    c["metadata"] = p.metadata(&old["metadata"])?;
    apply(&mut c, p)?;
    if c != old {
        let before: serde_json::Map<String, Value> = c
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(k, v)| old.get(k.as_str()) != Some(v))
            .map(|(k, _)| (k.clone(), old[k.as_str()].clone()))
            .collect();
        op.t.put(CUSTOMERS, id, c.clone());
        op.event("customer.updated", &c, Some(Value::Object(before)));
    }
    Ok(c)
}

fn check_email(p: &Params<'_>) -> Answer<()> {
    if let Some(e) = p.settable("email")?.as_ref().and_then(Value::as_str)
        && (!e.contains('@') || e.len() > 512)
    {
        return Err(StripeError::invalid(format!("Invalid email address: {e}"))
            .code("email_invalid")
            .param("email"));
    }
    Ok(())
}

fn apply(c: &mut Value, p: &Params<'_>) -> Answer<()> {
    for key in ["description", "email", "name", "phone", "tax_exempt"] {
        if let Some(v) = p.settable(key)? {
            c[key] = v;
        }
    }
    for key in ["address", "shipping", "preferred_locales"] {
        if let Some(v) = p.raw(key) {
            c[key] = if p.cleared(key) { Value::Null } else { v.clone() };
        }
    }
    if let Some(s) = p.object("invoice_settings")?
        && let Some(m) = s.settable("default_payment_method")?
    {
        c["invoice_settings"]["default_payment_method"] = m;
    }
    Ok(())
}

pub fn delete(op: &mut Op<'_>, id: &str) -> Answer<Value> {
    let c = op.must(CUSTOMERS, id, "id")?;
    if c["deleted"] == true {
        return Err(StripeError::no_such("customer", id, "id"));
    }
    let gone = json!({"id": id, "object": "customer", "deleted": true});
    op.t.put(CUSTOMERS, id, gone.clone());
    op.event("customer.deleted", &c, None);
    Ok(gone)
}

/// A customer that a parameter names and that has not been deleted.
pub fn referenced(op: &Op<'_>, p: &Params<'_>) -> Answer<Value> {
    let Some(id) = p.text("customer")? else { return Ok(Value::Null) };
    let c = op.referenced(CUSTOMERS, id, "customer")?;
    if c["deleted"] == true {
        return Err(StripeError::no_such_param("customer", id, "customer"));
    }
    Ok(json!(id))
}

const METHOD: &str = "allow_redisplay billing_details card customer customer_account metadata payment_method type radar_options link";

pub fn create_method(op: &mut Op<'_>, p: &Params<'_>) -> Answer<Value> {
    p.only(METHOD)?;
    method_from(op, p)
}

/// A payment method out of `payment_method_data` or the parameters of its own endpoint.
pub fn method_from(op: &mut Op<'_>, p: &Params<'_>) -> Answer<Value> {
    let kind = p.text("type")?.map_or_else(
        || {
            if p.has("card") {
                Ok("card")
            } else {
                Err(StripeError::missing_param(&p.name("type")))
            }
        },
        Ok,
    )?;
    if kind != "card" {
        return Err(StripeError::invalid(format!(
            "The payment method type \"{kind}\" is not activated for this account. Activated types: card."
        ))
        .code("payment_method_type_not_activated")
        .param(&p.name("type")));
    }
    let c = p.object("card")?.ok_or_else(|| StripeError::missing_param(&p.name("card")))?;
    c.only("number exp_month exp_year cvc token networks")?;
    let (card, month, year) = match c.text("token")? {
        Some(t) => {
            let card = cards::by_token(t).ok_or_else(|| StripeError::no_such_param("token", t, &c.name("token")))?;
            (card, 12, i64::from(i32::try_from(op.now.ymd().0).unwrap_or(2030)) + 4)
        }
        None => {
            let number = c.need_text("number")?;
            let (month, year) = (c.need_int("exp_month")?, c.need_int("exp_year")?);
            let card = number_of(number, &c.name("number"))?;
            (card, month, check_expiry(op, month, year, &c)?)
        }
    };
    let billing = p.object("billing_details")?;
    if let Some(b) = &billing {
        b.only("address email name phone tax_id")?;
    }
    let metadata = p.metadata(&Value::Null)?;
    Ok(store_method(op, &card, month, year, billing_json(billing.as_ref())?, metadata))
}

/// The test card of a number, or Stripe's refusal of it.
pub fn number_of(number: &str, param: &str) -> Answer<TestCard> {
    cards::find(number).map_err(|e| match e {
        NotACard::Number => StripeError::card("incorrect_number", None, cards::message("incorrect_number", "")).param(param),
        NotACard::Live => StripeError::card(
            "card_declined",
            Some("test_mode_live_card"),
            cards::message("card_declined", "test_mode_live_card"),
        ),
    })
}

fn check_expiry(op: &Op<'_>, month: i64, year: i64, c: &Params<'_>) -> Answer<i64> {
    let bad = |code: &str, text: &str, key: &str| StripeError::card(code, None, text).param(&c.name(key));
    if !(1..=12).contains(&month) {
        return Err(bad("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month"));
    }
    let (y, m, _) = op.now.ymd();
    let year = if year < 100 { year + 2_000 } else { year };
    if year < y || (year == y && month < i64::from(m)) || year > y + 50 {
        return Err(bad("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year"));
    }
    Ok(year)
}

fn billing_json(b: Option<&Params<'_>>) -> Answer<Value> {
    let mut v = json!({"address": {"city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null}, "email": null, "name": null, "phone": null, "tax_id": null});
    if let Some(b) = b {
        for key in ["email", "name", "phone", "tax_id"] {
            if let Some(x) = b.settable(key)? {
                v[key] = x;
            }
        }
        if let Some(a) = b.object("address")? {
            a.only("city country line1 line2 postal_code state")?;
            for key in ["city", "country", "line1", "line2", "postal_code", "state"] {
                if let Some(x) = a.settable(key)? {
                    v["address"][key] = x;
                }
            }
        }
    }
    Ok(v)
}

/// Stores a card as a payment method; the number stays in the hidden part.
pub fn store_method(op: &mut Op<'_>, card: &TestCard, month: i64, year: i64, billing: Value, metadata: Value) -> Value {
    let id = op.token("pm_1", 23);
    let m = json!({
        "id": id, "object": "payment_method", "allow_redisplay": "unspecified", "billing_details": billing,
        "card": card.json(&op.who.id, month, year), "created": op.secs(), "customer": null, "livemode": false,
        "metadata": metadata, "type": "card",
    });
    op.t.put(METHODS, &id, m.clone());
    op.t.hide(METHODS, &id, "number", card.number.clone());
    m
}

/// The card behind a stored payment method.
pub fn card_of(op: &Op<'_>, method: &str) -> Option<TestCard> {
    op.t.hidden(METHODS, method, "number")
        .and_then(Value::as_str)
        .and_then(|n| cards::find(n).ok())
}

/// An id of a payment method, or a test token, which makes a new one.
pub fn resolve_method(op: &mut Op<'_>, given: &str, param: &str) -> Answer<Value> {
    if let Some(m) = op.t.get(METHODS, given) {
        return Ok(m.clone());
    }
    match cards::by_token(given).filter(|_| given.starts_with("pm_card_")) {
        Some(card) => {
            let year = op.now.ymd().0 + 4;
            let billing = billing_json(None)?;
            Ok(store_method(op, &card, 12, year, billing, json!({})))
        }
        None => Err(StripeError::no_such_param("PaymentMethod", given, param)),
    }
}

pub fn attach(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("customer customer_account")?;
    let customer = p.need_text("customer")?.to_string();
    referenced(op, p)?;
    let m = match op.t.get(METHODS, id) {
        Some(m) => m.clone(),
        None if cards::by_token(id).is_some() => resolve_method(op, id, "payment_method")?,
        None => return Err(StripeError::no_such("PaymentMethod", id, "payment_method")),
    };
    if !m["customer"].is_null() {
        return Err(
            StripeError::invalid("The payment method you provided has already been attached to a customer.")
                .code("payment_method_unexpected_state")
                .param("payment_method"),
        );
    }
    attach_to(op, &m, &customer)
}

/// Attaches; a card that is declined on saving refuses here, as at Stripe.
pub fn attach_to(op: &mut Op<'_>, method: &Value, customer: &str) -> Answer<Value> {
    let id = method.text("id").to_string();
    if let Some(cards::Behaviour::Decline(code, decline)) = card_of(op, &id).map(|c| {
        if c.number == "4000000000000341" {
            cards::Behaviour::Ok
        } else {
            c.behaviour
        }
    }) {
        return Err(StripeError::card(code, Some(decline), cards::message(code, decline)));
    }
    let m = op.edit(METHODS, &id, |m| {
        m.insert("customer".into(), json!(customer));
    });
    op.event("payment_method.attached", &m, None);
    Ok(m)
}

pub fn detach(op: &mut Op<'_>, id: &str) -> Answer<Value> {
    let m = op.must(METHODS, id, "payment_method")?;
    if m["customer"].is_null() {
        return Err(
            StripeError::invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
                .code("payment_method_unexpected_state")
                .param("payment_method"),
        );
    }
    let before = m["customer"].clone();
    let m = op.edit(METHODS, id, |m| {
        m.insert("customer".into(), Value::Null);
    });
    op.t.hide(METHODS, id, "used_up", true);
    op.event("payment_method.detached", &m, Some(json!({"customer": before})));
    Ok(m)
}

pub fn update_method(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("allow_redisplay billing_details card metadata")?;
    let m = op.must(METHODS, id, "payment_method")?;
    let metadata = p.metadata(&m["metadata"])?;
    let billing = p.object("billing_details")?.map(|b| billing_json(Some(&b))).transpose()?;
    let m = op.edit(METHODS, id, |m| {
        m.insert("metadata".into(), metadata);
        if let Some(b) = billing {
            m.insert("billing_details".into(), b);
        }
    });
    op.event("payment_method.updated", &m, None);
    Ok(m)
}
