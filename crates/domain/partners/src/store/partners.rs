use crate::clicks::{ClickOutcome, ClickSource};
use crate::ids::{ClickId, LinkId, MaterialId, PartnerId};
use crate::partner::{PartnerState, PayoutMethod};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Problem, Result, Ts, vals};
use serde_json::Value;

row! {
    #[derive(Clone, Debug)]
    pub struct PartnerRow {
        pub id: PartnerId,
        pub entity: String,
        pub name: String,
        pub email: Option<String>,
        pub phone: Option<String>,
        pub client_id: Option<String>,
        pub currency: Currency,
        pub payout_method: PayoutMethod,
        pub state: PartnerState,
        pub created_at: Ts,
        pub version: i64,
    }
}

pub async fn insert(tx: &mut Tx, p: &PartnerRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO partners (id, entity, name, email, phone, client_id, currency, payout_method, state, created_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ),
        &vals![
            p.id,
            &p.entity,
            &p.name,
            p.email.as_ref(),
            p.phone.as_ref(),
            p.client_id.as_ref(),
            p.currency,
            p.payout_method,
            p.state,
            p.created_at,
            p.version
        ],
    )
    .await?;
    Ok(())
}

pub async fn update(tx: &mut Tx, p: &PartnerRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE partners SET name = $3, email = $4, phone = $5, client_id = $6, payout_method = $7, state = $8, version = version + 1
             WHERE id = $1 AND version = $2"
        ),
        &vals![
            p.id,
            p.version,
            &p.name,
            p.email.as_ref(),
            p.phone.as_ref(),
            p.client_id.as_ref(),
            p.payout_method,
            p.state
        ],
        || Problem::conflict("version_stale", "somebody changed this partner in between"),
    )
    .await
}

pub async fn get(tx: &mut Tx, id: PartnerId) -> Result<Option<PartnerRow>> {
    tx.one(
        sql!(
            "SELECT id, entity, name, email, phone, client_id, currency, payout_method, state, created_at, version FROM partners WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn of_client(tx: &mut Tx, client: &str) -> Result<Option<PartnerRow>> {
    tx.one(
        sql!(
            "SELECT id, entity, name, email, phone, client_id, currency, payout_method, state, created_at, version FROM partners
             WHERE client_id = $1"
        ),
        &vals![client],
    )
    .await
}

/// By name; entities None: all.
pub async fn list(
    tx: &mut Tx,
    entities: Option<&[String]>,
    state: Option<PartnerState>,
    name: Option<&str>,
    page: &PageRequest,
) -> Result<Vec<PartnerRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, entity, name, email, phone, client_id, currency, payout_method, state, created_at, version FROM partners WHERE 1 = 1"
    ));
    if let Some(list) = entities {
        q.push(sql!(" AND entity IN (''"), []);
        for e in list {
            q.push(sql!(", $?"), vals![e]);
        }
        q.push(sql!(")"), []);
    }
    if let Some(s) = state {
        q.push(sql!(" AND state = $?"), vals![s]);
    }
    if let Some(n) = name {
        // Anywhere in the name, letter case aside; the signs of LIKE mean themselves.
        let n = n.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
        q.push(sql!(" AND lower(name) LIKE $? ESCAPE '!'"), vals![format!("%{n}%")]);
    }
    if let Some([name, id]) = page.after_parts().as_deref() {
        q.push(sql!(" AND (name, id) > ($?, $?)"), vals![*name, *id]);
    }
    q.push(sql!(" ORDER BY name, id LIMIT $?"), vals![page.fetch()]);
    tx.query(&q).await
}

/// Makes every other change of the tree wait until this one is done.
pub async fn lock_tree(tx: &mut Tx) -> Result<()> {
    tx.exec_one(sql!("UPDATE partner_tree SET version = version + 1 WHERE id = 1"), &[], || {
        Problem::bug("tree_lost", "the tree's row is gone")
    })
    .await
}

row! {
    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub struct EdgeRow {
        pub partner_id: PartnerId,
        pub parent_id: Option<PartnerId>,
        pub from_at: Ts,
        pub to_at: Option<Ts>,
        pub reason: String,
        pub made_by: String,
        pub made_at: Ts,
    }
}

pub async fn insert_edge(tx: &mut Tx, e: &EdgeRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO partner_edges (partner_id, parent_id, from_at, to_at, reason, made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"),
        &vals![e.partner_id, e.parent_id, e.from_at, e.to_at, &e.reason, &e.made_by, e.made_at],
    )
    .await?;
    Ok(())
}

/// Ends the open edge at `at`. False when it starts at `at` or later.
pub async fn end_edge(tx: &mut Tx, partner: PartnerId, at: Ts) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE partner_edges SET to_at = $2 WHERE partner_id = $1 AND to_at IS NULL AND from_at < $2"),
            &vals![partner, at],
        )
        .await?;
    Ok(n == 1)
}

