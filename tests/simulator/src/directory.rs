//! The directories behind DSS and Govern: LDAP, Azure AD, a custom one. What a test puts into `/directory` of the
//! state is what they hold.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::answer::Failure;
use crate::world::World;

mod operations;
mod sync;

pub(crate) use operations::{external_groups, external_users, provision_users, resync_all_or_some, resync_one};
pub(crate) use sync::{provision, resync};

/// The document of the state that holds them.
pub(crate) const PART: &str = "directory";

/// The kinds of directories and the mapping of a group that names groups of it.
const SOURCES: [(&str, &str); 3] = [
    ("LDAP", "ldapGroupNames"),
    ("AZURE_AD", "azureADGroupNames"),
    ("CUSTOM", "customGroupNames"),
];

/// Which users of a directory are wanted. A login or an email outweighs a group.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Filter {
    /// The login in the directory.
    pub login: Option<String>,
    /// The email in the directory.
    pub email: Option<String>,
    /// A group of the directory.
    pub group: Option<String>,
}

impl Filter {
    fn wants(&self, login: &str, user: &Map<String, Value>) -> bool {
        if self.login.is_some() || self.email.is_some() {
            let same_email = |wanted: &str| user.get("email").and_then(Value::as_str) == Some(wanted);
            return self.login.as_deref().is_none_or(|wanted| wanted == login)
                && self.email.as_deref().is_none_or(same_email);
        }
        let Some(group) = &self.group else { return true };
        texts(user.get("groups")).any(|name| name == group)
    }
}

/// The directories of a fresh instance: all three, nobody in them.
pub(crate) fn fresh() -> Value {
    let empty = |(source, _): (&str, &str)| (source.to_owned(), json!({"users": {}, "groups": []}));
    SOURCES.into_iter().map(empty).collect()
}

/// The names of the groups of a directory.
pub(crate) fn groups(world: &World, source: &str) -> Value {
    let groups = part(world, source).and_then(|part| part.get("groups"));
    groups.cloned().unwrap_or_else(|| json!([]))
}

/// The users of a directory that pass a filter, as D20 gives them.
pub(crate) fn users(world: &World, source: &str, filter: &Filter) -> Value {
    let users = part(world, source).and_then(|part| part.get("users")?.as_object());
    let users = users.into_iter().flatten();
    let users = users.filter_map(|(login, user)| Some((login, user.as_object()?)));
    users
        .filter(|(login, user)| filter.wants(login, user))
        .map(|(login, user)| external(source, login, user))
        .collect()
}

/// Checks what somebody did to the directories.
pub(crate) fn edited(document: Value) -> Result<Value, Failure> {
    let refuse = |message: String| Err(Failure::malformed(message));
    for (source, part) in document.as_object().into_iter().flatten() {
        if mapping(source).is_none() {
            return refuse(format!("no directory is called {source}"));
        }
        if !part["groups"].is_array() || !part["users"].is_object() {
            return refuse(format!("{source} needs users and groups"));
        }
        for (login, user) in part["users"].as_object().into_iter().flatten() {
            let named = |name: &str| user[name].is_string() || user[name].is_null();
            let groups = user["groups"].is_null()
                || user["groups"]
                    .as_array()
                    .is_some_and(|all| all.iter().all(Value::is_string));
            if !user.is_object() || !named("displayName") || !named("email") || !groups {
                return refuse(format!("{source}: {login} is no user of a directory"));
            }
        }
    }
    Ok(document)
}

/// Somebody has the product follow its directories at once: the logins of `{"logins": […]}`, or everybody.
pub(crate) fn act(world: &mut World, asked: &Value) -> Result<Value, String> {
    let logins: Option<Vec<String>> =
        serde_json::from_value(asked["logins"].clone()).map_err(|error| error.to_string())?;
    Ok(resync(world, logins.as_deref()))
}

fn part<'a>(world: &'a World, source: &str) -> Option<&'a Map<String, Value>> {
    world.state.get(PART)?.get(source)?.as_object()
}

/// One user of a directory, with the members that the directory holds and the login.
fn external(source: &str, login: &str, user: &Map<String, Value>) -> Value {
    let mut shown = json!({"login": login, "userSourceType": source, "displayName": login, "email": "", "groups": []});
    if let Value::Object(shown) = &mut shown {
        shown.extend(user.clone());
    }
    shown
}

/// The mapping of a group that belongs to a directory.
fn mapping(source: &str) -> Option<&'static str> {
    SOURCES
        .into_iter()
        .find(|(known, _)| *known == source)
        .map(|(_, mapping)| mapping)
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}
