//! Statements as papers: what the domains answer, in the words of the catalogue.

use crate::download::{MOST_ROWS, Period, clock, too_many};
use qd_app::App;
use qd_clients::Client;
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Page, PageRequest, Problem, Result, Ts};
use qd_ledger::{AccountKey, StatementLine};
use qd_notify::{Catalogue, is_rtl};
use qd_paper::{Column, Paper};
use qd_runtime::access::Caller;
use qd_runtime::tenancy;
use qd_trading::TradingAccountId;
use qd_trading::feed::{self, DealView};
use serde_json::Value;

/// Words of a paper in one language.
pub struct Words<'a> {
    pub catalogue: &'a Catalogue,
    pub language: String,
}

impl Words<'_> {
    pub fn of<'a>(app: &'a App, language: &str) -> Words<'a> {
        Words {
            catalogue: &app.catalogue,
            language: app.catalogue.resolve(language, "paper.wallet_title"),
        }
    }
    pub fn get(&self, key: &str) -> String {
        self.catalogue
            .get(&self.language, &format!("paper.{key}"))
            .unwrap_or(key)
            .to_string()
    }
    /// The word of a kind; what has none is shown as it is.
    fn kind(&self, kind: &str) -> String {
        self.catalogue
            .get(&self.language, &format!("paper.kind.{}", kind.split('.').next().unwrap_or(kind)))
            .unwrap_or(kind)
            .to_string()
    }
    fn rtl(&self) -> bool {
        is_rtl(&self.language)
    }
    /// Digits and codes stay together from left to right inside a text that runs the other way.
    fn fixed(&self, text: impl Into<String>) -> String {
        let text = text.into();
        if self.rtl() && !text.is_empty() {
            format!("\u{2066}{text}\u{2069}")
        } else {
            text
        }
    }
    fn money(&self, minor: i64, c: Currency) -> String {
        self.fixed(grouped(&Amount::new(minor, c).text()))
    }
    fn money_with(&self, minor: i64, c: Currency) -> String {
        self.fixed(format!("{} {}", grouped(&Amount::new(minor, c).text()), c.code()))
    }
}

/// `-1234567.50` as `-1,234,567.50`: on paper one form for all languages, as in the portals' tables.
fn grouped(plain: &str) -> String {
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |d| ("-", d));
    let (whole, part) = digits.split_once('.').map_or((digits, None), |(w, p)| (w, Some(p)));
    let mut out = String::from(sign);
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if let Some(p) = part {
        out.push('.');
        out.push_str(p);
    }
    out
}

async fn sheet(tx: &mut Tx, w: &Words<'_>, brand: &str, title: &str, now: Ts) -> Result<Paper> {
    let b = tenancy::brand(tx, brand).await?;
    let e = tenancy::get(tx, &b.entity).await?;
    Ok(Paper {
        brand: b.name,
        hue: u16::try_from(b.hue % 360).unwrap_or(0),
        title: w.get(title),
        language: w.language.clone(),
        rtl: w.rtl(),
        house: format!("{} · {} · {}", e.name, e.country, e.regulator),
        empty: w.get("empty"),
        page_of: w.get("page_of").replace("{{n}}", "{n}").replace("{{all}}", "{all}"),
        made_at: now,
        ..Paper::default()
    })
}

/// A wallet's lines of a period, the oldest first, and the balances around them.
pub struct WalletLines {
    pub opening_minor: i64,
    pub closing_minor: i64,
    pub lines: Vec<StatementLine>,
}

pub async fn wallet_lines(tx: &mut Tx, account: &AccountKey, from: Ts, until: Ts) -> Result<WalletLines> {
    let (mut lines, mut cursor): (Vec<StatementLine>, Option<String>) = (Vec::new(), None);
    let mut before = 0;
    'pages: loop {
        let p = qd_ledger::statement(tx, account, &PageRequest::new(Some(200), cursor.as_deref())?).await?;
        for l in p.items {
            if l.booked_at < from {
                before = l.balance_minor;
                break 'pages;
            }
            if l.booked_at < until {
                lines.push(l);
            }
        }
        if lines.len() > MOST_ROWS {
            return Err(too_many());
        }
        cursor = p.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    lines.reverse();
    Ok(WalletLines {
        opening_minor: lines.first().map_or(before, |l| l.balance_minor - l.minor),
        closing_minor: lines.last().map_or(before, |l| l.balance_minor),
        lines,
    })
}

