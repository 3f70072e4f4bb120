//! Groups of a space against the simulator: what is asked for, and what remains.

mod assumed;
mod bad_input;
mod boundaries;
mod engine;
mod groups;
mod invites;
mod lists;
pub mod rig;
mod seats;
mod users;

use std::sync::Arc;

use kube::ResourceExt;
use serde_json::{Value, json};
use testbed::simulator::{Instance, InstanceConfig, Product, Simulator};

use super::{Group, lists::SpaceLists, space::sweep};
use crate::{
    crd::{LaunchpadGroup, LaunchpadSpace, applied::Applied},
    dataiku::{
        address::AddressPolicy,
        launchpad::Launchpad,
        permit::WritePermit,
        transport::{CallObserver, CallRecord, Credentials, Endpoint, Limits, Tls, Transport},
    },
    engine::{
        Change, Error, Given, Managed, ObjectName, Observed, Plan, Read, Secrets,
        connect::{Live, Remote},
        index::Claims,
    },
};

struct Ignored;

impl CallObserver for Ignored {
    fn called(&self, _: &CallRecord) {}
}

/// A simulated space and a connection to it.
struct Bed {
    _simulator: Simulator,
    space: Instance,
    live: Arc<Live<LaunchpadSpace>>,
}

impl Bed {
    async fn start() -> Self {
        let simulator = Simulator::start().await.unwrap();
        let space = simulator
            .instance(InstanceConfig::new(Product::Launchpad))
            .await
            .unwrap();
        let endpoint = Endpoint {
            url: space.url().to_owned(),
            credentials: Credentials::KeyPair {
                id: space.api_key_id().to_owned().into(),
                secret: space.api_key_secret().to_owned().into(),
            },
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
        let transport = Transport::new(endpoint, Arc::new(addresses), Arc::new(Ignored)).unwrap();
        let live = Live::standalone(Launchpad::new(transport, space.space_id()));
        let bed = Self {
            _simulator: simulator,
            space,
            live,
        };
        bed.sweep().await;
        bed
    }

    fn remote(&self) -> Remote<LaunchpadSpace> {
        Remote::new(self.live.clone(), false)
    }

    fn lists(&self) -> &SpaceLists {
        &self.live.lists
    }

    async fn sweep(&self) {
        sweep(&self.live.api, self.lists()).await.unwrap();
        self.space.reset_requests();
    }

    fn patch(&self, patch: Value) {
        self.space.patch_state(patch).unwrap();
    }

    fn invite(&self, id: &str, email: &str) {
        self.patch(as_invite(id, email));
    }

    fn user(&self, id: &str, email: &str) {
        self.patch(
            json!({ "users": { id: { "id": id, "email": email, "profile": { "name": "reader", "isTrial": false },
            "groups": [], "createdOn": "2026-03-01T10:20:30.123456+00:00" } } }),
        );
    }

    /// The group as the space has it.
    fn group(&self, name: &str) -> Option<Value> {
        let groups = self.space.state_at("/groups").unwrap();
        let mut groups = groups.as_object().unwrap().values();
        groups.find(|group| group["name"] == name).cloned()
    }

    /// Names of the groups of an invite.
    fn groups_of(&self, invite: &str) -> Vec<String> {
        let invite = self.space.state_at(&format!("/invites/{invite}")).unwrap();
        let groups = invite["groups"].as_array().unwrap().iter();
        let mut names: Vec<String> = groups.map(|group| group["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    async fn observe(&self, object: &LaunchpadGroup, record: &Applied, read: Read) -> Observed<super::group::Seen> {
        Group::observe(object, &self.remote(), record, read).await.unwrap()
    }

    /// Writes until nothing is left to write, as the engine does; what was written in all, and the last plan.
    async fn converge(
        &self,
        object: &LaunchpadGroup,
        record: &mut Applied,
    ) -> Result<(Vec<String>, Plan<super::group::GroupChange>), Error> {
        let remote = self.remote();
        let mut written = Vec::new();
        for _ in 0..4 {
            let seen = match Group::observe(object, &remote, record, Read::Fresh).await? {
                Observed::Found(seen) => Some(seen),
                Observed::Absent => None,
                Observed::Unknown => panic!("a fresh read tells"),
            };
            record.id = seen.as_ref().and_then(Group::id).or(record.id.take());
            let plan = self.plan(object, record, seen.as_ref())?;
            record.grants = plan.grants.clone();
            if plan.is_empty() {
                return Ok((written, plan));
            }
            for change in &plan.changes {
                let receipt = Group::apply(&remote, WritePermit::new(|| true), seen.as_ref(), change).await?;
                record.id = receipt.id.or(record.id.take());
                written.extend(change.steps());
                written.extend(receipt.also);
            }
        }
        panic!("no end: {written:?}");
    }

    fn plan(
        &self,
        object: &LaunchpadGroup,
        record: &Applied,
        seen: Option<&super::group::Seen>,
    ) -> Result<Plan<super::group::GroupChange>, Error> {
        plan(object, record, self.lists(), seen)
    }

    async fn in_sync(&self, object: &LaunchpadGroup, record: &mut Applied) -> Vec<String> {
        let (written, plan) = self.converge(object, record).await.unwrap();
        assert!(plan.waiting.is_empty(), "{:?}", plan.waiting);
        written
    }
}

/// The edit of a space that invites somebody.
fn as_invite(id: &str, email: &str) -> Value {
    json!({ "invites": { id: { "id": id, "email": email, "profile": { "name": "reader" }, "groups": [],
        "createdOn": "2026-03-01T10:20:30.123456+00:00" } } })
}

fn plan(
    object: &LaunchpadGroup,
    record: &Applied,
    lists: &SpaceLists,
    seen: Option<&super::group::Seen>,
) -> Result<Plan<super::group::GroupChange>, Error> {
    let name = ObjectName {
        namespace: "team".into(),
        name: object.name_any().into(),
    };
    let given = Given {
        others: Claims::none(name.clone()),
        name,
        mark: None,
        cluster: None,
        now: jiff::Timestamp::UNIX_EPOCH,
        record,
        secrets: &Secrets::default(),
        connection: &connection(),
        lists,
    };
    Group::plan(object, &given, seen)
}

pub(super) fn connection() -> LaunchpadSpace {
    serde_json::from_value(json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "LaunchpadSpace", "metadata": { "name": "prod" },
        "spec": { "spaceId": "space", "credentials": { "secretRef": { "name": "key" } } },
    }))
    .unwrap()
}

/// A group with this spec.
fn object(name: &str, spec: Value) -> LaunchpadGroup {
    let mut object = json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "LaunchpadGroup",
        "metadata": { "name": name, "namespace": "team", "generation": 1 },
        "spec": { "spaceRef": { "name": "prod" } },
    });
    let Value::Object(spec) = spec else {
        panic!("a spec is an object")
    };
    object["spec"].as_object_mut().unwrap().extend(spec);
    serde_json::from_value(object).unwrap()
}

fn deleting(object: &LaunchpadGroup) -> LaunchpadGroup {
    let mut object = object.clone();
    let deleted = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
    object.metadata.deletion_timestamp = Some(deleted);
    object
}
