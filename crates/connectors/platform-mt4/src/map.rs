//! Records of the bridge in neutral words (trading-platforms.md 3.2 and 3.5). A record that makes no
//! sense is an error, never skipped.

use qd_connector_kit::Scalar;
use qd_connector_kit::zone::ServerZone;
use qd_kernel::{Currency, Lots, Ts};
use qd_ports::platform::{AccountState, Deal, DealEntry, DealKind, DealSide, Holder, MarginEdge, PlatformAccount, Position, TradeRights};
use serde::Deserialize;

pub(crate) type Mapped<T> = Result<T, String>;

fn need<T>(what: &str, v: Option<T>) -> Mapped<T> {
    v.ok_or_else(|| format!("{what} is missing or unreadable"))
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct User {
    pub login: Scalar,
    pub group: Scalar,
    pub name: Scalar,
    pub email: Scalar,
    pub phone: Scalar,
    pub id: Scalar,
    pub enable: Scalar,
    pub enable_read_only: Scalar,
    pub leverage: Scalar,
    pub balance: Scalar,
    pub credit: Scalar,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Group {
    pub group: Scalar,
    pub currency: Scalar,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Symbol {
    pub symbol: Scalar,
    pub contract_size: Scalar,
}

/// `balance` of this record is balance and credit together.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Margin {
    pub login: Scalar,
    pub equity: Scalar,
    pub margin: Scalar,
    pub margin_free: Scalar,
    pub level_type: Scalar,
}

/// An order with all that became of it: opening and closing are one row.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Trade {
    pub order: Scalar,
    pub login: Scalar,
    pub symbol: Scalar,
    pub digits: Scalar,
    pub trade_command: Scalar,
    pub volume: Scalar,
    pub open_price: Scalar,
    pub open_time: Scalar,
    pub close_price: Scalar,
    pub close_time: Scalar,
    pub commission: Scalar,
    pub storage: Scalar,
    pub taxes: Scalar,
    pub profit: Scalar,
    pub comment: Scalar,
    pub reason: Scalar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Buy,
    Sell,
    Balance,
    Credit,
    /// Pending orders: no deal.
    Pending,
}

impl Trade {
    pub fn command(&self) -> Mapped<Command> {
        match self.trade_command.text() {
            "Buy" | "0" => Ok(Command::Buy),
            "Sell" | "1" => Ok(Command::Sell),
            "Balance" | "6" => Ok(Command::Balance),
            "Credit" | "7" => Ok(Command::Credit),
            "BuyLimit" | "SellLimit" | "BuyStop" | "SellStop" | "2" | "3" | "4" | "5" => Ok(Command::Pending),
            other => Err(format!("tradeCommand {other} is not one we know")),
        }
    }
    pub fn number(&self) -> Mapped<i64> {
        need("order", self.order.int().filter(|n| *n > 0))
    }
}

/// Milliseconds of the wall clock: `2026-11-20T11:00:00` with or without a fraction; an offset after
/// it is the bridge's own idea and is left out.
pub(crate) fn wall_ms(text: &str) -> Option<i64> {
    let bare = text.trim().trim_end_matches('Z');
    let time_at = bare.find('T')?;
    let cut = bare[time_at..].find(['+', '-']).map_or(bare.len(), |i| time_at + i);
    let at: jiff::civil::DateTime = bare[..cut].parse().ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// What [`wall_ms`] reads.
pub(crate) fn wall_text(secs: i64) -> String {
    let at = jiff::Timestamp::from_second(secs).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::Offset::UTC.to_datetime(at).to_string()
}

pub(crate) fn flag(s: &Scalar) -> Option<bool> {
    match s.text() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

pub(crate) fn account(u: &User, currency: Currency) -> Mapped<PlatformAccount> {
    let e = currency.exponent();
    let rights = match (need("enable", flag(&u.enable))?, need("enableReadOnly", flag(&u.enable_read_only))?) {
        (false, _) => TradeRights::Blocked,
        (true, true) => TradeRights::ReadOnly,
        (true, false) => TradeRights::Full,
    };
    Ok(PlatformAccount {
        login: need("login", u.login.int().filter(|n| *n > 0))?.to_string(),
        group: need("group", u.group.filled())?.to_string(),
        currency,
        leverage: need("leverage", u.leverage.int().and_then(|n| u32::try_from(n).ok()))?,
        rights,
        our_ref: u.id.filled().map(str::to_string),
        balance_minor: need("balance", u.balance.fixed(e))?,
        credit_minor: need("credit", u.credit.fixed(e))?,
        holder: Holder {
            name: u.name.text().trim().to_string(),
            email: u.email.text().trim().to_string(),
            phone: u.phone.text().trim().to_string(),
        },
    })
}

pub(crate) fn state(a: &PlatformAccount, m: &Margin, read_at: Ts) -> Mapped<AccountState> {
    let e = a.currency.exponent();
    if m.login.text() != a.login {
        return Err("the answer is about another login".into());
    }
    let equity = need("equity", m.equity.fixed(e))?;
    Ok(AccountState {
        login: a.login.clone(),
        currency: a.currency,
        balance_minor: a.balance_minor,
        credit_minor: a.credit_minor,
        equity_minor: equity,
        margin_minor: need("margin", m.margin.fixed(e))?,
        free_margin_minor: need("marginFree", m.margin_free.fixed(e))?,
        floating_minor: equity - a.balance_minor - a.credit_minor,
        read_at,
        edge: match m.level_type.text() {
            "MarginCall" => Some(MarginEdge::MarginCall),
            "StopOut" => Some(MarginEdge::StopOut),
            _ => None,
        },
    })
}

/// One lot is 100.
fn lots(t: &Trade) -> Mapped<Lots> {
    let v = need("volume", t.volume.int().filter(|v| *v >= 0))?;
    v.checked_mul(1_000_000).map(Lots).ok_or_else(|| "volume is too large".into())
}

fn time(what: &str, s: &Scalar, zone: &ServerZone) -> Mapped<(Ts, i64)> {
    let wall = need(what, s.filled().and_then(wall_ms))?;
    Ok((need(what, zone.to_utc(wall))?, wall))
}

/// A row is closed when it says when.
pub(crate) fn closed(t: &Trade) -> bool {
    t.close_time.filled().and_then(wall_ms).is_some_and(|ms| ms > 0)
}

/// The deals a row stands for: a money operation is one, a trade is its opening and, when it is
/// closed, its closing, which carries all money. The closing's ticket is the order's with `c`.
pub(crate) fn deals(t: &Trade, currency: Currency, contract: i64, zone: &ServerZone) -> Mapped<Vec<Deal>> {
    let e = currency.exponent();
    let order = t.number()?;
    let login = need("login", t.login.int().filter(|n| *n > 0))?.to_string();
    let money = |what: &str, s: &Scalar| match s.filled() {
        None => Ok(0),
        Some(_) => need(what, s.fixed(e)),
    };
    let (at, wall) = time("openTime", &t.open_time, zone)?;
    let command = t.command()?;
    let blank = Deal {
        ticket: order.to_string(),
        login,
        kind: DealKind::Balance,
        side: DealSide::Buy,
        entry: DealEntry::In,
        technical: false,
        reason: t.reason.text().to_lowercase(),
        symbol: String::new(),
        volume: Lots(0),
        volume_closed: Lots(0),
        contract_size: 0,
        digits: 0,
        price: 0,
        price_position: 0,
        bid: None,
        ask: None,
        profit_minor: 0,
        swap_minor: 0,
        commission_minor: 0,
        position_id: String::new(),
        comment: t.comment.text().to_string(),
        at,
        server_wall_ms: wall,
        modified: false,
    };
    let (side, opposite) = match command {
        Command::Pending => return Ok(Vec::new()),
        Command::Balance | Command::Credit => {
            return Ok(vec![Deal {
                kind: if command == Command::Credit {
                    DealKind::Credit
                } else {
                    DealKind::Balance
                },
                reason: if command == Command::Credit { "credit" } else { "balance" }.into(),
                profit_minor: need("profit", t.profit.fixed(e))?,
                ..blank
            }]);
        }
        Command::Buy => (DealSide::Buy, DealSide::Sell),
        Command::Sell => (DealSide::Sell, DealSide::Buy),
    };
    let digits = need("digits", t.digits.int().and_then(|d| u8::try_from(d).ok()).filter(|d| *d <= 8))?;
    let volume = lots(t)?;
    let price = need("openPrice", t.open_price.fixed(digits))?;
    let open = Deal {
        kind: DealKind::Trade,
        side,
        symbol: need("symbol", t.symbol.filled())?.to_string(),
        volume,
        contract_size: contract,
        digits,
        price,
        price_position: price,
        position_id: order.to_string(),
        ..blank
    };
    if !closed(t) {
        return Ok(vec![open]);
    }
    let (at, wall) = time("closeTime", &t.close_time, zone)?;
    let close = Deal {
        ticket: format!("{order}c"),
        side: opposite,
        entry: DealEntry::Out,
        volume_closed: volume,
        price: need("closePrice", t.close_price.fixed(digits))?,
        profit_minor: need("profit", t.profit.fixed(e))?,
        swap_minor: money("storage", &t.storage)?,
        commission_minor: money("commission", &t.commission)?.saturating_add(money("taxes", &t.taxes)?),
        at,
        server_wall_ms: wall,
        ..open.clone()
    };
    Ok(vec![open, close])
}

pub(crate) fn position(t: &Trade, currency: Currency, zone: &ServerZone) -> Mapped<Option<Position>> {
    let side = match t.command()? {
        Command::Buy => DealSide::Buy,
        Command::Sell => DealSide::Sell,
        Command::Balance | Command::Credit | Command::Pending => return Ok(None),
    };
    if closed(t) {
        return Ok(None);
    }
    let digits = need("digits", t.digits.int().and_then(|d| u8::try_from(d).ok()).filter(|d| *d <= 8))?;
    let e = currency.exponent();
    Ok(Some(Position {
        position_id: t.number()?.to_string(),
        login: need("login", t.login.int().filter(|n| *n > 0))?.to_string(),
        symbol: need("symbol", t.symbol.filled())?.to_string(),
        side,
        volume: lots(t)?,
        digits,
        price_open: need("openPrice", t.open_price.fixed(digits))?,
        // Of an open row this is the price it would close at now.
        price_current: need("closePrice", t.close_price.fixed(digits))?,
        profit_minor: need("profit", t.profit.fixed(e))?,
        swap_minor: t.storage.fixed(e).unwrap_or(0),
        opened_at: time("openTime", &t.open_time, zone)?.0,
    }))
}
