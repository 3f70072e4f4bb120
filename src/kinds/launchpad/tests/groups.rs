use serde_json::json;

use super::{Bed, deleting, object};
use crate::{
    crd::applied::Applied,
    engine::{Managed, Observed, Read, Reason},
    kinds::launchpad::Group,
};

#[tokio::test]
async fn an_edit_costs_a_read_a_write_and_a_read() {
    let bed = Bed::start().await;
    bed.user("u1", "jane@example.com");
    bed.sweep().await;
    let spec = json!({ "nodes": [{ "name": "design-0" }], "members": [{ "email": "Jane@example.com" }] });
    let mut record = Applied::default();
    let created = bed.in_sync(&object("team", spec.clone()), &mut record).await;
    assert_eq!(
        created,
        ["create group", "give access to design-0", "add member jane@example.com"]
    );
    bed.space.reset_requests();
    let mut edited = object("team", spec);
    edited.spec.description = Some("Team".into());
    bed.in_sync(&edited, &mut record).await;
    let counts = bed.space.requests().counts;
    assert_eq!((bed.space.count("L11"), bed.space.count("L13")), (2, 1), "{counts:?}");
    let lists = ["L1", "L6", "L10", "L16"].map(|operation| bed.space.count(operation));
    assert_eq!(lists, [0; 4], "{counts:?}");
}

#[tokio::test]
async fn a_group_whose_id_is_on_record_is_absent_by_its_id_alone() {
    let bed = Bed::start().await;
    let team = object("team", json!({}));
    let mut record = Applied::default();
    bed.in_sync(&team, &mut record).await;
    bed.sweep().await;
    assert!(matches!(
        bed.observe(&team, &record, Read::Listed).await,
        Observed::Found(_)
    ));
    // An empty list with status 200 is no proof.
    let empty = json!({ "kind": "status", "status": 200, "body": [] });
    bed.space
        .fault(json!({ "match": { "operation": "L10" }, "times": 0, "fault": empty }));
    super::sweep(&bed.live.api, bed.lists()).await.unwrap();
    assert!(matches!(
        bed.observe(&team, &record, Read::Listed).await,
        Observed::Unknown
    ));
    assert!(matches!(
        bed.observe(&team, &record, Read::Fresh).await,
        Observed::Found(_)
    ));
    assert!(matches!(
        bed.observe(&deleting(&team), &record, Read::Fresh).await,
        Observed::Found(_)
    ));
    assert!(bed.in_sync(&team, &mut record).await.is_empty());
    bed.space.clear_faults();
    bed.patch(json!({ "groups": { record.id.clone().unwrap(): null } }));
    assert!(matches!(
        bed.observe(&team, &record, Read::Fresh).await,
        Observed::Absent
    ));
    assert_eq!(bed.in_sync(&team, &mut record).await, ["create group"]);
}

#[tokio::test]
async fn another_group_of_the_name_is_neither_written_nor_shown_nor_deleted() {
    let bed = Bed::start().await;
    let team = object("team", json!({ "description": "Ours" }));
    let mut record = Applied::default();
    bed.in_sync(&team, &mut record).await;
    let ours = record.id.clone().unwrap();
    let theirs = json!({ "id": "g9", "name": "team", "description": "Theirs", "launchpadPermissions": {},
        "dataikuPermissions": { "design-0": {} }, "governPermissions": {} });
    bed.patch(json!({ "groups": { &ours: null } }));
    bed.patch(json!({ "groups": { "g9": theirs } }));
    bed.sweep().await;
    assert!(matches!(
        bed.observe(&team, &record, Read::Listed).await,
        Observed::Unknown
    ));
    let error = bed.converge(&team, &mut record).await.err().unwrap();
    assert_eq!(error.reason(), Some(Reason::AlreadyExists));
    let Observed::Found(seen) = bed.observe(&team, &record, Read::Fresh).await else {
        panic!("it is found by its name")
    };
    assert_eq!((Group::id(&seen), record.id.as_deref()), (None, Some(&*ours)));
    let shown = Group::show(&team, Some(&seen), &record, bed.lists());
    assert_eq!(
        (shown.id.as_deref(), shown.nodes.len(), shown.members),
        (Some(&*ours), 0, None)
    );
    assert!(matches!(
        bed.observe(&deleting(&team), &record, Read::Fresh).await,
        Observed::Absent
    ));
    assert_eq!(bed.space.writes(), 0);
}

