//! The schemas and CEL rules of the CRDs, where no apiserver applies them.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use anyhow::{Context, anyhow};
use kube::CustomResourceExt;
use kube_cel::{CompiledSchema, ErrorKind};
use serde::Serialize;
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

    /// What the apiserver would refuse, each with its place, and the rules that nothing here can evaluate. Names no value: it
    /// may be a secret in the wrong place.
    fn judge(&self, value: &Value, cel: &kube_cel::Validator) -> Verdict {
        let value = &without_nulls(value);
        let mut verdict = Verdict::default();
        unknown(&self.schema, value, "", &mut verdict.problems);
        let shape = self.shape.iter_errors(value);
        verdict.problems.extend(shape.map(|error| {
            let place = error.instance_path().to_string();
            at(
                place.trim_start_matches('/').replace('/', ".").as_str(),
                &error.masked().to_string(),
            )
        }));
        if !verdict.problems.is_empty() {
            // Rules are written for values of the right shape.
            return verdict;
        }
        let broken = cel.validate_compiled(&self.rules, value, None).err();
        for error in broken.into_iter().flat_map(kube_cel::ValidationErrors::into_vec) {
            let why = match error.kind {
                ErrorKind::ValidationFailure => {
                    verdict.problems.push(at(&error.field_path, &error.message));
                    continue;
                }
                ErrorKind::UnsupportedReference => "it uses a function that only an apiserver has",
                ErrorKind::CompilationFailure | ErrorKind::InvalidRule => "it cannot be compiled here",
                ErrorKind::SchemaTooDeep => "the schema is too deep to be evaluated here",
                // The apiserver refuses a rule that fails on a value, and so does everything else that is no answer.
                _ => "its evaluation fails here",
            };
            verdict.unevaluated.push((error.rule, why));
        }
        verdict
    }
}

/// What the checks say of one value.
#[derive(Default)]
struct Verdict {
    problems: Vec<String>,
    /// Rules, and why nothing here can evaluate them.
    unevaluated: Vec<(String, &'static str)>,
}

/// A rule of a CRD that nobody evaluated before the apiserver does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Unevaluated {
    /// Kind of the CRD.
    pub kind: String,
    /// The rule, in CEL.
    pub rule: String,
    /// Why.
    pub why: &'static str,
    /// How many objects it was not evaluated for.
    pub objects: usize,
}

impl fmt::Display for Unevaluated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            rule,
            why,
            objects,
        } = self;
        write!(
            f,
            "a rule of {kind} was not evaluated for {objects} objects, and the apiserver may refuse them: {rule} ({why})"
        )
    }
}

/// Rules that nobody evaluated, each named once.
#[derive(Default)]
pub(super) struct Gaps(BTreeMap<(String, String), (&'static str, usize)>);

impl Gaps {
    fn add(&mut self, kind: &str, rules: Vec<(String, &'static str)>) {
        for (rule, why) in rules {
            self.0.entry((kind.to_owned(), rule)).or_insert((why, 0)).1 += 1;
        }
    }

    /// All of them.
    pub(super) fn into_list(self) -> Vec<Unevaluated> {
        let each = self.0.into_iter();
        each.map(|((kind, rule), (why, objects))| Unevaluated {
            kind,
            rule,
            why,
            objects,
        })
        .collect()
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
    gaps: Gaps,
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
            gaps: Gaps::default(),
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
        let verdict = self.compiled[kind].judge(manifest, &self.cel);
        self.gaps.add(kind, verdict.unevaluated);
        Ok(verdict.problems)
    }

    /// Rules of all manifests so far that nobody evaluated.
    pub(super) fn unevaluated(self) -> Vec<Unevaluated> {
        self.gaps.into_list()
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
            // What cannot be evaluated here is named once the whole object is judged.
            let fits = checks.is_some_and(|checks| checks.judge(value, &self.cel).problems.is_empty());
            (!fits).then(|| name.clone())
        };
        let refused: Vec<String> = spec.iter().filter_map(refused).collect();
        for name in &refused {
            spec.remove(name);
        }
        refused
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(rule: &str, value: &Value) -> Verdict {
        let schema = json!({
            "type": "object", "properties": { "names": { "type": "array", "items": { "type": "string" } } },
            "x-kubernetes-validations": [{ "rule": rule, "message": "no" }],
        });
        Checks::new(schema).unwrap().judge(value, &kube_cel::Validator::new())
    }

    #[test]
    fn a_rule_that_nothing_here_can_evaluate_is_named_and_no_problem() {
        let names = json!({ "names": ["a"] });
        for rule in [
            "self.names.sortBy(n, n) == self.names",
            "self.names.exists(",
            "self.nothing.isThere()",
        ] {
            let found = verdict(rule, &names);
            assert!(found.problems.is_empty(), "{rule}: {:?}", found.problems);
            assert_eq!(found.unevaluated.len(), 1, "{rule}");
            assert_eq!(found.unevaluated[0].0, rule);
        }
        assert_eq!(verdict("size(self.names) > 1", &names).problems, ["no"]);
    }

    #[test]
    fn a_gap_is_named_once_with_the_number_of_objects() {
        let mut gaps = Gaps::default();
        for _ in 0..3 {
            gaps.add("Toy", vec![("self.a()".to_owned(), "why")]);
        }
        gaps.add("Other", vec![("self.a()".to_owned(), "why")]);
        let found = gaps.into_list();
        assert_eq!((found.len(), found[1].objects), (2, 3));
    }

    /// A rule that the command line cannot evaluate is found at the merge at the earliest.
    #[test]
    fn every_rule_of_every_crd_compiles_without_an_apiserver() {
        fn rules(schema: &Value, found: &mut Vec<String>) {
            match schema {
                Value::Object(members) => {
                    let own = members.get("x-kubernetes-validations").and_then(Value::as_array);
                    let own = own.into_iter().flatten().filter_map(|one| one["rule"].as_str());
                    found.extend(own.map(str::to_owned));
                    members.values().for_each(|one| rules(one, found));
                }
                Value::Array(items) => items.iter().for_each(|one| rules(one, found)),
                _ => {}
            }
        }
        for definition in crd::all() {
            let mut found = Vec::new();
            rules(&schema_of(&serde_json::to_value(&definition).unwrap()), &mut found);
            assert!(!found.is_empty(), "{:?}", definition.metadata.name);
            for rule in found {
                let compiled = kube_cel::compile_schema(&json!({ "x-kubernetes-validations": [{ "rule": rule }] }));
                assert!(!compiled.has_errors(), "{rule}: {:?}", compiled.compilation_errors());
            }
        }
    }

    #[test]
    fn the_example_in_the_description_of_each_kind_passes_its_schema_and_its_rules() {
        let mut schemas = Schemas::new().unwrap();
        for definition in crd::all() {
            let kind = definition.spec.names.kind.clone();
            let schema = schema_of(&serde_json::to_value(&definition).unwrap());
            let example = crd::examples::in_description(schema["description"].as_str().unwrap()).unwrap();
            let mut manifest: Value = serde_saphyr::from_str(example).unwrap();
            manifest["apiVersion"] = json!("dataiku-operator.io/v1alpha1");
            manifest["kind"] = json!(kind);
            assert_eq!(
                schemas.problems(&kind, &manifest).unwrap(),
                Vec::<String>::new(),
                "{kind}"
            );
            assert!(manifest["metadata"]["name"].is_string(), "{kind}");
        }
        assert_eq!(schemas.unevaluated(), Vec::new());
    }
}
