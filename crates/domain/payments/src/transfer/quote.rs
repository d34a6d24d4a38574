//! Quotes: a rate that is locked for some seconds, for a transfer from one currency into another.

use crate::store::{self, QuoteRow};
use crate::transfer::{NewTransfer, place_of};
use crate::{ClientFacts, QuoteId, acts_for};
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Problem, Rate, Result, Rounding, Ts, text_enum};
use qd_runtime::access::{Caller, Right};
use qd_runtime::{Core, audit, settings};
use qd_trading::TradingAccountId;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The setting: global or of an entity.
pub const SETTING: &str = "transfers.exchange";
/// The quote's time is over; a new one has to be asked for.
pub const QUOTE_EXPIRED: &str = "quote_expired";

text_enum!(
    /// What becomes of exchanged money that the second account does not take.
    OnRefusal {
        /// It stays in the wallet, in the new currency.
        Stay = "stay",
        /// It is exchanged back at the same rate, where it is still there.
        Return = "return",
    }
);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ExchangeTerms)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// What the house keeps of the rate, in basis points.
    pub markup_bp: i64,
    /// How long a quote holds.
    pub quote_s: i64,
    pub on_refusal: OnRefusal,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms {
            markup_bp: 50,
            quote_s: 30,
            on_refusal: OnRefusal::Stay,
        }
    }
}

impl Terms {
    pub(crate) async fn load(tx: &mut Tx, entity: &str) -> Result<Terms> {
        Ok(settings::for_entity(tx, entity, SETTING).await?.unwrap_or_default())
    }

    /// Errors: `terms_out_of_range` with the field.
    pub fn check(&self) -> Result<()> {
        for (field, v, least, most) in [("/markup_bp", self.markup_bp, 0, 1_000), ("/quote_s", self.quote_s, 5, 600)] {
            if !(least..=most).contains(&v) {
                return Err(Problem::invalid(field, "terms_out_of_range", format!("expected {least} to {most}")));
            }
        }
        Ok(())
    }
}

/// The house's reference rates, from whoever keeps them.
pub struct MidRates<'a> {
    /// Units of the second currency for one of the first.
    pub cross: &'a (dyn Fn(Currency, Currency) -> Option<Rate> + Send + Sync),
    pub source: String,
    pub at: Ts,
    /// Wallet currencies that the client's entity offers.
    pub offered: Vec<Currency>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewQuote {
    /// What leaves, in the currency it is in.
    pub amount: Amount,
    /// None: from the wallet.
    pub from_account: Option<TradingAccountId>,
    /// None: to the wallet.
    pub to_account: Option<TradingAccountId>,
    /// Into the wallet: which currency. An account has its own.
    pub to_currency: Option<Currency>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TransferQuote)]
pub struct QuoteView {
    pub id: QuoteId,
    pub from_account: Option<String>,
    pub to_account: Option<String>,
    pub pays: Amount,
    pub gets: Amount,
    /// Units of the new currency for one of the old one, as the client gets it.
    pub rate: Rate,
    /// The reference rate it was made of.
    pub mid_rate: Rate,
    /// What the house keeps, in basis points of the reference rate.
    pub markup_bp: i64,
    pub source: String,
    /// When the reference rate was set.
    pub rate_at_us: Ts,
    pub created_at_us: Ts,
    pub expires_at_us: Ts,
}

fn view(q: QuoteRow) -> QuoteView {
    QuoteView {
        pays: Amount::new(q.from_minor, q.from_currency),
        gets: Amount::new(q.to_minor, q.to_currency),
        id: q.id,
        from_account: q.from_account,
        to_account: q.to_account,
        rate: q.rate,
        mid_rate: q.mid_rate,
        markup_bp: q.markup_bp,
        source: q.source,
        rate_at_us: q.rate_at,
        created_at_us: q.created_at,
        expires_at_us: q.expires_at,
    }
}

/// The reference rate less the markup, rounded down.
fn client_rate(mid: Rate, markup_bp: i64) -> Option<Rate> {
    let scaled = i128::from(mid.scaled()) * i128::from(10_000 - markup_bp) / 10_000;
    Rate::from_scaled(i64::try_from(scaled).ok()?).ok()
}

