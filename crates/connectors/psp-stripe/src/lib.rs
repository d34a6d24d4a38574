//! Stripe: deposits by Checkout, refunds, disputes, signed webhooks. Facts: payment-providers.md
//! sections 0 and 2. Builds requests and reads answers; `qd-outbound` sends.

mod amount;
mod map;
mod settlement;
mod sign;
mod wire;

use crate::map::{OUR_REF, Wrong};
use crate::wire::{Charge, Dispute, Expandable, Failure, Intent, Refund, Session, form};
use async_trait::async_trait;
use qd_kernel::{Amount, Problem, Secret, Ts};
use qd_outbound::{Bytes, Client, Method, Request, Response, SendError, Uri, header};
use qd_ports::psp::{
    Can, DepositReport, DepositSession, DisputeReport, HookEvent, HookRefusal, OpenDeposit, PayOut, Psp, ReadSettlements, RefundDeposits,
    RefundReport, RefundRequest, ReportDisputes, Settlement, SettlementFault, TakeDeposits, VerifyHook,
};
use qd_ports::{CallError, CallResult, Fate};
use serde::de::DeserializeOwned;

/// What this connector was written against; sent as `Stripe-Version` unless configured otherwise.
pub const API_VERSION: &str = "2026-10-28.endive";

/// How much of an answer that can't be read is kept for the exception about it.
const RAW_KEPT: usize = 4_000;

#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// Our name of the connection; the webhook's path ends with it.
    pub connection_id: String,
    /// `https://api.stripe.com`, or the sandbox's `http://host:port/sandbox/stripe`.
    pub api_base: String,
    pub secret_key: Secret,
    /// Several while one is being replaced.
    pub webhook_secrets: Vec<Secret>,
    /// How far a webhook's time stamp may be from ours, either way.
    pub tolerance_s: i64,
    pub api_version: String,
}

impl StripeConfig {
    /// Stripe's own address, 300 s of tolerance, the version this was written against.
    pub fn new(connection_id: impl Into<String>, secret_key: Secret, webhook_secrets: Vec<Secret>) -> Self {
        StripeConfig {
            connection_id: connection_id.into(),
            api_base: "https://api.stripe.com".into(),
            secret_key,
            webhook_secrets,
            tolerance_s: 300,
            api_version: API_VERSION.into(),
        }
    }
}

/// One Stripe account.
#[derive(Debug)]
pub struct Stripe {
    cfg: StripeConfig,
    base: String,
    client: Client,
}

