//! The mail catcher: a real SMTP conversation in, JSON and a page out.
#![allow(clippy::unwrap_used)]

mod stripe_support;

use stripe_support::*;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

struct Smtp(BufReader<TcpStream>);

impl Smtp {
    async fn open(w: &World) -> Smtp {
        let mut s = Smtp(BufReader::new(
            TcpStream::connect(w.sandbox.address("smtp").unwrap()).await.unwrap(),
        ));
        assert!(s.read().await.starts_with("220 "));
        s
    }
    /// The last line of an answer.
    async fn read(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_string();
            }
        }
    }
    async fn say(&mut self, text: &str, expect: &str) {
        self.0.write_all(format!("{text}\r\n").as_bytes()).await.unwrap();
        let got = self.read().await;
        assert!(got.starts_with(expect), "{text}: {got}");
    }
}

#[tokio::test]
async fn mail_sent_by_smtp_is_listed_decoded_filtered_and_deleted() {
    let w = world().await;
    let mut s = Smtp::open(&w).await;
    s.say("RCPT TO:<a@example.com>", "503").await;
    s.say("EHLO client", "250 ").await;
    s.say("AUTH PLAIN AGEAYg==", "235").await;
    s.say("AUTH LOGIN", "334").await;
    s.say("dXNlcg==", "334").await;
    s.say("cGFzcw==", "235").await;
    s.say("MAIL FROM:<desk@broker.example> SIZE=20000000", "552").await;
    s.say("MAIL FROM:<desk@broker.example> BODY=8BITMIME", "250").await;
    s.say("RCPT TO:<ann@example.com>", "250").await;
    s.say("RCPT TO:<bob@example.com>", "250").await;
    s.say("DATA", "354").await;
    s.say("From: =?utf-8?q?B=C3=B6rse?= <desk@broker.example>\r\nTo: ann@example.com\r\nSubject: =?utf-8?B?VmVyaWZ5IHlvdXIgYWNjb3VudCDigqw=?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nYour code is 123456.\r\n..a line with a dot\r\n.", "250").await;
    s.say("NOOP", "250").await;
    s.say("MAIL FROM:<>", "250").await;
    s.say("RSET", "250").await;
    s.say("DATA", "503").await;
    s.say("QUIT", "221").await;

    let list = w
        .send("GET", "/sandbox/mail/messages?to=ann@example.com", &[], "")
        .await
        .unwrap()
        .ok();
    let m = &list["messages"][0];
    assert_eq!(
        (m["subject"].as_str(), m["from"].as_str()),
        (Some("Verify your account €"), Some("Börse <desk@broker.example>"))
    );
    assert_eq!(m["text"].as_str().unwrap(), "Your code is 123456.\r\n.a line with a dot\r\n");
    assert_eq!(m["to"].as_array().unwrap().len(), 2);
    let id = m["id"].as_str().unwrap();
    assert_eq!(
        w.send("GET", &format!("/mail/messages/{id}"), &[], "").await.unwrap().ok()["id"],
        id
    );
    assert_eq!(
        w.send("GET", "/mail/messages?to=nobody@example.com", &[], "").await.unwrap().ok()["count"],
        0
    );
    assert_eq!(
        w.send("GET", &format!("/mail/messages?after={id}"), &[], "").await.unwrap().ok()["count"],
        0
    );
    let page = w.send("GET", "/sandbox/mail/", &[], "").await.unwrap();
    assert!(page.text.contains("Verify your account €"));
    assert_eq!(w.send("GET", "/sandbox/mail", &[], "").await.unwrap().header("location"), "mail/");
    assert_eq!(w.send("DELETE", "/mail/messages", &[], "").await.unwrap().ok()["deleted"], 1);
    assert_eq!(w.send("GET", &format!("/mail/messages/{id}"), &[], "").await.unwrap().status, 404);
}

#[tokio::test]
async fn a_message_over_ten_megabytes_is_read_to_its_end_and_refused() {
    let w = world().await;
    let mut s = Smtp::open(&w).await;
    s.say("HELO client", "250").await;
    s.say("MAIL FROM:<a@example.com>", "250").await;
    s.say("RCPT TO:<b@example.com>", "250").await;
    s.say("DATA", "354").await;
    let line = format!("{}\r\n", "x".repeat(998));
    for _ in 0..(11 * 1024 * 1024 / 1_000) {
        s.0.write_all(line.as_bytes()).await.unwrap();
    }
    s.say(".", "552").await;
    s.say("MAIL FROM:<a@example.com>", "250").await;
    s.say("QUIT", "221").await;
}
