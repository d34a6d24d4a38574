//! Money to a client: to a bank account by IBAN, or to a PayPal wallet by its e-mail address.

use crate::wire::{OUR_REF, Payout};
use crate::{DUPLICATE, Hyperswitch, amount, id_of, map, wrong};
use async_trait::async_trait;
use qd_connector_kit::{Answer, checked_id, checked_ref, echo_mismatch, same};
use qd_ports::psp::{PayOut, PayoutReport, PayoutRequest, PayoutTarget};
use qd_ports::{CallError, CallResult};
use serde_json::{Value, json};

/// `payout_type` and `payout_method_data`, by the form of the account.
fn target(to: &PayoutTarget) -> CallResult<(&'static str, Value)> {
    let account = to.account.expose().trim();
    let plain: String = account.chars().filter(|c| !c.is_whitespace()).collect();
    let b = plain.as_bytes();
    let iban = (15..=34).contains(&b.len())
        && b.iter().all(u8::is_ascii_alphanumeric)
        && b[..2].iter().all(u8::is_ascii_uppercase)
        && b[2..4].iter().all(u8::is_ascii_digit);
    if iban {
        let mut bank = json!({"iban": plain});
        if let Some(bic) = &to.bank_code {
            bank["bic"] = json!(bic);
        }
        return Ok(("bank", json!({"bank": bank})));
    }
    if account
        .split_once('@')
        .is_some_and(|(who, host)| !who.is_empty() && host.contains('.'))
    {
        return Ok(("wallet", json!({"wallet": {"paypal": {"email": account}}})));
    }
    Err(CallError::refused(
        "payout_target_unsupported",
        "expected an IBAN or the e-mail address of a PayPal wallet",
    ))
}

impl Hyperswitch {
    async fn payout(&self, id: &str) -> CallResult<(Payout, Answer)> {
        let (p, a) = self.get::<Payout>(&format!("/payouts/{id}?force_sync=true")).await?;
        same(&a.path, id, &p.payout_id, &a.text)?;
        Ok((p, a))
    }
}

#[async_trait]
impl PayOut for Hyperswitch {
    async fn pay_out(&self, req: &PayoutRequest) -> CallResult<PayoutReport> {
        let our_ref = checked_ref(&req.our_ref, 64)?;
        let id = id_of(our_ref)?;
        let (kind, data) = target(&req.to)?;
        let (first, last) = req.to.holder.split_once(' ').unwrap_or((req.to.holder.as_str(), ""));
        let mut body = json!({
            "payout_id": id, "amount": amount::to_wire(req.amount)?, "currency": req.amount.currency.code(), "payout_type": kind,
            "payout_method_data": data, "confirm": true, "auto_fulfill": true, "entity_type": "Individual", "description": req.description,
            "billing": {"address": {"country": req.to.country, "first_name": first, "last_name": last}}, "metadata": {OUR_REF: our_ref},
        });
        if let Some(profile) = &self.profile {
            body["profile_id"] = json!(profile);
        }
        if let Some(connector) = &self.payout_connector {
            body["connector"] = json!([connector]);
        }
        let (p, a) = match self.post::<Payout>("/payouts/create", &body).await {
            Err(e) if e.code == DUPLICATE => self.payout(&id).await?,
            other => other?,
        };
        let report = map::payout(&p).map_err(|w| wrong(&a, w))?;
        if report.amount != req.amount || report.our_ref.as_deref() != Some(our_ref) || report.provider_ref != id {
            let why = format!("asked to pay {} as {our_ref}, the payout is about {}", req.amount, report.amount);
            return Err(echo_mismatch(&a.path, why, &a.text));
        }
        Ok(report)
    }

    async fn payout_status(&self, our_ref: &str, provider_ref: Option<&str>) -> CallResult<PayoutReport> {
        let id = match provider_ref {
            Some(id) => checked_id(id)?.to_string(),
            None => id_of(our_ref)?,
        };
        let (p, a) = self.payout(&id).await?;
        let report = map::payout(&p).map_err(|w| wrong(&a, w))?;
        if report.our_ref.as_deref() != Some(our_ref) {
            return Err(echo_mismatch(&a.path, format!("the payout is not marked as {our_ref}"), &a.text));
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_kernel::Secret;

    fn to(account: &str) -> CallResult<(&'static str, Value)> {
        target(&PayoutTarget {
            account: Secret::new(account),
            holder: "Ada Byron".into(),
            country: "DE".into(),
            bank_code: Some("COBADEFFXXX".into()),
        })
    }

    #[test]
    fn the_form_of_the_account_says_where_it_is() {
        let (kind, data) = to("DE89 3704 0044 0532 0130 00").unwrap();
        assert_eq!(
            (kind, data),
            ("bank", json!({"bank": {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX"}}))
        );
        assert_eq!(to("ada@example.com").unwrap().0, "wallet");
        for bad in ["", "ada", "ada@", "@example.com", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"] {
            assert_eq!(to(bad).unwrap_err().code, "payout_target_unsupported", "{bad}");
        }
    }
}
