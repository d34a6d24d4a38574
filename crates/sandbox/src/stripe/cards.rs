//! Test cards: what a number is and how it behaves. The numbers and their behaviour are the ones
//! of Stripe's public testing page; tokens (`pm_card_…`, `tok_…`) are other names for them.

use serde_json::{Value, json};

/// How a card answers a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Ok,
    /// Refused: error code, decline code.
    Decline(&'static str, &'static str),
    /// The holder must authenticate; afterwards `then`.
    Authenticate(Then),
    /// Paid, then disputed with this reason; `true` = an inquiry that moves no money.
    Dispute(&'static str, bool),
    /// Paid; a refund reports success and fails later.
    RefundFails,
    /// Paid; a refund is pending first.
    RefundPends,
    /// Paid, and the money is available at once.
    AvailableAtOnce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Ok,
    Decline(&'static str, &'static str),
}

#[derive(Clone, Debug)]
pub struct TestCard {
    pub number: String,
    pub brand: &'static str,
    pub country: &'static str,
    pub funding: &'static str,
    pub behaviour: Behaviour,
}

use Behaviour::*;

/// number, country, funding, behaviour.
const SPECIAL: &[(&str, &str, &str, Behaviour)] = &[
    ("4242424242424242", "US", "credit", Ok),
    ("4000056655665556", "US", "debit", Ok),
    ("5555555555554444", "US", "credit", Ok),
    ("2223003122003222", "US", "credit", Ok),
    ("5200828282828210", "US", "debit", Ok),
    ("5105105105105100", "US", "prepaid", Ok),
    ("378282246310005", "US", "credit", Ok),
    ("371449635398431", "US", "credit", Ok),
    ("6011111111111117", "US", "credit", Ok),
    ("3056930009020004", "US", "credit", Ok),
    ("36227206271667", "US", "credit", Ok),
    ("3566002020360505", "JP", "credit", Ok),
    ("6200000000000005", "CN", "credit", Ok),
    ("4000003800000446", "US", "credit", Ok),
    ("4000000000003055", "US", "credit", Ok),
    ("4000000000000101", "US", "credit", Ok),
    ("4000000000009235", "US", "credit", Ok),
    ("4000000000004954", "US", "credit", Ok),
    ("4000000000000002", "US", "credit", Decline("card_declined", "generic_decline")),
    ("4000000000000341", "US", "credit", Decline("card_declined", "generic_decline")),
    ("4000000000009995", "US", "credit", Decline("card_declined", "insufficient_funds")),
    ("4000000000009987", "US", "credit", Decline("card_declined", "lost_card")),
    ("4000000000009979", "US", "credit", Decline("card_declined", "stolen_card")),
    (
        "4000000000006975",
        "US",
        "credit",
        Decline("card_declined", "card_velocity_exceeded"),
    ),
    ("4100000000000019", "US", "credit", Decline("card_declined", "fraudulent")),
    ("4000000000000069", "US", "credit", Decline("expired_card", "expired_card")),
    ("4000000000000127", "US", "credit", Decline("incorrect_cvc", "incorrect_cvc")),
    ("4000000000000119", "US", "credit", Decline("processing_error", "processing_error")),
    ("4000002760003184", "DE", "credit", Authenticate(Then::Ok)),
    ("4000002500003155", "FR", "credit", Authenticate(Then::Ok)),
    ("4000000000003220", "US", "credit", Authenticate(Then::Ok)),
    ("4000000000003063", "US", "credit", Authenticate(Then::Ok)),
    (
        "4000008260003178",
        "GB",
        "credit",
        Authenticate(Then::Decline("card_declined", "insufficient_funds")),
    ),
    (
        "4000008400001629",
        "US",
        "credit",
        Authenticate(Then::Decline("card_declined", "generic_decline")),
    ),
    ("4000000000000259", "US", "credit", Dispute("fraudulent", false)),
    ("4000000000002685", "US", "credit", Dispute("product_not_received", false)),
    ("4000000000001976", "US", "credit", Dispute("fraudulent", true)),
    ("4000000000005126", "US", "credit", RefundFails),
    ("4000000000007726", "US", "credit", RefundPends),
    ("4000000000000077", "US", "credit", AvailableAtOnce),
    ("4000003720000278", "IE", "credit", AvailableAtOnce),
];

