//! Waiting for something, with an error that shows what was there instead.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;

/// Looks until `judge` is content with what `look` sees; `what` says in the error what did not come about.
///
/// Looking starts often and slows down, so that a short wait ends at once and a long one leaves the machine alone.
pub(crate) async fn until<S, T, F>(
    what: &str,
    timeout: Duration,
    look: impl Fn() -> F,
    judge: impl Fn(&S) -> Option<T>,
) -> Result<T>
where
    S: Seen,
    F: Future<Output = Result<S>>,
{
    const SLOWEST: Duration = Duration::from_millis(250);
    let deadline = Instant::now() + timeout;
    let mut pause = Duration::from_millis(25);
    loop {
        let seen = look().await?;
        if let Some(result) = judge(&seen) {
            return Ok(result);
        }
        if Instant::now() > deadline {
            bail!("{what} after {timeout:?}; last seen: {}", seen.shown());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(SLOWEST);
    }
}

/// What can be shown in the error of a wait.
pub(crate) trait Seen {
    fn shown(&self) -> String;
}

impl Seen for Option<serde_json::Value> {
    fn shown(&self) -> String {
        let Some(object) = self else {
            return "nothing".to_owned();
        };
        let mut object = object.clone();
        // Who owns which field is longer than everything else, and no wait is about it.
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        format!("{object:#}")
    }
}

impl Seen for Vec<crate::observed::Event> {
    fn shown(&self) -> String {
        format!("{self:#?}")
    }
}
