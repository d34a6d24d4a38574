//! `deal/*`, `position/*`, `order/*`, `history/*`.

use super::book::*;
use super::market;
use super::params::{Masks, Params, decimal};
use super::records;
use super::server::{Server, disk};
use super::trading::cut;
use super::users::{Which, which};
use super::wire::{Code, Outcome, Reply, W};
use qd_kernel::Ts;

/// A page never holds more, whatever is asked.
const PAGE: usize = 100;

/// `from` and `to`, seconds of the server's wall clock, both included.
fn span(p: &Params) -> Result<(i64, i64), Code> {
    Ok((p.need_int("from")?, p.need_int("to")?))
}

fn page(p: &Params) -> Result<(usize, usize), Code> {
    let size = |v: i64| usize::try_from(v).map_err(|_| Code::PARAMS);
    Ok((
        size(p.int("offset")?.unwrap_or(0))?,
        size(p.int("total")?.unwrap_or(100))?.min(PAGE),
    ))
}

fn symbols(p: &Params) -> Option<Masks> {
    p.list(&["symbol", "symbols"]).map(|l| Masks::new(&l))
}

impl Server {
    /// The deals a batch command means: exactly one of logins, group masks, tickets.
    fn batch<'a>(&self, b: &'a Book, p: &Params, by_order: bool, now: Ts, masks: &'a mut Option<Masks>) -> Result<Vec<&'a Deal>, Code> {
        let tickets = p.ids(&["ticket", "tickets"])?;
        let wanted = match (tickets, p.has("login") || p.has("logins"), p.has("group") || p.has("groups")) {
            (Some(_), true, _) | (Some(_), _, true) => return Err(Code::PARAMS),
            (Some(t), false, false) => t
                .iter()
                .filter_map(|t| if by_order { b.deal_of_order(*t, now) } else { b.deal(*t, now) })
                .collect::<Vec<_>>(),
            (None, ..) => {
                let (from, to) = span(p)?;
                match which(p)? {
                    _ if to < from => Vec::new(),
                    Which::Logins(l) => l.iter().flat_map(|l| b.deals_of(*l, from, to, now)).collect(),
                    Which::Groups(m) => b.deals_of_groups(masks.insert(m), from, to, now).collect(),
                }
            }
        };
        let only = symbols(p);
        Ok(wanted
            .into_iter()
            .filter(|d| only.as_ref().is_none_or(|m| m.hit(&d.symbol)))
            .collect())
    }

    pub(super) fn deal_command(&self, verb: &str, p: &Params) -> Outcome {
        let now = self.now();
        match verb {
            "get" => {
                let b = self.book();
                let d = b.deal(p.need_id(&["ticket", "deal"])?, now).ok_or(Code::NOT_FOUND)?;
                Ok(Reply::answer(records::deal(d, true)))
            }
            "get_total" | "get_page" => {
                let (login, (from, to), b) = (p.need_id(&["login"])?, span(p)?, self.book());
                if !b.users.contains_key(&login) && !b.archive.contains_key(&login) {
                    return Err(Code::NOT_FOUND);
                }
                let all = b.deals_of(login, from, to, now).filter(|_| from <= to);
                if verb == "get_total" {
                    return Ok(Reply::total(all.count()));
                }
                let (offset, total) = page(p)?;
                Ok(Reply::list(all.skip(offset).take(total).map(|d| records::deal(d, true)).collect()))
            }
            "get_batch" => {
                let b = self.book();
                let mut masks = None;
                let list = self.batch(&b, p, false, now, &mut masks)?;
                Ok(Reply::list(list.into_iter().map(|d| records::deal(d, false)).collect()))
            }
            "update" => self.deal_update(p),
            "delete" => {
                let tickets = p.ids(&["ticket", "tickets", "deal"])?.ok_or(Code::PARAMS)?;
                self.change(|b| {
                    if !tickets.iter().all(|t| b.any_deal(*t).is_some()) {
                        return Err(Code::NOT_FOUND);
                    }
                    for t in &tickets {
                        b.remove_deal(*t);
                    }
                    Ok(Reply::done())
                })
            }
            _ => Err(Code::NOT_IMPLEMENTED),
        }
    }

