//! Skrill's words into ours (payment-providers.md 0 and 3.4).

use crate::amount::from_skrill;
use crate::wire::Fields;
use qd_connector_kit::{echo_mismatch, unreadable};
use qd_kernel::Amount;
use qd_ports::psp::{
    DepositReport, DisputeReport, DisputeState, Instrument, PaymentState, PayoutReport, PayoutState, RefundReport, RefundState,
};
use qd_ports::{CallError, CallResult};

/// Merchant fields of a refund: ours come back in its posts and in queries about it.
pub(crate) const REFUND: &str = "qd_refund";
pub(crate) const PAYMENT: &str = "qd_payment";

/// Skrill's status numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Processed,
    Scheduled,
    Pending,
    Cancelled,
    Failed,
    Chargeback,
    Returned,
}

impl Status {
    pub fn parse(text: &str) -> Option<Status> {
        Some(match text {
            "2" => Status::Processed,
            "1" => Status::Scheduled,
            "0" => Status::Pending,
            "-1" => Status::Cancelled,
            "-2" => Status::Failed,
            "-3" => Status::Chargeback,
            "-4" => Status::Returned,
            _ => return None,
        })
    }

    fn deposit(self) -> Option<PaymentState> {
        match self {
            Status::Processed => Some(PaymentState::Succeeded),
            // It was paid; that it went back is the dispute's story.
            Status::Chargeback => Some(PaymentState::Succeeded),
            Status::Scheduled | Status::Pending => Some(PaymentState::Pending),
            Status::Cancelled => Some(PaymentState::Cancelled),
            Status::Failed => Some(PaymentState::Failed),
            // Only payouts return.
            Status::Returned => None,
        }
    }

    pub fn payout(self) -> Option<PayoutState> {
        match self {
            Status::Processed => Some(PayoutState::Paid),
            Status::Scheduled | Status::Pending => Some(PayoutState::Pending),
            // Nobody opened the wallet it was scheduled for.
            Status::Cancelled | Status::Failed => Some(PayoutState::Failed),
            Status::Returned => Some(PayoutState::Returned),
            Status::Chargeback => None,
        }
    }

    pub fn refund(self) -> Option<RefundState> {
        match self {
            Status::Processed => Some(RefundState::Succeeded),
            Status::Scheduled | Status::Pending => Some(RefundState::Pending),
            Status::Cancelled => Some(RefundState::Cancelled),
            Status::Failed => Some(RefundState::Failed),
            Status::Chargeback | Status::Returned => None,
        }
    }
}

/// What every status answer is about.
pub(crate) struct Known<'a> {
    pub fields: &'a Fields,
    pub path: &'a str,
    pub text: &'a str,
}

