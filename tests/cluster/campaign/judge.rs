//! What has to hold at the end of every plan.
//!
//! - The object is in sync and the remote side holds what is declared, or both are gone: [`super::run`] waits for that.
//! - Nothing is written twice: the remote side carried out no more writes than without the fault.
//! - The status was not written many times, and no write to the apiserver sends what is there already.
//! - After a conflict with somebody else's write, the operator goes on at once.
//! - What is declared no more was withdrawn, and the Secrets that the operator writes hold what works.
//! - Nothing was written while the connection was frozen or the lease could not be renewed, nor for another object that declares
//!   the same; nothing was asked before the remote side wants to be asked again.
//! - From then on, nothing is written.
//! - Everything else on the remote side is as it was.
//! - At every moment, the value in a Secret that the operator writes works, nobody is invited twice, and nothing that was made as
//!   declared falls back.
//! - No secret value is in the log, an object or an Event.

use std::{collections::BTreeSet, time::Duration};

use memory_apiserver::Request;
use serde_json::{Map, Value};

use super::{
    plan::{Around, Fault, Kubernetes, Measure, Operation, Remote, can_be_disturbed},
    run::{Case, NAMESPACE},
};
use crate::{
    connection::{base64, secret_forms},
    scenarios::Scenario,
};

/// Status writes beyond those without a fault that one fault may cost: a failure and what follows it.
const STATUS_WRITES: usize = 8;
/// Time that a conflict with somebody else's write may cost: what was not written would show at the next sweep.
const CONFLICT: Duration = Duration::from_secs(2);
/// What the answer 429 of a plan asks for, in milliseconds.
const TOLD: u64 = 2_000;
/// Parts of the state that follow from calls and from other parts.
const DERIVED: [&str; 5] = ["activity", "auditTrail", "futures", "tasks", "propagated"];

type Outcome = Result<(), String>;

/// The remote side before the object was made.
pub struct Before(Map<String, Value>);

impl Before {
    pub fn of<S: Scenario>(case: &Case<'_, S>) -> Self {
        Self(kept(case.subject.bed.remote.state()))
    }

    /// Compares it with the remote side without the object.
    pub fn compare<S: Scenario>(&self, case: &Case<'_, S>) -> Outcome {
        let after = kept(case.subject.bed.remote.state());
        let parts: BTreeSet<_> = self.0.keys().chain(after.keys()).collect();
        for part in parts {
            let (was, is) = (self.0.get(part), after.get(part));
            if was != is {
                let shown = |value: Option<&Value>| value.map(Value::to_string).unwrap_or_default();
                return Err(format!("{part} is not as it was: {} became {}", shown(was), shown(is)));
            }
        }
        Ok(())
    }
}

/// What people keep there. An empty collection is none.
fn kept(state: Value) -> Map<String, Value> {
    let Value::Object(mut state) = state else {
        panic!("the state is a document");
    };
    state.retain(|part, value| {
        let is_empty = value.as_object().is_some_and(Map::is_empty);
        !is_empty && !DERIVED.contains(&part.as_str())
    });
    state
}

/// What the operation took so far.
pub fn measure<S: Scenario>(case: &Case<'_, S>, operation: Operation, time: Duration) -> Measure {
    let calls = case.subject.bed.remote.requests().log;
    let committed = calls.iter().filter(|call| {
        let lost = call
            .fault
            .as_deref()
            .is_some_and(|fault| fault == "dropAfter" || fault == "late");
        // A page comes instead of handling.
        let page = call.fault.as_deref() == Some("html");
        call.writes && !page && ((200..300).contains(&call.status) || (lost && call.status == 0))
    });
    let status = format!("/{}/{}/status", case.plural, case.name);
    let requests = case.world.server.log();
    let writes = requests.iter().filter(|request| {
        request.is_write() && request.path.ends_with(&status) && request.status.is_none_or(|status| status < 300)
    });
    Measure {
        operation,
        remote: case.subject.bed.remote.calls(),
        apiserver: requests.iter().filter(|request| can_be_disturbed(request)).count(),
        committed: committed.count(),
        status: writes.count(),
        time,
    }
}

