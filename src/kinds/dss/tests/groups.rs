//! Groups on releases that store directory mappings in different forms.

use serde_json::{Value, json};
use testbed::simulator::{InstanceConfig, Product};

use super::Rig;

const PLURAL: &str = "dssgroups";
const MAPPINGS: [&str; 4] = [
    "ldapGroupNames",
    "azureADGroupNames",
    "ssoGroupNames",
    "customGroupNames",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_group_is_written_repaired_and_read_in_the_form_of_its_release() {
    // The node takes and shows one text with commas before 12.6, and lists afterwards; its state is a list either way.
    for release in ["12.5.0", "13.5.0", "15.2.0"] {
        let rig = Rig::with(InstanceConfig::new(Product::Dss).switch("release", json!(release))).await;
        let mut spec = json!({
            "instanceRef": { "name": "design" }, "description": "Risk", "admin": false,
            "permissions": { "mayCreateProjects": true, "mayWriteSafeCode": false, "mayFlyToTheMoon": true },
            "impersonatableGroupsRegex": "team-.*",
        });
        for mapping in MAPPINGS {
            spec[mapping] = json!(["one", "two"]);
        }
        rig.create("DssGroup", "risk", spec);
        rig.wait(PLURAL, "risk", "InSync").await;
        let found = || rig.node.state_at("/groups/risk").unwrap();
        let stored = json!(["one", "two"]);
        for mapping in MAPPINGS {
            assert_eq!(found()[mapping], stored, "{release} {mapping}");
        }
        assert_eq!(found()["canObtainAPITicketFromCookiesForGroupsRegex"], "team-.*");
        assert_eq!(found()["mayCreateProjects"], true);
        let writes = rig.node.writes();
        rig.swept().await;
        assert_eq!(rig.node.writes(), writes, "{release}");
        let patch = json!({ "groups": { "risk": { "ssoGroupNames": ["one"] } } });
        rig.node.patch_state(patch).unwrap();
        rig.until("the repair", || found()["ssoGroupNames"] == stored).await;
        // Members are counted from the list of users.
        let member = json!({ "users": { "mia": { "groups": ["risk"] } } });
        rig.node.patch_state(member).unwrap();
        rig.until("the count", || members(&rig) == json!(1)).await;
        assert_eq!(rig.node.writes(), writes + 1, "{release}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_leaves_the_spec_is_withdrawn_and_one_that_others_gave_stays() {
    let rig = Rig::dss().await;
    let spec = json!({
        "instanceRef": { "name": "design" }, "admin": true,
        "permissions": { "mayCreateProjects": true, "mayWriteSafeCode": false },
    });
    rig.create("DssGroup", "risk", spec);
    rig.wait(PLURAL, "risk", "InSync").await;
    let found = || rig.node.state_at("/groups/risk").unwrap();
    let by_hand = json!({ "groups": { "risk": { "mayManageUDM": true } } });
    rig.node.patch_state(by_hand).unwrap();
    let spec = json!({ "admin": null, "permissions": { "mayCreateProjects": null } });
    rig.server.patch(PLURAL, "team", "risk", json!({ "spec": spec }));
    rig.until("the withdrawal", || {
        found()["mayCreateProjects"] == false && found()["admin"] == false
    })
    .await;
    rig.wait(PLURAL, "risk", "InSync").await;
    assert_eq!(found()["mayManageUDM"], true);
    let object = rig.server.get(PLURAL, "team", "risk");
    let grants = object["status"]["applied"]["grants"].to_string();
    assert!(!grants.contains("mayCreateProjects"), "{grants}");
}

fn members(rig: &Rig) -> Value {
    rig.server.get(PLURAL, "team", "risk")["status"]["remote"]["members"].clone()
}
