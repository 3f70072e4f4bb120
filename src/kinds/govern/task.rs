//! `DssTask` on a Govern node: users of directories and futures, as on a DSS node.

use crate::{
    crd::{DssTask, GovernInstance},
    kinds::node::task::{
        Doing,
        tasks::{NodeTasks, Tasks},
    },
};

/// How tasks of Govern nodes are run.
pub type GovernTasks = Tasks<GovernInstance>;

impl NodeTasks for GovernInstance {
    const NO_SUCH_ACTION: &'static str =
        "a Govern node takes resyncUsers, provisionUsers, abortFutures and awaitFuture";

    fn serves(object: Option<&DssTask>) -> bool {
        object.is_some_and(|object| object.spec.instance_ref.is_govern())
    }

    fn has(doing: &Doing<'_>) -> bool {
        use Doing::{AbortFutures, Await, Provision, Resync};
        matches!(doing, Resync(_) | Provision(_) | AbortFutures(_) | Await(_))
    }
}
