//! Wire to neutral and back. A record that does not make sense is an error with its own text,
//! never skipped and never guessed: a deal left out is a commission nobody pays.

use crate::wire;
use crate::zone::ServerZone;
use qd_kernel::{Amount, Currency, Lots, Rounding, Ts, format_fixed, parse_fixed};
use qd_ports::platform::{
    AccountState, Deal, DealEntry, DealKind, DealSide, Holder, MarginEdge, MoneyKind, PlatformAccount, Position, TradeRights,
};

/// What is wrong with a record, in words.
pub(crate) type Mapped<T> = Result<T, String>;

fn need<T>(what: &str, v: Option<T>) -> Mapped<T> {
    v.ok_or_else(|| format!("{what} is missing or unreadable"))
}

// ---- rights -------------------------------------------------------------------------------

pub(crate) const ENABLED: u64 = 0x1;
pub(crate) const TRADE_DISABLED: u64 = 0x4;
/// What a new account gets: enabled, own password, trailing stops, experts, reports.
pub(crate) const DEFAULT_RIGHTS: u64 = 0x163;

pub(crate) fn rights_of(mask: u64) -> TradeRights {
    if mask & ENABLED == 0 {
        TradeRights::Blocked
    } else if mask & TRADE_DISABLED != 0 {
        TradeRights::ReadOnly
    } else {
        TradeRights::Full
    }
}

/// `mask` with only the two bits changed that say who may sign in and trade. Internal and unknown
/// bits stay as they are.
pub(crate) fn with_rights(mask: u64, want: TradeRights) -> u64 {
    match want {
        TradeRights::Full => (mask | ENABLED) & !TRADE_DISABLED,
        TradeRights::ReadOnly => mask | ENABLED | TRADE_DISABLED,
        // The trade bit stays: lifting the block later brings back what was there.
        TradeRights::Blocked => mask & !ENABLED,
    }
}

// ---- accounts -----------------------------------------------------------------------------

/// Where our id travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OurRefField {
    /// The account's `ID` (passport) field.
    #[default]
    Id,
    /// The account's comment.
    Comment,
}

/// A group's money: amounts on the wire have `digits` places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupMoney {
    pub currency: Currency,
    pub digits: u8,
}

pub(crate) fn group_money(g: &wire::Group) -> Mapped<GroupMoney> {
    let code = need("Currency", g.currency.filled())?;
    let currency = Currency::parse(code).map_err(|_| format!("Currency {code} is not one we know"))?;
    let digits = match g.currency_digits.filled() {
        None => currency.exponent(),
        Some(_) => need(
            "CurrencyDigits",
            g.currency_digits.int().and_then(|d| u8::try_from(d).ok()).filter(|d| *d <= 8),
        )?,
    };
    Ok(GroupMoney { currency, digits })
}

pub(crate) fn our_ref(u: &wire::User, field: OurRefField) -> Option<String> {
    let f = match field {
        OurRefField::Id => &u.id,
        OurRefField::Comment => &u.comment,
    };
    f.filled().map(str::to_string)
}

pub(crate) fn login(s: &wire::Scalar) -> Mapped<u64> {
    need("Login", s.int().and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0))
}

pub(crate) fn rights_mask(u: &wire::User) -> Mapped<u64> {
    need("Rights", u.rights.int().and_then(|n| u64::try_from(n).ok()))
}

pub(crate) fn account(u: &wire::User, money: GroupMoney, field: OurRefField) -> Mapped<PlatformAccount> {
    Ok(PlatformAccount {
        login: login(&u.login)?.to_string(),
        group: need("Group", u.group.filled())?.to_string(),
        currency: money.currency,
        leverage: need("Leverage", u.leverage.int().and_then(|n| u32::try_from(n).ok()))?,
        rights: rights_of(rights_mask(u)?),
        our_ref: our_ref(u, field),
        balance_minor: need("Balance", u.balance.fixed(money.currency.exponent()))?,
        credit_minor: need("Credit", u.credit.fixed(money.currency.exponent()))?,
        holder: holder(u),
    })
}

/// Newer servers keep the name in parts and leave the whole empty.
fn holder(u: &wire::User) -> Holder {
    let parts = [u.first_name.text().trim(), u.last_name.text().trim()];
    let name = match u.name.filled() {
        Some(whole) => whole.trim().to_string(),
        None => parts.join(" ").trim().to_string(),
    };
    Holder {
        name,
        email: u.email.text().trim().to_string(),
        phone: u.phone.text().trim().to_string(),
    }
}

