//! Records as they travel: complete, in the vendor's order, with both spellings where the
//! vendor's text and its own libraries disagree (`ZIPCode`/`ZipCode`,
//! `ModificationFlags`/`ModifyFlags`, `ValueUint`/`ValueUInt`).

use super::book::*;
use super::market::{self, SYMBOLS};
use super::server::Account;
use super::wire::{W, dec, s};

const NONE8: &str = "0.00000000";

/// Lots scaled by 1e8 in the older unit of 1/10 000 lot.
fn old_volume(ext: i64) -> i64 {
    ext / 10_000
}

/// Sixteen cells, always. A list of many records sends none where none is set, to stay readable.
fn cells(set: &[[String; 3]], full: bool) -> W {
    if set.is_empty() && !full {
        return W::L(Vec::new());
    }
    let zero = || ["0", "0", "0"].map(String::from);
    W::L(
        (0..16)
            .map(|i| set.get(i).cloned().unwrap_or_else(zero))
            .map(|[app, id, int]| {
                let unsigned = int.parse::<i64>().map(|v| v.cast_unsigned()).unwrap_or(0);
                W::O(vec![
                    ("AppID", s(app)),
                    ("ID", s(id)),
                    ("ValueInt", s(int)),
                    ("ValueUint", s(unsigned)),
                    ("ValueUInt", s(unsigned)),
                    ("ValueDouble", s(NONE8)),
                ])
            })
            .collect(),
    )
}

pub fn user(u: &User, g: &Group, full: bool) -> W {
    let t = |name: &'static str| (name, s(u.field(name)));
    let money = |v: i64| dec(v, g.digits);
    W::O(vec![
        ("Login", s(u.login)),
        ("Group", s(&u.group)),
        ("CertSerialNumber", s("0")),
        ("Rights", s(u.rights)),
        ("Registration", s(u.registration)),
        ("LastAccess", s(u.last_access)),
        ("LastIP", s("0.0.0.0")),
        ("LastPassChange", s(u.last_pass_change)),
        t("Name"),
        t("FirstName"),
        t("LastName"),
        t("MiddleName"),
        t("Company"),
        t("Account"),
        t("Country"),
        ("Language", s(u.language)),
        t("City"),
        t("State"),
        t("ZIPCode"),
        ("ZipCode", s(u.field("ZIPCode"))),
        t("Address"),
        t("Phone"),
        t("Email"),
        t("ID"),
        (
            "ClientID",
            s(if u.field("ClientID").is_empty() { "0" } else { u.field("ClientID") }),
        ),
        t("Status"),
        t("Comment"),
        ("Color", s(u.color)),
        t("PhonePassword"),
        ("Leverage", s(u.leverage)),
        ("Agent", s(u.agent)),
        ("LimitOrders", s(u.limit_orders)),
        ("LimitPositions", s(u.limit_positions)),
        ("Balance", money(u.balance)),
        ("Credit", money(u.credit)),
        ("InterestRate", money(0)),
        ("CommissionDaily", money(0)),
        ("CommissionMonthly", money(0)),
        ("CommissionAgentDaily", money(0)),
        ("CommissionAgentMonthly", money(0)),
        ("BalancePrevDay", money(u.balance)),
        ("BalancePrevMonth", money(u.balance)),
        ("EquityPrevDay", money(u.balance + u.credit)),
        ("EquityPrevMonth", money(u.balance + u.credit)),
        ("MQID", s(if u.field("MQID").is_empty() { "0" } else { u.field("MQID") })),
        t("TradeAccounts"),
        ("ApiData", cells(&u.api_data, full)),
        t("LeadSource"),
        t("LeadCampaign"),
    ])
}

pub fn account(u: &User, g: &Group, a: &Account, e: Option<&Edge>) -> W {
    let money = |v: i64| dec(v, g.digits);
    let e = e.copied().unwrap_or_default();
    W::O(vec![
        ("Login", s(u.login)),
        ("CurrencyDigits", s(g.digits)),
        ("Balance", money(a.balance)),
        ("Credit", money(a.credit)),
        ("Margin", money(a.margin)),
        ("MarginFree", money(a.free)),
        ("MarginLevel", dec(a.level, 2)),
        ("MarginLeverage", s(u.leverage)),
        ("MarginInitial", money(0)),
        ("MarginMaintenance", money(0)),
        ("Profit", money(a.floating)),
        ("Storage", money(0)),
        ("Commission", money(0)),
        ("Floating", money(a.floating)),
        ("Equity", money(a.equity)),
        ("SOActivation", s(e.activation)),
        ("SOTime", s(e.time)),
        ("SOLevel", dec(e.level, 2)),
        ("SOEquity", money(e.equity)),
        ("SOMargin", money(e.margin)),
        ("BlockedCommission", money(0)),
        ("BlockedProfit", money(0)),
        ("Assets", money(0)),
        ("Liabilities", money(0)),
    ])
}

