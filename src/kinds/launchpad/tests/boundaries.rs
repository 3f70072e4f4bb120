//! Something fails at each call between the invite and the user: never two invites, a lost membership, or a profile that
//! fell back.

use futures::future::join_all;
use serde_json::{Value, json};

use super::rig::Rig;

const JANE: &str = "jane@example.com";

/// When the fault meets the object.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    /// It is being invited.
    Invite,
    /// The invite was just accepted, and the properties are due.
    Acceptance,
    /// It is accepted while an edit of the invite is on its way.
    AcceptedDuringEdit,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    LostBefore,
    LostAfter,
    Unavailable,
    /// The operator is killed once the call was handled.
    Killed,
}

const FAULTS: [Fault; 4] = [Fault::LostBefore, Fault::LostAfter, Fault::Unavailable, Fault::Killed];
/// Searches, writes and the task.
const CALLS: [&str; 6] = ["L1", "L3", "L4", "L6", "L8", "L17"];

fn spec() -> Value {
    json!({
        "profile": { "name": "designer", "trial": true },
        "groups": [{ "name": "designers" }, { "name": "deployers" }],
        "adminProperties": { "costCenter": "4711" },
    })
}

async fn fail(rig: &mut Rig, call: &str, fault: Fault) {
    let kind = match fault {
        Fault::LostBefore => json!({ "kind": "dropBefore" }),
        Fault::LostAfter => json!({ "kind": "dropAfter" }),
        Fault::Unavailable => json!({ "kind": "status", "status": 503 }),
        // The answer is under way for as long as the operator lives.
        Fault::Killed => json!({ "kind": "slowDrip", "bytesPerSecond": 1 }),
    };
    rig.space.reset_requests();
    rig.space
        .fault(json!({ "match": { "operation": call }, "fault": kind }));
    if fault == Fault::Killed {
        for _ in 0..140 {
            if rig.space.count(call) > 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        rig.space.clear_faults();
        rig.restart().await;
    }
}

/// One fault at one call, up to the deletion of the user.
async fn case(moment: Moment, call: &'static str, fault: Fault) {
    let what = format!("{moment:?} {call} {fault:?}");
    let mut rig = Rig::ready(&[]).await;
    let mut expected = spec();
    rig.user("jane", spec());
    if moment == Moment::Invite {
        fail(&mut rig, call, fault).await;
    }
    rig.phase_is("jane", "Invited").await;
    assert_eq!(rig.people("invites", JANE).len(), 1, "{what}");
    match moment {
        Moment::Invite => rig.accept(JANE),
        Moment::Acceptance => {
            rig.accept(JANE);
            fail(&mut rig, call, fault).await;
        }
        Moment::AcceptedDuringEdit => {
            expected["profile"]["trial"] = json!(false);
            expected["groups"] = json!([{ "name": "deployers" }]);
            let edit = json!({ "profile": expected["profile"], "groups": expected["groups"] });
            rig.edit_user("jane", edit);
            rig.accept(JANE);
            fail(&mut rig, call, fault).await;
        }
    }
    let object = rig.phase_is("jane", "Active").await;
    let trial = &expected["profile"]["trial"];
    rig.until(&what, || {
        let user = rig.found("users", JANE);
        user["profile"] == json!({ "name": "designer", "isTrial": trial })
            && user["groups"].as_array().unwrap().len() == expected["groups"].as_array().unwrap().len()
            && user["adminProperties"]["costCenter"] == "4711"
    })
    .await;
    let (invites, users) = (rig.people("invites", JANE), rig.people("users", JANE));
    assert_eq!((invites.len(), users.len()), (0, 1), "{what}");
    assert_eq!(object["status"]["remote"]["origin"], "Created", "{what}: it stays ours");
    rig.delete_user("jane").await;
    assert!(rig.people("users", JANE).is_empty(), "{what}");
}

async fn all(moment: Moment) {
    let cases = CALLS.iter().flat_map(|call| FAULTS.map(|fault| (*call, fault)));
    let cases: Vec<_> = cases
        .map(|(call, fault)| tokio::spawn(case(moment, call, fault)))
        .collect();
    let failed = join_all(cases).await.into_iter().filter(Result::is_err).count();
    assert_eq!(failed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_whatever_fails_while_somebody_is_invited() {
    all(Moment::Invite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_whatever_fails_after_an_invite_was_accepted() {
    all(Moment::Acceptance).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_whatever_fails_while_an_invite_is_edited_and_accepted() {
    all(Moment::AcceptedDuringEdit).await;
}