/// From the margin record; the floating result is derived when the server does not state it.
pub(crate) fn account_state(a: &wire::Account, currency: Currency, read_at: Ts) -> Mapped<AccountState> {
    let e = currency.exponent();
    let balance = need("Balance", a.balance.fixed(e))?;
    let credit = need("Credit", a.credit.fixed(e))?;
    let equity = need("Equity", a.equity.fixed(e))?;
    let floating = match a.floating.filled() {
        Some(_) => need("Floating", a.floating.fixed(e))?,
        None => equity - balance - credit,
    };
    Ok(AccountState {
        login: login(&a.login)?.to_string(),
        currency,
        balance_minor: balance,
        credit_minor: credit,
        equity_minor: equity,
        margin_minor: need("Margin", a.margin.fixed(e))?,
        free_margin_minor: need("MarginFree", a.margin_free.fixed(e))?,
        floating_minor: floating,
        read_at,
        edge: match a.so_activation.int() {
            Some(1) => Some(MarginEdge::MarginCall),
            Some(2) => Some(MarginEdge::StopOut),
            _ => None,
        },
    })
}

/// For an account without activity since the server started, which has no margin record: no open
/// positions, so equity is balance plus credit.
pub(crate) fn idle_state(a: &PlatformAccount, read_at: Ts) -> AccountState {
    let equity = a.balance_minor.saturating_add(a.credit_minor);
    AccountState {
        login: a.login.clone(),
        currency: a.currency,
        balance_minor: a.balance_minor,
        credit_minor: a.credit_minor,
        equity_minor: equity,
        margin_minor: 0,
        free_margin_minor: equity,
        floating_minor: 0,
        read_at,
        edge: None,
    }
}

/// Windows language number (primary part) of a language tag such as `de` or `de-CH`.
pub(crate) fn langid(tag: &str) -> Option<u16> {
    let primary = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    Some(match primary.as_str() {
        "ar" => 0x01,
        "bg" => 0x02,
        "zh" => 0x04,
        "cs" => 0x05,
        "da" => 0x06,
        "de" => 0x07,
        "el" => 0x08,
        "en" => 0x09,
        "es" => 0x0a,
        "fi" => 0x0b,
        "fr" => 0x0c,
        "he" => 0x0d,
        "hu" => 0x0e,
        "it" => 0x10,
        "ja" => 0x11,
        "ko" => 0x12,
        "nl" => 0x13,
        "no" | "nb" | "nn" => 0x14,
        "pl" => 0x15,
        "pt" => 0x16,
        "ro" => 0x18,
        "ru" => 0x19,
        "hr" => 0x1a,
        "sk" => 0x1b,
        "sv" => 0x1d,
        "th" => 0x1e,
        "tr" => 0x1f,
        "ur" => 0x20,
        "id" => 0x21,
        "uk" => 0x22,
        "sl" => 0x24,
        "et" => 0x25,
        "lv" => 0x26,
        "lt" => 0x27,
        "fa" => 0x29,
        "vi" => 0x2a,
        "hi" => 0x39,
        "ms" => 0x3e,
        "kk" => 0x3f,
        _ => return None,
    })
}

// ---- money --------------------------------------------------------------------------------

/// The operation's number on the wire.
pub(crate) fn money_type(kind: MoneyKind) -> u8 {
    match kind {
        MoneyKind::Balance => 2,
        MoneyKind::Credit => 3,
        MoneyKind::Correction => 5,
    }
}

/// The amount with as many places as the group's currency has there; None when it has fewer than
/// ours and the amount needs them.
pub(crate) fn money_text(amount: Amount, digits: u8) -> Option<String> {
    let minor = parse_fixed(&amount.text(), digits)?;
    Some(format_fixed(minor, digits))
}

/// True when `comment` begins with the whole token and not merely with a longer one.
pub(crate) fn carries_token(comment: &str, token: &str) -> bool {
    match comment.trim_start().strip_prefix(token) {
        Some(rest) => !rest.starts_with(|c: char| c == '-' || c.is_ascii_alphanumeric()),
        None => false,
    }
}

/// At most 20 of `[A-Z0-9-]`.
pub(crate) fn is_token(t: &str) -> bool {
    (1..=20).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
}

// ---- deals --------------------------------------------------------------------------------

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Buy,
    Sell,
    Balance,
    Credit,
    Charge,
    Correction,
    Bonus,
    /// Commissions, agents' pay, interest, dividends, tax, stop-out compensation.
    Fee(&'static str),
    BuyCancelled,
    SellCancelled,
    /// A number newer than this connector. It is not a trade of the two known kinds, so it moves
    /// no volume; it is carried along under its number.
    Newer(i64),
}

/// Takes away the credit that a stop-out has used up.
const CREDIT_COMPENSATION: &str = "stop_out_compensation_credit";

