//! What a provider's settlement file calls our entries: the names under which each entry on a
//! clearing account is known there.

use crate::store;
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Result};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub client_id: Option<String>,
    /// What travelled to the provider with it.
    pub our_ref: Option<String>,
    pub provider_ref: Option<String>,
    /// The payment it belongs to, or is.
    pub payment_ref: Option<String>,
    /// What the provider's API said that it charges, above zero.
    pub fee: Option<Amount>,
}

/// The key of an entry's reference: `deposit:dep_x:received` is about `dep_x`,
/// `deposit:dep_x:refund_paid_2` about `dep_x-r2`, `withdrawal:wdr_x:leg1:paid` about `wdr_x-1`.
fn key(reference: &str) -> Option<(&str, &str, String)> {
    let mut it = reference.splitn(3, ':');
    let (kind, id, step) = (it.next()?, it.next()?, it.next()?);
    let key = match kind {
        "deposit" => match step.rsplit_once('_').filter(|_| step.starts_with("refund_")) {
            Some((_, n)) => format!("{id}-r{n}"),
            None => id.to_string(),
        },
        "withdrawal" => {
            let n = step.strip_prefix("leg")?.split(':').next()?;
            format!("{id}-{n}")
        }
        "dispute" => id.to_string(),
        _ => return None,
    };
    Some((kind, id, key))
}

/// The names of the entries with these references, in their order. An entry of another origin has
/// none.
pub async fn names(tx: &mut Tx, references: &[&str]) -> Result<Vec<Names>> {
    let keys: Vec<_> = references.iter().map(|r| key(r)).collect();
    let of = |what: &str| -> Vec<&str> {
        let ids: BTreeSet<&str> = keys.iter().flatten().filter(|k| k.0 == what).map(|k| k.1).collect();
        ids.into_iter().collect()
    };
    let rows = store::settling(tx, &of("deposit"), &of("withdrawal"), &of("dispute")).await?;
    let by_key: BTreeMap<String, store::SettlingRow> = rows.into_iter().map(|r| (r.key.clone(), r)).collect();
    Ok(keys
        .iter()
        .map(|k| match k.as_ref().and_then(|k| by_key.get(&k.2)) {
            None => Names::default(),
            Some(r) => Names {
                client_id: Some(r.client_id.clone()),
                our_ref: r.our_ref.clone(),
                provider_ref: r.provider_ref.clone(),
                payment_ref: r.payment_ref.clone(),
                fee: r
                    .fee_minor
                    .zip(r.fee_currency.as_deref().and_then(|c| Currency::parse(c).ok()))
                    .map(|(m, c)| Amount::new(m, c)),
            },
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn an_entry_is_known_by_what_travelled_to_the_provider() {
        let of = |r| key(r).map(|k| k.2);
        assert_eq!(of("deposit:dep_1:received").as_deref(), Some("dep_1"));
        assert_eq!(of("deposit:dep_1:refund_paid_2").as_deref(), Some("dep_1-r2"));
        assert_eq!(of("deposit:dep_1:refund_came_back_2").as_deref(), Some("dep_1-r2"));
        assert_eq!(of("withdrawal:wdr_1:leg3:came_back").as_deref(), Some("wdr_1-3"));
        assert_eq!(of("dispute:dsp_1:withdrawn").as_deref(), Some("dsp_1"));
        assert_eq!(of("move:mov_1:out"), None);
        assert_eq!(of("bench:1"), None);
    }
}
