//! Money between the ledger and a login. One row per intended movement, one token for ever.
//!
//! | state | what is known | what happens next |
//! | --- | --- | --- |
//! | queued | nothing was sent | the job sends it |
//! | sending | it is being sent; after a crash: it may have been | look up, never send blindly |
//! | unknown | it may have happened | look up by token; found: done; surely not there: queued |
//! | done | the platform booked it once; ticket stored | final |
//! | refused | the platform said no; nothing happened there | a person retries or gives it back |
//! | returned | refused, and the money was given back to the wallet | final |
//!
//! Ledger: towards the platform the money leaves the wallet for `transit` when the move is
//! requested, so every unit is at one named place while nobody knows; it reaches `platform` when
//! the move is done. From the platform it goes `platform` to wallet when done, and is held there in
//! the same transaction under [`hold_of`] its purpose: whoever asked for it finds it, whatever else
//! the client does meanwhile. That one settles or releases the hold.

use crate::store::{self, MoveRow};
use crate::{AccountState, Direction, MoveId, MoveKind, MoveState, TradingAccountId};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result, Ts};
use qd_ledger::{AccountKey, Leg, NewEntry, NewHold, Purpose};
use qd_ports::platform::{MoneyKind, MoneyOp, MoneyReceipt, NO_FREE_MARGIN};
use qd_ports::{CallError, Fate};
use qd_runtime::access::{Caller, Right, Scope};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, audit, exceptions};
use serde::Serialize;
use serde_json::json;

/// Empty look-ups, with the server answering plainly, before a move whose sending got no answer
/// counts as not done.
pub const EMPTY_LOOKS: i64 = 3;

/// The last of them not earlier than this after the sending: a deal becomes visible shortly after
/// the operation, not at once (trading-platforms.md 1.8).
pub const LOOK_FOR_S: i64 = 60;

/// Waiting to be sent for longer than this, a move is shown to a person.
const QUEUED_TO_PERSON_S: i64 = 900;

#[derive(Clone, Debug)]
pub struct NewMove {
    pub account_id: TradingAccountId,
    pub direction: Direction,
    pub kind: MoveKind,
    /// Above zero, in the account's currency.
    pub amount: Amount,
    /// What it is for, unique: `deposit:dep_…`. Asking twice is asking once.
    pub purpose: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PlatformMove)]
pub struct MoveView {
    pub id: MoveId,
    pub account_id: TradingAccountId,
    pub server: String,
    pub login: String,
    pub direction: Direction,
    pub kind: MoveKind,
    pub amount: Amount,
    pub state: MoveState,
    /// "sent, waiting 00:12".
    pub waiting_s: Option<i64>,
    pub platform_ticket: Option<String>,
    pub token: String,
    pub purpose: String,
    pub last_code: Option<String>,
    pub last_detail: Option<String>,
    pub created_at_us: Ts,
    pub sent_at_us: Option<Ts>,
    pub done_at_us: Option<Ts>,
}

pub(crate) fn view(m: MoveRow, now: Ts) -> MoveView {
    MoveView {
        waiting_s: match m.state {
            MoveState::Sending | MoveState::Unknown => m.first_sent_at.map(|t| now.secs_since(t)),
            MoveState::Queued => Some(now.secs_since(m.created_at)),
            MoveState::Done | MoveState::Refused | MoveState::Returned => None,
        },
        amount: Amount::new(m.amount_minor, m.currency),
        id: m.id,
        account_id: m.account_id,
        server: m.server,
        login: m.login,
        direction: m.direction,
        kind: m.kind,
        state: m.state,
        platform_ticket: m.ticket,
        token: m.token,
        purpose: m.purpose,
        last_code: m.last_code,
        last_detail: m.last_detail,
        created_at_us: m.created_at,
        sent_at_us: m.sent_at,
        done_at_us: m.done_at,
    }
}

/// The reference of the hold on money that has come off a platform, by the move's purpose.
pub fn hold_of(purpose: &str) -> String {
    format!("{purpose}:hold")
}

fn key(owner: String, purpose: Purpose, m: &MoveRow) -> AccountKey {
    AccountKey {
        owner,
        purpose,
        currency: m.currency,
    }
}

