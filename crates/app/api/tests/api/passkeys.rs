//! Passkeys from outside, with an authenticator made of a key and some bytes.

use crate::world::{World, request};
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderValue, StatusCode, header};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const HOST: &str = "localhost:8080";
const ORIGIN: &str = "http://localhost:8080";

/// What lives in a telephone.
struct Device {
    pair: Ed25519KeyPair,
    id: Vec<u8>,
    counter: u32,
}

fn b64(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

impl Device {
    fn new(id: &[u8]) -> Device {
        let doc = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Device {
            pair: Ed25519KeyPair::from_pkcs8(doc.as_ref()).unwrap(),
            id: id.to_vec(),
            counter: 0,
        }
    }

    fn said(kind: &str, challenge: &Value, origin: &str) -> Vec<u8> {
        json!({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false})
            .to_string()
            .into_bytes()
    }

    fn data(rp: &str, flags: u8, counter: u32, more: &[u8]) -> Vec<u8> {
        [&Sha256::digest(rp.as_bytes())[..], &[flags], &counter.to_be_bytes(), more].concat()
    }

    fn make(&self, options: &Value) -> Value {
        let key = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..], self.pair.public_key().as_ref()].concat();
        let size = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let d = Self::data(
            options["rp"]["id"].as_str().unwrap(),
            0x45,
            0,
            &[&[0; 16][..], &size, &self.id, &key].concat(),
        );
        let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        attestation.extend(u16::try_from(d.len()).unwrap().to_be_bytes());
        attestation.extend(d);
        json!({"id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key", "clientExtensionResults": {}, "authenticatorAttachment": "platform",
            "response": {"clientDataJSON": b64(&Self::said("webauthn.create", &options["challenge"], ORIGIN)), "attestationObject": b64(&attestation), "transports": ["internal"]}})
    }

    fn answer(&mut self, options: &Value, origin: &str, flags: u8, handle: Option<&str>) -> Value {
        self.counter += 1;
        let client = Self::said("webauthn.get", &options["challenge"], origin);
        let d = Self::data(options["rpId"].as_str().unwrap(), flags, self.counter, &[]);
        let sig = self.pair.sign(&[&d[..], &Sha256::digest(&client)[..]].concat());
        json!({"id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": {"clientDataJSON": b64(&client), "authenticatorData": b64(&d), "signature": b64(sig.as_ref()), "userHandle": handle.map(|h| b64(h.as_bytes()))}})
    }
}

async fn at(w: &World, host: &str, method: &str, path: &str, token: Option<&str>, body: Value) -> crate::world::Told {
    let mut r = request(method, path, token, Some(&body));
    r.headers_mut().insert(header::HOST, HeaderValue::from_str(host).unwrap());
    w.send(r).await
}

async fn post(w: &World, path: &str, token: Option<&str>, body: Value) -> crate::world::Told {
    at(w, HOST, "POST", path, token, body).await
}

/// Makes a passkey for whoever is signed in; its id.
async fn add(w: &World, token: &str, d: &Device) -> String {
    let b = post(w, "/api/v1/auth/passkeys/begin", Some(token), json!({})).await.ok();
    let keep = json!({"challenge_id": b["challenge_id"], "name": "Telephone", "credential": d.make(&b["options"])});
    let p = post(w, "/api/v1/auth/passkeys", Some(token), keep.clone()).await;
    assert_eq!(p.status, StatusCode::CREATED, "{}", p.body);
    // A challenge is answered once.
    assert_eq!(post(w, "/api/v1/auth/passkeys", Some(token), keep).await.code(), "passkey_refused");
    p.body["id"].as_str().unwrap().to_string()
}

