//! The same person twice, and finding people.

mod common;

use common::*;
use qd_clients::duplicates::{self, DuplicateState};
use qd_clients::*;
use qd_kernel::PageRequest;
use qd_runtime::access::{Caller, Role};
use qd_testkit::TestDb;

fn page() -> PageRequest {
    PageRequest::new(None, None).unwrap()
}

async fn open(h: &House) -> Vec<duplicates::Duplicate> {
    h.t.db
        .read(async |tx| duplicates::list(tx, &Caller::system("test"), Some(DuplicateState::Open), None, &page()).await)
        .await
        .unwrap()
        .items
}

async fn find(h: &House, who: Caller, q: &'static str) -> Vec<ClientId> {
    h.t.db
        .read(async move |tx| Ok(search::find(tx, &who, q).await?.into_iter().map(|r| r.id).collect()))
        .await
        .unwrap()
}

qd_testkit::both! {
    async fn one_person_with_three_spellings_is_proposed_with_reasons_merged_and_taken_apart(t: TestDb) {
        let h = house(t).await;
        let a = h.lead(alex()).await.unwrap().client_id;
        let mut again = named("Alexander", "Weber", "alexweber+fx@googlemail.com");
        again.phone = Some("0171/1234567".into());
        let taken = h.lead(again).await.unwrap();
        let b = taken.client_id;
        assert!(a != b && taken.possible_duplicates == 1);
        let d = open(&h).await.pop().unwrap();
        assert_eq!(d.score, 100);
        let reasons: Vec<_> = d.reasons.as_array().unwrap().iter().map(|r| r["mark"].as_str().unwrap().to_string()).collect();
        assert_eq!(reasons, ["email", "phone"]);
        // Somebody calls the record that will go; the survivor's timeline must show it.
        let core = h.core.clone();
        h.t.db.write(async move |tx| add_note(tx, &core, &Caller::system("test"), b, NoteKind::General, "Said hello").await).await.unwrap();
        let merge = async |keep: ClientId| {
            let (core, who) = (h.core.clone(), h.staff(Role::Compliance, &["eu"]));
            h.t.db.write(async move |tx| duplicates::merge(tx, &core, &who, d.id, keep, "same passport").await).await
        };
        assert!(merge(ClientId::new(&h.core.env)).await.is_err());
        assert_eq!(merge(a).await.unwrap().state, DuplicateState::Merged);
        assert!(merge(a).await.unwrap_err().is("duplicate_decided"));
        assert_eq!(h.find(b).await.merged_into, Some(a));
        let n = async |id: ClientId| h.t.db.read(async move |tx| Ok(notes(tx, &Caller::system("test"), id, &page()).await?.items.len())).await.unwrap();
        assert_eq!(n(a).await, 1);
        assert_eq!(find(&h, Caller::system("test"), "alexweber+fx@googlemail.com").await, [a], "the old address finds the survivor");
        let all = h.t.db.read(async |tx| list(tx, &Caller::system("test"), &Filter::default(), Sort::Newest, &page()).await).await.unwrap();
        assert_eq!(all.items.len(), 1);
        let core = h.core.clone();
        let e = h.t.db.write(async move |tx| stage(tx, &core, &Caller::system("test"), b, Command::Churn, "x").await).await.unwrap_err();
        assert!(e.is("client_merged"));
        // Undone, both are as before.
        let (core, who) = (h.core.clone(), h.staff(Role::Compliance, &["eu"]));
        h.t.db.write(async move |tx| duplicates::undo(tx, &core, &who, d.id, "two cousins").await).await.unwrap();
        assert_eq!((h.find(b).await.merged_into, n(a).await, n(b).await), (None, 0, 1));
        let (core, who) = (h.core.clone(), h.staff(Role::Compliance, &["eu"]));
        h.t.db.write(async move |tx| duplicates::dismiss(tx, &core, &who, d.id, "two cousins").await).await.unwrap();
        assert!(open(&h).await.is_empty());
        // The same evidence does not bring it back; stronger evidence would.
        let core = h.core.clone();
        let v = h.find(b).await.version;
        h.t.db.write(async move |tx| edit(tx, &core, &Caller::system("test"), b, v, Patch { last_name: Some("Webber".into()), ..Patch::default() }, "").await).await.unwrap();
        assert!(open(&h).await.is_empty());
    }

    async fn one_person_at_two_brands_is_recognised_and_linked_and_both_contracts_stay(t: TestDb) {
        let h = house(t).await;
        let a = h.lead(alex()).await.unwrap().client_id;
        let mut other = alex();
        other.brand = "harbour".into();
        let b = h.lead(other).await.unwrap().client_id;
        let d = open(&h).await.pop().unwrap();
        // Somebody of one entity sees neither the proposal nor the other record.
        let eu = h.staff(Role::Compliance, &["eu"]);
        assert!(h.t.db.read(async move |tx| duplicates::list(tx, &eu, None, None, &page()).await).await.unwrap().items.is_empty());
        let (core, both) = (h.core.clone(), h.staff(Role::Compliance, &["eu", "intl"]));
        let done = h.t.db.write(async move |tx| duplicates::merge(tx, &core, &both, d.id, a, "same person").await).await.unwrap();
        assert_eq!(done.state, DuplicateState::Linked);
        assert_eq!((h.find(a).await.merged_into, h.find(b).await.merged_into), (None, None));
        let both = h.staff(Role::Compliance, &["eu", "intl"]);
        let v = h.t.db.read(async move |tx| view(tx, &both, a).await).await.unwrap();
        assert_eq!(v.same_person.iter().map(|s| s.id).collect::<Vec<_>>(), [b]);
        let eu = h.staff(Role::Compliance, &["eu"]);
        assert!(h.t.db.read(async move |tx| view(tx, &eu, a).await).await.unwrap().same_person.is_empty());
    }

    async fn a_record_with_money_is_never_the_one_that_goes_and_a_document_shown_twice_is_found(t: TestDb) {
        let h = house(t).await;
        let a = h.register(registration("one@example.com")).await.unwrap().client_id;
        let mut r = registration("two@example.com");
        (r.first_name, r.phone) = ("Bruno".into(), None);
        let b = h.register(r).await.unwrap().client_id;
        assert!(open(&h).await.is_empty());
        let core = h.core.clone();
        h.t.db.write(async move |tx| {
            let me = Caller::system("test");
            stage(tx, &core, &me, b, Command::Fund, "deposit dep_1").await?;
            duplicates::note_document(tx, &core, &me, a, "hash-1").await?;
            duplicates::note_document(tx, &core, &me, b, "hash-1").await
        }).await.unwrap();
        let d = open(&h).await.pop().unwrap();
        assert_eq!(d.score, 90);
        let core = h.core.clone();
        let e = h.t.db.write(async move |tx| duplicates::merge(tx, &core, &Caller::system("test"), d.id, a, "").await).await.unwrap_err();
        assert!(e.is("merge_funded"));
        let core = h.core.clone();
        h.t.db.write(async move |tx| duplicates::merge(tx, &core, &Caller::system("test"), d.id, b, "").await).await.unwrap();
    }

    async fn a_client_is_found_by_name_mail_telephone_end_login_and_reference_but_only_by_those_who_may(t: TestDb) {
        let h = house(t).await;
        let taken = h.lead(alex()).await.unwrap();
        let id = taken.client_id;
        h.lead(named("Maria", "Weber-Núñez", "maria@example.com")).await.unwrap();
        h.t.db.write(async move |tx| search::put(tx, id, &["500001", "pi_3Qabc"]).await).await.unwrap();
        let all = Caller::system("test");
        for q in ["alex", "ALEX weber", "wéber al", "alex.weber@gmail.com", "4567", "+49 171 1234567", "0171 1234567", "500001", "pi_3qabc", "5000"] {
            assert_eq!(find(&h, all.clone(), q).await, [id], "{q}");
        }
        assert_eq!(find(&h, all.clone(), "weber").await.len(), 2);
        assert_eq!(find(&h, all.clone(), "nunez").await.len(), 1);
        assert!(find(&h, all.clone(), "webers").await.is_empty());
        let owner = taken.owner_id.unwrap();
        let other = *h.german.iter().find(|g| **g != owner).unwrap();
        assert_eq!(find(&h, h.sales(owner, "german"), "alex").await, [id]);
        assert!(find(&h, h.sales(other, "german"), "alex").await.is_empty());
        let blind = h.staff(Role::Ops, &["eu"]);
        if !blind.sees(qd_runtime::access::Mask::Contact) {
            assert!(find(&h, blind, "alex.weber@gmail.com").await.is_empty(), "a covered field cannot be guessed by searching");
        }
        let short = h.t.db.read(async |tx| search::find(tx, &Caller::system("test"), "a").await).await.unwrap_err();
        assert!(short.is("question_too_short"));
        // A changed name is found by the new one only.
        let (core, v) = (h.core.clone(), h.find(id).await.version);
        h.t.db.write(async move |tx| edit(tx, &core, &Caller::system("test"), id, v, Patch { last_name: Some("Schmidt".into()), ..Patch::default() }, "").await).await.unwrap();
        assert_eq!(find(&h, all.clone(), "schmidt").await, [id]);
        assert_eq!(find(&h, all.clone(), "500001").await, [id]);
        assert_eq!(find(&h, all, "weber").await.len(), 1);
    }
}
