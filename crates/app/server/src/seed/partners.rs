//! Introducing brokers of the past: two small trees, a plan for each entity, a statement a month.

use super::cast::{PARTNERS, Person};
use super::days::{register, somebody};
use qd_app::{App, demo};
use qd_db::Tx;
use qd_kernel::{Class, Currency, Problem, Result, Secret, Ts};
use qd_partners::clicks::{self, NewLink};
use qd_partners::partner::{self, NewPartner, PayoutMethod};
use qd_partners::{PartnerId, payouts, plans, statements};
use qd_runtime::access::{Caller, Role, logins};
use serde_json::{Value, json};

/// The partner whose sign-in is printed.
pub const EMAIL: &str = "partner@quarterdeck.example";

const NAMES: [&str; 2 * PARTNERS] = [
    "Alpenblick Capital",
    "Rheintal Trading School",
    "Nordlicht Signals",
    "Gulf Bridge Advisory",
    "Palm Markets",
    "Siam Traders Club",
];
const CODES: [&str; 2 * PARTNERS] = ["ALPEN", "RHEINTAL", "NORDLICHT", "GULFBRIDGE", "PALM", "SIAM"];

fn plan(entity: &str) -> Value {
    json!({
        "format": 1,
        "name": format!("Introducers {entity}"),
        "currency": "USD",
        "rules": [
            {"id": "fx", "kind": "per_lot", "rate": "8.00"},
            {"id": "metals", "kind": "per_lot", "rate": "5.00", "scope": {"symbols": ["XAUUSD"]}},
        ],
        "override": {"method": "percent_of_child", "of": "next", "levels": ["0.20", "0.10"]},
        "exclusions": {"min_duration_secs": 60},
    })
}

/// Makes plans, partners and links that are not there; the codes in the order of `NAMES`.
pub async fn prepare(app: &App, staff: &[Caller], start: Ts) -> Result<Vec<Option<String>>> {
    let manager = somebody(staff, Role::PartnerManager, 0)?;
    let password = app.access.hash_new_password(&Secret::new(demo::PASSWORD), false, &[]).await?;
    let me = app.clone();
    app.core
        .db
        .write(async move |tx| {
            let core = &me.core;
            let page = qd_kernel::PageRequest::new(Some(200), None)?;
            if !partner::list(tx, &manager, None, None, &page).await?.items.is_empty() {
                return Ok(CODES.iter().map(|c| Some((*c).to_string())).collect());
            }
            for entity in ["eu", "intl"] {
                let (id, _) = plans::save(tx, core, &manager, None, Some(entity), &plan(entity), start, "starting data").await?;
                plans::set_default(tx, core, &manager, Some(entity), id, start, "starting data").await?;
            }
            let own = wallet_owner(tx, &me, &password).await?;
            let mut master: Option<PartnerId> = None;
            for (n, name) in NAMES.iter().enumerate() {
                let first = n.is_multiple_of(PARTNERS);
                let europe = n < PARTNERS;
                let new = NewPartner {
                    entity: if europe { "eu" } else { "intl" }.into(),
                    name: (*name).into(),
                    email: Some(if n == 1 {
                        EMAIL.into()
                    } else {
                        format!("office@{}.example", CODES[n].to_lowercase())
                    }),
                    phone: None,
                    client_id: (n == 1).then(|| own.clone()),
                    currency: if europe { Currency::EUR } else { Currency::USD },
                    payout_method: if n == 1 { PayoutMethod::Wallet } else { PayoutMethod::Bank },
                    parent: if first { None } else { master },
                    since: Some(start),
                };
                let p = partner::create(tx, core, &manager, new).await?;
                if first {
                    master = Some(p.id);
                }
                let link = NewLink {
                    code: Some(CODES[n].into()),
                    campaign: Some("website".into()),
                    landing: "/start".into(),
                };
                clicks::create_link(tx, core, &manager, p.id, link).await?;
            }
            Ok(CODES.iter().map(|c| Some((*c).to_string())).collect())
        })
        .await
}

/// The client record of the partner who is paid into a wallet.
async fn wallet_owner(tx: &mut Tx, app: &App, password: &str) -> Result<String> {
    let p = Person {
        n: 900_000,
        first: "Petra",
        last: "Rheinberg",
        email: EMAIL.into(),
        country: "DE",
        language: "de",
        city: "Cologne",
        brand: "northwind",
        phone: "+492215550100".into(),
        birth: "1979-04-12".into(),
        card: String::new(),
        document: String::new(),
        campaign: ("", "", ""),
        partner: None,
        flagged: false,
    };
    register(tx, app, &p, password, None).await?;
    let found = logins::client_by_email(tx, p.brand, EMAIL).await?;
    found.map(|f| f.1).ok_or_else(|| Problem::missing("login"))
}

/// Whether this day is the last of its month.
pub fn month_ends(day: Ts) -> bool {
    day.plus_days(1).ymd().2 == 1
}

/// Closes the month for everybody who earned, and pays those who are paid into a wallet: prepared
/// by one, released by another.
pub async fn close_month(app: &App, staff: &[Caller], end: Ts) -> Result<()> {
    let manager = somebody(staff, Role::PartnerManager, 0)?;
    let finance = somebody(staff, Role::Finance, 0)?;
    let core = app.core.clone();
    app.core
        .db
        .write(async move |tx| {
            let mut due = Vec::new();
            for entity in ["eu", "intl"] {
                due.extend(statements::to_close(tx, &manager, Some(entity), end.plus_secs(-1_200), 200).await?);
            }
            for (id, currency) in due {
                let s = match statements::close(tx, &core, &manager, id, currency, end.plus_secs(-1_200)).await {
                    Ok(s) => s,
                    Err(p) if matches!(p.class, Class::Conflict | Class::Invalid) => continue,
                    Err(p) => return Err(p),
                };
                let p = partner::get(tx, &manager, id).await?;
                let owed = qd_ledger::balance(tx, &payouts::payable(id, currency)).await?.available_minor;
                if p.payout_method == PayoutMethod::Wallet && owed > 0 && p.client_id.is_some() {
                    let payout = payouts::prepare(tx, &core, &manager, id, qd_kernel::Amount::new(owed, currency)).await?;
                    payouts::decide(
                        tx,
                        &core,
                        &finance,
                        payout.id,
                        true,
                        "statement checked",
                        json!({"statement": s.id}),
                    )
                    .await?;
                }
            }
            Ok(())
        })
        .await
}
