//! What the apiserver itself refuses, and what it explains.

use serde_json::{Value, json};
use testbed::Namespace;

use crate::bed::{group, object, user};

async fn refused(namespace: &Namespace, object: &Value, words: &str) {
    let error = namespace
        .apply_object(object)
        .await
        .expect_err(&format!("{object} was accepted"));
    assert!(format!("{error:#}").contains(words), "{words} is not in {error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_is_immutable_but_may_be_spelled_out() {
    let namespace = Namespace::create("immutable").await.unwrap();
    namespace.control_plane().installation().await.unwrap();
    namespace.apply_object(&user("jane", json!({}))).await.unwrap();
    namespace
        .apply_object(&user("jane", json!({ "login": "jane" })))
        .await
        .unwrap();
    refused(
        &namespace,
        &user("jane", json!({ "login": "joan" })),
        "login is immutable",
    )
    .await;
    refused(
        &namespace,
        &user("jane", json!({ "instanceRef": { "name": "other" } })),
        "instanceRef is immutable",
    )
    .await;
    namespace
        .apply_object(&group("analysts", json!({ "name": "analysts" })))
        .await
        .unwrap();
    refused(
        &namespace,
        &group("analysts", json!({ "name": "others" })),
        "name is immutable",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_by_itself_is_refused_at_once() {
    let namespace = Namespace::create("refused").await.unwrap();
    namespace.control_plane().installation().await.unwrap();
    refused(&namespace, &user("a", json!({})), "set spec.login").await;
    refused(&namespace, &user("jane", json!({ "login": "no spaces" })), "spec.login").await;
    refused(&namespace, &user("jane", json!({ "sourceType": "MOON" })), "sourceType").await;
    let ldap = json!({ "sourceType": "LDAP", "passwordSecretRef": { "name": "x" } });
    refused(&namespace, &user("jane", ldap), "LOCAL only").await;
    let twice = json!({ "groups": [{ "name": "a" }, { "name": "a" }] });
    refused(&namespace, &user("jane", twice), "duplicate").await;
    for member in ["admin", "description", "ldapGroupNames"] {
        let permissions = json!({ "permissions": { member: true } });
        refused(
            &namespace,
            &group("analysts", permissions),
            "use the field of spec for it",
        )
        .await;
    }
    let instance = |extra: Value| {
        let mut spec =
            json!({ "url": "https://dss.example.com", "credentials": { "apiKeySecretRef": { "name": "k" } } });
        spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        object("DssInstance", "design", spec)
    };
    refused(&namespace, &instance(json!({ "url": "ftp://dss" })), "http or https").await;
    refused(&namespace, &instance(json!({ "driftInterval": "1s" })), "at least 5s").await;
    let both = json!({ "apiKeySecretRef": { "name": "k" }, "bearerTokenSecretRef": { "name": "t" } });
    for credentials in [both, json!({})] {
        refused(
            &namespace,
            &instance(json!({ "credentials": credentials })),
            "exactly one of",
        )
        .await;
    }
    let selector = json!({ "matchLabels": { "team": "risk" } });
    for allowed in [
        json!({ "from": "Selector" }),
        json!({ "from": "All", "selector": selector }),
    ] {
        refused(
            &namespace,
            &instance(json!({ "allowedNamespaces": allowed })),
            "from: Selector",
        )
        .await;
    }
    let windows = json!([{ "schedule": "0 20 * * 1-5", "duration": "10s" }]);
    refused(
        &namespace,
        &instance(json!({ "changeWindows": windows })),
        "from 1m to 168h",
    )
    .await;
    refused(
        &namespace,
        &instance(json!({ "proxyUrl": "socks5://proxy" })),
        "http or https",
    )
    .await;
    let offers = json!({
        "credentials": { "bearerTokenSecretRef": { "name": "t" } },
        "tls": { "clientCertificateSecretRef": { "name": "mtls" } },
        "allowedNamespaces": { "from": "Selector", "selector": selector },
        "changeWindows": [{ "schedule": "0 20 * * 1-5", "duration": "4h", "timeZone": "Europe/Paris" }],
        "proxyUrl": "http://proxy.example.com:3128", "proxySecretRef": { "name": "proxy" },
        "limits": { "concurrency": 8, "requestsPerSecond": 50, "listTimeout": "60s" },
    });
    namespace.apply_object(&instance(offers)).await.unwrap();
    namespace.apply_object(&instance(json!({}))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_explains_defaults_and_what_unset_means() {
    let namespace = Namespace::create("explain").await.unwrap();
    namespace.control_plane().installation().await.unwrap();
    for (field, words) in [
        ("dssuser.spec.groupsPolicy", "leaves the other groups of the user alone"),
        ("dssgroup.spec.permissions", "The map is open"),
        ("dssinstance.spec.driftInterval", "Default: 60s"),
        ("dssuser.status.remote", "as last seen"),
        ("dssuser.spec.userProperties", "Only the declared keys"),
        ("dssuser.spec.adminProperties", "Only the declared keys"),
    ] {
        let explained = namespace.kubectl(&["explain", field]).await.unwrap();
        let one_line = explained.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(one_line.contains(words), "{field}: {explained}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_install_with_kustomize() {
    let namespace = Namespace::create("kustomize").await.unwrap();
    let folder = testbed::repository().join("deploy");
    let built = namespace
        .kubectl(&["kustomize", &folder.to_string_lossy()])
        .await
        .unwrap();
    for kind in [
        "CustomResourceDefinition",
        "Deployment",
        "ClusterRole",
        "ServiceAccount",
    ] {
        assert!(built.contains(&format!("kind: {kind}\n")), "{kind} is missing");
    }
    namespace.control_plane().installation().await.unwrap();
    let file = namespace.control_plane().folder().join("kustomized.yaml");
    std::fs::write(&file, &built).unwrap();
    let applied = ["apply", "--dry-run=server", "-f", &file.to_string_lossy()];
    namespace.control_plane().kubectl(&applied).await.unwrap();
}

#[test]
fn no_schema_has_a_default() {
    // A default of the apiserver is a difference for everything that compares objects with their source.
    let mut found = Vec::new();
    for file in std::fs::read_dir(testbed::repository().join("crds")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().filter(|line| line.trim_start().starts_with("default:"));
        found.extend(lines.map(|line| format!("{}: {}", path.display(), line.trim())));
    }
    assert!(found.is_empty(), "{found:#?}");
}
