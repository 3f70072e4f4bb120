//! The kinds. [`start`] is the table of those that run.

pub mod access;
pub mod dss;
pub mod govern;
pub mod launchpad;
pub mod node;
#[cfg(test)]
pub(crate) mod tests;

use tokio::sync::watch;

pub use self::{
    dss::{Applies, Resolved, resolve},
    govern::assigned,
};

use crate::{
    crd::{
        DssGlobalApiKey, DssGroup, DssInstance, DssPersonalApiKey, DssUser, GovernGlobalApiKey, GovernGroup,
        GovernInstance, GovernUser, LaunchpadSpace,
    },
    engine::{
        environment::Environment,
        scope::Scope,
        shared::entries::Keep,
        start::{Kinds, Starting, Table},
    },
    kinds::{
        dss::{DssTasks, ImpersonationRule, Settings, Variables},
        node::{Group, Key, User},
    },
};

/// Starts every kind.
pub fn start(env: Environment, scope: Scope, stop: watch::Receiver<bool>) -> Kinds {
    let mut kinds = Starting::new(env, scope, stop);
    list(&mut kinds);
    kinds.finish()
}

/// Adds every kind to a table, each after those that it may wait for.
pub fn list(kinds: &mut impl Table) {
    let dss = kinds.connections::<DssInstance>();
    kinds.objects::<Group<DssGroup>>(&dss);
    kinds.objects::<User<DssUser>>(&dss);
    kinds.objects::<Key<DssGlobalApiKey>>(&dss);
    kinds.objects::<Key<DssPersonalApiKey>>(&dss);
    kinds.objects::<Keep<Variables>>(&dss);
    kinds.objects::<Keep<Settings>>(&dss);
    kinds.objects::<ImpersonationRule>(&dss);
    kinds.tasks::<DssTasks>(&dss);
    let govern = kinds.connections::<GovernInstance>();
    kinds.objects::<Group<GovernGroup>>(&govern);
    kinds.objects::<User<GovernUser>>(&govern);
    kinds.objects::<Key<GovernGlobalApiKey>>(&govern);
    kinds.objects::<govern::Role>(&govern);
    kinds.objects::<govern::RoleAssignment>(&govern);
    kinds.objects::<Keep<govern::BlueprintPermissions>>(&govern);
    kinds.objects::<Keep<govern::DefaultPermissions>>(&govern);
    kinds.tasks::<govern::GovernTasks>(&govern);
    let spaces = kinds.connections::<LaunchpadSpace>();
    kinds.objects::<launchpad::Group>(&spaces);
    kinds.objects::<launchpad::User>(&spaces);
}
