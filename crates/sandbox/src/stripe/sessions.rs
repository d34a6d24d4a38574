//! Checkout sessions: a hosted page that makes a payment. The payment intent comes into being
//! when the customer first tries to pay, as in Stripe's API since 2022-08-01.

use super::attempt::{self, How};
use super::cards::TestCard;
use super::customers;
use super::error::{Answer, StripeError};
use super::intents::{self, Draft};
use super::money;
use super::op::Op;
use super::params::Params;
use super::tables::*;
use serde_json::{Value, json};

const CREATE: &str = "adaptive_pricing after_expiration allow_promotion_codes allowed_payment_method_types automatic_tax billing_address_collection branding_settings cancel_url client_reference_id consent_collection currency custom_fields custom_text customer customer_account customer_creation customer_email customer_update discounts excluded_payment_method_types expires_at integration_identifier invoice_creation line_items locale managed_payments metadata mode name_collection optional_items origin_context payment_intent_data payment_method_collection payment_method_configuration payment_method_data payment_method_options payment_method_types permissions phone_number_collection redirect_on_completion return_url saved_payment_method_options setup_intent_data shipping_address_collection shipping_options submit_type subscription_data success_url tax_id_collection ui_mode wallet_options";
const INTENT_DATA: &str = "application_fee_amount capture_method description metadata on_behalf_of receipt_email setup_future_usage shipping statement_descriptor statement_descriptor_suffix transfer_data transfer_group";

pub fn create(op: &mut Op<'_>, p: &Params<'_>) -> Answer<Value> {
    p.only(CREATE)?;
    let mode = p.choice("mode", "payment setup subscription")?.unwrap_or("payment");
    if mode != "payment" {
        return Err(StripeError::invalid(format!(
            "This account takes Checkout Sessions in `payment` mode only; you passed `{mode}`."
        ))
        .param("mode"));
    }
    let ui = p
        .choice("ui_mode", "hosted hosted_page embedded embedded_page custom elements form")?
        .unwrap_or("hosted_page")
        .to_string();
    let hosted = ui.starts_with("hosted");
    let success = url(p, "success_url")?;
    let cancel = url(p, "cancel_url")?;
    if hosted && success.is_none() {
        return Err(StripeError::missing_param("success_url"));
    }
    let (items, currency, total) = lines(op, p)?;
    money::check(total, &currency, "line_items")?;
    let customer = customers::referenced(op, p)?;
    let email = p.settable("customer_email")?.unwrap_or(Value::Null);
    if !customer.is_null() && !email.is_null() {
        return Err(
            StripeError::invalid("You may only specify one of these parameters: customer, customer_email.").param("customer_email"),
        );
    }
    if email.as_str().is_some_and(|e| !e.contains('@')) {
        return Err(
            StripeError::invalid(format!("Invalid email address: {}", email.as_str().unwrap_or_default()))
                .code("email_invalid")
                .param("customer_email"),
        );
    }
    let expires = match p.int("expires_at")? {
        None => op.now.plus_secs(86_400).secs(),
        Some(t) => {
            // A minute of grace on both sides, for the caller's clock and the way here.
            let from_now = t - op.secs();
            if from_now < 30 * 60 - 60 {
                return Err(
                    StripeError::invalid("The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.")
                        .param("expires_at"),
                );
            }
            if from_now > 86_400 + 60 {
                return Err(
                    StripeError::invalid("The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.")
                        .param("expires_at"),
                );
            }
            t
        }
    };
    let reference = p.settable("client_reference_id")?.unwrap_or(Value::Null);
    if reference.as_str().is_some_and(|r| r.chars().count() > 200) {
        return Err(StripeError::invalid("The `client_reference_id` must be at most 200 characters.").param("client_reference_id"));
    }
    let types = p.texts("payment_method_types")?.unwrap_or_else(|| vec!["card".into()]);
    intents::check_types(&types, "payment_method_types")?;
    let intent = intent_data(p)?;
    let metadata = p.metadata(&Value::Null)?;
    let id = op.token("cs_test_a1", 56);
    let locale = p.text("locale")?.map(str::to_string);
    let submit = p.choice("submit_type", "auto book donate pay subscribe")?.map(str::to_string);
    let creation = p
        .choice("customer_creation", "always if_required")?
        .unwrap_or("if_required")
        .to_string();
    let s = json!({
        "id": id, "object": "checkout.session", "adaptive_pricing": {"enabled": false}, "after_expiration": null, "allow_promotion_codes": null,
        "amount_subtotal": total, "amount_total": total, "automatic_tax": {"enabled": false, "liability": null, "provider": null, "status": null},
        "billing_address_collection": null, "cancel_url": cancel, "client_reference_id": reference, "client_secret": null,
        "collected_information": null, "consent": null, "consent_collection": null, "created": op.secs(), "currency": currency,
        "currency_conversion": null, "custom_fields": [],
        "custom_text": {"after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null},
        "customer": customer, "customer_creation": if customer.is_null() { json!(creation) } else { Value::Null }, "customer_details": null,
        "customer_email": email, "discounts": [], "expires_at": expires, "invoice": null,
        "invoice_creation": {"enabled": false}, "livemode": false, "locale": locale, "metadata": metadata, "mode": "payment",
        "origin_context": null, "payment_intent": null, "payment_link": null, "payment_method_collection": "if_required",
        "payment_method_configuration_details": null, "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": types, "payment_status": "unpaid", "permissions": null, "phone_number_collection": {"enabled": false},
        "recovered_from": null, "saved_payment_method_options": null, "setup_intent": null, "shipping_address_collection": null,
        "shipping_cost": null, "shipping_options": [], "status": "open", "submit_type": submit, "subscription": null, "success_url": success,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}, "ui_mode": ui,
        "url": if hosted { json!(format!("{}/stripe/checkout/{id}", op.shared.cfg.public_base)) } else { Value::Null }, "wallet_options": null,
    });
    op.t.put(SESSIONS, &id, s.clone());
    op.t.hide(SESSIONS, &id, "line_items", items);
    op.t.hide(SESSIONS, &id, "intent_data", intent);
    op.later("session_expire", &id, qd_kernel::Ts::from_secs(expires));
    Ok(s)
}

