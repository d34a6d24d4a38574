//! Lists of clients: filtered, sorted, by cursor, and never wider than the caller's reach.

use crate::client::{Client, ClientId};
use crate::model::{Stage, Status};
use crate::store;
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, page::join_key, text_enum};
use qd_runtime::access::{Caller, Mask, Right, Scope, StaffId, Who};
use serde::Serialize;

text_enum!(
    Sort as ClientSort {
        Newest = "newest",
        Oldest = "oldest",
        Name = "name",
        /// Last sign of life first.
        Activity = "activity",
    }
);

#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub stage: Option<Stage>,
    pub status: Option<Status>,
    pub owner_id: Option<StaffId>,
    pub unowned: bool,
    pub desk: Option<String>,
    pub entity: Option<String>,
    pub brand: Option<String>,
    pub country: Option<String>,
    pub language: Option<String>,
    pub kyc_state: Option<String>,
    pub tag: Option<String>,
    pub campaign: Option<String>,
    pub partner_id: Option<String>,
    pub vip: Option<bool>,
    pub created_from: Option<Ts>,
    pub created_until: Option<Ts>,
}

/// A line of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ClientRow)]
pub struct Row {
    pub id: ClientId,
    pub entity: String,
    pub brand: String,
    pub stage: Stage,
    pub status: Status,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub country: String,
    pub language: String,
    pub owner_id: Option<StaffId>,
    pub desk: Option<String>,
    pub partner_id: Option<String>,
    pub campaign: String,
    pub kyc_state: String,
    pub vip: bool,
    pub tags: Vec<String>,
    #[serde(rename = "activity_at_us")]
    pub activity_at: Ts,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    /// The next page starts after it when sorted by name.
    #[serde(skip)]
    pub name_key: String,
}

impl Row {
    pub(crate) fn cover(&mut self, caller: &Caller) {
        if !caller.sees(Mask::Contact) {
            let covered = || qd_runtime::access::mask::COVERED.to_string();
            self.email = self.email.as_ref().map(|_| covered());
            self.phone = self.phone.as_ref().map(|_| covered());
        }
    }
}

/// What a scope comes to in a statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    pub owner: Option<StaffId>,
    /// With `owner`: either of the two.
    pub desk: Option<String>,
    /// None: all.
    pub entities: Option<Vec<String>>,
}

pub(crate) fn scope_of(caller: &Caller, scope: Scope) -> Result<Reach> {
    let entities = caller.allowed_entities();
    Ok(match (&caller.who, scope) {
        (Who::System(_), _) => Reach::default(),
        (Who::Client { .. } | Who::Public, _) => return Err(Problem::forbidden("staff_only", "only staff may list clients")),
        (_, Scope::Own) => Reach {
            owner: Some(caller.staff_id()?),
            desk: None,
            entities,
        },
        (_, Scope::Desk) => Reach {
            owner: Some(caller.staff_id()?),
            desk: caller.desk().map(str::to_string),
            entities,
        },
        (_, Scope::Entity | Scope::All) => Reach {
            owner: None,
            desk: None,
            entities,
        },
    })
}

/// One page. A caller without the right to leads sees clients only, and the other way round.
pub async fn list(tx: &mut Tx, caller: &Caller, filter: &Filter, sort: Sort, page: &PageRequest) -> Result<Page<Row>> {
    let leads = caller.require(Right::LeadsView);
    let clients = caller.require(Right::ClientsView);
    let scope = match (filter.stage, &leads, &clients) {
        (Some(Stage::Lead), ..) => leads?,
        (Some(_), ..) => clients?,
        (None, Ok(l), Ok(c)) => (*l).min(*c),
        (None, Ok(l), Err(_)) => *l,
        (None, Err(_), _) => clients?,
    };
    let only = match (filter.stage, caller.may(Right::LeadsView), caller.may(Right::ClientsView)) {
        (Some(_), ..) | (None, true, true) => None,
        (None, leads_too, _) => Some(leads_too),
    };
    let mut rows = store::list::page(tx, filter, only, &scope_of(caller, scope)?, sort, page).await?;
    for r in &mut rows {
        r.cover(caller);
    }
    Ok(page.finish(rows, |r: &Row| match sort {
        Sort::Newest | Sort::Oldest => r.id.to_string(),
        Sort::Name => join_key(&[&r.name_key, &r.id.to_string()]),
        Sort::Activity => join_key(&[&r.activity_at.micros().to_string(), &r.id.to_string()]),
    }))
}

impl From<Client> for Row {
    fn from(c: Client) -> Row {
        Row {
            name: c.name(),
            name_key: crate::normal::name_key(&c.first_name, &c.last_name),
            id: c.id,
            entity: c.entity,
            brand: c.brand,
            stage: c.stage,
            status: c.status,
            email: c.email,
            phone: c.phone,
            country: c.country,
            language: c.language,
            owner_id: c.owner_id,
            desk: c.desk,
            partner_id: c.partner_id,
            campaign: c.campaign,
            kyc_state: c.kyc_state,
            vip: c.vip,
            tags: c.tags,
            activity_at: c.activity_at,
            created_at: c.created_at,
        }
    }
}
