//! A kind of connection and a kind of object with a remote side in memory, for tests of the engine alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::remote_side::Toy;
pub use super::remote_side::{Fault, Remotely, World};
use crate::{
    crd::{
        applied::{Applied, Grants},
        common::{DeletionPolicy, InstanceRef, Policies, SecretKeyRef, SecretRef},
        connection::{AllowedNamespaces, BreakerStatus, ChangeWindow, Orphans, Tls},
        delegation::Tenancy,
        status::{Nothing, Status},
    },
    dataiku::{
        permit::WritePermit,
        transport::{Credentials, Transport},
    },
    engine::{
        Change, Common, Error, Given, Managed, Observed, Plan, Read, Receipt, SecretUse, Secrets,
        connect::{
            ConnectionKey, ConnectionKind, Declared, Delegable, Dependent, Effect, Live, Remote, Terms,
            delegation::Held,
        },
        keep::expiry::Expiry,
    },
};

/// A connection to a remote side in memory.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "Hub",
    namespaced,
    status = "Status<Nothing, HubShown>",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct HubSpec {
    pub url: String,
    pub key_ref: SecretKeyRef,
    #[serde(default)]
    pub freeze: bool,
    #[serde(default)]
    pub allowed_namespaces: Option<AllowedNamespaces>,
    #[serde(flatten)]
    pub tenancy: Tenancy,
    #[serde(default)]
    pub tls: Option<Tls>,
    #[serde(default)]
    pub change_windows: Vec<ChangeWindow>,
    #[serde(default)]
    pub proxy_url: Option<String>,
    #[serde(default)]
    pub proxy_secret_ref: Option<SecretRef>,
}

/// What a [`Hub`] shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HubShown {
    #[serde(default)]
    pub breaker: Option<BreakerStatus>,
    #[serde(default)]
    pub orphans: Option<Orphans>,
}

/// An object of the remote side.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "Widget",
    namespaced,
    status = "Status<WidgetSeen, Nothing>",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct WidgetSpec {
    pub hub_ref: InstanceRef,
    #[serde(default)]
    pub enabled: Option<bool>,
    #[serde(default)]
    pub groups: BTreeSet<String>,
    #[serde(default)]
    pub password_ref: Option<SecretKeyRef>,
    #[serde(default)]
    pub valid_until: Option<Time>,
    #[serde(flatten)]
    pub policies: Policies,
}

/// What a [`Widget`] shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WidgetSeen {
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// Widgets by key, as the last sweep listed them.
#[derive(Default)]
pub struct Lists(
    pub Mutex<Option<BTreeMap<String, Remotely>>>,
    pub Mutex<Option<BTreeSet<String>>>,
);

impl ConnectionKind for Hub {
    type Api = Toy;
    type Lists = Lists;
    type Sweep = ();

    const READY: &'static str = "reachable";

