//! Commands for nodes, on Govern nodes and on spaces: each does what the product can show, or says why it cannot.

use serde_json::{Value, json};

use super::{at, run, with_cluster};
use crate::{
    cli::Ending,
    kinds::{launchpad::tests::rig::Rig as Space, tests::node::Rig},
};

const FROM: [&str; 2] = ["--from", "governinstance/team/govern"];

#[tokio::test(flavor = "multi_thread")]
async fn a_govern_node_shows_its_tasks_and_can_be_drained() {
    let rig = Rig::govern().await;
    let frozen = || rig.server.get("governinstances", "team", "govern")["spec"]["freeze"].clone();
    for form in ["table", "json", "kyaml", "md"] {
        let said = with_cluster(&rig, &["tasks", "-o", form, FROM[0], FROM[1]])
            .await
            .unwrap();
        assert!(
            said.out.contains("Tasks") && !said.out.contains("Scenarios"),
            "{}",
            said.out
        );
    }
    let drain = async |words: &[&str]| {
        let words = [&["drain", FROM[1], "-o", "json"], words].concat();
        let said = with_cluster(&rig, &words).await.unwrap();
        (said.ending, serde_json::from_str::<Value>(&said.out).unwrap())
    };
    let (_, said) = drain(&["--freeze", "--dry-run"]).await;
    assert!(frozen().is_null(), "{said:#}");
    let (ending, said) = drain(&["--freeze", "--wait", "1s"]).await;
    assert_eq!((frozen(), ending), (json!(true), Ending::Done), "{said:#}");
    // The list of users shows no sessions, which is not the same as none.
    assert_eq!(
        said["left"],
        json!({ "sessions": null, "notebooks": null, "jobs": null, "tasks": 0, "scenarios": null })
    );
    let said = with_cluster(&rig, &["drain", FROM[1]]).await.unwrap();
    assert!(said.out.contains("as far as the node shows"), "{}", said.out);
    let (ending, _) = drain(&["--unfreeze"]).await;
    assert_eq!((frozen(), ending), (json!(false), Ending::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_cannot_be_read_is_left_on_the_node_and_is_told() {
    let rig = Rig::govern().await;
    rig.node
        .try_fault(json!({ "match": { "operation": "G37" }, "times": 0,
            "fault": { "kind": "elements", "append": [{ "owner": "nobody knows which" }] } }))
        .unwrap();
    let said = with_cluster(&rig, &["tasks", FROM[0], FROM[1]]).await.unwrap();
    assert!(said.err.contains("1 more entries cannot be read"), "{}", said.err);
    let said = with_cluster(&rig, &["drain", FROM[1]]).await.unwrap();
    assert_eq!(said.ending, Ending::Differs, "{}", said.out);
    assert!(said.out.contains("Somebody is left"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_product_cannot_show_is_an_error_with_a_sentence_of_its_own() {
    let govern = Rig::govern().await;
    for (words, expected) in [
        (&["sessions"][..], "does not show in its list of users who has sessions"),
        (&["usage"], "has no documented form"),
        (&["rules", "resolve", "jane"], "settings of a DSS node"),
    ] {
        let words = [words, &FROM].concat();
        let error = with_cluster(&govern, &words).await.err().unwrap();
        assert!(error.contains(expected), "{words:?}: {error}");
    }
    let space = Space::ready(&[]).await;
    let before = space.space.requests().log.len();
    let from = ["--from", "launchpadspace/team/prod"];
    for (words, expected) in [
        (vec!["sessions", from[0], from[1]], "has no sessions"),
        (vec!["tasks", from[0], from[1]], "has no list of tasks"),
        (vec!["usage", from[0], from[1]], "has no usage summary"),
        (
            vec!["rules", "resolve", "jane", from[0], from[1]],
            "settings of a DSS node",
        ),
        (
            vec!["drain", from[1], "--freeze"],
            "drain is for a DssInstance or a GovernInstance",
        ),
    ] {
        let error = run(&words, "", Some(space.server.client())).await.err().unwrap();
        assert!(error.contains(expected), "{words:?}: {error}");
    }
    let object = space.server.get("launchpadspaces", "team", "prod");
    assert!(object["spec"]["freeze"].is_null(), "{object:#}");
    let writes = space.space.requests().log;
    assert!(writes.iter().skip(before).all(|one| one.method == "GET"), "{writes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_the_other_product_is_told_from_the_one_that_was_meant() {
    let (govern, dss) = (Rig::govern().await, Rig::dss().await);
    let key = ["--api-key-file", "-"];
    for command in ["tasks", "usage"] {
        let error = at(govern.node.url(), &[command], &key, govern.node.api_key())
            .await
            .unwrap_err();
        assert!(error.contains("is of type GOVERN: see --product"), "{error}");
    }
    let words = ["tasks", "--product", "govern"];
    let error = at(dss.node.url(), &words, &key, dss.node.api_key()).await.unwrap_err();
    assert!(error.contains("is of type DESIGN: see --product"), "{error}");
}
