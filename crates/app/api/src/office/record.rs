//! One look at a client in one call, and the client's file as of a date.

use crate::kit::{At, Reply, moment};
use crate::me::wallet;
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_clients::timeline::{self, LineFilter};
use qd_clients::{ClientId, profile, restrictions};
use qd_db::Tx;
use qd_kernel::{PageRequest, Result, Ts};
use qd_kyc::Level;
use qd_payments::deposit::{self, DepositQuery, DepositState};
use qd_payments::{dispute, transfer, withdrawal};
use qd_runtime::access::{Caller, Mask, Right, logins};
use qd_runtime::audit::{self, AuditFilter};
use qd_runtime::{Core, tenancy};
use qd_trading::{accounts, feed, moves};
use qd_web::{Asker, Params};
use serde::Deserialize;
use serde_json::{Value, json};

/// Failed deposits shown on the record.
const FAILED: u32 = 10;
/// Rows of one kind in a client's file: years of a busy client.
const FILE_ROWS: usize = 20_000;

/// The record with everything beside it: verification, entity, accounts with their sync, where the
/// money is, failed deposits, the partner's claim, the first deposit with its provider, restrictions,
/// tasks. What I may not see is absent or covered.
#[utoipa::path(get, path = "/api/v1/clients/{id}", tag = "clients", responses((status = 200, body = Value, example = json!({"client": {"id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "name": "Alex Weber", "stage": "funded", "owner_name": "Lena Vogt", "restrictions": [], "open_tasks": []}, "entity": {"code": "eu", "name": "Northwind Markets EU", "base_currency": "EUR"}, "kyc": {"approved": true, "level": "standard", "state": "approved", "age_days": 3, "missing": []}, "accounts": [{"id": "tacc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "login": "500001", "state": "ready", "sync": {"state": "synced"}}], "money": [{"currency": "EUR", "balance_minor": 0, "held_minor": 0, "available_minor": 0, "on_its_way_minor": 0, "paying_out_minor": 0}], "failed_deposits": [], "partner": {"eligible": false, "reason_code": "no_partner"}, "first_deposit": {"id": "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "amount": {"minor": 50_000, "currency": "EUR"}, "connection": "stripe-eu", "provider_ref": "cs_1", "payment_ref": "pi_1", "at_us": 1_790_000_000_000_000_i64}}))))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    app.core
        .db
        .read(async move |tx| record(tx, &core, &c, id).await)
        .await
        .map(Json)
        .map_err(Into::into)
}

