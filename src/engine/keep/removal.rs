//! What happens to the remote object when its object is deleted.

use std::{collections::BTreeSet, time::Duration};

use super::{
    claim, delegated,
    managed::{Managed, Observed, Read},
    pass::given,
    plan::Change,
    together::GATHER,
    work::Keeping,
};
use crate::{
    crd::{common::DeletionPolicy, status::Origin},
    engine::{
        connect::{
            ConnectionKind, Left, Remote,
            admission::{Applicant, Queue, Together},
            connections::Admitted,
            guard::Hold,
        },
        error::{Error, Fate, Reason, Refused},
        keep::{announce::report, plan::Class},
        object::{ObjectName, kind},
        permit::{Permits, Terms},
        secrets::Secrets,
        shared::batch::Gather,
        work::{Reconcile, Removed, Work},
    },
};

/// Rounds of write and read-back before the removal waits for its next reconcile.
const ROUNDS: usize = 3;

type Context<M> = Reconcile<Keeping<M>>;

/// Withdraws what the policy says, and tells whether the finalizer may go.
pub(super) async fn remove<M: Managed>(keeping: &Keeping<M>, cx: &mut Context<M>) -> Result<Removed, Error> {
    let object = cx.object.clone();
    let common = M::common(&object);
    let stays = format!("{} stays as it is", keeping.remote_name(&object));
    let Some(origin) = cx.report.origin else {
        return Ok(Removed::Released(None));
    };
    if !common.policies.observes()
        && let Some(heir) = claim::hand_over(keeping, cx).await?
    {
        let name = kind::<M::Object>();
        tracing::info!(kind = name, object = %ObjectName::of(&*object), %heir, "released: another object takes over");
        return Ok(Removed::Released(None));
    }
    if common.policies.observes() {
        let note = format!("managementPolicy is Observe; {stays}");
        cx.report.left = Some(Left::Observed);
        return Ok(Removed::Released(Some(note)));
    }
    let policy = match policy::<M>(cx, common.policies.deletion_policy, origin) {
        Ok(policy) => policy,
        Err(unreadable) => return Ok(Removed::Waiting(unreadable, None)),
    };
    if policy == DeletionPolicy::Retain {
        cx.report.left = Some(Left::Retained);
        return Ok(Removed::Released(None));
    }
    let release_after = cx.shell.env.release_after;
    let withdrawn = withdraw(keeping, cx, policy).await;
    // Listed only if the object is released.
    cx.report.left = match &withdrawn {
        Err(Error::Blocked(Reason::NotAllowed, _) | Error::Refused(Refused::NotAllowed(_))) => Some(Left::NotAllowed),
        Err(Error::Refused(Refused::Guarded(_))) => Some(Left::Guarded),
        Err(Error::CredentialsMissing { .. }) => Some(Left::CredentialsMissing),
        _ => None,
    };
    match withdrawn {
        // Nobody can be made to wait for what will not come back.
        Err(error @ (Error::ConnectionGone(_) | Error::Blocked(Reason::NotAllowed, _))) => {
            Ok(Removed::Released(Some(format!("{error}; {stays}"))))
        }
        Err(Error::CredentialsMissing { message, since }) if since >= release_after => {
            Ok(Removed::Released(Some(format!("{message}; {stays}"))))
        }
        Err(Error::CredentialsMissing { message, since }) => {
            let left = release_after.saturating_sub(since) + Duration::from_secs(1);
            Ok(Removed::Waiting(message, Some(left)))
        }
        Err(error @ (Error::ConnectionNotReady(_) | Error::NotYet(_))) => Ok(Removed::Waiting(error.to_string(), None)),
        Err(Error::Queued) => Ok(Removed::Queued),
        Err(Error::Refused(Refused::Guarded(why))) => {
            let regarding = kube::Resource::object_ref(&*object, &());
            cx.shell.env.reports.warning(regarding, "Guarded", "Delete", &why);
            Ok(Removed::Released(Some(format!("{why}; {stays}"))))
        }
        Err(Error::Refused(refused @ Refused::AwaitingAcknowledgement { .. })) => {
            Ok(Removed::Waiting(refused.to_string(), None))
        }
        Err(Error::Refused(Refused::NotAllowed(why))) => Ok(Removed::Released(Some(format!("{why}; {stays}")))),
        Err(Error::Refused(undecided @ Refused::Undecided(_))) => Ok(Removed::Waiting(undecided.to_string(), None)),
        Err(Error::Refused(Refused::Frozen)) => Ok(Removed::Waiting("the connection is frozen".into(), None)),
        done => done,
    }
}