const TOKENS: &[(&str, &str)] = &[
    ("visa", "4242424242424242"),
    ("visa_debit", "4000056655665556"),
    ("mastercard", "5555555555554444"),
    ("mastercard_debit", "5200828282828210"),
    ("mastercard_prepaid", "5105105105105100"),
    ("amex", "378282246310005"),
    ("discover", "6011111111111117"),
    ("diners", "3056930009020004"),
    ("jcb", "3566002020360505"),
    ("unionpay", "6200000000000005"),
    ("chargeDeclined", "4000000000000002"),
    ("chargeDeclinedInsufficientFunds", "4000000000009995"),
    ("chargeDeclinedLostCard", "4000000000009987"),
    ("chargeDeclinedStolenCard", "4000000000009979"),
    ("chargeDeclinedExpiredCard", "4000000000000069"),
    ("chargeDeclinedIncorrectCvc", "4000000000000127"),
    ("chargeDeclinedProcessingError", "4000000000000119"),
    ("chargeDeclinedVelocityLimitExceeded", "4000000000006975"),
    ("chargeDeclinedFraudulent", "4100000000000019"),
    ("radarBlock", "4100000000000019"),
    ("chargeCustomerFail", "4000000000000341"),
    ("createDispute", "4000000000000259"),
    ("createDisputeProductNotReceived", "4000000000002685"),
    ("createDisputeInquiry", "4000000000001976"),
    ("refundFail", "4000000000005126"),
    ("pendingRefund", "4000000000007726"),
    ("bypassPending", "4000000000000077"),
    ("authenticationRequired", "4000002760003184"),
    ("authenticationRequiredOnSetup", "4000002500003155"),
    ("threeDSecure2Required", "4000000000003220"),
    ("threeDSecureRequired", "4000000000003063"),
    ("threeDSecureOptional", "4000000000003055"),
    ("authenticationRequiredChargeDeclinedInsufficientFunds", "4000008260003178"),
];

/// ISO 3166 numeric to letters, for `400000` + numeric code cards of a country.
const COUNTRIES: &[(&str, &str)] = &[
    ("040", "AT"),
    ("056", "BE"),
    ("100", "BG"),
    ("191", "HR"),
    ("196", "CY"),
    ("203", "CZ"),
    ("208", "DK"),
    ("233", "EE"),
    ("246", "FI"),
    ("250", "FR"),
    ("276", "DE"),
    ("300", "GR"),
    ("348", "HU"),
    ("352", "IS"),
    ("372", "IE"),
    ("380", "IT"),
    ("428", "LV"),
    ("438", "LI"),
    ("440", "LT"),
    ("442", "LU"),
    ("470", "MT"),
    ("528", "NL"),
    ("578", "NO"),
    ("616", "PL"),
    ("620", "PT"),
    ("642", "RO"),
    ("703", "SK"),
    ("705", "SI"),
    ("724", "ES"),
    ("752", "SE"),
    ("756", "CH"),
    ("826", "GB"),
    ("784", "AE"),
    ("036", "AU"),
    ("076", "BR"),
    ("124", "CA"),
    ("152", "CL"),
    ("156", "CN"),
    ("170", "CO"),
    ("344", "HK"),
    ("356", "IN"),
    ("360", "ID"),
    ("392", "JP"),
    ("398", "KZ"),
    ("404", "KE"),
    ("410", "KR"),
    ("458", "MY"),
    ("484", "MX"),
    ("554", "NZ"),
    ("566", "NG"),
    ("608", "PH"),
    ("682", "SA"),
    ("702", "SG"),
    ("704", "VN"),
    ("710", "ZA"),
    ("764", "TH"),
    ("792", "TR"),
    ("804", "UA"),
    ("840", "US"),
    ("158", "TW"),
];

/// The refusals of a number that is no test card at all.
#[derive(Debug, PartialEq, Eq)]
pub enum NotACard {
    /// Wrong length, letters, or a bad check digit: `incorrect_number`.
    Number,
    /// A well-formed number that is not among the test cards.
    Live,
}

/// Looks a number up; spaces and dashes are ignored.
pub fn find(number: &str) -> Result<TestCard, NotACard> {
    let n: String = number.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if !(12..=19).contains(&n.len()) || !n.bytes().all(|b| b.is_ascii_digit()) || !luhn(&n) {
        return Err(NotACard::Number);
    }
    let brand = brand(&n);
    if let Some((_, country, funding, behaviour)) = SPECIAL.iter().find(|(s, ..)| *s == n) {
        return Result::Ok(TestCard {
            number: n,
            brand,
            country,
            funding,
            behaviour: *behaviour,
        });
    }
    if n.len() == 16 && (n.starts_with("400000") || n.starts_with("400005")) {
        let funding = if n.starts_with("400005") { "debit" } else { "credit" };
        if let Some((_, country)) = COUNTRIES.iter().find(|(c, _)| *c == &n[6..9]) {
            return Result::Ok(TestCard {
                number: n,
                brand,
                country,
                funding,
                behaviour: Ok,
            });
        }
    }
    Err(NotACard::Live)
}

