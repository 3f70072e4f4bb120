//! What a manifest says of a user.

use serde_json::{Map, Value, json};

use super::{Names, group, report::Needed};
use crate::{
    crd::{DssInstance, node_user::SourceType},
    dataiku::dip::users::UserRecord,
    engine::connect::{ConnectionKind, Effect},
    kinds::node::NodeLists,
};

/// Groups whose members come from a directory.
pub(super) fn filled_by_a_directory(lists: &NodeLists) -> Names {
    let mapped = lists.groups.filter(group::is_mapped);
    mapped.iter().map(|group| group.name.clone()).collect()
}

/// Whether a directory owns the user.
pub(super) fn is_from_a_directory(user: &UserRecord) -> bool {
    let source = user.source_type.as_deref();
    source.is_some_and(|source| source != SourceType::Local.as_str())
}

/// The fields that differ from those of a user that was just created. What a directory decides is left to it: the display
/// name, the address and the mapped groups of users who come from one.
pub(super) fn spec(user: &UserRecord, mapped: &Names) -> Map<String, Value> {
    let mut spec = Map::new();
    let mut set = |field: &str, value: Value| _ = spec.insert(field.to_owned(), value);
    let source = user.source_type.as_deref();
    let is_local = !is_from_a_directory(user);
    set("login", json!(user.login));
    if !is_local {
        set("sourceType", json!(source));
    }
    if is_local {
        if let Some(name) = user.display_name.as_ref().filter(|name| **name != user.login) {
            set("displayName", json!(name));
        }
        if let Some(email) = &user.email {
            set("email", json!(email));
        }
    }
    if let Some(profile) = &user.user_profile {
        set("userProfile", json!(profile));
    }
    if user.enabled == Some(false) {
        set("enabled", json!(false));
    }
    let mut groups: Vec<&String> = user.groups.iter().flatten().collect();
    groups.retain(|group| is_local || !mapped.contains(*group));
    groups.sort_unstable();
    groups.dedup();
    if !groups.is_empty() {
        let groups: Vec<Value> = groups.into_iter().map(|name| json!({ "name": name })).collect();
        set("groups", Value::Array(groups));
    }
    for (field, found) in [
        ("userProperties", &user.user_properties),
        ("adminProperties", &user.admin_properties),
    ] {
        // The API takes texts alone.
        let texts = found.iter().flatten().filter(|(_, value)| value.is_string());
        let texts: Map<String, Value> = texts.map(|(key, value)| (key.clone(), value.clone())).collect();
        if !texts.is_empty() {
            set(field, Value::Object(texts));
        }
    }
    spec
}

/// Why the user is not to be declared.
pub(super) fn protected(connection: &DssInstance, lists: &NodeLists, user: &UserRecord) -> Option<String> {
    let why = connection.guard(lists, &[Effect::Deletes(user.login.clone())]);
    why.map(|why| format!("protected: {why}"))
}

/// The Secrets that the manifest would need to manage the user's secrets and credentials too. The node shows no value.
pub(super) fn secrets(user: &UserRecord, object: &str) -> Vec<Needed> {
    let secrets = user.secrets.iter().flatten().map(|name| ("secrets", name));
    let credentials = user
        .credentials
        .iter()
        .flatten()
        .map(|(place, _)| ("credentials", place));
    let needed = secrets.chain(credentials).map(|(field, of)| Needed {
        object: format!("DssUser/{object}"),
        field,
        of: of.clone(),
        secret: format!("{object}-secrets"),
    });
    needed.collect()
}
