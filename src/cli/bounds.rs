//! Checks values against the bounds of a CRD schema. They are read from the CRD itself, except for `LONGEST_KEY`.

use fancy_regex::Regex;
use kube::CustomResourceExt;
use serde_json::{Map, Value};

/// Longest name of an entry of a map, in characters. Repeats a CEL rule of the CRD, since only an apiserver evaluates CEL.
const LONGEST_KEY: usize = 100;

/// The schema of the spec of a kind.
pub(super) struct Bounds(Value);

impl Bounds {
    /// The schema of this kind.
    pub(super) fn of<K: CustomResourceExt>() -> anyhow::Result<Self> {
        let mut definition = serde_json::to_value(K::crd())?;
        let spec = definition.pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/spec");
        Ok(Self(spec.map(Value::take).unwrap_or_default()))
    }

    /// Removes the fields that the apiserver would refuse, and returns their names.
    pub(super) fn fit(&self, spec: &mut Map<String, Value>) -> Vec<String> {
        let refused = |(name, value): (&String, &Value)| {
            let schema = &self.0["properties"][name.as_str()];
            (!accepts(schema, value)).then(|| name.clone())
        };
        let refused: Vec<String> = spec.iter().filter_map(refused).collect();
        for name in &refused {
            spec.remove(name);
        }
        refused
    }
}

fn accepts(schema: &Value, value: &Value) -> bool {
    let least = |word: &str, size: usize| schema[word].as_u64().is_none_or(|least| size as u64 >= least);
    let most = |word: &str, size: usize| schema[word].as_u64().is_none_or(|most| size as u64 <= most);
    let known = schema["enum"].as_array().is_none_or(|known| known.contains(value));
    known
        && match value {
            Value::String(text) => {
                let size = text.chars().count();
                let pattern = schema["pattern"].as_str().map(Regex::new);
                let matches =
                    pattern.is_none_or(|regex| regex.is_ok_and(|regex| regex.is_match(text).unwrap_or(false)));
                schema["type"] == "string" && least("minLength", size) && most("maxLength", size) && matches
            }
            Value::Array(items) => {
                least("minItems", items.len())
                    && most("maxItems", items.len())
                    && items.iter().all(|item| accepts(&schema["items"], item))
            }
            Value::Object(members) => {
                most("maxProperties", members.len())
                    && members
                        .iter()
                        .all(|(key, value)| match &schema["properties"][key.as_str()] {
                            Value::Null => {
                                (1..=LONGEST_KEY).contains(&key.chars().count())
                                    && accepts(&schema["additionalProperties"], value)
                            }
                            schema => accepts(schema, value),
                        })
            }
            Value::Bool(_) => schema["type"] == "boolean",
            _ => true,
        }
}
