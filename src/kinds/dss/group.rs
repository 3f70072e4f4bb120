//! `DssGroup`: a group of a DSS node.

use crate::{
    crd::{DssGroup, DssInstance, common::InstanceRef, node_group::GroupSpec},
    kinds::node::NodeGroup,
};

impl NodeGroup for DssGroup {
    type Instance = DssInstance;

    fn instance_ref(&self) -> &InstanceRef {
        &self.spec.instance_ref
    }

    fn group(&self) -> &GroupSpec {
        &self.spec.group
    }
}
