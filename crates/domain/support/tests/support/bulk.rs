use crate::house::{House, code, house, staff_of};
use qd_clients::{ClientId, Command, Filter};
use qd_kernel::Ts;
use qd_runtime::access::{Caller, Role, StaffId};
use qd_runtime::jobs::{Registry, run_until_idle};
use qd_support::bulk::{self, Action, Ask, Bulk, BulkState, Which};
use qd_testkit::TestDb;
use std::sync::Arc;

fn ask(which: Which, action: Action) -> Ask {
    Ask {
        which,
        action,
        reason: "Lena is on leave.".into(),
    }
}

fn by_campaign() -> Which {
    Which::Filter(Box::new(Filter {
        campaign: Some("bulk".into()),
        ..Filter::default()
    }))
}

async fn owner(h: &House, id: ClientId) -> Option<StaffId> {
    h.write(async move |tx, _| Ok(qd_clients::find(tx, id).await?.unwrap().owner_id))
        .await
        .unwrap()
}

qd_testkit::both! {
    async fn a_preview_says_what_would_happen_and_changes_nothing(t: TestDb) {
        let h = house(t).await;
        let a = h.lead("a@example.com".into()).await;
        let before = owner(&h, a).await;
        let to = Action::Assign { owner_id: Some(staff_of(&h.lena)), desk: None };
        let ghost = ClientId::from_body(1);
        let v = bulk::preview(&h.core, &h.admin, ask(Which::Ids(vec![a, ghost, a]), to)).await.unwrap();
        assert_eq!((v.records, v.changed + v.unchanged, v.failed), (2, 1, 1));
        assert_eq!((v.items[0].client_id, v.items[0].code.as_deref()), (ghost, Some("not_found")));
        assert_eq!(owner(&h, a).await, before);
        assert_eq!(h.audit_rows("client.assigned").await, 0);
        assert_eq!(h.audit_rows("clients.bulk").await, 0);
    }

    async fn each_record_has_its_own_result_and_audit_row(t: TestDb) {
        let h = house(t).await;
        let mut ids = Vec::new();
        for i in 0..5 {
            ids.push(h.lead(format!("l{i}@example.com")).await);
        }
        let (client, client_id) = h.client("alex@example.com").await;
        let _ = client;
        // A lead cannot leave what it never joined: waking is nothing to it, falling asleep is refused.
        let mut mixed = ids.clone();
        mixed.push(client_id);
        let sleep = ask(Which::Ids(mixed), Action::Stage { command: Command::FallAsleep });
        let (admin, a) = (h.admin.clone(), sleep.clone());
        let run = h.write(async move |tx, core| bulk::begin(tx, core, &admin, &a).await).await.unwrap();
        bulk::work(&h.core, &h.admin, run, &sleep.action, &sleep.reason, 100).await.unwrap();
        let admin = h.admin.clone();
        let v = h.write(async move |tx, _| bulk::view(tx, &admin, run).await).await.unwrap();
        assert_eq!((v.changed, v.failed, v.waiting, v.finished), (1, 5, 0, true));
        assert!(v.items.iter().filter(|i| i.state == BulkState::Failed).all(|i| i.code.as_deref() == Some("stage_refused")));
        assert_eq!(h.audit_rows("client.stage_changed").await, 1 + 1, "registering was the other one");
        // Working again on a finished run changes nothing.
        bulk::work(&h.core, &h.admin, run, &sleep.action, &sleep.reason, 100).await.unwrap();
        assert_eq!(h.audit_rows("client.stage_changed").await, 2);
    }

    async fn what_is_left_over_is_done_by_a_job_with_the_rights_its_author_has_then(t: TestDb) {
        let h = house(t).await;
        for i in 0..12 {
            h.lead(format!("l{i}@example.com")).await;
        }
        let tag = ask(by_campaign(), Action::Tag { add: vec!["Autumn".into()], remove: vec![] });
        let (admin, a) = (h.admin.clone(), tag.clone());
        let run = h.write(async move |tx, core| bulk::begin(tx, core, &admin, &a).await).await.unwrap();
        bulk::work(&h.core, &h.admin, run, &tag.action, &tag.reason, 5).await.unwrap();
        let admin = h.admin.clone();
        let v = h.write(async move |tx, _| bulk::view(tx, &admin, run).await).await.unwrap();
        assert_eq!((v.records, v.changed, v.waiting, v.finished), (12, 5, 7, false));
        let registry = Registry::new().add(Arc::new(Bulk { core: h.core.clone(), access: h.access.clone() }));
        run_until_idle(&h.core, &registry).await.unwrap();
        let admin = h.admin.clone();
        let v = h.write(async move |tx, _| bulk::view(tx, &admin, run).await).await.unwrap();
        assert_eq!((v.changed, v.waiting, v.finished), (12, 0, true));
        let admin = h.admin.clone();
        let tagged = h
            .write(async move |tx, _| {
                let f = Filter { tag: Some("autumn".into()), ..Filter::default() };
                qd_clients::list(tx, &admin, &f, qd_clients::Sort::Oldest, &crate::house::first()).await
            })
            .await
            .unwrap();
        assert_eq!(tagged.items.len(), 12);
    }

    async fn a_run_needs_the_right_of_the_single_change_and_is_its_authors(t: TestDb) {
        let h = house(t).await;
        let a = h.lead("a@example.com".into()).await;
        let assign = || Action::Assign { owner_id: None, desk: Some("english".into()) };
        assert_eq!(code(bulk::preview(&h.core, &h.sofia, ask(Which::Ids(vec![a]), assign())).await), "right_missing");
        // A manager of another desk reaches none of them: nothing is found, nothing told.
        let other = Caller::staff(StaffId::from_body(5), "Mo", &[Role::SalesManager], Some("arabic"), &["eu"]);
        let v = bulk::preview(&h.core, &other, ask(Which::Ids(vec![a]), assign())).await.unwrap();
        assert_eq!((v.failed, v.items[0].code.as_deref()), (1, Some("not_found")));
        assert_eq!(code(bulk::preview(&h.core, &other, ask(by_campaign(), assign())).await), "filter_finds_none");
        let task = ask(Which::Ids(vec![a]), Action::Task { title: "Call back".into(), due_at_us: Ts(2_000_000_000_000_000), owner_id: None });
        let (admin, k) = (h.admin.clone(), task.clone());
        let run = h.write(async move |tx, core| bulk::begin(tx, core, &admin, &k).await).await.unwrap();
        let sofia = h.sofia.clone();
        assert_eq!(code(h.write(async move |tx, _| bulk::view(tx, &sofia, run).await).await), "not_found");
        let no_reason = Ask { reason: " ".into(), ..task };
        assert_eq!(code(bulk::preview(&h.core, &h.admin, no_reason).await), "reason_missing");
    }
}
