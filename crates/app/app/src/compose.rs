//! What one domain needs to know of another, put together from their public answers.

use crate::App;
use crate::facts;
use async_trait::async_trait;
use qd_clients::restrictions::RestrictionKind;
use qd_clients::{Client, ClientId};
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Rate, Result, Rounding, Ts};
use qd_partners::house::{SYMBOL_GROUPS, SYMBOLS, SymbolTerms};
use qd_partners::jobs::{DealName, DealSource};
use qd_partners::{DealFacts, FactKind, Quote};
use qd_payments::jobs::FactsOf;
use qd_payments::{ClientFacts, DepositId, Limits, MethodFact};
use qd_runtime::access::{Caller, logins};
use qd_runtime::tenancy::{self, Entity};
use qd_runtime::{Core, settings};
use qd_trading::accounts::{AccountView, Mapping, Owner};
use qd_trading::{AccountKind, TradingAccountId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Reference rates of the house: units of each currency for one of `base` (setting `fx.rates`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HouseRates {
    pub base: Currency,
    pub source: String,
    pub rates: BTreeMap<String, Rate>,
}

impl HouseRates {
    pub async fn load(tx: &mut Tx) -> Result<Option<HouseRates>> {
        settings::get(tx, "global", "fx.rates").await
    }

    fn of(&self, c: Currency) -> Option<Rate> {
        if c == self.base {
            Some(Rate::ONE)
        } else {
            self.rates.get(c.code()).copied()
        }
    }

    /// What one unit of `from` is worth in `to`.
    pub fn cross(&self, from: Currency, to: Currency) -> Option<Rate> {
        Rate::ratio(self.of(to)?.scaled(), self.of(from)?.scaled(), Rounding::HalfAwayFromZero)
    }

    /// One unit of every known currency in `to`.
    pub fn all_in(&self, to: Currency) -> BTreeMap<String, Rate> {
        let codes = self.rates.keys().map(String::as_str).chain(std::iter::once(self.base.code()));
        codes
            .filter_map(|c| Some((c.to_string(), self.cross(Currency::parse(c).ok()?, to)?)))
            .collect()
    }
}

pub async fn client_by_id(tx: &mut Tx, client_id: &str) -> Result<Client> {
    qd_clients::find(tx, ClientId::parse(client_id)?)
        .await?
        .ok_or_else(|| Problem::missing("client"))
}

/// Everything the payment rules ask about a client. `device`: the one the request came from.
pub async fn payment_facts(tx: &mut Tx, core: &Core, client_id: &str, device: Option<&str>) -> Result<ClientFacts> {
    let now = core.now();
    let c = client_by_id(tx, client_id).await?;
    let e = tenancy::get(tx, &c.entity).await?;
    let kyc = qd_kyc::gate(tx, client_id, now).await?;
    let rates = HouseRates::load(tx).await?;
    let restrictions = qd_clients::restrictions::in_force(tx, c.id).await?;
    let stopped = |kind: RestrictionKind| {
        let r = restrictions
            .iter()
            .find(|r| r.kind == kind || r.kind == RestrictionKind::Everything)?;
        // A reason the client must not read (tipping off) stays with staff.
        Some(if r.told {
            r.reason.clone()
        } else {
            "please contact support".to_string()
        })
    };
    let seen = device_days(tx, client_id, device, now).await?;
    let first = first_device(tx, client_id).await?;
    let hours = |t: Option<Ts>| t.map(|t| now.secs_since(t) / 3_600);
    // Nobody has looked yet: not low.
    let risk = kyc.risk.map_or_else(|| "medium".to_string(), |b| b.to_string());
    let w = &e.config.withdrawals;
    Ok(ClientFacts {
        client_id: client_id.to_string(),
        entity: c.entity.clone(),
        email: c.email.clone().unwrap_or_default(),
        name: c.name(),
        locale: c.language.clone(),
        country: c.country.clone(),
        kyc_approved: kyc.approved,
        kyc_age_days: kyc.age_days,
        unverified_limit: Some(qd_kernel::Amount::new(e.config.deposits.before_verified_minor, e.base_currency)),
        methods: methods(&e, &c.country),
        deposits_stopped: stopped(RestrictionKind::Deposits),
        withdrawals_stopped: stopped(RestrictionKind::Withdrawals),
        device_age_days: seen,
        device_others: logins::others_on_devices(tx, client_id).await?,
        device_is_first: device.is_some() && first.as_deref() == device,
        contact_changed_hours: hours(c.contact_changed_at),
        password_changed_hours: hours(logins::password_changed(tx, client_id).await?),
        risk,
        vip: c.vip,
        restricted: !restrictions.is_empty(),
        screening_hits: i64::from(kyc.screening_open),
        limits: Limits {
            deposit_max_minor: e.config.deposits.max_minor,
            auto_max_minor: w.auto_max_minor,
            two_people_over_minor: w.two_people_over_minor,
            withdrawal_min_minor: w.min_minor,
            kyc_refresh_days: i64::from(e.config.documents.refresh_days),
            review_hours: i64::from(w.review_hours),
        },
        base_currency: e.base_currency,
        base_rates: rates.map(|r| r.all_in(e.base_currency)).unwrap_or_default(),
    })
}

/// The methods a resident of `country` may deposit by at an entity.
pub async fn method_facts(tx: &mut Tx, entity: &str, country: &str) -> Result<Vec<MethodFact>> {
    Ok(methods(&*tenancy::get(tx, entity).await?, country))
}

/// The methods a resident of `country` may deposit by, each with its currencies.
fn methods(e: &Entity, country: &str) -> Vec<MethodFact> {
    let mut out: Vec<MethodFact> = Vec::new();
    for currency in &e.config.currencies {
        for m in e.config.methods_for(country, *currency).into_iter().filter(|m| m.deposits) {
            match out.iter_mut().find(|o| o.method == m.code) {
                Some(o) => o.currencies.push(currency.code().to_string()),
                None => out.push(MethodFact {
                    method: m.code.clone(),
                    connection: m.connection.clone(),
                    others: m.others.clone(),
                    currencies: vec![currency.code().to_string()],
                    min_minor: e.config.deposits.min_minor,
                    max_minor: e.config.deposits.max_minor,
                    fee_percent: m.fee.as_ref().and_then(|f| f.percent.clone()),
                    fee_fixed: m.fee.as_ref().and_then(|f| f.fixed.clone()),
                    arrives_minutes: m.arrives_minutes.map(i64::from),
                    unavailable: false,
                }),
            }
        }
    }
    out
}

/// Days since any login of the client was first seen on the device; None: never.
async fn device_days(tx: &mut Tx, client_id: &str, device: Option<&str>, now: Ts) -> Result<Option<i64>> {
    let Some(device) = device else { return Ok(None) };
    for login in logins::of_client(tx, client_id).await? {
        let known = logins::devices_of(tx, &login.id).await?;
        if let Some(d) = known.iter().find(|d| d.id.to_string() == device) {
            return Ok(Some(now.secs_since(d.first_seen_at) / 86_400));
        }
    }
    Ok(None)
}

/// The device the client came with.
async fn first_device(tx: &mut Tx, client_id: &str) -> Result<Option<String>> {
    let mut first: Option<(Ts, String)> = None;
    for login in logins::of_client(tx, client_id).await? {
        for d in logins::devices_of(tx, &login.id).await? {
            if first.as_ref().is_none_or(|f| d.first_seen_at < f.0) {
                first = Some((d.first_seen_at, d.id.to_string()));
            }
        }
    }
    Ok(first.map(|f| f.1))
}

/// For jobs: reads the facts on its own snapshot.
pub struct Facts(pub App);

#[async_trait]
impl FactsOf for Facts {
    async fn facts(&self, client_id: &str, device: Option<&str>) -> Result<ClientFacts> {
        let (core, client_id, device) = (self.0.core.clone(), client_id.to_string(), device.map(str::to_string));
        self.0
            .core
            .db
            .read(async move |tx| payment_facts(tx, &core, &client_id, device.as_deref()).await)
            .await
    }

    async fn portal(&self, client_id: &str) -> Result<Option<String>> {
        let (config, client_id) = (self.0.config.clone(), client_id.to_string());
        self.0
            .core
            .db
            .read(async move |tx| {
                let c = client_by_id(tx, &client_id).await?;
                crate::brands::portal_of(tx, &config, &c.brand).await.map(Some)
            })
            .await
    }
}

/// A client's wish for an account, by the entity's rule book.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountWish {
    pub account_type: String,
    pub currency: Currency,
    #[serde(default)]
    pub leverage: Option<u32>,
}

/// Opens a trading account for a client: KYC gates a live one (KY-14); server, group and leverage
/// come from the entity's rule book as it is now.
pub async fn open_account(tx: &mut Tx, core: &Core, caller: &Caller, client_id: &str, wish: AccountWish) -> Result<AccountView> {
    let c = client_by_id(tx, client_id).await?;
    let e = tenancy::get(tx, &c.entity).await?;
    let cap = qd_kyc::leverage_cap(tx, client_id).await?;
    let m = e
        .config
        .map_account(&wish.account_type, wish.currency, &c.country, false, cap, None)?;
    let live = m.kind == tenancy::AccountKind::Live;
    if live {
        crate::onboarding::must_be_proven(tx, caller).await?;
    }
    if live && !qd_kyc::gate(tx, client_id, core.now()).await?.approved {
        return Err(Problem::conflict("kyc_required", "a live account needs a finished verification"));
    }
    let max_per_client = e
        .config
        .accounts
        .iter()
        .find(|t| t.code == m.account_type)
        .map_or(1, |t| i64::from(t.max_per_client));
    let mapping = Mapping {
        kind: if live { AccountKind::Live } else { AccountKind::Demo },
        account_type: m.account_type,
        currency: wish.currency,
        server: m.server,
        group: m.group,
        leverage_default: i64::from(m.leverage),
        leverage_max: i64::from(e.config.leverage_max(&c.country, false, cap)),
        max_per_client,
        source: e.code.clone(),
        version: e.version,
    };
    let owner = owner(&c);
    qd_trading::accounts::request(tx, core, caller, owner, mapping, wish.leverage.map(i64::from)).await
}

/// The most leverage a client may have now.
pub async fn leverage_max(tx: &mut Tx, client_id: &str) -> Result<i64> {
    let c = client_by_id(tx, client_id).await?;
    let e = tenancy::get(tx, &c.entity).await?;
    let cap = qd_kyc::leverage_cap(tx, client_id).await?;
    Ok(i64::from(e.config.leverage_max(&c.country, false, cap)))
}

fn owner(c: &Client) -> Owner {
    Owner {
        client_id: c.id.to_string(),
        entity: c.entity.clone(),
        name: c.name(),
        email: c.email.clone().unwrap_or_default(),
        country: c.country.clone(),
        city: String::new(),
        address: String::new(),
        phone: c.phone.clone().unwrap_or_default(),
        language: c.language.clone(),
    }
}

/// After approval: the account types the entity opens by itself, in its base currency (KY-15).
pub async fn open_first_accounts(app: &App, tx: &mut Tx, c: &Client) -> Result<()> {
    let e = tenancy::get(tx, &c.entity).await?;
    let have = qd_trading::accounts::of_client(tx, &app.core, &c.id.to_string()).await?;
    for t in e.config.accounts.iter().filter(|t| t.opened_at_approval) {
        let fits = t.countries.is_empty() || t.countries.contains(&c.country);
        if !fits || have.iter().any(|a| a.account_type == t.code) {
            continue;
        }
        let currency = if t.groups.contains_key(e.base_currency.code()) {
            e.base_currency
        } else {
            Currency::parse(t.groups.keys().next().map_or("EUR", String::as_str))?
        };
        open_account(
            tx,
            &app.core,
            &Caller::system("rule:kyc.approved"),
            &c.id.to_string(),
            AccountWish {
                account_type: t.code.clone(),
                currency,
                leverage: None,
            },
        )
        .await?;
    }
    Ok(())
}

/// The texts a client reads about rejected papers: keys of the catalogue by the entity's reasons.
pub async fn reject_texts(tx: &mut Tx, entity: &str, payload: &Value) -> Result<Vec<String>> {
    let e = tenancy::get(tx, entity).await?;
    let mut keys: Vec<String> = payload["reasons"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|v| v.as_str().map(str::to_string))
        .collect();
    for d in payload["documents"].as_array().into_iter().flatten() {
        if let Some(r) = d["reason_code"].as_str().and_then(|c| e.config.reject_reason(c)) {
            keys.push(r.text_key.clone());
        } else if let Some(k) = d["text_key"].as_str() {
            keys.push(k.to_string());
        }
    }
    keys.dedup();
    Ok(keys)
}

pub async fn login_of(tx: &mut Tx, core: &Core, account_id: Option<&str>) -> Result<String> {
    let Some(id) = account_id else { return Ok(String::new()) };
    Ok(
        qd_trading::accounts::get(tx, core, &Caller::system("events"), TradingAccountId::parse(id)?)
            .await?
            .login
            .unwrap_or_default(),
    )
}

/// What support is told on the telephone: the provider's ids of a deposit.
pub async fn provider_references(tx: &mut Tx, core: &Core, id: DepositId) -> Result<Vec<String>> {
    let d = qd_payments::deposit::get(tx, core, &Caller::system("events"), id).await?;
    Ok([d.provider_ref, d.payment_ref].into_iter().flatten().collect())
}

/// The commission engine's view of recorded deals.
pub struct Deals;

#[async_trait(?Send)]
impl DealSource for Deals {
    async fn facts(&self, tx: &mut Tx, deals: &[DealName]) -> Result<Vec<DealFacts>> {
        let groups: BTreeMap<String, String> = settings::get(tx, settings::GLOBAL, SYMBOL_GROUPS).await?.unwrap_or_default();
        let terms: BTreeMap<String, SymbolTerms> = settings::get(tx, settings::GLOBAL, SYMBOLS).await?.unwrap_or_default();
        let rates = HouseRates::load(tx).await?;
        let mut out = Vec::with_capacity(deals.len());
        // Within a batch the same clients come again and again.
        let mut clients: BTreeMap<String, Client> = BTreeMap::new();
        for d in deals {
            let Some(full) = qd_trading::feed::full(tx, &d.server, &d.ticket, d.revision).await? else {
                continue;
            };
            out.extend(deal_facts(tx, &full, &mut clients, &groups, &terms, rates.as_ref()).await?);
        }
        Ok(out)
    }
}

/// None: not a deal of a live account of ours, or not a trade that ever could earn.
async fn deal_facts(
    tx: &mut Tx,
    full: &qd_trading::feed::DealFull,
    clients: &mut BTreeMap<String, Client>,
    groups: &BTreeMap<String, String>,
    terms: &BTreeMap<String, SymbolTerms>,
    rates: Option<&HouseRates>,
) -> Result<Option<DealFacts>> {
    let Some(a) = full.account.as_ref().filter(|a| a.live) else {
        return Ok(None);
    };
    let d = &full.deal;
    let kind = match d.kind.as_str() {
        "trade" => FactKind::Trade,
        "cancelled_trade" => FactKind::CancelledTrade,
        _ => return Ok(None),
    };
    let c = match clients.get(&a.client_id) {
        Some(c) => c.clone(),
        None => {
            let c = client_by_id(tx, &a.client_id).await?;
            clients.insert(a.client_id.clone(), c.clone());
            c
        }
    };
    let quotes = match rates {
        None => Vec::new(),
        Some(r) => r
            .rates
            .iter()
            .filter_map(|(code, rate)| {
                Some(Quote {
                    base: r.base,
                    quote: Currency::parse(code).ok()?,
                    rate: *rate,
                    source: r.source.clone(),
                    at: d.at,
                })
            })
            .collect(),
    };
    Ok(Some(DealFacts {
        server: d.server.clone(),
        ticket: d.ticket.clone(),
        revision: d.revision,
        kind,
        deleted: d.gone,
        technical: d.technical,
        reason: d.reason.clone(),
        client: a.client_id.clone(),
        entity: a.entity.clone(),
        country: c.country,
        account: a.id.to_string(),
        account_type: a.account_type.clone(),
        group: a.group.clone(),
        currency: d.currency,
        counts: true,
        symbol: d.symbol.clone(),
        product_group: groups.get(&d.symbol).cloned(),
        volume_closed: d.volume_closed,
        opened_at: full.opened_at,
        at: d.at,
        negative_balance: false,
        equity_minor: None,
        bonus_minor: None,
        quotes,
        brand: c.brand,
        language: c.language,
        campaign: c.campaign,
        tags: c.tags,
        funded_at: c.first_deposit_at,
        ..facts::market(full, terms.get(&d.symbol), &a.group)
    }))
}
