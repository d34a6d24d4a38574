//! PaymentIntents: create, update, confirm, capture, cancel. The attempt to charge a card is in
//! [`super::attempt`].

use super::attempt::{self, How};
use super::customers;
use super::error::{Answer, StripeError};
use super::money;
use super::op::Op;
use super::params::Params;
use super::tables::*;
use serde_json::{Value, json};

const CREATE: &str = "allowed_payment_method_types amount amount_details application_fee_amount automatic_payment_methods capture_method confirm confirmation_method confirmation_token currency customer customer_account description error_on_requires_action excluded_payment_method_types hooks mandate mandate_data metadata off_session on_behalf_of payment_details payment_method payment_method_configuration payment_method_data payment_method_options payment_method_types radar_options receipt_email return_url setup_future_usage shipping statement_descriptor statement_descriptor_suffix transfer_data transfer_group use_stripe_sdk";
const UPDATE: &str = "allowed_payment_method_types amount amount_details application_fee_amount capture_method currency customer customer_account description excluded_payment_method_types hooks metadata payment_details payment_method payment_method_configuration payment_method_data payment_method_options payment_method_types receipt_email setup_future_usage shipping statement_descriptor statement_descriptor_suffix transfer_data transfer_group";
const CONFIRM: &str = "allowed_payment_method_types amount_details amount_to_confirm capture_method client_secret confirmation_token error_on_requires_action excluded_payment_method_types hooks mandate mandate_data off_session payment_details payment_method payment_method_data payment_method_options payment_method_types radar_options receipt_email return_url setup_future_usage shipping use_stripe_sdk";
const CONFIRM_ONLY: [&str; 4] = ["return_url", "off_session", "error_on_requires_action", "mandate_data"];
const CAPTURE_METHODS: &str = "automatic automatic_async manual";
const TYPES: &str = "card link paypal sepa_debit ideal bancontact eps giropay sofort p24 klarna blik revolut_pay us_bank_account bacs_debit customer_balance amazon_pay";

/// What an intent starts from, whoever makes it (the API or a checkout session).
pub struct Draft {
    pub amount: i64,
    pub currency: String,
    pub capture_method: String,
    pub customer: Value,
    pub metadata: Value,
    pub types: Vec<String>,
}

/// A new intent without a payment method; the caller stores and announces it.
pub fn blank(op: &Op<'_>, d: Draft) -> Value {
    let id = op.token("pi_3", 23);
    let secret = op.token(&format!("{id}_secret_"), 25);
    json!({
        "id": id, "object": "payment_intent", "amount": d.amount, "amount_capturable": 0, "amount_details": {"tip": {}}, "amount_received": 0,
        "application": null, "application_fee_amount": null, "automatic_payment_methods": null, "canceled_at": null,
        "cancellation_reason": null, "capture_method": d.capture_method, "client_secret": secret, "confirmation_method": "automatic",
        "created": op.secs(), "currency": d.currency, "customer": d.customer, "customer_account": null, "description": null,
        "excluded_payment_method_types": null, "last_payment_error": null, "latest_charge": null, "livemode": false,
        "metadata": d.metadata, "next_action": null, "on_behalf_of": null, "payment_method": null,
        "payment_method_configuration_details": null,
        "payment_method_options": {"card": {"installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic"}},
        "payment_method_types": d.types, "processing": null, "receipt_email": null, "review": null, "setup_future_usage": null,
        "shipping": null, "source": null, "statement_descriptor": null, "statement_descriptor_suffix": null,
        "status": "requires_payment_method", "transfer_data": null, "transfer_group": null,
    })
}

pub fn create(op: &mut Op<'_>, p: &Params<'_>) -> Answer<Value> {
    p.only(CREATE)?;
    if !p.has("amount") {
        return Err(StripeError::missing_param("amount"));
    }
    let currency = money::currency(p, "currency")?.ok_or_else(|| StripeError::missing_param("currency"))?;
    let amount = money::amount(p, "amount", &currency)?.ok_or_else(|| StripeError::missing_param("amount"))?;
    let confirm = p.flag("confirm")?.unwrap_or(false);
    if !confirm && let Some(extra) = CONFIRM_ONLY.iter().find(|k| p.has(k)) {
        return Err(StripeError::invalid(format!("You can only pass `{extra}` when `confirm` is true.")).param(extra));
    }
    let automatic = p.object("automatic_payment_methods")?;
    let types = p.texts("payment_method_types")?;
    if let Some(a) = &automatic {
        a.only("enabled allow_redirects")?;
        if a.flag("enabled")?.is_none() {
            return Err(StripeError::missing_param(&a.name("enabled")));
        }
        if types.is_some() && a.flag("enabled")? == Some(true) {
            return Err(StripeError::invalid(
                "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.",
            )
            .param("payment_method_types"));
        }
    }
    if let Some(t) = &types {
        check_types(t, "payment_method_types")?;
    }
    let metadata = p.metadata(&Value::Null)?;
    let customer = customers::referenced(op, p)?;
    let capture = p
        .choice("capture_method", CAPTURE_METHODS)?
        .unwrap_or("automatic_async")
        .to_string();
    let wanted = types.clone().unwrap_or_else(|| vec!["card".into()]);
    let mut pi = blank(
        op,
        Draft {
            amount,
            currency,
            capture_method: capture,
            customer,
            metadata,
            types: wanted,
        },
    );
    if types.is_none() {
        let redirects = automatic
            .as_ref()
            .map(|a| a.choice("allow_redirects", "always never"))
            .transpose()?
            .flatten()
            .unwrap_or("always");
        pi["automatic_payment_methods"] = json!({"allow_redirects": redirects, "enabled": true});
    }
    descriptive(&mut pi, p)?;
    let method = method_param(op, p)?;
    if let Some(m) = &method {
        pi["payment_method"] = m["id"].clone();
        pi["status"] = json!("requires_confirmation");
    }
    if confirm && method.is_none() {
        return Err(missing_method());
    }
    let how = How::of(p)?;
    let id = pi.text("id").to_string();
    op.t.put(INTENTS, &id, pi.clone());
    op.event("payment_intent.created", &pi, None);
    if confirm { attempt::confirm(op, &id, how) } else { Ok(pi) }
}