fn url(p: &Params<'_>, key: &str) -> Answer<Option<String>> {
    let Some(u) = p.text(key)? else { return Ok(None) };
    if !u.contains("://") {
        return Err(StripeError::invalid("Not a valid URL").code("url_invalid").param(key));
    }
    Ok(Some(u.to_string()))
}

/// Line items, their common currency and the total.
fn lines(op: &Op<'_>, p: &Params<'_>) -> Answer<(Value, String, i64)> {
    let given = p
        .objects("line_items")?
        .filter(|l| !l.is_empty())
        .ok_or_else(|| StripeError::missing_param("line_items"))?;
    let (mut out, mut currency, mut total) = (Vec::new(), String::new(), 0i64);
    for item in &given {
        item.only("adjustable_quantity metadata price price_data quantity tax_rates dynamic_tax_rates")?;
        if let Some(price) = item.text("price")? {
            return Err(StripeError::no_such_param("price", price, &item.name("price")));
        }
        let price = item
            .object("price_data")?
            .ok_or_else(|| StripeError::missing_param(&item.name("price")))?;
        price.only("currency product product_data recurring tax_behavior unit_amount unit_amount_decimal")?;
        let c = money::currency(&price, "currency")?.ok_or_else(|| StripeError::missing_param(&price.name("currency")))?;
        if !currency.is_empty() && currency != c {
            return Err(StripeError::invalid("All items in `line_items` must use the same currency.").param(&price.name("currency")));
        }
        let key = if price.has("unit_amount_decimal") {
            "unit_amount_decimal"
        } else {
            "unit_amount"
        };
        let unit = price
            .int(key)?
            .ok_or_else(|| StripeError::missing_param(&price.name("unit_amount")))?;
        if unit < 0 {
            return Err(StripeError::invalid("This value must be greater than or equal to 0.")
                .code("parameter_invalid_integer")
                .param(&price.name(key)));
        }
        let product = price
            .object("product_data")?
            .ok_or_else(|| StripeError::missing_param(&price.name("product_data")))?;
        product.only("description images metadata name tax_code tax_details unit_label")?;
        let name = product.need_text("name")?;
        let quantity = item.need_int("quantity")?;
        if !(1..=999_999).contains(&quantity) {
            return Err(StripeError::invalid("This value must be greater than or equal to 1.")
                .code("parameter_invalid_integer")
                .param(&item.name("quantity")));
        }
        let sum = unit
            .checked_mul(quantity)
            .ok_or_else(|| StripeError::invalid("Invalid integer").param(&price.name(key)))?;
        total = total.saturating_add(sum);
        let price_json = json!({"id": op.token("price_1", 23), "object": "price", "active": false, "billing_scheme": "per_unit", "created": op.secs(), "currency": c,
            "livemode": false, "lookup_key": null, "metadata": {}, "nickname": null, "product": op.token("prod_", 14), "recurring": null, "tax_behavior": "unspecified",
            "type": "one_time", "unit_amount": unit, "unit_amount_decimal": unit.to_string()});
        out.push(json!({"id": op.token("li_1", 23), "object": "item", "amount_discount": 0, "amount_subtotal": sum, "amount_tax": 0, "amount_total": sum,
            "currency": c, "description": name, "price": price_json, "quantity": quantity}));
        currency = c;
    }
    Ok((Value::Array(out), currency, total))
}