async fn record(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId) -> Result<Value> {
    let now = core.now();
    let text = id.to_string();
    let view = qd_clients::view(tx, caller, id).await?;
    let client = view.client.clone();
    let entity = tenancy::get(tx, &client.entity).await?;
    let mut out = json!({
        "client": view,
        "entity": {"code": entity.code, "name": entity.name, "country": entity.country, "regulator": entity.regulator, "base_currency": entity.base_currency},
    });
    let cover = |v: Value| qd_runtime::access::mask::cover(caller, &v);
    if caller.may(Right::KycView) {
        let k = qd_kyc::gate(tx, &text, now).await?;
        out["kyc"] = json!({"approved": k.approved, "level": k.level, "approved_at_us": k.approved_at_us, "age_days": k.age_days, "stale": k.stale, "state": k.state, "missing": k.missing});
        if caller.sees(Mask::Aml) {
            let case = qd_kyc::case_of_client(tx, caller, &text, Level::Standard).await?;
            out["kyc"]["case_id"] = json!(case.as_ref().map(|c| c.id));
            out["kyc"]["risk"] = serde_json::to_value(case.map(|c| c.risk))?;
        }
    }
    if caller.may(Right::AccountsView) {
        out["accounts"] = cover(serde_json::to_value(accounts::of_client(tx, core, &text).await?)?);
    }
    if caller.sees(Mask::Money) {
        out["money"] = serde_json::to_value(wallet::of_client(tx, core, &text).await?)?;
    }
    if caller.may(Right::DepositsView) {
        let page = PageRequest::new(Some(FAILED), None)?;
        let mut failed = Vec::new();
        // A declined card leaves the provider's page open for another one: that, too, is a failure
        // the client will call about.
        for state in [DepositState::Failed, DepositState::Expired, DepositState::Redirected] {
            let q = DepositQuery {
                client_id: Some(text.clone()),
                state: Some(state),
                connection: None,
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
        let failed: Vec<Value> = failed
            .iter()
            .map(|d| json!({"id": d.id, "state": d.state, "amount": d.amount, "method": d.method, "connection": d.connection, "failure_code": d.failure_code, "try_another": d.try_another, "at_us": d.created_at_us}))
            .collect();
        out["failed_deposits"] = cover(Value::Array(failed));
        out["first_deposit"] = match deposit::first_of(tx, core, &text).await? {
            None => Value::Null,
            Some(d) => cover(
                json!({"id": d.id, "amount": d.amount, "method": d.method, "connection": d.connection, "provider_ref": d.provider_ref, "payment_ref": d.payment_ref, "at_us": d.received_at_us}),
            ),
        };
    }
    let claim = crate::office::partners::eligibility(tx, &client, now).await?;
    out["partner"] = match caller.may(Right::PartnersView) {
        true => serde_json::to_value(claim)?,
        // Whose agent it is learns whether somebody earns on the client, and not who.
        false => json!({"eligible": claim.eligible, "reason_code": claim.reason_code}),
    };
    Ok(out)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AsOf {
    /// The end of a day (`2026-03-31`) or microseconds since 1970, UTC; now without it.
    as_of: Option<String>,
}

/// The client's whole file up to a moment: record and profile with their history, consents, the
/// rule book in force then, verification with its decisions, accounts, deals, ledger, payments,
/// partners, mails, and the audit trail about it. `cut` names kinds with more rows than the file
/// takes.
#[utoipa::path(get, path = "/api/v1/clients/{id}/file", tag = "clients", params(AsOf), responses((status = 200, body = Value, example = json!({"client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "as_of_us": 1_790_000_000_000_000_i64, "made_at_us": 1_790_000_000_000_000_i64, "made_by": "Ada Auditor", "record": {}, "stages": [], "timeline": [], "kyc": {}, "accounts": [], "ledger": [], "deposits": [], "withdrawals": [], "transfers": [], "disputes": [], "decisions": [], "audit": [], "cut": []}))))]
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
    F: AsyncFn(&mut Tx) -> Result<Value> + Send + Sync + 'static,
{
    let v = app.core.db.read_long(f).await?;
    Ok(Json(qd_runtime::access::mask::cover(caller, &v)))
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
    fn until(&self, items: Vec<Value>, field: &str) -> Value {
        Value::Array(
            items
                .into_iter()
                .filter(|v| v[field].as_i64().is_none_or(|t| t <= self.at.micros()))
                .collect(),
        )
    }

    async fn make(mut self, tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId) -> Result<Value> {
        let text = id.to_string();
        // The right was asked for the whole file; its parts are read by the house.
        let house = Caller::system("client_file");
        let c = qd_clients::get(tx, caller, Right::ClientFileExport, id).await?;
        let (first, last) = qd_clients::touches(tx, id).await?;
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
            );
            accounts_out.push(v);
        }
        let mut owners = vec![format!("client:{text}")];
        owners.extend(accounts_now.iter().map(|a| format!("tacc:{}", a.id)));
        let mut ledger = Vec::new();
        for owner in owners {
            for (key, _) in qd_ledger::balances_of(tx, &owner).await? {
                let lines = all_pages!(self, "ledger", |page| qd_ledger::statement(tx, &key, &page));
                ledger.push(json!({"account": key, "lines": self.until(lines, "booked_at_us")}));
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
        Ok(json!({
            "client_id": id, "as_of_us": self.at, "made_at_us": core.now(), "made_by": caller.label(),
            "record": serde_json::to_value(&c)?, "profile": serde_json::to_value(profile::profile(tx, &house, id).await?)?,
            "first_touch": first, "last_touch": last, "stages": self.until(stages.as_array().cloned().unwrap_or_default(), "at"),
            "restrictions": restrictions::in_force(tx, id).await?, "timeline": lines, "notes": self.until(notes, "at"), "calls": self.until(calls, "at"),
            "logins": logins::of_client(tx, &text).await?, "entity_rule_book": book, "kyc": kyc, "accounts": accounts_out, "ledger": ledger,
            "deposits": self.until(deposits, "created_at_us"), "withdrawals": self.until(withdrawals, "requested_at_us"), "transfers": self.until(transfers, "created_at_us"),
            "disputes": self.until(disputes, "opened_at_us"), "partner": partner, "decisions": self.until(decisions, "at"), "mails": self.until(mails, "created_at"),
            "audit": trail, "cut": self.cut,
        }))
    }

    async fn kyc(&self, tx: &mut Tx, caller: &Caller, client_id: &str, subjects: &mut Vec<String>) -> Result<Value> {
        let mut cases = Vec::new();
        for level in [Level::Standard, Level::Enhanced] {
            let Some(v) = qd_kyc::case_of_client(tx, caller, client_id, level).await? else {
                continue;
            };
            subjects.push(format!("kyc:{}", v.id));
            let history: Vec<Value> = qd_kyc::history(tx, caller, v.id)
                .await?
                .into_iter()
                .map(serde_json::to_value)
                .collect::<std::result::Result<_, _>>()?;
            cases.push(json!({"case": v, "history": self.until(history, "at")}));
        }
        let approvals = match qd_kyc::who_approved(tx, caller, client_id).await {
            Ok(a) => serde_json::to_value(a)?,
            Err(p) if p.is("not_found") => Value::Null,
            Err(p) => return Err(p),
        };
        let answers = match cases.first() {
            None => Value::Null,
            Some(c) => {
                serde_json::to_value(qd_kyc::answers_of(tx, caller, client_id, c["case"]["entity"].as_str().unwrap_or_default()).await?)?
            }
        };
        Ok(json!({"cases": cases, "approvals": approvals, "answers": answers}))
    }
}
