//! N1 to N3: the client view, a filtered and sorted page, search; each against the same indexed
//! reads behind a handler that does nothing else, and the last two at two sizes.

use super::fill::{self, jump};
use super::house::{Bare, House, How, refused};
use super::load::{self, Make, Round};
use super::plan::Plan;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use qd_db::{Db, Engine, FromRow, Row, Tx, sql};
use qd_kernel::{Cell, FromCell, Result, vals};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

/// Sees contact data, and clients of two entities: the reach that costs a condition.
const WHO: &str = "clara.stein@quarterdeck.example";
/// The countries of the list's filter hold an eighth of the clients each.
const COUNTRIES: [&str; 8] = ["DE", "AT", "FR", "ES", "AE", "GB", "PL", "IT"];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Figures {
    View,
    List,
    Search,
}

/// A brokerage of one size with a bare server on the same database.
struct Filled {
    house: House,
    bare: Bare,
    token: String,
    clients: u64,
}

impl Filled {
    async fn make(plan: &Plan, engine: Engine, clients: u64) -> Result<Filled> {
        let house = House::open(plan, plan.place.database(engine).await?, How::default()).await?;
        let db = &house.app.core.db;
        fill::clients(db, clients).await?;
        let token = house.token(WHO).await?;
        let bare = Bare::serve(bare_router(db.clone(), clients)).await?;
        Ok(Filled {
            house,
            bare,
            token,
            clients,
        })
    }

    fn asked(&self, what: Figures) -> Make {
        let (token, clients) = (self.token.clone(), self.clients);
        Arc::new(move |n| load::get(&question(what, n, clients), &token))
    }
}

/// The path of a question, ours.
fn question(what: Figures, n: u64, clients: u64) -> String {
    let i = jump(n, clients);
    match what {
        Figures::View => format!("/api/v1/clients/{}", fill::client_id(i)),
        Figures::List => {
            // Any page: the cursor of a client somewhere in the list. Two sorts in turn.
            let (country, id) = (COUNTRIES[(n % 8) as usize], fill::client_id(i));
            let (sort, at) = if n % 2 == 0 {
                ("newest", id)
            } else {
                ("activity", qd_kernel::page::join_key(&[&fill::activity(i).to_string(), &id]))
            };
            format!("/api/v1/clients?country={country}&sort={sort}&limit=50&cursor={}", cursor(&at))
        }
        Figures::Search => format!("/api/v1/search?q={}", word(n, i)),
    }
}

/// The same question for the bare server.
fn bare_question(what: Figures, n: u64, clients: u64) -> String {
    let i = jump(n, clients);
    match what {
        Figures::View => format!("/view/{i}"),
        Figures::List => format!("/list/{}/{}/{i}", n % 2, n % 8),
        Figures::Search => format!("/search/{}", word(n, i)),
    }
}

/// A word of the name, an address, the end of a number, a login, a provider's reference in turn.
fn word(n: u64, i: u64) -> String {
    // Logins and references belong to funded clients only.
    let funded = i / 10 * 10 + 7 + i % 3;
    match n % 5 {
        0 => fill::surname(i),
        1 => fill::email(i),
        2 => fill::phone_tail(i),
        3 => fill::login(funded),
        _ => fill::payment(funded),
    }
}

/// As `next_cursor` has it; the API takes any place in a list.
fn cursor(at: &str) -> String {
    at.bytes().fold(String::from("c1"), |mut out, b| {
        out.extend([b >> 4, b & 15].iter().filter_map(|d| char::from_digit(u32::from(*d), 16)));
        out
    })
}

pub async fn run(plan: &Plan, figures: &[Figures]) -> Result<()> {
    for engine in plan.place.engines() {
        let large = Filled::make(plan, engine, plan.clients).await?;
        for f in figures {
            share(plan, &large, *f).await?;
        }
        if figures.iter().any(|f| *f != Figures::View) {
            let small = Filled::make(plan, engine, plan.fewer).await?;
            for f in figures.iter().filter(|f| **f != Figures::View) {
                sizes(plan, &small, &large, *f).await?;
            }
            small.house.close().await;
        }
        large.house.close().await;
    }
    Ok(())
}

fn name(f: Figures) -> (&'static str, &'static str, &'static str, &'static str) {
    match f {
        Figures::View => (
            "N1.view",
            "views/s",
            "ratio >= 0.5; cpu_ms <= 0.25",
            "one indexed read of each table that the view shows, behind an empty handler, same database",
        ),
        Figures::List => (
            "N2.list",
            "pages/s",
            "ratio >= 0.5",
            "the same 50 rows by the same index behind an empty handler, same database",
        ),
        Figures::Search => (
            "N3.search",
            "searches/s",
            "ratio >= 0.3",
            "one indexed look-up of the word and its records behind an empty handler, same database",
        ),
    }
}

