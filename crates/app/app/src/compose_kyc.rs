//! Verification's view of a client, from the client's record and profile.

use qd_clients::geo::GeoTable;
use qd_clients::{Client, ClientId, duplicates, profile};
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_kyc::{Applicant, Case, Day, Level, Signals};
use qd_runtime::Core;
use qd_runtime::access::Caller;
use std::sync::OnceLock;

/// The country of an address, two capital letters.
pub fn country_of(ip: Option<&str>) -> Option<String> {
    static TABLE: OnceLock<GeoTable> = OnceLock::new();
    TABLE.get_or_init(GeoTable::builtin).country(ip?).map(str::to_string)
}

/// What a case keeps of the person, as it is now.
pub async fn applicant(tx: &mut Tx, client: &Client) -> Result<Applicant> {
    let (answers, missing) = profile::answers(tx, client.id).await?;
    let text = |code: &str| answers.get(code).and_then(|v| v.as_str()).map(str::to_string);
    Ok(Applicant {
        client_id: client.id.to_string(),
        entity: client.entity.clone(),
        country: client.country.clone(),
        name: client.name(),
        email: client.email.clone().unwrap_or_default(),
        nationality: client.nationality.clone(),
        birth_date: client.birth_date.as_deref().and_then(Day::parse),
        phone: client.phone.clone(),
        occupation: text("occupation"),
        source_of_funds: text("source_of_funds"),
        pep: answers.get("pep").and_then(|v| v.as_bool()),
        partner: false,
        profile_missing: missing,
    })
}

/// What was noticed around the person, for the risk rules.
pub async fn signals(tx: &mut Tx, client: &Client, ip: Option<&str>) -> Result<Signals> {
    Ok(Signals {
        ip_country: country_of(ip),
        device_other_clients: qd_runtime::access::logins::others_on_devices(tx, &client.id.to_string()).await?,
        duplicates_open: duplicates::open_count(tx, client.id).await?,
    })
}

/// The client's case at the standard level with the record's present particulars; opened when there
/// is none.
pub async fn own_case(tx: &mut Tx, core: &Core, caller: &Caller, client: &Client) -> Result<Case> {
    crate::onboarding::must_be_proven(tx, caller).await?;
    let a = applicant(tx, client).await?;
    let case = qd_kyc::open_case(tx, core, caller, a.clone(), Level::Standard).await?;
    qd_kyc::set_applicant(tx, core, caller, case.id, a).await
}

/// After a change of the record, by whomever: the case follows, if there is one.
pub async fn follow_profile(tx: &mut Tx, core: &Core, id: ClientId) -> Result<()> {
    let house = Caller::system("profile");
    let client = qd_clients::find(tx, id).await?.ok_or_else(|| Problem::missing("client"))?;
    if let Some(case) = qd_kyc::case_of_client(tx, &house, &id.to_string(), Level::Standard).await? {
        let a = applicant(tx, &client).await?;
        qd_kyc::set_applicant(tx, core, &house, case.id, a).await?;
    }
    Ok(())
}
