//! A provider that takes a payment by sending the customer to a page of its own, and says over a
//! small JSON API what became of it: local bank methods, QR codes, vouchers. Field names, states,
//! amounts and the signature are settings, so that many such providers need no code at all.
//!
//! It is also the connector to copy for one that does: everything a connector has to decide is here
//! once and short. Read `lib.rs` from top to bottom, then `profile.rs`; docs/connectors.md tells
//! the steps around it.

mod amount;
mod profile;

use crate::profile::Profile;
use async_trait::async_trait;
use qd_connector_kit::{Account, Answer, Api, checked_id, checked_ref, echo_mismatch, header, same, unreadable};
use qd_kernel::{Amount, Problem, Result, Secret, Ts};
use qd_outbound::Method;
use qd_ports::psp::{
    Can, DepositReport, DepositSession, DisputeReport, HookEvent, HookRefusal, HookSubject, Instrument, OpenDeposit, PROBE_MISSING, PayOut,
    PaymentState, Psp, ReadSettlements, RefundDeposits, RefundReport, RefundRequest, ReportDisputes, TakeDeposits, VerifyHook,
};
use qd_ports::{CallError, CallResult, Fate};
use serde_json::{Map, Value};

/// One account at one such provider.
#[derive(Debug)]
pub struct Redirect {
    api: Api,
    key: Secret,
    hook_secrets: Vec<Secret>,
    hook_url: String,
    profile: Profile,
}

impl Redirect {
    pub fn connect(a: Account) -> Result<Redirect> {
        // Such a provider has no address that everybody knows.
        if a.api_base.is_none() {
            let expected = "expected the provider's address, such as https://api.provider.example/v1";
            return Err(Problem::invalid("psp.api_base", "api_base_missing", expected));
        }
        Ok(Redirect {
            api: Api::of(&a, "https://api.provider.example/v1")?,
            key: a.key("the key requests are signed with")?.clone(),
            hook_secrets: a.hook_secrets("the key callbacks are signed with")?.to_vec(),
            hook_url: a.hook_url.clone(),
            profile: Profile::read(&a)?,
        })
    }

    // ---- calls ----------------------------------------------------------------------------------

    /// Signs and sends: the body of a POST, the path of a GET. What comes back is a JSON object in
    /// the provider's own voice, or an error that says what is known about the effect.
    async fn call(&self, method: Method, path: &str, body: Option<Map<String, Value>>) -> CallResult<(Map<String, Value>, Answer)> {
        let body = body.map(|b| Value::Object(b).to_string());
        let signature = self.profile.sign(&self.key, body.as_deref().unwrap_or(path).as_bytes());
        let headers = [
            (self.profile.get("merchant_header"), self.profile.get("merchant").to_string()),
            (self.profile.get("signature_header"), signature),
            ("accept", "application/json".to_string()),
            ("content-type", "application/json".to_string()),
        ];
        let answer = self.api.send(method, path, &headers, body.unwrap_or_default()).await?;
        if !answer.status.is_success() {
            return Err(self.refusal(&answer));
        }
        Ok((answer.json()?, answer))
    }

    /// A no in the provider's own words is a no. The same status without them may be a proxy's: it
    /// proves nothing, and neither does an error of the provider's machine (5xx).
    fn refusal(&self, a: &Answer) -> CallError {
        let said = a.json::<Map<String, Value>>().ok();
        let word = |field: &str| {
            said.as_ref()
                .and_then(|s| s.get(self.profile.field(field)?)?.as_str())
                .map(str::to_string)
        };
        let Some(code) = word("error_code") else { return a.foreign() };
        let (fate, code) = match a.status.as_u16() {
            401 | 403 => (Fate::Refused, "unauthorised".to_string()),
            404 => (Fate::Refused, PROBE_MISSING.to_string()),
            // The reference was used for another payment: what became of that one is the question.
            409 => (Fate::Unknown, code),
            429 => (Fate::RefusedForNow, code),
            400..=499 => (Fate::Refused, code),
            _ => (Fate::Unknown, code),
        };
        let message: String = word("error_message").unwrap_or_default().chars().take(300).collect();
        CallError::new(fate, code, format!("{}: HTTP {}: {message}", a.path, a.status.as_u16()))
    }

    // ---- reading answers ------------------------------------------------------------------------

