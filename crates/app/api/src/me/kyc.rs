//! A client's own verification.

use crate::kit::{At, Reply, own_client, read, write};
use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use qd_app::App;
use qd_app::compose_kyc::{own_case, signals};
use qd_kernel::{Class, Problem, Result, Ts};
use qd_kyc::{CaseView, Day, DocumentFields, DocumentId, DocumentNumber, Level, NewDocument, Side};
use qd_runtime::files::{Content, Mime};
use qd_runtime::tenancy::{self, Answers, Class3, Questionnaire};
use qd_web::body::whole;
use qd_web::{Answer, ApiProblem, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// The appropriateness test, if my entity asks for one, and what I answered so far.
#[derive(Serialize, ToSchema)]
pub struct MyQuestionnaire {
    questionnaire: Option<AskedQuestionnaire>,
    /// The latest first.
    answers: Vec<MyAnswers>,
}

/// A questionnaire as the client reads it: no points.
#[derive(Serialize, ToSchema)]
pub struct AskedQuestionnaire {
    code: String,
    version: u32,
    questions: Vec<AskedQuestion>,
}

#[derive(Serialize, ToSchema)]
pub struct AskedQuestion {
    code: String,
    text_key: String,
    /// Several options may be chosen.
    several: bool,
    optional: bool,
    options: Vec<AskedOption>,
}

#[derive(Serialize, ToSchema)]
pub struct AskedOption {
    code: String,
    text_key: String,
}

/// One attempt and what its result means.
#[derive(Serialize, ToSchema)]
pub struct MyAnswers {
    attempt: i64,
    /// Of the questionnaire, with its version.
    code: String,
    version: u32,
    class: Class3,
    /// Leverage I may have at most.
    leverage_cap: Option<u32>,
    /// Text to show and to confirm before trading.
    warning_key: Option<String>,
    acknowledged: bool,
    answered_at_us: Ts,
}

/// The appropriateness test with my answers so far, if my entity asks for one.
#[utoipa::path(get, path = "/api/v1/me/questionnaire", tag = "me", responses((status = 200, body = MyQuestionnaire)))]
pub async fn questionnaire(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let c = own_client(tx, &caller).await?;
        let entity = tenancy::get(tx, &c.entity).await?;
        // Points stay with us: a client who reads them answers for points.
        let questionnaire = entity.config.appropriateness.as_ref().map(asked);
        let answers = qd_kyc::answers_of(tx, &caller, &c.id.to_string(), &c.entity).await?;
        Ok(MyQuestionnaire {
            questionnaire,
            answers: answers.into_iter().map(told).collect(),
        })
    })
    .await
}

fn asked(q: &Questionnaire) -> AskedQuestionnaire {
    let questions = q.questions.iter().map(|x| AskedQuestion {
        code: x.code.clone(),
        text_key: x.text_key.clone(),
        several: x.several,
        optional: x.optional,
        options: x
            .options
            .iter()
            .map(|o| AskedOption {
                code: o.code.clone(),
                text_key: o.text_key.clone(),
            })
            .collect(),
    });
    AskedQuestionnaire {
        code: q.code.clone(),
        version: q.version,
        questions: questions.collect(),
    }
}

fn told(a: qd_kyc::AnswerSet) -> MyAnswers {
    MyAnswers {
        attempt: a.attempt,
        code: a.code,
        version: a.version,
        class: a.assessment.class,
        leverage_cap: a.assessment.leverage_cap,
        warning_key: a.assessment.warning_key,
        acknowledged: a.acknowledged_at_us.is_some(),
        answered_at_us: a.answered_at_us,
    }
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"answers": {"experience_years": ["over_3"], "leverage": ["multiplies_both"]}}))]
pub struct GiveAnswers {
    /// Question code to the codes of the chosen options.
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    answers: Answers,
}

/// Answers the appropriateness test; says what the result means.
#[utoipa::path(post, path = "/api/v1/me/questionnaire", tag = "me", request_body = GiveAnswers, responses((status = 201, body = MyAnswers)))]
pub async fn answer(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<GiveAnswers>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "questionnaire.answer", &req, 201, async move |tx| {
        let client = own_client(tx, &c).await?;
        own_case(tx, &core, &c, &client).await?;
        qd_kyc::answer(tx, &core, &c, &client.id.to_string(), &client.entity, r.answers.clone())
            .await
            .map(told)
    })
    .await
}

