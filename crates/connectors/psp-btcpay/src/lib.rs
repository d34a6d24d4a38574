//! BTCPay Server (Greenfield API v1): deposits by invoice, payouts by pull payment, signed
//! webhooks. Prices are in the client's currency; what comes is coins. Facts: payment-providers.md
//! sections 0 and 6.1.

mod map;
mod payouts;
mod wire;

#[cfg(test)]
mod map_tests;

use crate::wire::{Failure, Invoice, ORDER_ID};
use async_trait::async_trait;
use qd_connector_kit::{Account, Answer, Api, checked_id, checked_ref, echo_mismatch, header, same, sign, unreadable};
use qd_kernel::{Amount, Problem, Result, Secret, Ts};
use qd_outbound::Method;
use qd_ports::psp::{
    Can, DepositReport, DepositSession, DisputeReport, HookEvent, HookRefusal, OpenDeposit, PROBE_MISSING, Psp, ReadSettlements,
    RefundDeposits, RefundReport, RefundRequest, ReportDisputes, TakeDeposits, VerifyHook,
};
use qd_ports::{CallError, CallResult, Fate};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub const API_VERSION: &str = "greenfield-v1";

/// The connector is written for servers somebody runs himself: there is no address of BTCPay's own.
const LIKE: &str = "https://btcpay.broker.example";

/// One store of one server.
#[derive(Debug)]
pub struct BtcPay {
    api: Api,
    key: Secret,
    hook_secrets: Vec<Secret>,
    store: String,
    /// Which methods the page offers; None: all of the store's.
    payment_methods: Option<Vec<String>>,
    /// Which method pays clients out, such as `BTC-CHAIN`.
    payout_method: String,
    /// Payouts skip the approval in the server: our own approval was the only one.
    approve_payouts: bool,
    /// How long the page's rate stands, in minutes; None: the store's own setting.
    expiration_minutes: Option<u32>,
}

