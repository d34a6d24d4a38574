//! Skrill: deposits by Quick Checkout, refunds and transfers in two steps, status posts, queries,
//! the account history. Facts: payment-providers.md sections 0 and 3. Builds requests and reads
//! answers; `qd-outbound` sends.

mod amount;
mod history;
mod map;
mod sign;
mod wire;

use crate::map::{Known, PAYMENT, REFUND, refusal};
use crate::sign::Signed;
use crate::wire::{Fields, Response};
use async_trait::async_trait;
use qd_connector_kit::{Account, Answer, Api, checked_ref, echo_mismatch, form, same, sign as compare, unreadable};
use qd_kernel::{Amount, Currency, Problem, Secret, Ts};
use qd_outbound::Method;
use qd_ports::psp::{
    Can, DepositReport, DepositSession, DisputeReport, HookEvent, HookRefusal, HookSubject, OpenDeposit, PROBE_MISSING, PayOut,
    PaymentState, PayoutReport, PayoutRequest, PayoutState, Psp, ReadSettlements, RefundDeposits, RefundReport, RefundRequest, RefundState,
    ReportDisputes, Settlement, SettlementFault, TakeDeposits, VerifyHook,
};
use qd_ports::{CallError, CallResult};

/// What this connector was written against.
pub const API_VERSION: &str = "quick checkout 7.9, automated payments and merchant query 2.8";

const CHECKOUT: &str = "https://pay.skrill.com";
const OWN: &str = "https://www.skrill.com";
const QUERY: &str = "/app/query.pl";
const PAY: &str = "/app/pay.pl";
const REFUNDS: &str = "/app/refund.pl";
/// Of `transaction_id` and `frn_trn_id`, in characters.
const REF_MOST: usize = 100;
/// A refund of ours that nobody answered for is looked for this far back.
const LOOK_BACK_DAYS: i64 = 2;

/// One Skrill merchant account.
#[derive(Debug)]
pub struct Skrill {
    api: Api,
    checkout: Api,
    checkout_path: &'static str,
    email: String,
    merchant_id: String,
    password: Secret,
    words: Vec<Secret>,
    hook_url: String,
}

