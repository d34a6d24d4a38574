use crate::client::ClientId;
use crate::normal;
use crate::timeline::{Line, LineFilter, LineId, NewLine, Visibility};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};
use serde_json::Value;

pub async fn insert(tx: &mut Tx, id: LineId, l: &NewLine, words: &str, by: &str, at: Ts) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO timeline (id, key, client_id, at, kind, title_key, data, words, visibility, by_name)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING"
            ),
            &vals![
                id,
                l.key.clone(),
                l.client_id,
                at,
                l.kind,
                l.title_key,
                &l.data,
                words,
                l.visibility,
                by
            ],
        )
        .await?;
    Ok(n == 1)
}

row! {
    struct LineRow {
        id: LineId, client_id: ClientId, at: Ts, kind: String, title_key: String, data: Value, visibility: Visibility, by: String,
    }
}

pub async fn page(tx: &mut Tx, id: ClientId, seen: &[Visibility], f: &LineFilter, page: &PageRequest) -> Result<Vec<Line>> {
    let mut q = Query::new(sql!(
        "SELECT id, client_id, at, kind, title_key, data, visibility, by_name FROM timeline WHERE TRUE"
    ));
    // Most records have none merged into them; naming the ids keeps the page a walk of the index.
    let merged: Vec<(ClientId,)> = tx.rows(sql!("SELECT id FROM clients WHERE merged_into = $1"), &vals![id]).await?;
    if merged.is_empty() {
        q.push(sql!(" AND client_id = $?"), vals![id]);
    } else {
        q.push(sql!(" AND client_id IN ($?"), vals![id]);
        for (m,) in merged {
            q.push(sql!(", $?"), vals![m]);
        }
        q.push(sql!(" )"), []);
    }
    q.push(sql!(" AND visibility IN (''"), []);
    for v in seen {
        q.push(sql!(", $?"), vals![*v]);
    }
    q.push(sql!(" )"), []);
    if !f.kinds.is_empty() {
        q.push(sql!(" AND kind IN (''"), []);
        for k in &f.kinds {
            q.push(sql!(", $?"), vals![k]);
        }
        q.push(sql!(" )"), []);
    }
    if let Some(t) = f.text.as_deref().map(normal::plain).filter(|t| !t.trim().is_empty()) {
        let escaped = t.trim().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        q.push(sql!(" AND words LIKE $? ESCAPE '\\'"), vals![format!("%{escaped}%")]);
    }
    if let Some(t) = f.from {
        q.push(sql!(" AND at >= $?"), vals![t]);
    }
    if let Some(t) = f.until {
        q.push(sql!(" AND at < $?"), vals![t]);
    }
    match page.after_parts().as_deref() {
        None => {}
        Some([at, id]) => {
            let at: i64 = at
                .parse()
                .map_err(|_| Problem::invalid("cursor", "cursor_malformed", "expected a cursor of this list"))?;
            q.push(sql!(" AND (at, id) < ($?, $?)"), vals![at, *id]);
        }
        Some(_) => return Err(Problem::invalid("cursor", "cursor_malformed", "expected a cursor of this list")),
    }
    q.push(sql!(" ORDER BY at DESC, id DESC LIMIT $?"), vals![page.fetch()]);
    let rows: Vec<LineRow> = tx.query(&q).await?;
    Ok(rows
        .into_iter()
        .map(|r| Line {
            id: r.id,
            client_id: r.client_id,
            at: r.at,
            kind: r.kind,
            title_key: r.title_key,
            data: r.data,
            visibility: r.visibility,
            by: r.by,
        })
        .collect())
}
