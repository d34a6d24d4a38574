//! Where all client money is: every unit at exactly one named place, per entity and currency.
//!
//! What we owe clients is above zero (wallets, transit, platform, payout transit, suspense); what
//! stands against it is below (clearing at each provider, the bank); the rest is the house's own.
//! All of it together is zero, or money is lost: that is the equation.

use qd_kernel::{Currency, Ts, text_enum};
use qd_ledger::Purpose;
use serde::Serialize;
use std::collections::BTreeMap;

text_enum!(
    Place as MoneyPlace {
        Wallets = "wallets",
        /// Between a wallet and a platform.
        Transit = "transit",
        Platform = "platform",
        /// Between a wallet and a provider or bank.
        PayoutTransit = "payout_transit",
        /// Whose it is, or whether it may be used, is not known yet.
        Suspense = "suspense",
        /// At a payment provider.
        Provider = "provider",
        Bank = "bank",
        /// The house's own: results, fees, commissions, positions in currencies.
        House = "house",
    }
);

impl Place {
    /// Money of clients, and not where it is kept or the house's.
    pub fn is_client_money(self) -> bool {
        matches!(
            self,
            Place::Wallets | Place::Transit | Place::Platform | Place::PayoutTransit | Place::Suspense
        )
    }
    fn of(purpose: Purpose, party: Option<&str>) -> Place {
        match purpose {
            Purpose::Wallet => Place::Wallets,
            Purpose::Transit => Place::Transit,
            Purpose::Platform => Place::Platform,
            Purpose::PayoutTransit => Place::PayoutTransit,
            Purpose::Suspense => Place::Suspense,
            Purpose::Clearing if party.is_some_and(|p| p.starts_with("bank-")) => Place::Bank,
            Purpose::Clearing => Place::Provider,
            _ => Place::House,
        }
    }
}

/// Ledger accounts of one purpose, entity, connection and currency together.
#[derive(Clone, Debug)]
pub struct Held {
    /// None: of an owner whom nobody knows.
    pub entity: Option<String>,
    pub purpose: Purpose,
    /// The connection of a clearing account.
    pub party: Option<String>,
    pub currency: Currency,
    pub accounts: i64,
    pub minor: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = MoneyAt)]
pub struct At {
    pub place: Place,
    /// The ledger's word.
    pub purpose: Purpose,
    /// Which provider or bank.
    pub party: Option<String>,
    pub accounts: i64,
    /// Minor units: what we owe above zero, what stands against it below.
    pub minor: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = MoneyPosition)]
pub struct Position {
    /// None: of owners whom nobody knows, which should not be.
    pub entity: Option<String>,
    pub currency: Currency,
    pub places: Vec<At>,
    /// What we owe clients, minor units.
    pub client_minor: i64,
    /// What providers and banks hold for us.
    pub resource_minor: i64,
    /// The house's part: `resource_minor - client_minor` when the equation holds.
    pub house_minor: i64,
    /// Zero, or money is at no place or at two.
    pub difference_minor: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = MoneyPositions)]
pub struct Positions {
    /// Of the entries booked before this.
    pub as_of_us: Ts,
    /// Every difference is zero, and every owner known.
    pub balanced: bool,
    pub positions: Vec<Position>,
}

pub fn of(as_of: Ts, held: Vec<Held>) -> Positions {
    let mut all: BTreeMap<(Option<String>, Currency), Position> = BTreeMap::new();
    for h in held {
        let p = all.entry((h.entity.clone(), h.currency)).or_insert_with(|| Position {
            entity: h.entity.clone(),
            currency: h.currency,
            places: Vec::new(),
            client_minor: 0,
            resource_minor: 0,
            house_minor: 0,
            difference_minor: 0,
        });
        let place = Place::of(h.purpose, h.party.as_deref());
        let sum = match place {
            Place::Provider | Place::Bank => &mut p.resource_minor,
            Place::House => &mut p.house_minor,
            _ => &mut p.client_minor,
        };
        // Resources are shown as what is there.
        *sum += if matches!(place, Place::Provider | Place::Bank) {
            -h.minor
        } else {
            h.minor
        };
        p.difference_minor += h.minor;
        p.places.push(At {
            place,
            purpose: h.purpose,
            party: h.party,
            accounts: h.accounts,
            minor: h.minor,
        });
    }
    let mut positions: Vec<Position> = all.into_values().collect();
    for p in &mut positions {
        p.places
            .sort_by(|a, b| (a.place, a.purpose, &a.party).cmp(&(b.place, b.purpose, &b.party)));
    }
    Positions {
        as_of_us: as_of,
        balanced: positions
            .iter()
            .all(|p| p.difference_minor == 0 && (p.entity.is_some() || p.places.iter().all(|a| a.minor == 0))),
        positions,
    }
}
