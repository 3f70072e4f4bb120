//! Bad input: each gets a clear answer and loses nothing. The conditions are what a user would read.

use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, user};
use crate::ground::Ground;

/// Applies a connection that is wrong in one point and returns what its condition says.
async fn refused(bed: &Bed, extra: Value, state: &str) -> String {
    bed.give_credentials().await;
    bed.apply(&bed.connection_with(extra)).await;
    bed.wait("DssInstance", "design", state).await;
    bed.message("DssInstance", "design").await
}

in_memory!(a_url_where_nobody_listens);
async fn a_url_where_nobody_listens(ground: &Ground) {
    let bed = ground.start("nobody", &[]).await;
    let port = testbed::port::free().unwrap();
    let url = json!({ "url": format!("http://127.0.0.1:{port}") });
    let message = refused(&bed, url, "Ready=False/Unavailable").await;
    assert!(
        message.contains("/auth/info") && message.contains("check url"),
        "{message}"
    );
    // Its objects say on what they wait.
    bed.apply(&user("jane", json!({}))).await;
    bed.wait("DssUser", "jane", "Ready=False/DependencyNotReady").await;
    let message = bed.message("DssUser", "jane").await;
    assert!(
        message.contains("DssInstance") && message.contains("Unavailable"),
        "{message}"
    );
}

in_memory!(addresses_that_are_never_called);
async fn addresses_that_are_never_called(ground: &Ground) {
    let bed = ground.start("addresses", &[]).await;
    for url in ["http://169.254.169.254", "http://[fe80::1]"] {
        let message = refused(&bed, json!({ "url": url }), "Ready=False/Invalid").await;
        assert!(message.contains("address"), "{url}: {message}");
    }
    let plain = json!({ "url": "http://dss.example.com", "tls": {} });
    let message = refused(&bed, plain, "Ready=False/Invalid").await;
    assert!(message.contains("allowInsecureHttp"), "{message}");
    assert_eq!(bed.remote.requests().total, 0);
}

in_memory!(a_wrong_key_and_one_without_the_admin_right);
async fn a_wrong_key_and_one_without_the_admin_right(ground: &Ground) {
    let bed = ground.start("keys", &[]).await;
    bed.namespace
        .secret("wrong", &[("apiKey", "no-such-key")])
        .await
        .unwrap();
    let credentials = json!({ "credentials": { "apiKeySecretRef": { "name": "wrong" } } });
    let message = refused(&bed, credentials, "Ready=False/Forbidden").await;
    assert!(
        message.contains("HTTP 401") && message.contains("not accepted"),
        "{message}"
    );
    assert!(!message.contains("no-such-key"));

    // Repaired in the Secret, it heals at once.
    bed.namespace
        .secret("wrong", &[("apiKey", bed.remote.api_key())])
        .await
        .unwrap();
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;

    bed.namespace
        .secret("wrong", &[("apiKey", bed.remote.non_admin_api_key())])
        .await
        .unwrap();
    let instance = bed.wait("DssInstance", "design", "Ready=False/Forbidden").await;
    assert_eq!(instance["status"]["identity"]["admin"], false);
    assert!(
        bed.message("DssInstance", "design")
            .await
            .contains("lacks the admin right")
    );
}

in_memory!(a_missing_secret_and_a_missing_key);
async fn a_missing_secret_and_a_missing_key(ground: &Ground) {
    let bed = ground.start("secrets", &[]).await;
    let namespace = bed.namespace.name().to_owned();
    let missing = json!({ "credentials": { "apiKeySecretRef": { "name": "absent", "key": "token" } } });
    let message = refused(&bed, missing, "Ready=False/DependencyNotReady").await;
    assert_eq!(message, format!("Secret {namespace}/absent not found"));
    bed.namespace.secret("absent", &[("other", "x")]).await.unwrap();
    bed.namespace
        .wait_for(
            "DssInstance",
            "design",
            |found| found.to_string().contains("has no key token"),
            PATIENCE,
        )
        .await
        .unwrap();
    bed.namespace
        .secret("absent", &[("token", bed.remote.api_key())])
        .await
        .unwrap();
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
}

in_memory!(a_connection_that_does_not_exist);
async fn a_connection_that_does_not_exist(ground: &Ground) {
    let bed = ground.start("noconnection", &[]).await;
    bed.apply(&user("jane", json!({}))).await;
    bed.wait("DssUser", "jane", "Ready=False/DependencyNotReady").await;
    let expected = format!("DssInstance {}/design not found", bed.namespace.name());
    assert_eq!(bed.message("DssUser", "jane").await, expected);
    bed.connect().await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_does_not_name_the_host() {
    let bed = Bed::start("consent", &[]).await;
    bed.give_credentials().await;
    let secret = bed.connection.secret();
    let annotation = "dataiku-operator.io/allowed-hosts";
    let annotate = |hosts: Value| {
        let patch = json!({ "metadata": { "annotations": { annotation: hosts } } });
        bed.namespace.patch("Secret", &secret, patch)
    };
    annotate(Value::Null).await.unwrap();
    bed.apply(&bed.connection_with(json!({}))).await;
    let refused = bed.wait("DssInstance", "design", "Ready=False/NotAllowed").await;
    assert_eq!(bed.remote.requests().total, 0);
    // The message is a command that works as it stands.
    let message = crate::bed::message(&refused);
    let (_, command) = message.split_once("kubectl ").unwrap();
    let arguments: Vec<&str> = command.split(' ').map(|argument| argument.trim_matches('\'')).collect();
    bed.namespace.control_plane().kubectl(&arguments).await.unwrap();
    let ready = bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    assert!(ready["status"]["conditions"].to_string().contains("InsecureHttp"));
    annotate(json!("dss.example.com")).await.unwrap();
    let message = crate::bed::message(&bed.wait("DssInstance", "design", "Ready=False/NotAllowed").await);
    assert!(
        message.ends_with("'dataiku-operator.io/allowed-hosts=dss.example.com,127.0.0.1' --overwrite"),
        "{message}"
    );
}
