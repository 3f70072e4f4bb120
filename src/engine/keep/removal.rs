//! What happens to the remote side when an object is deleted.

use std::{collections::BTreeSet, time::Duration};

use kube::ResourceExt;

use super::{
    Change, Error, Freshness, Inputs, Managed, Reason, Removal,
    context::Context,
    pass::{DEADLINE, overdue},
    progress::{SharedProgress, lane, lock},
};
use crate::crd::common::{DeletionPolicy, annotation};

/// Rounds of write and read-back before the removal waits for its next pass.
const ROUNDS: usize = 3;

/// How a removal stands.
pub enum Removed {
    /// The finalizer may go; a note for people where the remote side was left with something.
    Released(Option<String>),
    /// Other objects need this one.
    InUse(String),
    /// Something else is to be waited for.
    Waiting(String),
    /// Others wait too; its turn comes after this time. Asking again before would only put off theirs.
    Turn(String, Duration),
}

/// Takes out of the remote side what the policy says, and tells whether the finalizer may go.
pub async fn run<K: Managed>(object: &K, context: &Context<K>, progress: &SharedProgress<K>) -> Result<Removed, Error> {
    lock(progress).plan.clear();
    if is_forced(object) {
        return Ok(Removed::Released(Some(format!(
            "released by annotation; {}",
            stays(object)
        ))));
    }
    let holders = object.holders(&context.world)?;
    if !holders.is_empty() {
        return Ok(Removed::InUse(format!("in use by {}", holders.join(", "))));
    }
    let Some(origin) = lock(progress).origin else {
        return Ok(Removed::Released(None));
    };
    let policies = object.policies();
    let policy = policies.deletion_policy.unwrap_or_else(|| K::default_deletion(origin));
    if policies.observes() {
        return Ok(Removed::Released(Some(format!(
            "managementPolicy is Observe; {}",
            stays(object)
        ))));
    }
    if policy == DeletionPolicy::Retain {
        return Ok(Removed::Released(None));
    }
    let withdrawn = withdraw(object, context, progress, policy).await;
    excused(object, context, withdrawn)
}

/// What a removal that cannot be carried out comes to: nobody can be made to wait for what will not come back.
fn excused<K: Managed>(object: &K, context: &Context<K>, withdrawn: Result<Removed, Error>) -> Result<Removed, Error> {
    match withdrawn {
        Err(error @ (Error::ConnectionGone(_) | Error::Blocked(Reason::NotAllowed, _))) => {
            Ok(Removed::Released(Some(format!("{error}; {}", stays(object)))))
        }
        Err(Error::CredentialsMissing { message, since }) if since >= context.around.release_after => {
            Ok(Removed::Released(Some(format!("{message}; {}", stays(object)))))
        }
        Err(error) => waits(error),
        done => done,
    }
}

/// What a removal waits for, where the failure is no more than that.
fn waits(error: Error) -> Result<Removed, Error> {
    match error {
        Error::CredentialsMissing { .. } | Error::ConnectionNotReady(_) | Error::NotYet(_) => {
            Ok(Removed::Waiting(error.to_string()))
        }
        Error::Busy { message, turn } => Ok(Removed::Turn(message, turn)),
        error => Err(error),
    }
}

async fn withdraw<K: Managed>(
    object: &K,
    context: &Context<K>,
    progress: &SharedProgress<K>,
    policy: DeletionPolicy,
) -> Result<Removed, Error> {
    object.admission(&context.world)?;
    let applied = lock(progress).applied.clone();
    let client = object
        .connect(&context.world, &Inputs::recorded(applied.clone()), lane(object))
        .await?;
    if K::frozen(&client) {
        return Ok(Removed::Waiting("the connection is frozen".into()));
    }
    let removal = Removal { policy, applied };
    let _slot = K::slot(&client).await?;
    let carried_out = Box::pin(carry_out(object, context, progress, &client, &removal));
    tokio::time::timeout(DEADLINE, carried_out)
        .await
        .unwrap_or_else(|_| Err(overdue()))
}

async fn carry_out<K: Managed>(
    object: &K,
    context: &Context<K>,
    progress: &SharedProgress<K>,
    client: &K::Client,
    removal: &Removal,
) -> Result<Removed, Error> {
    let key = object.key();
    let mut seen = K::observe(client, &key, Freshness::Fresh).await?;
    let mut done = BTreeSet::new();
    for _ in 0..ROUNDS {
        K::follow(client, &mut seen).await?;
        let plan = K::removal(removal, &seen);
        if plan.is_empty() {
            return Ok(if plan.under_way.is_empty() {
                Removed::Released(None)
            } else {
                Removed::Waiting(plan.under_way.join("; "))
            });
        }
        if plan.steps().iter().all(|step| done.contains(step)) {
            break;
        }
        for change in &plan.changes {
            K::apply(client, &seen, change).await?;
            done.extend(change.steps());
            lock(progress).changed = true;
            super::reconcile::announce(context, object, &key, change);
        }
        seen = K::observe(client, &key, Freshness::Fresh).await?;
    }
    let steps = K::removal(removal, &seen).steps().join("; ");
    Err(Error::Blocked(
        Reason::AcceptedButNotStored,
        format!(
            "{} accepted its removal but does not show it: {steps}",
            super::reconcile::remote_name::<K>(&key)
        ),
    ))
}

/// Whether people said that the object is to go whatever happens.
pub fn is_forced(object: &impl ResourceExt) -> bool {
    object
        .annotations()
        .get(annotation::FORCE_RELEASE)
        .is_some_and(|value| value == "true")
}

fn stays<K: Managed>(object: &K) -> String {
    format!("{} stays as it is", super::reconcile::remote_name::<K>(&object.key()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_that_is_sent_away_keeps_its_turn() {
        let turn = Duration::from_secs(90);
        let busy = Error::Busy {
            message: "many objects wait".into(),
            turn,
        };
        assert!(matches!(waits(busy), Ok(Removed::Turn(_, after)) if after == turn));
        let missing = Error::ConnectionNotReady("down".into());
        assert!(matches!(waits(missing), Ok(Removed::Waiting(_))));
        assert!(waits(Error::invalid("no")).is_err());
    }
}