impl Skrill {
    /// Settings `email` and `merchant_id`; `key` is the API/MQI password, `hook_secrets` are secret
    /// words.
    pub fn new(a: Account) -> Result<Skrill, Problem> {
        let email = a.setting("email", "payments@broker.example")?.to_string();
        let merchant_id = a.setting("merchant_id", "4637827")?.to_string();
        if !merchant_id.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Problem::invalid(
                "psp.settings.merchant_id",
                "setting_malformed",
                "expected digits, such as 4637827",
            ));
        }
        let password = sign::password(a.key("the API/MQI password")?);
        // A word may contain blanks, which other secrets may not.
        if a.hook_secrets.iter().all(Secret::is_empty) {
            a.hook_secrets("the secret word of the account's developer settings")?;
        }
        let own_host = a.api_base.is_none();
        Ok(Skrill {
            api: Api::of(&a, OWN)?,
            checkout: Api::of(&a, CHECKOUT)?,
            // Elsewhere than at Skrill the two hosts are one.
            checkout_path: if own_host { "/" } else { "/pay" },
            email,
            merchant_id,
            password,
            words: a.hook_secrets,
            hook_url: a.hook_url,
        })
    }

    async fn post(&self, api: &Api, path: &str, pairs: &[(&str, &str)]) -> CallResult<Answer> {
        let kind = [("content-type", "application/x-www-form-urlencoded".to_string())];
        api.send(Method::POST, path, &kind, form::encode(pairs)).await
    }

    async fn signed_in(&self, path: &str, pairs: &[(&str, &str)]) -> CallResult<Answer> {
        let mut all = vec![("email", self.email.as_str()), ("password", self.password.expose())];
        all.extend_from_slice(pairs);
        self.post(&self.api, path, &all).await
    }

    /// By Skrill's id or by ours; None when there is no such transaction.
    async fn status(&self, by: &str, id: &str) -> CallResult<Option<(Fields, String)>> {
        let a = self.signed_in(QUERY, &[("action", "status_trn"), (by, id)]).await?;
        let Some(fields) = wire::status(&a)? else { return Ok(None) };
        let of = if by == "trn_id" { "transaction_id" } else { "mb_transaction_id" };
        same(QUERY, id, fields.of(of), &a.text)?;
        Ok(Some((fields, a.text)))
    }

    async fn by_skrill_id(&self, id: &str) -> CallResult<(Fields, String)> {
        let id = skrill_id(id)?;
        self.status("mb_trn_id", id).await?.ok_or_else(nobody_knows)
    }

    /// Prepares and gives the SID: nothing has happened yet.
    async fn prepare(&self, path: &str, pairs: &[(&str, &str)]) -> CallResult<String> {
        let mut all = vec![("action", "prepare")];
        all.extend_from_slice(pairs);
        let a = self.signed_in(path, &all).await?;
        let r = Response::of(&a)?;
        match r.error() {
            Some(code) => Err(refusal(code, false)),
            None => Ok(r.need("sid")?.to_string()),
        }
    }

    /// The refund of ours that an earlier call may have made.
    async fn refund_made(&self, req: &RefundRequest) -> CallResult<Option<RefundReport>> {
        // Skrill's own clock says which days: an answer carries its date.
        let pairs = [("action", "status_trn"), ("mb_trn_id", req.payment_ref.as_str())];
        let a = self.signed_in(QUERY, &pairs).await?;
        wire::status(&a)?.ok_or_else(nobody_knows)?;
        let today = a.header("date").and_then(history::day);
        let today = today.ok_or_else(|| unreadable(QUERY, "an answer without its date", &a.text))?;
        let (y, m, d) = today.plus_days(-LOOK_BACK_DAYS).ymd();
        let start = format!("{d:02}-{m:02}-{y}");
        let a = self.signed_in(QUERY, &[("action", "history"), ("start_date", &start)]).await?;
        let text = wire::history(&a)?;
        let found = history::refund(text, &req.our_ref)
            .map_err(|f| unreadable(QUERY, format!("line {} {}: {}", f.line, f.field, f.expected), &a.text))?;
        let Some(seen) = found else { return Ok(None) };
        if seen.amount != req.amount {
            let detail = format!("{} was to go back as {}, {} went", req.amount, req.our_ref, seen.amount);
            return Err(echo_mismatch(QUERY, detail, &a.text));
        }
        let state = if seen.pending {
            RefundState::Pending
        } else {
            RefundState::Succeeded
        };
        Ok(Some(refund_report(req, seen.id, state, None)))
    }
}

fn refund_report(req: &RefundRequest, provider_ref: String, state: RefundState, failure_code: Option<String>) -> RefundReport {
    RefundReport {
        our_ref: Some(req.our_ref.clone()),
        provider_ref,
        payment_ref: req.payment_ref.clone(),
        state,
        amount: req.amount,
        failure_code,
    }
}

fn nobody_knows() -> CallError {
    CallError::refused(PROBE_MISSING, "Skrill knows no such transaction")
}

fn skrill_id(id: &str) -> CallResult<&str> {
    if !id.is_empty() && id.len() <= 30 && id.bytes().all(|b| b.is_ascii_digit()) {
        Ok(id)
    } else {
        Err(CallError::refused("provider_ref_malformed", "Skrill's ids are digits"))
    }
}

/// Skrill has no id of a payment before the customer pays, so ours stands in: the reference with
/// the sum that was asked for, `dep_1.2540.EUR`.
fn session_ref(our_ref: &str, a: Amount) -> String {
    format!("{our_ref}.{}.{}", a.minor, a.currency)
}

fn of_session(provider_ref: &str) -> Option<(&str, Amount)> {
    let (rest, code) = provider_ref.rsplit_once('.')?;
    let (our_ref, minor) = rest.rsplit_once('.')?;
    let amount = Amount::new(minor.parse().ok()?, Currency::parse(code).ok()?);
    checked_ref(our_ref, REF_MOST).ok().map(|r| (r, amount))
}

