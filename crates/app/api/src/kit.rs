//! What handlers share: reading, writing, covering, lists, path parts.

use axum::Json;
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use qd_app::App;
pub use qd_app::onboarding::must_be_proven as proven;
use qd_clients::{Client, ClientId};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::access::{Caller, Right, Scope, mask};
use qd_web::{Answer, ApiProblem, IdempotencyKey};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use crate::schema::Items;

pub type Reply<T> = std::result::Result<T, ApiProblem>;

/// What was made or changed, by its id.
#[derive(Serialize, ToSchema)]
#[schema(as = IdOf)]
pub struct Made<T> {
    pub id: T,
}

/// Reads on one snapshot and answers what `f` returns, as it is: for views that cover themselves.
pub async fn read<T, F>(app: &App, f: F) -> Reply<Json<Value>>
where
    T: Serialize + Send + 'static,
    F: AsyncFn(&mut Tx) -> Result<T> + Send + Sync + 'static,
{
    let v = app.core.db.read(f).await?;
    Ok(Json(serde_json::to_value(v).map_err(Problem::from)?))
}

/// Like [`read`], with the fields covered that the caller may not see (amounts from sales, bank
/// data from support, …).
pub async fn covered<T, F>(app: &App, caller: &Caller, f: F) -> Reply<Json<Value>>
where
    T: Serialize + Send + 'static,
    F: AsyncFn(&mut Tx) -> Result<T> + Send + Sync + 'static,
{
    let Json(v) = read(app, f).await?;
    Ok(Json(mask::cover(caller, &v)))
}

/// One transaction with the answer kept under the idempotency key; covered like [`covered`].
pub async fn write<I, T, F>(
    app: &App,
    caller: &Caller,
    key: IdempotencyKey,
    operation: &'static str,
    input: &I,
    status: u16,
    f: F,
) -> Reply<Answer>
where
    I: Serialize,
    T: Serialize,
    F: AsyncFn(&mut Tx) -> Result<T> + Send + Sync + 'static,
{
    let mut a = qd_web::write::write(&app.core, caller, key, operation, input, status, f).await?;
    a.body = mask::cover(caller, &a.body);
    Ok(a)
}

/// Path parameters in the order of the path. A malformed one is named like a wrong field.
pub struct At<T>(pub T);

pub trait PathPart: Sized {
    fn part(name: &str, text: &str) -> Result<Self>;
}

impl PathPart for String {
    fn part(name: &str, text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
            return Err(Problem::invalid(name, "path_malformed", "expected 1 to 200 characters"));
        }
        Ok(text.to_string())
    }
}

impl PathPart for i64 {
    fn part(name: &str, text: &str) -> Result<Self> {
        text.parse()
            .map_err(|_| Problem::invalid(name, "path_malformed", "expected a whole number"))
    }
}

/// Ids read themselves; the problem names the parameter.
macro_rules! path_ids {
    ($($t:ty),+ $(,)?) => {$(
        impl PathPart for $t {
            fn part(name: &str, text: &str) -> Result<Self> {
                <$t>::parse(text).map_err(|p| match p.fields.first() {
                    Some(f) => Problem::invalid(name, "id_malformed", f.expected.clone()),
                    None => p,
                })
            }
        }
    )+};
}
path_ids!(
    qd_payments::DepositId,
    qd_payments::WithdrawalId,
    qd_payments::TransferId,
    qd_payments::QuoteId,
    qd_recon::SettlementFileId,
    qd_recon::BreakId,
    qd_payments::DisputeId,
    qd_payments::ExperimentId,
    qd_payments::BankFileId,
    qd_payments::BankEntryId,
    qd_payments::BankBatchId,
    qd_payments::PayoutTargetId,
    qd_trading::TradingAccountId,
    qd_trading::MoveId,
    qd_trading::drift::DriftRunId,
    qd_trading::mapping::MappingRunId,
    qd_ledger::EntryId,
    qd_partners::PartnerId,
    qd_partners::LinkId,
    qd_partners::PlanId,
    qd_partners::LineId,
    qd_partners::StatementId,
    qd_partners::CorrectionId,
    qd_partners::SimulationId,
    qd_partners::PayoutId,
    qd_partners::PostbackId,
    qd_partners::SendId,
    qd_partners::WebhookId,
    qd_partners::ClaimId,
    qd_partners::MaterialId,
    qd_partners::BatchId,
    qd_partners::CloseId,
    qd_runtime::access::StaffId,
    qd_runtime::access::SessionId,
    qd_runtime::access::ApiKeyId,
    qd_runtime::approvals::ApprovalId,
    qd_runtime::exceptions::ExceptionId,
    qd_runtime::jobs::JobId,
    qd_runtime::rules::RuleId,
    qd_runtime::access::passkeys::PasskeyId,
    qd_support::TicketId,
    qd_support::macros::MacroId,
    qd_support::views::ViewId,
    qd_support::bulk::BulkId,
    qd_notify::NotificationId,
    qd_notify::MailId,
    qd_clients::ClientId,
    qd_clients::CallId,
    qd_clients::tasks::TaskId,
    qd_clients::duplicates::DuplicateId,
    qd_kyc::KycId,
    qd_kyc::DocumentId,
);

