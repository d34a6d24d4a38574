use crate::client::ClientId;
use crate::list::{Filter, Reach, Row, Sort};
use crate::model::{Stage, Status};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};
use qd_runtime::access::StaffId;
use serde_json::Value;

row! {
    pub(super) struct ListRow {
        id: ClientId, entity: String, brand: String, stage: Stage, status: Status, first_name: String, last_name: String, email: Option<String>,
        phone: Option<String>, country: String, language: String, owner_id: Option<StaffId>, desk: Option<String>, partner_id: Option<String>,
        campaign: String, kyc_state: String, vip: bool, tags: Value, activity_at: Ts, created_at: Ts, name_key: String,
    }
}

impl ListRow {
    pub(super) fn into_row(self) -> Result<Row> {
        Ok(Row {
            id: self.id,
            entity: self.entity,
            brand: self.brand,
            stage: self.stage,
            status: self.status,
            name: format!("{} {}", self.first_name, self.last_name).trim().to_string(),
            email: self.email,
            phone: self.phone,
            country: self.country,
            language: self.language,
            owner_id: self.owner_id,
            desk: self.desk,
            partner_id: self.partner_id,
            campaign: self.campaign,
            kyc_state: self.kyc_state,
            vip: self.vip,
            tags: serde_json::from_value(self.tags)?,
            activity_at: self.activity_at,
            created_at: self.created_at,
            name_key: self.name_key,
        })
    }
}

/// The caller's reach as conditions on `c`.
pub(super) fn push_reach(q: &mut Query, r: &Reach) {
    match (&r.owner, &r.desk) {
        (Some(o), Some(d)) => {
            q.push(sql!(" AND (c.owner_id = $? OR c.desk = $?)"), vals![*o, d]);
        }
        (Some(o), None) => {
            q.push(sql!(" AND c.owner_id = $?"), vals![*o]);
        }
        (None, _) => {}
    }
    if let Some(list) = &r.entities {
        q.push(sql!(" AND c.entity IN (''"), []);
        for e in list {
            q.push(sql!(", $?"), vals![e]);
        }
        q.push(sql!(" )"), []);
    }
}

/// `only`: Some(true) leads only, Some(false) everything but leads.
pub async fn page(tx: &mut Tx, f: &Filter, only: Option<bool>, reach: &Reach, sort: Sort, page: &PageRequest) -> Result<Vec<Row>> {
    let mut q = Query::new(sql!(
        "SELECT c.id, c.entity, c.brand, c.stage, c.status, c.first_name, c.last_name, c.email, c.phone, c.country, c.language, c.owner_id, c.desk,
             c.partner_id, c.campaign, c.kyc_state, c.vip, c.tags, c.activity_at, c.created_at, c.name_key
         FROM clients c WHERE c.merged_into IS NULL"
    ));
    push_reach(&mut q, reach);
    if let Some(v) = f.stage {
        q.push(sql!(" AND c.stage = $?"), vals![v]);
    }
    match only {
        Some(true) => {
            q.push(sql!(" AND c.stage = 'lead'"), []);
        }
        Some(false) => {
            q.push(sql!(" AND c.stage <> 'lead'"), []);
        }
        None => {}
    }
    if let Some(v) = f.status {
        q.push(sql!(" AND c.status = $?"), vals![v]);
    }
    if let Some(v) = f.owner_id {
        q.push(sql!(" AND c.owner_id = $?"), vals![v]);
    }
    if f.unowned {
        q.push(sql!(" AND c.owner_id IS NULL"), []);
    }
    if let Some(v) = &f.desk {
        q.push(sql!(" AND c.desk = $?"), vals![v]);
    }
    if let Some(v) = &f.entity {
        q.push(sql!(" AND c.entity = $?"), vals![v]);
    }
    if let Some(v) = &f.brand {
        q.push(sql!(" AND c.brand = $?"), vals![v]);
    }
    if let Some(v) = &f.country {
        q.push(sql!(" AND c.country = $?"), vals![v]);
    }
    if let Some(v) = &f.language {
        q.push(sql!(" AND c.language = $?"), vals![v]);
    }
    if let Some(v) = &f.kyc_state {
        q.push(sql!(" AND c.kyc_state = $?"), vals![v]);
    }
    if let Some(v) = &f.tag {
        q.push(
            sql!(" AND EXISTS (SELECT 1 FROM client_tags t WHERE t.tag = $? AND t.client_id = c.id)"),
            vals![v],
        );
    }
    if let Some(v) = &f.campaign {
        q.push(sql!(" AND c.campaign = $?"), vals![v]);
    }
    if let Some(v) = &f.partner_id {
        q.push(sql!(" AND c.partner_id = $?"), vals![v]);
    }
    if let Some(v) = f.vip {
        q.push(sql!(" AND c.vip = $?"), vals![v]);
    }
    if let Some(v) = f.created_from {
        q.push(sql!(" AND c.created_at >= $?"), vals![v]);
    }
    if let Some(v) = f.created_until {
        q.push(sql!(" AND c.created_at < $?"), vals![v]);
    }
    let bad = || Problem::invalid("cursor", "cursor_malformed", "expected a cursor of the same sort");
    let parts = page.after_parts();
    match (sort, parts.as_deref()) {
        (_, None) => {}
        (Sort::Newest, Some([id])) => {
            q.push(sql!(" AND c.id < $?"), vals![*id]);
        }
        (Sort::Oldest, Some([id])) => {
            q.push(sql!(" AND c.id > $?"), vals![*id]);
        }
        (Sort::Name, Some([name, id])) => {
            q.push(sql!(" AND (c.name_key, c.id) > ($?, $?)"), vals![*name, *id]);
        }
        (Sort::Activity, Some([at, id])) => {
            let at: i64 = at.parse().map_err(|_| bad())?;
            q.push(sql!(" AND (c.activity_at, c.id) < ($?, $?)"), vals![at, *id]);
        }
        _ => return Err(bad()),
    }
    match sort {
        Sort::Newest => q.push(sql!(" ORDER BY c.id DESC LIMIT $?"), vals![page.fetch()]),
        Sort::Oldest => q.push(sql!(" ORDER BY c.id LIMIT $?"), vals![page.fetch()]),
        Sort::Name => q.push(sql!(" ORDER BY c.name_key, c.id LIMIT $?"), vals![page.fetch()]),
        Sort::Activity => q.push(sql!(" ORDER BY c.activity_at DESC, c.id DESC LIMIT $?"), vals![page.fetch()]),
    };
    tx.query::<ListRow>(&q).await?.into_iter().map(ListRow::into_row).collect()
}
