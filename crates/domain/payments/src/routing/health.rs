//! Whether a connection can be reached. Only what the provider owes us counts: no answer, an answer
//! that cannot be read, "not now". A card that is declined says nothing about its provider.

use crate::store::{self, Calls, ConnectionRow};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_ports::{CallError, Fate};
use qd_runtime::access::{Caller, Right};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::{Core, audit, exceptions};
use serde::Serialize;
use serde_json::json;

/// Faults in a row after which a connection is left out of the routes.
const DOWN_AFTER: i64 = 3;
/// A probe asks when nothing else is going on: two that fail in a row are enough.
const PROBE_WEIGHT: i64 = 2;
const KEEP_CALLS_S: i64 = 2 * 86_400;
const DOWN: &str = "psp.down";

/// Whether the call's outcome is the provider's fault.
fn is_fault(outcome: std::result::Result<(), &CallError>) -> bool {
    outcome.is_err_and(|e| e.fate != Fate::Refused)
}

/// Whether it says that nobody is there: an answer that is wrong comes from somebody.
fn is_silence(e: &CallError) -> bool {
    e.raw.is_none() && e.code != "echo_mismatch"
}

/// Notes how a call to a connection ended. Down after [`DOWN_AFTER`] faults in a row, with an
/// exception; up again with the first answer. True: it is down now.
pub(crate) async fn call_done(
    tx: &mut Tx,
    core: &Core,
    connection: &str,
    outcome: std::result::Result<(), &CallError>,
    took_ms: i64,
) -> Result<bool> {
    noted(tx, core, connection, outcome, took_ms, 1).await
}

/// The same of a call that is not about taking deposits: seen in the figures and the last error, but
/// no reason to send clients elsewhere.
pub(crate) async fn other_call_done(
    tx: &mut Tx,
    core: &Core,
    connection: &str,
    outcome: std::result::Result<(), &CallError>,
) -> Result<bool> {
    noted(tx, core, connection, outcome, 0, 0).await
}

/// The same of a probe.
pub(crate) async fn probed(
    tx: &mut Tx,
    core: &Core,
    connection: &str,
    outcome: std::result::Result<(), &CallError>,
    took_ms: i64,
) -> Result<bool> {
    let now = core.now();
    store::connection_probed(tx, connection, now).await?;
    store::forget_calls(tx, connection, now.plus_secs(-KEEP_CALLS_S)).await?;
    noted(tx, core, connection, outcome, took_ms, PROBE_WEIGHT).await
}

async fn noted(
    tx: &mut Tx,
    core: &Core,
    connection: &str,
    outcome: std::result::Result<(), &CallError>,
    took_ms: i64,
    weight: i64,
) -> Result<bool> {
    let now = core.now();
    let fault = is_fault(outcome);
    store::note_call(tx, connection, now, fault, took_ms.max(0)).await?;
    let Some(before) = store::connection(tx, connection).await? else {
        return Ok(false);
    };
    let Err(e) = outcome.map_err(|e| e.clone()) else {
        return up(tx, core, &before, now).await.map(|()| false);
    };
    if !fault {
        // It said no, and said it clearly: it is there.
        return up(tx, core, &before, now).await.map(|()| false);
    }
    let text = format!("{}: {}", e.code, e.detail);
    let weight = if is_silence(&e) { weight } else { 0 };
    store::connection_failed(tx, connection, &text, now, weight).await?;
    if weight == 0 || before.down_since.is_some() || before.faults_in_row + weight < DOWN_AFTER {
        return Ok(before.down_since.is_some());
    }
    store::connection_down(tx, connection, now).await?;
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind: DOWN,
            subject: format!("connection:{connection}"),
            entity: Some(before.entity.clone()),
            client_id: None,
            owner_role: "ops",
            rule: "psp_does_not_answer",
            cause: format!("{connection} does not answer and is left out of the routes: {text}"),
            detail: json!({"connection": connection, "provider": before.provider, "faults_in_row": before.faults_in_row + weight, "last_ok_at_us": before.last_ok_at}),
            retry: None,
        },
    )
    .await?;
    changed(tx, core, &before, "down", Some(&text)).await?;
    Ok(true)
}

async fn up(tx: &mut Tx, core: &Core, before: &ConnectionRow, now: Ts) -> Result<()> {
    store::connection_ok(tx, &before.id, now).await?;
    if before.down_since.is_some() {
        exceptions::resolve(tx, core, DOWN, &format!("connection:{}", before.id), "it answers again").await?;
        changed(tx, core, before, "up", None).await?;
    }
    Ok(())
}

