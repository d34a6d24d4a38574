use super::*;
use qd_kernel::Currency;
use qd_ports::psp::HookRefusal::{Forged, Unreadable};
use serde_json::{Value, json};

const KEY: &str = "A1B2C3D4E5F60718293A4B5C6D7E8F90112233445566778899AABBCCDDEEFF00";
const SIG: &str = "M+2DlyZlq6LoISo9HzKwgyHKszOfv3F+DiOIAXcxoG4=";

fn keys() -> Keys {
    Keys::new(&[Secret::new("00".repeat(32)), Secret::new(KEY)]).unwrap()
}

fn body(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut item = json!({"eventCode": "AUTHORISATION", "success": "true", "pspReference": "7914073381342284", "originalReference": "",
        "merchantAccountCode": "DemoMerchant", "merchantReference": "dep-000123", "amount": {"value": 2540, "currency": "EUR"},
        "eventDate": "2026-11-20T10:00:00+01:00", "reason": "033899:1111:03/2030", "additionalData": {"hmacSignature": SIG}});
    change(&mut item);
    json!({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]})
        .to_string()
        .into_bytes()
}

fn run(body: &[u8]) -> std::result::Result<HookEvent, HookRefusal> {
    read(&keys(), "DemoMerchant", body, Ts(7))
}

/// Changed and signed again.
fn signed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    body(|item| {
        change(item);
        let data = ["pspReference", "originalReference", "merchantAccountCode", "merchantReference"]
            .map(|n| item[n].as_str().unwrap_or_default().to_string())
            .join(":");
        let data = format!(
            "{data}:{}:{}:{}:{}",
            item["amount"]["value"],
            item["amount"]["currency"].as_str().unwrap(),
            item["eventCode"].as_str().unwrap(),
            item["success"].as_str().unwrap()
        );
        let made = sign::hmac_sha256(&hex::decode(KEY).unwrap(), &[data.as_bytes()]);
        item["additionalData"]["hmacSignature"] = STANDARD.encode(made).into();
    })
}

#[test]
fn the_published_vector_is_accepted_and_tells_the_payment() {
    let e = run(&body(|_| {})).unwrap();
    assert_eq!(e.event_id, "7914073381342284:AUTHORISATION:true");
    assert_eq!(e.at, Ts::from_secs(1_795_165_200));
    let HookSubject::Told { report } = e.subject else {
        panic!("{:?}", e.subject)
    };
    let Told::Deposit(r) = *report else { panic!("{report:?}") };
    let eur = Amount::new(2_540, Currency::EUR);
    assert_eq!((r.state, r.amount, r.received), (PaymentState::Succeeded, eur, Some(eur)));
    assert_eq!(
        (r.our_ref.as_deref(), r.payment_ref.as_deref()),
        (Some("dep-000123"), Some("7914073381342284"))
    );
}

#[test]
fn any_of_the_eight_fields_changed_is_forged() {
    let forged = |r: std::result::Result<HookEvent, HookRefusal>| assert!(matches!(r, Err(Forged(_))), "{r:?}");
    for (field, value) in [
        ("pspReference", json!("1")),
        ("originalReference", json!("1")),
        ("merchantAccountCode", json!("Other")),
        ("merchantReference", json!("dep-000124")),
        ("amount", json!({"value": 254_000, "currency": "EUR"})),
        ("amount", json!({"value": 2540, "currency": "USD"})),
        ("eventCode", json!("REFUND")),
        ("success", json!("false")),
        ("additionalData", json!({})),
        ("additionalData", json!({"hmacSignature": "no base64"})),
    ] {
        forged(run(&body(|i| i[field] = value)));
    }
    forged(run(b"not json"));
    forged(run(br#"{"notificationItems":[]}"#));
    forged(read(&Keys::new(&[]).unwrap(), "DemoMerchant", &body(|_| {}), Ts(7)));
    assert!(matches!(read(&keys(), "Other", &body(|_| {}), Ts(7)), Err(Unreadable(_))));
    for bad in ["", "zz", "A1B2"] {
        assert!(Keys::new(&[Secret::new(bad)]).is_err(), "{bad}");
    }
}

#[test]
fn every_event_we_act_on_tells_its_report() {
    let told = |code: &str, success: &str| {
        let b = signed(|i| {
            i["eventCode"] = code.into();
            i["success"] = success.into();
            i["pspReference"] = "REF1".into();
            i["originalReference"] = "7914073381342284".into();
        });
        match run(&b).unwrap().subject {
            HookSubject::Told { report } => Some(*report),
            HookSubject::Other => None,
            other => panic!("{other:?}"),
        }
    };
    for (code, success, want) in [
        ("REFUND", "true", RefundState::Succeeded),
        ("REFUND", "false", RefundState::Failed),
        ("REFUND_FAILED", "true", RefundState::Failed),
        ("REFUNDED_REVERSED", "true", RefundState::Failed),
    ] {
        let Some(Told::Refund(r)) = told(code, success) else {
            panic!("{code}")
        };
        assert_eq!(
            (r.state, r.provider_ref.as_str(), r.payment_ref.as_str()),
            (want, "REF1", "7914073381342284")
        );
        assert_eq!(
            (r.our_ref.as_deref(), r.failure_code.is_some()),
            (Some("dep-000123"), want == RefundState::Failed)
        );
    }
    for (code, want) in [
        ("NOTIFICATION_OF_CHARGEBACK", DisputeState::Warning),
        ("REQUEST_FOR_INFORMATION", DisputeState::Warning),
        ("CHARGEBACK", DisputeState::Opened),
        ("CHARGEBACK_REVERSED", DisputeState::Won),
        ("SECOND_CHARGEBACK", DisputeState::Lost),
        ("PREARBITRATION_LOST", DisputeState::Unrecognised),
        ("CAPTURE_FAILED", DisputeState::Unrecognised),
    ] {
        let Some(Told::Dispute(d)) = told(code, "true") else {
            panic!("{code}")
        };
        assert_eq!(
            (d.state, d.provider_ref.as_str(), d.provider_state.as_str()),
            (want, "7914073381342284", code)
        );
    }
    for (code, success) in [
        ("AUTHORISATION", "false"),
        ("CAPTURE", "true"),
        ("REPORT_AVAILABLE", "true"),
        ("NEVER_HEARD_OF", "true"),
    ] {
        assert!(told(code, success).is_none(), "{code}");
    }
    let lost = signed(|i| i["eventCode"] = "CHARGEBACK".into());
    assert!(matches!(run(&lost), Err(Unreadable(_))));
}
