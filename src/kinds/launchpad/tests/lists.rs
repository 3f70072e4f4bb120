use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::future::join_all;
use serde_json::json;

use super::{Bed, object};
use crate::{
    crd::{LaunchpadSpace, applied::Applied},
    dataiku::{
        launchpad::people::{InviteRecord, UserRecord},
        listed::Listed,
    },
    engine::{Observed, Read, connect::ConnectionKind},
    kinds::launchpad::{
        lists::{Need, SpaceLists},
        space::sweep,
    },
};

fn users(emails: &[&str]) -> Listed<UserRecord> {
    let users: Vec<_> = emails
        .iter()
        .map(|email| json!({ "id": format!("id-{email}"), "email": email }))
        .collect();
    serde_json::from_str(&json!(users).to_string()).unwrap()
}

fn invites(emails: &[&str]) -> Listed<InviteRecord> {
    let invites: Vec<_> = emails
        .iter()
        .map(|email| json!({ "id": format!("id-{email}"), "email": email }))
        .collect();
    serde_json::from_str(&json!(invites).to_string()).unwrap()
}

fn found(lists: &SpaceLists, email: &str) -> Option<String> {
    lists.user(email).map(|user| user.record.email.clone())
}

#[test]
fn an_address_is_found_without_case_and_in_its_own_spelling_where_there_are_two() {
    let lists = SpaceLists::default();
    lists.replace_people(
        Instant::now(),
        users(&["Jane@x.org", "JOSÉ@x.org", "jane@x.org"]),
        invites(&["N@x.org"]),
    );
    assert_eq!(found(&lists, "JANE@x.org").as_deref(), Some("jane@x.org"));
    assert_eq!(found(&lists, "Jane@x.org").as_deref(), Some("Jane@x.org"));
    assert_eq!(found(&lists, "josé@x.org").as_deref(), Some("JOSÉ@x.org"));
    assert_eq!(found(&lists, "n@x.org"), None);
    assert!(lists.invite("n@X.org").is_some());
}

#[tokio::test]
async fn a_read_of_an_invite_is_newer_than_a_list_that_began_before_it() {
    let bed = Bed::start().await;
    bed.invite("i1", "new@example.com");
    bed.invite("i2", "gone@example.com");
    bed.sweep().await;
    let began = Instant::now();
    let old = [bed.live.api.users().await.unwrap().items, Vec::new()];
    let before = bed.live.api.invites().await.unwrap();
    let designers = bed.group("designers").unwrap()["id"].clone();
    bed.patch(json!({ "invites": { "i2": null, "i1": { "groups": [{ "id": designers, "name": "designers" }] } } }));
    let read = bed
        .lists()
        .read_invites(&bed.live.api, &["new@example.com", "gone@example.com"])
        .await
        .unwrap();
    assert_eq!(read.len(), 1);
    let [old, _] = old;
    bed.lists().replace_people(
        began,
        Listed {
            items: old,
            unreadable: 0,
        },
        before,
    );
    assert!(bed.lists().invite("gone@example.com").is_none());
    let invite = bed.lists().invite("NEW@example.com").unwrap();
    assert_eq!(invite.record.groups.as_ref().unwrap().len(), 1);
}

#[tokio::test]
async fn many_who_miss_somebody_at_once_share_one_refresh_and_it_is_repeated_once_a_second() {
    let bed = Bed::start().await;
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let need = Need {
        people: true,
        nodes: true,
    };
    let refresh = || bed.live.lists.refresh(&bed.live.api, need);
    for result in join_all((0..20).map(|_| refresh())).await {
        result.unwrap();
    }
    let counts = || ["L1", "L6", "L16"].map(|operation| bed.space.count(operation));
    // One for all of them, or one for the first and one more for all who came while it ran.
    let first = counts();
    assert!(first == [1; 3] || first == [2; 3], "{first:?}");
    let began = std::time::Instant::now();
    refresh().await.unwrap();
    assert_eq!(counts(), first.map(|count| count + 1));
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_element_that_cannot_be_identified_makes_absence_unknown() {
    let bed = Bed::start().await;
    let listed = bed
        .observe(&object("team", json!({})), &Applied::default(), Read::Listed)
        .await;
    assert!(matches!(listed, Observed::Absent));
    let groups: Listed<crate::dataiku::launchpad::groups::GroupRecord> =
        serde_json::from_str(r#"[{"id": 7, "name": "team"}]"#).unwrap();
    bed.lists()
        .replace_groups(Instant::now(), &groups.map(std::sync::Arc::new));
    let listed = bed
        .observe(&object("team", json!({})), &Applied::default(), Read::Listed)
        .await;
    assert!(matches!(listed, Observed::Unknown));
}

#[tokio::test]
async fn invites_reserve_seats_of_their_profile_while_all_of_them_can_be_read() {
    let bed = Bed::start().await;
    bed.invite("i1", "new@example.com");
    bed.invite("i2", "other@example.com");
    bed.patch(json!({ "invites": { "i2": { "profile": { "name": "designer" } } } }));
    let space = LaunchpadSpace::new(
        "prod",
        serde_json::from_value(json!({ "spaceId": "s", "credentials": { "secretRef": { "name": "key" } } })).unwrap(),
    );
    let seats = async || {
        let sweep = sweep(&bed.live.api, bed.lists()).await.unwrap();
        let status = space.summary(&sweep, &[]);
        assert_eq!(status.owner.as_deref(), Some("owner@example.com"));
        let paid = status.profiles.into_iter().filter(|seat| !seat.trial);
        paid.map(|seat| (seat.name, seat.reserved_seats))
            .collect::<BTreeMap<_, _>>()
    };
    let shown = seats().await;
    assert_eq!(shown["designer"], Some(1));
    assert_eq!(shown["reader"], Some(1));
    let odd = json!({ "kind": "elements", "each": { "profile": 7 } });
    bed.space
        .fault(json!({ "match": { "operation": "L1" }, "times": 0, "fault": odd }));
    assert_eq!(seats().await["reader"], None, "a number that may be too small is none");
}
