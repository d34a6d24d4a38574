//! What the partner engine asks about clients that partners brought, put together from clients,
//! verification and payments.

use crate::App;
use crate::compose::HouseRates;
use async_trait::async_trait;
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Result, Ts};
use qd_partners::programmes::{self, ClientFacts, ClientSource, MoneyFact, MoneyKind};
use qd_partners::{PartnerId, Quote, partner};
use qd_payments::deposit::{self, Money};
use qd_payments::dispute;
use qd_runtime::Core;
use qd_runtime::access::Caller;
use qd_runtime::events::Event;
use sha2::{Digest, Sha256};

/// Events after which a client may stand elsewhere in a programme.
pub const EVENTS: &[&str] = &["client.registered", "kyc.approved", "deposit.state", "client.ftd", "dispute.opened"];

pub async fn told(tx: &mut Tx, core: &Core, ev: &Event) -> Result<()> {
    match ev.payload["client_id"].as_str() {
        Some(client) => programmes::ask(tx, core, client, &ev.id.to_string()).await,
        None => Ok(()),
    }
}

pub struct Referred(pub App);

#[async_trait(?Send)]
impl ClientSource for Referred {
    async fn facts(&self, tx: &mut Tx, client_id: &str, of: Option<PartnerId>) -> Result<Option<ClientFacts>> {
        let now = self.0.core.now();
        let Some(c) = qd_clients::find(tx, ClientId::parse(client_id)?).await? else {
            return Ok(None);
        };
        let kyc = qd_kyc::gate(tx, client_id, now).await?;
        let rates = HouseRates::load(tx).await?;
        let deposits = deposit::money_of(tx, client_id).await?;
        let disputes = dispute::of_client(tx, client_id).await?;
        let quotes = |at: Ts| rates.as_ref().map(|r| quotes(r, at)).unwrap_or_default();
        let mut money = Vec::new();
        for d in &deposits {
            let fact = |kind, about: Option<String>, amount: Amount| MoneyFact {
                kind,
                reference: d.id.to_string(),
                about,
                amount,
                at: d.at,
                quotes: quotes(d.at),
            };
            money.push(fact(MoneyKind::Deposit, None, d.received));
            if d.given_back {
                money.push(fact(MoneyKind::Refund, Some(d.id.to_string()), d.received));
            }
            if let Some(fee) = d.fee {
                money.push(fact(MoneyKind::PaymentFee, Some(d.id.to_string()), fee));
            }
        }
        for d in disputes {
            let gone = matches!(d.state.as_str(), "opened" | "lost");
            money.push(MoneyFact {
                kind: MoneyKind::Chargeback,
                reference: d.id.to_string(),
                about: Some(d.deposit_id.clone()),
                amount: Amount::new(if gone { d.amount_minor } else { 0 }, d.currency),
                at: d.opened_at,
                quotes: quotes(d.opened_at),
            });
        }
        Ok(Some(ClientFacts {
            person: person(&c),
            client_id: client_id.to_string(),
            entity: c.entity,
            brand: c.brand,
            country: c.country,
            kyc_country: None,
            registered_at: c.registered_at.unwrap_or(c.created_at),
            kyc_approved_at: kyc.approved_at_us,
            shared: shared(tx, client_id, of, &deposits).await?,
            money,
            quotes: quotes(now),
        }))
    }
}

fn quotes(r: &HouseRates, at: Ts) -> Vec<Quote> {
    let of = |(code, rate): (&String, &qd_kernel::Rate)| {
        Some(Quote {
            base: r.base,
            quote: Currency::parse(code).ok()?,
            rate: *rate,
            source: r.source.clone(),
            at,
        })
    };
    r.rates.iter().filter_map(of).collect()
}

/// The same for two records of one person: name and day of birth, hashed; the record itself until
/// both are known.
fn person(c: &qd_clients::Client) -> String {
    let name = c.name().to_lowercase();
    let name: Vec<&str> = name.split_whitespace().collect();
    match &c.birth_date {
        Some(born) if !name.is_empty() => {
            let hash = Sha256::digest(format!("{}|{born}", name.join(" ")).as_bytes());
            hash.iter().take(16).map(|b| format!("{b:02x}")).collect()
        }
        _ => c.merged_into.map_or_else(|| c.id.to_string(), |m| m.to_string()),
    }
}

/// A card that the partner, who is a client too, has paid with.
async fn shared(tx: &mut Tx, client_id: &str, of: Option<PartnerId>, deposits: &[Money]) -> Result<Vec<String>> {
    let Some(of) = of else { return Ok(Vec::new()) };
    let Some(own) = partner::get(tx, &Caller::system("programme"), of).await?.client_id else {
        return Ok(Vec::new());
    };
    if own == client_id {
        return Ok(Vec::new());
    }
    let theirs = deposit::money_of(tx, &own).await?;
    let same = |d: &Money| d.card.is_some() && theirs.iter().any(|t| t.card == d.card);
    Ok(if deposits.iter().any(same) {
        vec!["card".to_string()]
    } else {
        Vec::new()
    })
}
