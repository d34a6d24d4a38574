//! Listening to a live stream (`text/event-stream`) as a browser does.

use super::Played;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// An open stream; its events come in as they happen.
pub struct Listening(mpsc::UnboundedReceiver<(String, Value)>);

impl Listening {
    /// Opens `GET base/path`; over plain HTTP only, which is what a demo speaks.
    pub async fn open(base: &str, path: &str, token: &str) -> Played<Option<Listening>> {
        let Some(host) = base.strip_prefix("http://") else {
            return Ok(None);
        };
        let host = host.split('/').next().unwrap_or(host);
        let at = if host.contains(':') {
            host.to_string()
        } else {
            format!("{host}:80")
        };
        let mut stream = TcpStream::connect(&at).await.map_err(|e| format!("live stream: {at}: {e}"))?;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\nAuthorization: Bearer {token}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.map_err(|e| format!("live stream: {e}"))?;
        let mut lines = BufReader::new(stream).lines();
        let first = lines
            .next_line()
            .await
            .map_err(|e| format!("live stream: {e}"))?
            .unwrap_or_default();
        if !first.contains(" 200 ") {
            return Err(format!("live stream {path} answered: {first}"));
        }
        let (tx, rx) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut kind = String::new();
            while let Ok(Some(line)) = lines.next_line().await {
                // Sizes of chunks and blank lines are in between; neither looks like a field.
                if let Some(k) = line.strip_prefix("event:") {
                    kind = k.trim().to_string();
                } else if let Some(d) = line.strip_prefix("data:") {
                    let body = serde_json::from_str(d.trim()).unwrap_or(Value::Null);
                    if tx.send((std::mem::take(&mut kind), body)).is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Some(Listening(rx)))
    }

    /// The next event that fits; what comes before is passed over.
    pub async fn wait(&mut self, what: &str, secs: u64, fits: impl Fn(&str, &Value) -> bool) -> Played<(String, Value)> {
        let find = async {
            while let Some((kind, body)) = self.0.recv().await {
                if fits(&kind, &body) {
                    return Ok((kind, body));
                }
            }
            Err("the live stream ended".to_string())
        };
        tokio::time::timeout(Duration::from_secs(secs), find)
            .await
            .unwrap_or_else(|_| Err(format!("no live event within {secs} s: {what}")))
    }
}
