//! `GovernGroup`: a group of a Govern node.

use crate::{
    crd::{GovernGroup, GovernInstance, common::InstanceRef, node_group::GroupSpec},
    kinds::node::NodeGroup,
};

impl NodeGroup for GovernGroup {
    type Instance = GovernInstance;

    fn instance_ref(&self) -> &InstanceRef {
        &self.spec.instance_ref
    }

    fn group(&self) -> &GroupSpec {
        &self.spec.group
    }
}
