//! One owned connection. For protocols where the sign-in belongs to the socket (MetaTrader's Web
//! API): a pool would spread the handshake over two sockets and be refused.

use crate::error::root_text;
use crate::guard::{self, Reach};
use crate::tls::{self, Trust};
use crate::{Cause, DEFAULT_MAX_BODY, Response, SendError, WireError};
use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Where to, and on which terms.
#[derive(Clone, Debug)]
pub struct WireTarget {
    /// `https://host:port` or `http://host:port`; a path is put before each request's path.
    pub base: Uri,
    pub trust: Trust,
    pub reach: Reach,
    /// Name look-up, TCP and TLS together.
    pub connect_timeout: Duration,
    /// One request with its whole answer.
    pub timeout: Duration,
    pub max_body: usize,
}

impl WireTarget {
    /// The web's trust, any address, 5 s to connect, 30 s to answer, 16 MB.
    pub fn new(base: Uri) -> Self {
        WireTarget {
            base,
            trust: Trust::WebRoots,
            reach: Reach::Anywhere,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            max_body: DEFAULT_MAX_BODY,
        }
    }
}

/// An open HTTP/1.1 connection. One request at a time, by `&mut`. Dropping it closes the socket.
pub struct Wire {
    sender: SendRequest<Full<Bytes>>,
    driver: tokio::task::JoinHandle<()>,
    host: HeaderValue,
    prefix: String,
    name: String,
    timeout: Duration,
    max_body: usize,
    /// Set from the moment a request starts until its answer was read whole. Found set at the next
    /// request, it means that the earlier one was given up half-way.
    busy: bool,
    last_used: Instant, // monotonic: only for how long the connection was silent
}

impl Wire {
    /// Connects. Every failure is [`SendError::NotSent`].
    pub async fn open(target: &WireTarget) -> Result<Wire, SendError> {
        guard::check_url(&target.base, target.reach).map_err(SendError::NotSent)?;
        let name = target.base.authority().map(|a| a.as_str().to_string()).unwrap_or_default();
        match tokio::time::timeout(target.connect_timeout, connect(target, &name)).await {
            Ok(done) => done.map_err(SendError::NotSent),
            Err(_) => Err(SendError::NotSent(Cause::new(
                "timeout",
                format!("{name}: no connection within {} ms", target.connect_timeout.as_millis()),
            ))),
        }
    }

    /// How long nothing was sent or received.
    pub fn idle(&self) -> Duration {
        self.last_used.elapsed()
    }

    /// False once the other side has closed, as far as is known.
    pub fn is_open(&self) -> bool {
        !self.busy && !self.sender.is_closed() && !self.driver.is_finished()
    }

    /// Sends `req`, whose URI is a path with a query, and reads the whole answer. After
    /// [`WireError::Closed`] and [`WireError::Unknown`] the connection is of no more use.
    pub async fn send(&mut self, req: Request<Bytes>) -> Result<Response, WireError> {
        if !self.is_open() {
            return Err(WireError::Closed);
        }
        let (mut head, body) = req.into_parts();
        let path = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        head.uri = format!("{}{path}", self.prefix)
            .parse()
            .map_err(|_| WireError::NotSent(Cause::new("url_malformed", "the request's path cannot be written")))?;
        head.headers.insert(header::HOST, self.host.clone());
        if self.sender.ready().await.is_err() {
            return Err(WireError::Closed);
        }
        self.busy = true;
        let request = Request::from_parts(head, Full::new(body));
        let outcome = tokio::time::timeout(self.timeout, exchange(&mut self.sender, request, self.max_body)).await;
        match outcome {
            Ok(Ok(answer)) => {
                self.busy = false;
                self.last_used = Instant::now(); // monotonic: see the field
                Ok(answer)
            }
            Ok(Err(Lost::BeforeSending)) => Err(WireError::Closed),
            Ok(Err(Lost::After(mut cause))) => {
                cause.detail = format!("{}: {}", self.name, cause.detail);
                self.driver.abort();
                Err(WireError::Unknown(cause))
            }
            Err(_) => {
                self.driver.abort();
                Err(WireError::Unknown(Cause::new(
                    "timeout",
                    format!("{}: no whole answer within {} ms", self.name, self.timeout.as_millis()),
                )))
            }
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire")
            .field("to", &self.name)
            .field("open", &self.is_open())
            .finish_non_exhaustive()
    }
}

enum Lost {
    BeforeSending,
    After(Cause),
}

async fn exchange(sender: &mut SendRequest<Full<Bytes>>, req: Request<Full<Bytes>>, max_body: usize) -> Result<Response, Lost> {
    let answer = sender.try_send_request(req).await.map_err(|mut e| {
        // hyper hands the request back only when it had not begun to write it.
        if e.take_message().is_some() {
            Lost::BeforeSending
        } else {
            Lost::After(Cause::new("connection_lost", root_text(e.error())))
        }
    })?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, max_body).collect().await.map_err(|e| {
        if e.downcast_ref::<http_body_util::LengthLimitError>().is_some() {
            Lost::After(Cause::new("too_large", format!("the answer is larger than {max_body} bytes")))
        } else {
            Lost::After(Cause::new("connection_lost", format!("the answer broke off ({})", root_text(&*e))))
        }
    })?;
    Ok(Response {
        status: head.status,
        headers: head.headers,
        body: body.to_bytes(),
    })
}

