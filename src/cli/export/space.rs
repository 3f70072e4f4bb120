//! What manifests say of users, invites and groups of a space of Dataiku Cloud.

use serde_json::{Map, Value, json};

use super::{
    Names,
    draw::{Drawn, Draws, Refusal, Wanted, memberships, set, some_entries},
};
use crate::{
    crd::LaunchpadSpace,
    dataiku::launchpad::{
        groups::{GroupRecord, Rights},
        people::{GroupReference, Profile},
    },
    engine::connect::{ConnectionKind, Effect, single::Bench},
    kinds::launchpad::{Group, User},
};

impl Draws for Group {
    const KEY: Option<&'static str> = Some("name");

    fn unreadable(bench: &Bench<LaunchpadSpace>) -> Option<String> {
        some_entries(bench.live.lists.groups.is_complete())
    }

    fn drawn<'a>(bench: &'a Bench<LaunchpadSpace>, wanted: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let mut found = bench.live.lists.groups.filter(|group| (wanted.selects)(&group.name));
        found.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        Box::new(found.into_iter().map(|group| {
            let effect = Effect::DeletesGroup(group.name.clone());
            let guarded = bench.object.guard(&bench.live.lists, &[effect]);
            Drawn {
                refused: guarded.map(Refusal::protected),
                ..Drawn::new(&group.name, group_spec(&group))
            }
        }))
    }
}

/// Members are declared by the users.
fn group_spec(group: &GroupRecord) -> Map<String, Value> {
    let mut spec = Map::new();
    set(&mut spec, "name", Some(group.name.as_str()));
    set(&mut spec, "description", group.description.as_deref());
    let launchpad = group.launchpad_permissions.as_ref().map(given);
    set(
        &mut spec,
        "launchpadPermissions",
        launchpad.filter(|rights| !rights.is_empty()),
    );
    let nodes = [&group.dataiku_permissions, &group.govern_permissions];
    let nodes = nodes.into_iter().flatten().flatten().map(|(node, rights)| {
        let rights = given(rights);
        let mut access = Map::from_iter([("name".to_owned(), json!(node))]);
        set(&mut access, "permissions", (!rights.is_empty()).then_some(rights));
        Value::Object(access)
    });
    let nodes: Vec<Value> = nodes.collect();
    set(&mut spec, "nodes", (!nodes.is_empty()).then_some(nodes));
    spec
}

/// Rights that are true.
fn given(rights: &Rights) -> Map<String, Value> {
    let mut found = Map::new();
    for (name, value) in rights {
        match value {
            Value::Bool(true) => _ = found.insert(name.clone(), json!(true)),
            Value::Object(members) => {
                let below = members.iter().filter(|(_, given)| **given == Value::Bool(true));
                let below: Map<String, Value> = below.map(|(key, given)| (key.clone(), given.clone())).collect();
                if !below.is_empty() {
                    found.insert(name.clone(), Value::Object(below));
                }
            }
            _ => {}
        }
    }
    found
}

/// A user or an invite.
struct Person {
    email: String,
    profile: Option<Profile>,
    groups: Vec<String>,
    properties: Map<String, Value>,
}

impl Draws for User {
    fn unreadable(bench: &Bench<LaunchpadSpace>) -> Option<String> {
        let count = bench.live.lists.unreadable_people();
        (count > 0).then(|| format!("{count} entries of the list"))
    }

    fn drawn<'a>(bench: &'a Bench<LaunchpadSpace>, wanted: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let lists = &bench.live.lists;
        let users = lists.users(|_| true);
        let users = users.iter().map(|user| {
            let user = &user.record;
            Person {
                email: user.email.clone(),
                profile: user.profile.clone(),
                groups: names(user.groups.as_ref()),
                properties: user.admin_properties.clone().unwrap_or_default().into_iter().collect(),
            }
        });
        let invites = lists.invites(|invite| lists.user(&invite.email).is_none());
        let invites = invites.iter().map(|invite| {
            let invite = &invite.record;
            Person {
                email: invite.email.clone(),
                profile: invite.profile.clone(),
                groups: names(invite.groups.as_ref()),
                properties: Map::new(),
            }
        });
        let mut found: Vec<Person> = users
            .chain(invites)
            .filter(|one| !wanted.is_part || one.groups.iter().any(|group| (wanted.selects)(group)))
            .collect();
        found.sort_by(|one, other| one.email.cmp(&other.email));
        Box::new(found.into_iter().map(|person| {
            let effect = Effect::Deletes(person.email.clone());
            let guarded = bench.object.guard(&bench.live.lists, &[effect]);
            Drawn {
                refused: guarded.map(Refusal::protected),
                ..Drawn::new(&person.email, person_spec(&person))
            }
        }))
    }
}

fn names(groups: Option<&Vec<GroupReference>>) -> Vec<String> {
    let groups = groups.into_iter().flatten();
    groups.map(|group| group.name.clone()).collect()
}

fn person_spec(person: &Person) -> Map<String, Value> {
    let mut spec = Map::new();
    set(&mut spec, "email", Some(person.email.as_str()));
    if let Some(profile) = &person.profile {
        let mut seat = Map::from_iter([("name".to_owned(), json!(profile.name))]);
        set(&mut seat, "trial", profile.is_trial.filter(|trial| *trial));
        set(&mut spec, "profile", Some(seat));
    }
    set(&mut spec, "groups", memberships(person.groups.iter(), &Names::new()));
    let properties = person.properties.clone();
    set(
        &mut spec,
        "adminProperties",
        (!properties.is_empty()).then_some(properties),
    );
    spec
}