async fn changed(tx: &mut Tx, core: &Core, c: &ConnectionRow, state: &'static str, why: Option<&str>) -> Result<()> {
    let who = Caller::system("psp.health");
    let mut note = audit::Entry::new(&who, "connection.state_changed", format!("connection:{}", c.id))
        .entity(Some(c.entity.clone()))
        .after(json!({"state": state}));
    if let Some(why) = why {
        note = note.reason(why);
    }
    audit::record(tx, core, note).await?;
    let ev = NewEvent {
        kind: "connection.state",
        aggregate: format!("connection:{}", c.id),
        entity: Some(c.entity.clone()),
        payload: json!({"connection": c.id, "provider": c.provider, "state": state}),
    };
    events::publish(tx, core, ev).await.map(|_| ())
}

/// The calls of the last minutes.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ConnectionWindow)]
pub struct Window {
    pub minutes: i64,
    pub calls: i64,
    /// Not answered, or not so that it could be understood. Declines are none.
    pub faults: i64,
    pub fault_rate_ppm: Option<i64>,
    pub average_ms: Option<i64>,
    pub slowest_ms: i64,
}

impl Window {
    fn of(minutes: i64, c: &Calls) -> Window {
        Window {
            minutes,
            calls: c.calls,
            faults: c.faults,
            fault_rate_ppm: (c.calls > 0).then(|| c.faults * 1_000_000 / c.calls.max(1)),
            average_ms: (c.calls > 0).then(|| c.took_ms / c.calls.max(1)),
            slowest_ms: c.slowest_ms,
        }
    }
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ConnectionHealth {
    pub id: String,
    pub entity: String,
    pub provider: String,
    /// `up`, `down`, `disabled`.
    pub state: &'static str,
    pub down_since_us: Option<Ts>,
    pub faults_in_row: i64,
    pub last_ok_at_us: Option<Ts>,
    pub last_error: Option<String>,
    pub last_error_at_us: Option<Ts>,
    pub probed_at_us: Option<Ts>,
    /// The last five minutes, the last hour, the last day.
    pub windows: Vec<Window>,
}

async fn health(tx: &mut Tx, now: Ts, c: ConnectionRow) -> Result<ConnectionHealth> {
    let mut windows = Vec::with_capacity(3);
    for minutes in [5, 60, 1_440] {
        let calls = store::calls_since(tx, &c.id, now.plus_secs(-60 * (minutes - 1))).await?;
        windows.push(Window::of(minutes, &calls));
    }
    let state = match (c.enabled, c.down_since) {
        (false, _) => "disabled",
        (true, Some(_)) => "down",
        (true, None) => "up",
    };
    Ok(ConnectionHealth {
        state,
        down_since_us: c.down_since,
        faults_in_row: c.faults_in_row,
        last_ok_at_us: c.last_ok_at,
        last_error: c.last_error,
        last_error_at_us: c.last_error_at,
        probed_at_us: c.probed_at,
        windows,
        id: c.id,
        entity: c.entity,
        provider: c.provider,
    })
}

/// The payment connections that the caller may see, with their health.
pub async fn connections(tx: &mut Tx, now: Ts, caller: &Caller) -> Result<Vec<ConnectionHealth>> {
    caller.require(Right::ConnectionsView)?;
    let mut out = Vec::new();
    for c in store::connections(tx).await? {
        if caller.enters(Some(&c.entity)) {
            out.push(health(tx, now, c).await?);
        }
    }
    Ok(out)
}

/// Takes a connection out of the routes, or puts it back. Payments under way are followed all the same.
pub async fn enable(tx: &mut Tx, core: &Core, caller: &Caller, id: &str, enabled: bool, why: &str) -> Result<ConnectionHealth> {
    caller.require(Right::ConnectionsManage)?;
    let why = crate::reason(why)?;
    let missing = || Problem::missing("connection");
    let c = store::connection(tx, id)
        .await?
        .filter(|c| caller.enters(Some(&c.entity)))
        .ok_or_else(missing)?;
    if c.enabled != enabled {
        store::enable_connection(tx, id, enabled).await?;
        let note = audit::Entry::new(caller, "connection.enabled", format!("connection:{id}"))
            .entity(Some(c.entity.clone()))
            .before(json!({"enabled": c.enabled}))
            .after(json!({"enabled": enabled}))
            .reason(why);
        audit::record(tx, core, note).await?;
    }
    let c = store::connection(tx, id).await?.ok_or_else(missing)?;
    health(tx, core.now(), c).await
}