impl BtcPay {
    pub fn connect(a: Account) -> Result<BtcPay> {
        if a.api_base.is_none() {
            return Err(Problem::invalid(
                "psp.api_base",
                "api_base_missing",
                format!("expected the server's address, such as {LIKE}"),
            ));
        }
        let bad = |name: &str, expected: &str| Problem::invalid(&format!("psp.settings.{name}"), "setting_malformed", expected);
        let given = |name: &str| a.settings.get(name).map(|s| s.trim()).filter(|s| !s.is_empty());
        let store = a.setting("store", "9CiNzKoANXxmk5ayZngSXrHTiVvvgCrwrpFQd4m2K776")?;
        checked_id(store).map_err(|_| bad("store", "expected the id of the store, letters and digits"))?;
        Ok(BtcPay {
            api: Api::of(&a, LIKE)?,
            key: a.key("an API key of the server")?.clone(),
            hook_secrets: a.hook_secrets("the secret of the store's webhook")?.to_vec(),
            store: store.to_string(),
            payment_methods: given("payment_methods").map(|m| m.split_whitespace().map(str::to_string).collect()),
            payout_method: given("payout_method").unwrap_or("BTC-CHAIN").to_string(),
            approve_payouts: match given("approve_payouts") {
                None | Some("false") => false,
                Some("true") => true,
                Some(_) => return Err(bad("approve_payouts", "expected true or false")),
            },
            expiration_minutes: match given("expiration_minutes") {
                None => None,
                Some(text) => Some(
                    text.parse()
                        .ok()
                        .filter(|m| (1..=1_440).contains(m))
                        .ok_or_else(|| bad("expiration_minutes", "expected minutes, 1 to 1440"))?,
                ),
            },
        })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> CallResult<(T, Answer)> {
        self.call(Method::GET, path, None).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> CallResult<(T, Answer)> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&Value>) -> CallResult<(T, Answer)> {
        let headers = [
            ("authorization", format!("token {}", self.key.expose())),
            ("accept", "application/json".to_string()),
            ("content-type", "application/json".to_string()),
        ];
        let body = body.map(Value::to_string).unwrap_or_default();
        let answer = self.api.send(method, path, &headers, body).await?;
        if !answer.status.is_success() {
            return Err(refusal(&answer));
        }
        Ok((answer.json()?, answer))
    }

    /// `/api/v1/stores/{store}` and what follows.
    fn path(&self, rest: &str) -> String {
        format!("/api/v1/stores/{}{rest}", self.store)
    }

    /// The invoice that carries our id: the server knows no idempotency key, so we look before we
    /// create. Of several the oldest is ours; a payment to another one comes in as an event about
    /// an invoice nobody expects, for a person.
    async fn invoice_of(&self, our_ref: &str) -> CallResult<Option<(Invoice, Answer)>> {
        let (mut found, a) = self
            .get::<Vec<Invoice>>(&self.path(&format!("/invoices?orderId={our_ref}&includeArchived=true")))
            .await?;
        // Also where a server of another version does not know the filter.
        found.retain(|i| map::order_id(i).as_deref() == Some(our_ref));
        found.sort_by(|x, y| (x.created_time, &x.id).cmp(&(y.created_time, &y.id)));
        Ok(found.into_iter().next().map(|i| (i, a)))
    }

    fn about_us(&self, i: &Invoice, our_ref: &str, amount: Amount, a: &Answer) -> CallResult<()> {
        let asked = map::asked(i).ok_or_else(|| unreadable(&a.path, format!("{} {} is no amount", i.amount, i.currency), &a.text))?;
        if asked == amount && map::order_id(i).as_deref() == Some(our_ref) && i.store_id == self.store {
            return Ok(());
        }
        Err(echo_mismatch(
            &a.path,
            format!("asked for {amount} as {our_ref}, the invoice is about {asked}"),
            &a.text,
        ))
    }
}

/// An answer that is no success, by what it says about the effect.
fn refusal(a: &Answer) -> CallError {
    let (code, message) = match a.json::<Failure>() {
        Ok(Failure::Problem { code, message }) => (code, message),
        Ok(Failure::Fields(fields)) if !fields.is_empty() => {
            let all: Vec<String> = fields.iter().map(|f| format!("{}: {}", f.path, f.message)).collect();
            ("fields_refused".to_string(), all.join("; "))
        }
        _ => return a.foreign(),
    };
    let (fate, code) = match (a.status.as_u16(), code.as_str()) {
        (401 | 403, _) => (Fate::Refused, "unauthorised".to_string()),
        (404, _) => (Fate::Refused, PROBE_MISSING.to_string()),
        (429, _) => (Fate::RefusedForNow, code),
        (400..=499, "rate-unavailable" | "duplicate-destination") => (Fate::RefusedForNow, code),
        // A claim of ours that has used the sum up: what became of it is the question.
        (400..=499, "overdraft") => (Fate::Unknown, code),
        (400..=499, _) => (Fate::Refused, code),
        _ => (Fate::Unknown, code),
    };
    let message: String = message.chars().take(300).collect();
    CallError::new(fate, code, format!("{}: HTTP {}: {message}", a.path, a.status.as_u16()))
}

/// What is taken and sent; nothing and less is refused.
fn positive(amount: Amount) -> CallResult<Amount> {
    if amount.minor > 0 {
        Ok(amount)
    } else {
        Err(CallError::refused("amount_not_positive", "BTCPay takes amounts above 0"))
    }
}

#[async_trait]
impl TakeDeposits for BtcPay {
    /// The page is open for the store's time, or for `expiration_minutes`: the server counts from
    /// its own clock, and a rate is not held for as long as a card's page.
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession> {
        let our_ref = checked_ref(&req.our_ref, 64)?;
        let amount = positive(req.amount)?;
        let (invoice, a) = match self.invoice_of(our_ref).await? {
            Some(known) => known,
            None => {
                let mut checkout = json!({
                    // In full: a deposit that is nearly paid is no deposit.
                    "paymentTolerance": 0,
                    "redirectURL": req.return_url,
                    "redirectAutomatically": true,
                });
                if let Some(m) = &self.payment_methods {
                    checkout["paymentMethods"] = json!(m);
                }
                if let Some(m) = self.expiration_minutes {
                    checkout["expirationMinutes"] = json!(m);
                }
                if !req.locale.is_empty() {
                    checkout["defaultLanguage"] = json!(req.locale);
                }
                let mut metadata = json!({ORDER_ID: our_ref, "itemDesc": req.description});
                if !req.email.is_empty() {
                    metadata["buyerEmail"] = json!(req.email);
                }
                let body = json!({"amount": amount.text(), "currency": amount.currency.code(), "metadata": metadata, "checkout": checkout});
                self.post::<Invoice>(&self.path("/invoices"), &body).await?
            }
        };
        self.about_us(&invoice, our_ref, amount, &a)?;
        Ok(DepositSession {
            state: map::opening_state(&invoice),
            provider_ref: invoice.id,
            redirect_url: invoice.checkout_link,
        })
    }

    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport> {
        let id = checked_id(provider_ref)?;
        let (i, a) = self.get::<Invoice>(&self.path(&format!("/invoices/{id}"))).await?;
        same(&a.path, id, &i.id, &a.text)?;
        same(&a.path, &self.store, &i.store_id, &a.text)?;
        map::deposit(&i).map_err(|why| unreadable(&a.path, why, &a.text))
    }
}

/// Coins cannot be sent back the way they came: the server makes a pull payment that the client
/// claims with an address of his own choice, at a rate of that day. That is a payout, not a refund.
#[async_trait]
impl RefundDeposits for BtcPay {
    async fn refund(&self, _req: &RefundRequest) -> CallResult<RefundReport> {
        Err(no_refunds())
    }
    async fn refund_status(&self, _provider_ref: &str) -> CallResult<RefundReport> {
        Err(no_refunds())
    }
}

fn no_refunds() -> CallError {
    CallError::refused("not_offered", "coins have no way back: pay the client out to an address of theirs")
}

#[async_trait]
impl ReportDisputes for BtcPay {
    async fn dispute(&self, _provider_ref: &str) -> CallResult<DisputeReport> {
        Err(CallError::refused("not_offered", "coins know no disputes"))
    }
}

impl VerifyHook for BtcPay {
    fn verify(&self, headers: &[(String, String)], body: &[u8], _now: Ts) -> std::result::Result<HookEvent, HookRefusal> {
        let forged = |why: &str| HookRefusal::Forged(why.to_string());
        let given = header(headers, "btcpay-sig").ok_or_else(|| forged("no BTCPay-Sig header"))?;
        let given = given
            .strip_prefix("sha256=")
            .ok_or_else(|| forged("BTCPay-Sig is of no known kind"))?;
        let given = hex::decode(given).map_err(|_| forged("BTCPay-Sig is no hexadecimal text"))?;
        if !sign::any_fits(&self.hook_secrets, &given, |s| sign::hmac_sha256(s.expose().as_bytes(), &[body])) {
            return Err(forged("no signature fits"));
        }
        map::event(body, &self.store)
    }
}

/// The server holds nobody's money and writes no statement: the wallet's own list is one.
impl ReadSettlements for BtcPay {}

impl Psp for BtcPay {
    fn provider(&self) -> &'static str {
        "btcpay"
    }
    fn api_version(&self) -> &'static str {
        API_VERSION
    }
    fn can(&self) -> Can {
        Can {
            refunds: false,
            payouts: true,
            disputes: false,
            settlements: false,
        }
    }
    fn probe(&self) -> &'static str {
        "QuarterdeckDoctorProbe"
    }
}
