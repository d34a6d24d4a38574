//! Money in and out of accounts (trading-platforms.md 1.8). The server knows no idempotency key:
//! the comment, which travels with the money, carries our token, and it is what we look for when
//! an answer was lost.

use crate::map::{self, Action};
use crate::session::Command;
use crate::{Mt5, all, before_sending, checked_login, one, wire};
use qd_kernel::Ts;
use qd_ports::platform::{Found, MoneyOp, MoneyReceipt, NO_FREE_MARGIN};
use qd_ports::{CallError, CallResult, Fate};

/// How far around the operation the deals are searched: an hour, in case the offset that was
/// assumed is from the other side of a clock change, and five minutes for clocks that differ.
const SKEW_S: i64 = 3_600 + 300;

/// "Not enough money" (10019), in the word that all connectors share.
fn no_margin(mut e: CallError) -> CallError {
    if e.fate == Fate::Refused && e.code == "10019" {
        e.code = NO_FREE_MARGIN.into();
    }
    e
}

impl Mt5 {
    pub(crate) async fn send_money(&self, op: &MoneyOp) -> CallResult<MoneyReceipt> {
        let login = checked_login(&op.login)?;
        if !map::is_token(&op.token) {
            return Err(CallError::refused("token_malformed", "a token is 1 to 20 of A-Z, 0-9 and -"));
        }
        if op.amount.is_zero() {
            return Err(CallError::refused("amount_zero", "nothing to move"));
        }
        let money = self
            .login_money(login)
            .await
            .map_err(before_sending)?
            .ok_or_else(|| CallError::refused("13", format!("the server knows no login {login}")))?;
        if money.currency != op.amount.currency {
            return Err(CallError::refused(
                "currency_mismatch",
                format!("login {login} is in {}, not {}", money.currency, op.amount.currency),
            ));
        }
        let text = map::money_text(op.amount, money.digits).ok_or_else(|| {
            CallError::refused(
                "amount_not_representable",
                format!("the group of login {login} keeps {} decimals", money.digits),
            )
        })?;
        let cmd = Command::change("/api/trade/balance")
            .with("login", login)
            .with("type", map::money_type(op.kind).to_string())
            .with("balance", text)
            .with("comment", &op.token)
            .with("check_margin", if op.check_margin { "1" } else { "0" });
        let reply = self.changes.call(&cmd).await.map_err(no_margin)?;
        let ticket = one::<wire::Ticket>(&reply, cmd.path)?
            .and_then(|t| t.ticket.int())
            .filter(|t| *t > 0)
            .ok_or_else(|| reply.unreadable(cmd.path, "done, but without a ticket"))?;
        Ok(MoneyReceipt {
            ticket: ticket.to_string(),
            amount_minor: op.amount.minor,
            at: None,
        })
    }

    /// The token at the start of the comment decides; an operation that carries it with another
    /// amount or of another kind is neither found nor absent, and a person must look.
    pub(crate) async fn look_for_money(&self, op: &MoneyOp) -> CallResult<Found> {
        let login = checked_login(&op.login)?;
        let zone = self.zone().await?;
        let now = self.env.now();
        let until = Ts(now.0.max(op.since.0));
        let (from, to) = zone.window(op.since.plus_secs(-SKEW_S), until.plus_secs(SKEW_S));
        let path = "/api/deal/get_batch";
        let cmd = Command::read(path)
            .with("login", login)
            .with("from", from.to_string())
            .with("to", to.to_string());
        let reply = self.read(cmd).await?;
        let wanted_type = i64::from(map::money_type(op.kind));
        let mut receipts: Vec<MoneyReceipt> = Vec::new();
        let mut strange = None;
        all(&reply, path, |d: &wire::Deal| {
            // Read before anything else: a record whose action or comment is unreadable could be ours.
            let action = d.action.int().ok_or("Action is missing or unreadable")?;
            if !Action::of(action).moves_money() || !map::carries_token(d.comment.text(), &op.token) {
                return Ok(());
            }
            let mapped = map::deal(d, &zone)?;
            if mapped.login != login {
                return Err(format!("login {} where {login} was asked", mapped.login));
            }
            if mapped.profit_minor != op.amount.minor || action != wanted_type {
                strange.get_or_insert_with(|| {
                    format!(
                        "deal {} carries the token, but moves {} minor units as type {action}",
                        mapped.ticket, mapped.profit_minor
                    )
                });
                return Ok(());
            }
            if receipts.iter().all(|r| r.ticket != mapped.ticket) {
                receipts.push(MoneyReceipt {
                    ticket: mapped.ticket,
                    amount_minor: mapped.profit_minor,
                    at: Some(mapped.at),
                });
            }
            Ok(())
        })?;
        if let Some(detail) = strange {
            return Err(CallError::unknown("echo_mismatch", detail));
        }
        Ok(match receipts.len() {
            0 => Found::Nothing,
            1 => Found::One(receipts.remove(0)),
            _ => Found::Several(receipts),
        })
    }
}
