//! The attempt to charge a card, the charge it leaves behind, and the holder's authentication.

use super::balance::{self, Entry};
use super::cards::{self, Behaviour, TestCard, Then};
use super::customers;
use super::disputes;
use super::error::{Answer, StripeError};
use super::op::Op;
use super::params::Params;
use super::sessions;
use super::tables::*;
use serde_json::{Value, json};

/// The circumstances of an attempt.
#[derive(Clone, Default)]
pub struct How {
    pub off_session: bool,
    pub return_url: Option<String>,
    pub error_on_requires_action: bool,
    /// The holder has just authenticated; do not ask again.
    pub authenticated: bool,
    /// Leave the payment `processing`, as a delayed method does, and settle it by a later call.
    pub delayed: bool,
}

impl How {
    pub fn of(p: &Params<'_>) -> Answer<How> {
        // `off_session` may also be the old enumeration one_off/recurring.
        let off_session = match p.raw("off_session").and_then(Value::as_str) {
            Some("one_off" | "recurring") => true,
            _ => p.flag("off_session")?.unwrap_or(false),
        };
        let return_url = p.text("return_url")?.map(str::to_string);
        if let Some(u) = &return_url
            && !u.contains("://")
        {
            return Err(StripeError::invalid("Not a valid URL").code("url_invalid").param("return_url"));
        }
        Ok(How {
            off_session,
            return_url,
            error_on_requires_action: p.flag("error_on_requires_action")?.unwrap_or(false),
            ..How::default()
        })
    }
}

/// Tries to charge the payment method the intent carries.
pub fn confirm(op: &mut Op<'_>, id: &str, how: How) -> Answer<Value> {
    let pi = op.must(INTENTS, id, "intent")?;
    let method = pi.text("payment_method").to_string();
    let Some(card) = customers::card_of(op, &method) else {
        return Err(StripeError::no_such_param("PaymentMethod", &method, "payment_method"));
    };
    if op.t.hidden(METHODS, &method, "used_up").is_some() {
        return Err(StripeError::invalid("The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.").param("payment_method"));
    }
    let owner = op.t.get(METHODS, &method).map(|m| m["customer"].clone()).unwrap_or(Value::Null);
    if !owner.is_null() && owner != pi["customer"] {
        return Err(
            StripeError::invalid("The provided PaymentMethod belongs to a Customer; pass that Customer with the PaymentIntent.")
                .param("payment_method"),
        );
    }
    match card.behaviour {
        Behaviour::Authenticate(_) if !how.authenticated => challenge(op, &pi, how),
        Behaviour::Decline(code, decline) | Behaviour::Authenticate(Then::Decline(code, decline)) => {
            Err(decline_with(op, &pi, &card, code, decline))
        }
        _ if how.delayed => Ok(pend(op, id)),
        _ => Ok(succeed(op, id, &card)),
    }
}

