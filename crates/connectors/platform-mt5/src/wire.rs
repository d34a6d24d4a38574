//! What the server writes (trading-platforms.md 1.2 and 1.6 to 1.10), as text. Every scalar is
//! kept as the text it was, whether the server wrote `"12"` or `12`: numbers become integers in
//! `map.rs`, by decimal. Members we don't know are skipped, members that are missing stay empty.

pub(crate) use qd_connector_kit::Scalar;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The frame around every answer. The sign-in puts its members beside `retcode`.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope<'a> {
    pub retcode: Scalar,
    #[serde(borrow, default)]
    pub answer: Option<&'a RawValue>,
    #[serde(default)]
    pub srv_rand: Scalar,
    #[serde(default)]
    pub cli_rand_answer: Scalar,
    #[serde(default)]
    pub version_access: Scalar,
    #[serde(default)]
    pub version_trade: Scalar,
}

impl<'a> Envelope<'a> {
    pub fn read(text: &'a str) -> Result<Envelope<'a>, String> {
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|e| e.to_string())
    }
    /// The leading whole number of `"13 Not found"`; the words after it are for people.
    pub fn code(&self) -> Option<i64> {
        self.retcode.text().split_whitespace().next()?.parse().ok()
    }
}

/// The members of a list, each with its own text so that one bad record can be shown. A single
/// record instead of a list counts as a list of one.
pub(crate) fn list(answer: &str) -> Result<Vec<&RawValue>, String> {
    if answer.trim_start().starts_with('{') {
        return serde_json::from_str::<&RawValue>(answer)
            .map(|r| vec![r])
            .map_err(|e| e.to_string());
    }
    serde_json::from_str(answer).map_err(|e| e.to_string())
}

/// True for an answer that holds nothing: `[]`, `{}`, `""`, null.
pub(crate) fn is_empty(answer: &str) -> bool {
    let bare: String = answer.chars().filter(|c| !c.is_whitespace()).collect();
    matches!(bare.as_str(), "" | "[]" | "{}" | "\"\"" | "null" | "[{}]")
}

/// An account's record. Fields that need a right we may lack come empty.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct User {
    pub login: Scalar,
    pub group: Scalar,
    pub rights: Scalar,
    pub leverage: Scalar,
    pub balance: Scalar,
    pub credit: Scalar,
    #[serde(rename = "ID")]
    pub id: Scalar,
    pub comment: Scalar,
    pub name: Scalar,
    pub first_name: Scalar,
    pub last_name: Scalar,
    pub email: Scalar,
    pub phone: Scalar,
}

/// Margin and equity; exists only for accounts with activity since the server started.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Account {
    pub login: Scalar,
    pub balance: Scalar,
    pub credit: Scalar,
    pub margin: Scalar,
    pub margin_free: Scalar,
    pub floating: Scalar,
    pub equity: Scalar,
    /// 0 none, 1 margin call, 2 stop-out.
    #[serde(rename = "SOActivation")]
    pub so_activation: Scalar,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Group {
    pub group: Scalar,
    pub currency: Scalar,
    pub currency_digits: Scalar,
}

/// `ModificationFlags` in the documents is `ModifyFlags` in the vendor's own clients: both are read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Deal {
    pub deal: Scalar,
    pub login: Scalar,
    pub action: Scalar,
    pub entry: Scalar,
    pub reason: Scalar,
    pub digits: Scalar,
    pub digits_currency: Scalar,
    pub contract_size: Scalar,
    pub time: Scalar,
    pub time_msc: Scalar,
    pub symbol: Scalar,
    pub price: Scalar,
    pub price_position: Scalar,
    pub market_bid: Scalar,
    pub market_ask: Scalar,
    pub volume: Scalar,
    pub volume_ext: Scalar,
    pub volume_closed: Scalar,
    pub volume_closed_ext: Scalar,
    pub profit: Scalar,
    pub storage: Scalar,
    pub commission: Scalar,
    pub fee: Scalar,
    #[serde(rename = "PositionID")]
    pub position_id: Scalar,
    pub comment: Scalar,
    pub modification_flags: Scalar,
    pub modify_flags: Scalar,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Position {
    pub position: Scalar,
    pub login: Scalar,
    pub symbol: Scalar,
    pub action: Scalar,
    pub digits: Scalar,
    pub digits_currency: Scalar,
    pub time_create: Scalar,
    pub time_create_msc: Scalar,
    pub price_open: Scalar,
    pub price_current: Scalar,
    pub volume: Scalar,
    pub volume_ext: Scalar,
    pub profit: Scalar,
    pub storage: Scalar,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Ticket {
    pub ticket: Scalar,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Common {
    pub name: Scalar,
    pub total_users: Scalar,
    pub total_deals: Scalar,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TimeSettings {
    pub daylight_state: Scalar,
    pub time_zone: Scalar,
}

/// `"1572518788 2019.10.31 10:46:28"`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TimeNow {
    pub time: Scalar,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_captured_layout_is_read_and_unknown_members_are_skipped() {
        let text = "{\r\n\"retcode\" : \"0 Done\",\r\n\"answer\" : {\r\n\"Login\" : \"954402\",\r\n\"Group\" : \"real\\\\forex-usd\",\r\n\
                    \"Rights\" : \"355\",\r\n\"ApiData\" : [{\r\n\"AppID\" : \"0\"\r\n}\r\n],\r\n\"Balance\" : \"26000.00\"\r\n}\r\n}\r\n";
        let e = Envelope::read(text).unwrap();
        assert_eq!(e.code(), Some(0));
        let u: User = serde_json::from_str(e.answer.unwrap().get()).unwrap();
        assert_eq!(
            (u.login.int(), u.group.text(), u.balance.fixed(2)),
            (Some(954_402), "real\\forex-usd", Some(2_600_000))
        );
        assert_eq!(u.leverage.filled(), None);
    }

    #[test]
    fn numbers_are_read_as_text_and_never_through_a_float() {
        let u: User = serde_json::from_str(r#"{"Login":954402,"Balance":90071992547409.93,"Credit":null,"ID":true}"#).unwrap();
        assert_eq!((u.login.int(), u.balance.fixed(2)), (Some(954_402), Some(9_007_199_254_740_993)));
        assert_eq!((u.credit.filled(), u.id.text()), (None, "true"));
        assert!(serde_json::from_str::<User>(r#"{"Login":{"a":1}}"#).is_err());
    }

    #[test]
    fn a_code_is_the_leading_number_and_its_words_do_not_matter() {
        for (text, code) in [
            ("13 Not found", Some(13)),
            ("0 Done", Some(0)),
            ("10009", Some(10_009)),
            ("", None),
            ("Done", None),
        ] {
            let body = format!("{{\"retcode\":\"{text}\"}}");
            assert_eq!(Envelope::read(&body).unwrap().code(), code, "{text}");
        }
        assert!(Envelope::read("<html>").is_err());
        assert!(Envelope::read("{}").is_err());
    }

    #[test]
    fn an_empty_answer_is_known_in_its_spellings_and_one_record_is_a_list_of_one() {
        for t in ["[]", "[\r\n]", "{}", "\"\"", "null", ""] {
            assert!(is_empty(t), "{t:?}");
        }
        assert!(!is_empty("[\"1\"]"));
        assert_eq!(list("{\"a\":1}").unwrap().len(), 1);
        assert_eq!(list("[{},{}]").unwrap().len(), 2);
    }
}