    fn text<'a>(&self, o: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
        o.get(self.profile.field(field)?)?.as_str().filter(|s| !s.is_empty())
    }

    fn must<'a>(&self, o: &'a Map<String, Value>, field: &str, a: &Answer) -> CallResult<&'a str> {
        self.text(o, field)
            .ok_or_else(|| unreadable(&a.path, format!("no {field} in the answer"), &a.text))
    }

    /// An amount of the object's currency; None when the object has no such field.
    fn amount(&self, o: &Map<String, Value>, field: &str, a: &Answer) -> CallResult<Option<Amount>> {
        let Some(v) = self.profile.field(field).and_then(|f| o.get(f)).filter(|v| !v.is_null()) else {
            return Ok(None);
        };
        let currency = self.must(o, "currency", a)?;
        match self.profile.amounts.from_wire(v, currency) {
            Some(amount) => Ok(Some(amount)),
            None => Err(unreadable(&a.path, format!("{field} {v} {currency} is no amount"), &a.text)),
        }
    }

    fn total(&self, o: &Map<String, Value>, a: &Answer) -> CallResult<Amount> {
        self.amount(o, "amount", a)?
            .ok_or_else(|| unreadable(&a.path, "no amount in the answer", &a.text))
    }

    /// The answer has to be about what was asked for, to the last digit.
    fn echoes(&self, o: &Map<String, Value>, our_ref: &str, amount: Amount, a: &Answer) -> CallResult<()> {
        let (got, about) = (self.total(o, a)?, self.must(o, "reference", a)?);
        if got == amount && about == our_ref {
            return Ok(());
        }
        Err(echo_mismatch(
            &a.path,
            format!("asked for {amount} as {our_ref}, the answer is about {got}"),
            &a.text,
        ))
    }

    fn deposit_report(&self, o: &Map<String, Value>, a: &Answer) -> CallResult<DepositReport> {
        let id = self.must(o, "id", a)?.to_string();
        let state = self.profile.payment_state(self.must(o, "status", a)?);
        let amount = self.total(o, a)?;
        let received = self.amount(o, "received", a)?;
        Ok(DepositReport {
            our_ref: self.text(o, "reference").map(str::to_string),
            payment_ref: Some(id.clone()),
            provider_ref: id,
            received: match state {
                // A provider that does not count what came has received what was asked for.
                PaymentState::Succeeded => received.or(Some(amount)),
                _ => received.filter(|r| !r.is_zero()),
            },
            state,
            amount,
            refunded_minor: self.amount(o, "refunded", a)?.map_or(0, |r| r.minor),
            fee: None,
            failure_code: self.text(o, "reason").map(str::to_string),
            // What failed here is one visit to one bank's page: another may go well.
            soft_failure: state == PaymentState::Failed,
            instrument: self.text(o, "method").map(|brand| Instrument {
                kind: "bank".into(),
                brand: Some(brand.into()),
                holder: self.text(o, "holder").map(str::to_string),
                ..Instrument::default()
            }),
        })
    }

    fn refund_report(&self, o: &Map<String, Value>, a: &Answer) -> CallResult<RefundReport> {
        Ok(RefundReport {
            our_ref: self.text(o, "reference").map(str::to_string),
            provider_ref: self.must(o, "id", a)?.to_string(),
            payment_ref: self.must(o, "payment", a)?.to_string(),
            state: self.profile.refund_state(self.must(o, "status", a)?),
            amount: self.total(o, a)?,
            failure_code: self.text(o, "reason").map(str::to_string),
        })
    }

    fn refunds(&self) -> CallResult<&str> {
        match self.profile.get("refund_path") {
            "" => Err(CallError::refused(
                "not_offered",
                "this provider gives nothing back to the payment it came by",
            )),
            path => Ok(path),
        }
    }
}

// ---- what the payments domain asks for ----------------------------------------------------------

#[async_trait]
impl TakeDeposits for Redirect {
    /// Our reference is the key: the provider answers a repeat with the payment it already has.
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession> {
        let our_ref = checked_ref(&req.our_ref, 64)?;
        let p = &self.profile;
        let mut body = Map::new();
        body.extend(p.constants().map(|(k, v)| (k.to_string(), Value::from(v))));
        let amount = p.amounts.to_wire(req.amount)?;
        let expires = Value::from(req.expires_at.secs());
        for (field, value) in [
            ("reference", Value::from(our_ref)),
            ("amount", amount),
            ("currency", Value::from(req.amount.currency.code())),
            ("method", Value::from(req.method.as_str())),
            ("email", Value::from(req.email.as_str())),
            ("language", Value::from(req.locale.as_str())),
            ("description", Value::from(req.description.as_str())),
            ("return_url", Value::from(req.return_url.as_str())),
            ("cancel_url", Value::from(req.cancel_url.as_str())),
            ("callback_url", Value::from(self.hook_url.as_str())),
            ("expires", expires),
        ] {
            if let Some(name) = p.field(field).filter(|_| value != "") {
                body.insert(name.to_string(), value);
            }
        }
        let (o, a) = self.call(Method::POST, p.get("create_path"), Some(body)).await?;
        self.echoes(&o, our_ref, req.amount, &a)?;
        Ok(DepositSession {
            provider_ref: self.must(&o, "id", &a)?.to_string(),
            redirect_url: self.text(&o, "url").map(str::to_string),
            state: p.payment_state(self.must(&o, "status", &a)?),
        })
    }

    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport> {
        let id = checked_id(provider_ref)?;
        let path = self.profile.get("status_path").replace("{id}", id);
        let (o, a) = self.call(Method::GET, &path, None).await?;
        let report = self.deposit_report(&o, &a)?;
        same(&a.path, id, &report.provider_ref, &a.text)?;
        Ok(report)
    }
}

