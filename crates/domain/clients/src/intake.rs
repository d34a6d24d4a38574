//! How people come in: the public lead form and registration. Both are the same record; what a
//! person typed the first time is kept beside what they typed later.

use crate::client::{self, Client, ClientId, entry, publish};
use crate::model::{Command, Stage, Status};
use crate::timeline::{self, NewLine, Visibility};
use crate::{duplicates, routing, search, store};
use qd_db::Tx;
use qd_kernel::{Class, Problem, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right, StaffId, Who, normal_email};
use qd_runtime::audit;
use qd_runtime::tenancy::{self, Brand, Entity};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Characters of one mark of a campaign; longer ones are cut, because refusing a lead over a
/// tracking parameter loses a client.
const MAX_MARK: usize = 200;
/// Where nobody knows the country.
pub const UNKNOWN_COUNTRY: &str = "ZZ";

/// How the person came this time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Touch {
    pub source: String,
    pub medium: String,
    pub campaign: String,
    pub term: String,
    pub content: String,
    pub landing_language: String,
    pub landing_page: String,
    pub referrer: String,
    /// Two capital letters, by the address the request came from.
    pub ip_country: String,
    /// `par_…`, as the signed click says; never typed by the visitor.
    pub partner_id: Option<String>,
    pub click_id: Option<String>,
    /// Which form: `landing`, `registration`, `office`, `import`.
    pub form: String,
}

impl Touch {
    fn cleaned(mut self) -> Touch {
        let cut = |t: &mut String| *t = t.trim().chars().filter(|c| !c.is_control()).take(MAX_MARK).collect();
        for t in [
            &mut self.source,
            &mut self.medium,
            &mut self.campaign,
            &mut self.term,
            &mut self.content,
            &mut self.landing_language,
            &mut self.landing_page,
            &mut self.referrer,
            &mut self.ip_country,
            &mut self.form,
        ] {
            cut(t);
        }
        self
    }
}

/// A touch as kept.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct KeptTouch {
    #[serde(rename = "at_us")]
    pub at: Ts,
    #[serde(flatten)]
    pub touch: Touch,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// `terms`, `privacy`, `marketing`, `cookies`…
    pub kind: String,
    pub version: String,
    pub given: bool,
}

#[derive(Clone, Debug, Default)]
pub struct NewLead {
    pub brand: String,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// What the person said; else the address's country.
    pub country: Option<String>,
    pub language: Option<String>,
    pub message: Option<String>,
    pub touch: Touch,
    pub consents: Vec<Consent>,
    pub custom: Option<Value>,
}

/// What became of a lead.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = LeadTaken)]
pub struct Taken {
    pub client_id: ClientId,
    /// False when this person had a record at this brand; the public form must not tell.
    pub fresh: bool,
    pub owner_id: Option<StaffId>,
    pub desk: Option<String>,
    /// Open proposals that this is somebody known.
    pub possible_duplicates: i64,
}

