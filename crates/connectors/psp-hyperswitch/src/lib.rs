//! Juspay Hyperswitch (API v1): a payment switch somebody runs himself, with many processors behind
//! it. Deposits by payment link, refunds, payouts, disputes, signed webhooks. Facts:
//! payment-providers.md sections 0 and 5.

mod amount;
mod map;
mod payouts;
mod wire;

#[cfg(test)]
mod map_tests;

use crate::map::Wrong;
use crate::wire::{Dispute, Failure, OUR_REF, Payment, Refund};
use async_trait::async_trait;
use data_encoding::{BASE32_NOPAD, HEXLOWER_PERMISSIVE};
use qd_connector_kit::{Account, Answer, Api, checked_id, checked_ref, echo_mismatch, header, same, sign, unreadable};
use qd_kernel::{Amount, Problem, Result, Secret, Ts};
use qd_outbound::Method;
use qd_ports::psp::{
    Can, DepositReport, DepositSession, DisputeReport, HookEvent, HookRefusal, OpenDeposit, PROBE_MISSING, PaymentState, Psp,
    ReadSettlements, RefundDeposits, RefundReport, RefundRequest, ReportDisputes, TakeDeposits, VerifyHook,
};
use qd_ports::{CallError, CallResult, Fate};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub const API_VERSION: &str = "v1";

/// Its makers' own; a switch of one's own has another.
const BASE: &str = "https://api.hyperswitch.io";

/// Ids of payments, refunds and payouts are exactly so long in its schema.
const ID_LENGTH: usize = 30;

/// One merchant's profile.
#[derive(Debug)]
pub struct Hyperswitch {
    api: Api,
    key: Secret,
    hook_secrets: Vec<Secret>,
    profile: Option<String>,
    /// How long the payment link stands, in seconds; None: the profile's own setting.
    session_expiry_s: Option<u32>,
    /// Which processor pays clients out, by its name there; None: its own routing.
    payout_connector: Option<String>,
}

