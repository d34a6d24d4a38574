use super::list::{ListRow, push_reach};
use crate::client::ClientId;
use crate::list::{Reach, Row};
use crate::search::WordKind;
use qd_db::{Query, Tx, sql};
use qd_kernel::{Result, vals};
use std::collections::BTreeSet;

/// Sets the record's own words, leaving references alone.
pub async fn replace(tx: &mut Tx, id: ClientId, words: &[(String, WordKind)]) -> Result<()> {
    let there: Vec<(String, WordKind)> = tx
        .rows(
            sql!("SELECT word, kind FROM search_words WHERE client_id = $1 AND kind <> 'ref'"),
            &vals![id],
        )
        .await?;
    let (there, want): (BTreeSet<_>, BTreeSet<_>) = (there.into_iter().collect(), words.iter().cloned().collect());
    let gone: Vec<_> = there.difference(&want).map(|(w, k)| vals![w, id, *k].to_vec()).collect();
    if !gone.is_empty() {
        tx.exec_many(
            sql!("DELETE FROM search_words WHERE word = $1 AND client_id = $2 AND kind = $3"),
            &gone,
        )
        .await?;
    }
    let new: Vec<_> = want.difference(&there).map(|(w, k)| (w.clone(), *k)).collect();
    add(tx, id, &new).await
}

pub async fn add(tx: &mut Tx, id: ClientId, words: &[(String, WordKind)]) -> Result<()> {
    let rows: Vec<_> = words.iter().map(|(w, k)| vals![w, id, *k].to_vec()).collect();
    if !rows.is_empty() {
        tx.exec_many(
            sql!("INSERT INTO search_words (word, client_id, kind) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"),
            &rows,
        )
        .await?;
    }
    Ok(())
}

/// The end of the range of words that start with `w`: nothing sorts after the last code point.
fn end_of(w: &str) -> String {
    format!("{w}\u{10FFFF}")
}

fn push_word(q: &mut Query, w: &str, kinds: &[WordKind]) {
    q.push(sql!("w.word >= $? AND w.word < $? AND w.kind IN (''"), vals![w, end_of(w)]);
    for k in kinds {
        q.push(sql!(", $?"), vals![*k]);
    }
    q.push(sql!(" )"), []);
}

/// `starts` from the longest on. A word of a merged record finds the record it was merged into.
pub async fn find(tx: &mut Tx, starts: &[String], kinds: &[WordKind], reach: &Reach, limit: u32) -> Result<Vec<Row>> {
    let Some((first, rest)) = starts.split_first() else {
        return Ok(Vec::new());
    };
    let mut q = Query::new(sql!(
        "SELECT c.id, c.entity, c.brand, c.stage, c.status, c.first_name, c.last_name, c.email, c.phone, c.country, c.language, c.owner_id, c.desk,
             c.partner_id, c.campaign, c.kyc_state, c.vip, c.tags, c.activity_at, c.created_at, c.name_key
         FROM search_words w JOIN clients m ON m.id = w.client_id JOIN clients c ON c.id = COALESCE(m.merged_into, m.id)
         WHERE TRUE"
    ));
    q.push(sql!(" AND "), []);
    push_word(&mut q, first, kinds);
    for word in rest {
        q.push(sql!(" AND EXISTS (SELECT 1 FROM search_words w WHERE w.client_id = m.id AND "), []);
        push_word(&mut q, word, kinds);
        q.push(sql!(" )"), []);
    }
    push_reach(&mut q, reach);
    // The same client may be met by several words: some more are read and the rest cut off.
    q.push(sql!(" ORDER BY w.word, w.client_id LIMIT $?"), vals![i64::from(limit) * 4]);
    let mut out: Vec<Row> = Vec::new();
    for r in tx.query::<ListRow>(&q).await? {
        let r = r.into_row()?;
        if !out.iter().any(|o| o.id == r.id) {
            out.push(r);
        }
        if out.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            break;
        }
    }
    Ok(out)
}