async fn connect(target: &WireTarget, name: &str) -> Result<Wire, Cause> {
    let host = target.base.host().unwrap_or_default();
    let secure = target.base.scheme() == Some(&Scheme::HTTPS);
    let port = target.base.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let failed = |e: std::io::Error| match crate::error::refused_address(&e) {
        Some(cause) => cause,
        None => Cause::new("connect_failed", format!("{name}: {e}")),
    };
    let addresses = guard::resolve(host, port, target.reach).await.map_err(failed)?;
    let mut last = None;
    let mut tcp = None;
    for a in addresses {
        match TcpStream::connect(a).await {
            Ok(s) => {
                tcp = Some(s);
                break;
            }
            Err(e) => last = Some(e),
        }
    }
    let tcp = match (tcp, last) {
        (Some(s), _) => s,
        (None, Some(e)) => return Err(failed(e)),
        (None, None) => return Err(Cause::new("connect_failed", format!("{name}: no address"))),
    };
    tcp.set_nodelay(true).map_err(failed)?;
    let (sender, driver) = if secure {
        if target.trust == Trust::AcceptAny {
            tracing::warn!(target = name, "TLS without a check of the certificate, as configured");
        }
        let config = tls::client_config(&target.trust)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_string();
        let server = ServerName::try_from(bare).map_err(|e| Cause::new("url_malformed", format!("{name}: {e}")))?;
        let stream = tokio_rustls::TlsConnector::from(config)
            .connect(server, tcp)
            .await
            .map_err(|e| Cause::new("tls_failed", format!("{name}: {}", root_text(&e))))?;
        handshake(TokioIo::new(stream), name).await?
    } else {
        handshake(TokioIo::new(tcp), name).await?
    };
    let host = HeaderValue::from_str(name).map_err(|_| Cause::new("url_malformed", "the host cannot be written in a header"))?;
    Ok(Wire {
        sender,
        driver,
        host,
        prefix: target.base.path().trim_end_matches('/').to_string(),
        name: name.to_string(),
        timeout: target.timeout,
        max_body: target.max_body,
        busy: false,
        last_used: Instant::now(), // monotonic: see the field
    })
}

async fn handshake<T>(io: T, name: &str) -> Result<(SendRequest<Full<Bytes>>, tokio::task::JoinHandle<()>), Cause>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .handshake(io)
        .await
        .map_err(|e| Cause::new("connect_failed", format!("{name}: {}", root_text(&e))))?;
    let label: Arc<str> = name.into();
    let driver = tokio::spawn(async move {
        if let Err(e) = connection.await {
            tracing::debug!(to = %label, error = %root_text(&e), "connection ended");
        }
    });
    Ok((sender, driver))
}