impl Known<'_> {
    fn bad(&self, what: &str) -> CallError {
        unreadable(self.path, format!("{what} cannot be read"), self.text)
    }

    fn need(&self, name: &str) -> CallResult<&str> {
        self.fields.get(name).filter(|v| !v.is_empty()).ok_or_else(|| self.bad(name))
    }

    fn status(&self) -> CallResult<Status> {
        Status::parse(self.need("status")?).ok_or_else(|| self.bad("status"))
    }

    /// What our account moved.
    fn moved(&self) -> CallResult<Amount> {
        from_skrill(self.need("mb_amount")?, self.need("mb_currency")?).ok_or_else(|| self.bad("mb_amount"))
    }

    /// What was asked for, where the answer says so.
    fn asked(&self) -> CallResult<Amount> {
        match (self.fields.get("amount"), self.fields.get("currency")) {
            (Some(a), Some(c)) if !a.is_empty() => from_skrill(a, c).ok_or_else(|| self.bad("amount")),
            _ => self.moved(),
        }
    }

    /// Err unless our account moved what was asked for, in that currency: the rest is a person's.
    fn same_money(&self, asked: Amount, moved: Amount) -> CallResult<()> {
        if asked == moved {
            Ok(())
        } else {
            let detail = format!("asked for {asked}, the account moved {moved}");
            Err(echo_mismatch(self.path, detail, self.text))
        }
    }

    pub fn deposit(&self, provider_ref: String) -> CallResult<DepositReport> {
        let (amount, moved, status) = (self.asked()?, self.moved()?, self.status()?);
        let state = status.deposit().ok_or_else(|| self.bad("status"))?;
        let paid = state == PaymentState::Succeeded;
        if paid {
            self.same_money(amount, moved)?;
        }
        let reason = self.fields.get("failed_reason_code").filter(|r| !r.is_empty());
        Ok(DepositReport {
            our_ref: Some(self.need("transaction_id")?.to_string()),
            provider_ref,
            payment_ref: Some(self.need("mb_transaction_id")?.to_string()),
            state,
            amount,
            received: paid.then_some(moved),
            refunded_minor: 0,
            fee: None,
            failure_code: reason.filter(|_| state == PaymentState::Failed).map(|r| format!("skrill_{r}")),
            // Not enough money, or a limit: another time or another way may do.
            soft_failure: state == PaymentState::Failed && matches!(reason, Some("05")),
            instrument: self.instrument(),
        })
    }

    fn instrument(&self) -> Option<Instrument> {
        let kind = match self.fields.of("payment_type") {
            "WLT" => "wallet",
            "VSA" | "MSC" | "VSE" | "MAE" | "AMX" | "DIN" | "JCB" => "card",
            "" => return None,
            _ => "bank",
        };
        Some(Instrument {
            kind: kind.into(),
            brand: Some("skrill".into()),
            country: self.fields.get("payment_instrument_country").map(str::to_string),
            fingerprint: self.fields.get("customer_id").map(|c| format!("skrill:{c}")),
            ..Instrument::default()
        })
    }

    pub fn dispute(&self) -> CallResult<DisputeReport> {
        let id = self.need("mb_transaction_id")?.to_string();
        Ok(DisputeReport {
            provider_ref: id.clone(),
            payment_ref: id,
            state: match self.status()? {
                Status::Chargeback => DisputeState::Opened,
                // How one ends is not documented: a person looks.
                Status::Processed | Status::Scheduled | Status::Pending | Status::Cancelled | Status::Failed | Status::Returned => {
                    DisputeState::Unrecognised
                }
            },
            amount: self.moved()?,
            reason: "chargeback".into(),
            provider_state: self.need("status")?.to_string(),
        })
    }

    pub fn payout(&self) -> CallResult<PayoutReport> {
        Ok(PayoutReport {
            our_ref: Some(self.need("transaction_id")?.to_string()),
            provider_ref: self.need("mb_transaction_id")?.to_string(),
            state: self.status()?.payout().ok_or_else(|| self.bad("status"))?,
            amount: self.asked()?,
            fee: None,
            failure_code: self.failure(),
        })
    }

    pub fn refund(&self) -> CallResult<RefundReport> {
        let no_ref = || echo_mismatch(self.path, "the transaction carries no refund of ours", self.text);
        Ok(RefundReport {
            our_ref: Some(self.fields.get(REFUND).filter(|r| !r.is_empty()).ok_or_else(no_ref)?.to_string()),
            provider_ref: self.need("mb_transaction_id")?.to_string(),
            payment_ref: self.fields.get(PAYMENT).ok_or_else(no_ref)?.to_string(),
            state: self.status()?.refund().ok_or_else(|| self.bad("status"))?,
            amount: self.moved()?,
            failure_code: self.failure(),
        })
    }

    fn failure(&self) -> Option<String> {
        let reason = self.fields.get("failed_reason_code").filter(|r| !r.is_empty());
        reason.map(|r| format!("skrill_{r}"))
    }
}