impl Hyperswitch {
    pub fn connect(a: Account) -> Result<Hyperswitch> {
        let given = |name: &str| a.settings.get(name).map(|s| s.trim().to_string()).filter(|s| !s.is_empty());
        let session_expiry_s = match given("session_expiry_s") {
            None => None,
            Some(text) => Some(text.parse().ok().filter(|s| (60..=7_890_000).contains(s)).ok_or_else(|| {
                Problem::invalid(
                    "psp.settings.session_expiry_s",
                    "setting_malformed",
                    "expected seconds, 60 to 7890000",
                )
            })?),
        };
        Ok(Hyperswitch {
            api: Api::of(&a, BASE)?,
            key: a.key("snd_… or prd_…")?.clone(),
            hook_secrets: a.hook_secrets("the profile's payment_response_hash_key")?.to_vec(),
            profile: given("profile_id"),
            session_expiry_s,
            payout_connector: given("payout_connector"),
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
            ("api-key", self.key.expose().to_string()),
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

    /// Asks the processor behind it as well, so that a lost webhook between the two heals.
    async fn payment(&self, id: &str) -> CallResult<(Payment, Answer)> {
        let (p, a) = self.get::<Payment>(&format!("/payments/{id}?force_sync=true")).await?;
        same(&a.path, id, &p.payment_id, &a.text)?;
        Ok((p, a))
    }
}

/// An id in the schema's length: ours where it fits, else one made of it that is always the same.
fn id_of(our_ref: &str) -> CallResult<String> {
    let our_ref = checked_ref(our_ref, 64)?;
    if our_ref.len() == ID_LENGTH {
        return Ok(our_ref.to_string());
    }
    let digest = BASE32_NOPAD.encode(&sign::hmac_sha256(b"quarterdeck", &[our_ref.as_bytes()]));
    Ok(format!("qd_{}", digest.to_lowercase()).chars().take(ID_LENGTH).collect())
}

const DUPLICATE: &str = "HE_01";

/// An answer that is no success, by what it says about the effect.
fn refusal(a: &Answer) -> CallError {
    let Ok(Failure { error }) = a.json::<Failure>() else {
        return a.foreign();
    };
    let (fate, code) = match (a.status.as_u16(), error.kind.as_str()) {
        // Something with this id is there: what it is, is the question.
        (400..=499, _) if error.code == DUPLICATE => (Fate::Unknown, error.code),
        (400..=499, "duplicate_request") => (Fate::Unknown, DUPLICATE.to_string()),
        (401 | 403, _) => (Fate::Refused, "unauthorised".to_string()),
        (404, _) | (400, "object_not_found") => (Fate::Refused, PROBE_MISSING.to_string()),
        (409, _) => (Fate::Unknown, error.code),
        (429, _) => (Fate::RefusedForNow, error.code),
        (400..=499, _) => (Fate::Refused, error.code),
        _ => (Fate::Unknown, error.code),
    };
    let message: String = error.message.chars().take(300).collect();
    CallError::new(
        fate,
        code,
        format!("{}: HTTP {} {}: {message}", a.path, a.status.as_u16(), error.kind),
    )
}

fn wrong(a: &Answer, w: Wrong) -> CallError {
    match w {
        Wrong::Echo(why) => echo_mismatch(&a.path, why, &a.text),
        Wrong::Unreadable(why) => unreadable(&a.path, why, &a.text),
    }
}

#[async_trait]
impl TakeDeposits for Hyperswitch {
    /// `payment_id` is made of our reference and unique there for good: a repeat is refused as a duplicate, and the
    /// payment is read instead.
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession> {
        let our_ref = checked_ref(&req.our_ref, 64)?;
        let id = id_of(our_ref)?;
        let value = amount::to_wire(req.amount)?;
        let mut body = json!({
            "payment_id": id, "amount": value, "currency": req.amount.currency.code(), "confirm": false, "capture_method": "automatic",
            "payment_link": true, "return_url": req.return_url, "description": req.description, "metadata": {OUR_REF: our_ref},
        });
        for (name, value) in [
            ("customer_id", Some(req.client_ref.clone())),
            ("email", Some(req.email.clone())),
            ("profile_id", self.profile.clone()),
        ] {
            if let Some(v) = value.filter(|v| !v.is_empty()) {
                body[name] = json!(v);
            }
        }
        if let Some(s) = self.session_expiry_s {
            body["session_expiry"] = json!(s);
        }
        let (p, a) = match self.post::<Payment>("/payments", &body).await {
            Err(e) if e.code == DUPLICATE => self.payment(&id).await?,
            other => other?,
        };
        let about = map::amount(p.amount, &p.currency).map_err(|w| wrong(&a, w))?;
        if about != req.amount || p.payment_id != id || wire::our_ref(p.metadata.as_ref()).as_deref() != Some(our_ref) {
            let why = format!("asked for {} as {our_ref}, the payment is about {about}", req.amount);
            return Err(echo_mismatch(&a.path, why, &a.text));
        }
        let state = map::payment_state(&p).map_err(|w| wrong(&a, w))?;
        let link = p.payment_link.map(|l| l.secure_link.unwrap_or(l.link));
        Ok(DepositSession {
            provider_ref: p.payment_id,
            redirect_url: link.or_else(|| p.next_action.and_then(|n| n.redirect_to_url)),
            state,
        })
    }

    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport> {
        let (p, a) = self.payment(checked_id(provider_ref)?).await?;
        map::deposit(&p).map_err(|w| wrong(&a, w))
    }

    /// Only of a profile that captures by hand: we ask for automatic capture. A payment that is no
    /// longer waiting has been taken, which the report says.
    async fn take(&self, provider_ref: &str, our_ref: &str, amount: Amount) -> CallResult<DepositReport> {
        let id = checked_id(provider_ref)?;
        let (p, a) = self.payment(id).await?;
        let report = map::deposit(&p).map_err(|w| wrong(&a, w))?;
        if report.amount != amount || report.our_ref.as_deref() != Some(our_ref) {
            return Err(echo_mismatch(
                &a.path,
                format!("asked to take {amount}, the payment is about {}", report.amount),
                &a.text,
            ));
        }
        if report.state != PaymentState::Authorised {
            return Ok(report);
        }
        let value = amount::to_wire(amount)?;
        if p.amount_capturable.is_some_and(|c| c < value) {
            return Err(echo_mismatch(&a.path, format!("less than {amount} was authorised"), &a.text));
        }
        let path = format!("/payments/{id}/capture");
        let (p, a) = self.post::<Payment>(&path, &json!({"amount_to_capture": value})).await?;
        same(&a.path, id, &p.payment_id, &a.text)?;
        map::deposit(&p).map_err(|w| wrong(&a, w))
    }
}

#[async_trait]
impl RefundDeposits for Hyperswitch {
    async fn refund(&self, req: &RefundRequest) -> CallResult<RefundReport> {
        let our_ref = checked_ref(&req.our_ref, 64)?;
        let (id, payment) = (id_of(our_ref)?, checked_id(&req.payment_ref)?);
        let body = json!({
            "refund_id": id, "payment_id": payment, "amount": amount::to_wire(req.amount)?, "refund_type": "instant",
            "metadata": {OUR_REF: our_ref},
        });
        let (r, a) = match self.post::<Refund>("/refunds", &body).await {
            Err(e) if e.code == DUPLICATE => self.get::<Refund>(&format!("/refunds/{id}")).await?,
            other => other?,
        };
        let report = map::refund(&r).map_err(|w| wrong(&a, w))?;
        if report.amount != req.amount || report.our_ref.as_deref() != Some(our_ref) || report.payment_ref != payment {
            let why = format!(
                "asked to give {} of {payment} back as {our_ref}, the refund is about {}",
                req.amount, report.amount
            );
            return Err(echo_mismatch(&a.path, why, &a.text));
        }
        same(&a.path, &id, &report.provider_ref, &a.text)?;
        Ok(report)
    }

    async fn refund_status(&self, provider_ref: &str) -> CallResult<RefundReport> {
        let id = checked_id(provider_ref)?;
        let (r, a) = self.get::<Refund>(&format!("/refunds/{id}")).await?;
        same(&a.path, id, &r.refund_id, &a.text)?;
        map::refund(&r).map_err(|w| wrong(&a, w))
    }
}

#[async_trait]
impl ReportDisputes for Hyperswitch {
    async fn dispute(&self, provider_ref: &str) -> CallResult<DisputeReport> {
        let id = checked_id(provider_ref)?;
        let (d, a) = self.get::<Dispute>(&format!("/disputes/{id}")).await?;
        same(&a.path, id, &d.dispute_id, &a.text)?;
        map::dispute(&d).map_err(|w| wrong(&a, w))
    }
}

impl VerifyHook for Hyperswitch {
    /// Over the raw bytes. No time is signed: an old event sent again is known by its id, and only
    /// says where to look.
    fn verify(&self, headers: &[(String, String)], body: &[u8], now: Ts) -> std::result::Result<HookEvent, HookRefusal> {
        let forged = |why: &str| HookRefusal::Forged(why.to_string());
        let given = header(headers, "x-webhook-signature-512").ok_or_else(|| forged("no x-webhook-signature-512 header"))?;
        let given = HEXLOWER_PERMISSIVE
            .decode(given.as_bytes())
            .map_err(|_| forged("the signature is no hexadecimal text"))?;
        if !sign::any_fits(&self.hook_secrets, &given, |s| sign::hmac_sha512(s.expose().as_bytes(), &[body])) {
            return Err(forged("no signature fits"));
        }
        map::event(body, now)
    }
}

/// Its reports are exports of a dashboard in no documented form; each processor has its own file.
impl ReadSettlements for Hyperswitch {}

impl Psp for Hyperswitch {
    fn provider(&self) -> &'static str {
        "hyperswitch"
    }
    fn api_version(&self) -> &'static str {
        API_VERSION
    }
    fn can(&self) -> Can {
        Can {
            refunds: true,
            payouts: true,
            disputes: true,
            settlements: false,
        }
    }
    fn probe(&self) -> &'static str {
        "qd_doctor_probe_00000000000000"
    }
}
