//! The schemas and CEL rules of the CRDs, where no apiserver applies them.

use std::collections::HashMap;

use anyhow::{Context, anyhow};
use kube::CustomResourceExt;
use kube_cel::{CompiledSchema, ErrorKind};
use serde_json::{Map, Value};

use crate::crd;

/// What the apiserver would check of one schema.
struct Checks {
    schema: Value,
    shape: jsonschema::Validator,
    rules: CompiledSchema,
}

impl Checks {
    fn new(schema: Value) -> anyhow::Result<Self> {
        Ok(Self {
            shape: jsonschema::validator_for(&schema).map_err(|error| anyhow!("a schema of ours: {error}"))?,
            rules: kube_cel::compile_schema(&schema),
            schema,
        })
    }

    /// What the apiserver would refuse, each with its place. Names no value: it may be a secret in the wrong place.
    fn problems(&self, value: &Value, cel: &kube_cel::Validator) -> Vec<String> {
        let value = &without_nulls(value);
        let mut problems = Vec::new();
        unknown(&self.schema, value, "", &mut problems);
        let shape = self.shape.iter_errors(value);
        problems.extend(shape.map(|error| {
            let place = error.instance_path().to_string();
            at(
                place.trim_start_matches('/').replace('/', ".").as_str(),
                &error.masked().to_string(),
            )
        }));
        if !problems.is_empty() {
            // Rules are written for values of the right shape.
            return problems;
        }
        let broken = cel.validate_compiled(&self.rules, value, None).err();
        let broken = broken.into_iter().flat_map(kube_cel::ValidationErrors::into_vec);
        // What only an apiserver can evaluate, it will.
        let broken = broken.filter(|error| matches!(error.kind, ErrorKind::ValidationFailure));
        problems.extend(broken.map(|error| at(&error.field_path, &error.message)));
        problems
    }
}

fn at(place: &str, message: &str) -> String {
    if place.is_empty() {
        message.to_owned()
    } else {
        format!("{place}: {message}")
    }
}

/// The same value as the apiserver stores it.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                members
                    .map(|(key, value)| (key.clone(), without_nulls(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// Fields that the schema does not have: the apiserver would drop them.
fn unknown(schema: &Value, value: &Value, place: &str, problems: &mut Vec<String>) {
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        return;
    }
    let below = |name: &str| {
        if place.is_empty() {
            name.to_owned()
        } else {
            format!("{place}.{name}")
        }
    };
    match value {
        Value::Object(members) => {
            let (known, others) = (schema["properties"].as_object(), &schema["additionalProperties"]);
            for (name, value) in members {
                match known.and_then(|known| known.get(name)) {
                    Some(schema) => unknown(schema, value, &below(name), problems),
                    None if others.is_object() => unknown(others, value, &below(name), problems),
                    None if known.is_some() => problems.push(format!("{}: unknown field", below(name))),
                    None => {}
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                unknown(&schema["items"], item, &format!("{place}.{index}"), problems);
            }
        }
        _ => {}
    }
}

fn schema_of(definition: &Value) -> Value {
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// The checks of every kind.
pub(super) struct Schemas {
    kinds: HashMap<String, Value>,
    compiled: HashMap<String, Checks>,
    cel: kube_cel::Validator,
}

impl Schemas {
    /// Of this release.
    pub(super) fn new() -> anyhow::Result<Self> {
        let mut kinds = HashMap::new();
        for definition in crd::all() {
            let kind = definition.spec.names.kind.clone();
            kinds.insert(kind, schema_of(&serde_json::to_value(definition)?));
        }
        Ok(Self {
            kinds,
            compiled: HashMap::new(),
            cel: kube_cel::Validator::new(),
        })
    }

    /// What the apiserver would refuse of a manifest.
    pub(super) fn problems(&mut self, kind: &str, manifest: &Value) -> anyhow::Result<Vec<String>> {
        if !self.compiled.contains_key(kind) {
            let Some(schema) = self.kinds.get(kind) else {
                return Ok(vec!["this release has no such kind".to_owned()]);
            };
            let mut schema = schema.clone();
            // What every object has beside its own fields.
            for name in ["apiVersion", "kind", "metadata", "status"] {
                schema["properties"][name] = serde_json::json!({ "x-kubernetes-preserve-unknown-fields": true });
            }
            self.compiled.insert(kind.to_owned(), Checks::new(schema)?);
        }
        Ok(self.compiled[kind].problems(manifest, &self.cel))
    }
}

/// The checks of the single fields of a spec.
pub(super) struct Bounds {
    fields: HashMap<String, Checks>,
    cel: kube_cel::Validator,
}

impl Bounds {
    /// Of this kind.
    pub(super) fn of<K: CustomResourceExt>() -> anyhow::Result<Self> {
        let mut schema = schema_of(&serde_json::to_value(K::crd())?);
        let fields = schema["properties"]["spec"]["properties"].take();
        let fields = fields.as_object().cloned().context("a schema without fields")?;
        let fields = fields
            .into_iter()
            .map(|(name, schema)| Ok((name, Checks::new(schema)?)));
        Ok(Self {
            fields: fields.collect::<anyhow::Result<_>>()?,
            cel: kube_cel::Validator::new(),
        })
    }

    /// Removes the fields that the apiserver would refuse, and returns their names.
    pub(super) fn fit(&self, spec: &mut Map<String, Value>) -> Vec<String> {
        let refused = |(name, value): (&String, &Value)| {
            let checks = self.fields.get(name);
            let fits = checks.is_some_and(|checks| checks.problems(value, &self.cel).is_empty());
            (!fits).then(|| name.clone())
        };
        let refused: Vec<String> = spec.iter().filter_map(refused).collect();
        for name in &refused {
            spec.remove(name);
        }
        refused
    }
}
