//! The demo's entities and desks with a few people and clients.

use qd_clients::{ClientId, NewLead, Registration, Touch};
use qd_db::Tx;
use qd_kernel::{PageRequest, Problem, Result};
use qd_runtime::Core;
use qd_runtime::access::{Access, AccessConfig, Caller, HouseKey, LoginId, Role, StaffId, staff};
use qd_runtime::tenancy::Pack;
use qd_testkit::TestDb;

const DEMO: &[(&str, &str)] = &[
    ("entity-eu.toml", include_str!("../../../../app/app/demo/entity-eu.toml")),
    ("entity-intl.toml", include_str!("../../../../app/app/demo/entity-intl.toml")),
    ("brands-desks.toml", include_str!("../../../../app/app/demo/brands-desks.toml")),
    ("rules-lead.toml", include_str!("../../../../app/app/demo/rules-lead.toml")),
];

pub struct House {
    pub t: TestDb,
    pub core: Core,
    pub access: Access,
    pub sofia: Caller,
    pub samir: Caller,
    pub lena: Caller,
    pub admin: Caller,
}

pub fn staff_of(c: &Caller) -> StaffId {
    c.staff_id().unwrap()
}

pub fn first() -> PageRequest {
    PageRequest::new(Some(50), None).unwrap()
}

pub async fn house(t: TestDb) -> House {
    let core = t.core.clone();
    let c = core.clone();
    t.db.write(async move |tx| Pack::parse(DEMO.iter().copied())?.apply(tx, &c, &Caller::system("seed")).await)
        .await
        .unwrap();
    let access = Access::open(core.clone(), AccessConfig::light(HouseKey::from_bytes([7; 32])))
        .await
        .unwrap();
    let hire = async |name: &'static str, role: Role, desk: Option<&'static str>, entities: &'static [&'static str]| {
        let a = access.clone();
        let id = core
            .db
            .write(async move |tx| {
                let n = staff::NewStaff {
                    email: format!("{}@house.example", name.to_lowercase()),
                    name: name.into(),
                    language: "en".into(),
                    roles: vec![role],
                    desk: desk.map(str::to_string),
                    entities: entities.iter().map(|e| e.to_string()).collect(),
                    password_hash: None,
                    must_change: false,
                };
                staff::create(tx, &a, &Caller::system("seed"), n).await
            })
            .await
            .unwrap();
        Caller::staff(id, name, &[role], desk, entities)
    };
    let sofia = hire("Sofia", Role::Support, None, &["eu"]).await;
    let samir = hire("Samir", Role::Support, None, &["*"]).await;
    let lena = hire("Lena", Role::Sales, Some("german"), &["eu"]).await;
    let admin = hire("Ada", Role::SuperAdmin, None, &["*"]).await;
    House {
        t,
        core,
        access,
        sofia,
        samir,
        lena,
        admin,
    }
}

impl House {
    pub async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx, &Core) -> Result<T> + Send + Sync + 'static,
    {
        let core = self.core.clone();
        self.t.db.write(async move |tx| f(tx, &core).await).await
    }

    /// A registered client of the EU brand, as a caller and by id.
    pub async fn client(&self, email: &'static str) -> (Caller, ClientId) {
        let r = self
            .write(async move |tx, core| {
                let r = Registration {
                    brand: "northwind".into(),
                    email: email.into(),
                    first_name: "Alex".into(),
                    last_name: "Weber".into(),
                    country: "DE".into(),
                    language: "de".into(),
                    ..Registration::default()
                };
                qd_clients::register(tx, core, &Caller::public(), r).await
            })
            .await
            .unwrap();
        let id = r.client_id;
        (Caller::client(LoginId::new(&self.core.env), &id.to_string(), "eu"), id)
    }

    /// A lead of the EU brand that nobody owns but a desk may.
    pub async fn lead(&self, email: String) -> ClientId {
        self.write(async move |tx, core| {
            let lead = NewLead {
                brand: "northwind".into(),
                first_name: "Jo".into(),
                last_name: "Doe".into(),
                email: Some(email.clone()),
                country: Some("DE".into()),
                language: Some("de".into()),
                touch: Touch {
                    campaign: "bulk".into(),
                    ..Touch::default()
                },
                ..NewLead::default()
            };
            qd_clients::take_lead(tx, core, &Caller::public(), lead).await.map(|t| t.client_id)
        })
        .await
        .unwrap()
    }

    pub async fn audit_rows(&self, action: &'static str) -> usize {
        let auditor = self.admin.clone();
        self.write(async move |tx, _| {
            let f = qd_runtime::audit::AuditFilter {
                action: Some(action.into()),
                ..Default::default()
            };
            let page = PageRequest::new(Some(200), None)?;
            Ok(qd_runtime::audit::search(tx, &auditor, &f, &page).await?.items.len())
        })
        .await
        .unwrap()
    }
}

pub fn code<T: std::fmt::Debug>(r: std::result::Result<T, Problem>) -> &'static str {
    r.expect_err("a refusal").code
}