    /// Edits the record only: no balance moves, as with the real call.
    fn deal_update(&self, p: &Params) -> Outcome {
        let ticket = p.need_id(&["deal", "ticket"])?;
        self.change(|b| {
            let mut d = b.any_deal(ticket).cloned().ok_or(Code::NOT_FOUND)?;
            edit(&mut d, p)?;
            d.flags |= FLAG_MANAGER_API;
            b.put_deal(d.clone()).map_err(|e| disk(&e))?;
            Ok(Reply::answer(records::deal(&d, true)))
        })
    }

    pub(super) fn position_command(&self, verb: &str, p: &Params) -> Outcome {
        let show = |b: &Book, pos: &Position, full: bool| {
            let g = b.users.get(&pos.login).map(|u| b.group_of(u));
            g.map(|g| records::position(b, pos, &g, full))
        };
        match verb {
            "get" => {
                let (login, symbol, b) = (p.need_id(&["login"])?, p.text(&["symbol"]).ok_or(Code::PARAMS)?, self.book());
                let pos = b
                    .positions_of(login)
                    .find(|x| x.symbol.eq_ignore_ascii_case(symbol))
                    .ok_or(Code::NOT_FOUND)?;
                show(&b, pos, true).map(Reply::answer).ok_or(Code::NOT_FOUND)
            }
            "get_total" => {
                let (login, b) = (p.need_id(&["login"])?, self.book());
                Ok(Reply::total(b.positions_of(login).count()))
            }
            "get_page" => {
                let (login, (offset, total), b) = (p.need_id(&["login"])?, page(p)?, self.book());
                Ok(Reply::list(
                    b.positions_of(login)
                        .skip(offset)
                        .take(total)
                        .filter_map(|x| show(&b, x, true))
                        .collect(),
                ))
            }
            "get_batch" => {
                let (b, only) = (self.book(), symbols(p));
                let found: Vec<&Position> = match p.ids(&["ticket", "tickets"])? {
                    Some(_) if p.has("login") || p.has("group") => return Err(Code::PARAMS),
                    Some(t) => t.iter().filter_map(|t| b.position(*t)).collect(),
                    None => match which(p)? {
                        Which::Logins(l) => l.iter().flat_map(|l| b.positions_of(*l)).collect(),
                        Which::Groups(m) => b
                            .positions()
                            .filter(|x| b.users.get(&x.login).is_some_and(|u| m.hit(&u.group)))
                            .collect(),
                    },
                };
                let found = found.into_iter().filter(|x| only.as_ref().is_none_or(|m| m.hit(&x.symbol)));
                Ok(Reply::list(found.filter_map(|x| show(&b, x, false)).collect()))
            }
            "update" => {
                let ticket = p.need_id(&["position", "ticket"])?;
                self.change(|b| {
                    let mut pos = b.position(ticket).cloned().ok_or(Code::NOT_FOUND)?;
                    let digits = market::find(&pos.symbol).map_or(5, |(_, s)| s.digits);
                    if let Some(t) = p.text(&["comment"]) {
                        pos.comment = cut(t, 31);
                    }
                    if let Some(t) = p.text(&["ExternalID"]) {
                        pos.external_id = cut(t, 31);
                    }
                    for (name, slot) in [("PriceSL", &mut pos.price_sl), ("PriceTP", &mut pos.price_tp)] {
                        if let Some(v) = p.text(&[name]).and_then(|t| decimal(t, digits)) {
                            *slot = v;
                        }
                    }
                    pos.flags |= FLAG_MANAGER_API;
                    b.put_position(pos.clone()).map_err(|e| disk(&e))?;
                    show(b, &pos, true).map(Reply::answer).ok_or(Code::NOT_FOUND)
                })
            }
            "delete" => {
                let tickets = p.ids(&["ticket", "tickets", "position"])?.ok_or(Code::PARAMS)?;
                self.change(|b| {
                    if !tickets.iter().all(|t| b.position(*t).is_some()) {
                        return Err(Code::NOT_FOUND);
                    }
                    for t in &tickets {
                        b.remove_position(*t);
                    }
                    Ok(Reply::done())
                })
            }
            "check" | "fix" => Ok(Reply::list(Vec::new())),
            _ => Err(Code::NOT_IMPLEMENTED),
        }
    }

