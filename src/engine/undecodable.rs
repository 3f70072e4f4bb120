//! Objects that this release cannot read, after a downgrade for example: their status says so, the record of what was set
//! stays, and they are released as every other object.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, ObjectMeta},
    runtime::controller::Action,
};
use serde_json::{Value, json};

use super::{
    connect::{ConnectionKey, Left},
    error::Error,
    object::kind,
    shell::Shell,
    status::{RECONCILING, STALLED, to_second},
    work::Work,
};
use crate::crd::{
    common::{FIELD_MANAGER, FINALIZER, annotation},
    connection::Orphan,
};

/// When to check again an object that is being deleted.
const INTERVAL: Duration = Duration::from_secs(30);

/// One reconcile of such an object.
pub async fn reconcile<W: Work>(shell: &Shell<W>, metadata: &ObjectMeta, error: &str) -> Action {
    let (name, namespace) = (
        metadata.name.clone().unwrap_or_default(),
        metadata.namespace.clone().unwrap_or_default(),
    );
    let kind = kind::<W::Object>();
    tracing::warn!(kind, namespace, name, error, "an object cannot be decoded");
    let resource = ApiResource::erase::<W::Object>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(shell.env.client.clone(), &namespace, &resource);
    let result = match api.get_opt(&name).await {
        Ok(Some(object)) if object.metadata.deletion_timestamp.is_some() => remove(shell, &api, &object, error).await,
        Ok(Some(object)) => report(&api, &object, error).await.map(|()| Action::await_change()),
        Ok(None) => Ok(Action::await_change()),
        Err(error) => Err(Error::kubernetes("read an object")(error)),
    };
    result.unwrap_or_else(|error| {
        tracing::warn!(kind, namespace, name, %error, "an object that cannot be decoded is left as it is");
        Action::requeue(INTERVAL)
    })
}

/// Writes the conditions alone: the record of what was set has to outlive the release that cannot read it.
async fn report(api: &Api<DynamicObject>, object: &DynamicObject, error: &str) -> Result<(), Error> {
    let message = format!("this release of the operator cannot read the object: {error}");
    let present = object.data["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let condition = |type_: &str, status: &str| -> Value {
        let old = present
            .iter()
            .find(|one| one["type"] == type_ && one["status"] == status);
        json!({
            "type": type_, "status": status, "reason": "Invalid", "message": message,
            "observedGeneration": object.metadata.generation,
            "lastTransitionTime": old.map_or_else(|| json!(now), |old| old["lastTransitionTime"].clone()),
        })
    };
    let ours = ["Ready", STALLED, RECONCILING];
    let others = present
        .iter()
        .filter(|one| !ours.contains(&one["type"].as_str().unwrap_or_default()));
    let conditions: Vec<Value> = [condition("Ready", "False"), condition(STALLED, "True")]
        .into_iter()
        .chain(others.cloned())
        .collect();
    let generation = json!(object.metadata.generation);
    if present == conditions && object.data["status"]["observedGeneration"] == generation {
        return Ok(());
    }
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(json!({
        "metadata": { "resourceVersion": object.resource_version() },
        "status": { "observedGeneration": generation, "conditions": conditions },
    }));
    let written = api.patch_status(&object.name_any(), &params, &patch).await;
    written.map(|_| ()).map_err(Error::kubernetes("write the status"))
}

/// What stays on the remote side, and the connection that it belongs to, by what every kind has in common.
fn orphan(object: &DynamicObject, kind: &str) -> Option<(ConnectionKey, Orphan)> {
    let namespace = object.namespace().unwrap_or_default();
    let references = ["instanceRef", "spaceRef"].map(|field| &object.data["spec"][field]);
    let reference = references.into_iter().find(|reference| reference.is_object())?;
    let connection = ConnectionKey::new(
        reference["namespace"].as_str().unwrap_or(&namespace),
        reference["name"].as_str()?,
    );
    let remote = &object.data["status"]["remote"];
    let created = remote["origin"] == "Created";
    let orphan = Orphan {
        kind: kind.to_owned(),
        name: object.name_any(),
        key: remote["key"].as_str().filter(|_| created)?.to_owned(),
        id: object.data["status"]["applied"]["id"].as_str().map(str::to_owned),
        reason: Left::Undecodable.as_str().to_owned(),
        since: Some(Time(to_second(Timestamp::now()))),
        namespace,
    };
    Some((connection, orphan))
}

/// Nothing is known of the remote side here, so it is left as it is: at once where people say so, else after the time that
/// every removal gets to become possible again.
async fn remove<W: Work>(
    shell: &Shell<W>,
    api: &Api<DynamicObject>,
    object: &DynamicObject,
    error: &str,
) -> Result<Action, Error> {
    let since = object
        .metadata
        .deletion_timestamp
        .as_ref()
        .map_or_else(Timestamp::now, |since| since.0);
    let waited = Duration::try_from(Timestamp::now().duration_since(since)).unwrap_or_default();
    let forced = object
        .annotations()
        .get(annotation::FORCE_RELEASE)
        .is_some_and(|value| value == "true");
    if !forced && waited < shell.env.release_after {
        let hint = format!(
            "{error}. To release it, set the annotation {}: \"true\"",
            annotation::FORCE_RELEASE
        );
        report(api, object, &hint).await?;
        return Ok(Action::requeue(INTERVAL.min(shell.env.release_after)));
    }
    if let Some((connection, orphan)) = orphan(object, kind::<W::Object>()) {
        shell.work.left_behind(&connection, orphan);
    }
    let kept: Vec<&String> = object.finalizers().iter().filter(|one| *one != FINALIZER).collect();
    let patch = json!({ "metadata": { "finalizers": kept, "resourceVersion": object.resource_version() } });
    let released = api
        .patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await;
    released.map_err(Error::kubernetes("release an object"))?;
    let note = "released, since this release of the operator cannot read the object; the remote side stays as it is";
    let reference = kube::Resource::object_ref(object, &ApiResource::erase::<W::Object>(&()));
    shell.env.reports.warning(reference, "Released", "Delete", note);
    Ok(Action::await_change())
}