#[tokio::test]
async fn a_renamed_group_is_found_by_its_id_and_gets_its_name_back() {
    let bed = Bed::start().await;
    let team = object("team", json!({}));
    let mut record = Applied::default();
    bed.in_sync(&team, &mut record).await;
    bed.patch(json!({ "groups": { record.id.clone().unwrap(): { "name": "by-hand" } } }));
    assert_eq!(bed.in_sync(&team, &mut record).await, ["set name to team"]);
    assert_eq!(bed.space.count("L12"), 1);
}

#[tokio::test]
async fn a_document_that_names_a_node_or_user_that_is_gone_is_written_without_it() {
    let bed = Bed::start().await;
    bed.user("u1", "jane@example.com");
    bed.sweep().await;
    let spec = json!({ "nodes": [{ "name": "design-0" }, { "name": "automation-0" }] });
    let mut record = Applied::default();
    bed.in_sync(&object("team", spec.clone()), &mut record).await;
    let id = record.id.clone().unwrap();
    bed.sweep().await;
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    bed.patch(json!({ "nodes": { "automation-0": null } }));
    let mut edited = object("team", spec);
    edited.spec.description = Some("Team".into());
    let (written, plan) = bed.converge(&edited, &mut record).await.unwrap();
    assert_eq!(
        written,
        [
            "set description to Team",
            "leave out access to node automation-0, which does not exist any more"
        ]
    );
    assert_eq!(plan.waiting, ["node automation-0 does not exist yet"]);
    let group = bed.space.state_at(&format!("/groups/{id}")).unwrap();
    assert_eq!(group["description"], "Team");
    assert_eq!(
        group["dataikuPermissions"]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["design-0"]
    );
    // It is not lost: the grant is still on record, and the access comes back with the node.
    assert!(record.grants.contains("nodes", "automation-0"));
    bed.patch(json!({ "nodes": { "automation-0": { "name": "automation-0", "type": "automation" } } }));
    bed.sweep().await;
    assert_eq!(bed.in_sync(&edited, &mut record).await, ["give access to automation-0"]);
}

#[tokio::test]
async fn a_refusal_for_another_reason_stays_one() {
    let bed = Bed::start().await;
    bed.space.switch("A43", json!("field")).unwrap();
    let mut record = Applied::default();
    bed.in_sync(&object("team", json!({})), &mut record).await;
    let differing = json!({ "nodes": [
        { "name": "design-0", "permissions": { "mayCreateProjects": true } }, { "name": "automation-0" },
    ] });
    let error = bed
        .converge(&object("team", differing), &mut record)
        .await
        .err()
        .unwrap();
    assert_eq!(error.reason(), Some(Reason::Rejected));
    assert!(error.to_string().contains("HTTP 422"), "{error}");
}

#[tokio::test]
async fn somebody_who_was_invited_a_moment_ago_is_found_and_so_is_a_new_node() {
    let bed = Bed::start().await;
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    bed.invite("i1", "new@example.com");
    bed.patch(json!({ "nodes": { "api-0": { "name": "api-0", "type": "api" } } }));
    let spec = json!({ "members": [{ "email": "new@example.com" }], "nodeTypes": [{ "type": "api" }] });
    let written = bed.in_sync(&object("team", spec), &mut Applied::default()).await;
    assert_eq!(
        written,
        [
            "create group",
            "give access to api-0",
            "add member new@example.com (invited)"
        ]
    );
}

#[tokio::test]
async fn an_adopted_group_is_found_by_name_and_its_id_recorded() {
    let bed = Bed::start().await;
    let mut record = Applied::default();
    let designers = object("designers", json!({ "description": "Ours", "adoptionPolicy": "Adopt" }));
    assert_eq!(bed.in_sync(&designers, &mut record).await, ["set description to Ours"]);
    assert_eq!(record.id.as_deref(), bed.group("designers").unwrap()["id"].as_str());
}