impl Stripe {
    /// `client` must be allowed to reach `api_base` (`Reach::Anywhere` for the sandbox).
    pub fn new(cfg: StripeConfig, client: Client) -> Result<Stripe, Problem> {
        let bad = |field: &str, expected: &str| Problem::invalid(field, "stripe_config_invalid", expected);
        let base = cfg.api_base.trim_end_matches('/').to_string();
        let uri: Uri = base
            .parse()
            .map_err(|_| bad("api_base", "expected a URL such as https://api.stripe.com"))?;
        qd_outbound::guard::check_url(&uri, qd_outbound::Reach::Anywhere).map_err(|c| bad("api_base", &c.detail))?;
        let plain = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_graphic());
        if !plain(cfg.secret_key.expose()) {
            return Err(bad("secret_key", "expected a key such as sk_live_…"));
        }
        if cfg.webhook_secrets.iter().any(|s| !plain(s.expose())) {
            return Err(bad("webhook_secrets", "expected secrets such as whsec_…"));
        }
        if !plain(&cfg.api_version) {
            return Err(bad("api_version", "expected a version such as 2026-10-28.endive"));
        }
        if cfg.tolerance_s <= 0 {
            return Err(bad("tolerance_s", "expected more than 0 seconds"));
        }
        Ok(Stripe { cfg, base, client })
    }

    pub fn connection_id(&self) -> &str {
        &self.cfg.connection_id
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, expand: &[&str]) -> CallResult<(T, String)> {
        let pairs: Vec<(&str, String)> = expand.iter().map(|e| ("expand[]", (*e).to_string())).collect();
        let query = if pairs.is_empty() {
            String::new()
        } else {
            format!("?{}", form(&pairs))
        };
        self.call(Method::GET, path, &query, None, String::new()).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, key: &str, pairs: &[(&str, String)]) -> CallResult<(T, String)> {
        self.call(Method::POST, path, "", Some(key), form(pairs)).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &str,
        key: Option<&str>,
        body: String,
    ) -> CallResult<(T, String)> {
        let mut req = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}{query}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.cfg.secret_key.expose()))
            .header("Stripe-Version", &self.cfg.api_version)
            .header(header::ACCEPT, "application/json");
        if method == Method::POST {
            req = req.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(key) = key {
            req = req.header("Idempotency-Key", key);
        }
        let req = req
            .body(Bytes::from(body))
            .map_err(|_| CallError::not_sent("request_malformed", format!("{path}: the request cannot be written")))?;
        let answer = self.client.send(req).await.map_err(|e| match e {
            SendError::NotSent(c) => CallError::not_sent(c.code, c.detail),
            SendError::Unknown(c) => CallError::unknown(c.code, c.detail),
        })?;
        let text = answer.text().into_owned();
        if !answer.status.is_success() {
            return Err(refusal(path, &answer, &text));
        }
        match serde_json::from_str(&text) {
            Ok(v) => Ok((v, text)),
            Err(why) => Err(CallError::unreadable(format!("{path}: {why}"), cut(&text))),
        }
    }

    /// The payment with its charge and fee, whether the server expanded them or not.
    async fn whole_intent(&self, i: Expandable<Intent>) -> CallResult<Intent> {
        let mut intent = match i {
            Expandable::Object(i) => *i,
            Expandable::Id(id) => {
                self.get::<Intent>(
                    &format!("/v1/payment_intents/{}", checked(&id)?),
                    &["latest_charge.balance_transaction"],
                )
                .await?
                .0
            }
        };
        if let Some(Expandable::Id(id)) = &intent.latest_charge {
            let (charge, _) = self
                .get::<Charge>(&format!("/v1/charges/{}", checked(id)?), &["balance_transaction"])
                .await?;
            intent.latest_charge = Some(Expandable::Object(Box::new(charge)));
        }
        Ok(intent)
    }
}

/// An id that goes into a path: Stripe's are letters, digits and underscores.
fn checked(id: &str) -> CallResult<&str> {
    let plain = !id.is_empty() && id.len() <= 255 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain {
        Ok(id)
    } else {
        Err(CallError::refused("provider_ref_malformed", "not one of Stripe's ids"))
    }
}

/// Our id becomes the idempotency key, which Stripe takes up to 255 characters long.
fn checked_ref(our_ref: &str) -> CallResult<&str> {
    let plain = !our_ref.is_empty() && our_ref.len() <= 200 && our_ref.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if plain {
        Ok(our_ref)
    } else {
        Err(CallError::refused("our_ref_malformed", "our id must be letters, digits, _ or -"))
    }
}

fn cut(text: &str) -> String {
    text.chars().take(RAW_KEPT).collect()
}

/// An answer that is no success, by what it says about the effect. The first answer to a key is
/// kept and replayed, a 500 too, so 5xx leaves the outcome open.
fn refusal(path: &str, answer: &Response, text: &str) -> CallError {
    let status = answer.status.as_u16();
    let request = answer.header("request-id").unwrap_or("-");
    let Ok(Failure { error }) = serde_json::from_str::<Failure>(text) else {
        // Not Stripe's voice: a proxy's, or half an answer. It proves nothing.
        let mut e = CallError::unknown(
            format!("http_{status}"),
            format!("{path}: HTTP {status} without Stripe's error body, request {request}"),
        );
        e.raw = Some(cut(text));
        return e;
    };
    let fate = match (status, error.kind.as_str()) {
        // The key was used with other content: what became of that first call is the question.
        (_, "idempotency_error") | (409, _) | (500.., _) => Fate::Unknown,
        (429, _) => Fate::RefusedForNow,
        (400..=499, _) => Fate::Refused,
        _ => Fate::Unknown,
    };
    let code = match status {
        401 | 403 => "unauthorised".to_string(),
        _ => error.decline_code.or(error.code).unwrap_or(error.kind),
    };
    let param = error.param.map(|p| format!(" ({p})")).unwrap_or_default();
    let message: String = error.message.unwrap_or_default().chars().take(300).collect();
    CallError::new(fate, code, format!("{path}: HTTP {status}{param}, request {request}: {message}"))
}

