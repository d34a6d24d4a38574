//! Standard webhooks (payment-providers.md 8.1): one item each, signed over eight of its fields.
//! Only those eight are used: what stands beside them (card, reason, holder) anybody on the way
//! could have changed.

use crate::amount::from_adyen;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qd_connector_kit::sign;
use qd_kernel::{Amount, Problem, Result, Secret, Ts};
use qd_ports::psp::{
    DepositReport, DisputeReport, DisputeState, HookEvent, HookRefusal, HookSubject, PaymentState, RefundReport, RefundState, Told,
};
use serde::Deserialize;

/// Keys of the webhook's HMAC, decoded; several while one is replaced.
#[derive(Debug)]
pub(crate) struct Keys(Vec<Secret>);

impl Keys {
    pub(crate) fn new(texts: &[Secret]) -> Result<Keys> {
        for t in texts {
            if hex::decode(t.expose()).is_ok_and(|k| k.len() >= 16) {
                continue;
            }
            return Err(Problem::invalid(
                "psp.webhook_secrets",
                "webhook_secret_malformed",
                "expected the HMAC key as hexadecimal text of at least 32 digits",
            ));
        }
        Ok(Keys(texts.to_vec()))
    }

    fn fits(&self, signed: &str, given: &[u8]) -> bool {
        sign::any_fits(&self.0, given, |k| {
            let key = hex::decode(k.expose()).unwrap_or_default();
            sign::hmac_sha256(&key, &[signed.as_bytes()])
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    notification_items: Vec<Holder>,
}

#[derive(Deserialize)]
struct Holder {
    #[serde(rename = "NotificationRequestItem")]
    item: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    event_code: String,
    success: String,
    psp_reference: String,
    #[serde(default)]
    original_reference: Option<String>,
    merchant_account_code: String,
    #[serde(default)]
    merchant_reference: Option<String>,
    amount: Money,
    #[serde(default)]
    event_date: Option<String>,
    #[serde(default)]
    additional_data: Option<Additional>,
}

#[derive(Deserialize)]
struct Money {
    value: i64,
    currency: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Additional {
    #[serde(default)]
    hmac_signature: Option<String>,
}

impl Item {
    fn signed(&self) -> String {
        [
            self.psp_reference.as_str(),
            self.original_reference.as_deref().unwrap_or_default(),
            &self.merchant_account_code,
            self.merchant_reference.as_deref().unwrap_or_default(),
            &self.amount.value.to_string(),
            &self.amount.currency,
            &self.event_code,
            &self.success,
        ]
        .join(":")
    }

    fn our_ref(&self) -> Option<String> {
        self.merchant_reference.clone().filter(|r| !r.is_empty())
    }

    /// The payment a modification or a dispute is about.
    fn payment(&self) -> std::result::Result<String, HookRefusal> {
        let original = self.original_reference.clone().filter(|r| !r.is_empty());
        original.ok_or_else(|| HookRefusal::Unreadable(format!("{} without originalReference", self.event_code)))
    }

    fn amount(&self) -> std::result::Result<Amount, HookRefusal> {
        from_adyen(self.amount.value, &self.amount.currency).ok_or_else(|| {
            HookRefusal::Unreadable(format!(
                "an amount of {} {} makes no sense to us",
                self.amount.value, self.amount.currency
            ))
        })
    }

    fn refund(&self, state: RefundState) -> std::result::Result<Told, HookRefusal> {
        Ok(Told::Refund(RefundReport {
            our_ref: self.our_ref(),
            provider_ref: self.psp_reference.clone(),
            payment_ref: self.payment()?,
            state,
            amount: self.amount()?,
            failure_code: (state == RefundState::Failed).then(|| self.event_code.to_ascii_lowercase()),
        }))
    }

    /// All stages of a dispute go by the payment's reference: one dispute per payment.
    fn dispute(&self, state: DisputeState) -> std::result::Result<Told, HookRefusal> {
        let payment = self.payment()?;
        Ok(Told::Dispute(DisputeReport {
            provider_ref: payment.clone(),
            payment_ref: payment,
            state,
            amount: self.amount()?,
            reason: self.event_code.to_ascii_lowercase(),
            provider_state: self.event_code.clone(),
        }))
    }

    /// What it tells; None when it is nothing we act on.
    fn told(&self) -> std::result::Result<Option<Told>, HookRefusal> {
        let told = match (self.event_code.as_str(), self.success.as_str()) {
            ("AUTHORISATION", "true") => {
                let amount = self.amount()?;
                Told::Deposit(DepositReport {
                    our_ref: self.our_ref(),
                    provider_ref: self.psp_reference.clone(),
                    payment_ref: Some(self.psp_reference.clone()),
                    state: PaymentState::Succeeded,
                    amount,
                    received: Some(amount),
                    refunded_minor: 0,
                    fee: None,
                    failure_code: None,
                    soft_failure: false,
                    instrument: None,
                })
            }
            ("REFUND", "true") => self.refund(RefundState::Succeeded)?,
            ("REFUND", "false") | ("REFUND_FAILED" | "REFUNDED_REVERSED", "true") => self.refund(RefundState::Failed)?,
            ("NOTIFICATION_OF_CHARGEBACK" | "REQUEST_FOR_INFORMATION", "true") => self.dispute(DisputeState::Warning)?,
            ("CHARGEBACK", "true") => self.dispute(DisputeState::Opened)?,
            ("CHARGEBACK_REVERSED", "true") => self.dispute(DisputeState::Won)?,
            ("SECOND_CHARGEBACK", "true") => self.dispute(DisputeState::Lost)?,
            // Authorised and never captured: money that was counted does not come. A person looks.
            ("CAPTURE_FAILED", "true") | ("CAPTURE", "false") => self.dispute(DisputeState::Unrecognised)?,
            (code, "true") if code.starts_with("PREARBITRATION_") || code.starts_with("SCHEME_ARBITRATION_") => {
                self.dispute(DisputeState::Unrecognised)?
            }
            // A refused attempt among them: the page stays open for the next one.
            _ => return Ok(None),
        };
        Ok(Some(told))
    }
}

pub(crate) fn read(keys: &Keys, merchant_account: &str, body: &[u8], now: Ts) -> std::result::Result<HookEvent, HookRefusal> {
    let unreadable = |why: &str| HookRefusal::Unreadable(why.to_string());
    let forged = |why: &str| HookRefusal::Forged(why.to_string());
    // What the signature covers stands in the body: nothing is believed before it fits.
    let envelope: Envelope = serde_json::from_slice(body).map_err(|_| forged("no standard webhook"))?;
    let item = match envelope.notification_items.as_slice() {
        [one] => &one.item,
        _ => return Err(forged("not one item")),
    };
    let given = item.additional_data.as_ref().and_then(|a| a.hmac_signature.as_deref());
    let given = given.ok_or_else(|| forged("no hmacSignature"))?;
    let given = STANDARD.decode(given).map_err(|_| forged("the signature is not base64"))?;
    if !keys.fits(&item.signed(), &given) {
        return Err(forged("no signature fits"));
    }
    if item.merchant_account_code != merchant_account {
        return Err(unreadable("another merchant account"));
    }
    let subject = item
        .told()?
        .map_or(HookSubject::Other, |told| HookSubject::Told { report: Box::new(told) });
    let at = item.event_date.as_deref().and_then(|d| d.parse::<jiff::Timestamp>().ok());
    Ok(HookEvent {
        event_id: format!("{}:{}:{}", item.psp_reference, item.event_code, item.success),
        kind: item.event_code.clone(),
        subject,
        at: at.map_or(now, |t| Ts(t.as_microsecond())),
    })
}

#[cfg(test)]
#[path = "hook_tests.rs"]
mod tests;