impl<S: Send + Sync, A: PathPart> FromRequestParts<S> for At<A> {
    type Rejection = ApiProblem;
    async fn from_request_parts(parts: &mut Parts, s: &S) -> Reply<Self> {
        let raw = raw(parts, s).await?;
        let mut it = raw.iter();
        Ok(At(next(&mut it)?))
    }
}

/// Two path parameters.
pub struct At2<A, B>(pub A, pub B);

impl<S: Send + Sync, A: PathPart, B: PathPart> FromRequestParts<S> for At2<A, B> {
    type Rejection = ApiProblem;
    async fn from_request_parts(parts: &mut Parts, s: &S) -> Reply<Self> {
        let raw = raw(parts, s).await?;
        let mut it = raw.iter();
        Ok(At2(next(&mut it)?, next(&mut it)?))
    }
}

async fn raw<S: Send + Sync>(parts: &mut Parts, s: &S) -> Reply<RawPathParams> {
    RawPathParams::from_request_parts(parts, s)
        .await
        .map_err(|_| Problem::missing("page").into())
}

fn next<'a, T: PathPart>(it: &mut impl Iterator<Item = (&'a str, &'a str)>) -> Reply<T> {
    let (name, text) = it
        .next()
        .ok_or_else(|| Problem::bug("path_short", "a route has fewer parameters than its handler reads"))?;
    Ok(T::part(name, text)?)
}

/// The parameters of a list: `limit`, `cursor` and its own filters. An empty value is no filter.
macro_rules! list_query {
    ($(#[$m:meta])* $name:ident { $($(#[$fm:meta])* $field:ident : $ty:ty as $doc:ty),* $(,)? }) => {
        $(#[$m])*
        #[derive(Clone, Debug, serde::Deserialize, utoipa::IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            /// Rows in one page: 1 to 200, 50 without a word.
            pub limit: Option<u32>,
            /// The `next_cursor` of the page before.
            pub cursor: Option<String>,
            $($(#[$fm])* #[param(value_type = Option<$doc>)] #[serde(default)] pub $field: Option<$ty>,)*
        }
        impl $name {
            pub fn page(&self) -> qd_kernel::Result<qd_kernel::PageRequest> {
                qd_kernel::PageRequest::new(self.limit, self.cursor.as_deref())
            }
        }
    };
}
pub(crate) use list_query;

list_query!(
    /// A list without filters.
    Paged {}
);

/// The end of a day (`2026-03-31`) or a moment (microseconds since 1970), both UTC.
pub fn moment(field: &str, text: &str) -> Result<Ts> {
    let bad = || {
        Problem::invalid(
            field,
            "moment_malformed",
            "expected a date like 2026-03-31 or microseconds since 1970",
        )
    };
    if let Ok(us) = text.parse::<i64>() {
        return Ok(Ts(us));
    }
    let mut it = text.splitn(3, '-').map(|p| p.parse::<u32>().ok());
    let (Some(Some(y)), Some(Some(m)), Some(Some(d))) = (it.next(), it.next(), it.next()) else {
        return Err(bad());
    };
    if !(1970..=9999).contains(&y) || !(1..=12).contains(&m) || !(1..=31).contains(&d) {
        return Err(bad());
    }
    Ok(Ts::from_ymd(i64::from(y), m, d).plus_days(1).plus_millis(-1))
}

/// Where a right reaches only one's own clients or one's desk's, the client's owner decides, and
/// only the client's record knows it. Without a client such a caller gets no list at all.
pub async fn within(tx: &mut Tx, caller: &Caller, right: Right, client_id: Option<&str>) -> Result<()> {
    if caller.client_id().is_ok() {
        return Ok(());
    }
    match (caller.require(right)?, client_id) {
        (Scope::Entity | Scope::All, _) => Ok(()),
        (_, Some(id)) => qd_clients::get(tx, caller, right, ClientId::parse(id)?).await.map(|_| ()),
        (_, None) => Err(Problem::forbidden(
            "client_needed",
            "your right reaches your own clients only: name one with client_id",
        )),
    }
}

/// The record of the signed-in client.
pub async fn own_client(tx: &mut Tx, caller: &Caller) -> Result<Client> {
    let id = ClientId::parse(&caller.client_id()?)?;
    qd_clients::find(tx, id).await?.ok_or_else(|| Problem::missing("client"))
}
