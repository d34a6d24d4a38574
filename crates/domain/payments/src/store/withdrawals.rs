use super::{entities, tail};
use crate::withdrawal::{LegState, Queue, WithdrawalState};
use crate::{PayoutTargetId, WithdrawalId};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Result, Ts, Val, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct WithdrawalRow {
        pub id: WithdrawalId,
        pub client_id: String,
        pub entity: String,
        pub account_id: Option<String>,
        pub amount_minor: i64,
        pub currency: Currency,
        pub state: WithdrawalState,
        pub approval_id: Option<String>,
        pub approvals_needed: i64,
        pub rule: Option<String>,
        pub signals: String,
        pub reason_code: Option<String>,
        pub reason_text: Option<String>,
        pub desk: String,
        pub claimed_by: Option<String>,
        pub device: Option<String>,
        pub ip: Option<String>,
        pub due_at: Option<Ts>,
        pub requested_at: Ts,
        pub decided_at: Option<Ts>,
        pub approved_at: Option<Ts>,
        pub paid_at: Option<Ts>,
        pub changed_at: Ts,
        /// Where what exceeds the sources goes; None: the client's bank account.
        pub target_id: Option<PayoutTargetId>,
        /// The split that a person chose, in place of the rule's.
        pub split: Option<String>,
        pub queue: Queue,
        /// When people were done with it.
        pub reviewed_at: Option<Ts>,
        pub version: i64,
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct LegRow {
        pub withdrawal_id: WithdrawalId,
        pub n: i64,
        pub kind: String,
        pub connection: Option<String>,
        pub deposit_id: Option<String>,
        pub payment_ref: Option<String>,
        /// Of a payout: who gets it.
        pub target_id: Option<PayoutTargetId>,
        pub amount_minor: i64,
        pub currency: Currency,
        pub state: LegState,
        pub our_ref: String,
        pub provider_ref: Option<String>,
        pub failure_code: Option<String>,
        pub first_sent_at: Option<Ts>,
        pub done_at: Option<Ts>,
        pub version: i64,
    }
}

pub async fn insert_withdrawal(tx: &mut Tx, w: &WithdrawalRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO withdrawals (id, client_id, entity, account_id, amount_minor, currency, state, approvals_needed, signals, desk, device, ip, requested_at, changed_at, target_id, version)
              VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, $12, $13, $14, 1)"),
        &vals![w.id, w.client_id.as_str(), w.entity.as_str(), w.account_id.clone(), w.amount_minor, w.currency, w.state, w.signals.as_str(), w.desk.as_str(), w.device.clone(), w.ip.clone(), w.requested_at, w.changed_at, w.target_id],
    )
    .await
    .map(|_| ())
}

pub async fn withdrawal(tx: &mut Tx, id: WithdrawalId) -> Result<Option<WithdrawalRow>> {
    tx.one(
        sql!("SELECT id, client_id, entity, account_id, amount_minor, currency, state, approval_id, approvals_needed, rule, signals, reason_code, reason_text, desk, claimed_by, device, ip, due_at,
                requested_at, decided_at, approved_at, paid_at, changed_at, target_id, split, queue, reviewed_at, version FROM withdrawals WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn update_withdrawal(tx: &mut Tx, w: &WithdrawalRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE withdrawals SET state = $3, approval_id = $4, approvals_needed = $5, rule = $6, signals = $7, reason_code = $8, reason_text = $9, desk = $10, claimed_by = $11, due_at = $12,
                    decided_at = $13, approved_at = $14, paid_at = $15, changed_at = $16, split = $17, queue = $18, reviewed_at = $19, version = version + 1 WHERE id = $1 AND version = $2"),
            &vals![w.id, w.version, w.state, w.approval_id.clone(), w.approvals_needed, w.rule.clone(), w.signals.as_str(), w.reason_code.clone(), w.reason_text.clone(), w.desk.as_str(), w.claimed_by.clone(), w.due_at, w.decided_at, w.approved_at, w.paid_at, w.changed_at, w.split.clone(), w.queue, w.reviewed_at],
        )
        .await?;
    Ok(n == 1)
}

pub struct WithdrawalFilter {
    pub entities: Option<Vec<String>>,
    pub client_id: Option<String>,
    pub state: Option<WithdrawalState>,
    pub desk: Option<String>,
    pub claimed_by: Option<String>,
    /// In review, and due before this.
    pub due_before: Option<Ts>,
}

pub async fn list_withdrawals(tx: &mut Tx, f: &WithdrawalFilter, page: &PageRequest) -> Result<Vec<WithdrawalRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, client_id, entity, account_id, amount_minor, currency, state, approval_id, approvals_needed, rule, signals, reason_code, reason_text, desk, claimed_by, device, ip, due_at,
           requested_at, decided_at, approved_at, paid_at, changed_at, target_id, split, queue, reviewed_at, version FROM withdrawals WHERE TRUE"
    ));
    entities(&mut q, f.entities.as_deref());
    if let Some(c) = &f.client_id {
        q.push(sql!(" AND client_id = $?"), [Val::from(c)]);
    }
    if let Some(s) = f.state {
        q.push(sql!(" AND state = $?"), [Val::from(s)]);
    }
    if let Some(d) = &f.desk {
        q.push(sql!(" AND desk = $?"), [Val::from(d)]);
    }
    if let Some(by) = &f.claimed_by {
        q.push(sql!(" AND claimed_by = $?"), [Val::from(by)]);
    }
    if let Some(t) = f.due_before {
        q.push(sql!(" AND state = 'review' AND due_at < $?"), [Val::from(t)]);
    }
    tail(&mut q, page);
    tx.query(&q).await
}

