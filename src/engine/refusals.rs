//! Namespaces in which the apiserver refuses to list or watch something. The operator serves the others, and shows what it
//! lacks rights for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::runtime::watcher;
use tokio::time::Instant;

/// A refusal counts for this long: a watch that is refused is attempted again every few seconds, and one that is accepted may
/// not bring an event for hours.
const FRESH: Duration = Duration::from_mins(1);

struct Refusal {
    last: Instant,
    /// Whether its objects were listed before. The operator then goes on with what it knows.
    listed: bool,
}

/// What is refused, by namespace and kind. Clones share it.
#[derive(Clone, Default)]
pub struct Refusals(Arc<Mutex<BTreeMap<(String, &'static str), Refusal>>>);

impl Refusals {
    /// Notes that the apiserver refused a list or a watch. `listed`: the objects of this kind in this namespace were listed
    /// before.
    pub(crate) fn refused(&self, namespace: &str, kind: &'static str, listed: bool) {
        let mut state = self.state();
        let known = state.keys().any(|(other, _)| other == namespace);
        let refusal = Refusal {
            last: Instant::now(),
            listed,
        };
        let first = state.insert((namespace.to_owned(), kind), refusal).is_none();
        if !known {
            tracing::warn!(
                namespace,
                kind,
                "the operator may not list or watch here (403): it serves the other namespaces and tries again; \
                 /readyz?verbose names all kinds"
            );
        } else if first {
            tracing::debug!(namespace, kind, "the operator may not list or watch here (403)");
        }
    }

    /// Notes that the apiserver listed or watched.
    pub(super) fn accepted(&self, namespace: &str, kind: &'static str) {
        let mut state = self.state();
        // The usual case allocates nothing.
        let refused = |key: &&(String, &'static str)| key.0 == namespace && key.1 == kind;
        let Some(key) = state.keys().find(refused).cloned() else {
            return;
        };
        state.remove(&key);
        if !state.keys().any(|(other, _)| other == namespace) {
            tracing::info!(namespace, "the operator can list and watch here again");
        }
    }

    /// Whether objects of this kind in this namespace are unknown, since their list was always refused.
    pub fn hides(&self, namespace: &str, kind: &str) -> bool {
        self.state()
            .iter()
            .any(|((refused, of), refusal)| refused == namespace && *of == kind && !refusal.listed)
    }

    /// Namespaces in which objects of these kinds are unknown, since their list was always refused.
    pub fn hidden(&self, of: impl Fn(&str) -> bool) -> Vec<String> {
        let state = self.state();
        let hidden = state.iter().filter(|((_, kind), refusal)| of(kind) && !refusal.listed);
        let mut names: Vec<_> = hidden.map(|((namespace, _), _)| namespace.clone()).collect();
        names.dedup();
        names
    }

    /// What is refused at present: namespace and kind, sorted.
    pub fn current(&self) -> Vec<(String, &'static str)> {
        let state = self.state();
        let current = state
            .iter()
            .filter(|(_, refusal)| !refusal.listed || refusal.last.elapsed() <= FRESH);
        current.map(|(key, _)| key.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, BTreeMap<(String, &'static str), Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the apiserver refused a list or a watch for want of rights.
pub(super) fn is_forbidden(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(source)
    | watcher::Error::WatchStartFailed(source)
    | watcher::Error::WatchFailed(source)) = error
    else {
        return false;
    };
    matches!(source, kube::Error::Api(status) if status.code == 403)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_hides_what_was_never_listed_and_ends_with_an_answer_or_by_itself() {
        let refusals = Refusals::default();
        refusals.refused("red", "Widget", false);
        refusals.refused("red", "Hub", true);
        refusals.refused("blue", "Widget", true);
        assert!(refusals.hides("red", "Widget") && !refusals.hides("red", "Hub"));
        assert_eq!(refusals.hidden(|_| true), ["red"]);
        let all = [("blue", "Widget"), ("red", "Hub"), ("red", "Widget")];
        assert_eq!(
            refusals.current(),
            all.map(|(namespace, kind)| (namespace.to_owned(), kind))
        );
        // A watch that was accepted again brings no event.
        tokio::time::advance(FRESH * 2).await;
        assert_eq!(refusals.current(), [("red".to_owned(), "Widget")]);
        refusals.accepted("red", "Widget");
        assert_eq!(refusals.hidden(|_| true), Vec::<String>::new());
    }
}