pub fn check_types(types: &[String], param: &str) -> Answer<()> {
    if let Some(bad) = types.iter().find(|t| !TYPES.split(' ').any(|k| k == t.as_str())) {
        return Err(StripeError::invalid(format!("The payment method type \"{bad}\" is invalid.")).param(param));
    }
    Ok(())
}

fn missing_method() -> StripeError {
    StripeError::invalid("You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.").code("payment_intent_unexpected_state")
}

/// Fields that describe and do not decide.
fn descriptive(pi: &mut Value, p: &Params<'_>) -> Answer<()> {
    for key in [
        "description",
        "receipt_email",
        "statement_descriptor_suffix",
        "statement_descriptor",
        "transfer_group",
    ] {
        if let Some(v) = p.settable(key)? {
            pi[key] = v;
        }
    }
    for key in ["statement_descriptor", "statement_descriptor_suffix"] {
        if pi.text(key).chars().count() > 22 {
            return Err(StripeError::invalid("The statement descriptor must be at most 22 characters.").param(key));
        }
    }
    if let Some(v) = p.choice("setup_future_usage", "off_session on_session")? {
        pi["setup_future_usage"] = json!(v);
    }
    if p.cleared("setup_future_usage") {
        pi["setup_future_usage"] = Value::Null;
    }
    if let Some(v) = p.raw("shipping") {
        pi["shipping"] = if p.cleared("shipping") { Value::Null } else { v.clone() };
    }
    Ok(())
}

/// The payment method a call names or describes.
fn method_param(op: &mut Op<'_>, p: &Params<'_>) -> Answer<Option<Value>> {
    if p.has("confirmation_token") {
        let t = p.need_text("confirmation_token")?;
        return Err(StripeError::no_such_param("confirmation_token", t, "confirmation_token"));
    }
    if let Some(m) = p.text("payment_method")? {
        return customers::resolve_method(op, m, "payment_method").map(Some);
    }
    match p.object("payment_method_data")? {
        Some(d) => {
            d.only("type card billing_details metadata allow_redisplay radar_options")?;
            customers::method_from(op, &d).map(Some)
        }
        None => Ok(None),
    }
}

pub fn update(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only(UPDATE)?;
    let old = op.must(INTENTS, id, "intent")?;
    let mut pi = old.clone();
    pi["metadata"] = p.metadata(&old["metadata"])?;
    let open = matches!(
        old.text("status"),
        "requires_payment_method" | "requires_confirmation" | "requires_action"
    );
    let money_fields = [
        "amount",
        "currency",
        "customer",
        "payment_method",
        "payment_method_data",
        "capture_method",
        "payment_method_types",
    ];
    if !open && let Some(f) = money_fields.iter().find(|f| p.has(f)) {
        return Err(unexpected(
            &old,
            &format!(
                "This PaymentIntent's {f} could not be updated because it has a status of {}. You may only update the {f} of a PaymentIntent with one of the following statuses: requires_payment_method, requires_confirmation, requires_action.",
                old.text("status")
            ),
        ));
    }
    let currency = money::currency(p, "currency")?.unwrap_or_else(|| old.text("currency").to_string());
    if let Some(a) = money::amount(p, "amount", &currency)? {
        pi["amount"] = json!(a);
    } else if currency != old.text("currency") {
        money::check(old.num("amount"), &currency, "amount")?;
    }
    pi["currency"] = json!(currency);
    if p.has("customer") {
        pi["customer"] = customers::referenced(op, p)?;
    }
    if let Some(c) = p.choice("capture_method", CAPTURE_METHODS)? {
        pi["capture_method"] = json!(c);
    }
    if let Some(t) = p.texts("payment_method_types")? {
        check_types(&t, "payment_method_types")?;
        pi["payment_method_types"] = json!(t);
    }
    descriptive(&mut pi, p)?;
    if let Some(m) = method_param(op, p)? {
        pi["payment_method"] = m["id"].clone();
        pi["status"] = json!("requires_confirmation");
        pi["next_action"] = Value::Null;
    }
    op.t.put(INTENTS, id, pi.clone());
    Ok(pi)
}

