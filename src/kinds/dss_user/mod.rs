//! `DssUser`: a user of a DSS node.

mod change;
mod plan;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    crd::{
        DssUser,
        applied::Applied,
        common::{DeletionPolicy, ListPolicy, Policies},
        dss_user::DssUserSeen,
        status::{Nothing, Origin},
    },
    dataiku::{
        dss::users::{NewUser, UserRecord},
        permit::WritePermit,
    },
    engine::{
        Error, Freshness, Inputs, Lane, Managed, Plan, Presence, Removal, Slot, SourceKind, SourceRef,
        managed::StatusOf, managed::Trigger,
    },
    kinds::remote::{DssRemote, Remote, triggers, unreadable},
    registry::{ConnectionKey, Registry},
};
use futures::stream::BoxStream;
use kube::ResourceExt;

use self::plan::{Password, creation, edit, membership};
pub use self::{
    change::{Creation, Field, UserChange},
    plan::{DesiredUser, ObservedUser},
};

const PASSWORD: &str = "password";
const GROUPS: &str = "groups";

impl Managed for DssUser {
    type World = Registry;
    type ConnectionKey = ConnectionKey;
    type Client = DssRemote;
    type Desired = DesiredUser;
    type Observed = ObservedUser;
    type Change = UserChange;
    type Seen = DssUserSeen;
    type Shown = Nothing;

    const KIND: &'static str = "DssUser";
    const REMOTE: &'static str = "user";

    fn key(&self) -> String {
        self.spec.login.clone().unwrap_or_else(|| self.name_any())
    }

    fn policies(&self) -> Policies {
        self.spec.policies.clone()
    }

    fn status(&self) -> Option<&StatusOf<Self>> {
        self.status.as_ref()
    }

    fn sources(&self) -> Vec<SourceRef> {
        let password = self.spec.password_secret_ref.as_ref().map(|reference| SourceRef {
            slot: PASSWORD,
            kind: SourceKind::Secret,
            name: reference.name.clone(),
            key: reference.key.clone().unwrap_or_else(|| PASSWORD.to_owned()),
        });
        password.into_iter().collect()
    }

    fn connection(&self) -> Option<ConnectionKey> {
        Some(ConnectionKey::of(&self.spec.instance_ref, self.namespace().as_deref()))
    }

