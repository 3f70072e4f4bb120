//! Whether the work was done: every object Ready, and the node exactly as declared.

use std::{
    collections::HashSet,
    pin::{Pin, pin},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use futures::{Stream, StreamExt};
use kube::{
    Api, ResourceExt,
    core::{ApiResource, GroupVersionKind, Object},
    runtime::{
        WatchStreamExt,
        watcher::{self, watcher},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{bed::Bed, contestant::Running};

/// Longest wait for something to be done; the default limits take ten minutes and more for 10,000 users.
const PATIENCE: Duration = Duration::from_mins(40);
/// Longest wait for one edit.
const EDIT_PATIENCE: Duration = Duration::from_mins(3);

/// The little that is looked at of an object, so that watching costs as little as it can.
type Seen = Object<Unread, Conditions>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Unread {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Conditions {
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default, rename = "observedGeneration")]
    generation: i64,
}

fn users(bed: &Bed) -> (Api<Seen>, ApiResource) {
    let kind = GroupVersionKind::gvk("dataiku-operator.io", "v1alpha1", "DssUser");
    let resource = ApiResource::from_gvk_with_plural(&kind, "dssusers");
    let api = Api::namespaced_with(bed.namespace.client(), bed.namespace.name(), &resource);
    (api, resource)
}

/// Waits until every user is Ready, by a watch; fails when the contestant ends meanwhile.
pub async fn all_ready(bed: &Bed, running: &mut Running) -> Result<()> {
    let ended = async {
        loop {
            if let Err(error) = running.check() {
                return error;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        ready = every_user_is_ready(bed) => ready,
        error = ended => Err(error),
    }
}

async fn every_user_is_ready(bed: &Bed) -> Result<()> {
    let wanted = bed.users.len();
    let mut ready: HashSet<String> = HashSet::new();
    let watching = async {
        let (api, _) = users(bed);
        let mut seen = pin!(
            watcher(api, watcher::Config::default())
                .applied_objects()
                .default_backoff()
        );
        while let Some(object) = seen.next().await {
            let object = object?;
            if is_ready(&object) {
                ready.insert(object.name_any());
            } else {
                ready.remove(&object.name_any());
            }
            if ready.len() == wanted {
                return Ok(());
            }
        }
        bail!("the watch ended")
    };
    let done: Result<Result<()>, _> = tokio::time::timeout(PATIENCE, watching).await;
    done.with_context(|| format!("{} of {wanted} were Ready after {PATIENCE:?}", ready.len()))?
}

fn is_ready(object: &Seen) -> bool {
    ready_generation(object).is_some()
}

/// The generation that a user is Ready for.
fn ready_generation(object: &Seen) -> Option<i64> {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .find(|one| one.kind == "Ready" && one.status == "True")
        .map(|one| one.generation)
}

/// A watch of all users.
pub struct Watch(Pin<Box<dyn Stream<Item = watcher::Result<Seen>> + Send>>);

// === impl Watch ===

impl Watch {
    /// Starts it, and goes past what it shows of the users as they are.
    pub async fn start(bed: &Bed) -> Result<Self> {
        let (api, _) = users(bed);
        let stream = watcher(api, watcher::Config::default()).applied_objects();
        let mut watch = Self(Box::pin(stream));
        let mut seen = HashSet::new();
        while seen.len() < bed.users.len() {
            seen.insert(watch.next().await?.name_any());
        }
        Ok(watch)
    }

    /// Waits until a user is Ready for this generation or a later one.
    pub async fn ready(&mut self, name: &str, generation: i64) -> Result<()> {
        let ready = async {
            loop {
                let object = self.next().await?;
                if object.name_any() == name && ready_generation(&object) >= Some(generation) {
                    return Ok(());
                }
            }
        };
        let done: Result<Result<()>, _> = tokio::time::timeout(EDIT_PATIENCE, ready).await;
        done.with_context(|| format!("{name} was not Ready {EDIT_PATIENCE:?} after an edit"))?
    }

    async fn next(&mut self) -> Result<Seen> {
        Ok(self.0.next().await.context("the watch ended")??)
    }
}

/// The versions of all users: equal before and after means that nobody wrote any of them.
pub async fn versions(bed: &Bed) -> Result<HashSet<(String, String)>> {
    let (api, _) = users(bed);
    let listed = api.list_metadata(&kube::api::ListParams::default()).await?;
    let version = |object: &kube::core::PartialObjectMeta<Seen>| {
        (object.name_any(), object.resource_version().unwrap_or_default())
    };
    Ok(listed.items.iter().map(version).collect())
}

/// Fails unless the node holds exactly the declared users and the one it came with.
pub fn node_is_as_declared(bed: &Bed) -> Result<()> {
    let state = bed.dss.state();
    let held = state["users"].as_object().context("the node holds users")?;
    for user in &bed.users {
        let login = user.login();
        let document = held
            .get(&login)
            .with_context(|| format!("{login} is missing on the node"))?;
        for (member, expected) in user.expected().as_object().into_iter().flatten() {
            let found = document.get(member).unwrap_or(&Value::Null);
            if !holds(found, expected) {
                bail!("{member} of {login} is {found} on the node and declared as {expected}");
            }
        }
    }
    if held.len() != bed.users.len() + 1 {
        bail!("the node holds {} users, {} are declared", held.len(), bed.users.len());
    }
    Ok(())
}

/// Whether a map has the declared members, among others such as the operator's mark; anything else is equal.
fn holds(found: &Value, expected: &Value) -> bool {
    match (found.as_object(), expected.as_object()) {
        (Some(found), Some(expected)) => expected.iter().all(|(key, value)| found.get(key) == Some(value)),
        _ => found == expected,
    }
}