/// Puts these in the place of all edges of a partner.
pub async fn replace_edges(tx: &mut Tx, partner: PartnerId, edges: &[EdgeRow]) -> Result<()> {
    tx.exec(sql!("DELETE FROM partner_edges WHERE partner_id = $1"), &vals![partner])
        .await?;
    for e in edges {
        insert_edge(tx, e).await?;
    }
    Ok(())
}

/// All edges of a partner, oldest first.
pub async fn edges(tx: &mut Tx, partner: PartnerId) -> Result<Vec<EdgeRow>> {
    tx.rows(
        sql!("SELECT partner_id, parent_id, from_at, to_at, reason, made_by, made_at FROM partner_edges WHERE partner_id = $1 ORDER BY from_at"),
        &vals![partner],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct PathRow {
        pub id: PartnerId,
        pub entity: String,
        pub client_id: Option<String>,
        pub currency: Currency,
        pub state: PartnerState,
        /// Of the edge to the next one above.
        pub from_at: Ts,
        pub to_at: Option<Ts>,
    }
}

/// The partner and those above at a moment, bottom up.
pub async fn path(tx: &mut Tx, partner: PartnerId, at: Ts) -> Result<Vec<PathRow>> {
    tx.rows(
        sql!(
            "WITH RECURSIVE up (partner_id, parent_id, level, from_at, to_at) AS (
                SELECT e.partner_id, e.parent_id, 1, e.from_at, e.to_at FROM partner_edges e
                WHERE e.partner_id = $1 AND e.from_at <= $2 AND (e.to_at IS NULL OR e.to_at > $2)
                UNION ALL
                SELECT e.partner_id, e.parent_id, up.level + 1, e.from_at, e.to_at FROM up JOIN partner_edges e ON e.partner_id = up.parent_id
                WHERE e.from_at <= $2 AND (e.to_at IS NULL OR e.to_at > $2) AND up.level < 200
             )
             SELECT p.id, p.entity, p.client_id, p.currency, p.state, up.from_at, up.to_at FROM up JOIN partners p ON p.id = up.partner_id ORDER BY up.level"
        ),
        &vals![partner, at],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct BelowRow {
        pub id: PartnerId,
        pub parent_id: Option<PartnerId>,
        pub name: String,
        pub state: PartnerState,
        pub level: i64,
    }
}

/// Everybody below at a moment, nearest first; the partner itself is level 0.
pub async fn below(tx: &mut Tx, partner: PartnerId, at: Ts, limit: i64) -> Result<Vec<BelowRow>> {
    tx.rows(
        sql!(
            "WITH RECURSIVE down (partner_id, parent_id, level) AS (
                SELECT p.id, CAST(NULL AS TEXT), CAST(0 AS BIGINT) FROM partners p WHERE p.id = $1
                UNION ALL
                SELECT e.partner_id, e.parent_id, down.level + 1 FROM down JOIN partner_edges e ON e.parent_id = down.partner_id
                WHERE e.from_at <= $2 AND (e.to_at IS NULL OR e.to_at > $2) AND down.level < 200
             )
             SELECT p.id, down.parent_id, p.name, p.state, down.level FROM down JOIN partners p ON p.id = down.partner_id
             ORDER BY down.level, p.name, p.id LIMIT $3"
        ),
        &vals![partner, at, limit],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct LinkRow {
        pub id: LinkId,
        pub partner_id: PartnerId,
        pub code: String,
        pub campaign: Option<String>,
        pub landing: String,
        pub active: bool,
        pub created_at: Ts,
    }
}

pub async fn insert_link(tx: &mut Tx, l: &LinkRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO partner_links (id, partner_id, code, campaign, landing, active, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
                 ON CONFLICT (code) DO NOTHING"
            ),
            &vals![l.id, l.partner_id, &l.code, l.campaign.as_ref(), &l.landing, l.active, l.created_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn link_by_code(tx: &mut Tx, code: &str) -> Result<Option<LinkRow>> {
    tx.one(
        sql!("SELECT id, partner_id, code, campaign, landing, active, created_at FROM partner_links WHERE code = $1"),
        &vals![code],
    )
    .await
}

pub async fn link(tx: &mut Tx, id: LinkId) -> Result<Option<LinkRow>> {
    tx.one(
        sql!("SELECT id, partner_id, code, campaign, landing, active, created_at FROM partner_links WHERE id = $1"),
        &vals![id],
    )
    .await
}

row! {
    pub struct LinkStats {
        pub id: LinkId,
        pub code: String,
        pub campaign: Option<String>,
        pub landing: String,
        pub active: bool,
        pub created_at: Ts,
        pub clicks: i64,
        pub clients: i64,
    }
}

pub async fn links(tx: &mut Tx, partner: PartnerId) -> Result<Vec<LinkStats>> {
    tx.rows(
        sql!(
            "SELECT l.id, l.code, l.campaign, l.landing, l.active, l.created_at,
                (SELECT COUNT(*) FROM partner_clicks c WHERE c.link_id = l.id AND c.partner_id = l.partner_id),
                (SELECT COUNT(*) FROM partner_clients k WHERE k.link_id = l.id AND k.partner_id = l.partner_id AND k.to_at IS NULL)
             FROM partner_links l WHERE l.partner_id = $1 ORDER BY l.created_at, l.id"
        ),
        &vals![partner],
    )
    .await
}

pub async fn set_link_active(tx: &mut Tx, id: LinkId, active: bool) -> Result<()> {
    tx.exec_one(
        sql!("UPDATE partner_links SET active = $2 WHERE id = $1"),
        &vals![id, active],
        || Problem::missing("link"),
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct ClickRow {
        pub id: ClickId,
        pub link_id: LinkId,
        pub partner_id: PartnerId,
        pub visitor: Option<String>,
        pub ip_hash: Option<String>,
        pub ua_hash: Option<String>,
        pub referrer: Option<String>,
        pub landing: String,
        pub utm: Value,
        pub subs: Value,
        pub consent: bool,
        pub at: Ts,
        pub campaign: Option<String>,
        /// Kind of device and browser, as words: `mobile firefox`.
        pub device: Option<String>,
        /// The partner's own name for the click.
        pub external: Option<String>,
        pub material_id: Option<MaterialId>,
        pub outcome: ClickOutcome,
        pub source: ClickSource,
    }
}

/// False when the partner's server told us of this click before.
pub async fn insert_click(tx: &mut Tx, c: &ClickRow) -> Result<bool> {
    let sub = |n: &str| c.subs.get(n).and_then(Value::as_str).map(str::to_string);
    let n = tx
        .exec(
            sql!(
                "INSERT INTO partner_clicks (id, link_id, partner_id, visitor, ip_hash, ua_hash, referrer, landing, utm, subs, consent, at, campaign,
                    device, external, material_id, outcome, source, sub1, sub2, sub3, sub4, sub5)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
                 ON CONFLICT DO NOTHING"
            ),
            &vals![
                c.id,
                c.link_id,
                c.partner_id,
                c.visitor.as_ref(),
                c.ip_hash.as_ref(),
                c.ua_hash.as_ref(),
                c.referrer.as_ref(),
                &c.landing,
                &c.utm,
                &c.subs,
                c.consent,
                c.at,
                c.campaign.as_ref(),
                c.device.as_ref(),
                c.external.as_ref(),
                c.material_id,
                c.outcome,
                c.source,
                sub("sub1"),
                sub("sub2"),
                sub("sub3"),
                sub("sub4"),
                sub("sub5")
            ],
        )
        .await?;
    Ok(n == 1)
}

pub async fn click(tx: &mut Tx, id: ClickId) -> Result<Option<ClickRow>> {
    tx.one(
        sql!(
            "SELECT id, link_id, partner_id, visitor, ip_hash, ua_hash, referrer, landing, utm, subs, consent, at, campaign, device, external,
                material_id, outcome, source
             FROM partner_clicks WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

/// The click a partner's own server reported under its name for it.
pub async fn click_of_server(tx: &mut Tx, partner: PartnerId, external: &str) -> Result<Option<ClickRow>> {
    tx.one(
        sql!(
            "SELECT id, link_id, partner_id, visitor, ip_hash, ua_hash, referrer, landing, utm, subs, consent, at, campaign, device, external,
                material_id, outcome, source
             FROM partner_clicks WHERE partner_id = $1 AND external = $2 AND source = 'server'"
        ),
        &vals![partner, external],
    )
    .await
}

/// A browser's clicks since `since`, newest first.
pub async fn clicks_of_visitor(tx: &mut Tx, visitor: &str, since: Ts, limit: i64) -> Result<Vec<ClickRow>> {
    tx.rows(
        sql!(
            "SELECT id, link_id, partner_id, visitor, ip_hash, ua_hash, referrer, landing, utm, subs, consent, at, campaign, device, external,
                material_id, outcome, source
             FROM partner_clicks
             WHERE visitor = $1 AND at >= $2 ORDER BY at DESC, id DESC LIMIT $3"
        ),
        &vals![visitor, since, limit],
    )
    .await
}

pub async fn clicks_of_address(tx: &mut Tx, ip_hash: &str, since: Ts, limit: i64) -> Result<Vec<ClickRow>> {
    tx.rows(
        sql!(
            "SELECT id, link_id, partner_id, visitor, ip_hash, ua_hash, referrer, landing, utm, subs, consent, at, campaign, device, external,
                material_id, outcome, source
             FROM partner_clicks
             WHERE ip_hash = $1 AND at >= $2 ORDER BY at DESC, id DESC LIMIT $3"
        ),
        &vals![ip_hash, since, limit],
    )
    .await
}

/// A partner's links, by id: for what starts at a partner and needs one.
pub async fn first_link(tx: &mut Tx, partner: PartnerId) -> Result<Option<LinkRow>> {
    tx.one(
        sql!(
            "SELECT id, partner_id, code, campaign, landing, active, created_at FROM partner_links
             WHERE partner_id = $1 AND active ORDER BY created_at, id LIMIT 1"
        ),
        &vals![partner],
    )
    .await
}
