//! Which resources the apiserver serves, so that tests can name a kind in words, as with kubectl.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use kube::Client;
use kube::discovery::{ApiResource, Discovery, Scope};
use tokio::time::Instant;

/// A new CRD shows up in discovery a moment after it is established.
const DISCOVERY_LAG: Duration = Duration::from_secs(3);

/// One resource, at one version.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) api: ApiResource,
    pub(crate) namespaced: bool,
    /// Whether this is the version of its group that a client takes by default.
    preferred: bool,
}

/// What was found at the last look; it holds no client, so every runtime may use it.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    resources: Mutex<Arc<Vec<Resource>>>,
}

// === impl Resource ===

impl Resource {
    /// Whether a word names this resource: `DssUser`, `dssuser`, `dssusers` or `dssusers.dataiku-operator.io`.
    fn is_called(&self, word: &str) -> bool {
        let (name, group) = word
            .split_once('.')
            .map_or((word, None), |(name, group)| (name, Some(group)));
        let called = name.eq_ignore_ascii_case(&self.api.kind) || name.eq_ignore_ascii_case(&self.api.plural);
        self.preferred && called && group.is_none_or(|group| group == self.api.group)
    }
}

// === impl Catalogue ===

impl Catalogue {
    /// The resource a word names.
    pub(crate) async fn named(&self, client: &Client, word: &str) -> Result<Resource> {
        self.find(client, word, |resource| resource.is_called(word)).await
    }

    /// The resource of an object's `apiVersion` and `kind`.
    pub(crate) async fn typed(&self, client: &Client, api_version: &str, kind: &str) -> Result<Resource> {
        let matches = |resource: &Resource| resource.api.api_version == api_version && resource.api.kind == kind;
        self.find(client, &format!("{api_version} {kind}"), matches).await
    }

    async fn find(&self, client: &Client, word: &str, matches: impl Fn(&Resource) -> bool) -> Result<Resource> {
        let deadline = Instant::now() + DISCOVERY_LAG;
        loop {
            let known = Arc::clone(&self.resources.lock().unwrap_or_else(PoisonError::into_inner));
            if let Some(resource) = known.iter().find(|resource| matches(resource)) {
                return Ok(resource.clone());
            }
            if Instant::now() > deadline {
                bail!("the apiserver serves no {word}");
            }
            let found = Arc::new(discover(client).await?);
            *self.resources.lock().unwrap_or_else(PoisonError::into_inner) = found;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn discover(client: &Client) -> Result<Vec<Resource>> {
    let mut discovery = Discovery::new(client.clone()).run_aggregated().await?;
    if discovery.groups().next().is_none() {
        // An apiserver in memory speaks the older form alone.
        discovery = Discovery::new(client.clone()).run().await?;
    }
    let mut resources = Vec::new();
    // Alphabetical puts the core group, whose name is empty, first: `Event` is the core one, as with kubectl.
    for group in discovery.groups_alphabetical() {
        for version in group.versions() {
            let preferred = version == group.preferred_version_or_latest();
            resources.extend(
                group
                    .versioned_resources(version)
                    .into_iter()
                    .map(|(api, capabilities)| Resource {
                        api,
                        namespaced: capabilities.scope == Scope::Namespaced,
                        preferred,
                    }),
            );
        }
    }
    Ok(resources)
}
