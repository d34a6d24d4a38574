//! How much of a deal counts under a plan, and why the rest does not.

use super::explain::Volume;
use super::facts::{DealFacts, Stop, Tested};
use super::state::{Key, Scratch};
use crate::exact::Exact;
use crate::plan::{Calendar, Direction, Plan};
use qd_kernel::Ts;

/// What counts of one deal under one plan.
#[derive(Clone, Debug)]
pub struct Payable {
    /// Standard lots per platform lot.
    pub factor: Exact,
    /// Part of the closed volume that is paid on; zero with a reason.
    pub closed: Exact,
    /// Part of the opened volume that is paid on.
    pub opened: Exact,
    /// The part before exclusions: what the look-up moment takes of the deal.
    pub whole: Exact,
    pub reason: Option<&'static str>,
    pub tested: Vec<Tested>,
    pub factors: Vec<Tested>,
}

impl Payable {
    pub fn volume(&self, d: &DealFacts, lots: Exact) -> Volume {
        Volume {
            platform_lots: Exact::lots(d.volume_closed).to_string(),
            factors: self.factors.clone(),
            lots: lots.to_string(),
        }
    }
}

pub fn missing(d: &DealFacts, code: &'static str, what: &str) -> Stop {
    Stop {
        code,
        cause: format!("the plan asks for {what} of deal {}, and the feed does not say", d.deal()),
    }
}

/// The time that decides on days and months, and how far the plan's clock is from UTC.
pub fn clock(d: &DealFacts, c: Calendar, at: Ts) -> Ts {
    match (c, d.server_at) {
        (Calendar::Server, Some(s)) => Ts(at.micros() + (s.micros() - d.at.micros())),
        _ => at,
    }
}

pub fn month(at: Ts) -> String {
    let (y, m, _) = at.ymd();
    format!("{y:04}-{m:02}")
}

pub fn day(at: Ts) -> String {
    let (y, m, d) = at.ymd();
    format!("{y:04}-{m:02}-{d:02}")
}

/// The keys of an account's stretch of opposite positions: bought, sold, and until when some position
/// was open.
pub fn hedge_keys(d: &DealFacts) -> [Key; 3] {
    let period = month(d.at);
    ["buy", "sell", "until"].map(|what| Key::of("hedge", &[&d.account, &d.symbol, what], &period))
}

/// The part of the closed volume that makes its side the larger one. Positions that overlap in time
/// belong to one stretch; within it only the larger side counts, whatever the order of closing. A
/// stretch ends with the calendar month (UTC) at the latest.
fn hedged(d: &DealFacts, s: &mut Scratch<'_>) -> Result<(Exact, Vec<Tested>), Stop> {
    let side = d.direction.ok_or_else(|| missing(d, "direction_missing", "the direction"))?;
    let opened = d.opened_at.ok_or_else(|| missing(d, "open_time_missing", "the opening time"))?;
    let [buy, sell, until] = hedge_keys(d);
    let lots = Exact::lots(d.volume_closed);
    let overlaps = Exact::int(opened.micros()) < s.get(&until);
    let (mut b, mut c) = if overlaps {
        (s.get(&buy), s.get(&sell))
    } else {
        (Exact::ZERO, Exact::ZERO)
    };
    let before = b.max(c);
    match side {
        Direction::Buy => b = b.plus(lots),
        Direction::Sell => c = c.plus(lots),
    }
    let counts = b.max(c).minus(before);
    s.set(buy, b);
    s.set(sell, c);
    s.set(until, Exact::int(d.at.micros()));
    let tested = vec![
        Tested::new("lots bought in overlapping positions", b, ""),
        Tested::new("lots sold in overlapping positions", c, "the larger side counts"),
    ];
    Ok((counts.over(lots).unwrap_or(Exact::ZERO), tested))
}

/// Shared by all plans of a deal: hedging is the account's, not the plan's.
#[derive(Default)]
pub struct Hedge(Option<(Exact, Vec<Tested>)>);

impl Hedge {
    fn of(&mut self, d: &DealFacts, s: &mut Scratch<'_>) -> Result<(Exact, Vec<Tested>), Stop> {
        if let Some(known) = &self.0 {
            return Ok(known.clone());
        }
        let got = hedged(d, s)?;
        self.0 = Some(got.clone());
        Ok(got)
    }
}

