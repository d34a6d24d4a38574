//! What the house's desks did in the simulated past: compliance's and finance's decisions.

use super::cast::Person;
use super::days::{Seeder, somebody};
use qd_app::App;
use qd_kernel::{Class, PageRequest, Result};
use qd_kyc::{CaseState, DocumentFields, DocumentVerdict, Level, Verdict};
use qd_payments::withdrawal::{self, WithdrawalQuery, WithdrawalState};
use qd_runtime::access::{Caller, Right, Role};

/// Compliance's desk: what was handed in is read and decided.
pub(super) async fn review(app: &App, staff: &[Caller], p: Person) -> Result<()> {
    let (core, staff) = (app.core.clone(), staff.to_vec());
    app.core
        .db
        .write(async move |tx| {
            let reviewer = somebody(&staff, Role::Compliance, p.n)?;
            let (c, _) = Seeder::known(tx, &p).await?;
            let Some(case) = qd_kyc::case_of_client(tx, &reviewer, &c.id.to_string(), Level::Standard).await? else {
                return Ok(());
            };
            if case.state != CaseState::Submitted {
                return Ok(());
            }
            qd_kyc::claim(tx, &core, &reviewer, case.id).await?;
            if p.flagged {
                let again = qd_kyc::Again {
                    requirement: "identity".into(),
                    reason_code: Some("image_quality".into()),
                    note: None,
                };
                let version = qd_kyc::case_view(tx, &reviewer, case.id).await?.version;
                qd_kyc::ask_again(
                    tx,
                    &core,
                    &reviewer,
                    case.id,
                    vec![again],
                    Verdict {
                        version,
                        reason: "The picture cannot be read.".into(),
                    },
                )
                .await?;
                return Ok(());
            }
            for d in &case.documents {
                qd_kyc::view_document(tx, &core, &reviewer, d.id).await?;
                let verdict = DocumentVerdict::Accept {
                    fields: DocumentFields::default(),
                    waivers: Vec::new(),
                };
                qd_kyc::decide_document(tx, &core, &reviewer, d.id, verdict).await?;
            }
            let version = qd_kyc::case_view(tx, &reviewer, case.id).await?.version;
            qd_kyc::approve(
                tx,
                &core,
                &reviewer,
                case.id,
                Verdict {
                    version,
                    reason: "Documents and particulars agree.".into(),
                },
            )
            .await
            .map(|_| ())
        })
        .await
}

/// As many people of the house as it takes say yes to what of this client's waits for people.
pub(super) async fn decide(app: &App, staff: &[Caller], p: Person) -> Result<()> {
    let core = app.core.clone();
    let waiting = app
        .core
        .db
        .read(async move |tx| {
            let (c, _) = Seeder::known(tx, &p).await?;
            let q = WithdrawalQuery {
                client_id: Some(c.id.to_string()),
                state: Some(WithdrawalState::Review),
                ..WithdrawalQuery::default()
            };
            let page = withdrawal::list(tx, &core, &Caller::system("seed"), q, &PageRequest::new(None, None)?).await?;
            Ok(page.items.iter().map(|w| w.id).collect::<Vec<_>>())
        })
        .await?;
    for id in waiting {
        for who in staff.iter().filter(|c| c.may(Right::WithdrawalsApprove)) {
            let (core, who) = (app.core.clone(), who.clone());
            let said = app
                .core
                .db
                .write(async move |tx| {
                    let why = Some("Own card, own name, as paid in.".to_string());
                    withdrawal::approve(tx, &core, &who, id, why).await
                })
                .await;
            match said {
                Ok(w) if w.state == WithdrawalState::Review => {}
                Ok(_) => break,
                // Somebody else's entity, or one yes from each person.
                Err(p) if matches!(p.class, Class::Conflict | Class::Missing | Class::Forbidden) => {}
                Err(p) => return Err(p),
            }
        }
    }
    Ok(())
}
