//! The rules of a write: what it may change, what it must match, and what the server sets itself.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    kind::Registered,
    ownership::{Owner, Owners},
    rejection::Rejection,
    store::{Collection, Counters, Key, Stored},
};

/// Metadata that only the server sets.
const SERVER_SET: [&str; 7] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];
/// Metadata that is absent where it is empty.
const NEVER_EMPTY: [&str; 4] = ["labels", "annotations", "finalizers", "ownerReferences"];
/// Longest name.
const NAME: usize = 253;

/// A write to one kind.
pub(crate) struct Write<'a> {
    pub(crate) collection: &'a mut Collection,
    pub(crate) counters: &'a mut Counters,
    pub(crate) owner: Owner,
    /// Whether nothing is stored.
    pub(crate) dry_run: bool,
}

/// What a deletion did.
pub(crate) enum Deleted {
    /// The object waits for its finalizers.
    Marked(Arc<Value>),
    /// The object is gone; this was its last state.
    Gone(Arc<Value>),
}

/// What an object must be for a deletion to go ahead.
#[derive(Default)]
pub(crate) struct Preconditions {
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
}

impl Write<'_> {
    /// The object, or 404.
    pub(crate) fn current(&self, key: &Key) -> Result<Stored, Rejection> {
        let found = self.collection.objects.get(key).cloned();
        found.ok_or_else(|| Rejection::not_found(&self.collection.kind, &key.1))
    }

    /// Stores a new object. Without `owners`, the writer owns every field of it.
    pub(crate) fn create(
        self,
        namespace: &str,
        mut object: Value,
        owners: Option<Owners>,
    ) -> Result<Arc<Value>, Rejection> {
        let kind = &self.collection.kind;
        check_type(kind, &mut object)?;
        check_namespace(kind, namespace, &object)?;
        if text(&object, "resourceVersion").is_some() {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(Rejection::new(500, "", message));
        }
        let name = match (text(&object, "name"), text(&object, "generateName")) {
            (Some(name), _) => name.to_owned(),
            (None, Some(prefix)) => format!("{prefix}{}", self.counters.suffix()),
            (None, None) => {
                return Err(Rejection::invalid(
                    kind,
                    "",
                    "metadata.name: Required value: name or generateName is required",
                ));
            }
        };
        check_name(kind, &name)?;
        let key = (namespace.to_owned(), name);
        if let Some(existing) = self.collection.objects.get(&key) {
            return Err(Rejection::already_exists(kind, &key.1, is_deleting(&existing.value)));
        }
        if kind.status {
            remove_member(&mut object, "status");
        }
        tidy(kind, &mut object);
        let metadata = metadata(&mut object);
        for field in SERVER_SET {
            metadata.remove(field);
        }
        metadata.insert("name".into(), json!(key.1));
        if kind.namespaced {
            metadata.insert("namespace".into(), json!(namespace));
        }
        metadata.insert("uid".into(), json!(self.counters.uid()));
        metadata.insert("creationTimestamp".into(), json!(self.counters.clock.stamp()));
        if !kind.is_builtin() {
            metadata.insert("generation".into(), json!(1));
        }
        self.validate(&key.1, &object)?;
        if self.dry_run {
            return Ok(Arc::new(object));
        }
        let owners = owners.unwrap_or_else(|| Owners::default().updated(&Value::Null, &object, &self.owner));
        Ok(self.collection.commit(self.counters, key, object, owners))
    }

    /// Changes an object to `candidate`. Without `owners`, the writer owns the fields that differ.
    pub(crate) fn update(
        self,
        key: &Key,
        mut candidate: Value,
        owners: Option<Owners>,
    ) -> Result<Arc<Value>, Rejection> {
        let Stored {
            value: current,
            owners: owned,
        } = self.current(key)?;
        let kind = &self.collection.kind;
        check_type(kind, &mut candidate)?;
        check_namespace(kind, &key.0, &candidate)?;
        match text(&candidate, "name") {
            Some(name) if name == key.1 => {}
            Some(name) => {
                let message = format!(
                    "the name of the object ({name}) does not match the name on the URL ({})",
                    key.1
                );
                return Err(Rejection::bad_request(message));
            }
            None => return Err(unnamed(&key.1)),
        }
        if text(&candidate, "resourceVersion").is_some_and(|version| Some(version) != text(&current, "resourceVersion"))
        {
            return Err(Rejection::modified(kind, &key.1));
        }
        let to_status = self.owner.subresource == "status";
        if !to_status && let Some(uid) = text(&candidate, "uid").filter(|uid| Some(*uid) != text(&current, "uid")) {
            let why = format!("metadata.uid: Invalid value: {uid:?}: field is immutable");
            return Err(Rejection::invalid(kind, &key.1, &why));
        }
        let mut next = match to_status {
            true => with_status(&current, candidate.get("status")),
            false if kind.status => with_status(&candidate, current.get("status")),
            false => candidate,
        };
        self.restore(&current, &mut next);
        let kind = &self.collection.kind;
        if is_deleting(&current) {
            let known: BTreeSet<_> = finalizers(&current).collect();
            let added: Vec<_> = finalizers(&next).filter(|one| !known.contains(one)).collect();
            if !added.is_empty() {
                let why = format!(
                    "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                    added
                        .iter()
                        .map(|one| format!("{one:?}"))
                        .collect::<Vec<_>>()
                        .join(", ")
                );
                return Err(Rejection::invalid(kind, &key.1, &why));
            }
        }
        if !kind.is_builtin() && spec_differs(kind, &current, &next) {
            bump_generation(&mut next);
        }
        self.validate(&key.1, &next)?;
        let owners = owners.unwrap_or_else(|| owned.clone().updated(&current, &next, &self.owner));
        if self.dry_run {
            return Ok(Arc::new(next));
        }
        if is_deleting(&next) && finalizers(&next).next().is_none() {
            self.collection.remove(self.counters, key);
            return Ok(Arc::new(next));
        }
        // A write that changes nothing is not stored, and no watch sees it.
        if next == *current && owners == owned {
            return Ok(current);
        }
        Ok(self.collection.commit(self.counters, key.clone(), next, owners))
    }

    /// Deletes an object, or marks it where finalizers hold it.
    pub(crate) fn delete(self, key: &Key, preconditions: &Preconditions) -> Result<Deleted, Rejection> {
        let Stored { value: current, owners } = self.current(key)?;
        let kind = &self.collection.kind;
        let found = |field| text(&current, field).unwrap_or_default();
        if let Some(uid) = &preconditions.uid
            && uid != found("uid")
        {
            let why = format!(
                "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
                found("uid")
            );
            return Err(Rejection::other_object(kind, &key.1, &why));
        }
        if let Some(version) = &preconditions.resource_version
            && version != found("resourceVersion")
        {
            let why = format!(
                "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The object might have been modified",
                found("resourceVersion")
            );
            return Err(Rejection::other_object(kind, &key.1, &why));
        }
        if finalizers(&current).next().is_none() {
            if !self.dry_run {
                self.collection.remove(self.counters, key);
            }
            return Ok(Deleted::Gone(current));
        }
        if is_deleting(&current) {
            return Ok(Deleted::Marked(current));
        }
        let mut marked = Value::clone(&current);
        let metadata = metadata(&mut marked);
        metadata.insert("deletionTimestamp".into(), json!(self.counters.clock.stamp()));
        metadata.insert("deletionGracePeriodSeconds".into(), json!(0));
        if !kind.is_builtin() {
            bump_generation(&mut marked);
        }
        if self.dry_run {
            return Ok(Deleted::Marked(Arc::new(marked)));
        }
        let marked = self.collection.commit(self.counters, key.clone(), marked, owners);
        Ok(Deleted::Marked(marked))
    }

    /// Gives back to `next` what only the server sets.
    fn restore(&self, current: &Value, next: &mut Value) {
        tidy(&self.collection.kind, next);
        let metadata = metadata(next);
        for field in SERVER_SET.iter().chain(&["resourceVersion", "generateName"]) {
            match current["metadata"].get(field) {
                Some(value) => metadata.insert((*field).to_owned(), value.clone()),
                None => metadata.remove(*field),
            };
        }
    }

    fn validate(&self, name: &str, object: &Value) -> Result<(), Rejection> {
        let Some(validation) = &self.collection.validation else {
            return Ok(());
        };
        validation(object).map_err(|why| Rejection::invalid(&self.collection.kind, name, &why))
    }
}

