//! Keys that an object left behind on purpose, and another object of the same name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::node::Rig;

/// A kind of keys, and where the node has them.
struct Keys {
    kind: &'static str,
    plural: &'static str,
    collection: &'static str,
    spec: Value,
}

impl Keys {
    /// Ids of the keys with the mark of an object of this name.
    fn ids(&self, rig: &Rig) -> BTreeSet<String> {
        let keys = rig.at(&format!("/{}", self.collection));
        let marked = |key: &Value| {
            key["description"]
                .as_str()
                .is_some_and(|text| text.contains("team/ci "))
        };
        let keys = keys.as_object().cloned().unwrap_or_default().into_iter();
        keys.filter(|(_, key)| marked(key)).map(|(id, _)| id).collect()
    }

    async fn create(&self, rig: &Rig, extra: &Value) -> Value {
        let mut spec = self.spec.clone();
        json_patch::merge(&mut spec, extra);
        rig.create(self.kind, "ci", spec);
        rig.wait(self.plural, "ci", "InSync").await
    }

    async fn delete(&self, rig: &Rig) {
        rig.server.delete(self.plural, "team", "ci");
        rig.gone(self.plural, "ci").await;
        // Kubernetes deletes it with its owner.
        if rig.server.find("secrets", "team", "ci-key").is_some() {
            rig.server.delete("secrets", "team", "ci-key");
        }
    }

    /// A key that its object retained works whatever becomes of another object of the same name.
    async fn outlive_the_next_object(&self, rig: &Rig) {
        let rotating = json!({ "rotation": { "interval": "10s", "overlap": "1s" } });
        for extra in [json!({}), rotating] {
            let mut retaining = extra.clone();
            retaining["deletionPolicy"] = json!("Retain");
            let before = self.ids(rig);
            self.create(rig, &retaining).await;
            let retained = self.ids(rig);
            assert_eq!(retained.len(), before.len() + 1, "{}", self.kind);
            self.delete(rig).await;
            assert_eq!(self.ids(rig), retained, "{}", self.kind);
            self.create(rig, &extra).await;
            rig.swept().await;
            rig.swept().await;
            assert!(self.ids(rig).is_superset(&retained), "{} with {extra}", self.kind);
            let object = rig.wait(self.plural, "ci", "InSync").await;
            let former: BTreeSet<String> =
                serde_json::from_value(object["status"]["remote"]["former"].clone()).unwrap();
            assert_eq!(former, retained, "{object:#}");
            rig.server.patch(
                self.plural,
                "team",
                "ci",
                json!({ "spec": { "deletionPolicy": "Delete" } }),
            );
            self.delete(rig).await;
            assert_eq!(self.ids(rig), retained, "{} with {extra}", self.kind);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_global_key_of_dss_that_was_retained_is_never_revoked() {
    let rig = Rig::dss().await;
    let keys = Keys {
        kind: "DssGlobalApiKey",
        plural: "dssglobalapikeys",
        collection: "globalApiKeys",
        spec: json!({ "instanceRef": { "name": "design" }, "secretName": "ci-key", "permissions": {} }),
    };
    keys.outlive_the_next_object(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_key_that_was_retained_is_never_revoked() {
    let rig = Rig::dss().await;
    rig.node
        .patch_state(
            json!({ "users": { "jane": { "login": "jane", "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER" } } }),
        )
        .unwrap();
    rig.swept().await;
    let keys = Keys {
        kind: "DssPersonalApiKey",
        plural: "dsspersonalapikeys",
        collection: "personalApiKeys",
        spec: json!({ "instanceRef": { "name": "design" }, "user": "jane", "secretName": "ci-key" }),
    };
    keys.outlive_the_next_object(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_govern_that_was_retained_is_never_revoked() {
    let rig = Rig::govern().await;
    let keys = Keys {
        kind: "GovernGlobalApiKey",
        plural: "governglobalapikeys",
        collection: "globalApiKeys",
        spec: json!({ "instanceRef": { "name": "govern" }, "secretName": "ci-key", "permissions": { "admin": false } }),
    };
    keys.outlive_the_next_object(&rig).await;
}
