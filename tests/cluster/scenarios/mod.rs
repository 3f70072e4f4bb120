//! What is true of every kind, run for every kind.
//!
//! A kind implements [`Scenario`] in a file of its own and ends it with `scenarios!(TheKind);`. Its line in the list of
//! modules below is all that it takes to have every scenario: `scenarios::dss_user::memory::converges_from_empty`. What is
//! special to one kind stays in the other files of `tests/cluster`.

use serde_json::{Map, Value};
use testbed::simulator::{Instance, Product};

mod adoption;
mod ambiguous;
mod bad_input;
mod canary;
mod convergence;
mod crash;
mod deletion;
mod drift;
mod foreign_status;
mod observe;
mod odd_lists;
mod queued;
mod quiet;
pub mod subject;

/// Makes tests of the scenarios for a kind, in the module in which it stands: all of them without a cluster, in `memory`;
/// with `everywhere`, all of them on a real control plane too. What needs a schema runs on that alone, for every kind. A kind
/// that cannot have all of them names the groups that it has beside those of every kind: after a comma, those of `adopting`
/// and `apart`; after a semicolon, those of all groups.
macro_rules! scenarios {
    ($kind:ty, everywhere) => {
        mod memory {
            use super::*;
            scenarios!(each: memory $kind);
            scenarios!(adopting: memory $kind);
            scenarios!(apart: memory $kind);
            scenarios!(keeping: memory $kind);
            scenarios!(returning: memory $kind);
            scenarios!(again: memory $kind);
        }
        mod cluster {
            use super::*;
            scenarios!(each: cluster $kind);
            scenarios!(adopting: cluster $kind);
            scenarios!(apart: cluster $kind);
            scenarios!(keeping: cluster $kind);
            scenarios!(returning: cluster $kind);
            scenarios!(again: cluster $kind);
            scenarios!(cluster $kind: deletion::each_policy_is_offered_or_refused);
        }
    };
    ($kind:ty) => {
        scenarios!($kind, adopting, apart);
    };
    ($kind:ty, $($group:ident),+) => {
        scenarios!($kind; keeping, returning, again, $($group),+);
    };
    ($kind:ty; $($group:ident),+) => {
        mod memory {
            use super::*;
            scenarios!(each: memory $kind);
            $(scenarios!($group: memory $kind);)+
        }
        mod cluster {
            use super::*;
            scenarios!(cluster $kind: deletion::each_policy_is_offered_or_refused);
        }
    };
    // Not where the schema refuses to adopt.
    (adopting: $ground:ident $kind:ty) => {
        scenarios!($ground $kind: adoption::what_exists_is_adopted_when_asked);
    };
    (neither: $ground:ident $kind:ty) => {};
    // Two objects of which one cannot be created, and the other cannot be edited: not where both are the same write, nor where
    // what others may change of the document is nothing that the kind looks at.
    (apart: $ground:ident $kind:ty) => {
        scenarios!($ground $kind: quiet::what_fails_again_is_told_once);
    };
    // Not of a task. What it did is nothing that it keeps: it repairs nothing, belongs to nobody, and a run that the remote side
    // refused is not tried again. What `Observe` shows of a task, and that its log and its status show no content of
    // notebooks, is in `dss_task.rs`.
    (keeping: $ground:ident $kind:ty) => {
        scenarios!(
            $ground $kind:
            drift::drift_is_repaired_within_the_interval,
            drift::what_is_not_managed_survives_a_write,
            adoption::what_exists_is_not_taken_unasked,
            observe::observe_tells_what_manage_then_does,
            canary::no_secret_value_is_shown,
        );
    };
    // Not of a task, for the same reason; nor of somebody who is only invited: they may have declined, and are invited again a
    // day later.
    (returning: $ground:ident $kind:ty) => {
        scenarios!($ground $kind: drift::what_somebody_removes_comes_back);
    };
    // Not of a task, whose deletion leaves what it did; nor of somebody who accepts an invite, since that shows with the next
    // sweep, and this scenario has none.
    (again: $ground:ident $kind:ty) => {
        scenarios!($ground $kind: deletion::what_was_deleted_is_made_again_at_once);
    };
    (each: $ground:ident $kind:ty) => {
        scenarios!(
            $ground $kind:
            convergence::converges_from_empty,
            convergence::in_sync_writes_nothing,
            deletion::each_policy_leaves_what_it_says,
            deletion::what_is_gone_already_holds_nothing_up,
            deletion::a_finalizer_that_is_taken_comes_back,
            crash::killed_after_each_write_was_committed,
            crash::killed_before_each_write_was_handled,
            crash::answers_lost_at_each_write,
            bad_input::bad_input_has_its_reason,
            bad_input::a_refused_create_is_tried_once,
            queued::a_freeze_stops_every_write_that_waits,
            queued::what_waits_is_written_by_the_current_spec,
            ambiguous::a_write_whose_outcome_is_unknown_stays_on_record,
            foreign_status::a_status_that_others_wrote_becomes_ours_again,
            foreign_status::a_status_of_another_object_is_not_trusted,
            odd_lists::odd_elements_of_a_list_are_no_obstacle,
        );
    };
    (memory $kind:ty: $($file:ident::$scenario:ident),* $(,)?) => {
        $(
            #[test]
            fn $scenario() {
                $crate::memory::test(async |ground| $crate::scenarios::$file::$scenario::<$kind>(&ground).await);
            }
        )*
    };
    (cluster $kind:ty: $($file:ident::$scenario:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                $crate::scenarios::$file::$scenario::<$kind>(&$crate::ground::Ground::Cluster).await;
            }
        )*
    };
}

