//! Deals: recording what the platform reports, once, with every later edit as a revision, and
//! moving the trading result into the ledger.
//!
//! The cursor misses nothing: each poll starts `OVERLAP_S` before the newest deal seen, the last
//! hour is read again every few minutes and the last week every hour, so a deal that was late,
//! edited or deleted is found. Reading a deal twice is harmless: content is compared by
//! fingerprint.

use crate::store::{self, DealRow};
use crate::{AccountKind, Direction, MoveKind, MoveState, TradingAccountId};
use qd_db::Tx;
use qd_kernel::{Currency, Page, PageRequest, Problem, Result, Ts, Val, vals};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_ports::platform::{Deal, DealEntry, DealKind, DealSide};
use qd_runtime::access::Caller;
use qd_runtime::events::{self, NewEvent};
use qd_runtime::{Core, exceptions};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// Read again with every poll: deals become visible out of order by this much.
pub const OVERLAP_S: i64 = 120;
/// How far and how often the feed looks back for late, edited and deleted deals.
pub const SHORT_RESCAN_S: i64 = 3_600;
pub const SHORT_RESCAN_EVERY_S: i64 = 300;
pub const LONG_RESCAN_S: i64 = 7 * 86_400;
pub const LONG_RESCAN_EVERY_S: i64 = 3_600;
/// Deals in one event: bounds the size of its payload and of the transaction behind it.
pub const DEALS_PER_EVENT: usize = 500;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Deal)]
pub struct DealView {
    pub server: String,
    pub ticket: String,
    pub revision: i64,
    pub login: String,
    pub account_id: Option<TradingAccountId>,
    /// `trade`, `cancelled_trade`, `balance`, `credit`, `other`.
    pub kind: String,
    /// `buy` or `sell`.
    pub side: String,
    /// What it did to the position: `in`, `out`, `in_out`, `out_by`.
    pub entry: String,
    pub symbol: String,
    /// In lots, decimal text.
    pub volume: String,
    /// Decimal text with the symbol's digits.
    pub price: String,
    pub profit_minor: i64,
    pub swap_minor: i64,
    pub commission_minor: i64,
    pub currency: Currency,
    pub reason: String,
    pub comment: String,
    pub at_us: Ts,
    pub modified: bool,
    pub deleted: bool,
}

impl From<DealRow> for DealView {
    fn from(d: DealRow) -> Self {
        DealView {
            price: qd_kernel::format_fixed(d.price, d.digits),
            volume: d.volume.text(),
            server: d.server,
            ticket: d.ticket,
            revision: d.revision,
            login: d.login,
            account_id: d.account_id,
            kind: d.kind,
            side: d.side,
            entry: d.entry,
            symbol: d.symbol,
            profit_minor: d.profit_minor,
            swap_minor: d.swap_minor,
            commission_minor: d.commission_minor,
            currency: d.currency,
            reason: d.reason,
            comment: d.comment,
            at_us: d.at,
            modified: d.modified,
            deleted: d.gone,
        }
    }
}

/// One recorded revision, as the events name it.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub struct DealKey {
    pub server: String,
    pub ticket: String,
    pub revision: i64,
}

/// What one batch did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ingested {
    pub read: usize,
    pub new: usize,
    pub revised: usize,
    pub gone: usize,
}

fn kind_text(k: DealKind) -> &'static str {
    match k {
        DealKind::Trade => "trade",
        DealKind::CancelledTrade => "cancelled_trade",
        DealKind::Balance => "balance",
        DealKind::Credit => "credit",
        DealKind::Other => "other",
    }
}
fn side_text(s: DealSide) -> &'static str {
    match s {
        DealSide::Buy => "buy",
        DealSide::Sell => "sell",
    }
}
fn entry_text(e: DealEntry) -> &'static str {
    match e {
        DealEntry::In => "in",
        DealEntry::Out => "out",
        DealEntry::InOut => "in_out",
        DealEntry::OutBy => "out_by",
    }
}

