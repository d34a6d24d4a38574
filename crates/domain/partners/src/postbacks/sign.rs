//! The Standard Webhooks signature: `webhook-id`, `webhook-timestamp`, `webhook-signature`. Secrets
//! are derived from the house's key and a number, so that none is stored and a new number makes the
//! old one worthless.

use crate::clicks::LinkKey;
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use qd_kernel::{Problem, Result, Secret, Ts};
use sha2::Sha256;

/// `whsec_…` of one address.
pub fn secret(key: &LinkKey, of: &str, no: i64) -> Result<Secret> {
    let raw = key.derive("webhook", &format!("{of}:{no}"))?;
    Ok(Secret::new(format!("whsec_{}", BASE64.encode(&raw))))
}

/// `v1,…` over `id.seconds.body`.
pub fn signature(secret: &Secret, id: &str, at: Ts, body: &str) -> Result<String> {
    let unusable = || Problem::bug("webhook_secret", "a signing secret is unusable");
    let raw = secret
        .expose()
        .strip_prefix("whsec_")
        .and_then(|b| BASE64.decode(b.as_bytes()).ok())
        .ok_or_else(unusable)?;
    let mut m = Hmac::<Sha256>::new_from_slice(&raw).map_err(|_| unusable())?;
    m.update(format!("{id}.{}.{body}", at.secs()).as_bytes());
    Ok(format!("v1,{}", BASE64.encode(&m.finalize().into_bytes())))
}

/// The scheme's headers for one message.
pub fn headers(secret: &Secret, id: &str, at: Ts, body: &str) -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("content-type", "application/json".into()),
        ("webhook-id", id.into()),
        ("webhook-timestamp", at.secs().to_string()),
        ("webhook-signature", signature(secret, id, at, body)?),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_of_the_scheme_comes_out() {
        // From the specification's own test.
        let s = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let got = signature(
            &s,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            Ts::from_secs(1_614_265_330),
            r#"{"test": 2432232314}"#,
        )
        .unwrap();
        assert_eq!(got, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
