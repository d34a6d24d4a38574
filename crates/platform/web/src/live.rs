//! Server-sent events: one stream per signed-in person, of what that person may know.

use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use futures_util::stream::{Stream, unfold};
use qd_runtime::bus::MISSED;
use qd_runtime::events::Event;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Passes on the events that `may_see` turns into a body; a reader that fell behind is told to
/// load afresh (`event: reload`) rather than left with gaps.
pub fn stream<F>(rx: Receiver<Arc<Event>>, may_see: F) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>>
where
    F: Fn(&Event) -> Option<serde_json::Value> + Send + Sync + 'static,
{
    let reload = || Ok(SseEvent::default().event("reload").data("{}"));
    let s = unfold((rx, may_see), move |(mut rx, f)| async move {
        loop {
            match rx.recv().await {
                Ok(e) if e.kind == MISSED => return Some((reload(), (rx, f))),
                Ok(e) => {
                    if let Some(body) = f(&e) {
                        let out = SseEvent::default()
                            .id(e.position.to_string())
                            .event(e.kind.clone())
                            .data(body.to_string());
                        return Some((Ok(out), (rx, f)));
                    }
                }
                Err(RecvError::Lagged(_)) => return Some((reload(), (rx, f))),
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(s).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
