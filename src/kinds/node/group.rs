//! Groups of a node: the strategy of `DssGroup` and `GovernGroup`.

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
    sync::Arc,
};

use kube::ResourceExt;

use super::{
    Known, NodeKind, NodeLists,
    change::{Creation, DocumentChange, Seen, edited},
    spelling,
};
use crate::{
    crd::{
        applied::Applied,
        common::{DeletionPolicy, InstanceRef},
        node_group::{GroupSeen, GroupSpec},
        status::Nothing,
    },
    dataiku::{
        dip::{
            DipProduct, Node,
            groups::{GroupRecord, Mapping, set_mapping},
        },
        document::Document,
        permit::WritePermit,
    },
    engine::{
        Common, Error, Given, Managed, Object, Observed, Plan, Read, Receipt,
        connect::{ConnectionKey, ConnectionKind, Declared, Delegable, Effect, Remote},
        index::key_hash,
        keep::fields::{Edit, FieldEdit, Fields, Flags},
    },
};

const PERMISSIONS: &str = "permissions";
/// The right to everything: a member of its own in the document, recorded with the permission flags.
const ADMIN: &str = "admin";
const REGEX: &str = "canObtainAPITicketFromCookiesForGroupsRegex";
/// Where members of a new group come from if the spec does not say.
const LOCAL: &str = "LOCAL";

/// A kind of groups of a node.
pub trait NodeGroup: Object<Seen = GroupSeen, Shown = Nothing> {
    /// The kind of connection to its nodes.
    type Instance: NodeKind;

    /// The connection.
    fn instance_ref(&self) -> &InstanceRef;
    /// The fields of the group.
    fn group(&self) -> &GroupSpec;
    /// Name of the remote group.
    fn key(&self) -> String {
        self.group().name.clone().unwrap_or_else(|| self.name_any())
    }
}

/// How groups of a node are kept in line with their objects.
pub struct Group<K>(PhantomData<K>);

type SeenGroup = Seen<GroupRecord>;

/// A group to be created.
pub struct NewGroup {
    name: String,
    description: Option<String>,
    source_type: String,
    follows: Vec<String>,
}

impl Creation for NewGroup {
    fn steps(&self) -> Vec<String> {
        vec![format!("create {} group", self.source_type)]
    }

    fn follows(&self) -> Vec<String> {
        self.follows.clone()
    }

    fn edited(name: &str, edit: &Edit) -> Vec<Effect> {
        let revokes = edit.turns_off(ADMIN).then(|| Effect::RevokesAdmin(name.to_owned()));
        let grants = edit.granted().map(|flag| Effect::Grants {
            flag: flag.clone(),
            privileged: false,
        });
        revokes.into_iter().chain(grants).collect()
    }

    fn deleted(name: &str) -> Effect {
        Effect::DeletesGroup(name.to_owned())
    }
}

type Change = DocumentChange<NewGroup>;

impl<K: NodeGroup> Managed for Group<K> {
    type Object = K;
    type Connection = K::Instance;
    type Seen = SeenGroup;
    type Change = Change;

    const REMOTE: &'static str = "group";
    /// Users may wait for it.
    const UNBLOCKS: bool = true;

