//! The job that delivers one message.

use crate::clicks::LinkKey;
use crate::delivery::{self, Outward, Tried, Verdict, WAITS_S};
use crate::ids::WebhookSendId;
use crate::postbacks::{SendState, sign, template};
use crate::store::webhooks as store;
use async_trait::async_trait;
use qd_kernel::{Problem, Result};
use qd_ports::courier::{Call, CallMethod};
use qd_runtime::Core;
use qd_runtime::jobs::{Handler, JobError, Lease};

pub const WEBHOOK_JOB: &str = "webhook.deliver";

/// `webhook.deliver`: one message; tried ten times over 22 hours.
pub struct Deliver {
    core: Core,
    key: LinkKey,
    out: Outward,
}

impl Deliver {
    pub fn new(core: Core, key: LinkKey, out: Outward) -> Deliver {
        Deliver { core, key, out }
    }

    fn request(&self, e: &store::EndpointRow, s: &store::SendRow) -> Result<Call> {
        template::address(&e.url, self.out.as_ref())?;
        let (at, body) = (self.core.now(), s.body.to_string());
        let id = s.event_id.clone().unwrap_or_else(|| s.id.to_string());
        let secret = sign::secret(&self.key, &e.id.to_string(), e.secret_no)?;
        let headers = sign::headers(&secret, &id, at, &body)?;
        Ok(Call {
            method: CallMethod::Post,
            url: e.url.clone(),
            headers,
            body,
        })
    }
}

#[async_trait]
impl Handler for Deliver {
    fn kind(&self) -> &'static str {
        WEBHOOK_JOB
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let id = WebhookSendId::parse(lease.text("send")?)?;
        let found = self
            .core
            .db
            .read(async move |tx| {
                let Some(s) = store::send(tx, id).await? else { return Ok(None) };
                let e = store::get(tx, s.endpoint_id).await?;
                Ok(Some((s, e)))
            })
            .await?;
        let Some((s, e)) = found else {
            return Err(Problem::bug("message_lost", "a webhook job names no message").into());
        };
        if s.state != SendState::Waiting {
            return Ok(());
        }
        let tried: Option<Tried> = match e.filter(|e| e.active) {
            None => None,
            Some(e) => Some(match self.request(&e, &s) {
                Ok(r) => delivery::call(self.out.as_ref(), &self.core.env, &r, &[]).await,
                Err(p) => Tried {
                    verdict: Verdict::Refused,
                    status: None,
                    error: Some(p.fields.first().map_or_else(|| p.code.to_string(), |f| f.code.clone())),
                    excerpt: None,
                    ms: 0,
                },
            }),
        };
        let mut row = s;
        let mut again = false;
        match &tried {
            None => row.state = SendState::Dropped,
            Some(t) => {
                again = t.verdict == Verdict::Again && !lease.is_last_attempt();
                row.attempts += 1;
                row.state = match t.verdict {
                    Verdict::Taken => SendState::Done,
                    Verdict::Again if again => SendState::Waiting,
                    _ => SendState::Failed,
                };
                row.status = t.status;
                row.error = t.error.clone();
                row.excerpt = t.excerpt.clone();
                row.last_at = Some(self.core.now());
            }
        }
        let (l, attempts) = (lease.clone(), row.attempts);
        self.core
            .db
            .write(async move |tx| {
                store::update_send(tx, &row).await?;
                if again { Ok(()) } else { l.complete(tx).await }
            })
            .await?;
        if again {
            let wait = WAITS_S
                .get(usize::try_from(attempts - 1).unwrap_or(usize::MAX))
                .copied()
                .unwrap_or(43_200);
            let why = tried.and_then(|t| t.error).unwrap_or_default();
            return Err(JobError::retry_after(Problem::unavailable("webhook_not_taken", why), wait));
        }
        Ok(())
    }
}
