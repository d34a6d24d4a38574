//! Money to a client: a pull payment over the sum in the client's currency, named after our leg,
//! and one claim against it to the client's address. The pull payment is what makes a repeat
//! harmless: it is found by its name, and it pays its sum once.

use crate::wire::{OUR_REF, Payout, PullPayment, exact};
use crate::{BtcPay, map, positive};
use async_trait::async_trait;
use qd_connector_kit::{Answer, checked_id, checked_ref, echo_mismatch, same, unreadable};
use qd_kernel::Amount;
use qd_ports::psp::{PROBE_MISSING, PayOut, PayoutReport, PayoutRequest};
use qd_ports::{CallError, CallResult};
use serde_json::json;

impl BtcPay {
    async fn pull_payment_of(&self, our_ref: &str) -> CallResult<Option<(PullPayment, Answer)>> {
        let (all, a) = self
            .get::<Vec<PullPayment>>(&self.path("/pull-payments?includeArchived=true"))
            .await?;
        // A name is not unique there; two of one name can only be two tries of ours.
        let mut named: Vec<PullPayment> = all.into_iter().filter(|p| p.name.as_deref() == Some(our_ref)).collect();
        if named.len() > 1 {
            let mut e = CallError::unknown(
                "two_pull_payments",
                format!("{}: several pull payments are named {our_ref}", a.path),
            );
            e.raw = Some(qd_connector_kit::cut(&a.text));
            return Err(e);
        }
        Ok(named.pop().map(|p| (p, a)))
    }

    /// The claim against a pull payment, cancelled ones included: what was cancelled there was
    /// refused by a person and is not tried again.
    async fn claim_of(&self, pull: &str, our_ref: &str) -> CallResult<Option<PayoutReport>> {
        let path = format!("/api/v1/pull-payments/{}/payouts?includeCancelled=true", checked_id(pull)?);
        let (all, a) = self.get::<Vec<Payout>>(&path).await?;
        match all.as_slice() {
            [] => Ok(None),
            [one] => self.report(one, our_ref, &a).map(Some),
            _ => Err(echo_mismatch(
                &a.path,
                format!("several payouts claim the pull payment of {our_ref}"),
                &a.text,
            )),
        }
    }

    fn report(&self, p: &Payout, our_ref: &str, a: &Answer) -> CallResult<PayoutReport> {
        let report = map::payout(p).map_err(|why| unreadable(&a.path, why, &a.text))?;
        if report.our_ref.as_deref() != Some(our_ref) {
            return Err(echo_mismatch(&a.path, format!("the payout is not marked as {our_ref}"), &a.text));
        }
        Ok(report)
    }
}

#[async_trait]
impl PayOut for BtcPay {
    async fn pay_out(&self, req: &PayoutRequest) -> CallResult<PayoutReport> {
        let our_ref = checked_ref(&req.our_ref, 64)?;
        let amount = positive(req.amount)?;
        let of = |p: &PullPayment, a: &Answer| -> CallResult<Amount> {
            exact(&p.amount, &p.currency).ok_or_else(|| unreadable(&a.path, format!("{} {} is no amount", p.amount, p.currency), &a.text))
        };
        let (pull, a) = match self.pull_payment_of(our_ref).await? {
            Some(known) => known,
            None => {
                let body = json!({
                    "name": our_ref, "description": req.description, "amount": amount.text(), "currency": amount.currency.code(),
                    "autoApproveClaims": self.approve_payouts, "payoutMethods": [self.payout_method],
                });
                self.post::<PullPayment>(&self.path("/pull-payments"), &body).await?
            }
        };
        let sum = of(&pull, &a)?;
        if sum != amount || pull.name.as_deref() != Some(our_ref) {
            return Err(echo_mismatch(
                &a.path,
                format!("asked for {amount} as {our_ref}, the pull payment is about {sum}"),
                &a.text,
            ));
        }
        if let Some(known) = self.claim_of(&pull.id, our_ref).await? {
            return if known.amount == amount {
                Ok(known)
            } else {
                Err(CallError::unknown(
                    "echo_mismatch",
                    format!("the payout of {our_ref} is about {}, not {amount}", known.amount),
                ))
            };
        }
        let body = json!({
            "destination": req.to.account.expose(), "amount": amount.text(), "payoutMethodId": self.payout_method,
            "pullPaymentId": pull.id, "approved": self.approve_payouts, "metadata": {OUR_REF: our_ref},
        });
        let (p, a) = self.post::<Payout>(&self.path("/payouts"), &body).await?;
        let report = self.report(&p, our_ref, &a)?;
        let same_way = p.pull_payment_id.as_deref() == Some(pull.id.as_str()) && p.destination == req.to.account.expose();
        if report.amount != amount || !same_way {
            return Err(echo_mismatch(
                &a.path,
                format!("asked for {amount} as {our_ref}, the payout is about {}", report.amount),
                &a.text,
            ));
        }
        Ok(report)
    }

    async fn payout_status(&self, our_ref: &str, provider_ref: Option<&str>) -> CallResult<PayoutReport> {
        let our_ref = checked_ref(our_ref, 64)?;
        if let Some(id) = provider_ref {
            let id = checked_id(id)?;
            let (p, a) = self.get::<Payout>(&self.path(&format!("/payouts/{id}"))).await?;
            same(&a.path, id, &p.id, &a.text)?;
            return self.report(&p, our_ref, &a);
        }
        let missing = || CallError::refused(PROBE_MISSING, format!("the server knows no payout of {our_ref}"));
        let (pull, _) = self.pull_payment_of(our_ref).await?.ok_or_else(missing)?;
        self.claim_of(&pull.id, our_ref).await?.ok_or_else(missing)
    }
}
