//! What the tests of users and groups of a node share.

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{DeclaredParts, NodeLists, Own, Sweep};
use crate::{
    crd::{DssInstance, applied::Applied},
    dataiku::{
        address::AddressPolicy,
        dip::{groups::GroupRecord, instance::AuthInfo, users::UserRecord},
        document::Document,
        dss::Dss,
        listed::Listed,
        permit::WritePermit,
        transport::{CallObserver, CallRecord, Credentials, Endpoint, Limits, Tls, Transport},
    },
    engine::{Given, ObjectName, Secrets, index::Claims},
};

/// Base of the API of a node.
pub const API: &str = "/dip/publicapi";

struct Ignored;

impl CallObserver for Ignored {
    fn called(&self, _: &CallRecord) {}
}

/// The API of a node at this address.
pub fn dss(url: &str) -> Dss {
    let endpoint = Endpoint {
        url: url.to_owned(),
        credentials: Credentials::ApiKey("canary-key".into()),
        tls: Tls {
            allow_insecure_http: true,
            ..Tls::default()
        },
        proxy: None,
        limits: Limits {
            concurrency: 8,
            requests_per_second: 1000,
            ..Limits::default()
        },
    };
    let addresses = AddressPolicy {
        allowed: vec!["127.0.0.0/8".parse().unwrap()],
    };
    Dss::new(Transport::new(endpoint, Arc::new(addresses), Arc::new(Ignored)).unwrap())
}

/// A permit that holds.
pub fn permit() -> WritePermit {
    WritePermit::new(|| true)
}

/// An object of this kind with this spec, through the connection `design`.
pub fn object<K: DeserializeOwned>(kind: &str, name: &str, spec: &Value) -> K {
    let mut spec = spec.clone();
    spec["instanceRef"] = json!({ "name": "design" });
    serde_json::from_value(json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": kind,
        "metadata": { "name": name, "namespace": "team", "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": spec,
    }))
    .unwrap()
}

pub fn document(value: &Value) -> Document {
    serde_json::from_value(value.clone()).unwrap()
}

pub fn user(value: &Value) -> Arc<UserRecord> {
    Arc::new(UserRecord::from_document(&document(value)).unwrap())
}

pub fn group(value: &Value) -> Arc<GroupRecord> {
    Arc::new(GroupRecord::from_document(&document(value)).unwrap())
}

/// A sweep that showed these users and the groups of these names.
pub fn sweep(began: Instant, users: &[Value], groups: &[&str]) -> Sweep {
    Sweep {
        began,
        identity: AuthInfo {
            auth_identifier: "operator".into(),
            groups: None,
        },
        node: None,
        admin: true,
        own_user: None,
        own: Own::default(),
        profiles: Some(Arc::new(vec!["READER".into(), "DESIGNER".into()])),
        users: Listed {
            items: users.iter().map(user).collect(),
            unreadable: 0,
        },
        groups: Listed {
            items: groups.iter().map(|name| group(&json!({ "name": name }))).collect(),
            unreadable: 0,
        },
        census: None,
        declared: DeclaredParts::default(),
    }
}

/// What a plan depends on.
pub struct Bed {
    pub record: Applied,
    pub secrets: Secrets,
    pub connection: DssInstance,
    pub lists: NodeLists,
    /// Identifies the cluster in marks.
    pub cluster: Option<&'static str>,
}

impl Default for Bed {
    /// Groups a to d, two licensed profiles, the default profile READER.
    fn default() -> Self {
        let lists = NodeLists::default();
        lists.replace(&sweep(Instant::now(), &[], &["a", "b", "c", "d"]));
        let spec = json!({
            "url": "https://dss.example.com",
            "credentials": { "apiKeySecretRef": { "name": "key" } },
            "defaultUserProfile": "READER",
        });
        Self {
            record: Applied::default(),
            secrets: Secrets::default(),
            connection: object("DssInstance", "design", &spec),
            lists,
            cluster: None,
        }
    }
}

impl Bed {
    pub fn given(&self) -> Given<'_, DssInstance> {
        let name = ObjectName {
            namespace: "team".into(),
            name: "one".into(),
        };
        Given {
            name: name.clone(),
            mark: None,
            cluster: self.cluster,
            now: Timestamp::UNIX_EPOCH,
            record: &self.record,
            secrets: &self.secrets,
            connection: &self.connection,
            lists: &self.lists,
            others: Claims::none(name),
        }
    }
}