/// The card wants its holder: hand over to a page, or refuse where nobody is there to see it.
fn challenge(op: &mut Op<'_>, pi: &Value, how: How) -> Answer<Value> {
    let id = pi.text("id").to_string();
    if how.off_session || how.error_on_requires_action {
        let card = customers::card_of(op, pi.text("payment_method"));
        return Err(match card {
            Some(card) => decline_with(op, pi, &card, "authentication_required", "authentication_required"),
            None => StripeError::card(
                "authentication_required",
                Some("authentication_required"),
                cards::message("authentication_required", ""),
            ),
        });
    }
    let page = format!("{}/stripe/3ds/{id}", op.shared.cfg.public_base);
    let action = match &how.return_url {
        Some(back) => json!({"type": "redirect_to_url", "redirect_to_url": {"return_url": back, "url": page}}),
        None => {
            json!({"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page, "source": op.token("src_1", 23)}})
        }
    };
    let pi = op.edit(INTENTS, &id, |m| {
        m.insert("status".into(), json!("requires_action"));
        m.insert("next_action".into(), action);
        m.insert("last_payment_error".into(), Value::Null);
    });
    op.event("payment_intent.requires_action", &pi, None);
    Ok(pi)
}

/// The holder passed or failed the challenge.
pub fn answer_challenge(op: &mut Op<'_>, id: &str, passed: bool) -> Answer<Value> {
    let pi = op.must(INTENTS, id, "intent")?;
    if !pi.is("status", "requires_action") {
        return Ok(pi);
    }
    if passed {
        return confirm(
            op,
            id,
            How {
                authenticated: true,
                ..How::default()
            },
        );
    }
    let message = "We are unable to authenticate your payment method. Please choose a different payment method and try again.";
    let method = op.t.get(METHODS, pi.text("payment_method")).cloned().unwrap_or(Value::Null);
    let error = json!({"type": "invalid_request_error", "code": "payment_intent_authentication_failure", "message": message, "payment_method": method,
        "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure"});
    Ok(back_to_method(op, id, error, None))
}

/// A refused attempt puts the intent back to where it wants a payment method.
fn back_to_method(op: &mut Op<'_>, id: &str, error: Value, charge: Option<&str>) -> Value {
    let pi = op.edit(INTENTS, id, |m| {
        m.insert("status".into(), json!("requires_payment_method"));
        m.insert("last_payment_error".into(), error);
        m.insert("next_action".into(), Value::Null);
        m.insert("payment_method".into(), Value::Null);
        m.insert("processing".into(), Value::Null);
        if let Some(c) = charge {
            m.insert("latest_charge".into(), json!(c));
        }
    });
    op.event("payment_intent.payment_failed", &pi, None);
    pi
}

/// A failed charge, the events, and the error for the caller.
pub fn decline_with(op: &mut Op<'_>, pi: &Value, card: &TestCard, code: &str, decline: &str) -> StripeError {
    let id = pi.text("id").to_string();
    let method = op.t.get(METHODS, pi.text("payment_method")).cloned().unwrap_or(Value::Null);
    let message = cards::message(code, decline);
    let mut charge = charge_json(op, pi, card);
    charge["failure_code"] = json!(code);
    charge["failure_message"] = json!(message);
    charge["status"] = json!("failed");
    let blocked = decline == "fraudulent";
    charge["outcome"] = json!({
        "advice_code": advice(decline), "network_advice_code": null, "network_decline_code": null,
        "network_status": if blocked { "not_sent_to_network" } else { "declined_by_network" },
        "reason": if blocked { "highest_risk_level" } else { decline }, "risk_level": if blocked { "highest" } else { "normal" },
        "risk_score": if blocked { 90 } else { 20 }, "seller_message": "The bank did not return any further details with this decline.",
        "type": if blocked { "blocked" } else { "issuer_declined" },
    });
    let charge_id = charge.text("id").to_string();
    op.t.put(CHARGES, &charge_id, charge.clone());
    op.event("charge.failed", &charge, None);
    let has_decline = code == "card_declined" || code == "authentication_required";
    let mut error = json!({
        "type": "card_error", "code": code, "message": message, "charge": charge_id, "payment_method": method,
        "doc_url": format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")),
    });
    if has_decline || code == "expired_card" || code == "incorrect_cvc" || code == "processing_error" {
        error["decline_code"] = json!(decline);
    }
    if let Some(a) = advice(decline) {
        error["advice_code"] = json!(a);
    }
    match code {
        "incorrect_cvc" => error["param"] = json!("cvc"),
        "expired_card" => error["param"] = json!("exp_month"),
        _ => {}
    }
    let after = back_to_method(op, &id, error.clone(), Some(&charge_id));
    let mut e = StripeError::card(code, None, message);
    if let Some(fields) = error.as_object() {
        e.body.extend(fields.clone());
    }
    e.with("payment_intent", after)
}

/// Soft refusals may be tried again later, hard ones not.
fn advice(decline: &str) -> Option<&'static str> {
    match decline {
        "stolen_card" | "lost_card" | "fraudulent" => Some("do_not_try_again"),
        "insufficient_funds" | "processing_error" | "card_velocity_exceeded" | "generic_decline" => Some("try_again_later"),
        "incorrect_cvc" | "expired_card" | "incorrect_number" | "authentication_required" => Some("confirm_card_data"),
        _ => None,
    }
}

fn pend(op: &mut Op<'_>, id: &str) -> Value {
    let pi = op.edit(INTENTS, id, |m| {
        m.insert("status".into(), json!("processing"));
        m.insert("next_action".into(), Value::Null);
        m.insert("last_payment_error".into(), Value::Null);
    });
    op.event("payment_intent.processing", &pi, None);
    pi
}

/// A payment that was `processing` comes through or not.
pub fn settle_delayed(op: &mut Op<'_>, id: &str, paid: bool) -> Answer<Value> {
    let pi = op.must(INTENTS, id, "intent")?;
    let card = customers::card_of(op, pi.text("payment_method"));
    let Some(card) = card.filter(|_| pi.is("status", "processing")) else {
        return Ok(pi);
    };
    if paid {
        return Ok(succeed(op, id, &card));
    }
    let _refused = decline_with(op, &pi, &card, "card_declined", "generic_decline");
    op.must(INTENTS, id, "intent")
}

/// The money (or the promise of it, with manual capture) is there.
fn succeed(op: &mut Op<'_>, id: &str, card: &TestCard) -> Value {
    let Some(pi) = op.t.get(INTENTS, id).cloned() else {
        return Value::Null;
    };
    let mut charge = charge_json(op, &pi, card);
    charge["status"] = json!("succeeded");
    charge["paid"] = json!(true);
    let charge_id = charge.text("id").to_string();
    let manual = pi.is("capture_method", "manual");
    charge["captured"] = json!(!manual);
    op.t.put(CHARGES, &charge_id, charge.clone());
    keep_method(op, &pi);
    if manual {
        op.event("charge.succeeded", &charge, None);
        let pi = op.edit(INTENTS, id, |m| {
            m.insert("status".into(), json!("requires_capture"));
            m.insert("amount_capturable".into(), m["amount"].clone());
            m.insert("latest_charge".into(), json!(charge_id));
            m.insert("next_action".into(), Value::Null);
            m.insert("last_payment_error".into(), Value::Null);
        });
        op.event("payment_intent.amount_capturable_updated", &pi, None);
        return pi;
    }
    let charge = book_charge(op, &charge_id, pi.num("amount"));
    op.event("charge.succeeded", &charge, None);
    let pi = op.edit(INTENTS, id, |m| {
        m.insert("status".into(), json!("succeeded"));
        m.insert("amount_received".into(), m["amount"].clone());
        m.insert("latest_charge".into(), json!(charge_id));
        m.insert("next_action".into(), Value::Null);
        m.insert("processing".into(), Value::Null);
        m.insert("last_payment_error".into(), Value::Null);
    });
    op.event("payment_intent.succeeded", &pi, None);
    if let Behaviour::Dispute(reason, inquiry) = card.behaviour {
        disputes::open(op, &charge_id, None, reason, inquiry);
    }
    pi
}

/// Captures a held charge and finishes its intent.
pub fn settle_capture(op: &mut Op<'_>, id: &str, amount: i64) -> Value {
    let charge_id =
        op.t.get(INTENTS, id)
            .map(|p| p.text("latest_charge").to_string())
            .unwrap_or_default();
    let held = op.t.get(CHARGES, &charge_id).map_or(0, |c| c.num("amount"));
    op.edit(CHARGES, &charge_id, |m| {
        m.insert("captured".into(), json!(true));
        // What is not captured goes back to the holder.
        m.insert("amount_refunded".into(), json!(held - amount));
    });
    let charge = book_charge(op, &charge_id, amount);
    op.event("charge.captured", &charge, None);
    let pi = op.edit(INTENTS, id, |m| {
        m.insert("status".into(), json!("succeeded"));
        m.insert("amount_capturable".into(), json!(0));
        m.insert("amount_received".into(), json!(amount));
    });
    op.event("payment_intent.succeeded", &pi, None);
    if let Some(session) = op.t.hidden(INTENTS, id, "session").and_then(Value::as_str).map(str::to_string) {
        sessions::refresh(op, &session);
    }
    pi
}

/// Books the gross amount and the fee and links the charge to the entry.
fn book_charge(op: &mut Op<'_>, charge: &str, amount: i64) -> Value {
    let Some(c) = op.t.get(CHARGES, charge).cloned() else {
        return Value::Null;
    };
    let at_once = customers::card_of(op, c.text("payment_method")).is_some_and(|k| k.behaviour == Behaviour::AvailableAtOnce);
    let fee = super::money::fee(amount, c.text("currency"));
    let entry = balance::book(
        op,
        Entry {
            kind: "charge",
            category: "charge",
            amount,
            fee,
            currency: c.text("currency"),
            source: charge,
            description: c["description"].clone(),
            available_at_once: at_once,
        },
    );
    op.edit(CHARGES, charge, |m| {
        m.insert("amount_captured".into(), json!(amount));
        m.insert("balance_transaction".into(), json!(entry));
    })
}

/// A card used without a customer is spent; with one and the wish to use it again it is kept.
fn keep_method(op: &mut Op<'_>, pi: &Value) {
    let method = pi.text("payment_method").to_string();
    let attached = op.t.get(METHODS, &method).is_some_and(|m| !m["customer"].is_null());
    if attached {
        return;
    }
    match (pi["customer"].as_str(), pi["setup_future_usage"].is_null()) {
        (Some(c), false) => {
            let c = c.to_string();
            if let Some(m) = op.t.get(METHODS, &method).cloned() {
                // The card has just been charged, so attaching it cannot be refused.
                let _ = customers::attach_to(op, &m, &c);
            }
        }
        _ => op.t.hide(METHODS, &method, "used_up", true),
    }
}

fn charge_json(op: &Op<'_>, pi: &Value, card: &TestCard) -> Value {
    let id = op.token("ch_3", 23);
    let method = op.t.get(METHODS, pi.text("payment_method"));
    let pm_card = method.map(|m| m["card"].clone()).unwrap_or(Value::Null);
    let secure = match card.behaviour {
        Behaviour::Authenticate(_) => {
            json!({"authentication_flow": "challenge", "electronic_commerce_indicator": "05", "exemption_indicator": null,
            "result": "authenticated", "result_reason": null, "transaction_id": op.token("", 24), "version": "2.2.0"})
        }
        _ => Value::Null,
    };
    json!({
        "id": id, "object": "charge", "amount": pi["amount"], "amount_captured": 0, "amount_refunded": 0, "application": null,
        "application_fee": null, "application_fee_amount": null, "balance_transaction": null,
        "billing_details": method.map(|m| m["billing_details"].clone()).unwrap_or(Value::Null),
        "calculated_statement_descriptor": "QD SANDBOX", "captured": false, "created": op.secs(), "currency": pi["currency"],
        "customer": pi["customer"], "description": pi["description"], "destination": null, "dispute": null, "disputed": false,
        "failure_balance_transaction": null, "failure_code": null, "failure_message": null, "fraud_details": {}, "livemode": false,
        "metadata": pi["metadata"], "on_behalf_of": null, "order": null,
        "outcome": {"advice_code": null, "network_advice_code": null, "network_decline_code": null, "network_status": "approved_by_network", "reason": null,
            "risk_level": if card.number == "4000000000009235" { "elevated" } else { "normal" },
            "risk_score": if card.number == "4000000000009235" { 65 } else { 12 }, "seller_message": "Payment complete.", "type": "authorized"},
        "paid": false, "payment_intent": pi["id"], "payment_method": pi["payment_method"],
        "payment_method_details": {"type": "card", "card": {
            "amount_authorized": pi["amount"], "authorization_code": op.token("", 6), "brand": card.brand,
            "checks": pm_card["checks"], "country": card.country, "exp_month": pm_card["exp_month"], "exp_year": pm_card["exp_year"],
            "extended_authorization": {"status": "disabled"}, "fingerprint": card.fingerprint(&op.who.id), "funding": card.funding,
            "incremental_authorization": {"status": "unavailable"}, "installments": null, "last4": card.last4(), "mandate": null,
            "multicapture": {"status": "unavailable"}, "network": card.brand, "network_token": {"used": false},
            "network_transaction_id": op.token("", 15), "overcapture": {"maximum_amount_capturable": pi["amount"], "status": "unavailable"},
            "regulated_status": "unregulated", "three_d_secure": secure, "wallet": null}},
        "radar_options": {}, "receipt_email": pi["receipt_email"], "receipt_number": null, "receipt_url": null, "refunded": false,
        "review": null, "shipping": pi["shipping"], "source": null, "source_transfer": null, "statement_descriptor": null,
        "statement_descriptor_suffix": null, "status": "pending", "transfer_data": null, "transfer_group": null,
    })
}
