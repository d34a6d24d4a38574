//! The HTTP listener: every request knows the address and the connection it came by. The first is
//! for sign-in logs and limits; the second for the sandbox's trade servers, whose sign-in belongs to
//! a connection.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use qd_kernel::{Problem, Result};
use qd_sandbox::ConnId;
use qd_web::gate::Peer;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// A connection without a whole request head for this long is closed: idle ones, and those of
/// callers who send a letter now and then.
const IDLE: Duration = Duration::from_secs(30);

/// Connections at once. More wait in the kernel's queue: a process without file handles could not
/// even write its database.
const OPEN: usize = 4_000;

/// How long requests under way may take once the end has begun; live streams never end by
/// themselves and are cut.
const GRACE: Duration = Duration::from_secs(5);

pub async fn bind(at: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let l = TcpListener::bind(at)
        .await
        .map_err(|e| Problem::unavailable("listen", format!("cannot listen on {at}; QD_LISTEN chooses another address")).with_source(e))?;
    let at = l
        .local_addr()
        .map_err(|e| Problem::unavailable("listen", "the listener has no address").with_source(e))?;
    Ok((l, at))
}

/// What answers. It can be exchanged while connections are open: the demo says how far it is until
/// it can answer for itself.
#[derive(Clone)]
pub struct Door(Arc<RwLock<Router>>);

impl Door {
    pub fn new(router: Router) -> Door {
        Door(Arc::new(RwLock::new(router)))
    }
    pub fn exchange(&self, router: Router) {
        *self.0.write().unwrap_or_else(|p| p.into_inner()) = router;
    }
    fn router(&self) -> Router {
        self.0.read().unwrap_or_else(|p| p.into_inner()).clone()
    }
}

/// Serves until `stop` turns true, then lets requests under way finish.
pub async fn serve(listener: TcpListener, door: Door, mut stop: watch::Receiver<bool>) {
    let mut open = JoinSet::new();
    let seats = Arc::new(Semaphore::new(OPEN));
    loop {
        let seat = tokio::select! {
            s = seats.clone().acquire_owned() => s,
            () = stopped(&mut stop) => break,
        };
        // Never closed while this function runs.
        let Ok(seat) = seat else { break };
        let accepted = tokio::select! {
            a = listener.accept() => a,
            () = stopped(&mut stop) => break,
            Some(_) = open.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                let (door, stop) = (door.clone(), stop.clone());
                open.spawn(async move {
                    one(stream, peer, door, stop).await;
                    drop(seat);
                });
            }
            Err(e) => {
                // Out of file handles, most often: the next moment may have some.
                tracing::warn!(error = %e, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, async { while open.join_next().await.is_some() {} }).await;
    open.abort_all();
}

async fn one(stream: TcpStream, peer: SocketAddr, door: Door, mut stop: watch::Receiver<bool>) {
    let id = ConnId::next();
    let service = hyper::service::service_fn(move |req: hyper::Request<Incoming>| {
        let router = door.router();
        async move {
            let mut req = req.map(Body::new);
            req.extensions_mut().insert(Peer(peer));
            req.extensions_mut().insert(ConnectInfo(id));
            router.oneshot(req).await
        }
    });
    let conn = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    let mut conn = pin!(conn);
    let ended = tokio::select! {
        r = conn.as_mut() => r,
        () = stopped(&mut stop) => {
            conn.as_mut().graceful_shutdown();
            conn.await
        }
    };
    if let Err(e) = ended {
        tracing::trace!(error = %e, "connection ended");
    }
}

/// Ends when the end has begun, holding nothing.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|s| *s).await;
}

/// Turns true on Ctrl-C or SIGTERM. A second one ends the process at once.
pub fn stop_signal() -> watch::Receiver<bool> {
    let (tx, rx) = watch::channel(false);
    tokio::spawn(async move {
        wait_for_signal().await;
        let _ = tx.send(true);
        wait_for_signal().await;
        std::process::exit(130);
    });
    rx
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    let _ = tokio::signal::ctrl_c().await;
}
