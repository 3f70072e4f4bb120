//! Other readings of the contract (contract sheet, section 8): whatever shape a member has, the list is read, every other
//! object in it too, and no object is taken for absent because of it.

use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use super::{answering_at, doubtful, dss, govern, launchpad};
use crate::dataiku::{
    dss::users::UserRecord,
    error::{ApiError, ErrorKind},
    listed::Listed,
};

const NODE: &str = "/dip/publicapi";
const SPACE: &str = "/v1/spaces/space%2F1";

/// JSON values that no member is documented to have, as text: a library need not be able to hold them.
const SHAPES: [&str; 16] = [
    "null",
    "true",
    "7",
    "-1.5",
    "1e999",
    "123456789012345678901234567890",
    r#""3""#,
    r#""""#,
    r#""\ud800 alone""#,
    r#""\u0000""#,
    "[]",
    "[7]",
    "[null]",
    r#"[{"canary": 1}]"#,
    "{}",
    r#"{"canary": {"canary": [1, {}]}}"#,
];

/// Deeper than a JSON library follows.
fn deep() -> String {
    format!("{}{}", "[".repeat(300), "]".repeat(300))
}

/// The object with this text as the value of the member.
fn with_member(object: &Value, member: &str, text: &str) -> String {
    let members = object.as_object().unwrap().iter();
    let members = members.map(|(key, value)| {
        let text = if key == member {
            text.to_owned()
        } else {
            value.to_string()
        };
        format!("{}: {text}", json!(key))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
}

async fn server(verb: &str, at: &str, body: String) -> MockServer {
    answering_at(
        verb,
        at,
        ResponseTemplate::new(200).set_body_raw(body, "application/json"),
    )
    .await
}

/// One list of one product: how it is asked for, one of its elements, and the members that identify an element.
struct Case {
    verb: &'static str,
    at: String,
    element: Value,
    key: &'static [&'static str],
}

impl Case {
    fn node(at: &str, element: Value, key: &'static [&'static str]) -> Self {
        Self {
            verb: "GET",
            at: format!("{NODE}{at}"),
            element,
            key,
        }
    }

    fn space(verb: &'static str, at: &str, element: Value, key: &'static [&'static str]) -> Self {
        Self {
            verb,
            at: format!("{SPACE}{at}"),
            element,
            key,
        }
    }

    /// Reads lists of three with each member of the second in each shape.
    async fn check<T>(self, read: impl AsyncFn(&str) -> Result<Listed<T>, ApiError>) {
        let first = self.element.to_string();
        let deep = deep();
        for member in self.element.as_object().unwrap().keys() {
            for shape in SHAPES.iter().copied().chain([deep.as_str()]) {
                let odd = with_member(&self.element, member, shape);
                let body = format!("[{first}, {odd}, {first}]");
                let server = server(self.verb, &self.at, body).await;
                let listed = read(&server.uri()).await;
                let listed = listed.unwrap_or_else(|error| panic!("{} {member} {shape}: {error}", self.at));
                assert_eq!(
                    listed.items.len() + listed.unreadable,
                    3,
                    "{} {member} {shape}",
                    self.at
                );
                if !self.key.contains(&member.as_str()) {
                    assert_eq!(listed.unreadable, 0, "{} {member} {shape}", self.at);
                }
            }
        }
        for odd in ["null", "7", "[]", "{}", r#""text""#, r#"{"\ud800": 1}"#, &deep] {
            let server = server(self.verb, &self.at, format!("[{first}, {odd}]")).await;
            let listed = read(&server.uri()).await.unwrap();
            assert_eq!((listed.items.len(), listed.unreadable), (1, 1), "{} {odd}", self.at);
        }
        for no_list in ["null", "{}", "7", "[{}", "[{}] []", "[{]", r#"{"items": []}"#] {
            let server = server(self.verb, &self.at, no_list.to_owned()).await;
            let error = read(&server.uri()).await.err().unwrap();
            let kinds = [ErrorKind::Malformed, ErrorKind::NotJson];
            assert!(kinds.contains(&error.kind), "{} {no_list}: {error}", self.at);
        }
    }
}

fn user() -> Value {
    json!({"login": "jdoe", "sourceType": "LOCAL", "displayName": "Jane Doe", "email": "jane@example.com",
        "groups": ["readers"], "userProfile": "READER", "resultingUserProfile": "READER", "enabled": true,
        "creationDate": 1_760_000_000_000_u64, "codeAllowed": true, "objectImgHash": 0, "activeWebSocketSesssions": 0,
        "activeWebSocketSessions": 0, "userProperties": {"team": "x"}, "adminProperties": {"cost": "y"},
        "secrets": [{"name": "s", "value": "v"}], "credentials": {}, "preferences": {},
        "trialStatus": {"exists": false}, "newInNextRelease": {}})
}

fn group() -> Value {
    json!({"name": "readers", "description": "All", "sourceType": "LDAP", "admin": false, "ldapGroupNames": ["cn=a"],
        "azureADGroupNames": [], "ssoGroupNames": [], "customGroupNames": [], "mayCreateProjects": true,
        "canObtainAPITicketFromCookiesForGroupsRegex": "", "newInNextRelease": {}})
}

#[tokio::test]
async fn users_of_a_node_are_read_whatever_shape_a_member_has() {
    let case = || Case::node("/admin/users/", user(), &["login"]);
    case()
        .check(async |url| dss(url).users(true, std::convert::identity).await)
        .await;
    case()
        .check(async |url| govern(url).users(false, std::convert::identity).await)
        .await;
}

#[tokio::test]
async fn groups_of_a_node_are_read_whatever_shape_a_member_has() {
    let case = || Case::node("/admin/groups/", group(), &["name"]);
    case().check(async |url| dss(url).groups().await).await;
    case().check(async |url| govern(url).groups().await).await;
}

#[tokio::test]
async fn global_keys_are_read_whatever_shape_a_member_has() {
    let key = json!({"id": "k1", "key": "value", "label": "ci", "description": "d", "groups": ["a"],
        "globalPermissions": {"admin": false}, "dssUserForImpersonation": "svc", "createdOn": 1, "createdBy": "admin",
        "expiresOn": 0, "expiry": "30", "projects": {}, "newInNextRelease": {}});
    let case = || Case::node("/admin/global-api-keys/", key.clone(), &["id"]);
    case().check(async |url| dss(url).global_keys().await).await;
    case().check(async |url| govern(url).global_keys().await).await;
}

#[tokio::test]
async fn roles_blueprints_and_assignments_are_read_whatever_shape_a_member_has() {
    let role = json!({"id": "ro.pm", "label": "PM", "description": "Runs it", "more": {}});
    Case::node("/admin/roles", role, &["id"])
        .check(async |url| govern(url).roles().await)
        .await;
    let blueprint = json!({"blueprint": {"id": "bp.a", "name": "A"}, "versions": []});
    Case::node("/blueprints", blueprint, &["blueprint"])
        .check(async |url| govern(url).blueprints().await)
        .await;
    let assignments = json!({"blueprintId": "bp.a", "inheritBlueprintId": null,
        "roleAssignmentsRules": {"ro.pm": [{"criteria": [], "fieldIds": [], "userContainers": []}]}});
    Case::node("/admin/blueprint-role-assignments", assignments, &["blueprintId"])
        .check(async |url| govern(url).assignments().await)
        .await;
}

#[tokio::test]
async fn people_of_a_space_are_read_whatever_shape_a_member_has() {
    let person = json!({"id": "u1", "email": "a@b.c", "profile": {"name": "reader", "isTrial": false}, "isOwner": false,
        "groups": [{"id": "g1", "name": "team"}], "adminProperties": {}, "createdOn": "2026-03-01T10:20:30+00:00"});
    Case::space("POST", "/users/search", person.clone(), &["id", "email"])
        .check(async |url| launchpad(url).users().await)
        .await;
    Case::space("POST", "/invites/search", person, &["id", "email"])
        .check(async |url| launchpad(url).invites().await)
        .await;
}

#[tokio::test]
async fn groups_nodes_and_seats_of_a_space_are_read_whatever_shape_a_member_has() {
    let group = json!({"id": "g1", "name": "team", "description": "All", "launchpadPermissions": {"mayTurnOnSpace": true},
        "dataikuPermissions": {"design-0": {"mayCreateProjects": true}}, "governPermissions": {},
        "users": [{"id": "u1", "email": "a@b.c"}]});
    Case::space("POST", "/groups/search", group, &["id", "name"])
        .check(async |url| launchpad(url).groups().await)
        .await;
    let node = json!({"name": "design-0", "type": "design"});
    Case::space("POST", "/nodes/search", node, &["name", "type"])
        .check(async |url| launchpad(url).nodes().await)
        .await;
    let seats = json!({"name": "designer", "totalSeats": 5, "usedSeats": 3, "isTrial": false});
    Case::space("GET", "/profiles", seats, &["name"])
        .check(async |url| launchpad(url).profiles().await)
        .await;
}

#[tokio::test]
async fn a_member_of_an_unexpected_shape_is_unknown_and_the_others_are_known() {
    let body = json!([
        {"login": "a", "displayName": 7, "activeWebSocketSesssions": "3", "groups": ["x"]},
        {"login": "b", "displayName": "B", "groups": ["x", 7], "enabled": "no"},
        {"login": 7, "displayName": "C"},
    ]);
    let server = server("GET", "/dip/publicapi/admin/users/", body.to_string()).await;
    let users = dss(&server.uri()).users(false, std::convert::identity).await.unwrap();
    assert_eq!(users.unreadable, 1);
    let [a, b]: [UserRecord; 2] = users.items.try_into().unwrap();
    assert_eq!((a.display_name, a.active_sessions), (None, None));
    assert_eq!(a.groups, Some(vec!["x".to_owned()]));
    let unreadable: Vec<_> = a.unreadable.iter().collect();
    assert_eq!(unreadable, ["displayName", "activeWebSocketSesssions"]);
    assert_eq!(
        (b.display_name.as_deref(), b.groups, b.enabled),
        (Some("B"), None, None)
    );
    assert!(b.unreadable.contains("groups") && b.unreadable.contains("enabled"));
}

#[tokio::test]
async fn an_object_of_absurdly_many_members_is_unreadable() {
    let many = |count: usize| {
        (0..count)
            .map(|n| format!(r#", "m{n}": 1"#))
            .collect::<Vec<_>>()
            .concat()
    };
    let body = format!(r#"[{{"login": "a"{}}}, {{"login": "b"{}}}]"#, many(10_000), many(9_999));
    let server = server("GET", "/dip/publicapi/admin/users/", body).await;
    let users = dss(&server.uri()).users(false, std::convert::identity).await.unwrap();
    assert_eq!((users.items[0].login.as_str(), users.unreadable), ("b", 1));
}

#[tokio::test]
async fn of_two_members_of_one_name_the_last_one_counts() {
    let body = r#"[{"login": "a", "login": "b", "enabled": true, "enabled": false}]"#;
    let server = server("GET", "/dip/publicapi/admin/users/", body.to_owned()).await;
    let users = dss(&server.uri()).users(false, std::convert::identity).await.unwrap();
    assert_eq!(
        (users.items[0].login.as_str(), users.items[0].enabled),
        ("b", Some(false))
    );
}

#[tokio::test]
async fn a_list_with_an_unreadable_element_confirms_no_absence() {
    let unconfirmed = |error: ApiError| {
        assert_eq!((error.kind, error.status), (ErrorKind::Malformed, Some(404)));
        assert!(error.message.contains("unreadable"), "{error}");
    };
    let at = |path: &str| format!("{NODE}{path}");
    let doubtful_node =
        async |one: &str, all: &str, element| doubtful(&at(one), "GET", &at(all), json!([element, {"odd": 1}])).await;
    let server = doubtful_node("/admin/users/jdoe", "/admin/users/", json!({"login": "bob"})).await;
    unconfirmed(dss(&server.uri()).user("jdoe").await.err().unwrap());
    let server = doubtful_node("/admin/groups/a", "/admin/groups/", json!({"name": "b"})).await;
    unconfirmed(govern(&server.uri()).group("a").await.err().unwrap());
    let server = doubtful_node(
        "/admin/global-api-keys/a",
        "/admin/global-api-keys/",
        json!({"id": "b"}),
    )
    .await;
    unconfirmed(dss(&server.uri()).global_key("a").await.err().unwrap());
    let server = doubtful_node("/admin/role/ro.a", "/admin/roles", json!({"id": "ro.b"})).await;
    unconfirmed(govern(&server.uri()).role("ro.a").await.err().unwrap());
    let list = "/admin/blueprint-role-assignments";
    let server = doubtful_node(&format!("{list}/bp.a"), list, json!({"blueprintId": "bp.b"})).await;
    unconfirmed(govern(&server.uri()).assignments_of("bp.a").await.err().unwrap());

    let listed = json!([{"id": "x2", "name": "b", "email": "b@b.c"}, {"id": 7}]);
    let at = |path: &str| format!("{SPACE}{path}");
    let server = doubtful(&at("/group/x1"), "POST", &at("/groups/search"), &listed).await;
    unconfirmed(launchpad(&server.uri()).group("x1").await.err().unwrap());
    let server = doubtful(&at("/invite/x1"), "POST", &at("/invites/search"), &listed).await;
    unconfirmed(launchpad(&server.uri()).invite("x1").await.err().unwrap());
}
