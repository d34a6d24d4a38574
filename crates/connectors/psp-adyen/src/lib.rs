//! Adyen: deposits by payment links, refunds, disputes and settlement reports. Facts:
//! payment-providers.md sections 0 and 8.1. Adyen has no call that reads a payment: what became of
//! one its signed webhooks tell ([`qd_ports::psp::Told`]).

mod amount;
mod hook;
mod settlement;

use async_trait::async_trait;
use qd_connector_kit::{Account, Answer, Api, checked_id, checked_ref, echo_mismatch, same};
use qd_kernel::{Amount, Result, Secret, Ts};
use qd_outbound::Method;
use qd_ports::psp::{
    Can, DepositReport, DepositSession, DisputeReport, HookEvent, HookRefusal, OpenDeposit, PROBE_MISSING, PayOut, PaymentState, Psp,
    ReadSettlements, RefundDeposits, RefundReport, RefundRequest, RefundState, ReportDisputes, Settlement, SettlementFault, TakeDeposits,
    VerifyHook,
};
use qd_ports::{CallError, CallResult, Fate};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub const API_VERSION: &str = "checkout v71";

/// The test environment; the live one has the merchant's own host name.
const OWN: &str = "https://checkout-test.adyen.com";
const LINKS: &str = "/v71/paymentLinks";

/// Adyen takes references up to 80 characters.
const REF_MOST: usize = 80;

/// Of a link's description, in characters.
const DESCRIPTION_MOST: usize = 280;

/// One merchant account.
#[derive(Debug)]
pub struct Adyen {
    connection_id: String,
    api: Api,
    key: Secret,
    merchant_account: String,
    /// Adyen's names of the methods the page may offer; empty leaves it to the account.
    methods: Vec<String>,
    hook_keys: hook::Keys,
}

impl Adyen {
    /// Settings `merchant_account` and, if wanted, `payment_methods`; `key` is the API key,
    /// `hook_secrets` the webhook's HMAC keys.
    pub fn new(a: Account) -> Result<Adyen> {
        let methods = a.settings.get("payment_methods").map(String::as_str).unwrap_or_default();
        Ok(Adyen {
            connection_id: a.connection_id.clone(),
            api: Api::of(&a, OWN)?,
            key: a.key("AQEyhmfxK…")?.clone(),
            merchant_account: a.setting("merchant_account", "BrokerEuECOM")?.to_string(),
            methods: methods.split(',').map(|m| m.trim().to_string()).filter(|m| !m.is_empty()).collect(),
            hook_keys: hook::Keys::new(a.hook_secrets("44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056")?)?,
        })
    }

    pub fn connection_id(&self) -> &str {
        &self.connection_id
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> CallResult<(T, String)> {
        let mut headers = vec![
            ("x-api-key", self.key.expose().to_string()),
            ("accept", "application/json".to_string()),
            ("content-type", "application/json".to_string()),
        ];
        if let Some(key) = key {
            headers.push(("idempotency-key", key.to_string()));
        }
        let body = body.map(|b| b.to_string()).unwrap_or_default();
        let a = self.api.send(method, path, &headers, body).await?;
        if !a.status.is_success() {
            return Err(refusal(&a));
        }
        Ok((a.json()?, a.text))
    }

    fn echo(&self, path: &str, asked: (Amount, &str), got: &Echo, text: &str) -> CallResult<()> {
        let about = amount::from_adyen(got.amount.value, &got.amount.currency);
        if about == Some(asked.0) && got.reference == asked.1 && got.merchant_account == self.merchant_account {
            return Ok(());
        }
        let why = format!(
            "asked for {} as {}, the answer is about {} {} as {} of {}",
            asked.0, asked.1, got.amount.value, got.amount.currency, got.reference, got.merchant_account
        );
        Err(echo_mismatch(path, why, text))
    }
}

#[derive(Debug, Deserialize)]
struct Money {
    value: i64,
    currency: String,
}

/// What every answer repeats of its request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Echo {
    reference: String,
    amount: Money,
    merchant_account: String,
}