#[async_trait]
impl RefundDeposits for Redirect {
    async fn refund(&self, req: &RefundRequest) -> CallResult<RefundReport> {
        let our_ref = checked_ref(&req.our_ref, 64)?;
        let payment = checked_id(&req.payment_ref)?;
        let path = self.refunds()?.replace("{id}", payment);
        let p = &self.profile;
        let mut body = Map::new();
        for (field, value) in [
            ("reference", Value::from(our_ref)),
            ("payment", Value::from(payment)),
            ("amount", p.amounts.to_wire(req.amount)?),
            ("currency", Value::from(req.amount.currency.code())),
        ] {
            if let Some(name) = p.field(field) {
                body.insert(name.to_string(), value);
            }
        }
        let (o, a) = self.call(Method::POST, &path, Some(body)).await?;
        self.echoes(&o, our_ref, req.amount, &a)?;
        let report = self.refund_report(&o, &a)?;
        same(&a.path, payment, &report.payment_ref, &a.text)?;
        Ok(report)
    }

    async fn refund_status(&self, provider_ref: &str) -> CallResult<RefundReport> {
        self.refunds()?;
        let id = checked_id(provider_ref)?;
        let path = self.profile.get("refund_status_path").replace("{id}", id);
        let (o, a) = self.call(Method::GET, &path, None).await?;
        let report = self.refund_report(&o, &a)?;
        same(&a.path, id, &report.provider_ref, &a.text)?;
        Ok(report)
    }
}

/// Money pushed from a bank is not disputed the way a card payment is.
#[async_trait]
impl ReportDisputes for Redirect {
    async fn dispute(&self, _provider_ref: &str) -> CallResult<DisputeReport> {
        Err(CallError::refused("not_offered", "this provider knows no disputes"))
    }
}

impl VerifyHook for Redirect {
    /// The signature is over the raw bytes and holds no time, so an old callback can be sent again
    /// by whoever saw it: harmless, as a callback only says where to look.
    fn verify(&self, headers: &[(String, String)], body: &[u8], now: Ts) -> std::result::Result<HookEvent, HookRefusal> {
        let p = &self.profile;
        let name = p.get("signature_header").to_ascii_lowercase();
        let given = header(headers, &name).ok_or_else(|| HookRefusal::Forged(format!("no {name} header")))?;
        if !p.signed(&self.hook_secrets, given, body) {
            return Err(HookRefusal::Forged("no signature fits".into()));
        }
        let o: Map<String, Value> = serde_json::from_slice(body).map_err(|e| HookRefusal::Unreadable(e.to_string()))?;
        let must = |field: &str| {
            self.text(&o, field)
                .map(str::to_string)
                .ok_or_else(|| HookRefusal::Unreadable(format!("no {field} in the callback")))
        };
        let (provider_ref, status) = (must("id")?, must("status")?);
        let our_ref = self.text(&o, "reference").map(str::to_string);
        let object = self.text(&o, "object").unwrap_or_else(|| p.get("object_payment"));
        let subject = if object == p.get("object_payment") {
            HookSubject::Deposit {
                our_ref,
                provider_ref: provider_ref.clone(),
            }
        } else if object == p.get("object_refund") {
            HookSubject::Refund {
                our_ref,
                provider_ref: provider_ref.clone(),
            }
        } else {
            HookSubject::Other
        };
        Ok(HookEvent {
            // Without ids of its own, an event is the object in a state.
            event_id: match p.field("event") {
                Some(_) => must("event")?,
                None => format!("{object}:{provider_ref}:{status}"),
            },
            kind: format!("{object}.{status}"),
            subject,
            at: now,
        })
    }
}

/// Absent: it pays nobody out, and its statements have no known form.
impl PayOut for Redirect {}
impl ReadSettlements for Redirect {}

impl Psp for Redirect {
    fn provider(&self) -> &'static str {
        "redirect"
    }
    fn api_version(&self) -> &'static str {
        "settings"
    }
    fn can(&self) -> Can {
        Can {
            refunds: self.refunds().is_ok(),
            payouts: false,
            disputes: false,
            settlements: false,
        }
    }
    fn probe(&self) -> &'static str {
        "quarterdeck-doctor"
    }
}
