//! Writes the status of an object, so that it says exactly what the operator means (`api.md` 8.26).
//!
//! A merge patch carries the difference to the status that the operator last read, and the version of the object it was
//! read from: if anybody else wrote meanwhile, the apiserver refuses, and the operator reads again. Server-side apply would
//! leave what other managers wrote beside ours, and could not be refused.

use std::sync::Arc;

use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Map, Value, json};

use super::{
    error::{Error, Refused},
    object::{HasStatus, Object, is_deleting, slim},
    shell::Shell,
    status::{StatusUpdate, next_status},
    work::Work,
};
use crate::crd::{applied::Applied, common::FIELD_MANAGER, status::Status};

/// How often a write is prepared again after somebody else's.
const ATTEMPTS: usize = 4;

/// The object after the write; `None` where it is gone.
pub type Written<K> = Option<Arc<K>>;

impl<W: Work> Shell<W> {
    /// Writes the status that follows from the update. With `current` the write fails if the object changed after `object`
    /// was read.
    ///
    /// # Errors
    /// The apiserver refuses, or the object changed.
    pub async fn write_status(
        &self,
        object: &Arc<W::Object>,
        mut update: StatusUpdate<<W::Object as Object>::Seen, <W::Object as Object>::Shown>,
        current: bool,
    ) -> Result<Written<W::Object>, Error> {
        let generation = object.meta().generation;
        let mut base = object.clone();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let next = next_status(base.status(), generation, update.clone(), self.env.clock.now());
            if reads_the_same(base.status(), &next) {
                return Ok(Some(base));
            }
            let error = match self.patch_status(&base, &next).await {
                Ok(written) => return Ok(Some(self.note_written(written))),
                Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(None),
                Err(error) => error,
            };
            let conflict = matches!(&error, kube::Error::Api(status) if status.is_conflict());
            if !conflict || attempt == ATTEMPTS {
                return Err(Error::kubernetes("write the status")(error));
            }
            let found = self.api(&base).get_opt(&base.name_any()).await;
            let Some(mut found) = found.map_err(Error::kubernetes("read the object again"))? else {
                return Ok(None);
            };
            if found.uid() != base.uid() {
                return Ok(None);
            }
            if current && (found.meta().generation != generation || is_deleting(&found) != is_deleting(&**object)) {
                return Err(Error::Refused(Refused::Superseded));
            }
            slim(found.meta_mut());
            let origin = |object: &W::Object| object.status().and_then(Status::origin);
            if origin(&found) != origin(object) || self.work.outdated(object, &found) {
                // Another replica created or adopted the remote object meanwhile, or started a run: what this reconcile found is outdated.
                return Err(Error::Refused(Refused::Superseded));
            }
            if let Some(status) = found.status() {
                keep_recorded(&mut update.applied, object.status(), status);
            }
            base = Arc::new(found);
        }
    }

    pub(super) async fn patch_status(
        &self,
        object: &W::Object,
        next: &Status<<W::Object as Object>::Seen, <W::Object as Object>::Shown>,
    ) -> Result<W::Object, kube::Error> {
        let before = object.status().and_then(|status| serde_json::to_value(status).ok());
        let after = serde_json::to_value(next).unwrap_or_default();
        let patch = json!({
            "metadata": { "uid": object.uid(), "resourceVersion": object.resource_version() },
            "status": merge_patch(&before.unwrap_or_default(), &after),
        });
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        self.api(object)
            .patch_status(&object.name_any(), &params, &Patch::Merge(&patch))
            .await
    }

    /// The API of this kind in the object's namespace.
    pub fn api(&self, object: &W::Object) -> Api<W::Object> {
        Api::namespaced(self.env.client.clone(), &object.namespace().unwrap_or_default())
    }
}

/// Whether two statuses are the same once they are written: a time there has whole seconds.
fn reads_the_same<T: PartialEq + serde::Serialize>(one: Option<&T>, other: &T) -> bool {
    let json = |status: &T| serde_json::to_value(status).ok();
    one.is_some_and(|one| one == other || json(one) == json(other))
}

/// Keeps what another writer recorded after `read`: another replica may have granted something that only its record names.
fn keep_recorded<R, T>(applied: &mut Applied, read: Option<&Status<R, T>>, found: &Status<R, T>) {
    let Some(recorded) = &found.applied else { return };
    if recorded.subject != applied.subject || read.and_then(|read| read.applied.as_ref()) == Some(recorded) {
        return;
    }
    applied.grants.add(recorded.grants.clone());
    for (slot, print) in recorded.secrets.iter() {
        if !applied.secrets.contains_key(slot) {
            applied.secrets.insert(slot.clone(), print.clone());
        }
    }
    for (id, since) in &recorded.retiring {
        if applied.id.as_ref() != Some(id) && !applied.retiring.contains_key(id) {
            applied.retiring.insert(id.clone(), since.clone());
        }
    }
    if applied.id.is_none() {
        applied.id.clone_from(&recorded.id);
        applied.published_at.clone_from(&recorded.published_at);
    }
}

/// The JSON merge patch that turns `before` into `after`: what `after` lacks is null.
fn merge_patch(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return after.clone();
    };
    let mut patch = Map::new();
    for (key, value) in after {
        match before.get(key) {
            Some(found) if found == value => {}
            Some(found @ Value::Object(_)) if value.is_object() => {
                patch.insert(key.clone(), merge_patch(found, value));
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_patch_removes_what_the_next_status_lacks_and_names_nothing_else() {
        let before = json!({ "conditions": [1, 2], "plan": ["x"], "remote": { "key": "a", "origin": "Created" } });
        let after = json!({ "conditions": [1], "remote": { "key": "a" }, "applied": {} });
        let expected = json!({ "conditions": [1], "plan": null, "remote": { "origin": null }, "applied": {} });
        assert_eq!(merge_patch(&before, &after), expected);
        assert_eq!(merge_patch(&Value::Null, &after), after);
    }

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<bool>().prop_map(Value::from), (0..3i64).prop_map(Value::from)];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_patched_status_is_the_next_one(before in documents(), after in documents()) {
            let (before, after) = (json!({ "status": before }), json!({ "status": after }));
            let mut patched = before.clone();
            json_patch::merge(&mut patched, &merge_patch(&before, &after));
            prop_assert_eq!(patched, after);
        }
    }
}
