use crate::ground::*;
use qd_clients::{ClientId, NewLead};
use qd_kernel::PageRequest;
use qd_runtime::access::{Caller, Role};
use qd_runtime::audit;
use qd_runtime::tenancy::Pack;
use qd_testkit::{TestDb, both};
use qd_trading::mapping::{self, Accept, Conflict, Decided, Decisions, MappingQuery, MappingState, MappingView, Reason, RunState, RunView};
use qd_trading::{AccountState, TradingAccountId, accounts};
use serde_json::json;

const DEMO: &[(&str, &str)] = &[
    ("entity-eu.toml", include_str!("../../../../app/app/demo/entity-eu.toml")),
    ("entity-intl.toml", include_str!("../../../../app/app/demo/entity-intl.toml")),
    ("brands-desks.toml", include_str!("../../../../app/app/demo/brands-desks.toml")),
    ("rules-lead.toml", include_str!("../../../../app/app/demo/rules-lead.toml")),
];

async fn house(t: TestDb) -> Ground {
    let g = Ground::new(t).await;
    let core = g.core.clone();
    g.core
        .db
        .write(async move |tx| Pack::parse(DEMO.iter().copied())?.apply(tx, &core, &Caller::system("seed")).await)
        .await
        .unwrap();
    g
}

async fn client(g: &Ground, first: &str, last: &str, email: &str, phone: &str) -> ClientId {
    let brand = {
        let all = g.core.db.read(async |tx| qd_runtime::tenancy::brands(tx).await).await.unwrap();
        all.into_iter().find(|b| b.entity == "eu").unwrap().code
    };
    let lead = NewLead {
        brand,
        first_name: first.into(),
        last_name: last.into(),
        email: Some(email.into()),
        phone: Some(phone.into()),
        country: Some("DE".into()),
        ..NewLead::default()
    };
    let core = g.core.clone();
    let taken = g
        .core
        .db
        .write(async move |tx| qd_clients::take_lead(tx, &core, &Caller::public(), lead.clone()).await);
    taken.await.unwrap().client_id
}

async fn login(g: &Ground, name: &str, email: &str, phone: &str, our_ref: &str) -> u64 {
    let made = g
        .mt5(
            "account",
            json!({"group": r"real\eu-standard-eur", "name": name, "email": email, "phone": phone, "id": our_ref, "leverage": 30,
                   "pass_main": "Abcdef-12345", "pass_investor": "Ghijkl-67890"}),
        )
        .await;
    made["login"].as_u64().unwrap()
}

async fn search(g: &Ground) -> RunView {
    let core = g.core.clone();
    let asked = g
        .core
        .db
        .write(async move |tx| mapping::ask(tx, &core, &staff("Omar", Role::Ops), SERVER).await)
        .await
        .unwrap();
    g.work().await;
    let id = asked.id;
    let r = g
        .core
        .db
        .read(async move |tx| mapping::run(tx, &staff("Omar", Role::Ops), id).await)
        .await
        .unwrap();
    assert_eq!(r.state, RunState::Done, "{r:?}");
    r
}

async fn mappings(g: &Ground, state: MappingState) -> Vec<MappingView> {
    let page = PageRequest::new(Some(200), None).unwrap();
    let q = MappingQuery {
        server: Some(SERVER.into()),
        state: Some(state),
    };
    let all = g
        .core
        .db
        .read(async move |tx| mapping::list(tx, &staff("Omar", Role::Ops), q.clone(), &page).await);
    all.await.unwrap().items
}

async fn decide(g: &Ground, d: Decisions) -> Result<Decided, String> {
    let core = g.core.clone();
    g.core
        .db
        .write(async move |tx| mapping::decide(tx, &core, &staff("Omar", Role::Ops), &d).await)
        .await
        .map_err(|p| p.code.to_string())
}

fn yes(m: &MappingView, client: Option<ClientId>) -> Accept {
    Accept {
        id: m.id,
        client_id: client.map(|c| c.to_string()),
    }
}

