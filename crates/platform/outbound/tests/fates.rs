//! What a failure says about the other side, against servers that misbehave on purpose.

#![allow(clippy::unwrap_used)]

use http::Request;
use qd_outbound::{Bytes, Client, ClientOptions, Fingerprint, Reach, SendError, Trust, Wire, WireError, WireTarget};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Reads up to the blank line. None when the peer closed before one byte.
async fn read_head<S: AsyncRead + Unpin>(s: &mut S) -> Option<String> {
    let mut got = Vec::new();
    let mut b = [0u8; 1];
    while !got.ends_with(b"\r\n\r\n") {
        match s.read(&mut b).await {
            Ok(1) => got.push(b[0]),
            _ => return None,
        }
    }
    Some(String::from_utf8(got).unwrap())
}

async fn answer<S: AsyncWrite + Unpin>(s: &mut S, text: &str) {
    s.write_all(text.as_bytes()).await.unwrap();
    s.flush().await.unwrap();
}

/// Serves every connection with `f` and counts them.
async fn server<F, Fut>(f: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: std::future::Future<Output = ()> + Send + 'static,
{
    let l = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = l.local_addr().unwrap();
    let n = Arc::new(AtomicUsize::new(0));
    let count = n.clone();
    tokio::spawn(async move {
        while let Ok((s, _)) = l.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(f(s));
        }
    });
    (addr, n)
}

fn client() -> Client {
    Client::new(ClientOptions {
        reach: Reach::Anywhere,
        timeout: Duration::from_millis(1_500),
        max_body: 1000,
        ..ClientOptions::default()
    })
    .unwrap()
}

fn get(uri: &str) -> Request<Bytes> {
    Request::builder().uri(uri).body(Bytes::new()).unwrap()
}

async fn wire(addr: SocketAddr) -> Wire {
    let mut t = WireTarget::new(format!("http://{addr}").parse().unwrap());
    t.timeout = Duration::from_millis(1_500);
    t.max_body = 1000;
    Wire::open(&t).await.unwrap()
}

async fn unused_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let addr = unused_port().await;
    let e = client().send(get(&format!("http://{addr}/"))).await.unwrap_err();
    assert!(matches!(&e, SendError::NotSent(c) if c.code == "connect_failed"), "{e}");
    let e = Wire::open(&WireTarget::new(format!("http://{addr}").parse().unwrap()))
        .await
        .unwrap_err();
    assert!(matches!(&e, SendError::NotSent(c) if c.code == "connect_failed"), "{e}");
}

#[tokio::test]
async fn a_connection_dropped_after_the_request_is_unknown_and_is_not_tried_again() {
    let (addr, n) = server(|mut s| async move {
        read_head(&mut s).await;
    })
    .await;
    let e = client().send(get(&format!("http://{addr}/"))).await.unwrap_err();
    assert!(matches!(&e, SendError::Unknown(c) if c.code == "connection_lost"), "{e}");
    assert_eq!(n.load(Ordering::SeqCst), 1);
    let mut w = wire(addr).await;
    let e = w.send(get("/x")).await.unwrap_err();
    assert!(matches!(&e, WireError::Unknown(c) if c.code == "connection_lost"), "{e}");
    assert_eq!(w.send(get("/x")).await.unwrap_err(), WireError::Closed);
}

#[tokio::test]
async fn silence_after_the_request_is_unknown_but_silence_while_connecting_is_not_sent() {
    let (addr, _) = server(|mut s| async move {
        read_head(&mut s).await;
        std::future::pending::<()>().await;
    })
    .await;
    let e = client().send(get(&format!("http://{addr}/"))).await.unwrap_err();
    assert!(matches!(&e, SendError::Unknown(c) if c.code == "timeout"), "{e}");
    // TLS asked of a server that never says a word: the request never left.
    let e = client().send(get(&format!("https://{addr}/"))).await.unwrap_err();
    assert!(matches!(&e, SendError::NotSent(c) if c.code == "timeout"), "{e}");
    let mut w = wire(addr).await;
    let e = w.send(get("/x")).await.unwrap_err();
    assert!(matches!(&e, WireError::Unknown(c) if c.code == "timeout"), "{e}");
    assert!(!w.is_open());
}

