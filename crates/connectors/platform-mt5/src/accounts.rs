//! Accounts: opening, finding, changing, and what they are worth.

use crate::map::{self, GroupMoney};
use crate::session::{Command, cut};
use crate::{Mt5, all, before_sending, checked_login, one, wire};
use qd_kernel::Ts;
use qd_ports::platform::{AccountChange, AccountState, NewAccount, PlatformAccount, ServerInfo};
use qd_ports::{CallError, CallResult};
use std::collections::{HashMap, HashSet};

/// Logins per `get_batch`: the list travels in the URL.
const BATCH: usize = 200;
/// The field `ID` holds 31 characters and the terminator.
const OUR_REF_MAX: usize = 31;

/// Which of our ids were seen on which login, per group. An id is written when the account is
/// created and never again, so only logins that are new since the last look have to be read:
/// opening an account costs one list of numbers, however large the group is.
#[derive(Default)]
pub(crate) struct KnownRefs {
    groups: HashMap<String, Known>,
}

#[derive(Default)]
struct Known {
    seen: HashSet<u64>,
    refs: HashMap<String, u64>,
}

impl Mt5 {
    pub(crate) async fn read_server_info(&self) -> CallResult<ServerInfo> {
        let common = self
            .read_one::<wire::Common>(Command::read("/api/common/get"))
            .await?
            .unwrap_or_default();
        let (wall, minutes) = self.server_clock().await?;
        let zone = self.zone().await?;
        let now = self.env.now();
        let offset_min = i32::try_from(zone.offset_s(now) / 60).unwrap_or(minutes);
        if self.named_zone.is_some() && offset_min != minutes {
            tracing::warn!(server = %self.server_id, configured = offset_min, measured = minutes, "the server's clock disagrees with its configured zone");
        }
        Ok(ServerInfo {
            name: common.name.filled().unwrap_or(&self.server_id).to_string(),
            build: self.reads.build().await,
            // A server that shows no time is taken to have ours.
            server_time: wall
                .and_then(|w| w.checked_mul(1_000))
                .and_then(|ms| zone.to_utc(ms))
                .unwrap_or(now),
            utc_offset_min: offset_min,
            accounts: common.total_users.int(),
            deals: common.total_deals.int(),
        })
    }

    /// The raw record with its group's money. None for an unknown login.
    pub(crate) async fn user(&self, login: &str) -> CallResult<Option<(wire::User, GroupMoney)>> {
        let login = checked_login(login)?;
        let reply = self.read(Command::read("/api/user/get").with("login", login)).await?;
        let Some(user) = one::<wire::User>(&reply, "/api/user/get")? else {
            return Ok(None);
        };
        if user.login.text() != login {
            return Err(reply.unreadable("/api/user/get", "the answer is about another login"));
        }
        let group = user
            .group
            .filled()
            .ok_or_else(|| reply.unreadable("/api/user/get", "Group is missing or unreadable"))?;
        let money = self.group_money(group).await?;
        self.remember(login, money);
        Ok(Some((user, money)))
    }

    pub(crate) async fn read_account(&self, login: &str) -> CallResult<Option<PlatformAccount>> {
        match self.user(login).await? {
            None => Ok(None),
            Some((user, money)) => self.mapped(&user, money).map(Some),
        }
    }

    fn mapped(&self, user: &wire::User, money: GroupMoney) -> CallResult<PlatformAccount> {
        map::account(user, money, self.field).map_err(|why| {
            // Only what can't be read is shown: the record is full of personal data.
            CallError::unreadable(format!("user record: {why}"), cut(&format!("login {}", user.login.text())))
        })
    }

    async fn logins(&self, group_mask: &str) -> CallResult<Vec<u64>> {
        let path = "/api/user/logins";
        let reply = self.read(Command::read(path).with("group", group_mask)).await?;
        all(&reply, path, |s: &wire::Scalar| map::login(s))
    }

