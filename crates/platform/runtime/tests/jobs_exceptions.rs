//! Exceptions: one open per kind and subject, a log, an owner, an end.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use qd_db::Tx;
use qd_kernel::{PageRequest, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Role, StaffId};
use qd_runtime::events;
use qd_runtime::exceptions::{self, Exception, ExceptionId, ExceptionState, Filter, LogLine, NewException};
use qd_testkit::{TestDb, both};
use serde_json::json;

fn found(subject: &str, entity: Option<&str>) -> NewException {
    NewException {
        kind: "deposit.amount_differs",
        subject: subject.to_string(),
        entity: entity.map(str::to_string),
        client_id: Some("cli_1".into()),
        owner_role: "finance",
        rule: "deposit.checks",
        cause: "the PSP reports another amount".into(),
        detail: json!({ "expected": 100, "got": 90 }),
        retry: None,
    }
}

async fn raise(core: &Core, e: NewException) -> ExceptionId {
    let c = core.clone();
    core.db
        .write(async move |tx: &mut Tx| exceptions::raise(tx, &c, e.clone()).await)
        .await
        .unwrap()
}

async fn list(core: &Core, caller: &Caller, filter: Filter, page: PageRequest) -> Result<qd_kernel::Page<Exception>> {
    let caller = caller.clone();
    core.db
        .read(async move |tx: &mut Tx| exceptions::list(tx, &caller, &filter, &page).await)
        .await
}

async fn get(core: &Core, id: ExceptionId) -> (Exception, Vec<LogLine>) {
    core.db
        .read(async move |tx: &mut Tx| exceptions::get(tx, &Caller::system("test"), id).await)
        .await
        .unwrap()
}

fn staff(core: &Core, role: Role, entities: &[&str]) -> Caller {
    Caller::staff(StaffId::new(&core.env), "Test Person", &[role], None, entities)
}

fn first() -> PageRequest {
    PageRequest::new(None, None).unwrap()
}

