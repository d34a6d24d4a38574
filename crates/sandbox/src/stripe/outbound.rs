//! `/v2/money_management/outbound_payments`: money to somebody else's account. JSON in and out.

use super::error::{Answer, StripeError};
use super::money;
use super::op::{Op, millis_text};
use super::params::Params;
use super::tables::*;
use serde_json::{Value, json};

pub const URL: &str = "/v2/money_management/outbound_payments";

pub fn create(op: &mut Op<'_>, p: &Params<'_>) -> Answer<Value> {
    p.only("amount description from metadata recipient_notification recipient_verification statement_descriptor to")?;
    let need = |key: &str| p.object(key)?.ok_or_else(|| StripeError::missing_param(key));
    let (amount, from, to) = (need("amount")?, need("from")?, need("to")?);
    amount.only("value currency")?;
    from.only("currency financial_account")?;
    to.only("currency payout_method payout_method_options recipient")?;
    let currency = money::currency(&amount, "currency")?.ok_or_else(|| StripeError::missing_param(&amount.name("currency")))?;
    let value = money::positive(&amount, "value")?.ok_or_else(|| StripeError::missing_param(&amount.name("value")))?;
    let account = from.need_text("financial_account")?.to_string();
    let debit = money::currency(&from, "currency")?.ok_or_else(|| StripeError::missing_param(&from.name("currency")))?;
    if debit != currency {
        return Err(StripeError::invalid(
            "This financial account pays out in the currency it holds: from.currency must equal amount.currency.",
        )
        .code("currency_mismatch")
        .param("from[currency]"));
    }
    let recipient = to.need_text("recipient")?.to_string();
    let descriptor = p.text("statement_descriptor")?.unwrap_or("QD SANDBOX").to_string();
    let description = p.settable("description")?.unwrap_or(Value::Null);
    let setting = match p.object("recipient_notification")? {
        Some(n) => n.choice("setting", "configured none")?.unwrap_or("configured").to_string(),
        None => "configured".to_string(),
    };
    let metadata = p.metadata(&Value::Null)?;
    let id = op.token("obp_test_", 28);
    let money = json!({"value": value, "currency": currency});
    let method = to.text("payout_method")?.map_or_else(|| op.token("gba_test_", 28), str::to_string);
    let options = to.raw("payout_method_options").cloned().unwrap_or(Value::Null);
    let o = json!({
        "id": id, "object": OUTBOUND, "amount": money, "cancelable": true, "created": millis_text(op.now), "description": description,
        "expected_arrival_date": millis_text(op.now.plus_days(1)), "from": {"debited": money, "financial_account": account}, "livemode": false,
        "metadata": metadata, "payout_intent": null, "recipient_notification": {"setting": setting}, "recipient_verification": null,
        "statement_descriptor": descriptor, "status": "processing", "status_details": null,
        "status_transitions": {"canceled_at": null, "failed_at": null, "posted_at": null, "returned_at": null},
        "to": {"credited": money, "payout_method": method, "payout_method_options": options, "recipient": recipient},
        "tracking_details": {"bank_account": null, "card": null, "status": "pending", "type": "bank_account"},
    });
    op.t.put(OUTBOUND, &id, o.clone());
    announce(op, &o, "created");
    let at = op.now.plus_millis(1_500);
    op.later("outbound_post", &id, at);
    Ok(o)
}

fn announce(op: &mut Op<'_>, o: &Value, what: &str) {
    let url = format!("{URL}/{}", o.text("id"));
    op.thin_event(&format!("{OUTBOUND}.{what}"), o, &url);
}

/// `posted`, `failed`, `canceled` or `returned`. Only what has been posted can be returned, only
/// what is processing can do anything else.
pub fn become_(op: &mut Op<'_>, id: &str, status: &str) -> Answer<Value> {
    let o = op.must(OUTBOUND, id, "id")?;
    let from = o.text("status").to_string();
    let allowed = if status == "returned" {
        from == "posted"
    } else {
        from == "processing"
    };
    if !allowed {
        let kind = match (status, from.as_str()) {
            ("canceled", "canceled") => "already_canceled",
            ("canceled", _) => "not_cancelable",
            _ => "invalid_request_error",
        };
        return Err(StripeError::new(
            400,
            kind,
            format!("OutboundPayment {id} has a status of {from} and cannot become {status}."),
        )
        .with("code", "outbound_payment_unexpected_state"));
    }
    let now = millis_text(op.now);
    let trace = op.token("", 15).to_uppercase();
    let o = op.edit(OUTBOUND, id, |m| {
        m.insert("status".into(), json!(status));
        m.insert("cancelable".into(), json!(false));
        m["status_transitions"][format!("{status}_at")] = json!(now);
        match status {
            "posted" => {
                m["tracking_details"]["status"] = json!("supported");
                m["tracking_details"]["bank_account"] = json!({"trace_id": trace});
            }
            "returned" => {
                m.insert(
                    "status_details".into(),
                    json!({"failed": null, "processing": null, "returned": {"reason": "payout_method_closed"}}),
                );
                m.insert("expected_arrival_date".into(), Value::Null);
            }
            "failed" => {
                m.insert(
                    "status_details".into(),
                    json!({"failed": {"reason": "payout_method_declined"}, "processing": null, "returned": null}),
                );
                m.insert("expected_arrival_date".into(), Value::Null);
            }
            _ => {
                m.insert("expected_arrival_date".into(), Value::Null);
            }
        }
    });
    announce(op, &o, status);
    Ok(o)
}
