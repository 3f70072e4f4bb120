//! What a manifest says of a user of a node.

use serde_json::{Map, Value, json};

use super::{
    Names,
    draw::{Drawn, Draws, Refusal, Wanted, memberships, set},
    group,
    report::Needed,
};
use crate::{
    cli::names,
    crd::node_user::SourceType,
    dataiku::dip::users::UserRecord,
    engine::{
        connect::{ConnectionKind, Effect, single::Bench},
        mark::Marked,
    },
    kinds::node::{NodeKind, NodeLists, NodeUser, User, owner},
};

impl<K: NodeUser> Draws for User<K> {
    const KEY: Option<&'static str> = Some("login");

    fn drawn<'a>(bench: &'a Bench<K::Instance>, wanted: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let lists: &NodeLists = (*bench.live.lists).as_ref();
        let mapped = lists.groups.filter(group::is_mapped);
        let mapped: Names = mapped.iter().map(|group| group.name.clone()).collect();
        let is_wanted = |user: &UserRecord| {
            let mut groups = user.groups.iter().flatten();
            !wanted.is_part || groups.any(|group| (wanted.selects)(group))
        };
        let mut found = lists.users.filter(is_wanted);
        found.sort_by(|one, other| one.login.cmp(&other.login));
        // Users of Govern nodes have none that a manifest could name.
        let keeps_secrets = !K::Instance::GOVERN;
        Box::new(found.into_iter().map(move |user| {
            let effect = Effect::Deletes(user.login.clone());
            let guarded = bench.object.guard(&bench.live.lists, &[effect]);
            let declared = match owner(&user) {
                Marked::By(mark) => Some(Refusal::declared_by(mark.object)),
                Marked::No | Marked::Unread => None,
            };
            let mut spec = spec(&user, &mapped);
            let needed = if keeps_secrets { needed(&user) } else { Vec::new() };
            if wanted.secret_references {
                refer(&mut spec, &needed);
            }
            Drawn {
                from_directory: is_from_a_directory(&user),
                refused: guarded.map(Refusal::protected).or(declared),
                needed,
                ..Drawn::new(&user.login, spec)
            }
        }))
    }
}

/// Whether a directory owns the user.
fn is_from_a_directory(user: &UserRecord) -> bool {
    let source = user.source_type.as_deref();
    source.is_some_and(|source| source != SourceType::Local.as_str())
}

/// The fields that differ from those of a user that was just created. What a directory decides is left to it: the display
/// name, the address and the mapped groups of users who come from one.
fn spec(user: &UserRecord, mapped: &Names) -> Map<String, Value> {
    let mut spec = Map::new();
    let is_local = !is_from_a_directory(user);
    set(&mut spec, "login", Some(user.login.as_str()));
    if is_local {
        let name = user.display_name.as_deref().filter(|name| *name != user.login);
        set(&mut spec, "displayName", name);
        set(&mut spec, "email", user.email.as_deref());
    } else {
        set(&mut spec, "sourceType", user.source_type.as_deref());
    }
    set(&mut spec, "userProfile", user.user_profile.as_deref());
    set(&mut spec, "enabled", user.enabled.filter(|enabled| !enabled));
    let none = Names::new();
    let without = if is_local { &none } else { mapped };
    set(&mut spec, "groups", memberships(user.groups.iter().flatten(), without));
    for (field, found) in [
        ("userProperties", &user.user_properties),
        ("adminProperties", &user.admin_properties),
    ] {
        // The API takes texts alone.
        let texts = found.iter().flatten().filter(|(_, value)| value.is_string());
        let texts: Map<String, Value> = texts.map(|(key, value)| (key.clone(), value.clone())).collect();
        set(&mut spec, field, (!texts.is_empty()).then_some(texts));
    }
    spec
}

/// The Secrets that the manifest would need to manage the user's secrets and credentials too. The node shows no value.
fn needed(user: &UserRecord) -> Vec<Needed> {
    let object = names::object_name(&user.login);
    let secrets = user.secrets.iter().flatten().map(|name| ("secrets", name));
    let credentials = user.credentials.iter().flatten();
    let credentials = credentials.map(|(place, _)| ("credentials", place));
    let needed = secrets.chain(credentials).map(|(field, of)| Needed {
        object: String::new(),
        field,
        of: of.clone(),
        secret: format!("{object}-secrets"),
        key: names::data_key(of),
    });
    needed.collect()
}

/// Refers to the Secrets of the user's secrets. Credentials are left alone: their form says more than the node shows.
fn refer(spec: &mut Map<String, Value>, needed: &[Needed]) {
    let secrets = needed.iter().filter(|one| one.field == "secrets");
    let secrets: Vec<Value> = secrets
        .map(|one| json!({ "name": one.of, "valueSecretRef": { "name": one.secret, "key": one.key } }))
        .collect();
    set(spec, "secrets", (!secrets.is_empty()).then_some(secrets));
}
