//! Short ways to say what a test does.

use qd_db::Tx;
use qd_kernel::{PageRequest, Result, Ts};
use qd_kyc::*;
use qd_runtime::access::{Caller, LoginId, Role, StaffId};
use qd_runtime::events::{self, Event};
use qd_runtime::files::{FileId, FileRef, Mime};
use qd_runtime::tenancy::{Answers, Pack};
use qd_runtime::{Core, settings};
use qd_testkit::TestDb;
use serde_json::{Value, json};

const DEMO: &[(&str, &str)] = &[
    ("entity-eu.toml", include_str!("../../../../app/app/demo/entity-eu.toml")),
    ("entity-intl.toml", include_str!("../../../../app/app/demo/entity-intl.toml")),
    ("rules-kyc.toml", include_str!("../../../../app/app/demo/rules-kyc.toml")),
];

pub fn day(t: &str) -> Day {
    Day::parse(t).unwrap()
}

pub fn key() -> NumberKey {
    NumberKey::from_bytes([3; 32])
}

pub fn number(n: &str) -> Option<DocumentNumber> {
    DocumentNumber::new(&key(), n)
}

pub fn client(id: &str, entity: &str) -> Caller {
    let n = id.bytes().fold(7u128, |h, b| h * 31 + u128::from(b));
    Caller::client(LoginId::from_body(n), id, entity)
}

pub fn staff(n: u128, name: &str, role: Role, entities: &[&str]) -> Caller {
    Caller::staff(StaffId::from_body(n), name, &[role], None, entities)
}

pub fn anna() -> Caller {
    staff(1, "Anna Berg", Role::Compliance, &["eu", "intl"])
}

pub fn ben() -> Caller {
    staff(2, "Ben Okafor", Role::Compliance, &["eu", "intl"])
}

/// Somebody about whom there is nothing to say.
pub fn applicant(id: &str, entity: &str, country: &str) -> Applicant {
    Applicant {
        client_id: id.into(),
        entity: entity.into(),
        country: country.into(),
        name: "Alex Müller".into(),
        email: "alex@example.test".into(),
        nationality: Some(country.into()),
        birth_date: Some(day("1990-05-14")),
        phone: Some("+4930123456".into()),
        occupation: Some("employed".into()),
        source_of_funds: Some("salary".into()),
        pep: Some(false),
        partner: false,
        profile_missing: vec![],
    }
}

/// What the passport of [`applicant`] says.
pub fn passport() -> DocumentFields {
    DocumentFields {
        holder_name: Some("MUELLER ALEX".into()),
        birth_date: Some(day("1990-05-14")),
        expires_on: Some(day("2031-01-31")),
        ..DocumentFields::default()
    }
}

pub fn bill() -> DocumentFields {
    DocumentFields {
        holder_name: Some("Alex Müller".into()),
        issued_on: Some(day("2026-10-30")),
        ..DocumentFields::default()
    }
}

pub fn good_answers() -> Answers {
    answers(&[
        ("experience_years", "over_3"),
        ("trades_last_year", "over_50"),
        ("education", "seminars"),
        ("leverage_effect", "gains_and_losses"),
        ("margin_closeout", "positions_closed"),
        ("risk_of_loss", "can_lose_all"),
    ])
}

pub fn bad_answers() -> Answers {
    answers(&[
        ("experience_years", "none"),
        ("trades_last_year", "none"),
        ("education", "none"),
        ("leverage_effect", "unsure"),
        ("margin_closeout", "unsure"),
        ("risk_of_loss", "protected"),
    ])
}

fn answers(list: &[(&str, &str)]) -> Answers {
    list.iter().map(|(q, a)| (q.to_string(), vec![a.to_string()])).collect()
}

/// A brokerage with the demo's two entities; the offshore one lets clean clients pass by rule.
pub struct House {
    pub t: TestDb,
}

impl House {
    pub async fn new(t: TestDb) -> House {
        let h = House { t };
        h.write(async |tx, core| Pack::parse(DEMO.iter().copied())?.apply(tx, core, &Caller::system("seed")).await)
            .await
            .unwrap();
        h.set(WATCHLIST_KEY, "global", json!({ "names": ["Viktor Karlov", "Ndogo Traders"] }))
            .await;
        h.set(
            POLICY_KEY,
            "entity:intl",
            json!({ "auto_approve_low_risk": true, "declared_data_counts": true }),
        )
        .await;
        h
    }