/// Languages of the hosted page; others get English.
fn language(tag: &str) -> &'static str {
    const KNOWN: [&str; 17] = [
        "EN", "BG", "CS", "DA", "DE", "EL", "ES", "FI", "FR", "IT", "JA", "NL", "PL", "RO", "RU", "SV", "TR",
    ];
    let own = tag.get(..2).unwrap_or_default();
    KNOWN.iter().find(|k| k.eq_ignore_ascii_case(own)).copied().unwrap_or("EN")
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[async_trait]
impl TakeDeposits for Skrill {
    /// Looks first: a payment that has begun under this id is not opened again.
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession> {
        let our_ref = checked_ref(&req.our_ref, REF_MOST)?;
        let sum = amount::to_skrill(req.amount)?;
        let provider_ref = session_ref(our_ref, req.amount);
        if let Some((fields, text)) = self.status("trn_id", our_ref).await? {
            let known = Known {
                fields: &fields,
                path: QUERY,
                text: &text,
            };
            let r = known.deposit(provider_ref.clone())?;
            if r.amount != req.amount {
                let detail = format!("asked for {}, {our_ref} is about {}", req.amount, r.amount);
                return Err(echo_mismatch(QUERY, detail, &text));
            }
            return Ok(DepositSession {
                provider_ref,
                redirect_url: None,
                state: r.state,
            });
        }
        let description = cut(&req.description, 240);
        let pairs = [
            ("prepare_only", "1"),
            ("pay_to_email", self.email.as_str()),
            ("transaction_id", our_ref),
            ("amount", sum.as_str()),
            ("currency", req.amount.currency.code()),
            ("language", language(&req.locale)),
            ("status_url", self.hook_url.as_str()),
            ("return_url", req.return_url.as_str()),
            ("cancel_url", req.cancel_url.as_str()),
            ("pay_from_email", req.email.as_str()),
            ("detail1_description", "Deposit:"),
            ("detail1_text", description.as_str()),
        ];
        let given: Vec<_> = pairs.into_iter().filter(|(_, v)| !v.is_empty()).collect();
        let a = self.post(&self.checkout, self.checkout_path, &given).await?;
        let sid = wire::sid(&a)?;
        Ok(DepositSession {
            provider_ref,
            redirect_url: Some(format!("{}{}?sid={sid}", self.checkout.base(), self.checkout_path)),
            state: PaymentState::Created,
        })
    }

    /// By the session's reference, or by Skrill's id of the payment.
    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport> {
        let Some((our_ref, asked)) = of_session(provider_ref) else {
            let (fields, text) = self.by_skrill_id(provider_ref).await?;
            let known = Known {
                fields: &fields,
                path: QUERY,
                text: &text,
            };
            return known.deposit(provider_ref.to_string());
        };
        let Some((fields, text)) = self.status("trn_id", our_ref).await? else {
            // The customer has not paid, or not yet.
            return Ok(DepositReport {
                our_ref: Some(our_ref.to_string()),
                provider_ref: provider_ref.to_string(),
                payment_ref: None,
                state: PaymentState::Created,
                amount: asked,
                received: None,
                refunded_minor: 0,
                fee: None,
                failure_code: None,
                soft_failure: false,
                instrument: None,
            });
        };
        let known = Known {
            fields: &fields,
            path: QUERY,
            text: &text,
        };
        let r = known.deposit(provider_ref.to_string())?;
        if r.amount != asked {
            let detail = format!("asked for {asked}, the payment is about {}", r.amount);
            return Err(echo_mismatch(QUERY, detail, &text));
        }
        Ok(r)
    }
}

