//! What a manifest says of an API key. Its value stays unknown, so a manifest names an existing key by its id.

use serde_json::{Map, Value};

use super::draw::{Drawn, Draws, Refusal, Wanted, set, some_entries};
use crate::{
    dataiku::dip::keys::KeyRecord,
    engine::connect::{ConnectionKind, Effect, single::Bench},
    kinds::node::{Key, KeyClass, NodeKey, NodeLists, key_owner},
};

impl<K: NodeKey> Draws for Key<K> {
    fn unreadable(bench: &Bench<K::Instance>) -> Option<String> {
        let lists: &NodeLists = (*bench.live.lists).as_ref();
        some_entries(K::Class::keys(lists).is_complete())
    }

    fn drawn<'a>(bench: &'a Bench<K::Instance>, wanted: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let lists: &NodeLists = (*bench.live.lists).as_ref();
        let is_wanted = |key: &KeyRecord| {
            let mut groups = key.groups.iter().flatten();
            !wanted.is_part || groups.any(|group| (wanted.selects)(group))
        };
        let mut found = K::Class::keys(lists).filter(is_wanted);
        found.sort_by(|one, other| one.id.cmp(&other.id));
        let own = lists.identity();
        Box::new(found.into_iter().map(move |key| {
            let deletes = Effect::DeletesKey {
                id: key.id.clone(),
                user: key.user.clone(),
            };
            let declared = key.description.as_deref().and_then(key_owner);
            let refused = if own.as_deref() == Some(key.id.as_str()) {
                Some(Refusal::protected("the operator's own key"))
            } else {
                let guarded = bench.object.guard(&bench.live.lists, &[deletes]);
                let declared = declared.map(|owner| Refusal::declared_by(owner.object));
                guarded.map(Refusal::protected).or(declared)
            };
            Drawn {
                refused,
                ..Drawn::new(&key.id, spec(&key))
            }
        }))
    }
}

fn spec(key: &KeyRecord) -> Map<String, Value> {
    let mut spec = Map::new();
    set(&mut spec, "id", Some(key.id.as_str()));
    set(&mut spec, "user", key.user.as_deref());
    set(&mut spec, "label", key.label.as_deref());
    set(&mut spec, "description", key.description.as_deref());
    if key.user.is_some() {
        return spec;
    }
    set(
        &mut spec,
        "dssUserForImpersonation",
        key.dss_user_for_impersonation.as_deref(),
    );
    if let Some(groups) = key.groups.as_ref().filter(|groups| !groups.is_empty()) {
        set(&mut spec, "groups", Some(groups.clone()));
    } else {
        let given = key.global_permissions.iter().flatten().filter(|(_, given)| **given);
        let given: Map<String, Value> = given.map(|(flag, given)| (flag.clone(), (*given).into())).collect();
        set(&mut spec, "permissions", (!given.is_empty()).then_some(given));
    }
    let scoped: Map<String, Value> = key.scoped.clone().into_iter().collect();
    set(&mut spec, "scopedPermissions", (!scoped.is_empty()).then_some(scoped));
    spec
}
