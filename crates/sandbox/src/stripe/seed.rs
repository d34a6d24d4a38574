//! Filling an account's books from inside the process: payments and refunds of the past, told to
//! nobody.

use super::account::{Account, CallId};
use super::customers;
use super::error::StripeError;
use super::op::Op;
use super::params::Params;
use super::sessions::{self, Payer};
use super::tables::*;
use super::{Stripe, attempt::How, refunds};
use qd_kernel::{Problem, Result, Ts};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A checkout that was paid.
pub struct SeedPayment<'a> {
    /// The merchant's reference: `client_reference_id`, and `qd_ref` in the metadata of session and
    /// intent.
    pub our_ref: &'a str,
    /// In the currency's smallest unit, as the API takes it.
    pub amount: i64,
    pub currency: &'a str,
    pub description: &'a str,
    pub email: &'a str,
    pub name: &'a str,
    /// One of the test cards.
    pub card: &'a str,
    pub success_url: &'a str,
    pub opened: Ts,
    pub paid: Ts,
}

/// What the books hold of it.
#[derive(Clone, Debug)]
pub struct SeedPaid {
    pub session: String,
    pub payment_intent: String,
    pub charge: Value,
}

impl Stripe {
    /// Makes a session and pays it, both in the past.
    pub fn seed_payment(&self, connection: &str, p: &SeedPayment<'_>) -> Result<SeedPaid> {
        let account = self.seeded(connection)?;
        // In one go: between two, the account would notice that the session ran out long ago.
        self.quietly(&account, p.opened, |op| {
            let body = json!({
                "mode": "payment", "client_reference_id": p.our_ref, "customer_email": p.email, "success_url": p.success_url,
                "metadata": {"qd_ref": p.our_ref}, "payment_intent_data": {"metadata": {"qd_ref": p.our_ref}},
                "line_items": [{"quantity": "1", "price_data": {"currency": p.currency.to_lowercase(), "unit_amount": p.amount.to_string(),
                    "product_data": {"name": p.description}}}],
            });
            let session = sessions::create(op, &Params::root(map(&body)?))?.text("id").to_string();
            op.now = p.paid;
            let card = customers::number_of(p.card, "number")?;
            let payer = Payer {
                email: Some(p.email.into()),
                name: Some(p.name.into()),
            };
            let paid = sessions::pay(op, &session, &card, payer, How::default())?;
            let intent = op.must(INTENTS, paid.text("payment_intent"), "payment_intent")?;
            let charge = op.must(CHARGES, intent.text("latest_charge"), "charge")?;
            Ok(SeedPaid {
                session,
                payment_intent: intent.text("id").into(),
                charge,
            })
        })
    }

    /// Sends part of a payment back; the refund's id.
    pub fn seed_refund(&self, connection: &str, payment_intent: &str, amount: i64, our_ref: &str, at: Ts) -> Result<String> {
        let account = self.seeded(connection)?;
        self.quietly(&account, at, |op| {
            let body = json!({"payment_intent": payment_intent, "amount": amount.to_string(), "metadata": {"qd_ref": our_ref}});
            refunds::create(op, &Params::root(map(&body)?)).map(|r| r.text("id").to_string())
        })
    }

    /// The refund that carries a reference.
    pub fn refund_of(&self, connection: &str, our_ref: &str) -> Result<Option<String>> {
        let account = self.seeded(connection)?;
        Ok(account.run_quietly(&self.shared, CallId::default(), |op| {
            op.t.rows(REFUNDS)
                .find(|(_, r)| r.o["metadata"]["qd_ref"] == our_ref)
                .map(|(id, _)| id.clone())
        }))
    }

    fn seeded(&self, connection: &str) -> Result<Arc<Account>> {
        self.account(connection).ok_or_else(|| Problem::missing("connection"))
    }

    /// At a moment of the past, without a word to the merchant.
    fn quietly<R>(&self, account: &Account, at: Ts, f: impl FnOnce(&mut Op<'_>) -> std::result::Result<R, StripeError>) -> Result<R> {
        let done = account.run_quietly(&self.shared, CallId::default(), |op| {
            op.now = at;
            let r = f(op);
            let times = [at.micros(), op.now.micros()];
            let mine: Vec<String> =
                op.t.rows(DELIVERIES)
                    .filter(|(_, d)| times.iter().any(|t| d.o["created"] == *t))
                    .map(|(id, _)| id.clone())
                    .collect();
            for id in mine {
                op.t.remove(DELIVERIES, &id);
            }
            r
        });
        done.map_err(|e| {
            Problem::conflict(
                "stripe_refused",
                e.body.get("message").and_then(Value::as_str).unwrap_or("refused").to_string(),
            )
        })
    }
}

fn map(v: &Value) -> std::result::Result<&Map<String, Value>, StripeError> {
    v.as_object().ok_or_else(|| StripeError::missing_param("body"))
}