pub fn confirm(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only(CONFIRM)?;
    let pi = op.must(INTENTS, id, "intent")?;
    let status = pi.text("status").to_string();
    if !matches!(
        status.as_str(),
        "requires_payment_method" | "requires_confirmation" | "requires_action"
    ) {
        let why = match status.as_str() {
            "succeeded" => "it has already succeeded after being previously confirmed",
            "canceled" => "it has a status of canceled",
            "requires_capture" => "it has already been confirmed and awaits capture",
            _ => "it is being processed",
        };
        return Err(unexpected(&pi, &format!("You cannot confirm this PaymentIntent because {why}.")));
    }
    let how = How::of(p)?;
    let method = method_param(op, p)?;
    if method.is_none() && pi["payment_method"].is_null() {
        return Err(missing_method());
    }
    let mut next = pi;
    descriptive(&mut next, p)?;
    if let Some(c) = p.choice("capture_method", CAPTURE_METHODS)? {
        next["capture_method"] = json!(c);
    }
    if let Some(m) = &method {
        next["payment_method"] = m["id"].clone();
    }
    op.t.put(INTENTS, id, next);
    attempt::confirm(op, id, how)
}

pub fn capture(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("amount_details amount_to_capture application_fee_amount final_capture hooks metadata payment_details statement_descriptor statement_descriptor_suffix transfer_data")?;
    let pi = op.must(INTENTS, id, "intent")?;
    if !pi.is("status", "requires_capture") {
        let why = if pi.is("status", "succeeded") {
            "it has already been captured"
        } else {
            "it has a status of"
        };
        let tail = if pi.is("status", "succeeded") {
            String::new()
        } else {
            format!(
                " {}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture",
                pi.text("status")
            )
        };
        return Err(unexpected(
            &pi,
            &format!("This PaymentIntent could not be captured because {why}{tail}."),
        ));
    }
    let amount = money::positive(p, "amount_to_capture")?.unwrap_or(pi.num("amount_capturable"));
    money::last_digit(amount, pi.text("currency"), "amount_to_capture")?;
    if amount > pi.num("amount_capturable") {
        return Err(StripeError::invalid(format!(
            "The payment intent's capturable amount is {}, which is less than the requested amount of {}.",
            money::shown(pi.num("amount_capturable"), pi.text("currency")),
            money::shown(amount, pi.text("currency"))
        ))
        .code("amount_too_large")
        .param("amount_to_capture"));
    }
    let metadata = p.metadata(&pi["metadata"])?;
    op.edit(INTENTS, id, |m| {
        m.insert("metadata".into(), metadata);
    });
    Ok(attempt::settle_capture(op, id, amount))
}

const REASONS: &str = "abandoned duplicate fraudulent requested_by_customer";

pub fn cancel(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("cancellation_reason")?;
    let pi = op.must(INTENTS, id, "intent")?;
    let reason = p.choice("cancellation_reason", REASONS)?.map(str::to_string);
    if op.t.hidden(INTENTS, id, "session").is_some_and(|s| {
        op.t.get(SESSIONS, s.as_str().unwrap_or_default())
            .is_some_and(|c| c.is("status", "open"))
    }) {
        return Err(unexpected(
            &pi,
            "You cannot cancel this PaymentIntent because it is part of a Checkout Session that is still open. Expire the Checkout Session instead.",
        ));
    }
    if matches!(pi.text("status"), "succeeded" | "canceled" | "processing") {
        return Err(unexpected(
            &pi,
            &format!(
                "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, requires_action, processing.",
                pi.text("status")
            ),
        ));
    }
    Ok(void(op, id, reason.as_deref()))
}

/// Cancels whatever the state: by the API, or by a session that expired.
pub fn void(op: &mut Op<'_>, id: &str, reason: Option<&str>) -> Value {
    let at = op.secs();
    let held =
        op.t.get(INTENTS, id)
            .map(|p| (p.num("amount_capturable"), p.text("latest_charge").to_string()));
    let pi = op.edit(INTENTS, id, |m| {
        m.insert("status".into(), json!("canceled"));
        m.insert("canceled_at".into(), json!(at));
        m.insert("cancellation_reason".into(), json!(reason));
        m.insert("amount_capturable".into(), json!(0));
        m.insert("next_action".into(), Value::Null);
    });
    if let Some((amount, charge)) = held.filter(|(a, _)| *a > 0) {
        let c = op.edit(CHARGES, &charge, |m| {
            m.insert("amount_refunded".into(), json!(amount));
            m.insert("refunded".into(), json!(true));
        });
        op.event("charge.refunded", &c, None);
    }
    op.event("payment_intent.canceled", &pi, None);
    pi
}

/// `payment_intent_unexpected_state`, with the intent as it stands.
pub fn unexpected(pi: &Value, message: &str) -> StripeError {
    StripeError::invalid(message)
        .code("payment_intent_unexpected_state")
        .with("payment_intent", pi.clone())
}
