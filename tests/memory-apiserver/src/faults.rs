//! What goes wrong on the way to the server and back.

use std::{fmt, sync::Arc, time::Duration};

use crate::{log::Request, shared::Shared};

/// What happens to a request that a rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is refused with this status and reason, and changes nothing.
    Status(u16, String),
    /// It is never answered, and changes nothing.
    Hang,
    /// It is carried out once the rule is removed.
    Hold,
    /// It is carried out after this time, whether or not the caller still waits.
    Delay(Duration),
    /// It is carried out at once, and answered after this time.
    DelayAnswer(Duration),
    /// The connection breaks before it is carried out.
    DropBefore,
    /// It is carried out, and the connection breaks before the answer.
    DropAfterCommit,
}

/// Which requests are disturbed, and how. Matches every request until it is narrowed.
#[derive(Clone)]
pub struct Rule {
    action: Action,
    method: Option<String>,
    path: Option<String>,
    subresource: Subresource,
    condition: Option<Condition>,
    skip: usize,
    times: Option<usize>,
}

#[derive(Clone, Debug)]
enum Subresource {
    Any,
    None,
    Named(String),
}

type Condition = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

impl Rule {
    /// Disturbs every request, until it is removed.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            method: None,
            path: None,
            subresource: Subresource::Any,
            condition: None,
            skip: 0,
            times: None,
        }
    }

    /// Only requests with this method, such as `PATCH`.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only requests whose path contains this.
    #[must_use]
    pub fn path(mut self, part: &str) -> Self {
        self.path = Some(part.to_owned());
        self
    }

    /// Only requests for this subresource, such as `status`.
    #[must_use]
    pub fn subresource(mut self, subresource: &str) -> Self {
        self.subresource = Subresource::Named(subresource.to_owned());
        self
    }

    /// Only requests for no subresource.
    #[must_use]
    pub fn no_subresource(mut self) -> Self {
        self.subresource = Subresource::None;
        self
    }

    /// Only requests that change something.
    #[must_use]
    pub fn writes(self) -> Self {
        self.when(Request::is_write)
    }

    /// Only requests that open a watch.
    #[must_use]
    pub fn watches(self) -> Self {
        self.when(Request::is_watch)
    }

    /// Only requests of which this holds. Replaces an earlier condition, those of [`Rule::writes`] and [`Rule::watches`]
    /// included. It runs under the lock of the server, so it must not call the server.
    #[must_use]
    pub fn when(mut self, condition: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        self.condition = Some(Arc::new(condition));
        self
    }

    /// Lets this many matching requests pass first.
    #[must_use]
    pub fn skip(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    /// Disturbs this many requests.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.times = Some(count);
        self
    }

    fn matches(&self, request: &Request) -> bool {
        self.method.as_deref().is_none_or(|method| request.method == method)
            && self.path.as_deref().is_none_or(|part| request.path.contains(part))
            && match &self.subresource {
                Subresource::Any => true,
                Subresource::None => request.subresource.is_none(),
                Subresource::Named(name) => request.subresource.as_ref() == Some(name),
            }
            && self.condition.as_ref().is_none_or(|holds| holds(request))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rule")
            .field("action", &self.action)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("subresource", &self.subresource)
            .field("skip", &self.skip)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

/// The rules in force.
#[derive(Default)]
pub(crate) struct Faults {
    rules: Vec<Active>,
    serial: u64,
}

struct Active {
    id: u64,
    rule: Rule,
    hits: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, rule: Rule) -> u64 {
        self.serial += 1;
        self.rules.push(Active {
            id: self.serial,
            rule,
            hits: 0,
        });
        self.serial
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.rules.retain(|active| active.id != id);
    }

    pub(crate) fn contains(&self, id: u64) -> bool {
        self.rules.iter().any(|active| active.id == id)
    }

    /// What the first rule that matches does to the request, and which rule that is.
    pub(crate) fn pick(&mut self, request: &Request) -> Option<(u64, Action)> {
        let is_left = |active: &&mut Active| active.rule.times.is_none_or(|times| active.hits < times);
        for active in self.rules.iter_mut().filter(is_left) {
            if !active.rule.matches(request) {
                continue;
            }
            if active.rule.skip > 0 {
                active.rule.skip -= 1;
                continue;
            }
            active.hits += 1;
            return Some((active.id, active.rule.action.clone()));
        }
        None
    }

    fn hits(&self, id: u64) -> Option<usize> {
        self.rules
            .iter()
            .find(|active| active.id == id)
            .map(|active| active.hits)
    }
}

/// A rule in force. It stays in force when this is dropped.
pub struct Fault {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: u64,
}

impl Fault {
    /// How many requests it has disturbed.
    pub fn hits(&self) -> usize {
        self.shared.lock().faults.hits(self.id).unwrap_or_default()
    }

    /// Waits until it has disturbed this many requests.
    pub async fn reached(&self, hits: usize) {
        let is_reached = |found: usize| found >= hits;
        self.shared
            .until(|state| state.faults.hits(self.id).is_none_or(is_reached).then_some(()))
            .await;
    }

    /// Ends it. Requests that it holds are carried out.
    pub fn remove(self) {
        self.shared.change(|state| state.faults.remove(self.id));
    }
}