fn wallet(m: &MoveRow) -> AccountKey {
    key(format!("client:{}", m.client_id), Purpose::Wallet, m)
}
fn at_platform(m: &MoveRow, purpose: Purpose) -> AccountKey {
    key(format!("tacc:{}", m.account_id), purpose, m)
}

async fn book(tx: &mut Tx, core: &Core, m: &MoveRow, step: &str, from: AccountKey, to: AccountKey) -> Result<()> {
    qd_ledger::post(
        tx,
        core,
        NewEntry {
            kind: "platform_move",
            reference: format!("move:{}:{step}", m.id),
            legs: vec![
                Leg {
                    account: from,
                    minor: -m.amount_minor,
                },
                Leg {
                    account: to,
                    minor: m.amount_minor,
                },
            ],
            source: format!("{} {} token {}", m.purpose, m.server, m.token),
            value_at: core.now(),
            note: m.ticket.as_ref().map(|t| format!("{} login {} ticket {t}", m.server, m.login)),
            fx: None,
        },
    )
    .await
    .map(|_| ())
}

/// Asks for a movement. The money of a move towards the platform leaves the wallet here, in the
/// caller's transaction, or the whole thing is refused.
pub async fn request(tx: &mut Tx, core: &Core, new: NewMove) -> Result<MoveView> {
    let now = core.now();
    if let Some(m) = store::move_by_purpose(tx, &new.purpose).await? {
        return Ok(view(m, now));
    }
    let a = store::account(tx, new.account_id)
        .await?
        .ok_or_else(|| Problem::missing("trading account"))?;
    let login = match (&a.login, a.state) {
        (Some(l), AccountState::Ready) => l.clone(),
        _ => return Err(Problem::conflict("account_not_ready", "the trading account is not open yet")),
    };
    if a.currency != new.amount.currency {
        return Err(Problem::invalid(
            "amount.currency",
            "currency_mismatch",
            format!("expected {}, the account's currency", a.currency),
        ));
    }
    new.amount.positive("amount")?;
    let m = MoveRow {
        id: MoveId::new(&core.env),
        account_id: a.id,
        client_id: a.client_id,
        entity: a.entity,
        server: a.server,
        login,
        direction: new.direction,
        kind: new.kind,
        amount_minor: new.amount.minor,
        currency: new.amount.currency,
        token: format!(
            "{}-{}",
            if new.direction == Direction::ToPlatform { "D" } else { "W" },
            core.env.entropy.code(16)
        ),
        purpose: new.purpose,
        state: MoveState::Queued,
        sends: 0,
        empty_looks: 0,
        first_sent_at: None,
        sent_at: None,
        done_at: None,
        ticket: None,
        last_code: None,
        last_detail: None,
        created_at: now,
        version: 1,
    };
    if !store::insert_move(tx, &m).await? {
        let m = store::move_by_purpose(tx, &m.purpose)
            .await?
            .ok_or_else(|| Problem::bug("move_lost", "a move that exists could not be read"))?;
        return Ok(view(m, now));
    }
    if m.direction == Direction::ToPlatform {
        let source = source_of(&m);
        book(tx, core, &m, "out", source, at_platform(&m, Purpose::Transit)).await?;
    }
    send_later(tx, core, &m, now).await?;
    Ok(view(m, now))
}

/// Credit is the house's money, lent; everything else comes out of the client's wallet.
fn source_of(m: &MoveRow) -> AccountKey {
    match m.kind {
        MoveKind::Balance => wallet(m),
        MoveKind::Credit => key(format!("house:{}", m.entity), Purpose::CreditGiven, m),
    }
}

async fn send_later(tx: &mut Tx, core: &Core, m: &MoveRow, at: Ts) -> Result<()> {
    // One lane per login: never two money operations of one login in flight.
    jobs::enqueue(
        tx,
        core,
        NewJob::new("trading.move", json!({"move_id": m.id}), at)
            .key(format!("{}:{}", m.id, m.version))
            .lane(format!("login:{}:{}", m.server, m.login))
            .attempts(crate::accounts::ATTEMPTS),
    )
    .await
    .map(|_| ())
}

