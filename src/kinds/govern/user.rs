//! `GovernUser`: a user of a Govern node.

use crate::{
    crd::{GovernInstance, GovernUser, common::InstanceRef, node_user::UserSpec},
    kinds::node::NodeUser,
};

impl NodeUser for GovernUser {
    type Instance = GovernInstance;

    fn instance_ref(&self) -> &InstanceRef {
        &self.spec.instance_ref
    }

    fn user(&self) -> &UserSpec {
        &self.spec.user
    }
}
