//! Connections that have an identity. The MetaTrader Web API binds its sign-in to the TCP or TLS
//! connection, so a handler has to know which one a request came by.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::Connected;
use axum::response::Response;
use axum::serve::IncomingStream;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use qd_kernel::{Problem, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// An accepted connection, unique while the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u64);

static NEXT: AtomicU64 = AtomicU64::new(1);

impl ConnId {
    pub fn next() -> ConnId {
        ConnId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for ConnId {
    fn connect_info(_: IncomingStream<'_, TcpListener>) -> Self {
        ConnId::next()
    }
}

/// An answer that closes the connection before a single byte of it has left: the body fails when
/// it is first read, and the HTTP layer then throws away the head it had not flushed. Works under
/// any server and through middleware.
pub fn drop_connection() -> Response {
    let cut = futures_util::stream::once(async { Err::<bytes::Bytes, _>(std::io::Error::other("connection dropped by order")) });
    Response::new(Body::from_stream(cut))
}

/// Listens at `want`; when that port is taken, at any free one of the same address.
pub async fn bind(want: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let listener = match TcpListener::bind(want).await {
        Ok(l) => l,
        Err(e) => {
            tracing::warn!(%want, error = %e, "address not free, taking another port");
            TcpListener::bind(SocketAddr::new(want.ip(), 0))
                .await
                .map_err(|e| unavailable("bind", e))?
        }
    };
    let at = listener.local_addr().map_err(|e| unavailable("bind", e))?;
    Ok((listener, at))
}

fn unavailable(what: &'static str, e: std::io::Error) -> Problem {
    Problem::unavailable("sandbox_listen", format!("cannot {what} a listener")).with_source(e)
}

/// Serves `router` on `listener`, over TLS when given an acceptor, until `stop` turns true.
/// A connection without a request for `idle` is closed, and all of them when `generation` changes.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    idle: Duration,
    generation: watch::Receiver<u64>,
    mut stop: watch::Receiver<bool>,
) {
    let router = Arc::new(router);
    loop {
        let accepted = tokio::select! {
            a = listener.accept() => a,
            _ = stop.wait_for(|s| *s) => return,
        };
        let stream = match accepted {
            Ok((s, _)) => s,
            Err(e) => {
                tracing::debug!(error = %e, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let (tls, router, generation, stop) = (tls.clone(), router.clone(), generation.clone(), stop.clone());
        tokio::spawn(async move {
            match tls {
                None => one(stream, router, idle, generation, stop).await,
                Some(acceptor) => match tokio::time::timeout(Duration::from_secs(10), acceptor.accept(stream)).await {
                    Ok(Ok(s)) => one(s, router, idle, generation, stop).await,
                    Ok(Err(e)) => tracing::debug!(error = %e, "TLS handshake failed"),
                    Err(_) => {}
                },
            }
        });
    }
}

async fn one<S>(stream: S, router: Arc<Router>, idle: Duration, mut generation: watch::Receiver<u64>, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let id = ConnId::next();
    let service = hyper::service::service_fn(move |req: hyper::Request<Incoming>| {
        let router = Router::clone(&router);
        async move {
            let mut req = req.map(Body::new);
            req.extensions_mut().insert(ConnectInfo(id));
            router.oneshot(req).await
        }
    });
    let conn = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .serve_connection(TokioIo::new(stream), service);
    generation.mark_unchanged();
    tokio::select! {
        r = conn => if let Err(e) = r { tracing::trace!(error = %e, "connection ended") },
        _ = generation.changed() => {}
        _ = stop.wait_for(|s| *s) => {}
    }
}