pub(crate) fn operation(m: &MoveRow) -> MoneyOp {
    let signed = if m.direction == Direction::ToPlatform {
        m.amount_minor
    } else {
        -m.amount_minor
    };
    MoneyOp {
        login: m.login.clone(),
        kind: match m.kind {
            MoveKind::Balance => MoneyKind::Balance,
            MoveKind::Credit => MoneyKind::Credit,
        },
        amount: Amount::new(signed, m.currency),
        token: m.token.clone(),
        check_margin: true,
        since: m.first_sent_at.unwrap_or(m.created_at),
    }
}

async fn save(tx: &mut Tx, m: &mut MoveRow) -> Result<()> {
    if !store::update_move(tx, m).await? {
        return Err(Problem::unavailable("move_changed", "this move was changed by another worker"));
    }
    m.version += 1;
    Ok(())
}

/// Written and committed before the call leaves: from here on only a look-up tells.
pub(crate) async fn mark_sending(tx: &mut Tx, core: &Core, m: &mut MoveRow) -> Result<()> {
    let now = core.now();
    m.state = MoveState::Sending;
    m.sends += 1;
    m.empty_looks = 0;
    m.first_sent_at = m.first_sent_at.or(Some(now));
    m.sent_at = Some(now);
    save(tx, m).await
}

pub(crate) async fn mark_done(tx: &mut Tx, core: &Core, m: &mut MoveRow, receipt: &MoneyReceipt) -> Result<()> {
    m.state = MoveState::Done;
    m.done_at = Some(core.now());
    m.ticket = Some(receipt.ticket.clone());
    m.last_code = None;
    m.last_detail = None;
    save(tx, m).await?;
    match m.direction {
        Direction::ToPlatform => {
            book(
                tx,
                core,
                m,
                "done",
                at_platform(m, Purpose::Transit),
                at_platform(m, Purpose::Platform),
            )
            .await?
        }
        Direction::FromPlatform => {
            book(tx, core, m, "done", at_platform(m, Purpose::Platform), source_of(m)).await?;
            if m.kind == MoveKind::Balance {
                qd_ledger::hold(
                    tx,
                    core,
                    NewHold {
                        account: wallet(m),
                        minor: m.amount_minor,
                        reference: hold_of(&m.purpose),
                        expires_at: None,
                    },
                )
                .await?;
            }
        }
    }
    exceptions::resolve(tx, core, "platform.move_stuck", &format!("move:{}", m.id), "the platform booked it").await?;
    exceptions::resolve(
        tx,
        core,
        "platform.move_refused",
        &format!("move:{}", m.id),
        "sent again and booked",
    )
    .await?;
    tell(tx, core, m, "platform_move.done").await
}

pub(crate) async fn mark_refused(tx: &mut Tx, core: &Core, m: &mut MoveRow, e: &CallError) -> Result<()> {
    m.state = MoveState::Refused;
    m.last_code = Some(e.code.clone());
    m.last_detail = Some(e.detail.clone());
    save(tx, m).await?;
    let (kind, owner_role, rule, what) = match m.direction {
        Direction::ToPlatform => ("platform.move_refused", "finance", "platform_refused_credit", "credit"),
        // The client asked for more than is free: an answer, not an accident.
        Direction::FromPlatform if e.code == NO_FREE_MARGIN => return tell(tx, core, m, "platform_move.refused").await,
        Direction::FromPlatform => ("platform.debit_refused", "ops", "platform_refused_debit", "debit"),
    };
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind,
            subject: format!("move:{}", m.id),
            entity: Some(m.entity.clone()),
            client_id: Some(m.client_id.clone()),
            owner_role,
            rule,
            cause: format!("{} refused to {what} login {}: {} {}", m.server, m.login, e.code, e.detail),
            detail: json!({"move_id": m.id, "purpose": m.purpose, "amount": Amount::new(m.amount_minor, m.currency), "token": m.token}),
            retry: None,
        },
    )
    .await?;
    tell(tx, core, m, "platform_move.refused").await
}

