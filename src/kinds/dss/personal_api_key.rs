//! `DssPersonalApiKey`: an API key of a user of a DSS node.

use crate::{
    crd::{DssInstance, DssPersonalApiKey, common::InstanceRef, node_key::KeySpec},
    kinds::node::{NodeKey, Personal},
};

impl NodeKey for DssPersonalApiKey {
    type Instance = DssInstance;
    type Class = Personal;

    fn instance_ref(&self) -> &InstanceRef {
        &self.spec.instance_ref
    }

    fn key(&self) -> &KeySpec {
        &self.spec.personal.key
    }

    fn user(&self) -> Option<&str> {
        Some(&self.spec.personal.user)
    }
}
