//! [`Managed`]: what a kind with a remote object supplies.

use std::future::Future;

use jiff::Timestamp;

use super::plan::{Change, Plan, Receipt};
use crate::{
    crd::{
        applied::Applied,
        common::{DeletionPolicy, Policies},
        status::Origin,
    },
    engine::{
        connect::{ConnectionKey, ConnectionKind, Declared, Dependent, Remote, Shares},
        error::Error,
        index::{Claim, Claims},
        mark::{Mark, Marked},
        object::{Object, ObjectName},
        permit::WritePermit,
        secrets::{SecretUse, Secrets},
    },
};

/// How fresh an observation has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The lists of the last sweep suffice. No call.
    Listed,
    /// Read it now: a write follows, or was just made.
    Fresh,
}

/// What an observation showed.
#[derive(Debug)]
pub enum Observed<S> {
    /// There is no remote object.
    Absent,
    /// This is the remote object.
    Found(S),
    /// The lists do not tell: they lack parts that the spec declares, or hold elements that cannot be read. Only for
    /// [`Read::Listed`].
    Unknown,
}

impl<S> Observed<S> {
    /// Found, or absent where there is none.
    pub fn new(found: Option<S>) -> Self {
        found.map_or(Self::Absent, Self::Found)
    }
}

/// What every object of a kind declares.
pub struct Common<'a> {
    /// The connection that it uses.
    pub connection: ConnectionKey,
    /// Key of the remote object.
    pub key: String,
    /// Management, adoption and deletion as declared.
    pub policies: &'a Policies,
}

/// What a plan may depend on beside the object and the observation.
pub struct Given<'a, C: ConnectionKind> {
    /// The object that the plan is for.
    pub name: ObjectName,
    /// The present time.
    pub now: Timestamp,
    /// What the operator set so far.
    pub record: &'a Applied,
    /// Values of the Secrets that the object names.
    pub secrets: &'a Secrets,
    /// The connection object in force.
    pub connection: &'a C,
    /// What the last sweep showed.
    pub lists: &'a C::Lists,
    /// The mark that the remote object is to carry; `None`: the operator did not create it, or knows no mark.
    pub mark: Option<Mark>,
    /// Identifies this cluster in marks; `None`: unknown.
    pub cluster: Option<&'a str>,
    /// What other objects of the kind declare and own, for kinds with [`Managed::claims`], and all objects of the connection.
    pub others: Claims<'a>,
}

/// State of a task on the remote side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskState {
    /// Whether it is over.
    pub ready: bool,
    /// Whether it succeeded; meaningful only once it is over.
    pub successful: bool,
}

/// A Secret that an object publishes values in.
pub struct Publication {
    /// Name of the Secret, in the object's namespace.
    pub name: String,
    /// Labels of the Secret.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Annotations of the Secret.
    pub annotations: std::collections::BTreeMap<String, String>,
}

/// A Secret that the operator fills itself, before a remote write needs the value.
pub struct Generation {
    /// Name of the Secret, in the object's namespace.
    pub name: String,
    /// Slot of the generated value, which the strategy reads from this Secret.
    pub slot: &'static str,
    /// Key of the generated value.
    pub key: &'static str,
    /// Number of letters and digits of the generated value.
    pub length: usize,
    /// What else the Secret holds, by key.
    pub data: std::collections::BTreeMap<&'static str, String>,
}

