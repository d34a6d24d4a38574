//! The small ones: webhook endpoints, the account, a charge's descriptive fields.

use super::error::{Answer, StripeError};
use super::op::{API_VERSION, Op};
use super::params::Params;
use super::tables::*;
use serde_json::{Value, json};

pub fn create(op: &mut Op<'_>, p: &Params<'_>) -> Answer<Value> {
    p.only("api_version connect description enabled_events metadata url")?;
    let events = p
        .texts("enabled_events")?
        .filter(|e| !e.is_empty())
        .ok_or_else(|| StripeError::missing_param("enabled_events"))?;
    let url = p.need_text("url")?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(
            StripeError::invalid("Invalid URL: An explicit scheme (such as https) must be provided.")
                .code("url_invalid")
                .param("url"),
        );
    }
    let id = op.token("we_1", 23);
    let secret = op.token("whsec_", 32);
    let o = json!({"id": id, "object": "webhook_endpoint", "api_version": p.text("api_version")?.unwrap_or(API_VERSION), "application": null, "created": op.secs(),
        "description": p.settable("description")?, "enabled_events": events, "livemode": false, "metadata": p.metadata(&Value::Null)?, "status": "enabled", "url": url});
    op.t.put(ENDPOINTS, &id, o.clone());
    op.t.hide(ENDPOINTS, &id, "secret", secret.clone());
    // The secret is shown this once.
    let mut shown = o;
    shown["secret"] = json!(secret);
    Ok(shown)
}

pub fn update(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("description disabled enabled_events metadata url")?;
    let old = op.must(ENDPOINTS, id, "id")?;
    let metadata = p.metadata(&old["metadata"])?;
    let (disabled, events, url, description) = (
        p.flag("disabled")?,
        p.texts("enabled_events")?,
        p.text("url")?,
        p.settable("description")?,
    );
    Ok(op.edit(ENDPOINTS, id, |m| {
        m.insert("metadata".into(), metadata);
        if let Some(d) = disabled {
            m.insert("status".into(), json!(if d { "disabled" } else { "enabled" }));
        }
        if let Some(e) = events {
            m.insert("enabled_events".into(), json!(e));
        }
        if let Some(u) = url {
            m.insert("url".into(), json!(u));
        }
        if let Some(d) = description {
            m.insert("description".into(), d);
        }
    }))
}

pub fn delete(op: &mut Op<'_>, id: &str) -> Answer<Value> {
    op.must(ENDPOINTS, id, "id")?;
    op.t.remove(ENDPOINTS, id);
    Ok(json!({"id": id, "object": "webhook_endpoint", "deleted": true}))
}

pub fn account(op: &Op<'_>) -> Value {
    json!({"id": op.who.id, "object": "account", "business_type": "company", "capabilities": {"card_payments": "active", "transfers": "active"}, "charges_enabled": true,
        "country": "CY", "created": 1_700_000_000, "default_currency": "eur", "details_submitted": true, "email": null, "metadata": {}, "payouts_enabled": true, "type": "standard"})
}

pub fn update_charge(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("customer description fraud_details metadata receipt_email shipping transfer_group")?;
    let old = op.must(CHARGES, id, "id")?;
    let metadata = p.metadata(&old["metadata"])?;
    let description = p.settable("description")?;
    let fraud = p.raw("fraud_details").cloned();
    let c = op.edit(CHARGES, id, |m| {
        m.insert("metadata".into(), metadata);
        if let Some(d) = description {
            m.insert("description".into(), d);
        }
        if let Some(f) = fraud {
            m.insert("fraud_details".into(), f);
        }
    });
    op.event("charge.updated", &c, None);
    Ok(c)
}
