//! One provider of this kind, as its settings describe it: addresses, field names, the words of
//! its states, the form of its amounts and its signature. Every setting has a default, so that an
//! integrator writes down only what differs; a name that is none of ours is refused, so that a
//! misspelt setting is not a silent default.

use crate::amount::AmountForm;
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use qd_connector_kit::{Account, sign};
use qd_kernel::{Problem, Result, Secret};
use qd_ports::psp::{PaymentState, RefundState};
use std::collections::BTreeMap;

/// Name and default of every setting; `merchant` alone has to be given. What each one means:
/// README.md.
const SETTINGS: &[(&str, &str)] = &[
    ("merchant", ""),
    ("merchant_header", "x-merchant"),
    ("create_path", "/payments"),
    ("status_path", "/payments/{id}"),
    ("refund_path", ""),
    ("refund_status_path", "/refunds/{id}"),
    ("amount_form", "decimal"),
    ("signature_header", "x-signature"),
    ("signature_algorithm", "hmac-sha256"),
    ("signature_encoding", "hex"),
    ("field_id", "id"),
    ("field_reference", "reference"),
    ("field_amount", "amount"),
    ("field_currency", "currency"),
    ("field_status", "status"),
    ("field_url", "url"),
    ("field_method", "method"),
    ("field_email", "email"),
    ("field_language", "language"),
    ("field_description", "description"),
    ("field_return_url", "return_url"),
    ("field_cancel_url", "cancel_url"),
    ("field_callback_url", "callback_url"),
    ("field_expires", "expires_at"),
    ("field_received", "received"),
    ("field_refunded", "refunded"),
    ("field_reason", "reason"),
    ("field_holder", "payer"),
    ("field_payment", "payment"),
    ("field_event", "event"),
    ("field_object", "object"),
    ("field_error_code", "code"),
    ("field_error_message", "message"),
    ("object_payment", "payment"),
    ("object_refund", "refund"),
    ("payment_created", "created"),
    ("payment_pending", "pending"),
    ("payment_succeeded", "paid"),
    ("payment_failed", "failed"),
    ("payment_expired", "expired"),
    ("payment_cancelled", "cancelled"),
    ("refund_pending", "pending"),
    ("refund_succeeded", "done"),
    ("refund_failed", "failed"),
    ("refund_cancelled", "cancelled"),
];

/// Settings that begin so are sent with each new payment as they stand: `send_bank = "promptpay"`.
const SEND: &str = "send_";

#[derive(Clone, Copy, Debug)]
enum Algorithm {
    HmacSha256,
    HmacSha512,
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Hex,
    Base64,
}

#[derive(Debug)]
pub(crate) struct Profile {
    given: BTreeMap<String, String>,
    pub amounts: AmountForm,
    algorithm: Algorithm,
    encoding: Encoding,
}

impl Profile {
    pub(crate) fn read(a: &Account) -> Result<Profile> {
        let known = |name: &str| SETTINGS.iter().any(|(n, _)| *n == name) || name.starts_with(SEND);
        if let Some(name) = a.settings.keys().find(|n| !known(n)) {
            return Err(bad(name, "setting_unknown", "expected one of the names in the connector's README"));
        }
        a.setting("merchant", "shop-4711")?;
        let p = Profile {
            given: a.settings.clone(),
            amounts: AmountForm::Decimal,
            algorithm: Algorithm::HmacSha256,
            encoding: Encoding::Hex,
        };
        Ok(Profile {
            amounts: match p.get("amount_form") {
                "decimal" => AmountForm::Decimal,
                "minor" => AmountForm::Minor,
                _ => return Err(bad("amount_form", "setting_malformed", "expected decimal or minor")),
            },
            algorithm: match p.get("signature_algorithm") {
                "hmac-sha256" => Algorithm::HmacSha256,
                "hmac-sha512" => Algorithm::HmacSha512,
                _ => {
                    return Err(bad(
                        "signature_algorithm",
                        "setting_malformed",
                        "expected hmac-sha256 or hmac-sha512",
                    ));
                }
            },
            encoding: match p.get("signature_encoding") {
                "hex" => Encoding::Hex,
                "base64" => Encoding::Base64,
                _ => return Err(bad("signature_encoding", "setting_malformed", "expected hex or base64")),
            },
            ..p
        })
    }