    /// Records of logins, in batches. A login that went away meanwhile is not there.
    async fn users(&self, logins: &[u64]) -> CallResult<Vec<wire::User>> {
        let mut out = Vec::with_capacity(logins.len());
        for chunk in logins.chunks(BATCH) {
            let list = chunk.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
            let path = "/api/user/get_batch";
            let reply = self.read(Command::read(path).with("login", list)).await?;
            let Some(answer) = &reply.answer else { continue };
            for raw in wire::list(answer).map_err(|why| reply.unreadable(path, why))? {
                out.push(serde_json::from_str(raw.get()).map_err(|why| CallError::unreadable(format!("{path}: {why}"), cut(raw.get())))?);
            }
        }
        Ok(out)
    }

    pub(crate) async fn list_accounts(&self, group_mask: &str) -> CallResult<Vec<PlatformAccount>> {
        let logins = self.logins(group_mask).await?;
        let mut out = Vec::with_capacity(logins.len());
        for user in self.users(&logins).await? {
            let group = user.group.filled().ok_or_else(|| {
                CallError::unreadable(
                    "user record: Group is missing or unreadable",
                    format!("login {}", user.login.text()),
                )
            })?;
            let money = self.group_money(group).await?;
            self.remember(user.login.text(), money);
            out.push(self.mapped(&user, money)?);
        }
        Ok(out)
    }

    /// The account in `group` that carries `our_ref`, if any.
    async fn find_ref(&self, known: &mut Known, group: &str, our_ref: &str) -> CallResult<Option<PlatformAccount>> {
        let fresh: Vec<u64> = self.logins(group).await?.into_iter().filter(|l| !known.seen.contains(l)).collect();
        for user in self.users(&fresh).await? {
            let login = map::login(&user.login).map_err(|why| CallError::unreadable(format!("user record: {why}"), ""))?;
            known.seen.insert(login);
            if let Some(r) = map::our_ref(&user, self.field) {
                known.refs.insert(r, login);
            }
        }
        let Some(login) = known.refs.get(our_ref) else { return Ok(None) };
        // Read again: what is remembered may have been changed on the server.
        match self.read_account(&login.to_string()).await? {
            Some(a) if a.our_ref.as_deref() == Some(our_ref) => Ok(Some(a)),
            _ => {
                known.refs.remove(our_ref);
                Ok(None)
            }
        }
    }

    pub(crate) async fn find_or_add(&self, new: &NewAccount) -> CallResult<PlatformAccount> {
        if new.our_ref.is_empty()
            || new.our_ref.len() > OUR_REF_MAX
            || !new.our_ref.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        {
            return Err(CallError::refused(
                "our_ref_malformed",
                format!("our id must be 1 to {OUR_REF_MAX} letters, digits, _ or -"),
            ));
        }
        // Held over look-up and creation: two callers with one id must not both find nothing.
        let mut all_known = self.known.lock().await;
        let known = all_known.groups.entry(new.group.clone()).or_default();
        let money = self.group_money(&new.group).await.map_err(before_sending)?;
        if let Some(found) = self.find_ref(known, &new.group, &new.our_ref).await.map_err(before_sending)? {
            return Ok(found);
        }
        let cmd = add_command(new, self.field);
        let reply = self.changes.call(&cmd).await?;
        let user = one::<wire::User>(&reply, cmd.path)?.ok_or_else(|| reply.unreadable(cmd.path, "no record of the new account"))?;
        let mut made = map::account(&user, money, self.field).map_err(|why| reply.unreadable(cmd.path, why))?;
        self.remember(&made.login, money);
        if made.our_ref.as_deref() != Some(&new.our_ref) {
            // Read back before complaining: the creation's own answer may be short.
            if let Ok(Some(again)) = self.read_account(&made.login).await {
                made = again;
            }
            if made.our_ref.as_deref() != Some(&new.our_ref) {
                tracing::warn!(server = %self.server_id, login = %made.login,
                    "a new account does not show our id: the manager may lack the right to personal data, and an account whose creation got no answer could not be found again");
            }
        }
        if let Ok(login) = made.login.parse() {
            known.seen.insert(login);
            if let Some(r) = &made.our_ref {
                known.refs.insert(r.clone(), login);
            }
        }
        Ok(made)
    }

