//! Neteller through the Paysafe Payments API: deposits by payment handles that we take once they
//! are approved, refunds, standalone credits as payouts, signed webhooks. Facts:
//! payment-providers.md sections 0 and 4. Builds requests and reads answers; `qd-outbound` sends.

mod amount;
mod map;
mod wire;

use crate::map::Odd;
use crate::wire::{Found, Object, Refused};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qd_connector_kit::{Account, Answer, Api, checked_id, checked_ref, echo_mismatch, header, same, sign, unreadable};
use qd_kernel::{Amount, Problem, Secret, Ts};
use qd_outbound::Method;
use qd_ports::psp::{
    Can, DepositReport, DepositSession, DisputeReport, HookEvent, HookRefusal, OpenDeposit, PROBE_MISSING, PayOut, PaymentState,
    PayoutReport, PayoutRequest, Psp, ReadSettlements, RefundDeposits, RefundReport, RefundRequest, ReportDisputes, TakeDeposits,
    VerifyHook,
};
use qd_ports::{CallError, CallResult};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What this connector was written against.
pub const API_VERSION: &str = "payments api v1";

const OWN: &str = "https://api.paysafe.com/paymenthub";
const HANDLES: &str = "/v1/paymenthandles";
const PAYMENTS: &str = "/v1/payments";
const REFUNDS: &str = "/v1/refunds";
const CREDITS: &str = "/v1/standalonecredits";
/// Of `merchantRefNum`, in characters.
const REF_MOST: usize = 255;

/// One Paysafe merchant with Neteller.
#[derive(Debug)]
pub struct Neteller {
    api: Api,
    /// `Basic …`.
    authorization: Secret,
    hook_keys: Vec<Secret>,
    /// The merchant account to use, where the merchant has several in a currency.
    account_id: Option<String>,
}

