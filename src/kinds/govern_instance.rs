//! `GovernInstance`: the connection to a Govern node.

use crate::{
    crd::{GovernInstance, connection::NodeSpec, govern_instance::GovernInstanceStatus},
    dataiku::govern::GovernNode,
    engine::{Error, Reason},
    kinds::node::NodeKind,
    registry::{Connections, Dependent, GovernConnection, Registry, govern::GovernLists, node::NodeSweep},
};

impl NodeKind for GovernInstance {
    type Product = GovernNode;
    type Lists = GovernLists;

    const NAME: &'static str = "GovernInstance";
    const READY: &'static str = "reachable, with a key that has the admin and the architect right";
    const DECLARING: (&'static str, &'static str) = ("GovernUser", "GovernGroup");

    fn present(&self) -> Option<&GovernInstanceStatus> {
        self.status.as_ref()
    }

    fn node(&self) -> &NodeSpec {
        &self.spec.node
    }

    fn connections(world: &Registry) -> &Connections<GovernConnection> {
        &world.govern
    }

    fn lists(&self) -> GovernLists {
        GovernLists::default()
    }

    async fn sweep(connection: &GovernConnection, _: &[Dependent]) -> Result<NodeSweep, Error> {
        connection.sweep().await
    }

    fn judge(sweep: &NodeSweep) -> Result<(), Error> {
        let lacks = match (sweep.admin, sweep.architect == Some(true)) {
            (true, true) => return Ok(()),
            (true, false) => "architect right (roles and their assignments)",
            (false, true) => "admin right (users and groups)",
            (false, false) => "admin and the architect right",
        };
        let message = format!("the API key {} lacks the {lacks}", sweep.identity.auth_identifier);
        Err(Error::Blocked(Reason::Forbidden, message))
    }
}
