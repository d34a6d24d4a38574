//! The parts of a plan that do not pay by the deal: a sum per acquired client (`cpa`), a share of
//! what a month's clients brought (`revenue_share`), and how the two go together (`hybrid`).

use super::read::{Faults, Obj};
use super::{ClawbackScope, RateCurrency, SelfReferral, Terms};
use crate::exact::Exact;
use qd_kernel::{Currency, text_enum};
use serde_json::Value;

const MAX_AMOUNTS: usize = 200;
const MAX_BANDS: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programmes {
    pub cpa: Option<Cpa>,
    pub revenue_share: Option<RevenueShare>,
    pub hybrid: Hybrid,
}

impl Default for Programmes {
    fn default() -> Self {
        Programmes {
            cpa: None,
            revenue_share: None,
            hybrid: Hybrid::OnEverything,
        }
    }
}

impl Programmes {
    /// The plan's terms that decide about a sum per client.
    pub fn by_terms(mut self, t: &Terms) -> Programmes {
        if let Some(c) = &mut self.cpa {
            (c.self_referral, c.clawback) = (t.self_referral, t.clawback);
        }
        self
    }
    pub fn is_empty(&self) -> bool {
        self.cpa.is_none() && self.revenue_share.is_none()
    }
}

text_enum!(
    /// How a sum per client and a share of the same clients go together.
    Hybrid as HybridKind {
        /// Both, each for itself.
        OnEverything = "on_everything",
        /// A client counts for the share from qualification on. Rules by the deal say so themselves
        /// (`after`).
        AfterQualification = "after_qualification",
        /// The share is paid only once it has earned back what was paid per client.
        AfterRecoup = "after_recoup",
        /// Month by month the larger of the two.
        BetterOfTwo = "better_of_two",
    }
);

text_enum!(
    /// When the identity must be approved.
    KycWhen {
        /// By the end of the time allowed.
        InsideWindow = "inside_window",
        /// Before the sum is payable; it is held until then.
        BeforePayout = "before_payout",
        NotNeeded = "not_needed",
    }
);

text_enum!(
    /// What starts the clock of the time allowed.
    ClockStart { FirstDeposit = "first_deposit", Registration = "registration" }
);

text_enum!(
    /// Which country picks the sum: the one said at registration, or the one of the approved papers
    /// (until there are any, the former).
    CountrySource { Registration = "registration", Kyc = "kyc" }
);

text_enum!(
    /// For whom the sum is paid once.
    OncePer { PersonAndBrand = "person_and_brand", Client = "client" }
);

/// A sum for countries and a first deposit of at least so much; `countries` empty: all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpaAmount {
    pub countries: Vec<String>,
    pub ftd_from: Exact,
    pub amount: Exact,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpa {
    /// Of the sums and of the first deposit's limits.
    pub currency: Currency,
    pub amounts: Vec<CpaAmount>,
    /// All deposits within `ftd_window_hours` of the first one make at least this.
    pub ftd_min: Exact,
    pub ftd_window_hours: i64,
    pub kyc: KycWhen,
    /// Standard lots closed.
    pub lots: Option<Exact>,
    /// Spread earned on the client, in `currency`.
    pub spread: Option<Exact>,
    /// Whole days since the clock's start, the last one included. None: no limit.
    pub within_days: Option<i64>,
    pub clock: ClockStart,
    pub country: CountrySource,
    pub hold_days: i64,
    pub once: OncePer,
    /// These two are terms of the plan.
    pub self_referral: SelfReferral,
    pub clawback: ClawbackScope,
}

/// What makes net revenue, each by contract. What costs is subtracted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetOf {
    /// What clients lost, less what they won.
    pub client_result: bool,
    pub spread: bool,
    pub commission: bool,
    pub swap: bool,
    pub bonus: bool,
    pub payment_fee: bool,
    pub chargeback: bool,
    pub refund: bool,
    pub tax: bool,
    pub hedging: bool,
}