/// A field of the metadata that is text and not empty.
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    let value = object["metadata"][field].as_str();
    value.filter(|value| !value.is_empty())
}

/// An object whose name is not in it.
pub(crate) fn unnamed(name: &str) -> Rejection {
    let message = format!("the name of the object ({name} based on URL) was undeterminable: name must be provided");
    Rejection::bad_request(message)
}

fn check_type(kind: &Registered, object: &mut Value) -> Result<(), Rejection> {
    let expected = [("apiVersion", kind.api_version()), ("kind", kind.kind.clone())];
    let Some(members) = object.as_object_mut() else {
        return Err(Rejection::bad_request("the body is not an object"));
    };
    for (field, expected) in expected {
        match members.get(field).and_then(Value::as_str) {
            Some(found) if found == expected => {}
            None if kind.is_builtin() => {
                members.insert(field.to_owned(), json!(expected));
            }
            found => {
                let found = found.unwrap_or_default();
                let what = if field == "kind" { "kind" } else { "API version" };
                let message =
                    format!("the {what} in the data ({found}) does not match the expected {what} ({expected})");
                return Err(Rejection::bad_request(message));
            }
        }
    }
    Ok(())
}

fn check_namespace(kind: &Registered, namespace: &str, object: &Value) -> Result<(), Rejection> {
    match text(object, "namespace") {
        Some(found) if kind.namespaced && found != namespace => Err(Rejection::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        )),
        _ => Ok(()),
    }
}