fn wrong(path: &str, w: Wrong, text: &str) -> CallError {
    match w {
        Wrong::Echo(why) => echo_mismatch(format!("{path}: {why}"), text),
        Wrong::Unreadable(why) => CallError::unreadable(format!("{path}: {why}"), cut(text)),
    }
}

/// The answer speaks of another amount or another reference than ours. Something exists at the
/// provider, so its fate is open until a person has looked.
fn echo_mismatch(detail: String, text: &str) -> CallError {
    let mut e = CallError::unknown("echo_mismatch", detail);
    e.raw = Some(cut(text));
    e
}

/// Languages of the hosted page; others are left to the browser.
fn locale(tag: &str) -> &'static str {
    const KNOWN: [&str; 41] = [
        "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu", "id", "it", "ja", "ko",
        "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
        "auto",
    ];
    let tag = tag.replace('_', "-");
    let find = |t: &str| KNOWN.iter().copied().find(|k| k.eq_ignore_ascii_case(t));
    find(&tag)
        .or_else(|| find(tag.split('-').next().unwrap_or_default()))
        .unwrap_or("auto")
}

#[async_trait]
impl TakeDeposits for Stripe {
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession> {
        let our_ref = checked_ref(&req.our_ref)?;
        let (value, currency) = amount::to_stripe(req.amount)?;
        let path = "/v1/checkout/sessions";
        let mut pairs = vec![
            ("mode", "payment".to_string()),
            ("line_items[0][price_data][currency]", currency),
            ("line_items[0][price_data][unit_amount]", value.to_string()),
            (
                "line_items[0][price_data][product_data][name]",
                non_empty(&req.description, "Deposit"),
            ),
            ("line_items[0][quantity]", "1".into()),
            ("client_reference_id", our_ref.into()),
            ("metadata[qd_ref]", our_ref.into()),
            ("payment_intent_data[metadata][qd_ref]", our_ref.into()),
            ("success_url", req.return_url.clone()),
            ("cancel_url", req.cancel_url.clone()),
            ("expires_at", req.expires_at.secs().to_string()),
            ("locale", locale(&req.locale).into()),
        ];
        if !req.client_ref.is_empty() {
            pairs.push(("metadata[qd_client]", req.client_ref.clone()));
        }
        if !req.email.is_empty() {
            pairs.push(("customer_email", req.email.clone()));
        }
        // Without a method the account's settings decide what the page offers.
        if !req.method.is_empty() && req.method != "any" {
            pairs.push(("payment_method_types[0]", req.method.clone()));
        }
        let (session, text) = self.post::<Session>(path, our_ref, &pairs).await?;
        let (echoed_ref, echoed) = map::echo(&session).map_err(|w| wrong(path, w, &text))?;
        if echoed != req.amount || echoed_ref.as_deref() != Some(our_ref) {
            return Err(echo_mismatch(
                format!("{path}: asked for {} as {our_ref}, the session is about {echoed}", req.amount),
                &text,
            ));
        }
        Ok(map::opened(&session))
    }

