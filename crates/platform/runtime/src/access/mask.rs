//! Covering what a caller may not see in documents whose shape is only known by their keys (audit
//! rows, rule inputs, exports). Typed views ask [`Caller::sees`] themselves.

use super::{Caller, Mask};
use serde_json::Value;

/// What stands where something is covered.
pub const COVERED: &str = "•••";

/// Keys, lower case, and the group of fields they belong to.
const KEYS: &[(Mask, &[&str])] = &[
    (
        Mask::Contact,
        &[
            "email",
            "email_norm",
            "phone",
            "mobile",
            "telephone",
            "street",
            "address",
            "address_line",
            "city",
            "postcode",
            "postal_code",
            "birth_date",
            "date_of_birth",
        ],
    ),
    (
        Mask::Money,
        &[
            "amount",
            "amounts",
            "balance",
            "balances",
            "equity",
            "margin",
            "margin_free",
            "credit",
            "minor",
            "total",
            "funds",
            "deposited",
            "withdrawn",
            "income",
            "net_worth",
        ],
    ),
    (
        Mask::Bank,
        &[
            "iban",
            "bic",
            "swift",
            "account_number",
            "bank_account",
            "sort_code",
            "routing_number",
            "card",
            "card_number",
            "card_last4",
            "last4",
            "pan",
            "wallet_address",
            "payout_details",
            "destination",
            "instrument",
        ],
    ),
    (
        Mask::Aml,
        &["screening", "screening_hits", "risk_score", "sanctions", "pep", "adverse_media"],
    ),
    (
        Mask::Documents,
        &[
            "document_number",
            "passport_number",
            "id_number",
            "tax_id",
            "tin",
            "file",
            "file_id",
            "files",
            "documents",
        ],
    ),
];

/// The group a key belongs to, if any.
pub fn group(key: &str) -> Option<Mask> {
    let key = key.to_lowercase();
    if key.ends_with("_minor") || key.ends_with("_amount") || key.ends_with("_balance") {
        return Some(Mask::Money);
    }
    if key == "aml" || key.starts_with("aml_") {
        return Some(Mask::Aml);
    }
    KEYS.iter().find(|(_, keys)| keys.contains(&key.as_str())).map(|(m, _)| *m)
}

/// The same document with what the caller may not see replaced by [`COVERED`]; nulls stay.
pub fn cover(caller: &Caller, v: &Value) -> Value {
    match v {
        Value::Object(map) => map
            .iter()
            .map(|(k, v)| match group(k) {
                Some(m) if !caller.sees(m) && !v.is_null() => (k.clone(), Value::String(COVERED.to_string())),
                _ => (k.clone(), cover(caller, v)),
            })
            .collect(),
        Value::Array(list) => list.iter().map(|v| cover(caller, v)).collect(),
        v => v.clone(),
    }
}

/// `text` when the caller may see the group, else [`COVERED`].
pub fn text(caller: &Caller, m: Mask, text: &str) -> String {
    if caller.sees(m) { text.to_string() } else { COVERED.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Role, StaffId};
    use serde_json::json;

    #[test]
    fn what_a_role_may_not_see_is_covered_at_any_depth_and_the_rest_stays() {
        let doc = json!({"email": "a@b.c", "amount": {"minor": 5, "currency": "EUR"}, "list": [{"iban": "DE1", "state": "paid"}], "aml_note": "x", "phone": null});
        let as_seen = |role| cover(&Caller::staff(StaffId::from_body(1), "A", &[role], None, &["*"]), &doc);
        assert_eq!(
            as_seen(Role::Sales),
            json!({"email": "a@b.c", "amount": COVERED, "list": [{"iban": COVERED, "state": "paid"}], "aml_note": COVERED, "phone": null})
        );
        assert_eq!(as_seen(Role::Finance)["aml_note"], json!(COVERED));
        assert_eq!(as_seen(Role::Finance)["list"][0]["iban"], json!("DE1"));
        assert_eq!(as_seen(Role::Auditor), doc);
        let card = json!({"instrument": {"last4": "4242", "holder": "A. Berg"}});
        assert_eq!(
            cover(&Caller::staff(StaffId::from_body(1), "A", &[Role::Support], None, &["*"]), &card),
            json!({"instrument": COVERED})
        );
        assert_eq!(cover(&Caller::public(), &json!({"email": "a@b.c"})), json!({"email": COVERED}));
    }
}
