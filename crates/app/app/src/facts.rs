//! What a plan may ask about a deal's market, beside whose deal it is.

use qd_kernel::{Currency, Lots, Ts};
use qd_partners::DealFacts;
use qd_partners::engine::Side;
use qd_partners::exact::Exact;
use qd_partners::house::SymbolTerms;
use qd_partners::plan::Direction;
use qd_trading::feed::DealFull;

/// Price, spread, direction, volume opened, commission and the symbol's terms; the rest is empty.
pub fn market(full: &DealFull, terms: Option<&SymbolTerms>, group: &str) -> DealFacts {
    let d = &full.deal;
    let price = |v: i64, digits: u8| (v > 0).then(|| Exact::new(i128::from(v), 10i128.pow(u32::from(digits)))).flatten();
    let side = |p: Option<Exact>, bid: Option<i64>, ask: Option<i64>, digits: u8| Side {
        price: p,
        bid: bid.and_then(|v| price(v, digits)),
        ask: ask.and_then(|v| price(v, digits)),
        raw_spread: None,
    };
    let closes = d.volume_closed.units() > 0;
    let here = side(price(d.price, d.digits), d.bid, d.ask, d.digits);
    let (open, close) = match (closes, full.entries.first()) {
        (false, _) => (here, Side::default()),
        (true, Some(e)) => {
            let opened = price(d.price_position, d.digits).or_else(|| price(e.price, e.digits));
            (side(opened, e.bid, e.ask, e.digits), here)
        }
        (true, None) => (side(price(d.price_position, d.digits), None, None, d.digits), here),
    };
    let bought = d.side == "buy";
    let decimal = |t: &Option<String>| t.as_deref().and_then(Exact::parse);
    DealFacts {
        volume_opened: Lots(d.volume.units().saturating_sub(d.volume_closed.units()).max(0)),
        server_at: (d.server_wall_ms > 0).then(|| Ts(d.server_wall_ms.saturating_mul(1_000))),
        // What closes a position goes the other way than the position.
        direction: Some(if bought == closes { Direction::Sell } else { Direction::Buy }),
        position: d.position_id.clone(),
        price_currency: terms.and_then(|t| t.currency).or_else(|| quote_of(&d.symbol)),
        contract_size: (d.contract_size > 0).then(|| Exact::int(d.contract_size)),
        pip_size: terms.and_then(|t| decimal(&t.pip_size)),
        average_spread: terms.and_then(|t| decimal(&t.average_spread)),
        markup: terms.and_then(|t| decimal(&t.markups.get(group).or_else(|| t.markups.get("*")).cloned())),
        open,
        close,
        commission_minor: Some(commission(full)),
        swap_minor: Some(d.swap_minor),
        profit_minor: Some(d.profit_minor),
        ..DealFacts::default()
    }
}

/// What the client was charged for the volume that the deal closed: by this deal, and its part of what
/// the opening deals charged. Platforms report a charge below zero.
fn commission(full: &DealFull) -> i64 {
    let d = &full.deal;
    let part = |minor: i64, lots: i64, of: i64| {
        let share = Exact::new(i128::from(lots), i128::from(of)).unwrap_or(Exact::ZERO);
        Exact::int(minor).times(share)
    };
    let opened: i64 = full.entries.iter().map(|e| e.opened.units()).sum();
    let charged: i64 = full.entries.iter().map(|e| e.commission_minor).sum();
    let before = if d.volume_closed.units() > 0 && opened > 0 && d.entry != "in" {
        part(charged, d.volume_closed.units().min(opened), opened)
    } else {
        Exact::ZERO
    };
    let own = match d.entry.as_str() {
        // A turned position: its opening part is charged to the position that it opens.
        "in_out" => part(d.commission_minor, d.volume_closed.units(), d.volume.units()),
        _ => Exact::int(d.commission_minor),
    };
    before.plus(own).neg().minor(0).unwrap_or(0)
}

/// `EURUSD`, `EURUSD.raw`, `XAUUSD`: the second three letters, when they are a currency.
fn quote_of(symbol: &str) -> Option<Currency> {
    let pair = symbol.get(..6)?;
    if !pair.bytes().all(|b| b.is_ascii_uppercase()) || symbol.as_bytes().get(6).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    Currency::parse(pair.get(3..)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quote_currency_is_read_from_names_of_pairs_alone() {
        for (symbol, code) in [
            ("EURUSD", Some("USD")),
            ("USDJPY.raw", Some("JPY")),
            ("XAUUSD", Some("USD")),
            ("US30", None),
            ("GERMANY40", None),
            ("GBPXXX", None),
        ] {
            assert_eq!(quote_of(symbol).map(Currency::code), code, "{symbol}");
        }
    }
}
