//! What a sandbox consists of.

use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Clone)]
pub struct SandboxConfig {
    /// Where the books live; `None` keeps them in memory.
    pub data_dir: Option<PathBuf>,
    /// How browsers reach the router, e.g. `http://127.0.0.1:8080/sandbox`, no slash at the end.
    pub public_base: String,
    /// Where webhooks go, e.g. `http://127.0.0.1:8080`, no slash at the end.
    pub hook_base: String,
    pub stripe: Vec<StripeAccountConfig>,
    /// Accounts at the other payment providers.
    pub rails: Vec<crate::RailConfig>,
    pub mt5: Vec<Mt5ServerConfig>,
    pub smtp_listen: Option<SocketAddr>,
    /// Funded accounts trade now and then by themselves.
    pub simulate_traders: bool,
}

#[derive(Clone)]
pub struct StripeAccountConfig {
    /// The connection's name at our side; webhooks go to `{hook_base}/hooks/stripe/{connection}`.
    pub connection: String,
    pub secret_key: String,
    pub webhook_secret: String,
}

#[derive(Clone)]
pub struct Mt5ServerConfig {
    pub name: String,
    pub manager_login: u64,
    pub manager_password: String,
    pub tls_listen: Option<SocketAddr>,
    pub plain_listen: Option<SocketAddr>,
    /// The first login this server gives out; logins below belong to other servers.
    pub first_login: u64,
    /// The zone of the server's wall clock, an IANA name.
    pub tz: String,
    pub groups: Vec<GroupConfig>,
}

#[derive(Clone)]
pub struct GroupConfig {
    /// A path with backslashes, e.g. `real\forex-eur`.
    pub name: String,
    pub currency: String,
    pub digits: u8,
    /// The highest leverage an account may have here (1 to 500).
    pub leverage_max: u32,
    /// Margin level in percent at which the account is warned.
    pub margin_call: u32,
    /// Margin level in percent at which positions are closed.
    pub stop_out: u32,
}

pub const DEMO_MANAGER_LOGIN: u64 = 1000;
/// The Web API password of the demo servers' manager.
pub const DEMO_MANAGER_PASSWORD: &str = "Qd-Manager-26!";

fn group(name: &str, currency: &str, leverage_max: u32) -> GroupConfig {
    let digits = if currency == "JPY" { 0 } else { 2 };
    GroupConfig {
        name: name.into(),
        currency: currency.into(),
        digits,
        leverage_max,
        margin_call: 100,
        stop_out: 50,
    }
}

/// The demo brokerage's counterparties. `base` is where the whole program listens. The TLS
/// listeners take 8443 to 8445 and mail 2525 (any free port when `base` has port 0, or when one
/// is taken); ask [`crate::Sandbox::addresses`] for the truth.
pub fn demo_config(data_dir: Option<PathBuf>, base: SocketAddr) -> SandboxConfig {
    let port = |p: u16| Some(SocketAddr::new(base.ip(), if base.port() == 0 { 0 } else { p }));
    let server = |name: &str, tls: u16, first_login: u64, tz: &str, groups: Vec<GroupConfig>| Mt5ServerConfig {
        name: name.into(),
        manager_login: DEMO_MANAGER_LOGIN,
        manager_password: DEMO_MANAGER_PASSWORD.into(),
        tls_listen: port(tls),
        plain_listen: None,
        first_login,
        tz: tz.into(),
        groups,
    };
    SandboxConfig {
        data_dir,
        public_base: format!("http://{base}/sandbox"),
        hook_base: format!("http://{base}"),
        stripe: ["eu", "intl"]
            .map(|e| StripeAccountConfig {
                connection: format!("stripe-{e}"),
                secret_key: format!("sk_test_quarterdeck_{e}"),
                webhook_secret: format!("whsec_quarterdeck_{e}"),
            })
            .into(),
        rails: demo_rails(),
        mt5: vec![
            server(
                "eu-live",
                8443,
                500_001,
                "Europe/Nicosia",
                vec![
                    group(r"real\eu-standard-eur", "EUR", 30),
                    group(r"real\eu-standard-usd", "USD", 30),
                    group(r"real\eu-pro-eur", "EUR", 100),
                    group(r"real\eu-pro-usd", "USD", 100),
                    group(r"real\eu-standard-gbp", "GBP", 30),
                ],
            ),
            server(
                "intl-live",
                8444,
                700_001,
                "Europe/Athens",
                vec![
                    group(r"real\intl-standard-usd", "USD", 500),
                    group(r"real\intl-standard-eur", "EUR", 500),
                    group(r"real\intl-pro-usd", "USD", 500),
                    group(r"real\intl-standard-jpy", "JPY", 500),
                ],
            ),
            server(
                "demo",
                8445,
                900_001,
                "Europe/Athens",
                vec![group(r"demo\forex-usd", "USD", 500), group(r"demo\forex-eur", "EUR", 500)],
            ),
        ],
        smtp_listen: port(2525),
        simulate_traders: true,
    }
}

