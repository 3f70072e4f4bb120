use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;

use super::{Bed, object};
use crate::{crd::applied::Applied, engine::Reason};

fn members(emails: &[&str]) -> serde_json::Value {
    json!({ "members": emails.iter().map(|email| json!({ "email": email })).collect::<Vec<_>>() })
}

#[tokio::test]
async fn twelve_groups_join_one_invite_with_few_writes_and_lose_nothing() {
    let bed = Arc::new(Bed::start().await);
    bed.invite("i1", "new@example.com");
    bed.sweep().await;
    let names: Vec<String> = (0..12).map(|n| format!("team{n:02}")).collect();
    let groups = names.iter().map(|name| {
        let (bed, object) = (bed.clone(), object(name, members(&["new@example.com"])));
        tokio::spawn(async move { bed.in_sync(&object, &mut Applied::default()).await })
    });
    for written in join_all(groups).await {
        assert_eq!(
            written.unwrap(),
            ["create group", "add member new@example.com (invited)"]
        );
    }
    assert_eq!(bed.groups_of("i1"), names);
    let counts = bed.space.requests().counts;
    assert!(bed.space.count("L4") <= 4, "{counts:?}");
    assert_eq!(bed.space.count("L2"), 0, "one search reads all invites: {counts:?}");
    assert_eq!(bed.space.count("L6"), 0, "the list of users is new enough: {counts:?}");
    assert_eq!(bed.space.count("L16"), 0, "so is that of nodes: {counts:?}");
}

#[tokio::test]
async fn joins_and_withdrawals_of_many_people_at_once_do_not_undo_each_other() {
    let bed = Bed::start().await;
    let people: Vec<String> = (0..13).map(|n| format!("p{n:02}@example.com")).collect();
    for (n, email) in people.iter().enumerate() {
        bed.invite(&format!("i{n}"), email);
    }
    bed.sweep().await;
    let shared = object("leaves", members(&["p00@example.com"]));
    let mut leaving = Applied::default();
    bed.in_sync(&shared, &mut leaving).await;
    let mut joining = Applied::default();
    bed.in_sync(&object("joins", json!({})), &mut joining).await;
    let everybody: Vec<&str> = people.iter().map(String::as_str).collect();
    let (left, joined) = (object("leaves", members(&[])), object("joins", members(&everybody)));
    let (withdrawn, added) = tokio::join!(bed.in_sync(&left, &mut leaving), bed.in_sync(&joined, &mut joining));
    assert_eq!(withdrawn, ["remove member p00@example.com (invited)"]);
    assert_eq!(added.len(), 13);
    for n in 0..13 {
        assert_eq!(bed.groups_of(&format!("i{n}")), ["joins"]);
    }
}

#[tokio::test]
async fn an_edit_by_a_person_right_before_the_write_is_kept() {
    let bed = Bed::start().await;
    bed.invite("i1", "new@example.com");
    bed.sweep().await;
    let designers = bed.group("designers").unwrap()["id"].clone();
    bed.patch(json!({ "invites": { "i1": { "groups": [{ "id": designers, "name": "designers" }] } } }));
    bed.in_sync(&object("team", members(&["new@example.com"])), &mut Applied::default())
        .await;
    assert_eq!(bed.groups_of("i1"), ["designers", "team"]);
}

#[tokio::test]
async fn an_invite_that_is_accepted_meanwhile_makes_a_member() {
    let bed = Bed::start().await;
    bed.invite("i1", "New@example.com");
    bed.sweep().await;
    bed.space
        .act("acceptInvite", &json!({ "email": "New@example.com" }))
        .unwrap();
    let written = bed
        .in_sync(&object("team", members(&["new@EXAMPLE.com"])), &mut Applied::default())
        .await;
    assert_eq!(written.last().unwrap(), "add member New@example.com");
    assert_eq!(bed.space.count("L4"), 0);
}

#[tokio::test]
async fn a_refused_invite_is_reported_to_the_group_that_wrote_it_and_costs_nobody_else() {
    for shape in ["object", "text", "nested", "422"] {
        let bed = Bed::start().await;
        bed.space.switch("A44", json!(shape)).unwrap();
        bed.invite("i1", "alice@example.com");
        bed.invite("i2", "bob@example.com");
        bed.sweep().await;
        let groups = [
            object("team", members(&["alice@example.com"])),
            object("other", members(&["bob@example.com"])),
        ];
        let mut records = [Applied::default(), Applied::default()];
        for (group, record) in groups.iter().zip(&mut records) {
            let mut alone = group.clone();
            alone.spec.members = None;
            bed.in_sync(&alone, record).await;
        }
        bed.space
            .fault(json!({ "match": { "operation": "L4" }, "times": 0, "fault": { "kind": "halfFailedBulk" } }));
        let [mut one, mut two] = records.clone();
        let (one, two) = tokio::join!(bed.converge(&groups[0], &mut one), bed.converge(&groups[1], &mut two));
        let refused = [one.err(), two.err()].into_iter().flatten().collect::<Vec<_>>();
        for error in &refused {
            assert_eq!(error.reason(), Some(Reason::Rejected), "{shape}");
            assert!(
                error.to_string().contains("example.com") || shape == "422",
                "{shape}: {error}"
            );
        }
        assert!(refused.len() < 2, "{shape}: the other one is written: {refused:?}");
        bed.space.clear_faults();
        for (group, record) in groups.iter().zip(&mut records) {
            bed.in_sync(group, record).await;
        }
        assert_eq!(
            (bed.groups_of("i1"), bed.groups_of("i2")),
            (vec!["team".to_owned()], vec!["other".to_owned()])
        );
    }
}

#[tokio::test]
async fn an_invite_that_names_a_deleted_group_can_still_be_written() {
    let bed = Bed::start().await;
    bed.invite("i1", "new@example.com");
    bed.sweep().await;
    let (mut gone, mut team) = (Applied::default(), Applied::default());
    bed.in_sync(&object("gone", members(&["new@example.com"])), &mut gone)
        .await;
    let id = gone.id.unwrap();
    bed.patch(json!({ "groups": { &id: null } }));
    let named = json!([{ "id": id, "name": "gone" }]);
    // Whether the Launchpad cleans up is open; one that does not may refuse the document.
    let _ = bed
        .space
        .patch_state(json!({ "invites": { "i1": { "groups": named } } }));
    bed.in_sync(&object("team", members(&["new@example.com"])), &mut team)
        .await;
    assert_eq!(bed.groups_of("i1"), ["team"]);
}
