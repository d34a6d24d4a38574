//! A small JSON client over the house's own outbound client.

use super::Played;
use qd_kernel::{Problem, Result};
use qd_outbound::{Bytes, Client, ClientOptions, HeaderMap, Method, Reach, Request};
use serde_json::Value;
use std::time::{Duration, Instant};

pub struct Http {
    client: Client,
    pub base: String,
    /// How long a call that got no answer is sent again, with the same headers.
    pub patience: Duration,
}

/// An answer, whatever its status.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Answer {
    /// The stable code of a problem body.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The body of a success; else the story's failure in a sentence.
    pub fn done(self) -> Played<Value> {
        if (200..300).contains(&self.status) {
            Ok(self.body)
        } else {
            Err(self.refusal())
        }
    }

    pub fn refusal(&self) -> String {
        let fields: Vec<String> = self.body["fields"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|f| format!("{} {}", f["pointer"], f["expected"]))
            .collect();
        match self.code() {
            "" => format!("answered {}: {}", self.status, self.text.chars().take(300).collect::<String>()),
            code => format!(
                "answered {} {code}: {} {}",
                self.status,
                self.body["detail"].as_str().unwrap_or_default(),
                fields.join("; ")
            ),
        }
    }

    /// Expects this refusal and nothing else.
    pub fn refused(&self, status: u16, code: &str) -> Played<()> {
        if self.status == status && self.code() == code {
            Ok(())
        } else {
            Err(format!("expected {status} {code}; {}", self.refusal()))
        }
    }
}

/// What is sent.
pub enum Body<'a> {
    None,
    Json(&'a Value),
    Form(String),
    Bytes(&'a str, Vec<u8>),
}

impl Http {
    pub fn new(base: &str) -> Result<Http> {
        let options = ClientOptions {
            reach: Reach::Anywhere,
            timeout: Duration::from_secs(30),
            ..ClientOptions::default()
        };
        let client = Client::new(options).map_err(|c| Problem::bug("client_unbuildable", c.to_string()))?;
        Ok(Http {
            client,
            base: base.to_string(),
            patience: Duration::ZERO,
        })
    }

    /// `path` is below the base, or a whole URL.
    pub async fn send(&self, method: Method, path: &str, token: Option<&str>, headers: &[(&str, &str)], body: Body<'_>) -> Played<Answer> {
        let url = if path.contains("://") {
            path.to_string()
        } else {
            format!("{}{path}", self.base)
        };
        let mut req = Request::builder().method(method.clone()).uri(&url);
        if let Some(t) = token {
            req = req.header("authorization", format!("Bearer {t}"));
        }
        for (k, v) in headers {
            req = req.header(*k, *v);
        }
        let bytes = match body {
            Body::None => Bytes::new(),
            Body::Json(v) => {
                req = req.header("content-type", "application/json");
                Bytes::from(v.to_string())
            }
            Body::Form(f) => {
                req = req.header("content-type", "application/x-www-form-urlencoded");
                Bytes::from(f)
            }
            Body::Bytes(kind, b) => {
                req = req.header("content-type", kind);
                Bytes::from(b)
            }
        };
        let req = req.body(bytes).map_err(|e| format!("{method} {path}: {e}"))?;
        let begun = Instant::now();
        let answer = loop {
            let answer = self.client.send(req.clone()).await;
            let wait = match &answer {
                Ok(a) if a.status.as_u16() == 429 => begun.elapsed() < Duration::from_secs(20),
                Ok(a) => a.status.as_u16() == 503 && begun.elapsed() < self.patience,
                Err(_) => begun.elapsed() < self.patience,
            };
            if !wait {
                break answer.map_err(|e| format!("{method} {path}: {e}"))?;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let text = answer.text().into_owned();
        Ok(Answer {
            status: answer.status.as_u16(),
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            headers: answer.headers,
            text,
        })
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Played<Value> {
        self.send(Method::GET, path, token, &[], Body::None)
            .await?
            .done()
            .map_err(|e| format!("GET {path} {e}"))
    }

    pub async fn text(&self, path: &str, token: Option<&str>) -> Played<String> {
        let a = self.send(Method::GET, path, token, &[], Body::None).await?;
        if a.status == 200 {
            Ok(a.text)
        } else {
            Err(format!("GET {path} {}", a.refusal()))
        }
    }

    /// With an idempotency key of its own, as a portal sends it.
    pub async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Played<Value> {
        self.try_post(path, token, body)
            .await?
            .done()
            .map_err(|e| format!("POST {path} {e}"))
    }

    pub async fn try_post(&self, path: &str, token: Option<&str>, body: &Value) -> Played<Answer> {
        let key = format!("story-{}", qd_kernel::Env::system().entropy.code(20));
        self.keyed(path, token, &key, body).await
    }

    pub async fn keyed(&self, path: &str, token: Option<&str>, key: &str, body: &Value) -> Played<Answer> {
        self.send(Method::POST, path, token, &[("idempotency-key", key)], Body::Json(body))
            .await
    }

    pub async fn patch(&self, path: &str, token: Option<&str>, body: &Value) -> Played<Value> {
        self.send(Method::PATCH, path, token, &[], Body::Json(body))
            .await?
            .done()
            .map_err(|e| format!("PATCH {path} {e}"))
    }

    pub async fn put(&self, path: &str, token: Option<&str>, body: &Value) -> Played<Value> {
        self.send(Method::PUT, path, token, &[], Body::Json(body))
            .await?
            .done()
            .map_err(|e| format!("PUT {path} {e}"))
    }

    pub async fn delete(&self, path: &str) -> Played<Value> {
        self.send(Method::DELETE, path, None, &[], Body::None)
            .await?
            .done()
            .map_err(|e| format!("{} {path} {e}", Method::DELETE))
    }

    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Played<Answer> {
        let text: Vec<String> = fields.iter().map(|(k, v)| format!("{}={}", encoded(k), encoded(v))).collect();
        self.send(Method::POST, path, None, &[], Body::Form(text.join("&"))).await
    }
}

/// Percent-encoded for forms and queries.
pub fn encoded(s: &str) -> String {
    s.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}
