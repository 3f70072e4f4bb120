//! Bad input: each gets a clear answer and loses nothing. The conditions are what a user would read.

use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, object, user};

/// Applies a connection that is wrong in one point and returns what its condition says.
async fn refused(bed: &Bed, extra: Value, state: &str) -> String {
    bed.give_credentials().await;
    bed.apply(&bed.connection_with(extra)).await;
    bed.wait("DssInstance", "design", state).await;
    bed.message("DssInstance", "design").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_where_nobody_listens() {
    let bed = Bed::start("nobody", &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_never_called() {
    let bed = Bed::start("addresses", &[]).await;
    for url in ["http://169.254.169.254", "http://[fe80::1]"] {
        let message = refused(&bed, json!({ "url": url }), "Ready=False/Invalid").await;
        assert!(message.contains("address"), "{url}: {message}");
    }
    let plain = json!({ "url": "http://dss.example.com", "tls": {} });
    let message = refused(&bed, plain, "Ready=False/Invalid").await;
    assert!(message.contains("allowInsecureHttp"), "{message}");
    assert_eq!(bed.remote.requests().total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_one_without_the_admin_right() {
    let bed = Bed::start("keys", &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_and_a_missing_key() {
    let bed = Bed::start("secrets", &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_does_not_exist() {
    let bed = Bed::start("noconnection", &[]).await;
    bed.apply(&user("jane", json!({}))).await;
    bed.wait("DssUser", "jane", "Ready=False/DependencyNotReady").await;
    let expected = format!("DssInstance {}/design not found", bed.namespace.name());
    assert_eq!(bed.message("DssUser", "jane").await, expected);
    bed.connect().await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlicensed_profile_and_a_local_user_without_password() {
    let bed = Bed::ready("invalid").await;
    bed.apply(&user("jane", json!({ "userProfile": "GRAND_WIZARD" }))).await;
    let jane = bed.wait("DssUser", "jane", "Ready=False/Invalid").await;
    assert!(jane["status"]["conditions"].to_string().contains("Stalled"));
    let message = bed.message("DssUser", "jane").await;
    assert!(
        message.starts_with("userProfile GRAND_WIZARD is not in the licence, which has "),
        "{message}"
    );

    let spec = json!({ "instanceRef": { "name": "design" } });
    bed.apply(&object("DssUser", "local", spec)).await;
    bed.wait("DssUser", "local", "Ready=False/Invalid").await;
    assert!(
        bed.message("DssUser", "local")
            .await
            .contains("needs passwordSecretRef")
    );
    assert_eq!(bed.remote.writes(), 0);

    bed.apply(&user("jane", json!({ "userProfile": "READER" }))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_that_the_node_does_not_keep() {
    let bed = Bed::ready("notstored").await;
    bed.remote.fault(json!({
        "match": { "operation": "D26" }, "times": 0,
        "fault": { "kind": "edit", "when": "after", "patch": { "groups": { "analysts": { "mayFly": null } } } },
    }));
    bed.apply(&crate::bed::group(
        "analysts",
        json!({ "permissions": { "mayFly": true } }),
    ))
    .await;
    bed.wait("DssGroup", "analysts", "Ready=False/AcceptedButNotStored")
        .await;
    assert!(bed.message("DssGroup", "analysts").await.contains("mayFly"));
    let writes = bed.remote.writes();
    bed.sweeps(2).await;
    assert!(bed.remote.writes() <= writes + 4, "it is not tried in a hot loop");
}

/// Faults of the node while a user is created, each with what is said of it, and that it heals.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_none() {
    let faults = [
        (
            "html",
            json!({ "kind": "html", "page": "login", "status": 200 }),
            "Unavailable",
            "not JSON",
        ),
        (
            "error500",
            json!({ "kind": "status", "status": 500 }),
            "Unavailable",
            "HTTP 500",
        ),
        ("dropped", json!({ "kind": "dropBefore" }), "Unavailable", "connection"),
        (
            "truncated",
            json!({ "kind": "truncate" }),
            "Unavailable",
            "GET /admin/users/{login}",
        ),
        (
            "limited",
            json!({ "kind": "status", "status": 429, "retryAfter": "2" }),
            "RateLimited",
            "HTTP 429",
        ),
        (
            "refused",
            json!({ "kind": "status", "status": 400 }),
            "Rejected",
            "HTTP 400",
        ),
    ];
    for (name, fault, reason, words) in faults {
        let bed = Bed::ready(name).await;
        bed.remote
            .fault(json!({ "match": { "operation": "D3" }, "times": 0, "fault": fault }));
        bed.apply(&user("jane", json!({}))).await;
        bed.wait("DssUser", "jane", &format!("Ready=False/{reason}")).await;
        let message = bed.message("DssUser", "jane").await;
        assert!(message.contains(words), "{name}: {message}");
        assert!(!message.contains("<html"), "{name}: {message}");
        assert_eq!(bed.remote.writes(), 0, "{name}");
        bed.remote.clear_faults();
        bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_quoted_and_takes_the_intent_back() {
    let bed = Bed::ready("rejected").await;
    bed.namespace
        .secret("login", &[("password", "pass-phrase")])
        .await
        .unwrap();
    let body = json!({ "errorType": "x.y.Refused", "message": "the licence is full, said pass-phrase" });
    bed.remote.fault(json!({ "match": { "operation": "D2" }, "times": 0, "fault": { "kind": "status", "status": 400, "body": body } }));
    let spec = json!({ "instanceRef": { "name": "design" }, "passwordSecretRef": { "name": "login" } });
    bed.apply(&object("DssUser", "jane", spec)).await;
    let jane = bed.wait("DssUser", "jane", "Ready=False/Rejected").await;
    let message = bed.message("DssUser", "jane").await;
    assert!(message.contains("the licence is full"), "{message}");
    assert!(
        message.contains("[redacted]") && !message.contains("pass-phrase"),
        "{message}"
    );
    assert_eq!(
        jane["status"]["remote"].get("origin"),
        None,
        "a user made by hand now would not be ours"
    );
    // Tried again at the interval.
    bed.remote.clear_faults();
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
}