    fn common(object: &K) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(object.instance_ref(), object.namespace().as_deref()),
            key: object.key(),
            policies: &object.group().policies,
        }
    }

    fn exists(lists: &<K::Instance as ConnectionKind>::Lists, name: &str, id: Option<&str>) -> Option<bool> {
        lists.as_ref().groups.get(id.unwrap_or(name)).exists()
    }

    fn declares(object: &K) -> Declared {
        let spec = object.group();
        let declared = spec.permissions.iter().flatten();
        let flags = declared.filter(|(_, given)| **given).map(|(flag, _)| flag.clone());
        let admin = (spec.admin == Some(true)).then(|| ADMIN.to_owned());
        let mappings = [
            &spec.ldap_group_names,
            &spec.azure_ad_group_names,
            &spec.sso_group_names,
            &spec.custom_group_names,
        ];
        let local = spec.source_type.as_deref().is_none_or(|type_| type_ == LOCAL);
        let regex = spec.impersonatable_groups_regex.as_deref();
        Declared {
            delegable: Delegable::Freely,
            group: Some(object.key()),
            // Where members come from decides who they are, even if the mapping is declared elsewhere.
            fills_group: !local || mappings.into_iter().flatten().any(|names| !names.is_empty()),
            source_type: spec.source_type.clone(),
            flags: flags.chain(admin).collect(),
            privileges: regex
                .filter(|regex| !regex.is_empty())
                .map(|_| "impersonatableGroupsRegex".to_owned())
                .into_iter()
                .collect(),
            ..Declared::default()
        }
    }

    async fn observe(
        object: &K,
        remote: &Remote<K::Instance>,
        record: &Applied,
        read: Read,
    ) -> Result<Observed<SeenGroup>, Error> {
        let lists = remote.lists().as_ref();
        match read {
            Read::Listed => Ok(listed(object, lists, record)),
            Read::Fresh => look_up(&object.key(), &remote.api, lists, record)
                .await
                .map(Observed::new),
        }
    }

    fn plan(object: &K, given: &Given<'_, K::Instance>, seen: Option<&SeenGroup>) -> Result<Plan<Change>, Error> {
        let spec = object.group();
        let Some(seen) = seen else {
            return create(object.key(), spec, given.record);
        };
        let group = &*seen.object;
        spelling::check("name", &object.key(), &group.name)?;
        let fields = fields(spec, given.record, group, &|flag| group.permission(flag));
        let key = group.name.clone();
        Ok(fields.into_plan(|edit| Change::Edit { key, edit }))
    }

    fn removal(_: &K, _: DeletionPolicy, _: &Given<'_, K::Instance>, seen: &SeenGroup) -> Plan<Change> {
        let key = seen.object.name.clone();
        Plan::new(Some(Change::Delete { key }))
    }

    async fn apply(
        remote: &Remote<K::Instance>,
        permit: WritePermit,
        seen: Option<&SeenGroup>,
        change: &Change,
    ) -> Result<Receipt, Error> {
        match change {
            Change::Create(group) => return Box::pin(post(&remote.api, remote.lists().as_ref(), permit, group)).await,
            Change::Edit { key, edit } => {
                let document = edited("the group document", seen, edit)?;
                remote.api.put_group(permit, key, &document).await?;
            }
            Change::Delete { key } => _ = remote.api.delete_group(permit, key).await?,
        }
        Ok(Receipt::default())
    }

    fn evidence(seen: &SeenGroup) -> u64 {
        key_hash(&format!("{:?}", seen.object))
    }

    fn show(
        object: &K,
        seen: Option<&SeenGroup>,
        _: &Applied,
        lists: &<K::Instance as ConnectionKind>::Lists,
    ) -> GroupSeen {
        let lists: &NodeLists = lists.as_ref();
        let name = seen.map(|seen| &seen.object.name);
        GroupSeen {
            members: name
                .filter(|name| **name == object.key())
                .map(|name| lists.members(name)),
        }
    }
}

/// Reads the group, which the node may have stored under another spelling of the name.
async fn look_up<P: DipProduct>(
    name: &str,
    api: &Node<P>,
    lists: &NodeLists,
    record: &Applied,
) -> Result<Option<SeenGroup>, Error> {
    let declared = fresh(api, lists, name).await?;
    match record.id.as_deref().filter(|id| *id != name) {
        Some(stored) if declared.is_none() => fresh(api, lists, stored).await,
        _ => Ok(declared),
    }
}

async fn fresh<P: DipProduct>(api: &Node<P>, lists: &NodeLists, name: &str) -> Result<Option<SeenGroup>, Error> {
    let document = api.group(name).await?;
    let group = document.as_ref().map(GroupRecord::from_document).transpose();
    let group = group
        .map_err(|error| Error::unreadable("the group document", &error))?
        .map(Arc::new);
    lists.groups.saw(name, group.clone());
    Ok(group.map(|object| Seen::read(object, document)))
}

