//! Which object may write to a remote object that several objects declare, on any connection to the same remote side
//! (`api.md` 8.14, 8.22, 8.23).

use std::sync::Arc;

use kube::{Resource, ResourceExt, core::DeserializeGuard};

use super::{delegated, managed::Managed, work::Keeping};
use crate::{
    crd::status::{Remote, Status},
    engine::{
        error::{Error, Reason},
        index::key_hash,
        object::{HasStatus, ObjectName, created, kind},
        shell::Shell,
        work::{Reconcile, Work},
    },
};

type Guard<M> = Arc<DeserializeGuard<<M as Managed>::Object>>;

/// Other objects that claim the same remote object, those that only observe left out, and those that no connection admits.
fn rivals<M: Managed>(keeping: &Keeping<M>, shell: &Shell<Keeping<M>>, object: &M::Object) -> Vec<Guard<M>> {
    if M::ENTRIES {
        return Vec::new();
    }
    let (key, own) = (M::claim_key(object), ObjectName::of(object));
    let connection = M::common(object).connection;
    let names = shell.index.with_key(key_hash(&key)).into_iter();
    names
        .filter(|name| *name != own)
        .filter_map(|name| shell.objects.get(&name.namespace, &name.name))
        .filter(|guard| {
            guard.0.as_ref().is_ok_and(|other| {
                let common = M::common(other);
                let namespace = other.namespace().unwrap_or_default();
                M::claim_key(other) == key
                    && !common.policies.observes()
                    && keeping.connections.same_side(&common.connection, &connection)
                    && keeping.connections.admits(&common.connection, &namespace)
                    && delegated::may_claim(keeping, other)
                    && !is_turned_away::<M>(other, &common.connection.namespace)
            })
        })
        .collect()
}

/// Whether an object of another namespace than the connection's was turned away from the remote object, of which it has
/// nothing: it must not keep the connection's owner from it.
fn is_turned_away<M: Managed>(object: &M::Object, home: &str) -> bool {
    let status = object.status();
    let ready = status.and_then(|status| status.condition("Ready"));
    let reason = ready.and_then(|ready| Reason::named(&ready.reason));
    object.namespace().as_deref() != Some(home)
        && status.is_none_or(|status| status.origin().is_none())
        && matches!(reason, Some(Reason::AlreadyExists | Reason::NotAllowed))
}

/// Fails if an older object claims the same remote object.
pub(super) fn check<M: Managed>(
    keeping: &Keeping<M>,
    shell: &Shell<Keeping<M>>,
    object: &M::Object,
) -> Result<(), Error> {
    if M::common(object).policies.observes() {
        return Ok(());
    }
    let own = (created(object), ObjectName::of(object));
    let rivals = rivals(keeping, shell, object);
    let older = rivals
        .iter()
        .filter_map(|guard| guard.0.as_ref().ok())
        .map(|other| (created(other), ObjectName::of(other)))
        .filter(|other| *other < own)
        .min();
    let Some((_, owner)) = older else { return Ok(()) };
    Err(conflict::<M>(&owner, &keeping.remote_name(object)))
}

/// What an object says whose remote object an older one declares.
pub(super) fn conflict<M: Managed>(owner: &ObjectName, remote: &str) -> Error {
    let kind = kind::<M::Object>();
    Error::Blocked(
        Reason::Conflict,
        format!("{kind} {owner} is older and declares {remote} too: this object takes over when that one is deleted"),
    )
}

/// Moves the record of an object that is being deleted to the object that takes over its remote object. Whether there is
/// one; nothing is withdrawn then.
pub(super) async fn hand_over<M: Managed>(
    keeping: &Keeping<M>,
    cx: &Reconcile<Keeping<M>>,
) -> Result<Option<ObjectName>, Error> {
    let object = &cx.object;
    let rivals = rivals(keeping, &cx.shell, object);
    let heir = rivals
        .iter()
        .filter_map(|guard| guard.0.as_ref().ok())
        .filter(|other| other.namespace() == object.namespace() || delegated::may_inherit(keeping, other))
        .filter(|other| other.meta().deletion_timestamp.is_none())
        .min_by_key(|other| (created(*other), ObjectName::of(*other)));
    let (Some(heir), Some(origin)) = (heir, cx.report.origin) else {
        return Ok(None);
    };
    let name = ObjectName::of(heir);
    // The store may be behind; the write names the version that it is based on.
    let found = cx.shell.api(heir).get_opt(&name.name).await;
    let Some(found) = found.map_err(Error::kubernetes("read the object that takes over"))? else {
        return Err(Error::NotYet(format!("{name} is gone")));
    };
    let mut status = found.status().cloned().unwrap_or_default();
    if status.origin() == Some(origin)
        && status
            .applied
            .as_ref()
            .is_some_and(|record| record.subject == keeping.subject(&found))
    {
        return Ok(Some(name));
    }
    let mut record = cx.report.record.clone();
    record.subject = keeping.subject(&found);
    // Fingerprints hold for one object only.
    record.secrets = litemap::LiteMap::default();
    if let Some(own) = status.applied.take().filter(|own| own.subject == record.subject) {
        record.grants.add(own.grants);
        record.secrets = own.secrets;
    }
    status.remote = Some(Remote {
        key: M::common(&found).key,
        origin: Some(origin),
        seen: remote_seen(object.status()),
    });
    status.applied = Some(record);
    cx.shell
        .patch_status(&found, &status)
        .await
        .map_err(Error::kubernetes("hand the record over"))?;
    let note = format!(
        "took {} over from {}, which is being deleted",
        keeping.remote_name(&found),
        ObjectName::of(&**object)
    );
    tracing::info!(kind = kind::<M::Object>(), name = %name, note, "hand-over");
    cx.shell
        .env
        .reports
        .normal(found.object_ref(&()), "TookOver", "Reconcile", &note);
    Ok(Some(name))
}

fn remote_seen<R: Clone + Default, T>(status: Option<&Status<R, T>>) -> R {
    let remote = status.and_then(|status| status.remote.as_ref());
    remote.map(|remote| remote.seen.clone()).unwrap_or_default()
}