#[tokio::test]
async fn an_answer_above_the_limit_or_cut_short_is_unknown() {
    let (addr, _) = server(|mut s| async move {
        let head = read_head(&mut s).await.unwrap_or_default();
        if head.contains("/big") {
            answer(
                &mut s,
                &format!("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}", "x".repeat(5000)),
            )
            .await;
        } else {
            answer(&mut s, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly this").await;
        }
    })
    .await;
    let e = client().send(get(&format!("http://{addr}/big"))).await.unwrap_err();
    assert!(matches!(&e, SendError::Unknown(c) if c.code == "too_large"), "{e}");
    let e = client().send(get(&format!("http://{addr}/cut"))).await.unwrap_err();
    assert!(matches!(&e, SendError::Unknown(c) if c.code == "connection_lost"), "{e}");
    let e = wire(addr).await.send(get("/big")).await.unwrap_err();
    assert!(matches!(&e, WireError::Unknown(c) if c.code == "too_large"), "{e}");
}

#[tokio::test]
async fn a_wire_keeps_to_one_connection_and_says_closed_when_it_ended_in_between() {
    let (addr, n) = server(|mut s| async move {
        for _ in 0..3 {
            let head = read_head(&mut s).await.unwrap();
            assert!(head.contains("host: 127.0.0.1:"), "{head}");
            answer(&mut s, OK).await;
        }
    })
    .await;
    let mut w = wire(addr).await;
    for _ in 0..3 {
        let r = w.send(get("/a?b=c")).await.unwrap();
        assert_eq!((r.status.as_u16(), &r.text()[..]), (200, "ok"));
    }
    for _ in 0..200 {
        if !w.is_open() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(w.send(get("/a")).await.unwrap_err(), WireError::Closed);
    assert_eq!(n.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_given_up_half_way_spoils_the_wire() {
    let (addr, _) = server(|mut s| async move {
        read_head(&mut s).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let _ = s.write_all(OK.as_bytes()).await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut w = wire(addr).await;
    let _ = tokio::time::timeout(Duration::from_millis(20), w.send(get("/first"))).await;
    // The answer to the first request must never be read as the answer to the second.
    assert_eq!(w.send(get("/second")).await.unwrap_err(), WireError::Closed);
}

#[tokio::test]
async fn redirects_are_answers_and_the_base_path_comes_first() {
    let (addr, n) = server(|mut s| async move {
        let head = read_head(&mut s).await.unwrap();
        let path = head.split(' ').nth(1).unwrap().to_string();
        answer(
            &mut s,
            &format!(
                "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: {}\r\n\r\n{path}",
                path.len()
            ),
        )
        .await;
    })
    .await;
    let r = client().send(get(&format!("http://{addr}/p"))).await.unwrap();
    assert_eq!((r.status.as_u16(), r.header("location")), (302, Some("/elsewhere")));
    assert_eq!(n.load(Ordering::SeqCst), 1);
    let mut w = Wire::open(&WireTarget::new(format!("http://{addr}/mt5/live/").parse().unwrap()))
        .await
        .unwrap();
    assert_eq!(w.send(get("/api/x?y=1")).await.unwrap().text(), "/mt5/live/api/x?y=1");
}

#[tokio::test]
async fn a_users_url_does_not_reach_our_own_network_in_any_spelling() {
    let (addr, n) = server(|mut s| async move { answer(&mut s, OK).await }).await;
    let c = Client::new(ClientOptions::default()).unwrap();
    let p = addr.port();
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"] {
        let e = c.send(get(&format!("http://{host}:{p}/"))).await.unwrap_err();
        assert!(e.not_sent(), "{host}: {e}");
        // Some systems do not resolve the odd spellings at all, which is as good.
        assert!(["address_refused", "connect_failed"].contains(&e.cause().code), "{host}: {e}");
    }
    assert_eq!(
        c.send(get(&format!("http://localhost:{p}/"))).await.unwrap_err().cause().code,
        "address_refused"
    );
    assert_eq!(n.load(Ordering::SeqCst), 0);
}

async fn tls_server() -> (SocketAddr, Fingerprint) {
    let made = rcgen::generate_simple_self_signed(vec!["mt5.example".to_string()]).unwrap();
    let der = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (addr, _) = server(move |s| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut s) = acceptor.accept(s).await {
                while read_head(&mut s).await.is_some() {
                    answer(&mut s, OK).await;
                }
            }
        }
    })
    .await;
    let print = Fingerprint::of(&der);
    assert_eq!(Fingerprint::of_pem(&made.cert.pem()), Some(print));
    (addr, print)
}

#[tokio::test]
async fn a_self_signed_server_is_trusted_by_its_fingerprint_and_by_nothing_else() {
    let (addr, print) = tls_server().await;
    let open = |trust: Trust| async move {
        let mut t = WireTarget::new(format!("https://{addr}").parse().unwrap());
        t.trust = trust;
        Wire::open(&t).await
    };
    let colons = print
        .to_string()
        .to_uppercase()
        .as_bytes()
        .chunks(2)
        .map(|c| std::str::from_utf8(c).unwrap())
        .collect::<Vec<_>>()
        .join(":");
    assert_eq!(Fingerprint::parse(&colons), Some(print));
    assert_eq!(Fingerprint::parse("abcd"), None);
    let mut w = open(Trust::Pinned(vec![Fingerprint([7; 32]), print])).await.unwrap();
    assert_eq!(w.send(get("/")).await.unwrap().text(), "ok");
    for trust in [Trust::Pinned(vec![Fingerprint([7; 32])]), Trust::Pinned(vec![]), Trust::WebRoots] {
        let e = open(trust).await.unwrap_err();
        assert!(matches!(&e, SendError::NotSent(c) if c.code == "tls_failed"), "{e}");
    }
    assert_eq!(open(Trust::AcceptAny).await.unwrap().send(get("/")).await.unwrap().text(), "ok");
    let pinned = Client::new(ClientOptions {
        reach: Reach::Anywhere,
        trust: Trust::Pinned(vec![print]),
        ..ClientOptions::default()
    })
    .unwrap();
    assert_eq!(pinned.send(get(&format!("https://{addr}/"))).await.unwrap().text(), "ok");
    let e = client().send(get(&format!("https://{addr}/"))).await.unwrap_err();
    assert!(e.not_sent(), "{e}");
}
