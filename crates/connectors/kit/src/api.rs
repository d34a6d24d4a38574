//! Calls: what left the house, what came back, and what is known when nothing did.

use qd_kernel::Result;
use qd_outbound::{Bytes, Client, Method, Request, SendError, StatusCode};
use qd_ports::{CallError, CallResult};
use serde::de::DeserializeOwned;

/// How much of an answer that can't be read is kept for the exception about it, in characters.
const RAW_KEPT: usize = 4_000;

/// An address and a client for it.
#[derive(Debug)]
pub struct Api {
    base: String,
    client: Client,
}

/// An answer of any status.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// Method-less name of the call, for messages.
    pub path: String,
    pub text: String,
    headers: Vec<(String, String)>,
}

impl Api {
    pub fn of(account: &crate::Account, own: &str) -> Result<Api> {
        Ok(Api {
            base: account.base(own)?,
            client: account.client()?,
        })
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends once. `path` begins with a slash; header values may carry secrets and are never
    /// repeated in messages. An answer of any status is Ok: what it means is the connector's to say.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, String)], body: impl Into<Bytes>) -> CallResult<Answer> {
        let mut req = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            req = req.header(*name, value);
        }
        let named = path.split('?').next().unwrap_or(path).to_string();
        let req = req
            .body(body.into())
            .map_err(|_| CallError::not_sent("request_malformed", format!("{named}: the request cannot be written")))?;
        let answer = self.client.send(req).await.map_err(|e| match e {
            SendError::NotSent(c) => CallError::not_sent(c.code, c.detail),
            SendError::Unknown(c) => CallError::unknown(c.code, c.detail),
        })?;
        Ok(Answer {
            status: answer.status,
            path: named,
            text: answer.text().into_owned(),
            headers: answer
                .headers
                .iter()
                .filter_map(|(k, v)| Some((k.as_str().to_string(), v.to_str().ok()?.to_string())))
                .collect(),
        })
    }
}

impl Answer {
    /// By its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as JSON; one that can't be read leaves the effect unknown and is kept.
    pub fn json<T: DeserializeOwned>(&self) -> CallResult<T> {
        serde_json::from_str(&self.text).map_err(|why| unreadable(&self.path, why, &self.text))
    }

    /// An error answer that is not in the provider's own voice (a proxy's page, half a body): it
    /// proves nothing about the effect.
    pub fn foreign(&self) -> CallError {
        let status = self.status.as_u16();
        let mut e = CallError::unknown(
            format!("http_{status}"),
            format!("{}: HTTP {status} without the provider's error body", self.path),
        );
        e.raw = Some(cut(&self.text));
        e
    }
}

/// A header's value by its lower-case name.
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

pub fn cut(text: &str) -> String {
    text.chars().take(RAW_KEPT).collect()
}

/// An answer whose meaning is unknown; its text is kept for the exception.
pub fn unreadable(path: &str, why: impl std::fmt::Display, text: &str) -> CallError {
    CallError::unreadable(format!("{path}: {why}"), cut(text))
}

/// The answer speaks of another amount, currency or reference than ours. Something exists at the
/// provider, so its fate is open until a person has looked.
pub fn echo_mismatch(path: &str, detail: impl std::fmt::Display, text: &str) -> CallError {
    let mut e = CallError::unknown("echo_mismatch", format!("{path}: {detail}"));
    e.raw = Some(cut(text));
    e
}

/// Err unless the answer is about what was asked for.
pub fn same(path: &str, asked: &str, got: &str, text: &str) -> CallResult<()> {
    if asked == got {
        Ok(())
    } else {
        Err(echo_mismatch(path, "the answer is about another object", text))
    }
}

/// A provider's id that goes into a path: letters, digits, `_`, `-` and `.`, at most 255.
pub fn checked_id(id: &str) -> CallResult<&str> {
    if fits(id, 255, b"_-.") && id.bytes().any(|b| b != b'.') {
        Ok(id)
    } else {
        Err(CallError::refused("provider_ref_malformed", "not one of this provider's ids"))
    }
}

/// Our own reference, at most `most` characters: what providers take in their narrowest field.
pub fn checked_ref(our_ref: &str, most: usize) -> CallResult<&str> {
    if fits(our_ref, most, b"_-") {
        Ok(our_ref)
    } else {
        Err(CallError::refused(
            "our_ref_malformed",
            format!("our id must be letters, digits, _ or -, at most {most}"),
        ))
    }
}

fn fits(text: &str, most: usize, more: &[u8]) -> bool {
    !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_would_leave_its_place_in_a_path_is_refused() {
        for bad in ["", "..", "a/b", "a?b", "a b", "ä", &"x".repeat(256)] {
            assert_eq!(checked_id(bad).unwrap_err().code, "provider_ref_malformed", "{bad:?}");
        }
        assert_eq!(checked_id("5O190127TN364715T").unwrap(), "5O190127TN364715T");
        assert_eq!(checked_ref("dep_0h-1", 50).unwrap(), "dep_0h-1");
        assert_eq!(checked_ref("dep_0h", 5).unwrap_err().code, "our_ref_malformed");
    }
}
