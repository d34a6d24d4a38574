use crate::client::{Client, ClientId};
use crate::consents::KeptConsent;
use crate::intake::{Consent, KeptTouch, Touch};
use crate::model::{Stage, Status};
use crate::normal;
use crate::view::StageLine;
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Problem, Result, Ts, vals};
use qd_runtime::access::{StaffId, normal_email};
use serde_json::Value;

row! {
    struct ClientRow {
        id: ClientId, entity: String, brand: String, stage: Stage, status: Status, first_name: String, last_name: String, email: Option<String>,
        email_verified_at: Option<Ts>, phone: Option<String>, country: String, language: String, birth_date: Option<String>,
        nationality: Option<String>, owner_id: Option<StaffId>, desk: Option<String>, partner_id: Option<String>, campaign: String,
        kyc_state: String, vip: bool, tags: Value, custom: Value, registered_at: Option<Ts>, verified_at: Option<Ts>,
        first_deposit_at: Option<Ts>, first_response_at: Option<Ts>, contact_changed_at: Option<Ts>, activity_at: Ts, stage_at: Ts,
        merged_into: Option<ClientId>, created_at: Ts, updated_at: Ts, version: i64,
    }
}

impl ClientRow {
    fn into_client(self) -> Result<Client> {
        Ok(Client {
            id: self.id,
            entity: self.entity,
            brand: self.brand,
            stage: self.stage,
            status: self.status,
            first_name: self.first_name,
            last_name: self.last_name,
            email: self.email,
            email_verified_at: self.email_verified_at,
            phone: self.phone,
            country: self.country,
            language: self.language,
            birth_date: self.birth_date,
            nationality: self.nationality,
            owner_id: self.owner_id,
            desk: self.desk,
            partner_id: self.partner_id,
            campaign: self.campaign,
            kyc_state: self.kyc_state,
            vip: self.vip,
            tags: serde_json::from_value(self.tags)?,
            custom: self.custom,
            registered_at: self.registered_at,
            verified_at: self.verified_at,
            first_deposit_at: self.first_deposit_at,
            first_response_at: self.first_response_at,
            contact_changed_at: self.contact_changed_at,
            activity_at: self.activity_at,
            stage_at: self.stage_at,
            merged_into: self.merged_into,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
        })
    }
}

pub async fn find(tx: &mut Tx, id: ClientId) -> Result<Option<Client>> {
    tx.one::<ClientRow>(
        sql!(
            "SELECT id, entity, brand, stage, status, first_name, last_name, email, email_verified_at, phone, country, language, birth_date, nationality,
                 owner_id, desk, partner_id, campaign, kyc_state, vip, tags, custom, registered_at, verified_at, first_deposit_at, first_response_at,
                 contact_changed_at, activity_at, stage_at, merged_into, created_at, updated_at, version
             FROM clients WHERE id = $1"
        ),
        &vals![id],
    )
    .await?
    .map(ClientRow::into_client)
    .transpose()
}

/// `key` is the lower-cased address.
pub async fn by_email(tx: &mut Tx, brand: &str, key: &str) -> Result<Option<Client>> {
    tx.one::<ClientRow>(
        sql!(
            "SELECT id, entity, brand, stage, status, first_name, last_name, email, email_verified_at, phone, country, language, birth_date, nationality,
                 owner_id, desk, partner_id, campaign, kyc_state, vip, tags, custom, registered_at, verified_at, first_deposit_at, first_response_at,
                 contact_changed_at, activity_at, stage_at, merged_into, created_at, updated_at, version
             FROM clients WHERE brand = $1 AND email_key = $2 AND merged_into IS NULL"
        ),
        &vals![brand, key],
    )
    .await?
    .map(ClientRow::into_client)
    .transpose()
}

/// Takes the row's lock on PostgreSQL; on SQLite the writer is alone anyway.
pub async fn lock(tx: &mut Tx, id: ClientId) -> Result<()> {
    tx.exec_one(sql!("UPDATE clients SET version = version WHERE id = $1"), &vals![id], || {
        Problem::missing("client")
    })
    .await
}

