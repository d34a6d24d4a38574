//! MetaTrader 5 trade servers that answer the Web API's REST form: sign-in bound to the
//! connection, the message form of a captured server, complete records, return codes, a market
//! that moves, and faults to order.

mod auth;
pub(crate) mod book;
mod config_commands;
mod control;
mod dealer;
mod deals;
pub(crate) mod market;
mod money;
mod names;
pub(crate) mod params;
mod records;
mod seed;
mod server;
mod simulate;
pub(crate) mod trading;
mod users;
pub(crate) mod wire;

pub use auth::{password_key, proof};
pub use seed::{NewAccount, SeedTrade};
pub use server::Server;
pub use trading::Closed;

use crate::{ConnId, Fault, FaultKind, Shared, conn};
use auth::Answered;
use axum::Extension;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use money::{Bend, Wrong};
use params::Params;
use qd_kernel::{Problem, Result};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use wire::{Code, Outcome, Reply};

/// The build the servers say they are.
pub const BUILD: u32 = 4755;
const MAX_BODY: usize = 16 << 20;

/// All trade servers of a sandbox.
pub struct Mt5 {
    shared: Arc<Shared>,
    servers: BTreeMap<String, Arc<Server>>,
}

impl Mt5 {
    pub fn start(shared: Arc<Shared>) -> Result<Arc<Mt5>> {
        let mut servers = BTreeMap::new();
        for cfg in shared.cfg.mt5.clone() {
            let name = cfg.name.clone();
            if servers.insert(name, Arc::new(Server::open(shared.clone(), cfg)?)).is_some() {
                return Err(Problem::invalid("mt5", "server_twice", "trade servers need different names"));
            }
        }
        for s in servers.values() {
            simulate::spawn(s.clone());
        }
        Ok(Arc::new(Mt5 { shared, servers }))
    }

    /// Each server's own listeners, where clients find `/api/...` at the root.
    pub async fn listen(self: &Arc<Self>) -> Result<Vec<(String, SocketAddr)>> {
        let mut out = Vec::new();
        for s in self.servers.values() {
            for (kind, want) in [("tls", s.cfg.tls_listen), ("plain", s.cfg.plain_listen)] {
                let Some(want) = want else { continue };
                let (listener, at) = conn::bind(want).await?;
                let tls = (kind == "tls").then(|| self.shared.tls.acceptor());
                let app = Router::new()
                    .fallback(at_root)
                    .layer(DefaultBodyLimit::max(MAX_BODY))
                    .with_state(s.clone());
                let idle = Duration::from_secs(auth::IDLE_S.unsigned_abs());
                tokio::spawn(conn::serve(
                    listener,
                    tls,
                    app,
                    idle,
                    s.generation.subscribe(),
                    self.shared.stopping(),
                ));
                out.push((format!("mt5:{}:{kind}", s.cfg.name), at));
            }
        }
        Ok(out)
    }

    /// Mounted at `/mt5`: `/{server}/api/...` and the old flat names.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/{server}/{*command}", any(by_name))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(self.clone())
    }

    /// Mounted at `/control/mt5`.
    pub fn control(self: &Arc<Self>) -> Router {
        control::router(self.clone())
    }

    pub fn server(&self, name: &str) -> Option<Arc<Server>> {
        self.servers.get(name).cloned()
    }

    pub fn save_prices(&self) {
        for s in self.servers.values() {
            s.save_prices();
        }
    }
}

type Conn = Option<Extension<ConnectInfo<ConnId>>>;

