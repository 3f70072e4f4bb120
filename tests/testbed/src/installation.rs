//! What the repository ships, applied to a control plane: the CRDs, and the operator's own rights.
//!
//! The operator then runs with a token of its `ServiceAccount`, as in a cluster, so that a right that is missing in the
//! shipped manifests fails a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Client, Config};
use serde_json::Value;

use crate::control_plane::ControlPlane;
use crate::kubeconfig::Access;
use crate::{manifest, programs, wait};

/// As long as the longest benchmark, and the longest the apiserver grants.
const TOKEN_LIFETIME: Duration = Duration::from_hours(24);

/// CRDs are established within a second or two of an idle machine.
const ESTABLISHED_TIMEOUT: Duration = Duration::from_mins(1);

/// What is not applied: the operator runs as a process, and Kustomize's own file is no object.
const SKIPPED: [&str; 2] = ["Deployment", "Kustomization"];

/// The CRDs and the operator's `ServiceAccount` at one control plane.
#[derive(Debug)]
pub struct Installation {
    namespace: String,
    service_account: String,
    access: Access,
}

// === impl Installation ===

impl Installation {
    /// Applies `crds/` and the base of `deploy/` of this repository.
    pub(crate) async fn shipped(control_plane: &Arc<ControlPlane>) -> Result<Self> {
        let root = programs::repository();
        Self::apply(control_plane, &[root.join("crds"), root.join("deploy/kustomize/base")]).await
    }

    /// Applies every YAML file in the folders, except Deployments, and makes a kubeconfig of the one `ServiceAccount`
    /// among them.
    pub async fn apply(control_plane: &Arc<ControlPlane>, folders: &[PathBuf]) -> Result<Self> {
        let objects = read(folders)?;
        let client = control_plane.client().await?;
        for object in &objects {
            apply(control_plane, &client, object).await?;
        }
        for crd in objects
            .iter()
            .filter(|object| manifest::kind(object) == "CustomResourceDefinition")
        {
            established(control_plane, &client, crd).await?;
        }
        let (namespace, service_account) = the_service_account(&objects)?;
        Self::existing(control_plane, &namespace, &service_account).await
    }

    /// What something else has installed, such as Helm: makes a kubeconfig of its `ServiceAccount`.
    pub async fn existing(control_plane: &Arc<ControlPlane>, namespace: &str, service_account: &str) -> Result<Self> {
        let client = control_plane.client().await?;
        let token = token(&client, namespace, service_account).await?;
        let access = control_plane.access(&format!("{namespace}.{service_account}.kubeconfig"), &token)?;
        Ok(Self {
            namespace: namespace.to_owned(),
            service_account: service_account.to_owned(),
            access,
        })
    }

    /// The namespace the operator is installed in.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name of the operator's `ServiceAccount`.
    #[must_use]
    pub fn service_account(&self) -> &str {
        &self.service_account
    }

    /// A kubeconfig file with the rights of the `ServiceAccount`.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        self.access.path()
    }

    /// The configuration of a client with the rights of the `ServiceAccount`.
    pub async fn config(&self) -> Result<Config> {
        self.access.config().await
    }

    /// A new client with the rights of the `ServiceAccount`, for the runtime of the caller.
    pub async fn client(&self) -> Result<Client> {
        self.access.client().await
    }
}

/// The objects of all files in the order in which they can be applied.
fn read(folders: &[PathBuf]) -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    for folder in folders {
        let listed = fs::read_dir(folder).with_context(|| format!("{} is not readable", folder.display()))?;
        let mut files = listed.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
        files.sort();
        for file in files {
            let parsed = manifest::parse(&fs::read_to_string(&file)?);
            objects.extend(parsed.with_context(|| format!("{} cannot be applied", file.display()))?);
        }
    }
    objects.retain(|object| !SKIPPED.contains(&manifest::kind(object)));
    // A namespace stands before what lies in it; the order of the rest does not matter to the apiserver.
    objects.sort_by_key(|object| manifest::kind(object) != "Namespace");
    Ok(objects)
}

async fn apply(control_plane: &ControlPlane, client: &Client, object: &Value) -> Result<()> {
    let (kind, name) = (manifest::kind(object), manifest::name(object));
    let resource = control_plane
        .catalogue()
        .typed(client, manifest::api_version(object), kind)
        .await?;
    let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource.api),
        None if resource.namespaced => bail!("{kind} {name} names no namespace"),
        None => Api::all_with(client.clone(), &resource.api),
    };
    let parameters = PatchParams::apply("kubectl").force().validation_strict();
    let applied = api.patch(name, &parameters, &Patch::Apply(object)).await;
    applied
        .with_context(|| format!("{kind} {name} was not applied"))
        .map(drop)
}

/// Waits until objects of a CRD can be created and discovery knows of it.
async fn established(control_plane: &ControlPlane, client: &Client, crd: &Value) -> Result<()> {
    let name = manifest::name(crd);
    let resource = control_plane
        .catalogue()
        .named(client, "customresourcedefinitions")
        .await?;
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource.api);
    let what = format!("the CRD {name} is not established");
    let look = || async { Ok(api.get_opt(name).await?.map(serde_json::to_value).transpose()?) };
    wait::until(&what, ESTABLISHED_TIMEOUT, look, |seen: &Option<Value>| {
        let conditions = seen.as_ref()?["status"]["conditions"].as_array()?;
        conditions
            .iter()
            .any(|one| one["type"] == "Established" && one["status"] == "True")
            .then_some(())
    })
    .await?;
    control_plane.catalogue().named(client, name).await.map(drop)
}

fn the_service_account(objects: &[Value]) -> Result<(String, String)> {
    let accounts: Vec<_> = objects
        .iter()
        .filter(|object| manifest::kind(object) == "ServiceAccount")
        .collect();
    let [account] = accounts.as_slice() else {
        bail!(
            "the operator has one ServiceAccount; the manifests hold {}",
            accounts.len()
        );
    };
    let namespace = account["metadata"]["namespace"]
        .as_str()
        .context("the ServiceAccount names no namespace")?;
    Ok((namespace.to_owned(), manifest::name(account).to_owned()))
}

async fn token(client: &Client, namespace: &str, service_account: &str) -> Result<String> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let seconds = i64::try_from(TOKEN_LIFETIME.as_secs())?;
    let spec = TokenRequestSpec {
        expiration_seconds: Some(seconds),
        ..TokenRequestSpec::default()
    };
    let request = TokenRequest {
        spec,
        ..TokenRequest::default()
    };
    let granted = accounts
        .create_token_request(service_account, &PostParams::default(), &request)
        .await?;
    Ok(granted.status.context("the apiserver granted no token")?.token)
}