pub fn payable(d: &DealFacts, plan: &Plan, whole: Exact, hedge: &mut Hedge, s: &mut Scratch<'_>) -> Result<Payable, Stop> {
    let x = &plan.exclusions;
    let among = |list: &[String], v: &str| list.is_empty() || list.iter().any(|l| l == v);
    let mut p = Payable {
        factor: Exact::ONE,
        closed: whole,
        opened: whole,
        whole,
        reason: None,
        tested: Vec::new(),
        factors: Vec::new(),
    };
    if let Some(f) = plan
        .volume_factors
        .iter()
        .find(|f| among(&f.account_types, &d.account_type) && among(&f.groups, &d.group))
    {
        p.factors.push(Tested::new("account factor", f.factor, ""));
        p.factor = f.factor;
    }
    if whole != Exact::ONE {
        p.factors.push(Tested::new("part of the deal at this look-up", whole, ""));
    }
    let closes = d.volume_closed.units() > 0;
    let exclude = |p: &mut Payable, hit: bool, reason: &'static str, what: &str, value: String, wanted: String| {
        p.tested.push(Tested::new(what, value, wanted));
        if hit {
            p.reason = p.reason.or(Some(reason));
        }
    };
    if let Some(min) = x.min_duration_secs.filter(|_| closes) {
        let opened = d
            .opened_at
            .ok_or_else(|| missing(d, "open_time_missing", "how long the position was open"))?;
        let secs = d.at.secs_since(opened);
        exclude(
            &mut p,
            secs < min,
            "min_duration",
            "seconds open",
            secs.to_string(),
            format!("at least {min}"),
        );
    }
    if closes && (x.same_price || x.min_move_pips.is_some()) {
        let open = d.open.price.ok_or_else(|| missing(d, "open_price_missing", "the opening price"))?;
        let close = d
            .close
            .price
            .ok_or_else(|| missing(d, "close_price_missing", "the closing price"))?;
        let moved = close.minus(open);
        let moved = moved.max(moved.neg());
        if x.same_price {
            let same = moved.is_zero();
            exclude(
                &mut p,
                same,
                "same_price",
                "price moved by",
                moved.to_string(),
                "more than 0".into(),
            );
        }
        if let Some(min) = x.min_move_pips {
            let pip = d
                .pip_size
                .ok_or_else(|| missing(d, "pip_size_missing", "the pip size of the symbol"))?;
            let pips = moved
                .over(pip)
                .ok_or_else(|| missing(d, "pip_size_missing", "a pip size above 0"))?;
            exclude(
                &mut p,
                pips < min,
                "min_move",
                "pips moved",
                pips.to_string(),
                format!("at least {min}"),
            );
        }
    }
    if x.client_commission && closes {
        let c = d
            .commission_minor
            .ok_or_else(|| missing(d, "commission_missing", "the commission that the client was charged"))?;
        exclude(
            &mut p,
            c <= 0,
            "no_client_commission",
            "client's commission, minor units",
            c.to_string(),
            "more than 0".into(),
        );
    }
    if x.negative_balance {
        let below = if d.negative_balance { "yes" } else { "no" };
        exclude(
            &mut p,
            d.negative_balance,
            "negative_balance",
            "account below zero",
            below.into(),
            "no".into(),
        );
        if d.negative_balance {
            p.opened = Exact::ZERO;
        }
    }
    if x.bonus_share {
        let (Some(equity), Some(bonus)) = (d.equity_minor, d.bonus_minor) else {
            return Err(missing(d, "equity_missing", "equity and bonus"));
        };
        let own = Exact::int(equity.saturating_sub(bonus)).max(Exact::ZERO);
        let part = own
            .over(Exact::int(equity))
            .filter(|f| equity > 0 && *f <= Exact::ONE)
            .unwrap_or(Exact::ZERO);
        p.factors.push(Tested::new("own part of the equity", part, ""));
        p.closed = p.closed.times(part);
        p.opened = p.opened.times(part);
        if part.is_zero() {
            p.reason = p.reason.or(Some("bonus_only"));
        }
    }
    if x.hedged && closes {
        let (part, tested) = hedge.of(d, s)?;
        p.tested.extend(tested);
        if part != Exact::ONE {
            p.factors.push(Tested::new("part that is not hedged", part, ""));
        }
        p.closed = p.closed.times(part);
        if part.is_zero() {
            p.reason = p.reason.or(Some("hedged"));
        }
    }
    if p.reason.is_some() {
        p.closed = Exact::ZERO;
    }
    Ok(p)
}