/// Nothing left the house, or the platform said "not now": queued again.
pub(crate) async fn mark_not_sent(tx: &mut Tx, core: &Core, m: &mut MoveRow, e: &CallError) -> Result<()> {
    m.state = MoveState::Queued;
    m.last_code = Some(e.code.clone());
    m.last_detail = Some(e.detail.clone());
    save(tx, m).await?;
    if core.now().secs_since(m.created_at) > QUEUED_TO_PERSON_S {
        stuck(tx, core, m, "it cannot be sent; it waits and is tried again", e.raw.as_ref()).await?;
    }
    Ok(())
}

pub(crate) async fn mark_unknown(tx: &mut Tx, core: &Core, m: &mut MoveRow, e: &CallError) -> Result<()> {
    m.state = MoveState::Unknown;
    m.last_code = Some(e.code.clone());
    m.last_detail = Some(e.detail.clone());
    save(tx, m).await?;
    if let Some(raw) = &e.raw {
        stuck(
            tx,
            core,
            m,
            "the platform's answer could not be read; it is stored here and the operation is being looked up",
            Some(raw),
        )
        .await?;
    }
    tell(tx, core, m, "platform_move.unknown").await
}

/// A look-up that answered plainly and found nothing.
pub(crate) async fn mark_empty_look(tx: &mut Tx, core: &Core, m: &mut MoveRow) -> Result<()> {
    m.empty_looks += 1;
    let waited = m.sent_at.map_or(0, |t| core.now().secs_since(t));
    if m.empty_looks >= EMPTY_LOOKS && waited >= LOOK_FOR_S {
        m.state = MoveState::Queued;
        m.last_code = Some("surely_not_booked".into());
        m.last_detail = Some(format!(
            "not found by token in {} look-ups over {waited} s; it will be sent again",
            m.empty_looks
        ));
    } else {
        m.state = MoveState::Unknown;
    }
    save(tx, m).await
}

pub(crate) async fn stuck(tx: &mut Tx, core: &Core, m: &MoveRow, cause: &str, raw: Option<&String>) -> Result<()> {
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind: "platform.move_stuck",
            subject: format!("move:{}", m.id),
            entity: Some(m.entity.clone()),
            client_id: Some(m.client_id.clone()),
            owner_role: "ops",
            rule: "platform_outcome_unknown",
            cause: format!("{} login {}: {cause}", m.server, m.login),
            detail: json!({"move_id": m.id, "purpose": m.purpose, "amount": Amount::new(m.amount_minor, m.currency), "token": m.token, "last_code": m.last_code, "last_detail": m.last_detail, "raw": raw}),
            retry: None,
        },
    )
    .await
    .map(|_| ())
}

async fn tell(tx: &mut Tx, core: &Core, m: &MoveRow, kind: &'static str) -> Result<()> {
    events::publish(
        tx,
        core,
        NewEvent {
            kind,
            aggregate: format!("move:{}", m.id),
            entity: Some(m.entity.clone()),
            payload: json!({"move_id": m.id, "purpose": m.purpose, "account_id": m.account_id, "client_id": m.client_id, "login": m.login, "server": m.server, "ticket": m.ticket, "code": m.last_code}),
        },
    )
    .await
    .map(|_| ())
}

/// A person's safe retry of a refused move: the token was never booked, so the same one serves.
pub async fn retry(tx: &mut Tx, core: &Core, caller: &Caller, id: MoveId) -> Result<MoveView> {
    // A move knows no desk: whose right reaches a desk only cannot say that it is theirs.
    if matches!(caller.require(Right::ExceptionsWork)?, Scope::Own | Scope::Desk) {
        return Err(Problem::forbidden(
            "scope_too_narrow",
            "this needs the right exceptions.work over the entity",
        ));
    }
    let mut m = scoped(tx, caller, id).await?;
    match m.state {
        // Nothing was taken and whoever asked has been told so: their step is over.
        MoveState::Refused if m.direction == Direction::FromPlatform => {
            return Err(Problem::conflict(
                "move_ended",
                "the platform refused to give the money and the request has ended; start a new one",
            ));
        }
        MoveState::Refused => {
            m.state = MoveState::Queued;
            save(tx, &mut m).await?;
            send_later(tx, core, &m, core.now()).await?;
        }
        // Already on its way or there: pressing again changes nothing.
        MoveState::Queued | MoveState::Sending | MoveState::Unknown | MoveState::Done => {}
        MoveState::Returned => {
            return Err(Problem::conflict(
                "move_returned",
                "the money was given back to the wallet; start a new transfer",
            ));
        }
    }
    note(tx, core, caller, "platform_move.retried", &m, None).await?;
    Ok(view(m, core.now()))
}

