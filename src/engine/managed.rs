//! [`Managed`]: what a kind supplies.

use std::{collections::BTreeMap, collections::BTreeSet, fmt::Debug, future::Future, time::Duration};

use futures::stream::BoxStream;
use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use serde::{Serialize, de::DeserializeOwned};

use super::{Error, Inputs, Plan, Reason, plan};
use crate::crd::{
    applied::Applied,
    common::{DeletionPolicy, Policies},
    status::{Origin, Status},
};

/// How old an observation may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The shared list of the last look at the remote side will do.
    Shared,
    /// Read it now: a write follows, or was just made.
    Fresh,
}

/// How urgent a pass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Somebody waits for it: an edit or a deletion.
    Interactive,
    /// Drift repair, which edits overtake.
    Repair,
}

/// Whether there is a remote object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// This kind owns entries of a document that others use too. `complete`: every entry that is declared was there
    /// already, so that none would be ours. Nothing is refused: the document belongs to nobody.
    Shared {
        /// Whether nothing is missing.
        complete: bool,
    },
    /// This kind has none: a connection.
    None,
}

/// Kind of the object that a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A Secret.
    Secret,
    /// A `ConfigMap`.
    ConfigMap,
}

/// A value in a Secret or `ConfigMap` of the object's own namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRef {
    /// The place that the value is used in; a stable name, part of the status.
    pub slot: &'static str,
    /// Kind of the object that holds it.
    pub kind: SourceKind,
    /// Name of that object.
    pub name: String,
    /// Key in its data.
    pub key: String,
}

/// What a removal has to go by: the policy and the record, since the spec may be invalid by now.
#[derive(Clone, Debug)]
pub struct Removal {
    /// The policy in force; never `Retain`, which needs no plan.
    pub policy: DeletionPolicy,
    /// What the operator set.
    pub applied: Applied,
}

/// A condition beside `Ready`: something that goes on by itself and holds up nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aspect {
    /// Type of the condition.
    pub type_: &'static str,
    /// Whether it is true.
    pub status: bool,
    /// One word in Pascal case, part of the API.
    pub reason: &'static str,
    /// For people.
    pub message: String,
    /// When to look again, if it is expected to change by itself.
    pub again: Option<Duration>,
}

/// How a pass ended, for a kind that others depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `Ready` is true.
    Ready,
    /// It is not, for this reason.
    NotReady(Reason, String),
    /// Its finalizer goes.
    Gone,
}

/// The right to make remote calls.
#[derive(Debug, Default)]
pub struct Slot {
    /// Given back when the slot is dropped.
    pub permits: Vec<tokio::sync::OwnedSemaphorePermit>,
}

/// Something that objects of a kind have to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger<C> {
    /// The connection changed its state or its credentials: every object that uses it.
    Changed(C),
    /// There is a new look at the remote side: objects that differ from it, and those that are not ready.
    Swept(C),
    /// Something came to be that objects may wait for: those that are not ready.
    Unblocked(C),
    /// Any of these may have happened to any connection: every object.
    Missed,
}

/// Status of a kind.
pub type StatusOf<K> = Status<<K as Managed>::Seen, <K as Managed>::Shown>;

