//! What an entity's own rule book holds. Amounts are minor units of the entity's base currency.

use super::questionnaire::Questionnaire;
use qd_kernel::{Class, Currency, Problem, Result, text_enum};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A licence's rule book. Lists of countries are ISO 3166 two-letter codes in capitals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityConfig {
    /// Offered languages, the first one being the fall-back.
    pub languages: Vec<String>,
    /// Wallet currencies offered.
    pub currencies: Vec<Currency>,
    pub countries: CountryRules,
    pub profile: ProfileRules,
    pub documents: DocumentRules,
    pub reject_reasons: Vec<RejectReason>,
    #[serde(default)]
    pub appropriateness: Option<Questionnaire>,
    pub leverage: LeverageRules,
    pub deposits: DepositRules,
    pub withdrawals: WithdrawalRules,
    pub accounts: Vec<AccountType>,
    pub methods: Vec<PaymentMethod>,
    pub retention: Retention,
    /// Catalogue keys of the texts that differ by licence, by their use: `risk_warning`, `terms`…
    pub texts: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountryRules {
    /// Registration is refused.
    #[serde(default)]
    pub not_served: Vec<String>,
    /// A factor of the risk score.
    #[serde(default)]
    pub high_risk: Vec<String>,
    /// Enhanced due diligence: a person decides.
    #[serde(default)]
    pub enhanced: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileRules {
    pub min_age_years: u32,
    /// Steps in order, by code: `personal`, `address`, `employment`, `tax`…
    pub steps: Vec<ProfileStep>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileStep {
    pub code: String,
    pub fields: Vec<ProfileField>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileField {
    pub code: String,
    pub kind: FieldKind,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub options: Vec<String>,
}

text_enum!(FieldKind { Text = "text", Date = "date", Country = "country", Choice = "choice", Bool = "bool", Int = "int" });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentRules {
    pub default: Vec<DocumentRule>,
    /// Replaces the default list for residents of a country.
    #[serde(default)]
    pub by_country: BTreeMap<String, Vec<DocumentRule>>,
    /// Days before expiry at which the client is reminded.
    pub remind_days: Vec<u32>,
    /// Days that must be left on an identity document when it is approved.
    pub min_days_left: u32,
    /// Verification older than this is a risk signal (days).
    pub refresh_days: u32,
}

/// One thing the client has to prove.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentRule {
    /// What it proves: `identity`, `address`, `funds`, `selfie`…
    pub code: String,
    pub title_key: String,
    /// Accepted kinds: `passport`, `id_card`, `utility_bill`…
    pub kinds: Vec<String>,
    /// Kinds that need a back side.
    #[serde(default)]
    pub two_sided: Vec<String>,
    /// Oldest accepted issue date, days before the upload.
    #[serde(default)]
    pub max_age_days: Option<u32>,
    #[serde(default)]
    pub expires: bool,
    /// Asked for only after cumulative deposits above this; from the start when absent.
    #[serde(default)]
    pub over_deposits_minor: Option<i64>,
}

text_enum!(
    /// What a rejection asks for next.
    RejectKind { Retry = "retry", Person = "person", Final = "final" }
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectReason {
    pub code: String,
    pub kind: RejectKind,
    /// What the client reads. A generic text where the true reason must not be told.
    pub text_key: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeverageRules {
    pub retail_max: u32,
    pub professional_max: u32,
    /// Stricter limits for residents of a country; the lower one counts.
    #[serde(default)]
    pub by_country: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DepositRules {
    pub min_minor: i64,
    pub max_minor: i64,
    /// Cumulative deposits allowed before the client is verified; 0 means none.
    pub before_verified_minor: i64,
    /// Days after the first deposit in which verification must be done; 0 when none may come before.
    pub before_verified_days: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawalRules {
    pub min_minor: i64,
    /// Above it a person looks, whatever the rules say.
    pub auto_max_minor: i64,
    /// Above it two people approve.
    pub two_people_over_minor: i64,
    /// Deposits go back where they came from before anything else is paid.
    pub return_to_source: bool,
    /// A review is due after so many hours.
    pub review_hours: u32,
}

text_enum!(AccountKind { Live = "live", Demo = "demo" });

/// A kind of trading account on offer, and where it is opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountType {
    pub code: String,
    pub name: String,
    pub kind: AccountKind,
    /// Name of the trading server's connection.
    pub server: String,
    /// Currency to group on the server.
    pub groups: BTreeMap<String, String>,
    pub default_leverage: u32,
    /// Only for clients classed as professional.
    #[serde(default)]
    pub professional: bool,
    /// Residents of these countries only; everybody when empty.
    #[serde(default)]
    pub countries: Vec<String>,
    /// Opened by itself when the client is verified.
    #[serde(default)]
    pub opened_at_approval: bool,
    /// Accounts of this type one client may have.
    #[serde(default = "five")]
    pub max_per_client: u32,
}

fn five() -> u32 {
    5
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentMethod {
    pub code: String,
    /// Name of the provider's connection.
    pub connection: String,
    /// Further connections that take this method: the routes choose among all of them.
    #[serde(default)]
    #[schema(required)]
    pub others: Vec<String>,
    /// What the payer is charged on top, shown before paying.
    #[serde(default)]
    pub fee: Option<MethodFee>,
    /// How long it usually takes until the money is here.
    #[serde(default)]
    pub arrives_minutes: Option<u32>,
    pub title_key: String,
    pub currencies: Vec<Currency>,
    /// Residents of these countries only; everybody when empty.
    #[serde(default)]
    pub countries: Vec<String>,
    #[serde(default)]
    pub not_countries: Vec<String>,
    #[serde(default)]
    pub deposits: bool,
    #[serde(default)]
    pub withdrawals: bool,
}

/// Decimal text, as it is shown: `2.9` per cent and `0.30` of the payment's currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MethodFee {
    #[serde(default)]
    pub percent: Option<String>,
    #[serde(default)]
    pub fixed: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Years after the end of the relationship.
    pub client_file_years: u32,
    pub communications_years: u32,
}

/// Where a new trading account goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountMapping {
    pub account_type: String,
    pub kind: AccountKind,
    pub server: String,
    pub group: String,
    pub leverage: u32,
}

impl EntityConfig {
    /// The list of what a resident of `country` has to prove.
    pub fn documents_for(&self, country: &str) -> &[DocumentRule] {
        self.documents.by_country.get(country).unwrap_or(&self.documents.default)
    }

    pub fn reject_reason(&self, code: &str) -> Option<&RejectReason> {
        self.reject_reasons.iter().find(|r| r.code == code)
    }

    /// The highest leverage a client may have: by class, by country, by the test's effect.
    pub fn leverage_max(&self, country: &str, professional: bool, cap: Option<u32>) -> u32 {
        let by_class = if professional {
            self.leverage.professional_max
        } else {
            self.leverage.retail_max
        };
        let by_country = self.leverage.by_country.get(country).copied().unwrap_or(u32::MAX);
        by_class.min(by_country).min(cap.unwrap_or(u32::MAX))
    }

    /// Server, group and leverage of a new account; the wish is cut to what is allowed.
    pub fn map_account(
        &self,
        account_type: &str,
        currency: Currency,
        country: &str,
        professional: bool,
        cap: Option<u32>,
        wish: Option<u32>,
    ) -> Result<AccountMapping> {
        let t = self.accounts.iter().find(|t| t.code == account_type).ok_or_else(|| {
            Problem::invalid(
                "/account_type",
                "account_type_unknown",
                "expected the code of an account type of this entity",
            )
        })?;
        if t.professional && !professional {
            return Err(Problem::conflict(
                "account_type_professional",
                "this account type is for professional clients",
            ));
        }
        if !t.countries.is_empty() && !t.countries.iter().any(|c| c == country) {
            return Err(Problem::conflict(
                "account_type_country",
                "this account type is not offered in the client's country",
            ));
        }
        let group = t.groups.get(currency.code()).ok_or_else(|| {
            Problem::invalid(
                "/currency",
                "currency_not_offered",
                format!("expected one of {}", t.groups.keys().cloned().collect::<Vec<_>>().join(", ")),
            )
        })?;
        let leverage = wish
            .unwrap_or(t.default_leverage)
            .min(self.leverage_max(country, professional, cap));
        Ok(AccountMapping {
            account_type: t.code.clone(),
            kind: t.kind,
            server: t.server.clone(),
            group: group.clone(),
            leverage,
        })
    }

    /// Payment methods for a resident of `country` in `currency`.
    pub fn methods_for(&self, country: &str, currency: Currency) -> Vec<&PaymentMethod> {
        self.methods
            .iter()
            .filter(|m| m.currencies.contains(&currency))
            .filter(|m| m.countries.is_empty() || m.countries.iter().any(|c| c == country))
            .filter(|m| !m.not_countries.iter().any(|c| c == country))
            .collect()
    }

    /// Everything wrong, by field.
    pub fn check(&self) -> Result<()> {
        let mut p = Problem::new(Class::Invalid, "entity_config_invalid", "the entity's rule book cannot be saved");
        let mut wrong = |field: String, code: &'static str, expected: &str| {
            p.fields.push(qd_kernel::FieldProblem {
                pointer: format!("/config{field}"),
                code: code.into(),
                expected: expected.into(),
            });
        };
        if self.languages.is_empty() || self.languages.iter().any(|l| !language_ok(l)) {
            wrong(
                "/languages".into(),
                "languages_malformed",
                "expected at least one language like en or pt-BR",
            );
        }
        if self.currencies.is_empty() {
            wrong("/currencies".into(), "currencies_empty", "expected at least one currency");
        }
        let lists = [
            ("not_served", &self.countries.not_served),
            ("high_risk", &self.countries.high_risk),
            ("enhanced", &self.countries.enhanced),
        ];
        for (name, list) in lists {
            for (i, _) in list.iter().enumerate().filter(|(_, c)| !country_ok(c)) {
                wrong(
                    format!("/countries/{name}/{i}"),
                    "country_malformed",
                    "expected two capital letters",
                );
            }
        }
        if self.documents.default.is_empty() {
            wrong("/documents/default".into(), "documents_empty", "expected at least one document");
        }
        let by_country = self
            .documents
            .by_country
            .iter()
            .map(|(c, d)| (format!("/documents/by_country/{c}"), d));
        for (at, list) in std::iter::once(("/documents/default".to_string(), &self.documents.default)).chain(by_country) {
            if let Some(c) = at.strip_prefix("/documents/by_country/")
                && !country_ok(c)
            {
                wrong(at.clone(), "country_malformed", "expected two capital letters");
            }
            let mut seen = BTreeSet::new();
            for (i, d) in list.iter().enumerate() {
                if !seen.insert(&d.code) {
                    wrong(format!("{at}/{i}/code"), "document_twice", "expected each code once");
                }
                if d.kinds.is_empty() {
                    wrong(format!("{at}/{i}/kinds"), "kinds_empty", "expected at least one accepted kind");
                }
            }
        }
        let mut seen = BTreeSet::new();
        for (i, _) in self.reject_reasons.iter().enumerate().filter(|(_, r)| !seen.insert(&r.code)) {
            wrong(format!("/reject_reasons/{i}/code"), "reason_twice", "expected each code once");
        }
        if self.leverage.retail_max == 0 || self.leverage.retail_max > self.leverage.professional_max {
            wrong(
                "/leverage/retail_max".into(),
                "leverage_out_of_range",
                "expected 1 up to the professional limit",
            );
        }
        let d = &self.deposits;
        if d.min_minor < 0 || d.max_minor < d.min_minor || d.before_verified_minor < 0 {
            wrong(
                "/deposits".into(),
                "deposit_limits",
                "expected 0 <= min_minor <= max_minor and before_verified_minor >= 0",
            );
        }
        let w = &self.withdrawals;
        if w.min_minor < 0 || w.auto_max_minor < 0 || w.two_people_over_minor < w.auto_max_minor {
            wrong(
                "/withdrawals".into(),
                "withdrawal_limits",
                "expected 0 <= auto_max_minor <= two_people_over_minor",
            );
        }
        let mut seen = BTreeSet::new();
        for (i, t) in self.accounts.iter().enumerate() {
            if !seen.insert(&t.code) {
                wrong(format!("/accounts/{i}/code"), "account_type_twice", "expected each code once");
            }
            if t.server.is_empty() || t.groups.is_empty() || t.groups.iter().any(|(c, g)| Currency::parse(c).is_err() || g.is_empty()) {
                wrong(
                    format!("/accounts/{i}/groups"),
                    "groups_malformed",
                    "expected a server and a group for each currency",
                );
            }
            if t.default_leverage == 0 {
                wrong(
                    format!("/accounts/{i}/default_leverage"),
                    "leverage_out_of_range",
                    "expected at least 1",
                );
            }
        }
        let mut seen = BTreeSet::new();
        for (i, m) in self.methods.iter().enumerate() {
            if !seen.insert(&m.code) {
                wrong(format!("/methods/{i}/code"), "method_twice", "expected each code once");
            }
            if m.connection.is_empty() || m.currencies.is_empty() {
                wrong(
                    format!("/methods/{i}"),
                    "method_incomplete",
                    "expected a connection and at least one currency",
                );
            }
            if let Some(o) = m.others.iter().position(|o| o.is_empty() || *o == m.connection) {
                wrong(
                    format!("/methods/{i}/others/{o}"),
                    "connection_twice",
                    "expected another connection than the first",
                );
            }
            let fee = m.fee.iter().flat_map(|f| [("percent", &f.percent), ("fixed", &f.fixed)]);
            for (part, text) in fee {
                if text.as_deref().is_some_and(|t| qd_kernel::Rate::parse(t).is_err() && t != "0") {
                    wrong(
                        format!("/methods/{i}/fee/{part}"),
                        "fee_malformed",
                        "expected decimal text like 2.9",
                    );
                }
            }
        }
        if let Some(q) = &self.appropriateness
            && let Err(e) = q.check()
        {
            for f in e.fields {
                wrong(format!("/appropriateness{}", f.pointer), "questionnaire", &f.expected);
            }
        }
        if p.fields.is_empty() { Ok(()) } else { Err(p) }
    }
}

pub(crate) fn country_ok(c: &str) -> bool {
    c.len() == 2 && c.bytes().all(|b| b.is_ascii_uppercase())
}

pub(crate) fn language_ok(l: &str) -> bool {
    (2..=8).contains(&l.len())
        && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && l.bytes().take(2).all(|b| b.is_ascii_lowercase())
}