async fn share(plan: &Plan, filled: &Filled, what: Figures) -> Result<()> {
    let (name, unit, goal, baseline) = name(what);
    let engine = filled.house.app.core.db.engine().name();
    let clients = filled.clients;
    let numbers = Arc::new(AtomicU64::new(0));
    let bare: Make = Arc::new(move |n| load::get(&bare_question(what, n, clients), ""));
    let ours = filled.asked(what);
    let rounds: Mutex<Vec<Round>> = Mutex::default();
    let pair = plan
        .pair(
            async || Ok(filled.bare.load(plan, &numbers, &bare).await?.rate()),
            async || {
                let r = filled.house.load(plan, &numbers, &ours).await?;
                let rate = r.rate();
                rounds.lock().unwrap_or_else(PoisonError::into_inner).push(r);
                Ok(rate)
            },
        )
        .await?;
    let rounds = rounds.into_inner().unwrap_or_else(PoisonError::into_inner);
    let of = |f: &dyn Fn(&Round) -> f64| super::figure::median(&rounds.iter().map(f).collect::<Vec<_>>());
    pair.figure(format!("{name}.{engine}"), unit)
        .against(baseline)
        .goal(goal)
        .with("engine", engine)
        .with("clients", clients)
        .with("callers", plan.callers)
        .number("cpu_ms", of(&Round::server_cpu_ms))
        .number("load_cpu_share", of(&Round::load_share))
        .number("p99_ms", of(&|r| super::figure::percentile(&r.waits_ms, 0.99)))
        .print()
}

/// Time at the larger size over time at the smaller: both are rates, so the smaller one's is on top.
async fn sizes(plan: &Plan, small: &Filled, large: &Filled, what: Figures) -> Result<()> {
    let (name, ..) = name(what);
    let engine = large.house.app.core.db.engine().name();
    let numbers = Arc::new(AtomicU64::new(0));
    let (few, many) = (small.asked(what), large.asked(what));
    let ms = |r: &Round| super::figure::median(&r.waits_ms);
    let one = |filled: &Filled, make: Make| {
        let (to, numbers) = (filled.house.at, numbers.clone());
        // One caller: the time of a question, not of a queue.
        async move { Ok(ms(&load::run(to, 1, plan.round, numbers, make).await?)) }
    };
    let pair = plan
        .pair(async || one(small, few.clone()).await, async || one(large, many.clone()).await)
        .await?;
    pair.figure(format!("{name}.sizes.{engine}"), "ms")
        .against("the same question over the smaller database")
        .goal(if what == Figures::List {
            "ratio <= 1.3 at 3,000,000 against 30,000"
        } else {
            "ratio <= 1.5 at 3,000,000 against 30,000"
        })
        .with("engine", engine)
        .with("clients", large.clients)
        .with("baseline_clients", small.clients)
        .with("callers", 1)
        .print()
}

/// The first `N` columns of a row, each read as what it is.
struct Cells<const N: usize>(usize);

struct Weight(usize);

impl FromCell for Weight {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        Ok(Weight(match c {
            Cell::Null => 0,
            Cell::Int(i) => usize::try_from(i & 7).unwrap_or(0),
            Cell::Bool(b) => usize::from(b),
            Cell::Text(t) => t.to_string().len(),
            Cell::Bytes(b) => b.len(),
        }))
    }
}

impl<const N: usize> FromRow for Cells<N> {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let mut sum = 0;
        for at in 0..N {
            sum += row.get::<Weight>(at, "")?.0;
        }
        Ok(Cells(sum))
    }
}

fn bare_router(db: Db, clients: u64) -> Router {
    let state = BareReads { db, clients };
    Router::new()
        .route("/view/{i}", get(bare_view))
        .route("/list/{sort}/{country}/{i}", get(bare_list))
        .route("/search/{word}", get(bare_search))
        .with_state(state)
}

#[derive(Clone)]
struct BareReads {
    db: Db,
    clients: u64,
}

fn answer(r: Result<usize>) -> Response {
    match r {
        Ok(n) => (http::StatusCode::OK, if n == usize::MAX { "x" } else { "" }).into_response(),
        Err(p) => refused(&p),
    }
}

async fn bare_view(State(s): State<BareReads>, Path(i): Path<u64>) -> Response {
    answer(s.db.read(async move |tx| view(tx, i).await).await)
}

