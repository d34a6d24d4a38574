//! The trail holds what it says, and the checker finds whatever somebody does to it.

mod audit_support;

use audit_support::store as intruder;
use qd_db::Engine;
use qd_kernel::{PageRequest, Problem, Ts};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Role, StaffId};
use qd_runtime::audit::{self, AuditFilter, AuditKey, Checkpoint, Decision, Entry, Head, Sealer, SealerConfig, Trust};
use qd_runtime::jobs::{Registry, run_until_idle};
use qd_testkit::{TestDb, both};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};

fn anna() -> Caller {
    Caller::staff(StaffId::from_body(1), "Anna Berg", &[Role::Compliance], None, &["*"]).from_ip(Some("192.0.2.7".into()))
}

fn key() -> AuditKey {
    AuditKey::from_seed(&[9; 32])
}

fn trust() -> Trust {
    Trust {
        keys: vec![key().public()],
        heads: Vec::new(),
    }
}

fn sealer(core: &Core) -> Sealer {
    Sealer::new(
        core.clone(),
        SealerConfig {
            key: Some(key()),
            every_rows: 1_000_000,
            every_secs: 1_000_000_000,
            publish: None,
        },
    )
}

async fn act(core: &Core, n: usize) {
    for i in 0..n {
        let c = core.clone();
        core.db
            .write(async move |tx| {
                let who = anna();
                let e = Entry::new(&who, "client.phone_changed", format!("client:cli_{i}"))
                    .client(format!("cli_{}", i % 2))
                    .entity(Some(if i % 2 == 0 { "eu" } else { "intl" }.to_string()))
                    .before(json!({ "phone": "+4930111" }))
                    .after(json!({ "phone": "+4930222", "amount_minor": 5 }))
                    .reason("asked by telephone: \"größer\"\n");
                audit::record(tx, &c, e).await
            })
            .await
            .unwrap();
    }
}

/// Six rows, sealed, with a checkpoint at the sixth.
async fn six(t: &TestDb) -> Checkpoint {
    act(&t.core, 6).await;
    sealer(&t.core).checkpoint_now().await.unwrap().expect("a checkpoint")
}

async fn codes(t: &TestDb, trust: &Trust) -> Vec<(&'static str, String)> {
    audit::verify(&t.db, trust)
        .await
        .unwrap()
        .into_iter()
        .map(|f| (f.code, f.row))
        .collect()
}

