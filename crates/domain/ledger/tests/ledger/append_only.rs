//! What is written stays, whoever writes SQL by hand.

use crate::store_faults;
use crate::tools::*;
use qd_testkit::TestDb;

qd_testkit::both! {
    async fn the_database_itself_refuses_to_edit_or_delete_what_was_booked(t: TestDb) {
        post_text(&t, "a", "client:alex/wallet/EUR 100, psp:card/clearing/EUR -100").await.unwrap();
        let core = t.core.clone();
        t.db.write(async move |tx| {
            let account = key("client:alex/wallet/EUR");
            qd_ledger::hold(tx, &core, qd_ledger::NewHold { account, minor: 10, reference: "h".into(), expires_at: None }).await?;
            qd_ledger::release(tx, &core, "h").await
        }).await.unwrap();
        for tampering in store_faults::REFUSED {
            let p = t.db.run_script(tampering, tampering).await.expect_err(tampering);
            assert_eq!(p.code, "db_check", "{tampering}: {p}");
        }
        sound(&t).await;
    }
}
