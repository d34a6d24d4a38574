//! `dealer/*`: requests are queued by contract and done at once here; only the result tells.

use super::book::REASON_DEALER;
use super::params::Params;
use super::server::Server;
use super::trading::{Open, volume_ok};
use super::wire::{Code, Outcome, Reply, W, s};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// The last requests: how many there were, and return code and deal by number.
#[derive(Default)]
pub struct Requests(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    last: u64,
    done: BTreeMap<u64, (u32, u64)>,
}

const KEEP: usize = 1_000;
const EXECUTE: i64 = 200;

impl Server {
    pub(super) fn dealer_command(&self, verb: &str, p: &Params) -> Outcome {
        match verb {
            "send_request" => {
                if p.need_int("action")? != EXECUTE {
                    return Err(Code::NOT_IMPLEMENTED);
                }
                let login = p.need_id(&["login"])?;
                let symbol = p.text(&["symbol"]).ok_or(Code::PARAMS)?.to_string();
                let buy = match p.need_int("type")? {
                    0 => true,
                    1 => false,
                    _ => return Err(Code::PARAMS),
                };
                let volume = match p.int("VolumeExt")? {
                    Some(v) => v,
                    None => p.need_int("Volume")?.saturating_mul(10_000),
                };
                let comment = p.text(&["comment"]).unwrap_or("").to_string();
                let position = p.int("position")?.and_then(|t| u64::try_from(t).ok()).filter(|t| *t > 0);
                let at = self.now();
                let done = self.change(|b| {
                    if !volume_ok(volume) {
                        return Err(Code::VOLUME);
                    }
                    if let Some(t) = position {
                        let own = b.position(t).is_some_and(|x| x.login == login);
                        return if own {
                            self.close_position(b, t, Some(volume), None, at, REASON_DEALER).map(|c| c.0)
                        } else {
                            Err(Code::POSITION_CLOSED)
                        };
                    }
                    self.affordable(b, login, &symbol, buy, volume)?;
                    let o = Open {
                        login,
                        symbol: &symbol,
                        buy,
                        volume,
                        price: None,
                        at,
                        reason: REASON_DEALER,
                        comment: &comment,
                        close_at: None,
                    };
                    self.open_position(b, &o).map(|d| d.0)
                });
                let result = match done {
                    Ok(deal) => (10009, deal),
                    Err(c) => (c.0, 0),
                };
                let mut q = self.requests.0.lock().unwrap_or_else(|e| e.into_inner());
                q.last += 1;
                let id = q.last;
                q.done.insert(id, result);
                if q.done.len() > KEEP {
                    q.done.pop_first();
                }
                Ok(Reply::object(vec![("ID", s(id))]))
            }
            "get_request_result" => {
                let ids = p.ids(&["id", "ids"])?.ok_or(Code::PARAMS)?;
                let q = self.requests.0.lock().unwrap_or_else(|e| e.into_inner());
                let row = |id: &u64| {
                    let (code, deal) = q.done.get(id)?;
                    Some(W::O(vec![
                        ("ID", s(id)),
                        ("Retcode", s(code)),
                        ("Deal", s(deal)),
                        ("Comment", s(Code(*code).text())),
                    ]))
                };
                Ok(Reply::list(ids.iter().filter_map(row).collect()))
            }
            _ => Err(Code::NOT_IMPLEMENTED),
        }
    }
}
