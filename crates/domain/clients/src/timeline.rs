//! One line for each thing that happened to a client, in one order, for whoever may see it.

use crate::client::{self, ClientId};
use crate::{normal, store};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Result, Ts, id, page::join_key, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Mask, Right, Who};
use serde::Serialize;
use serde_json::Value;

id!(LineId as TimelineLineId, "tln", "A line of a client's timeline.");

text_enum!(
    Visibility as TimelineVisibility {
        /// The client reads it too.
        Client = "client",
        Staff = "staff",
        /// Staff who see amounts.
        Money = "money",
        /// Staff who see anti-money-laundering matters; to all others it does not exist.
        Aml = "aml",
    }
);

#[derive(Clone, Debug)]
pub struct NewLine {
    pub client_id: ClientId,
    /// At most one line ever per client and key: an event's id.
    pub key: Option<String>,
    /// When it happened, if not now.
    pub at: Option<Ts>,
    /// What to filter by: `call`, `note`, `mail`, `stage`, `deposit`, `kyc`…
    pub kind: &'static str,
    /// Catalogue key of the sentence; `data` has its values.
    pub title_key: &'static str,
    pub data: Value,
    /// What is found by a search in the timeline.
    pub text: String,
    pub visibility: Visibility,
}

impl NewLine {
    pub fn new(client_id: ClientId, kind: &'static str, title_key: &'static str, data: Value, visibility: Visibility) -> NewLine {
        NewLine {
            client_id,
            key: None,
            at: None,
            kind,
            title_key,
            data,
            text: String::new(),
            visibility,
        }
    }
    pub fn key(mut self, k: impl Into<String>) -> Self {
        self.key = Some(k.into());
        self
    }
    pub fn at(mut self, at: Ts) -> Self {
        self.at = Some(at);
        self
    }
    pub fn text(mut self, t: impl Into<String>) -> Self {
        self.text = t.into();
        self
    }
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TimelineLine)]
pub struct Line {
    pub id: LineId,
    pub client_id: ClientId,
    #[serde(rename = "at_us")]
    pub at: Ts,
    pub kind: String,
    /// Of the text in the catalogue; `data` fills its places.
    pub title_key: String,
    /// What the kind of line knows: ids, amounts, states.
    pub data: Value,
    pub visibility: Visibility,
    pub by: String,
}

/// Adds a line. False when the key was there before.
pub async fn put(tx: &mut Tx, core: &Core, caller: &Caller, l: NewLine) -> Result<bool> {
    let words = normal::plain(&l.text);
    let at = l.at.unwrap_or_else(|| core.now());
    store::timeline::insert(tx, LineId::new(&core.env), &l, &words, &caller.label(), at).await
}

#[derive(Clone, Debug, Default)]
pub struct LineFilter {
    pub kinds: Vec<String>,
    /// Lines that contain this text.
    pub text: Option<String>,
    pub from: Option<Ts>,
    pub until: Option<Ts>,
}

/// What the caller may see of a client's timeline, newest first; records merged into it included.
pub async fn list(tx: &mut Tx, caller: &Caller, client_id: ClientId, filter: &LineFilter, page: &PageRequest) -> Result<Page<Line>> {
    let mut seen = vec![Visibility::Client];
    match &caller.who {
        Who::Client { .. } => {
            caller.require(Right::MeView)?;
            client::get(tx, caller, Right::MeView, client_id).await?;
        }
        _ => {
            client::get(tx, caller, Right::TimelineView, client_id).await?;
            seen.push(Visibility::Staff);
            if caller.sees(Mask::Money) {
                seen.push(Visibility::Money);
            }
            if caller.sees(Mask::Aml) && caller.may(Right::AmlView) {
                seen.push(Visibility::Aml);
            }
        }
    }
    let mut rows = store::timeline::page(tx, client_id, &seen, filter, page).await?;
    for r in &mut rows {
        if !matches!(caller.who, Who::Client { .. }) {
            r.data = qd_runtime::access::mask::cover(caller, &r.data);
        } else {
            // The client reads what happened, not which agent it was.
            r.by = String::new();
        }
    }
    Ok(page.finish(rows, |l: &Line| join_key(&[&l.at.micros().to_string(), &l.id.to_string()])))
}