impl Action {
    pub fn of(n: i64) -> Action {
        match n {
            0 => Action::Buy,
            1 => Action::Sell,
            2 => Action::Balance,
            3 => Action::Credit,
            4 => Action::Charge,
            5 => Action::Correction,
            6 => Action::Bonus,
            7 => Action::Fee("commission"),
            8 => Action::Fee("commission_daily"),
            9 => Action::Fee("commission_monthly"),
            10 => Action::Fee("agent_daily"),
            11 => Action::Fee("agent_monthly"),
            12 => Action::Fee("interest"),
            13 => Action::BuyCancelled,
            14 => Action::SellCancelled,
            15 => Action::Fee("dividend"),
            16 => Action::Fee("dividend_franked"),
            17 => Action::Fee("tax"),
            18 => Action::Fee("agent"),
            19 => Action::Fee("stop_out_compensation"),
            20 => Action::Fee(CREDIT_COMPENSATION),
            n => Action::Newer(n),
        }
    }
    pub fn kind(self) -> DealKind {
        match self {
            Action::Buy | Action::Sell => DealKind::Trade,
            Action::BuyCancelled | Action::SellCancelled => DealKind::CancelledTrade,
            Action::Balance => DealKind::Balance,
            // What these move is the login's credit, not its balance.
            Action::Credit | Action::Bonus | Action::Fee(CREDIT_COMPENSATION) => DealKind::Credit,
            Action::Charge | Action::Correction | Action::Fee(_) | Action::Newer(_) => DealKind::Other,
        }
    }
    fn side(self) -> DealSide {
        match self {
            Action::Sell | Action::SellCancelled => DealSide::Sell,
            Action::Buy
            | Action::BuyCancelled
            | Action::Balance
            | Action::Credit
            | Action::Charge
            | Action::Correction
            | Action::Bonus
            | Action::Fee(_)
            | Action::Newer(_) => DealSide::Buy,
        }
    }
    /// The word shown for a deal that is no trade.
    fn word(self) -> Option<String> {
        match self {
            Action::Buy | Action::Sell | Action::BuyCancelled | Action::SellCancelled => None,
            Action::Balance => Some("balance".into()),
            Action::Credit => Some("credit".into()),
            Action::Charge => Some("charge".into()),
            Action::Correction => Some("correction".into()),
            Action::Bonus => Some("bonus".into()),
            Action::Fee(w) => Some(w.into()),
            Action::Newer(n) => Some(format!("action_{n}")),
        }
    }
    /// The operations that `trade/balance` makes.
    pub fn moves_money(self) -> bool {
        matches!(
            self,
            Action::Balance | Action::Credit | Action::Charge | Action::Correction | Action::Bonus
        )
    }
}

fn entry(n: i64) -> Option<DealEntry> {
    match n {
        0 => Some(DealEntry::In),
        1 => Some(DealEntry::Out),
        2 => Some(DealEntry::InOut),
        3 => Some(DealEntry::OutBy),
        _ => None,
    }
}

fn reason(n: i64) -> String {
    const WORDS: [&str; 20] = [
        "client",
        "expert",
        "dealer",
        "stop_loss",
        "take_profit",
        "stop_out",
        "rollover",
        "external_client",
        "variation_margin",
        "gateway",
        "signal",
        "settlement",
        "transfer",
        "sync",
        "external_service",
        "migration",
        "mobile",
        "web",
        "split",
        "corporate_action",
    ];
    usize::try_from(n)
        .ok()
        .and_then(|i| WORDS.get(i))
        .map_or_else(|| format!("reason_{n}"), |w| (*w).to_string())
}

/// Rollover, transfer, sync, migration, split: the platform's own housekeeping.
fn is_technical(reason: i64) -> bool {
    matches!(reason, 6 | 12 | 13 | 15 | 18)
}

/// The extended volume when it says something, else the old one.
fn volume(ext: &wire::Scalar, old: &wire::Scalar) -> Option<Lots> {
    let coarse = old.int().and_then(Lots::from_mt_volume);
    match (ext.int(), coarse) {
        (Some(0), Some(v)) => Some(v),
        (Some(e), _) => Some(Lots(e)),
        (None, v) => v,
    }
}

/// An integer at `digits`. A netting position's average price may carry more places than the
/// symbol: those are rounded half away from zero, prices are not money.
fn price(s: &wire::Scalar, digits: u8) -> Option<i64> {
    if let Some(v) = s.fixed(digits) {
        return Some(v);
    }
    let fine = s.fixed(digits.saturating_add(8).min(16))?;
    let cut = 10i128.pow(u32::from(digits.saturating_add(8).min(16) - digits));
    i64::try_from(Rounding::HalfAwayFromZero.div(i128::from(fine), cut)?).ok()
}

fn small(s: &wire::Scalar) -> Option<u8> {
    s.int().and_then(|d| u8::try_from(d).ok()).filter(|d| *d <= 12)
}

