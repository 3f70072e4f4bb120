//! Keys are created and rotated while something fails, at every call boundary in turn: the published value works at every
//! moment, exactly one key remains, nothing else is touched, and no value shows anywhere but in its Secret.

mod desk;
mod node;
mod rig;

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use memory_apiserver::{Action, Rule};
use rig::{Process, Rig};
use serde_json::{Value, json};

/// What the fault meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// A key is issued for the first time.
    Create,
    /// A key is due for rotation.
    Rotation,
    /// Two keys are due for rotation at the same time.
    TwoRotations,
    /// Somebody deleted the Secret.
    SecretDeleted,
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// A call to the node.
    Node(node::Fault),
    /// A request to the apiserver.
    Apiserver(Kubernetes),
}

/// What happens to a request to the apiserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kubernetes {
    Refused,
    LostBefore,
    LostAfter,
    CrashBefore,
    CrashAfter,
    /// Nothing reaches the apiserver for half a minute.
    Outage,
    /// The process loses its lease while the request is on its way, and the request arrives when another process leads.
    Deposed,
}

const KUBERNETES: [Kubernetes; 7] = [
    Kubernetes::Refused,
    Kubernetes::LostBefore,
    Kubernetes::LostAfter,
    Kubernetes::CrashBefore,
    Kubernetes::CrashAfter,
    Kubernetes::Outage,
    Kubernetes::Deposed,
];

#[derive(Clone, Copy, Debug)]
struct Plan {
    event: Event,
    failure: Failure,
    boundary: u32,
    unique_labels: bool,
}

fn of_the_node() -> impl Iterator<Item = Failure> {
    node::Fault::ALL.into_iter().map(Failure::Node)
}

fn of_the_apiserver() -> impl Iterator<Item = Failure> {
    KUBERNETES.into_iter().map(Failure::Apiserver)
}

/// Everything that may fail.
fn failures() -> impl Iterator<Item = Failure> {
    of_the_node().chain(of_the_apiserver())
}

/// Log records, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Waits until the failure happens; false if the boundary is beyond the last call.
async fn happens(reached: impl Future<Output = ()>) -> bool {
    tokio::time::timeout(Duration::from_secs(25), reached).await.is_ok()
}

/// Another process leads once the lease of the first has run out.
async fn succeed(rig: &Rig, first: &Process) -> Process {
    first.depose();
    tokio::time::sleep(Duration::from_secs(11)).await;
    rig.start().await
}

async fn fail_node(rig: &Rig, process: Process, fault: node::Fault) -> Vec<Process> {
    match fault {
        node::Fault::CrashBefore | node::Fault::CrashAfter => {
            if happens(rig.node.shared.reached.notified()).await {
                process.kill().await;
                return vec![rig.start().await];
            }
            vec![process]
        }
        node::Fault::Deposed => {
            if happens(rig.node.shared.reached.notified()).await {
                let second = succeed(rig, &process).await;
                return vec![process, second];
            }
            vec![process]
        }
        node::Fault::Outage => {
            if happens(rig.node.shared.reached.notified()).await {
                outage(rig).await;
            }
            vec![process]
        }
        _ => vec![process],
    }
}

/// Nothing reaches the apiserver for half a minute.
async fn outage(rig: &Rig) {
    rig.server.outage(true);
    tokio::time::sleep(Duration::from_secs(30)).await;
    rig.server.outage(false);
}

fn rule(failure: Kubernetes, boundary: u32) -> Rule {
    let action = match failure {
        Kubernetes::Refused => Action::Status(503, "ServiceUnavailable".into()),
        Kubernetes::LostBefore => Action::DropBefore,
        Kubernetes::LostAfter => Action::DropAfterCommit,
        Kubernetes::CrashBefore | Kubernetes::Outage => Action::Hang,
        Kubernetes::CrashAfter => Action::DelayAnswer(Duration::from_hours(9)),
        Kubernetes::Deposed => Action::Hold,
    };
    let concerns = |request: &memory_apiserver::Request| {
        let path = &request.path;
        !request.is_watch()
            && (path.contains("/secrets/key-of-")
                || path.ends_with("/secrets") && request.is_write()
                || path.contains("/deskkeys/"))
    };
    Rule::new(action).when(concerns).skip(boundary as usize).times(1)
}

