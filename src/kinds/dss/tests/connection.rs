use serde_json::{Value, json};

use super::{Rig, ready};

/// A window that is closed on all but the first minute of a year.
fn closed() -> Value {
    json!([{ "schedule": "0 0 1 1 *", "duration": "1m" }])
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_edit_outside_of_the_windows_only_what_takes_access_away_is_written() {
    let rig = Rig::dss().await;
    for group in ["red", "blue"] {
        let spec = json!({ "instanceRef": { "name": "design" } });
        rig.create("DssGroup", group, spec);
        rig.wait("dssgroups", group, "InSync").await;
    }
    let spec = json!({
        "instanceRef": { "name": "design" }, "sourceType": "LOCAL_NO_AUTH", "userProfile": "READER",
        "displayName": "Jane", "groups": [{ "name": "red" }],
    });
    rig.create("DssUser", "jane", spec);
    rig.wait("dssusers", "jane", "InSync").await;
    let windows = |windows: Value| {
        let patch = json!({ "spec": { "changeWindows": windows } });
        rig.server.patch("dssinstances", "team", "design", patch)
    };
    windows(closed());
    rig.swept().await;
    let edit = json!({ "spec": { "displayName": "Jane Doe", "groups": [{ "name": "blue" }] } });
    rig.server.patch("dssusers", "team", "jane", edit);
    let jane = rig.wait("dssusers", "jane", "Frozen").await;
    assert_eq!(
        jane["status"]["plan"],
        json!(["set displayName to Jane Doe", "add to group blue"])
    );
    let stored = || rig.node.state_at("/users/jane").unwrap();
    assert_eq!(stored()["groups"], json!([]), "the membership is withdrawn");
    assert_eq!(stored()["displayName"], "Jane");
    let writes = rig.node.writes();
    rig.swept().await;
    assert_eq!(rig.node.writes(), writes, "what waits is not attempted");
    windows(Value::Null);
    rig.wait("dssusers", "jane", "InSync").await;
    assert_eq!(stored()["groups"], json!(["blue"]));
    assert_eq!(stored()["displayName"], "Jane Doe");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_to_present_and_a_password_for_a_proxy_need_the_consent_of_their_secrets_too() {
    let rig = Rig::dss().await;
    let secret = |name: &str, data: Value, hosts: &str| {
        rig.server.create(json!({
            "apiVersion": "v1", "kind": "Secret", "stringData": data,
            "metadata": { "name": name, "namespace": "team", "annotations": { "dataiku-operator.io/allowed-hosts": hosts } },
        }))
    };
    let edit = |spec: Value| {
        rig.server
            .patch("dssinstances", "team", "design", json!({ "spec": spec }))
    };
    let message = |object: &Value| ready(object)["message"].as_str().unwrap_or_default().to_owned();
    edit(json!({ "tls": { "clientCertificateSecretRef": { "name": "mtls" } } }));
    let found = rig.wait("dssinstances", "design", "DependencyNotReady").await;
    assert_eq!(message(&found), "Secret team/mtls not found");
    secret(
        "mtls",
        json!({ "tls.crt": "no PEM", "tls.key": "no PEM" }),
        "dss.example.com",
    );
    let found = rig.wait("dssinstances", "design", "NotAllowed").await;
    assert!(
        message(&found).contains("kubectl annotate secret mtls"),
        "{}",
        message(&found)
    );
    let annotation = "dataiku-operator.io/allowed-hosts";
    rig.server.annotate("secrets", "team", "mtls", annotation, "127.0.0.1");
    // Over http no certificate is presented, so nobody reads it.
    rig.wait("dssinstances", "design", "InSync").await;
    edit(json!({ "proxyUrl": "http://proxy.example.com:3128", "proxySecretRef": { "name": "proxy" } }));
    secret(
        "proxy",
        json!({ "username": "operator", "password": "canary-proxy" }),
        "127.0.0.1",
    );
    rig.until("the proxy is refused", || {
        let found = rig.server.get("dssinstances", "team", "design");
        message(&found).contains("'dataiku-operator.io/allowed-hosts=127.0.0.1,proxy.example.com' --overwrite")
    })
    .await;
}