#[derive(Clone, Debug, Default)]
pub struct Registration {
    pub brand: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub phone: Option<String>,
    pub country: String,
    pub language: String,
    pub touch: Touch,
    pub consents: Vec<Consent>,
    /// An earlier registration of this address was never proven and is over: this one takes its place.
    pub over: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Registered {
    pub client_id: ClientId,
    pub entity: String,
    /// The record was there as a lead.
    pub was_lead: bool,
    pub owner_id: Option<StaffId>,
}

async fn brand_for(tx: &mut Tx, caller: &Caller, code: &str) -> Result<(Brand, Arc<Entity>)> {
    caller.require(Right::LeadsCreate)?;
    let brand = match tenancy::brand(tx, code).await {
        Err(p) if p.class == Class::Missing => return Err(Problem::invalid("/brand", "brand_unknown", "expected the code of a brand")),
        other => other?,
    };
    if !matches!(caller.who, Who::Public) && !caller.enters(Some(&brand.entity)) {
        return Err(Problem::forbidden(
            "entity_not_allowed",
            "this brand belongs to an entity outside your rights",
        ));
    }
    let entity = tenancy::get(tx, &brand.entity).await?;
    Ok((brand, entity))
}

/// Everything wrong with what was typed, all at once.
fn check_person(first: &str, last: &str, email: Option<&str>, phone: Option<&str>, country: &str) -> Result<()> {
    let mut p = Problem::new(Class::Invalid, "form_invalid", "some fields are not right");
    for (field, v) in [("/first_name", first), ("/last_name", last)] {
        if v.chars().count() > 100 || v.chars().any(char::is_control) {
            p = p.and_field(field, "name_malformed", "expected at most 100 characters");
        }
    }
    let has = |v: Option<&str>| v.is_some_and(|v| !v.trim().is_empty());
    if !has(email) && !has(phone) {
        p = p.and_field("/email", "contact_missing", "expected an e-mail address or a telephone number");
    }
    if let Some(e) = email.filter(|e| !e.trim().is_empty())
        && qd_runtime::access::check_email(e).is_err()
    {
        p = p.and_field("/email", "email_malformed", "expected an address like name@example.com");
    }
    if let Some(n) = phone
        && let Err(e) = client::phone_number("/phone", n, country)
    {
        p.fields.extend(e.fields);
    }
    if p.fields.is_empty() { Ok(()) } else { Err(p) }
}

fn fresh(core: &Core, brand: &Brand, now: Ts) -> Client {
    Client {
        id: ClientId::new(&core.env),
        entity: brand.entity.clone(),
        brand: brand.code.clone(),
        stage: Stage::Lead,
        status: Status::New,
        first_name: String::new(),
        last_name: String::new(),
        email: None,
        email_verified_at: None,
        phone: None,
        country: UNKNOWN_COUNTRY.into(),
        language: "en".into(),
        birth_date: None,
        nationality: None,
        owner_id: None,
        desk: None,
        partner_id: None,
        campaign: String::new(),
        kyc_state: "none".into(),
        vip: false,
        tags: Vec::new(),
        custom: json!({}),
        registered_at: None,
        verified_at: None,
        first_deposit_at: None,
        first_response_at: None,
        contact_changed_at: None,
        activity_at: now,
        stage_at: now,
        merged_into: None,
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

/// Takes a lead. The same address at the same brand is the same record: the new touch is added,
/// the first one stays.
pub async fn take_lead(tx: &mut Tx, core: &Core, caller: &Caller, lead: NewLead) -> Result<Taken> {
    let (brand, _) = brand_for(tx, caller, &lead.brand).await?;
    let touch = lead.touch.cleaned();
    let country = match lead.country.as_deref().filter(|c| !c.trim().is_empty()) {
        Some(c) => client::country("/country", c)?,
        None => client::country("/country", &touch.ip_country).unwrap_or_else(|_| UNKNOWN_COUNTRY.into()),
    };
    check_person(
        &lead.first_name,
        &lead.last_name,
        lead.email.as_deref(),
        lead.phone.as_deref(),
        &country,
    )?;
    let wished = lead
        .language
        .as_deref()
        .filter(|l| !l.is_empty())
        .unwrap_or(&touch.landing_language);
    let language =
        client::language("/language", wished).unwrap_or_else(|_| brand.languages.first().cloned().unwrap_or_else(|| "en".into()));
    let now = core.now();
    let email = lead.email.map(|e| e.trim().to_string()).filter(|e| !e.is_empty());
    if let Some(e) = &email
        && let Some(known) = store::clients::by_email(tx, &brand.code, &normal_email(e)).await?
    {
        return returned(tx, core, caller, known.id, touch, &lead.consents, lead.message).await;
    }
    let mut c = fresh(core, &brand, now);
    c.first_name = lead.first_name.trim().into();
    c.last_name = lead.last_name.trim().into();
    c.email = email;
    c.phone = client::phone_number("/phone", lead.phone.as_deref().unwrap_or_default(), &country)?;
    c.country = country;
    c.language = language;
    c.campaign = touch.campaign.clone();
    c.partner_id = touch.partner_id.clone();
    c.custom = lead.custom.filter(Value::is_object).unwrap_or_else(|| json!({}));
    let routed = routing::route(tx, core, &c, &touch, false).await?;
    c.owner_id = routed.owner_id;
    c.desk = routed.desk.clone();
    if !store::clients::insert(tx, &c).await? {
        // Another request with the same address was faster.
        let e = c.email.as_deref().map(normal_email).unwrap_or_default();
        let known = store::clients::by_email(tx, &brand.code, &e)
            .await?
            .ok_or_else(|| Problem::conflict("client_exists", "this record was made a moment ago"))?;
        return returned(tx, core, caller, known.id, touch, &lead.consents, lead.message).await;
    }
    store::clients::add_touch(tx, c.id, &touch, now).await?;
    keep_consents(tx, caller, c.id, &lead.consents, now).await?;
    store::clients::add_stage(tx, c.id, None, Stage::Lead, &format!("form {}", touch.form), &caller.id(), now).await?;
    search::refresh(tx, &c).await?;
    let possible_duplicates = duplicates::refresh(tx, core, caller, &c).await?;
    let source = json!({"source": touch.source, "campaign": touch.campaign, "language": c.language, "country": c.country, "partner_id": c.partner_id});
    let mut line = NewLine::new(c.id, "lead", "timeline.lead_created", source.clone(), Visibility::Staff);
    if let Some(m) = lead.message.filter(|m| !m.trim().is_empty()) {
        let m: String = m.chars().take(2_000).collect();
        line.data["message"] = json!(m);
        line = line.text(m);
    }
    timeline::put(tx, core, caller, line).await?;
    publish(tx, core, "lead.created", &c, json!({"owner_id": c.owner_id, "desk": c.desk, "campaign": c.campaign, "partner_id": c.partner_id, "country": c.country, "language": c.language})).await?;
    audit::record(tx, core, entry(caller, "lead.created", &c).after(source)).await?;
    routing::announce(tx, core, &c, &routed).await?;
    Ok(Taken {
        client_id: c.id,
        fresh: true,
        owner_id: c.owner_id,
        desk: c.desk,
        possible_duplicates,
    })
}

/// Somebody known filled in a form again.
async fn returned(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: ClientId,
    touch: Touch,
    consents: &[Consent],
    message: Option<String>,
) -> Result<Taken> {
    store::clients::lock(tx, id).await?;
    let c = client::find(tx, id).await?.ok_or_else(|| Problem::missing("client"))?;
    let now = core.now();
    store::clients::add_touch(tx, id, &touch, now).await?;
    keep_consents(tx, caller, id, consents, now).await?;
    store::clients::touch(tx, id, now).await?;
    let mut line = NewLine::new(
        id,
        "lead",
        "timeline.lead_returned",
        json!({"source": touch.source, "campaign": touch.campaign}),
        Visibility::Staff,
    );
    if let Some(m) = message.filter(|m| !m.trim().is_empty()) {
        let m: String = m.chars().take(2_000).collect();
        line.data["message"] = json!(m);
        line = line.text(m);
    }
    timeline::put(tx, core, caller, line).await?;
    publish(
        tx,
        core,
        "lead.returned",
        &c,
        json!({"owner_id": c.owner_id, "campaign": touch.campaign}),
    )
    .await?;
    audit::record(
        tx,
        core,
        entry(caller, "lead.returned", &c).after(json!({"source": touch.source, "campaign": touch.campaign})),
    )
    .await?;
    Ok(Taken {
        client_id: id,
        fresh: false,
        owner_id: c.owner_id,
        desk: c.desk,
        possible_duplicates: 0,
    })
}

pub(crate) async fn keep_consents(tx: &mut Tx, caller: &Caller, id: ClientId, consents: &[Consent], now: Ts) -> Result<()> {
    if consents.len() > 20
        || consents
            .iter()
            .any(|c| c.kind.is_empty() || c.kind.len() > 40 || c.version.len() > 40)
    {
        return Err(Problem::invalid(
            "/consents",
            "consents_malformed",
            "expected at most 20, each with a kind and a version",
        ));
    }
    for c in consents {
        store::clients::add_consent(tx, id, c, caller.ip.as_deref(), now).await?;
    }
    Ok(())
}

/// Registers somebody: the lead of this address becomes registered, or a new record is made. The
/// login is made beside it by the caller, in the same transaction.
pub async fn register(tx: &mut Tx, core: &Core, caller: &Caller, r: Registration) -> Result<Registered> {
    let (brand, entity) = brand_for(tx, caller, &r.brand).await?;
    let touch = r.touch.cleaned();
    let country = client::country("/country", &r.country)?;
    check_person(&r.first_name, &r.last_name, Some(&r.email), r.phone.as_deref(), &country)?;
    if r.email.trim().is_empty() {
        return Err(Problem::invalid(
            "/email",
            "email_malformed",
            "expected an address like name@example.com",
        ));
    }
    if entity.config.countries.not_served.contains(&country) {
        return Err(
            Problem::conflict("country_not_served", "we do not offer our services in this country").and_field(
                "/country",
                "country_not_served",
                "expected a country we serve",
            ),
        );
    }
    let language = client::language("/language", &r.language)?;
    let now = core.now();
    let known = store::clients::by_email(tx, &brand.code, &normal_email(&r.email)).await?;
    let was_lead = known.is_some();
    let id = match known {
        Some(k) => {
            store::clients::lock(tx, k.id).await?;
            let mut c = client::find(tx, k.id).await?.ok_or_else(|| Problem::missing("client"))?;
            let over = r.over && c.email_verified_at.is_none() && c.verified_at.is_none() && c.first_deposit_at.is_none();
            if c.registered_at.is_some() && !over {
                return Err(Problem::conflict("client_exists", "this address is registered already").and_field(
                    "/email",
                    "client_exists",
                    "expected another address",
                ));
            }
            if c.registered_at.is_some() {
                client::forget_stranger(tx, core, caller, c.id, "registered again").await?;
                c = client::find(tx, k.id).await?.ok_or_else(|| Problem::missing("client"))?;
            }
            let before = c.clone();
            c.first_name = r.first_name.trim().into();
            c.last_name = r.last_name.trim().into();
            c.phone = client::phone_number("/phone", r.phone.as_deref().unwrap_or_default(), &country)?.or(c.phone);
            c.country = country;
            c.language = language;
            // The partner of the first touch keeps the client; a later click does not take it away.
            c.partner_id = c.partner_id.or(touch.partner_id.clone());
            store::clients::save(tx, &c, now).await?;
            store::clients::add_touch(tx, c.id, &touch, now).await?;
            client::after_identity(tx, core, caller, &before, &c).await?;
            c.id
        }
        None => {
            let mut c = fresh(core, &brand, now);
            c.first_name = r.first_name.trim().into();
            c.last_name = r.last_name.trim().into();
            c.email = Some(r.email.trim().into());
            c.phone = client::phone_number("/phone", r.phone.as_deref().unwrap_or_default(), &country)?;
            c.country = country;
            c.language = language;
            c.campaign = touch.campaign.clone();
            c.partner_id = touch.partner_id.clone();
            let routed = routing::route(tx, core, &c, &touch, false).await?;
            c.owner_id = routed.owner_id;
            c.desk = routed.desk.clone();
            if !store::clients::insert(tx, &c).await? {
                return Err(Problem::conflict("client_exists", "this address is registered already").and_field(
                    "/email",
                    "client_exists",
                    "expected another address",
                ));
            }
            store::clients::add_touch(tx, c.id, &touch, now).await?;
            store::clients::add_stage(tx, c.id, None, Stage::Lead, "registration", &caller.id(), now).await?;
            search::refresh(tx, &c).await?;
            duplicates::refresh(tx, core, caller, &c).await?;
            publish(tx, core, "lead.created", &c, json!({"owner_id": c.owner_id, "desk": c.desk, "campaign": c.campaign, "partner_id": c.partner_id, "country": c.country, "language": c.language})).await?;
            routing::announce(tx, core, &c, &routed).await?;
            c.id
        }
    };
    keep_consents(tx, caller, id, &r.consents, now).await?;
    let by = Caller::system("registration");
    client::stage(tx, core, &by, id, Command::Register, "registration").await?;
    let c = client::find(tx, id).await?.ok_or_else(|| Problem::missing("client"))?;
    timeline::put(
        tx,
        core,
        caller,
        NewLine::new(
            id,
            "registration",
            "timeline.registered",
            json!({"brand": c.brand}),
            Visibility::Client,
        ),
    )
    .await?;
    Ok(Registered {
        client_id: id,
        entity: c.entity,
        was_lead,
        owner_id: c.owner_id,
    })
}

/// First and last touch of a client.
pub async fn touches(tx: &mut Tx, id: ClientId) -> Result<(Option<KeptTouch>, Option<KeptTouch>)> {
    touches_until(tx, id, Ts(i64::MAX)).await
}

/// First and last touch up to a moment.
pub async fn touches_until(tx: &mut Tx, id: ClientId, at: Ts) -> Result<(Option<KeptTouch>, Option<KeptTouch>)> {
    Ok((
        store::clients::touch_at(tx, id, true, at).await?,
        store::clients::touch_at(tx, id, false, at).await?,
    ))
}