/// Confirms the warning that the test's result asks to show.
#[utoipa::path(post, path = "/api/v1/me/questionnaire/acknowledge", tag = "me", responses((status = 200, body = MyAnswers)))]
pub async fn acknowledge(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "questionnaire.acknowledge", &(), 200, async move |tx| {
        let client = own_client(tx, &c).await?;
        qd_kyc::acknowledge_warning(tx, &core, &c, &client.id.to_string(), &client.entity)
            .await
            .map(told)
    })
    .await
}

/// My verification: steps, what is asked for, what I sent and what became of it. Opens the case.
#[utoipa::path(get, path = "/api/v1/me/kyc", tag = "me", responses((status = 200, body = CaseView)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let core = app.core.clone();
    let (r, c) = (caller.clone(), caller.clone());
    let found = app
        .core
        .db
        .read(async move |tx| qd_kyc::case_of_client(tx, &r, &r.client_id()?, Level::Standard).await)
        .await?;
    let view = match found {
        Some(v) => v,
        None => {
            app.core
                .db
                .write(async move |tx| {
                    let client = own_client(tx, &c).await?;
                    let case = own_case(tx, &core, &c, &client).await?;
                    qd_kyc::case_view(tx, &c, case.id).await
                })
                .await?
        }
    };
    Ok(Json(serde_json::to_value(view).map_err(Problem::from)?))
}

#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Upload {
    /// Code of the requirement it is for.
    requirement: String,
    /// One of the requirement's kinds: `passport`, `utility_bill`…
    kind: String,
    /// `single` (without a word), `front` or `back`.
    #[param(value_type = Option<String>)]
    #[serde(default)]
    side: Option<Side>,
    /// What the document says, as far as the client typed it.
    holder_name: Option<String>,
    /// `1990-05-17`
    birth_date: Option<String>,
    number: Option<String>,
    issued_on: Option<String>,
    expires_on: Option<String>,
    /// Two capital letters.
    nationality: Option<String>,
}

fn day(field: &str, v: &Option<String>) -> Result<Option<Day>> {
    match v.as_deref() {
        None | Some("") => Ok(None),
        Some(t) => Day::parse(t)
            .map(Some)
            .ok_or_else(|| Problem::invalid(field, "date_malformed", "expected a date like 2031-05-14")),
    }
}

/// What somebody read from a document; the number becomes a keyed hash here.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"holder_name": "Alex Weber", "birth_date": "1990-05-17", "number": "C01X0006H", "expires_on": "2031-05-14"}))]
pub struct ReadFields {
    pub holder_name: Option<String>,
    pub birth_date: Option<String>,
    pub nationality: Option<String>,
    pub number: Option<String>,
    pub issued_on: Option<String>,
    pub expires_on: Option<String>,
}

impl ReadFields {
    pub fn fields(&self, app: &App) -> Result<DocumentFields> {
        let text = |v: &Option<String>| v.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(str::to_string);
        Ok(DocumentFields {
            holder_name: text(&self.holder_name),
            birth_date: day("birth_date", &self.birth_date)?,
            nationality: text(&self.nationality),
            number: self.number.as_deref().and_then(|n| DocumentNumber::new(&app.kyc_numbers, n)),
            issued_on: day("issued_on", &self.issued_on)?,
            expires_on: day("expires_on", &self.expires_on)?,
        })
    }
}

/// How long a document may take to arrive: 15 MB over a slow telephone.
const UPLOAD_TIME: Duration = Duration::from_secs(180);

#[derive(Serialize, ToSchema)]
pub struct UploadedDocument {
    id: DocumentId,
    /// Of the content as received, lower-case hex.
    sha256: String,
    mime: Mime,
    /// Bytes.
    size: i64,
}

