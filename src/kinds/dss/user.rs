//! `DssUser`: a user of a DSS node.

use crate::{
    crd::{DssInstance, DssUser, common::InstanceRef, node_user::UserSpec, personal::PersonalSpec},
    kinds::node::NodeUser,
};

impl NodeUser for DssUser {
    type Instance = DssInstance;

    fn instance_ref(&self) -> &InstanceRef {
        &self.spec.instance_ref
    }

    fn user(&self) -> &UserSpec {
        &self.spec.user
    }

    fn personal(&self) -> Option<&PersonalSpec> {
        Some(&self.spec.personal)
    }
}