    fn grants(&self, _: &Self::Observed, _: &Applied) -> BTreeMap<&'static str, BTreeSet<String>> {
        BTreeMap::from([(GROUPS, self.declared_groups())])
    }

    fn default_deletion(origin: Origin) -> DeletionPolicy {
        match origin {
            Origin::Created => DeletionPolicy::Disable,
            Origin::Adopted => DeletionPolicy::Retain,
        }
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

    fn desired(&self, inputs: &Inputs) -> Result<DesiredUser, Error> {
        let spec = &self.spec;
        let declared = self.declared_groups();
        let password = match (inputs.get(PASSWORD), &spec.password_secret_ref) {
            (Some(input), _) if input.changed => Password::Changed(input.value.clone()),
            (Some(input), _) => Password::Unchanged(Some(input.value.clone())),
            (None, Some(_)) => Password::Unchanged(None),
            (None, None) => Password::Undeclared,
        };
        Ok(DesiredUser {
            login: self.key(),
            source_type: spec.source_type,
            display_name: spec.display_name.clone(),
            email: spec.email.clone(),
            profile: spec.user_profile.clone(),
            enabled: spec.enabled,
            withdrawn: inputs.applied.withdrawn(GROUPS, &declared),
            groups: spec.groups.as_ref().map(|_| declared),
            exact: spec.groups_policy == Some(ListPolicy::Exact),
            password,
            user_properties: spec.user_properties.clone().unwrap_or_default(),
            admin_properties: spec.admin_properties.clone().unwrap_or_default(),
        })
    }

    async fn observe(client: &DssRemote, login: &str, freshness: Freshness) -> Result<ObservedUser, Error> {
        let (user, document) = match freshness {
            Freshness::Shared => (client.connection.lists.user(login), None),
            Freshness::Fresh => {
                let document = client.api.user(login).await?;
                let record = document.as_ref().map(|document| {
                    let record = UserRecord::from_document(document)?;
                    record.unreadable.check(&[GROUPS]).map(|()| record)
                });
                let record = record
                    .transpose()
                    .map_err(|error| unreadable("the user document", &error))?
                    .map(Arc::new);
                client.connection.lists.saw_user(login, record.clone());
                (record, document)
            }
        };
        Ok(ObservedUser {
            user,
            document,
            groups: client.connection.lists.groups(),
            profiles: client.connection.lists.profiles(),
            default_profile: client.connection.lists.default_user_profile.clone(),
            complete: freshness == Freshness::Fresh || client.connection.lists.complete().users,
        })
    }

    fn suffices(desired: &DesiredUser, observed: &ObservedUser) -> bool {
        let Some(user) = &observed.user else {
            return observed.complete;
        };
        if !user.unreadable.is_empty() || (desired.enabled.is_some() && user.enabled.is_none()) {
            return false;
        }
        let unseen = |declared: &BTreeMap<_, _>, found: bool| !declared.is_empty() && !found;
        !unseen(&desired.user_properties, user.user_properties.is_some())
            && !unseen(&desired.admin_properties, user.admin_properties.is_some())
    }

    fn diff(desired: &DesiredUser, observed: &ObservedUser) -> Result<Plan<UserChange>, Error> {
        match &observed.user {
            None => creation(desired, observed),
            Some(user) => edit(desired, user, observed),
        }
    }

    fn removal(removal: &Removal, observed: &ObservedUser) -> Plan<UserChange> {
        let Some(user) = &observed.user else {
            return Plan::default();
        };
        if removal.policy == DeletionPolicy::Delete {
            return Plan::of(Some(UserChange::Delete(user.login.clone())));
        }
        let mut fields = Vec::new();
        if user.enabled != Some(false) {
            fields.push(Field::Enabled(false));
        }
        let granted = removal.applied.grants.get(GROUPS);
        let current: BTreeSet<String> = user.groups.iter().flatten().cloned().collect();
        fields.extend(membership(&current, &current.difference(&granted).cloned().collect()));
        Plan::of(UserChange::edit(&user.login, fields))
    }

    async fn apply(client: &DssRemote, observed: &ObservedUser, change: &UserChange) -> Result<(), Error> {
        match change {
            UserChange::Create(user) => {
                let new = NewUser {
                    login: &user.login,
                    password: user.password.as_ref(),
                    display_name: &user.display_name,
                    source_type: user.source_type,
                    groups: &user.groups,
                    user_profile: &user.profile,
                    email: user.email.as_deref(),
                };
                Ok(client.api.create_user(WritePermit::unchecked(), &new).await?)
            }
            UserChange::Edit(login, fields) => {
                let mut document = observed
                    .document
                    .clone()
                    .ok_or_else(|| Error::Internal(format!("user {login} is edited without its document")))?;
                for field in fields {
                    field
                        .write(&mut document)
                        .map_err(|error| unreadable("the user document", &error))?;
                }
                Ok(client.api.put_user(WritePermit::unchecked(), login, &document).await?)
            }
            UserChange::Delete(login) => {
                client.api.delete_user(WritePermit::unchecked(), login).await?;
                Ok(())
            }
        }
    }

    fn presence(observed: &ObservedUser) -> Presence {
        if observed.user.is_some() {
            Presence::Present
        } else {
            Presence::Absent
        }
    }

    fn show(observed: &ObservedUser) -> (DssUserSeen, Nothing) {
        let seen = observed.user.as_ref().map_or_else(DssUserSeen::default, |user| {
            let mut groups = user.groups.clone().unwrap_or_default();
            groups.sort();
            DssUserSeen {
                resulting_user_profile: user.resulting_user_profile.clone(),
                enabled: user.enabled,
                groups,
            }
        });
        (seen, Nothing {})
    }

    fn triggers(world: &Registry) -> BoxStream<'static, Trigger<ConnectionKey>> {
        triggers(&world.dss)
    }
}

impl DssUser {
    fn declared_groups(&self) -> BTreeSet<String> {
        self.spec
            .groups
            .iter()
            .flatten()
            .map(|group| group.name.clone())
            .collect()
    }

    /// Whether drift of this object shows only in lists with settings.
    pub fn needs_settings(&self) -> bool {
        self.spec.user_properties.is_some() || self.spec.admin_properties.is_some()
    }
}