/// One kind of object that is kept in line with something on a remote side.
///
/// `desired`, `diff` and `removal` are pure and hold the kind's whole logic; `observe` only reads; `apply` performs one
/// change and decides nothing.
pub trait Managed:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// What the kind needs of the running operator.
    type World: Send + Sync + 'static;
    /// Names a connection.
    type ConnectionKey: Clone + Eq + Debug + Send + Sync + 'static;
    /// The remote side, ready to be called.
    type Client: Send + Sync;
    /// What the spec sets, and nothing else.
    type Desired: Send + Sync;
    /// What the remote side holds.
    type Observed: Send + Sync;
    /// One write.
    type Change: plan::Change;
    /// What the status shows of the remote object.
    type Seen: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync;
    /// What the status shows beside it.
    type Shown: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync;

    /// Name of the kind, for logs, metrics and Events.
    const KIND: &'static str;
    /// What people call the remote object, in messages: `user`, `group`.
    const REMOTE: &'static str;

    /// Key of the remote object.
    fn key(&self) -> String;
    /// Management, adoption and deletion as declared.
    fn policies(&self) -> Policies;
    /// The present status.
    fn status(&self) -> Option<&StatusOf<Self>>;
    /// Secrets and `ConfigMap`s that this object reads.
    fn sources(&self) -> Vec<SourceRef>;
    /// The connection that this object uses; `None` for a connection itself.
    fn connection(&self) -> Option<Self::ConnectionKey>;
    /// Names that are this object's to withdraw once it declares them no more, by list, given what is found and what is
    /// on record. Recorded before they are written.
    fn grants(&self, _observed: &Self::Observed, _applied: &Applied) -> BTreeMap<&'static str, BTreeSet<String>> {
        BTreeMap::new()
    }
    /// What happens at deletion where the spec does not say, for an object of this origin.
    fn default_deletion(origin: Origin) -> DeletionPolicy {
        match origin {
            Origin::Created => DeletionPolicy::Delete,
            Origin::Adopted => DeletionPolicy::Retain,
        }
    }

    /// Whether this object may use its connection now. No I/O.
    fn admission(&self, world: &Self::World) -> Result<(), Error>;
    /// The remote side, for this object.
    fn connect(
        &self,
        world: &Self::World,
        inputs: &Inputs,
        lane: Lane,
    ) -> impl Future<Output = Result<Self::Client, Error>> + Send;
    /// The right to make remote calls now, held while they are made. Bounds how many passes wait for one connection, so
    /// that a slow one holds up no other.
    fn slot(_client: &Self::Client) -> impl Future<Output = Result<Slot, Error>> + Send {
        async { Ok(Slot::default()) }
    }
    /// Whether writes through this connection are stopped.
    fn frozen(_client: &Self::Client) -> bool {
        false
    }

    /// What the spec sets. Pure.
    fn desired(&self, inputs: &Inputs) -> Result<Self::Desired, Error>;
    /// What the remote side holds under `key`. Only reads.
    fn observe(
        client: &Self::Client,
        key: &str,
        freshness: Freshness,
    ) -> impl Future<Output = Result<Self::Observed, Error>> + Send;
    /// Looks how far something is that goes on by itself on the remote side, such as a task. Only in passes, and not while
    /// shared lists are compared; the kind sees to it that it does not ask too often.
    fn follow(
        _client: &Self::Client,
        _observed: &mut Self::Observed,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }
    /// Whether the observation shows everything that is declared: a shared list may leave parts out. Pure.
    fn suffices(_desired: &Self::Desired, _observed: &Self::Observed) -> bool {
        true
    }
    /// What is to be done. Pure.
    fn diff(desired: &Self::Desired, observed: &Self::Observed) -> Result<Plan<Self::Change>, Error>;
    /// What is to be done before the object may go, also where there is no remote object. Empty: nothing is left to do,
    /// unless something is under way. Pure.
    fn removal(removal: &Removal, observed: &Self::Observed) -> Plan<Self::Change>;
    /// Performs one change, on the documents of this observation.
    fn apply(
        client: &Self::Client,
        observed: &Self::Observed,
        change: &Self::Change,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Whether there is a remote object.
    fn presence(observed: &Self::Observed) -> Presence;
    /// What the status shows of the remote object, and beside it.
    fn show(observed: &Self::Observed) -> (Self::Seen, Self::Shown);

    /// Conditions beside `Ready`, and when to look at them again.
    fn aspects(_observed: &Self::Observed) -> Vec<Aspect> {
        Vec::new()
    }
    /// What `Ready` says where nothing differs.
    fn in_sync(key: &str) -> String {
        format!("{} {key} matches", Self::REMOTE)
    }
    /// How often to look at the remote side, for a connection.
    fn interval(&self) -> Option<Duration> {
        None
    }
    /// Objects that keep this one from going.
    fn holders(&self, _world: &Self::World) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
    /// Told how a pass ended.
    fn settled(&self, _world: &Self::World, _verdict: &Verdict) {}
    /// What objects of this kind have to look at.
    fn triggers(world: &Self::World) -> BoxStream<'static, Trigger<Self::ConnectionKey>>;
}