/// The policy in force: that of the object, else of its namespace, else of whoever runs the operator, else of the kind. Only the
/// object itself lets an adopted remote object go.
fn policy<M: Managed>(
    cx: &Context<M>,
    declared: Option<DeletionPolicy>,
    origin: Origin,
) -> Result<DeletionPolicy, String> {
    let of_kind = M::default_deletion(origin);
    if let Some(declared) = declared {
        return Ok(declared);
    }
    if origin == Origin::Adopted && !M::ENTRIES {
        return Ok(of_kind);
    }
    let env = &cx.shell.env;
    let default = env.namespaces.default_deletion(&cx.namespace())?;
    let default = default.or(env.policy.default_deletion).unwrap_or(of_kind);
    // Only users can be disabled.
    let disables = of_kind == DeletionPolicy::Disable;
    Ok(if default == DeletionPolicy::Disable && !disables {
        of_kind
    } else {
        default
    })
}

async fn withdraw<M: Managed>(
    keeping: &Keeping<M>,
    cx: &mut Context<M>,
    policy: DeletionPolicy,
) -> Result<Removed, Error> {
    let object = cx.object.clone();
    let common = M::common(&object);
    let admitted = keeping
        .connections
        .admit_object(&common.connection, &cx.namespace(), true)?;
    // What this connection cannot manage it cannot withdraw either.
    let accepts = admitted.object.accepts(kind::<M::Object>());
    accepts.map_err(|error| Error::Blocked(Reason::NotAllowed, error.to_string()))?;
    let statement = delegated::statement::<M>(&object, cx.report.origin);
    let namespace = cx.namespace();
    keeping
        .connections
        .judge(&admitted.object, &common.connection, &namespace)
        .removal(&statement, policy == DeletionPolicy::Delete)
        .map_err(|message| Error::Blocked(Reason::NotAllowed, message))?;
    if admitted.object.terms().freeze {
        return Err(Error::Refused(Refused::Frozen));
    }
    if let Some(left) = cx.unsettled_for() {
        let message = "the answer to the last write was lost: waiting until it has taken effect or failed";
        return Ok(Removed::Waiting(
            message.into(),
            Some(left + Duration::from_millis(100)),
        ));
    }
    let Some(kind) = cx.shell.as_watched() else {
        return Err(Error::Queued);
    };
    let together = M::removes_together(&admitted.live.lists).then_some(Together::Removed);
    let admission = keeping
        .connections
        .admission(&common.connection, Queue::of(M::MANY, together));
    // A removal that nobody else makes at this time is as fast as ever.
    let gather = (together.is_some() && !admission.is_idle()).then_some(GATHER);
    let applicant = Applicant {
        uid: &cx.uid(),
        name: &ObjectName::of(&*object),
        kind,
        class: Class::Withdrawal,
    };
    let Some(_ticket) = admission.enter(&applicant) else {
        return Err(Error::Queued);
    };
    carry_out(keeping, cx, &admitted, policy, gather).await
}

async fn carry_out<M: Managed>(
    keeping: &Keeping<M>,
    cx: &mut Context<M>,
    admitted: &Admitted<M::Connection>,
    policy: DeletionPolicy,
    gather: Option<Duration>,
) -> Result<Removed, Error> {
    let object = cx.object.clone();
    let mut remote = Remote::new(admitted.live.clone(), false);
    remote.together = gather.map(Gather::from);
    let permits = |statement| {
        Permits::new(
            &cx.shell.env,
            keeping.connections.clone(),
            admitted.live.clone(),
            cx.shell.objects.clone(),
            &*object,
            Terms {
                statement,
                granted: cx.report.record.grants.clone(),
            },
        )
    };
    let statement = delegated::statement::<M>(&object, cx.report.origin);
    let (withdrawing, restoring) = (permits(None), permits(Some(statement)));
    let mut done = BTreeSet::new();
    let mut hold: Option<Hold> = None;
    for _ in 0..=ROUNDS {
        let seen = match M::observe(&object, &remote, &cx.report.record, Read::Fresh).await? {
            Observed::Found(seen) => seen,
            Observed::Absent => return Ok(without_remote(keeping, cx, &remote).await),
            Observed::Unknown => return Err(Error::Internal("a fresh observation that shows nothing".into())),
        };
        // What was written is read back.
        drop(hold.take());
        if let Some(waiting) = needed(keeping, &object, &seen, admitted) {
            return Ok(waiting);
        }
        let secrets = Secrets::unread(&M::secrets(&object));
        let plan = {
            let given = given(keeping, &cx.shell, &object, &cx.report, &secrets, admitted);
            M::removal(&object, policy, &given, &seen)
        };
        if plan.is_empty() {
            return Ok(if plan.in_progress.is_empty() {
                Removed::Released(None)
            } else {
                Removed::Waiting(plan.in_progress.join("; "), plan.due)
            });
        }
        cx.report.plan = plan.outstanding();
        if plan.steps().iter().all(|step| done.contains(step)) {
            let steps = plan.steps().join("; ");
            let message = format!(
                "{} accepted its removal but does not show it: {steps}",
                keeping.remote_name(&object)
            );
            cx.shell.memory.with(&cx.uid(), |entry| {
                entry.refused_attempts = entry.refused_attempts.saturating_add(1);
            });
            return Err(Error::Blocked(Reason::AcceptedButNotStored, message));
        }
        for change in &plan.changes {
            // A deletion proceeds outside of the change windows, whatever it has to write.
            let permits = if change.restores() { &restoring } else { &withdrawing };
            let issued = permits.issue(&change.effects(), true, hold.as_ref()).await;
            let (permit, new) = issued.map_err(Error::Refused)?;
            hold = hold.or(new);
            cx.report.in_flight = true;
            let applied = M::apply(&remote, permit, Some(&seen), change).await;
            cx.report.in_flight = false;
            if let Err(error) = applied {
                if error.fate() == Fate::Unknown {
                    cx.note_lost_write();
                }
                return Err(error);
            }
            done.extend(change.steps());
            cx.report.changed = true;
            announce(keeping, cx, admitted, change);
        }
    }
    Err(Error::Internal("a removal that never ends".into()))
}