#[async_trait]
impl RefundDeposits for Skrill {
    /// Skrill does not know a repeated refund by our id: the history is looked through first.
    async fn refund(&self, req: &RefundRequest) -> CallResult<RefundReport> {
        let our_ref = checked_ref(&req.our_ref, REF_MOST)?;
        let sum = amount::to_skrill(req.amount)?;
        let payment = skrill_id(&req.payment_ref)?;
        if let Some(made) = self.refund_made(req).await? {
            return Ok(made);
        }
        let fields = format!("{REFUND},{PAYMENT}");
        let pairs = [
            ("mb_transaction_id", payment),
            ("amount", sum.as_str()),
            ("refund_note", our_ref),
            ("refund_status_url", self.hook_url.as_str()),
            ("merchant_fields", fields.as_str()),
            (REFUND, our_ref),
            (PAYMENT, payment),
        ];
        let sid = self.prepare(REFUNDS, &pairs).await?;
        let a = self.post(&self.api, REFUNDS, &[("action", "refund"), ("sid", &sid)]).await?;
        let r = Response::of(&a)?;
        if let Some(code) = r.error() {
            return Err(refusal(code, true));
        }
        let went = amount::from_skrill(r.need("mb_amount")?, r.need("mb_currency")?);
        if went != Some(req.amount) {
            let detail = format!("{} was to go back as {our_ref}", req.amount);
            return Err(echo_mismatch(REFUNDS, detail, &a.text));
        }
        let status = r.need("status")?;
        let state = map::Status::parse(status)
            .and_then(map::Status::refund)
            .ok_or_else(|| unreadable(REFUNDS, "status cannot be read", &a.text))?;
        Ok(refund_report(req, r.need("mb_transaction_id")?.to_string(), state, None))
    }

    async fn refund_status(&self, provider_ref: &str) -> CallResult<RefundReport> {
        let (fields, text) = self.by_skrill_id(provider_ref).await?;
        let known = Known {
            fields: &fields,
            path: QUERY,
            text: &text,
        };
        known.refund()
    }
}

#[async_trait]
impl ReportDisputes for Skrill {
    /// A chargeback is a state of the payment: they share their id.
    async fn dispute(&self, provider_ref: &str) -> CallResult<DisputeReport> {
        let (fields, text) = self.by_skrill_id(provider_ref).await?;
        let known = Known {
            fields: &fields,
            path: QUERY,
            text: &text,
        };
        known.dispute()
    }
}

#[async_trait]
impl PayOut for Skrill {
    /// Looks first; Skrill itself takes a reference once.
    async fn pay_out(&self, req: &PayoutRequest) -> CallResult<PayoutReport> {
        let our_ref = checked_ref(&req.our_ref, REF_MOST)?;
        let sum = amount::to_skrill(req.amount)?;
        let to = req.to.account.expose();
        if !to.contains('@') || to.len() > 100 {
            return Err(CallError::refused(
                "payout_target_malformed",
                "expected the e-mail address of a Skrill wallet",
            ));
        }
        match self.payout_status(our_ref, None).await {
            Ok(made) if made.amount == req.amount => return Ok(made),
            Ok(made) => {
                let detail = format!("{} was to be paid as {our_ref}, {} is", req.amount, made.amount);
                return Err(echo_mismatch(PAY, detail, ""));
            }
            Err(e) if e.code == PROBE_MISSING => {}
            Err(e) => return Err(e),
        }
        let subject = if req.description.trim().is_empty() {
            "Withdrawal".to_string()
        } else {
            cut(&req.description, 120)
        };
        let pairs = [
            ("amount", sum.as_str()),
            ("currency", req.amount.currency.code()),
            ("bnf_email", to),
            ("subject", subject.as_str()),
            ("note", subject.as_str()),
            ("frn_trn_id", our_ref),
        ];
        let sid = self.prepare(PAY, &pairs).await?;
        let a = self.post(&self.api, PAY, &[("action", "transfer"), ("sid", &sid)]).await?;
        let r = Response::of(&a)?;
        let Some(status) = r.get("status") else {
            return Err(r.error().map_or_else(
                || unreadable(PAY, "neither a transaction nor an error", &a.text),
                |code| refusal(code, true),
            ));
        };
        if amount::from_skrill(r.need("amount")?, r.need("currency")?) != Some(req.amount) {
            let detail = format!("{} was to be paid as {our_ref}", req.amount);
            return Err(echo_mismatch(PAY, detail, &a.text));
        }
        // `status_msg` says processed of failures too: status and error are what counts.
        let state = map::Status::parse(status)
            .and_then(map::Status::payout)
            .ok_or_else(|| unreadable(PAY, "status cannot be read", &a.text))?;
        match (state, r.error()) {
            (PayoutState::Paid | PayoutState::Pending, Some(_)) => Err(unreadable(PAY, "a transaction and an error at once", &a.text)),
            (state, error) => Ok(PayoutReport {
                our_ref: Some(our_ref.to_string()),
                provider_ref: r.need("id")?.to_string(),
                state,
                amount: req.amount,
                fee: None,
                failure_code: error.map(str::to_string),
            }),
        }
    }

