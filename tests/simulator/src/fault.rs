//! Faults: rules that spoil the n-th matching call.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::operation::Operation;
use crate::quote::Encoding;

/// What goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(crate) enum Fault {
    /// The call waits before it is handled; a client that goes away meanwhile has asked for nothing.
    Latency {
        /// A fixed wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        millis: Option<u64>,
        /// A wait drawn for each call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log_normal: Option<LogNormal>,
    },
    /// The call is handled after a wait, whether or not the client is still there.
    Late {
        /// The wait.
        millis: u64,
    },
    /// An error status instead of handling.
    Status {
        /// The status.
        status: u16,
        /// The header `Retry-After`, as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
        /// The body; the product's error shape when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Value>,
    },
    /// An error instead of handling, whose message quotes a secret of the request.
    Quote {
        /// The status.
        status: u16,
        /// `credential`, or a JSON pointer into the body.
        of: String,
        /// The form in which it is quoted.
        encoding: Encoding,
    },
    /// The connection is cut, nothing is done.
    DropBefore,
    /// The call is handled, then the connection is cut without an answer.
    DropAfter,
    /// A page for people instead of handling, as a gateway in front sends.
    Html {
        /// Which page.
        page: Page,
        /// The status.
        status: u16,
    },
    /// The call is handled; the JSON of the answer ends in the middle.
    Truncate,
    /// The call is handled; the answer trickles.
    SlowDrip {
        /// How fast.
        bytes_per_second: u64,
    },
    /// The call is handled; the answer never ends.
    Endless,
    /// The call is handled; when the answer is a list, its elements are changed.
    Elements {
        /// A merge patch of each element.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        each: Option<Value>,
        /// Further elements at the end.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        append: Vec<Value>,
    },
    /// Every second item of a bulk fails.
    HalfFailedBulk,
    /// Somebody edits the state around this call.
    Edit {
        /// On which side of the call.
        when: When,
        /// A merge patch of the state.
        patch: Value,
    },
}

impl Fault {
    fn kind(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Late { .. } => "late",
            Self::Status { .. } => "status",
            Self::Quote { .. } => "quote",
            Self::DropBefore => "dropBefore",
            Self::DropAfter => "dropAfter",
            Self::Html { .. } => "html",
            Self::Truncate => "truncate",
            Self::SlowDrip { .. } => "slowDrip",
            Self::Endless => "endless",
            Self::Elements { .. } => "elements",
            Self::HalfFailedBulk => "halfFailedBulk",
            Self::Edit { .. } => "edit",
        }
    }
}

/// The page of an HTML fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Page {
    /// A sign-in form.
    Login,
    /// The error page of a gateway.
    Error,
}

/// The side of the call on which an edit happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum When {
    /// Just before it is handled.
    Before,
    /// Just after it is handled, before the answer leaves.
    After,
}

/// A log-normal distribution by two of its percentiles.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LogNormal {
    /// Half of the waits are shorter.
    pub p50_millis: f64,
    /// One wait of a hundred is longer.
    pub p99_millis: f64,
}

/// Which calls a rule is about; an absent part matches everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Match {
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    params: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    writes: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reused: Option<bool>,
}

/// A rule as it is posted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(default, rename = "match")]
    matching: Match,
    #[serde(default = "one")]
    nth: u64,
    #[serde(default = "one")]
    times: u64,
    fault: Fault,
}

fn one() -> u64 {
    1
}

/// A call as the rules see it.
pub(crate) struct Target<'a> {
    /// The product of the instance.
    pub product: &'a str,
    /// The operation, when the path led to one.
    pub operation: Option<&'a Operation>,
    /// The verb.
    pub method: &'a str,
    /// Variable segments.
    pub params: &'a [(&'static str, String)],
    /// Whether its connection has carried a call before.
    pub reused: bool,
}

impl Match {
    fn covers(&self, target: &Target<'_>) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted
                .as_deref()
                .is_none_or(|wanted| found.is_some_and(|found| wanted.eq_ignore_ascii_case(found)))
        };
        let operation = target.operation;
        let template = self.path.as_deref().map(|path| path.trim_end_matches('/'));
        is(&self.product, Some(target.product))
            && is(&self.operation, operation.map(|operation| operation.id))
            && is(&self.method, Some(target.method))
            && template.is_none_or(|path| operation.is_some_and(|operation| operation.path == path))
            && self
                .writes
                .is_none_or(|writes| operation.is_some_and(|operation| operation.writes == writes))
            && self.reused.is_none_or(|reused| reused == target.reused)
            && self.params.iter().all(|(name, wanted)| {
                target
                    .params
                    .iter()
                    .any(|(key, value)| key == name && wanted.as_str() == Some(value))
            })
    }
}

/// A rule at work.
#[derive(Debug, Serialize)]
struct Armed {
    id: u64,
    #[serde(flatten)]
    rule: Rule,
    seen: u64,
    hits: u64,
}

/// The rules of one instance.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Armed>,
    last: u64,
}

impl Faults {
    /// Adds a rule.
    pub fn add(&mut self, rule: Rule) -> u64 {
        self.last += 1;
        self.rules.push(Armed {
            id: self.last,
            rule,
            seen: 0,
            hits: 0,
        });
        self.last
    }

    /// The faults that this call meets, in the order of their rules.
    pub fn fire(&mut self, target: &Target<'_>) -> Vec<Fault> {
        let mut fired = Vec::new();
        for armed in self.rules.iter_mut().filter(|armed| armed.rule.matching.covers(target)) {
            armed.seen += 1;
            if armed.seen >= armed.rule.nth && (armed.rule.times == 0 || armed.hits < armed.rule.times) {
                armed.hits += 1;
                fired.push(armed.rule.fault.clone());
            }
        }
        fired
    }

    /// The rules with their counts of matches (`seen`) and faults (`hits`).
    pub fn list(&self) -> Value {
        serde_json::to_value(&self.rules).unwrap_or_default()
    }

    /// Drops one rule; whether it existed.
    pub fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|armed| armed.id != id);
        self.rules.len() < before
    }

    /// Drops all rules.
    pub fn clear(&mut self) {
        self.rules.clear();
    }
}

/// The kinds for the log.
pub(crate) fn kinds(faults: &[Fault]) -> Option<String> {
    (!faults.is_empty()).then(|| faults.iter().map(Fault::kind).collect::<Vec<_>>().join("+"))
}
