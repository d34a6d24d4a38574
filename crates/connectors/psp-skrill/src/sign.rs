//! `md5sig` of status posts (payment-providers.md 3.5): over the texts as they were received.

use md5::{Digest as _, Md5};
use qd_kernel::Secret;

fn upper(text: &str) -> String {
    hex::encode_upper(Md5::digest(text))
}

/// The API/MQI password as calls carry it.
pub(crate) fn password(plain: &Secret) -> Secret {
    Secret::new(hex::encode(Md5::digest(plain.expose())))
}

/// What is signed of a post, as it came.
pub(crate) struct Signed<'a> {
    pub merchant_id: &'a str,
    pub transaction_id: &'a str,
    pub mb_amount: &'a str,
    pub mb_currency: &'a str,
    pub status: &'a str,
}

pub(crate) fn md5sig(s: &Signed<'_>, word: &Secret) -> String {
    upper(&format!(
        "{}{}{}{}{}{}",
        s.merchant_id,
        s.transaction_id,
        upper(word.expose()),
        s.mb_amount,
        s.mb_currency,
        s.status
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_and_ours_reproduce_and_the_text_is_hashed_as_it_came() {
        let sign = |id, mb_amount, word: &str| {
            let s = Signed {
                merchant_id: "4637827",
                transaction_id: id,
                mb_amount,
                mb_currency: "EUR",
                status: "2",
            };
            md5sig(&s, &Secret::new(word))
        };
        assert_eq!(sign("5585262", "9.99", "Answer One"), "CF9DCA614656D19772ECAB978A56866D");
        assert_ne!(sign("5585262", "9.99", "answer one"), "CF9DCA614656D19772ECAB978A56866D");
        assert_eq!(sign("dep-000123", "25.4", "sekret42"), "1F1084998B230B77E3486A24C1F1FF92");
        assert_eq!(sign("dep-000123", "25.40", "sekret42"), "339541F63200A55B75563FAF17D115AF");
    }
}
