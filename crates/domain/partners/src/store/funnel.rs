use crate::funnel::By;
use crate::ids::PartnerId;
use qd_db::{Tx, row, sql};
use qd_kernel::{Result, Ts, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct ClickCount {
        pub part: String,
        pub clicks: i64,
        pub visitors: i64,
        pub withdrawn: i64,
    }
}

/// Clicks of a time by link, sub id, campaign or material.
pub async fn clicks(tx: &mut Tx, partner: PartnerId, by: By, from: Ts, to: Ts, limit: i64) -> Result<Vec<ClickCount>> {
    tx.rows(
        sql!(
            "SELECT f.part, CAST(SUM(f.landed) AS BIGINT), COUNT(DISTINCT f.visitor), CAST(SUM(f.gone) AS BIGINT)
             FROM (SELECT COALESCE(CASE CAST($1 AS TEXT) WHEN 'link' THEN c.link_id WHEN 'campaign' THEN c.campaign WHEN 'material' THEN c.material_id
                    WHEN 'sub1' THEN c.sub1 WHEN 'sub2' THEN c.sub2 WHEN 'sub3' THEN c.sub3 WHEN 'sub4' THEN c.sub4 ELSE c.sub5 END, '') AS part,
                CASE WHEN c.outcome = 'landed' THEN 1 ELSE 0 END AS landed, CASE WHEN c.outcome = 'withdrawn' THEN 1 ELSE 0 END AS gone,
                c.visitor AS visitor
             FROM partner_clicks c WHERE c.partner_id = $2 AND c.at >= $3 AND c.at < $4) f
             GROUP BY f.part ORDER BY 2 DESC, f.part LIMIT $5"
        ),
        &vals![by, partner, from, to, limit],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct ClientCount {
        pub part: String,
        pub registrations: i64,
        pub approved: i64,
        pub funded: i64,
        pub active: i64,
        pub lots: i64,
    }
}

/// The clients of a partner who registered in a time, and how far they have come since.
pub async fn clients(tx: &mut Tx, partner: PartnerId, by: By, from: Ts, to: Ts, limit: i64) -> Result<Vec<ClientCount>> {
    tx.rows(
        sql!(
            "SELECT f.part, COUNT(*), CAST(SUM(f.approved) AS BIGINT), CAST(SUM(f.funded) AS BIGINT), CAST(SUM(f.active) AS BIGINT),
                CAST(SUM(f.lots) AS BIGINT)
             FROM (SELECT COALESCE(CASE CAST($1 AS TEXT) WHEN 'link' THEN k.link_id WHEN 'campaign' THEN c.campaign WHEN 'material' THEN c.material_id
                    WHEN 'sub1' THEN c.sub1 WHEN 'sub2' THEN c.sub2 WHEN 'sub3' THEN c.sub3 WHEN 'sub4' THEN c.sub4 ELSE c.sub5 END, '') AS part,
                CASE WHEN o.approved_at IS NOT NULL THEN 1 ELSE 0 END AS approved,
                CASE WHEN o.funded_at IS NOT NULL THEN 1 ELSE 0 END AS funded, CASE WHEN v.lots IS NOT NULL THEN 1 ELSE 0 END AS active,
                COALESCE(v.lots, 0) AS lots
             FROM partner_clients k LEFT JOIN partner_origins o ON o.client_id = k.client_id
                LEFT JOIN partner_clicks c ON c.id = COALESCE(k.click_id, o.click_id) AND c.partner_id = k.partner_id
                LEFT JOIN (SELECT l.client_id AS client_id, SUM(CASE WHEN l.kind = 'reversal' THEN -l.lots ELSE l.lots END) AS lots
                    FROM commission_lines l WHERE l.partner_id = $2 AND l.level = 1 AND l.kind IN ('accrual', 'reversal') GROUP BY l.client_id
                ) v ON v.client_id = k.client_id
             WHERE k.partner_id = $2 AND k.to_at IS NULL AND COALESCE(o.registered_at, k.from_at) >= $3 AND COALESCE(o.registered_at, k.from_at) < $4
             ) f GROUP BY f.part ORDER BY 2 DESC, f.part LIMIT $5"
        ),
        &vals![by, partner, from, to, limit],
    )
    .await
}
