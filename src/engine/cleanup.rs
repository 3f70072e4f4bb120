//! What happens to the remote side when an object is deleted.

use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    Error, Freshness, Inputs, Managed, Presence, Reason, Removal, Verdict,
    context::Context,
    progress::{SharedProgress, lane, lock},
};
use crate::crd::common::{DeletionPolicy, annotation};

/// Rounds of write and read-back before the removal waits for its next pass.
const ROUNDS: usize = 3;

/// How a removal stands.
pub enum Removed {
    /// The finalizer may go; a note for people where the remote side was left with something.
    Released(Option<String>),
    /// Something is still to be waited for.
    Waiting(String),
}

/// Takes out of the remote side what the policy says, and tells whether the finalizer may go.
pub async fn run<K: Managed>(object: &K, context: &Context<K>, progress: &SharedProgress<K>) -> Result<Removed, Error> {
    if object
        .annotations()
        .get(annotation::FORCE_RELEASE)
        .is_some_and(|value| value == "true")
    {
        object.settled(&context.world, &Verdict::Gone);
        return Ok(Removed::Released(Some(format!(
            "released by annotation; {} stays as it is",
            left(object)
        ))));
    }
    let holders = object.holders(&context.world)?;
    if !holders.is_empty() {
        return Ok(Removed::Waiting(format!("in use by {}", holders.join(", "))));
    }
    let Some(origin) = lock(progress).origin else {
        object.settled(&context.world, &Verdict::Gone);
        return Ok(Removed::Released(None));
    };
    let policy = object
        .policies()
        .deletion_policy
        .unwrap_or_else(|| K::default_deletion(origin));
    if policy == DeletionPolicy::Retain || object.policies().observes() {
        return Ok(Removed::Released(None));
    }
    match withdraw(object, context, progress, policy).await {
        Err(error @ (Error::ConnectionGone(_) | Error::Blocked(Reason::NotAllowed, _))) => Ok(Removed::Released(Some(
            format!("{error}; {} stays as it is", left(object)),
        ))),
        Err(error @ Error::CredentialsMissing(_)) => {
            let waited = waited(object);
            if waited >= context.around.release_after {
                return Ok(Removed::Released(Some(format!(
                    "{error}; {} stays as it is",
                    left(object)
                ))));
            }
            Ok(Removed::Waiting(hint(&error)))
        }
        Err(error @ (Error::ConnectionNotReady(_) | Error::NotYet(_))) => Ok(Removed::Waiting(hint(&error))),
        other => other,
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
    let key = object.key();
    let removal = Removal { policy, applied };
    let mut seen = K::observe(&client, &key, Freshness::Fresh).await?;
    for _ in 0..ROUNDS {
        let plan = if matches!(K::presence(&seen), Presence::Present | Presence::Shared { .. }) {
            K::removal(&removal, &seen)
        } else {
            super::Plan::default()
        };
        if plan.is_empty() {
            return Ok(Removed::Released(None));
        }
        if K::frozen(&client) {
            lock(progress).plan = plan.outstanding();
            return Ok(Removed::Waiting(
                "the connection is frozen; what waits is in status.plan".into(),
            ));
        }
        for change in &plan.changes {
            K::apply(&client, &seen, change).await?;
            lock(progress).changed = true;
            super::reconcile::announce(context, object, &key, change);
        }
        seen = K::observe(&client, &key, Freshness::Fresh).await?;
    }
    Ok(Removed::Waiting(format!(
        "{} is still there after it was removed",
        left(object)
    )))
}

fn left<K: Managed>(object: &K) -> String {
    super::reconcile::remote_name::<K>(&object.key())
}

fn hint(error: &Error) -> String {
    format!(
        "{error}. To let go without touching the remote side, set the annotation {}: \"true\"",
        annotation::FORCE_RELEASE
    )
}

fn waited<K: Managed>(object: &K) -> Duration {
    let since = object
        .meta()
        .deletion_timestamp
        .as_ref()
        .map_or_else(Timestamp::now, |since| since.0);
    Duration::try_from(Timestamp::now().duration_since(since)).unwrap_or_default()
}
