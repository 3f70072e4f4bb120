//! A namespace of one's own at a control plane, and what a user does in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace as KubeNamespace, Secret};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource as _, ResourceExt as _};
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::observed::{Condition, Event};
use crate::resources::{Catalogue, Resource};
use crate::{command, manifest, wait};

/// The field manager of everything written here, as of `kubectl apply --server-side`.
const FIELD_MANAGER: &str = "kubectl";
/// The annotation that names the hosts which the values of a Secret may be sent to.
const ALLOWED_HOSTS: &str = "dataiku-operator.io/allowed-hosts";
/// Where simulated instances are.
const HOSTS: &str = "127.0.0.1";

/// A namespace with a client of the administrator.
///
/// # Caveats
///
/// The client belongs to the runtime the namespace was made in: one per test. Dropping leaves the namespace, which
/// goes with the control plane; [`Namespace::remove`] is for tests of what a deletion does.
#[derive(Clone)]
pub struct Namespace {
    /// None at an apiserver in memory.
    control_plane: Option<Arc<ControlPlane>>,
    catalogue: Arc<Catalogue>,
    client: Client,
    name: String,
}

// === impl Namespace ===

impl Namespace {
    /// Makes one at the shared control plane, whose name starts with the hint.
    pub async fn create(hint: &str) -> Result<Self> {
        Self::create_in(&ControlPlane::shared().await?, hint).await
    }

    pub(crate) async fn create_in(control_plane: &Arc<ControlPlane>, hint: &str) -> Result<Self> {
        let client = control_plane.client().await?;
        let mut namespace = KubeNamespace::default();
        namespace.meta_mut().generate_name = Some(format!("{hint}-"));
        let created = Api::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await
            .with_context(|| format!("the namespace {hint} was not created"))?;
        Ok(Self {
            control_plane: Some(Arc::clone(control_plane)),
            catalogue: Arc::clone(control_plane.catalogue()),
            client,
            name: created.name_any(),
        })
    }

