//! Servers that store a name in another form than it was sent.

use serde_json::{Value, json};

use crate::bed::{PATIENCE, group, message, user};
use crate::ground::Ground;

/// Whether a condition or the plan of an object says a text.
fn says(object: &Value, text: &str) -> bool {
    object["status"]["conditions"].to_string().contains(text) || object["status"]["plan"].to_string().contains(text)
}

in_memory!(a_name_that_the_server_normalises_is_made_once_and_goes_with_its_object);
async fn a_name_that_the_server_normalises_is_made_once_and_goes_with_its_object(ground: &Ground) {
    let bed = ground.ready("normalised").await;
    bed.remote.switch("names", json!("lowercase")).unwrap();
    bed.apply(&user(
        "mixed",
        json!({ "login": "Mixed.Case", "groups": [{ "name": "readers" }] }),
    ))
    .await;
    bed.apply(&group("mixed", json!({ "name": "Mixed.Group" }))).await;
    for (kind, as_sent, as_stored) in [
        ("DssUser", "Mixed.Case", "mixed.case"),
        ("DssGroup", "Mixed.Group", "mixed.group"),
    ] {
        let object = bed.wait(kind, "mixed", "Ready=False/AcceptedButNotStored").await;
        assert!(
            says(&object, as_sent) && says(&object, as_stored),
            "{}",
            object["status"]
        );
    }
    bed.sweeps(3).await;
    let counts = bed.remote.requests().counts;
    assert_eq!(
        (counts.get("D2"), counts.get("D24")),
        (Some(&1), Some(&1)),
        "{counts:?}"
    );
    let updates: Vec<_> = bed.events("mixed", "Normal").await;
    let warnings = bed.events("mixed", "Warning").await;
    assert!(
        warnings.len() <= 2 && updates.len() <= 2,
        "one for each object: {warnings:?} {updates:?}"
    );

    // What we made is ours, whatever the server calls it.
    for kind in ["DssUser", "DssGroup"] {
        bed.namespace.delete(kind, "mixed").await.unwrap();
        bed.namespace.wait_gone(kind, "mixed", PATIENCE).await.unwrap();
    }
    let user = bed.user("mixed.case").unwrap();
    assert_eq!((&user["enabled"], &user["groups"]), (&json!(false), &json!([])));
    assert_eq!(bed.group("mixed.group"), None);
}

in_memory!(names_with_commas_are_compared_as_an_old_release_stores_them);

/// Before 12.6 the names of a mapping are one text with commas, which the names of a directory have too.
async fn names_with_commas_are_compared_as_an_old_release_stores_them(ground: &Ground) {
    let bed = ground.ready("commas").await;
    bed.remote.switch("release", json!("12.5.0")).unwrap();
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    let analysts = json!({ "ldapGroupNames": ["cn=analysts,ou=groups"], "sourceType": "LDAP" });
    bed.apply(&group("analysts", analysts.clone())).await;
    bed.wait("DssGroup", "analysts", "Ready=True/InSync").await;
    let stored = bed.group("analysts").unwrap()["ldapGroupNames"].clone();
    assert_eq!(
        stored,
        json!(["cn=analysts", "ou=groups"]),
        "as the release takes it apart"
    );
    assert_eq!(bed.remote.writes(), 2, "{:?}", bed.remote.requests().counts);

    // What is right already is not written at all.
    let theirs = json!({ "name": "found", "sourceType": "LDAP", "ldapGroupNames": ["cn=analysts", "ou=groups"] });
    bed.remote
        .patch_state(json!({ "groups": { "found": theirs } }))
        .unwrap();
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    let mut found = group("found", analysts);
    found["spec"]["adoptionPolicy"] = json!("Adopt");
    bed.apply(&found).await;
    bed.wait("DssGroup", "found", "Ready=True/InSync").await;
    bed.sweeps(2).await;
    assert_eq!(bed.remote.writes(), 0, "{:?}", bed.remote.requests().counts);

    // And a difference is one still.
    bed.apply(&group(
        "analysts",
        json!({ "ldapGroupNames": ["cn=analysts,ou=groups", "cn=more"], "sourceType": "LDAP" }),
    ))
    .await;
    bed.until("the longer list", || {
        bed.group("analysts").unwrap()["ldapGroupNames"] == json!(["cn=analysts", "ou=groups", "cn=more"])
    })
    .await;
    bed.wait("DssGroup", "analysts", "Ready=True/InSync").await;
}

in_memory!(a_url_that_is_too_long_or_too_short_is_said_to_be);

/// A URL that goes on into the API, as people copy it from examples.
async fn a_url_that_is_too_long_or_too_short_is_said_to_be(ground: &Ground) {
    let bed = ground.start("longurl", &[]).await;
    bed.give_credentials().await;
    for path in ["/public/api", "/dip/publicapi", "/public/api/"] {
        let url = format!("{}{path}", bed.remote.url());
        bed.apply(&bed.connection_with(json!({ "url": url }))).await;
        let refused = |object: &Value| {
            let ready = &object["status"]["conditions"][0];
            ready["status"] == "False"
                && ready["observedGeneration"] == object["metadata"]["generation"]
                && ["Invalid", "Rejected"].contains(&ready["reason"].as_str().unwrap_or_default())
        };
        let found = bed.namespace.wait_for("DssInstance", "design", refused, PATIENCE).await;
        let message = message(&found.unwrap());
        assert!(
            message.contains("url") && message.contains(path.trim_end_matches('/')),
            "{path}: {message}"
        );
    }
}
