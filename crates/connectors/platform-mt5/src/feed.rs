//! Deals and positions, for the feed.

use crate::session::Command;
use crate::zone::ServerZone;
use crate::{Mt5, all, checked_login, map, wire};
use qd_kernel::Ts;
use qd_ports::CallResult;
use qd_ports::platform::{AccountState, Deal, Position};

impl Mt5 {
    /// Everything between the two moments, and a little more where the server's wall clock is
    /// ambiguous. One request whatever the number of accounts; a window whose answer is too large
    /// is asked for in halves.
    pub(crate) async fn read_deals(&self, group_mask: &str, from: Ts, to: Ts) -> CallResult<Vec<Deal>> {
        let zone = self.zone().await?;
        let (from, to) = zone.window(from, to);
        let mut open = vec![(from, to)];
        let mut out: Vec<Deal> = Vec::new();
        while let Some((a, b)) = open.pop() {
            match self.deals_between(group_mask, a, b, &zone).await {
                Ok(mut deals) => out.append(&mut deals),
                Err(e) if e.code == "too_large" && b - a >= 2 => {
                    let middle = a + (b - a) / 2;
                    // The halves share their border: deals have milliseconds, windows don't.
                    open.push((middle, b));
                    open.push((a, middle));
                }
                Err(e) => return Err(e),
            }
        }
        out.sort_by(|x, y| (x.server_wall_ms, x.ticket.len(), &x.ticket).cmp(&(y.server_wall_ms, y.ticket.len(), &y.ticket)));
        out.dedup_by(|x, y| x.ticket == y.ticket);
        Ok(out)
    }

    async fn deals_between(&self, group_mask: &str, from: i64, to: i64, zone: &ServerZone) -> CallResult<Vec<Deal>> {
        let path = "/api/deal/get_batch";
        let cmd = Command::read(path)
            .with("group", group_mask)
            .with("from", from.to_string())
            .with("to", to.to_string());
        let reply = self.read(cmd).await?;
        all(&reply, path, |d: &wire::Deal| map::deal(d, zone))
    }

    pub(crate) async fn read_positions(&self, login: &str) -> CallResult<Vec<Position>> {
        self.positions_where("login", checked_login(login)?).await
    }

    /// One request for all accounts of the groups.
    pub(crate) async fn read_open_positions(&self, group_mask: &str) -> CallResult<Vec<Position>> {
        self.positions_where("group", group_mask).await
    }

    async fn positions_where(&self, name: &'static str, value: &str) -> CallResult<Vec<Position>> {
        let zone = self.zone().await?;
        let path = "/api/position/get_batch";
        let reply = self.read(Command::read(path).with(name, value)).await?;
        all(&reply, path, |p: &wire::Position| map::position(p, &zone))
    }

    /// Margin records of the groups' accounts, one request. The currency is each group's; an
    /// account we have not met yet is read once.
    pub(crate) async fn read_states(&self, group_mask: &str) -> CallResult<Vec<AccountState>> {
        let path = "/api/user/account/get_batch";
        let reply = self.read(Command::read(path).with("group", group_mask)).await?;
        let read_at = self.env.now();
        let records: Vec<(String, wire::Account)> = all(&reply, path, |a: &wire::Account| {
            let login = map::login(&a.login)?;
            Ok((login.to_string(), a.clone()))
        })?;
        if records.iter().any(|(l, _)| !self.knows(l)) {
            self.list_accounts(group_mask).await?;
        }
        let mut out = Vec::with_capacity(records.len());
        for (login, record) in records {
            // Closed between the two reads.
            let Some(money) = self.login_money(&login).await? else { continue };
            out.push(map::account_state(&record, money.currency, read_at).map_err(|why| reply.unreadable(path, why))?);
        }
        Ok(out)
    }
}