/// Gives the money of a refused move back to where it came from.
pub async fn give_back(tx: &mut Tx, core: &Core, caller: &Caller, id: MoveId, reason: &str) -> Result<MoveView> {
    caller.require(Right::DepositsManage)?;
    if reason.trim().is_empty() {
        return Err(Problem::invalid(
            "reason",
            "reason_missing",
            "expected the reason, which staff and auditors will read",
        ));
    }
    let mut m = scoped(tx, caller, id).await?;
    match (m.state, m.direction) {
        (MoveState::Returned, _) => return Ok(view(m, core.now())),
        (MoveState::Refused, Direction::ToPlatform) => {}
        _ => {
            return Err(Problem::conflict(
                "move_not_refused",
                "only a move that the platform refused can be given back",
            ));
        }
    }
    m.state = MoveState::Returned;
    save(tx, &mut m).await?;
    let to = source_of(&m);
    book(tx, core, &m, "back", at_platform(&m, Purpose::Transit), to).await?;
    exceptions::resolve(
        tx,
        core,
        "platform.move_refused",
        &format!("move:{}", m.id),
        "given back to the wallet",
    )
    .await?;
    note(tx, core, caller, "platform_move.given_back", &m, Some(reason.to_string())).await?;
    tell(tx, core, &m, "platform_move.returned").await?;
    Ok(view(m, core.now()))
}

async fn scoped(tx: &mut Tx, caller: &Caller, id: MoveId) -> Result<MoveRow> {
    let m = store::get_move(tx, id).await?.ok_or_else(|| Problem::missing("platform move"))?;
    match caller.allowed_entities() {
        Some(e) if !e.contains(&m.entity) => Err(Problem::missing("platform move")),
        _ => Ok(m),
    }
}

async fn note(tx: &mut Tx, core: &Core, caller: &Caller, action: &'static str, m: &MoveRow, reason: Option<String>) -> Result<()> {
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action,
            object: format!("move:{}", m.id),
            client_id: Some(m.client_id.clone()),
            entity: Some(m.entity.clone()),
            before: None,
            after: Some(json!({"state": m.state, "amount": Amount::new(m.amount_minor, m.currency), "purpose": m.purpose})),
            reason,
            rule: None,
            seen: None,
        },
    )
    .await
    .map(|_| ())
}

pub async fn by_purpose(tx: &mut Tx, core: &Core, purpose: &str) -> Result<Option<MoveView>> {
    Ok(store::move_by_purpose(tx, purpose).await?.map(|m| view(m, core.now())))
}

pub async fn of_account(tx: &mut Tx, core: &Core, id: TradingAccountId) -> Result<Vec<MoveView>> {
    let now = core.now();
    Ok(store::moves_of(tx, id, 100).await?.into_iter().map(|m| view(m, now)).collect())
}

/// What the next step of a move's job is, from its state alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Send,
    LookUp,
    Nothing,
}

pub const fn next_step(s: MoveState) -> Step {
    match s {
        MoveState::Queued => Step::Send,
        MoveState::Sending | MoveState::Unknown => Step::LookUp,
        MoveState::Done | MoveState::Refused | MoveState::Returned => Step::Nothing,
    }
}

/// The classes of a failed call as the state they lead to.
pub const fn after(fate: Fate) -> MoveState {
    match fate {
        Fate::NotSent | Fate::RefusedForNow => MoveState::Queued,
        Fate::Unknown => MoveState::Unknown,
        Fate::Refused => MoveState::Refused,
    }
}