impl NetOf {
    pub fn has(&self, c: Component) -> bool {
        match c {
            Component::ClientResult => self.client_result,
            Component::Spread => self.spread,
            Component::Commission => self.commission,
            Component::Swap => self.swap,
            Component::Bonus => self.bonus,
            Component::PaymentFee => self.payment_fee,
            Component::Chargeback => self.chargeback,
            Component::Refund => self.refund,
            Component::Tax => self.tax,
            Component::Hedging => self.hedging,
        }
    }
}

text_enum!(
    /// One part of a client's net revenue.
    Component as RevenueComponent {
        ClientResult = "client_result", Spread = "spread", Commission = "commission", Swap = "swap",
        Bonus = "bonus", PaymentFee = "payment_fee", Chargeback = "chargeback", Refund = "refund", Tax = "tax", Hedging = "hedging",
    }
);

impl Component {
    /// Given as a positive figure and subtracted.
    pub fn costs(self) -> bool {
        !matches!(
            self,
            Component::ClientResult | Component::Spread | Component::Commission | Component::Swap
        )
    }
}

/// `share` is paid on revenue above `above`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareBand {
    pub above: Exact,
    pub share: Exact,
}

text_enum!(
    /// How bands pay: each part at its own band's share, or all of it at the band reached.
    BandsBy { Part = "part", Whole = "whole" }
);

/// What becomes of a month below zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carry {
    /// Goes on until it is earned back.
    Unlimited,
    /// Each month starts at nothing.
    None,
    /// May be used in this many months after its own.
    Expires { after_months: u32 },
    /// Written off up to this when the partner brought so many first deposits in the month; carried
    /// as a whole otherwise.
    Relief { up_to: Exact, first_deposits: i64 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevenueShare {
    /// Of net revenue and carry.
    pub currency: Currency,
    /// One from 0, or several ascending.
    pub bands: Vec<ShareBand>,
    pub by: BandsBy,
    pub net: NetOf,
    pub carry: Carry,
}

macro_rules! word {
    ($o:expr, $key:literal, $t:ident, $default:ident, $f:expr) => {
        word($o, $key, $t::parse, $t::ALL.iter().map(|w| w.as_str()), $f).unwrap_or($t::$default)
    };
}

/// Reads `cpa`, `revenue_share` and `hybrid` of a plan.
pub fn read(o: &mut Obj<'_>, plan: RateCurrency, f: &mut Faults) -> Programmes {
    let cpa = o.get("cpa").and_then(|v| cpa(v, plan, f));
    let revenue_share = o.get("revenue_share").and_then(|v| revenue_share(v, plan, f));
    let given = o.get("hybrid").is_some();
    let hybrid = word(o, "hybrid", Hybrid::parse, Hybrid::ALL.iter().map(|h| h.as_str()), f).unwrap_or(Hybrid::OnEverything);
    if given && cpa.is_none() {
        f.add(o.pointer("hybrid"), "hybrid_unused", "expected a cpa beside it");
    }
    Programmes {
        cpa,
        revenue_share,
        hybrid,
    }
}

fn word<'w, T>(
    o: &mut Obj<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    all: impl Iterator<Item = &'w str>,
    f: &mut Faults,
) -> Option<T> {
    let text = o.text(key, f)?;
    let v = parse(text);
    if v.is_none() {
        f.add(
            o.pointer(key),
            "word_unknown",
            format!("expected one of: {}", all.collect::<Vec<_>>().join(", ")),
        );
    }
    v
}

/// A decimal of at least 0.
fn figure(o: &mut Obj<'_>, key: &'static str, f: &mut Faults) -> Option<Exact> {
    let v = o.decimal(key, f)?;
    if v.is_negative() {
        f.add(o.pointer(key), "figure_negative", "expected 0 or more");
        return None;
    }
    Some(v)
}

fn needed(o: &mut Obj<'_>, key: &'static str, f: &mut Faults) -> Exact {
    if o.get(key).is_none() {
        f.add(o.pointer(key), "missing", "expected a decimal in text");
        return Exact::ZERO;
    }
    figure(o, key, f).unwrap_or(Exact::ZERO)
}