/// Over everything that matters to money and volume; not over `modified`, which some servers set
/// without a change.
fn fingerprint(d: &Deal) -> String {
    let text = format!(
        "{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}",
        d.login,
        kind_text(d.kind),
        side_text(d.side),
        entry_text(d.entry),
        d.technical,
        d.symbol,
        d.volume.0,
        d.volume_closed.0,
        d.contract_size,
        d.digits,
        d.price,
        d.price_position,
        d.profit_minor,
        d.swap_minor,
        d.commission_minor,
        d.position_id,
        d.server_wall_ms,
        d.reason
    );
    hex::encode(&Sha256::digest(text.as_bytes())[..12])
}

/// Kinds whose figures are the trading result. Money moves are booked by their own entries. A
/// cancelled trade counts with what it still states, which is nothing unless somebody edits it.
fn is_result(kind: &str) -> bool {
    matches!(kind, "trade" | "cancelled_trade" | "other")
}

fn result_of(kind: &str, profit: i64, swap: i64, commission: i64) -> i64 {
    if is_result(kind) {
        profit.saturating_add(swap).saturating_add(commission)
    } else {
        0
    }
}

/// What is known of a deal before a report of it.
#[derive(Clone)]
struct Last {
    revision: i64,
    print: String,
    /// What the ledger has booked for it.
    result: i64,
    account_id: Option<TradingAccountId>,
}

impl Last {
    fn of(k: &store::Known) -> Last {
        let result = if k.gone {
            0
        } else {
            result_of(&k.kind, k.profit_minor, k.swap_minor, k.commission_minor)
        };
        Last {
            revision: k.revision,
            print: k.fingerprint.clone(),
            result,
            account_id: k.account_id,
        }
    }
}