/// A demo account: settings and secrets as pairs.
fn rail(
    provider: &str,
    entity: &str,
    key: &str,
    hook_secret: &str,
    secrets: &[(&str, &str)],
    settings: &[(&str, &str)],
) -> crate::RailConfig {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect();
    crate::RailConfig {
        provider: provider.into(),
        connection: format!("{provider}-{entity}"),
        entity: entity.into(),
        key: key.into(),
        hook_secret: hook_secret.into(),
        secrets: map(secrets),
        settings: map(settings),
    }
}

/// What the connector of redirect providers has to know of the QR code of Thailand.
const QR: &[(&str, &str)] = &[
    ("merchant", "TH-0815"),
    ("merchant_header", "x-shop"),
    ("signature_header", "x-shop-sign"),
    ("signature_algorithm", "hmac-sha512"),
    ("signature_encoding", "base64"),
    ("create_path", "/v1/orders"),
    ("status_path", "/v1/orders/{id}"),
    ("amount_form", "minor"),
    ("field_id", "txn"),
    ("field_reference", "order_no"),
    ("field_amount", "total"),
    ("field_currency", "ccy"),
    ("field_method", "channel"),
    ("field_description", "memo"),
    ("field_status", "state"),
    ("field_url", "qr_page"),
    ("field_return_url", "back_url"),
    ("field_callback_url", "notify_url"),
    ("field_cancel_url", ""),
    ("field_email", ""),
    ("field_language", ""),
    ("field_expires", ""),
    ("field_event", ""),
    ("field_object", ""),
    ("send_qr_scheme", "promptpay-v2"),
    ("payment_created", "WAIT"),
    ("payment_pending", "SCANNED REVIEW"),
    ("payment_succeeded", "SUCCESS"),
    ("payment_failed", "FAIL"),
    ("payment_expired", "TIMEOUT"),
];

/// One line per account of the demo at a payment provider.
fn demo_rails() -> Vec<crate::RailConfig> {
    let skrill = |entity: &str, merchant: &str, currency: &str| {
        rail(
            "skrill",
            entity,
            &format!("mqi-{entity}-26"),
            &format!("word{entity}26"),
            &[],
            &[
                ("email", &format!("payments@{entity}.quarterdeck.example")),
                ("merchant_id", merchant),
                ("currency", currency),
            ],
        )
    };
    let paypal = |entity: &str, webhook: &str| {
        rail(
            "paypal",
            entity,
            &format!("EQuarterdeck-{entity}-26"),
            crate::paypal::CERTIFICATE,
            &[],
            &[("client_id", &format!("AQuarterdeck-{entity}")), ("webhook_id", webhook)],
        )
    };
    let adyen = |entity: &str| {
        let hmac = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
        let settings = [
            ("merchant_account", format!("Quarterdeck{}ECOM", entity.to_uppercase())),
            ("payment_methods", "scheme,ideal".to_string()),
        ];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        rail("adyen", entity, &format!("AQE-quarterdeck-{entity}-26"), hmac, &[], &settings)
    };
    let plain = |provider: &str, entity: &str, settings: &[(&str, &str)]| {
        let (key, hook) = (format!("key-{provider}-{entity}-26"), format!("hook-{provider}-{entity}-26"));
        rail(provider, entity, &key, &hook, &[], settings)
    };
    let neteller = |entity: &str| {
        rail(
            "neteller",
            entity,
            &format!("qd-{entity}:B-qa2-0-{entity}26"),
            &format!("neteller-hmac-{entity}-26"),
            &[],
            &[],
        )
    };
    vec![
        adyen("eu"),
        neteller("eu"),
        neteller("intl"),
        skrill("eu", "4637827", "EUR"),
        skrill("intl", "4637828", "USD"),
        paypal("eu", "1JE4291016473214C"),
        paypal("intl", "8PT597110X687430L"),
        plain("btcpay", "eu", &[("store", "StoreOfNorthwindEurope")]),
        plain(
            "btcpay",
            "intl",
            &[("store", "StoreOfNorthwindGlobal"), ("approve_payouts", "true")],
        ),
        plain("redirect", "eu", &[("merchant", "DE-4711"), ("refund_path", "/refunds")]),
        plain("redirect", "intl", QR),
        plain("hyperswitch", "intl", &[("profile_id", "pro_northwind_global")]),
    ]
}