// The kinds.
pub mod dss_general_settings;
pub mod dss_global_api_key;
pub mod dss_group;
pub mod dss_impersonation_rule;
pub mod dss_instance_variables;
pub mod dss_personal_api_key;
pub mod dss_task;
pub mod dss_user;
pub mod govern_blueprint_permissions;
pub mod govern_default_permissions;
pub mod govern_global_api_key;
pub mod govern_group;
pub mod govern_role;
pub mod govern_role_assignment;
pub mod govern_user;
pub mod launchpad_group;
pub mod launchpad_user;
pub mod node_group;
pub mod node_key;
pub mod node_user;
pub mod shared_map;

/// A kind, as the scenarios see it.
///
/// A scenario has objects of several names in one bed, one after the other or side by side. Two names must not meet on
/// the remote side: where many objects share one document, each name has a document of its own.
///
/// What the remote side holds is cut in two: [`declared`](Self::declared), which the object sets, and
/// [`rest`](Self::rest), which is everything else in the same document.
pub trait Scenario {
    /// Where the remote object is.
    const PRODUCT: Product;
    /// Name of the kind.
    const KIND: &'static str;
    /// Name in the fault campaign, where each has its own. It starts with that of the kind.
    const LABEL: &'static str = Self::KIND;
    /// How many writes it takes to make the remote object from nothing. Two or more, where the kind can: the operator
    /// is killed at each.
    const WRITES: u64;
    /// The operations by which a remote object comes to be. The first of them makes the one of [`spec`](Self::spec).
    const CREATES: &'static [&'static str];
    /// Secrets that the spec names, with their keys.
    const SECRETS: &'static [Secret] = &[];
    /// `ConfigMap`s that the spec names, with their keys.
    const CONFIG_MAPS: &'static [Secret] = &[];
    /// Events of type `Normal` while the remote object is made.
    const EVENTS: u64 = Self::WRITES;
    /// Whether the object keeps something as declared. A task does something and is done: nothing on the remote side is its own.
    const KEEPS: bool = true;
    /// Whether what the object is for is replaced from time to time, by `rotation`.
    const ROTATES: bool = false;
    /// Whether deletion puts back what was found where the object then wrote something else.
    const RESTORES: bool = false;
    /// Reason of an object of which the remote side refuses what it is for.
    const REFUSED: &'static str = "Rejected";
    /// Whether the object owns entries of a document that others use too: entries found there are taken as adopted
    /// without being asked, and nothing is refused.
    const SHARED: bool = false;
    /// Whether one write is that of many objects of a connection: their document is the only one of its kind, or the call takes
    /// many.
    const ONE_DOCUMENT: bool = false;
    /// Whether an object that exists already can be taken over. Else it is another one, and a second one is made.
    const ADOPTS: bool = true;
    /// Whether the remote object is looked for before it is created. Else a creation may be refused, where the lists do not
    /// show yet what exists.
    const LOOKS_FIRST: bool = true;
    /// Whether a remote object carries a mark of its object, unless the connection says `ownershipMark: false`.
    const MARKED: bool = false;
    /// Whether the answer to the creation alone shows what the object is for: where it is lost, another one is made, and the
    /// first one is deleted.
    const SHOWN_ONCE: bool = false;
    /// Whether what was started is started again after a lost answer, where the remote side does not show any more that it was:
    /// done twice, it is done once.
    const STARTS_AGAIN: bool = false;
    /// Whether nothing is made while the list has elements that cannot be read: the node makes the id, so that one of them
    /// may be the object.
    const NEEDS_WHOLE_LIST: bool = false;
    /// Steps that `Observe` cannot foresee, because what they set cannot be read back, or follows from what people do later.
    const UNFORESEEN: &'static [&'static str] = &[];
    /// Deletion policies that the apiserver refuses, with words of its answer.
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[];

    /// Puts on the remote side what the object needs there.
    fn prepare(_remote: &Instance, _name: &str) {}

    /// The spec, without the connection. No secret, and no `; ` in a value that a step quotes.
    fn spec(name: &str) -> Value;

    /// Whether an object in sync is at rest: nothing of its status is expected to change by itself any more.
    fn is_at_rest(_object: &Value) -> bool {
        true
    }

    /// The part of the remote object that the spec sets; null where there is none.
    fn declared(remote: &Instance, name: &str) -> Value;

    /// What `declared` is once the object is in sync.
    fn expected(name: &str) -> Value;

    /// The remote document without that part, in the order of its members; null where there is none. Computed members
    /// and those that every write changes are left out.
    fn rest(remote: &Instance, name: &str) -> Value;

    /// A merge patch of the state, as all that follow: somebody changes declared fields, which one write repairs.
    fn broken(remote: &Instance, name: &str) -> Value;

    /// Somebody sets fields of the same document that the object does not manage, and some that nobody knows.
    fn disturbed(remote: &Instance, name: &str) -> Value;

    /// Somebody has made the object before us. It differs from what is declared; of a shared document, it is the very
    /// entry that is declared.
    fn found(remote: &Instance, name: &str) -> Value;

    /// Members of the spec that grant one thing more than [`spec`](Self::spec) does.
    fn widened(name: &str) -> Value;

    /// Whether the remote side grants that.
    fn surplus(remote: &Instance, name: &str) -> bool;

    /// Members of the spec that change something and grant nothing more, where the kind has such; else as
    /// [`widened`](Self::widened).
    fn varied(name: &str) -> Value {
        Self::widened(name)
    }

    /// Somebody removes the object.
    fn gone(remote: &Instance, name: &str) -> Value;

    /// Members of the spec by which an object of another name means the remote object of this one, where only one of them may
    /// write it.
    fn same(_name: &str) -> Option<Value> {
        None
    }

    /// What must not be at any moment, whatever goes wrong, if it is.
    fn violation(_remote: &Instance, _name: &str) -> Option<String> {
        None
    }

    /// The Secret that the operator writes and its key that holds a value which has to work at every moment.
    fn credential(_name: &str) -> Option<(String, &'static str)> {
        None
    }

    /// Secret values that the remote side has made and shown once.
    fn shown_once(_remote: &Instance, _name: &str) -> Vec<String> {
        Vec::new()
    }

    /// What Secrets that the operator writes have to hold: name, key and value.
    fn published(_remote: &Instance, _name: &str) -> Vec<(String, &'static str, String)> {
        Vec::new()
    }

    /// What deletion leaves, for each policy that is offered, for objects made by us and adopted ones.
    fn deletions(name: &str) -> Vec<Deletion>;

    /// What people get wrong and what goes wrong, with the answer.
    fn bad_inputs(name: &str) -> Vec<BadInput>;
}

