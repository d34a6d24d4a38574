//! Who may do what, as data; keys; and the matrix for people.

mod access_kit;

use access_kit::*;
use qd_kernel::PageRequest;
use qd_runtime::access::{Access, Caller, Grants, Mask, Matrix, Right, Role, Scope, StaffId, api_keys, logins, roles, staff};
use qd_runtime::approvals::{self, NewApproval};
use qd_testkit::{TestDb, both};
use std::collections::BTreeSet;

async fn put(a: &Access, by: &Caller, role: Role, version: i64, g: Grants) -> qd_kernel::Result<()> {
    let (me, by) = (a.clone(), by.clone());
    a.core
        .db
        .write(async move |tx| roles::put(tx, &me, &by, role, version, g.clone(), "trial").await)
        .await
}

fn of(role: Role) -> Grants {
    Matrix::builtin().role(role).unwrap().clone()
}

async fn change(a: &Access, by: &Caller, id: StaffId, roles: &[Role], entities: &[&str]) -> qd_kernel::Result<()> {
    let v = a.core.db.read(async move |tx| staff::get(tx, &seed(), id).await).await.unwrap();
    let c = staff::StaffChange {
        name: v.name,
        language: v.language,
        roles: roles.to_vec(),
        desk: v.desk,
        entities: entities.iter().map(|e| e.to_string()).collect(),
        version: v.version,
        reason: "trial".into(),
    };
    let (me, by) = (a.clone(), by.clone());
    a.core
        .db
        .write(async move |tx| staff::update(tx, &me, &by, id, c.clone()).await)
        .await
}

async fn key(
    a: &Access,
    by: &Caller,
    rights: &[Right],
    sees: &[Mask],
    entity: Option<&str>,
) -> qd_kernel::Result<(qd_runtime::access::ApiKeyId, qd_kernel::Secret)> {
    let n = api_keys::NewApiKey {
        name: "Reporting".into(),
        rights: rights.to_vec(),
        sees: sees.iter().copied().collect(),
        entity: entity.map(str::to_string),
        expires_at: Some(a.core.now().plus_days(30)),
    };
    let (me, by) = (a.clone(), by.clone());
    a.core
        .db
        .write(async move |tx| api_keys::create(tx, &me, &by, n.clone()).await)
        .await
}

