//! One object of the kind, in a bed of its product: the steps that scenarios are made of.

use std::{collections::BTreeMap, marker::PhantomData};

use serde_json::{Value, json};

use super::Scenario;
use crate::{
    bed::{Bed, PATIENCE, merged, object},
    connection::Connection,
    ground::Ground,
};

/// A bed for a kind.
pub struct Subject<S> {
    pub bed: Bed,
    kind: PhantomData<S>,
}

impl<S: Scenario> Subject<S> {
    /// With the connection ready and the Secrets there.
    pub async fn ready(ground: &Ground, scenario: &str) -> Self {
        Self::ready_with_log(ground, scenario, "info,dataiku_operator=debug").await
    }

    /// The same with a log filter.
    pub async fn ready_with_log(ground: &Ground, scenario: &str, log: &str) -> Self {
        let hint = format!("{}-{scenario}", S::KIND.to_lowercase());
        let bed = Bed::ready_on(ground, S::PRODUCT, &hint, log).await;
        for (name, keys) in S::SECRETS {
            bed.namespace.secret(name, keys).await.unwrap();
        }
        for (name, keys) in S::CONFIG_MAPS {
            let data: BTreeMap<&str, &str> = keys.iter().copied().collect();
            let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": data });
            bed.apply(&object).await;
        }
        Self { bed, kind: PhantomData }
    }

    /// Puts onto the remote side what an object of this name needs.
    pub fn prepare(&self, name: &str) {
        S::prepare(&self.bed.remote, name);
    }

    /// Applies the object with `extra` merged into its spec.
    pub async fn apply(&self, name: &str, extra: Value) {
        self.bed.apply(&self.object(name, extra)).await;
    }

    /// The object with `extra` merged into its spec.
    pub fn object(&self, name: &str, extra: Value) -> Value {
        declaration::<S>(self.bed.connection, name, extra)
    }

    /// Waits for a state such as `Ready=True/InSync`.
    pub async fn wait(&self, name: &str, state: &str) -> Value {
        self.bed.wait(S::KIND, name, state).await
    }

    /// Waits until the object is in sync and at rest; the remote side holds what is declared.
    pub async fn converged(&self, name: &str) -> Value {
        self.wait(name, "Ready=True/InSync").await;
        let at_rest = self
            .bed
            .namespace
            .wait_for(S::KIND, name, S::is_at_rest, PATIENCE)
            .await
            .unwrap();
        assert_eq!(self.declared(name), S::expected(name), "{name}");
        at_rest
    }

    /// Makes an object from nothing and waits until it is in sync.
    pub async fn create(&self, name: &str, extra: Value) -> Value {
        self.prepare(name);
        self.apply(name, extra).await;
        self.converged(name).await
    }

    /// Takes over an object that somebody else has made, and waits until it is in sync.
    pub async fn adopt(&self, name: &str, extra: Value) -> Value {
        self.prepare(name);
        self.edit(S::found(&self.bed.remote, name));
        let adopt = if S::SHARED {
            json!({})
        } else {
            json!({ "adoptionPolicy": "Adopt" })
        };
        self.apply(name, merged(adopt, extra)).await;
        self.converged(name).await
    }

    /// Deletes the object and waits until it is gone.
    pub async fn delete(&self, name: &str) {
        self.bed.namespace.delete(S::KIND, name).await.unwrap();
        self.bed.namespace.wait_gone(S::KIND, name, PATIENCE).await.unwrap();
    }

    /// Somebody edits the remote side.
    pub fn edit(&self, patch: Value) {
        self.bed.remote.patch_state(patch).unwrap();
    }

    pub fn declared(&self, name: &str) -> Value {
        S::declared(&self.bed.remote, name)
    }

    pub fn rest(&self, name: &str) -> Value {
        S::rest(&self.bed.remote, name)
    }

    /// Waits until the remote side holds what is declared.
    pub async fn until_expected(&self, name: &str) {
        self.bed
            .until("what is declared", || self.declared(name) == S::expected(name))
            .await;
    }

    /// Calls since the last reset by which a remote object comes to be.
    pub fn creates(&self) -> u64 {
        S::CREATES
            .iter()
            .map(|operation| self.bed.remote.count(operation))
            .sum()
    }

    /// Those of them that were answered with success.
    pub fn creates_that_succeeded(&self) -> usize {
        let log = self.bed.remote.requests().log;
        log.iter()
            .filter(|call| S::CREATES.contains(&call.operation.as_str()) && (200..300).contains(&call.status))
            .count()
    }

    /// Nothing is written from now on, for a look at the remote side.
    pub async fn stays_in_sync(&self) {
        // What the last write has changed in others shows with the next look.
        self.bed.sweeps(1).await;
        self.bed.remote.reset_requests();
        self.bed.sweeps(1).await;
        assert_eq!(self.bed.remote.writes(), 0, "{:?}", self.bed.remote.requests().counts);
    }
}

/// The object with `extra` merged into its spec.
pub fn declaration<S: Scenario>(connection: Connection, name: &str, extra: Value) -> Value {
    let spec = merged(connection.reference(), S::spec(name));
    object(S::KIND, name, merged(spec, extra))
}

/// Origin on the record of an object.
pub fn origin(object: &Value) -> &Value {
    &object["status"]["remote"]["origin"]
}

/// Whether the record says that what is on the remote side was made by us, where a kind has such a record.
pub fn is_ours<S: Scenario>(object: &Value) -> bool {
    !S::KEEPS || origin(object) == "Created"
}