/// D12.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_signs_in_and_proves_and_is_gone_when_it_is_removed() {
    let w = World::quiet().await;
    let (token, _) = w.client("passkey@example.com").await;
    let me = w.get("/api/v1/auth/me", &token).await.ok();
    let handle = me["id"].as_str().unwrap().to_string();
    let mut phone = Device::new(b"credential-1");
    let id = add(&w, &token, &phone).await;
    let list = w.get("/api/v1/auth/passkeys", &token).await.ok();
    assert_eq!(
        (list["items"][0]["id"].as_str(), list["items"][0]["name"].as_str()),
        (Some(id.as_str()), Some("Telephone"))
    );

    let begin = async || {
        post(&w, "/api/v1/auth/passkeys/sign-in/begin", None, json!({"brand": "northwind"}))
            .await
            .ok()
    };
    let b = begin().await;
    assert_eq!(
        b["options"]["allowCredentials"],
        json!([]),
        "nobody learns whose passkeys there are"
    );
    let enter = |b: &Value, credential: Value| json!({"brand": "northwind", "challenge_id": b["challenge_id"], "credential": credential});
    let good = enter(&b, phone.answer(&b["options"], ORIGIN, 0x05, Some(&handle)));
    let t = post(&w, "/api/v1/auth/passkeys/sign-in", None, good.clone()).await;
    assert!(t.headers["set-cookie"].to_str().unwrap().starts_with("qd_session="), "{}", t.body);
    let fresh = t.ok();
    assert_eq!(fresh["id"], handle.as_str());
    let fresh = fresh["token"].as_str().unwrap().to_string();
    assert_eq!(w.get("/api/v1/auth/me", &fresh).await.ok()["id"], handle.as_str());
    let again = post(&w, "/api/v1/auth/passkeys/sign-in", None, good).await;
    assert_eq!(
        (again.status, again.code()),
        (StatusCode::UNAUTHORIZED, "passkey_refused"),
        "an answer is believed once"
    );

    // What a thief of an answer, another page, another brand or a careless device would send.
    let mut stranger = Device::new(b"credential-9");
    for (what, brand, make) in [
        ("another page", "northwind", 0),
        ("no check of the person", "northwind", 1),
        ("somebody else's handle", "northwind", 2),
        ("a key nobody knows", "northwind", 3),
        ("another brand", "harbour", 4),
    ] {
        let b = begin().await;
        let credential = match make {
            0 => phone.answer(&b["options"], "http://localhost:9090", 0x05, Some(&handle)),
            1 => phone.answer(&b["options"], ORIGIN, 0x01, Some(&handle)),
            2 => phone.answer(&b["options"], ORIGIN, 0x05, Some("lgn_other")),
            3 => stranger.answer(&b["options"], ORIGIN, 0x05, None),
            _ => phone.answer(&b["options"], ORIGIN, 0x05, Some(&handle)),
        };
        let body = json!({"brand": brand, "challenge_id": b["challenge_id"], "credential": credential});
        let t = post(&w, "/api/v1/auth/passkeys/sign-in", None, body).await;
        assert!(
            matches!(t.code(), "passkey_refused" | "brand_unknown"),
            "{what}: {} {}",
            t.status,
            t.body
        );
    }
    // A copy counts behind the original.
    let b = begin().await;
    phone.counter = 0;
    let t = post(
        &w,
        "/api/v1/auth/passkeys/sign-in",
        None,
        enter(&b, phone.answer(&b["options"], ORIGIN, 0x05, None)),
    )
    .await;
    assert_eq!(t.code(), "passkey_refused");
    let trail = w
        .get("/api/v1/audit?action=login.passkey_copied", &w.staff("admin").await)
        .await
        .ok();
    assert_eq!(trail["items"].as_array().map(Vec::len), Some(1));
    phone.counter = 100;

    let b = post(&w, "/api/v1/auth/passkeys/step-up/begin", Some(&fresh), json!({})).await.ok();
    assert_eq!(b["options"]["allowCredentials"][0]["id"], b64(&phone.id));
    let proof = json!({"challenge_id": b["challenge_id"], "credential": phone.answer(&b["options"], ORIGIN, 0x05, None)});
    assert!(post(&w, "/api/v1/auth/passkeys/step-up", Some(&fresh), proof).await.ok()["step_up_until_us"].is_i64());

    let (eve, _) = w.client("evekey@example.com").await;
    assert_eq!(
        w.ask("DELETE", &format!("/api/v1/auth/passkeys/{id}"), Some(&eve), None)
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        post(&w, "/api/v1/auth/passkeys/step-up/begin", Some(&eve), json!({})).await.code(),
        "passkeys_none"
    );
    assert_eq!(
        w.ask("DELETE", &format!("/api/v1/auth/passkeys/{id}"), Some(&token), None)
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    let b = begin().await;
    let t = post(
        &w,
        "/api/v1/auth/passkeys/sign-in",
        None,
        enter(&b, phone.answer(&b["options"], ORIGIN, 0x05, None)),
    )
    .await;
    assert_eq!(t.code(), "passkey_refused");
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_sign_in_with_theirs_and_a_place_that_is_not_ours_has_none() {
    let w = World::quiet().await;
    let sofia = w.staff("sofia").await;
    let mut key = Device::new(b"staff-key");
    add(&w, &sofia, &key).await;
    let b = post(&w, "/api/v1/auth/passkeys/sign-in/begin", None, json!({"staff": true}))
        .await
        .ok();
    let credential = key.answer(&b["options"], ORIGIN, 0x05, None);
    let body = json!({"staff": true, "challenge_id": b["challenge_id"], "credential": credential});
    let s = post(&w, "/api/v1/auth/passkeys/sign-in", None, body).await.ok();
    assert_eq!(s["kind"], "staff");
    assert!(w.get("/api/v1/tickets", s["token"].as_str().unwrap()).await.status.is_success());
    // A client's challenge is not for staff.
    let b = post(&w, "/api/v1/auth/passkeys/sign-in/begin", None, json!({"brand": "northwind"}))
        .await
        .ok();
    let credential = key.answer(&b["options"], ORIGIN, 0x05, None);
    let body = json!({"staff": true, "challenge_id": b["challenge_id"], "credential": credential});
    assert_eq!(
        post(&w, "/api/v1/auth/passkeys/sign-in", None, body).await.code(),
        "passkey_refused"
    );
    for host in ["127.0.0.1:8080", "evil.example", "localhost:9999"] {
        let t = at(&w, host, "POST", "/api/v1/auth/passkeys/begin", Some(&sofia), json!({})).await;
        assert_eq!((t.status, t.code()), (StatusCode::CONFLICT, "passkeys_unavailable"), "{host}");
    }
    let broken = json!({"staff": true, "challenge_id": b["challenge_id"], "credential": {"id": "*", "response": {"clientDataJSON": "", "authenticatorData": "", "signature": ""}}});
    assert_eq!(
        post(&w, "/api/v1/auth/passkeys/sign-in", None, broken).await.pointer(),
        "/credential/id"
    );
    w.end().await;
}
