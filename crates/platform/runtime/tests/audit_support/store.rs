//! The intruder's statements.

use qd_db::{Db, sql};
use qd_kernel::vals;
use qd_runtime::audit::chain;

const DROP_SQLITE: &str = "DROP TRIGGER audit_rows_keep_update; DROP TRIGGER audit_rows_keep_delete; DROP TRIGGER audit_chain_keep_update;
    DROP TRIGGER audit_chain_keep_delete; DROP TRIGGER audit_checkpoints_keep_update; DROP TRIGGER audit_checkpoints_keep_delete;
    DROP TRIGGER decisions_keep_update; DROP TRIGGER decisions_keep_delete;";
const DROP_POSTGRES: &str = "DROP FUNCTION keep_forever() CASCADE;";

pub async fn drop_triggers(db: &Db) {
    db.run_script(DROP_SQLITE, DROP_POSTGRES).await.expect("an administrator may");
}

pub async fn run(db: &Db, text: &'static str) -> qd_kernel::Result<()> {
    db.run_script(text, text).await
}

pub const CHANGE_ROW: &str =
    "UPDATE audit_rows SET reason = 'nothing to see' WHERE id = (SELECT audit_id FROM audit_chain WHERE position = 3)";
pub const DELETE_ROW: &str = "DELETE FROM audit_rows WHERE id = (SELECT audit_id FROM audit_chain WHERE position = 3)";
pub const DELETE_ROW_AND_LINK: &str = "DELETE FROM audit_rows WHERE id = (SELECT audit_id FROM audit_chain WHERE position = 3);
    DELETE FROM audit_chain WHERE position = 3;";
pub const SWAP_LINKS: &str =
    "UPDATE audit_chain SET position = -2 WHERE position = 2; UPDATE audit_chain SET position = 2 WHERE position = 3;
    UPDATE audit_chain SET position = 3 WHERE position = -2;";
pub const SWAP_ROWS: &str =
    "UPDATE audit_rows SET action = 'x' || id WHERE id IN (SELECT audit_id FROM audit_chain WHERE position IN (2, 3));
    UPDATE audit_rows SET object = (SELECT 'swapped:' || CAST(c.position AS TEXT) FROM audit_chain c WHERE c.audit_id = audit_rows.id)
    WHERE id IN (SELECT audit_id FROM audit_chain WHERE position IN (2, 3));";
/// With the head set back to match; the checkpoint at 6 stays.
pub const CUT_TAIL: &str = "DELETE FROM audit_rows WHERE id IN (SELECT audit_id FROM audit_chain WHERE position > 4);
    DELETE FROM audit_chain WHERE position > 4;
    UPDATE audit_head SET position = 4, chain_hash = (SELECT chain_hash FROM audit_chain WHERE position = 4);";
pub const CUT_TAIL_AND_CHECKPOINT: &str = "DELETE FROM audit_rows WHERE id IN (SELECT audit_id FROM audit_chain WHERE position > 4);
    DELETE FROM audit_chain WHERE position > 4; DELETE FROM audit_checkpoints WHERE position > 4;
    UPDATE audit_head SET position = 4, checkpoint_position = 0, chain_hash = (SELECT chain_hash FROM audit_chain WHERE position = 4);";
pub const CUT_TAIL_ONLY: &str = "DELETE FROM audit_rows WHERE id IN (SELECT audit_id FROM audit_chain WHERE position > 4);
    DELETE FROM audit_chain WHERE position > 4; DELETE FROM audit_checkpoints;";
pub const FORGE_CHECKPOINT: &str = "UPDATE audit_checkpoints SET chain_hash = (SELECT chain_hash FROM audit_chain WHERE position = 2)";
pub const LOOSE_ROW: &str = "INSERT INTO audit_rows (id, at, actor_kind, actor_id, actor_label, action, object, content_hash)
    SELECT 'aud_0000000000000000000000000X', at, actor_kind, actor_id, actor_label, action, object, content_hash FROM audit_rows WHERE seq = (SELECT MIN(seq) FROM audit_rows);
    DELETE FROM audit_pending;";
