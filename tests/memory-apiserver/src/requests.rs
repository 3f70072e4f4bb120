//! What each verb does.

use std::sync::Arc;

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    call::{Call, Resource},
    discovery,
    kind::Registered,
    list,
    ownership::{Owner, Owners},
    patch::{self, PatchType},
    rejection::Rejection,
    selector::Selection,
    serve::{Response, respond},
    shared::{Shared, State},
    store::{Key, Store, Stored},
    view::{Form, View, bytes},
    watch,
    write::{Deleted, Preconditions, Write, text, unnamed},
};

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// What an apiserver answers for a path that it does not serve, such as that of a kind whose definition is missing.
const PAGE_NOT_FOUND: &str = "404 page not found\n";

/// Carries out a request.
pub(crate) fn answer(shared: &Arc<Shared>, state: &mut State, call: &Call) -> Response {
    let Some(resource) = &call.resource else {
        return match discovery::document(&state.store, &call.path) {
            Some(document) => respond(200, JSON, bytes(&document)),
            None => page_not_found(),
        };
    };
    let Some(id) = state.store.find(|kind| is_served_at(kind, resource)) else {
        return page_not_found();
    };
    if let Some(collection) = state.store.get(id)
        && let Some(name) = without_subresource(&collection.kind, resource)
    {
        return refuse(&Rejection::not_found(&collection.kind, name));
    }
    let answered = match (&call.method, &resource.name) {
        (&Method::GET, None) if call.flag("watch") => watch::open(shared, state, id, call, resource),
        (&Method::GET, None) => list::page(state, id, call, resource),
        (&Method::GET, Some(name)) => get(&state.store, id, call, &key(resource, name)),
        (&Method::POST, None) => create(&mut state.store, id, call, resource),
        (&Method::PUT, Some(name)) => replace(&mut state.store, id, call, &key(resource, name)),
        (&Method::PATCH, Some(name)) => patch(&mut state.store, id, call, &key(resource, name)),
        (&Method::DELETE, Some(name)) if resource.subresource.is_none() => {
            delete(&mut state.store, id, call, &key(resource, name))
        }
        _ => Err(Rejection::method_not_allowed()),
    };
    answered.unwrap_or_else(|rejection| refuse(&rejection))
}

/// The answer to a request that is refused.
pub(crate) fn refuse(rejection: &Rejection) -> Response {
    respond(rejection.code, JSON, bytes(&rejection.body()))
}

/// The answer to a request that succeeds.
pub(crate) fn succeed(code: u16, body: &impl Serialize) -> Response {
    respond(code, JSON, bytes(body))
}

fn page_not_found() -> Response {
    respond(404, TEXT, PAGE_NOT_FOUND.into())
}

fn is_served_at(kind: &Registered, resource: &Resource) -> bool {
    let is_the_kind =
        kind.group == resource.group && kind.version == resource.version && kind.plural == resource.plural;
    let is_addressed = match (&resource.namespace, &resource.name) {
        (Some(_), _) => kind.namespaced,
        (None, Some(_)) => !kind.namespaced,
        (None, None) => true,
    };
    is_the_kind && is_addressed
}

/// The name in a path whose subresource the kind does not have.
fn without_subresource<'a>(kind: &Registered, resource: &'a Resource) -> Option<&'a str> {
    let subresource = resource.subresource.as_deref()?;
    let is_known = kind.status && subresource == "status";
    resource.name.as_deref().filter(|_| !is_known)
}

fn key(resource: &Resource, name: &str) -> Key {
    (resource.namespace.clone().unwrap_or_default(), name.to_owned())
}

fn write<'a>(store: &'a mut Store, id: u64, call: &Call) -> Result<Write<'a>, Rejection> {
    let gone = || Rejection::bad_request("the kind is not registered");
    let (collection, counters) = store.get_mut(id).ok_or_else(gone)?;
    let subresource = call.resource.as_ref().and_then(|resource| resource.subresource.clone());
    Ok(Write {
        collection,
        counters,
        owner: Owner {
            manager: call.parameter("fieldManager").unwrap_or("unknown").to_owned(),
            applies: false,
            subresource: subresource.unwrap_or_default(),
        },
        dry_run: call.parameter("dryRun").is_some(),
    })
}

fn show(call: &Call, code: u16, object: &Value) -> Response {
    let form = if call.metadata_only { Form::Metadata } else { Form::Full };
    succeed(code, &View(object, form))
}

fn get(store: &Store, id: u64, call: &Call, key: &Key) -> Result<Response, Rejection> {
    let gone = || Rejection::bad_request("the kind is not registered");
    let collection = store.get(id).ok_or_else(gone)?;
    let found = collection.objects.get(key);
    let found = found.ok_or_else(|| Rejection::not_found(&collection.kind, &key.1))?;
    Ok(show(call, 200, &found.value))
}

fn create(store: &mut Store, id: u64, call: &Call, resource: &Resource) -> Result<Response, Rejection> {
    let write = write(store, id, call)?;
    if write.collection.kind.namespaced && resource.namespace.is_none() {
        return Err(Rejection::method_not_allowed());
    }
    let namespace = resource.namespace.as_deref().unwrap_or_default();
    let created = write.create(namespace, call.required_json()?, None)?;
    Ok(show(call, 201, &created))
}

