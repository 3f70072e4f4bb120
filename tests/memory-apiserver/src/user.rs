//! Edits by somebody else: they take effect at once, and no fault touches them.

#![allow(clippy::needless_pass_by_value, reason = "every caller makes the JSON on the spot")]

use serde_json::{Value, json};

use crate::{
    MemoryApiserver,
    ownership::Owner,
    patch,
    rejection::Rejection,
    shared::State,
    store::{Key, Store},
    write::{Preconditions, Write, text},
};

/// Field manager of these edits.
const USER: &str = "user";

/// Each takes the plural, the namespace (empty for what lives in none) and the name of an object.
///
/// # Panics
///
/// Where the kind is not registered, there is no such object, or a server would refuse the edit.
impl MemoryApiserver {
    /// Creates an object; without a namespace, in `default`. Returns it as it is stored.
    #[track_caller]
    pub fn create(&self, object: Value) -> Value {
        let namespace = text(&object, "namespace").unwrap_or("default").to_owned();
        self.edit(|state| {
            let id = state.store.find(|kind| {
                object["apiVersion"] == kind.api_version().as_str() && object["kind"] == kind.kind.as_str()
            });
            let unknown = || format!("{} {} is not registered", object["apiVersion"], object["kind"]);
            let write = write(&mut state.store, id.ok_or_else(unknown)?, "");
            let namespace = if write.collection.kind.namespaced {
                namespace.as_str()
            } else {
                ""
            };
            let created = write.create(namespace, object, None).map_err(message)?;
            Ok(Value::clone(&created))
        })
    }

    /// Merges `merge` into an object, as `kubectl edit` does. Returns it as it is stored.
    #[track_caller]
    pub fn patch(&self, plural: &str, namespace: &str, name: &str, merge: Value) -> Value {
        self.merge(plural, namespace, name, &merge, "")
    }

    /// Merges `status` into the status of an object. Returns the object as it is stored.
    #[track_caller]
    pub fn patch_status(&self, plural: &str, namespace: &str, name: &str, status: Value) -> Value {
        let has_subresource = self.edit(|state| {
            let id = by_plural(&state.store, plural)?;
            Ok(state.store.get(id).is_some_and(|collection| collection.kind.status))
        });
        let subresource = if has_subresource { "status" } else { "" };
        self.merge(plural, namespace, name, &json!({ "status": status }), subresource)
    }

    /// Sets an annotation. Returns the object as it is stored.
    #[track_caller]
    pub fn annotate(&self, plural: &str, namespace: &str, name: &str, annotation: &str, value: &str) -> Value {
        let merge = json!({ "metadata": { "annotations": { annotation: value } } });
        self.patch(plural, namespace, name, merge)
    }

    /// Deletes an object; one that has finalizers is marked.
    #[track_caller]
    pub fn delete(&self, plural: &str, namespace: &str, name: &str) {
        self.edit(|state| {
            let id = by_plural(&state.store, plural)?;
            let deletion = write(&mut state.store, id, "").delete(&key(namespace, name), &Preconditions::default());
            deletion.map(|_| ()).map_err(message)
        });
    }

    /// The object.
    ///
    /// # Panics
    ///
    /// Where there is none.
    #[track_caller]
    pub fn get(&self, plural: &str, namespace: &str, name: &str) -> Value {
        let found = self.find(plural, namespace, name);
        found.unwrap_or_else(|| panic!("{plural} {namespace}/{name} not found"))
    }

    /// The object, or `None` if there is none. Panics only where the kind is not registered.
    #[track_caller]
    pub fn find(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        self.read(|state| {
            let collection = state.store.get(by_plural(&state.store, plural)?);
            let found = collection.and_then(|collection| collection.objects.get(&key(namespace, name)));
            Ok(found.map(|stored| Value::clone(&stored.value)))
        })
    }

    /// All objects of a kind, by namespace and name. Panics only where the kind is not registered.
    #[track_caller]
    pub fn list(&self, plural: &str) -> Vec<Value> {
        self.read(|state| {
            let collection = state.store.get(by_plural(&state.store, plural)?);
            let objects = collection
                .into_iter()
                .flat_map(|collection| collection.objects.values());
            Ok(objects.map(|stored| Value::clone(&stored.value)).collect())
        })
    }

    #[track_caller]
    fn merge(&self, plural: &str, namespace: &str, name: &str, merge: &Value, subresource: &str) -> Value {
        self.edit(|state| {
            let id = by_plural(&state.store, plural)?;
            let write = write(&mut state.store, id, subresource);
            let key = key(namespace, name);
            let current = write.current(&key).map_err(message)?.value;
            let updated = write
                .update(&key, patch::merged(&current, merge), None)
                .map_err(message)?;
            Ok(Value::clone(&updated))
        })
    }

    #[track_caller]
    fn read<T>(&self, read: impl FnOnce(&State) -> Result<T, String>) -> T {
        let found = read(&self.shared.lock());
        found.unwrap_or_else(|why| panic!("{why}"))
    }

    #[track_caller]
    pub(crate) fn edit<T>(&self, edit: impl FnOnce(&mut State) -> Result<T, String>) -> T {
        // Outside the lock, so that the state is usable by what the panic unwinds through.
        match self.shared.change(edit) {
            Ok(done) => done,
            Err(why) => panic!("{why}"),
        }
    }
}

/// The kind of this plural, which may be followed by `.` and its group.
pub(crate) fn by_plural(store: &Store, plural: &str) -> Result<u64, String> {
    let found = store.find(|kind| kind.plural == plural || kind.resource() == plural);
    found.ok_or_else(|| format!("{plural} are not registered"))
}

fn write<'a>(store: &'a mut Store, id: u64, subresource: &str) -> Write<'a> {
    let Some((collection, counters)) = store.get_mut(id) else {
        unreachable!("it was found under the same lock")
    };
    Write {
        collection,
        counters,
        owner: Owner {
            manager: USER.to_owned(),
            applies: false,
            subresource: subresource.to_owned(),
        },
        dry_run: false,
    }
}

fn key(namespace: &str, name: &str) -> Key {
    (namespace.to_owned(), name.to_owned())
}

fn message(rejection: Rejection) -> String {
    rejection.message
}
