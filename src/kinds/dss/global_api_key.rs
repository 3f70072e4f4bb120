//! `DssGlobalApiKey`: a global API key of a DSS node.

use crate::{
    crd::{DssGlobalApiKey, DssInstance, common::InstanceRef, node_key::KeySpec},
    kinds::node::NodeKey,
};

impl NodeKey for DssGlobalApiKey {
    type Instance = DssInstance;

    fn instance_ref(&self) -> &InstanceRef {
        &self.spec.instance_ref
    }

    fn key(&self) -> &KeySpec {
        &self.spec.key
    }
}