    /// A setting's value, given or by default.
    pub(crate) fn get(&self, name: &str) -> &str {
        let default = || SETTINGS.iter().find(|(n, _)| *n == name).map_or("", |(_, d)| d);
        self.given.get(name).map_or_else(default, String::as_str)
    }

    /// The provider's name of one of our fields; None where the provider has no such field.
    pub(crate) fn field(&self, ours: &str) -> Option<&str> {
        Some(self.get(&format!("field_{ours}"))).filter(|f| !f.is_empty())
    }

    /// Fields sent with each new payment as they stand in the settings.
    pub(crate) fn constants(&self) -> impl Iterator<Item = (&str, &str)> {
        self.given.iter().filter_map(|(k, v)| Some((k.strip_prefix(SEND)?, v.as_str())))
    }

    /// Several words may mean the same: `payment_succeeded = "paid settled"`.
    fn says(&self, setting: &str, word: &str) -> bool {
        self.get(setting).split_whitespace().any(|w| w == word)
    }

    /// A word nobody has told us about is no yes and no no: the payment stays open, and is asked
    /// about again, until a person looks.
    pub(crate) fn payment_state(&self, word: &str) -> PaymentState {
        const WORDS: [(&str, PaymentState); 6] = [
            ("payment_created", PaymentState::Created),
            ("payment_pending", PaymentState::Pending),
            ("payment_succeeded", PaymentState::Succeeded),
            ("payment_failed", PaymentState::Failed),
            ("payment_expired", PaymentState::Expired),
            ("payment_cancelled", PaymentState::Cancelled),
        ];
        WORDS
            .iter()
            .find(|(s, _)| self.says(s, word))
            .map_or(PaymentState::Pending, |(_, state)| *state)
    }

    pub(crate) fn refund_state(&self, word: &str) -> RefundState {
        const WORDS: [(&str, RefundState); 4] = [
            ("refund_pending", RefundState::Pending),
            ("refund_succeeded", RefundState::Succeeded),
            ("refund_failed", RefundState::Failed),
            ("refund_cancelled", RefundState::Cancelled),
        ];
        WORDS
            .iter()
            .find(|(s, _)| self.says(s, word))
            .map_or(RefundState::Pending, |(_, state)| *state)
    }

    fn mac(&self, key: &Secret, text: &[u8]) -> Vec<u8> {
        let key = key.expose().as_bytes();
        match self.algorithm {
            Algorithm::HmacSha256 => sign::hmac_sha256(key, &[text]),
            Algorithm::HmacSha512 => sign::hmac_sha512(key, &[text]),
        }
    }

    /// The signature of what we send.
    pub(crate) fn sign(&self, key: &Secret, text: &[u8]) -> String {
        let mac = self.mac(key, text);
        match self.encoding {
            Encoding::Hex => HEXLOWER.encode(&mac),
            Encoding::Base64 => BASE64.encode(&mac),
        }
    }

    /// Whether one of the secrets made this signature of what we were sent.
    pub(crate) fn signed(&self, secrets: &[Secret], given: &str, text: &[u8]) -> bool {
        let given = match self.encoding {
            Encoding::Hex => HEXLOWER_PERMISSIVE.decode(given.as_bytes()),
            Encoding::Base64 => BASE64.decode(given.as_bytes()),
        };
        given.is_ok_and(|g| sign::any_fits(secrets, &g, |s| self.mac(s, text)))
    }
}

fn bad(name: &str, code: &'static str, expected: &str) -> Problem {
    Problem::invalid(&format!("psp.settings.{name}"), code, expected)
}
