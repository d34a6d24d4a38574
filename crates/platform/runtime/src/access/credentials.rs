//! Passwords and second factors of people who are signed in. Each change ends their other sessions.

use super::sign_in::{Verdict, own_entry, own_session};
use super::store::identities::{self as store, Kind};
use super::{Access, Caller, password, second};
use crate::audit;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Secret};

impl Access {
    /// Checks the rules and hashes, outside any transaction. `about`: address and name.
    pub async fn hash_new_password(&self, p: &Secret, staff: bool, about: &[&str]) -> Result<String> {
        password::check(p, staff, about)?;
        self.inner.hasher.hash(&*self.core.env.entropy, p).await
    }

    /// Changes one's own password; other sessions end.
    pub async fn change_password(&self, caller: &Caller, current: &Secret, new: &Secret) -> Result<()> {
        let (session, id) = own_session(caller)?;
        let i = self.identity(&id).await?;
        // Before looking at the password: a resting login must not tell a right one from a wrong one.
        if i.locked_until.is_some_and(|u| self.core.now() < u) {
            return Err(Verdict::Locked.problem());
        }
        if !self.inner.hasher.verify(i.password_hash.as_deref(), current).await? {
            // Counted like any other proof, so that a stolen session is no place to guess.
            let (me, id, ip) = (self.clone(), id.clone(), caller.ip.clone());
            self.core
                .db
                .write(async move |tx| {
                    let i = store::lock(tx, &id).await?;
                    me.count_failure(tx, &i, Verdict::WrongPassword, ip.clone(), me.core.now()).await
                })
                .await?;
            return Err(Problem::invalid("current", "password_wrong", "your present password"));
        }
        if current == new {
            return Err(Problem::invalid("new", "password_same", "another one than before"));
        }
        let hash = self.hash_new_password(new, i.kind == Kind::Staff, &[&i.email, &i.name]).await?;
        let (me, caller, was) = (self.clone(), caller.clone(), i.password_hash);
        self.core
            .db
            .write(async move |tx| {
                let i = store::lock(tx, &id).await?;
                if i.password_hash != was {
                    return Err(Problem::conflict("version_stale", "the password was changed meanwhile"));
                }
                store::set_password(tx, &id, &hash, false, me.core.now()).await?;
                store::spoil_tokens(tx, &id, "reset_password", me.core.now()).await?;
                me.end_sessions(tx, &id, Some(session), "password_changed").await?;
                audit::record(tx, &me.core, own_entry(&caller, "login.password_changed", format!("login:{id}"))).await?;
                Ok(())
            })
            .await
    }

    /// Starts a second factor; it counts once confirmed. With one in force, a fresh proof is needed.
    pub async fn enrol_second_factor(&self, caller: &Caller) -> Result<second::Enrolment> {
        let (_, id) = own_session(caller)?;
        let i = self.identity(&id).await?;
        if i.totp_confirmed_at.is_some() {
            return Err(Problem::conflict("second_factor_in_force", "remove the present one first"));
        }
        caller.require_step_up(self.core.now())?;
        let config = &self.inner.config;
        let seed = second::new_seed(&*self.core.env.entropy);
        let shown = second::enrolment(config, &seed, &i.email)?;
        let sealed = second::seal(&config.house_key, &*self.core.env.entropy, &id, &seed)?;
        let me = self.clone();
        self.core
            .db
            .write(async move |tx| {
                let i = store::lock(tx, &id).await?;
                if i.totp_confirmed_at.is_some() {
                    return Err(Problem::conflict("second_factor_in_force", "remove the present one first"));
                }
                store::set_totp(tx, &id, Some(sealed.clone()), None, 0, me.core.now()).await
            })
            .await?;
        Ok(shown)
    }

    /// The first code proves the app has the seed. Answers the recovery codes, shown once; other
    /// sessions end.
    pub async fn confirm_second_factor(&self, caller: &Caller, code: &Secret) -> Result<Vec<Secret>> {
        let (session, id) = own_session(caller)?;
        let (me, caller, code) = (self.clone(), caller.clone(), code.clone());
        self.core
            .db
            .write(async move |tx| {
                let now = me.core.now();
                let config = &me.inner.config;
                let i = store::lock(tx, &id).await?;
                let sealed = match (&i.totp_sealed, i.totp_confirmed_at) {
                    (Some(s), None) => s.clone(),
                    (_, Some(_)) => return Err(Problem::conflict("second_factor_in_force", "it is confirmed already")),
                    (None, None) => return Err(Problem::conflict("second_factor_not_started", "start it first")),
                };
                let seed = second::open(&config.house_key, &id, &sealed)?;
                let step = second::accepted_step(config, &seed, &code, now, 0)?
                    .ok_or_else(|| Problem::invalid("code", "second_factor_wrong", "the code your app shows now"))?;
                store::set_totp(tx, &id, Some(sealed), Some(now), step, now).await?;
                let codes = me.new_recovery_codes(tx, &id).await?;
                me.end_sessions(tx, &id, Some(session), "second_factor_added").await?;
                audit::record(tx, &me.core, own_entry(&caller, "login.second_factor_added", format!("login:{id}"))).await?;
                Ok(codes)
            })
            .await
    }

    /// New recovery codes in place of the old ones. Needs a fresh proof.
    pub async fn renew_recovery_codes(&self, caller: &Caller) -> Result<Vec<Secret>> {
        caller.require_step_up(self.core.now())?;
        let (_, id) = own_session(caller)?;
        let (me, caller) = (self.clone(), caller.clone());
        self.core
            .db
            .write(async move |tx| {
                let i = store::lock(tx, &id).await?;
                if i.totp_confirmed_at.is_none() {
                    return Err(Problem::conflict("second_factor_not_started", "there is no second factor"));
                }
                let codes = me.new_recovery_codes(tx, &id).await?;
                audit::record(
                    tx,
                    &me.core,
                    own_entry(&caller, "login.recovery_codes_renewed", format!("login:{id}")),
                )
                .await?;
                Ok(codes)
            })
            .await
    }

    /// Removes one's second factor. Needs a fresh proof; other sessions end.
    pub async fn remove_second_factor(&self, caller: &Caller) -> Result<()> {
        caller.require_step_up(self.core.now())?;
        let (session, id) = own_session(caller)?;
        let (me, caller) = (self.clone(), caller.clone());
        self.core
            .db
            .write(async move |tx| {
                store::lock(tx, &id).await?;
                store::set_totp(tx, &id, None, None, 0, me.core.now()).await?;
                store::drop_recovery_codes(tx, &id).await?;
                me.end_sessions(tx, &id, Some(session), "second_factor_removed").await?;
                audit::record(
                    tx,
                    &me.core,
                    own_entry(&caller, "login.second_factor_removed", format!("login:{id}")),
                )
                .await?;
                Ok(())
            })
            .await
    }

    async fn new_recovery_codes(&self, tx: &mut Tx, id: &str) -> Result<Vec<Secret>> {
        let codes: Vec<Secret> = (0..second::RECOVERY_CODES)
            .map(|_| Secret::new(second::new_recovery_code(&*self.core.env.entropy)))
            .collect();
        let hashes: Vec<Vec<u8>> = codes
            .iter()
            .filter_map(|c| second::recovery_hash(&self.inner.config.house_key, id, c))
            .collect();
        store::put_recovery_codes(tx, id, &hashes).await?;
        Ok(codes)
    }
}