/// Most names in the message of a deletion that waits; the rest is counted.
const NAMED: usize = 5;
/// Time between two checks whether something still needs the remote object.
const NEEDED: Duration = Duration::from_secs(5);

/// Waits while something needs the remote object.
fn needed<M: Managed>(
    keeping: &Keeping<M>,
    object: &M::Object,
    seen: &M::Seen,
    admitted: &Admitted<M::Connection>,
) -> Option<Removed> {
    let (dependents, complete) = keeping.connections.dependents(&M::common(object).connection);
    let mut by = M::needed_by(object, seen, &dependents, &admitted.live.lists);
    if by.is_empty() {
        let message = "not all objects of the connection are known: one of them may need it";
        return (M::NEEDED && !complete).then(|| Removed::Waiting(message.to_owned(), Some(NEEDED)));
    }
    let more = by.len().saturating_sub(NAMED);
    by.truncate(NAMED);
    if more > 0 {
        by.push(format!("{more} more"));
    }
    Some(Removed::Waiting(
        format!("still needed by {}", by.join(", ")),
        Some(NEEDED),
    ))
}

/// A task that still runs may bring the remote object into view.
async fn without_remote<M: Managed>(
    keeping: &Keeping<M>,
    cx: &mut Context<M>,
    remote: &Remote<M::Connection>,
) -> Removed {
    if !M::TASKS {
        return Removed::Released(None);
    }
    let mut following = super::propagation::Following {
        task: cx.report.record.task.as_deref().cloned(),
        generation: kube::Resource::meta(&*cx.object).generation.unwrap_or_default(),
        now: cx.shell.env.clock.now(),
        deadline: cx.shell.env.propagation_deadline,
    };
    if let Some(task) = following.due().map(str::to_owned)
        && let Ok(state) = M::task(remote, &task).await
    {
        following.found(state);
    }
    let removed = match following.unfinished() {
        Some(task) => {
            let message = format!(
                "task {task} is still running; {} does not show yet",
                keeping.remote_name(&cx.object)
            );
            Removed::Waiting(message, following.again().or(Some(Duration::from_secs(5))))
        }
        None => Removed::Released(None),
    };
    cx.report.record.task = following.task.map(Box::new);
    removed
}

/// The Event and the log record of a write that was answered with success.
fn announce<M: Managed>(keeping: &Keeping<M>, cx: &Context<M>, admitted: &Admitted<M::Connection>, change: &M::Change) {
    let steps = change.steps();
    report(keeping, cx, admitted, change.event(), &steps);
    let name = ObjectName::of(&*cx.object);
    let remote = keeping.remote_name(&cx.object);
    tracing::info!(
        kind = cx.shell.kind(),
        namespace = &*name.namespace,
        name = &*name.name,
        remote,
        change = change.event(),
        ?steps,
        "remote write"
    );
    let steps = steps.join("; ");
    let regarding = kube::Resource::object_ref(&*cx.object, &());
    let note = format!("{remote}: {steps}");
    cx.shell.env.reports.normal(regarding, change.event(), &steps, &note);
}
