//! The real transport against a real SMTP server: the sandbox's mail catcher.

use axum::body::Body;
use http_body_util::BodyExt as _;
use qd_kernel::{Env, Ts};
use qd_notify::{MailTransport, Outgoing, SendError, Smtp, SmtpConfig, SmtpTls};
use qd_sandbox::{Sandbox, SandboxConfig};
use tower::ServiceExt as _;

fn outgoing() -> Outgoing {
    Outgoing {
        message_id: "mai_1@northwind.example".into(),
        from: "Northwind <hello@northwind.example>".into(),
        to_name: "Алекс Müller".into(),
        to_address: "alex@example.com".into(),
        subject: "أهلا بك – schön, dass Sie da sind".into(),
        text: ".a line that starts with a dot\n\nمرحبا".into(),
        html: "<p>مرحبا</p>".into(),
        date: Ts::from_ymd(2026, 11, 20),
    }
}

async fn messages(sandbox: &Sandbox) -> serde_json::Value {
    let request = axum::http::Request::get("/mail/messages?to=alex@example.com")
        .body(Body::empty())
        .unwrap();
    let answer = sandbox.router().oneshot(request).await.unwrap();
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn a_mail_in_three_scripts_arrives_as_it_was_written_and_a_dead_server_means_later() {
    let cfg = SandboxConfig {
        data_dir: None,
        public_base: "http://127.0.0.1:1/sandbox".into(),
        hook_base: "http://127.0.0.1:1".into(),
        stripe: vec![],
        rails: vec![],
        mt5: vec![],
        smtp_listen: Some("127.0.0.1:0".parse().unwrap()),
        simulate_traders: false,
    };
    let sandbox = Sandbox::start(cfg, Env::system()).await.unwrap();
    let at = sandbox.address("smtp").unwrap();
    let smtp = Smtp::new(&SmtpConfig {
        host: at.ip().to_string(),
        port: at.port(),
        user: None,
        pass: None,
        tls: SmtpTls::None,
    })
    .unwrap();
    smtp.send(&outgoing()).await.unwrap();
    let got = messages(&sandbox).await;
    let list = got
        .as_array()
        .or_else(|| got["messages"].as_array())
        .or_else(|| got["data"].as_array())
        .expect("a list of mails");
    assert_eq!(list.len(), 1, "{got}");
    assert_eq!(list[0]["subject"], "أهلا بك – schön, dass Sie da sind");
    let text = list[0]["text"].as_str().unwrap().replace("\r\n", "\n");
    assert!(
        text.starts_with(".a line that starts with a dot") && text.contains("مرحبا"),
        "{text}"
    );
    sandbox.shutdown().await;
    // Nobody listens there any more: try again later, do not give the mail up.
    match smtp.send(&outgoing()).await {
        Err(SendError::Later(_)) => {}
        other => panic!("{other:?}"),
    }
    let mut bad = outgoing();
    bad.to_address = "no address".into();
    assert!(matches!(smtp.send(&bad).await, Err(SendError::Refused(_))));
}
