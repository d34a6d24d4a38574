//! The pooled client: many hosts, connections kept and shared. For providers whose calls carry
//! their own authentication (payment providers, webhooks, list downloads).

use crate::error::{refused_address, root_text};
use crate::guard::{self, Reach};
use crate::tls::{self, Trust};
use crate::{Cause, DEFAULT_MAX_BODY, Response, SendError};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::client::legacy::{Client as Pool, Error as PoolError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct ClientOptions {
    pub reach: Reach,
    /// Name look-up, TCP and TLS together.
    pub connect_timeout: Duration,
    /// The whole call, connecting and reading the body included.
    pub timeout: Duration,
    /// Bytes of the answer's body; a larger one is an unknown outcome.
    pub max_body: usize,
    pub trust: Trust,
    pub user_agent: String,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions {
            reach: Reach::PublicOnly,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            max_body: DEFAULT_MAX_BODY,
            trust: Trust::WebRoots,
            user_agent: concat!("quarterdeck/", env!("CARGO_PKG_VERSION")).to_string(),
        }
    }
}

/// Cheap to clone; clones share the pool.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    options: ClientOptions,
}

impl Client {
    /// Needs no runtime to be built. Fails only when the TLS set-up does.
    pub fn new(options: ClientOptions) -> Result<Client, Cause> {
        let tls = tls::client_config(&options.trust)?;
        let mut http = HttpConnector::new_with_resolver(Resolver { reach: options.reach });
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(options.connect_timeout));
        http.set_keepalive(Some(Duration::from_secs(60)));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config((*tls).clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(50))
            .pool_max_idle_per_host(16)
            .build(https);
        Ok(Client { pool, options })
    }

    /// One request, one answer, whatever its status; redirects are answers like any other. Never
    /// sends a second time, except on a pooled connection that had ended before a byte was written.
    pub async fn send(&self, mut req: Request<Bytes>) -> Result<Response, SendError> {
        guard::check_url(req.uri(), self.options.reach).map_err(SendError::NotSent)?;
        if !req.headers().contains_key(header::USER_AGENT)
            && let Ok(v) = header::HeaderValue::from_str(&self.options.user_agent)
        {
            req.headers_mut().insert(header::USER_AGENT, v);
        }
        let host = req.uri().host().unwrap_or_default().to_string();
        let mut req = req.map(Full::new);
        // Filled in when a connection was chosen, which is the moment from which bytes may leave.
        let chosen = capture_connection(&mut req);
        let call = async {
            let answer = self.pool.request(req).await.map_err(|e| sort(&host, &e))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, self.options.max_body).collect().await.map_err(|e| {
                if e.downcast_ref::<http_body_util::LengthLimitError>().is_some() {
                    SendError::Unknown(Cause::new(
                        "too_large",
                        format!("{host}: the answer is larger than {} bytes", self.options.max_body),
                    ))
                } else {
                    SendError::Unknown(Cause::new(
                        "connection_lost",
                        format!("{host}: the answer broke off ({})", root_text(&*e)),
                    ))
                }
            })?;
            Ok(Response {
                status: head.status,
                headers: head.headers,
                body: body.to_bytes(),
            })
        };
        match tokio::time::timeout(self.options.timeout, call).await {
            Ok(done) => done,
            Err(_) => {
                let cause = Cause::new(
                    "timeout",
                    format!("{host}: no whole answer within {} ms", self.options.timeout.as_millis()),
                );
                let connected = chosen.connection_metadata().is_some();
                Err(if connected {
                    SendError::Unknown(cause)
                } else {
                    SendError::NotSent(cause)
                })
            }
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("reach", &self.options.reach).finish_non_exhaustive()
    }
}

fn sort(host: &str, e: &PoolError) -> SendError {
    if e.is_connect() {
        if let Some(cause) = refused_address(e) {
            return SendError::NotSent(cause);
        }
        return SendError::NotSent(Cause::new("connect_failed", format!("{host}: {}", root_text(e))));
    }
    SendError::Unknown(Cause::new("connection_lost", format!("{host}: {}", root_text(e))))
}

/// Names to addresses, with the guard in between: what it lets through is what is connected to.
#[derive(Clone)]
struct Resolver {
    reach: Reach,
}

impl tower::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.reach;
        Box::pin(async move { Ok(guard::resolve(name.as_str(), 0, reach).await?.into_iter()) })
    }
}
