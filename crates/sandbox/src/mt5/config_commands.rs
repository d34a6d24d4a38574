//! `group/*`, `symbol/*`, `tick/*`, `time/*`, `common/*`.

use super::book::Group;
use super::market::{SYMBOLS, Symbol};
use super::params::{Masks, Params, group_path};
use super::server::{Server, disk};
use super::wire::{Code, Outcome, Reply, W, dec, s};
use jiff::Timestamp;

fn group_record(g: &Group) -> W {
    W::O(vec![
        ("Group", s(&g.name)),
        ("Server", s("1")),
        ("PermissionsFlags", s("2")),
        ("AuthMode", s("0")),
        ("AuthPasswordMin", s("8")),
        ("AuthOTPMode", s("0")),
        ("Company", s("Quarterdeck Sandbox")),
        ("CompanyPage", s("")),
        ("CompanyEmail", s("")),
        ("CompanySupportPage", s("")),
        ("CompanySupportEmail", s("")),
        ("CompanyCatalog", s("")),
        ("CompanyDepositPage", s("")),
        ("CompanyWithdrawalPage", s("")),
        ("Currency", s(&g.currency)),
        ("CurrencyDigits", s(g.digits)),
        ("ReportsMode", s("0")),
        ("ReportsFlags", s("0")),
        ("ReportsEmail", s("")),
        ("NewsMode", s("2")),
        ("NewsCategory", s("")),
        ("NewsLangs", W::L(Vec::new())),
        ("MailMode", s("1")),
        ("TradeFlags", s("23")),
        ("TradeTransferMode", s("0")),
        ("TradeInterestrate", dec(0, 8)),
        ("TradeVirtualCredit", dec(0, g.digits)),
        ("MarginMode", s("2")),
        ("MarginSOMode", s("0")),
        ("MarginFreeMode", s("1")),
        ("MarginCall", dec(i64::from(g.margin_call) * 100, 2)),
        ("MarginStopOut", dec(i64::from(g.stop_out) * 100, 2)),
        ("MarginFreeProfitMode", s("0")),
        ("MarginLeverageProfile", s("0")),
        ("DemoLeverage", s(g.leverage_max)),
        ("DemoDeposit", dec(0, g.digits)),
        ("LimitHistory", s("0")),
        ("LimitOrders", s("0")),
        ("LimitSymbols", s("0")),
        ("LimitPositions", s("0")),
        ("Commissions", W::L(Vec::new())),
        (
            "Symbols",
            W::L(vec![W::O(vec![
                ("Path", s("*")),
                ("TradeMode", s("default")),
                ("SpreadDiff", s("default")),
            ])]),
        ),
    ])
}

