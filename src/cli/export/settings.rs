//! What manifests say of variables, and of the sections of the general settings of a node.

use serde_json::{Map, Value, json};

use super::{
    draw::{Drawn, Draws, Wanted, set},
    report::Needed,
};
use crate::{
    cli::names,
    crd::DssInstance,
    dataiku::document::Document,
    engine::{
        connect::single::Bench,
        shared::entries::{Keep, holds_secret},
    },
    kinds::dss::{GENERAL_SETTINGS, Settings, VARIABLES, Variables},
};

/// Lists of the settings that belong to another kind.
const RULES: [&str; 2] = ["userRules", "groupRules"];

impl Draws for Keep<Variables> {
    fn drawn<'a>(bench: &'a Bench<DssInstance>, wanted: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let variables = document(bench, VARIABLES, wanted);
        let Some(mut variables) = variables.filter(|variables| !variables.is_empty()) else {
            return Box::new(std::iter::empty());
        };
        let mut secret = Vec::new();
        withhold(&mut variables, "", &mut secret);
        let spec = Map::from_iter([("variables".to_owned(), Value::Object(variables))]);
        let omitted = secret
            .iter()
            .map(|place| format!("variable {place}, which looks like a secret"));
        Box::new(std::iter::once(Drawn {
            omitted: omitted.collect(),
            ..Drawn::new("variables", spec)
        }))
    }
}

impl Draws for Keep<Settings> {
    fn drawn<'a>(bench: &'a Bench<DssInstance>, wanted: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let settings = document(bench, GENERAL_SETTINGS, wanted).unwrap_or_default();
        Box::new(settings.into_iter().filter_map(move |(section, value)| {
            let mut settings = Map::from_iter([(section.clone(), value)]);
            if section == "impersonation" {
                let members = settings.get_mut(&section).and_then(Value::as_object_mut);
                if let Some(members) = members {
                    members.retain(|key, _| !RULES.contains(&key.as_str()));
                }
            }
            let mut secret = Vec::new();
            withhold(&mut settings, "", &mut secret);
            let mut spec = Map::new();
            set(&mut spec, "settings", (!settings.is_empty()).then_some(settings));
            let secret_name = names::object_name(&format!("settings-{section}"));
            let needed: Vec<Needed> = secret
                .into_iter()
                .map(|path| Needed {
                    object: String::new(),
                    field: "secretSettings",
                    key: names::data_key(path.trim_start_matches('/')),
                    of: path,
                    secret: format!("{secret_name}-secrets"),
                })
                .collect();
            if wanted.secret_references && !needed.is_empty() {
                let refer =
                    |one: &Needed| json!({ "path": one.of, "valueSecretRef": { "name": one.secret, "key": one.key } });
                set(
                    &mut spec,
                    "secretSettings",
                    Some(needed.iter().map(refer).collect::<Vec<_>>()),
                );
            }
            (!spec.is_empty()).then(|| Drawn {
                named: format!("settings-{section}"),
                needed,
                ..Drawn::new(section, spec)
            })
        }))
    }
}

/// A document that was read; none where only some groups are wanted.
fn document(bench: &Bench<DssInstance>, key: &str, wanted: &Wanted<'_>) -> Option<Map<String, Value>> {
    let document = bench.live.lists.documents.get(key).filter(|_| !wanted.is_part)?;
    let value = serde_json::to_value::<&Document>(&document).ok()?;
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// Takes out every value that looks like a secret, and notes its place. What is left empty by that goes too.
pub(super) fn withhold(members: &mut Map<String, Value>, place: &str, secret: &mut Vec<String>) {
    members.retain(|key, value| {
        let here = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                withhold(inner, &here, secret);
                !inner.is_empty()
            }
            value if holds_secret(key, value) => {
                secret.push(here);
                false
            }
            _ => true,
        }
    });
}
