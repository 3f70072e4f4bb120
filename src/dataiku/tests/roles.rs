//! Roles and blueprints of Govern, and what it shares with DSS: requests sent, answers decoded.

use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{always, answering, doubtful, govern, json_text, only_request, permit, requests};
use crate::dataiku::{
    document::Document,
    error::ErrorKind,
    fields::Unreadable,
    govern::{roles::RoleRecord, users::NewUser},
};

fn role(id: &str, label: Option<&str>, description: Option<&str>) -> RoleRecord {
    RoleRecord {
        others: serde_json::Map::new(),
        id: id.into(),
        label: label.map(Into::into),
        description: description.map(Into::into),
        unreadable: Unreadable::default(),
    }
}

/// The same role with these other members.
fn with(role: RoleRecord, others: Value) -> RoleRecord {
    let others = serde_json::from_value(others).unwrap();
    RoleRecord { others, ..role }
}

#[tokio::test]
async fn the_list_of_roles_is_read() {
    let body = json!([
        {"id": "ro.project_manager", "label": "Project manager", "description": "Runs it", "more": {}},
        {"id": "ro.reader", "label": "", "description": null},
        {"id": "ro.x"},
    ]);
    let server = answering("GET", "/admin/roles", json_text(body)).await;
    let roles = govern(&server.uri()).roles().await.unwrap();
    let more = role("ro.project_manager", Some("Project manager"), Some("Runs it"));
    let expected = [
        with(more, json!({"more": {}})),
        role("ro.reader", None, None),
        role("ro.x", None, None),
    ];
    assert_eq!((roles.items.as_slice(), roles.unreadable), (expected.as_slice(), 0));
}

#[tokio::test]
async fn a_creation_sends_the_identifier_beside_the_role_and_takes_the_id_of_the_answer() {
    for (description, sent) in [(Some("Runs it"), json!("Runs it")), (None, Value::Null)] {
        let answer = json!({"id": "ro.pm", "label": "Project manager", "description": sent});
        let server = answering("POST", "/admin/roles/", json_text(answer)).await;
        let created = govern(&server.uri())
            .create_role(permit(), "pm", "Project manager", description)
            .await;
        assert_eq!(created.unwrap(), role("ro.pm", Some("Project manager"), description));
        let (_, path, body) = only_request(&server).await;
        assert_eq!(path, "/dip/publicapi/admin/roles/?newIdentifier=pm");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body, json!({"label": "Project manager", "description": sent}));
    }
}

#[tokio::test]
async fn a_taken_identifier_is_told_where_the_node_tells_it() {
    for (message, kind) in [
        ("Role ro.pm already exists", ErrorKind::AlreadyExists),
        ("Invalid identifier", ErrorKind::Rejected),
    ] {
        let body = json!({"errorType": "java.lang.IllegalArgumentException", "message": message});
        let server = answering("POST", "/admin/roles/", ResponseTemplate::new(400).set_body_json(body)).await;
        let error = govern(&server.uri())
            .create_role(permit(), "pm", "P", None)
            .await
            .unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
    }
}

