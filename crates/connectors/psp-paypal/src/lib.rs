//! PayPal: deposits by Orders v2, refunds, disputes, payouts, signed webhooks, settlement reports.
//! Facts: payment-providers.md sections 0 and 8.2. Builds requests and reads answers; `qd-outbound`
//! sends.

mod amount;
mod hook;
mod map;
mod settlement;
mod wire;

use crate::map::Wrong;
use crate::wire::{Dispute, Failure, Link, Order, PayoutBatch, Refund, Token};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qd_connector_kit::{Account, Answer, Api, checked_id, checked_ref, echo_mismatch, same, unreadable};
use qd_kernel::{Amount, Problem, Secret, Ts};
use qd_outbound::Method;
use qd_ports::psp::{
    Can, DepositReport, DepositSession, DisputeReport, HookEvent, HookRefusal, OpenDeposit, PROBE_MISSING, PayOut, PaymentState,
    PayoutReport, PayoutRequest, Psp, ReadSettlements, RefundDeposits, RefundReport, RefundRequest, ReportDisputes, Settlement,
    SettlementFault, TakeDeposits, VerifyHook,
};
use qd_ports::{CallError, CallResult, Fate};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// What this connector was written against.
pub const API_VERSION: &str = "orders v2, payments v2, payouts v1, disputes v1";

const OWN: &str = "https://api-m.paypal.com";
const ORDERS: &str = "/v2/checkout/orders";
const PAYOUTS: &str = "/v1/payments/payouts";

/// PayPal's narrowest field for an id of ours, `sender_item_id`, takes 63 characters.
const REF_MOST: usize = 63;

/// Of `purchase_units[].description`, in characters.
const DESCRIPTION_MOST: usize = 127;

/// One PayPal business account.
#[derive(Debug)]
pub struct PayPal {
    connection_id: String,
    api: Api,
    client_id: String,
    secret: Secret,
    /// The last access token. It is kept until PayPal says it is spent: no clock needed.
    token: Mutex<Option<Secret>>,
    pinned: hook::Pinned,
}