/// Compares with the same operation without the fault.
pub fn compare<S: Scenario>(found: &Measure, expected: &Measure, operation: Operation, fault: Fault) -> Outcome {
    let allowed = match fault {
        // Each of the two edits may reach the remote side.
        Fault::Around(_, Around::Edit) => expected.committed + 2 * expected.committed.max(1),
        // Somebody broke what had been written; what was written after we gave up may be what a change back takes away.
        // A task did something else meanwhile, and then once more what is declared.
        Fault::Around(_, Around::NoLease | Around::Freeze) if !S::KEEPS => expected.committed + 2,
        Fault::Around(_, Around::NoLease | Around::Freeze) | Fault::Remote(_, Remote::Late) => expected.committed + 1,
        _ => expected.committed,
    };
    // One more creation, and the deletion of the first one; or one more start.
    let again = if S::SHOWN_ONCE && matches!(operation, Operation::Create | Operation::Rotate) {
        2
    } else {
        usize::from(S::STARTS_AGAIN)
    };
    if found.committed > allowed + again {
        return Err(format!("{} writes instead of {}", found.committed, expected.committed));
    }
    if found.status > expected.status + STATUS_WRITES {
        return Err(format!("{} status writes instead of {}", found.status, expected.status));
    }
    // A repair begins with the next sweep, whenever that is.
    let at_once = !matches!(operation, Operation::Repair | Operation::Restart | Operation::Rotate);
    let conflict = matches!(fault, Fault::Kubernetes(_, Kubernetes::Status(409)));
    if at_once && conflict && found.time > expected.time + CONFLICT {
        return Err(format!("took {:?} instead of {:?}", found.time, expected.time));
    }
    Ok(())
}

/// After an answer that says when to come again, nobody calls before.
pub fn waits_as_told<S: Scenario>(case: &Case<'_, S>) -> Outcome {
    let calls = case.subject.bed.remote.requests().log;
    let Some(refused) = calls.iter().find(|call| call.status == 429) else {
        return Ok(());
    };
    // What was on its way already arrives a moment later.
    let silence = refused.at + 100..refused.at + TOLD - 100;
    match calls.iter().find(|call| silence.contains(&call.at)) {
        Some(call) => Err(format!("{} too soon after HTTP 429", call.operation)),
        None => Ok(()),
    }
}

/// The Secrets that the operator writes hold what works.
pub fn published<S: Scenario>(case: &Case<'_, S>) -> Outcome {
    for (secret, key, value) in S::published(&case.subject.bed.remote, case.name) {
        let found = case.world.server.find("secrets", NAMESPACE, &secret);
        let found = found.map(|secret| secret["data"][key].clone()).unwrap_or_default();
        if found != base64(&value) {
            return Err(format!("the Secret {secret} does not hold {key}"));
        }
    }
    Ok(())
}

/// Nothing was sent to the apiserver that it had already.
pub fn no_empty_write<S: Scenario>(case: &Case<'_, S>) -> Outcome {
    let requests = case.world.server.log();
    let succeeded = |request: &Request| request.status.is_some_and(|status| status < 300);
    let is_empty =
        |request: &&Request| can_be_disturbed(request) && request.is_write() && succeeded(request) && !request.changed;
    match requests.iter().find(is_empty) {
        Some(request) => {
            let body = request.body.clone().unwrap_or_default();
            Err(format!("{} sends what is there already: {body}", request.path))
        }
        None => Ok(()),
    }
}

/// Nothing is written any more, on either side.
pub async fn at_rest<S: Scenario>(case: &Case<'_, S>, operation: Operation) -> Outcome {
    let bed = &case.subject.bed;
    let left = case.subject.declared(case.name);
    if operation == Operation::Restore && left != case.found {
        return Err(format!("{left} instead of what was found, {}", case.found));
    }
    if operation == Operation::Delete {
        let deletions = S::deletions(case.name).into_iter();
        let leaves = deletions.filter(|deletion| !deletion.adopted && deletion.policy == Some("Delete"));
        if !leaves.map(|deletion| deletion.leaves).any(|leaves| leaves == left) {
            return Err(format!("left behind: {left}"));
        }
    }
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    case.world.server.clear_log();
    let declared = case.subject.declared(case.name);
    bed.sweeps(1).await;
    if bed.remote.writes() > 0 {
        return Err(format!("written once more in sync: {:?}", bed.remote.requests().counts));
    }
    let object = format!("/{}/{}", case.plural, case.name);
    let requests = case.world.server.log();
    let is_write =
        |request: &Request| can_be_disturbed(request) && request.is_write() && request.path.contains(&object);
    if let Some(request) = requests.iter().find(|request| is_write(request)) {
        let body = request.body.clone().unwrap_or_default();
        return Err(format!("the object is written once more in sync: {body}"));
    }
    if case.subject.declared(case.name) != declared {
        return Err("the remote side changed after the end".to_owned());
    }
    Ok(())
}

/// No secret value is where anybody reads.
pub fn no_secret<S: Scenario>(case: &Case<'_, S>) -> Outcome {
    let bed = &case.subject.bed;
    let mut secrets = secret_forms(&bed.remote);
    let keys = S::SECRETS.iter().flat_map(|(_, keys)| *keys);
    secrets.extend(keys.map(|(_, value)| (*value).to_owned()));
    secrets.extend(S::shown_once(&bed.remote, case.name));
    let server = &case.world.server;
    let places = [
        ("the log", bed.operator.logs()),
        ("the object", case.object().unwrap_or_default().to_string()),
        ("an Event", Value::Array(server.list("events")).to_string()),
    ];
    for (place, text) in places {
        if secrets.iter().any(|secret| text.contains(secret)) {
            return Err(format!("a secret value is in {place}"));
        }
    }
    Ok(())
}