async fn fail_apiserver(
    rig: &Rig,
    process: Process,
    failure: Kubernetes,
    fault: memory_apiserver::Fault,
) -> (Vec<Process>, bool) {
    let happened = happens(fault.reached(1)).await;
    if !happened {
        fault.remove();
        return (vec![process], false);
    }
    let processes = match failure {
        Kubernetes::CrashBefore | Kubernetes::CrashAfter => {
            process.kill().await;
            vec![rig.start().await]
        }
        Kubernetes::Outage => {
            outage(rig).await;
            vec![process]
        }
        Kubernetes::Deposed => {
            let second = succeed(rig, &process).await;
            tokio::time::sleep(Duration::from_secs(20)).await;
            fault.remove();
            vec![process, second]
        }
        Kubernetes::Refused | Kubernetes::LostBefore | Kubernetes::LostAfter => vec![process],
    };
    (processes, true)
}

/// The seconds from the present to just before the next rotation of this key.
fn until_due(rig: &Rig, name: &str) -> Duration {
    let at = rig.get(name)["status"]["remote"]["nextRotationAt"]
        .as_str()
        .unwrap()
        .to_owned();
    let at: jiff::Timestamp = at.parse().unwrap();
    let left = Duration::try_from(at.duration_since(rig.server.now())).unwrap_or_default();
    left.saturating_sub(Duration::from_millis(1500))
}

