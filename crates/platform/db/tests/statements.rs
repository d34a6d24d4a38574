//! Every statement of the tree is good SQL on both engines.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use qd_db::{Engine, Tx};
use qd_testkit::{TestDb, both, statements};
use std::path::Path;

both! {
    async fn every_statement_of_every_store_is_prepared(t: TestDb) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        let engine = t.db.engine();
        let found: Vec<_> = statements::all(&root).into_iter().filter(|s| !s.is_fragment() && s.is_for(engine)).collect();
        assert!(found.len() > 50, "only {} statements found: the scanner does not see the stores", found.len());
        let mut bad = Vec::new();
        for s in found {
            let text = s.text.clone();
            let outcome = match engine {
                Engine::Sqlite => t.db.read(async move |tx: &mut Tx| tx.prepare_only(&text).await).await,
                // A failed statement spoils its transaction, so each has its own.
                Engine::Postgres => t.db.write(async move |tx: &mut Tx| tx.prepare_only(&text).await).await,
            };
            if let Err(p) = outcome {
                bad.push(format!("{}:{}: {p}", s.file, s.line));
            }
        }
        assert!(bad.is_empty(), "{} statements are refused by {}:\n{}", bad.len(), engine.name(), bad.join("\n"));
    }
}
