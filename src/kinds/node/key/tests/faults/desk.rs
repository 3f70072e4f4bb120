//! A kind of connection to a [`MemoryNode`], and a kind of keys on it.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::node::{InMemory, MemoryNode};
use crate::{
    crd::{
        common::{InstanceRef, SecretKeyRef},
        connection::Tls,
        delegation::Tenancy,
        node_key::{GlobalKeySpec, KeyRights, KeySeen, KeySpec},
        status::{Nothing, Status},
    },
    dataiku::transport::{Credentials, Transport},
    engine::{
        Error, SecretUse, Secrets,
        connect::{ConnectionKind, Dependent, Effect, Live, Terms},
    },
    kinds::node::{NodeKey, NodeLists, key::sweep},
};

/// A connection to a node in memory.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "Desk",
    namespaced,
    status = "Status<Nothing, Nothing>",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct DeskSpec {
    pub url: String,
    pub key_ref: SecretKeyRef,
    /// Without TLS, no certificates of the machine are read for each connection.
    pub tls: Tls,
}

/// A key of such a node.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "DeskKey",
    namespaced,
    status = "Status<KeySeen, Nothing>",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct DeskKeySpec {
    pub instance_ref: InstanceRef,
    #[serde(flatten)]
    pub global: GlobalKeySpec,
}

/// Nodes by their addresses.
pub static NODES: LazyLock<Mutex<HashMap<String, MemoryNode>>> = LazyLock::new(Mutex::default);

static NOBODY: LazyLock<Tenancy> = LazyLock::new(Tenancy::default);

impl ConnectionKind for Desk {
    type Api = MemoryNode;
    type Lists = NodeLists;
    type Sweep = ();

    const READY: &'static str = "reachable";

    fn terms(&self) -> Terms<'_> {
        Terms {
            url: &self.spec.url,
            tls: Some(&self.spec.tls),
            limits: None,
            drift_interval: None,
            allowed_namespaces: None,
            tenancy: &NOBODY,
            freeze: false,
            change_windows: &[],
            proxy: None,
            proxy_secret: None,
        }
    }

    fn credential_uses(&self) -> Vec<SecretUse> {
        vec![SecretUse::new("apiKey", &self.spec.key_ref.name, "apiKey")]
    }

    fn credentials(&self, secrets: &Secrets) -> Result<Credentials, Error> {
        let key = secrets.value("apiKey");
        let key = key.ok_or_else(|| Error::Internal("no key".into()))?;
        Ok(Credentials::ApiKey(key.clone()))
    }

    fn api(&self, _: Transport) -> MemoryNode {
        NODES.lock().unwrap()[&self.spec.url].clone()
    }

    async fn sweep(&self, live: &Live<Self>, _: &[Dependent]) -> Result<(), Error> {
        sweep::<InMemory>(&live.sweeping(), &live.lists, true).await;
        Ok(())
    }

    fn judge(&self, (): &()) -> Result<(), Error> {
        Ok(())
    }

    fn guard(&self, _: &NodeLists, _: &[Effect]) -> Option<String> {
        None
    }

    fn users(_: &NodeLists) -> usize {
        0
    }

    fn summary(&self, (): &(), _: &[Dependent]) -> Nothing {
        Nothing {}
    }
}

impl NodeKey for DeskKey {
    type Instance = Desk;
    type Class = InMemory;

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