both! {
    async fn a_role_is_changed_as_data_and_acts_at_once(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "root@x.example", &[Role::SuperAdmin]).await;
        hire(&a, "s@x.example", &[Role::Support]).await;
        let root = caller(&a, &enter(&a, "root@x.example").await).await.unwrap();
        let s = enter(&a, "s@x.example").await;
        assert!(!caller(&a, &s).await.unwrap().may(Right::PartnersView));
        let mut g = of(Role::Support);
        g.rights.insert(Right::PartnersView, Scope::Entity);
        put(&a, &root, Role::Support, 1, g.clone()).await.unwrap();
        assert_eq!(caller(&a, &s).await.unwrap().require(Right::PartnersView).unwrap(), Scope::Entity);
        assert_eq!(refused(put(&a, &root, Role::Support, 1, g.clone()).await), "version_stale");
        // A restart keeps what was changed.
        let again = open(&t).await;
        assert!(caller(&again, &s).await.unwrap().may(Right::PartnersView));
        let listed = t.db.read(async move |tx| roles::list(tx, &root).await).await.unwrap();
        assert_eq!(listed.iter().find(|r| r.role == Role::Support).unwrap().version, 2);
        let trail = t.db.read(async |tx| qd_runtime::audit::search(tx, &Caller::system("test"), &qd_runtime::audit::AuditFilter { action: Some("role.changed".into()), ..Default::default() }, &PageRequest::new(None, None)?).await).await.unwrap();
        assert_eq!(trail.items.len(), 1);
        assert_ne!(trail.items[0].before, trail.items[0].after);
    }

    async fn no_edit_breaks_the_separation_of_duties(t: TestDb) {
        let a = open(&t).await;
        let root = Caller::staff(StaffId::from_body(1), "Root", &[Role::SuperAdmin], None, &["*"]);
        for (role, right) in [
            (Role::Sales, Right::WithdrawalsApprove), (Role::SalesManager, Right::LedgerView), (Role::Finance, Right::KycReview),
            (Role::Support, Right::AmlView), (Role::Auditor, Right::NotesWrite), (Role::PartnerManager, Right::PayoutsRelease),
        ] {
            let mut g = of(role);
            g.rights.insert(right, Scope::Entity);
            let p = put(&a, &root, role, 1, g).await.unwrap_err();
            assert_eq!((p.code, p.fields[0].pointer.as_str()), ("right_not_for_role", format!("/rights/{right}").as_str()), "{role}");
        }
        let mut g = of(Role::Sales);
        g.sees.insert(Mask::Money);
        assert_eq!(refused(put(&a, &root, Role::Sales, 1, g).await), "right_not_for_role");
        assert_eq!(refused(put(&a, &root, Role::Public, 1, Grants::default()).await), "role_fixed");
        assert_eq!(refused(put(&a, &root, Role::SuperAdmin, 1, Grants::default()).await), "role_locked_out");
        for role in [Role::Ops, Role::Compliance, Role::Auditor] {
            let by = Caller::staff(StaffId::from_body(2), "X", &[role], None, &["*"]);
            assert_eq!(refused(put(&a, &by, Role::Support, 1, of(Role::Support)).await), "right_missing");
        }
        let stale = Caller { step_up_until: None, ..root };
        assert_eq!(refused(put(&a, &stale, Role::Support, 1, of(Role::Support)).await), "step_up_required");
    }

    async fn nobody_raises_themselves_and_one_super_admin_stays(t: TestDb) {
        let a = open(&t).await;
        let (one, two) = (hire(&a, "1@x.example", &[Role::SuperAdmin]).await, hire(&a, "2@x.example", &[Role::SuperAdmin]).await);
        let ops = hire(&a, "3@x.example", &[Role::Ops]).await;
        let c1 = caller(&a, &enter(&a, "1@x.example").await).await.unwrap();
        let c3 = caller(&a, &enter(&a, "3@x.example").await).await.unwrap();
        assert_eq!(refused(change(&a, &c3, ops, &[Role::SuperAdmin], &["*"]).await), "right_missing");
        assert_eq!(refused(change(&a, &c1, one, &[Role::Finance], &["*"]).await), "own_rights");
        assert_eq!(refused(change(&a, &c1, ops, &[Role::Ops, Role::Auditor], &["*"]).await), "roles_apart");
        assert_eq!(refused(change(&a, &c1, ops, &[Role::Client], &["*"]).await), "role_not_for_staff");
        assert_eq!(refused(change(&a, &c1, ops, &[Role::Ops], &[]).await), "entities_missing");
        let local = Caller::staff(StaffId::from_body(77), "L", &[Role::SuperAdmin], None, &["eu"]);
        assert_eq!(refused(change(&a, &local, ops, &[Role::Ops], &["intl"]).await), "entity_not_yours");
        // Two Super admins take each other's role at once: one of them keeps it.
        let c2 = caller(&a, &enter(&a, "2@x.example").await).await.unwrap();
        let (x, y) = tokio::join!(change(&a, &c1, two, &[Role::Ops], &["*"]), change(&a, &c2, one, &[Role::Ops], &["*"]));
        assert_eq!([x.is_ok(), y.is_ok()].iter().filter(|ok| **ok).count(), 1, "{x:?} {y:?}");
        let me = a.clone();
        let left = t.db.write(async move |tx| {
            let mut last = Ok(());
            for id in [one, two] {
                last = staff::set_enabled(tx, &me, &seed(), id, false, "left").await;
                if last.is_err() { break; }
            }
            last
        }).await;
        assert_eq!(refused(left), "last_super_admin");
    }

    async fn staff_are_listed_by_name_in_pages_within_reach(t: TestDb) {
        let a = open(&t).await;
        for i in 0..5 {
            hire(&a, &format!("{i}@x.example"), &[Role::Sales]).await;
        }
        let manager = Caller::staff(StaffId::from_body(1), "M", &[Role::SalesManager], Some("arabic"), &["*"]);
        let ops = Caller::staff(StaffId::from_body(2), "O", &[Role::Ops], None, &["*"]);
        let sales = Caller::staff(StaffId::from_body(3), "S", &[Role::Sales], Some("german"), &["*"]);
        let page = async |c: &Caller, cursor: Option<String>| { let c = c.clone(); t.db.read(async move |tx| staff::list(tx, &c, None, true, &PageRequest::new(Some(3), cursor.as_deref())?).await).await };
        let first = page(&ops, None).await.unwrap();
        let second = page(&ops, first.next_cursor.clone()).await.unwrap();
        let names: Vec<String> = first.items.into_iter().chain(second.items).map(|s| s.email).collect();
        assert_eq!(names, ["0@x.example", "1@x.example", "2@x.example", "3@x.example", "4@x.example"]);
        assert!(page(&manager, None).await.unwrap().items.is_empty(), "another desk");
        assert_eq!(refused(page(&sales, None).await), "right_missing");
        hire(&a, "boss@x.example", &[Role::SalesManager]).await;
        let found = async |desk: &'static str, role, entity: &'static str| t.db.read(async move |tx| staff::find(tx, Some(desk), role, Some(entity)).await).await.unwrap().len();
        assert_eq!((found("german", Some(Role::Sales), "eu").await, found("german", None, "eu").await, found("arabic", None, "eu").await), (5, 6, 0));
    }

    async fn people_of_other_entities_are_not_there_and_those_of_more_are_not_changed(t: TestDb) {
        let a = open(&t).await;
        hire(&a, "boss@x.example", &[Role::SuperAdmin]).await;
        let (other, wide, mine) = (hire(&a, "intl@x.example", &[Role::Ops]).await, hire(&a, "wide@x.example", &[Role::Ops]).await, hire(&a, "eu@x.example", &[Role::Ops]).await);
        for (id, entities) in [(other, &["intl"][..]), (wide, &["eu", "intl"]), (mine, &["eu"])] {
            change(&a, &seed(), id, &[Role::Ops], entities).await.unwrap();
        }
        let chief = Caller::staff(StaffId::from_body(1), "C", &[Role::SuperAdmin], None, &["eu"]);
        let get = async |id| { let c = chief.clone(); t.db.read(async move |tx| staff::get(tx, &c, id).await).await };
        assert_eq!((refused(get(other).await), refused(get(wide).await), refused(get(mine).await)), ("not_found", "ok", "ok"));
        let listed = { let c = chief.clone(); t.db.read(async move |tx| staff::list(tx, &c, None, true, &PageRequest::new(None, None)?).await).await.unwrap() };
        assert_eq!(listed.items.iter().map(|s| s.email.as_str()).collect::<Vec<_>>(), ["boss@x.example", "eu@x.example", "wide@x.example"]);
        assert_eq!(refused(change(&a, &chief, other, &[Role::Ops], &["eu"]).await), "not_found");
        assert_eq!(refused(change(&a, &chief, wide, &[Role::Ops], &["eu"]).await), "entity_not_yours");
        let reset = async |id| { let (c, me) = (chief.clone(), a.clone()); t.db.write(async move |tx| staff::reset_second_factor(tx, &me, &c, id, "telephone lost").await).await };
        assert_eq!((refused(reset(other).await), refused(reset(wide).await), refused(reset(mine).await)), ("not_found", "entity_not_yours", "ok"));
        let invite = async |id| { let (c, me) = (chief.clone(), a.clone()); t.db.write(async move |tx| logins::issue_invite(tx, &me, &c, id).await.map(|_| ())).await };
        assert_eq!((refused(invite(other).await), refused(invite(mine).await)), ("not_found", "ok"));
    }

    async fn a_key_has_some_of_its_makers_rights_and_is_nobody(t: TestDb) {
        let a = open(&t).await;
        let root = Caller::staff(StaffId::from_body(1), "Root", &[Role::SuperAdmin], None, &["*"]);
        let (id, text) = key(&a, &root, &[Right::ReportsView, Right::WithdrawalsApprove], &[Mask::Money], Some("eu")).await.unwrap();
        assert!(text.expose().starts_with("qdk_"));
        let c = a.resolve(text.expose(), None).await.unwrap();
        assert_eq!(c.id(), id.to_string());
        assert_eq!(c.require(Right::ReportsView).unwrap(), Scope::Entity);
        assert_eq!(refused(c.require(Right::LedgerView)), "right_missing");
        assert!(c.sees(Mask::Money) && !c.sees(Mask::Bank));
        assert_eq!(c.allowed_entities(), Some(vec!["eu".to_string()]));
        assert_eq!(refused(c.require_step_up(t.core.now())), "person_required");
        let (core, by) = (t.core.clone(), root.clone());
        let apr = t.db.write(async move |tx| approvals::request(tx, &core, &by, NewApproval { entity: Some("eu".into()), ..NewApproval::new("x:1", Right::WithdrawalsApprove, 1, "") }).await).await.unwrap();
        let (core, voter) = (t.core.clone(), c.clone());
        assert_eq!(refused(t.db.write(async move |tx| approvals::vote(tx, &core, &voter, apr, true, "", serde_json::json!({})).await).await), "person_required");
        let (me, by) = (a.clone(), root.clone());
        t.db.write(async move |tx| api_keys::revoke(tx, &me, &by, id, "leaked").await).await.unwrap();
        assert_eq!(refused(a.resolve(text.expose(), None).await), "api_key_unknown");
        let listed = t.db.read(async move |tx| api_keys::list(tx, &root, &PageRequest::new(None, None)?).await).await.unwrap();
        assert!(listed.items[0].revoked_at.is_some() && text.expose().ends_with(&listed.items[0].tail));
    }

    async fn a_key_never_has_more_than_its_maker_and_ends_in_time(t: TestDb) {
        let a = open(&t).await;
        let root = Caller::staff(StaffId::from_body(1), "Root", &[Role::SuperAdmin], None, &["*"]);
        let ops = Caller::staff(StaffId::from_body(2), "O", &[Role::Ops], None, &["*"]);
        let local = Caller::staff(StaffId::from_body(3), "L", &[Role::SuperAdmin], None, &["eu"]);
        assert_eq!(refused(key(&a, &ops, &[Right::ReportsView], &[], None).await), "right_missing");
        assert_eq!(refused(key(&a, &root, &[Right::MeSecurity], &[], None).await), "right_not_for_keys");
        assert_eq!(refused(key(&a, &root, &[], &[], None).await), "rights_missing");
        assert_eq!(refused(key(&a, &local, &[Right::ReportsView], &[], None).await), "entity_not_yours");
        assert_eq!(refused(key(&a, &local, &[Right::ReportsView], &[], Some("intl")).await), "entity_not_yours");
        let (_, text) = key(&a, &local, &[Right::ReportsView], &[], Some("eu")).await.unwrap();
        a.resolve(text.expose(), None).await.unwrap();
        t.clock.advance_secs(30 * 86_400);
        assert!(a.resolve(text.expose(), None).await.is_err());
        // No key in its first breath makes another.
        let (_, text) = key(&a, &root, &[Right::ApiKeysManage], &[], None).await.unwrap();
        let c = a.resolve(text.expose(), None).await.unwrap();
        assert_eq!(refused(key(&a, &c, &[Right::ApiKeysManage], &[], None).await), "person_required");
    }
}

#[test]
fn the_matrix_for_people_is_the_matrix_in_force() {
    let at = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/rights-matrix.md");
    let made = Matrix::builtin().markdown();
    if std::env::var("QD_BLESS").is_ok() {
        std::fs::write(&at, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&at).unwrap_or_default();
    assert!(
        kept == made,
        "docs/rights-matrix.md is not what rights.toml says; run this test with QD_BLESS=1 and look at the difference"
    );
}

#[test]
fn nobody_known_may_knock_and_ask_and_nothing_else() {
    let c = Caller::public();
    let may: BTreeSet<Right> = Right::ALL.iter().copied().filter(|r| c.may(*r)).collect();
    assert_eq!(may, BTreeSet::from([Right::Public, Right::LeadsCreate]));
    assert_eq!(refused(c.require(Right::ClientsView)), "sign_in_required");
    assert!(Mask::ALL.iter().all(|m| !c.sees(*m)));
}
