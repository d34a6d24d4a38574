//! Mails and notifications: in the client's language, once, and not lost when the server is away.

use async_trait::async_trait;
use qd_kernel::{Amount, Currency, PageRequest, Ts};
use qd_notify::*;
use qd_runtime::access::{Caller, LoginId, Role, StaffId};
use qd_runtime::jobs::{Registry, run_until_idle};
use qd_runtime::tenancy::{self, Pack};
use qd_testkit::TestDb;
use serde_json::json;
use std::sync::{Arc, Mutex};

const DEMO: &[(&str, &str)] = &[
    ("entity-eu.toml", include_str!("../../../app/app/demo/entity-eu.toml")),
    ("entity-intl.toml", include_str!("../../../app/app/demo/entity-intl.toml")),
    ("brands-desks.toml", include_str!("../../../app/app/demo/brands-desks.toml")),
];

async fn demo(t: &TestDb) {
    let core = t.core.clone();
    t.db.write(async move |tx| Pack::parse(DEMO.iter().copied())?.apply(tx, &core, &Caller::system("seed")).await)
        .await
        .unwrap();
}

/// A mail server that fails as told, then takes.
#[derive(Default)]
struct Server {
    answers: Mutex<Vec<SendError>>,
    tried: Mutex<Vec<Outgoing>>,
    taken: Mutex<Vec<Outgoing>>,
}

#[async_trait]
impl MailTransport for Server {
    async fn send(&self, m: &Outgoing) -> Result<(), SendError> {
        self.tried.lock().unwrap().push(m.clone());
        match self.answers.lock().unwrap().pop() {
            Some(e) => Err(e),
            None => {
                self.taken.lock().unwrap().push(m.clone());
                Ok(())
            }
        }
    }
}

fn request(key: &str, template: Template, language: &str) -> MailRequest {
    let params = [
        ("name", Param::Text("Alex <b>Weber</b>".into())),
        ("link", Param::Link("https://northwind.example/v?t=1&x=2".into())),
        (
            "amount",
            Param::Amount(Amount::checked(123_450, Currency::parse("EUR").unwrap()).unwrap()),
        ),
        ("reasons", Param::Keys(vec!["reject.image_quality".into(), "reject.expired".into()])),
        ("reason", Param::Key("reason.declined".into())),
        ("method", Param::Key("method.card".into())),
        ("document", Param::Key("document.identity".into())),
        ("date", Param::Date(Ts::from_ymd(2026, 11, 20))),
        ("device", Param::Text("Firefox".into())),
        ("login", Param::Text("500001".into())),
        ("server", Param::Text("eu-live".into())),
        ("currency", Param::Text("EUR".into())),
        ("leverage", Param::Text("30".into())),
        ("period", Param::Text("2026-10".into())),
        ("client", Param::Text("Alex Weber".into())),
        ("country", Param::Text("DE".into())),
        ("source", Param::Text("google".into())),
        ("task", Param::Text("Call".into())),
        ("subject", Param::Text("Your question of Tuesday".into())),
        ("body", Param::Text("Thank you for your call.".into())),
        ("by", Param::Text("Lena Vogt".into())),
        ("number", Param::Text("1042".into())),
    ];
    MailRequest {
        key: key.into(),
        template,
        brand: "northwind".into(),
        language: language.into(),
        to: Recipient {
            name: "Alex Weber".into(),
            address: "alex@example.com".into(),
        },
        client_id: Some("cli_x".into()),
        params: params.map(|(k, v)| (k.to_string(), v)).into(),
    }
}

async fn ask(t: &TestDb, r: MailRequest) -> Option<MailId> {
    let core = t.core.clone();
    t.db.write(async move |tx| mail(tx, &core, r.clone()).await).await.unwrap()
}

async fn work(t: &TestDb, server: &Arc<Server>) {
    let catalogue = Arc::new(Catalogue::builtin().unwrap());
    let registry = Registry::new().add(Arc::new(MailHandler::new(t.core.clone(), catalogue, server.clone())));
    run_until_idle(&t.core, &registry).await.unwrap();
}

