//! What the status shows of a user.

use serde_json::json;

use super::{Bed, SeenUser, Users, jane, seen};
use crate::{crd::node_user::UserSeen, engine::Managed, kinds::node::Seen};

#[test]
fn the_status_shows_when_a_user_was_last_seen_and_a_document_adds_nothing_that_a_list_lacks() {
    let bed = Bed::default();
    let found = seen(&json!({
        "login": "jane", "codeAllowed": true, "creationDate": 1_000_000_500_i64, "activeWebSocketSesssions": -1,
        "trialStatus": { "exists": true, "valid": true, "expiresOn": 2_000_000_000_000_i64 },
    }));
    let object = jane(&json!({}));
    let shown = |found: &SeenUser| Users::show(&object, Some(found), &bed.record, &bed.lists);
    let fresh = shown(&found);
    assert_eq!((fresh.code_allowed, fresh.connected), (Some(true), Some(0)));
    let mut known = object.clone();
    let status = json!({ "conditions": [], "remote": { "key": "jane", "enabled": true } });
    known.status = serde_json::from_value(status).unwrap();
    let again = Users::show(&known, Some(&found), &bed.record, &bed.lists);
    assert_eq!(
        (again.trial, again.code_allowed, again.connected),
        (None, None, Some(0))
    );
    let listed = shown(&Seen::listed(found.object.clone()));
    assert_eq!(listed.code_allowed, Some(true));
    let listed = serde_json::to_value(listed).unwrap();
    assert_eq!(listed["createdOn"], "1970-01-12T13:46:40Z");
    assert_eq!(
        listed["trial"],
        json!({ "valid": true, "expiresOn": "2033-05-18T03:33:20Z" })
    );
}

#[test]
fn the_status_shows_groups_in_order() {
    let bed = Bed::default();
    let found = seen(&json!({ "login": "jane", "groups": ["b", "a"], "resultingUserProfile": "READER" }));
    let shown = Users::show(&jane(&json!({})), Some(&found), &bed.record, &bed.lists);
    assert_eq!(shown.groups, ["a", "b"]);
    assert_eq!(shown.enabled, Some(true));
    assert_eq!(
        Users::show(&jane(&json!({})), None, &bed.record, &bed.lists),
        UserSeen::default()
    );
}
