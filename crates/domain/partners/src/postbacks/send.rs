//! The job that makes the call.

use super::{Method, SendState, plan, sign, template};
use crate::clicks::LinkKey;
use crate::delivery::{self, Outward, Tried, Verdict, WAITS_S};
use crate::ids::SendId;
use crate::store::postbacks as store;
use async_trait::async_trait;
use qd_kernel::{Problem, Result};
use qd_ports::courier::{Call, CallMethod};
use qd_runtime::Core;
use qd_runtime::jobs::{Handler, JobError, Lease};

pub const POSTBACK_JOB: &str = "partner.postback";

/// `partner.postback`: one report. What may work later is tried ten times over 22 hours.
pub struct Sender {
    core: Core,
    key: LinkKey,
    out: Outward,
}

impl Sender {
    pub fn new(core: Core, key: LinkKey, out: Outward) -> Sender {
        Sender { core, key, out }
    }

    fn request(&self, p: &store::PostbackRow, s: &store::SendRow) -> Result<Call> {
        let values = plan::shown(s)?;
        let url = template::fill(&p.url, &values);
        template::address(&url, self.out.as_ref())?;
        Ok(match p.method {
            Method::Get => Call {
                method: CallMethod::Get,
                url,
                headers: Vec::new(),
                body: String::new(),
            },
            Method::Post => {
                let (id, at) = (s.id.to_string(), self.core.now());
                let body = serde_json::to_string(&values)?;
                let secret = sign::secret(&self.key, &p.id.to_string(), p.secret_no)?;
                let headers = sign::headers(&secret, &id, at, &body)?;
                Call {
                    method: CallMethod::Post,
                    url,
                    headers,
                    body,
                }
            }
        })
    }
}

#[async_trait]
impl Handler for Sender {
    fn kind(&self) -> &'static str {
        POSTBACK_JOB
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let id = SendId::parse(lease.text("send")?)?;
        let found = self
            .core
            .db
            .read(async move |tx| {
                let Some(s) = store::send(tx, id).await? else { return Ok(None) };
                let p = store::get(tx, s.postback_id).await?;
                Ok(Some((s, p)))
            })
            .await?;
        let Some((s, p)) = found else {
            return Err(Problem::bug("report_lost", "a postback job names no report").into());
        };
        if s.state != SendState::Waiting {
            return Ok(());
        }
        let tried = match &p {
            Some(p) if p.active || s.test => match self.request(p, &s) {
                Ok(request) => {
                    let wanted: Vec<i64> = serde_json::from_value(p.success.clone()).map_err(Problem::from)?;
                    let tried = delivery::call(self.out.as_ref(), &self.core.env, &request, &wanted).await;
                    Some((Some(request.url), tried))
                }
                Err(e) => Some((None, refused(&e))),
            },
            _ => None,
        };
        let last = lease.is_last_attempt();
        let (core, l, row) = (self.core.clone(), lease.clone(), s.clone());
        let (again, attempts) = match &tried {
            Some((_, t)) => (t.verdict == Verdict::Again && !last, s.attempts + 1),
            None => (false, s.attempts),
        };
        let kept = tried.clone();
        core.clone()
            .db
            .write(async move |tx| {
                let mut row = row.clone();
                match &kept {
                    None => row.state = SendState::Dropped,
                    Some((url, t)) => {
                        row.attempts = attempts;
                        row.state = match t.verdict {
                            Verdict::Taken => SendState::Done,
                            Verdict::Again if again => SendState::Waiting,
                            _ => SendState::Failed,
                        };
                        row.url = url.clone();
                        row.status = t.status;
                        row.error = t.error.clone();
                        row.excerpt = t.excerpt.clone();
                        row.last_at = Some(core.now());
                        let line = store::TryRow {
                            n: attempts,
                            at: core.now(),
                            ms: t.ms,
                            status: t.status,
                            error: t.error.clone(),
                            excerpt: t.excerpt.clone(),
                        };
                        store::insert_try(tx, row.id, &line).await?;
                    }
                }
                store::update_send(tx, &row).await?;
                if again { Ok(()) } else { l.complete(tx).await }
            })
            .await?;
        match tried {
            Some((_, t)) if again => {
                let wait = WAITS_S
                    .get(usize::try_from(attempts - 1).unwrap_or(usize::MAX))
                    .copied()
                    .unwrap_or(43_200);
                let why = t.error.unwrap_or_default();
                Err(JobError::retry_after(Problem::unavailable("postback_not_taken", why), wait))
            }
            _ => Ok(()),
        }
    }
}

/// An address that may not be called, whatever was saved once.
fn refused(p: &Problem) -> Tried {
    Tried {
        verdict: Verdict::Refused,
        status: None,
        error: Some(p.fields.first().map_or_else(|| p.code.to_string(), |f| f.code.clone())),
        excerpt: None,
        ms: 0,
    }
}