/// Records a batch read from one server. `window`: when given, the read was a complete list of
/// that time span, so a known deal missing from it has been deleted on the server.
pub async fn ingest(tx: &mut Tx, core: &Core, server: &str, deals: &[Deal], window: Option<(Ts, Ts)>) -> Result<Ingested> {
    let now = core.now();
    let mut out = Ingested {
        read: deals.len(),
        ..Ingested::default()
    };
    // One read for the whole window; deals outside it (late ones found by login) are looked up one by one.
    let known: HashMap<String, store::Known> = match deals.iter().map(|d| d.at).chain(window.map(|w| w.0)).min() {
        None => HashMap::new(),
        Some(from) => {
            let to = deals.iter().map(|d| d.at).chain(window.map(|w| w.1)).max().unwrap_or(from);
            store::known_between(tx, server, from, to)
                .await?
                .into_iter()
                .map(|k| (k.ticket.clone(), k))
                .collect()
        }
    };
    let mut accounts: HashMap<&str, Option<store::AccountRow>> = HashMap::new();
    let mut rows: Vec<Vec<Val>> = Vec::new();
    let mut keys: Vec<(DealKey, Option<TradingAccountId>)> = Vec::new();
    let mut results: BTreeMap<(TradingAccountId, String, Currency), i64> = BTreeMap::new();
    // What this batch itself has recorded of a ticket, for one that is in it twice.
    let mut fresh: HashMap<&str, Last> = HashMap::new();
    for d in deals {
        let print = fingerprint(d);
        let last = match (fresh.get(d.ticket.as_str()), known.get(&d.ticket)) {
            (Some(l), _) => Some(l.clone()),
            (None, Some(k)) => Some(Last::of(k)),
            (None, None) => store::latest_deal(tx, server, &d.ticket).await?.map(|k| Last::of(&k)),
        };
        if !accounts.contains_key(d.login.as_str()) {
            accounts.insert(&d.login, store::account_by_login(tx, server, &d.login).await?);
        }
        let account = accounts.get(d.login.as_str()).and_then(Option::as_ref);
        // Recorded before we knew whose login it is: recorded again, now that we do.
        let adopted = last.as_ref().is_some_and(|l| l.account_id.is_none()) && account.is_some();
        if !adopted && last.as_ref().is_some_and(|l| l.print == print) {
            continue;
        }
        let currency = account.map_or(Currency::USD, |a| a.currency);
        let revision = last.as_ref().map_or(1, |l| l.revision + 1);
        let kind = kind_text(d.kind);
        rows.push(
            vals![
                server,
                d.ticket.as_str(),
                revision,
                d.login.as_str(),
                account.map(|a| a.id),
                kind,
                side_text(d.side),
                entry_text(d.entry),
                d.technical,
                d.reason.as_str(),
                d.symbol.as_str(),
                d.volume,
                d.volume_closed,
                d.contract_size,
                i64::from(d.digits),
                d.price,
                d.price_position,
                d.bid,
                d.ask,
                d.profit_minor,
                d.swap_minor,
                d.commission_minor,
                currency,
                d.position_id.as_str(),
                d.comment.as_str(),
                d.at,
                d.server_wall_ms,
                d.modified,
                false,
                print.as_str(),
                now
            ]
            .to_vec(),
        );
        keys.push((
            DealKey {
                server: server.to_string(),
                ticket: d.ticket.clone(),
                revision,
            },
            account.map(|a| a.id),
        ));
        if revision == 1 {
            out.new += 1;
        } else {
            out.revised += 1;
        }
        let result = result_of(kind, d.profit_minor, d.swap_minor, d.commission_minor);
        if let Some(a) = account {
            let before = last.as_ref().filter(|l| l.account_id.is_some()).map_or(0, |l| l.result);
            let delta = result - before;
            if delta != 0 && a.kind == AccountKind::Live {
                *results.entry((a.id, a.entity.clone(), a.currency)).or_default() += delta;
            }
            // What moved on an imported login before it was ours is in its opening balance.
            let before_us = a.mapping_id == crate::mapping::IMPORTED && a.ready_at.is_none_or(|r| d.at < r);
            if matches!(d.kind, DealKind::Balance | DealKind::Credit) && a.kind == AccountKind::Live && !before_us {
                money(tx, core, server, a, d, revision == 1 || adopted).await?;
            }
        }
        fresh.insert(
            &d.ticket,
            Last {
                revision,
                print,
                result,
                account_id: account.map(|a| a.id),
            },
        );
    }
    if let Some((from, to)) = window {
        let seen: std::collections::HashSet<&str> = deals.iter().map(|d| d.ticket.as_str()).collect();
        for k in known.values().filter(|k| !k.gone && !seen.contains(k.ticket.as_str())) {
            let Some(d) = store::deal(tx, server, &k.ticket, k.revision).await? else {
                continue;
            };
            if d.at < from || d.at > to {
                continue;
            }
            if store::insert_gone(tx, server, &k.ticket, k.revision, now).await? == 1 {
                out.gone += 1;
                keys.push((
                    DealKey {
                        server: server.to_string(),
                        ticket: k.ticket.clone(),
                        revision: k.revision + 1,
                    },
                    d.account_id,
                ));
                if let Some(id) = d.account_id
                    && let Some(a) = store::account(tx, id).await?
                    && a.kind == AccountKind::Live
                {
                    if matches!(k.kind.as_str(), "balance" | "credit") {
                        money_gone(tx, core, server, &a, &d).await?;
                    }
                    *results.entry((id, a.entity, a.currency)).or_default() -=
                        result_of(&k.kind, k.profit_minor, k.swap_minor, k.commission_minor);
                }
            }
        }
    }
    store::insert_deals(tx, &rows).await?;
    for ((account, entity, currency), minor) in results.into_iter().filter(|r| r.1 != 0) {
        let first = keys
            .iter()
            .find(|k| k.1 == Some(account))
            .map(|k| format!("{}:{}", k.0.ticket, k.0.revision))
            .unwrap_or_default();
        qd_ledger::post(
            tx,
            core,
            NewEntry {
                kind: "trading_result",
                reference: format!("result:{server}:{account}:{first}"),
                legs: vec![
                    Leg {
                        account: AccountKey {
                            owner: format!("house:{entity}"),
                            purpose: Purpose::TradingResult,
                            currency,
                        },
                        minor: -minor,
                    },
                    Leg {
                        account: AccountKey {
                            owner: format!("tacc:{account}"),
                            purpose: Purpose::Platform,
                            currency,
                        },
                        minor,
                    },
                ],
                source: format!("deals of {server}, from {first}"),
                value_at: now,
                note: None,
                fx: None,
            },
        )
        .await?;
    }
    for chunk in keys.chunks(DEALS_PER_EVENT) {
        let items: Vec<_> = chunk
            .iter()
            .map(|(k, a)| json!({"ticket": k.ticket, "revision": k.revision, "account_id": a}))
            .collect();
        events::publish(
            tx,
            core,
            NewEvent {
                kind: "deals.recorded",
                aggregate: format!("server:{server}"),
                entity: None,
                payload: json!({"server": server, "deals": items}),
            },
        )
        .await?;
    }
    Ok(out)
}

