use crate::house::{code, house};
use qd_runtime::access::{Caller, Role, StaffId};
use qd_support::views::{self, Draft, ListName};
use qd_testkit::TestDb;

fn draft(name: &str, team: Option<&str>) -> Draft {
    Draft {
        list: ListName::Clients,
        name: name.into(),
        team: team.map(str::to_string),
        query: "stage=funded&country=DE".into(),
        columns: vec!["name".into(), "stage".into()],
        is_default: false,
        version: 0,
    }
}

qd_testkit::both! {
    async fn ones_own_views_are_ones_own_and_a_teams_default_comes_after_ones_own(t: TestDb) {
        let h = house(t).await;
        let manager = Caller::staff(StaffId::from_body(5), "Martin", &[Role::SalesManager], Some("german"), &["eu"]);
        for (who, d) in [
            (manager.clone(), Draft { is_default: true, ..draft("Desk", Some("desk:german")) }),
            (h.admin.clone(), Draft { is_default: true, ..draft("Sales", Some("role:sales")) }),
            (h.lena.clone(), draft("Mine", None)),
            (h.sofia.clone(), draft("Mine", None)),
        ] {
            h.write(async move |tx, core| views::put(tx, core, &who, None, d.clone()).await).await.unwrap();
        }
        let lena = h.lena.clone();
        let seen = h.write(async move |tx, _| views::list(tx, &lena, None).await).await.unwrap();
        assert_eq!(seen.iter().map(|v| (v.name.as_str(), v.may_change)).collect::<Vec<_>>(), [("Desk", false), ("Sales", false), ("Mine", true)]);
        let sofia = h.sofia.clone();
        let seen = h.write(async move |tx, _| views::list(tx, &sofia, Some(ListName::Clients)).await).await.unwrap();
        assert_eq!(seen.len(), 1);

        // One default per place: the new one takes the old one's.
        let m = manager.clone();
        h.write(async move |tx, core| views::put(tx, core, &m, None, Draft { is_default: true, ..draft("Newer", Some("desk:german")) }).await).await.unwrap();
        let m = manager.clone();
        let defaults = h.write(async move |tx, _| views::list(tx, &m, None).await).await.unwrap();
        assert_eq!(defaults.iter().filter(|v| v.is_default && v.team.as_deref() == Some("desk:german")).map(|v| v.name.as_str()).collect::<Vec<_>>(), ["Newer"]);
    }

    async fn nobody_writes_into_anothers_view_or_team(t: TestDb) {
        let h = house(t).await;
        let lena = h.lena.clone();
        let mine = h.write(async move |tx, core| views::put(tx, core, &lena, None, draft("Mine", None)).await).await.unwrap();
        let (sofia, id) = (h.sofia.clone(), mine.id);
        assert_eq!(code(h.write(async move |tx, core| views::put(tx, core, &sofia, Some(id), Draft { version: 1, ..draft("Theirs", None) }).await).await), "not_found");
        let lena = h.lena.clone();
        assert_eq!(code(h.write(async move |tx, core| views::put(tx, core, &lena, None, draft("Team", Some("desk:german"))).await).await), "team_not_yours");
        let sofia = h.sofia.clone();
        assert_eq!(code(h.write(async move |tx, core| views::put(tx, core, &sofia, None, draft("Team", Some("role:finance"))).await).await), "team_not_yours");
        let admin = h.admin.clone();
        assert_eq!(code(h.write(async move |tx, core| views::put(tx, core, &admin, None, draft("Team", Some("desk:moon"))).await).await), "team_unknown");
        let lena = h.lena.clone();
        assert_eq!(code(h.write(async move |tx, core| views::put(tx, core, &lena, None, draft("Mine", None)).await).await), "view_there");
        let lena = h.lena.clone();
        assert_eq!(code(h.write(async move |tx, core| views::put(tx, core, &lena, Some(id), Draft { version: 7, ..draft("Other", None) }).await).await), "version_changed");
        let lena = h.lena.clone();
        let again = h.write(async move |tx, core| views::put(tx, core, &lena, Some(id), Draft { version: 1, ..draft("Other", None) }).await).await.unwrap();
        assert_eq!((again.name.as_str(), again.version), ("Other", 2));
        let lena = h.lena.clone();
        h.write(async move |tx, core| views::remove(tx, core, &lena, id).await).await.unwrap();
        let lena = h.lena.clone();
        assert!(h.write(async move |tx, _| views::list(tx, &lena, None).await).await.unwrap().is_empty());
    }
}
