//! Lists with elements that nobody expected.

use serde_json::{Value, json};

use super::{Scenario, subject::Subject};
use crate::ground::Ground;

pub async fn odd_elements_of_a_list_are_no_obstacle<S: Scenario>(ground: &Ground) {
    let subject = Subject::<S>::ready(ground, "odd").await;
    let bed = &subject.bed;
    subject.create("kept", json!({})).await;
    bed.sweeps(1).await;
    let fault = |change: Value| json!({ "match": {}, "times": 0, "fault": change });
    bed.remote.fault(fault(json!({ "kind": "elements", "append": odd() })));
    bed.sweeps(1).await;
    if S::KEEPS {
        subject.edit(S::broken(&bed.remote, "kept"));
        subject.until_expected("kept").await;
    }
    bed.remote.reset_requests();
    let mut names = vec!["kept"];
    if !S::NEEDS_WHOLE_LIST {
        names.push("new");
        subject.create("new", json!({})).await;
        assert_eq!(subject.creates(), 1);
    }
    bed.wait(bed.connection.kind, bed.connection.name, "Ready=True/InSync")
        .await;

    // What cannot be read of an element is unknown. It is neither a difference nor an absence.
    bed.remote.clear_faults();
    let each = json!({
        "displayName": 5, "creationDate": "yesterday", "createdOn": 7, "label": {}, "totalSeats": "many", "usedSeats": [],
        "description": 3, "isOwner": "?",
    });
    bed.remote.fault(fault(json!({ "kind": "elements", "each": each })));
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    bed.sweeps(2).await;
    assert_eq!(bed.remote.writes(), 0, "{:?}", bed.remote.requests().counts);
    bed.wait(bed.connection.kind, bed.connection.name, "Ready=True/InSync")
        .await;
    for name in names {
        subject.converged(name).await;
    }
}

/// Elements without a key that can be read, and one with a key whose other members are of other types.
fn odd() -> Value {
    json!([
        7, null, "text", [], {},
        { "login": 7, "name": 7, "id": 7, "email": 7, "blueprintId": 7, "blueprint": 7 },
        {
            "login": "odd", "name": "odd", "id": "odd", "email": "odd@example.com", "blueprintId": "bp.odd",
            "blueprint": { "id": "bp.odd", "name": 4 }, "displayName": 5, "groups": 7, "enabled": "yes", "userProfile": [],
            "sourceType": 3, "totalSeats": "many", "usedSeats": "few", "isTrial": "no", "type": 3, "description": {},
            "admin": "no", "label": 9, "profile": "text", "createdOn": 5, "creationDate": "x", "isOwner": "?",
            "users": "none", "roleAssignmentsRules": "none", "dataikuPermissions": 3, "governPermissions": [],
            "launchpadPermissions": "all", "ldapGroupNames": { "cn": 1 },
        },
    ])
}