/// Milliseconds of the server's wall clock; the fine stamp goes before the coarse one.
fn wall_ms(fine: &wire::Scalar, coarse: &wire::Scalar) -> Option<i64> {
    match fine.int() {
        Some(ms) if ms > 0 => Some(ms),
        _ => coarse.int()?.checked_mul(1000),
    }
}

pub(crate) fn deal(d: &wire::Deal, zone: &ServerZone) -> Mapped<Deal> {
    let action = Action::of(need("Action", d.action.int())?);
    let kind = action.kind();
    let trade = matches!(kind, DealKind::Trade | DealKind::CancelledTrade);
    let money_digits = need("DigitsCurrency", small(&d.digits_currency))?;
    // Costs that a server does not know yet are absent from its records.
    let money = |name: &str, s: &wire::Scalar| match s.filled() {
        None => Ok(0),
        Some(_) => need(name, s.fixed(money_digits)),
    };
    let server_wall_ms = need("Time", wall_ms(&d.time_msc, &d.time))?;
    let reason_no = d.reason.int().unwrap_or(0);
    let flags = [&d.modification_flags, &d.modify_flags];
    let mut out = Deal {
        ticket: need("Deal", d.deal.int().filter(|n| *n > 0))?.to_string(),
        login: login(&d.login)?.to_string(),
        kind,
        side: action.side(),
        entry: DealEntry::In,
        technical: trade && is_technical(reason_no),
        reason: action.word().unwrap_or_else(|| reason(reason_no)),
        symbol: d.symbol.text().to_string(),
        volume: Lots(0),
        volume_closed: Lots(0),
        contract_size: 0,
        digits: 0,
        price: 0,
        price_position: 0,
        bid: None,
        ask: None,
        profit_minor: need("Profit", d.profit.fixed(money_digits))?,
        swap_minor: money("Storage", &d.storage)?,
        commission_minor: money("Commission", &d.commission)?.saturating_add(money("Fee", &d.fee)?),
        position_id: d.position_id.filled().unwrap_or("0").to_string(),
        comment: d.comment.text().to_string(),
        at: need("Time", zone.to_utc(server_wall_ms))?,
        server_wall_ms,
        modified: flags.iter().any(|f| f.filled().is_some_and(|t| t != "0")),
    };
    if !trade {
        return Ok(out);
    }
    let digits = need("Digits", small(&d.digits))?;
    out.entry = need("Entry", d.entry.int().and_then(entry))?;
    out.volume = need("Volume", volume(&d.volume_ext, &d.volume))?;
    out.volume_closed = match (out.entry, volume(&d.volume_closed_ext, &d.volume_closed)) {
        (DealEntry::In, _) => Lots(0),
        (DealEntry::InOut, v) => need("VolumeClosed", v)?,
        // A closing deal of an older build, which did not count what it closed: all of it.
        (DealEntry::Out | DealEntry::OutBy, None | Some(Lots(0))) => out.volume,
        (DealEntry::Out | DealEntry::OutBy, Some(v)) => v,
    };
    out.contract_size = need("ContractSize", d.contract_size.int())?;
    out.digits = digits;
    out.symbol = need("Symbol", d.symbol.filled())?.to_string();
    out.price = need("Price", price(&d.price, digits))?;
    out.price_position = match d.price_position.filled() {
        None => 0,
        Some(_) => need("PricePosition", price(&d.price_position, digits))?,
    };
    out.bid = price(&d.market_bid, digits).filter(|p| *p != 0);
    out.ask = price(&d.market_ask, digits).filter(|p| *p != 0);
    Ok(out)
}

pub(crate) fn position(p: &wire::Position, zone: &ServerZone) -> Mapped<Position> {
    let digits = need("Digits", small(&p.digits))?;
    let money_digits = need("DigitsCurrency", small(&p.digits_currency))?;
    Ok(Position {
        position_id: need("Position", p.position.int().filter(|n| *n > 0))?.to_string(),
        login: login(&p.login)?.to_string(),
        symbol: need("Symbol", p.symbol.filled())?.to_string(),
        side: match need("Action", p.action.int())? {
            0 => DealSide::Buy,
            1 => DealSide::Sell,
            n => return Err(format!("Action {n} is no side of a position")),
        },
        volume: need("Volume", volume(&p.volume_ext, &p.volume))?,
        digits,
        price_open: need("PriceOpen", price(&p.price_open, digits))?,
        price_current: need("PriceCurrent", price(&p.price_current, digits))?,
        profit_minor: need("Profit", p.profit.fixed(money_digits))?,
        swap_minor: match p.storage.filled() {
            None => 0,
            Some(_) => need("Storage", p.storage.fixed(money_digits))?,
        },
        opened_at: need(
            "TimeCreate",
            wall_ms(&p.time_create_msc, &p.time_create).and_then(|ms| zone.to_utc(ms)),
        )?,
    })
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
