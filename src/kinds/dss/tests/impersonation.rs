use serde_json::{Value, json};

use super::{Rig, ready};

const PLURAL: &str = "dssimpersonationrules";

impl Rig {
    fn rule(&self, name: &str, mut spec: Value) {
        spec["instanceRef"] = json!({ "name": "design" });
        self.create("DssImpersonationRule", name, spec);
    }

    fn rules(&self, list: &str) -> Vec<Value> {
        let rules = self.node.state_at(&format!("/generalSettings/impersonation/{list}"));
        rules.unwrap().as_array().unwrap().clone()
    }

    fn rules_by_hand(&self, list: &str, rules: Value) {
        self.node
            .patch_state(json!({ "generalSettings": { "impersonation": { list: rules } } }))
            .unwrap();
    }

    fn delete_rule(&self, name: &str) {
        self.server.delete(PLURAL, "team", name);
    }
}

fn message(object: &Value) -> String {
    ready(object)["message"].as_str().unwrap_or_default().to_owned()
}

fn single(user: &str, unix: &str) -> Value {
    json!({ "type": "SINGLE_MAPPING", "dssUser": user, "targetUnix": unix })
}

/// The Unix targets of the rules, in their order.
fn targets(rules: &[Value]) -> Vec<&str> {
    rules
        .iter()
        .map(|rule| rule["targetUnix"].as_str().unwrap_or("-"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn six_forms_are_added_once_however_the_node_stores_them_and_removed_again() {
    for form in ["dropped", "null", "filled"] {
        let rig = Rig::dss().await;
        rig.node.switch("A22", json!(form)).unwrap();
        rig.rules_by_hand("userRules", json!([]));
        rig.rules_by_hand("groupRules", json!([]));
        let before = rig.node.state_at("/generalSettings").unwrap();
        let forms = [
            ("u1", json!({ "user": { "type": "IDENTITY" } })),
            ("u2", json!({ "user": single("jane.doe", "ujane") })),
            (
                "u3",
                json!({ "user": { "type": "REGEXP_RULE", "ruleFrom": "(.*)@corp", "targetUnix": "$1", "targetHadoop": "h$1" } }),
            ),
            (
                "u4",
                json!({ "user": { "type": "IDENTITY", "scope": "PROJECT", "projectKey": "RISK" } }),
            ),
            ("g1", json!({ "group": { "type": "IDENTITY" } })),
            (
                "g2",
                json!({ "group": { "type": "SINGLE_MAPPING", "dssGroup": "analysts", "targetUnix": "ua" } }),
            ),
            (
                "g3",
                json!({ "group": { "type": "REGEXP_RULE", "ruleFrom": "dss_(.*)", "targetUnix": "$1" } }),
            ),
        ];
        for (name, spec) in &forms {
            rig.rule(name, spec.clone());
        }
        for (name, _) in &forms {
            rig.wait(PLURAL, name, "InSync").await;
        }
        assert_eq!(
            (rig.rules("userRules").len(), rig.rules("groupRules").len()),
            (4, 3),
            "{form}"
        );
        let writes = rig.node.count("D30");
        assert!(writes <= 7);
        rig.swept().await;
        assert_eq!(rig.node.count("D30"), writes, "{form}");
        for (name, _) in &forms {
            rig.delete_rule(name);
        }
        for (name, _) in &forms {
            rig.gone(PLURAL, name).await;
        }
        assert_eq!(rig.node.state_at("/generalSettings").unwrap(), before, "{form}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_inserted_where_it_is_declared_and_moves_when_its_content_changes() {
    let rig = Rig::dss().await;
    rig.rules_by_hand("userRules", json!([single("a", "ua"), single("b", "ub")]));
    rig.rule(
        "early",
        json!({ "user": single("c", "uc"), "position": { "before": "last" } }),
    );
    let object = rig.wait(PLURAL, "early", "DependencyNotReady").await;
    assert!(
        message(&object).contains("no DssImpersonationRule team/last"),
        "{object:#}"
    );
    rig.rule("last", json!({ "user": single("d", "ud") }));
    rig.rule("first", json!({ "user": single("e", "ue"), "position": "First" }));
    for name in ["early", "last", "first"] {
        rig.wait(PLURAL, name, "InSync").await;
    }
    assert_eq!(targets(&rig.rules("userRules")), ["ue", "ua", "ub", "uc", "ud"]);
    rig.server.patch(
        PLURAL,
        "team",
        "first",
        json!({ "spec": { "user": { "targetUnix": "ue2" } } }),
    );
    rig.until("the new rule", || {
        targets(&rig.rules("userRules")) == ["ue2", "ua", "ub", "uc", "ud"]
    })
    .await;
    rig.rules_by_hand("userRules", json!([single("a", "ua"), single("d", "ud")]));
    rig.until("the repair", || {
        targets(&rig.rules("userRules")) == ["ue2", "ua", "uc", "ud"]
    })
    .await;
    for (name, position) in [("odd", json!("Middle")), ("own", json!({ "before": "own" }))] {
        rig.rule(name, json!({ "user": single("f", "uf"), "position": position }));
        rig.wait(PLURAL, name, "Invalid").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unwanted_rule_is_removed_kept_away_and_comes_back_where_it_was() {
    let rig = Rig::dss().await;
    let leftover = json!({ "scope": "GLOBAL", "type": "IDENTITY", "dssUser": "stale" });
    rig.rules_by_hand("userRules", json!([single("a", "ua"), leftover, single("b", "ub")]));
    let before = rig.rules("userRules");
    rig.rule(
        "no-identity",
        json!({ "user": { "type": "IDENTITY" }, "ensure": "Absent" }),
    );
    rig.wait(PLURAL, "no-identity", "InSync").await;
    assert_eq!(targets(&rig.rules("userRules")), ["ua", "ub"]);
    rig.swept().await;
    assert_eq!(rig.node.count("D30"), 1);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    rig.rule("identity", json!({ "user": { "type": "IDENTITY" } }));
    let object = rig.wait(PLURAL, "identity", "Conflict").await;
    assert!(message(&object).contains("team/no-identity"), "{object:#}");
    rig.delete_rule("identity");
    rig.gone(PLURAL, "identity").await;
    rig.delete_rule("no-identity");
    rig.gone(PLURAL, "no-identity").await;
    assert_eq!(rig.rules("userRules"), before);
    assert_eq!(rig.node.count("D30"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_others_stays_and_one_that_two_objects_declare_goes_with_the_last() {
    let rig = Rig::dss().await;
    rig.rules_by_hand("userRules", json!([single("a", "ua")]));
    rig.rule("theirs", json!({ "user": single("a", "ua") }));
    rig.rule("one", json!({ "user": single("b", "ub") }));
    for name in ["theirs", "one"] {
        rig.wait(PLURAL, name, "InSync").await;
    }
    rig.rule("two", json!({ "user": single("b", "ub") }));
    rig.wait(PLURAL, "two", "InSync").await;
    assert_eq!(targets(&rig.rules("userRules")), ["ua", "ub"]);
    for name in ["theirs", "one"] {
        rig.delete_rule(name);
        rig.gone(PLURAL, name).await;
    }
    assert_eq!(targets(&rig.rules("userRules")), ["ua", "ub"]);
    rig.delete_rule("two");
    rig.gone(PLURAL, "two").await;
    assert_eq!(targets(&rig.rules("userRules")), ["ua"]);
    assert_eq!(rig.node.count("D30"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_the_node_rewrites_or_drops_is_written_once() {
    let rig = Rig::dss().await;
    rig.rules_by_hand("userRules", json!([]));
    let edit = |rules: Value| {
        let patch = json!({ "generalSettings": { "impersonation": { "userRules": rules } } });
        json!({ "match": { "operation": "D30" }, "times": 0, "fault": { "kind": "edit", "when": "after", "patch": patch } })
    };
    rig.node.fault(edit(json!([single("a", "rewritten")])));
    rig.rule("a", json!({ "user": single("a", "ua") }));
    let object = rig.wait(PLURAL, "a", "AcceptedButNotStored").await;
    assert!(message(&object).contains("stores another rule"), "{object:#}");
    rig.swept().await;
    assert_eq!(rig.node.count("D30"), 1);
    rig.node.clear_faults();
    rig.delete_rule("a");
    rig.gone(PLURAL, "a").await;
    assert_eq!(rig.rules("userRules"), Vec::<Value>::new());
    rig.node.fault(edit(json!([])));
    rig.rule("b", json!({ "user": single("b", "ub") }));
    let object = rig.wait(PLURAL, "b", "AcceptedButNotStored").await;
    assert!(
        message(&object).contains("add user rule SINGLE_MAPPING b"),
        "{object:#}"
    );
    rig.swept().await;
    assert_eq!(rig.node.count("D30"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_that_does_not_compile_is_invalid_and_one_of_java_is_not() {
    let rig = Rig::dss().await;
    let regexp =
        |from: &str, unix: &str| json!({ "user": { "type": "REGEXP_RULE", "ruleFrom": from, "targetUnix": unix } });
    for (name, from, unix) in [
        ("open", "(.*@corp", "$1"),
        ("nothing", "*a", "b"),
        ("group", "(.*)@corp", "$2"),
    ] {
        rig.rule(name, regexp(from, unix));
        rig.wait(PLURAL, name, "Invalid").await;
    }
    assert_eq!(rig.node.count("D30"), 0);
    for (name, from) in [
        ("look", "(?!adm)(\\w+)@corp"),
        ("quoted", "\\Q[\\E(.*)"),
        ("named", "(?<login>.*)@c++orp"),
    ] {
        rig.rule(name, regexp(from, "$1"));
        rig.wait(PLURAL, name, "InSync").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_settings_that_change_at_once_lose_nothing_of_each_other() {
    let rig = Rig::dss().await;
    rig.rules_by_hand("userRules", json!([]));
    for n in 0..15 {
        rig.rule(
            &format!("r{n}"),
            json!({ "user": single(&format!("user{n}"), &format!("u{n}")) }),
        );
        let spec = json!({ "instanceRef": { "name": "design" }, "settings": { "limits": { format!("l{n}"): n } } });
        rig.create("DssGeneralSettings", &format!("s{n}"), spec);
    }
    for n in 0..15 {
        rig.wait(PLURAL, &format!("r{n}"), "InSync").await;
        rig.wait("dssgeneralsettings", &format!("s{n}"), "InSync").await;
    }
    assert_eq!(rig.rules("userRules").len(), 15);
    let limits = rig.node.state_at("/generalSettings/limits").unwrap();
    assert_eq!(limits.as_object().unwrap().len(), 15);
    assert!(rig.node.count("D30") < 20, "{} writes", rig.node.count("D30"));
}