impl Neteller {
    /// `key` is the API key as `username:password`, `hook_secrets` the HMAC keys of the webhooks.
    /// Setting `account_id`, when the merchant has several accounts in a currency.
    pub fn new(a: Account) -> Result<Neteller, Problem> {
        let key = a.key("username:password")?;
        if !key.expose().contains(':') {
            return Err(Problem::invalid("psp.secret_key", "secret_malformed", "expected username:password"));
        }
        Ok(Neteller {
            api: Api::of(&a, OWN)?,
            authorization: Secret::new(format!("Basic {}", STANDARD.encode(key.expose()))),
            hook_keys: a.hook_secrets("the webhook's HMAC key")?.to_vec(),
            account_id: a.settings.get("account_id").filter(|i| !i.is_empty()).cloned(),
        })
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&Value>) -> CallResult<(T, String)> {
        let mut headers = vec![("authorization", self.authorization.expose().to_string())];
        if body.is_some() {
            headers.push(("content-type", "application/json".to_string()));
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        let a = self.api.send(method, path, &headers, text).await?;
        if !a.status.is_success() {
            return Err(refused(&a));
        }
        Ok((a.json()?, a.text))
    }

    async fn get(&self, path: &str) -> CallResult<(Object, String)> {
        self.send(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: &Value) -> CallResult<(Object, String)> {
        let mut body = body.clone();
        if let (Some(id), HANDLES) = (&self.account_id, path) {
            body["accountId"] = json!(id);
        }
        self.send(Method::POST, path, Some(&body)).await
    }

    /// What Paysafe has under a reference of ours, newest first.
    async fn made(&self, collection: &str, our_ref: &str) -> CallResult<(Vec<Object>, String)> {
        let path = format!("{collection}?merchantRefNum={our_ref}");
        let (f, text) = self.send::<Found>(Method::GET, &path, None).await?;
        let list = match collection {
            HANDLES => f.payment_handles,
            PAYMENTS => f.payments,
            REFUNDS => f.refunds,
            _ => f.standalone_credits,
        };
        let list = list.ok_or_else(|| unreadable(collection, "no list", &text))?;
        for o in &list {
            same(collection, our_ref, &o.merchant_ref_num, &text)?;
        }
        Ok((list, text))
    }

    /// The payment under a reference of ours that counts.
    async fn payment_of(&self, our_ref: &str) -> CallResult<Option<Object>> {
        let (list, text) = self.made(PAYMENTS, our_ref).await?;
        map::best(list).map_err(|o| strange(PAYMENTS, o, &text))
    }

    async fn handle(&self, id: &str) -> CallResult<(Object, String)> {
        let (h, text) = self.get(&format!("{HANDLES}/{id}")).await?;
        same(HANDLES, id, &h.id, &text)?;
        Ok((h, text))
    }

    async fn report(&self, provider_ref: &str) -> CallResult<(DepositReport, Option<Object>)> {
        let id = checked_id(provider_ref)?;
        let (h, text) = match self.handle(id).await {
            Ok(found) => found,
            // A webhook about a payment names the payment.
            Err(e) if e.code == PROBE_MISSING => {
                let (p, text) = self.get(&format!("{PAYMENTS}/{id}")).await?;
                same(PAYMENTS, id, &p.id, &text)?;
                let r = map::deposit(id, None, Some(&p)).map_err(|o| strange(PAYMENTS, o, &text))?;
                return Ok((r, None));
            }
            Err(e) => return Err(e),
        };
        // Before the customer has acted nothing can have used it.
        let payment = match h.status.as_str() {
            "INITIATED" => None,
            _ => self.payment_of(&h.merchant_ref_num).await?,
        };
        let r = map::deposit(id, Some(&h), payment.as_ref()).map_err(|o| strange(HANDLES, o, &text))?;
        Ok((r, Some(h)))
    }
}

fn strange(path: &str, o: Odd, text: &str) -> CallError {
    unreadable(path, o.0, text)
}

/// What an answer that is no success says about the effect.
fn refused(a: &Answer) -> CallError {
    let status = a.status.as_u16();
    let Ok(Refused { error }) = serde_json::from_str::<Refused>(&a.text) else {
        return a.foreign();
    };
    let words: String = error.message.chars().take(200).collect();
    let detail = format!("{}: {words}", a.path);
    match status {
        401 | 403 => CallError::refused("unauthorised", detail),
        404 => CallError::refused(PROBE_MISSING, detail),
        // Used before, or being worked on: what the earlier call did is the question.
        409 | 500.. => CallError::unknown(error.code, detail),
        429 => CallError::refused_for_now("rate_limit", detail),
        400..=499 => CallError::refused(error.code, detail),
        _ => a.foreign(),
    }
}

/// Err unless the answer is about our reference and sum.
fn echoed(path: &str, o: &Object, our_ref: &str, asked: Amount, text: &str) -> CallResult<()> {
    let about = map::amount(o).map_err(|w| strange(path, w, text))?;
    if o.merchant_ref_num == our_ref && about == asked {
        return Ok(());
    }
    let detail = format!("asked for {asked} as {our_ref}, the answer is about {about}");
    Err(echo_mismatch(path, detail, text))
}

fn session(h: &Object, state: PaymentState) -> DepositSession {
    let open = matches!(state, PaymentState::RequiresAction | PaymentState::Created);
    let page = h.links.iter().find(|l| l.rel == "redirect_payment");
    DepositSession {
        provider_ref: h.id.clone(),
        redirect_url: page.filter(|_| open).map(|l| l.href.clone()),
        state,
    }
}

#[async_trait]
impl TakeDeposits for Neteller {
    /// Looks first: Paysafe would make a second handle.
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession> {
        let our_ref = checked_ref(&req.our_ref, REF_MOST)?;
        let value = amount::to_paysafe(req.amount)?;
        let (made, text) = self.made(HANDLES, our_ref).await?;
        let (h, text) = match made.into_iter().next() {
            Some(h) => (h, text),
            None => {
                let link = |rel: &str, href: &str| json!({"rel": rel, "href": href});
                let body = json!({
                    "merchantRefNum": our_ref,
                    "transactionType": "PAYMENT",
                    "paymentType": "NETELLER",
                    "amount": value,
                    "currencyCode": req.amount.currency.code(),
                    "neteller": {"consumerId": req.email},
                    "returnLinks": [
                        link("default", &req.return_url),
                        link("on_completed", &req.return_url),
                        link("on_failed", &req.cancel_url),
                        link("on_cancelled", &req.cancel_url),
                    ],
                });
                self.post(HANDLES, &body).await?
            }
        };
        echoed(HANDLES, &h, our_ref, req.amount, &text)?;
        let state = map::handle_state(&h).map_err(|o| strange(HANDLES, o, &text))?;
        let s = session(&h, state);
        if s.redirect_url.is_none() && matches!(state, PaymentState::RequiresAction | PaymentState::Created) {
            return Err(unreadable(HANDLES, "no page for the customer", &text));
        }
        Ok(s)
    }

    /// By the handle's id; a payment's id (from its webhooks) will do as well.
    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport> {
        Ok(self.report(provider_ref).await?.0)
    }

    /// Posts the payment that uses the approved handle up, unless one was made before.
    async fn take(&self, provider_ref: &str, our_ref: &str, amount: Amount) -> CallResult<DepositReport> {
        let our_ref = checked_ref(our_ref, REF_MOST)?;
        let value = amount::to_paysafe(amount)?;
        let (r, handle) = self.report(provider_ref).await?;
        if r.our_ref.as_deref() != Some(our_ref) || r.amount != amount {
            let detail = format!("asked to take {amount} as {our_ref}, the handle is about {}", r.amount);
            return Err(echo_mismatch(HANDLES, detail, ""));
        }
        let (PaymentState::Authorised, Some(h)) = (r.state, handle) else {
            return Ok(r);
        };
        let token = h.payment_handle_token.as_deref();
        let token = token.ok_or_else(|| CallError::refused_for_now("handle_without_token", "the handle carries no token"))?;
        let body = json!({
            "merchantRefNum": our_ref,
            "paymentHandleToken": token,
            "amount": value,
            "currencyCode": amount.currency.code(),
            "settleWithAuth": true,
            "dupCheck": true,
        });
        let (p, text) = self.post(PAYMENTS, &body).await?;
        echoed(PAYMENTS, &p, our_ref, amount, &text)?;
        map::deposit(&h.id, Some(&h), Some(&p)).map_err(|o| strange(PAYMENTS, o, &text))
    }
}

#[async_trait]
impl RefundDeposits for Neteller {
    async fn refund(&self, req: &RefundRequest) -> CallResult<RefundReport> {
        let our_ref = checked_ref(&req.our_ref, REF_MOST)?;
        let value = amount::to_paysafe(req.amount)?;
        let payment = checked_id(&req.payment_ref)?;
        let (made, text) = self.made(REFUNDS, our_ref).await?;
        let (r, text) = match made.into_iter().next() {
            Some(r) => (r, text),
            None => {
                let (p, text) = self.get(&format!("{PAYMENTS}/{payment}")).await?;
                same(PAYMENTS, payment, &p.id, &text)?;
                // Settled with the payment, whose id is then the settlement's too.
                let settled = p.settlements.first().map_or(payment, |s| s.id.as_str());
                let path = format!("/v1/settlements/{}/refunds", checked_id(settled)?);
                let body = json!({"merchantRefNum": our_ref, "amount": value, "dupCheck": true});
                self.post(&path, &body).await?
            }
        };
        echoed(REFUNDS, &r, our_ref, req.amount, &text)?;
        map::refund(&r, Some(payment)).map_err(|o| strange(REFUNDS, o, &text))
    }

    async fn refund_status(&self, provider_ref: &str) -> CallResult<RefundReport> {
        let id = checked_id(provider_ref)?;
        let (r, text) = self.get(&format!("{REFUNDS}/{id}")).await?;
        same(REFUNDS, id, &r.id, &text)?;
        map::refund(&r, None).map_err(|o| strange(REFUNDS, o, &text))
    }
}

#[async_trait]
impl ReportDisputes for Neteller {
    async fn dispute(&self, _provider_ref: &str) -> CallResult<DisputeReport> {
        Err(CallError::refused(
            "not_offered",
            "how Paysafe tells of chargebacks is not known here",
        ))
    }
}

#[async_trait]
impl PayOut for Neteller {
    /// A handle that is payable at once, then the credit that uses it up. Looks for both first.
    async fn pay_out(&self, req: &PayoutRequest) -> CallResult<PayoutReport> {
        let our_ref = checked_ref(&req.our_ref, REF_MOST)?;
        let value = amount::to_paysafe(req.amount)?;
        let to = req.to.account.expose();
        let wallet = to.contains('@') || (to.len() == 12 && to.bytes().all(|b| b.is_ascii_digit()));
        if !wallet || to.len() > 100 {
            return Err(CallError::refused(
                "payout_target_malformed",
                "expected the e-mail address or the 12 digits of a Neteller account",
            ));
        }
        let (made, text) = self.made(CREDITS, our_ref).await?;
        if let Some(c) = made.into_iter().next() {
            echoed(CREDITS, &c, our_ref, req.amount, &text)?;
            return map::payout(&c).map_err(|o| strange(CREDITS, o, &text));
        }
        let (handles, text) = self.made(HANDLES, our_ref).await?;
        let (h, text) = match handles.into_iter().find(|h| h.status == "PAYABLE") {
            Some(h) => (h, text),
            None => {
                let body = json!({
                    "merchantRefNum": our_ref,
                    "transactionType": "STANDALONE_CREDIT",
                    "paymentType": "NETELLER",
                    "amount": value,
                    "currencyCode": req.amount.currency.code(),
                    "neteller": {"consumerId": to},
                });
                self.post(HANDLES, &body).await?
            }
        };
        echoed(HANDLES, &h, our_ref, req.amount, &text)?;
        let (Some(token), "PAYABLE") = (h.payment_handle_token.as_deref(), h.status.as_str()) else {
            // No credit was asked for yet.
            return Err(CallError::refused_for_now(
                "handle_not_payable",
                format!("the handle is {}", h.status),
            ));
        };
        let body = json!({
            "merchantRefNum": our_ref,
            "paymentHandleToken": token,
            "amount": value,
            "currencyCode": req.amount.currency.code(),
            "dupCheck": true,
        });
        let (c, text) = self.post(CREDITS, &body).await?;
        echoed(CREDITS, &c, our_ref, req.amount, &text)?;
        map::payout(&c).map_err(|o| strange(CREDITS, o, &text))
    }

    async fn payout_status(&self, our_ref: &str, provider_ref: Option<&str>) -> CallResult<PayoutReport> {
        let our_ref = checked_ref(our_ref, REF_MOST)?;
        let (c, text) = match provider_ref {
            Some(id) => {
                let id = checked_id(id)?;
                let (c, text) = self.get(&format!("{CREDITS}/{id}")).await?;
                same(CREDITS, id, &c.id, &text)?;
                same(CREDITS, our_ref, &c.merchant_ref_num, &text)?;
                (c, text)
            }
            None => {
                let (made, text) = self.made(CREDITS, our_ref).await?;
                let newest = made.into_iter().next();
                let missing = || CallError::refused(PROBE_MISSING, "Paysafe knows no credit under this reference");
                (newest.ok_or_else(missing)?, text)
            }
        };
        map::payout(&c).map_err(|o| strange(CREDITS, o, &text))
    }
}

impl VerifyHook for Neteller {
    fn verify(&self, headers: &[(String, String)], body: &[u8], now: Ts) -> Result<HookEvent, HookRefusal> {
        let given = header(headers, "signature").ok_or_else(|| HookRefusal::Forged("no signature".into()))?;
        let given = STANDARD
            .decode(given.trim())
            .map_err(|_| HookRefusal::Forged("a signature that is not base64".into()))?;
        let good = sign::any_fits(&self.hook_keys, &given, |k| sign::hmac_sha256(k.expose().as_bytes(), &[body]));
        if !good {
            return Err(HookRefusal::Forged("the signature fits none of the keys".into()));
        }
        map::event(body, now)
    }
}

impl ReadSettlements for Neteller {}

impl Psp for Neteller {
    fn provider(&self) -> &'static str {
        "neteller"
    }
    fn api_version(&self) -> &'static str {
        API_VERSION
    }
    fn can(&self) -> Can {
        Can {
            refunds: true,
            payouts: true,
            disputes: false,
            settlements: false,
        }
    }
    fn probe(&self) -> &'static str {
        "00000000-0000-0000-0000-000000000000"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_of_the_vector_is_taken_and_one_changed_byte_is_not() {
        let n = Neteller {
            api: Api::of(
                &Account {
                    connection_id: "neteller-eu".into(),
                    api_base: None,
                    key: Secret::new("u:p"),
                    hook_secrets: vec![],
                    hook_url: String::new(),
                    settings: [].into(),
                    secrets: [].into(),
                    reach: qd_outbound::Reach::PublicOnly,
                },
                OWN,
            )
            .unwrap(),
            authorization: Secret::new("Basic"),
            hook_keys: vec![Secret::new("old"), Secret::new("paysafe-demo-hmac-key")],
            account_id: None,
        };
        let body = r#"{"eventType":"PAYMENT_COMPLETED","attemptNumber":"1","resourceId":"b885e54c-0d6e-452d-9a6a-98546e672113","payload":{"merchantRefNum":"dep-000123","amount":2540,"currencyCode":"EUR","status":"COMPLETED","paymentType":"NETELLER"}}"#;
        let headers = [("signature".to_string(), "uyGxf+glGyPGONJewLxFyBAWRug7lpOx2Yb6nJrdu/E=".to_string())];
        let e = n.verify(&headers, body.as_bytes(), Ts(0)).unwrap();
        assert_eq!(e.event_id, "b885e54c-0d6e-452d-9a6a-98546e672113:PAYMENT_COMPLETED");
        let changed = body.replace("2540", "2541");
        for (h, b) in [(&headers[..], changed.as_str()), (&[], body)] {
            assert!(matches!(n.verify(h, b.as_bytes(), Ts(0)), Err(HookRefusal::Forged(_))));
        }
    }
}
