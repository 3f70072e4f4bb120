//! Runs plans, one after the other in one world, each on an object of its own.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use memory_apiserver::Rule;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    judge::{self, Before},
    plan::{Fault, Measure, Operation, Plan, Remote, can_be_disturbed, operations},
};
use crate::{
    bed::merged,
    ground::Ground,
    memory::{self, KINDS, World},
    scenarios::{Scenario, subject::Subject},
};

/// How long an object may take to converge: longer than any back-off after one fault.
const CONVERGENCE: Duration = Duration::from_mins(5);
/// How long something lasts that happens around a call.
pub const WHILE: Duration = Duration::from_secs(8);
/// Until a call whose answer does not come has failed, and what follows from that is done.
const PATIENT: Duration = Duration::from_secs(30);
/// The operation begins so long before the rotation is due.
const SHORTLY: Duration = Duration::from_secs(2);
/// Starts of an operator that ends at once.
const RESTARTS: usize = 3;
/// The namespace of the objects.
pub const NAMESPACE: &str = "team";

pub type Outcome<T> = Result<T, String>;

/// An object of a kind in a world.
pub struct Case<'a, S> {
    pub world: &'a World,
    pub subject: &'a mut Subject<S>,
    pub name: &'a str,
    pub plural: &'static str,
    /// The operation.
    pub operation: Operation,
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// Id of what the object is for, before the operation.
    issued: Value,
    /// What is declared, before there was an object.
    pub found: Value,
    /// Values that work before the operation, and when another one was published.
    pub replaced: RefCell<(Vec<String>, Option<Instant>)>,
    /// Members of what is declared that were there at one time.
    pub reached: RefCell<BTreeSet<String>>,
}

/// Each operation without a fault.
pub fn measure<S: Scenario>() -> Vec<Measure> {
    memory::run(async |world| {
        let mut subject = subject::<S>(&world).await;
        let mut measures = Vec::new();
        for (number, operation) in operations::<S>().into_iter().enumerate() {
            let name = format!("measure-{number}");
            let mut case = case(&world, &mut subject, &name, operation, None);
            let done = case.carry_out(None).await;
            measures.push(done.unwrap_or_else(|wrong| panic!("{} {operation:?}: {wrong}", S::LABEL)));
        }
        measures
    })
}

/// Runs plans; what is wrong with which of them. After a failure, the rest gets another world.
pub fn batch<S: Scenario>(plans: &[Plan], measures: &[Measure]) -> Vec<(String, String)> {
    let mut failures = Vec::new();
    let mut rest = plans;
    while !rest.is_empty() {
        let at = RefCell::new(0);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            memory::run(async |world| {
                let mut subject = subject::<S>(&world).await;
                for (number, plan) in rest.iter().enumerate() {
                    *at.borrow_mut() = number;
                    let name = format!("plan-{number}");
                    let measure = measures.iter().find(|measure| measure.operation == plan.operation);
                    let mut case = case(&world, &mut subject, &name, plan.operation, Some(plan.fault));
                    case.carry_out(measure).await?;
                }
                Ok(())
            })
        }));
        let wrong = match ended {
            Ok(Ok(())) => break,
            Ok(Err(wrong)) => wrong,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                text.unwrap_or_else(|| "a panic".to_owned())
            }
        };
        let at = at.into_inner();
        // At once, for a run that is cut off.
        eprintln!("{}: {wrong}", rest[at]);
        failures.push((rest[at].to_string(), wrong));
        rest = &rest[at + 1..];
    }
    failures
}

async fn subject<S: Scenario>(world: &World) -> Subject<S> {
    Subject::<S>::ready(&Ground::Memory(world.clone()), "campaign").await
}

fn case<'a, S: Scenario>(
    world: &'a World,
    subject: &'a mut Subject<S>,
    name: &'a str,
    operation: Operation,
    fault: Option<Fault>,
) -> Case<'a, S> {
    let kind = KINDS.iter().find(|kind| kind.kind == S::KIND).unwrap();
    Case {
        world,
        subject,
        name,
        plural: &kind.plural,
        operation,
        fault,
        issued: Value::Null,
        found: Value::Null,
        replaced: RefCell::default(),
        reached: RefCell::default(),
    }
}