    async fn payout_status(&self, our_ref: &str, provider_ref: Option<&str>) -> CallResult<PayoutReport> {
        let our_ref = checked_ref(our_ref, REF_MOST)?;
        let (fields, text) = match provider_ref {
            Some(id) => self.by_skrill_id(id).await?,
            None => self.status("trn_id", our_ref).await?.ok_or_else(nobody_knows)?,
        };
        same(QUERY, our_ref, fields.of("transaction_id"), &text)?;
        let known = Known {
            fields: &fields,
            path: QUERY,
            text: &text,
        };
        known.payout()
    }
}

impl VerifyHook for Skrill {
    /// MD5 without a time: what a post says is a hint, the query says what is.
    fn verify(&self, _headers: &[(String, String)], body: &[u8], now: Ts) -> Result<HookEvent, HookRefusal> {
        let text = std::str::from_utf8(body).map_err(|_| HookRefusal::Forged("not text".into()))?;
        let f = Fields::read(text).ok_or_else(|| HookRefusal::Forged("not a form".into()))?;
        let given = f.of("md5sig").to_ascii_uppercase();
        let signed = Signed {
            merchant_id: f.of("merchant_id"),
            transaction_id: f.of("transaction_id"),
            mb_amount: f.of("mb_amount"),
            mb_currency: f.of("mb_currency"),
            status: f.of("status"),
        };
        let good = compare::any_fits(&self.words, given.as_bytes(), |w| sign::md5sig(&signed, w).into_bytes());
        if !good {
            return Err(HookRefusal::Forged("md5sig fits none of the secret words".into()));
        }
        if signed.merchant_id != self.merchant_id {
            return Err(HookRefusal::Forged("signed for another merchant".into()));
        }
        let unreadable = |what: &str| HookRefusal::Unreadable(format!("no {what}"));
        let id = skrill_id(f.of("mb_transaction_id")).map_err(|_| unreadable("mb_transaction_id"))?;
        if map::Status::parse(signed.status).is_none() {
            return Err(HookRefusal::Unreadable(format!("unknown status {}", cut(signed.status, 20))));
        }
        let provider_ref = id.to_string();
        let subject = match (f.get(REFUND).filter(|r| !r.is_empty()), signed.status) {
            (Some(r), _) => HookSubject::Refund {
                our_ref: Some(r.to_string()),
                provider_ref,
            },
            (None, "-3") => HookSubject::Dispute { provider_ref },
            (None, _) => HookSubject::Deposit {
                our_ref: Some(signed.transaction_id.to_string()).filter(|r| !r.is_empty()),
                provider_ref,
            },
        };
        Ok(HookEvent {
            event_id: format!("{id}:{}", signed.status),
            kind: format!("status {}", signed.status),
            subject,
            at: now,
        })
    }
}

impl ReadSettlements for Skrill {
    fn read_settlement(&self, file: &[u8]) -> Result<Settlement, SettlementFault> {
        history::read(file)
    }
}

impl Psp for Skrill {
    fn provider(&self) -> &'static str {
        "skrill"
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
    fn hook_answer(&self) -> &'static str {
        "OK"
    }
    fn probe(&self) -> &'static str {
        "1"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_by_our_id_and_the_sum() {
        let a = Amount::new(2_540, Currency::EUR);
        assert_eq!(of_session(&session_ref("dep_1", a)), Some(("dep_1", a)));
        for other in ["99", "dep_1", "dep_1.x.EUR", "dep_1.1.EURO", "a/b.1.EUR"] {
            assert_eq!(of_session(other), None, "{other}");
        }
    }

    #[test]
    fn pages_speak_the_customers_language_or_english() {
        assert_eq!((language("de_DE"), language("ar"), language("")), ("DE", "EN", "EN"));
    }
}