/// Uploads a document: the body is the file itself (JPEG, PNG, WebP, HEIC or PDF). What it is is
/// read from its bytes, not from what the browser called it.
#[utoipa::path(post, path = "/api/v1/me/kyc/documents", tag = "me", params(Upload), request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 201, body = UploadedDocument), (status = 413, description = "The file is too large.")))]
pub async fn upload(State(app): State<App>, req: Request) -> Reply<Answer> {
    let (mut parts, body) = req.into_parts();
    let Asker(caller) = Asker::from_request_parts(&mut parts, &()).await?;
    let key = IdempotencyKey::from_request_parts(&mut parts, &()).await?;
    let Params(q) = Params::<Upload>::from_request_parts(&mut parts, &()).await?;
    let fields = ReadFields {
        holder_name: q.holder_name.clone(),
        birth_date: q.birth_date.clone(),
        nationality: q.nationality.clone(),
        number: q.number.clone(),
        issued_on: q.issued_on.clone(),
        expires_on: q.expires_on.clone(),
    }
    .fields(&app)?;
    let max = app.config.files.max_bytes;
    let bytes = whole(body, max, UPLOAD_TIME).await?;
    let file = app.files.put(bytes.to_vec()).await?;
    let (core, c) = (app.core.clone(), caller.clone());
    // The same file under the same key is the same request, whatever its new id is.
    let input = json!({"query": q, "sha256": file.sha256});
    let (files, stored) = (app.files.clone(), file.id);
    let done = write(&app, &caller, key, "kyc.upload", &input, 201, async move |tx| {
        let client = own_client(tx, &c).await?;
        let case = own_case(tx, &core, &c, &client).await?;
        let new = NewDocument {
            requirement: q.requirement.clone(),
            kind: q.kind.clone(),
            side: q.side.unwrap_or(Side::Single),
            file: file.clone(),
            fields: fields.clone(),
        };
        let id = qd_kyc::add_document(tx, &core, &c, case.id, new).await?;
        Ok(UploadedDocument {
            id,
            sha256: file.sha256.clone(),
            mime: file.mime,
            size: file.size,
        })
    })
    .await;
    // Refused, or answered from memory: nothing refers to these bytes, and a disk is soon full of them.
    // Whether a database that did not answer has taken it is not known; then they stay.
    let orphan = match &done {
        Ok(a) => a.replayed,
        Err(ApiProblem(p)) => !matches!(p.class, Class::Unavailable | Class::Bug),
    };
    if orphan {
        files.remove(stored).await?;
    }
    done
}

/// The content of one of my documents.
#[utoipa::path(get, path = "/api/v1/me/kyc/documents/{id}", tag = "me", responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>)))]
pub async fn document(State(app): State<App>, Asker(caller): Asker, At(id): At<DocumentId>) -> Reply<Response> {
    show(&app, caller, id).await
}

/// Notes who looks, then sends the content: never as a page of ours, never kept by anybody.
pub(crate) async fn show(app: &App, caller: qd_runtime::access::Caller, id: DocumentId) -> Reply<Response> {
    let core = app.core.clone();
    let file = app
        .core
        .db
        .write(async move |tx| qd_kyc::view_document(tx, &core, &caller, id).await)
        .await?;
    Ok(sent(app.files.get(file.id).await?))
}

fn sent(c: Content) -> Response {
    let kind = c.mime.as_str();
    let inline = c.mime != Mime::Pdf;
    let mut r = c.bytes.into_response();
    let h = r.headers_mut();
    h.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    h.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static(if inline { "inline" } else { "attachment" }),
    );
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    h.insert(
        HeaderName::from_static("content-security-policy"),
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    r
}

/// Hands the case in. What is missing is named.
#[utoipa::path(post, path = "/api/v1/me/kyc/submit", tag = "me", responses((status = 200, body = qd_kyc::Case)))]
pub async fn submit(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "kyc.submit", &(), 200, async move |tx| {
        let client = own_client(tx, &c).await?;
        let case = own_case(tx, &core, &c, &client).await?;
        let a = qd_app::compose_kyc::applicant(tx, &client).await?;
        let s = signals(tx, &client, c.ip.as_deref()).await?;
        qd_kyc::submit(tx, &core, &c, case.id, a, s).await
    })
    .await
}