    /// A namespace that exists, at the apiserver of this client, without a control plane: no kubectl, no processes.
    pub fn at(client: Client, name: &str) -> Self {
        Self {
            control_plane: None,
            catalogue: Arc::default(),
            client,
            name: name.to_owned(),
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A client with the administrator's rights; its default namespace is `default`.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Where it is.
    ///
    /// # Panics
    ///
    /// Where the namespace is at an apiserver in memory.
    #[must_use]
    pub fn control_plane(&self) -> &Arc<ControlPlane> {
        self.control_plane.as_ref().expect("a control plane")
    }

    /// Applies YAML as `kubectl apply --server-side --force-conflicts -f -` does, and returns the objects as stored.
    ///
    /// The text may hold several documents. Fields that the schema does not know are refused, not pruned.
    pub async fn apply(&self, yaml: &str) -> Result<Vec<Value>> {
        let mut stored = Vec::new();
        for object in manifest::parse(yaml)? {
            stored.push(self.apply_object(&object).await?);
        }
        Ok(stored)
    }

    /// Applies one object given as JSON, as [`Namespace::apply`] does.
    pub async fn apply_object(&self, object: &Value) -> Result<Value> {
        let (api_version, kind) = (manifest::api_version(object), manifest::kind(object));
        let resource = self.catalogue.typed(&self.client, api_version, kind).await?;
        let api = match object["metadata"]["namespace"].as_str() {
            Some(namespace) if resource.namespaced => {
                Api::namespaced_with(self.client.clone(), namespace, &resource.api)
            }
            _ => self.api(&resource),
        };
        let parameters = PatchParams::apply(FIELD_MANAGER).force().validation_strict();
        let name = manifest::name(object);
        let stored = api.patch(name, &parameters, &Patch::Apply(object)).await;
        json(stored.with_context(|| format!("{kind} {name} was not applied"))?)
    }

    /// The object, or an error when there is none. A kind is named as for kubectl: `DssUser`, `dssusers`, `secret`.
    pub async fn get(&self, kind: &str, name: &str) -> Result<Value> {
        self.find(kind, name)
            .await?
            .with_context(|| format!("there is no {kind} {name} in {}", self.name))
    }

    /// The object, if there is one.
    pub async fn find(&self, kind: &str, name: &str) -> Result<Option<Value>> {
        let found = self
            .named(kind)
            .await?
            .get_opt(name)
            .await
            .with_context(|| format!("no answer for {kind} {name}"));
        found?.map(json).transpose()
    }

    /// All objects of a kind.
    pub async fn list(&self, kind: &str) -> Result<Vec<Value>> {
        let list = self.named(kind).await?.list(&ListParams::default()).await?;
        list.items.into_iter().map(json).collect()
    }

    /// Changes an object by a JSON merge patch.
    pub async fn patch(&self, kind: &str, name: &str, patch: Value) -> Result<Value> {
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let parameters = parameters.validation_strict();
        let patched = self
            .named(kind)
            .await?
            .patch(name, &parameters, &Patch::Merge(patch))
            .await;
        json(patched.with_context(|| format!("{kind} {name} was not patched"))?)
    }

    /// Merges into the status of an object, as another tool of this name does.
    pub async fn patch_status(&self, kind: &str, name: &str, manager: &str, status: &Value) -> Result<()> {
        let parameters = PatchParams {
            field_manager: Some(manager.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({ "status": status }));
        let patched = self
            .named(kind)
            .await?
            .patch_status(name, &parameters.validation_strict(), &patch)
            .await;
        patched
            .map(drop)
            .with_context(|| format!("the status of {kind} {name} was not patched"))
    }

    /// Asks for a deletion, which a finalizer may hold up; [`Namespace::wait_gone`] waits for the end.
    pub async fn delete(&self, kind: &str, name: &str) -> Result<()> {
        let deleted = self.named(kind).await?.delete(name, &DeleteParams::default()).await;
        deleted
            .with_context(|| format!("{kind} {name} was not deleted"))
            .map(drop)
    }

    /// Creates a Secret or replaces its keys. A connection may send its values to simulated instances, which are all at
    /// 127.0.0.1.
    pub async fn secret(&self, name: &str, keys: &[(&str, &str)]) -> Result<()> {
        let data = keys
            .iter()
            .map(|&(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec())));
        let mut secret = Secret {
            data: Some(data.collect::<BTreeMap<_, _>>()),
            ..Secret::default()
        };
        secret.meta_mut().name = Some(name.to_owned());
        let consent = (ALLOWED_HOSTS.to_owned(), HOSTS.to_owned());
        secret.meta_mut().annotations = Some(BTreeMap::from([consent]));
        let mut object = serde_json::to_value(secret)?;
        object["apiVersion"] = json!("v1");
        object["kind"] = json!("Secret");
        self.apply_object(&object).await.map(drop)
    }

    /// The object, once it is as wanted; after the timeout an error that shows it as last seen.
    pub async fn wait_for(
        &self,
        kind: &str,
        name: &str,
        wanted: impl Fn(&Value) -> bool,
        timeout: Duration,
    ) -> Result<Value> {
        let what = format!("{kind} {name} in {} is not as wanted", self.name);
        wait::until(
            &what,
            timeout,
            || async { self.find(kind, name).await },
            |seen| {
                seen.as_ref()
                    .is_some_and(&wanted)
                    .then(|| seen.clone().unwrap_or_default())
            },
        )
        .await
    }

    /// Waits until the object is gone.
    pub async fn wait_gone(&self, kind: &str, name: &str, timeout: Duration) -> Result<()> {
        let what = format!("{kind} {name} in {} is still there", self.name);
        wait::until(
            &what,
            timeout,
            || async { self.find(kind, name).await },
            |seen| seen.is_none().then_some(()),
        )
        .await
    }

    /// A condition of an object, if it has been set.
    pub async fn condition(&self, kind: &str, name: &str, condition: &str) -> Result<Option<Condition>> {
        Ok(Condition::of(&self.get(kind, name).await?, condition))
    }

    /// The object, once a condition holds for its newest generation: `Ready=True` or, with a reason,
    /// `Ready=False/SecretMissing`.
    pub async fn wait_for_condition(&self, kind: &str, name: &str, expected: &str, timeout: Duration) -> Result<Value> {
        let (condition, state) = expected
            .split_once('=')
            .context("a condition is written as Ready=True/Reason")?;
        let what = format!("{kind} {name} in {} is not {expected}", self.name);
        wait::until(
            &what,
            timeout,
            || async { self.find(kind, name).await },
            |seen| {
                let object = seen.as_ref()?;
                Condition::of(object, condition)?
                    .is(state, object)
                    .then(|| object.clone())
            },
        )
        .await
    }

    /// The Events about an object, the oldest first.
    pub async fn events(&self, name: &str) -> Result<Vec<Event>> {
        Event::about(self, name).await
    }

    /// The Event about an object with this reason, once there is one.
    pub async fn wait_for_event(&self, name: &str, reason: &str, timeout: Duration) -> Result<Event> {
        let what = format!("no Event {reason} about {name} in {}", self.name);
        wait::until(
            &what,
            timeout,
            || async { self.events(name).await },
            |events| events.iter().find(|event| event.reason == reason).cloned(),
        )
        .await
    }

    /// Runs kubectl in this namespace; an exit status other than 0 is an error that quotes what it wrote.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        command::run(self.control_plane(), "kubectl", &self.with_namespace(arguments), None).await
    }

    /// Runs kubectl in this namespace with a text on its standard input, as for `apply -f -`.
    pub async fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> Result<String> {
        command::run(
            self.control_plane(),
            "kubectl",
            &self.with_namespace(arguments),
            Some(input),
        )
        .await
    }

    /// Deletes the namespace with everything in it, and waits until it is gone, which takes five seconds at least.
    pub async fn remove(&self, timeout: Duration) -> Result<()> {
        let namespaces: Api<KubeNamespace> = Api::all(self.client.clone());
        namespaces.delete(&self.name, &DeleteParams::default()).await?;
        let what = format!("the namespace {} is still there", self.name);
        let look = || async {
            Ok(namespaces
                .get_opt(&self.name)
                .await?
                .map(serde_json::to_value)
                .transpose()?)
        };
        wait::until(&what, timeout, look, |seen| seen.is_none().then_some(())).await
    }

    fn with_namespace<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [&["--namespace", self.name.as_str()], arguments].concat()
    }

    /// The objects of a kind in this namespace.
    pub async fn named(&self, kind: &str) -> Result<Api<DynamicObject>> {
        Ok(self.api(&self.catalogue.named(&self.client, kind).await?))
    }

    fn api(&self, resource: &Resource) -> Api<DynamicObject> {
        if resource.namespaced {
            Api::namespaced_with(self.client.clone(), &self.name, &resource.api)
        } else {
            Api::all_with(self.client.clone(), &resource.api)
        }
    }
}

fn json(object: DynamicObject) -> Result<Value> {
    Ok(serde_json::to_value(object)?)
}