    pub(crate) async fn update_account(&self, login: &str, change: &AccountChange) -> CallResult<PlatformAccount> {
        let missing = || CallError::refused("13", format!("the server knows no login {login}"));
        let (user, money) = self.user(login).await.map_err(before_sending)?.ok_or_else(missing)?;
        let before = self.mapped(&user, money).map_err(before_sending)?;
        let mask = map::rights_mask(&user).map_err(|why| before_sending(CallError::unreadable(format!("user record: {why}"), "")))?;
        // Only what changes is sent: the rest of the record may have come to us blanked.
        let mut cmd = Command::change("/api/user/update").with("login", login);
        let mut nothing = true;
        if let Some(rights) = change.rights {
            let wanted = map::with_rights(mask, rights);
            if wanted != mask {
                cmd = cmd.with("rights", wanted.to_string());
                nothing = false;
            }
        }
        if let Some(group) = &change.group
            && *group != before.group
        {
            cmd = cmd.with("group", group);
            nothing = false;
        }
        if let Some(leverage) = change.leverage
            && leverage != before.leverage
        {
            cmd = cmd.with("leverage", leverage.to_string());
            nothing = false;
        }
        if nothing {
            return Ok(before);
        }
        self.changes.call(&cmd).await?;
        // The server drops values it does not like without a word.
        let lost = |mut e: CallError| {
            e.fate = qd_ports::Fate::Unknown;
            e
        };
        let (user, money) = self.user(login).await.map_err(lost)?.ok_or_else(missing)?;
        let after = self.mapped(&user, money)?;
        let mut dropped = Vec::new();
        if change.rights.is_some_and(|r| r != after.rights) {
            dropped.push("rights");
        }
        if change.group.as_ref().is_some_and(|g| *g != after.group) {
            dropped.push("group");
        }
        if change.leverage.is_some_and(|l| l != after.leverage) {
            dropped.push("leverage");
        }
        if dropped.is_empty() {
            return Ok(after);
        }
        Err(CallError::refused(
            "not_applied",
            format!("the server said done but kept its own {}", dropped.join(" and ")),
        ))
    }

    pub(crate) async fn read_state(&self, login: &str) -> CallResult<AccountState> {
        let missing = || CallError::refused("13", format!("the server knows no login {login}"));
        let money = self.login_money(login).await?.ok_or_else(missing)?;
        let path = "/api/user/account/get";
        let reply = self.read(Command::read(path).with("login", login)).await?;
        let read_at: Ts = self.env.now();
        if let Some(record) = one::<wire::Account>(&reply, path)?
            // A record without its number is an empty one.
            && record.login.filled().is_some()
        {
            if record.login.text() != login {
                return Err(reply.unreadable(path, "the answer is about another login"));
            }
            return map::account_state(&record, money.currency, read_at).map_err(|why| reply.unreadable(path, why));
        }
        let account = self.read_account(login).await?.ok_or_else(missing)?;
        Ok(map::idle_state(&account, self.env.now()))
    }
}

/// Passwords and personal data travel in the body; the server's log shows URLs.
fn add_command(new: &NewAccount, field: map::OurRefField) -> Command {
    let leverage = new.leverage.to_string();
    let rights = map::DEFAULT_RIGHTS.to_string();
    let language = map::langid(&new.language).map(|n| n.to_string()).unwrap_or_default();
    let (name, address) = (short(&new.name, 127), short(&new.address, 127));
    let (city, country) = (short(&new.city, 31), short(&new.country, 31));
    let (phone, email) = (short(&new.phone, 31), short(&new.email, 63));
    let members = [
        ("Group", new.group.as_str()),
        ("Name", name),
        ("Leverage", &leverage),
        ("Rights", &rights),
        ("PassMain", new.main_password.expose()),
        ("PassInvestor", new.investor_password.expose()),
        ("Language", &language),
        ("Country", country),
        ("City", city),
        ("Address", address),
        ("Phone", phone),
        ("Email", email),
        (if field == map::OurRefField::Id { "ID" } else { "Comment" }, new.our_ref.as_str()),
    ];
    let filled: Vec<(&str, &str)> = members.into_iter().filter(|(_, v)| !v.is_empty()).collect();
    Command::change("/api/user/add")
        .with("group", &new.group)
        .with("leverage", &leverage)
        .with_body(&filled)
}

/// At most `most` characters: longer ones make the server refuse or cut in its own way.
fn short(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(at, _)| &text[..at])
}