pub fn deal(d: &Deal, full: bool) -> W {
    let money = |v: i64| dec(v, d.digits_currency);
    let price = |v: i64| dec(v, d.digits);
    let rate = |v: i64| dec(v, 8);
    W::O(vec![
        ("Deal", s(d.ticket)),
        ("ExternalID", s(&d.external_id)),
        ("Login", s(d.login)),
        ("Dealer", s(d.dealer)),
        ("Order", s(d.order)),
        ("Action", s(d.action)),
        ("Entry", s(d.entry)),
        ("Reason", s(d.reason)),
        ("Digits", s(d.digits)),
        ("DigitsCurrency", s(d.digits_currency)),
        ("ContractSize", dec(d.contract * 100, 2)),
        ("Time", s(d.time_msc.div_euclid(1000))),
        ("TimeMsc", s(d.time_msc)),
        ("Symbol", s(&d.symbol)),
        ("Price", price(d.price)),
        ("PriceSL", price(0)),
        ("PriceTP", price(0)),
        ("Volume", s(old_volume(d.volume))),
        ("VolumeExt", s(d.volume)),
        ("Profit", money(d.profit)),
        ("Value", money(d.value)),
        ("Storage", money(d.storage)),
        ("Commission", money(d.commission)),
        ("Fee", money(d.fee)),
        ("RateProfit", rate(d.rate_profit)),
        ("RateMargin", rate(d.rate_margin)),
        ("ExpertID", s("0")),
        ("PositionID", s(d.position)),
        ("Comment", s(&d.comment)),
        ("ProfitRaw", if d.is_trade() { dec(d.profit_raw, 2) } else { money(d.profit) }),
        ("PricePosition", price(d.price_position)),
        ("VolumeClosed", s(old_volume(d.volume_closed))),
        ("VolumeClosedExt", s(d.volume_closed)),
        ("TickValue", money(0)),
        ("TickSize", s(NONE8)),
        ("Flags", s("0")),
        ("Gateway", s("")),
        ("PriceGateway", price(0)),
        ("MarketBid", price(d.market_bid)),
        ("MarketAsk", price(d.market_ask)),
        ("MarketLast", price(0)),
        ("ModificationFlags", s(d.flags)),
        ("ModifyFlags", s(d.flags)),
        ("ApiData", cells(&[], full)),
    ])
}

pub fn position(b: &Book, p: &Position, g: &Group, full: bool) -> W {
    let (i, sym) = market::find(&p.symbol).unwrap_or((0, &SYMBOLS[0]));
    let price = |v: i64| dec(v, sym.digits);
    let current = if p.action == BUY { b.market.bid(i) } else { b.market.ask(i) };
    W::O(vec![
        ("Position", s(p.ticket)),
        ("ExternalID", s(&p.external_id)),
        ("Login", s(p.login)),
        ("Dealer", s(p.dealer)),
        ("Symbol", s(&p.symbol)),
        ("Action", s(p.action)),
        ("Digits", s(sym.digits)),
        ("DigitsCurrency", s(g.digits)),
        ("Reason", s(p.reason)),
        ("ContractSize", dec(sym.contract * 100, 2)),
        ("TimeCreate", s(p.opened_msc.div_euclid(1000))),
        ("TimeUpdate", s(p.updated_msc.div_euclid(1000))),
        ("TimeCreateMsc", s(p.opened_msc)),
        ("TimeUpdateMsc", s(p.updated_msc)),
        ("PriceOpen", price(p.price_open)),
        ("PriceCurrent", price(current)),
        ("PriceSL", price(p.price_sl)),
        ("PriceTP", price(p.price_tp)),
        ("Volume", s(old_volume(p.volume))),
        ("VolumeExt", s(p.volume)),
        ("Profit", dec(b.floating(p, g), g.digits)),
        ("Storage", dec(0, g.digits)),
        ("RateProfit", dec(b.market.rate(sym.profit, &g.currency), 8)),
        ("RateMargin", dec(p.rate_margin, 8)),
        ("ExpertID", s("0")),
        ("ExpertPositionID", s("0")),
        ("Comment", s(&p.comment)),
        ("ActivationMode", s("0")),
        ("ActivationTime", s("0")),
        ("ActivationPrice", price(0)),
        ("ActivationFlags", s("0")),
        ("ModificationFlags", s(p.flags)),
        ("ModifyFlags", s(p.flags)),
        ("ApiData", cells(&[], full)),
    ])
}

/// The closed order behind a trade deal: filled at once, at the market.
pub fn order(d: &Deal, full: bool) -> W {
    let price = |v: i64| dec(v, d.digits);
    W::O(vec![
        ("Order", s(d.order)),
        ("ExternalID", s("")),
        ("Login", s(d.login)),
        ("Dealer", s(d.dealer)),
        ("Symbol", s(&d.symbol)),
        ("Digits", s(d.digits)),
        ("DigitsCurrency", s(d.digits_currency)),
        ("ContractSize", dec(d.contract * 100, 2)),
        ("State", s("4")),
        ("Reason", s(d.reason)),
        ("TimeSetup", s(d.time_msc.div_euclid(1000))),
        ("TimeExpiration", s("0")),
        ("TimeDone", s(d.time_msc.div_euclid(1000))),
        ("TimeSetupMsc", s(d.time_msc)),
        ("TimeDoneMsc", s(d.time_msc)),
        ("Type", s(if matches!(d.action, BUY | BUY_CANCELED) { 0 } else { 1 })),
        ("TypeFill", s("0")),
        ("TypeTime", s("0")),
        ("PriceOrder", price(d.price)),
        ("PriceTrigger", price(0)),
        ("PriceCurrent", price(d.price)),
        ("PriceSL", price(0)),
        ("PriceTP", price(0)),
        ("VolumeInitial", s(old_volume(d.volume))),
        ("VolumeInitialExt", s(d.volume)),
        ("VolumeCurrent", s("0")),
        ("VolumeCurrentExt", s("0")),
        ("ExpertID", s("0")),
        ("PositionID", s(d.position)),
        ("PositionByID", s("0")),
        ("Comment", s(&d.comment)),
        ("ActivationMode", s("0")),
        ("ActivationTime", s("0")),
        ("ActivationPrice", price(0)),
        ("ActivationFlags", s("0")),
        ("RateMargin", dec(d.rate_margin, 8)),
        ("ModificationFlags", s("0")),
        ("ModifyFlags", s("0")),
        ("ApiData", cells(&[], full)),
    ])
}
