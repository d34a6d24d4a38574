//! What a callback told, in the place of an answer: at providers that have no call to ask. The
//! jobs then do with it what they do with any report.

use async_trait::async_trait;
use qd_kernel::{Amount, Ts};
use qd_ports::CallResult;
use qd_ports::psp::{
    Can, DepositReport, DepositSession, DisputeReport, HookEvent, HookRefusal, OpenDeposit, PayOut, PayoutReport, PayoutRequest, Psp,
    ReadSettlements, RefundDeposits, RefundReport, RefundRequest, ReportDisputes, Settlement, SettlementFault, TakeDeposits, Told,
    VerifyHook,
};
use std::sync::Arc;

/// A provider that answers once from what it told, and passes on everything else.
pub(crate) struct Hearsay {
    pub told: Told,
    pub inner: Arc<dyn Psp>,
}

#[async_trait]
impl TakeDeposits for Hearsay {
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession> {
        self.inner.open_deposit(req).await
    }
    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport> {
        match &self.told {
            Told::Deposit(r) => Ok(r.clone()),
            Told::Refund(_) | Told::Dispute(_) => self.inner.deposit(provider_ref).await,
        }
    }
    async fn take(&self, provider_ref: &str, our_ref: &str, amount: Amount) -> CallResult<DepositReport> {
        self.inner.take(provider_ref, our_ref, amount).await
    }
}

#[async_trait]
impl RefundDeposits for Hearsay {
    async fn refund(&self, req: &RefundRequest) -> CallResult<RefundReport> {
        self.inner.refund(req).await
    }
    async fn refund_status(&self, provider_ref: &str) -> CallResult<RefundReport> {
        match &self.told {
            Told::Refund(r) => Ok(r.clone()),
            Told::Deposit(_) | Told::Dispute(_) => self.inner.refund_status(provider_ref).await,
        }
    }
}

#[async_trait]
impl ReportDisputes for Hearsay {
    async fn dispute(&self, provider_ref: &str) -> CallResult<DisputeReport> {
        match &self.told {
            Told::Dispute(r) => Ok(r.clone()),
            Told::Deposit(_) | Told::Refund(_) => self.inner.dispute(provider_ref).await,
        }
    }
}

#[async_trait]
impl PayOut for Hearsay {
    async fn pay_out(&self, req: &PayoutRequest) -> CallResult<PayoutReport> {
        self.inner.pay_out(req).await
    }
    async fn payout_status(&self, our_ref: &str, provider_ref: Option<&str>) -> CallResult<PayoutReport> {
        self.inner.payout_status(our_ref, provider_ref).await
    }
}

impl ReadSettlements for Hearsay {
    fn read_settlement(&self, file: &[u8]) -> Result<Settlement, SettlementFault> {
        self.inner.read_settlement(file)
    }
}

impl VerifyHook for Hearsay {
    fn verify(&self, headers: &[(String, String)], body: &[u8], now: Ts) -> Result<HookEvent, HookRefusal> {
        self.inner.verify(headers, body, now)
    }
}

impl Psp for Hearsay {
    fn provider(&self) -> &'static str {
        self.inner.provider()
    }
    fn api_version(&self) -> &'static str {
        self.inner.api_version()
    }
    fn can(&self) -> Can {
        self.inner.can()
    }
    fn hook_answer(&self) -> &'static str {
        self.inner.hook_answer()
    }
    fn probe(&self) -> &'static str {
        self.inner.probe()
    }
}