/// What the checker says after an intruder was there.
async fn after(t: &TestDb, what: &'static str) -> Vec<&'static str> {
    six(t).await;
    assert_eq!(codes(t, &trust()).await, [], "clean before");
    intruder::drop_triggers(&t.db).await;
    intruder::run(&t.db, what).await.unwrap();
    codes(t, &trust()).await.into_iter().map(|c| c.0).collect()
}

both! {
    async fn rows_are_chained_in_commit_order_and_an_honest_trail_is_clean(t: TestDb) {
        let checkpoint = six(&t).await;
        assert_eq!(checkpoint.position, 6);
        act(&t.core, 3).await;
        assert_eq!(codes(&t, &trust()).await, [], "rows that wait for the sealer are no fault");
        assert_eq!(sealer(&t.core).run().await.unwrap().rows, 3);
        assert_eq!(sealer(&t.core).run().await.unwrap().rows, 0);
        assert_eq!(codes(&t, &trust()).await, []);
        let kept_outside = Head::from_line(&checkpoint.line(), &trust().keys).unwrap();
        assert_eq!(codes(&t, &Trust { heads: vec![kept_outside], ..trust() }).await, []);
        let page = t.db.read(async |tx| audit::search(tx, &anna(), &AuditFilter::default(), &PageRequest::new(None, None)?).await).await.unwrap();
        let positions: Vec<Option<i64>> = page.items.iter().map(|r| r.position).collect();
        assert_eq!(positions, (1..=9).rev().map(Some).collect::<Vec<_>>());
        assert_eq!(page.items[0].ip.as_deref(), Some("192.0.2.7"));
    }

    async fn a_rolled_back_change_leaves_no_row(t: TestDb) {
        let core = t.core.clone();
        let r: Result<(), Problem> = t.db.write(async move |tx| {
            audit::record(tx, &core, Entry::new(&anna(), "x.done", "x:1")).await?;
            Err(Problem::conflict("no", "no"))
        }).await;
        assert!(r.is_err());
        assert_eq!(sealer(&t.core).run().await.unwrap().rows, 0);
    }

    async fn the_database_refuses_to_change_or_delete_any_of_it(t: TestDb) {
        six(&t).await;
        let core = t.core.clone();
        t.db.write(async move |tx| decide(tx, &core).await).await.unwrap();
        let more = if t.db.engine() == Engine::Postgres { intruder::REFUSED_POSTGRES } else { &[] };
        for text in intruder::REFUSED.iter().chain(more) {
            let p = intruder::run(&t.db, text).await.expect_err(text);
            assert_eq!(p.code, qd_db::CHECK, "{text}");
        }
        assert_eq!(codes(&t, &trust()).await, []);
    }

    async fn a_changed_row_is_found(t: TestDb) {
        assert_eq!(after(&t, intruder::CHANGE_ROW).await, ["row_changed"]);
    }
    async fn a_deleted_row_is_found(t: TestDb) {
        assert_eq!(after(&t, intruder::DELETE_ROW).await, ["row_missing"]);
    }
    async fn a_row_deleted_with_its_link_is_found(t: TestDb) {
        assert_eq!(after(&t, intruder::DELETE_ROW_AND_LINK).await, ["link_missing"]);
    }
    async fn two_swapped_links_are_found(t: TestDb) {
        let found = after(&t, intruder::SWAP_LINKS).await;
        assert!(!found.is_empty() && found.iter().all(|c| *c == "link_changed"), "{found:?}");
    }
    async fn two_rows_with_each_others_content_are_found(t: TestDb) {
        assert_eq!(after(&t, intruder::SWAP_ROWS).await, ["row_changed", "row_changed"]);
    }
    async fn a_tail_cut_off_before_a_checkpoint_is_found(t: TestDb) {
        assert_eq!(after(&t, intruder::CUT_TAIL).await, ["tail_cut"]);
    }
    async fn a_tail_cut_off_without_mending_the_head_is_found(t: TestDb) {
        assert_eq!(after(&t, intruder::CUT_TAIL_ONLY).await, ["tail_cut"]);
    }
    async fn a_forged_checkpoint_is_found(t: TestDb) {
        assert_eq!(after(&t, intruder::FORGE_CHECKPOINT).await, ["checkpoint_forged"]);
    }
    async fn a_row_put_in_past_the_sealer_is_found(t: TestDb) {
        assert_eq!(after(&t, intruder::LOOSE_ROW).await, ["row_loose"]);
    }
    async fn a_missing_head_is_found(t: TestDb) {
        assert_eq!(after(&t, intruder::NO_HEAD).await, ["head_mismatch"]);
    }

    async fn a_tail_cut_off_with_its_checkpoint_is_found_by_the_head_kept_outside(t: TestDb) {
        let kept = six(&t).await;
        intruder::drop_triggers(&t.db).await;
        intruder::run(&t.db, intruder::CUT_TAIL_AND_CHECKPOINT).await.unwrap();
        assert_eq!(codes(&t, &trust()).await, [], "from inside nothing can be seen: this is what outside heads are for");
        let heads = vec![Head::from_line(&kept.line(), &trust().keys).unwrap()];
        assert_eq!(codes(&t, &Trust { heads, ..trust() }).await, [("tail_cut", "position 6".to_string())]);
    }

    async fn a_chain_rebuilt_with_right_hashes_is_found_by_checkpoints_inside_and_outside(t: TestDb) {
        let kept = six(&t).await;
        intruder::drop_triggers(&t.db).await;
        let fields = intruder::fields_of_3(&t.db).await;
        let mut bytes = b"qd.audit.1\n".to_vec();
        for f in fields {
            bytes.extend(f.map_or("-\n".to_string(), |f| format!("{}:{f}\n", f.len())).bytes());
        }
        intruder::rebuild(&t.db, Sha256::digest(&bytes).into()).await;
        assert_eq!(codes(&t, &trust()).await, [("checkpoint_mismatch", "position 6".to_string())]);
        intruder::run(&t.db, intruder::DELETE_CHECKPOINTS).await.unwrap();
        assert_eq!(codes(&t, &trust()).await, [], "the intruder knows the canonical form: every hash is right");
        let heads = vec![Head::from_line(&kept.line(), &trust().keys).unwrap()];
        assert_eq!(codes(&t, &Trust { heads, ..trust() }).await, [("checkpoint_mismatch", "position 6".to_string())]);
    }

    async fn a_checkpoint_signed_with_another_key_is_not_believed(t: TestDb) {
        act(&t.core, 2).await;
        let other = AuditKey::from_seed(&[1; 32]);
        let s = Sealer::new(t.core.clone(), SealerConfig { key: Some(other), ..SealerConfig::default() });
        let c = s.checkpoint_now().await.unwrap().unwrap();
        assert_eq!(codes(&t, &trust()).await, [("checkpoint_unknown_key", "checkpoint 2".to_string())]);
        assert!(Head::from_line(&c.line(), &trust().keys).is_err(), "nor as an outside head");
    }

    async fn what_happens_before_the_seal_is_found_too(t: TestDb) {
        act(&t.core, 2).await;
        intruder::drop_triggers(&t.db).await;
        intruder::run(&t.db, intruder::CHANGE_UNSEALED).await.unwrap();
        assert_eq!(codes(&t, &trust()).await.into_iter().map(|c| c.0).collect::<Vec<_>>(), ["row_changed"]);
        intruder::run(&t.db, intruder::DELETE_UNSEALED).await.unwrap();
        assert_eq!(codes(&t, &trust()).await.into_iter().map(|c| c.0).collect::<Vec<_>>(), ["row_missing"]);
    }

    async fn a_decision_keeps_what_was_seen_and_cannot_be_turned_around(t: TestDb) {
        let core = t.core.clone();
        let id = t.db.write(async move |tx| decide(tx, &core).await).await.unwrap();
        sealer(&t.core).checkpoint_now().await.unwrap();
        assert_eq!(codes(&t, &trust()).await, []);
        let found = t.db.read(async |tx| audit::decisions_of(tx, &anna(), "withdrawal:wdr_1").await).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].inputs["amount_minor"], json!(900_000));
        assert_eq!(found[0].rule_version, Some(3));
        let sales = Caller::staff(StaffId::from_body(5), "Sam", &[Role::Sales], None, &["eu"]);
        let covered = t.db.read(async move |tx| audit::decisions_of(tx, &sales, "withdrawal:wdr_1").await).await.unwrap();
        assert_eq!(covered[0].inputs, json!({ "amount_minor": "•••", "new_device": true }));
        intruder::drop_triggers(&t.db).await;
        intruder::run(&t.db, intruder::CHANGE_DECISION).await.unwrap();
        assert_eq!(codes(&t, &trust()).await, [("decision_changed", id.to_string())]);
        intruder::run(&t.db, intruder::DELETE_DECISION).await.unwrap();
        assert_eq!(codes(&t, &trust()).await, [("decision_missing", id.to_string())]);
    }

    async fn many_writers_and_two_sealers_make_one_dense_chain(t: TestDb) {
        let other = t.another_node().await;
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let core = t.core.clone();
            tasks.push(tokio::spawn(async move { act(&core, 10).await }));
        }
        for core in [t.core.clone(), other] {
            tasks.push(tokio::spawn(async move {
                for _ in 0..10 {
                    sealer(&core).run().await.unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let c = sealer(&t.core).checkpoint_now().await.unwrap().unwrap();
        assert_eq!(c.position, 80);
        assert_eq!(codes(&t, &trust()).await, []);
    }

    async fn checkpoints_come_by_rows_and_by_time_and_are_published(t: TestDb) {
        let told: Arc<Mutex<Vec<i64>>> = Arc::default();
        let tell = told.clone();
        let s = Sealer::new(t.core.clone(), SealerConfig {
            key: Some(key()),
            every_rows: 5,
            every_secs: 60,
            publish: Some(Arc::new(move |c: &Checkpoint| tell.lock().unwrap().push(c.position))),
        });
        act(&t.core, 1).await;
        s.run().await.unwrap();
        assert_eq!(*told.lock().unwrap(), [1], "the first row is signed at once: the last checkpoint is long ago");
        act(&t.core, 4).await;
        s.run().await.unwrap();
        act(&t.core, 1).await;
        s.run().await.unwrap();
        assert_eq!(*told.lock().unwrap(), [1, 6], "after five rows");
        act(&t.core, 1).await;
        s.run().await.unwrap();
        t.clock.advance_secs(61);
        s.run().await.unwrap();
        assert_eq!(*told.lock().unwrap(), [1, 6, 7], "after a minute, with nothing new but what waits to be signed");
        t.clock.advance_secs(61);
        s.run().await.unwrap();
        assert_eq!(told.lock().unwrap().len(), 3, "nothing new, nothing signed");
        assert_eq!(s.last().await.unwrap().unwrap().position, 7);
        assert_eq!(codes(&t, &trust()).await, []);
    }

    async fn the_sealer_runs_by_the_clock_as_a_job(t: TestDb) {
        act(&t.core, 3).await;
        let registry = Registry::new().every("audit.seal", 1, Arc::new(sealer(&t.core)));
        run_until_idle(&t.core, &registry).await.unwrap();
        act(&t.core, 2).await;
        t.clock.advance_secs(2);
        run_until_idle(&t.core, &registry).await.unwrap();
        let page = t.db.read(async |tx| audit::search(tx, &anna(), &AuditFilter::default(), &PageRequest::new(None, None)?).await).await.unwrap();
        assert_eq!(page.items[0].position, Some(5));
        assert_eq!(codes(&t, &trust()).await, []);
    }

    async fn the_trail_is_found_by_client_person_day_and_action_within_ones_entities(t: TestDb) {
        act(&t.core, 6).await;
        t.clock.advance_secs(86_400);
        act(&t.core, 2).await;
        let find = async |caller: &Caller, f: AuditFilter, limit: u32, cursor: Option<String>| {
            let caller = caller.clone();
            t.db.read(async move |tx| audit::search(tx, &caller, &f, &PageRequest::new(Some(limit), cursor.as_deref())?).await).await
        };
        let count = async |f| find(&anna(), f, 50, None).await.unwrap().items.len();
        assert_eq!(count(AuditFilter { client_id: Some("cli_0".into()), ..Default::default() }).await, 4);
        assert_eq!(count(AuditFilter { person: Some(anna().id()), ..Default::default() }).await, 8);
        assert_eq!(count(AuditFilter { person: Some("stf_x".into()), ..Default::default() }).await, 0);
        assert_eq!(count(AuditFilter { object: Some("client:cli_5".into()), ..Default::default() }).await, 1);
        assert_eq!(count(AuditFilter { action: Some("client.phone_changed".into()), ..Default::default() }.on_day(2026, 11, 20)).await, 6);
        assert_eq!(count(AuditFilter::default().on_day(2026, 11, 21)).await, 2);

        let first = find(&anna(), AuditFilter::default(), 5, None).await.unwrap();
        let second = find(&anna(), AuditFilter::default(), 5, first.next_cursor.clone()).await.unwrap();
        assert_eq!((first.items.len(), second.items.len(), second.next_cursor), (5, 3, None));
        assert!(first.items.iter().all(|a| second.items.iter().all(|b| a.id != b.id)));

        let intl = Caller::staff(StaffId::from_body(2), "I", &[Role::Compliance], None, &["intl"]);
        let seen = find(&intl, AuditFilter::default(), 50, None).await.unwrap();
        assert!(seen.items.len() == 4 && seen.items.iter().all(|r| r.entity.as_deref() == Some("intl")));
        for role in [Role::Sales, Role::Finance, Role::Support, Role::Ops] {
            let p = find(&Caller::staff(StaffId::from_body(3), "S", &[role], None, &["*"]), AuditFilter::default(), 5, None).await.unwrap_err();
            assert!(p.is("right_missing"), "{role}");
        }
        let auditor = Caller::staff(StaffId::from_body(4), "Au", &[Role::Auditor], None, &["*"]);
        assert_eq!(find(&auditor, AuditFilter::default(), 1, None).await.unwrap().items[0].after, Some(json!({ "phone": "+4930222", "amount_minor": 5 })));
    }
}

async fn decide(tx: &mut qd_db::Tx, core: &Core) -> qd_kernel::Result<audit::DecisionId> {
    let rule = Caller::system("rule:withdrawal.small_trusted");
    audit::decide(
        tx,
        core,
        Decision {
            caller: &rule,
            kind: "withdrawal",
            subject: "withdrawal:wdr_1".into(),
            client_id: Some("cli_1".into()),
            entity: Some("eu".into()),
            outcome: "review".into(),
            reasons: vec!["amount_over_limit".into()],
            rule: Some("small_trusted".into()),
            rule_version: Some(3),
            inputs: json!({ "amount_minor": 900_000, "new_device": true }),
        },
    )
    .await
}

#[test]
fn a_day_is_a_day_in_utc() {
    let f = AuditFilter::default().on_day(2026, 2, 28);
    assert_eq!(f.until, Some(Ts::from_ymd(2026, 3, 1)));
}
