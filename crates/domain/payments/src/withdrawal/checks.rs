//! What a reviewer looks at first (PM-09): the funds now, and age of the verification, source,
//! device and trading as the rules were told.

use super::{WithdrawalState, WithdrawalView};
use crate::wallet;
use qd_db::Tx;
use qd_kernel::{Amount, Result, Ts};
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit;
use serde::Serialize;
use serde_json::Value;

/// In the rules' facts: it did not happen. Longer ago than any of them asks for.
pub(super) const NEVER: i64 = 99_999;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WithdrawalChecks)]
pub struct Checks {
    /// When the rules were told what stands here, but for the funds; None before.
    pub at_us: Option<Ts>,
    pub funds: FundsCheck,
    pub kyc: KycCheck,
    pub source: SourceCheck,
    pub device: DeviceCheck,
    pub changes: ChangesCheck,
    /// Deposits of the client with a dispute, whatever became of it.
    pub disputes: Option<i64>,
    /// Trades of the client ever.
    pub deals: Option<i64>,
}

/// Covered as a whole for those who see no amounts.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct FundsCheck {
    pub enough: bool,
    pub balance: Amount,
    pub held: Amount,
    /// Of all the client had with us in this currency when the rules were told.
    pub share_of_balance_pct: Option<i64>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct KycCheck {
    pub verified: Option<bool>,
    /// Days since the last approval; None: never.
    pub age_days: Option<i64>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SourceCheck {
    /// All of it can go back to where it came from.
    pub same_source: Option<bool>,
    /// `source` or `bank`.
    pub method: Option<String>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DeviceCheck {
    pub known_days: Option<i64>,
    /// The device the client came with.
    pub first: Option<bool>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ChangesCheck {
    /// Hours since the e-mail address or phone were changed; None: never.
    pub contact_hours: Option<i64>,
    pub password_hours: Option<i64>,
}

/// Only for who reviews, and only while somebody has to.
pub async fn checks(tx: &mut Tx, caller: &Caller, w: &WithdrawalView) -> Result<Option<Checks>> {
    if w.state != WithdrawalState::Review || !caller.may(Right::WithdrawalsReview) {
        return Ok(None);
    }
    let told = audit::decisions_of(tx, caller, &format!("withdrawal:{}", w.id))
        .await?
        .into_iter()
        .filter(|d| d.kind == "withdrawal.rules")
        .max_by_key(|d| d.at);
    let money = qd_ledger::balance(tx, &wallet(&w.client_id, w.amount.currency)).await?;
    let facts = told.as_ref().map(|d| d.inputs["facts"].clone()).unwrap_or_default();
    let number = |v: &Value| v.as_i64();
    let ago = |v: &Value| v.as_i64().filter(|n| *n < NEVER);
    Ok(Some(Checks {
        at_us: told.map(|d| d.at),
        funds: FundsCheck {
            // The hold of this request is in the wallet's balance, and nothing else may use it.
            enough: money.balance_minor >= w.amount.minor && money.held_minor >= w.amount.minor,
            balance: Amount::new(money.balance_minor, w.amount.currency),
            held: Amount::new(money.held_minor, w.amount.currency),
            share_of_balance_pct: number(&facts["withdrawal"]["share_of_balance_pct"]),
        },
        kyc: KycCheck {
            verified: facts["client"]["verified"].as_bool(),
            age_days: ago(&facts["client"]["kyc_age_days"]),
        },
        source: SourceCheck {
            same_source: facts["withdrawal"]["same_source"].as_bool(),
            method: facts["withdrawal"]["method"].as_str().map(str::to_string),
        },
        device: DeviceCheck {
            known_days: number(&facts["device"]["known_days"]),
            first: facts["device"]["first"].as_bool(),
        },
        changes: ChangesCheck {
            contact_hours: ago(&facts["changes"]["contact_hours"]),
            password_hours: ago(&facts["changes"]["password_hours"]),
        },
        disputes: number(&facts["deposits"]["disputes"]),
        deals: number(&facts["trading"]["deals"]),
    }))
}
