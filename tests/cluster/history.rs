//! Every version of an object that the apiserver stores while a test looks on.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use kube::api::{WatchEvent, WatchParams};
use serde_json::Value;
use testbed::{Condition, Namespace};
use tokio::task::AbortHandle;

/// The versions of one object of our API group. Dropping it ends the watch.
pub struct History {
    versions: Arc<Mutex<Vec<Value>>>,
    watch: AbortHandle,
}

impl History {
    /// From the present version on, which is the first.
    pub async fn of(namespace: &Namespace, kind: &str, name: &str) -> Self {
        let api = namespace.named(kind).await.unwrap();
        let first = namespace.get(kind, name).await.unwrap();
        let version = first["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        let versions = Arc::new(Mutex::new(vec![first]));
        let params = WatchParams::default()
            .fields(&format!("metadata.name={name}"))
            .timeout(280);
        let mut events = api.watch(&params, &version).await.unwrap().boxed();
        let seen = Arc::clone(&versions);
        let watch = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) = event {
                    seen.lock().unwrap().push(serde_json::to_value(object).unwrap());
                }
            }
        });
        Self {
            versions,
            watch: watch.abort_handle(),
        }
    }

    /// How often the status became another one.
    pub fn status_writes(&self) -> usize {
        let versions = self.versions.lock().unwrap();
        versions
            .windows(2)
            .filter(|pair| pair[0]["status"] != pair[1]["status"])
            .count()
    }

    /// What each write of the status changed, as JSON patches.
    pub fn changes(&self) -> Vec<String> {
        let versions = self.versions.lock().unwrap();
        let changes = versions
            .windows(2)
            .map(|pair| json_patch::diff(&pair[0]["status"], &pair[1]["status"]));
        changes
            .filter(|patch| !patch.0.is_empty())
            .map(|patch| patch.to_string())
            .collect()
    }

    /// What the `Ready` condition said and whose the remote object was, each as long as it stood.
    pub fn states(&self) -> Vec<String> {
        let versions = self.versions.lock().unwrap();
        let state = |object: &Value| {
            let reason = Condition::of(object, "Ready")
                .map(|ready| ready.reason)
                .unwrap_or_default();
            format!("{reason} origin={}", object["status"]["remote"]["origin"])
        };
        let mut states: Vec<_> = versions.iter().map(state).collect();
        states.dedup();
        states
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
