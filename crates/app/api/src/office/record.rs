//! One look at a client in one call, and the client's file as of a date.

use crate::kit::{At, Reply, moment};
use crate::me::wallet::{self, WalletCurrency};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_clients::consents::{self, KeptConsent};
use qd_clients::past;
use qd_clients::profile::Profile;
use qd_clients::restrictions::Restriction;
use qd_clients::timeline::{self, LineFilter};
use qd_clients::{Call, ClientId, ClientView, KeptTouch, Note, StageLine};
use qd_db::Tx;
use qd_kernel::{Amount, Currency, PageRequest, Problem, Result, Ts};
use qd_kyc::{CaseState, KycId, Level, RiskView};
use qd_partners::PartnerId;
use qd_payments::deposit::{self, DepositQuery, DepositState};
use qd_payments::{DepositId, dispute, transfer, withdrawal};
use qd_runtime::Core;
use qd_runtime::access::logins::{self, LoginView};
use qd_runtime::access::{Caller, Mask, Right, mask};
use qd_runtime::audit::{self, AuditFilter};
use qd_runtime::tenancy::{self, Entity};
use qd_trading::accounts::{self, AccountView};
use qd_trading::{feed, moves};
use qd_web::{Asker, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Failed deposits shown on the record.
const FAILED: u32 = 10;
/// Rows of one kind in a client's file: years of a busy client.
const FILE_ROWS: usize = 20_000;

/// A client's record and what stands beside it. What I may not see is absent or covered.
#[derive(Serialize, ToSchema)]
#[schema(as = ClientRecord)]
pub struct Record {
    client: ClientView,
    entity: RecordEntity,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    kyc: Option<RecordKyc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    accounts: Option<Vec<AccountView>>,
    /// By currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    money: Option<Vec<WalletCurrency>>,
    /// The newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    failed_deposits: Option<Vec<FailedDeposit>>,
    /// Absent before there is one, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    first_deposit: Option<FirstDeposit>,
    partner: RecordPartner,
}

#[derive(Serialize, ToSchema)]
pub struct RecordEntity {
    code: String,
    name: String,
    country: String,
    regulator: String,
    base_currency: Currency,
}

/// Where verification stands.
#[derive(Serialize, ToSchema)]
pub struct RecordKyc {
    approved: bool,
    level: Option<Level>,
    approved_at_us: Option<Ts>,
    age_days: Option<i64>,
    /// Older than the entity's rule book likes.
    stale: bool,
    /// Of the standard case; none before it is opened.
    state: Option<CaseState>,
    missing: Vec<String>,
    /// For those who see money-laundering matters, once there is a case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    case_id: Option<KycId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    risk: Option<RiskView>,
}

#[derive(Serialize, ToSchema)]
pub struct FailedDeposit {
    id: DepositId,
    state: DepositState,
    amount: Amount,
    method: String,
    connection: String,
    failure_code: Option<String>,
    try_another: bool,
    at_us: Ts,
}

#[derive(Serialize, ToSchema)]
pub struct FirstDeposit {
    id: DepositId,
    amount: Amount,
    method: String,
    connection: String,
    provider_ref: Option<String>,
    payment_ref: Option<String>,
    at_us: Option<Ts>,
}

/// Whether a partner earns on the client. Who it is, is for those who may see partners.
#[derive(Serialize, ToSchema)]
pub struct RecordPartner {
    eligible: bool,
    /// `eligible`, `no_partner`, `attribution_held`, …
    reason_code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    partner: Option<PartnerId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    partner_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    plan: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    plan_version: Option<i64>,
}

/// The record with everything beside it: verification, entity, accounts with their sync, where the
/// money is, failed deposits, the partner's claim, the first deposit with its provider, restrictions,
/// tasks. What I may not see is absent or covered.
#[utoipa::path(get, path = "/api/v1/clients/{id}", tag = "clients", responses((status = 200, body = Record)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    app.core
        .db
        .read(async move |tx| record(tx, &core, &c, id).await)
        .await
        .map(Json)
        .map_err(Into::into)
}

/// Parts that their use cases do not cover themselves.
const COVER: [&str; 3] = ["accounts", "failed_deposits", "first_deposit"];

