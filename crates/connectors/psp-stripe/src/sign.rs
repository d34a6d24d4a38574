//! Webhook signatures (payment-providers.md 2.5): HMAC-SHA256 over `t.body`, the secret as the
//! text it is. Several `v1` entries and several secrets while one is being replaced.

use hmac::{Hmac, KeyInit, Mac};
use qd_kernel::{Secret, Ts};
use qd_ports::psp::HookRefusal;
use sha2::Sha256;
use subtle::ConstantTimeEq;

pub(crate) const HEADER: &str = "stripe-signature";

/// Checks the raw body; when it was signed. Signature first, then age: "stale" is only said of what was signed.
/// Stamps from the future are refused like old ones; Stripe's own libraries let them pass.
pub(crate) fn check(header: Option<&str>, body: &[u8], secrets: &[Secret], tolerance_s: i64, now: Ts) -> Result<Ts, HookRefusal> {
    let forged = |why: &str| HookRefusal::Forged(why.to_string());
    let header = header.ok_or_else(|| forged("no Stripe-Signature header"))?;
    let mut stamp: Option<&str> = None;
    let mut given: Vec<Vec<u8>> = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", _)) if stamp.is_some() => return Err(forged("two time stamps")),
            Some(("t", t)) => stamp = Some(t),
            // Other schemes (v0 of test mode) prove nothing.
            Some(("v1", hex_text)) => given.extend(hex::decode(hex_text)),
            _ => {}
        }
    }
    let stamp = stamp.ok_or_else(|| forged("no time stamp"))?;
    let at: i64 = stamp.parse().map_err(|_| forged("the time stamp is no number"))?;
    let mut good = subtle::Choice::from(0);
    for secret in secrets.iter().filter(|s| !s.is_empty()) {
        let want = digest(secret, stamp, body);
        for g in &given {
            good |= want.as_slice().ct_eq(g);
        }
    }
    if !bool::from(good) {
        return Err(forged("no signature fits"));
    }
    let age = now.secs().saturating_sub(at);
    if age.saturating_abs() > tolerance_s {
        return Err(HookRefusal::Stale(format!("signed {age} s ago, {tolerance_s} s are allowed")));
    }
    Ok(Ts::from_secs(at))
}

fn digest(secret: &Secret, stamp: &str, body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(stamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","created":1893456000,"livemode":false,"data":{"object":{"id":"pi_1","object":"payment_intent","amount":12345,"currency":"eur","status":"succeeded"}}}"#;
    const V1: &str = "b1c6bf873f6f7c10585c158e961a4eaf3201738bc363a956986d37ae44fa6143";
    const NOW: Ts = Ts::from_secs(1_893_456_000);

    fn secrets() -> Vec<Secret> {
        vec![Secret::new("whsec_of_next_month"), Secret::new("whsec_test_9f3c2b7a1d5e4860")]
    }
    fn run(header: &str, body: &str, now: Ts) -> Result<Ts, HookRefusal> {
        check(Some(header), body.as_bytes(), &secrets(), 300, now)
    }

    #[test]
    fn the_published_vector_is_accepted_beside_other_signatures_and_secrets() {
        assert_eq!(run(&format!("t=1893456000,v1={V1}"), BODY, NOW), Ok(NOW));
        assert_eq!(
            run(&format!("t=1893456000, v1={},v1={V1},v0=00", "0".repeat(64)), BODY, NOW),
            Ok(NOW)
        );
    }

    #[test]
    fn one_changed_byte_a_missing_part_or_a_wrong_secret_is_forged() {
        let ok = format!("t=1893456000,v1={V1}");
        let forged = |r| assert!(matches!(r, Err(HookRefusal::Forged(_))), "{r:?}");
        forged(run(&ok, &BODY.replace("12345", "12346"), NOW));
        forged(run(&ok.replace("1893456000", "1893456001"), BODY, NOW));
        forged(run(&ok.replace("v1=", "v0="), BODY, NOW));
        forged(run(&format!("v1={V1}"), BODY, NOW));
        forged(run(&format!("t=1893456000,t=1893456000,v1={V1}"), BODY, NOW));
        forged(run(&format!("t=soon,v1={V1}"), BODY, NOW));
        forged(run(&format!("t=1893456000,v1={}", &V1[..62]), BODY, NOW));
        forged(run("t=1893456000,v1=", BODY, NOW));
        forged(check(None, BODY.as_bytes(), &secrets(), 300, NOW));
        forged(check(Some(&ok), BODY.as_bytes(), &[], 300, NOW));
        // An unset secret must not turn into the empty key.
        forged(check(Some(&ok), BODY.as_bytes(), &[Secret::new("")], 300, NOW));
    }

    #[test]
    fn old_and_future_stamps_are_stale_but_only_when_signed() {
        let ok = format!("t=1893456000,v1={V1}");
        assert_eq!(run(&ok, BODY, NOW.plus_secs(300)), Ok(NOW));
        assert_eq!(run(&ok, BODY, NOW.plus_secs(-300)), Ok(NOW));
        assert!(matches!(run(&ok, BODY, NOW.plus_secs(301)), Err(HookRefusal::Stale(_))));
        assert!(matches!(run(&ok, BODY, NOW.plus_secs(-301)), Err(HookRefusal::Stale(_))));
        assert!(matches!(run(&ok, "{}", NOW.plus_secs(301)), Err(HookRefusal::Forged(_))));
    }
}
