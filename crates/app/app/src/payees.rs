//! What the partner crate asks of the others before it closes a month or pays somebody.

use crate::compose::client_by_id;
use async_trait::async_trait;
use qd_clients::restrictions::{self, RestrictionKind};
use qd_db::Tx;
use qd_kernel::{Result, Ts};
use qd_partners::close::{Trade, Trades};
use qd_partners::payouts::batch::{Payee, Payees};
use qd_partners::payouts::destination::same_name;
use qd_partners::payouts::{Destination, Way};
use qd_runtime::Core;
use qd_trading::TradingAccountId;

/// Clients' verification, screening and restrictions.
pub struct House(pub Core);

#[async_trait(?Send)]
impl Payees for House {
    async fn refusal(&self, tx: &mut Tx, payee: &Payee) -> Result<Option<&'static str>> {
        let Some(client) = &payee.client_id else {
            // A business without a client record: its papers are filed elsewhere, or it is not paid.
            return Ok(payee.kyb_reference.is_none().then_some("kyb_missing"));
        };
        let kyc = qd_kyc::gate(tx, client, self.0.now()).await?;
        if kyc.screening_open {
            return Ok(Some("screening_open"));
        }
        if !kyc.approved {
            return Ok(Some("kyc_missing"));
        }
        let c = client_by_id(tx, client).await?;
        let stopped = restrictions::in_force(tx, c.id)
            .await?
            .iter()
            .any(|r| matches!(r.kind, RestrictionKind::Everything | RestrictionKind::Withdrawals));
        if stopped {
            return Ok(Some("restricted"));
        }
        let to: &Destination = &payee.destination;
        match to.way {
            // A person's bank account is in the verified name; a trade name is the business's own.
            Way::Bank if payee.kyb_reference.is_none() && !same_name(to.name.as_deref().unwrap_or_default(), &c.name()) => {
                Ok(Some("holder_differs"))
            }
            Way::Platform => {
                let own = qd_trading::accounts::of_client_ids(tx, client).await?;
                let named = to.account.as_deref().and_then(|a| TradingAccountId::parse(a).ok());
                Ok(named.is_none_or(|a| !own.contains(&a)).then_some("account_differs"))
            }
            _ => Ok(None),
        }
    }
}

/// The feed's trades.
pub struct Feed;

#[async_trait(?Send)]
impl Trades for Feed {
    async fn between(&self, tx: &mut Tx, entity: &str, span: (Ts, Ts), after: &(Ts, String, String), limit: i64) -> Result<Vec<Trade>> {
        let rows = qd_trading::feed::trades_between(tx, entity, span, after, limit).await?;
        Ok(rows
            .into_iter()
            .map(|(server, ticket, revision, at)| Trade {
                server,
                ticket,
                revision,
                at,
            })
            .collect())
    }
}