async fn record(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId) -> Result<Value> {
    let now = core.now();
    let text = id.to_string();
    let view = qd_clients::view(tx, caller, id).await?;
    let client = view.client.clone();
    let entity = tenancy::get(tx, &client.entity).await?;
    let mut out = Record {
        client: view,
        entity: RecordEntity {
            code: entity.code.clone(),
            name: entity.name.clone(),
            country: entity.country.clone(),
            regulator: entity.regulator.clone(),
            base_currency: entity.base_currency,
        },
        kyc: None,
        accounts: None,
        money: None,
        failed_deposits: None,
        first_deposit: None,
        partner: claim(tx, caller, &client, now).await?,
    };
    if caller.may(Right::KycView) {
        out.kyc = Some(verification(tx, caller, &text, now).await?);
    }
    if caller.may(Right::AccountsView) {
        out.accounts = Some(accounts::of_client(tx, core, &text).await?);
    }
    if caller.sees(Mask::Money) {
        out.money = Some(wallet::of_client(tx, core, &text).await?);
    }
    if caller.may(Right::DepositsView) {
        out.failed_deposits = Some(failed(tx, core, caller, &text).await?);
        out.first_deposit = deposit::first_of(tx, core, &text).await?.map(|d| FirstDeposit {
            id: d.id,
            amount: d.amount,
            method: d.method,
            connection: d.connection,
            provider_ref: d.provider_ref,
            payment_ref: d.payment_ref,
            at_us: d.received_at_us,
        });
    }
    let mut out = serde_json::to_value(out)?;
    for part in COVER {
        if let Some(v) = out.get_mut(part) {
            *v = mask::cover(caller, v);
        }
    }
    Ok(out)
}

async fn verification(tx: &mut Tx, caller: &Caller, client_id: &str, now: Ts) -> Result<RecordKyc> {
    let k = qd_kyc::gate(tx, client_id, now).await?;
    let case = match caller.sees(Mask::Aml) {
        true => qd_kyc::case_of_client(tx, caller, client_id, Level::Standard).await?,
        false => None,
    };
    Ok(RecordKyc {
        approved: k.approved,
        level: k.level,
        approved_at_us: k.approved_at_us,
        age_days: k.age_days,
        stale: k.stale,
        state: k.state,
        missing: k.missing,
        case_id: case.as_ref().map(|c| c.id),
        risk: case.and_then(|c| c.risk),
    })
}

async fn failed(tx: &mut Tx, core: &Core, caller: &Caller, client_id: &str) -> Result<Vec<FailedDeposit>> {
    let page = PageRequest::new(Some(FAILED), None)?;
    let mut failed = Vec::new();
    // A declined card leaves the provider's page open for another one: that, too, is a failure the
    // client will call about.
    for state in [DepositState::Failed, DepositState::Expired, DepositState::Redirected] {
        let q = DepositQuery {
            client_id: Some(client_id.to_string()),
            state: Some(state),
            ..DepositQuery::default()
        };
        failed.extend(
            deposit::list(tx, core, caller, q, &page)
                .await?
                .items
                .into_iter()
                .filter(|d| state == DepositState::Failed || d.failure_code.is_some()),
        );
    }
    failed.sort_by_key(|d| std::cmp::Reverse(d.created_at_us));
    failed.truncate(FAILED as usize);
    Ok(failed
        .into_iter()
        .map(|d| FailedDeposit {
            id: d.id,
            state: d.state,
            amount: d.amount,
            method: d.method,
            connection: d.connection,
            failure_code: d.failure_code,
            try_another: d.try_another,
            at_us: d.created_at_us,
        })
        .collect())
}