/// Money on a login, against what we have ordered. `new`: the first we hear of this deal.
///
/// Without a token of ours it is somebody's own operation on the platform; with one it must be
/// exactly the move that carries the token, booked once. Anything else the ledger does not know,
/// so a person must.
async fn money(tx: &mut Tx, core: &Core, server: &str, a: &store::AccountRow, d: &Deal, new: bool) -> Result<()> {
    let token = d.comment.split_whitespace().next().unwrap_or_default();
    let booked = qd_kernel::Amount::new(d.profit_minor, a.currency);
    let subject = deal_subject(server, &d.ticket);
    let detail = json!({"ticket": d.ticket, "comment": d.comment, "at_us": d.at, "account_id": a.id});
    let Some(m) = store::move_by_token(tx, token).await? else {
        if !new {
            return Ok(());
        }
        let cause = format!("{server} booked {booked} on login {} without an order of ours", d.login);
        return unexpected(
            tx,
            core,
            a,
            FOREIGN_MONEY,
            "platform_money_without_our_token",
            subject,
            cause,
            detail,
        )
        .await;
    };
    let signed = if m.direction == Direction::ToPlatform {
        m.amount_minor
    } else {
        -m.amount_minor
    };
    let same_kind = (m.kind == MoveKind::Credit) == (d.kind == DealKind::Credit);
    let why = if m.account_id != a.id || signed != d.profit_minor || !same_kind {
        Some(format!(
            "{server} booked {booked} as {} on login {} under the token of a move of {} to login {}",
            kind_text(d.kind),
            d.login,
            qd_kernel::Amount::new(signed, m.currency),
            m.login
        ))
    } else if matches!(m.state, MoveState::Refused | MoveState::Returned) {
        Some(format!(
            "{server} refused {booked} on login {} and has booked it all the same",
            d.login
        ))
    } else if let Some(other) = m.ticket.clone().filter(|t| *t != d.ticket) {
        Some(format!(
            "{server} booked {booked} on login {} again: tickets {other} and {}",
            d.login, d.ticket
        ))
    } else {
        store::token_booked_before(tx, a.id, token, &d.ticket).await?.map(|other| {
            format!(
                "{server} booked {booked} on login {} again: tickets {other} and {}",
                d.login, d.ticket
            )
        })
    };
    match why {
        Some(cause) => unexpected(tx, core, a, MONEY_DIFFERS, "platform_money_not_as_ordered", subject, cause, detail).await,
        None => Ok(()),
    }
}

/// A money deal that the server no longer shows. Somebody's own has been taken back; one of ours
/// is missing there and is still in our books.
async fn money_gone(tx: &mut Tx, core: &Core, server: &str, a: &store::AccountRow, d: &DealRow) -> Result<()> {
    let token = d.comment.split_whitespace().next().unwrap_or_default();
    let subject = deal_subject(server, &d.ticket);
    if store::move_by_token(tx, token).await?.is_none() {
        exceptions::resolve(tx, core, FOREIGN_MONEY, &subject, "deleted on the platform").await?;
        return Ok(());
    }
    let cause = format!(
        "{server} has deleted our operation {} of {} on login {}",
        d.ticket,
        qd_kernel::Amount::new(d.profit_minor, a.currency),
        d.login
    );
    let detail = json!({"ticket": d.ticket, "comment": d.comment, "at_us": d.at, "account_id": a.id});
    unexpected(tx, core, a, MONEY_DIFFERS, "platform_money_deleted", subject, cause, detail).await
}

const FOREIGN_MONEY: &str = "platform.foreign_money";
const MONEY_DIFFERS: &str = "platform.money_differs";

fn deal_subject(server: &str, ticket: &str) -> String {
    format!("deal:{server}:{ticket}")
}