fn intent_data(p: &Params<'_>) -> Answer<Value> {
    let Some(d) = p.object("payment_intent_data")? else {
        return Ok(json!({}));
    };
    d.only(INTENT_DATA)?;
    let metadata = d.metadata(&Value::Null)?;
    let capture = d.choice("capture_method", "automatic automatic_async manual")?;
    let future = d.choice("setup_future_usage", "off_session on_session")?;
    let mut out = json!({"metadata": metadata, "capture_method": capture, "setup_future_usage": future});
    for key in [
        "description",
        "receipt_email",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_group",
    ] {
        out[key] = d.settable(key)?.unwrap_or(Value::Null);
    }
    Ok(out)
}

pub fn update(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("metadata collected_information shipping_options")?;
    let s = op.must(SESSIONS, id, "session")?;
    let metadata = p.metadata(&s["metadata"])?;
    Ok(op.edit(SESSIONS, id, |m| {
        m.insert("metadata".into(), metadata);
    }))
}

pub fn expire(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("")?;
    let s = op.must(SESSIONS, id, "session")?;
    if !s.is("status", "open") {
        return Err(StripeError::invalid(format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {}.",
            s.text("status")
        )));
    }
    Ok(lapse(op, id))
}

/// Ends an open session, by the API or by time.
pub fn lapse(op: &mut Op<'_>, id: &str) -> Value {
    let Some(s) = op.t.get(SESSIONS, id).filter(|s| s.is("status", "open")).cloned() else {
        return Value::Null;
    };
    let ended = s.num("expires_at").min(op.secs());
    let s = op.edit(SESSIONS, id, |m| {
        m.insert("status".into(), json!("expired"));
        m.insert("url".into(), Value::Null);
        m.insert("expires_at".into(), json!(ended));
    });
    op.t.remove(JOBS, &format!("session_expire:{id}"));
    op.event("checkout.session.expired", &s, None);
    let pi = s.text("payment_intent").to_string();
    if op.t.get(INTENTS, &pi).is_some_and(|p| {
        matches!(
            p.text("status"),
            "requires_payment_method" | "requires_confirmation" | "requires_action"
        )
    }) {
        intents::void(op, &pi, Some("expired"));
    }
    s
}

/// Who pays, as typed on the page.
#[derive(Default)]
pub struct Payer {
    pub email: Option<String>,
    pub name: Option<String>,
}

/// The customer tries to pay an open session with a card. The error is the one the page shows;
/// otherwise the session as it then stands (still `open` when the holder must authenticate).
pub fn pay(op: &mut Op<'_>, id: &str, card: &TestCard, payer: Payer, how: How) -> Answer<Value> {
    let s = op.must(SESSIONS, id, "session")?;
    if !s.is("status", "open") {
        return Err(
            StripeError::invalid(format!("This Checkout Session has a status of {}.", s.text("status")))
                .code("checkout_session_unexpected_state"),
        );
    }
    let pi = match s["payment_intent"].as_str() {
        Some(pi) => pi.to_string(),
        None => make_intent(op, &s),
    };
    let year = op.now.ymd().0 + 4;
    let email = payer.email.or_else(|| s["customer_email"].as_str().map(str::to_string));
    let billing = json!({"address": {"city": null, "country": card.country, "line1": null, "line2": null, "postal_code": null, "state": null}, "email": email, "name": payer.name, "phone": null, "tax_id": null});
    let method = customers::store_method(op, card, 12, year, billing, json!({}));
    op.edit(INTENTS, &pi, |m| {
        m.insert("payment_method".into(), method["id"].clone());
    });
    op.t.hide(SESSIONS, id, "payer", json!({"email": email, "name": payer.name}));
    let how = How {
        return_url: s["success_url"]
            .as_str()
            .map(str::to_string)
            .or(Some("https://example.invalid".into())),
        ..how
    };
    attempt::confirm(op, &pi, how)?;
    refresh(op, id);
    op.must(SESSIONS, id, "session")
}