fn listed<K: NodeGroup>(object: &K, lists: &NodeLists, record: &Applied) -> Observed<SeenGroup> {
    let shown =
        |group: &GroupRecord| !fields(object.group(), record, group, &|flag| group.permission(flag)).is_unknown();
    match lists.groups.get_stored(&object.key(), record) {
        Known::Found(group) if shown(&group) => Observed::Found(Seen::listed(group)),
        Known::Found(_) | Known::Unknown => Observed::Unknown,
        Known::Absent => Observed::Absent,
    }
}

async fn post<P: DipProduct>(
    api: &Node<P>,
    lists: &NodeLists,
    permit: WritePermit,
    group: &NewGroup,
) -> Result<Receipt, Error> {
    let (name, description) = (&group.name, group.description.as_deref());
    let before = lists.groups.variants(name);
    api.create_group(permit, name, description, &group.source_type).await?;
    let listed = async { Ok(api.groups().await?.map(|found| found.name)) };
    let id = Box::pin(spelling::stored_as(name, &before, api.group(name), listed)).await;
    Ok(Receipt {
        id,
        ..Receipt::default()
    })
}

fn create(name: String, spec: &GroupSpec, record: &Applied) -> Result<Plan<Change>, Error> {
    let description = spec.description.clone().filter(|text| !text.is_empty());
    let source_type = spec.source_type.clone().unwrap_or_else(|| LOCAL.to_owned());
    let mut document = Document::new();
    document.set("name", &name);
    document.set("description", &description);
    document.set("sourceType", &source_type);
    let created =
        GroupRecord::from_document(&document).map_err(|error| Error::Internal(format!("a new group: {error}")))?;
    // A new group has the node's default flags, whatever they are (contract sheet 2.6).
    let fields = fields(spec, record, &created, &|_| None);
    Ok(fields.into_creation(|follows| {
        Change::Create(Box::new(NewGroup {
            name,
            description,
            source_type,
            follows,
        }))
    }))
}

/// The fields of a group (contract sheet 2.6).
fn fields<'a>(
    spec: &'a GroupSpec,
    record: &'a Applied,
    group: &'a GroupRecord,
    flag: &dyn Fn(&str) -> Option<bool>,
) -> Fields<'a> {
    let mut declared: BTreeMap<&str, bool> = BTreeMap::new();
    declared.extend(
        spec.permissions
            .iter()
            .flatten()
            .map(|(flag, value)| (flag.as_str(), *value)),
    );
    declared.extend(spec.admin.map(|admin| (ADMIN, admin)));
    let mut fields = Fields::new(record, &group.unreadable)
        .text("description", spec.description.as_deref(), group.description.as_deref())
        .text("sourceType", spec.source_type.as_deref(), group.source_type.as_deref())
        .flags(&Flags {
            list: PERMISSIONS,
            declared,
            found: flag,
        });
    for (at, names) in [
        ("ldapGroupNames", &spec.ldap_group_names),
        ("azureADGroupNames", &spec.azure_ad_group_names),
        ("ssoGroupNames", &spec.sso_group_names),
        ("customGroupNames", &spec.custom_group_names),
    ] {
        if let Some(names) = names {
            fields = mapping(fields, at, names, group.mapping(at));
        }
    }
    fields.text_as(
        REGEX,
        "impersonatableGroupsRegex",
        spec.impersonatable_groups_regex.as_deref(),
        group.impersonatable_groups_regex.as_deref(),
    )
}

/// Directory groups whose members are members of the group: a list on current releases, one text before DSS 12.6.
fn mapping<'a>(fields: Fields<'a>, at: &'static str, declared: &[String], found: Option<&Mapping>) -> Fields<'a> {
    let declared: BTreeSet<String> = declared.iter().cloned().collect();
    let before = found.map(Mapping::names);
    if found.is_some_and(|found| found.holds(&declared)) {
        return fields.custom(before, None);
    }
    let names: Vec<String> = declared.into_iter().collect();
    let withdraws = before.iter().flatten().any(|name| !names.contains(name));
    let grants = before
        .as_ref()
        .is_none_or(|before| names.iter().any(|name| !before.contains(name)));
    let step = format!("set {at} to [{}]", names.join(", "));
    let edit = FieldEdit::new(step, move |document| {
        set_mapping(document, at, &names);
        Ok(())
    });
    fields.custom(before, Some(edit.withdrawing(withdraws).also_granting(grants)))
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