    /// Nobody leaves pending orders here, so there are never any to show.
    pub(super) fn order_command(&self, verb: &str, p: &Params) -> Outcome {
        match verb {
            "get" => {
                p.need_id(&["ticket", "order"])?;
                Err(Code::NOT_FOUND)
            }
            "get_total" => {
                p.need_id(&["login"])?;
                Ok(Reply::total(0))
            }
            "get_page" => {
                p.need_id(&["login"])?;
                page(p)?;
                Ok(Reply::list(Vec::new()))
            }
            "get_batch" => {
                if p.ids(&["ticket", "tickets"])?.is_none() {
                    which(p)?;
                }
                Ok(Reply::list(Vec::new()))
            }
            "update" | "delete" | "cancel" | "reopen" => Err(Code::NOT_FOUND),
            _ => Err(Code::NOT_IMPLEMENTED),
        }
    }

    /// Closed orders: each trade deal filled one, which is all that is kept of it.
    pub(super) fn history_command(&self, verb: &str, p: &Params) -> Outcome {
        let now = self.now();
        let b = self.book();
        match verb {
            "get" => {
                let d = b.deal_of_order(p.need_id(&["ticket", "order"])?, now).ok_or(Code::NOT_FOUND)?;
                Ok(Reply::answer(records::order(d, true)))
            }
            "get_total" | "get_page" => {
                let (login, (from, to)) = (p.need_id(&["login"])?, span(p)?);
                let all = b.deals_of(login, from, to, now).filter(|d| d.order != 0 && from <= to);
                if verb == "get_total" {
                    return Ok(Reply::total(all.count()));
                }
                let (offset, total) = page(p)?;
                Ok(Reply::list(all.skip(offset).take(total).map(|d| records::order(d, true)).collect()))
            }
            "get_batch" => {
                let mut masks = None;
                let list = self.batch(&b, p, true, now, &mut masks)?;
                Ok(Reply::list(
                    list.into_iter()
                        .filter(|d| d.order != 0)
                        .map(|d| records::order(d, false))
                        .collect::<Vec<W>>(),
                ))
            }
            _ => Err(Code::NOT_IMPLEMENTED),
        }
    }
}

/// Takes over what an edit names: comment, external id, price, volume, profit, commission,
/// swap, entry, closed volume.
pub fn edit(d: &mut Deal, p: &Params) -> Result<(), Code> {
    if let Some(t) = p.text(&["comment"]) {
        d.comment = cut(t, 31);
    }
    if let Some(t) = p.text(&["ExternalID"]) {
        d.external_id = cut(t, 31);
    }
    if let Some(t) = p.text(&["price"]) {
        d.price = decimal(t, d.digits).ok_or(Code::PARAMS)?;
    }
    let volume = match (p.int("VolumeExt")?, p.int("Volume")?) {
        (Some(ext), _) => Some(ext),
        (None, Some(old)) => Some(old.saturating_mul(10_000)),
        (None, None) => p.text(&["volume_lots"]).map(|t| decimal(t, 8).ok_or(Code::PARAMS)).transpose()?,
    };
    if let Some(v) = volume {
        if v <= 0 {
            return Err(Code::VOLUME);
        }
        d.volume = v;
        if d.volume_closed != 0 {
            d.volume_closed = v;
        }
    }
    if let Some(v) = p.int("VolumeClosedExt")? {
        d.volume_closed = v;
    }
    if let Some(v) = p.int("Entry")? {
        d.entry = u8::try_from(v).ok().filter(|e| *e <= ENTRY_OUT_BY).ok_or(Code::PARAMS)?;
    }
    let digits = d.digits_currency;
    for (name, slot) in [
        ("Profit", &mut d.profit),
        ("Commission", &mut d.commission),
        ("Storage", &mut d.storage),
        ("Fee", &mut d.fee),
    ] {
        if let Some(t) = p.text(&[name]) {
            *slot = decimal(t, digits).ok_or(Code::PARAMS)?;
        }
    }
    Ok(())
}