pub async fn wallet(tx: &mut Tx, app: &App, c: &Client, currency: Currency, q: &Period) -> Result<Paper> {
    let now = app.core.now();
    let (from, until) = q.span(now)?;
    let w = Words::of(app, &c.language);
    let found = wallet_lines(tx, &AccountKey::wallet(c.id, currency), from, until).await?;
    let mut p = sheet(tx, &w, &c.brand, "wallet_title", now).await?;
    p.facts = vec![
        (w.get("client"), c.name()),
        (w.get("currency"), currency.code().to_string()),
        (w.get("period"), w.fixed(q.name(&w.get("whole"), now)?)),
        (w.get("made"), w.fixed(clock(now))),
        (w.get("opening"), w.money_with(found.opening_minor, currency)),
        (w.get("closing"), w.money_with(found.closing_minor, currency)),
    ];
    p.columns = vec![
        Column::text(w.get("date"), 20),
        Column::text(w.get("what"), 22),
        Column::text(w.get("reference"), 34),
        Column::number(w.get("amount"), 14),
        Column::number(w.get("balance"), 15),
    ];
    p.rows = found
        .lines
        .iter()
        .map(|l| {
            vec![
                w.fixed(clock(l.booked_at)),
                w.kind(&l.kind),
                w.fixed(short(&l.reference)),
                w.money(l.minor, currency),
                w.money(l.balance_minor, currency),
            ]
        })
        .collect();
    p.totals = vec![vec![
        w.get("closing"),
        String::new(),
        String::new(),
        w.money(found.closing_minor - found.opening_minor, currency),
        w.money(found.closing_minor, currency),
    ]];
    Ok(p)
}

/// `deposit:dep_01…:received` is for programs; a reader needs the id.
fn short(reference: &str) -> String {
    reference
        .split(':')
        .find(|p| p.contains('_') && p.len() > 20)
        .unwrap_or(reference)
        .to_string()
}