    fn terms(&self) -> Terms<'_> {
        Terms {
            url: &self.spec.url,
            tls: self.spec.tls.as_ref(),
            limits: None,
            drift_interval: None,
            allowed_namespaces: self.spec.allowed_namespaces.as_ref(),
            tenancy: &self.spec.tenancy,
            freeze: self.spec.freeze,
            change_windows: &self.spec.change_windows,
            proxy: self.spec.proxy_url.as_deref(),
            proxy_secret: self.spec.proxy_secret_ref.as_ref(),
        }
    }

    fn credential_uses(&self) -> Vec<SecretUse> {
        vec![SecretUse::new("apiKey", &self.spec.key_ref.name, "apiKey")]
    }

    fn credentials(&self, secrets: &Secrets) -> Result<Credentials, Error> {
        let key = secrets
            .value("apiKey")
            .ok_or_else(|| Error::Internal("no key".into()))?;
        Ok(Credentials::ApiKey(key.clone()))
    }

    fn api(&self, _: Transport) -> Toy {
        Toy(World::at(&self.spec.url))
    }

    async fn sweep(&self, live: &Live<Self>, _: &[Dependent]) -> Result<(), Error> {
        let world = &live.api.0;
        world.call().await?;
        *world.sweeps.lock().unwrap() += 1;
        *live.lists.1.lock().unwrap() = world.privileged.lock().unwrap().clone();
        *live.lists.0.lock().unwrap() = Some(world.widgets.lock().unwrap().clone());
        Ok(())
    }

    fn judge(&self, (): &()) -> Result<(), Error> {
        Ok(())
    }

    fn guard(&self, lists: &Lists, effects: &[Effect]) -> Option<String> {
        let lists = lists.0.lock().unwrap();
        let left = lists.iter().flatten().filter(|(key, widget)| {
            let lost =
                |effect: &Effect| matches!(effect, Effect::Disables(user) | Effect::Deletes(user) if user == *key);
            widget.enabled && key.starts_with("admin") && !effects.iter().any(lost)
        });
        let touches = effects.iter().any(
            |effect| matches!(effect, Effect::Disables(user) | Effect::Deletes(user) if user.starts_with("admin")),
        );
        (touches && left.count() == 0).then(|| "this would remove the last administrator".to_owned())
    }

    fn held(lists: &Lists, group: &str) -> Option<Held> {
        let privileged = lists.1.lock().unwrap().as_ref()?.contains(group);
        let flags = privileged.then(|| "admin".to_owned());
        Some(Held {
            flags: flags.into_iter().collect(),
            ..Held::default()
        })
    }

    fn memberships(lists: &Lists, user: &str) -> Option<Vec<String>> {
        let widgets = lists.0.lock().unwrap();
        let user = widgets.as_ref()?.get(user);
        Some(user.iter().flat_map(|user| user.groups.clone()).collect())
    }

    fn users(lists: &Lists) -> usize {
        lists.0.lock().unwrap().iter().flatten().count()
    }

    fn show_breaker(shown: &mut HubShown, breaker: BreakerStatus) {
        shown.breaker = Some(breaker);
    }

    fn show_orphans(shown: &mut HubShown, orphans: Option<Orphans>) {
        shown.orphans = orphans;
    }

    fn orphans(shown: &HubShown) -> Option<&Orphans> {
        shown.orphans.as_ref()
    }

    fn summary(&self, (): &(), _: &[Dependent]) -> HubShown {
        HubShown::default()
    }
}

/// One write to a widget.
pub struct WidgetChange {
    operation: &'static str,
    key: String,
    next: Option<Remotely>,
    steps: Vec<String>,
    password: bool,
    left: BTreeSet<String>,
}

impl Change for WidgetChange {
    fn steps(&self) -> Vec<String> {
        self.steps.clone()
    }

    fn event(&self) -> &'static str {
        match self.operation {
            "create" => "Created",
            "delete" => "Deleted",
            _ => "Updated",
        }
    }

    fn creates(&self) -> bool {
        self.operation == "create"
    }

    fn withdraws(&self) -> bool {
        self.next.as_ref().is_none_or(|next| !next.enabled)
    }

    fn effects(&self) -> Vec<Effect> {
        let key = self.key.clone();
        let leaves = self.left.iter().map(|group| Effect::Leaves {
            user: key.clone(),
            group: group.clone(),
        });
        let password = (self.password && self.operation == "edit").then(|| Effect::SetsPassword(key.clone()));
        let mut effects: Vec<Effect> = leaves.chain(password).collect();
        match &self.next {
            None => effects.push(Effect::Deletes(key)),
            Some(next) if !next.enabled && self.operation == "edit" => effects.push(Effect::Disables(key)),
            Some(_) if self.operation == "edit" => effects.push(Effect::Edits(key)),
            Some(_) => {}
        }
        effects
    }

    fn slots(&self) -> Vec<String> {
        if self.password {
            vec!["password".into()]
        } else {
            Vec::new()
        }
    }
}

/// The strategy of widgets.
pub struct Widgets;

impl Managed for Widgets {
    type Object = Widget;
    type Connection = Hub;
    type Seen = Remotely;
    type Change = WidgetChange;

    const REMOTE: &'static str = "widget";

