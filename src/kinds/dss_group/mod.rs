//! `DssGroup`: a group of a DSS node.

mod change;
mod plan;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::stream::BoxStream;
use kube::ResourceExt;

use crate::{
    crd::{DssGroup, applied::Applied, common::Policies, dss_group::DssGroupSeen, status::Nothing},
    dataiku::{document::Document, dss::groups::GroupRecord, permit::WritePermit},
    engine::{
        Error, Freshness, Inputs, Lane, Managed, Plan, Presence, Removal, Slot, SourceRef, Verdict,
        managed::{StatusOf, Trigger},
        progress::is_settled,
    },
    kinds::remote::{DssRemote, Remote, triggers, unreadable},
    registry::{ConnectionKey, Registry},
};

pub use self::change::{Field, GroupChange};
use self::plan::{afterwards, edit};

const PERMISSIONS: &str = "permissions";
/// The right to everything; a member of its own in the group document, recorded with the permission flags.
const ADMIN: &str = "admin";
const LDAP: &str = "ldapGroupNames";
const AZURE_AD: &str = "azureADGroupNames";
const SSO: &str = "ssoGroupNames";
const CUSTOM: &str = "customGroupNames";

/// What the spec of a group sets.
#[cfg_attr(test, derive(Debug))]
pub struct DesiredGroup {
    name: String,
    description: Option<String>,
    source_type: Option<String>,
    flags: BTreeMap<String, bool>,
    mappings: Vec<(&'static str, BTreeSet<String>)>,
    regex: Option<String>,
}

/// A group as the node has it.
pub struct ObservedGroup {
    group: Option<Arc<GroupRecord>>,
    document: Option<Document>,
    members: i64,
    /// Whether a group that is not observed does not exist, as far as what was read shows.
    complete: bool,
}

impl Managed for DssGroup {
    type World = Registry;
    type ConnectionKey = ConnectionKey;
    type Client = DssRemote;
    type Desired = DesiredGroup;
    type Observed = ObservedGroup;
    type Change = GroupChange;
    type Seen = DssGroupSeen;
    type Shown = Nothing;

    const KIND: &'static str = "DssGroup";
    const REMOTE: &'static str = "group";

    fn key(&self) -> String {
        self.spec.name.clone().unwrap_or_else(|| self.name_any())
    }

    fn policies(&self) -> Policies {
        self.spec.policies.clone()
    }

    fn status(&self) -> Option<&StatusOf<Self>> {
        self.status.as_ref()
    }

    fn sources(&self) -> Vec<SourceRef> {
        Vec::new()
    }

    fn connection(&self) -> Option<ConnectionKey> {
        Some(ConnectionKey::of(&self.spec.instance_ref, self.namespace().as_deref()))
    }

    fn grants(&self, _: &Self::Observed, _: &Applied) -> BTreeMap<&'static str, BTreeSet<String>> {
        let granted = self.declared_flags().into_iter().filter(|(_, granted)| *granted);
        BTreeMap::from([(PERMISSIONS, granted.map(|(flag, _)| flag).collect())])
    }

    fn admission(&self, world: &Registry) -> Result<(), Error> {
        let key = ConnectionKey::of(&self.spec.instance_ref, self.namespace().as_deref());
        world.dss.admit(&key, self.namespace().as_deref()).map(|_| ())
    }

    async fn connect(&self, world: &Registry, _: &Inputs, lane: Lane) -> Result<DssRemote, Error> {
        let key = ConnectionKey::of(&self.spec.instance_ref, self.namespace().as_deref());
        Remote::of(&world.dss, &key, self.namespace().as_deref(), lane)
    }

    async fn slot(client: &DssRemote) -> Result<Slot, Error> {
        client.slot().await
    }

    fn frozen(client: &DssRemote) -> bool {
        client.connection.frozen
    }

    fn desired(&self, inputs: &Inputs) -> Result<DesiredGroup, Error> {
        let spec = &self.spec;
        let mut flags = self.declared_flags();
        let declared = flags.keys().cloned().collect();
        flags.extend(
            inputs
                .applied
                .withdrawn(PERMISSIONS, &declared)
                .into_iter()
                .map(|flag| (flag, false)),
        );
        let lists = [
            (LDAP, &spec.ldap_group_names),
            (AZURE_AD, &spec.azure_ad_group_names),
            (SSO, &spec.sso_group_names),
            (CUSTOM, &spec.custom_group_names),
        ];
        let lists = lists
            .into_iter()
            .filter_map(|(list, names)| names.as_ref().map(|names| (list, names)));
        Ok(DesiredGroup {
            name: self.key(),
            description: spec.description.clone(),
            source_type: spec.source_type.clone(),
            flags,
            mappings: lists
                .map(|(list, names)| (list, names.iter().cloned().collect()))
                .collect(),
            regex: spec.impersonatable_groups_regex.clone(),
        })
    }