fn symbol_record(sym: &Symbol) -> W {
    let week = (0..7).map(|d| {
        if d == 0 || d == 6 {
            W::L(Vec::new())
        } else {
            W::L(vec![W::O(vec![("Open", s("0")), ("Close", s("1440"))])])
        }
    });
    let sessions = W::L(week.collect());
    let point = dec(1, sym.digits);
    W::O(vec![
        ("Symbol", s(sym.name)),
        ("Path", s(sym.path)),
        ("ISIN", s("")),
        ("Description", s(sym.description)),
        ("International", s("")),
        ("Category", s("")),
        ("Exchange", s("")),
        ("CFI", s("")),
        ("Sector", s("0")),
        ("Industry", s("0")),
        ("Country", s("")),
        ("Basis", s("")),
        ("Source", s("")),
        ("Page", s("")),
        ("CurrencyBase", s(sym.base)),
        ("CurrencyBaseDigits", s("2")),
        ("CurrencyProfit", s(sym.profit)),
        ("CurrencyProfitDigits", s(if sym.profit == "JPY" { 0 } else { 2 })),
        ("CurrencyMargin", s(if sym.forex { sym.base } else { sym.profit })),
        ("CurrencyMarginDigits", s("2")),
        ("Color", s("4278190080")),
        ("ColorBackground", s("4278190080")),
        ("Digits", s(sym.digits)),
        ("Point", point.clone()),
        ("Multiply", s(10u64.pow(u32::from(sym.digits)))),
        ("TickFlags", s("3")),
        ("TickBookDepth", s("0")),
        ("FilterSoft", s("100")),
        ("FilterSoftTicks", s("10")),
        ("FilterHard", s("500")),
        ("FilterHardTicks", s("10")),
        ("FilterDiscard", s("500")),
        ("FilterSpreadMax", s("0")),
        ("FilterSpreadMin", s("0")),
        ("FilterGap", s("0")),
        ("FilterGapTicks", s("0")),
        ("TradeMode", s("4")),
        ("TradeFlags", s("0")),
        ("CalcMode", s(if sym.forex { 0 } else { 2 })),
        ("ExecMode", s("2")),
        ("GTCMode", s("0")),
        ("FillFlags", s("3")),
        ("ExpirFlags", s("15")),
        ("OrderFlags", s("127")),
        ("Spread", s("0")),
        ("SpreadBalance", s("0")),
        ("SpreadDiff", s("0")),
        ("SpreadDiffBalance", s("0")),
        ("TickValue", dec(0, 2)),
        ("TickSize", point),
        ("ContractSize", dec(sym.contract * 100, 2)),
        ("StopsLevel", s("0")),
        ("FreezeLevel", s("0")),
        ("QuotesTimeout", s("0")),
        ("VolumeMin", s("100")),
        ("VolumeMinExt", s("1000000")),
        ("VolumeMax", s("100000000")),
        ("VolumeMaxExt", s("1000000000000")),
        ("VolumeStep", s("100")),
        ("VolumeStepExt", s("1000000")),
        ("VolumeLimit", s("0")),
        ("VolumeLimitExt", s("0")),
        ("MarginFlags", s("0")),
        ("MarginInitial", dec(0, 2)),
        ("MarginMaintenance", dec(0, 2)),
        ("MarginRateLiquidity", dec(0, 8)),
        ("MarginHedged", dec(sym.contract * 100, 2)),
        ("MarginRateCurrency", dec(0, 8)),
        ("MarginLiquidity", dec(0, 8)),
        ("SwapMode", s("1")),
        ("SwapLong", dec(-250_000_000, 8)),
        ("SwapShort", dec(-250_000_000, 8)),
        ("Swap3Day", s("3")),
        ("TimeStart", s("0")),
        ("TimeExpiration", s("0")),
        ("SessionsQuotes", sessions.clone()),
        ("SessionsTrades", sessions),
        ("REFlags", s("0")),
        ("RETimeout", s("7")),
        ("IECheckMode", s("0")),
        ("IETimeout", s("7")),
        ("IESlipProfit", s("2")),
        ("IESlipLosing", s("2")),
        ("IEVolumeMax", s("0")),
        ("IEVolumeMaxExt", s("0")),
        ("PriceSettle", dec(0, sym.digits)),
        ("PriceLimitMax", dec(0, sym.digits)),
        ("PriceLimitMin", dec(0, sym.digits)),
        ("PriceStrike", dec(0, sym.digits)),
        ("OptionsMode", s("0")),
    ])
}

fn nth<T>(items: Vec<T>, p: &Params) -> Result<T, Code> {
    let i = usize::try_from(p.need_int("index")?).map_err(|_| Code::PARAMS)?;
    items.into_iter().nth(i).ok_or(Code::NOT_FOUND)
}

/// `next` answers one record, or an array when `count` is given.
fn next(records: Vec<W>, p: &Params) -> Outcome {
    match p.int("count")? {
        None => nth(records, p).map(Reply::answer),
        Some(n) => {
            let from = usize::try_from(p.need_int("index")?).map_err(|_| Code::PARAMS)?;
            let n = usize::try_from(n).map_err(|_| Code::PARAMS)?;
            Ok(Reply::list(records.into_iter().skip(from).take(n).collect()))
        }
    }
}

