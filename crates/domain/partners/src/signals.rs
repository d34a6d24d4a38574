//! Signs that a partner brought themselves: what the client shares with the partner. A sign holds the
//! share and opens a case for a person; nothing is paid and nothing is lost until it is decided. New
//! data is looked at again. Marks are keyed hashes: what the card or the paper is, is not kept here.

use crate::attribution::{Rules, SELF_REFERRAL, ShareState};
use crate::clicks::LinkKey;
use crate::ids::PartnerId;
use crate::partner::{allowed, plain_email, plain_phone};
use crate::store::{attribution, partners, signals as store};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Result, Ts, page::join_key, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::exceptions::{self, NewException};
use serde::{Deserialize, Serialize};
use serde_json::json;

text_enum!(
    /// What two people may have in common.
    SignalKind as ReferralSignalKind {
        Email = "email",
        /// The same address but for digits and dots.
        EmailPattern = "email_pattern",
        Phone = "phone",
        Device = "device",
        Ip = "ip",
        Address = "address",
        Card = "card",
        Bank = "bank",
        Document = "document",
        FamilyName = "family_name",
    }
);

text_enum!(
    /// Where a case stands.
    CaseState as ReferralCaseState { Open = "open", Released = "released", Refused = "refused" }
);

/// Something of a person, as the app knows it.
#[derive(Clone, Debug)]
pub struct Mark {
    pub kind: SignalKind,
    /// Hashed before it is kept.
    pub value: String,
    /// Enough to recognise it, not to use it: `•••• 4242`.
    pub hint: String,
}

impl Mark {
    pub fn new(kind: SignalKind, value: impl Into<String>, hint: impl Into<String>) -> Mark {
        Mark {
            kind,
            value: value.into(),
            hint: hint.into(),
        }
    }
}