async fn claim(tx: &mut Tx, caller: &Caller, client: &qd_clients::Client, now: Ts) -> Result<RecordPartner> {
    let e = crate::office::partners::eligibility(tx, client, now).await?;
    // Whose agent it is learns whether somebody earns on the client, and not who.
    let all = caller.may(Right::PartnersView);
    Ok(RecordPartner {
        eligible: e.eligible,
        reason_code: e.reason_code,
        partner: e.partner.filter(|_| all),
        partner_name: e.partner_name.filter(|_| all),
        plan: e.plan.filter(|_| all),
        plan_version: e.plan_version.filter(|_| all),
    })
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AsOf {
    /// The end of a day (`2026-03-31`) or microseconds since 1970, UTC; now without it.
    as_of: Option<String>,
}

/// Everything about a client up to a moment. Lists that are long elsewhere in pages are whole here;
/// their rows are those of the operations of the same name.
#[derive(Serialize, ToSchema)]
pub struct ClientFile {
    client_id: ClientId,
    as_of_us: Ts,
    made_at_us: Ts,
    made_by: String,
    record: qd_clients::Client,
    profile: Profile,
    first_touch: Option<KeptTouch>,
    last_touch: Option<KeptTouch>,
    #[schema(value_type = Vec<StageLine>)]
    stages: Value,
    /// What was agreed to until then, the newest first.
    consents: Vec<KeptConsent>,
    restrictions: Vec<Restriction>,
    #[schema(value_type = Vec<timeline::Line>)]
    timeline: Vec<Value>,
    #[schema(value_type = Vec<Note>)]
    notes: Value,
    #[schema(value_type = Vec<Call>)]
    calls: Value,
    logins: Vec<LoginView>,
    /// The entity as it was configured then; none before it was.
    entity_rule_book: Option<Entity>,
    /// Cases with their history, approvals, answers of the appropriateness test.
    kyc: Value,
    /// Trading accounts with their deals and moves of money.
    accounts: Vec<Value>,
    /// Ledger accounts with their lines.
    ledger: Vec<Value>,
    /// As in `GET /deposits`, `/withdrawals`, `/transfers` and `/clients/{id}/disputes`.
    #[schema(value_type = Vec<Value>)]
    deposits: Value,
    #[schema(value_type = Vec<Value>)]
    withdrawals: Value,
    #[schema(value_type = Vec<Value>)]
    transfers: Value,
    #[schema(value_type = Vec<Value>)]
    disputes: Value,
    /// The client's partners through time, and on what evidence.
    partner: Value,
    #[schema(value_type = Vec<audit::DecisionRow>)]
    decisions: Value,
    #[schema(value_type = Vec<qd_notify::Mail>)]
    mails: Value,
    #[schema(value_type = Vec<audit::AuditRow>)]
    audit: Vec<Value>,
    /// Kinds whose rows are those that were there at the moment and show their state of now.
    as_now: Vec<&'static str>,
    /// Kinds with more rows than the file takes.
    cut: Vec<&'static str>,
}

/// What is chosen by its time and shown as it is; the audit trail and the rows' own times say what
/// they were.
const AS_NOW: [&str; 6] = ["accounts", "deposits", "withdrawals", "transfers", "disputes", "partner"];

/// The client's whole file up to a moment: record and profile with their history, consents, the
/// rule book in force then, verification with its decisions, accounts, deals, ledger, payments,
/// partners, mails, and the audit trail about it.
///
/// Record, verification cases, their documents and lists, and sign-ins are as they were: from the
/// copies kept before each change. The profile is from the versions of its steps, restrictions from
/// their own times, stages, notes, ledger, decisions and mails from rows that are never changed.
/// `as_now` names what is chosen by time and shows its state of now; `cut` names kinds with more rows
/// than the file takes. Not kept: since when a sign-in was locked, and each single activity.
#[utoipa::path(get, path = "/api/v1/clients/{id}/file", tag = "clients", params(AsOf), responses((status = 200, body = ClientFile)))]
pub async fn file(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>, Params(q): Params<AsOf>) -> Reply<Json<Value>> {
    let at = match q.as_of.as_deref() {
        Some(t) => moment("as_of", t)?,
        None => app.core.now(),
    };
    let (core, c) = (app.core.clone(), caller.clone());
    let c2 = caller.clone();
    app.core
        .db
        .write({
            let (core, c) = (core.clone(), c.clone());
            async move |tx| {
                // That somebody took a whole file away is itself worth a line.
                let client = qd_clients::get(tx, &c, Right::ClientFileExport, id).await?;
                let e = audit::Entry::new(&c, "client_file.exported", format!("client:{id}"))
                    .client(id.to_string())
                    .entity(Some(client.entity))
                    .after(json!({"as_of_us": at}));
                audit::record(tx, &core, e).await.map(|_| ())
            }
        })
        .await?;
    let Json(v) = covered_long(&app, &c2, async move |tx| {
        File { at, cut: Vec::new() }.make(tx, &core, &c, id).await
    })
    .await?;
    Ok(Json(v))
}

async fn covered_long<F>(app: &App, caller: &Caller, f: F) -> Reply<Json<Value>>
where
    F: AsyncFn(&mut Tx) -> Result<ClientFile> + Send + Sync + 'static,
{
    let file = app.core.db.read_long(f).await?;
    let v = serde_json::to_value(file).map_err(Problem::from)?;
    Ok(Json(mask::cover(caller, &v)))
}

struct File {
    at: Ts,
    cut: Vec<&'static str>,
}

/// Walks all pages of a list, up to the file's size.
macro_rules! all_pages {
    ($file:expr, $name:literal, |$page:ident| $one:expr) => {{
        let mut items: Vec<Value> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let $page = PageRequest::new(Some(200), cursor.as_deref())?;
            let p = $one.await?;
            for i in p.items {
                items.push(serde_json::to_value(i)?);
            }
            cursor = p.next_cursor;
            if items.len() >= FILE_ROWS && cursor.is_some() {
                $file.cut.push($name);
                break;
            }
            if cursor.is_none() {
                break;
            }
        }
        items
    }};
}