    fn common(object: &Widget) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(&object.spec.hub_ref, object.namespace().as_deref()),
            key: object.name_any(),
            policies: &object.spec.policies,
        }
    }

    fn declares(object: &Widget) -> Declared {
        Declared {
            delegable: Delegable::Freely,
            user: Some(object.name_any()),
            joins: object.spec.groups.iter().cloned().collect(),
            ..Declared::default()
        }
    }

    fn exists(lists: &Lists, key: &str, _: Option<&str>) -> Option<bool> {
        let widgets = lists.0.lock().unwrap();
        widgets.as_ref().map(|widgets| widgets.contains_key(key))
    }

    fn secrets(object: &Widget) -> Vec<SecretUse> {
        let reference = object.spec.password_ref.iter();
        reference
            .map(|reference| SecretUse::new("password", &reference.name, "password"))
            .collect()
    }

    async fn observe(
        object: &Widget,
        remote: &Remote<Hub>,
        _: &Applied,
        read: Read,
    ) -> Result<Observed<Remotely>, Error> {
        let key = object.name_any();
        if read == Read::Listed {
            let lists = remote.lists().0.lock().unwrap();
            return Ok(match lists.as_ref() {
                None => Observed::Unknown,
                Some(widgets) => Observed::new(widgets.get(&key).cloned()),
            });
        }
        remote.api.0.call().await?;
        let seen = remote.api.0.get(&key);
        let mut lists = remote.lists().0.lock().unwrap();
        if let Some(widgets) = lists.as_mut() {
            match &seen {
                Some(seen) => widgets.insert(key, seen.clone()),
                None => widgets.remove(&key),
            };
        }
        Ok(Observed::new(seen))
    }

    fn plan(object: &Widget, given: &Given<'_, Hub>, seen: Option<&Remotely>) -> Result<Plan<WidgetChange>, Error> {
        let spec = &object.spec;
        let mut expiry = Expiry::at(given.now);
        let ended = expiry.passed(spec.valid_until.as_ref(), |limit| format!("ended at {limit}"));
        if ended && seen.is_none() {
            let mut plan = Plan::default();
            expiry.limit(&mut plan);
            return Ok(plan);
        }
        let enabled = if ended { Some(false) } else { spec.enabled };
        let mut next = seen.cloned().unwrap_or(Remotely {
            enabled: true,
            ..Remotely::default()
        });
        let (mut steps, mut left) = (Vec::new(), BTreeSet::new());
        if let Some(enabled) = enabled.filter(|enabled| next.enabled != *enabled) {
            next.enabled = enabled;
            steps.push(format!("set enabled to {enabled}"));
        }
        for group in given.record.withdrawn("groups", &spec.groups) {
            if next.groups.remove(&group) {
                steps.push(format!("remove from group {group}"));
                left.insert(group);
            }
        }
        for group in &spec.groups {
            if next.groups.insert(group.clone()) {
                steps.push(format!("add to group {group}"));
            }
        }
        let password = if seen.is_none() {
            given.secrets.value("password")
        } else {
            given.secrets.changed("password")
        };
        if let Some(password) = password {
            next.password = Some(secrecy::ExposeSecret::expose_secret(password).to_owned());
            steps.push("set password".into());
        }
        let key = object.name_any();
        let change = match seen {
            None => {
                if let Some(missing) = given.secrets.missing("password") {
                    return Err(Error::dependency(missing));
                }
                steps.insert(0, "create".into());
                Some("create")
            }
            Some(_) => (!steps.is_empty()).then_some("edit"),
        };
        let mut plan = Plan::new(change.map(|operation| WidgetChange {
            operation,
            key,
            next: Some(next),
            password: steps.iter().any(|step| step == "set password"),
            left,
            steps,
        }));
        plan.grants = [("groups", spec.groups.clone())].into_iter().collect::<Grants>();
        expiry.limit(&mut plan);
        Ok(plan)
    }

    fn removal(object: &Widget, policy: DeletionPolicy, given: &Given<'_, Hub>, seen: &Remotely) -> Plan<WidgetChange> {
        let key = object.name_any();
        if policy == DeletionPolicy::Delete {
            return Plan::new(Some(WidgetChange {
                operation: "delete",
                key,
                next: None,
                steps: vec!["delete".into()],
                password: false,
                left: BTreeSet::new(),
            }));
        }
        let mut next = seen.clone();
        next.enabled = false;
        next.groups
            .retain(|group| !given.record.grants.contains("groups", group));
        Plan::new((next != *seen).then(|| WidgetChange {
            operation: "edit",
            key,
            steps: vec!["disable".into()],
            left: seen.groups.difference(&next.groups).cloned().collect(),
            password: false,
            next: Some(next),
        }))
    }

    async fn apply(
        remote: &Remote<Hub>,
        permit: WritePermit,
        _: Option<&Remotely>,
        change: &WidgetChange,
    ) -> Result<Receipt, Error> {
        let api = &remote.api;
        api.write(permit, change.operation, &change.key, change.next.clone())
            .await?;
        Ok(Receipt::default())
    }

    fn show(_: &Widget, seen: Option<&Remotely>, _: &Applied, _: &Lists) -> WidgetSeen {
        WidgetSeen {
            enabled: seen.map(|seen| seen.enabled),
        }
    }
}