pub async fn with_merged(tx: &mut Tx, id: ClientId) -> Result<Vec<ClientId>> {
    let merged: Vec<(ClientId,)> = tx.rows(sql!("SELECT id FROM clients WHERE merged_into = $1"), &vals![id]).await?;
    Ok(std::iter::once(id).chain(merged.into_iter().map(|(m,)| m)).collect())
}

pub async fn insert(tx: &mut Tx, c: &Client) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO clients (id, entity, brand, stage, status, first_name, last_name, name_key, email, email_key, phone, country, language,
                     birth_date, nationality, owner_id, desk, partner_id, campaign, kyc_state, vip, tags, custom, activity_at, stage_at, created_at,
                     updated_at, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, 1)
                 ON CONFLICT DO NOTHING"
            ),
            &vals![
                c.id,
                &c.entity,
                &c.brand,
                c.stage,
                c.status,
                &c.first_name,
                &c.last_name,
                normal::name_key(&c.first_name, &c.last_name),
                c.email.clone(),
                c.email.as_deref().map(normal_email),
                c.phone.clone(),
                &c.country,
                &c.language,
                c.birth_date.clone(),
                c.nationality.clone(),
                c.owner_id,
                c.desk.clone(),
                c.partner_id.clone(),
                &c.campaign,
                &c.kyc_state,
                c.vip,
                serde_json::to_value(&c.tags)?,
                &c.custom,
                c.activity_at,
                c.stage_at,
                c.created_at,
                c.updated_at
            ],
        )
        .await?;
    Ok(n == 1)
}

/// Keeps what the record is now, because it is about to change.
pub async fn keep_past(tx: &mut Tx, id: ClientId, now: Ts) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO client_past (until_at, id, entity, brand, stage, status, first_name, last_name, email, email_verified_at, phone, country, language,
                 birth_date, nationality, owner_id, desk, partner_id, campaign, kyc_state, vip, tags, custom, registered_at, verified_at,
                 first_deposit_at, first_response_at, contact_changed_at, activity_at, stage_at, merged_into, created_at, updated_at, version)
             SELECT CAST($2 AS BIGINT), id, entity, brand, stage, status, first_name, last_name, email, email_verified_at, phone, country, language,
                 birth_date, nationality, owner_id, desk, partner_id, campaign, kyc_state, vip, tags, custom, registered_at, verified_at,
                 first_deposit_at, first_response_at, contact_changed_at, activity_at, stage_at, merged_into, created_at, updated_at, version
             FROM clients WHERE id = $1"
        ),
        &vals![id, now],
    )
    .await?;
    Ok(())
}

/// The record as it was at a moment; None before it was made. The last activity is the one of the
/// last change before.
pub async fn find_at(tx: &mut Tx, id: ClientId, at: Ts) -> Result<Option<Client>> {
    let past = tx
        .one::<ClientRow>(
            sql!(
                "SELECT id, entity, brand, stage, status, first_name, last_name, email, email_verified_at, phone, country, language, birth_date, nationality,
                     owner_id, desk, partner_id, campaign, kyc_state, vip, tags, custom, registered_at, verified_at, first_deposit_at, first_response_at,
                     contact_changed_at, activity_at, stage_at, merged_into, created_at, updated_at, version
                 FROM client_past WHERE id = $1 AND until_at > $2 ORDER BY seq LIMIT 1"
            ),
            &vals![id, at],
        )
        .await?
        .map(ClientRow::into_client)
        .transpose()?;
    let found = match past {
        Some(c) => Some(c),
        None => find(tx, id).await?,
    };
    Ok(found.filter(|c| c.created_at <= at))
}

