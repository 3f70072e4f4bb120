//! D34: the usage summary, counted from the projects of the state. A project may have `datasets`, `recipes`,
//! `sqlNotebooks` and `scenarios` (objects or arrays) beside its notebooks; only their number and kind matter.

use serde_json::{Map, Value, json};

use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::Get;
use crate::operation::{Operation, Right, reads};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[reads(
    "D34",
    Get,
    "/admin/monitoring/global-usage-summary",
    Right::Admin,
    summary,
)];

fn summary(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let each = call.flag("withPerProject")? || world.switches.is("A27", "always");
    let projects = world.read("projects");
    let mut summary = counted(&projects.values().collect::<Vec<_>>());
    summary.insert("projects".to_owned(), json!(projects.len()));
    if each {
        let summaries = projects.iter().map(|(key, project)| {
            let mut one = counted(&[project]);
            one.insert("projectKey".to_owned(), json!(key));
            Value::Object(one)
        });
        summary.insert("projectSummaries".to_owned(), summaries.collect());
    }
    Ok(Answer::json(&summary))
}

fn counted(projects: &[&Value]) -> Map<String, Value> {
    let all = |part: &'static str| projects.iter().flat_map(move |project| members(&project[part]));
    let active = all("scenarios").filter(|scenario| scenario["active"] == json!(true));
    let mut summary = Map::new();
    summary.insert("datasets".to_owned(), by_type(all("datasets")));
    summary.insert("recipes".to_owned(), by_type(all("recipes")));
    summary.insert(
        "notebooks".to_owned(),
        json!({"nbJupyterNotebooks": all("notebooks").count(), "nbSqlNotebooks": all("sqlNotebooks").count()}),
    );
    summary.insert(
        "scenarios".to_owned(),
        json!({"all": all("scenarios").count(), "activeWithTriggers": active.count()}),
    );
    summary
}

fn by_type<'a>(objects: impl Iterator<Item = &'a Value>) -> Value {
    let mut all = 0;
    let mut types = Map::new();
    for object in objects {
        all += 1;
        if let Some(kind) = object["type"].as_str() {
            let count = types.get(kind).and_then(Value::as_u64).unwrap_or_default() + 1;
            types.insert(kind.to_owned(), json!(count));
        }
    }
    json!({"all": all, "allByType": types})
}

fn members(collection: &Value) -> Vec<&Value> {
    match collection {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}
