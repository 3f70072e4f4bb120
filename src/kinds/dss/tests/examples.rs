use serde_json::{Value, json};

use super::{Rig, ready};

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_get_in_sync() {
    let rig = Rig::dss().await;
    let secret = |namespace: &str, name: &str, data: Value| {
        rig.server.create(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": name, "namespace": namespace, "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" } },
            "stringData": data,
        }))
    };
    secret("dataiku", "design-admin", json!({ "apiKey": rig.node.api_key() }));
    let values = json!({ "password": "correct-horse", "openai": "key-1", "snowflake": "battery-staple" });
    secret("team-a", "jane", values);
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/dss.yaml")).unwrap();
    let mut objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    for object in &mut objects {
        if object["kind"] == "DssInstance" {
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