fn make_intent(op: &mut Op<'_>, s: &Value) -> String {
    let data = op.t.hidden(SESSIONS, s.text("id"), "intent_data").cloned().unwrap_or(Value::Null);
    let metadata = if data["metadata"].is_object() {
        data["metadata"].clone()
    } else {
        json!({})
    };
    let types = s["payment_method_types"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|t| t.as_str().map(str::to_string))
        .collect();
    let draft = Draft {
        amount: s.num("amount_total"),
        currency: s.text("currency").to_string(),
        capture_method: data["capture_method"].as_str().unwrap_or("automatic_async").to_string(),
        customer: s["customer"].clone(),
        metadata,
        types,
    };
    let mut pi = intents::blank(op, draft);
    for key in [
        "description",
        "receipt_email",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_group",
        "setup_future_usage",
    ] {
        pi[key] = data[key].clone();
    }
    let id = pi.text("id").to_string();
    op.t.put(INTENTS, &id, pi.clone());
    op.t.hide(INTENTS, &id, "session", s.text("id"));
    op.event("payment_intent.created", &pi, None);
    op.edit(SESSIONS, s.text("id"), |m| {
        m.insert("payment_intent".into(), json!(id));
    });
    id
}

/// Brings a session up to date with its payment and tells about it.
pub fn refresh(op: &mut Op<'_>, id: &str) {
    let Some(s) = op.t.get(SESSIONS, id).cloned() else { return };
    let Some(pi) = op.t.get(INTENTS, s.text("payment_intent")).cloned() else {
        return;
    };
    let paid = pi.is("status", "succeeded");
    match (s.text("status"), pi.text("status")) {
        ("open", "succeeded" | "processing" | "requires_capture") => {
            let payer = op.t.hidden(SESSIONS, id, "payer").cloned().unwrap_or(Value::Null);
            let customer = match (s["customer"].is_null(), s.text("customer_creation")) {
                (true, "always") => new_customer(op, &payer),
                _ => s["customer"].clone(),
            };
            let s = op.edit(SESSIONS, id, |m| {
                m.insert("status".into(), json!("complete"));
                m.insert("payment_status".into(), json!(if paid { "paid" } else { "unpaid" }));
                m.insert("url".into(), Value::Null);
                m.insert("customer".into(), customer);
                m.insert("customer_details".into(), json!({"address": null, "business_name": null, "email": payer["email"], "individual_name": null, "name": payer["name"], "phone": null, "tax_exempt": "none", "tax_ids": []}));
            });
            op.t.remove(JOBS, &format!("session_expire:{id}"));
            op.event("checkout.session.completed", &s, None);
        }
        ("complete", "succeeded") if !s.is("payment_status", "paid") => {
            let s = op.edit(SESSIONS, id, |m| {
                m.insert("payment_status".into(), json!("paid"));
            });
            // A late capture is not a late payment: only delayed methods announce themselves.
            if !pi.is("capture_method", "manual") {
                op.event("checkout.session.async_payment_succeeded", &s, None);
            }
        }
        ("complete", "requires_payment_method") => op.event("checkout.session.async_payment_failed", &s, None),
        _ => {}
    }
}

fn new_customer(op: &mut Op<'_>, payer: &Value) -> Value {
    let map: serde_json::Map<String, Value> = ["email", "name"]
        .iter()
        .filter_map(|k| payer[*k].as_str().map(|v| (k.to_string(), json!(v))))
        .collect();
    customers::create(op, &Params::root(&map))
        .map(|c| c["id"].clone())
        .unwrap_or(Value::Null)
}

/// Where the customer goes after paying.
pub fn success_url(s: &Value) -> String {
    s.text("success_url").replace("{CHECKOUT_SESSION_ID}", s.text("id"))
}

/// The session that a payment belongs to.
pub fn of_intent(op: &Op<'_>, pi: &str) -> Option<String> {
    op.t.hidden(INTENTS, pi, "session").and_then(Value::as_str).map(str::to_string)
}
