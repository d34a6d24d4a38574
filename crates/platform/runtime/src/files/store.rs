use super::{FileId, FileRef, Known, Mime};
use qd_db::{Tx, row, sql};
use qd_kernel::{Result, Ts, vals};

pub async fn insert(tx: &mut Tx, f: &FileRef, owner: &str, now: Ts) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO files (id, sha256, mime, size_bytes, key_id, owner, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"),
        &vals![f.id, &f.sha256, f.mime, f.size, &f.key_id, owner, now],
    )
    .await?;
    Ok(())
}

row! {
    struct FileRow { id: FileId, sha256: String, mime: Mime, size: i64, key_id: String, owner: String, created_at: Ts }
}

pub async fn find(tx: &mut Tx, id: FileId) -> Result<Option<Known>> {
    let row: Option<FileRow> = tx
        .one(
            sql!("SELECT id, sha256, mime, size_bytes, key_id, owner, created_at FROM files WHERE id = $1"),
            &vals![id],
        )
        .await?;
    Ok(row.map(|r| Known {
        file: FileRef {
            id: r.id,
            sha256: r.sha256,
            mime: r.mime,
            size: r.size,
            key_id: r.key_id,
        },
        owner: r.owner,
        created_at: r.created_at,
    }))
}

pub async fn other_owners(tx: &mut Tx, sha256: &str, owner: &str) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = tx
        .rows(
            sql!("SELECT DISTINCT owner FROM files WHERE sha256 = $1 AND owner <> $2 ORDER BY owner LIMIT 50"),
            &vals![sha256, owner],
        )
        .await?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}