async fn by_name(
    State(mt5): State<Arc<Mt5>>,
    conn: Conn,
    Path((server, command)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    match mt5.server(&server) {
        Some(s) => to_the_end(s, conn, command, query.unwrap_or_default(), body).await,
        None => reply(&Reply::code(Code::NOT_FOUND)),
    }
}

async fn at_root(State(s): State<Arc<Server>>, conn: Conn, uri: Uri, body: Bytes) -> Response {
    to_the_end(s, conn, uri.path().to_string(), uri.query().unwrap_or_default().to_string(), body).await
}

/// A trade server finishes what it began, also when the client hangs up meanwhile: a command that
/// a client gave up on may still be applied later.
async fn to_the_end(s: Arc<Server>, conn: Conn, path: String, query: String, body: Bytes) -> Response {
    let conn = conn.map(|c| c.0.0);
    let done = tokio::spawn(async move { handle(s, conn, &path, &query, &body).await }).await;
    done.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn text(status: StatusCode, body: String) -> Response {
    let mut r = Response::new(Body::from(body));
    *r.status_mut() = status;
    r.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    r
}

fn reply(r: &Reply) -> Response {
    text(StatusCode::OK, r.render())
}

fn forbidden() -> Response {
    StatusCode::FORBIDDEN.into_response()
}

/// Answers one request: faults, sign-in, the command.
async fn handle(s: Arc<Server>, conn: Option<ConnId>, path: &str, query: &str, body: &[u8]) -> Response {
    let op = names::command(path);
    let signing_in = matches!(op.as_str(), "auth/start" | "auth/answer");
    let signed_in = conn.is_some_and(|c| s.sessions.alive(c, s.now()));
    let fault = s
        .shared
        .faults
        .take("mt5", &s.cfg.name, &op, |k| fits(k, &op, signing_in || signed_in));
    let end_session = || {
        if let Some(c) = conn {
            s.sessions.end(c);
        }
    };
    let mut bend = Bend::default();
    match fault.as_ref().map(|f| (f.kind, f)) {
        Some((FaultKind::Down | FaultKind::DropBefore, _)) => {
            end_session();
            return conn::drop_connection();
        }
        Some((FaultKind::Forbidden, _)) => {
            end_session();
            return forbidden();
        }
        Some((FaultKind::Refuse, f)) => {
            let code = f.value.as_deref().and_then(|v| v.parse().ok()).map_or(Code::ERROR, Code);
            return reply(&Reply::code(code));
        }
        Some((FaultKind::SlowBefore, f)) => tokio::time::sleep(f.delay(3_000)).await,
        Some((FaultKind::LateVisible, f)) => {
            let ms = i64::try_from(f.delay(5_000).as_millis()).unwrap_or(i64::MAX);
            bend.hidden_until = Some(s.now().plus_millis(ms));
        }
        Some((FaultKind::WrongAmount, f)) => bend.wrong = f.value.clone().map_or(Wrong::ByOne, Wrong::Instead),
        _ => {}
    }
    let answer = if signing_in || signed_in {
        run(&s, conn, &op, query, body, bend)
    } else {
        forbidden()
    };
    let after = fault.as_ref().map(|f: &Fault| (f.kind, f));
    match after {
        Some((FaultKind::DropAfter, _)) => {
            end_session();
            conn::drop_connection()
        }
        Some((FaultKind::Slow, f)) => {
            tokio::time::sleep(f.delay(3_000)).await;
            answer
        }
        Some((FaultKind::Garbage, _)) => text(StatusCode::OK, "{\r\n\"retcode\" : \"0 Do".into()),
        _ => answer,
    }
}

fn fits(k: FaultKind, op: &str, let_in: bool) -> bool {
    match k {
        FaultKind::Down => true,
        FaultKind::LateVisible | FaultKind::WrongAmount => let_in && op == "trade/balance",
        FaultKind::Refuse
        | FaultKind::DropBefore
        | FaultKind::DropAfter
        | FaultKind::Slow
        | FaultKind::SlowBefore
        | FaultKind::Garbage
        | FaultKind::Forbidden => let_in,
        FaultKind::Late | FaultKind::Twice | FaultKind::Lost | FaultKind::Reorder | FaultKind::Forged => false,
    }
}

fn run(s: &Server, conn: Option<ConnId>, op: &str, query: &str, body: &[u8], bend: Bend) -> Response {
    let p = match Params::read(query, body) {
        Ok(p) => p,
        Err(c) => return reply(&Reply::code(c)),
    };
    let env = &s.shared.env;
    let answered = match op {
        "auth/start" => s.sessions.start(env, conn, &p, s.cfg.manager_login),
        "auth/answer" => s.sessions.answer(env, conn, &p, &s.key),
        "quit" => {
            if let Some(c) = conn {
                s.sessions.end(c);
            }
            let mut r = reply(&Reply::done());
            r.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return r;
        }
        _ => match s.command(op, &p, bend) {
            Ok(r) => Answered::Reply(r),
            Err(c) => Answered::Refused(c),
        },
    };
    match answered {
        Answered::Reply(r) => reply(&r),
        Answered::Refused(c) => reply(&Reply::code(c)),
        Answered::Forbidden => forbidden(),
    }
}

impl Server {
    /// A command of a signed-in manager.
    fn command(&self, op: &str, p: &Params, bend: Bend) -> Outcome {
        let (noun, verb) = op.split_once('/').unwrap_or((op, ""));
        match noun {
            "test" => Ok(Reply::done()),
            "user" => self.user_command(verb, p),
            "trade" => self.trade_command(verb, p, bend),
            "deal" => self.deal_command(verb, p),
            "position" => self.position_command(verb, p),
            "order" => self.order_command(verb, p),
            "history" => self.history_command(verb, p),
            "daily" if verb.starts_with("get") => Ok(Reply::list(Vec::new())),
            "group" => self.group_command(verb, p),
            "symbol" => self.symbol_command(verb, p),
            "tick" => self.tick_command(verb, p),
            "time" => self.time_command(verb),
            "common" => self.common_command(verb),
            "dealer" => self.dealer_command(verb, p),
            _ => Err(Code::NOT_IMPLEMENTED),
        }
    }
}
