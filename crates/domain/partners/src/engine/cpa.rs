//! Whether a client is worth the sum per client: a pure function of what is known about the client.
//! The same facts give the same answer in whatever order they came; each figure that was looked at
//! is in the answer.

pub use super::facts::Qualified;
use super::facts::{Quote, Stop, Tested};
use super::fx;
use crate::exact::Exact;
use crate::plan::programmes::{ClockStart, CountrySource, Cpa, CpaAmount, KycWhen};
use crate::plan::{ClawbackScope, SelfReferral};
use qd_kernel::{Currency, Ts, text_enum};

const DAY_SECS: i64 = 86_400;

/// A deposit with the rates of its own day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    pub id: String,
    pub at: Ts,
    /// In units of `currency`.
    pub amount: Exact,
    /// Charged back or refunded by now; never more than the amount.
    pub taken_back: Exact,
    pub currency: Currency,
    pub quotes: Vec<Quote>,
}

/// What a deal counts towards the conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    pub at: Ts,
    pub server: String,
    pub ticket: String,
    /// Standard lots closed, 0 for an excluded deal.
    pub lots: Exact,
    /// Spread earned, in the plan section's currency; None: the feed does not say.
    pub spread: Option<Exact>,
}

/// All that decides, as it is known now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub registered_at: Ts,
    pub country: String,
    pub kyc_country: Option<String>,
    /// When the identity was approved first; a later renewal does not count.
    pub kyc_approved_at: Option<Ts>,
    pub deposits: Vec<Deposit>,
    pub activity: Vec<Activity>,
    /// What the client shares with the partner: `card`, `email`, …
    pub shared: Vec<String>,
    /// Somebody has looked at what is shared: paid (true) or not.
    pub decided: Option<bool>,
    /// The client this person and brand was paid for already.
    pub paid_for: Option<String>,
}

text_enum!(
    /// Where a referred client stands.
    CpaState {
        /// Conditions are open, and so is the time.
        Registered = "registered",
        Qualified = "qualified",
        /// The time is over, or the first deposit was too small.
        NotQualified = "not_qualified",
        /// Will never be paid, for its reason.
        Declined = "declined",
        /// All conditions are met; somebody has to decide first.
        OnHold = "on_hold",
    }
);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub state: CpaState,
    /// `no_first_deposit`, `first_deposit_open`, `first_deposit_small`, `lots_missing`,
    /// `spread_missing`, `spread_unknown`, `kyc_missing`, `kyc_late`, `first_deposit_late`,
    /// `time_over`, `country_not_offered`, `already_paid`, `self_referral`; None on a qualified one.
    pub reason: Option<&'static str>,
    pub tested: Vec<Tested>,
    /// Set also while on hold.
    pub qualified: Option<Qualified>,
    /// In the section's currency; 0 unless qualified.
    pub amount: Exact,
    /// The first deposit's sum.
    pub ftd: Exact,
    pub ftd_at: Option<Ts>,
    /// Not payable before; None: payable at once, or not until the identity is approved
    /// (`kyc_before_payout`).
    pub hold_until: Option<Ts>,
    pub kyc_before_payout: bool,
    /// When time alone changes the answer.
    pub due_at: Option<Ts>,
    /// The conversions of the deposits.
    pub fx: Vec<fx::Step>,
}

/// Whole days between.
fn day(from: Ts, at: Ts) -> i64 {
    at.secs_since(from).div_euclid(DAY_SECS)
}

struct Ftd {
    first: Ts,
    /// When the sum was reached; None: never.
    reached: Option<Ts>,
    sum: Exact,
    closes: Ts,
    fx: Vec<fx::Step>,
}

fn first_deposit(c: &Cpa, f: &Facts) -> Result<Option<Ftd>, Stop> {
    let mut all: Vec<&Deposit> = f.deposits.iter().collect();
    all.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let Some(first) = all.first().map(|d| d.at) else { return Ok(None) };
    let closes = first.plus_secs(c.ftd_window_hours * 3_600);
    let mut out = Ftd {
        first,
        reached: None,
        sum: Exact::ZERO,
        closes,
        fx: Vec::new(),
    };
    for d in all.into_iter().filter(|d| d.at <= closes) {
        // A plan under which chargebacks take nothing looks at what was paid in.
        let left = match c.clawback {
            ClawbackScope::None => d.amount,
            ClawbackScope::Cpa | ClawbackScope::CpaAndLots => d.amount.minus(d.taken_back).max(Exact::ZERO),
        };
        let (v, steps) = fx::convert(left, d.currency, c.currency, &d.quotes)?;
        out.sum = out.sum.plus(v);
        out.fx.extend(steps);
        if out.reached.is_none() && out.sum >= c.ftd_min && !out.sum.is_zero() {
            out.reached = Some(d.at);
        }
    }
    Ok(Some(out))
}