/// Writes the record over the version it was read at.
pub async fn save(tx: &mut Tx, c: &Client, now: Ts) -> Result<()> {
    keep_past(tx, c.id, now).await?;
    let saved = tx
        .exec(
            sql!(
                "UPDATE clients SET stage = $3, status = $4, first_name = $5, last_name = $6, name_key = $7, email = $8, email_key = $9,
                     email_verified_at = $10, phone = $11, country = $12, language = $13, birth_date = $14, nationality = $15, owner_id = $16,
                     desk = $17, partner_id = $18, vip = $19, tags = $20, custom = $21, registered_at = $22, verified_at = $23,
                     first_deposit_at = $24, first_response_at = $25, contact_changed_at = $26, activity_at = $27, stage_at = $28,
                     updated_at = $29, version = version + 1
                 WHERE id = $1 AND version = $2"
            ),
            &vals![
                c.id,
                c.version,
                c.stage,
                c.status,
                &c.first_name,
                &c.last_name,
                normal::name_key(&c.first_name, &c.last_name),
                c.email.clone(),
                c.email.as_deref().map(normal_email),
                c.email_verified_at,
                c.phone.clone(),
                &c.country,
                &c.language,
                c.birth_date.clone(),
                c.nationality.clone(),
                c.owner_id,
                c.desk.clone(),
                c.partner_id.clone(),
                c.vip,
                serde_json::to_value(&c.tags)?,
                &c.custom,
                c.registered_at,
                c.verified_at,
                c.first_deposit_at,
                c.first_response_at,
                c.contact_changed_at,
                c.activity_at,
                c.stage_at,
                now
            ],
        )
        .await;
    match saved {
        Ok(1) => Ok(()),
        Ok(_) => Err(Problem::conflict("version_changed", "the record was changed in the meantime")),
        Err(p) if p.is(qd_db::UNIQUE) => Err(
            Problem::conflict("email_taken", "another client of this brand has this address").and_field(
                "/email",
                "email_taken",
                "expected another address",
            ),
        ),
        Err(p) => Err(p),
    }
}

pub async fn touch(tx: &mut Tx, id: ClientId, now: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE clients SET activity_at = $2 WHERE id = $1 AND activity_at < $2"),
        &vals![id, now],
    )
    .await?;
    Ok(())
}

pub async fn set_kyc_state(tx: &mut Tx, id: ClientId, state: &str, now: Ts) -> Result<()> {
    keep_past(tx, id, now).await?;
    tx.exec_one(
        sql!("UPDATE clients SET kyc_state = $2, updated_at = $3 WHERE id = $1"),
        &vals![id, state, now],
        || Problem::missing("client"),
    )
    .await
}

pub async fn set_tags(tx: &mut Tx, id: ClientId, tags: &[String]) -> Result<()> {
    tx.exec(sql!("DELETE FROM client_tags WHERE client_id = $1"), &vals![id]).await?;
    let rows: Vec<_> = tags.iter().map(|t| vals![t, id].to_vec()).collect();
    tx.exec_many(sql!("INSERT INTO client_tags (tag, client_id) VALUES ($1, $2)"), &rows)
        .await?;
    Ok(())
}

pub async fn add_touch(tx: &mut Tx, id: ClientId, t: &Touch, now: Ts) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO touches (client_id, at, source, medium, campaign, term, content, landing_language, landing_page, referrer, ip_country,
                 partner_id, click_id, form)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        ),
        &vals![
            id,
            now,
            &t.source,
            &t.medium,
            &t.campaign,
            &t.term,
            &t.content,
            &t.landing_language,
            &t.landing_page,
            &t.referrer,
            &t.ip_country,
            t.partner_id.clone(),
            t.click_id.clone(),
            &t.form
        ],
    )
    .await?;
    Ok(())
}

row! {
    struct TouchRow {
        at: Ts, source: String, medium: String, campaign: String, term: String, content: String, landing_language: String, landing_page: String,
        referrer: String, ip_country: String, partner_id: Option<String>, click_id: Option<String>, form: String,
    }
}

