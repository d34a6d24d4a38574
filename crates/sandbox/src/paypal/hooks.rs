//! Webhooks as they go out: the event around the object, signed with the sandbox's own RSA key.

use crate::rail::{Op, Post};
use crate::stripe::Fields;
use data_encoding::BASE64;
use qd_kernel::Ts;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// Everybody's: it proves that a callback came from a sandbox, and nothing else.
const KEY: &str = include_str!("webhook_key.pem");

fn key() -> Option<&'static RsaKeyPair> {
    static ONCE: OnceLock<Option<RsaKeyPair>> = OnceLock::new();
    ONCE.get_or_init(|| {
        let der = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).ok()?;
        RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok()
    })
    .as_ref()
}

fn sign(text: &str) -> String {
    let Some(key) = key() else { return String::new() };
    let mut signature = vec![0; key.public().modulus_len()];
    // Chance only blinds the computation: the signature is the same each time.
    match key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature) {
        Ok(()) => BASE64.encode(&signature),
        Err(_) => String::new(),
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for b in bytes {
        crc ^= u32::from(*b);
        for _ in 0..8 {
            let odd = crc & 1 != 0;
            crc >>= 1;
            if odd {
                crc ^= 0xEDB8_8320;
            }
        }
    }
    crc ^ u32::MAX
}

fn seconds(ts: Ts) -> String {
    format!("{}Z", ts.rfc3339().split('.').next().unwrap_or_default())
}

pub(super) fn post(op: &Op<'_>, notice: &Value, forged: bool) -> Post {
    let kind = notice.text("kind");
    let resource_type = match kind.split('.').nth(1) {
        Some("ORDER") => "checkout-order",
        Some("CAPTURE") if kind.ends_with("REFUNDED") => "refund",
        Some("CAPTURE") => "capture",
        Some("REFUND") => "refund",
        Some("DISPUTE") => "dispute",
        Some("PAYOUTSBATCH") => "payouts",
        _ => "payouts_item",
    };
    let body = json!({"id": format!("WH-{}", notice.text("id")), "event_version": "1.0", "resource_version": "2.0",
        "create_time": seconds(Ts(notice.num("created"))), "resource_type": resource_type, "event_type": kind,
        "summary": kind, "resource": notice["object"], "links": []})
    .to_string();
    let (id, time) = (notice.text("id"), seconds(op.now));
    let webhook = if forged { "0WEBHOOKOFNOBODY0" } else { op.setting("webhook_id") };
    let signature = sign(&format!("{id}|{time}|{webhook}|{}", crc32(body.as_bytes())));
    Post {
        headers: vec![
            ("content-type", "application/json".into()),
            ("user-agent", "PayPal/AUHD-1.0-1".into()),
            ("paypal-transmission-id", id.into()),
            ("paypal-transmission-time", time),
            ("paypal-transmission-sig", signature),
            ("paypal-cert-url", op.url("/v1/notifications/certs/CERT-sandbox")),
            ("paypal-auth-algo", "SHA256withRSA".into()),
        ],
        body,
    }
}