/// The row for a country and first deposit: one that names the country first, then the highest
/// threshold reached.
pub fn amount<'c>(c: &'c Cpa, country: &str, ftd: Exact) -> Option<&'c CpaAmount> {
    let best = |named: bool| {
        c.amounts
            .iter()
            .filter(|a| match named {
                true => a.countries.iter().any(|x| x == country),
                false => a.countries.is_empty(),
            })
            .filter(|a| a.ftd_from <= ftd)
            .max_by_key(|a| a.ftd_from)
    };
    // A country with rows of its own is not paid by those of all others.
    if c.amounts.iter().any(|a| a.countries.iter().any(|x| x == country)) {
        best(true)
    } else {
        best(false)
    }
}

fn mark(ok: bool) -> &'static str {
    if ok { "met" } else { "not met" }
}

fn tested(what: &str, value: String, wanted: String, ok: bool) -> Tested {
    Tested::new(what, value, format!("{wanted} ({})", mark(ok)))
}

/// Decides by what is known at `now`.
pub fn decide(c: &Cpa, f: &Facts, now: Ts) -> Result<Decision, Stop> {
    let mut out = Decision {
        state: CpaState::Registered,
        reason: None,
        tested: Vec::new(),
        qualified: None,
        amount: Exact::ZERO,
        ftd: Exact::ZERO,
        ftd_at: None,
        hold_until: None,
        kyc_before_payout: false,
        due_at: None,
        fx: Vec::new(),
    };
    let ftd = first_deposit(c, f)?;
    let start = match c.clock {
        ClockStart::Registration => Some(f.registered_at),
        ClockStart::FirstDeposit => ftd.as_ref().map(|d| d.first),
    };
    // The first moment that is too late.
    let ends = start.zip(c.within_days).map(|(s, days)| s.plus_days(days + 1));
    let over = ends.is_some_and(|e| now >= e);
    let inside = |at: Ts| ends.is_none_or(|e| at < e);

    let Some(ftd) = ftd else {
        out.tested.push(tested(
            "first deposit",
            "none".into(),
            format!(">= {} {}", c.ftd_min, c.currency),
            false,
        ));
        (out.state, out.reason) = match over {
            true => (CpaState::NotQualified, Some("time_over")),
            false => (CpaState::Registered, Some("no_first_deposit")),
        };
        out.due_at = ends.filter(|e| *e > now);
        return Ok(out);
    };
    out.ftd = ftd.sum;
    out.ftd_at = Some(ftd.first);
    out.fx = ftd.fx;
    let enough = ftd.reached.is_some();
    out.tested.push(tested(
        "first deposit",
        format!("{} {}", money(ftd.sum), c.currency),
        format!(">= {} {}", c.ftd_min, c.currency),
        enough,
    ));

    // Trading, in order, until both conditions are met.
    let mut deals: Vec<&Activity> = f.activity.iter().filter(|a| inside(a.at)).collect();
    deals.sort_by(|a, b| (a.at, &a.server, &a.ticket).cmp(&(b.at, &b.server, &b.ticket)));
    let (mut lots, mut spread, mut spread_known) = (Exact::ZERO, Exact::ZERO, true);
    let mut traded: Option<Qualified> = None;
    let done = |lots: Exact, spread: Exact| c.lots.is_none_or(|w| lots >= w) && c.spread.is_none_or(|w| spread >= w);
    let asks_activity = c.lots.is_some() || c.spread.is_some();
    for a in deals {
        let before = lots;
        lots = lots.plus(a.lots);
        match a.spread {
            Some(s) => spread = spread.plus(s),
            None => spread_known = false,
        }
        if asks_activity && traded.is_none() && done(lots, spread) {
            let needed = c.lots.unwrap_or(Exact::ZERO);
            traded = Some(Qualified {
                at: a.at,
                server: a.server.clone(),
                ticket: a.ticket.clone(),
                // Met before this deal: the spread was what it brought, and it belongs to the past.
                lots_after: if before < needed { lots.minus(needed) } else { Exact::ZERO },
            });
        }
    }
    if let Some(w) = c.lots {
        out.tested.push(tested("lots", lots.to_string(), format!(">= {w}"), lots >= w));
    }
    if let Some(w) = c.spread {
        let said = if spread_known {
            format!("{spread} {}", c.currency)
        } else {
            "unknown".to_string()
        };
        out.tested
            .push(tested("spread", said, format!(">= {w} {}", c.currency), spread >= w));
    }
    let kyc_inside = f.kyc_approved_at.filter(|at| inside(*at));
    match c.kyc {
        KycWhen::NotNeeded => {}
        KycWhen::InsideWindow | KycWhen::BeforePayout => {
            let said = match (f.kyc_approved_at, start) {
                (Some(at), Some(s)) => format!("approved on day {}", day(s, at)),
                _ => "not approved".into(),
            };
            let (wanted, ok) = match (c.kyc, c.within_days) {
                (KycWhen::BeforePayout, _) => ("approved before payout".to_string(), f.kyc_approved_at.is_some()),
                (_, Some(d)) => (format!("approved by day {d}"), kyc_inside.is_some()),
                (_, None) => ("approved".to_string(), kyc_inside.is_some()),
            };
            out.tested.push(tested("identity", said, wanted, ok));
        }
    }

    // What is missing, the one that cannot be mended any more first.
    let window_open = now <= ftd.closes;
    let missing = if !enough && !window_open {
        Some(("first_deposit_small", true))
    } else if !inside(ftd.first) {
        Some(("first_deposit_late", true))
    } else if !enough {
        Some(("first_deposit_open", false))
    } else if asks_activity && traded.is_none() {
        Some(match () {
            () if c.lots.is_some_and(|w| lots < w) => ("lots_missing", over),
            () if !spread_known => ("spread_unknown", over),
            () => ("spread_missing", over),
        })
    } else if c.kyc == KycWhen::InsideWindow && kyc_inside.is_none() {
        Some((if f.kyc_approved_at.is_some() { "kyc_late" } else { "kyc_missing" }, over))
    } else {
        None
    };
    if let Some((reason, for_good)) = missing {
        let today = start.map_or(0, |s| day(s, now));
        if let Some(d) = c.within_days {
            out.tested.push(tested("day", today.to_string(), format!("<= {d}"), !over));
        }
        out.state = if for_good { CpaState::NotQualified } else { CpaState::Registered };
        out.reason = Some(reason);
        if !for_good {
            let closes = (!enough).then(|| ftd.closes.plus_secs(1));
            out.due_at = [ends, closes].into_iter().flatten().filter(|t| *t > now).min();
        }
        return Ok(out);
    }

    // The last of them.
    let mut at = Qualified {
        at: ftd.reached.unwrap_or(ftd.first),
        server: String::new(),
        ticket: String::new(),
        lots_after: Exact::ZERO,
    };
    if let Some(t) = traded.filter(|t| t.at >= at.at) {
        at = t;
    }
    if c.kyc == KycWhen::InsideWindow
        && let Some(k) = kyc_inside.filter(|k| *k > at.at)
    {
        at = Qualified {
            at: k,
            server: String::new(),
            ticket: String::new(),
            lots_after: Exact::ZERO,
        };
    }
    if let (Some(s), Some(d)) = (start, c.within_days) {
        out.tested.push(tested("day", day(s, at.at).to_string(), format!("<= {d}"), true));
    }
    let country = match c.country {
        CountrySource::Kyc => f.kyc_country.as_deref().unwrap_or(&f.country),
        CountrySource::Registration => &f.country,
    };
    let row = amount(c, country, ftd.sum);
    let offered = row.map_or_else(|| "none".to_string(), |r| format!("{} {}", r.amount, c.currency));
    out.tested.push(Tested::new("amount for the country", country, offered));
    let Some(row) = row else {
        let named = c
            .amounts
            .iter()
            .any(|a| a.countries.is_empty() || a.countries.iter().any(|x| x == country));
        (out.state, out.reason) = match named {
            // There are sums for the country, all of them for larger deposits.
            true if window_open => (CpaState::Registered, Some("first_deposit_open")),
            true => (CpaState::NotQualified, Some("first_deposit_small")),
            false => (CpaState::Declined, Some("country_not_offered")),
        };
        out.due_at = Some(ftd.closes.plus_secs(1)).filter(|t| *t > now && named);
        return Ok(out);
    };
    // While more deposits of the window could reach another row, the sum is open.
    if window_open && c.amounts.iter().any(|a| a.ftd_from > ftd.sum) {
        out.reason = Some("first_deposit_open");
        out.due_at = Some(ftd.closes.plus_secs(1)).filter(|t| *t > now);
        return Ok(out);
    }
    if let Some(other) = &f.paid_for {
        out.tested
            .push(tested("paid for this person", other.clone(), "nobody yet".into(), false));
        (out.state, out.reason) = (CpaState::Declined, Some("already_paid"));
        return Ok(out);
    }
    out.hold_until = (c.hold_days > 0).then(|| at.at.plus_days(c.hold_days));
    out.kyc_before_payout = c.kyc == KycWhen::BeforePayout && f.kyc_approved_at.is_none();
    out.qualified = Some(at);
    if f.decided == Some(false) || (f.decided.is_none() && !f.shared.is_empty()) {
        out.tested
            .push(tested("shared with the partner", f.shared.join(", "), "nothing".into(), false));
        out.reason = Some("self_referral");
        out.state = match (f.decided, c.self_referral) {
            (Some(false), _) | (None, SelfReferral::Refuse) => CpaState::Declined,
            _ => CpaState::OnHold,
        };
        if out.state == CpaState::Declined {
            out.qualified = None;
            out.hold_until = None;
        }
        return Ok(out);
    }
    out.state = CpaState::Qualified;
    out.amount = row.amount;
    Ok(out)
}

/// For people: two decimals, rounded; the decision itself uses the exact sum.
fn money(v: Exact) -> String {
    match v.minor(2) {
        Some(m) => qd_kernel::Amount::new(m, Currency::USD).text(),
        None => v.to_string(),
    }
}