fn replace(store: &mut Store, id: u64, call: &Call, key: &Key) -> Result<Response, Rejection> {
    let write = write(store, id, call)?;
    let candidate = call.required_json()?;
    let current = write.current(key)?.value;
    let kind = &write.collection.kind;
    // Unlike a patch, a replacement takes the uid in it as a precondition.
    let found = text(&current, "uid").unwrap_or_default();
    if let Some(uid) = text(&candidate, "uid").filter(|uid| *uid != found) {
        let place = format!("/registry/{}/{}/{}/{}", kind.group, kind.plural, key.0, key.1);
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {found}"
        );
        return Err(Rejection::conflict(kind, &key.1, &why));
    }
    if !kind.allows_unconditional_update() && text(&candidate, "resourceVersion").is_none() {
        return Err(Rejection::unversioned(kind, &key.1));
    }
    Ok(show(call, 200, &*write.update(key, candidate, None)?))
}

fn patch(store: &mut Store, id: u64, call: &Call, key: &Key) -> Result<Response, Rejection> {
    let write = write(store, id, call)?;
    let body = call.required_json()?;
    let patch_type = PatchType::of(&call.content_type)?;
    if patch_type == PatchType::Apply {
        return apply(write, call, key, body);
    }
    let Stored { value: current, .. } = write.current(key)?;
    let candidate = match patch_type {
        PatchType::Json => patch::patched(&current, body)?,
        _ => patch::merged(&current, &body),
    };
    Ok(show(call, 200, &*write.update(key, candidate, None)?))
}

fn apply(mut write: Write<'_>, call: &Call, key: &Key, mut configuration: Value) -> Result<Response, Rejection> {
    if call.parameter("fieldManager").is_none() {
        let message =
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
        return Err(Rejection::new(422, "Invalid", message));
    }
    write.owner.applies = true;
    let kind = write.collection.kind.clone();
    let is_status = !write.owner.subresource.is_empty();
    // Each path owns its own part of the object.
    if let Some(members) = configuration.as_object_mut() {
        if is_status {
            members.retain(|name, _| matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
        } else if kind.status {
            members.remove("status");
        }
    }
    let of_status = |mut configuration: Value| {
        let identity = ["name", "namespace", "uid", "resourceVersion"];
        if let Some(metadata) = configuration["metadata"].as_object_mut() {
            metadata.retain(|name, _| identity.contains(&name.as_str()));
        }
        configuration
    };
    let configuration = if is_status {
        of_status(configuration)
    } else {
        configuration
    };
    let force = call.flag("force");
    match write.current(key) {
        Ok(Stored { value, owners }) => {
            let (candidate, owners) = owners
                .applied(&value, &configuration, &write.owner, force)
                .map_err(|disputes| Rejection::owned_by_others(&kind, &disputes))?;
            if let Some((field, type_name)) = emptied(&candidate) {
                let name = field.rsplit('.').next().unwrap_or_default();
                let why =
                    format!(r#"{field}: Invalid value: "null": {name} in body must be of type {type_name}: "null""#);
                return Err(Rejection::invalid(&kind, &key.1, &why));
            }
            Ok(show(call, 200, &*write.update(key, candidate, Some(owners))?))
        }
        Err(absent) if is_status => Err(absent),
        Err(_) => {
            if let Some(uid) = text(&configuration, "uid") {
                let why =
                    format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
                return Err(Rejection::conflict(&kind, &key.1, &why));
            }
            if text(&configuration, "name").is_none() {
                return Err(unnamed(&key.1));
            }
            let applied = Owners::default().applied(&json!({}), &configuration, &write.owner, force);
            let (object, owners) = applied.map_err(|disputes| Rejection::owned_by_others(&kind, &disputes))?;
            Ok(show(call, 201, &*write.create(&key.0, object, Some(owners))?))
        }
    }
}

/// A field that an apply emptied, which leaves `null`, and which hardly a schema lets be that.
fn emptied(object: &Value) -> Option<(&'static str, &'static str)> {
    let is_null = |value: Option<&Value>| value.is_some_and(Value::is_null);
    if is_null(object.get("spec")) {
        return Some(("spec", "object"));
    }
    is_null(object.pointer("/status/conditions")).then_some(("status.conditions", "array"))
}

fn delete(store: &mut Store, id: u64, call: &Call, key: &Key) -> Result<Response, Rejection> {
    let options = call.json().unwrap_or_default();
    let mut write = write(store, id, call)?;
    write.dry_run |= options["dryRun"].is_array();
    let precondition = |field: &str| options["preconditions"][field].as_str().map(str::to_owned);
    let preconditions = Preconditions {
        uid: precondition("uid"),
        resource_version: precondition("resourceVersion"),
    };
    let kind = write.collection.kind.clone();
    Ok(match write.delete(key, &preconditions)? {
        Deleted::Marked(object) => show(call, 200, &object),
        Deleted::Gone(object) => {
            let mut details = json!({ "name": key.1, "kind": kind.plural, "uid": object["metadata"]["uid"] });
            if !kind.group.is_empty() {
                details["group"] = json!(kind.group);
            }
            let status = json!({
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Success",
                "details": details,
            });
            succeed(200, &status)
        }
    })
}

/// The selection that a list or a watch asks for.
pub(crate) fn selection(call: &Call, resource: &Resource) -> Result<Selection, Rejection> {
    Selection::of(call, resource.namespace.as_deref())
}
