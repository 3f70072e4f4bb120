//! `GovernInstance`: the connection to a Govern node.

use super::{lists::GovernLists, permissions};
use crate::{
    crd::{GovernInstance, GovernRole, connection::NodeSpec},
    dataiku::govern::{Govern, GovernNode},
    engine::{Error, connect::Dependent, object},
    kinds::node::{DeclaredParts, NodeKind, Own, Sweep},
};

impl NodeKind for GovernInstance {
    type Product = GovernNode;
    type Lists = GovernLists;

    const READY: &'static str = "reachable, with a key that has the admin and the architect right";
    const PRODUCT: &'static str = "Govern";
    const GOVERN: bool = true;
    const DECLARING: (&'static str, &'static str) = ("GovernUser", "GovernGroup");
    const KEYS: Option<&'static str> = Some("GovernGlobalApiKey");

    fn node(&self) -> &NodeSpec {
        &self.spec.node
    }

    async fn sweep_own(api: &Govern, lists: &GovernLists, known: bool) -> Result<Own, Error> {
        lists.sweep(api, known).await
    }

    async fn sweep_documents(api: &Govern, lists: &GovernLists, dependents: &[Dependent]) {
        let kind = object::kind::<GovernRole>();
        let roles: Vec<_> = dependents.iter().filter(|one| one.kind == kind).cloned().collect();
        lists.declare_roles(&roles);
        permissions::sweep(api, lists, dependents).await;
    }

    fn declared(lists: &GovernLists, dependents: &[Dependent]) -> DeclaredParts {
        lists.declared(dependents)
    }

    fn lacks(sweep: &Sweep) -> Option<&'static str> {
        match (sweep.admin, sweep.own.architect == Some(true)) {
            (true, true) => None,
            (true, false) => Some("architect right (roles and their assignments)"),
            (false, true) => Some("admin right (users and groups)"),
            (false, false) => Some("admin and the architect right"),
        }
    }
}