impl PayPal {
    /// Settings `client_id` and `webhook_id`; `key` is the app's secret, `hook_secrets` the pinned
    /// webhook certificates.
    pub fn new(a: Account) -> Result<PayPal, Problem> {
        let client_id = a.setting("client_id", "AQkquBDf1zctJOWGKWUEtKXm6qVhueUEMvXO_-MCI4DQQ4-LWvkDLIN2fGsd")?;
        if !client_id.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
            return Err(Problem::invalid(
                "psp.settings.client_id",
                "setting_malformed",
                "expected visible ASCII without a colon",
            ));
        }
        Ok(PayPal {
            connection_id: a.connection_id.clone(),
            api: Api::of(&a, OWN)?,
            client_id: client_id.to_string(),
            secret: a.key("EGnHDxD_qRPdaLdZz8iCr8N7_MzF-YHPTkjs6NKYQvQSBngp4PTTVWkPZRbL")?.clone(),
            token: Mutex::new(None),
            pinned: hook::Pinned::new(a.setting("webhook_id", "1JE4291016473214C")?, &a.hook_secrets)?,
        })
    }

    pub fn connection_id(&self) -> &str {
        &self.connection_id
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Secret>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whatever happens here, nothing of what the token is for was sent.
    async fn token(&self) -> CallResult<Secret> {
        if let Some(t) = self.kept().clone() {
            return Ok(t);
        }
        let basic = STANDARD.encode(format!("{}:{}", self.client_id, self.secret.expose()));
        let headers = [
            ("authorization", format!("Basic {basic}")),
            ("accept", "application/json".to_string()),
            ("content-type", "application/x-www-form-urlencoded".to_string()),
        ];
        let asked = self
            .api
            .send(Method::POST, "/v1/oauth2/token", &headers, "grant_type=client_credentials")
            .await
            .and_then(|a| {
                if a.status.is_success() {
                    a.json::<Token>()
                } else {
                    Err(refusal(&a))
                }
            });
        let token = match asked {
            // Visible ASCII, as it goes into a header.
            Ok(t) if !t.access_token.is_empty() && t.access_token.bytes().all(|b| b.is_ascii_graphic()) => Secret::new(t.access_token),
            Ok(_) => return Err(CallError::not_sent("unreadable_answer", "/v1/oauth2/token: no usable access token")),
            Err(mut e) => {
                // An answer that can't be read may hold a token: not kept.
                e.raw = None;
                if e.fate == Fate::Unknown {
                    e.fate = Fate::NotSent;
                }
                return Err(e);
            }
        };
        *self.kept() = Some(token.clone());
        Ok(token)
    }

    fn forget(&self, token: &Secret) {
        let mut kept = self.kept();
        if kept.as_ref().is_some_and(|k| k.expose() == token.expose()) {
            *kept = None;
        }
    }

    /// An answer of any status. A spent token is replaced once: 401 says that nothing happened.
    async fn send(&self, method: Method, path: &str, request_id: Option<&str>, body: Option<Value>) -> CallResult<Answer> {
        let body = body.map(|b| b.to_string()).unwrap_or_default();
        let mut renewed = false;
        loop {
            let token = self.token().await?;
            let mut headers = vec![
                ("authorization", format!("Bearer {}", token.expose())),
                ("accept", "application/json".to_string()),
                ("content-type", "application/json".to_string()),
                ("prefer", "return=representation".to_string()),
            ];
            if let Some(id) = request_id {
                headers.push(("paypal-request-id", id.to_string()));
            }
            let answer = self.api.send(method.clone(), path, &headers, body.clone()).await?;
            if answer.status.as_u16() != 401 || renewed {
                return Ok(answer);
            }
            self.forget(&token);
            renewed = true;
        }
    }

    async fn call(&self, method: Method, path: &str, request_id: Option<&str>, body: Option<Value>) -> CallResult<Answer> {
        let answer = self.send(method, path, request_id, body).await?;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(refusal(&answer))
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> CallResult<(T, String)> {
        let a = self.call(Method::GET, path, None, None).await?;
        Ok((a.json()?, a.text))
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, request_id: &str, body: Value) -> CallResult<(T, String)> {
        let a = self.call(Method::POST, path, Some(request_id), Some(body)).await?;
        Ok((a.json()?, a.text))
    }

    async fn order(&self, id: &str) -> CallResult<(Order, String)> {
        let path = format!("{ORDERS}/{id}");
        let (o, text) = self.get::<Order>(&path).await?;
        same(&path, id, &o.id, &text)?;
        Ok((o, text))
    }

    async fn batch(&self, id: &str) -> CallResult<(PayoutBatch, String)> {
        let path = format!("{PAYOUTS}/{id}");
        let (b, text) = self.get::<PayoutBatch>(&path).await?;
        same(&path, id, &b.batch_header.payout_batch_id, &text)?;
        Ok((b, text))
    }
}

/// What PayPal says when it refuses, as far as it tells the effect apart.
struct Said {
    code: String,
    /// Another object holds the id that was sent.
    links: Vec<Link>,
}

fn said(f: &Failure) -> Said {
    let issue = f.details.iter().find_map(|d| d.issue.clone()).filter(|i| {
        // Newer APIs write codes, older ones sentences.
        !i.is_empty() && i.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    });
    let links = f.links.iter().chain(f.details.iter().flat_map(|d| &d.links)).cloned().collect();
    Said {
        code: issue.unwrap_or_else(|| f.name.clone()),
        links,
    }
}

/// An answer that is no success, by what it says about the effect.
fn refusal(a: &Answer) -> CallError {
    let status = a.status.as_u16();
    let Ok(f) = serde_json::from_str::<Failure>(&a.text) else {
        return a.foreign();
    };
    let said = said(&f);
    let fate = match (status, said.code.as_str()) {
        // Our id was used before: what became of that call is the question.
        (_, "DUPLICATE_REQUEST_ID" | "DUPLICATE_INVOICE_ID" | "PREVIOUS_REQUEST_IN_PROGRESS") => Fate::Unknown,
        (409, _) | (500.., _) => Fate::Unknown,
        (429, _) => Fate::RefusedForNow,
        (400..=499, _) => Fate::Refused,
        _ => Fate::Unknown,
    };
    let code = match (status, f.name.as_str()) {
        (401 | 403, _) => "unauthorised".to_string(),
        (404, "RESOURCE_NOT_FOUND") => PROBE_MISSING.to_string(),
        _ => said.code,
    };
    let field = f.details.iter().find_map(|d| d.field.as_deref());
    let field = field.map(|p| format!(" ({p})")).unwrap_or_default();
    let debug = f.debug_id.as_deref().unwrap_or("-");
    let message: String = f.message.unwrap_or_default().chars().take(300).collect();
    CallError::new(fate, code, format!("{}: HTTP {status}{field}, debug id {debug}: {message}", a.path))
}

fn wrong(path: &str, w: Wrong, text: &str) -> CallError {
    match w {
        Wrong::Echo(why) => echo_mismatch(path, why, text),
        Wrong::Unreadable(why) => unreadable(path, why, text),
    }
}

/// `de-DE` or `de`; what PayPal's pattern would refuse is left to the browser.
fn locale(tag: &str) -> Option<String> {
    let tag = tag.replace('_', "-");
    let (language, region) = tag.split_once('-').map_or((tag.as_str(), None), |(l, r)| (l, Some(r)));
    let plain = language.len() == 2 && language.bytes().all(|b| b.is_ascii_lowercase());
    let region_fits = region.is_none_or(|r| r.len() == 2 && r.bytes().all(|b| b.is_ascii_uppercase()));
    match (plain, region_fits) {
        (true, true) => Some(tag),
        (true, false) => Some(language.to_string()),
        _ => None,
    }
}

fn money(value: String, currency: &str) -> Value {
    json!({"currency_code": currency, "value": value})
}

#[async_trait]
impl TakeDeposits for PayPal {
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession> {
        let our_ref = checked_ref(&req.our_ref, REF_MOST)?;
        let (value, currency) = amount::to_paypal(req.amount)?;
        let mut context = json!({
            "return_url": req.return_url,
            "cancel_url": req.cancel_url,
            "shipping_preference": "NO_SHIPPING",
            "user_action": "PAY_NOW",
        });
        if let Some(l) = locale(&req.locale) {
            context["locale"] = l.into();
        }
        let mut wallet = json!({"experience_context": context});
        if !req.email.is_empty() {
            wallet["email_address"] = req.email.clone().into();
        }
        let mut unit = json!({
            "reference_id": our_ref,
            "custom_id": our_ref,
            "invoice_id": our_ref,
            "amount": money(value, currency),
        });
        let description: String = req.description.trim().chars().take(DESCRIPTION_MOST).collect();
        if !description.is_empty() {
            unit["description"] = description.into();
        }
        let body = json!({"intent": "CAPTURE", "purchase_units": [unit], "payment_source": {"paypal": wallet}});
        let (o, text) = self.post::<Order>(ORDERS, our_ref, body).await?;
        let (echoed_ref, echoed) = map::echo(&o).map_err(|w| wrong(ORDERS, w, &text))?;
        if echoed != req.amount || echoed_ref.as_deref() != Some(our_ref) {
            return Err(echo_mismatch(
                ORDERS,
                format!("asked for {} as {our_ref}, the order is about {echoed}", req.amount),
                &text,
            ));
        }
        Ok(map::opened(&o))
    }

    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport> {
        let (o, text) = self.order(checked_id(provider_ref)?).await?;
        map::order_report(&o).map_err(|w| wrong(ORDERS, w, &text))
    }

    /// Looks first: an order that is about something else is not taken, one that was taken already
    /// is reported.
    async fn take(&self, provider_ref: &str, our_ref: &str, amount: Amount) -> CallResult<DepositReport> {
        let (id, our_ref) = (checked_id(provider_ref)?, checked_ref(our_ref, REF_MOST)?);
        let path = format!("{ORDERS}/{id}/capture");
        let read = |o: &Order, text: &str| -> CallResult<DepositReport> {
            let r = map::order_report(o).map_err(|w| wrong(&path, w, text))?;
            if r.amount != amount || r.our_ref.as_deref() != Some(our_ref) {
                return Err(echo_mismatch(
                    &path,
                    format!("asked to take {amount} as {our_ref}, the order is about {}", r.amount),
                    text,
                ));
            }
            Ok(r)
        };
        let (o, text) = self.order(id).await?;
        let found = read(&o, &text)?;
        if found.state != PaymentState::Authorised {
            return Ok(found);
        }
        // Distinct from the order's own key, in case PayPal keeps one list for both calls.
        match self.post::<Order>(&path, &format!("{our_ref}-take"), json!({})).await {
            Ok((o, text)) => {
                same(&path, id, &o.id, &text)?;
                read(&o, &text)
            }
            Err(e) if e.code == "ORDER_ALREADY_CAPTURED" => {
                let (o, text) = self.order(id).await?;
                read(&o, &text)
            }
            // The wallet could not pay; the payer is sent back to choose another source.
            Err(e) if e.code == "INSTRUMENT_DECLINED" => Ok(DepositReport {
                state: PaymentState::RequiresAction,
                failure_code: Some(e.code),
                soft_failure: true,
                ..found
            }),
            Err(e) => Err(e),
        }
    }
}

#[async_trait]
impl RefundDeposits for PayPal {
    async fn refund(&self, req: &RefundRequest) -> CallResult<RefundReport> {
        let our_ref = checked_ref(&req.our_ref, REF_MOST)?;
        let (value, currency) = amount::to_paypal(req.amount)?;
        let capture = checked_id(&req.payment_ref)?;
        let path = format!("/v2/payments/captures/{capture}/refund");
        let body = json!({"amount": money(value, currency), "custom_id": our_ref});
        let (r, text) = self.post::<Refund>(&path, our_ref, body).await?;
        let report = map::refund_report(&r).map_err(|w| wrong(&path, w, &text))?;
        if report.amount != req.amount || report.our_ref.as_deref() != Some(our_ref) || report.payment_ref != capture {
            return Err(echo_mismatch(
                &path,
                format!(
                    "asked to give {} of {capture} back as {our_ref}, the refund is about {} of {}",
                    req.amount, report.amount, report.payment_ref
                ),
                &text,
            ));
        }
        Ok(report)
    }

    async fn refund_status(&self, provider_ref: &str) -> CallResult<RefundReport> {
        let id = checked_id(provider_ref)?;
        let path = format!("/v2/payments/refunds/{id}");
        let (r, text) = self.get::<Refund>(&path).await?;
        same(&path, id, &r.id, &text)?;
        map::refund_report(&r).map_err(|w| wrong(&path, w, &text))
    }
}

#[async_trait]
impl ReportDisputes for PayPal {
    async fn dispute(&self, provider_ref: &str) -> CallResult<DisputeReport> {
        let id = checked_id(provider_ref)?;
        let path = format!("/v1/customer/disputes/{id}");
        let (d, text) = self.get::<Dispute>(&path).await?;
        same(&path, id, &d.dispute_id, &text)?;
        map::dispute_report(&d).map_err(|w| wrong(&path, w, &text))
    }
}

/// What kind of address a payout goes to.
fn recipient(account: &str) -> CallResult<&'static str> {
    let payer_id = account.len() == 13 && account.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let mail = account.len() <= 127 && account.split_once('@').is_some_and(|(who, at)| !who.is_empty() && at.contains('.'));
    match (payer_id, mail && account.bytes().all(|b| b.is_ascii_graphic())) {
        (true, _) => Ok("PAYPAL_ID"),
        (_, true) => Ok("EMAIL"),
        _ => Err(CallError::refused(
            "payout_target_malformed",
            "expected the e-mail address of a PayPal account or a payer id of 13 capitals and digits",
        )),
    }
}