qd_testkit::both! {
    async fn a_mail_asked_for_twice_under_one_key_leaves_once_and_in_the_clients_language(t: TestDb) {
        demo(&t).await;
        let id = ask(&t, request("deposit_received:dep_1", Template::DepositReceived, "de-AT")).await;
        assert!(id.is_some());
        assert_eq!(ask(&t, request("deposit_received:dep_1", Template::DepositReceived, "de-AT")).await, None);
        let server = Arc::new(Server::default());
        work(&t, &server).await;
        work(&t, &server).await;
        let taken = server.taken.lock().unwrap().clone();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].subject, "Wir haben 1.234,50 EUR erhalten");
        assert_eq!(taken[0].from, "Northwind <hello@northwind.example>");
        assert_eq!(taken[0].message_id, format!("{}@northwind.example", id.unwrap()));
        assert!(taken[0].html.contains("Alex &lt;b&gt;Weber&lt;/b&gt;"), "what a client typed is never markup");
        assert!(taken[0].text.contains("CFDs sind komplexe Instrumente"), "the licence's risk warning is under it");
        let office = Caller::staff(StaffId::new(&t.core.env), "Anna", &[Role::SuperAdmin], None, &["*"]);
        let page = t.db.read(async move |tx| mails_of(tx, &office, "cli_x", &PageRequest::new(None, None)?).await).await.unwrap();
        assert_eq!((page.items.len(), page.items[0].state), (1, MailState::Sent));
    }

    async fn a_server_that_is_away_gets_the_same_mail_again_with_the_same_message_id(t: TestDb) {
        demo(&t).await;
        let id = ask(&t, request("welcome:cli_x", Template::Welcome, "en")).await.unwrap();
        let server = Arc::new(Server::default());
        *server.answers.lock().unwrap() = vec![SendError::Later("connection refused".into()), SendError::Later("451".into())];
        for _ in 0..4 {
            work(&t, &server).await;
            t.clock.advance_secs(60);
        }
        let tried = server.tried.lock().unwrap().clone();
        assert_eq!(tried.len(), 3);
        assert!(tried.iter().all(|m| m.message_id == tried[0].message_id && m.html == tried[0].html));
        let m = t.db.read(async move |tx| mail_view(tx, &Caller::system("test"), id).await).await.unwrap();
        assert_eq!((m.state, m.attempts), (MailState::Sent, 3));
    }

    async fn a_refused_address_ends_the_mail_and_says_so(t: TestDb) {
        demo(&t).await;
        let id = ask(&t, request("welcome:cli_x", Template::Welcome, "en")).await.unwrap();
        let server = Arc::new(Server::default());
        *server.answers.lock().unwrap() = vec![SendError::Refused("refused with 550".into())];
        work(&t, &server).await;
        work(&t, &server).await;
        assert_eq!(server.tried.lock().unwrap().len(), 1);
        let m = t.db.read(async move |tx| mail_view(tx, &Caller::system("test"), id).await).await.unwrap();
        assert_eq!((m.state, m.error.as_deref()), (MailState::Refused, Some("refused with 550")));
    }

    async fn an_address_that_could_carry_a_second_recipient_is_refused(t: TestDb) {
        demo(&t).await;
        for bad in ["a@b.c, d@e.f", "a@b.c\r\nBcc: d@e.f", "nobody", "<a@b.c>"] {
            let mut r = request("k", Template::Welcome, "en");
            r.to.address = bad.into();
            let core = t.core.clone();
            let e = t.db.write(async move |tx| mail(tx, &core, r.clone()).await).await.unwrap_err();
            assert!(e.is("mail_address_malformed"), "{bad}");
        }
    }

    async fn a_notification_is_told_once_read_by_its_owner_and_by_nobody_else(t: TestDb) {
        let (anna, ben) = (StaffId::new(&t.core.env), StaffId::new(&t.core.env));
        let tell = async || {
            let core = t.core.clone();
            t.db.write(async move |tx| {
                let n = NewNotification {
                    recipient: anna.to_string(), key: Some("lead.assigned:cli_x".into()), kind: "lead.assigned".into(), title_key: "notification.lead_assigned".into(),
                    data: json!({"client": "Alex"}), object: Some("client:cli_x".into()), entity: Some("eu".into()),
                };
                notify(tx, &core, n).await
            }).await.unwrap()
        };
        let id = tell().await.unwrap();
        assert_eq!(tell().await, None);
        let anna = Caller::staff(anna, "Anna", &[Role::Sales], None, &["eu"]);
        let ben = Caller::staff(ben, "Ben", &[Role::Sales], None, &["eu"]);
        let core = t.core.clone();
        let (mine, others, stolen, left) = t.db.write(async move |tx| {
            let page = PageRequest::new(None, None)?;
            let mine = list_mine(tx, &anna, true, &page).await?.items.len();
            let others = list_mine(tx, &ben, false, &page).await?.items.len();
            let stolen = mark_read(tx, &core, &ben, id).await.is_err();
            mark_read(tx, &core, &anna, id).await?;
            Ok((mine, others, stolen, unread(tx, &anna).await?))
        }).await.unwrap();
        assert_eq!((mine, others, stolen, left), (1, 0, true, 0));
        let me = Caller::client(LoginId::new(&t.core.env), "cli_x", "eu");
        let none = t.db.read(async move |tx| unread(tx, &me).await).await.unwrap();
        assert_eq!(none, 0);
    }

    async fn every_mail_can_be_written_in_every_built_in_language_without_a_brace_left(t: TestDb) {
        demo(&t).await;
        let (brand, entity) = t.db.read(async |tx| Ok((tenancy::brand(tx, "northwind").await?, (*tenancy::get(tx, "eu").await?).clone()))).await.unwrap();
        let c = Catalogue::builtin().unwrap();
        for language in ["en", "de", "ar", "xx"] {
            for template in Template::ALL {
                let r = render(&c, *template, language, &brand, &entity, &request("k", *template, language).params).unwrap_or_else(|e| panic!("{language} {template}: {e}"));
                assert!(!format!("{}{}", r.subject, r.text).contains(['{', '}']), "{language} {template}");
                assert_eq!(r.html.contains("dir=\"rtl\""), language == "ar");
                assert_eq!(r.language, if language == "xx" { "en" } else { language });
            }
        }
        // A value that looks like a button is a text.
        let mut p = request("k", Template::KycReceived, "en").params;
        p.insert("name".into(), Param::Text("[Win](https://evil.example)".into()));
        let r = render(&c, Template::KycReceived, "en", &brand, &entity, &p).unwrap();
        assert!(!r.html.contains("href"));
        p.insert("link".into(), Param::Link("javascript:alert(1)".into()));
        assert!(render(&c, Template::Welcome, "en", &brand, &entity, &p).is_err());
    }

    async fn every_text_the_demos_rule_books_name_is_in_the_catalogue(t: TestDb) {
        demo(&t).await;
        let c = Catalogue::builtin().unwrap();
        let entities = t.db.read(async |tx| tenancy::entities(tx).await).await.unwrap();
        for e in entities {
            let k = &e.config;
            let mut keys: Vec<&str> = k.reject_reasons.iter().map(|r| r.text_key.as_str()).collect();
            keys.extend(k.documents.default.iter().chain(k.documents.by_country.values().flatten()).map(|d| d.title_key.as_str()));
            keys.extend(k.methods.iter().map(|m| m.title_key.as_str()));
            keys.extend(k.texts.get("risk_warning").map(String::as_str));
            for q in k.appropriateness.iter().flat_map(|q| &q.questions) {
                keys.push(&q.text_key);
                keys.extend(q.options.iter().map(|o| o.text_key.as_str()));
            }
            keys.extend(k.appropriateness.iter().flat_map(|q| &q.results).filter_map(|r| r.warning_key.as_deref()));
            for key in keys {
                assert!(c.get("en", key).is_some(), "{} names {key}", e.code);
            }
        }
    }
}