fn check_name(kind: &Registered, name: &str) -> Result<(), Rejection> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = |label: &str| {
        label.starts_with(is_plain) && label.ends_with(is_plain) && label.chars().all(|c| is_plain(c) || c == '-')
    };
    if name.len() <= NAME && name.split('.').all(is_label) {
        return Ok(());
    }
    let why = format!(
        "metadata.name: Invalid value: {name:?}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    );
    Err(Rejection::invalid(kind, name, &why))
}

fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    match &mut object["metadata"] {
        Value::Object(metadata) => metadata,
        _ => unreachable!("it was made an object"),
    }
}

/// Brings an object into the shape in which it is stored.
fn tidy(kind: &Registered, object: &mut Value) {
    let metadata = metadata(object);
    metadata.remove("managedFields");
    for field in NEVER_EMPTY {
        let is_empty = metadata.get(field).is_some_and(|value| match value {
            Value::Object(members) => members.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => true,
        });
        if is_empty {
            metadata.remove(field);
        }
    }
    if kind.is_builtin() && kind.kind == "Secret" {
        encode_strings(object);
    }
}

/// `stringData` of a Secret is for writing only.
fn encode_strings(secret: &mut Value) {
    if let Some(Value::Object(strings)) = remove_member(secret, "stringData") {
        for (key, value) in strings {
            let value = value.as_str().unwrap_or_default();
            secret["data"][key] = json!(STANDARD.encode(value));
        }
    }
    if secret["type"].is_null() {
        secret["type"] = json!("Opaque");
    }
}

fn with_status(object: &Value, status: Option<&Value>) -> Value {
    let mut object = object.clone();
    match status {
        Some(status) => object["status"] = status.clone(),
        None => {
            remove_member(&mut object, "status");
        }
    }
    object
}

fn remove_member(object: &mut Value, name: &str) -> Option<Value> {
    object.as_object_mut().and_then(|members| members.remove(name))
}

fn spec_differs(kind: &Registered, current: &Value, next: &Value) -> bool {
    let counted = |object: &Value| {
        let mut counted = object.as_object().cloned().unwrap_or_default();
        counted.remove("metadata");
        if kind.status {
            counted.remove("status");
        }
        counted
    };
    counted(current) != counted(next)
}

fn bump_generation(object: &mut Value) {
    let generation = object["metadata"]["generation"].as_i64().unwrap_or_default();
    object["metadata"]["generation"] = json!(generation + 1);
}

fn is_deleting(object: &Value) -> bool {
    text(object, "deletionTimestamp").is_some()
}

fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    let finalizers = object["metadata"]["finalizers"].as_array();
    finalizers.into_iter().flatten().filter_map(Value::as_str)
}
