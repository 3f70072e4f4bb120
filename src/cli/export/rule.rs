//! What manifests say of impersonation rules: one for each rule, in the order in which the node has them.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::draw::{Drawn, Draws, Wanted, set};
use crate::{
    crd::DssInstance,
    engine::connect::single::Bench,
    kinds::dss::{GENERAL_SETTINGS, ImpersonationRule},
};

/// The two lists, by the field of a manifest.
const LISTS: [(&str, &str); 2] = [
    ("user", "/impersonation/userRules"),
    ("group", "/impersonation/groupRules"),
];

impl Draws for ImpersonationRule {
    fn drawn<'a>(bench: &'a Bench<DssInstance>, _: &'a Wanted<'a>) -> Box<dyn Iterator<Item = Drawn> + 'a> {
        let Some(document) = bench.live.lists.documents.get(GENERAL_SETTINGS) else {
            return Box::new(std::iter::empty());
        };
        let mut drawn = Vec::new();
        for (field, pointer) in LISTS {
            let rules = document.value_at(pointer).ok().flatten();
            let rules = rules.and_then(|rules| rules.as_array().cloned()).unwrap_or_default();
            let mut seen: HashMap<String, usize> = HashMap::new();
            for rule in &rules {
                let declared = declared(field, rule);
                let text = json!({ field: declared }).to_string();
                let copies = seen.entry(text.clone()).or_default();
                *copies += 1;
                // The first match wins: a copy below never applies.
                if *copies > 1 {
                    continue;
                }
                let words = words(field, &declared);
                let spec = Map::from_iter([(field.to_owned(), Value::Object(declared))]);
                drawn.push(Drawn {
                    named: format!("{words} {text}"),
                    ..Drawn::new(words, spec)
                });
            }
        }
        Box::new(drawn.into_iter())
    }
}

/// The rule as a manifest has it.
fn declared(field: &str, rule: &Value) -> Map<String, Value> {
    let text = |key: &str| rule[key].as_str().map(str::trim).filter(|text| !text.is_empty());
    let type_ = text("type").unwrap_or("IDENTITY").to_ascii_uppercase();
    let mut declared = Map::new();
    if field == "user" && text("scope").is_some_and(|scope| scope.eq_ignore_ascii_case("PROJECT")) {
        set(&mut declared, "scope", Some("PROJECT"));
        set(&mut declared, "projectKey", text("projectKey"));
    }
    let subject = match (type_.as_str(), field) {
        ("SINGLE_MAPPING", "user") => Some("dssUser"),
        ("SINGLE_MAPPING", _) => Some("dssGroup"),
        ("REGEXP_RULE", _) => Some("ruleFrom"),
        _ => None,
    };
    if let Some(subject) = subject {
        let (unix, hadoop) = (text("targetUnix"), text("targetHadoop"));
        set(&mut declared, subject, text(subject));
        set(&mut declared, "targetUnix", unix);
        set(
            &mut declared,
            "targetHadoop",
            hadoop.filter(|hadoop| Some(*hadoop) != unix),
        );
    }
    set(&mut declared, "type", Some(type_));
    declared
}

/// The rule in a few words.
fn words(field: &str, declared: &Map<String, Value>) -> String {
    let text = |key: &str| declared.get(key).and_then(Value::as_str);
    let subject = text("dssUser").or(text("dssGroup")).or(text("ruleFrom"));
    let parts = [Some(field), Some("rule"), text("type"), subject, text("projectKey")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