/// The first or the last touch up to a moment.
pub async fn touch_at(tx: &mut Tx, id: ClientId, first: bool, until: Ts) -> Result<Option<KeptTouch>> {
    let first_sql = sql!(
        "SELECT at, source, medium, campaign, term, content, landing_language, landing_page, referrer, ip_country, partner_id, click_id, form
         FROM touches WHERE client_id = $1 AND at <= $2 ORDER BY seq LIMIT 1"
    );
    let last_sql = sql!(
        "SELECT at, source, medium, campaign, term, content, landing_language, landing_page, referrer, ip_country, partner_id, click_id, form
         FROM touches WHERE client_id = $1 AND at <= $2 ORDER BY seq DESC LIMIT 1"
    );
    let row: Option<TouchRow> = tx.one(if first { first_sql } else { last_sql }, &vals![id, until]).await?;
    Ok(row.map(|r| KeptTouch {
        at: r.at,
        touch: Touch {
            source: r.source,
            medium: r.medium,
            campaign: r.campaign,
            term: r.term,
            content: r.content,
            landing_language: r.landing_language,
            landing_page: r.landing_page,
            referrer: r.referrer,
            ip_country: r.ip_country,
            partner_id: r.partner_id,
            click_id: r.click_id,
            form: r.form,
        },
    }))
}

pub async fn add_consent(tx: &mut Tx, id: ClientId, c: &Consent, ip: Option<&str>, now: Ts) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO consents (client_id, kind, text_version, given, ip, at) VALUES ($1, $2, $3, $4, $5, $6)"),
        &vals![id, &c.kind, &c.version, c.given, ip, now],
    )
    .await?;
    Ok(())
}

row! {
    struct ConsentRow { at: Ts, kind: String, text_version: String, given: bool, ip: Option<String> }
}

/// Of the record and those merged into it, up to a moment, the newest first.
pub async fn consents(tx: &mut Tx, id: ClientId, until: Ts) -> Result<Vec<KeptConsent>> {
    let rows: Vec<ConsentRow> = tx
        .rows(
            sql!(
                "SELECT at, kind, text_version, given, ip FROM consents
                 WHERE client_id IN (SELECT c.id FROM clients c WHERE c.id = $1 OR c.merged_into = $1) AND at <= $2 ORDER BY at DESC, seq DESC"
            ),
            &vals![id, until],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|r| KeptConsent {
            at: r.at,
            kind: r.kind,
            version: r.text_version,
            given: r.given,
            in_force: false,
            ip: r.ip,
        })
        .collect())
}

pub async fn add_stage(tx: &mut Tx, id: ClientId, from: Option<Stage>, to: Stage, cause: &str, by: &str, now: Ts) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO client_stages (client_id, from_stage, to_stage, cause, by_id, at) VALUES ($1, $2, $3, $4, $5, $6)"),
        &vals![id, from, to, cause, by, now],
    )
    .await?;
    Ok(())
}

/// Newest first.
pub async fn stages(tx: &mut Tx, id: ClientId, limit: i64) -> Result<Vec<StageLine>> {
    let rows: Vec<(Option<String>, String, String, String, Ts)> = tx
        .rows(
            sql!("SELECT from_stage, to_stage, cause, by_id, at FROM client_stages WHERE client_id = $1 ORDER BY seq DESC LIMIT $2"),
            &vals![id, limit],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|(from, to, cause, by, at)| StageLine { from, to, cause, by, at })
        .collect())
}

/// The next number of a desk's turn, counted up with the row's lock.
pub async fn next_turn(tx: &mut Tx, desk: &str) -> Result<i64> {
    let (turn,): (i64,) = tx
        .must(
            sql!(
                "INSERT INTO desk_turns (desk, turn) VALUES ($1, 0) ON CONFLICT (desk) DO UPDATE SET turn = desk_turns.turn + 1
                 RETURNING turn"
            ),
            &vals![desk],
        )
        .await?;
    Ok(turn)
}

/// Clients of these stages not heard of since.
pub async fn quiet(tx: &mut Tx, entity: &str, stages: &[Stage], before: Ts, limit: i64) -> Result<Vec<ClientId>> {
    let mut q = Query::new(sql!("SELECT id FROM clients WHERE merged_into IS NULL"));
    q.push(sql!(" AND activity_at < $? AND entity = $? AND (FALSE"), vals![before, entity]);
    for s in stages {
        q.push(sql!(" OR stage = $?"), vals![*s]);
    }
    q.push(sql!(") ORDER BY activity_at, id LIMIT $?"), vals![limit]);
    Ok(tx.query::<(ClientId,)>(&q).await?.into_iter().map(|r| r.0).collect())
}
