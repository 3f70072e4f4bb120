//! `DssInstance`: the connection to a DSS node.

use crate::{
    crd::{DssInstance, connection::NodeSpec, dss_instance::DssInstanceStatus},
    dataiku::dss::DssNode,
    engine::{Error, Reason},
    kinds::node::NodeKind,
    registry::{Connections, Dependent, DssConnection, Registry, dss::DssLists, node::NodeSweep},
};

impl NodeKind for DssInstance {
    type Product = DssNode;
    type Lists = DssLists;

    const NAME: &'static str = "DssInstance";
    const READY: &'static str = "reachable, with an admin key";
    const DECLARING: (&'static str, &'static str) = ("DssUser", "DssGroup");

    fn present(&self) -> Option<&DssInstanceStatus> {
        self.status.as_ref()
    }

    fn node(&self) -> &NodeSpec {
        &self.spec.node
    }

    fn connections(world: &Registry) -> &Connections<DssConnection> {
        &world.dss
    }

    fn lists(&self) -> DssLists {
        DssLists::new(self.spec.node.default_user_profile.clone())
    }

    async fn sweep(connection: &DssConnection, dependents: &[Dependent]) -> Result<NodeSweep, Error> {
        connection
            .sweep(dependents.iter().any(|dependent| dependent.needs_settings))
            .await
    }

    fn judge(sweep: &NodeSweep) -> Result<(), Error> {
        if sweep.admin {
            return Ok(());
        }
        let message = format!("the API key {} lacks the admin right", sweep.identity.auth_identifier);
        Err(Error::Blocked(Reason::Forbidden, message))
    }
}