/// Whether the failure happened.
async fn run(plan: Plan) -> bool {
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("dataiku_operator=debug")
        .with_writer(move || written.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let rig = Rig::new(plan.unique_labels);
    rig.node.insert("theirs", "theirs", "made by hand");
    rig.node
        .insert("marked", "marked", "[dataiku-operator.io/owner: team/one ffffff]");
    let foreign = rig.node.keys();
    let process = rig.start().await;
    let names: &[&str] = if plan.event == Event::TwoRotations {
        &["one", "two"]
    } else {
        &["one"]
    };
    if plan.event != Event::Create {
        for name in names {
            rig.declare(name);
        }
        for name in names {
            rig.settled(name).await;
        }
    }
    if matches!(plan.event, Event::Rotation | Event::TwoRotations) {
        tokio::time::sleep(until_due(&rig, "one")).await;
    }
    let fault = match plan.failure {
        Failure::Node(fault) => {
            rig.node.arm(plan.boundary, fault);
            None
        }
        Failure::Apiserver(failure) => Some(rig.server.fault(rule(failure, plan.boundary))),
    };
    match plan.event {
        Event::Create => rig.declare("one"),
        Event::SecretDeleted => rig.server.delete("secrets", "team", "key-of-one"),
        Event::Rotation | Event::TwoRotations => {}
    }
    let (processes, happened) = match (plan.failure, fault) {
        (Failure::Apiserver(failure), Some(fault)) => fail_apiserver(&rig, process, failure, fault).await,
        (Failure::Node(fault), _) => (fail_node(&rig, process, fault).await, false),
        (Failure::Apiserver(_), None) => unreachable!(),
    };
    rig.settles(names).await;
    let context = || format!("{plan:?}\n{}", String::from_utf8_lossy(&log.0.lock().unwrap()));
    assert_eq!(rig.node.violations(), Vec::<String>::new(), "{}", context());
    for name in names {
        let marked = rig.marked(name);
        assert_eq!(
            marked.len(),
            1,
            "{marked:#?}\n{:#}\n{}",
            rig.get(name)["status"],
            context()
        );
        assert_eq!(rig.value(name).as_deref(), marked[0]["key"].as_str(), "{}", context());
        assert_eq!(
            rig.reason(name),
            "InSync",
            "{:#}\n{}",
            rig.get(name)["status"],
            context()
        );
        assert_eq!(marked[0]["label"], **name, "{}", context());
        let remote = &rig.get(name)["status"]["remote"];
        assert_eq!(remote["id"], marked[0]["id"], "{}", context());
        assert_eq!(remote["retiring"], Value::Null, "{}", context());
    }
    let mut rest = rig.node.keys();
    rest.retain(|key| foreign.iter().any(|one| one["id"] == key["id"]));
    assert_eq!(rest, foreign, "{}", context());
    let created = rig.node.created();
    let expected = if plan.event == Event::Create { 1 } else { 2 } * u32::try_from(names.len()).unwrap();
    assert!(
        (expected..=expected + 2).contains(&created),
        "{created} keys were issued\n{}",
        context()
    );
    let texts = format!("{}{}", rig.texts(), String::from_utf8_lossy(&log.0.lock().unwrap()));
    for secret in ["canary-value", "canary-admin"] {
        assert!(!texts.contains(secret), "{secret} shows\n{}", context());
    }
    for process in processes {
        process.kill().await;
    }
    happened || rig.node.fired()
}

/// Each of these failures at every `step`th call of the event, until there is no further call; at least `least` in all.
async fn each(event: Event, failures: impl IntoIterator<Item = Failure>, step: usize, least: u32) {
    let mut happened = 0;
    for (number, failure) in failures.into_iter().enumerate() {
        for boundary in (u32::try_from(number % step).unwrap()..).step_by(step) {
            let plan = Plan {
                event,
                failure,
                boundary,
                unique_labels: happened % 2 == 1,
            };
            if !run(plan).await {
                break;
            }
            happened += 1;
        }
    }
    println!("{event:?}: {happened} failures");
    assert!(happened >= least, "only {happened} failures happened");
}

#[tokio::test(start_paused = true)]
async fn a_first_key_survives_a_failure_at_any_call() {
    each(Event::Create, failures(), 1, 70).await;
}

// The next three are at least 300 rotations, with each failure at every call. They are apart so that they run side by side.

#[tokio::test(start_paused = true)]
async fn a_rotation_survives_a_failure_at_any_call() {
    each(Event::Rotation, failures(), 1, 130).await;
}

#[tokio::test(start_paused = true)]
async fn two_rotations_at_once_survive_a_failure_at_any_call_to_the_node() {
    each(Event::TwoRotations, of_the_node(), 1, 90).await;
}

#[tokio::test(start_paused = true)]
async fn two_rotations_at_once_survive_a_failure_at_any_call_to_the_apiserver() {
    each(Event::TwoRotations, of_the_apiserver(), 1, 90).await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_deleted_gets_a_new_key_whatever_fails() {
    each(Event::SecretDeleted, failures(), 2, 40).await;
}

#[tokio::test(start_paused = true)]
async fn keys_rotate_again_and_again_with_few_calls_and_nothing_is_left_behind() {
    let rig = Rig::new(false);
    let _process = rig.start().await;
    rig.declare("one");
    rig.settled("one").await;
    let patch = json!({ "spec": { "rotation": { "interval": "1h", "overlap": "5m" } } });
    rig.server.patch("deskkeys", "team", "one", patch);
    rig.server.clear_log();
    tokio::time::sleep(Duration::from_mins(60 * 7 + 10)).await;
    assert_eq!(rig.node.created(), 8);
    assert_eq!(rig.marked("one").len(), 1);
    assert_eq!(rig.node.violations(), Vec::<String>::new());
    let writes = rig
        .server
        .log()
        .iter()
        .filter(|request| request.is_write() && request.path.contains("deskkeys"))
        .count();
    assert!(writes <= 40, "{writes} status writes for seven rotations");
}