pub const DELETE_UNSEALED: &str = "DELETE FROM audit_rows WHERE seq = (SELECT MAX(seq) FROM audit_rows)";
pub const CHANGE_UNSEALED: &str = "UPDATE audit_rows SET object = 'other' WHERE seq = (SELECT MAX(seq) FROM audit_rows)";
pub const CHANGE_DECISION: &str = "UPDATE decisions SET outcome = 'approve'";
pub const DELETE_DECISION: &str = "DELETE FROM decisions";
pub const DELETE_CHECKPOINTS: &str = "DELETE FROM audit_checkpoints";
pub const NO_HEAD: &str = "DELETE FROM audit_head";

pub const REFUSED: &[&str] = &[
    "UPDATE audit_rows SET reason = 'x'",
    "DELETE FROM audit_rows",
    "UPDATE audit_chain SET position = position + 100",
    "DELETE FROM audit_chain",
    "UPDATE audit_checkpoints SET at = 0",
    "DELETE FROM audit_checkpoints",
    "UPDATE decisions SET outcome = 'x'",
    "DELETE FROM decisions",
];
pub const REFUSED_POSTGRES: &[&str] = &[
    "TRUNCATE audit_rows",
    "TRUNCATE audit_chain",
    "TRUNCATE audit_checkpoints",
    "TRUNCATE decisions",
];

/// The patient one: changes row 3 and makes every hash after it right again.
pub async fn rebuild(db: &Db, content_of_3: [u8; 32]) {
    db.write(async move |tx| {
        tx.exec(
            sql!("UPDATE audit_rows SET reason = 'nothing to see', content_hash = $1 WHERE id = (SELECT audit_id FROM audit_chain WHERE position = 3)"),
            &vals![&content_of_3[..]],
        )
        .await?;
        let links: Vec<(i64, Vec<u8>)> = tx.rows(sql!("SELECT position, content_hash FROM audit_chain ORDER BY position"), &[]).await?;
        let mut hash = [0; 32];
        for (position, content) in links {
            let content = if position == 3 { content_of_3 } else { content.try_into().expect("32 bytes") };
            hash = chain(&hash, &content);
            tx.exec(sql!("UPDATE audit_chain SET content_hash = $2, chain_hash = $3 WHERE position = $1"), &vals![position, &content[..], &hash[..]]).await?;
        }
        tx.exec(sql!("UPDATE audit_head SET chain_hash = $1"), &vals![&hash[..]]).await?;
        Ok(())
    })
    .await
    .expect("an administrator may");
}

/// The fields of row 3 as the canonical form wants them, with the intruder's reason.
pub async fn fields_of_3(db: &Db) -> Vec<Option<String>> {
    type A = (
        String,
        String,
        String,
        String,
        String,
        Option<String>,
        Option<String>,
        Option<String>,
    );
    type B = (
        String,
        String,
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
    );
    db.read(async |tx| {
        let a: A = tx
            .must(
                sql!(
                    "SELECT id, CAST(at AS TEXT), actor_kind, actor_id, actor_label, session_id, ip, device FROM audit_rows
                 WHERE id = (SELECT audit_id FROM audit_chain WHERE position = 3)"
                ),
                &[],
            )
            .await?;
        let b: B = tx
            .must(
                sql!(
                    "SELECT action, object, client_id, entity, before_json, after_json, rule, seen_json FROM audit_rows
                 WHERE id = (SELECT audit_id FROM audit_chain WHERE position = 3)"
                ),
                &[],
            )
            .await?;
        Ok(vec![
            Some(a.0),
            Some(a.1),
            Some(a.2),
            Some(a.3),
            Some(a.4),
            a.5,
            a.6,
            a.7,
            Some(b.0),
            Some(b.1),
            b.2,
            b.3,
            b.4,
            b.5,
            Some("nothing to see".to_string()),
            b.6,
            b.7,
        ])
    })
    .await
    .expect("readable")
}
