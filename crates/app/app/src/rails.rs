//! The payment providers this program can speak to. A new one is a crate in `crates/connectors` and
//! a line here (docs/connectors.md).

use qd_connector_kit::Account;
use qd_kernel::Result;
use qd_ports::psp::Psp;
use qd_psp_adyen::Adyen;
use qd_psp_btcpay::BtcPay;
use qd_psp_hyperswitch::Hyperswitch;
use qd_psp_neteller::Neteller;
use qd_psp_paypal::PayPal;
use qd_psp_redirect::Redirect;
use qd_psp_skrill::Skrill;
use qd_psp_stripe::{Stripe, StripeConfig};
use std::sync::Arc;

/// Builds the connection to one account.
pub type Connect = fn(Account) -> Result<Arc<dyn Psp>>;

/// By the name the configuration and the callbacks' addresses use.
pub const PROVIDERS: &[(&str, Connect)] = &[
    ("adyen", adyen),
    ("btcpay", btcpay),
    ("hyperswitch", hyperswitch),
    ("neteller", neteller),
    ("paypal", paypal),
    ("redirect", redirect),
    ("skrill", skrill),
    ("stripe", stripe),
];

pub fn find(provider: &str) -> Option<Connect> {
    PROVIDERS.iter().find(|(name, _)| *name == provider).map(|(_, c)| *c)
}

/// For messages: `stripe, skrill`.
pub fn names() -> String {
    PROVIDERS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn neteller(a: Account) -> Result<Arc<dyn Psp>> {
    Ok(Arc::new(Neteller::new(a)?))
}

fn adyen(a: Account) -> Result<Arc<dyn Psp>> {
    Ok(Arc::new(Adyen::new(a)?))
}

fn paypal(a: Account) -> Result<Arc<dyn Psp>> {
    Ok(Arc::new(PayPal::new(a)?))
}

fn btcpay(a: Account) -> Result<Arc<dyn Psp>> {
    Ok(Arc::new(BtcPay::connect(a)?))
}

fn redirect(a: Account) -> Result<Arc<dyn Psp>> {
    Ok(Arc::new(Redirect::connect(a)?))
}

fn hyperswitch(a: Account) -> Result<Arc<dyn Psp>> {
    Ok(Arc::new(Hyperswitch::connect(a)?))
}

fn stripe(a: Account) -> Result<Arc<dyn Psp>> {
    let client = a.client()?;
    let mut c = StripeConfig::new(a.connection_id, a.key, a.hook_secrets);
    if let Some(base) = a.api_base {
        c.api_base = base;
    }
    Ok(Arc::new(Stripe::new(c, client)?))
}

fn skrill(a: Account) -> Result<Arc<dyn Psp>> {
    Ok(Arc::new(Skrill::new(a)?))
}
