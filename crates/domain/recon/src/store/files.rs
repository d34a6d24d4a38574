use super::{entities, tail};
use crate::{FileState, SettlementFileId};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, Val, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct FileRow {
        pub id: SettlementFileId,
        pub connection: String,
        pub entity: String,
        pub name: String,
        pub sha256: String,
        pub size: i64,
        pub file_ref: Option<String>,
        pub state: FileState,
        pub lines_total: i64,
        pub lines_read: i64,
        pub matched: i64,
        pub breaks: i64,
        pub repeated: i64,
        pub problem: Option<String>,
        pub from_at: Option<Ts>,
        pub until_at: Option<Ts>,
        pub loaded_by: String,
        pub loaded_at: Ts,
        pub finished_at: Option<Ts>,
        pub version: i64,
    }
}

/// False when the same content of the connection is there already.
pub async fn insert_file(tx: &mut Tx, f: &FileRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO settlement_files (id, connection, entity, name, sha256, size, state, lines_total, lines_read, matched, breaks, repeated, loaded_by, loaded_at, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0, 0, $8, $9, 1) ON CONFLICT DO NOTHING"
            ),
            &vals![f.id, &f.connection, &f.entity, &f.name, &f.sha256, f.size, f.state, &f.loaded_by, f.loaded_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn insert_parts(tx: &mut Tx, id: SettlementFileId, parts: &[Vec<u8>]) -> Result<()> {
    for (n, sealed) in parts.iter().enumerate() {
        let n = i64::try_from(n).map_err(|_| Problem::bug("parts_many", "more parts than an i64 counts"))?;
        tx.exec(
            sql!("INSERT INTO settlement_parts (file_id, n, sealed) VALUES ($1, $2, $3)"),
            &vals![id, n, sealed.clone()],
        )
        .await?;
    }
    Ok(())
}

/// One piece; None behind the last one.
pub async fn part(tx: &mut Tx, id: SettlementFileId, n: i64) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = tx
        .one(
            sql!("SELECT sealed FROM settlement_parts WHERE file_id = $1 AND n = $2"),
            &vals![id, n],
        )
        .await?;
    Ok(row.map(|r| r.0))
}

pub async fn file(tx: &mut Tx, id: SettlementFileId) -> Result<Option<FileRow>> {
    tx.one(
        sql!(
            "SELECT id, connection, entity, name, sha256, size, file_ref, state, lines_total, lines_read, matched, breaks, repeated, problem, from_at, until_at, loaded_by, loaded_at, finished_at, version
             FROM settlement_files WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn file_by_content(tx: &mut Tx, connection: &str, sha256: &str) -> Result<Option<FileRow>> {
    tx.one(
        sql!(
            "SELECT id, connection, entity, name, sha256, size, file_ref, state, lines_total, lines_read, matched, breaks, repeated, problem, from_at, until_at, loaded_by, loaded_at, finished_at, version
             FROM settlement_files WHERE connection = $1 AND sha256 = $2"
        ),
        &vals![connection, sha256],
    )
    .await
}

/// Another file of the connection that carries the same id of its own.
pub async fn file_by_ref(tx: &mut Tx, connection: &str, file_ref: &str, but: SettlementFileId) -> Result<Option<SettlementFileId>> {
    let row: Option<(SettlementFileId,)> = tx
        .one(
            sql!("SELECT id FROM settlement_files WHERE connection = $1 AND file_ref = $2 AND id <> $3 ORDER BY id LIMIT 1"),
            &vals![connection, file_ref, but],
        )
        .await?;
    Ok(row.map(|r| r.0))
}

pub async fn save_file(tx: &mut Tx, f: &mut FileRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE settlement_files SET file_ref = $3, state = $4, lines_total = $5, lines_read = $6, matched = $7, breaks = $8, repeated = $9, problem = $10, from_at = $11, until_at = $12,
               finished_at = $13, version = version + 1 WHERE id = $1 AND version = $2"
        ),
        &vals![
            f.id,
            f.version,
            f.file_ref.clone(),
            f.state,
            f.lines_total,
            f.lines_read,
            f.matched,
            f.breaks,
            f.repeated,
            f.problem.clone(),
            f.from_at,
            f.until_at,
            f.finished_at
        ],
        || Problem::unavailable("settlement_file_changed", "this file is being read by another worker"),
    )
    .await?;
    f.version += 1;
    Ok(())
}

pub async fn list_files(tx: &mut Tx, codes: Option<&[String]>, connection: Option<&str>, page: &PageRequest) -> Result<Vec<FileRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, connection, entity, name, sha256, size, file_ref, state, lines_total, lines_read, matched, breaks, repeated, problem, from_at, until_at, loaded_by, loaded_at, finished_at, version
         FROM settlement_files WHERE TRUE"
    ));
    entities(&mut q, codes);
    if let Some(c) = connection {
        q.push(sql!(" AND connection = $?"), [Val::from(c)]);
    }
    tail(&mut q, page);
    tx.query(&q).await
}

/// The moment up to which a connection's files speak.
pub async fn covered_until(tx: &mut Tx, connection: &str) -> Result<Option<Ts>> {
    let row: (Option<Ts>,) = tx
        .must(
            sql!("SELECT MAX(until_at) FROM settlement_files WHERE connection = $1 AND state = 'done'"),
            &vals![connection],
        )
        .await?;
    Ok(row.0)
}