#[allow(clippy::too_many_arguments, reason = "the fields of one exception")]
async fn unexpected(
    tx: &mut Tx,
    core: &Core,
    a: &store::AccountRow,
    kind: &'static str,
    rule: &'static str,
    subject: String,
    cause: String,
    detail: serde_json::Value,
) -> Result<()> {
    let (entity, client_id) = (Some(a.entity.clone()), Some(a.client_id.clone()));
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind,
            subject,
            entity,
            client_id,
            owner_role: "finance",
            rule,
            cause,
            detail,
            retry: None,
        },
    )
    .await
    .map(|_| ())
}

/// A recorded revision with what a commission needs beside it.
#[derive(Clone, Debug)]
pub struct DealFull {
    pub deal: DealRow,
    pub account: Option<DealAccount>,
    /// When the position it closed was opened.
    pub opened_at: Option<Ts>,
    /// The deals that built the position up, oldest first.
    pub entries: Vec<store::EntryRow>,
}

#[derive(Clone, Debug)]
pub struct DealAccount {
    pub id: TradingAccountId,
    pub client_id: String,
    pub entity: String,
    pub live: bool,
    pub account_type: String,
    pub group: String,
}

pub async fn full(tx: &mut Tx, server: &str, ticket: &str, revision: i64) -> Result<Option<DealFull>> {
    let Some(deal) = store::deal(tx, server, ticket, revision).await? else {
        return Ok(None);
    };
    let account = match deal.account_id {
        None => None,
        Some(id) => store::account(tx, id).await?.map(|a| DealAccount {
            id: a.id,
            client_id: a.client_id,
            entity: a.entity,
            live: a.kind == AccountKind::Live,
            account_type: a.account_type,
            group: a.platform_group,
        }),
    };
    let entries = store::entries(tx, server, &deal.position_id).await?;
    let opened_at = entries.first().map(|e| e.at);
    Ok(Some(DealFull {
        deal,
        account,
        opened_at,
        entries,
    }))
}

/// Trades on an entity's live accounts of a span (its end not included), each at its newest revision:
/// (server, ticket, revision, at), by (at, server, ticket) after `after`. Asks no right: it is for use
/// cases that have asked theirs.
pub async fn trades_between(
    tx: &mut Tx,
    entity: &str,
    span: (Ts, Ts),
    after: &(Ts, String, String),
    limit: i64,
) -> Result<Vec<(String, String, i64, Ts)>> {
    store::trades_between(tx, entity, span, after, limit).await
}

/// Closed trades of a client's live accounts and their volume in 1e-8 lots.
pub async fn activity(tx: &mut Tx, client_id: &str) -> Result<(i64, i64)> {
    store::activity(tx, client_id).await
}

/// What an account's own money came to before a moment: all deals of the feed but credit, which is
/// lent. In minor units of the account's currency.
pub async fn balance_before(tx: &mut Tx, caller: &Caller, id: TradingAccountId, at: Ts) -> Result<i64> {
    let a = crate::accounts::scoped(tx, caller, id).await?;
    store::balance_before(tx, a.id, at).await
}

/// An account's history, newest first.
pub async fn history(
    tx: &mut Tx,
    caller: &Caller,
    id: TradingAccountId,
    from: Option<Ts>,
    to: Option<Ts>,
    page: &PageRequest,
) -> Result<Page<DealView>> {
    let a = crate::accounts::scoped(tx, caller, id).await?;
    let after = match page.after_parts() {
        None => None,
        Some(p) => match (p.first().and_then(|t| t.parse::<i64>().ok()), p.get(1)) {
            (Some(at), Some(ticket)) => Some((at, *ticket)),
            _ => {
                return Err(Problem::invalid(
                    "cursor",
                    "cursor_malformed",
                    "expected the `next_cursor` of an earlier page",
                ));
            }
        },
    };
    let rows = store::deals_of(tx, a.id, from.unwrap_or(Ts(0)), to.unwrap_or(Ts(i64::MAX)), after, page.fetch()).await?;
    Ok(page.finish(rows.into_iter().map(DealView::from).collect(), |d: &DealView| {
        qd_kernel::page::join_key(&[&d.at_us.0.to_string(), &d.ticket])
    }))
}
