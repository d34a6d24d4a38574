//! Webhooks (payment-providers.md 8.2): SHA256withRSA over `id|time|webhook id|crc32 of the body`,
//! checked with certificates that were pinned in the configuration. What PayPal's header names as
//! the certificate's address is never fetched.

use crate::map::linked;
use crate::wire::{Event, Link};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qd_connector_kit::header;
use qd_kernel::{Problem, Result, Secret, Ts};
use qd_ports::psp::{HookEvent, HookRefusal, HookSubject};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use webpki::EndEntityCert;

/// PayPal repeats a delivery for three days and nothing says that it signs a new time with each.
const TOLERANCE_S: i64 = 4 * 86_400;

/// The certificates PayPal signs with, as the configuration pinned them.
#[derive(Debug)]
pub(crate) struct Pinned {
    webhook_id: String,
    certificates: Vec<CertificateDer<'static>>,
}

impl Pinned {
    /// `pems`: one certificate or more each, the signing one; several while PayPal changes it.
    pub(crate) fn new(webhook_id: &str, pems: &[Secret]) -> Result<Pinned> {
        let bad = |expected: &str| Problem::invalid("psp.webhook_secrets", "webhook_certificate_malformed", expected);
        let mut certificates = Vec::new();
        for pem in pems {
            for der in CertificateDer::pem_slice_iter(pem.expose().as_bytes()) {
                let der = der.map_err(|_| bad("expected PEM text: the certificates PayPal signs its webhooks with"))?;
                EndEntityCert::try_from(&der).map_err(|_| bad("expected X.509 certificates (version 3)"))?;
                certificates.push(der);
            }
        }
        if certificates.is_empty() {
            return Err(bad("expected at least one certificate as PEM text"));
        }
        Ok(Pinned {
            webhook_id: webhook_id.to_string(),
            certificates,
        })
    }

    /// Checks the raw body; when it was signed. Signature first, then age: "stale" is only said of
    /// what was signed.
    pub(crate) fn check(&self, headers: &[(String, String)], body: &[u8], now: Ts) -> std::result::Result<Ts, HookRefusal> {
        let forged = |why: &str| HookRefusal::Forged(why.to_string());
        let need = |name: &str| header(headers, name).ok_or_else(|| HookRefusal::Forged(format!("no {name} header")));
        let id = need("paypal-transmission-id")?;
        let time = need("paypal-transmission-time")?;
        if need("paypal-auth-algo")? != "SHA256withRSA" {
            return Err(forged("another algorithm than SHA256withRSA"));
        }
        let given = STANDARD
            .decode(need("paypal-transmission-sig")?.trim())
            .map_err(|_| forged("the signature is not base64"))?;
        let signed = format!("{id}|{time}|{}|{}", self.webhook_id, crc32(body));
        let fits = |der: &CertificateDer<'_>| {
            EndEntityCert::try_from(der).is_ok_and(|cert| {
                cert.verify_signature(webpki::ring::RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &given)
                    .is_ok()
            })
        };
        if !self.certificates.iter().any(fits) {
            return Err(forged("no pinned certificate made this signature"));
        }
        let at = when(time).ok_or_else(|| HookRefusal::Unreadable("the transmission time cannot be read".into()))?;
        let age = now.secs_since(at);
        if age.saturating_abs() > TOLERANCE_S {
            return Err(HookRefusal::Stale(format!("signed {age} s ago, {TOLERANCE_S} s are allowed")));
        }
        Ok(at)
    }
}

/// An RFC 3339 time.
fn when(text: &str) -> Option<Ts> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Ts(at.as_microsecond()))
}

/// CRC-32 as in zip files. Bodies are small: no table.
fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0u32, |crc, b| {
        (0..8).fold(crc ^ u32::from(*b), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xEDB8_8320 } else { c >> 1 })
    })
}

/// A verified body, signed at `signed_at`. Types that we act on must name their object.
pub(crate) fn event(body: &[u8], signed_at: Ts) -> std::result::Result<HookEvent, HookRefusal> {
    let e: Event = serde_json::from_slice(body).map_err(|why| HookRefusal::Unreadable(why.to_string()))?;
    let lacks = |what: &str| HookRefusal::Unreadable(format!("{} without its {what}", e.event_type));
    let at = |pointer: &str| {
        let v = e.resource.as_ref().and_then(|r| r.pointer(pointer)).and_then(Value::as_str);
        v.filter(|s| !s.is_empty()).map(str::to_string)
    };
    let capture_of_links = || {
        let links: Vec<Link> = serde_json::from_value(e.resource.as_ref()?.get("links")?.clone()).ok()?;
        linked(&links, "up")
    };
    let subject = match e.event_type.as_str() {
        k if k.starts_with("CHECKOUT.ORDER.") => HookSubject::Deposit {
            our_ref: at("/purchase_units/0/custom_id"),
            provider_ref: at("/id").ok_or_else(|| lacks("order"))?,
        },
        k if k.starts_with("CHECKOUT.PAYMENT-APPROVAL.") => HookSubject::Deposit {
            our_ref: at("/purchase_units/0/custom_id"),
            provider_ref: at("/order_id").ok_or_else(|| lacks("order"))?,
        },
        // A refund of ours carries our id of it; one that somebody gave at PayPal's desk does not.
        "PAYMENT.CAPTURE.REFUNDED" | "PAYMENT.REFUND.PENDING" | "PAYMENT.REFUND.FAILED" => HookSubject::Refund {
            our_ref: at("/custom_id"),
            provider_ref: at("/id").ok_or_else(|| lacks("refund"))?,
        },
        // PayPal took a payment back by itself: the resource is the reversal, not the capture.
        "PAYMENT.CAPTURE.REVERSED" => HookSubject::Deposit {
            our_ref: at("/custom_id"),
            provider_ref: capture_of_links().ok_or_else(|| lacks("capture"))?,
        },
        // The order is what deposits are known by; the capture is known once it was reported.
        k if k.starts_with("PAYMENT.CAPTURE.") => HookSubject::Deposit {
            our_ref: at("/custom_id"),
            provider_ref: at("/supplementary_data/related_ids/order_id")
                .or_else(|| at("/id"))
                .ok_or_else(|| lacks("capture"))?,
        },
        k if k.starts_with("CUSTOMER.DISPUTE.") => HookSubject::Dispute {
            provider_ref: at("/dispute_id").ok_or_else(|| lacks("dispute"))?,
        },
        k if k.starts_with("PAYMENT.PAYOUTSBATCH.") => HookSubject::Payout {
            our_ref: at("/batch_header/sender_batch_header/sender_batch_id"),
            provider_ref: at("/batch_header/payout_batch_id").ok_or_else(|| lacks("batch"))?,
        },
        k if k.starts_with("PAYMENT.PAYOUTS-ITEM.") => HookSubject::Payout {
            our_ref: at("/payout_item/sender_item_id"),
            provider_ref: at("/payout_batch_id").ok_or_else(|| lacks("batch"))?,
        },
        _ => HookSubject::Other,
    };
    let at = e.create_time.as_deref().and_then(when).unwrap_or(signed_at);
    Ok(HookEvent {
        event_id: e.id,
        kind: e.event_type,
        subject,
        at,
    })
}

#[cfg(test)]
#[path = "hook_tests.rs"]
mod tests;
