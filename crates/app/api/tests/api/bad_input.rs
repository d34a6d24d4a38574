//! A wrong body, type, currency, amount, id, session, scope: each the right status and the place.

use crate::world::{World, request};
use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_input_is_answered_with_its_status_code_and_place() {
    let w = World::quiet().await;
    let (alex, alex_id) = w.client("bad.input@example.com").await;
    let admin = w.staff("admin").await;
    let deposit = |amount: Value| json!({"amount": amount, "method": "card"});
    let eur = |minor: i64| json!({"minor": minor, "currency": "EUR"});
    let missing = "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V";
    // who, method, path, body → status, code, pointer
    let table: Vec<(&str, &str, String, Option<Value>, u16, &str, &str)> = vec![
        (
            "admin",
            "PUT",
            "/api/v1/settings/global/kyc.policy".into(),
            Some(json!({"value": {"review_hours": 0}, "version": 0, "reason": "Shorter."})),
            422,
            "limit_out_of_range",
            "/value/review_hours",
        ),
        (
            "admin",
            "PUT",
            "/api/v1/settings/entity:eu/fx.rates".into(),
            Some(json!({"value": {}, "version": 0, "reason": "Own rates."})),
            422,
            "setting_scope_wrong",
            "/scope",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/deposits".into(),
            Some(json!({"method": "card"})),
            422,
            "field_missing",
            "/amount",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/deposits".into(),
            Some(json!({"amount": eur(1), "method": "card", "more": 1})),
            422,
            "field_unknown",
            "/more",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/deposits".into(),
            Some(deposit(json!({"minor": "500", "currency": "EUR"}))),
            422,
            "field_type",
            "/amount/minor",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/deposits".into(),
            Some(deposit(json!({"minor": 500.5, "currency": "EUR"}))),
            422,
            "field_type",
            "/amount/minor",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/deposits".into(),
            Some(deposit(json!({"minor": 50_000, "currency": "EURO"}))),
            422,
            "field_type",
            "/amount/currency",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/deposits".into(),
            Some(deposit(eur(0))),
            422,
            "amount_not_positive",
            "/amount/minor",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/deposits".into(),
            Some(deposit(eur(-5))),
            422,
            "amount_not_positive",
            "/amount/minor",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/deposits".into(),
            Some(deposit(eur(9_000_000_000_000_001))),
            422,
            "amount_out_of_range",
            "/amount/minor",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/deposits".into(),
            Some(json!({"amount": eur(50_000), "method": "gold"})),
            422,
            "method_unavailable",
            "/method",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/deposits".into(),
            Some(deposit(json!({"minor": 50_000, "currency": "JPY"}))),
            422,
            "currency_not_offered",
            "/amount/currency",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/deposits".into(),
            Some(json!({"amount": eur(50_000), "method": "card", "account_id": "cli_1"})),
            422,
            "field_type",
            "/account_id",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/deposits".into(),
            Some(deposit(eur(50_000))),
            409,
            "kyc_required",
            "",
        ),
        ("alex", "GET", format!("/api/v1/me/deposits/{missing}"), None, 404, "not_found", ""),
        (
            "alex",
            "GET",
            "/api/v1/me/deposits/dep_short".into(),
            None,
            422,
            "id_malformed",
            "/id",
        ),
        (
            "alex",
            "GET",
            "/api/v1/me/deposits?limit=0".into(),
            None,
            422,
            "limit_out_of_range",
            "/limit",
        ),
        (
            "alex",
            "GET",
            "/api/v1/me/deposits?cursor=zz".into(),
            None,
            422,
            "cursor_malformed",
            "/cursor",
        ),
        (
            "alex",
            "GET",
            "/api/v1/me/deposits?state=gone".into(),
            None,
            422,
            "value_unknown",
            "/state",
        ),
        (
            "alex",
            "GET",
            "/api/v1/me/deposits?colour=red".into(),
            None,
            422,
            "field_unknown",
            "/colour",
        ),
        (
            "alex",
            "GET",
            "/api/v1/me/wallet/EURO/statement".into(),
            None,
            422,
            "currency_unknown",
            "/currency",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/transfers".into(),
            Some(json!({"amount": eur(100)})),
            422,
            "same_place",
            "/to_account",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/accounts".into(),
            Some(json!({"account_type": "gold", "currency": "EUR"})),
            422,
            "account_type_unknown",
            "/account_type",
        ),
        (
            "alex",
            "POST",
            "/api/v1/me/accounts".into(),
            Some(json!({"account_type": "standard", "currency": "EUR"})),
            409,
            "kyc_required",
            "",
        ),
        (
            "alex",
            "PATCH",
            "/api/v1/me".into(),
            Some(json!({"step": "personal", "values": {"birth_date": "1990-02-31"}})),
            422,
            "profile_invalid",
            "/values/birth_date",
        ),
        (
            "alex",
            "PATCH",
            "/api/v1/me".into(),
            Some(json!({"step": "secrets", "values": {}})),
            422,
            "step_unknown",
            "/step",
        ),
        // Somebody else's, and the house's own things.
        ("alex", "GET", format!("/api/v1/clients/{alex_id}"), None, 403, "right_missing", ""),
        ("alex", "GET", "/api/v1/ledger/totals".into(), None, 403, "right_missing", ""),
        ("nobody", "GET", "/api/v1/me/deposits".into(), None, 401, "sign_in_required", ""),
        ("forged", "GET", "/api/v1/me/deposits".into(), None, 401, "session_over", ""),
        // Staff.
        (
            "admin",
            "GET",
            "/api/v1/clients/cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V".into(),
            None,
            404,
            "not_found",
            "",
        ),
        (
            "admin",
            "PATCH",
            format!("/api/v1/clients/{alex_id}"),
            Some(json!({"version": 99, "vip": true})),
            409,
            "version_changed",
            "/version",
        ),
        (
            "admin",
            "POST",
            format!("/api/v1/clients/{alex_id}/stage"),
            Some(json!({"command": "verify", "reason": "x"})),
            422,
            "value_unknown",
            "/command",
        ),
        (
            "admin",
            "POST",
            format!("/api/v1/clients/{alex_id}/assign"),
            Some(json!({"owner_id": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "reason": "x"})),
            422,
            "staff_unknown",
            "/owner_id",
        ),
        ("admin", "GET", "/api/v1/search?q=a".into(), None, 422, "question_too_short", "/q"),
        ("admin", "GET", "/api/v1/search".into(), None, 422, "field_missing", "/q"),
        (
            "admin",
            "GET",
            format!("/api/v1/clients/{alex_id}/file?as_of=yesterday"),
            None,
            422,
            "moment_malformed",
            "/as_of",
        ),
        (
            "admin",
            "GET",
            "/api/v1/ledger/statement?owner=client:x".into(),
            None,
            422,
            "field_missing",
            "/purpose",
        ),
        (
            "admin",
            "POST",
            format!("/api/v1/deposits/{missing}/release"),
            Some(json!({"reason": "x"})),
            404,
            "not_found",
            "",
        ),
        (
            "admin",
            "PUT",
            "/api/v1/roles/support".into(),
            Some(json!({"rights": {"everything.do": "all"}, "sees": [], "version": 1, "reason": "x"})),
            422,
            "value_unknown",
            "/rights/everything.do",
        ),
        (
            "admin",
            "PUT",
            "/api/v1/brands/northwind".into(),
            Some(
                json!({"entity": "eu", "name": "N", "host": "h", "mail_from": "a@b", "languages": ["en"], "hue": 400, "version": 1, "reason": "x"}),
            ),
            422,
            "hue_out_of_range",
            "/hue",
        ),
        (
            "admin",
            "POST",
            "/api/v1/rules".into(),
            Some(
                json!({"set": "nowhere", "name": "n", "priority": 1, "expression": "true", "outcome": {}, "reason_code": "r", "state": "shadow"}),
            ),
            422,
            "rule_set_unknown",
            "/set",
        ),
        // The doors.
        (
            "nobody",
            "POST",
            "/api/v1/auth/staff/sign-in".into(),
            Some(json!({"email": "nobody@example.com", "password": "wrong"})),
            401,
            "sign_in_failed",
            "",
        ),
        (
            "nobody",
            "POST",
            "/api/v1/auth/sign-in".into(),
            Some(json!({"brand": "none", "email": "a@b.example", "password": "x"})),
            422,
            "brand_unknown",
            "/brand",
        ),
        (
            "nobody",
            "POST",
            "/api/v1/auth/password/reset".into(),
            Some(json!({"token": "qdt_x", "password": "Elbe-Hafen-2026"})),
            422,
            "token_invalid",
            "/token",
        ),
        (
            "nobody",
            "POST",
            "/api/v1/leads".into(),
            Some(json!({"brand": "northwind", "first_name": "A"})),
            422,
            "form_invalid",
            "/email",
        ),
        (
            "nobody",
            "POST",
            "/api/v1/leads".into(),
            Some(json!({"brand": "northwind", "email": "not an address"})),
            422,
            "form_invalid",
            "/email",
        ),
        (
            "nobody",
            "POST",
            "/api/v1/register".into(),
            Some(
                json!({"brand": "northwind", "email": "bad.input@example.com", "password": "Alster-Segel-42", "first_name": "A", "last_name": "B", "country": "DE", "language": "de"}),
            ),
            409,
            "client_exists",
            "/email",
        ),
        (
            "nobody",
            "POST",
            "/api/v1/register".into(),
            Some(
                json!({"brand": "northwind", "email": "x@example.com", "password": "password", "first_name": "A", "last_name": "B", "country": "DE", "language": "de"}),
            ),
            422,
            "password_common",
            "/password",
        ),
        ("nobody", "GET", "/c/NOSUCH".into(), None, 404, "not_found", ""),
        (
            "nobody",
            "POST",
            "/hooks/stripe/nobody".into(),
            Some(json!({})),
            404,
            "not_found",
            "",
        ),
    ];
    for (who, method, path, body, status, code, pointer) in table {
        let token = match who {
            "alex" => Some(alex.as_str()),
            "admin" => Some(admin.as_str()),
            "forged" => Some("qds_forged"),
            _ => None,
        };
        let t = w.ask(method, &path, token, body.as_ref()).await;
        assert_eq!(
            (t.status.as_u16(), t.code(), t.pointer()),
            (status, code, pointer),
            "{method} {path} {body:?}: {}",
            t.body
        );
        if let Some(f) = t.body["fields"].as_array().and_then(|f| f.first()) {
            assert!(
                f["expected"].as_str().is_some_and(|e| e.len() > 3),
                "{method} {path}: what was expected is not said: {}",
                t.body
            );
        }
    }
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_cannot_be_read_are_400_and_too_large_ones_413() {
    let w = World::quiet().await;
    let (alex, _) = w.client("bodies@example.com").await;
    let raw = |kind: Option<&str>, body: Vec<u8>| {
        let mut r = request("POST", "/api/v1/me/deposits", Some(&alex), None);
        if let Some(k) = kind {
            r.headers_mut().insert(header::CONTENT_TYPE, k.parse().unwrap());
        }
        let (parts, _) = r.into_parts();
        Request::from_parts(parts, Body::from(body))
    };
    for (kind, body) in [
        (Some("application/json"), b"{\"amount\":".to_vec()),
        (Some("application/json"), b"".to_vec()),
        (Some("application/json"), b"\xff\xfe".to_vec()),
        (
            Some("application/json"),
            b"{\"amount\":{\"minor\":1,\"currency\":\"EUR\"},\"method\":\"card\"} {}".to_vec(),
        ),
        (Some("text/plain"), b"{}".to_vec()),
        (None, b"{}".to_vec()),
    ] {
        let t = w.send(raw(kind, body.clone())).await;
        assert_eq!(
            (t.status, t.code()),
            (StatusCode::BAD_REQUEST, "body_unreadable"),
            "{kind:?} {:?}",
            String::from_utf8_lossy(&body)
        );
    }
    let t = w.send(raw(Some("application/json"), vec![b' '; 300 * 1024])).await;
    assert_eq!((t.status, t.code()), (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"));
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_move_money_insist_on_an_idempotency_key() {
    let w = World::quiet().await;
    let (alex, _) = w.client("no.key@example.com").await;
    for (path, body) in [
        (
            "/api/v1/me/deposits",
            json!({"amount": {"minor": 50_000, "currency": "EUR"}, "method": "card"}),
        ),
        ("/api/v1/me/withdrawals", json!({"amount": {"minor": 50_000, "currency": "EUR"}})),
        ("/api/v1/me/transfers", json!({"amount": {"minor": 50_000, "currency": "EUR"}})),
    ] {
        let mut r = request("POST", path, Some(&alex), Some(&body));
        r.headers_mut().remove("idempotency-key");
        let t = w.send(r).await;
        assert_eq!((t.status.as_u16(), t.code()), (422, "idempotency_key_missing"), "{path}");
        let described = &w.document["paths"][path]["post"]["parameters"];
        assert!(
            described
                .as_array()
                .unwrap()
                .iter()
                .any(|p| p["name"] == "Idempotency-Key" && p["required"] == true),
            "{path}"
        );
    }
    w.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_judged_by_their_bytes() {
    let w = World::quiet_with(|c| c.files.max_bytes = 20_000).await;
    let (alex, _) = w.client("papers@example.com").await;
    let send = |query: &str, body: Vec<u8>| {
        let mut r = request("POST", &format!("/api/v1/me/kyc/documents?{query}"), Some(&alex), None);
        r.headers_mut().insert(header::CONTENT_TYPE, "image/png".parse().unwrap());
        let (parts, _) = r.into_parts();
        Request::from_parts(parts, Body::from(body))
    };
    let png = [b"\x89PNG\r\n\x1a\n".to_vec(), vec![7; 500]].concat();
    for (query, body, status, code, pointer) in [
        (
            "requirement=identity&kind=passport",
            b"<html>".to_vec(),
            422,
            "file_type_unsupported",
            "/file",
        ),
        ("requirement=identity&kind=passport", Vec::new(), 422, "file_empty", "/file"),
        ("requirement=identity&kind=passport", vec![0; 30_000], 413, "body_too_large", ""),
        (
            "requirement=identity&kind=passport&expires_on=soon",
            png.clone(),
            422,
            "date_malformed",
            "/expires_on",
        ),
        ("kind=passport", png.clone(), 422, "field_missing", "/requirement"),
    ] {
        let t = w.send(send(query, body)).await;
        assert_eq!(
            (t.status.as_u16(), t.code(), t.pointer()),
            (status, code, pointer),
            "{query}: {}",
            t.body
        );
    }
    let t = w.send(send("requirement=horoscope&kind=passport", png)).await;
    assert_eq!(t.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", t.body);
    w.end().await;
}