impl Server {
    pub(super) fn group_command(&self, verb: &str, p: &Params) -> Outcome {
        match verb {
            "total" => Ok(Reply::total(self.book().groups.len())),
            "list" => Ok(Reply::list(self.book().groups.keys().map(s).collect())),
            "next" => next(self.book().groups.values().map(group_record).collect(), p),
            // Always an array, even for one name; `group` wins over `mask`.
            "get" => {
                let b = self.book();
                let found: Vec<W> = match (p.list(&["group"]), p.list(&["mask"])) {
                    (Some(l), _) if !l.iter().any(|n| n.contains('*') || n.starts_with('!')) => {
                        l.iter().filter_map(|n| b.find_group(&group_path(n))).map(group_record).collect()
                    }
                    (Some(l), _) | (None, Some(l)) => {
                        let m = Masks::new(&l);
                        b.groups.values().filter(|g| m.hit(&g.name)).map(group_record).collect()
                    }
                    (None, None) => return Err(Code::PARAMS),
                };
                if found.is_empty() {
                    Err(Code::NOT_FOUND)
                } else {
                    Ok(Reply::list(found))
                }
            }
            "add" | "update" => {
                let name = group_path(p.text(&["group"]).filter(|g| !g.is_empty()).ok_or(Code::PARAMS)?);
                self.change(|b| {
                    let known = b.find_group(&name).cloned();
                    if verb == "update" && known.is_none() {
                        return Err(Code::NOT_FOUND);
                    }
                    let small = |n: &str, d: u32| p.int(n).ok().flatten().and_then(|v| u32::try_from(v).ok()).unwrap_or(d);
                    let old = known.as_ref();
                    let currency = p.text(&["currency"]).map(str::to_ascii_uppercase);
                    let g = Group {
                        name: old.map_or(name, |g| g.name.clone()),
                        currency: currency.or_else(|| old.map(|g| g.currency.clone())).ok_or(Code::PARAMS)?,
                        digits: u8::try_from(small("CurrencyDigits", old.map_or(2, |g| u32::from(g.digits))))
                            .map_err(|_| Code::PARAMS)?
                            .min(8),
                        leverage_max: small("DemoLeverage", old.map_or(500, |g| g.leverage_max)),
                        margin_call: small("MarginCall", old.map_or(100, |g| g.margin_call)),
                        stop_out: small("MarginStopOut", old.map_or(50, |g| g.stop_out)),
                    };
                    b.put_group(g.clone()).map_err(|e| disk(&e))?;
                    Ok(Reply::answer(group_record(&g)))
                })
            }
            "delete" => {
                let name = group_path(p.text(&["group"]).unwrap_or(""));
                self.change(|b| {
                    let g = b.find_group(&name).map(|g| g.name.clone()).ok_or(Code::NOT_FOUND)?;
                    if b.users.values().any(|u| u.group == g) {
                        return Err(Code(2003));
                    }
                    b.remove_group(&g);
                    Ok(Reply::done())
                })
            }
            _ => Err(Code::NOT_IMPLEMENTED),
        }
    }

    pub(super) fn symbol_command(&self, verb: &str, p: &Params) -> Outcome {
        match verb {
            "total" => Ok(Reply::total(SYMBOLS.len())),
            "list" => Ok(Reply::list(SYMBOLS.iter().map(|x| s(x.name)).collect())),
            "next" => next(SYMBOLS.iter().map(symbol_record).collect(), p),
            "get" | "get_group" => {
                let m = Masks::new(&p.list(&["symbol", "mask"]).ok_or(Code::PARAMS)?);
                let found: Vec<W> = SYMBOLS
                    .iter()
                    .filter(|x| m.hit(x.name) || m.hit(x.path))
                    .map(symbol_record)
                    .collect();
                let one = p.text(&["symbol"]).is_some_and(|t| !t.contains(['*', ',', '!']));
                match (one, found.into_iter()) {
                    (true, mut f) => f.next().map(Reply::answer).ok_or(Code::NOT_FOUND),
                    (false, f) => Ok(Reply::list(f.collect())),
                }
            }
            _ => Err(Code::NOT_IMPLEMENTED),
        }
    }

