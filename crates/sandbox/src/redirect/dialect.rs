//! Two providers of one kind, as different as two such providers are: a bank redirect of the euro
//! area and a QR code of Thailand. Which one an account is at shows in its merchant number.

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use qd_kernel::{Currency, format_fixed, parse_fixed};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};

pub struct Dialect {
    pub title: &'static str,
    pub merchant_header: &'static str,
    pub signature_header: &'static str,
    /// Path of the payments, without a slash at its start.
    pub payments: &'static str,
    pub refunds: Option<&'static str>,
    /// Our names of a payment's fields, the provider's, and whether a request must have them.
    pub fields: &'static [(&'static str, &'static str, bool)],
    pub id: &'static str,
    pub status: &'static str,
    pub url: &'static str,
    pub methods: &'static [&'static str],
    /// Our words of the states and the provider's.
    pub words: &'static [(&'static str, &'static str)],
    minor: bool,
    sha512_base64: bool,
    /// Whether a callback has an id and says what it is about.
    pub events: bool,
}

/// A bank of the euro area: decimals in text, HMAC-SHA256 in hexadecimal, refunds.
pub static BANK: Dialect = Dialect {
    title: "Rheinpay instant bank transfer",
    merchant_header: "x-merchant",
    signature_header: "x-signature",
    payments: "payments",
    refunds: Some("refunds"),
    fields: &[
        ("reference", "reference", true),
        ("amount", "amount", true),
        ("currency", "currency", true),
        ("method", "method", true),
        ("email", "email", false),
        ("language", "language", false),
        ("description", "description", false),
        ("return_url", "return_url", true),
        ("cancel_url", "cancel_url", false),
        ("callback_url", "callback_url", false),
        ("expires", "expires_at", false),
    ],
    id: "id",
    status: "status",
    url: "url",
    methods: &["instant_bank"],
    words: &[
        ("created", "created"),
        ("pending", "pending"),
        ("paid", "paid"),
        ("failed", "failed"),
        ("expired", "expired"),
    ],
    minor: false,
    sha512_base64: false,
    events: true,
};

/// A QR code of Thailand: whole minor units, HMAC-SHA512 in base64, no refunds, bare callbacks.
pub static QR: Dialect = Dialect {
    title: "Chao Phraya QR · PromptPay",
    merchant_header: "x-shop",
    signature_header: "x-shop-sign",
    payments: "v1/orders",
    refunds: None,
    fields: &[
        ("reference", "order_no", true),
        ("amount", "total", true),
        ("currency", "ccy", true),
        ("method", "channel", true),
        ("description", "memo", false),
        ("return_url", "back_url", true),
        ("callback_url", "notify_url", true),
        ("scheme", "qr_scheme", true),
    ],
    id: "txn",
    status: "state",
    url: "qr_page",
    methods: &["promptpay"],
    words: &[
        ("created", "WAIT"),
        ("pending", "SCANNED"),
        ("paid", "SUCCESS"),
        ("failed", "FAIL"),
        ("expired", "TIMEOUT"),
    ],
    minor: true,
    sha512_base64: true,
    events: false,
};

/// By the account's merchant number.
pub fn of(merchant: &str) -> &'static Dialect {
    if merchant.starts_with("TH") { &QR } else { &BANK }
}

impl Dialect {
    pub fn word(&self, state: &str) -> &'static str {
        self.words.iter().find(|(ours, _)| *ours == state).map_or("unknown", |(_, w)| w)
    }

    /// The provider's name of a field; empty when it has none.
    pub fn field(&self, ours: &str) -> &'static str {
        self.fields.iter().find(|(o, _, _)| *o == ours).map_or("", |(_, name, _)| name)
    }

    pub fn signature(&self, key: &str, text: &[u8]) -> String {
        // HMAC takes keys of any length.
        if self.sha512_base64 {
            let mut mac = Hmac::<Sha512>::new_from_slice(key.as_bytes()).expect("HMAC accepts any key length");
            mac.update(text);
            BASE64.encode(&mac.finalize().into_bytes())
        } else {
            let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC accepts any key length");
            mac.update(text);
            HEXLOWER.encode(&mac.finalize().into_bytes())
        }
    }

    /// Minor units, above nothing, in a currency that is no coin.
    pub fn read_amount(&self, v: &Value, currency: &str) -> Option<i64> {
        let c = Currency::parse(currency).ok().filter(|c| !c.is_crypto())?;
        let minor = match v {
            Value::Number(n) if self.minor => n.as_i64()?,
            // Every decimal place has to be there: `25.4` is none of ours.
            Value::String(t) if !self.minor => parse_fixed(t, c.exponent()).filter(|m| format_fixed(*m, c.exponent()) == *t)?,
            _ => return None,
        };
        (minor > 0).then_some(minor)
    }

    pub fn amount(&self, minor: i64, currency: &str) -> Value {
        if self.minor {
            return json!(minor);
        }
        json!(format_fixed(minor, Currency::parse(currency).map_or(2, Currency::exponent)))
    }
}