    /// By the session's id; a payment intent's id (from its events) will do as well.
    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport> {
        let id = checked(provider_ref)?;
        if id.starts_with("pi_") {
            let path = format!("/v1/payment_intents/{id}");
            let (i, text) = self.get::<Intent>(&path, &["latest_charge.balance_transaction"]).await?;
            same_id(&path, id, &i.id, &text)?;
            let i = self.whole_intent(Expandable::Object(Box::new(i))).await?;
            return map::intent_report(&i).map_err(|w| wrong(&path, w, &text));
        }
        let path = format!("/v1/checkout/sessions/{id}");
        let (mut s, text) = self
            .get::<Session>(&path, &["payment_intent.latest_charge.balance_transaction"])
            .await?;
        same_id(&path, id, &s.id, &text)?;
        let intent = match s.payment_intent.take() {
            Some(pi) => Some(self.whole_intent(pi).await?),
            None => None,
        };
        s.payment_intent = intent.as_ref().map(|i| Expandable::Id(i.id.clone()));
        map::session_report(&s, intent.as_ref()).map_err(|w| wrong(&path, w, &text))
    }
}

#[async_trait]
impl RefundDeposits for Stripe {
    async fn refund(&self, req: &RefundRequest) -> CallResult<RefundReport> {
        let our_ref = checked_ref(&req.our_ref)?;
        let (value, _) = amount::to_stripe(req.amount)?;
        let payment = checked(&req.payment_ref)?;
        let path = "/v1/refunds";
        let by = if payment.starts_with("ch_") { "charge" } else { "payment_intent" };
        let meta = format!("metadata[{OUR_REF}]");
        let pairs = [
            (by, payment.to_string()),
            ("amount", value.to_string()),
            (meta.as_str(), our_ref.to_string()),
        ];
        let (r, text) = self.post::<Refund>(path, our_ref, &pairs).await?;
        let report = map::refund_report(&r).map_err(|w| wrong(path, w, &text))?;
        let about: Amount = report.amount;
        let same_payment = [&r.payment_intent, &r.charge].into_iter().flatten().any(|p| p == payment);
        if about != req.amount || report.our_ref.as_deref() != Some(our_ref) || !same_payment {
            return Err(echo_mismatch(
                format!(
                    "{path}: asked to give {} of {payment} back as {our_ref}, the refund is about {about}",
                    req.amount
                ),
                &text,
            ));
        }
        Ok(report)
    }

    async fn refund_status(&self, provider_ref: &str) -> CallResult<RefundReport> {
        let id = checked(provider_ref)?;
        let path = format!("/v1/refunds/{id}");
        let (r, text) = self.get::<Refund>(&path, &[]).await?;
        same_id(&path, id, &r.id, &text)?;
        map::refund_report(&r).map_err(|w| wrong(&path, w, &text))
    }
}

#[async_trait]
impl ReportDisputes for Stripe {
    async fn dispute(&self, provider_ref: &str) -> CallResult<DisputeReport> {
        let id = checked(provider_ref)?;
        let path = format!("/v1/disputes/{id}");
        let (d, text) = self.get::<Dispute>(&path, &[]).await?;
        same_id(&path, id, &d.id, &text)?;
        map::dispute_report(&d).map_err(|w| wrong(&path, w, &text))
    }
}

impl VerifyHook for Stripe {
    fn verify(&self, headers: &[(String, String)], body: &[u8], now: Ts) -> Result<HookEvent, HookRefusal> {
        let header = headers.iter().find(|(n, _)| n == sign::HEADER).map(|(_, v)| v.as_str());
        let signed_at = sign::check(header, body, &self.cfg.webhook_secrets, self.cfg.tolerance_s, now)?;
        map::event(body, signed_at)
    }
}

impl PayOut for Stripe {}

impl ReadSettlements for Stripe {
    fn read_settlement(&self, file: &[u8]) -> Result<Settlement, SettlementFault> {
        settlement::read(file)
    }
}

impl Psp for Stripe {
    fn provider(&self) -> &'static str {
        "stripe"
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
    fn probe(&self) -> &'static str {
        "cs_test_doctor"
    }
}

fn non_empty(text: &str, otherwise: &str) -> String {
    if text.trim().is_empty() {
        otherwise.to_string()
    } else {
        text.to_string()
    }
}

fn same_id(path: &str, asked: &str, got: &str, text: &str) -> CallResult<()> {
    if asked == got {
        Ok(())
    } else {
        Err(echo_mismatch(format!("{path}: the answer is about another object"), text))
    }
}
