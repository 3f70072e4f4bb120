//! Whether the work was done: every object Ready, and the node exactly as declared.

use std::{collections::HashSet, pin::pin, time::Duration};

use anyhow::{Context, Result, bail};
use futures::StreamExt;
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

use crate::bed::Bed;

/// Longest wait for something to be done; the default limits take ten minutes and more for 10,000 users.
const PATIENCE: Duration = Duration::from_mins(40);

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
}

fn users(bed: &Bed) -> (Api<Seen>, ApiResource) {
    let kind = GroupVersionKind::gvk("dataiku-operator.io", "v1alpha1", "DssUser");
    let resource = ApiResource::from_gvk_with_plural(&kind, "dssusers");
    let api = Api::namespaced_with(bed.namespace.client(), bed.namespace.name(), &resource);
    (api, resource)
}

/// Waits until every user is Ready, by a watch.
pub async fn all_ready(bed: &Bed) -> Result<()> {
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
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|one| one.kind == "Ready" && one.status == "True")
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