#[async_trait]
impl PayOut for PayPal {
    /// A batch of one item. PayPal refuses a batch id it has seen and names the batch that holds
    /// it, which is then read: the same payout.
    async fn pay_out(&self, req: &PayoutRequest) -> CallResult<PayoutReport> {
        let our_ref = checked_ref(&req.our_ref, REF_MOST)?;
        let (value, currency) = amount::to_paypal(req.amount)?;
        let account = req.to.account.expose();
        let kind = recipient(account)?;
        let mut item = json!({
            "recipient_type": kind,
            "receiver": account,
            "amount": {"currency": currency, "value": value},
            "sender_item_id": our_ref,
        });
        let note: String = req.description.trim().chars().take(DESCRIPTION_MOST).collect();
        if !note.is_empty() {
            item["note"] = note.into();
        }
        let body = json!({"sender_batch_header": {"sender_batch_id": our_ref, "recipient_type": kind}, "items": [item]});
        let answer = self.send_batch(our_ref, body).await?;
        let (b, text) = match answer {
            Sent::Made(b, text) => (b, text),
            Sent::Before(id) => self.batch(&id).await?,
        };
        let batch_ref = b
            .batch_header
            .sender_batch_header
            .as_ref()
            .and_then(|h| h.sender_batch_id.as_deref());
        if batch_ref != Some(our_ref) {
            return Err(echo_mismatch(PAYOUTS, format!("the batch that was made is not {our_ref}"), &text));
        }
        if b.items.is_empty() {
            // A batch that was just made shows no items yet.
            return Ok(PayoutReport {
                our_ref: Some(our_ref.to_string()),
                state: map::batch_state(&b.batch_header),
                provider_ref: b.batch_header.payout_batch_id,
                amount: req.amount,
                fee: None,
                failure_code: None,
            });
        }
        let report = map::payout_report(&b).map_err(|w| wrong(PAYOUTS, w, &text))?;
        if report.amount != req.amount || report.our_ref.as_deref() != Some(our_ref) {
            return Err(echo_mismatch(
                PAYOUTS,
                format!("asked to pay {} as {our_ref}, the batch is about {}", req.amount, report.amount),
                &text,
            ));
        }
        Ok(report)
    }

