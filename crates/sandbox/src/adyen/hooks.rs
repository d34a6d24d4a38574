//! Standard webhooks as they go out: one item each, signed over eight of its fields.

use crate::rail::{Op, Post};
use crate::stripe::Fields;
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use qd_kernel::Ts;
use serde_json::{Value, json};
use sha2::Sha256;

/// What the merchant checks: the eight fields with colons between, under the key that the text stands for.
fn signature(item: &Value, account: &str, key: &str) -> String {
    let key = hex::decode(key).unwrap_or_default();
    let mut mac = match Hmac::<Sha256>::new_from_slice(&key) {
        Ok(m) => m,
        Err(_) => return String::new(),
    };
    let amount = &item["amount"];
    let text = format!(
        "{}:{}:{account}:{}:{}:{}:{}:{}",
        item.text("pspReference"),
        item.text("originalReference"),
        item.text("merchantReference"),
        amount["value"],
        amount.text("currency"),
        item.text("eventCode"),
        item.text("success")
    );
    mac.update(text.as_bytes());
    BASE64.encode(&mac.finalize().into_bytes())
}

pub(super) fn post(op: &Op<'_>, notice: &Value, forged: bool) -> Post {
    let account = op.setting("merchant_account");
    let other = "00".repeat(32);
    let key = if forged { other.as_str() } else { op.cfg.hook_secret.as_str() };
    let mut item = notice["object"].clone();
    let at = Ts(notice.num("created")).rfc3339();
    item["merchantAccountCode"] = json!(account);
    item["eventDate"] = json!(format!("{}+00:00", at.split('.').next().unwrap_or_default()));
    item["paymentMethod"] = json!("visa");
    item["additionalData"] = json!({"hmacSignature": signature(&item, account, key)});
    let body = json!({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]});
    Post {
        headers: vec![
            ("content-type", "application/json".into()),
            ("user-agent", "Adyen HttpClient 1.0".into()),
        ],
        body: body.to_string(),
    }
}