impl File {
    /// What was there at the moment. A row without the field would be there at any moment: that the
    /// field is gone is a mistake of ours.
    fn until(&self, items: Vec<Value>, field: &str) -> Result<Value> {
        let mut kept = Vec::with_capacity(items.len());
        for v in items {
            let t = v[field]
                .as_i64()
                .ok_or_else(|| Problem::bug("file_row_without_time", format!("a row of a client's file has no {field}")))?;
            if t <= self.at.micros() {
                kept.push(v);
            }
        }
        Ok(Value::Array(kept))
    }

    async fn make(mut self, tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId) -> Result<ClientFile> {
        let text = id.to_string();
        // The right was asked for the whole file; its parts are read by the house.
        let house = Caller::system("client_file");
        let reached = qd_clients::get(tx, caller, Right::ClientFileExport, id).await?;
        let c = past::record(tx, &house, id, self.at)
            .await?
            .ok_or_else(|| Problem::invalid("as_of", "as_of_before_client", "expected a moment at which the record was there"))?;
        let (first, last) = qd_clients::touches_until(tx, id, self.at).await?;
        let lines = all_pages!(self, "timeline", |page| timeline::list(
            tx,
            caller,
            id,
            &LineFilter {
                until: Some(Ts(self.at.micros().saturating_add(1))),
                ..LineFilter::default()
            },
            &page
        ));
        let notes = all_pages!(self, "notes", |page| qd_clients::notes(tx, caller, id, &page));
        let calls = all_pages!(self, "calls", |page| qd_clients::calls(tx, caller, id, &page));
        let stages = serde_json::to_value(qd_clients::stage_history(tx, caller, id).await?)?;
        let book = tenancy::entity_as_of(tx, &c.entity, self.at).await?;
        let book_then = match &book {
            Some(b) => b.clone(),
            None => (*tenancy::get(tx, &reached.entity).await?).clone(),
        };
        let accounts_now = accounts::of_client(tx, core, &text).await?;
        let mut accounts_out = Vec::new();
        for a in accounts_now.iter().filter(|a| a.created_at_us <= self.at) {
            let deals = all_pages!(self, "deals", |page| feed::history(tx, &house, a.id, None, Some(self.at), &page));
            let mut v = serde_json::to_value(a)?;
            v["deals"] = Value::Array(deals);
            v["moves"] = self.until(
                moves::of_account(tx, core, a.id)
                    .await?
                    .into_iter()
                    .map(serde_json::to_value)
                    .collect::<std::result::Result<_, _>>()?,
                "created_at_us",
            )?;
            accounts_out.push(v);
        }
        let mut owners = vec![format!("client:{text}")];
        owners.extend(accounts_now.iter().map(|a| format!("tacc:{}", a.id)));
        let mut ledger = Vec::new();
        for owner in owners {
            for (key, _) in qd_ledger::balances_of(tx, &owner).await? {
                let lines = all_pages!(self, "ledger", |page| qd_ledger::statement(tx, &key, &page));
                ledger.push(json!({"account": key, "lines": self.until(lines, "booked_at_us")?}));
            }
        }
        let deposits = all_pages!(self, "deposits", |page| deposit::list(
            tx,
            core,
            &house,
            DepositQuery {
                client_id: Some(text.clone()),
                ..DepositQuery::default()
            },
            &page
        ));
        let withdrawals = all_pages!(self, "withdrawals", |page| withdrawal::list(
            tx,
            core,
            &house,
            withdrawal::WithdrawalQuery {
                client_id: Some(text.clone()),
                ..Default::default()
            },
            &page
        ));
        let transfers = all_pages!(self, "transfers", |page| transfer::list(tx, &house, Some(text.clone()), &page));
        let mut decisions = Vec::new();
        let mut subjects: Vec<String> = deposits
            .iter()
            .filter_map(|d| d["id"].as_str())
            .map(|d| format!("deposit:{d}"))
            .collect();
        subjects.extend(
            withdrawals
                .iter()
                .filter_map(|d| d["id"].as_str())
                .map(|d| format!("withdrawal:{d}")),
        );
        subjects.push(format!("client:{text}"));
        let kyc = self.kyc(tx, caller, &text, &mut subjects).await?;
        for s in &subjects {
            decisions.extend(
                audit::decisions_of(tx, caller, s)
                    .await?
                    .into_iter()
                    .map(serde_json::to_value)
                    .collect::<std::result::Result<Vec<_>, _>>()?,
            );
        }
        let trail = if caller.may(Right::AuditView) {
            let f = AuditFilter {
                client_id: Some(text.clone()),
                until: Some(Ts(self.at.micros().saturating_add(1))),
                ..AuditFilter::default()
            };
            all_pages!(self, "audit", |page| audit::search(tx, caller, &f, &page))
        } else {
            Vec::new()
        };
        let mails = if caller.may(Right::MailView) {
            all_pages!(self, "mails", |page| qd_notify::mails_of(tx, caller, &text, &page))
        } else {
            Vec::new()
        };
        let disputes: Vec<Value> = dispute::of_client(tx, &text)
            .await?
            .iter()
            .map(serde_json::to_value)
            .collect::<std::result::Result<_, _>>()?;
        let partner = crate::office::partners::evidence(tx, &house, &text).await?;
        Ok(ClientFile {
            client_id: id,
            as_of_us: self.at,
            made_at_us: core.now(),
            made_by: caller.label(),
            profile: past::profile(tx, &house, &c, &book_then, self.at).await?,
            record: c,
            first_touch: first,
            last_touch: last,
            stages: self.until(stages.as_array().cloned().unwrap_or_default(), "at_us")?,
            consents: consents::until(tx, id, self.at).await?,
            restrictions: past::restrictions(tx, &house, id, self.at).await?,
            timeline: lines,
            notes: self.until(notes, "at_us")?,
            calls: self.until(calls, "at_us")?,
            logins: logins::of_client_at(tx, &text, self.at).await?,
            entity_rule_book: book,
            kyc,
            accounts: accounts_out,
            ledger,
            deposits: self.until(deposits, "created_at_us")?,
            withdrawals: self.until(withdrawals, "requested_at_us")?,
            transfers: self.until(transfers, "created_at_us")?,
            disputes: self.until(disputes, "opened_at_us")?,
            partner: serde_json::to_value(partner)?,
            decisions: self.until(decisions, "at_us")?,
            mails: self.until(mails, "created_at_us")?,
            audit: trail,
            as_now: AS_NOW.to_vec(),
            cut: self.cut,
        })
    }

