//! Who the partners are.

use crate::ids::PartnerId;
use crate::store::partners as store;
use crate::tree;
use qd_db::Tx;
use qd_kernel::{Currency, Page, PageRequest, Problem, Result, Ts, page::join_key, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use serde::{Deserialize, Serialize};
use serde_json::json;

text_enum!(
    /// Only an active partner earns; one that is suspended or terminated leaves zero lines.
    PartnerState { Applied = "applied", Active = "active", Suspended = "suspended", Terminated = "terminated" }
);

impl PartnerState {
    /// applied -> active | terminated; active <-> suspended; both -> terminated, which is final.
    pub fn may_become(self, to: PartnerState) -> bool {
        use PartnerState::{Active, Applied, Suspended, Terminated};
        matches!(
            (self, to),
            (Applied, Active | Terminated) | (Active, Suspended | Terminated) | (Suspended, Active | Terminated)
        )
    }
}

text_enum!(
    /// Where earnings go: the partner's own client wallet, or a bank transfer marked by hand.
    PayoutMethod { Wallet = "wallet", Bank = "bank" }
);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPartner {
    pub entity: String,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// The partner's own client record, `cli_…`.
    pub client_id: Option<String>,
    /// What lines are booked and paid in.
    pub currency: Currency,
    pub payout_method: PayoutMethod,
    pub parent: Option<PartnerId>,
    /// From when the place in the tree counts; now when absent.
    pub since: Option<Ts>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Partner {
    pub id: PartnerId,
    pub entity: String,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub client_id: Option<String>,
    pub currency: Currency,
    pub payout_method: PayoutMethod,
    pub state: PartnerState,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    pub version: i64,
}

impl From<store::PartnerRow> for Partner {
    fn from(p: store::PartnerRow) -> Self {
        Partner {
            id: p.id,
            entity: p.entity,
            name: p.name,
            email: p.email,
            phone: p.phone,
            client_id: p.client_id,
            currency: p.currency,
            payout_method: p.payout_method,
            state: p.state,
            created_at: p.created_at,
            version: p.version,
        }
    }
}

/// Lower case, without surrounding space: two spellings of one address are one.
pub fn plain_email(text: &str) -> Option<String> {
    let t = text.trim().to_lowercase();
    let (name, host) = t.split_once('@')?;
    // A part after + is the same mailbox at most providers: enough for a suspicion, not for more.
    let name = name.split('+').next().unwrap_or(name);
    if name.is_empty() || host.is_empty() {
        None
    } else {
        Some(format!("{name}@{host}"))
    }
}

/// Digits only, without leading zeros; too short to tell people apart: none.
pub fn plain_phone(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0').to_string();
    if digits.len() >= 7 { Some(digits) } else { None }
}

/// The right in the partner's entity, or "not found": who may not enter it may not know of it.
pub(crate) async fn allowed(tx: &mut Tx, caller: &Caller, right: Right, id: PartnerId) -> Result<store::PartnerRow> {
    caller.require(right)?;
    let p = store::get(tx, id).await?.ok_or_else(|| Problem::missing("partner"))?;
    if caller.enters(Some(&p.entity)) {
        Ok(p)
    } else {
        Err(Problem::missing("partner"))
    }
}

/// Needs `partners.manage`. The partner starts active.
pub async fn create(tx: &mut Tx, core: &Core, caller: &Caller, new: NewPartner) -> Result<Partner> {
    caller.require(Right::PartnersManage)?;
    if !caller.enters(Some(&new.entity)) {
        return Err(Problem::forbidden("entity_not_allowed", "this is outside your entities"));
    }
    insert(tx, core, caller, new, PartnerState::Active).await
}

/// A client asks to become a partner; somebody with `partners.manage` activates it.
pub async fn apply(tx: &mut Tx, core: &Core, caller: &Caller, name: &str, currency: Currency) -> Result<Partner> {
    caller.require(Right::MePartner)?;
    let client = caller.client_id()?;
    let entity = caller.allowed_entities().and_then(|e| e.into_iter().next()).unwrap_or_default();
    if store::of_client(tx, &client).await?.is_some() {
        return Err(Problem::conflict(
            "partner_exists",
            "you are a partner already, or have asked to be one",
        ));
    }
    let new = NewPartner {
        entity,
        name: name.to_string(),
        email: None,
        phone: None,
        client_id: Some(client),
        currency,
        payout_method: PayoutMethod::Wallet,
        parent: None,
        since: None,
    };
    insert(tx, core, caller, new, PartnerState::Applied).await
}

async fn insert(tx: &mut Tx, core: &Core, caller: &Caller, new: NewPartner, state: PartnerState) -> Result<Partner> {
    let name = new.name.trim().to_string();
    if name.is_empty() || name.chars().count() > 200 {
        return Err(Problem::invalid("name", "text_malformed", "expected 1 to 200 characters"));
    }
    if new.entity.is_empty() {
        return Err(Problem::invalid("entity", "missing", "expected the code of an entity"));
    }
    if new.payout_method == PayoutMethod::Wallet && new.client_id.is_none() {
        return Err(Problem::invalid(
            "payout_method",
            "wallet_needs_client",
            "expected bank, or the partner's own client_id",
        ));
    }
    if let Some(c) = &new.client_id
        && store::of_client(tx, c).await?.is_some()
    {
        return Err(Problem::conflict("partner_exists", "this client is a partner already"));
    }
    let now = core.now();
    let p = store::PartnerRow {
        id: PartnerId::new(&core.env),
        entity: new.entity,
        name,
        email: new.email.as_deref().and_then(plain_email),
        phone: new.phone.as_deref().and_then(plain_phone),
        client_id: new.client_id,
        currency: new.currency,
        payout_method: new.payout_method,
        state,
        created_at: now,
        version: 1,
    };
    store::insert(tx, &p).await?;
    tree::first(tx, core, caller, p.id, new.parent, new.since.unwrap_or(now)).await?;
    let after = json!({"entity": p.entity, "currency": p.currency, "state": p.state, "parent": new.parent, "client_id": p.client_id});
    audit::record(
        tx,
        core,
        Entry::new(caller, "partner.create", format!("partner:{}", p.id))
            .entity(Some(p.entity.clone()))
            .after(after),
    )
    .await?;
    Ok(p.into())
}

/// Activates, suspends, terminates. Needs `partners.manage` and a reason.
pub async fn set_state(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: PartnerId,
    base_version: i64,
    to: PartnerState,
    reason: &str,
) -> Result<Partner> {
    let mut p = allowed(tx, caller, Right::PartnersManage, id).await?;
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    if !p.state.may_become(to) {
        return Err(Problem::conflict(
            "partner_state",
            format!("a partner who is {} cannot become {to}", p.state),
        ));
    }
    let before = p.state;
    p.state = to;
    p.version = base_version;
    store::update(tx, &p).await?;
    p.version += 1;
    if to == PartnerState::Terminated {
        crate::attribution::left(tx, core, &p).await?;
    }
    let e = Entry::new(caller, "partner.state", format!("partner:{id}")).entity(Some(p.entity.clone()));
    audit::record(
        tx,
        core,
        e.before(json!({"state": before})).after(json!({"state": to})).reason(reason),
    )
    .await?;
    Ok(p.into())
}

/// What a partner manager may correct.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub client_id: Option<String>,
    pub payout_method: PayoutMethod,
}

pub async fn edit(tx: &mut Tx, core: &Core, caller: &Caller, id: PartnerId, base_version: i64, e: Edit) -> Result<Partner> {
    let mut p = allowed(tx, caller, Right::PartnersManage, id).await?;
    if e.name.trim().is_empty() {
        return Err(Problem::invalid("name", "text_malformed", "expected 1 to 200 characters"));
    }
    if e.payout_method == PayoutMethod::Wallet && e.client_id.is_none() {
        return Err(Problem::invalid(
            "payout_method",
            "wallet_needs_client",
            "expected bank, or the partner's own client_id",
        ));
    }
    if let Some(c) = &e.client_id
        && store::of_client(tx, c).await?.is_some_and(|o| o.id != id)
    {
        return Err(Problem::conflict("partner_exists", "this client is another partner"));
    }
    let before = json!({"client_id": p.client_id, "payout_method": p.payout_method});
    p.name = e.name.trim().to_string();
    p.email = e.email.as_deref().and_then(plain_email);
    p.phone = e.phone.as_deref().and_then(plain_phone);
    p.client_id = e.client_id;
    p.payout_method = e.payout_method;
    p.version = base_version;
    store::update(tx, &p).await?;
    p.version += 1;
    let after = json!({"client_id": p.client_id, "payout_method": p.payout_method});
    audit::record(
        tx,
        core,
        Entry::new(caller, "partner.edit", format!("partner:{id}"))
            .entity(Some(p.entity.clone()))
            .before(before)
            .after(after),
    )
    .await?;
    Ok(p.into())
}

pub async fn get(tx: &mut Tx, caller: &Caller, id: PartnerId) -> Result<Partner> {
    Ok(allowed(tx, caller, Right::PartnersView, id).await?.into())
}

/// The partner that the signed-in client is.
pub async fn mine(tx: &mut Tx, caller: &Caller) -> Result<Partner> {
    caller.require(Right::MePartner)?;
    let client = caller.client_id()?;
    store::of_client(tx, &client)
        .await?
        .map(Partner::from)
        .ok_or_else(|| Problem::missing("partner"))
}

/// By name; `name` finds it anywhere in the name.
pub async fn list(
    tx: &mut Tx,
    caller: &Caller,
    state: Option<PartnerState>,
    name: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Partner>> {
    caller.require(Right::PartnersView)?;
    let entities = caller.allowed_entities();
    let rows = store::list(tx, entities.as_deref(), state, name, page).await?;
    Ok(page.finish(rows.into_iter().map(Partner::from).collect(), |p: &Partner| {
        join_key(&[&p.name, &p.id.to_string()])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_states_is_allowed_or_refused_on_purpose() {
        let table: Vec<String> = PartnerState::ALL
            .iter()
            .map(|from| {
                format!(
                    "{from}: {}",
                    PartnerState::ALL
                        .iter()
                        .filter(|to| from.may_become(**to))
                        .map(|t| t.as_str())
                        .collect::<Vec<_>>()
                        .join(" ")
                )
            })
            .collect();
        assert_eq!(
            table,
            [
                "applied: active terminated",
                "active: suspended terminated",
                "suspended: active terminated",
                "terminated: "
            ]
        );
    }

    #[test]
    fn two_spellings_of_one_address_or_number_are_one() {
        assert_eq!(plain_email(" Anna+trade@Example.org "), plain_email("anna@example.org"));
        assert_eq!(plain_email("no address"), None);
        assert_eq!(plain_phone("+49 (0) 171 2345678").as_deref(), Some("4901712345678"));
        assert_eq!(plain_phone("0049-171"), None);
    }
}
