//! Objects that this release cannot read, after a downgrade for example: they say so, keep what is on record, and go when
//! they are told to.

use std::time::Duration;

use jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, ObjectMeta},
    runtime::controller::Action,
};
use serde_json::{Value, json};

use super::{Error, Managed, cleanup, context::Context};
use crate::crd::common::{FIELD_MANAGER, FINALIZER, annotation};

/// When to look again at one that is being deleted.
const INTERVAL: Duration = Duration::from_secs(30);

/// Deals with one such object.
pub async fn settle<K: Managed>(context: &Context<K>, metadata: &ObjectMeta, error: &str) -> Action {
    let (name, namespace) = (
        metadata.name.clone().unwrap_or_default(),
        metadata.namespace.clone().unwrap_or_default(),
    );
    tracing::warn!(kind = K::KIND, namespace, name, error, "an object cannot be decoded");
    let api: Api<DynamicObject> =
        Api::namespaced_with(context.around.client.clone(), &namespace, &ApiResource::erase::<K>(&()));
    let result = match api.get_opt(&name).await {
        Ok(Some(object)) if object.metadata.deletion_timestamp.is_some() => remove(context, &api, &object, error).await,
        Ok(Some(object)) => say_so(&api, &object, error).await.map(|()| Action::await_change()),
        Ok(None) => Ok(Action::await_change()),
        Err(error) => Err(Error::kubernetes("read an object")(error)),
    };
    result.unwrap_or_else(|error| {
        tracing::warn!(kind = K::KIND, namespace, name, %error, "an object that cannot be decoded is left as it is");
        Action::requeue(INTERVAL)
    })
}

/// The conditions alone: the record of what was set has to outlive the release that cannot read it.
async fn say_so(api: &Api<DynamicObject>, object: &DynamicObject, error: &str) -> Result<(), Error> {
    let message = format!("this release of the operator cannot read the object: {error}");
    let present = &object.data["status"]["conditions"];
    let same = present.as_array().is_some_and(|present| {
        present
            .iter()
            .any(|one| one["type"] == "Stalled" && one["message"] == message.as_str())
    });
    if same && object.data["status"]["observedGeneration"] == json!(object.metadata.generation) {
        return Ok(());
    }
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let condition = |type_: &str, status: &str| -> Value {
        json!({
            "type": type_, "status": status, "reason": "Invalid", "message": message,
            "observedGeneration": object.metadata.generation, "lastTransitionTime": now,
        })
    };
    let status = json!({
        "observedGeneration": object.metadata.generation,
        "conditions": [condition("Ready", "False"), condition("Stalled", "True")],
    });
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(json!({ "status": status }));
    let written = api.patch_status(&object.name_any(), &params, &patch).await;
    written.map(|_| ()).map_err(Error::kubernetes("write the status"))
}

/// Nothing is known of the remote side here, so it is left as it is: at once where people say so, else after the time
/// that every removal gets to become possible again.
async fn remove<K: Managed>(
    context: &Context<K>,
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
    if !cleanup::is_forced(object) && waited < context.around.release_after {
        let hint = format!(
            "{error}. To let it go, set the annotation {}: \"true\"",
            annotation::FORCE_RELEASE
        );
        say_so(api, object, &hint).await?;
        return Ok(Action::requeue(INTERVAL.min(context.around.release_after)));
    }
    let kept: Vec<&String> = object.finalizers().iter().filter(|one| *one != FINALIZER).collect();
    let patch = json!({ "metadata": { "finalizers": kept, "resourceVersion": object.resource_version() } });
    let note = "released, since this release of the operator cannot read the object; the remote side stays as it is";
    let reference = kube::Resource::object_ref(object, &ApiResource::erase::<K>(&()));
    context.around.reports.warning(reference, "Released", "Delete", note);
    let released = api
        .patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await;
    released
        .map(|_| Action::await_change())
        .map_err(Error::kubernetes("release an object"))
}