impl<S: Scenario> Case<'_, S> {
    /// Does everything that a plan asks for, and judges the end.
    async fn carry_out(&mut self, expected: Option<&Measure>) -> Outcome<Measure> {
        self.subject.prepare(self.name);
        if !S::KEEPS {
            // What a task needs is looked up in the lists.
            self.subject.bed.sweeps(1).await;
        }
        if self.operation == Operation::Restore {
            self.provoke();
            self.found = self.subject.declared(self.name);
        }
        let before = Before::of(self);
        self.set_up().await?;
        self.subject.bed.remote.reset_requests();
        self.world.server.clear_log();
        let armed = self.fault.map(|fault| self.arm(fault));
        let began = Instant::now();
        self.begin().await;
        self.until_done().await?;
        let time = began.elapsed();
        self.subject.bed.remote.clear_faults();
        drop(armed);
        if !self.operation.deletes() {
            judge::published(self)?;
        }
        let measure = judge::measure(self, self.operation, time);
        if let (Some(expected), Some(fault)) = (expected, self.fault) {
            judge::compare::<S>(&measure, expected, self.operation, fault)?;
        }
        judge::waits_as_told(self)?;
        judge::no_empty_write(self)?;
        judge::at_rest(self, self.operation).await?;
        judge::no_secret(self)?;
        self.take_away().await?;
        before.compare(self)?;
        if self.operation == Operation::Restore {
            self.subject.edit(S::gone(&self.subject.bed.remote, self.name));
        }
        Ok(measure)
    }

    /// Members of the spec that the operation needs.
    pub fn own(&self) -> Value {
        match self.operation {
            Operation::Delete | Operation::Restore => json!({ "deletionPolicy": "Delete" }),
            // Whatever goes wrong, there is time enough until the next one.
            Operation::Rotate => json!({ "rotation": { "interval": "4m", "overlap": "15s" } }),
            _ => json!({}),
        }
    }

    /// What there is before the operation begins.
    async fn set_up(&mut self) -> Outcome<()> {
        let other = match self.operation {
            Operation::Create => return Ok(()),
            Operation::Update => true,
            Operation::Restart => !S::KEEPS,
            Operation::Delete | Operation::Repair | Operation::Rotate | Operation::Restore => false,
        };
        let extra = if other {
            merged(S::varied(self.name), S::widened(self.name))
        } else {
            self.own()
        };
        self.subject.apply(self.name, extra).await;
        self.until("the object to begin with is in sync", |case| {
            case.is_in_sync()
                && if other {
                    case.is_wider() || !S::KEEPS
                } else {
                    case.is_expected()
                }
        })
        .await?;
        self.subject.bed.sweeps(1).await;
        self.issued = self.object().unwrap_or_default()["status"]["remote"]["id"].clone();
        if self.operation == Operation::Rotate {
            self.until_almost_due().await;
            self.replaced.borrow_mut().0 = S::shown_once(&self.subject.bed.remote, self.name);
        }
        Ok(())
    }

    /// Waits until the next rotation is due in a moment.
    async fn until_almost_due(&self) {
        let at = self.object().unwrap_or_default()["status"]["remote"]["nextRotationAt"].clone();
        let at: jiff::Timestamp = at.as_str().unwrap().parse().unwrap();
        let left = Duration::try_from(at.duration_since(self.world.server.now())).unwrap_or_default();
        sleep(left.saturating_sub(SHORTLY)).await;
    }

    async fn begin(&mut self) {
        match self.operation {
            Operation::Create | Operation::Update => self.subject.apply(self.name, json!({})).await,
            Operation::Repair => self.provoke(),
            Operation::Delete | Operation::Restore => {
                let namespace = &self.subject.bed.namespace;
                namespace.delete(S::KIND, self.name).await.unwrap();
            }
            Operation::Restart => {
                self.subject.bed.operator.kill().await.unwrap();
                if S::KEEPS {
                    self.provoke();
                } else {
                    self.subject.apply(self.name, json!({})).await;
                }
                self.restart().await;
            }
            // The time has come.
            Operation::Rotate => {}
        }
    }

    /// Somebody breaks what is declared.
    pub fn provoke(&self) {
        self.subject.edit(S::broken(&self.subject.bed.remote, self.name));
    }

    /// Starts the operator, again and again where it ends at once, as a container is.
    pub async fn restart(&mut self) {
        let operator = &mut self.subject.bed.operator;
        for _ in 0..RESTARTS {
            if operator.restart().await.is_ok() {
                return;
            }
            sleep(Duration::from_secs(10)).await;
        }
        operator.restart().await.unwrap();
    }

    /// Waits until the operation is done, and does meanwhile what happens around a call.
    async fn until_done(&mut self) -> Outcome<()> {
        let mut around = match self.fault {
            Some(Fault::Around(call, around)) => Some((call, around)),
            _ => None,
        };
        let began = Instant::now();
        loop {
            if let Some((call, happens)) = around
                && self.subject.bed.remote.calls() >= call
            {
                around = None;
                self.happen(happens).await?;
            }
            self.at_any_moment()?;
            // A call that is not made any more needs nothing around it.
            let waits = around.is_some() && began.elapsed() < WHILE;
            let fails_late = matches!(self.fault, Some(Fault::Remote(_, Remote::Reset | Remote::Late)));
            let waits = waits || ((fails_late || self.follows_task()) && began.elapsed() < PATIENT);
            if !waits && self.is_done() {
                return Ok(());
            }
            if began.elapsed() > CONVERGENCE {
                return Err(format!("did not converge: {}", self.shown()));
            }
            if self.subject.bed.operator.exit_code().is_some() {
                self.restart().await;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether the fault may have struck the call that asks after a task, which is made again later.
    fn follows_task(&self) -> bool {
        let object = self.object().unwrap_or_default();
        let conditions = object["status"]["conditions"].to_string();
        matches!(self.fault, Some(Fault::Remote(..))) && conditions.contains("\"Propagated\"")
    }

    fn is_done(&self) -> bool {
        match self.operation {
            Operation::Delete | Operation::Restore => self.object().is_none(),
            Operation::Rotate => {
                let remote = &self.object().unwrap_or_default()["status"]["remote"];
                let is_replaced = remote["id"] != self.issued && remote["retiring"].is_null();
                is_replaced && self.is_in_sync() && self.is_expected()
            }
            _ => (self.is_in_sync() && self.is_expected()) || self.has_failed(),
        }
    }

    /// Whether a run ended because the remote side refused it, as the plan has it. It is not tried again.
    fn has_failed(&self) -> bool {
        let Some(Fault::Remote(_, Remote::Status(code))) = self.fault else {
            return false;
        };
        let object = self.object().unwrap_or_default();
        let run = &object["status"]["runs"][0];
        let message = run["message"].as_str().unwrap_or_default();
        !S::KEEPS
            && object["status"]["observedGeneration"] == object["metadata"]["generation"]
            && run["phase"] == "Failed"
            && message.contains(&format!("HTTP {code}"))
    }

    /// Arms what goes wrong with a call.
    fn arm(&self, fault: Fault) -> Option<Armed> {
        match fault {
            Fault::Remote(call, fault) => {
                let rule = json!({ "match": {}, "nth": call, "fault": fault.fault() });
                self.subject.bed.remote.fault(rule);
                None
            }
            Fault::Kubernetes(request, fault) => {
                let rule = Rule::new(fault.action())
                    .when(can_be_disturbed)
                    .skip(request - 1)
                    .times(1);
                Some(Armed(Some(self.world.server.fault(rule))))
            }
            Fault::Around(..) => None,
        }
    }

    /// Removes what the operation left, on both sides.
    async fn take_away(&mut self) -> Outcome<()> {
        if !self.operation.deletes() {
            let namespace = &self.subject.bed.namespace;
            namespace.delete(S::KIND, self.name).await.unwrap();
            self.until("the object is gone", |case| case.object().is_none()).await?;
        }
        if self.operation == Operation::Restore {
            return Ok(());
        }
        // Of what tasks did, something else may be left.
        if !S::KEEPS || !self.subject.declared(self.name).is_null() {
            let gone = S::gone(&self.subject.bed.remote, self.name);
            self.subject.edit(gone);
        }
        Ok(())
    }

    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Outcome<()> {
        let began = Instant::now();
        while !holds(self) {
            if began.elapsed() > CONVERGENCE {
                return Err(format!("not so: {what}: {}", self.shown()));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The object, as the apiserver has it.
    pub fn object(&self) -> Option<Value> {
        self.world.server.find(self.plural, NAMESPACE, self.name)
    }

    fn is_expected(&self) -> bool {
        self.subject.declared(self.name) == S::expected(self.name) && !self.is_wider()
    }

    /// Whether the remote side grants more than is declared.
    fn is_wider(&self) -> bool {
        S::surplus(&self.subject.bed.remote, self.name)
    }

    fn is_in_sync(&self) -> bool {
        self.object().is_some_and(|object| {
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
            object["status"]["observedGeneration"] == object["metadata"]["generation"]
                && ready.is_some_and(|ready| ready["reason"] == "InSync" && ready["status"] == "True")
                && S::is_at_rest(&object)
                // A write whose answer was lost may still take effect.
                && object["status"]["applied"]["unsettledUntil"].is_null()
        })
    }

    fn shown(&self) -> String {
        let status = self.object().map(|object| object["status"].clone());
        let calls = self.subject.bed.remote.requests().log;
        let last: Vec<_> = calls
            .iter()
            .rev()
            .take(12)
            .map(|call| format!("{} {}", call.operation, call.status))
            .collect();
        format!(
            "status {}, remote {}, last calls {last:?}",
            status.unwrap_or_default(),
            self.subject.declared(self.name)
        )
    }
}

/// A fault of the apiserver, which ends when this is dropped.
pub struct Armed(pub Option<memory_apiserver::Fault>);

impl Drop for Armed {
    fn drop(&mut self) {
        if let Some(fault) = self.0.take() {
            fault.remove();
        }
    }
}