/// A strategy: how objects of one kind are kept in line with their remote objects. Two kinds may share one, as `User<DssUser>`
/// and `User<GovernUser>` do.
///
/// `plan` and `removal` are pure and hold the whole logic; `observe` only reads; `apply` performs one change and decides
/// nothing.
pub trait Managed: Send + Sync + 'static {
    /// The kind of object.
    type Object: Object;
    /// The kind of connection that its objects use.
    type Connection: ConnectionKind;
    /// What an observation shows of the remote object.
    type Seen: Send + Sync;
    /// One write.
    type Change: Change;

    /// What people call the remote object, in messages: `user`, `group`.
    const REMOTE: &'static str;
    /// Whether an object owns entries of a document that others use too. Nothing is refused then: the document belongs to
    /// nobody, and entries found in it stay somebody else's.
    const ENTRIES: bool = false;
    /// Whether objects hand their calls to one writer for all of them, so that many may wait for theirs at once.
    const MANY: bool = Self::ENTRIES;
    /// Whether objects of other kinds may wait until one of this kind is ready.
    const UNBLOCKS: bool = false;
    /// Whether writes start a task that carries them on; its state shows as the condition `Propagated`.
    const TASKS: bool = false;

    /// Whether the remote side refuses to create an object that exists: then lists that do not show it suffice to create it,
    /// and nobody has to look before.
    const CREATION_IS_EXCLUSIVE: bool = false;

    /// What every object declares.
    fn common(object: &Self::Object) -> Common<'_>;

    /// Secrets and `ConfigMap`s that the object reads.
    fn secrets(_object: &Self::Object) -> Vec<SecretUse> {
        Vec::new()
    }

    /// Entries of shared documents that the object declares and owns. Called once for each change of the object.
    fn claims(_object: &Self::Object) -> Vec<Claim> {
        Vec::new()
    }

    /// What objects of other kinds on the same connection have to know of this one. Pure.
    fn shares(_object: &Self::Object) -> Shares {
        Shares::default()
    }

    /// Entries of shared documents that the object declares, by which its connection counts those that nobody declares.
    fn entries(_object: &Self::Object) -> Vec<String> {
        Vec::new()
    }

    /// Key of the remote object as the remote side compares it: two objects with the same one claim the same remote object.
    fn claim_key(object: &Self::Object) -> String {
        Self::common(object).key
    }

    /// What the object declares, as far as a delegation says something about it. The default is a kind that is privileged as
    /// a whole: another namespace than the connection's may use it only if a delegation names it. Pure.
    fn declares(_object: &Self::Object) -> Declared {
        Declared::default()
    }

    /// Whether drift of this object shows only in lists with all details.
    fn needs_details(_object: &Self::Object) -> bool {
        false
    }

    /// What happens at deletion where the spec does not say, for an object of this origin.
    fn default_deletion(origin: Origin) -> DeletionPolicy {
        match origin {
            Origin::Created => DeletionPolicy::Delete,
            Origin::Adopted => DeletionPolicy::Retain,
        }
    }

    /// What the remote side holds for this object. Only reads.
    fn observe(
        object: &Self::Object,
        remote: &Remote<Self::Connection>,
        record: &Applied,
        read: Read,
    ) -> impl Future<Output = Result<Observed<Self::Seen>, Error>> + Send;

    /// Id that the remote side gave to the object, if it gives one. Recorded once the object is ours.
    fn id(_seen: &Self::Seen) -> Option<String> {
        None
    }

    /// Who created the remote object, by the mark in it. For kinds whose remote objects have a place for one.
    fn marked(_seen: &Self::Seen) -> Marked {
        Marked::No
    }

    /// Whether what was observed was found by a mark that only this object sets, so that it continues as created after its
    /// status is lost.
    fn is_proven(_object: &Self::Object, _seen: &Self::Seen) -> bool {
        false
    }

    /// What to write so that the remote object matches. Pure.
    fn plan(
        object: &Self::Object,
        given: &Given<'_, Self::Connection>,
        seen: Option<&Self::Seen>,
    ) -> Result<Plan<Self::Change>, Error>;

    /// What to write before the object may go; empty where nothing is left to do. `policy` is never `Retain`. Depends on
    /// the record and not on the spec, which may be invalid by now. Pure.
    fn removal(
        object: &Self::Object,
        policy: DeletionPolicy,
        given: &Given<'_, Self::Connection>,
        seen: &Self::Seen,
    ) -> Plan<Self::Change>;

    /// Whether [`Self::needed_by`] may name objects: the deletion waits until all of them are known.
    const NEEDED: bool = false;

    /// What still needs the remote object: its deletion waits for that, and the status names it. `dependents` use the same
    /// connection. Pure.
    fn needed_by(
        _object: &Self::Object,
        _seen: &Self::Seen,
        _dependents: &[Dependent],
        _lists: &<Self::Connection as ConnectionKind>::Lists,
    ) -> Vec<String> {
        Vec::new()
    }

    /// Whether the remote side has the object of this key, by the lists of the last sweep; `id`: the one on record. `None`: the
    /// lists do not tell. Pure.
    fn exists(_lists: &<Self::Connection as ConnectionKind>::Lists, _key: &str, _id: Option<&str>) -> Option<bool> {
        None
    }

    /// Performs one change, on the documents of this observation.
    fn apply(
        remote: &Remote<Self::Connection>,
        permit: WritePermit,
        seen: Option<&Self::Seen>,
        change: &Self::Change,
    ) -> impl Future<Output = Result<Receipt, Error>> + Send;

    /// Whether the remote side creates many objects in one call. Then many reconciles are admitted at once, and
    /// [`Self::apply`] puts their creations together.
    fn creates_together(_lists: &<Self::Connection as ConnectionKind>::Lists) -> bool {
        false
    }

    /// Whether the remote side edits many objects in one call. Then many reconciles are admitted at once, and [`Self::apply`] puts
    /// together edits that take nothing from anybody.
    fn edits_together(_lists: &<Self::Connection as ConnectionKind>::Lists) -> bool {
        false
    }

    /// Whether the remote side deletes or disables many objects in one call. Then many objects that are being deleted are admitted
    /// at once, and [`Self::apply`] puts together what their removal writes.
    fn removes_together(_lists: &<Self::Connection as ConnectionKind>::Lists) -> bool {
        false
    }

    /// Hash of everything that the observation shows: a write that was not stored is sent again once this changes.
    fn evidence(_seen: &Self::Seen) -> u64 {
        0
    }

    /// Whether two observations show the same: a write between them that was answered with success was not stored then.
    /// `false` where nothing tells, as whoever wrote the whole document meanwhile may have undone it. Only for kinds with
    /// [`Self::ENTRIES`].
    fn is_same(_before: &Self::Seen, _after: &Self::Seen) -> bool {
        false
    }

    /// What the status shows of the remote object.
    fn show(
        object: &Self::Object,
        seen: Option<&Self::Seen>,
        record: &Applied,
        lists: &<Self::Connection as ConnectionKind>::Lists,
    ) -> <Self::Object as Object>::Seen;

    /// Entries of a shared document that the server stored in another form in response to a write: by the declared entry.
    /// `before` and `after` are the observations around the write. Only for kinds with [`Self::ENTRIES`].
    fn stored(
        _object: &Self::Object,
        _record: &Applied,
        _before: &Self::Seen,
        _after: &Self::Seen,
    ) -> Vec<(String, String)> {
        Vec::new()
    }

    /// State of a task; `None` where the remote side does not know it. Only for kinds with [`Self::TASKS`].
    fn task(
        _remote: &Remote<Self::Connection>,
        _id: &str,
    ) -> impl Future<Output = Result<Option<TaskState>, Error>> + Send {
        async { Ok(None) }
    }

    /// The write that submits the remote object once more, since this task did not succeed. Only for kinds with
    /// [`Self::TASKS`].
    fn resubmit(_seen: &Self::Seen, _task: &str) -> Option<Self::Change> {
        None
    }

    /// A value that the operator generates where its Secret is missing, if the object asks for one at this time.
    fn generation(_object: &Self::Object, _given: &Given<'_, Self::Connection>) -> Option<Generation> {
        None
    }

    /// Where values that a write returned are published.
    fn publication(_object: &Self::Object) -> Option<Publication> {
        None
    }
}
