#![allow(dead_code, reason = "each test file uses some of it")]

use qd_clients::{ClientId, NewLead, Registration, Taken, Touch};
use qd_kernel::Problem;
use qd_runtime::Core;
use qd_runtime::access::{Access, AccessConfig, Caller, HouseKey, LoginId, Role, StaffId, staff};
use qd_runtime::tenancy::Pack;
use qd_testkit::TestDb;

pub const DEMO: &[(&str, &str)] = &[
    ("entity-eu.toml", include_str!("../../../../app/app/demo/entity-eu.toml")),
    ("entity-intl.toml", include_str!("../../../../app/app/demo/entity-intl.toml")),
    ("brands-desks.toml", include_str!("../../../../app/app/demo/brands-desks.toml")),
    ("rules-lead.toml", include_str!("../../../../app/app/demo/rules-lead.toml")),
];

pub struct House {
    pub t: TestDb,
    pub core: Core,
    pub access: Access,
    pub german: Vec<StaffId>,
    pub english: StaffId,
    pub arabic: StaffId,
    pub partner: StaffId,
}

/// The demo's entities, brands, desks and rules, with agents on the desks.
pub async fn house(t: TestDb) -> House {
    let core = t.core.clone();
    let c = core.clone();
    t.db.write(async move |tx| Pack::parse(DEMO.iter().copied())?.apply(tx, &c, &Caller::system("seed")).await)
        .await
        .unwrap();
    let access = Access::open(core.clone(), AccessConfig::light(HouseKey::from_bytes([7; 32])))
        .await
        .unwrap();
    let hire = async |name: &'static str, role: Role, desk: &'static str, entities: &'static [&'static str]| {
        let access = access.clone();
        core.db
            .write(async move |tx| {
                let n = staff::NewStaff {
                    email: format!("{}@house.example", name.to_lowercase()),
                    name: name.into(),
                    language: "en".into(),
                    roles: vec![role],
                    desk: Some(desk.into()),
                    entities: entities.iter().map(|e| e.to_string()).collect(),
                    password_hash: None,
                    must_change: false,
                };
                staff::create(tx, &access, &Caller::system("seed"), n).await
            })
            .await
            .unwrap()
    };
    let german = vec![
        hire("Anna", Role::Sales, "german", &["eu"]).await,
        hire("Bernd", Role::Sales, "german", &["eu"]).await,
        hire("Clara", Role::Sales, "german", &["eu"]).await,
    ];
    // A manager of the desk is not in the round while agents are there.
    hire("Dieter", Role::SalesManager, "german", &["eu"]).await;
    let english = hire("Emma", Role::Sales, "english", &["*"]).await;
    let arabic = hire("Farid", Role::Sales, "arabic", &["intl"]).await;
    let partner = hire("Gina", Role::PartnerManager, "partner", &["*"]).await;
    House {
        core,
        access,
        german,
        english,
        arabic,
        partner,
        t,
    }
}

impl House {
    pub async fn lead(&self, lead: NewLead) -> Result<Taken, Problem> {
        let core = self.core.clone();
        self.t
            .db
            .write(async move |tx| qd_clients::take_lead(tx, &core, &Caller::public(), lead.clone()).await)
            .await
    }
    pub async fn register(&self, r: Registration) -> Result<qd_clients::Registered, Problem> {
        let core = self.core.clone();
        self.t
            .db
            .write(async move |tx| qd_clients::register(tx, &core, &Caller::public(), r.clone()).await)
            .await
    }
    pub fn sales(&self, id: StaffId, desk: &str) -> Caller {
        Caller::staff(id, "Sales", &[Role::Sales], Some(desk), &["eu"])
    }
    pub fn staff(&self, role: Role, entities: &[&str]) -> Caller {
        Caller::staff(StaffId::new(&self.core.env), role.as_str(), &[role], Some("german"), entities)
    }
    pub fn client(&self, id: ClientId, entity: &str) -> Caller {
        Caller::client(LoginId::new(&self.core.env), &id.to_string(), entity)
    }
    pub async fn find(&self, id: ClientId) -> qd_clients::Client {
        self.t
            .db
            .read(async move |tx| qd_clients::find(tx, id).await)
            .await
            .unwrap()
            .unwrap()
    }
    pub async fn events(&self, kind: &'static str) -> Vec<serde_json::Value> {
        self.t
            .db
            .write(async move |tx| {
                qd_runtime::events::place_new(tx, 10_000).await?;
                let all = qd_runtime::events::since(tx, 0, 10_000).await?;
                Ok(all.into_iter().filter(|e| e.kind == kind).map(|e| e.payload).collect())
            })
            .await
            .unwrap()
    }
}

pub fn alex() -> NewLead {
    NewLead {
        brand: "northwind".into(),
        first_name: "Alex".into(),
        last_name: "Wéber".into(),
        email: Some("Alex.Weber@gmail.com".into()),
        phone: Some("+49 171 1234567".into()),
        country: Some("DE".into()),
        language: Some("de".into()),
        message: Some("Rufen Sie mich an".into()),
        touch: Touch {
            source: "google".into(),
            medium: "cpc".into(),
            campaign: "autumn".into(),
            ip_country: "DE".into(),
            form: "landing".into(),
            ..Touch::default()
        },
        ..NewLead::default()
    }
}

pub fn named(first: &str, last: &str, email: &str) -> NewLead {
    NewLead {
        first_name: first.into(),
        last_name: last.into(),
        email: Some(email.into()),
        phone: None,
        message: None,
        ..alex()
    }
}

pub fn registration(email: &str) -> Registration {
    Registration {
        brand: "northwind".into(),
        email: email.into(),
        first_name: "Alex".into(),
        last_name: "Weber".into(),
        phone: Some("0171 1234567".into()),
        country: "DE".into(),
        language: "de".into(),
        ..Registration::default()
    }
}