    /// By the batch's id. PayPal has no search by ours: [`PayOut::pay_out`] again with the same
    /// content finds the batch without paying twice.
    async fn payout_status(&self, our_ref: &str, provider_ref: Option<&str>) -> CallResult<PayoutReport> {
        let our_ref = checked_ref(our_ref, REF_MOST)?;
        let Some(id) = provider_ref else {
            return Err(CallError::refused(
                "not_offered",
                "PayPal finds payouts by its own id only; sending the same payout again names it",
            ));
        };
        let (b, text) = self.batch(checked_id(id)?).await?;
        let report = map::payout_report(&b).map_err(|w| wrong(PAYOUTS, w, &text))?;
        if report.our_ref.as_deref() != Some(our_ref) {
            return Err(echo_mismatch(PAYOUTS, format!("the batch does not belong to {our_ref}"), &text));
        }
        Ok(report)
    }
}

enum Sent {
    Made(PayoutBatch, String),
    /// The batch id was used before, by this batch of PayPal's.
    Before(String),
}

impl PayPal {
    async fn send_batch(&self, our_ref: &str, body: Value) -> CallResult<Sent> {
        let answer = self.send(Method::POST, PAYOUTS, Some(our_ref), Some(body)).await?;
        if answer.status.is_success() {
            let b = answer.json()?;
            return Ok(Sent::Made(b, answer.text));
        }
        let Ok(f) = serde_json::from_str::<Failure>(&answer.text) else {
            return Err(answer.foreign());
        };
        let taken = f
            .details
            .iter()
            .any(|d| d.field.as_deref().is_some_and(|f| f.eq_ignore_ascii_case("SENDER_BATCH_ID")));
        match map::linked(&said(&f).links, "self") {
            Some(id) if taken => Ok(Sent::Before(checked_id(&id)?.to_string())),
            _ => Err(refusal(&answer)),
        }
    }
}