both! {
    async fn of_a_hundred_logins_the_clear_ones_are_proposed_and_the_conflicts_listed(t: TestDb) {
        let g = house(t).await;
        // Eighty whose address and name are ours, however they are written.
        let mut clear = Vec::new();
        for i in 0..80 {
            let c = client(&g, "Jörg", &format!("Muster{i}"), &format!("jorg.{i}@example.com"), &format!("+4917000{i:05}")).await;
            login(&g, &format!("MUSTER{i} Jorg"), &format!("Jorg.{i}@Example.com"), "", "").await;
            clear.push(c);
        }
        // Five whose record carries our client's number; five that two of a family fit; nine nobody knows.
        for i in 0..5 {
            let c = client(&g, "Rita", &format!("Ref{i}"), &format!("rita.{i}@example.com"), "").await;
            login(&g, "R.", "old@elsewhere.example", "", &c.to_string()).await;
        }
        for i in 0..5 {
            let phone = format!("+4930111{i:05}");
            for n in ["a", "b"] {
                client(&g, "Kim", &format!("Familie{i}"), &format!("kim.{n}{i}@example.com"), &phone).await;
            }
            login(&g, &format!("Kim Familie{i}"), "", &phone, "").await;
        }
        for i in 0..9 {
            login(&g, &format!("Niemand {i}"), &format!("niemand.{i}@elsewhere.example"), "+33100000000", "").await;
        }
        // And one that is somebody else's account here already.
        let rightful = client(&g, "Alex", "Müller", "alex@example.com", "+49221123456").await;
        let taken = g.account("cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V").await;

        let r = search(&g).await;
        assert_eq!((r.logins, r.proposed, r.conflicts, r.strangers), (100, 85, 6, 9));
        let proposed = mappings(&g, MappingState::Proposed).await;
        let first = proposed.iter().find(|m| m.client_id == Some(clear[0].to_string())).unwrap();
        assert_eq!((first.score, first.candidates[0].reasons.as_slice()), (75, [Reason::Email, Reason::Name].as_slice()));
        assert_eq!(proposed.iter().filter(|m| m.candidates[0].reasons == [Reason::OurRef]).count(), 5);
        let conflicts = mappings(&g, MappingState::Conflict).await;
        assert_eq!(conflicts.iter().filter(|m| m.conflict == Some(Conflict::TwoClients) && m.candidates.len() == 2).count(), 5);
        let other = conflicts.iter().find(|m| m.conflict == Some(Conflict::LoginTaken)).unwrap();
        assert_eq!((other.client_id.clone(), other.account_id), (Some(rightful.to_string()), Some(taken.id)));

        // All at once, or not at all.
        let strangers = mappings(&g, MappingState::Stranger).await;
        let all = Decisions {
            accept: proposed.iter().map(|m| yes(m, None)).collect(),
            refuse: strangers.iter().map(|m| m.id).collect(),
            reason: "moved over from the old system".into(),
        };
        let with = |extra: Accept| {
            let mut d = all.clone();
            d.accept.push(extra);
            d
        };
        assert_eq!(decide(&g, with(yes(other, None))).await.unwrap_err(), "mapping_login_taken");
        assert_eq!(decide(&g, with(yes(&conflicts[0], None))).await.unwrap_err(), "mapping_client_missing");
        assert_eq!(mappings(&g, MappingState::Proposed).await.len(), 85, "nothing was decided");
        let two = conflicts.iter().find(|m| m.conflict == Some(Conflict::TwoClients)).unwrap();
        let chosen = ClientId::parse(&two.candidates[1].client_id).unwrap();
        let done = decide(&g, with(yes(two, Some(chosen)))).await.unwrap();
        assert_eq!((done.accepted.len(), done.refused), (86, 9));
        g.work().await;
        let mine = g.core.clone();
        let of = clear[7].to_string();
        let accounts = g.core.db.read(async move |tx| accounts::of_client(tx, &mine, &of).await).await.unwrap();
        assert_eq!((accounts.len(), accounts[0].state, accounts[0].account_type.as_str()), (1, AccountState::Ready, "standard"));
        assert_eq!(g.events("trading.account_mapped").len(), 86);
        assert_eq!(g.events("trading.mapping_decided").len(), 95);

        // Looked for again: what was decided stays, only the open conflicts are left.
        let again = search(&g).await;
        assert_eq!((again.logins, again.proposed, again.conflicts, again.strangers), (100, 0, 5, 0));
        assert_eq!(mappings(&g, MappingState::Refused).await.len(), 9);
        let page = PageRequest::new(Some(200), None).unwrap();
        let q = audit::AuditFilter { action: Some("login_mapping.accepted".into()), ..audit::AuditFilter::default() };
        let rows = g.core.db.read(async move |tx| audit::search(tx, &Caller::system("test"), &q, &page).await).await.unwrap();
        assert_eq!(rows.items.len(), 86);
        g.finish().await;
    }

    async fn an_accepted_login_comes_with_its_balance_credit_and_last_deals_and_counts_from_then_on(t: TestDb) {
        let g = house(t).await;
        let c = client(&g, "Jörg", "Muster", "jorg@example.com", "").await;
        let l = login(&g, "Jörg Muster", "jorg@example.com", "", "").await;
        g.mt5("balance", json!({"login": l, "amount": "500.00", "comment": "wire of last year"})).await;
        g.mt5("balance", json!({"login": l, "amount": "50.00", "type": 3, "comment": "bonus"})).await;
        g.mt5("trade", json!({"login": l, "symbol": "EURUSD", "volume_lots": "0.50", "hold_s": 30, "move_points": 40})).await;
        // The feed has seen it before anybody knew whose it is.
        g.feed().await;
        g.pass(600).await;
        search(&g).await;
        let m = mappings(&g, MappingState::Proposed).await.remove(0);
        let accepted = decide(&g, Decisions { accept: vec![yes(&m, None)], refuse: vec![], reason: "checked".into() }).await.unwrap().accepted;
        g.work().await;
        let a = g.ready(accepted[0]).await;
        assert_eq!((a.client_id.clone(), a.login.as_deref(), a.mapping.as_str()), (c.to_string(), Some(l.to_string().as_str()), "import v1"));
        g.agree(&a).await;
        let money = |kind: &str| g.events(kind).len();
        assert_eq!(money("trading.account_mapped"), 1);

        // Read again by the feed and compared: nothing counts twice, nothing is missing.
        g.pass(4_000).await;
        g.feed().await;
        g.agree(&a).await;
        let core = g.core.clone();
        let run = g.core.db.write(async move |tx| qd_trading::drift::ask(tx, &core, &staff("Omar", Role::Ops), SERVER).await).await.unwrap();
        g.work().await;
        let done = g.core.db.read(async move |tx| qd_trading::drift::run(tx, &staff("Omar", Role::Ops), run.id).await).await.unwrap();
        assert_eq!((done.differs, done.unmapped), (0, 0));
        assert!(!g.exceptions().await.iter().any(|k| k.starts_with("platform.")), "{:?}", g.exceptions().await);

        // From now on it is an account like any other.
        g.mt5("trade", json!({"login": l, "symbol": "EURUSD", "volume_lots": "0.10", "hold_s": 30, "move_points": 10})).await;
        g.feed().await;
        g.agree(&a).await;
        g.mt5("balance", json!({"login": l, "amount": "5.00", "comment": "by hand"})).await;
        g.feed().await;
        assert!(g.exceptions().await.contains(&"platform.foreign_money".to_string()));
        g.finish().await;
    }

    async fn nobody_without_the_right_decides_and_nothing_twice(t: TestDb) {
        let g = house(t).await;
        client(&g, "Jörg", "Muster", "jorg@example.com", "").await;
        login(&g, "Jörg Muster", "jorg@example.com", "", "").await;
        search(&g).await;
        let m = mappings(&g, MappingState::Proposed).await.remove(0);
        let d = Decisions { accept: vec![yes(&m, None)], refuse: vec![], reason: "checked".into() };
        let (core, d2) = (g.core.clone(), d.clone());
        let p = g.core.db.write(async move |tx| mapping::decide(tx, &core, &staff("Fina", Role::Finance), &d2).await).await.unwrap_err();
        assert_eq!(p.code, "right_missing");
        assert_eq!(decide(&g, Decisions { reason: " ".into(), ..d.clone() }).await.unwrap_err(), "reason_missing");
        let made: Vec<TradingAccountId> = decide(&g, d.clone()).await.unwrap().accepted;
        assert_eq!(made.len(), 1);
        assert_eq!(decide(&g, d).await.unwrap_err(), "mapping_decided");
        g.work().await;
        g.ready(made[0]).await;
        g.finish().await;
    }
}