/// What an error code of the Automated Payments Interface says. `moved` when the call could have
/// moved money: a code nobody knows then proves nothing.
pub(crate) fn refusal(code: &str, moved: bool) -> CallError {
    let detail = format!("Skrill says {code}");
    match code {
        "CANNOT_LOGIN" | "LOGIN_INVALID" => CallError::refused("unauthorised", detail),
        // Top up, wait, prepare again: nothing happened.
        "BALANCE_NOT_ENOUGH" | "SESSION_EXPIRED" => CallError::refused_for_now(code, detail),
        "INVALID_EMAIL" | "INVALID_OR_MISSING_ACTION" | "MISSING_AMOUNT" | "PAYMENT_DENIED" | "REFUND_DENIED" | "ALREADY_REFUNDED" => {
            CallError::refused(code, detail)
        }
        // The reference was used: an earlier call of ours may have come through.
        c if c.contains("FRN_TRN_ID") => CallError::unknown(code, detail),
        _ if moved => CallError::unknown(code, detail),
        _ => CallError::refused(code, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_kernel::Currency;
    use qd_ports::Fate;

    const TEXT: &str = "transaction_id=dep_1&mb_transaction_id=99&amount=25.4&currency=EUR&mb_amount=25.4&mb_currency=EUR";

    fn with(more: &str) -> Fields {
        Fields::read(&format!("{TEXT}&{more}")).unwrap()
    }

    fn known(fields: &Fields) -> Known<'_> {
        Known {
            fields,
            path: "/app/query.pl",
            text: "raw",
        }
    }

    #[test]
    fn every_status_has_its_meaning_for_payments_payouts_and_refunds() {
        for (word, deposit, payout, refund) in [
            (
                "2",
                Some(PaymentState::Succeeded),
                Some(PayoutState::Paid),
                Some(RefundState::Succeeded),
            ),
            (
                "1",
                Some(PaymentState::Pending),
                Some(PayoutState::Pending),
                Some(RefundState::Pending),
            ),
            (
                "0",
                Some(PaymentState::Pending),
                Some(PayoutState::Pending),
                Some(RefundState::Pending),
            ),
            (
                "-1",
                Some(PaymentState::Cancelled),
                Some(PayoutState::Failed),
                Some(RefundState::Cancelled),
            ),
            (
                "-2",
                Some(PaymentState::Failed),
                Some(PayoutState::Failed),
                Some(RefundState::Failed),
            ),
            ("-3", Some(PaymentState::Succeeded), None, None),
            ("-4", None, Some(PayoutState::Returned), None),
        ] {
            let s = Status::parse(word).unwrap();
            assert_eq!((s.deposit(), s.payout(), s.refund()), (deposit, payout, refund), "{word}");
        }
        assert_eq!(Status::parse("3"), None);
    }

    #[test]
    fn an_unknown_status_is_a_persons_and_never_a_guess() {
        let f = with("status=7");
        let e = known(&f).deposit("x".into()).unwrap_err();
        assert_eq!(
            (e.fate, e.code.as_str(), e.raw.is_some()),
            (Fate::Unknown, "unreadable_answer", true)
        );
    }

    #[test]
    fn another_currency_or_sum_on_the_account_is_a_mismatch() {
        for (ours, theirs) in [("mb_currency=EUR", "mb_currency=USD"), ("mb_amount=25.4", "mb_amount=25.3")] {
            let f = Fields::read(&format!("{}&status=2", TEXT.replace(ours, theirs))).unwrap();
            assert_eq!(known(&f).deposit("x".into()).unwrap_err().code, "echo_mismatch", "{theirs}");
        }
    }

    #[test]
    fn a_failure_says_why_and_whether_it_is_worth_another_try() {
        let f = with("status=-2&failed_reason_code=05&payment_type=WLT");
        let r = known(&f).deposit("x".into()).unwrap();
        assert_eq!(
            (r.state, r.soft_failure, r.failure_code.as_deref()),
            (PaymentState::Failed, true, Some("skrill_05"))
        );
        assert_eq!((r.received, r.amount), (None, Amount::new(2_540, Currency::EUR)));
        assert_eq!(r.instrument.unwrap().kind, "wallet");
    }

    #[test]
    fn a_code_nobody_knows_proves_nothing_once_money_could_have_moved() {
        for (code, moved, fate) in [
            ("GENERIC_ERROR", true, Fate::Unknown),
            ("GENERIC_ERROR", false, Fate::Refused),
            ("PAYMENT_DENIED", true, Fate::Refused),
            ("BALANCE_NOT_ENOUGH", true, Fate::RefusedForNow),
            ("SESSION_EXPIRED", true, Fate::RefusedForNow),
            ("INVALID_FRN_TRN_ID", false, Fate::Unknown),
            ("CANNOT_LOGIN", false, Fate::Refused),
        ] {
            assert_eq!(refusal(code, moved).fate, fate, "{code}");
        }
    }
}
