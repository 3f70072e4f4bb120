//! General settings, variables and the usage summary.

use serde_json::{Value, json};
use simulator::Instance;

use crate::client::{dss, get, put};

const PATH: &str = "/admin/general-settings";

/// Changes the settings as a client does: get, edit, put, get.
async fn edit(dss: &Instance, change: impl FnOnce(&mut Value)) -> (u16, Value) {
    let (_, mut settings) = get(dss, PATH).await;
    change(&mut settings);
    let (status, _) = put(dss, PATH, settings).await;
    (status, get(dss, PATH).await.1)
}

#[tokio::test]
async fn a_write_adds_defaults_and_drops_unknown_keys_with_200() {
    let dss = dss().await;
    let config = json!({"name": "exec", "createNamespace": true, "kubernetesRuntimeConfig": {"createNamespace": true}});
    let (status, settings) = edit(&dss, |settings| {
        settings["containerSettings"]["executionConfigs"] = json!([config]);
        settings["security"] = json!({"hideErrorStacks": true, "unknown": 1});
        settings["unknown"] = json!({});
        settings["limits"] = json!({"anything": [1]});
    })
    .await;
    assert_eq!(status, 200);
    let stored = &settings["containerSettings"]["executionConfigs"][0];
    assert_eq!(stored.get("createNamespace"), None, "at the wrong level");
    assert_eq!(stored["kubernetesRuntimeConfig"]["createNamespace"], true);
    assert_eq!(
        (&stored["workloadType"], &stored["usableBy"]),
        (&json!("ANY"), &json!("ALL"))
    );
    assert_eq!(settings["security"]["hideErrorStacks"], true);
    assert_eq!(settings["security"]["restrictUsersAndGroupsVisibility"], false);
    assert_eq!(
        (settings["security"].get("unknown"), settings.get("unknown")),
        (None, None)
    );
    assert_eq!(settings["limits"], json!({"anything": [1]}), "nobody looks into it");
}

#[tokio::test]
async fn a_section_of_a_later_release_is_kept_as_it_is() {
    let dss = dss().await;
    let section = json!({"deep": {"er": [1, {"x": null}]}});
    dss.patch_state(json!({"generalSettings": {"laterSection": section}}))
        .unwrap();
    let stored = dss.state_at("/generalSettings/laterSection").unwrap();
    let (_, settings) = edit(&dss, |_| {}).await;
    assert_eq!(settings["laterSection"], stored);
    assert!(
        dss.patch_state(json!({"generalSettings": {"security": {"madeUp": 1}}}))
            .is_err()
    );
}

#[tokio::test]
async fn an_execution_config_names_a_known_build_config() {
    let dss = dss().await;
    let before = get(&dss, PATH).await.1;
    let set = |name: &'static str| {
        move |settings: &mut Value| {
            settings["security"]["hideErrorStacks"] = json!(true);
            settings["containerSettings"]["buildConfigs"] = json!([{"name": "build"}]);
            settings["containerSettings"]["executionConfigs"] = json!([{"name": "exec", "imageBuildConfig": name}]);
        }
    };
    let (status, after) = edit(&dss, set("other")).await;
    assert_eq!((status, after), (400, before), "the whole document is refused");
    let (status, settings) = edit(&dss, set("build")).await;
    assert_eq!(status, 200);
    assert_eq!(
        settings["containerSettings"]["executionConfigs"][0]["imageBuildConfig"],
        "build"
    );
    dss.switch("A2", json!(500)).unwrap();
    assert_eq!(edit(&dss, set("other")).await.0, 500);
}

#[tokio::test]
async fn an_encrypted_secret_stays_when_it_comes_back() {
    let dss = dss().await;
    dss.patch_state(json!({"generalSettings": {"ldapSettings": {"bindPassword": "clear"}}}))
        .unwrap();
    let (_, settings) = edit(&dss, |settings| {
        settings["ldapSettings"]["url"] = json!("ldap://directory");
    })
    .await;
    let secret = settings["ldapSettings"]["bindPassword"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("e:AES:"), "{secret}");
    assert_eq!(settings["mailSettings"]["password"], "", "none is set");
    assert_eq!(
        dss.state_at("/generalSettings/ldapSettings/bindPassword").unwrap(),
        "clear"
    );
}

#[tokio::test]
async fn rules_keep_their_order_and_leftovers_and_must_be_whole() {
    let dss = dss().await;
    let rules = json!([
        {"scope": "PROJECT", "projectKey": "P", "type": "REGEXP_RULE", "ruleFrom": "(.*)", "targetUnix": "$1", "dssUser": "left over"},
        {"scope": "GLOBAL", "type": "IDENTITY"},
    ]);
    let (_, settings) = edit(&dss, |settings| {
        settings["impersonation"]["userRules"] = rules.clone();
        settings["impersonation"]["groupRules"] = json!([{"type": "IDENTITY", "scope": "GLOBAL"}]);
    })
    .await;
    assert_eq!(settings["impersonation"]["userRules"], rules);
    assert_eq!(
        settings["impersonation"]["groupRules"],
        json!([{"type": "IDENTITY"}]),
        "a group rule has no scope"
    );
    for broken in [
        json!({"type": "OTHER"}),
        json!({"type": "SINGLE_MAPPING", "targetUnix": "u"}),
        json!({"type": "IDENTITY", "scope": "PROJECT"}),
        json!("rule"),
    ] {
        let (status, _) = edit(&dss, |settings| {
            settings["impersonation"]["userRules"] = json!([broken]);
        })
        .await;
        assert_eq!(status, 400);
    }
}

#[tokio::test]
async fn variables_are_an_object_and_replaced_as_a_whole() {
    let dss = dss().await;
    let variables = json!({"region": "eu", "limits": {"max": [3, null]}});
    assert_eq!(put(&dss, "/admin/variables/", variables.clone()).await.0, 200);
    assert_eq!(get(&dss, "/admin/variables/").await.1, variables);
    assert_eq!(put(&dss, "/admin/variables/", json!([1])).await.0, 400);
    assert_eq!(put(&dss, "/admin/variables/", json!({})).await.0, 200);
    assert_eq!(dss.state_at("/variables").unwrap(), json!({}));
}

#[tokio::test]
async fn the_usage_summary_counts_what_is_there() {
    let dss = dss().await;
    dss.patch_state(json!({"projects": {"P": {
        "notebooks": {"n": {}}, "datasets": [{"type": "S3"}, {"type": "S3"}], "scenarios": {"s": {"active": true}, "t": {}},
    }}}))
    .unwrap();
    let path = "/admin/monitoring/global-usage-summary";
    let (_, summary) = get(&dss, path).await;
    assert_eq!(
        (&summary["projects"], &summary["notebooks"]["nbJupyterNotebooks"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(summary["datasets"], json!({"all": 2, "allByType": {"S3": 2}}));
    assert_eq!(summary["scenarios"], json!({"all": 2, "activeWithTriggers": 1}));
    assert_eq!(summary.get("projectSummaries"), None);
    let (_, asked) = get(&dss, &format!("{path}?withPerProject=True")).await;
    assert_eq!(asked["projectSummaries"][0]["projectKey"], "P");
}

#[tokio::test]
async fn stacks_are_sent_unless_the_settings_hide_them() {
    let dss = dss().await;
    dss.switch("A1", json!("extra")).unwrap();
    let has_stack = async || get(&dss, "/admin/users/nobody").await.1["stackTraceStr"].is_string();
    assert!(has_stack().await);
    edit(&dss, |settings| settings["security"]["hideErrorStacks"] = json!(true)).await;
    assert!(!has_stack().await);
}