impl VerifyHook for PayPal {
    fn verify(&self, headers: &[(String, String)], body: &[u8], now: Ts) -> Result<HookEvent, HookRefusal> {
        let signed_at = self.pinned.check(headers, body, now)?;
        hook::event(body, signed_at)
    }
}

impl ReadSettlements for PayPal {
    fn read_settlement(&self, file: &[u8]) -> Result<Settlement, SettlementFault> {
        settlement::read(file)
    }
}

impl Psp for PayPal {
    fn provider(&self) -> &'static str {
        "paypal"
    }
    fn api_version(&self) -> &'static str {
        API_VERSION
    }
    fn can(&self) -> Can {
        Can {
            refunds: true,
            payouts: true,
            disputes: true,
            settlements: true,
        }
    }
    fn probe(&self) -> &'static str {
        "0QD00000000DOCTOR"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_paypal_would_refuse_are_left_out() {
        assert_eq!(locale("de_DE").as_deref(), Some("de-DE"));
        assert_eq!(locale("ar").as_deref(), Some("ar"));
        assert_eq!(locale("es-419").as_deref(), Some("es"));
        assert_eq!(locale("fil"), None);
        assert_eq!(locale(""), None);
    }

    #[test]
    fn payouts_go_to_mail_addresses_and_payer_ids() {
        assert_eq!(recipient("alex@example.com").unwrap(), "EMAIL");
        assert_eq!(recipient("ABCDEFGH12345").unwrap(), "PAYPAL_ID");
        for bad in ["alex", "@example.com", "alex@example", "DE89370400440532013000", "a b@example.com"] {
            assert_eq!(recipient(bad).unwrap_err().code, "payout_target_malformed", "{bad}");
        }
    }
}
