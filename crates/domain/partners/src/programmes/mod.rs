//! What is paid by the client or by the month: sums per client (CPA), shares of net revenue, both
//! together, and what a chargeback takes back.
//!
//! - [`told`] keeps what another part of the house knows of a client (deposits and what was taken
//!   back of them, identity, registration) and decides anew. Facts are kept by their reference, each
//!   with the rates of its own day: twice, late or in another order they come to the same.
//! - [`evaluate`] decides by what is kept and books the difference between what is due and what is
//!   booked: a qualification books the sum, a chargeback takes it back, a dispute that is won books
//!   it again. Nothing is ever changed or deleted.
//! - [`close_month`] makes a month's share of revenue, once.

mod deciding;
mod evaluate;
mod jobs;
mod lots;
mod months;
mod settle;
mod view;

pub use deciding::{Decide, SUBJECT, decide, quarantine, vote};
pub use evaluate::evaluate;
pub(crate) use evaluate::plan_at;
pub(crate) use jobs::ask_all;
pub use jobs::{CLIENT_JOB, ClientHandler, ClientSource, Sweep, ask};
pub use months::{ClosedMonth, close_month, month_number};
pub(crate) use settle::{Due, settle};
pub use view::{Carried, MyStanding, Overview, Standing, my_overview, of_client, overview, standings};

use crate::engine::cpa::{CpaState, Qualified};
use crate::engine::{DealFacts, Quote};
use crate::ids::PartnerId;
use crate::plan::{ClawbackScope, Plan};
use crate::store::programmes as store;
use qd_db::Tx;
use qd_kernel::{Amount, Result, Ts, text_enum};
use qd_runtime::Core;
use serde_json::json;

text_enum!(
    /// What kind of money a fact is about.
    MoneyKind as ProgrammeMoneyKind {
        Deposit = "deposit",
        /// Taken by the provider; `about` the deposit. Nothing when the dispute was won.
        Chargeback = "chargeback",
        /// Given back by the house; `about` the deposit.
        Refund = "refund",
        PaymentFee = "payment_fee", Bonus = "bonus", Tax = "tax", Hedging = "hedging",
    }
);

/// Money of a client that is no deal's. Told again with the same reference only the amount may
/// differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyFact {
    pub kind: MoneyKind,
    pub reference: String,
    /// The reference of the deposit.
    pub about: Option<String>,
    /// Never below zero.
    pub amount: Amount,
    pub at: Ts,
    /// Rates of that day.
    pub quotes: Vec<Quote>,
}

/// What is known about a client now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFacts {
    /// `cli_…`
    pub client_id: String,
    pub entity: String,
    pub brand: String,
    /// The same for all records of one person.
    pub person: String,
    /// Two capitals, as said at registration.
    pub country: String,
    /// As the approved papers say.
    pub kyc_country: Option<String>,
    pub registered_at: Ts,
    pub kyc_approved_at: Option<Ts>,
    /// What the client shares with the partner: `card`, `bank_account`, …
    pub shared: Vec<String>,
    pub money: Vec<MoneyFact>,
    /// Today's rates.
    pub quotes: Vec<Quote>,
}

/// Keeps what is known and decides anew.
pub async fn told(tx: &mut Tx, core: &Core, f: &ClientFacts) -> Result<()> {
    let now = core.now();
    let row = store::ClientRow {
        client_id: f.client_id.clone(),
        entity: f.entity.clone(),
        brand: f.brand.clone(),
        person: f.person.clone(),
        country: f.country.clone(),
        kyc_country: f.kyc_country.clone(),
        registered_at: f.registered_at,
        kyc_approved_at: f.kyc_approved_at,
        shared: json!(f.shared),
        quotes: serde_json::to_value(&f.quotes)?,
        changed_at: now,
    };
    store::put_client(tx, &row).await?;
    for m in &f.money {
        let fact = store::FactRow {
            client_id: f.client_id.clone(),
            kind: m.kind,
            reference: m.reference.clone(),
            about: m.about.clone(),
            minor: m.amount.minor,
            currency: m.amount.currency,
            at: m.at,
            quotes: serde_json::to_value(&m.quotes)?,
            recorded_at: now,
        };
        store::put_fact(tx, &fact).await?;
    }
    evaluate(tx, core, &f.client_id).await
}

/// The moment from which a client counts for rules and shares that begin with qualification. None:
/// not qualified, or not in a programme of this partner.
pub async fn qualified(tx: &mut Tx, client_id: &str, partner: PartnerId) -> Result<Option<Qualified>> {
    let Some(s) = store::standing(tx, client_id, partner).await? else {
        return Ok(None);
    };
    if s.state != CpaState::Qualified {
        return Ok(None);
    }
    Ok(s.qualified.map(serde_json::from_value).transpose()?)
}

/// Whether a plan's programmes look at deals.
pub(crate) fn asks_for_deals(p: &Plan) -> bool {
    let trades = p.programmes.cpa.as_ref().is_some_and(|c| c.lots.is_some() || c.spread.is_some());
    trades || p.terms.clawback == ClawbackScope::CpaAndLots
}

/// A deal was booked: a client whose standing it may change is looked at again. `run`: how often the
/// deal's row was written before.
pub(crate) async fn after_deal(tx: &mut Tx, core: &Core, d: &DealFacts, run: i64) -> Result<()> {
    let standings = store::standings(tx, &d.client).await?;
    let open = |s: &store::StandingRow| match s.state {
        CpaState::Registered | CpaState::OnHold => true,
        // Late, or changed afterwards.
        CpaState::Qualified => s.qualified_at.is_some_and(|at| d.at <= at),
        CpaState::NotQualified => d.at < s.changed_at,
        CpaState::Declined => false,
    };
    // Somebody nothing is known of yet is asked about once; whoever is known has a standing, or no
    // programme that trades could change.
    let unknown = standings.is_empty() && store::client(tx, &d.client).await?.is_none();
    let moves = unknown || standings.iter().any(open) || store::disputed_since(tx, &d.client, d.at).await?;
    if !moves {
        return Ok(());
    }
    ask(tx, core, &d.client, &format!("deal:{}:{}:{}.{run}", d.server, d.ticket, d.revision)).await
}