/// `pm_card_visa`, `tok_chargeDeclined`, `pm_card_visa_chargeDeclinedStolenCard`, `pm_card_de`.
pub fn by_token(token: &str) -> Option<TestCard> {
    let name = token.strip_prefix("pm_card_").or_else(|| token.strip_prefix("tok_"))?;
    let name = if name.starts_with("visa_charge") {
        name.strip_prefix("visa_").unwrap_or(name)
    } else {
        name
    };
    if let Some((_, number)) = TOKENS.iter().find(|(t, _)| *t == name) {
        return find(number).ok();
    }
    let (numeric, _) = COUNTRIES.iter().find(|(_, c)| c.eq_ignore_ascii_case(name))?;
    find(&with_check_digit(&format!("400000{numeric}000000"))).ok()
}

fn brand(n: &str) -> &'static str {
    match n.as_bytes() {
        [b'4', ..] => "visa",
        [b'3', b'4' | b'7', ..] => "amex",
        [b'5', b'1'..=b'5', ..] | [b'2', b'2'..=b'7', ..] => "mastercard",
        [b'3', b'5', ..] => "jcb",
        [b'3', ..] => "diners",
        [b'6', b'2', ..] => "unionpay",
        [b'6', ..] => "discover",
        _ => "unknown",
    }
}

fn luhn_sum(n: &str) -> u32 {
    n.bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let d = u32::from(b.wrapping_sub(b'0'));
            if i % 2 == 0 {
                d
            } else if d > 4 {
                d * 2 - 9
            } else {
                d * 2
            }
        })
        .sum()
}

fn luhn(n: &str) -> bool {
    luhn_sum(n).is_multiple_of(10)
}

fn with_check_digit(head: &str) -> String {
    let s = luhn_sum(&format!("{head}0")) % 10;
    format!("{head}{}", (10 - s) % 10)
}

impl TestCard {
    pub fn last4(&self) -> &str {
        &self.number[self.number.len() - 4..]
    }

    /// Sixteen characters that are the same for the same number in the same account.
    pub fn fingerprint(&self, account: &str) -> String {
        use sha2::{Digest, Sha256};
        const CHARS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let hash = Sha256::digest(format!("{account}:{}", self.number));
        hash.iter().take(16).map(|b| char::from(CHARS[usize::from(*b) % 62])).collect()
    }

    /// The `card` object of a payment method.
    pub fn json(&self, account: &str, exp_month: i64, exp_year: i64) -> Value {
        json!({
            "brand": self.brand,
            "checks": {"address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass"},
            "country": self.country,
            "display_brand": self.brand,
            "exp_month": exp_month,
            "exp_year": exp_year,
            "fingerprint": self.fingerprint(account),
            "funding": self.funding,
            "generated_from": null,
            "last4": self.last4(),
            "networks": {"available": [self.brand], "preferred": null},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": true},
            "wallet": null,
        })
    }
}

/// The sentence Stripe gives the customer.
pub fn message(code: &str, decline_code: &str) -> &'static str {
    match (code, decline_code) {
        ("expired_card", _) => "Your card has expired.",
        ("incorrect_cvc", _) => "Your card's security code is incorrect.",
        ("processing_error", _) => "An error occurred while processing your card. Try again in a little bit.",
        ("incorrect_number", _) => "Your card number is incorrect.",
        ("authentication_required", _) => "Your card was declined. This transaction requires authentication.",
        (_, "insufficient_funds") => "Your card has insufficient funds.",
        (_, "card_velocity_exceeded") => {
            "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."
        }
        (_, "test_mode_live_card") => {
            "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test cards, visit: https://stripe.com/docs/testing."
        }
        _ => "Your card was declined.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_number_is_well_formed_and_tokens_and_countries_resolve() {
        for (n, ..) in SPECIAL {
            assert!(luhn(n), "{n}");
            assert_ne!(brand(n), "unknown");
        }
        for (t, n) in TOKENS {
            assert_eq!(by_token(&format!("pm_card_{t}")).unwrap().number, *n);
        }
        assert_eq!(
            by_token("pm_card_visa_chargeDeclinedStolenCard").unwrap().behaviour,
            Decline("card_declined", "stolen_card")
        );
        assert_eq!(by_token("pm_card_cy").unwrap().country, "CY");
        assert_eq!(find("4000 0027 6000 0016").unwrap().country, "DE");
        assert_eq!(find("4242424242424241").unwrap_err(), NotACard::Number);
        assert_eq!(find("4111111111111111").unwrap_err(), NotACard::Live);
    }
}