both! {
    async fn what_is_raised_again_is_one_exception_with_a_longer_log(t: TestDb) {
        let a = raise(&t.core, found("deposit:1", None)).await;
        let b = raise(&t.core, found("deposit:1", None)).await;
        let other = raise(&t.core, found("deposit:2", None)).await;
        assert!(a == b && a != other);
        let (e, lines) = get(&t.core, a).await;
        assert_eq!((e.repeats, e.state, lines.len()), (1, ExceptionState::Open, 2));
        // One event each, not one per repetition.
        let placed = t.db.write(async |tx: &mut Tx| events::place_new(tx, 100).await).await.unwrap();
        assert_eq!(placed, 2);
    }

    async fn a_crowd_that_raises_the_same_opens_one(t: TestDb) {
        let mut tasks = Vec::new();
        for _ in 0..24 {
            let core = t.core.clone();
            tasks.push(tokio::spawn(async move { raise(&core, found("deposit:1", None)).await }));
        }
        let mut ids = std::collections::BTreeSet::new();
        for task in tasks {
            ids.insert(task.await.unwrap());
        }
        assert_eq!(ids.len(), 1);
        let (e, _) = get(&t.core, *ids.first().unwrap()).await;
        assert_eq!(e.repeats, 23);
    }

    async fn when_the_cause_is_gone_it_closes_and_the_next_one_is_new(t: TestDb) {
        let a = raise(&t.core, found("deposit:1", None)).await;
        let close = async || {
            let core = t.core.clone();
            t.db.write(async move |tx: &mut Tx| exceptions::resolve(tx, &core, "deposit.amount_differs", "deposit:1", "the PSP corrected it").await).await.unwrap()
        };
        assert!(close().await);
        assert!(!close().await);
        let (e, lines) = get(&t.core, a).await;
        assert_eq!((e.state, e.resolution.as_deref(), lines.len()), (ExceptionState::Resolved, Some("the PSP corrected it"), 2));
        assert_ne!(raise(&t.core, found("deposit:1", None)).await, a);
    }

    async fn a_person_takes_it_notes_and_ends_it_and_nobody_ends_it_twice(t: TestDb) {
        let id = raise(&t.core, found("deposit:1", Some("eu"))).await;
        let finance = staff(&t.core, Role::Finance, &["eu"]);
        let auditor = staff(&t.core, Role::Auditor, &["*"]);
        let elsewhere = staff(&t.core, Role::Finance, &["intl"]);
        let end = async |who: &Caller, why: &'static str| {
            let (core, who) = (t.core.clone(), who.clone());
            t.db.write(async move |tx: &mut Tx| exceptions::resolve_by(tx, &core, &who, id, why).await).await
        };
        assert!(end(&auditor, "x").await.unwrap_err().is("right_missing"));
        assert!(end(&elsewhere, "x").await.unwrap_err().is("not_found"), "another entity's exception does not exist");
        assert_eq!(end(&finance, "  ").await.unwrap_err().fields[0].pointer, "/note");
        let (core, who) = (t.core.clone(), finance.clone());
        t.db.write(async move |tx: &mut Tx| {
            exceptions::assign(tx, &core, &who, id, Some(who.staff_id()?)).await?;
            exceptions::note(tx, &core, &who, id, "asked the PSP").await
        }).await.unwrap();
        end(&finance, "the PSP refunded the difference").await.unwrap();
        assert!(end(&finance, "again").await.unwrap_err().is("exception_closed"));
        let (e, lines) = get(&t.core, id).await;
        assert_eq!(e.owner_id, Some(finance.id()));
        assert_eq!(lines.iter().map(|l| l.what.as_str()).collect::<Vec<_>>(), ["raised", "assigned", "note", "resolved"]);
    }

    async fn a_queue_is_filtered_paged_and_shows_only_the_callers_entities(t: TestDb) {
        for i in 0..7 {
            raise(&t.core, found(&format!("deposit:{i}"), Some(if i % 2 == 0 { "eu" } else { "intl" }))).await;
        }
        raise(&t.core, found("deposit:none", None)).await;
        let eu = staff(&t.core, Role::Finance, &["eu"]);
        let both = staff(&t.core, Role::Finance, &["eu", "intl"]);
        let all = staff(&t.core, Role::Finance, &["*"]);
        let n = async |who: &Caller| list(&t.core, who, Filter::default(), first()).await.unwrap().items.len();
        assert_eq!((n(&eu).await, n(&both).await, n(&all).await), (4, 7, 8));
        assert_eq!(n(&staff(&t.core, Role::Finance, &[])).await, 0);
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = PageRequest::new(Some(3), cursor.as_deref()).unwrap();
            let filter = Filter { state: Some(ExceptionState::Open), kind: Some("deposit.amount_differs".into()), owner_role: Some("finance".into()), client_id: Some("cli_1".into()), ..Filter::default() };
            let page = list(&t.core, &all, filter, page).await.unwrap();
            seen.extend(page.items.into_iter().map(|e| e.subject));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 8);
        assert_eq!(seen[0], "deposit:0", "the oldest first");
        let dismissed = Filter { state: Some(ExceptionState::Dismissed), ..Filter::default() };
        assert!(list(&t.core, &all, dismissed, first()).await.unwrap().items.is_empty());
    }

    async fn a_narrow_right_shows_ones_own_queues_and_suspicions_are_for_those_who_see_them(t: TestDb) {
        let money = raise(&t.core, found("deposit:1", Some("eu"))).await;
        let secret = raise(&t.core, NewException { kind: "kyc.review_overdue", owner_role: "compliance", cause: "hit on a list".into(), ..found("kyc:1", Some("eu")) }).await;
        let lead = raise(&t.core, NewException { kind: "lead.unrouted", owner_role: "sales_manager", ..found("client:1", Some("eu")) }).await;
        let seen = async |who: &Caller| list(&t.core, who, Filter::default(), first()).await.unwrap().items.into_iter().map(|e| (e.id, e.cause)).collect::<Vec<_>>();
        let manager = staff(&t.core, Role::SalesManager, &["eu"]);
        assert_eq!(seen(&manager).await, [(lead, "the PSP reports another amount".to_string())]);
        let read = async |who: &Caller, id| { let who = who.clone(); t.db.read(async move |tx: &mut Tx| exceptions::get(tx, &who, id).await).await };
        assert!(read(&manager, money).await.unwrap_err().is("not_found"));
        let work = { let (core, who) = (t.core.clone(), manager.clone()); t.db.write(async move |tx: &mut Tx| exceptions::dismiss(tx, &core, &who, secret, "nothing").await).await };
        assert!(work.unwrap_err().is("not_found"));
        let covered = qd_runtime::access::mask::COVERED;
        for (role, cause) in [(Role::Support, covered), (Role::Finance, covered), (Role::Compliance, "hit on a list")] {
            let who = staff(&t.core, role, &["eu"]);
            assert_eq!(seen(&who).await.into_iter().find(|e| e.0 == secret).unwrap().1, cause, "{role}");
            let (e, log) = read(&who, secret).await.unwrap();
            assert_eq!((e.cause.as_str(), log[0].note.as_str()), (cause, cause), "{role}");
            assert_eq!(e.detail == json!(covered), role != Role::Compliance, "{role}");
        }
        assert_eq!(read(&staff(&t.core, Role::Support, &["eu"]), money).await.unwrap().0.cause, "the PSP reports another amount");
    }

    async fn what_lies_too_long_is_overdue(t: TestDb) {
        raise(&t.core, found("deposit:1", None)).await;
        let ages = async || {
            let now: Ts = t.core.now();
            t.db.read(async move |tx: &mut Tx| exceptions::ageing(tx, now).await).await.unwrap()
        };
        let a = ages().await;
        assert_eq!((a[0].owner_role.as_str(), a[0].open, a[0].overdue), ("finance", 1, 0));
        t.clock.advance_secs(3_700);
        let a = ages().await;
        assert_eq!((a[0].overdue, a[0].oldest_secs), (1, 3_700));
        let filter = Filter { overdue_at: Some(t.core.now()), ..Filter::default() };
        assert_eq!(list(&t.core, &Caller::system("test"), filter, first()).await.unwrap().items.len(), 1);
    }
}