/// An account's deals of a period, the oldest first. `what is gone` stays out: the platform took it
/// back.
pub async fn deals(tx: &mut Tx, caller: &Caller, id: TradingAccountId, from: Ts, until: Ts) -> Result<Vec<DealView>> {
    let (mut out, mut cursor): (Vec<DealView>, Option<String>) = (Vec::new(), None);
    let last = Ts(until.micros().saturating_sub(1));
    loop {
        let page = PageRequest::new(Some(200), cursor.as_deref())?;
        let p: Page<DealView> = feed::history(tx, caller, id, Some(from), Some(last), &page).await?;
        out.extend(p.items.into_iter().filter(|d| !d.deleted));
        if out.len() > MOST_ROWS {
            return Err(too_many());
        }
        cursor = p.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    out.reverse();
    Ok(out)
}

pub async fn account(tx: &mut Tx, app: &App, caller: &Caller, id: TradingAccountId, q: &Period) -> Result<Paper> {
    let now = app.core.now();
    let (from, until) = q.span(now)?;
    let a = qd_trading::accounts::get(tx, &app.core, caller, id).await?;
    let c = qd_app::compose::client_by_id(tx, &a.client_id).await?;
    let w = Words::of(app, &c.language);
    let opening = feed::balance_before(tx, caller, id, from).await?;
    let all = deals(tx, caller, id, from, until).await?;
    let currency = a.currency;
    // Credit is lent, not owned: it is no part of the balance.
    let own = || all.iter().filter(|d| d.kind != "credit");
    let sum = |f: fn(&DealView) -> i64| own().map(f).sum::<i64>();
    let (profit, swap, fee) = (sum(|d| d.profit_minor), sum(|d| d.swap_minor), sum(|d| d.commission_minor));
    let closing = opening + profit + swap + fee;
    let mut p = sheet(tx, &w, &c.brand, "account_title", now).await?;
    p.landscape = true;
    p.facts = vec![
        (w.get("client"), c.name()),
        (w.get("account"), w.fixed(a.login.clone().unwrap_or_else(|| a.id.to_string()))),
        (w.get("server"), a.server.clone()),
        (w.get("currency"), currency.code().to_string()),
        (w.get("period"), w.fixed(q.name(&w.get("whole"), now)?)),
        (w.get("made"), w.fixed(clock(now))),
        (w.get("opening"), w.money_with(opening, currency)),
        (w.get("closing"), w.money_with(closing, currency)),
    ];
    p.columns = vec![
        Column::text(w.get("date"), 20),
        Column::text(w.get("ticket"), 14),
        Column::text(w.get("what"), 20),
        Column::text(w.get("symbol"), 12),
        Column::text(w.get("side"), 9),
        Column::number(w.get("volume"), 9),
        Column::number(w.get("price"), 12),
        Column::number(w.get("swap"), 11),
        Column::number(w.get("commission"), 12),
        Column::number(w.get("profit"), 14),
    ];
    p.rows = all
        .iter()
        .map(|d| {
            let trade = !d.symbol.is_empty();
            let only = |v: String| if trade { w.fixed(v) } else { String::new() };
            vec![
                w.fixed(clock(d.at_us)),
                w.fixed(d.ticket.clone()),
                w.kind(&d.kind),
                w.fixed(d.symbol.clone()),
                if trade { w.get(&d.side) } else { String::new() },
                only(d.volume.clone()),
                only(d.price.clone()),
                w.money(d.swap_minor, currency),
                w.money(d.commission_minor, currency),
                w.money(d.profit_minor, currency),
            ]
        })
        .collect();
    let mut total = vec![String::new(); p.columns.len()];
    total[0] = w.get("total");
    (total[7], total[8], total[9]) = (w.money(swap, currency), w.money(fee, currency), w.money(profit, currency));
    p.totals = vec![total];
    Ok(p)
}

/// A closed statement of a partner: the content as it was frozen, nothing reckoned anew but shown.
pub async fn partner(tx: &mut Tx, app: &App, brand: &str, language: &str, content: &str, mark: &str) -> Result<Paper> {
    let v: Value = serde_json::from_str(content)?;
    let w = Words::of(app, language);
    let bad = || Problem::bug("statement_unreadable", "a closed statement cannot be read");
    let text = |k: &str| v[k].as_str().unwrap_or_default().to_string();
    let currency = Currency::parse(v["currency"].as_str().ok_or_else(bad)?).map_err(|_| bad())?;
    let money = |k: &str| v[k].as_i64().map(|m| w.money(m, currency)).unwrap_or_default();
    let day = |k: &str| v[k].as_str().unwrap_or_default().chars().take(10).collect::<String>();
    let mut p = sheet(tx, &w, brand, "partner_title", app.core.now()).await?;
    p.landscape = true;
    p.facts = vec![
        (w.get("partner"), text("partner_name")),
        (w.get("number"), v["number"].to_string()),
        (w.get("period"), w.fixed(format!("{} – {}", day("period_from"), day("period_to")))),
        (w.get("currency"), currency.code().to_string()),
        (w.get("opening"), money("opening_minor")),
        (w.get("closing"), money("closing_minor")),
        (w.get("mark"), w.fixed(mark.to_string())),
    ];
    // Since format 2; codes as in the settings, in no language.
    if let Some(n) = v["self_billing"].as_str() {
        p.facts.push((w.get("bill"), w.fixed(n)));
    }
    if let Some(t) = v["terms"].as_object() {
        let shown: Vec<String> = t
            .iter()
            .map(|(k, v)| (k, v.as_str().map_or_else(|| v.to_string(), str::to_string)))
            .filter(|(_, v)| !matches!(v.as_str(), "0" | "{}" | "none"))
            .map(|(k, v)| format!("{k} {v}"))
            .collect();
        p.facts.push((w.get("terms"), w.fixed(shown.join(" · "))));
    }
    let plans: Vec<&str> = v["plans"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !plans.is_empty() {
        p.facts.push((w.get("plans"), w.fixed(plans.join(", "))));
    }
    let unpaid: i64 = v["not_paid"].as_array().into_iter().flatten().filter_map(|r| r[1].as_i64()).sum();
    if unpaid > 0 {
        p.facts.push((w.get("not_paid"), unpaid.to_string()));
    }
    p.columns = vec![
        Column::text(w.get("date"), 17),
        Column::text(w.get("what"), 20),
        Column::text(w.get("deal"), 26),
        Column::text(w.get("client"), 30),
        Column::text(w.get("symbol"), 11),
        Column::number(w.get("level"), 8),
        Column::number(w.get("volume"), 9),
        Column::number(w.get("amount"), 14),
    ];
    for (section, adjustment) in [("lines", false), ("adjustments", true)] {
        for l in v[section].as_array().into_iter().flatten() {
            let t = |k: &str| l[k].as_str().unwrap_or_default().to_string();
            let what = if adjustment {
                w.get("adjustments")
            } else {
                let key = format!("status.line.{}", t("kind"));
                w.catalogue.get(&w.language, &key).map_or_else(|| t("kind"), str::to_string)
            };
            p.rows.push(vec![
                w.fixed(t("value_date").chars().take(10).collect::<String>()),
                what,
                w.fixed(t("deal")),
                w.fixed(t("client")),
                w.fixed(t("symbol")),
                l["level"].to_string(),
                qd_kernel::Lots(l["lots"].as_i64().unwrap_or(0)).text(),
                w.money(l["minor"].as_i64().unwrap_or(0), currency),
            ]);
        }
    }
    let total = |name: &str, value: String| {
        let mut row = vec![String::new(); 8];
        row[0] = w.get(name);
        row[7] = value;
        row
    };
    p.totals = vec![
        total("opening", money("opening_minor")),
        total("lines", money("lines_minor")),
        total("adjustments", money("adjustments_minor")),
        total("payouts", money("payouts_minor")),
        total("closing", money("closing_minor")),
    ];
    for (name, key) in [("fees", "fees_minor"), ("tax", "tax_minor"), ("rebates", "rebates_minor")] {
        if v[key].as_i64().is_some_and(|m| m != 0) {
            p.totals.push(total(name, money(key)));
        }
    }
    Ok(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped_and_references_shortened_for_readers() {
        for (plain, shown) in [
            ("0.00", "0.00"),
            ("-1234567.50", "-1,234,567.50"),
            ("999", "999"),
            ("1000", "1,000"),
        ] {
            assert_eq!(grouped(plain), shown);
        }
        assert_eq!(
            short("deposit:dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V:received"),
            "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"
        );
        assert_eq!(short("manual"), "manual");
    }
}