    pub(super) fn tick_command(&self, verb: &str, p: &Params) -> Outcome {
        if !matches!(verb, "last" | "last_group") {
            return Err(Code::NOT_IMPLEMENTED);
        }
        let since = p.int("trans_id")?.unwrap_or(0);
        let m = Masks::new(&p.list(&["symbol"]).ok_or(Code::PARAMS)?);
        if verb == "last_group" {
            let name = p.text(&["group"]).ok_or(Code::PARAMS)?;
            self.book().find_group(&group_path(name)).ok_or(Code::NOT_FOUND)?;
        }
        let msc = self.wall_msc(self.now());
        let b = self.book();
        let rows = SYMBOLS
            .iter()
            .enumerate()
            .filter(|(i, x)| (m.hit(x.name) || m.hit(x.path)) && i64::try_from(b.market.moved[*i]).is_ok_and(|t| t > since));
        let list = rows.map(|(i, x)| {
            W::O(vec![
                ("Symbol", s(x.name)),
                ("Digits", s(x.digits)),
                ("Datetime", s(msc.div_euclid(1000))),
                ("DatetimeMsc", s(msc)),
                ("Bid", dec(b.market.bid(i), x.digits)),
                ("Ask", dec(b.market.ask(i), x.digits)),
                ("Last", dec(0, x.digits)),
                ("Volume", s("0")),
                ("VolumeReal", dec(0, 2)),
            ])
        });
        let mut r = Reply::list(list.collect());
        r.beside = vec![("trans_id", s(b.market.tick))];
        Ok(r)
    }

    pub(super) fn time_command(&self, verb: &str) -> Outcome {
        match verb {
            "server" => {
                let wall = self.wall_secs(self.now());
                let text = Timestamp::from_second(wall)
                    .unwrap_or(Timestamp::UNIX_EPOCH)
                    .strftime("%Y.%m.%d %H:%M:%S")
                    .to_string();
                Ok(Reply::object(vec![("Time", s(format!("{wall} {text}")))]))
            }
            "get" => {
                let (minutes, dst) = self.zone_now();
                let day = W::L((0..24).map(|_| s("1")).collect());
                Ok(Reply::object(vec![
                    ("Daylight", s("1")),
                    ("DaylightState", s(u8::from(dst))),
                    ("TimeZone", s(minutes)),
                    ("TimeServer", s("")),
                    ("Days", W::L((0..7).map(|_| day.clone()).collect())),
                ]))
            }
            _ => Err(Code::NOT_IMPLEMENTED),
        }
    }

    pub(super) fn common_command(&self, verb: &str) -> Outcome {
        if verb != "get" {
            return Err(Code::NOT_IMPLEMENTED);
        }
        let b = self.book();
        let real = b.users.values().filter(|u| u.group.starts_with("real")).count();
        Ok(Reply::object(vec![
            ("Name", s(&self.cfg.name)),
            ("Owner", s("Quarterdeck Sandbox")),
            ("OwnerID", s("0")),
            ("OwnerHost", s("")),
            ("OwnerEmail", s("")),
            ("Product", s("MetaTrader 5")),
            ("ExpirationLicense", s("0")),
            ("ExpirationSupport", s("0")),
            ("LimitTradeServers", s("1")),
            ("LimitWebServers", s("0")),
            ("LimitAccounts", s("0")),
            ("LimitDeals", s("0")),
            ("LimitSymbols", s("0")),
            ("LimitGroups", s("0")),
            ("LiveUpdateMode", s("0")),
            ("TotalUsers", s(b.users.len())),
            ("TotalUsersReal", s(real)),
            ("TotalDeals", s(b.deal_count())),
            ("TotalOrders", s("0")),
            ("TotalOrdersHistory", s(b.deal_count())),
            ("TotalPositions", s(b.position_count())),
            ("AccountUrl", s("")),
            ("AccountAuto", s("0")),
        ]))
    }
}
