//! People for the tests of access.

#![allow(dead_code, reason = "each test file uses its part")]

use qd_kernel::{Problem, Result, Secret, Ts};
use qd_runtime::access::{
    Access, AccessConfig, Caller, HouseKey, LoginId, Proof, Realm, Role, SignIn, SignedIn, StaffId, code_at, logins, staff,
};
use qd_testkit::TestDb;

pub const PASSWORD: &str = "correct horse battery";

pub fn config() -> AccessConfig {
    AccessConfig {
        staff_second_factor: false,
        lock_after: 5,
        hash_queue: 1_000,
        ip_failures: 1_000,
        ..AccessConfig::light(HouseKey::from_bytes([7; 32]))
    }
}

pub async fn open(t: &TestDb) -> Access {
    open_with(t, config()).await
}

pub async fn open_with(t: &TestDb, c: AccessConfig) -> Access {
    Access::open(t.core.clone(), c).await.unwrap()
}

pub fn seed() -> Caller {
    Caller::system("seed")
}

pub async fn hire(a: &Access, email: &str, roles: &[Role]) -> StaffId {
    let hash = a.hash_new_password(&Secret::new(PASSWORD), true, &[]).await.unwrap();
    let n = staff::NewStaff {
        email: email.into(),
        name: format!("Staff {email}"),
        language: "en".into(),
        roles: roles.to_vec(),
        desk: Some("german".into()),
        entities: vec!["*".into()],
        password_hash: Some(hash),
        must_change: false,
    };
    let me = a.clone();
    a.core
        .db
        .write(async move |tx| staff::create(tx, &me, &seed(), n.clone()).await)
        .await
        .unwrap()
}

pub async fn client(a: &Access, brand: &str, email: &str, client_id: &str) -> Result<LoginId> {
    let hash = a.hash_new_password(&Secret::new(PASSWORD), false, &[]).await.unwrap();
    let n = logins::NewLogin {
        brand: brand.into(),
        entity: "eu".into(),
        client_id: client_id.into(),
        email: email.into(),
        name: "Alex".into(),
        language: "de".into(),
        password_hash: Some(hash),
    };
    let me = a.clone();
    a.core
        .db
        .write(async move |tx| logins::create(tx, &me, &seed(), n.clone()).await)
        .await
}

pub fn at_door(realm: Realm, email: &str, password: &str) -> SignIn {
    SignIn {
        realm,
        email: email.into(),
        password: Secret::new(password),
        code: None,
        ip: Some("192.0.2.1".into()),
        device: Some("cookie-1".into()),
        agent: Some("Firefox".into()),
    }
}

pub fn staff_door(email: &str) -> SignIn {
    at_door(Realm::Staff, email, PASSWORD)
}

pub async fn enter(a: &Access, email: &str) -> SignedIn {
    a.sign_in(staff_door(email)).await.unwrap()
}

pub async fn caller(a: &Access, s: &SignedIn) -> Result<Caller> {
    a.resolve(s.token.expose(), Some("192.0.2.1".into())).await
}

/// Enrols and confirms a second factor; its seed and the recovery codes.
pub async fn second_factor(a: &Access, s: &SignedIn) -> (Secret, Vec<Secret>) {
    let c = caller(a, s).await.unwrap();
    let e = a.enrol_second_factor(&c).await.unwrap();
    let codes = a.confirm_second_factor(&c, &code(&e.secret, a.core.now())).await.unwrap();
    (e.secret, codes)
}

pub fn code(seed: &Secret, at: Ts) -> Secret {
    Secret::new(code_at(seed, at).unwrap())
}

pub fn password_proof() -> Proof {
    Proof {
        password: Some(Secret::new(PASSWORD)),
        code: None,
    }
}

pub fn refused<T>(r: Result<T>) -> &'static str {
    match r {
        Ok(_) => "ok",
        Err(Problem { code, .. }) => code,
    }
}