/// One sign with enough of it to recognise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ReferralSignal)]
pub struct Signal {
    pub kind: SignalKind,
    pub hint: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ReferralCase {
    pub client_id: String,
    pub partner_id: PartnerId,
    pub partner_name: String,
    pub entity: String,
    pub state: CaseState,
    /// What the two share.
    pub signals: Vec<Signal>,
    #[serde(rename = "opened_at_us")]
    pub opened_at: Ts,
    #[serde(rename = "changed_at_us")]
    pub changed_at: Ts,
    pub decided_by: Option<String>,
    pub reason: Option<String>,
}

/// The letters of an address's name with its host: `anna.k1@x.org` and `annak2@x.org` are alike. None
/// when too little is left to say so.
fn pattern_of(email: &str) -> Option<String> {
    let plain = plain_email(email)?;
    let (name, host) = plain.split_once('@')?;
    let letters: String = name.chars().filter(|c| c.is_alphabetic()).collect();
    (letters.chars().count() >= 5).then(|| format!("{letters}@{host}"))
}

pub(crate) fn masked_email(email: &str) -> String {
    let (name, host) = email.split_once('@').unwrap_or((email, ""));
    let first = |s: &str| s.chars().next().map(String::from).unwrap_or_default();
    format!("{}…@{}…", first(name), first(host))
}

fn masked_phone(digits: &str) -> String {
    let tail: String = digits.chars().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect();
    format!("…{tail}")
}

/// Marks of an address and a number, both as typed.
pub fn contact_marks(email: Option<&str>, phone: Option<&str>) -> Vec<Mark> {
    let mut out = Vec::new();
    if let Some(e) = email.and_then(plain_email) {
        out.push(Mark::new(SignalKind::Email, e.clone(), masked_email(&e)));
        if let Some(p) = pattern_of(&e) {
            out.push(Mark::new(SignalKind::EmailPattern, p, masked_email(&e)));
        }
    }
    if let Some(p) = phone.and_then(plain_phone) {
        out.push(Mark::new(SignalKind::Phone, p.clone(), masked_phone(&p)));
    }
    out
}

fn hashed(key: &LinkKey, m: &Mark) -> Option<String> {
    let value = m.value.trim().to_lowercase();
    (!value.is_empty()).then(|| key.hash(m.kind.as_str(), &value)).flatten()
}

/// Keeps a client's marks and looks for what they share with their partner; where the client is a
/// partner, with the partner's clients. Called whenever something about the person is new.
pub async fn observe(tx: &mut Tx, core: &Core, key: &LinkKey, client_id: &str, marks: &[Mark]) -> Result<()> {
    for m in marks {
        if let Some(mark) = hashed(key, m) {
            let row = store::SignalRow {
                client_id: client_id.to_string(),
                kind: m.kind,
                mark,
                hint: m.hint.clone(),
                seen_at: core.now(),
            };
            store::insert(tx, &row).await?;
        }
    }
    if let Some(p) = attribution::open(tx, client_id).await?.and_then(|s| s.partner_id) {
        judge(tx, core, key, client_id, p).await?;
    }
    if let Some(me) = partners::of_client(tx, client_id).await? {
        for (c,) in store::sharing(tx, me.id, client_id, 200).await? {
            judge(tx, core, key, &c, me.id).await?;
        }
    }
    Ok(())
}

/// What a client and a partner have in common.
async fn shared(tx: &mut Tx, key: &LinkKey, client_id: &str, p: &partners::PartnerRow) -> Result<Vec<Signal>> {
    let mine = store::of_client(tx, client_id).await?;
    let mut theirs: Vec<(SignalKind, String)> = match &p.client_id {
        Some(c) => store::of_client(tx, c).await?.into_iter().map(|s| (s.kind, s.mark)).collect(),
        None => Vec::new(),
    };
    for m in contact_marks(p.email.as_deref(), p.phone.as_deref()) {
        theirs.extend(hashed(key, &m).map(|h| (m.kind, h)));
    }
    Ok(mine
        .into_iter()
        .filter(|s| theirs.iter().any(|(k, m)| *k == s.kind && *m == s.mark))
        .map(|s| Signal {
            kind: s.kind,
            hint: s.hint,
        })
        .collect())
}

async fn judge(tx: &mut Tx, core: &Core, key: &LinkKey, client_id: &str, partner: PartnerId) -> Result<()> {
    let Some(p) = partners::get(tx, partner).await? else {
        return Ok(());
    };
    if p.client_id.as_deref() == Some(client_id) {
        // One's own account earns nothing anyway, and says so.
        return Ok(());
    }
    let found = shared(tx, key, client_id, &p).await?;
    let rules = Rules::of(tx, &p.entity).await?;
    if !found.iter().any(|s| rules.hold_on.contains(&s.kind)) {
        return Ok(());
    }
    open_case(tx, core, client_id, &p, found, &rules).await
}

/// Opens a case, adds to the open one, or opens a decided one again when there is something that was
/// not there to be seen.
pub(crate) async fn open_case(
    tx: &mut Tx,
    core: &Core,
    client_id: &str,
    p: &partners::PartnerRow,
    found: Vec<Signal>,
    rules: &Rules,
) -> Result<()> {
    let now = core.now();
    match store::case(tx, client_id, p.id).await? {
        None => {
            let row = store::CaseRow {
                client_id: client_id.to_string(),
                partner_id: p.id,
                entity: p.entity.clone(),
                state: CaseState::Open,
                signals: json!(found),
                opened_at: now,
                changed_at: now,
                decided_by: None,
                reason: None,
                version: 1,
            };
            store::insert_case(tx, &row).await?;
        }
        Some(mut c) => {
            let known: Vec<Signal> = serde_json::from_value(c.signals.clone())?;
            let fresh: Vec<&Signal> = found.iter().filter(|f| known.iter().all(|k| k != *f)).collect();
            let matters = fresh.iter().any(|s| rules.hold_on.contains(&s.kind));
            if fresh.is_empty() || c.state == CaseState::Refused || (c.state == CaseState::Released && !matters) {
                return Ok(());
            }
            let mut all = known.clone();
            all.extend(fresh.into_iter().cloned());
            c.signals = json!(all);
            c.changed_at = now;
            if c.state == CaseState::Released {
                c.state = CaseState::Open;
                c.decided_by = None;
                c.reason = None;
            }
            store::update_case(tx, &c).await?;
        }
    }
    if let Some(s) = attribution::open(tx, client_id).await?
        && s.partner_id == Some(p.id)
        && s.state == ShareState::Active
    {
        attribution::set_state(tx, &s, ShareState::Held, Some("self_referral")).await?;
    }
    let kinds: Vec<&str> = found.iter().map(|s| s.kind.as_str()).collect();
    let e = NewException {
        kind: SELF_REFERRAL,
        subject: format!("client:{client_id}"),
        entity: Some(p.entity.clone()),
        client_id: Some(client_id.to_string()),
        owner_role: "partner_manager",
        rule: "partner.self_referral",
        cause: format!("the client shares {} with the partner who brought them", kinds.join(", ")),
        detail: json!({"partner": p.id, "shared": found}),
        retry: None,
    };
    exceptions::raise(tx, core, e).await.map(|_| ())
}

/// Notes the decision about a held share on its case.
pub(crate) async fn decided(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    client_id: &str,
    partner: PartnerId,
    accept: bool,
    reason: &str,
) -> Result<()> {
    let Some(mut c) = store::case(tx, client_id, partner).await? else {
        return Ok(());
    };
    c.state = if accept { CaseState::Released } else { CaseState::Refused };
    c.decided_by = Some(caller.id());
    c.reason = Some(reason.to_string());
    c.changed_at = core.now();
    store::update_case(tx, &c).await
}

/// The partner of somebody with the same address at another record of ours.
pub(crate) async fn partner_elsewhere(
    tx: &mut Tx,
    key: &LinkKey,
    client_id: &str,
    email: Option<&str>,
    now: Ts,
) -> Result<Option<PartnerId>> {
    let Some(plain) = email.and_then(plain_email) else {
        return Ok(None);
    };
    let Some(mark) = key.hash(SignalKind::Email.as_str(), &plain) else {
        return Ok(None);
    };
    for other in store::with_mark(tx, client_id, SignalKind::Email, &mark, 10).await? {
        let share = attribution::open(tx, &other.client_id).await?;
        if let Some(p) = share
            .filter(|s| s.state == ShareState::Active && s.from_at <= now)
            .and_then(|s| s.partner_id)
        {
            return Ok(Some(p));
        }
    }
    Ok(None)
}

async fn view(tx: &mut Tx, c: store::CaseRow) -> Result<ReferralCase> {
    Ok(ReferralCase {
        partner_name: partners::get(tx, c.partner_id).await?.map(|p| p.name).unwrap_or_default(),
        client_id: c.client_id,
        partner_id: c.partner_id,
        entity: c.entity,
        state: c.state,
        signals: serde_json::from_value(c.signals)?,
        opened_at: c.opened_at,
        changed_at: c.changed_at,
        decided_by: c.decided_by,
        reason: c.reason,
    })
}

pub(crate) async fn cases_of(tx: &mut Tx, client_id: &str) -> Result<Vec<ReferralCase>> {
    let mut out = Vec::new();
    for c in store::cases_of(tx, client_id).await? {
        out.push(view(tx, c).await?);
    }
    Ok(out)
}

/// For staff: the newest first. Decided by [`crate::attribution::decide_hold`].
pub async fn cases(
    tx: &mut Tx,
    caller: &Caller,
    state: Option<CaseState>,
    partner: Option<PartnerId>,
    page: &PageRequest,
) -> Result<Page<ReferralCase>> {
    caller.require(Right::PartnersView)?;
    if let Some(p) = partner {
        allowed(tx, caller, Right::PartnersView, p).await?;
    }
    let rows = store::cases(tx, caller.allowed_entities().as_deref(), state, partner, page).await?;
    let mut items = Vec::new();
    for c in rows {
        items.push(view(tx, c).await?);
    }
    Ok(page.finish(items, |c: &ReferralCase| {
        join_key(&[&c.opened_at.micros().to_string(), &c.client_id])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_alike_but_for_digits_and_dots_have_one_pattern_and_short_names_none() {
        assert_eq!(pattern_of("anna.k1@x.org"), pattern_of("Annak22@x.org"));
        assert_ne!(pattern_of("anna.k1@x.org"), pattern_of("annak@y.org"));
        assert_eq!(pattern_of("a1@x.org"), None);
    }

    #[test]
    fn a_hint_does_not_give_the_address_or_the_number_away() {
        let m = contact_marks(Some("anna.kern@partners.example"), Some("+49 171 2345678"));
        assert_eq!(m.iter().map(|m| m.hint.as_str()).collect::<Vec<_>>(), ["a…@p…", "a…@p…", "…678"]);
    }
}
