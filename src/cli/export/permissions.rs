//! What manifests say of permissions on blueprints of a Govern node, and of the default ones.

use serde_json::{Map, Value};

use super::{
    draw::{Drawn, Draws, Refusal, Wanted, set},
    settings::withhold,
};
use crate::{
    crd::GovernInstance,
    engine::{connect::single::Bench, shared::entries::Keep},
    kinds::govern::{BlueprintPermissions, DefaultPermissions, ShownPermissions, shown_permissions},
};

impl Draws for Keep<BlueprintPermissions> {
    fn drawn<'a>(bench: &'a Bench<GovernInstance>, wanted: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let shown = shown(bench, wanted);
        Box::new(shown.filter_map(|(blueprint, permissions)| {
            let blueprint = blueprint?;
            let mut drawn = drawn(&blueprint, permissions);
            set(&mut drawn.spec, "blueprintId", Some(blueprint));
            Some(drawn)
        }))
    }
}

impl Draws for Keep<DefaultPermissions> {
    fn drawn<'a>(bench: &'a Bench<GovernInstance>, wanted: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let shown = shown(bench, wanted).filter(|(blueprint, _)| blueprint.is_none());
        Box::new(shown.map(|(_, permissions)| Drawn {
            named: "default-permissions".to_owned(),
            ..drawn("default permissions", permissions)
        }))
    }
}

/// What was read; nothing where only some groups are wanted, since a permission is given to roles.
fn shown(bench: &Bench<GovernInstance>, wanted: &Wanted<'_>) -> impl Iterator<Item = ShownPermissions> {
    let shown = (!wanted.is_part).then(|| shown_permissions(&bench.live.lists));
    shown.into_iter().flatten()
}

fn drawn(remote: &str, permissions: Option<Map<String, Value>>) -> Drawn {
    let Some(mut permissions) = permissions else {
        return Drawn {
            refused: Some(Refusal {
                why: "its permissions cannot be read".to_owned(),
                is_protected: false,
            }),
            ..Drawn::new(remote, Map::new())
        };
    };
    let mut secret = Vec::new();
    withhold(&mut permissions, "", &mut secret);
    prune(&mut permissions);
    let refused = permissions.is_empty().then(|| Refusal {
        why: "no permission in it is set, so there is nothing to declare".to_owned(),
        is_protected: false,
    });
    let omitted = secret
        .iter()
        .map(|place| format!("permission {place}, which looks like a secret"));
    Drawn {
        omitted: omitted.collect(),
        refused,
        ..Drawn::new(remote, Map::from_iter([("permissions".to_owned(), permissions.into())]))
    }
}

/// Removes what declares nothing, or would declare that a member is absent which is there.
fn prune(members: &mut Map<String, Value>) {
    members.retain(|_, value| match value {
        Value::Object(inner) => {
            prune(inner);
            !inner.is_empty()
        }
        value => !value.is_null(),
    });
}