#[tokio::test]
async fn a_role_is_read_replaced_and_deleted_by_id() {
    let text = r#"{"id":"ro.a/b","label": "A","new": 1.0}"#;
    let at = "/admin/role/ro.a%2Fb";
    let server = answering("GET", at, ResponseTemplate::new(200).set_body_string(text)).await;
    let client = govern(&server.uri());
    let mut document = client.role("ro.a/b").await.unwrap().unwrap();
    assert_eq!(
        RoleRecord::from_document(&document).unwrap(),
        with(role("ro.a/b", Some("A"), None), json!({"new": 1.0}))
    );

    document.set("label", "B");
    let server = answering("PUT", at, ResponseTemplate::new(200).set_body_string(text)).await;
    let stored = govern(&server.uri())
        .put_role(permit(), "ro.a/b", &document)
        .await
        .unwrap();
    assert_eq!(
        stored.str("label").as_deref(),
        Some("A"),
        "what is stored, not what was sent"
    );
    let (_, _, body) = only_request(&server).await;
    assert_eq!(body, r#"{"id":"ro.a/b","label":"B","new":1.0}"#);

    let server = answering("DELETE", at, ResponseTemplate::new(200)).await;
    let client = govern(&server.uri());
    assert!(client.delete_role(permit(), "ro.a/b").await.unwrap());
    assert!(!client.delete_role(permit(), "ro.other").await.unwrap());
}

#[tokio::test]
async fn a_404_in_other_words_is_believed_only_if_the_list_bears_it_out() {
    let base = "/dip/publicapi/admin";
    for (listed, absent) in [("ro.a", false), ("ro.b", true)] {
        let roles = json!([{"id": listed}]);
        let (at, list) = (format!("{base}/role/ro.a"), format!("{base}/roles"));
        let server = doubtful(&at, "GET", &list, roles).await;
        let found = govern(&server.uri()).role("ro.a").await;
        assert_eq!(found.is_ok_and(|found| found.is_none()), absent);

        let list = format!("{base}/blueprint-role-assignments");
        let server = doubtful(&format!("{list}/ro.a"), "GET", &list, json!([{"blueprintId": listed}])).await;
        let found = govern(&server.uri()).assignments_of("ro.a").await;
        assert_eq!(found.is_ok_and(|found| found.is_none()), absent);
    }
    let class = json!({"errorType": "com.dataiku.dip.server.controllers.NotFoundException", "message": "none"});
    let server = always(ResponseTemplate::new(500).set_body_json(class)).await;
    let client = govern(&server.uri());
    assert!(client.role("ro.a").await.unwrap().is_none());
    assert!(client.assignments_of("bp.a").await.unwrap().is_none());
    assert_eq!(requests(&server).await, 2);
}

#[tokio::test]
async fn the_ids_of_blueprints_are_read() {
    let body = json!([
        {"blueprint": {"id": "bp.system.business_initiative", "name": "Business initiative", "icon": {}}, "versions": []},
        {"blueprint": {"id": "bp.system.dataiku_project"}},
    ]);
    let server = answering("GET", "/blueprints", json_text(body)).await;
    let found = govern(&server.uri()).blueprints().await.unwrap();
    assert_eq!(
        found.items,
        ["bp.system.business_initiative", "bp.system.dataiku_project"]
    );
    assert!(found.is_complete());
}

#[tokio::test]
async fn who_we_are_is_asked_without_a_query() {
    let server = answering("GET", "/auth/info", json_text(json!({"authIdentifier": "key-1"}))).await;
    let identity = govern(&server.uri()).auth_info().await.unwrap();
    assert_eq!((identity.auth_identifier.as_str(), identity.groups), ("key-1", None));
    assert_eq!(only_request(&server).await.1, "/dip/publicapi/auth/info");
}

#[tokio::test]
async fn users_groups_node_and_licence_are_read_as_on_dss() {
    let users = json!([{"displayName": "Jane", "groups": ["pms"], "login": "jdoe", "sourceType": "LOCAL"}]);
    let server = answering("GET", "/admin/users/", json_text(users)).await;
    let users = govern(&server.uri())
        .users(false, std::convert::identity)
        .await
        .unwrap();
    let jdoe = &users.items[0];
    assert_eq!(
        (jdoe.login.as_str(), jdoe.groups.as_deref(), jdoe.enabled),
        ("jdoe", Some(["pms".to_owned()].as_slice()), None)
    );
    assert_eq!(
        only_request(&server).await.1,
        "/dip/publicapi/admin/users/?includeSettings=false"
    );

    let groups = json!([{"name": "pms", "admin": false, "isGovernArchitect": true}]);
    let server = answering("GET", "/admin/groups/", json_text(groups)).await;
    let groups = govern(&server.uri()).groups().await.unwrap();
    assert_eq!(
        groups.items[0].permissions,
        [("isGovernArchitect".to_owned(), true)].into()
    );

    let server = answering("GET", "/instance-info", json_text(json!({"nodeType": "GOVERN"}))).await;
    let node = govern(&server.uri()).instance_info().await.unwrap();
    assert_eq!(node.node_type.as_deref(), Some("GOVERN"));

    let licence = json!({"base": {"userProfiles": ["GOVERN_MANAGER"]}});
    let server = answering("GET", "/admin/licensing/status", json_text(licence)).await;
    let profiles = govern(&server.uri()).licensed_profiles().await.unwrap();
    assert_eq!(profiles.unwrap(), ["GOVERN_MANAGER"]);
}

#[tokio::test]
async fn users_and_groups_are_written_as_on_dss() {
    let base = "/dip/publicapi/admin";
    let user = NewUser {
        login: "jdoe",
        password: None,
        display_name: "Jane",
        source_type: "LOCAL_NO_AUTH",
        groups: &["pms".to_owned()],
        user_profile: "GOVERN_MANAGER",
        email: Some("jane@example.com"),
    };
    let document: Document =
        serde_json::from_str(r#"{"login":"jdoe","adminProperties": {"a" :1.0},"new":[]}"#).unwrap();
    let definition: Document =
        serde_json::from_str(r#"{"name":"pms","isGovernArchitect":true,"admin":false}"#).unwrap();
    let server = always(ResponseTemplate::new(200).set_body_string("{}")).await;
    let client = govern(&server.uri());
    client.create_user(permit(), &user).await.unwrap();
    client.put_user(permit(), "jdoe", &document).await.unwrap();
    assert!(client.delete_user(permit(), "jdoe").await.unwrap());
    client.create_group(permit(), "pms", None, "LOCAL").await.unwrap();
    client.put_group(permit(), "pms", &definition).await.unwrap();
    assert!(client.delete_group(permit(), "pms").await.unwrap());
    let expected = [
        (
            "POST",
            "/users/",
            Some(
                json!({"login": "jdoe", "password": null, "displayName": "Jane", "sourceType": "LOCAL_NO_AUTH",
            "groups": ["pms"], "userProfile": "GOVERN_MANAGER", "email": "jane@example.com"}),
            ),
        ),
        (
            "PUT",
            "/users/jdoe",
            Some(json!({"login": "jdoe", "adminProperties": {"a": 1.0}, "new": []})),
        ),
        ("DELETE", "/users/jdoe", None),
        (
            "POST",
            "/groups/",
            Some(json!({"name": "pms", "description": null, "sourceType": "LOCAL"})),
        ),
        (
            "PUT",
            "/groups/pms",
            Some(json!({"name": "pms", "isGovernArchitect": true, "admin": false})),
        ),
        ("DELETE", "/groups/pms", None),
    ];
    let received = server.received_requests().await.unwrap();
    assert_eq!(received.len(), expected.len());
    for (request, (verb, path, body)) in received.iter().zip(expected) {
        assert_eq!(
            (request.method.as_str(), request.url.path()),
            (verb, format!("{base}{path}").as_str())
        );
        assert_eq!(serde_json::from_slice::<Value>(&request.body).ok(), body);
    }
    assert_eq!(received[2].url.query(), Some("allowSelfDeletion=false"));
}

#[tokio::test]
async fn refusals_and_pages_are_told_as_on_dss() {
    for (status, kind) in [
        (401, ErrorKind::Unauthorized),
        (403, ErrorKind::Forbidden),
        (422, ErrorKind::Rejected),
    ] {
        let body = json!({"errorType": "X", "detailedMessage": "Govern architect only"});
        let server = always(ResponseTemplate::new(status).set_body_json(body)).await;
        let client = govern(&server.uri());
        let error = client.roles().await.unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (kind, "Govern architect only"));
        assert_eq!(
            client.delete_assignments(permit(), "bp.a").await.unwrap_err().kind,
            kind
        );
    }
    let page = ResponseTemplate::new(200).set_body_raw("<html>Sign in</html>", "text/html");
    let server = always(page).await;
    let client = govern(&server.uri());
    for error in [
        client.roles().await.unwrap_err(),
        client.blueprints().await.unwrap_err(),
        client.delete_role(permit(), "ro.a").await.unwrap_err(),
        client.assignments_of("bp.a").await.err().unwrap(),
    ] {
        assert_eq!(error.to_string().split(": ").last(), Some("the answer is an HTML page"));
        assert_eq!(error.kind, ErrorKind::NotJson);
    }
}
