use super::among;
use crate::{LineState, SettlementFileId};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Problem, Result, Ts, Val, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct LineRow {
        pub id: String,
        pub file_id: SettlementFileId,
        /// From 0, in the order of the file.
        pub n: i64,
        pub line: i64,
        pub connection: String,
        pub kind: String,
        pub word: String,
        pub our_ref: Option<String>,
        pub provider_ref: Option<String>,
        pub payment_ref: Option<String>,
        pub minor: i64,
        pub currency: Currency,
        pub fee_minor: Option<i64>,
        pub fee_currency: Option<Currency>,
        pub at: Ts,
        pub mark: String,
        pub state: LineState,
        pub rule: Option<String>,
        pub entry_id: Option<String>,
    }
}

pub async fn insert_lines(tx: &mut Tx, lines: &[LineRow]) -> Result<()> {
    let rows: Vec<Vec<Val>> = lines
        .iter()
        .map(|l| {
            vals![
                &l.id,
                l.file_id,
                l.n,
                l.line,
                &l.connection,
                &l.kind,
                &l.word,
                l.our_ref.clone(),
                l.provider_ref.clone(),
                l.payment_ref.clone(),
                l.minor,
                l.currency,
                l.fee_minor,
                l.fee_currency,
                l.at,
                &l.mark,
                l.state,
                l.rule.clone(),
                l.entry_id.clone()
            ]
            .to_vec()
        })
        .collect();
    tx.exec_many(
        sql!(
            "INSERT INTO settlement_lines (id, file_id, n, line, connection, kind, word, our_ref, provider_ref, payment_ref, minor, currency, fee_minor, fee_currency, at, mark, state, rule, entry_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
        ),
        &rows,
    )
    .await
    .map(|_| ())
}

/// Which of these marks came in another file of the connection.
pub async fn known_marks(tx: &mut Tx, connection: &str, file: SettlementFileId, marks: &[&str]) -> Result<Vec<(String,)>> {
    let mut q = Query::new(sql!("SELECT mark FROM settlement_lines WHERE TRUE"));
    q.push(sql!(" AND connection = $?"), [Val::from(connection)]);
    among(&mut q, sql!(" AND mark IN (''"), marks.iter().copied());
    q.push(sql!(" AND file_id <> $?"), vals![file]);
    tx.query(&q).await
}

/// Lines of a file that nothing has decided yet, after a place in it.
pub async fn open_lines(tx: &mut Tx, file: SettlementFileId, after: i64, limit: i64) -> Result<Vec<LineRow>> {
    tx.rows(
        sql!(
            "SELECT id, file_id, n, line, connection, kind, word, our_ref, provider_ref, payment_ref, minor, currency, fee_minor, fee_currency, at, mark, state, rule, entry_id
             FROM settlement_lines WHERE file_id = $1 AND n > $2 AND state = 'open' ORDER BY n LIMIT $3"
        ),
        &vals![file, after, limit],
    )
    .await
}

/// Lines of a connection that wait for something, after a place.
pub async fn waiting_lines(tx: &mut Tx, connection: &str, after: &str, limit: i64) -> Result<Vec<LineRow>> {
    tx.rows(
        sql!(
            "SELECT id, file_id, n, line, connection, kind, word, our_ref, provider_ref, payment_ref, minor, currency, fee_minor, fee_currency, at, mark, state, rule, entry_id
             FROM settlement_lines WHERE connection = $1 AND state IN ('open', 'broken') AND id > $2 ORDER BY id LIMIT $3"
        ),
        &vals![connection, after, limit],
    )
    .await
}

/// Undecided and broken lines that carry one of these names.
pub async fn siblings(tx: &mut Tx, connection: &str, names: &[&str]) -> Result<Vec<LineRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, file_id, n, line, connection, kind, word, our_ref, provider_ref, payment_ref, minor, currency, fee_minor, fee_currency, at, mark, state, rule, entry_id
         FROM settlement_lines WHERE state IN ('open', 'broken')"
    ));
    q.push(sql!(" AND connection = $?"), [Val::from(connection)]);
    among(&mut q, sql!(" AND (our_ref IN (''"), names.iter().copied());
    among(&mut q, sql!(" OR provider_ref IN (''"), names.iter().copied());
    among(&mut q, sql!(" OR payment_ref IN (''"), names.iter().copied());
    q.push(sql!(") ORDER BY id"), []);
    tx.query(&q).await
}

pub async fn set_lines(tx: &mut Tx, rows: &[Vec<Val>]) -> Result<()> {
    tx.exec_many(
        sql!("UPDATE settlement_lines SET state = $2, rule = $3, entry_id = $4 WHERE id = $1"),
        rows,
    )
    .await
    .map(|_| ())
}

/// Lines that were held against an entry that has found its own line.
pub async fn reopen_lines_of(tx: &mut Tx, entry: &str, but: &str) -> Result<()> {
    tx.exec(
        sql!("UPDATE settlement_lines SET state = 'open', entry_id = NULL WHERE entry_id = $1 AND state = 'broken' AND id <> $2"),
        &vals![entry, but],
    )
    .await
    .map(|_| ())
}

/// The lines of a file in its order, one state or all.
pub async fn list_lines(tx: &mut Tx, file: SettlementFileId, state: Option<LineState>, page: &PageRequest) -> Result<Vec<LineRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, file_id, n, line, connection, kind, word, our_ref, provider_ref, payment_ref, minor, currency, fee_minor, fee_currency, at, mark, state, rule, entry_id
         FROM settlement_lines WHERE TRUE"
    ));
    q.push(sql!(" AND file_id = $?"), vals![file]);
    if let Some(after) = &page.after {
        let n: i64 = after
            .parse()
            .map_err(|_| Problem::invalid("cursor", "cursor_malformed", "expected the `next_cursor` of an earlier page"))?;
        q.push(sql!(" AND n > $?"), [Val::from(n)]);
    }
    if let Some(s) = state {
        q.push(sql!(" AND state = $?"), [Val::from(s)]);
    }
    q.push(sql!(" ORDER BY n LIMIT $?"), [Val::from(page.fetch())]);
    tx.query(&q).await
}
