//! `DssGlobalApiKey`: a global API key of a DSS node.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    crd::{
        DssGlobalApiKey, DssInstance,
        common::InstanceRef,
        node_key::{KeyRights, KeySpec},
    },
    dataiku::dss::DssNode,
    kinds::node::{Global, NodeKey},
};

impl NodeKey for DssGlobalApiKey {
    type Instance = DssInstance;
    type Class = Global<DssNode>;

    fn instance_ref(&self) -> &InstanceRef {
        &self.spec.instance_ref
    }

    fn key(&self) -> &KeySpec {
        &self.spec.global.key
    }

    fn rights(&self) -> Option<&KeyRights> {
        Some(&self.spec.global.rights)
    }

    fn scoped_permissions(&self) -> Option<&BTreeMap<String, Value>> {
        Some(&self.spec.scoped_permissions)
    }
}