    async fn kyc(&self, tx: &mut Tx, caller: &Caller, client_id: &str, subjects: &mut Vec<String>) -> Result<Value> {
        let mut cases = Vec::new();
        let mut entity = None;
        let then = qd_kyc::cases_at(tx, caller, client_id, self.at).await?;
        for (v, history) in &then {
            subjects.push(format!("kyc:{}", v.id));
            entity.get_or_insert_with(|| v.entity.clone());
            cases.push(json!({"case": v, "history": history}));
        }
        let mut approvals = match qd_kyc::who_approved(tx, caller, client_id).await {
            Ok(a) => a,
            Err(p) if p.is("not_found") => Vec::new(),
            Err(p) => return Err(p),
        };
        approvals.retain(|a| a.approved_at_us <= self.at);
        for a in &mut approvals {
            a.in_force = then.iter().any(|(c, _)| {
                c.id == a.case_id && c.state == CaseState::Approved && c.decision_id.as_deref() == Some(a.decision.id.to_string().as_str())
            });
        }
        let mut answers = Vec::new();
        if let Some(e) = entity {
            for a in qd_kyc::answers_of(tx, caller, client_id, &e).await? {
                if a.answered_at_us <= self.at {
                    answers.push(qd_kyc::AnswerSet {
                        acknowledged_at_us: a.acknowledged_at_us.filter(|t| *t <= self.at),
                        ..a
                    });
                }
            }
        }
        Ok(json!({"cases": cases, "approvals": approvals, "answers": answers}))
    }
}
