//! What a manifest says of a user of a node.

use serde_json::Map;

use super::{
    Names,
    draw::{Drawn, Draws, Refusal, Wanted, memberships, set, some_entries},
    group, personal,
};
use crate::{
    crd::node_user::SourceType,
    dataiku::dip::users::UserRecord,
    engine::{
        connect::{ConnectionKind, Effect, single::Bench},
        mark::Marked,
        shared::entries::holds_secret,
    },
    kinds::node::{NodeKind, NodeLists, NodeUser, User, owner},
};

impl<K: NodeUser> Draws for User<K> {
    const KEY: Option<&'static str> = Some("login");

    fn unreadable(bench: &Bench<K::Instance>) -> Option<String> {
        let lists: &NodeLists = (*bench.live.lists).as_ref();
        some_entries(lists.users.is_complete())
    }

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
        // Users of Govern nodes have none of what a manifest could name.
        let is_personal = !K::Instance::GOVERN;
        Box::new(found.into_iter().map(move |user| {
            let effect = Effect::Deletes(user.login.clone());
            let guarded = bench.object.guard(&bench.live.lists, &[effect]);
            let declared = match owner(&user) {
                Marked::By(marker) => Some(Refusal::declared_by(marker.object)),
                Marked::No | Marked::Unread => None,
            };
            let mut drawn = Drawn {
                from_directory: is_from_a_directory(&user),
                refused: guarded.map(Refusal::protected).or(declared),
                ..Drawn::new(&user.login, Map::new())
            };
            spec(&user, &mapped, &mut drawn);
            if is_personal {
                personal::draw(&user, wanted, &mut drawn);
            }
            drawn
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
fn spec(user: &UserRecord, mapped: &Names, drawn: &mut Drawn) {
    let spec = &mut drawn.spec;
    let is_local = !is_from_a_directory(user);
    set(spec, "login", Some(user.login.as_str()));
    if is_local {
        let name = user.display_name.as_deref().filter(|name| *name != user.login);
        set(spec, "displayName", name);
        set(spec, "email", user.email.as_deref());
    } else {
        set(spec, "sourceType", user.source_type.as_deref());
    }
    set(spec, "userProfile", user.user_profile.as_deref());
    set(spec, "enabled", user.enabled.filter(|enabled| !enabled));
    let none = Names::new();
    let without = if is_local { &none } else { mapped };
    set(spec, "groups", memberships(user.groups.iter().flatten(), without));
    for (field, found) in [
        ("userProperties", &user.user_properties),
        ("adminProperties", &user.admin_properties),
    ] {
        let mut texts = Map::new();
        for (key, value) in found.iter().flatten() {
            if holds_secret(key, value) {
                let why = format!("{field} {key}, which looks like a secret");
                drawn.omitted.push(why);
            } else if value.is_string() {
                texts.insert(key.clone(), value.clone());
            } else {
                // The API takes texts alone.
                drawn.omitted.push(format!("{field} {key}, which is no text"));
            }
        }
        set(spec, field, (!texts.is_empty()).then_some(texts));
    }
}