/// Paid so far and the number of requests since a moment, for the rules.
pub async fn withdrawal_history(tx: &mut Tx, client_id: &str, since: Ts) -> Result<(i64, i64)> {
    tx.must(
        sql!("SELECT CAST(COALESCE(SUM(CASE WHEN state = 'paid' THEN 1 ELSE 0 END), 0) AS BIGINT), CAST(COALESCE(SUM(CASE WHEN requested_at >= $2 THEN 1 ELSE 0 END), 0) AS BIGINT)
              FROM withdrawals WHERE client_id = $1"),
        &vals![client_id, since],
    )
    .await
}

pub async fn insert_leg(tx: &mut Tx, l: &LegRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO withdrawal_legs (withdrawal_id, n, kind, connection, deposit_id, payment_ref, target_id, amount_minor, currency, state, our_ref, version)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)"),
        &vals![l.withdrawal_id, l.n, l.kind.as_str(), l.connection.clone(), l.deposit_id.clone(), l.payment_ref.clone(), l.target_id, l.amount_minor, l.currency, l.state, l.our_ref.as_str()],
    )
    .await
    .map(|_| ())
}

pub async fn legs(tx: &mut Tx, id: WithdrawalId) -> Result<Vec<LegRow>> {
    tx.rows(
        sql!("SELECT withdrawal_id, n, kind, connection, deposit_id, payment_ref, target_id, amount_minor, currency, state, our_ref, provider_ref, failure_code, first_sent_at, done_at, version
              FROM withdrawal_legs WHERE withdrawal_id = $1 ORDER BY n"),
        &vals![id],
    )
    .await
}

pub async fn leg(tx: &mut Tx, id: WithdrawalId, n: i64) -> Result<Option<LegRow>> {
    tx.one(
        sql!("SELECT withdrawal_id, n, kind, connection, deposit_id, payment_ref, target_id, amount_minor, currency, state, our_ref, provider_ref, failure_code, first_sent_at, done_at, version
              FROM withdrawal_legs WHERE withdrawal_id = $1 AND n = $2"),
        &vals![id, n],
    )
    .await
}

pub async fn leg_by_ref(tx: &mut Tx, our_ref: &str) -> Result<Option<LegRow>> {
    tx.one(
        sql!("SELECT withdrawal_id, n, kind, connection, deposit_id, payment_ref, target_id, amount_minor, currency, state, our_ref, provider_ref, failure_code, first_sent_at, done_at, version
              FROM withdrawal_legs WHERE our_ref = $1"),
        &vals![our_ref],
    )
    .await
}

pub async fn leg_by_provider(tx: &mut Tx, connection: &str, provider_ref: &str) -> Result<Option<LegRow>> {
    tx.one(
        sql!("SELECT withdrawal_id, n, kind, connection, deposit_id, payment_ref, target_id, amount_minor, currency, state, our_ref, provider_ref, failure_code, first_sent_at, done_at, version
              FROM withdrawal_legs WHERE connection = $1 AND provider_ref = $2 LIMIT 1"),
        &vals![connection, provider_ref],
    )
    .await
}

pub async fn update_leg(tx: &mut Tx, l: &LegRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE withdrawal_legs SET state = $4, provider_ref = $5, failure_code = $6, first_sent_at = $7, done_at = $8, version = version + 1 WHERE withdrawal_id = $1 AND n = $2 AND version = $3"),
            &vals![l.withdrawal_id, l.n, l.version, l.state, l.provider_ref.clone(), l.failure_code.clone(), l.first_sent_at, l.done_at],
        )
        .await?;
    Ok(n == 1)
}

/// Planned and running refunds against a deposit: what is left of it to return to.
pub async fn refunds_planned(tx: &mut Tx, deposit_id: &str) -> Result<i64> {
    Ok(tx
        .must::<(i64,)>(
            sql!("SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM withdrawal_legs WHERE deposit_id = $1 AND state IN ('planned', 'sending', 'pending')"),
            &vals![deposit_id],
        )
        .await?
        .0)
}

/// Requests since a moment: how many, and their sums by currency; refused and rejected ones too.
pub async fn withdrawals_since(tx: &mut Tx, client_id: &str, since: Ts) -> Result<Vec<(Currency, i64, i64)>> {
    tx.rows(
        sql!("SELECT currency, COUNT(*), CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM withdrawals WHERE client_id = $1 AND requested_at >= $2 GROUP BY currency ORDER BY currency"),
        &vals![client_id, since],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct TurnRow {
        pub withdrawal_id: WithdrawalId,
        pub n: i64,
        pub desk: String,
        pub from_at: Ts,
        pub due_at: Ts,
        pub until_at: Option<Ts>,
        pub owner: Option<String>,
        pub handed_by: Option<String>,
        pub comment: Option<String>,
    }
}

pub async fn turns(tx: &mut Tx, id: WithdrawalId) -> Result<Vec<TurnRow>> {
    tx.rows(
        sql!("SELECT withdrawal_id, n, desk, from_at, due_at, until_at, owner, handed_by, comment FROM withdrawal_turns WHERE withdrawal_id = $1 ORDER BY n"),
        &vals![id],
    )
    .await
}

pub async fn insert_turn(tx: &mut Tx, t: &TurnRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO withdrawal_turns (withdrawal_id, n, desk, from_at, due_at, owner) VALUES ($1, $2, $3, $4, $5, $6)"),
        &vals![t.withdrawal_id, t.n, t.desk.as_str(), t.from_at, t.due_at, t.owner.clone()],
    )
    .await
    .map(|_| ())
}

/// The row of the withdrawal was taken before: nobody else writes its turns.
pub async fn update_turn(tx: &mut Tx, t: &TurnRow) -> Result<()> {
    tx.exec(
        sql!("UPDATE withdrawal_turns SET until_at = $3, owner = $4, handed_by = $5, comment = $6 WHERE withdrawal_id = $1 AND n = $2"),
        &vals![
            t.withdrawal_id,
            t.n,
            t.until_at,
            t.owner.clone(),
            t.handed_by.clone(),
            t.comment.clone()
        ],
    )
    .await
    .map(|_| ())
}

/// How long people took, in seconds, of those they were done with in the span; and since when the open
/// ones wait.
pub async fn queue_times(tx: &mut Tx, entities_seen: Option<&[String]>, queue: Queue, from: Ts, until: Ts) -> Result<(Vec<i64>, Vec<Ts>)> {
    let mut done = Query::new(sql!(
        "SELECT reviewed_at - decided_at FROM withdrawals WHERE decided_at IS NOT NULL"
    ));
    entities(&mut done, entities_seen);
    done.push(
        sql!(" AND queue = $? AND reviewed_at >= $? AND reviewed_at < $? ORDER BY 1"),
        vals![queue, from, until],
    );
    let mut open = Query::new(sql!(
        "SELECT decided_at FROM withdrawals WHERE state = 'review' AND decided_at IS NOT NULL"
    ));
    entities(&mut open, entities_seen);
    open.push(sql!(" AND queue = $? ORDER BY 1"), vals![queue]);
    let done = tx.query::<(i64,)>(&done).await?.into_iter().map(|t| t.0 / 1_000_000).collect();
    Ok((done, tx.query::<(Ts,)>(&open).await?.into_iter().map(|t| t.0).collect()))
}

row! {
    #[derive(Clone, Debug)]
    pub struct TrialRow {
        pub withdrawal_id: WithdrawalId,
        pub entity: String,
        pub live: String,
        pub trial: String,
        pub live_signals: String,
        pub trial_signals: String,
        pub at: Ts,
    }
}

pub async fn insert_trial(tx: &mut Tx, t: &TrialRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO withdrawal_trials (withdrawal_id, entity, live, trial, live_signals, trial_signals, at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"),
        &vals![t.withdrawal_id, t.entity.as_str(), t.live.as_str(), t.trial.as_str(), t.live_signals.as_str(), t.trial_signals.as_str(), t.at],
    )
    .await
    .map(|_| ())
}

/// The newest first.
pub async fn trials(tx: &mut Tx, codes: Option<&[String]>, from: Ts, until: Ts, most: i64) -> Result<Vec<TrialRow>> {
    let mut q = Query::new(sql!(
        "SELECT withdrawal_id, entity, live, trial, live_signals, trial_signals, at FROM withdrawal_trials WHERE TRUE"
    ));
    entities(&mut q, codes);
    q.push(
        sql!(" AND at >= $? AND at < $? ORDER BY at DESC, withdrawal_id DESC LIMIT $?"),
        vals![from, until, most],
    );
    tx.query(&q).await
}