/// A Secret: its name, and its keys with their values.
pub type Secret = (&'static str, &'static [(&'static str, &'static str)]);

/// What a deletion leaves.
pub struct Deletion {
    /// Whether somebody else had made the remote object.
    pub adopted: bool,
    /// The policy; `None` where the spec names none.
    pub policy: Option<&'static str>,
    /// What `declared` is afterwards.
    pub leaves: Value,
}

impl Deletion {
    /// Of an object that we made.
    pub fn created(policy: Option<&'static str>, leaves: Value) -> Self {
        Self {
            adopted: false,
            policy,
            leaves,
        }
    }

    /// Of an object that somebody else had made.
    pub fn adopted(policy: Option<&'static str>, leaves: Value) -> Self {
        Self {
            adopted: true,
            policy,
            leaves,
        }
    }
}

/// Something that keeps an object from being Ready.
pub struct BadInput {
    /// For the name of the object, in lower case.
    pub label: &'static str,
    /// What is wrong.
    pub wrong: Wrong,
    /// The reason of `Ready=False`.
    pub reason: &'static str,
    /// Words of its message.
    pub words: &'static str,
    /// How many writes are made at most. Where it is not none, a look at the remote side later: nothing spins.
    pub writes: u64,
}

impl BadInput {
    /// Members of the spec that are wrong; nothing is written.
    pub fn spec(label: &'static str, members: Value, reason: &'static str, words: &'static str) -> Self {
        Self::new(label, Wrong::Spec(members), reason, words)
    }

    /// A remote side that goes wrong by a rule; nothing is written.
    pub fn remote(label: &'static str, rule: Value, reason: &'static str, words: &'static str) -> Self {
        Self::new(label, Wrong::Remote(rule), reason, words)
    }

    fn new(label: &'static str, wrong: Wrong, reason: &'static str, words: &'static str) -> Self {
        Self {
            label,
            wrong,
            reason,
            words,
            writes: 0,
        }
    }

    /// The same where up to so many writes are made.
    pub fn with_writes(mut self, writes: u64) -> Self {
        self.writes = writes;
        self
    }
}

/// What is wrong with an object.
pub enum Wrong {
    /// Members of its spec; null takes one away.
    Spec(Value),
    /// The remote side, for as long as this rule of the simulator stands.
    Remote(Value),
}

/// The document without some members, the others in their order.
pub fn without(document: Value, members: &[&str]) -> Map<String, Value> {
    let Value::Object(document) = document else {
        panic!("{document} is no document");
    };
    let kept = document
        .into_iter()
        .filter(|(name, _)| !members.contains(&name.as_str()));
    kept.collect()
}
