//! Which members the general settings have. The product has hundreds; these are the known ones and, for each kind of
//! member, enough to see what a write does: a member that is not sent gets its default, a key that is not known under
//! a known object is dropped without a word, and a section that is not known at all is kept as it is.

use serde_json::{Map, Value, json};

use crate::answer::Failure;
use crate::config::Product;

/// Sections about code that runs, which it does not in Govern.
const ONLY_DSS: [&str; 2] = ["impersonation", "containerSettings"];

/// The settings when nothing was ever set. An empty object stands for members that nobody looks into.
pub(super) fn defaults(product: Product) -> Value {
    let mut all = json!({
        "security": {
            "hideErrorStacks": false, "restrictUsersAndGroupsVisibility": false, "hideVersionStringsWhenNotLogged": false,
            "secureCookies": false, "sessionsMaxTotalTimeMinutes": 0, "sessionsMaxIdleTimeMinutes": 0,
        },
        "impersonation": {"enabled": false, "userRules": [], "groupRules": []},
        "containerSettings": {"defaultExecutionConfig": null, "buildConfigs": [], "executionConfigs": []},
        "ldapSettings": {
            "enabled": false, "url": "", "bindDN": "", "bindPassword": "", "userFilter": "", "autoImportUsers": false,
            "groupProfiles": [], "authorizedGroups": [],
        },
        "mailSettings": {"enabled": false, "host": "", "port": 25, "login": "", "password": ""},
        "studioExternalUrl": null,
        "limits": {},
    });
    if let (Product::Govern, Some(sections)) = (product, all.as_object_mut()) {
        sections.retain(|section, _| !ONLY_DSS.contains(&section.as_str()));
    }
    all
}

/// The elements of the lists whose members are known.
fn element(pointer: &str) -> Option<Value> {
    match pointer {
        "/containerSettings/buildConfigs" => Some(json!({
            "name": "", "baseImageType": "EXEC", "baseImage": null, "imageBuilderType": "DOCKER",
            "repositoryURL": null, "prePushMode": "NONE",
        })),
        "/containerSettings/executionConfigs" => Some(json!({
            "name": "", "type": "KUBERNETES", "imageBuildConfig": null, "workloadType": "ANY", "usableBy": "ALL",
            "allowedGroups": [],
            "kubernetesRuntimeConfig": {
                "createNamespace": false, "kubernetesNamespace": null, "kubernetesResources": {}, "properties": [],
            },
            "dockerRuntimeConfig": {},
        })),
        _ => None,
    }
}

/// Whether a section is known.
pub(super) fn knows(product: Product, section: &str) -> bool {
    defaults(product).get(section).is_some()
}

/// What is stored of a document that was sent; `dropped` gets the pointers of what is not.
pub(super) fn complete(
    product: Product,
    sent: Map<String, Value>,
    dropped: &mut Vec<String>,
) -> Result<Value, Failure> {
    let Value::Object(defaults) = defaults(product) else {
        return Ok(Value::Null);
    };
    let unknown = sent.iter().filter(|(key, _)| !defaults.contains_key(*key));
    let unknown: Map<String, Value> = unknown.map(|(key, value)| (key.clone(), value.clone())).collect();
    let known = sent.into_iter().filter(|(key, _)| defaults.contains_key(key)).collect();
    let mut stored = object("", &defaults, known, dropped)?;
    stored.extend(unknown);
    Ok(Value::Object(stored))
}

fn object(
    pointer: &str,
    defaults: &Map<String, Value>,
    mut sent: Map<String, Value>,
    dropped: &mut Vec<String>,
) -> Result<Map<String, Value>, Failure> {
    if defaults.is_empty() {
        return Ok(sent);
    }
    let mut stored = Map::new();
    for (key, default) in defaults {
        let pointer = format!("{pointer}/{key}");
        let value = match sent.shift_remove(key) {
            None | Some(Value::Null) => default.clone(),
            Some(value) => member(&pointer, default, value, dropped)?,
        };
        stored.insert(key.clone(), value);
    }
    dropped.extend(sent.keys().map(|key| format!("{pointer}/{key}")));
    Ok(stored)
}

fn member(pointer: &str, default: &Value, sent: Value, dropped: &mut Vec<String>) -> Result<Value, Failure> {
    match (default, sent) {
        (Value::Object(defaults), Value::Object(sent)) => object(pointer, defaults, sent, dropped).map(Value::Object),
        (Value::Array(_), Value::Array(sent)) => list(pointer, sent, dropped).map(Value::Array),
        (Value::Bool(_), sent @ Value::Bool(_))
        | (Value::Number(_), sent @ Value::Number(_))
        | (Value::String(_) | Value::Null, sent @ Value::String(_)) => Ok(sent),
        (_, sent) => Err(Failure::malformed(format!("{pointer}: {sent} has the wrong type"))),
    }
}

fn list(pointer: &str, sent: Vec<Value>, dropped: &mut Vec<String>) -> Result<Vec<Value>, Failure> {
    let Some(Value::Object(defaults)) = element(pointer) else {
        return Ok(sent);
    };
    let elements = sent.into_iter().map(|element| match element {
        Value::Object(sent) => object(pointer, &defaults, sent, dropped).map(Value::Object),
        other => Err(Failure::malformed(format!("{pointer}: {other} has the wrong type"))),
    });
    elements.collect()
}