    async fn observe(client: &DssRemote, name: &str, freshness: Freshness) -> Result<ObservedGroup, Error> {
        let (group, document) = match freshness {
            Freshness::Shared => (client.connection.lists.groups().get(name).cloned(), None),
            Freshness::Fresh => {
                let document = client.api.group(name).await?;
                let record = document.as_ref().map(GroupRecord::from_document).transpose();
                let record = record
                    .map_err(|error| unreadable("the group document", &error))?
                    .map(Arc::new);
                client.connection.lists.saw_group(name, record.clone());
                (record, document)
            }
        };
        Ok(ObservedGroup {
            group,
            document,
            members: client.connection.lists.members(name),
            complete: freshness == Freshness::Fresh || client.connection.lists.complete().groups,
        })
    }

    fn suffices(desired: &DesiredGroup, observed: &ObservedGroup) -> bool {
        let Some(group) = &observed.group else {
            return observed.complete;
        };
        group.unreadable.is_empty() && desired.flags.keys().all(|flag| group.permission(flag).is_some())
    }

    fn diff(desired: &DesiredGroup, observed: &ObservedGroup) -> Result<Plan<GroupChange>, Error> {
        let Some(group) = &observed.group else {
            return Ok(Plan::of(Some(GroupChange::Create {
                name: desired.name.clone(),
                description: desired.description.clone().filter(|text| !text.is_empty()),
                source_type: desired.source_type.clone().unwrap_or_else(|| "LOCAL".to_owned()),
                follows: afterwards(desired),
            })));
        };
        let fields = edit(desired, group);
        Ok(Plan::of(
            (!fields.is_empty()).then(|| GroupChange::Edit(group.name.clone(), fields)),
        ))
    }

    fn removal(_: &Removal, observed: &ObservedGroup) -> Plan<GroupChange> {
        Plan::of(
            observed
                .group
                .as_ref()
                .map(|group| GroupChange::Delete(group.name.clone())),
        )
    }

    async fn apply(client: &DssRemote, observed: &ObservedGroup, change: &GroupChange) -> Result<(), Error> {
        match change {
            GroupChange::Create {
                name,
                description,
                source_type,
                ..
            } => Ok(client
                .api
                .create_group(WritePermit::unchecked(), name, description.as_deref(), source_type)
                .await?),
            GroupChange::Edit(name, fields) => {
                let mut document = observed
                    .document
                    .clone()
                    .ok_or_else(|| Error::Internal(format!("group {name} is edited without its document")))?;
                for field in fields {
                    field.write(&mut document);
                }
                Ok(client.api.put_group(WritePermit::unchecked(), name, &document).await?)
            }
            GroupChange::Delete(name) => {
                client.api.delete_group(WritePermit::unchecked(), name).await?;
                Ok(())
            }
        }
    }

    fn presence(observed: &ObservedGroup) -> Presence {
        if observed.group.is_some() {
            Presence::Present
        } else {
            Presence::Absent
        }
    }

    fn show(observed: &ObservedGroup) -> (DssGroupSeen, Nothing) {
        let members = observed.group.is_some().then_some(observed.members);
        (DssGroupSeen { members }, Nothing {})
    }

    fn settled(&self, world: &Registry, verdict: &Verdict) {
        // Users may wait for a group that has just come to be.
        if let (Verdict::Ready, false, Some(key)) = (verdict, is_settled(self), self.connection()) {
            world.dss.unblock(&key);
        }
    }

    fn triggers(world: &Registry) -> BoxStream<'static, Trigger<ConnectionKey>> {
        triggers(&world.dss)
    }
}

impl DssGroup {
    fn declared_flags(&self) -> BTreeMap<String, bool> {
        let mut flags = self.spec.permissions.clone().unwrap_or_default();
        flags.extend(self.spec.admin.map(|admin| (ADMIN.to_owned(), admin)));
        flags
    }
}
