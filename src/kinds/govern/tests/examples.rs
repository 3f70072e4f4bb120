use serde_json::{Value, json};

use super::{Rig, ready};

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_get_in_sync() {
    let rig = Rig::govern().await;
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": "govern-admin", "namespace": "dataiku",
            "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" },
        },
        "stringData": { "apiKey": rig.node.api_key() },
    }));
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/govern.yaml")).unwrap();
    let mut objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    for object in &mut objects {
        if object["kind"] == "GovernInstance" {
            object["spec"]["url"] = json!(rig.node.url());
            object["spec"]["tls"] = json!({ "allowInsecureHttp": true });
        }
        rig.server.create(object.clone());
    }
    for object in &objects {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let plural = text(&object["kind"]).to_lowercase();
        let plural = if plural.ends_with('s') {
            plural
        } else {
            format!("{plural}s")
        };
        let (namespace, name) = (
            text(&object["metadata"]["namespace"]),
            text(&object["metadata"]["name"]),
        );
        rig.until(&format!("{plural} {name} in sync"), || {
            ready(&rig.server.get(&plural, &namespace, &name))["reason"] == "InSync"
        })
        .await;
    }
}