#[derive(Debug, Deserialize)]
struct PaymentLink {
    id: String,
    status: String,
    #[serde(default)]
    url: Option<String>,
    #[serde(flatten)]
    echo: Echo,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refund {
    psp_reference: String,
    payment_psp_reference: String,
    #[serde(flatten)]
    echo: Echo,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    error_code: String,
    error_type: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    psp_reference: Option<String>,
}

fn refusal(a: &Answer) -> CallError {
    let status = a.status.as_u16();
    let Ok(f) = serde_json::from_str::<Failure>(&a.text) else {
        return a.foreign();
    };
    let fate = match (status, f.error_code.as_str()) {
        // The key was used before, or the first call is still under way.
        (_, "704") | (409, _) | (500.., _) => Fate::Unknown,
        (429, _) => Fate::RefusedForNow,
        (400..=499, _) => Fate::Refused,
        _ => Fate::Unknown,
    };
    let code = match status {
        401 | 403 => "unauthorised".to_string(),
        404 => PROBE_MISSING.to_string(),
        _ => format!("{}_{}", f.error_type, f.error_code),
    };
    let message: String = f.message.unwrap_or_default().chars().take(300).collect();
    let psp = f.psp_reference.as_deref().unwrap_or("-");
    CallError::new(fate, code, format!("{}: HTTP {status}, reference {psp}: {message}", a.path))
}

/// A link that was used says that the shopper is through, not that the money is ours: that the
/// AUTHORISATION webhook tells.
fn link_state(word: &str) -> PaymentState {
    match word {
        "active" => PaymentState::Created,
        "expired" => PaymentState::Expired,
        // "completed", "paid", "paymentPending", and whatever comes after this version.
        _ => PaymentState::Pending,
    }
}

/// `de-DE`; what has another form is left out.
fn locale(tag: &str) -> Option<String> {
    let tag = tag.replace('_', "-");
    let (language, region) = tag.split_once('-')?;
    let fits = language.len() == 2
        && region.len() == 2
        && language.bytes().all(|b| b.is_ascii_lowercase())
        && region.bytes().all(|b| b.is_ascii_uppercase());
    fits.then_some(tag)
}

/// Seconds are enough, and Adyen's form.
fn seconds(t: Ts) -> String {
    format!("{}Z", t.rfc3339().split('.').next().unwrap_or_default())
}

#[async_trait]
impl TakeDeposits for Adyen {
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession> {
        let our_ref = checked_ref(&req.our_ref, REF_MOST)?;
        let (value, currency) = amount::to_adyen(req.amount)?;
        let mut body = json!({
            "merchantAccount": self.merchant_account,
            "reference": our_ref,
            "amount": {"value": value, "currency": currency},
            "returnUrl": req.return_url,
            "expiresAt": seconds(req.expires_at),
            "reusable": false,
        });
        let description: String = req.description.trim().chars().take(DESCRIPTION_MOST).collect();
        if !description.is_empty() {
            body["description"] = description.into();
        }
        if req.client_ref.len() >= 3 {
            body["shopperReference"] = req.client_ref.clone().into();
        }
        if !req.email.is_empty() {
            body["shopperEmail"] = req.email.clone().into();
        }
        if let Some(l) = locale(&req.locale) {
            body["shopperLocale"] = l.into();
        }
        if !self.methods.is_empty() {
            body["allowedPaymentMethods"] = self.methods.clone().into();
        }
        let (l, text) = self.call::<PaymentLink>(Method::POST, LINKS, Some(our_ref), Some(body)).await?;
        self.echo(LINKS, (req.amount, our_ref), &l.echo, &text)?;
        Ok(DepositSession {
            state: link_state(&l.status),
            provider_ref: l.id,
            redirect_url: l.url,
        })
    }

    /// By the link's id: whether it is still open. That it was paid, and under which reference,
    /// only the webhook tells.
    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport> {
        let id = checked_id(provider_ref)?;
        let path = format!("{LINKS}/{id}");
        let (l, text) = self.call::<PaymentLink>(Method::GET, &path, None, None).await?;
        same(&path, id, &l.id, &text)?;
        let e = &l.echo;
        let amount = amount::from_adyen(e.amount.value, &e.amount.currency)
            .filter(|_| e.merchant_account == self.merchant_account)
            .ok_or_else(|| echo_mismatch(&path, "the link is of another account or in a currency unknown here", &text))?;
        Ok(DepositReport {
            our_ref: Some(l.echo.reference).filter(|r| !r.is_empty()),
            provider_ref: l.id,
            payment_ref: None,
            state: link_state(&l.status),
            amount,
            received: None,
            refunded_minor: 0,
            fee: None,
            failure_code: None,
            soft_failure: false,
            instrument: None,
        })
    }
}

#[async_trait]
impl RefundDeposits for Adyen {
    /// Adyen takes the order and tells the outcome later: pending until then.
    async fn refund(&self, req: &RefundRequest) -> CallResult<RefundReport> {
        let our_ref = checked_ref(&req.our_ref, REF_MOST)?;
        let (value, currency) = amount::to_adyen(req.amount)?;
        let payment = checked_id(&req.payment_ref)?;
        let path = format!("/v71/payments/{payment}/refunds");
        let body = json!({
            "merchantAccount": self.merchant_account,
            "reference": our_ref,
            "amount": {"value": value, "currency": currency},
        });
        let (r, text) = self.call::<Refund>(Method::POST, &path, Some(our_ref), Some(body)).await?;
        self.echo(&path, (req.amount, our_ref), &r.echo, &text)?;
        same(&path, payment, &r.payment_psp_reference, &text)?;
        Ok(RefundReport {
            our_ref: Some(our_ref.to_string()),
            provider_ref: r.psp_reference,
            payment_ref: payment.to_string(),
            state: RefundState::Pending,
            amount: req.amount,
            failure_code: None,
        })
    }

    async fn refund_status(&self, _provider_ref: &str) -> CallResult<RefundReport> {
        Err(only_told("a refund"))
    }
}

/// There is no call to ask with.
fn only_told(what: &str) -> CallError {
    CallError::refused("not_offered", format!("Adyen tells the state of {what} by webhook only"))
}

#[async_trait]
impl ReportDisputes for Adyen {
    async fn dispute(&self, _provider_ref: &str) -> CallResult<DisputeReport> {
        Err(only_told("a dispute"))
    }
}

impl PayOut for Adyen {}

impl VerifyHook for Adyen {
    fn verify(&self, _headers: &[(String, String)], body: &[u8], now: Ts) -> std::result::Result<HookEvent, HookRefusal> {
        hook::read(&self.hook_keys, &self.merchant_account, body, now)
    }
}

impl ReadSettlements for Adyen {
    fn read_settlement(&self, file: &[u8]) -> std::result::Result<Settlement, SettlementFault> {
        settlement::read(file)
    }
}

impl Psp for Adyen {
    fn provider(&self) -> &'static str {
        "adyen"
    }
    fn api_version(&self) -> &'static str {
        API_VERSION
    }
    fn can(&self) -> Can {
        Can {
            refunds: true,
            payouts: false,
            disputes: true,
            settlements: true,
        }
    }
    fn hook_answer(&self) -> &'static str {
        "[accepted]"
    }
    fn probe(&self) -> &'static str {
        "PLDOCTOR0000000000"
    }
}