/// The section's own currency, else the plan's, which must be money then.
fn currency(o: &mut Obj<'_>, plan: RateCurrency, f: &mut Faults) -> Option<Currency> {
    if o.get("currency").is_some() {
        return o.currency("currency", f);
    }
    match plan {
        RateCurrency::Money(c) => Some(c),
        RateCurrency::Account => {
            f.add(
                o.pointer("currency"),
                "missing",
                "expected a currency code: the plan's own is that of each account",
            );
            None
        }
    }
}

fn cpa(v: &Value, plan: RateCurrency, f: &mut Faults) -> Option<Cpa> {
    let mut o = Obj::of(v, "/cpa", f)?;
    let currency = currency(&mut o, plan, f);
    let mut amounts: Vec<CpaAmount> = Vec::new();
    for (v, at) in o.list("amounts", MAX_AMOUNTS, f) {
        let Some(mut a) = Obj::of(v, &at, f) else { continue };
        let row = CpaAmount {
            countries: a.texts("countries", f),
            ftd_from: figure(&mut a, "ftd_from", f).unwrap_or(Exact::ZERO),
            amount: needed(&mut a, "amount", f),
        };
        a.done(f);
        if row
            .countries
            .iter()
            .any(|c| c.len() != 2 || !c.bytes().all(|b| b.is_ascii_uppercase()))
        {
            f.add(
                format!("{at}/countries"),
                "country_malformed",
                "expected country codes of two capitals",
            );
        }
        let meets = |p: &CpaAmount| {
            p.ftd_from == row.ftd_from
                && ((p.countries.is_empty() && row.countries.is_empty()) || p.countries.iter().any(|c| row.countries.contains(c)))
        };
        if let Some(j) = amounts.iter().position(meets) {
            f.add(
                at,
                "amount_tie",
                format!("expected to differ from /cpa/amounts/{j}: both fit the same country and deposit"),
            );
        }
        amounts.push(row);
    }
    if amounts.is_empty() {
        f.add("/cpa/amounts", "empty", "expected at least one amount");
    }
    let (mut ftd_min, mut ftd_window_hours) = (Exact::ZERO, 24);
    if let Some(v) = o.get("first_deposit")
        && let Some(mut d) = Obj::of(v, "/cpa/first_deposit", f)
    {
        ftd_min = figure(&mut d, "min", f).unwrap_or(Exact::ZERO);
        ftd_window_hours = d.int("window_hours", 0, 24 * 90, f).unwrap_or(24);
        d.done(f);
    }
    let kyc = word!(&mut o, "kyc", KycWhen, InsideWindow, f);
    let (mut lots, mut spread) = (None, None);
    if let Some(v) = o.get("activity")
        && let Some(mut a) = Obj::of(v, "/cpa/activity", f)
    {
        lots = figure(&mut a, "lots", f);
        spread = figure(&mut a, "spread", f);
        a.done(f);
    }
    let (mut within_days, mut clock) = (None, ClockStart::FirstDeposit);
    if let Some(v) = o.get("window")
        && let Some(mut w) = Obj::of(v, "/cpa/window", f)
    {
        within_days = w.int("days", 0, 3_650, f);
        clock = word!(&mut w, "from", ClockStart, FirstDeposit, f);
        w.done(f);
    }
    let c = Cpa {
        currency: currency.unwrap_or(Currency::USD),
        amounts,
        ftd_min,
        ftd_window_hours,
        kyc,
        lots,
        spread,
        within_days,
        clock,
        country: word!(&mut o, "country", CountrySource, Registration, f),
        hold_days: o.int("hold_days", 0, 3_650, f).unwrap_or(0),
        once: word!(&mut o, "once", OncePer, PersonAndBrand, f),
        self_referral: SelfReferral::Hold,
        clawback: ClawbackScope::Cpa,
    };
    o.done(f);
    Some(c)
}

