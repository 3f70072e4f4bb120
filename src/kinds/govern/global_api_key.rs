//! `GovernGlobalApiKey`: a global API key of a Govern node.

use crate::{
    crd::{
        GovernGlobalApiKey, GovernInstance,
        common::InstanceRef,
        node_key::{KeyRights, KeySpec},
    },
    dataiku::govern::GovernNode,
    kinds::node::{Global, NodeKey},
};

impl NodeKey for GovernGlobalApiKey {
    type Instance = GovernInstance;
    type Class = Global<GovernNode>;

    fn instance_ref(&self) -> &InstanceRef {
        &self.spec.instance_ref
    }

    fn key(&self) -> &KeySpec {
        &self.spec.global.key
    }

    fn rights(&self) -> Option<&KeyRights> {
        Some(&self.spec.global.rights)
    }
}
