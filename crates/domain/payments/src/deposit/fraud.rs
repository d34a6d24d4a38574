//! Signs of fraud around a deposit: pace, other people at the same device, stolen cards, sums that are
//! not this client's.

use crate::ClientFacts;
use crate::store::{self, DepositRow};
use qd_db::Tx;
use qd_kernel::{Amount, Result, Ts};
use qd_ports::psp::Instrument;
use qd_runtime::Core;
use serde_json::{Value, json};

const HOUR_S: i64 = 3_600;
/// Fewer earlier deposits than this make no habit.
const HABIT: usize = 3;

pub(super) struct Signs {
    /// The deposit as a multiple of the median of earlier ones, rounded down; 0 without a habit.
    pub times_usual: i64,
    client_1h: i64,
    client_24h: i64,
    client_sum_24h: Option<i64>,
    card_24h: i64,
    device_1h: i64,
    device_others: i64,
    ip_1h: i64,
    ip_others: i64,
    stolen: i64,
    listed: Option<String>,
}

/// The middle one of the sums; None when there are too few.
fn usual(mut sums: Vec<i64>) -> Option<i64> {
    sums.sort_unstable();
    if sums.len() < HABIT {
        None
    } else {
        sums.get(sums.len() / 2).copied()
    }
}

pub(super) async fn facts(
    tx: &mut Tx,
    core: &Core,
    d: &DepositRow,
    history: &[DepositRow],
    instrument: Option<&Instrument>,
    facts: &ClientFacts,
) -> Result<Signs> {
    let now = core.now();
    let hour = now.plus_secs(-HOUR_S);
    let day = now.plus_secs(-24 * HOUR_S);
    let month = now.plus_days(-30);
    let base = |a: Amount| facts.base(a);
    let earlier = history.iter().filter(|h| h.id != d.id);
    let sums: Vec<i64> = earlier.filter_map(|h| base(Amount::new(h.received_minor, h.currency))).collect();
    let times_usual = match (usual(sums), base(Amount::new(d.amount_minor, d.currency))) {
        (Some(u), Some(b)) if u > 0 => b / u,
        _ => 0,
    };
    let in_day = store::asked_since(tx, &d.client_id, day).await?;
    let client_1h = store::asked_since(tx, &d.client_id, hour).await?.iter().map(|a| a.count).sum();
    let client_sum_24h = in_day.iter().map(|a| base(Amount::new(a.sum_minor, a.currency))).sum();
    let print = instrument.and_then(|i| i.fingerprint.as_deref());
    let others = async |tx: &mut Tx, since: Ts| -> Result<(i64, i64)> {
        let device = match &d.device {
            Some(v) => store::others_at_device(tx, &d.client_id, v, since).await?,
            None => 0,
        };
        let ip = match &d.ip {
            Some(v) => store::others_at_ip(tx, &d.client_id, v, since).await?,
            None => 0,
        };
        Ok((device, ip))
    };
    let (device_others, _) = others(tx, month).await?;
    let (_, ip_others) = others(tx, day).await?;
    Ok(Signs {
        times_usual,
        client_1h,
        client_24h: in_day.iter().map(|a| a.count).sum(),
        client_sum_24h,
        card_24h: match print {
            Some(p) => store::asked_with_instrument(tx, p, day).await?,
            None => 0,
        },
        device_1h: match &d.device {
            Some(v) => store::asked_at_device(tx, v, hour).await?,
            None => 0,
        },
        device_others: device_others.max(facts.device_others),
        ip_1h: match &d.ip {
            Some(v) => store::asked_at_ip(tx, v, hour).await?,
            None => 0,
        },
        ip_others,
        stolen: store::stolen_declines(tx, &d.client_id, month).await?,
        listed: match print {
            Some(p) => store::listed_instrument(tx, p).await?.map(|l| l.reason),
            None => None,
        },
    })
}

impl Signs {
    /// Puts them beside the other facts.
    pub fn into_facts(self, facts: &mut Value) {
        facts["velocity"] = json!({"client_1h": self.client_1h, "client_24h": self.client_24h, "client_sum_24h_base_minor": self.client_sum_24h,
            "card_24h": self.card_24h, "device_1h": self.device_1h, "ip_1h": self.ip_1h});
        facts["device"] = json!({"other_clients": self.device_others});
        facts["ip"] = json!({"other_clients_24h": self.ip_others});
        facts["card"]["stolen_declines_30d"] = json!(self.stolen);
        facts["card"]["listed"] = json!(self.listed.is_some());
        facts["card"]["list_reason"] = json!(self.listed.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::usual;

    #[test]
    fn the_usual_sum_is_the_middle_one_of_at_least_three() {
        assert_eq!((usual(vec![100, 900]), usual(vec![100, 90_000, 200])), (None, Some(200)));
    }
}