/// Locks a rate for a transfer from one currency into another.
///
/// Errors: `same_place`, `currency_mismatch`, `currency_same`, `currency_not_offered`,
/// `rate_missing`, `amount_too_small`.
pub async fn quote(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    facts: &ClientFacts,
    req: NewQuote,
    rates: &MidRates<'_>,
) -> Result<QuoteView> {
    acts_for(caller, &facts.client_id, Right::MeTransfer)?;
    let amount = req.amount.positive("amount")?;
    if let Some(a) = place_of(tx, core, caller, &facts.client_id, "from_account", req.from_account).await?
        && a.currency != amount.currency
    {
        return Err(Problem::invalid(
            "amount.currency",
            "currency_mismatch",
            format!("expected {}, the currency of from_account", a.currency),
        ));
    }
    let to = place_of(tx, core, caller, &facts.client_id, "to_account", req.to_account).await?;
    let into = match (to.map(|a| a.currency), req.to_currency) {
        (Some(own), Some(said)) if own != said => {
            return Err(Problem::invalid(
                "to_currency",
                "currency_mismatch",
                format!("expected {own}, the currency of to_account"),
            ));
        }
        (Some(own), _) => own,
        (None, Some(said)) if rates.offered.contains(&said) => said,
        (None, Some(_)) => {
            return Err(Problem::invalid(
                "to_currency",
                "currency_not_offered",
                "expected a currency of your wallet",
            ));
        }
        (None, None) => {
            return Err(Problem::invalid(
                "to_currency",
                "field_missing",
                "expected the currency to get in the wallet",
            ));
        }
    };
    if into == amount.currency {
        return Err(Problem::invalid(
            "to_currency",
            "currency_same",
            "expected another currency: within one, a transfer needs no quote",
        ));
    }
    let terms = Terms::load(tx, &facts.entity).await?;
    let missing = || Problem::conflict("rate_missing", format!("there is no rate from {} into {into}", amount.currency));
    let mid = (rates.cross)(amount.currency, into).ok_or_else(missing)?;
    let rate = client_rate(mid, terms.markup_bp).ok_or_else(missing)?;
    let to_minor = rate
        .apply(
            amount.minor,
            amount.currency.exponent(),
            into.exponent(),
            Rounding::HalfAwayFromZero,
        )
        .filter(|m| *m > 0)
        .ok_or_else(|| {
            Problem::invalid(
                "amount",
                "amount_too_small",
                "expected an amount that is worth something in the other currency",
            )
        })?;
    let now = core.now();
    let q = QuoteRow {
        id: QuoteId::new(&core.env),
        client_id: facts.client_id.clone(),
        entity: facts.entity.clone(),
        from_account: req.from_account.map(|a| a.to_string()),
        to_account: req.to_account.map(|a| a.to_string()),
        from_minor: amount.minor,
        from_currency: amount.currency,
        to_minor,
        to_currency: into,
        rate,
        mid_rate: mid,
        markup_bp: terms.markup_bp,
        source: rates.source.clone(),
        rate_at: rates.at,
        created_at: now,
        expires_at: now.plus_secs(terms.quote_s),
        transfer_id: None,
    };
    store::insert_quote(tx, &q).await?;
    audit::record(
        tx,
        core,
        audit::Entry {
            client_id: Some(q.client_id.clone()),
            entity: Some(q.entity.clone()),
            after: Some(
                json!({"pays": amount, "gets": Amount::new(to_minor, into), "rate": rate, "mid_rate": mid,
                "markup_bp": q.markup_bp, "source": q.source, "expires_at_us": q.expires_at}),
            ),
            ..audit::Entry::new(caller, "transfer.quoted", format!("quote:{}", q.id))
        },
    )
    .await?;
    Ok(view(q))
}

/// The same wish as an older quote's, at today's rate.
pub async fn again(tx: &mut Tx, core: &Core, caller: &Caller, facts: &ClientFacts, id: QuoteId, rates: &MidRates<'_>) -> Result<QuoteView> {
    let q = own(tx, &facts.client_id, id).await?;
    let account = |a: &Option<String>| a.as_deref().map(TradingAccountId::parse).transpose();
    let req = NewQuote {
        amount: Amount::new(q.from_minor, q.from_currency),
        from_account: account(&q.from_account)?,
        to_account: account(&q.to_account)?,
        to_currency: Some(q.to_currency),
    };
    quote(tx, core, caller, facts, req, rates).await
}

async fn own(tx: &mut Tx, client_id: &str, id: QuoteId) -> Result<QuoteRow> {
    store::quote(tx, id)
        .await?
        .filter(|q| q.client_id == client_id)
        .ok_or_else(|| Problem::missing("quote"))
}

/// Uses a quote up for one transfer.
pub(super) async fn take(
    tx: &mut Tx,
    core: &Core,
    client_id: &str,
    id: QuoteId,
    req: &NewTransfer,
    transfer: crate::TransferId,
) -> Result<QuoteRow> {
    let q = own(tx, client_id, id).await?;
    let account = |a: Option<TradingAccountId>| a.map(|a| a.to_string());
    let fits = q.from_account == account(req.from_account)
        && q.to_account == account(req.to_account)
        && Amount::new(q.from_minor, q.from_currency) == req.amount;
    if !fits {
        return Err(Problem::invalid(
            "quote_id",
            "quote_for_another_transfer",
            "expected the quote of this amount between these places",
        ));
    }
    if q.transfer_id.is_some() {
        return Err(Problem::conflict("quote_used", "this quote has been used"));
    }
    if core.now() >= q.expires_at {
        return Err(Problem::conflict(
            QUOTE_EXPIRED,
            "the time of this quote is over; the rate may have changed",
        ));
    }
    store::use_quote(tx, id, transfer).await?;
    Ok(q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_keeps_its_part_and_rounding_is_never_for_the_client() {
        let rate = |mid: &str, bp| client_rate(Rate::parse(mid).unwrap(), bp).unwrap().text();
        assert_eq!(rate("1.08", 0), Rate::parse("1.08").unwrap().text());
        assert_eq!(rate("1.08", 50), Rate::parse("1.0746").unwrap().text());
        // What the markup leaves nothing of is no rate.
        assert!(client_rate(Rate::parse("0.000000000001").unwrap(), 50).is_none());
    }
}