fn revenue_share(v: &Value, plan: RateCurrency, f: &mut Faults) -> Option<RevenueShare> {
    let mut o = Obj::of(v, "/revenue_share", f)?;
    let currency = currency(&mut o, plan, f);
    let mut bands: Vec<ShareBand> = Vec::new();
    if o.get("share").is_some() {
        let share = needed(&mut o, "share", f);
        bands.push(ShareBand { above: Exact::ZERO, share });
        if o.get("bands").is_some() {
            f.add("/revenue_share/bands", "share_twice", "expected either share or bands");
        }
    } else {
        for (v, at) in o.list("bands", MAX_BANDS, f) {
            let Some(mut b) = Obj::of(v, &at, f) else { continue };
            let band = ShareBand {
                above: needed(&mut b, "above", f),
                share: needed(&mut b, "share", f),
            };
            b.done(f);
            if bands.last().map_or(!band.above.is_zero(), |l| band.above <= l.above) {
                f.add(
                    format!("{at}/above"),
                    "bands_unordered",
                    "expected 0 for the first band and more than the one before for each other",
                );
            }
            bands.push(band);
        }
    }
    if bands.is_empty() {
        f.add(
            "/revenue_share/share",
            "missing",
            "expected a share in text, such as \"0.30\" for 30 %, or bands",
        );
    }
    if bands.iter().any(|b| b.share > Exact::ONE) {
        f.add(
            "/revenue_share/share",
            "share_above_one",
            "expected at most \"1\": a share of all there is",
        );
    }
    let by = word!(&mut o, "bands_by", BandsBy, Part, f);
    let net = match o.get("net") {
        None => {
            f.add(
                "/revenue_share/net",
                "missing",
                "expected what net revenue is made of, such as {\"client_result\": true, \"payment_fee\": true}",
            );
            None
        }
        Some(v) => net_of(v, f),
    };
    let carry = o.get("carry").and_then(|v| carry(v, f)).unwrap_or(Carry::Unlimited);
    o.done(f);
    Some(RevenueShare {
        currency: currency.unwrap_or(Currency::USD),
        bands,
        by,
        net: net?,
        carry,
    })
}

fn net_of(v: &Value, f: &mut Faults) -> Option<NetOf> {
    let mut o = Obj::of(v, "/revenue_share/net", f)?;
    let n = NetOf {
        client_result: o.flag("client_result", f),
        spread: o.flag("spread", f),
        commission: o.flag("commission", f),
        swap: o.flag("swap", f),
        bonus: o.flag("bonus", f),
        payment_fee: o.flag("payment_fee", f),
        chargeback: o.flag("chargeback", f),
        refund: o.flag("refund", f),
        tax: o.flag("tax", f),
        hedging: o.flag("hedging", f),
    };
    o.done(f);
    if !(n.client_result || n.spread || n.commission || n.swap) {
        f.add(
            "/revenue_share/net",
            "nothing_earned",
            "expected at least one of client_result, spread, commission, swap to be true",
        );
    }
    Some(n)
}

fn carry(v: &Value, f: &mut Faults) -> Option<Carry> {
    let mut o = Obj::of(v, "/revenue_share/carry", f)?;
    let kind = o.need_text("kind", f);
    let out = match kind.as_str() {
        "carry" => Some(Carry::Unlimited),
        "none" => Some(Carry::None),
        "expires" => match o.int("after_months", 1, 120, f) {
            Some(m) => u32::try_from(m).ok().map(|after_months| Carry::Expires { after_months }),
            None => {
                f.add(
                    "/revenue_share/carry/after_months",
                    "missing",
                    "expected a whole number from 1 to 120",
                );
                None
            }
        },
        "relief" => Some(Carry::Relief {
            up_to: needed(&mut o, "up_to", f),
            first_deposits: o.int("first_deposits", 0, 1_000_000, f).unwrap_or(0),
        }),
        "" => None,
        _ => {
            f.add(
                "/revenue_share/carry/kind",
                "word_unknown",
                "expected one of: carry, none, expires, relief",
            );
            None
        }
    };
    o.done(f);
    out
}
