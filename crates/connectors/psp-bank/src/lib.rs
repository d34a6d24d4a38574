//! Bank transfer: reads statements (camt.053, camt.054) and answers to payment files (pain.002), writes
//! payment files (pain.001), and gives a deposit the reference that a transfer is recognised by.
//! Facts: payment-providers.md section 7. Nothing is called: a bank is files.

mod camt;
mod money;
mod pain_001;
mod pain_002;
mod xml;

use async_trait::async_trait;
use qd_kernel::{Amount, Currency, Ts};
use qd_ports::bank::{BankFile, BankFiles, Message, creditor_reference};
use qd_ports::psp::{
    Can, DepositReport, DepositSession, DisputeReport, HookEvent, HookRefusal, OpenDeposit, PROBE_MISSING, PayOut, PaymentState, Psp,
    ReadSettlements, RefundDeposits, RefundReport, RefundRequest, ReportDisputes, SettlementFault, TakeDeposits, VerifyHook,
};
use qd_ports::{CallError, CallResult};
use sha2::{Digest, Sha256};

/// The files of ISO 20022.
#[derive(Clone, Copy, Debug, Default)]
pub struct Iso20022;

impl BankFiles for Iso20022 {
    fn read(&self, file: &[u8]) -> Result<BankFile, SettlementFault> {
        let text = xml::text(file)?;
        let root = xml::root(text)?;
        match root.as_str() {
            "BkToCstmrStmt" | "BkToCstmrDbtCdtNtfctn" => camt::read(text),
            "CstmrPmtStsRpt" => pain_002::read(text),
            other => Err(xml::fault(
                1,
                "Document",
                "message_unsupported",
                format!("expected a camt.053, camt.054 or pain.002, not {other:.40}"),
            )),
        }
    }

    fn payments(&self, message: &Message) -> qd_kernel::Result<String> {
        pain_001::write(message)
    }
}

/// A bank account that clients pay into. Deposits wait for a statement; nothing can be asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bank;

/// Letters and digits that are not taken for each other.
const PLAIN: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Twelve letters and digits behind `RF` and its check digits: short enough to be typed, and 2^60 of
/// them, so that two deposits never share one (the table of deposits refuses it besides).
fn reference_of(our_ref: &str) -> String {
    let hash = Sha256::digest(our_ref.as_bytes());
    let body: String = hash[..12].iter().map(|b| char::from(PLAIN[usize::from(b & 31)])).collect();
    creditor_reference(&body).expect("twelve of capital letters and digits are a body")
}

fn not_offered(what: &str) -> CallError {
    CallError::refused("not_offered", format!("a bank transfer {what}"))
}

#[async_trait]
impl TakeDeposits for Bank {
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession> {
        Ok(DepositSession {
            provider_ref: reference_of(&req.our_ref),
            redirect_url: None,
            state: PaymentState::RequiresAction,
        })
    }
    /// Always that the client has yet to pay: what came is on a statement.
    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport> {
        if provider_ref == self.probe() {
            return Err(CallError::refused(PROBE_MISSING, "no deposit has this reference"));
        }
        Ok(DepositReport {
            our_ref: None,
            provider_ref: provider_ref.to_string(),
            payment_ref: None,
            state: PaymentState::RequiresAction,
            amount: Amount::new(0, Currency::EUR),
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
impl RefundDeposits for Bank {
    async fn refund(&self, _: &RefundRequest) -> CallResult<RefundReport> {
        Err(not_offered("goes back by a payment file"))
    }
    async fn refund_status(&self, _: &str) -> CallResult<RefundReport> {
        Err(not_offered("goes back by a payment file"))
    }
}

#[async_trait]
impl ReportDisputes for Bank {
    async fn dispute(&self, _: &str) -> CallResult<DisputeReport> {
        Err(not_offered("has no disputes"))
    }
}

#[async_trait]
impl PayOut for Bank {}

impl ReadSettlements for Bank {}

impl VerifyHook for Bank {
    fn verify(&self, _: &[(String, String)], _: &[u8], _: Ts) -> Result<HookEvent, HookRefusal> {
        Err(HookRefusal::Forged("a bank sends no callbacks".into()))
    }
}

impl Psp for Bank {
    fn provider(&self) -> &'static str {
        "bank"
    }
    fn api_version(&self) -> &'static str {
        "camt.053.001.08, camt.054.001.08, pain.001.001.09, pain.002.001.10"
    }
    fn can(&self) -> Can {
        Can {
            refunds: false,
            payouts: false,
            disputes: false,
            settlements: false,
        }
    }
    fn by_statement(&self) -> bool {
        true
    }
    fn probe(&self) -> &'static str {
        "RF00PROBE"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_ports::bank::is_creditor_reference;
    use std::collections::BTreeSet;

    #[test]
    fn a_deposit_gets_a_reference_of_its_own_that_notices_typing_mistakes() {
        let all: BTreeSet<String> = (0..2_000).map(|n| reference_of(&format!("dep_{n}"))).collect();
        assert_eq!(all.len(), 2_000);
        assert!(all.iter().all(|r| r.len() == 16 && is_creditor_reference(r)));
        assert_eq!(reference_of("dep_1"), reference_of("dep_1"));
    }
}