    pub async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx, &Core) -> Result<T> + Send + Sync + 'static,
    {
        let core = self.t.core.clone();
        self.t.db.write(async move |tx| f(tx, &core).await).await
    }

    pub async fn set(&self, key: &'static str, scope: &'static str, value: Value) {
        self.write(async move |tx, core| {
            let base = settings::find(tx, scope, key).await?.map_or(0, |s| s.version);
            settings::put(tx, core, &Caller::system("test"), scope, key, base, &value, "test").await
        })
        .await
        .unwrap();
    }

    pub async fn open(&self, a: Applicant) -> Case {
        self.open_level(a, Level::Standard).await.unwrap()
    }

    pub async fn open_level(&self, a: Applicant, level: Level) -> Result<Case> {
        self.write(async move |tx, core| open_case(tx, core, &client(&a.client_id, &a.entity), a.clone(), level).await)
            .await
    }

    pub fn file(&self) -> FileRef {
        let id = FileId::new(&self.t.core.env);
        FileRef {
            id,
            sha256: format!("{:0>64}", id.to_string().to_lowercase()),
            mime: Mime::Jpeg,
            size: 900_000,
            key_id: "k1".into(),
        }
    }

    pub async fn upload(&self, c: &Case, requirement: &str, kind: &str, side: Side, fields: DocumentFields) -> Result<DocumentId> {
        let file = self.file();
        self.upload_file(c, requirement, kind, side, fields, file).await
    }

    pub async fn upload_file(
        &self,
        c: &Case,
        requirement: &str,
        kind: &str,
        side: Side,
        fields: DocumentFields,
        file: FileRef,
    ) -> Result<DocumentId> {
        let (c, requirement, kind) = (c.clone(), requirement.to_string(), kind.to_string());
        self.write(async move |tx, core| {
            let new = NewDocument {
                requirement: requirement.clone(),
                kind: kind.clone(),
                side,
                file: file.clone(),
                fields: fields.clone(),
            };
            add_document(tx, core, &client(&c.client_id, &c.entity), c.id, new).await
        })
        .await
    }

    /// Both usual documents, with what the client types from them.
    pub async fn upload_both(&self, c: &Case) -> (DocumentId, DocumentId) {
        let p = self.upload(c, "identity", "passport", Side::Single, passport()).await.unwrap();
        let b = self.upload(c, "address", "utility_bill", Side::Single, bill()).await.unwrap();
        (p, b)
    }

    pub async fn answer(&self, c: &Case, given: Answers) -> Result<AnswerSet> {
        let c = c.clone();
        self.write(async move |tx, core| answer(tx, core, &client(&c.client_id, &c.entity), &c.client_id, &c.entity, given.clone()).await)
            .await
    }

    pub async fn submit(&self, c: &Case, a: Applicant) -> Result<Case> {
        let here = Signals {
            ip_country: Some(a.country.clone()),
            ..Signals::default()
        };
        self.submit_with(c, a, here).await
    }

    pub async fn submit_with(&self, c: &Case, a: Applicant, signals: Signals) -> Result<Case> {
        let c = c.clone();
        self.write(async move |tx, core| submit(tx, core, &client(&c.client_id, &c.entity), c.id, a.clone(), signals.clone()).await)
            .await
    }

    pub async fn claim(&self, by: &Caller, c: &Case) -> Result<Case> {
        let (by, id) = (by.clone(), c.id);
        self.write(async move |tx, core| claim(tx, core, &by, id).await).await
    }

    pub async fn release(&self, by: &Caller, c: &Case) -> Result<Case> {
        let (by, id) = (by.clone(), c.id);
        self.write(async move |tx, core| release(tx, core, &by, id).await).await
    }

    pub async fn judge(&self, by: &Caller, doc: DocumentId, v: DocumentVerdict) -> Result<Case> {
        let by = by.clone();
        self.write(async move |tx, core| decide_document(tx, core, &by, doc, v.clone()).await)
            .await
    }

    pub async fn accept(&self, by: &Caller, doc: DocumentId) -> Result<Case> {
        self.judge(
            by,
            doc,
            DocumentVerdict::Accept {
                fields: DocumentFields::default(),
                waivers: vec![],
            },
        )
        .await
    }

    pub async fn refuse(&self, by: &Caller, doc: DocumentId, code: &str, note: Option<&str>) -> Result<Case> {
        self.judge(
            by,
            doc,
            DocumentVerdict::Reject {
                reason_code: code.into(),
                note: note.map(str::to_string),
            },
        )
        .await
    }

    /// With the version that is there now.
    pub async fn approve(&self, by: &Caller, c: &Case) -> Result<Case> {
        let v = self.version(c).await;
        self.approve_at(by, c, v).await
    }

    pub async fn approve_at(&self, by: &Caller, c: &Case, version: i64) -> Result<Case> {
        let (by, id) = (by.clone(), c.id);
        self.write(async move |tx, core| {
            approve(
                tx,
                core,
                &by,
                id,
                Verdict {
                    version,
                    reason: "all in order".into(),
                },
            )
            .await
        })
        .await
    }

    pub async fn reject(&self, by: &Caller, c: &Case, code: &str) -> Result<Case> {
        let (by, id, code, version) = (by.clone(), c.id, code.to_string(), self.version(c).await);
        self.write(async move |tx, core| {
            reject(
                tx,
                core,
                &by,
                id,
                &code,
                Verdict {
                    version,
                    reason: "see the file".into(),
                },
            )
            .await
        })
        .await
    }

    pub async fn again(&self, by: &Caller, c: &Case, list: Vec<Again>) -> Result<Case> {
        let (by, id, version) = (by.clone(), c.id, self.version(c).await);
        self.write(async move |tx, core| {
            ask_again(
                tx,
                core,
                &by,
                id,
                list.clone(),
                Verdict {
                    version,
                    reason: "one more".into(),
                },
            )
            .await
        })
        .await
    }

    pub async fn reopen(&self, by: &Caller, c: &Case, list: &[&str]) -> Result<Case> {
        let (by, id) = (by.clone(), c.id);
        let list: Vec<String> = list.iter().map(|s| s.to_string()).collect();
        self.write(async move |tx, core| reopen(tx, core, &by, id, &list, "looked at again").await)
            .await
    }

    /// Through a manual review to the approval.
    pub async fn through_review(&self, by: &Caller, c: &Case, docs: &[DocumentId]) -> Case {
        self.claim(by, c).await.unwrap();
        for d in docs {
            self.accept(by, *d).await.unwrap();
        }
        self.approve(by, c).await.unwrap()
    }

    pub async fn version(&self, c: &Case) -> i64 {
        self.view(&Caller::system("test"), c).await.unwrap().version
    }

    pub async fn view(&self, by: &Caller, c: &Case) -> Result<CaseView> {
        let (by, id) = (by.clone(), c.id);
        self.t.db.read(async move |tx| case_view(tx, &by, id).await).await
    }

    pub async fn gate(&self, client_id: &str) -> KycStanding {
        let (id, now) = (client_id.to_string(), self.t.core.now());
        self.t.db.read(async move |tx| gate(tx, &id, now).await).await.unwrap()
    }

    pub async fn who_approved(&self, by: &Caller, client_id: &str) -> Result<Vec<Approval>> {
        let (by, id) = (by.clone(), client_id.to_string());
        self.t.db.read(async move |tx| who_approved(tx, &by, &id).await).await
    }

    pub async fn queue(&self, by: &Caller, f: QueueFilter) -> Result<Vec<QueueRow>> {
        let (by, now) = (by.clone(), self.t.core.now());
        self.t
            .db
            .read(async move |tx| Ok(queue(tx, &by, &f, now, &PageRequest::new(None, None)?).await?.items))
            .await
    }

    pub async fn events(&self, c: &Case) -> Vec<Event> {
        let subject = format!("kyc:{}", c.id);
        self.write(async move |tx, _| {
            events::place_new(tx, 10_000).await?;
            events::page(tx, &subject, 0, 1_000).await
        })
        .await
        .unwrap()
    }

    pub async fn event_kinds(&self, c: &Case) -> Vec<String> {
        self.events(c).await.into_iter().map(|e| e.kind).collect()
    }

    pub fn at(&self, to: Ts) {
        self.t.clock.set(to);
    }
}

pub fn has(list: &[String], what: &str) -> bool {
    list.iter().any(|x| x == what)
}