/// What the view shows, each table asked once by its index.
async fn view(tx: &mut Tx, i: u64) -> Result<usize> {
    let id = fill::client_id(i);
    let me = vals![id.as_str()];
    let mut sum = 0;
    let add = |sum: &mut usize, rows: &[usize]| *sum += rows.iter().sum::<usize>();
    macro_rules! read {
        ($n:literal, $text:literal, $params:expr) => {{
            let rows: Vec<Cells<$n>> = tx.rows(sql!($text), $params).await?;
            add(&mut sum, &rows.iter().map(|c| c.0).collect::<Vec<_>>());
        }};
    }
    read!(
        33,
        "SELECT id, entity, brand, stage, status, first_name, last_name, email, email_verified_at, phone, country, language, birth_date, nationality, owner_id, desk, partner_id, campaign, kyc_state, vip, tags, custom, registered_at, verified_at, first_deposit_at, first_response_at, contact_changed_at, activity_at, stage_at, merged_into, created_at, updated_at, version FROM clients WHERE id = $1",
        &me
    );
    read!(
        1,
        "SELECT s.name FROM clients c JOIN identities s ON s.id = c.owner_id WHERE c.id = $1",
        &me
    );
    read!(
        14,
        "SELECT at, source, medium, campaign, term, content, landing_language, landing_page, referrer, ip_country, partner_id, click_id, form, client_id FROM touches WHERE client_id = $1 ORDER BY seq",
        &me
    );
    read!(
        5,
        "SELECT from_stage, to_stage, cause, by_id, at FROM client_stages WHERE client_id = $1 ORDER BY seq DESC LIMIT 50",
        &me
    );
    read!(
        7,
        "SELECT id, kind, reason, told, by_id, by_name, at FROM restrictions WHERE client_id = $1 AND lifted_at IS NULL",
        &me
    );
    read!(
        8,
        "SELECT id, title, owner_id, due_at, state, created_by, created_at, version FROM tasks WHERE client_id = $1 ORDER BY due_at",
        &me
    );
    read!(
        4,
        "SELECT id, first_id, second_id, state FROM duplicates WHERE first_id = $1 UNION ALL SELECT id, first_id, second_id, state FROM duplicates WHERE second_id = $1",
        &me
    );
    read!(
        3,
        "SELECT e.code, e.name, e.base_currency FROM clients c JOIN entities e ON e.code = c.entity WHERE c.id = $1",
        &me
    );
    read!(
        12,
        "SELECT id, level, state, applicant, signals, round, submitted_at, risk_score, risk_band, reasons, approved_at, version FROM kyc_cases WHERE client_id = $1",
        &me
    );
    read!(
        20,
        "SELECT id, entity, kind, account_type, currency, server, platform_group, leverage, login, state, mapping_id, mapping_version, rights_wanted, rights_actual, sync_state, sync_since, last_state, read_at, created_at, version FROM trading_accounts WHERE client_id = $1 ORDER BY id",
        &me
    );
    read!(
        5,
        "SELECT owner, purpose, currency, balance_minor, held_minor FROM ledger_accounts WHERE owner = $1",
        &vals![format!("client:{id}")]
    );
    if fill::is_funded(i) {
        read!(
            5,
            "SELECT owner, purpose, currency, balance_minor, held_minor FROM ledger_accounts WHERE owner = $1",
            &vals![format!("tacc:tacc_{i:026}")]
        );
    }
    read!(
        12,
        "SELECT id, method, connection, amount_minor, currency, state, provider_ref, payment_ref, failure_code, first_deposit, created_at, received_at FROM deposits WHERE client_id = $1 ORDER BY id DESC LIMIT 10",
        &me
    );
    read!(
        6,
        "SELECT partner_id, state, model, hold_reason, from_at, version FROM partner_clients WHERE client_id = $1 AND to_at IS NULL",
        &me
    );
    Ok(sum)
}

async fn bare_list(State(s): State<BareReads>, Path((sort, country, i)): Path<(u64, usize, u64)>) -> Response {
    let id = fill::client_id(i.min(s.clients));
    let read = s.db.read(async move |tx| {
        let country = COUNTRIES[country % 8];
        let rows: Vec<Cells<21>> = if sort == 0 {
            tx.rows(
                sql!("SELECT id, entity, brand, stage, status, first_name, last_name, email, phone, country, language, owner_id, desk, partner_id, campaign, kyc_state, vip, tags, activity_at, created_at, name_key FROM clients WHERE country = $1 AND merged_into IS NULL AND id < $2 ORDER BY id DESC LIMIT 51"),
                &vals![country, id.as_str()],
            )
            .await?
        } else {
            tx.rows(
                sql!("SELECT id, entity, brand, stage, status, first_name, last_name, email, phone, country, language, owner_id, desk, partner_id, campaign, kyc_state, vip, tags, activity_at, created_at, name_key FROM clients WHERE country = $1 AND merged_into IS NULL AND (activity_at, id) < ($2, $3) ORDER BY activity_at DESC, id DESC LIMIT 51"),
                &vals![country, fill::activity(i), id.as_str()],
            )
            .await?
        };
        Ok(rows.iter().map(|c| c.0).sum())
    });
    answer(read.await)
}

async fn bare_search(State(s): State<BareReads>, Path(word): Path<String>) -> Response {
    let read = s.db.read(async move |tx| {
        let rows: Vec<Cells<21>> = tx
            .rows(
                sql!("SELECT c.id, c.entity, c.brand, c.stage, c.status, c.first_name, c.last_name, c.email, c.phone, c.country, c.language, c.owner_id, c.desk, c.partner_id, c.campaign, c.kyc_state, c.vip, c.tags, c.activity_at, c.created_at, c.name_key FROM search_words w JOIN clients c ON c.id = w.client_id WHERE w.word = $1 ORDER BY w.client_id LIMIT 50"),
                &vals![word.as_str()],
            )
            .await?;
        Ok(rows.iter().map(|c| c.0).sum())
    });
    answer(read.await)
}
