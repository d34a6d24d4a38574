//! Waiting for a condition, in short steps, never for a time.

use std::future::Future;
use std::time::Duration;

/// Polls until `look` answers something, or fails after 20 seconds naming `what`.
pub async fn wait_for<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    for _ in 0..4_000 {
        if let Some(v) = look().await {
            return v;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited 20 s in vain for: {what}");
}

/// Like [`wait_for`], for a plain condition.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    wait_for(what, || {
        let f = look();
        async move { f.await.then_some(()) }
    })
    .await;
}
